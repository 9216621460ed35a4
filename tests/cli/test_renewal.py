"""The old lock is an input: what stays, what moves, and what is refused."""

from __future__ import annotations

import os

import pytest

from tests.command import Project
from tests.servers import wheel


@pytest.fixture(autouse=True)
def locked(project: Project) -> None:
    project.server.cache_control = None
    project.server.add("a", wheel("a", "1.0", ["b>=2"]))
    project.server.add("b", wheel("b", "2.1"))
    project.write_list("a")
    assert project.lock("requirements.txt").code == 0
    project.server.add("a", wheel("a", "1.1", ["b>=2"]))
    project.server.add("b", wheel("b", "2.2"))


def test_pins_stay_when_newer_versions_appear(project: Project) -> None:
    before = project.read()

    assert project.lock("requirements.txt").code == 0
    assert project.read() == before


def test_unchanged_lock_keeps_its_time_stamp(project: Project) -> None:
    lock = project.folder / "pylock.toml"
    os.utime(lock, ns=(1, 1))

    assert project.lock("requirements.txt").code == 0
    assert lock.stat().st_mtime_ns == 1


def test_upgrade_lets_go_of_all_pins(project: Project) -> None:
    assert project.lock("requirements.txt", "--upgrade").code == 0
    assert project.pins() == {"a": "1.1", "b": "2.2"}


def test_upgrade_of_a_package_lets_go_of_its_pin_alone(project: Project) -> None:
    assert project.lock("requirements.txt", "-P", "B").code == 0
    assert project.pins() == {"a": "1.0", "b": "2.2"}


def test_pin_that_no_longer_fits_moves_alone(project: Project) -> None:
    project.write_list("a>1.0")

    assert project.lock("requirements.txt").code == 0
    assert project.pins() == {"a": "1.1", "b": "2.1"}


def test_new_requirement_moves_no_other_pin(project: Project) -> None:
    project.server.add("c", wheel("c", "1.0", ["b"]))
    project.write_list("a", "c")

    assert project.lock("requirements.txt").code == 0
    assert project.pins() == {"a": "1.0", "b": "2.1", "c": "1.0"}


def test_requirement_that_is_gone_takes_its_pins_with_it(project: Project) -> None:
    project.write_list("b")

    assert project.lock("requirements.txt").code == 0
    assert project.pins() == {"b": "2.1"}


def test_python_of_the_lock_stays_without_another_word(project: Project) -> None:
    project.python = None

    run = project.lock("requirements.txt")

    assert "target: CPython 3.11 on manylinux_2_35_x86_64 (Python from the lock being renewed)" in run.err


def test_file_with_another_hash_is_refused_with_both(project: Project) -> None:
    old, new = wheel("b", "2.1"), wheel("b", "2.1", ["a"])
    project.server.projects["b"][0] = new
    before = project.read()

    run = project.lock("requirements.txt")

    assert (run.code, run.err) == (
        5,
        "error: `b-2.1-py3-none-any.whl` is not the file that was locked: index `https://index.example/simple/` now"
        " has another one of this name\n"
        f"  locked: sha256 {old.listed_sha256}\n"
        f"  found:  sha256 {new.listed_sha256}\n"
        "  try: find out why it was replaced; `--upgrade-package b` accepts the new file\n",
    )
    assert project.read() == before


def test_upgrade_of_the_package_accepts_the_file_with_another_hash(project: Project) -> None:
    project.server.projects["b"] = [wheel("b", "2.1", ["c"])]
    project.server.add("c", wheel("c", "1.0"))

    assert project.lock("requirements.txt", "-P", "b").code == 0
    assert project.pins() == {"a": "1.0", "b": "2.1", "c": "1.0"}


def test_upgrade_of_all_accepts_a_file_with_another_hash(project: Project) -> None:
    project.server.projects["b"] = [wheel("b", "2.1", ["c"])]
    project.server.add("c", wheel("c", "1.0"))

    assert project.lock("requirements.txt", "-U").code == 0
    assert project.pins() == {"a": "1.1", "b": "2.1", "c": "1.0"}


def test_broken_lock_is_refused_and_left_alone(project: Project) -> None:
    project.write("pylock.toml", "lock-version = 1.0\n")

    run = project.lock("requirements.txt")

    assert run.code == 2
    assert run.err.startswith("error: the old lock `pylock.toml` cannot be read: ")
    assert run.err.endswith("\n  try: mend it, or delete it to lock afresh\n")
    assert (project.folder / "pylock.toml").read_text() == "lock-version = 1.0\n"


def test_lock_of_another_tool_is_renewed_with_its_pins(project: Project) -> None:
    lock = project.folder / "pylock.toml"
    ours = lock.read_text()
    lock.write_text(ours.partition("\n[tool.pinfold]")[0].replace('"pinfold"', '"uv"'))

    assert project.lock("requirements.txt").code == 0
    assert lock.read_text() == ours


def test_printing_needs_no_old_lock(project: Project) -> None:
    before = project.read()
    run = project.lock("requirements.txt", "-o", "-", "-q")

    assert run.code == 0
    assert 'version = "2.2"' in run.out
    assert project.read() == before


def test_instant_of_a_duration_stays_until_an_upgrade(project: Project) -> None:
    project.lock("requirements.txt", "--exclude-newer", "1 day")
    first = project.load().tool
    project.lock("requirements.txt", "--exclude-newer", "1 day")
    kept = project.load().tool
    project.lock("requirements.txt", "--exclude-newer", "2 days")
    other = project.load().tool

    assert first is not None and kept is not None and other is not None
    assert first.exclude_newer is not None
    assert kept.exclude_newer == first.exclude_newer
    assert other.exclude_newer is not None and other.exclude_newer < first.exclude_newer


def test_upgrade_counts_a_duration_from_now_on(project: Project) -> None:
    project.lock("requirements.txt", "--exclude-newer", "1 day")
    lock = project.folder / "pylock.toml"
    first = project.load().tool
    assert first is not None and first.exclude_newer is not None
    lock.write_text(lock.read_text().replace(first.exclude_newer, "2024-06-01T00:00:00Z"))

    project.lock("requirements.txt", "--exclude-newer", "1 day", "-U")

    renewed = project.load().tool
    assert renewed is not None and renewed.exclude_newer is not None
    assert renewed.exclude_newer >= first.exclude_newer


def test_upgrade_of_a_package_that_is_not_locked_is_told(project: Project) -> None:
    run = project.lock("requirements.txt", "-q", "-P", "zebra", "-P", "b")

    assert (run.code, run.err) == (
        0,
        "warning: `--upgrade-package zebra` has no effect: no old lock has it\n",
    )


def test_file_of_a_folder_with_another_hash_is_refused_with_both(project: Project) -> None:
    old, new = wheel("c", "1.0"), wheel("c", "1.0", ["a"])
    path = project.folder / "my wheels" / old.filename
    path.parent.mkdir()
    path.write_bytes(old.content)
    project.write_list("--find-links 'my wheels'", "c")
    assert project.lock("requirements.txt").code == 0
    path.write_bytes(new.content)

    run = project.lock("requirements.txt")

    assert (run.code, run.err) == (
        5,
        "error: `c-1.0-py3-none-any.whl` is not the file that was locked:"
        " `file://<folder>/my%20wheels/c-1.0-py3-none-any.whl` now has another one of this name\n"
        f"  locked: sha256 {old.listed_sha256}\n"
        f"  found:  sha256 {new.listed_sha256}\n"
        "  try: find out why it was replaced; `--upgrade-package c` accepts the new file\n",
    )
