"""`lock report`: a page or its data, in a file that appears as a whole."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lockfiles import read, write
from resolver.report.report_page import render_page
from tests.cli.verb_runs import LOOPBACK, build_web_lock, run_verb
from tests.command import Project
from tests.distributions import make_metadata, make_wheel
from tests.servers import wheel


def read_data(project: Project, *words: str) -> list[dict[str, Any]]:
    """The locks in the data of a report."""
    run = run_verb(project, "report", *words, "--json")
    assert (run.code, run.err) == (0, "")
    locks: list[dict[str, Any]] = json.loads(run.out)["locks"]
    return locks


def test_page_goes_to_a_file_whole_and_has_the_data_of_json(locked: Project) -> None:
    run = run_verb(locked, "report", "-o", "report.html")

    assert (run.code, run.out, run.err) == (0, "", "report.html: 4 pins of 1 lock\n")
    assert locked.files() == ["pylock.toml", "report.html"]
    data = json.dumps(json.loads(run_verb(locked, "report", "--json").out), separators=(",", ":"))
    assert (locked.folder / "report.html").read_text(encoding="utf-8") == render_page(data)


def test_page_is_the_same_for_the_same_locks_and_sends_no_request(locked: Project) -> None:
    first, second = (run_verb(locked, "report") for _ in range(2))

    assert first.code == 0
    assert first.out == second.out
    assert locked.server.paths() == []


def test_file_is_told_with_its_pins_and_locks_but_not_with_json(locked: Project) -> None:
    write(build_web_lock(), locked.folder / "pylock.new.toml")
    names = ("pylock.toml", "pylock.new.toml")

    assert run_verb(locked, "report", *names, "-o", "two.html").err == "two.html: 8 pins of 2 locks\n"
    assert run_verb(locked, "report", *names, "-o", "two.json", "--json").err == ""


def test_page_does_not_fill_a_terminal(locked: Project) -> None:
    leader, follower = os.openpty()
    command = [sys.executable, "-c", "from resolver.cli import run; run()", "report"]

    finished = subprocess.run(
        command, check=False, cwd=locked.folder, stdout=follower, stderr=subprocess.PIPE, text=True
    )
    os.close(follower)

    assert finished.returncode == 2
    assert finished.stderr == (
        "error: a report is a page for a browser\n  try: `-o report.html`; `-o -` prints it all the same\n"
    )
    os.close(leader)


def test_page_that_cannot_be_written_leaves_nothing(locked: Project) -> None:
    run = run_verb(locked, "report", "-o", "missing/report.html")

    assert (run.code, run.err) == (
        2,
        "error: `missing/report.html` cannot be written: no such file or directory\n  try: another place, with `-o`\n",
    )
    assert locked.files() == ["pylock.toml"]


def test_lock_is_not_replaced_by_its_report(locked: Project) -> None:
    before = (locked.folder / "pylock.toml").read_bytes()

    run = run_verb(locked, "report", "-o", "pylock.toml")

    assert (run.code, run.err) == (
        2,
        "error: `pylock.toml` is a lock that the report is about\n  try: another name: `-o report.html`\n",
    )
    assert (locked.folder / "pylock.toml").read_bytes() == before


def test_former_lock_is_a_file_or_that_of_a_revision(locked: Project) -> None:
    def git(*words: str) -> None:
        who = ("-c", "user.name=a", "-c", "user.email=a@example.invalid", "-c", "commit.gpgsign=false")
        subprocess.run(["git", *who, *words], cwd=locked.folder, check=True, capture_output=True)

    git("init", "--quiet")
    git("add", "pylock.toml")
    git("commit", "--quiet", "--message", "lock")
    write(build_web_lock(http="1.9"), locked.folder / "pylock.old.toml")
    write(build_web_lock(http="2.1"), locked.folder / "pylock.toml")

    for against, name, version in (("HEAD", "HEAD:pylock.toml", "2.0"), ("pylock.old.toml", "pylock.old.toml", "1.9")):
        (lock,) = read_data(locked, "pylock.toml", "--against", against)
        assert lock["former"]["lockfile"] == name
        assert [(one["old"], one["new"]) for one in lock["former"]["changed"]] == [(version, "2.1")]


def test_each_lock_has_a_former_one_of_its_own(locked: Project) -> None:
    for name, version in (("a", "2.1"), ("b", "2.2"), ("c", "2.3")):
        write(build_web_lock(http=version), locked.folder / f"pylock.{name}.toml")

    locks = ("pylock.toml", "pylock.a.toml")
    found = read_data(locked, *locks, "--against", "pylock.b.toml", "--against", "pylock.c.toml")
    assert [lock["former"]["lockfile"] for lock in found] == ["pylock.b.toml", "pylock.c.toml"]

    run = run_verb(
        locked, "report", *locks, "pylock.b.toml", "--against", "pylock.b.toml", "--against", "pylock.c.toml"
    )
    assert (run.code, run.err) == (
        2,
        "error: --against is given 2 times for 3 locks\n  try: once for all, or once for each lock\n",
    )


def test_absolute_path_is_shown_without_the_folders_of_this_machine(locked: Project, tmp_path: Path) -> None:
    place = tmp_path / "elsewhere" / "pylock.toml"
    place.parent.mkdir()
    write(read(locked.folder / "pylock.toml"), place)

    (lock,) = read_data(locked, str(place))

    assert lock["lockfile"] == "elsewhere/pylock.toml"


def test_licences_and_sizes_on_disk_come_from_the_ends_of_the_wheels(project: Project) -> None:
    metadata = make_metadata("thing", "1.0") + b"License-Expression: MIT AND 0BSD\n"
    content = make_wheel("thing", "1.0", metadata=metadata, files={"module/__init__.py": b"x" * 5000})
    project.server.add("thing", wheel("thing", "1.0", content=content))
    project.server.add("other", wheel("other", "1.0"))
    project.write_list("thing", "other")
    assert project.lock("requirements.txt").code == 0
    project.server.log.clear()

    (lock,) = read_data(project, "--read-wheels", *LOOPBACK)

    pins = {pin["name"]: pin for pin in lock["pins"]}
    assert (pins["thing"]["licence"], pins["other"]["licence"]) == ("MIT AND 0BSD", None)
    assert pins["thing"]["unpacked_bytes"] > 5000
    assert lock["unpacked_bytes"] == pins["thing"]["unpacked_bytes"] + pins["other"]["unpacked_bytes"]
    assert [request.headers["range"] for request in project.server.log] == ["bytes=-65536"] * 2


def test_edited_lock_is_reported_with_a_warning(project: Project) -> None:
    project.server.add("thing", wheel("thing", "1.0"))
    project.write_list("thing")
    assert project.lock("requirements.txt").code == 0
    lock = project.folder / "pylock.toml"
    lock.write_text(lock.read_text(encoding="utf-8").replace("size = ", "size = 1", 1), encoding="utf-8")

    run = run_verb(project, "report", "--json")

    assert run.code == 0
    assert run.err.startswith("warning: `pylock.toml` was edited since it was made")
    assert json.loads(run.out)["locks"][0]["is_edited"] is True


@pytest.mark.parametrize("name", ["GITHUB_TOKEN", "PINFOLD_INDEX_WEB_PASSWORD", "HOME"])
def test_environment_leaves_no_trace(locked: Project, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = run_verb(locked, "report").out
    monkeypatch.setenv(name, "hunter2")

    after = run_verb(locked, "report").out

    assert after == before
    assert "hunter2" not in after
