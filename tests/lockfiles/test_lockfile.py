from __future__ import annotations

from lockfiles.lockfile import join_lines


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
