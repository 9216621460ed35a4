"""The examples of docs/verbs.md, over the lock of examples/text_to_image, without a network.

`text_to_image` has that lock, and the one after `diffusers==0.36.0`, with other names for the hosts.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.command import start_process
from tests.documentation.page_runs import DOCS, Command, matches_shape, read_steps

_PAGE = DOCS / "verbs.md"
_LOCKS = Path(__file__).with_name("text_to_image")
_LOCK = "pylock.gpu-a100.toml"
_AGAIN = ["commit", "-q", "-m", "again", "--allow-empty"]


def list_examples() -> list[Command]:
    """The commands of the page that show what they print."""
    steps = read_steps(_PAGE.read_text(encoding="utf-8"))
    return [step for step in steps if isinstance(step, Command) and step.shown]


def prepare(folder: Path) -> None:
    """Make a repository that has the lock in two commits."""
    shutil.copy(_LOCKS / _LOCK, folder)
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "lock"], _AGAIN):
        who = ["-c", "user.name=a", "-c", "user.email=a@index.example", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *who, *words], cwd=folder, check=True)


def run(folder: Path, command: Command) -> str:
    """What an example prints; that of `diff` is about the next lock."""
    program, *words = command.line.split()
    assert program == "lock"
    shutil.copy(_LOCKS / ("pylock.next.toml" if words[0] == "diff" else _LOCK), folder / _LOCK)
    process = start_process(words, folder)
    out, err = process.communicate(timeout=60)
    assert process.returncode == command.code, command.line
    assert bool(err) is (words[0] == "report"), command.line
    # A warning comes first: the lock has other names for the hosts, so it was edited.
    return out + "".join(err.splitlines(keepends=True)[-1:])


def test_every_example_prints_what_the_page_shows(tmp_path: Path) -> None:
    prepare(tmp_path)
    examples = list_examples()
    verbs = {command.line.split()[1] for command in examples}
    assert verbs == {"why", "tree", "diff", "digest", "sizes", "layers", "report"}
    for command in examples:
        printed = run(tmp_path, command)
        assert matches_shape(command.shown, printed), f"{command.line}\n{printed}"
        # The lock is the same in every run, so numbers are too.
        lines = printed.splitlines()
        assert [line for line in command.shown if line not in lines and line.strip() != "…"] == [], command.line
