"""What we lock of direct references is what pip and uv install.

pip takes no tree from a lock that has files with hashes, which it then wants of everything; uv does.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.command import Project
from tests.distributions import make_wheel, wheel_filename
from tests.git_server import make_repository
from tests.servers import Answer, sdist, wheel
from tests.test_installation import MINOR, install, make_environment, run_python

BACKEND = """\
import zipfile

NAME, VERSION = "{name}", "{version}"


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    name, info = f"{{NAME}}-{{VERSION}}-py3-none-any.whl", f"{{NAME}}-{{VERSION}}.dist-info"
    with zipfile.ZipFile(f"{{wheel_directory}}/{{name}}", "w") as archive:
        archive.writestr(f"{{NAME}}.py", f"__version__ = {{VERSION!r}}\\n")
        archive.writestr(f"{{info}}/METADATA", f"Metadata-Version: 2.2\\nName: {{NAME}}\\nVersion: {{VERSION}}\\n")
        wheel = ("Wheel-Version: 1.0", "Generator: x", "Root-Is-Purelib: true", "Tag: py3-none-any", "")
        archive.writestr(f"{{info}}/WHEEL", "\\n".join(wheel))
        archive.writestr(f"{{info}}/RECORD", "")
    return name
"""


def make_tree(name: str, version: str) -> dict[str, str]:
    """The files of a project that its own backend builds, without a network."""
    project = f'[project]\nname = "{name}"\nversion = "{version}"\ndependencies = []\n'
    build = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    return {"pyproject.toml": project + build, "backend.py": BACKEND.format(name=name, version=version)}


def write_files(project: Project) -> list[str]:
    """References to a wheel, an sdist, an archive and a wheel on disk."""
    server = project.server
    server.add("remote", wheel("remote", "1.0", ["dependency"]))
    server.add("dependency", wheel("dependency", "1.5"))
    source = sdist("source", "2.0")
    server.add("source", source)
    server.always["/archive/main.tar.gz"] = Answer(body=sdist("archived", "3.0").content)
    (project.folder / wheel_filename("local", "4.0")).write_bytes(make_wheel("local", "4.0"))
    return [
        server.file_url("remote-1.0-py3-none-any.whl"),
        server.file_url(source.filename),
        f"{server.base_url}/archive/main.tar.gz",
        "./local-4.0-py3-none-any.whl",
    ]


def write_trees(project: Project, folder: Path) -> list[str]:
    """References to a folder and to a commit."""
    for path, text in make_tree("folder", "5.0").items():
        project.write(f"folder/{path}", text)
    repository = make_repository(folder / "committed")
    repository.commit(make_tree("committed", "6.0"))
    return ["./folder", f"git+{repository.url}@main"]


def lock_and_install(project: Project, installer: str, folder: Path, *lines: str) -> Path:
    """The interpreter of an environment with all of a lock."""
    project.write_list(*lines)
    run = project.lock("requirements.txt", "--python", MINOR)
    assert run.code == 0, run.err
    python = make_environment(folder / "environment")
    install(installer, project.folder / "pylock.toml", python)
    return python


def read_versions(python: Path, *names: str) -> list[str]:
    return run_python(python, f"from importlib.metadata import version; print(*map(version, {names}))").split()


@pytest.mark.parametrize("installer", ["pip", "uv"])
def test_files_that_were_named_directly_are_installed(project: Project, installer: str, tmp_path: Path) -> None:
    python = lock_and_install(project, installer, tmp_path, *write_files(project))

    names = ("remote", "dependency", "source", "archived", "local")
    assert read_versions(python, *names) == ["1.0", "1.5", "2.0", "3.0", "4.0"]
    # A URL there would stay in the image.
    code = "from importlib.metadata import distribution; print(distribution('remote').read_text('direct_url.json'))"
    assert run_python(python, code) == "None\n"


@pytest.mark.parametrize("installer", ["pip", "uv"])
def test_trees_that_were_named_directly_are_installed(project: Project, installer: str, tmp_path: Path) -> None:
    python = lock_and_install(project, installer, tmp_path, *write_trees(project, tmp_path))

    code = "import folder, committed; print(folder.__version__, committed.__version__)"
    assert run_python(python, code) == "5.0 6.0\n"


def test_files_and_trees_of_one_lock_are_installed_by_uv(project: Project, tmp_path: Path) -> None:
    lines = (*write_files(project), *write_trees(project, tmp_path))

    python = lock_and_install(project, "uv", tmp_path, *lines)

    assert read_versions(python, "remote", "folder", "committed") == ["1.0", "5.0", "6.0"]
