"""`lock diff`: two files, and a file with a git revision."""

from __future__ import annotations

import os
import subprocess

import pytest

from lockfiles import write
from tests.cli.verb_runs import build_web_lock, run_verb
from tests.command import Project


def test_diff_of_two_files_is_short_and_exits_1(locked: Project) -> None:
    write(build_web_lock(http="2.1"), locked.folder / "pylock.new.toml")

    run = run_verb(locked, "diff", "pylock.toml", "pylock.new.toml")

    assert (run.code, run.out) == (1, "pylock.toml → pylock.new.toml\n~ http 2.0 -> 2.1\nanother digest\n")


def test_diff_of_equal_locks_exits_0(locked: Project) -> None:
    run = run_verb(locked, "diff", "pylock.toml", "pylock.toml")

    assert (run.code, run.out) == (0, "pylock.toml and pylock.toml are the same\n")


def test_diff_compares_with_the_lock_of_a_git_revision(locked: Project) -> None:
    def git(*argv: str) -> None:
        who = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
        environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        subprocess.run(["git", *who, *argv], cwd=locked.folder, check=True, capture_output=True, env=environment)

    git("init", "--quiet")
    git("add", "pylock.toml")
    git("commit", "--quiet", "--message", "lock")
    write(build_web_lock(http="2.1"), locked.folder / "pylock.toml")

    run = run_verb(locked, "diff", "HEAD")
    assert (run.code, run.out) == (1, "HEAD:pylock.toml → pylock.toml\n~ http 2.0 -> 2.1\nanother digest\n")

    (missing,) = (run_verb(locked, "diff", "HEAD~1"),)
    assert (missing.code, missing.out) == (2, "")
    assert missing.err.startswith("error: `HEAD~1` is no lockfile, and git has none there: ")


@pytest.mark.parametrize("revision", ["--output=x", "a:b", "HEAD\nx"])
def test_diff_hands_git_nothing_but_a_revision(locked: Project, revision: str) -> None:
    run = run_verb(locked, "diff", "--", revision)

    assert run.code == 2
    assert "is neither a lockfile nor a git revision" in run.err
    assert locked.files() == ["pylock.toml"]


def test_diff_of_one_lock_asks_for_a_second(locked: Project) -> None:
    what = "error: `pylock.toml` is one lock, and two are compared\n  try: name a second lock: "
    alone = run_verb(locked, "diff", "pylock.toml")
    write(build_web_lock(), locked.folder / "pylock.new.toml")
    beside = run_verb(locked, "diff", "pylock.toml")

    assert (alone.code, alone.err) == (2, f"{what}`lock diff pylock.toml NEW`, or `lock diff HEAD pylock.toml`\n")
    assert beside.err == f"{what}`lock diff pylock.toml pylock.new.toml`, or `lock diff HEAD pylock.toml`\n"


def test_diff_of_a_lock_elsewhere_is_with_the_only_one_of_the_folder(locked: Project) -> None:
    (locked.folder / "old").mkdir()
    write(build_web_lock(http="1.9"), locked.folder / "old/pylock.toml")

    run = run_verb(locked, "diff", "old/pylock.toml")

    assert (run.code, run.out) == (1, "old/pylock.toml → pylock.toml\n~ http 1.9 -> 2.0\nanother digest\n")
