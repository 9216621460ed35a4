"""Which lock a verb is about, and its arguments."""

from __future__ import annotations

import json

import pytest

from lockfiles import write
from tests.cli.verb_runs import build_web_lock, run_verb
from tests.command import Project
from tests.foreign_words import find_usage_words


@pytest.fixture
def locked(project: Project) -> Project:
    write(build_web_lock(), project.folder / "pylock.toml")
    return project


@pytest.mark.parametrize(
    "argv", [("why", "json", "--json", "pylock.toml"), ("diff", "pylock.toml", "--json", "pylock.toml")]
)
def test_options_may_stand_between_the_words_of_a_verb(locked: Project, argv: tuple[str, ...]) -> None:
    run = run_verb(locked, *argv)

    assert (run.code, run.err) == (0, "")
    assert json.loads(run.out)["schema"] == 1


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("tree", "--depth", "-1"), "lock tree: error: argument --depth: `-1` is no whole number from 0 on\n"),
        (("why", "x", "--limit", "0"), "lock why: error: argument --limit: `0` is no whole number from 1 on\n"),
        (("why",), f"lock why: error: {find_usage_words(requires='NAME')}\n"),
    ],
)
def test_wrong_word_of_a_verb_is_told(locked: Project, argv: tuple[str, ...], message: str) -> None:
    run = run_verb(locked, *argv)

    assert (run.code, run.out) == (2, "")
    assert run.err.endswith(message)


def test_verb_without_a_lock_in_the_folder_says_how_to_make_one(project: Project) -> None:
    run = run_verb(project, "tree")

    assert (run.code, run.err) == (
        2,
        "error: no lockfile is named, and the folder has no `pylock.toml`\n  try: name one, or make it: `lock`\n",
    )


def test_verb_without_a_name_lists_the_locks_of_the_folder(locked: Project) -> None:
    write(build_web_lock(), locked.folder / "pylock.cpu.toml")

    run = run_verb(locked, "digest")

    assert (run.code, run.err) == (
        2,
        "error: no lockfile is named, and the folder has several: `pylock.cpu.toml`, `pylock.toml`\n"
        "  try: name one of them: `pylock.cpu.toml`\n",
    )


def test_lock_that_would_disturb_a_terminal_is_refused_without_doing_so(locked: Project) -> None:
    path = locked.folder / "pylock.toml"
    path.write_text(path.read_text(encoding="utf-8").replace("layer 0: log", "layer 0: log\u202e"), encoding="utf-8")

    run = run_verb(locked, "why", "log")

    assert (run.code, run.out) == (2, "")
    assert run.err == (
        "error: `pylock.toml` is no lockfile that can be used:"
        " tool.pinfold.requested-by.log[0]: holds the control character U+202E\n"
    )


def test_lock_that_is_not_there_is_told_with_those_that_are(locked: Project) -> None:
    run = run_verb(locked, "tree", "pylock.gpu-h100.toml")

    assert (run.code, run.err) == (
        2,
        "error: `pylock.gpu-h100.toml` cannot be read: no such file or directory\n"
        "  locks of that folder: `pylock.toml`\n",
    )
