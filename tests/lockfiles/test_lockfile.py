from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from lockfiles import InvalidLockfileError, dumps, loads, read, write
from lockfiles.lockfile import build_seal, has_broken_seal, join_lines
from tests.lockfiles.samples import build_full_lock, build_small_lock


def test_a_flag_stands_with_its_value() -> None:
    assert join_lines(["--pre", "--index-url", "https://index.example/simple/", "anyio"]) == (
        "--pre",
        "--index-url https://index.example/simple/",
        "anyio",
    )


def test_a_requirement_stands_with_the_flags_of_its_line() -> None:
    assert join_lines(["anyio==4", "--hash", "sha256:aa", "--hash", "sha256:bb", "idna"]) == (
        "anyio==4 --hash sha256:aa --hash sha256:bb",
        "idna",
    )


def test_a_path_stands_with_its_editable_flag() -> None:
    assert join_lines(["--editable", "./plugin", "--config-settings", "a=b", "idna"]) == (
        "--editable ./plugin --config-settings a=b",
        "idna",
    )


def test_a_value_that_looks_like_a_flag_is_a_value() -> None:
    assert join_lines(["--find-links", "--index-url", "idna"]) == ("--find-links --index-url", "idna")


def test_lock_as_it_was_written_is_not_edited(tmp_path: Path) -> None:
    write(build_full_lock(), tmp_path / "pylock.toml")

    assert not read(tmp_path / "pylock.toml").is_edited


@pytest.mark.parametrize(
    ("old", "new"),
    [("a" * 64, "c" * 64), ("4.4.0", "4.5.0"), ("layer 0: anyio", "layer 0: idna"), ("size = 1000", "size = 1001")],
)
def test_any_edit_breaks_the_seal(old: str, new: str) -> None:
    assert loads(dumps(build_small_lock()).replace(old, new)).is_edited


def test_layout_and_comments_do_not_matter() -> None:
    text = dumps(build_small_lock())
    head, table, rest = text.partition("[tool.pinfold]\n")

    assert not loads(f"# a comment\n{head}\n\n{table}\n# another\n{rest}").is_edited


def test_lock_without_a_seal_has_none_to_break() -> None:
    lines = [line for line in dumps(build_small_lock()).splitlines() if not line.startswith("contents = ")]

    assert not loads("\n".join(lines)).is_edited


def test_seal_does_not_cover_itself() -> None:
    document = tomllib.loads(dumps(build_small_lock()))

    assert document["tool"]["pinfold"]["contents"] == build_seal(document)
    assert not has_broken_seal(document)


def test_seal_that_is_no_hash_is_a_fault() -> None:
    text = dumps(build_small_lock()).replace('contents = "sha256:', 'contents = "md5:')

    with pytest.raises(InvalidLockfileError, match=r"tool\.pinfold\.contents"):
        loads(text)


def test_edited_lock_is_equal_to_one_with_the_same_content() -> None:
    edited = loads(dumps(build_small_lock()).replace("4.4.0", "4.5.0"))

    assert loads(dumps(edited)) == edited
    assert not loads(dumps(edited)).is_edited
