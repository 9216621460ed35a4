"""What we lock is what pip and uv install: into an empty environment, and then imported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from uv import find_uv_bin

from tests.command import Project, child_environment, find_interpreter
from tests.servers import wheel

MINOR = f"{sys.version_info.major}.{sys.version_info.minor}"


def make_environment(folder: Path, python: str = sys.executable) -> Path:
    """The interpreter of a virtual environment without anything in it, not even pip."""
    subprocess.run([python, "-m", "venv", "--without-pip", str(folder)], check=True)
    return folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def install(installer: str, lock: Path, python: Path) -> None:
    """Install a lock into an environment as its users would."""
    if installer == "pip":
        command = [sys.executable, "-m", "pip", "--isolated", "--disable-pip-version-check", "--python", str(python)]
        command += ["install", "--no-deps", "--no-cache-dir", "-r", str(lock)]
    else:
        command = [find_uv_bin(), "pip", "install", "--no-config", "--no-cache", "--preview-features", "pylock"]
        command += ["--python", str(python), "-r", str(lock)]
    done = run_clean(command, lock.parent)
    assert done.returncode == 0, done.stdout + done.stderr


def run_clean(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command to which no package of this environment is visible."""
    environment = {name: value for name, value in child_environment(folder).items() if name != "PYTHONPATH"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def run_python(python: Path, code: str) -> str:
    done = run_clean([str(python), "-c", code], python.parent)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("installer", ["pip", "uv"])
def test_locked_wheels_are_installed_and_imported(project: Project, installer: str, tmp_path: Path) -> None:
    project.server.add("alpha", wheel("alpha", "1.0", ["beta[fast]>=1"]), wheel("alpha", "0.9"))
    project.server.add("beta", wheel("beta", "1.5", ['gamma ; extra == "fast"'], extras=("fast",)))
    project.server.add("gamma", wheel("gamma", "3.0"))
    project.write_list("alpha")
    assert project.lock("requirements.txt", "--python", MINOR).code == 0
    python = make_environment(tmp_path / "environment")

    install(installer, project.folder / "pylock.toml", python)

    code = "import alpha, beta, gamma; print(alpha.__version__, beta.__version__, gamma.__version__)"
    assert run_python(python, code) == "1.0 1.5 3.0\n"


@pytest.mark.parametrize("installer", ["pip", "uv"])
def test_locked_folder_of_wheels_is_installed_from_the_lock_beside_it(
    project: Project, installer: str, tmp_path: Path
) -> None:
    (project.folder / "wheels").mkdir()
    file = wheel("alpha", "1.0")
    (project.folder / "wheels" / file.filename).write_bytes(file.content)
    project.write("requirements.txt", "--no-index\n--find-links wheels\nalpha\n")
    assert project.lock("requirements.txt", "--python", MINOR).code == 0
    python = make_environment(tmp_path / "environment")

    install(installer, project.folder / "pylock.toml", python)

    assert run_python(python, "import alpha; print(alpha.__version__)") == "1.0\n"


@pytest.mark.parametrize("installer", ["pip", "uv"])
def test_file_that_was_replaced_after_locking_is_not_installed(
    project: Project, installer: str, tmp_path: Path
) -> None:
    project.server.add("alpha", wheel("alpha", "1.0"))
    project.write_list("alpha")
    assert project.lock("requirements.txt", "--python", MINOR).code == 0
    project.server.projects["alpha"] = [wheel("alpha", "1.0", ["other"])]
    python = make_environment(tmp_path / "environment")

    with pytest.raises(AssertionError, match=r"(?i)hash|size"):
        install(installer, project.folder / "pylock.toml", python)


@pytest.mark.network
@pytest.mark.parametrize("installer", ["pip", "uv"])
def test_real_list_is_locked_installed_and_imported(project: Project, installer: str, tmp_path: Path) -> None:
    project.write("requirements.txt", "httpx==0.28.1\niniconfig\n")
    run = project.lock_in_process("requirements.txt", "--python", "3.11")
    assert run.code == 0, run.err
    python = make_environment(tmp_path / "environment", find_interpreter("3.11"))

    install(installer, project.folder / "pylock.toml", python)

    assert run_python(python, "import httpx, iniconfig; print(httpx.__version__)") == "0.28.1\n"
