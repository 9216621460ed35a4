"""`why`, `tree`, `diff`, `digest` and `layers` on a lock that was written to disk."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import replace

import pytest
from packaging.pylock import Package
from packaging.utils import NormalizedName
from packaging.version import Version

from lockfiles import Lockfile, digest, write
from tests.cli.verb_runs import run_verb
from tests.command import Project
from tests.foreign_words import find_usage_words
from tests.lockfiles.samples import build_pylock, build_tool, build_wheel


def package(name: str, version: str, *needs: str, size: int = 1500) -> Package:
    return Package(
        name=NormalizedName(name),
        version=Version(version),
        index="https://index.example/simple/",
        dependencies=[{"name": one} for one in needs] or None,
        wheels=[replace(build_wheel(name, version), size=size)],
    )


def build_lock(*, http: str = "2.0") -> Lockfile:
    names = [NormalizedName(name) for name in ("http", "json", "log", "web")]
    tool = replace(
        build_tool("web", "log"),
        requested_by={
            names[0]: ("web: http>=1",),
            names[1]: ("http: json", "log: json>=2"),
            names[2]: ("layer 0: log",),
            names[3]: ("layer 0: web~=1.0",),
        },
    )
    packages = (
        package("web", "1.0", "http"),
        package("http", http, "json", size=30_000_000),
        package("json", "3.0"),
        package("log", "1.0", "json"),
    )
    return Lockfile(pylock=build_pylock(*packages), tool=tool)


@pytest.fixture
def locked(project: Project) -> Project:
    write(build_lock(), project.folder / "pylock.toml")
    return project


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
    lock = build_lock()
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


def test_tree_shows_pins_under_the_list_with_sizes(locked: Project) -> None:
    assert run_verb(locked, "tree").out == (
        "log 1.0 (1.50 kB)\n"
        "└── json 3.0 (asks json>=2, 1.50 kB)\n"
        "web 1.0 (1.50 kB)\n"
        "└── http 2.0 (asks http>=1, 30.0 MB)\n"
        "    └── json 3.0 (1.50 kB)\n"
        "4 pins, 30.0 MB to download\n"
    )


def test_tree_turned_over_ends_at_the_list(locked: Project) -> None:
    assert run_verb(locked, "tree", "--invert").out == (
        "json 3.0 (1.50 kB)\n"
        "├── http 2.0 (asks json, 30.0 MB)\n"
        "│   └── web 1.0 (asks http>=1, 1.50 kB)\n"
        "└── log 1.0 (asks json>=2, 1.50 kB)\n"
        "4 pins, 30.0 MB to download\n"
    )


def test_tree_ends_at_a_depth(locked: Project) -> None:
    assert run_verb(locked, "tree", "--depth", "0").out == (
        "log 1.0 (1.50 kB)\nweb 1.0 (1.50 kB)\n4 pins, 30.0 MB to download\n"
    )


def test_digest_is_one_line(locked: Project) -> None:
    assert run_verb(locked, "digest").out == f"{digest(build_lock())}\n"


def test_digests_of_several_locks_name_them(locked: Project) -> None:
    write(build_lock(http="2.1"), locked.folder / "pylock.other.toml")
    names = ("pylock.toml", "pylock.other.toml")

    assert run_verb(locked, "digest", *names).out == (
        f"{digest(build_lock())}  pylock.toml\n{digest(build_lock(http='2.1'))}  pylock.other.toml\n"
    )


def test_diff_of_two_files_is_short_and_exits_1(locked: Project) -> None:
    write(build_lock(http="2.1"), locked.folder / "pylock.new.toml")

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
    write(build_lock(http="2.1"), locked.folder / "pylock.toml")

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


def test_layers_as_json_are_for_builders(locked: Project) -> None:
    (found,) = json.loads(run_verb(locked, "layers", "--json").out)["locks"]

    assert found["digest"] == digest(build_lock())
    assert [(one["reason"], one["packages"], one["size_bytes"]) for one in found["layers"]] == [
        ("heavy", ["http"], 30_000_000),
        ("light", ["json", "log", "web"], 4500),
    ]


def test_layers_are_shown_in_installation_order(locked: Project) -> None:
    lines = run_verb(locked, "layers").out.splitlines()

    assert lines[0] == "layer 0: big packages, 30.0 MB to download"
    assert lines[1].startswith("  pinfold-layer-v1:sha256:")
    assert lines[2:4] == ["  http", "layer 1: all other packages, 4.50 kB to download"]


def test_verb_without_a_lock_in_the_folder_says_how_to_make_one(project: Project) -> None:
    run = run_verb(project, "tree")

    assert (run.code, run.err) == (
        2,
        "error: no lockfile is named, and the folder has no `pylock.toml`\n  try: name one, or make it: `lock`\n",
    )


def test_verb_without_a_name_lists_the_locks_of_the_folder(locked: Project) -> None:
    write(build_lock(), locked.folder / "pylock.cpu.toml")

    run = run_verb(locked, "digest")

    assert (run.code, run.err) == (
        2,
        "error: no lockfile is named, and the folder has several: `pylock.cpu.toml`, `pylock.toml`\n"
        "  try: name one of them\n",
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


def test_sbom_goes_to_a_file_whole(locked: Project) -> None:
    run = run_verb(locked, "sbom", "-o", "sbom.json", "--name", "demo")

    assert (run.code, run.out, run.err) == (0, "", "")
    document = json.loads((locked.folder / "sbom.json").read_text(encoding="utf-8"))
    assert document["metadata"]["component"]["name"] == "demo"
    assert [one["name"] for one in document["components"]] == ["http", "json", "log", "web"]
    assert locked.files() == ["pylock.toml", "sbom.json"]


def test_sbom_that_cannot_be_written_leaves_nothing(locked: Project) -> None:
    run = run_verb(locked, "sbom", "-o", "missing/sbom.json")

    assert (run.code, run.err) == (
        2,
        "error: `missing/sbom.json` cannot be written: no such file or directory\n  try: another place, with `-o`\n",
    )
