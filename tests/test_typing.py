"""The annotations of the public names, as the type checkers of other programs read them."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[1]
_FOLDER = Path(__file__).with_name("typing")
_CHECKERS = {
    "mypy": ("--config-file=", "--strict", "--enable-error-code=truthy-bool", "--no-error-summary"),
    "pyright": ("-p", str(_FOLDER)),
}


def list_errors(checker: str, name: str) -> dict[int, str]:
    """The lines of a program that the checker complains about, each with its first message."""
    if find_spec(checker) is None:
        pytest.skip(f"{checker} is not installed: it is in the extra `dev`")
    command = [sys.executable, "-m", checker, *_CHECKERS[checker], str(_FOLDER / name)]
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    found: dict[int, str] = {}
    for line, text in re.findall(rf"{re.escape(name)}:(\d+):(.*(?:error|warning).*)", done.stdout):
        found.setdefault(int(line), text)
    assert bool(found) is (done.returncode != 0), done.stdout
    return found


@pytest.mark.parametrize("checker", _CHECKERS)
def test_a_program_that_uses_the_public_names_is_without_errors(checker: str) -> None:
    assert list_errors(checker, "programs.py") == {}


@pytest.mark.parametrize("checker", _CHECKERS)
def test_each_mistake_is_found(checker: str) -> None:
    lines = (_FOLDER / "mistakes.py").read_text(encoding="utf-8").splitlines()
    wrong = [number for number, line in enumerate(lines, 1) if line.endswith("# wrong")]
    assert sorted(list_errors(checker, "mistakes.py")) == wrong
