"""`examples/github-actions/lock.yml`: its commands, run on a list that is true and on one that is not."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.cli.verb_runs import LOOPBACK, run_verb
from tests.command import Project
from tests.servers import wheel

EXAMPLE = Path(__file__).parents[1] / "examples" / "github-actions" / "lock.yml"


@pytest.fixture
def commands() -> list[list[str]]:
    """The words behind `lock` of each step that runs it."""
    return [shlex.split(line) for line in re.findall(r"- run: lock (.*)", EXAMPLE.read_text(encoding="utf-8"))]


@pytest.fixture
def locked(project: Project) -> Project:
    project.server.add("thing", wheel("thing", "1.0"), wheel("thing", "2.0"))
    write_app(project, "thing<2")
    assert project.lock("app.py").code == 0
    return project


def write_app(project: Project, item: str) -> None:
    project.write(
        "app.py", f"class Demo(App):\n    requirements = [\n        '--index-url', 'INDEX',\n        '{item}',\n    ]\n"
    )


def test_commands_pass_where_all_is_true(locked: Project, commands: list[list[str]]) -> None:
    # The index of the test is on this machine, where a lock alone leads no run.
    allowed = {"verify": LOOPBACK}
    codes = {" ".join(words): run_verb(locked, *words, *allowed.get(words[0], ())).code for words in commands}

    assert codes == {
        "--check --format github app.py": 0,
        "secrets .": 0,
        "verify --format github pylock.app.toml": 0,
    }


def test_edited_app_is_annotated_at_its_line(locked: Project, commands: list[list[str]]) -> None:
    write_app(locked, "thing>=2")

    run = run_verb(locked, *commands[0])

    title = "title=pylock.app.toml does not fit"
    assert (run.code, run.out.splitlines()) == (
        1,
        [
            f"::error file=app.py,{title}::- thing<2",
            f"::error file=app.py,line=4,{title}::+ thing>=2",
            f"::error file=app.py,line=4,{title}::app.py:4: `thing>=2` is not satisfied by thing 1.0",
        ],
    )
