"""`lock digest` on locks that were written to disk."""

from __future__ import annotations

from lockfiles import digest, write
from tests.cli.verb_runs import build_web_lock, run_verb
from tests.command import Project


def test_digest_is_one_line(locked: Project) -> None:
    assert run_verb(locked, "digest").out == f"{digest(build_web_lock())}\n"


def test_digests_of_several_locks_name_them(locked: Project) -> None:
    write(build_web_lock(http="2.1"), locked.folder / "pylock.other.toml")
    names = ("pylock.toml", "pylock.other.toml")

    assert run_verb(locked, "digest", *names).out == (
        f"{digest(build_web_lock())}  pylock.toml\n{digest(build_web_lock(http='2.1'))}  pylock.other.toml\n"
    )
