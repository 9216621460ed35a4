"""What other projects say in their errors, taken from them while a test runs.

Our messages quote the reason that packaging, Python or git give. A test that repeats those words fails with their next
release; a test that takes the words from here fails where we quote them wrongly.
"""

from __future__ import annotations

import argparse
import os
import subprocess
from collections.abc import Callable

__all__ = ["find_git_words", "find_usage_words", "find_words", "find_words_in_a_sentence"]


def find_words(call: Callable[[], object]) -> str:
    """The first line of the error that a call raises; fails where it raises none."""
    try:
        call()
    except Exception as error:  # noqa: BLE001  (any error has words, and the test compares them)
        return str(error).partition("\n")[0]
    raise AssertionError("the call raises no error")


def find_words_in_a_sentence(call: Callable[[], object]) -> str:
    """The same, as it follows `because`: with a small letter first, and without a full stop."""
    words = find_words(call).strip().rstrip(".")
    return words[:1].lower() + words[1:]


def find_git_words(url: str) -> str:
    """The last line of what git writes where it cannot read a repository."""
    environment = {"PATH": os.environ["PATH"], "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}
    done = subprocess.run(["git", "ls-remote", url], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    return done.stderr.strip().splitlines()[-1]


def find_usage_words(*arguments: str, requires: str = "") -> str:
    """What argparse says of arguments where a parser knows none of them, or only the one that it `requires`."""
    parser = _Parser()
    if requires:
        parser.add_argument("value", metavar=requires)
    return find_words(lambda: parser.parse_args(arguments))


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]  # it raises, as that of argparse exits
        raise ValueError(message)
