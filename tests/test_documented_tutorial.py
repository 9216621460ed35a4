"""`docs/tutorial.md`: its commands in their order, and what they leave; the site's navigation has every page."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

from tests.cli.verb_runs import run_verb
from tests.command import Project
from tests.servers import wheel
from tests.test_installation import MINOR, make_environment, run_python

_ROOT = Path(__file__).parents[1]
_PAGE = (_ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")


def test_tutorial_locks_for_two_machine_types_and_installs(project: Project, tmp_path: Path) -> None:
    project.server.add("torch", wheel("torch", "2.8.0", ["numpy"]))
    project.server.add("numpy", wheel("numpy", "2.1.0"))
    (written,) = re.findall(r"(?s)```text\n(.*?)```", _PAGE)
    project.write_list(*written.splitlines())
    *commands, (python, *words) = map(shlex.split, re.findall(r"(?m)^\$ (.*)", _PAGE))

    for program, *arguments in commands:
        assert program == "lock"
        asks = ("--allow-host", "127.0.0.1") if arguments[0] == "fetch" else ()
        run = run_verb(project, *(MINOR if word == "3.11" else word for word in arguments), *asks)
        assert run.code == 0, run.err

    environment = make_environment(tmp_path / "environment")
    assert (python, words[:2]) == ("python", ["-m", "pip"])
    pip = [sys.executable, "-m", "pip", "--isolated", "--disable-pip-version-check", "--python", str(environment)]
    subprocess.run([*pip, *words[2:]], cwd=project.folder, check=True)
    assert (
        run_python(environment, "import torch, numpy; print(torch.__version__, numpy.__version__)") == "2.8.0 2.1.0\n"
    )
    assert [name for name in project.files() if name.startswith("pylock")] == re.findall(
        r"`(pylock\.\S+?)`", _PAGE.partition("There are two files")[2]
    )


def test_navigation_of_the_site_has_every_page_once() -> None:
    navigation = (_ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")[2]
    assert sorted(re.findall(r"[\w-]+\.md", navigation)) == sorted(path.name for path in (_ROOT / "docs").glob("*.md"))
