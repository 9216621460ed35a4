"""The commands of README.md, the first lock with what it prints; and the first commands of two more pages."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.documentation.page_runs import DOCS, Command, File, PageRun, read_steps
from tests.documentation.world import open_hosts
from tests.test_installation import make_environment

_ROOT = DOCS.parent
_README = (_ROOT / "README.md").read_text(encoding="utf-8")
_FAL = '[tool.fal.apps.paint]\nref = "app.py::TextToImage"\n[tool.pinfold]\n'
_APP = 'class TextToImage(App):\n    machine_type = "GPU-A100"\n    requirements = ["torch==2.8.0"]\n'


def read_commands(heading: str) -> list[Command]:
    section = _README.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return [step for step in read_steps(section) if isinstance(step, Command)]


def run_commands(folder: Path, commands: list[Command], settings: str = "") -> None:
    environment = make_environment(folder.parent / "environment").parents[1]
    with open_hosts() as hosts:
        run = PageRun(folder, hosts=hosts, environment=environment)
        run.write(File(name="pyproject.toml", text=settings))
        for command in commands:
            run.run(command)


def test_first_lock_prints_what_the_readme_shows_and_is_installed(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    shutil.copytree(_ROOT / "examples" / "text_to_image", folder / "examples" / "text_to_image")
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    # The first ones install pinfold; .ci/run does that.
    install = re.compile(r"python3 -m venv|python -m pip install -q \.$")
    commands = [one for one in read_commands("Try it") if not install.match(one.line)]
    assert [one.line.partition(" ")[0] for one in commands] == ["lock", "uv", "pip"]

    run_commands(folder, commands)


def test_lock_of_the_readme_is_on_the_first_screen() -> None:
    lines = _README.splitlines()
    assert next(number for number, line in enumerate(lines) if line.startswith("$ lock ")) < 24


def make_folder(folder: Path) -> None:
    """A repository with a list and two apps."""
    (folder / "apps").mkdir(parents=True)
    (folder / "locks").mkdir()
    (folder / "requirements.txt").write_text("numpy\nrequests\n", encoding="utf-8")
    for name in ("app.py", "apps/other.py"):
        (folder / name).write_text(_APP, encoding="utf-8")
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)


def take_any_output(commands: list[Command]) -> list[Command]:
    return [Command(line=one.line, shown=("…",), code=one.code) for one in commands]


def test_lines_of_every_day_are_taken(tmp_path: Path) -> None:
    if shutil.which("jq") is None:
        pytest.skip("needs the `jq` command, which one line pipes to")
    make_folder(tmp_path / "project")
    lines = take_any_output(read_commands("Every day"))
    assert len(lines) >= 10

    run_commands(tmp_path / "project", lines)


@pytest.mark.parametrize("page", ["apps.md", "machines.md"])
def test_first_lines_of_a_page_are_taken(page: str, tmp_path: Path) -> None:
    make_folder(tmp_path / "project")
    steps = read_steps((DOCS / page).read_text(encoding="utf-8").partition("\n## ")[0])
    lines = take_any_output([step for step in steps if isinstance(step, Command)])
    assert len(lines) >= 4

    run_commands(tmp_path / "project", lines, _FAL)
