"""`lock why` on a lock that was written to disk."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from packaging.utils import NormalizedName

from lockfiles import Lockfile, write
from tests.cli.verb_runs import build_web_lock, build_web_package, run_verb
from tests.command import Project
from tests.lockfiles.samples import build_pylock, build_tool


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


def write_wide_lock(project: Project, number: int) -> None:
    """A lock with `number` items that each ask for `json`."""
    names = [NormalizedName(f"part{one:03}") for one in range(number)]
    tool = replace(
        build_tool(*names),
        requested_by={
            **{name: (f"layer 0: {name}",) for name in names},
            NormalizedName("json"): tuple(f"{name}: json" for name in names),
        },
    )
    packages = [build_web_package(name, "1.0", "json") for name in names]
    lock = Lockfile(pylock=build_pylock(*packages, build_web_package("json", "3.0")), tool=tool)
    write(lock, project.folder / "pylock.toml")


@pytest.mark.parametrize(
    ("number", "words", "shown", "last"),
    [
        (8, (), 8, None),
        (20, (), 8, "  … and 12 more, `--limit 20`"),
        (20, ("--limit", "20"), 20, None),
        (300, (), 8, "  … and more than 200 more, `--limit 208`"),
    ],
)
def test_why_shows_eight_paths_and_counts_the_others(
    project: Project, number: int, words: tuple[str, ...], shown: int, last: str | None
) -> None:
    write_wide_lock(project, number)

    lines = run_verb(project, "why", "json", *words).out.splitlines()[1:]

    assert len([line for line in lines if "→" in line]) == shown
    assert lines[shown:] == ([] if last is None else [last])
