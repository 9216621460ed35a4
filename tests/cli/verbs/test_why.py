"""`lock why` on a lock that was written to disk."""

from __future__ import annotations

import json
from dataclasses import replace

from packaging.utils import NormalizedName

from lockfiles import Lockfile, write
from tests.cli.verb_runs import build_web_lock, run_verb
from tests.command import Project


def test_why_shows_every_path_with_what_each_step_asked(locked: Project) -> None:
    run = run_verb(locked, "why", "JSON")

    assert (run.code, run.err) == (0, "")
    assert run.out == ("json 3.0\n  layer 0: log → log: json>=2\n  layer 0: web~=1.0 → web: http>=1 → http: json\n")


def test_why_as_json_has_the_same_paths(locked: Project) -> None:
    (found,) = json.loads(run_verb(locked, "why", "json", "--limit", "1", "--json").out)["locks"]

    assert found == {
        "lockfile": "pylock.toml",
        "name": "json",
        "versions": ["3.0"],
        "paths": [{"layer": 0, "asked": "log", "steps": [{"name": "log", "asked": "json>=2"}]}],
        "more": True,
    }


def test_why_of_an_unknown_name_suggests_one(locked: Project) -> None:
    run = run_verb(locked, "why", "jsom")

    assert (run.code, run.out) == (2, "")
    assert run.err == "error: `jsom` is no pin of `pylock.toml`\n  try: `json`\n"


def test_why_of_a_pin_that_one_of_two_locks_lacks_is_the_answer_no(locked: Project) -> None:
    lock = build_web_lock()
    without = [one for one in lock.pylock.packages if one.name in ("json", "log")]
    assert lock.tool is not None
    tool = replace(
        lock.tool,
        layers=((NormalizedName("log"),),),
        requested_by={NormalizedName("log"): ("layer 0: log",), NormalizedName("json"): ("log: json>=2",)},
    )
    write(Lockfile(pylock=replace(lock.pylock, packages=without), tool=tool), locked.folder / "pylock.cpu.toml")

    run = run_verb(locked, "why", "web", "pylock.toml", "pylock.cpu.toml")

    assert (run.code, run.out) == (1, "pylock.toml: web 1.0\n  layer 0: web~=1.0\n\npylock.cpu.toml: no `web`\n")


def test_why_of_a_lock_alone_says_that_the_name_is_missing(locked: Project) -> None:
    run = run_verb(locked, "why", "pylock.toml")

    assert (run.code, run.out) == (2, "")
    assert run.err == ("error: `pylock.toml` is a lock, and no project is named\n  try: `lock why NAME pylock.toml`\n")
