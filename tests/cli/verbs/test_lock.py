"""`lock --check`: does the lock still fit, and if not, what has changed."""

from __future__ import annotations

import io
import json
import sys

import pytest

from tests.command import Project, find_interpreter
from tests.servers import wheel

FITS = "requirements.txt: pylock.toml fits\n"


@pytest.fixture(autouse=True)
def locked(project: Project) -> None:
    project.server.add("a", wheel("a", "1.0", ["b>=2"]))
    project.server.add("b", wheel("b", "2.1"), wheel("b", "1.0"))
    project.write_list("a")
    assert project.lock("requirements.txt").code == 0
    project.server.log.clear()


def does_not_fit(*lines: str, options: str = " --python 3.11") -> str:
    shown = "".join(f"  {line}\n" for line in lines)
    return f"requirements.txt: pylock.toml does not fit\n{shown}  try: `lock requirements.txt{options}`\n"


def test_lock_fits_and_no_request_is_made(project: Project) -> None:
    run = project.lock("requirements.txt", "--check")

    assert (run.code, run.out, run.err) == (0, "", FITS)
    assert project.server.log == []


def test_quiet_yes_says_nothing(project: Project) -> None:
    run = project.lock("requirements.txt", "--check", "-q")

    assert (run.code, run.err) == (0, "")


def test_comments_and_spelling_change_nothing(project: Project) -> None:
    project.write_list("# the letter", "A  # first")

    assert project.lock("requirements.txt", "--check").code == 0


def test_changed_list_is_told_line_by_line(project: Project) -> None:
    project.write_list("b<2")

    run = project.lock("requirements.txt", "--check")

    assert (run.code, run.err) == (
        1,
        does_not_fit("- a", "+ b<2", "requirements.txt:2: `b<2` is not satisfied by b 2.1"),
    )
    assert project.server.log == []


def test_changed_setting_is_told(project: Project) -> None:
    run = project.lock("requirements.txt", "--check", "--index-strategy", "best-match", "--exclude", "c")

    assert (run.code, run.err) == (
        1,
        does_not_fit(
            "setting `exclude`: not set -> `c`",
            "setting `index-strategy`: `first-index` -> `best-match`",
            options=" --python 3.11 --index-strategy best-match --exclude c",
        ),
    )


def test_changed_target_is_told(project: Project) -> None:
    run = project.lock("requirements.txt", "--check", "--python", "3.12", "--platform", "macos")

    assert run.code == 1
    assert run.err.startswith("requirements.txt: pylock.toml does not fit\n  Python: 3.11 -> 3.12\n  platform: ")


def test_index_of_the_command_line_is_one_difference(project: Project) -> None:
    project.write("requirements.txt", "a\n")

    run = project.lock("requirements.txt", "--check")

    assert (run.code, run.err) == (1, does_not_fit("- --index-url https://index.example/simple/"))


def test_change_in_an_included_file_is_told(project: Project) -> None:
    project.write("limits.txt", "b<3\n")
    project.write_list("-c limits.txt", "a")
    project.lock("requirements.txt")
    project.write("limits.txt", "b<2\n")

    run = project.lock("requirements.txt", "--check")

    assert run.code == 1
    assert "limits.txt:1 (from requirements.txt:2): `b<2` is not satisfied by b 2.1" in run.err


def test_answer_is_in_the_json_document(project: Project) -> None:
    project.write_list("b")

    run = project.lock("requirements.txt", "--check", "--json")

    assert json.loads(run.out) == {
        "schema": 1,
        "exit_code": 1,
        "locks": [{"source": "requirements.txt", "lockfile": "pylock.toml", "differences": ["- a", "+ b"]}],
    }


def test_missing_lock_is_a_no_even_where_nothing_names_a_python(project: Project) -> None:
    (project.folder / "pylock.toml").unlink()
    project.python = None

    run = project.lock("requirements.txt", "--check")

    assert (run.code, run.err) == (1, does_not_fit("there is no such file", options=""))


def test_lock_of_another_tool_is_a_no(project: Project) -> None:
    lock = project.folder / "pylock.toml"
    foreign = lock.read_text().partition("\n[tool.pinfold]")[0].replace('"pinfold"', '"uv"')
    lock.write_text(foreign)
    project.python = None

    run = project.lock("requirements.txt", "--check")

    assert (run.code, run.err) == (
        1,
        does_not_fit("the lock was written by `uv` and holds no `[tool.pinfold]` to compare with", options=""),
    )


def test_python_of_the_lock_is_the_one_that_is_checked(project: Project) -> None:
    project.python = None

    run = project.lock("requirements.txt", "--check")

    assert (run.code, run.err) == (0, FITS)


def test_check_with_refresh_keeps_pins_that_still_exist(project: Project) -> None:
    project.server.add("b", wheel("b", "2.2"))

    run = project.lock("requirements.txt", "--check", "--refresh")

    assert (run.code, run.err) == (0, FITS)
    assert "/simple/b/" in project.server.paths()


def test_check_with_refresh_tells_what_a_new_lock_would_change(project: Project) -> None:
    before = project.read()
    project.server.projects["b"] = [wheel("b", "2.2")]

    run = project.lock("requirements.txt", "--check", "--refresh")

    assert (run.code, run.err) == (1, does_not_fit("~ b 2.1 -> 2.2"))
    assert project.read() == before


@pytest.mark.parametrize("minor", ["3.12", "3.13"])
def test_lock_made_under_one_python_fits_under_another(project: Project, minor: str) -> None:
    project.python = None
    run = project.lock_in_process("requirements.txt", "--check", python=find_interpreter(minor))

    assert (run.code, run.err) == (0, FITS)


def test_standard_input_is_checked_and_the_remedy_names_it(project: Project) -> None:
    for text in (b"a\n", b"b\n"):
        project.monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text), encoding="utf-8"))
        if text == b"a\n":
            assert project.lock("-", "-i", project.server.index_url).code == 0

    run = project.lock("-", "--check", "-i", project.server.index_url)

    assert (run.code, run.err) == (
        1,
        "standard input: pylock.stdin.toml does not fit\n  - a\n  + b\n"
        "  try: `lock - --python 3.11 --index-url https://index.example/simple/`\n",
    )


def test_remedy_has_the_options_of_the_command_and_no_credentials(project: Project) -> None:
    index = "https://me:hunter2@other.example/simple/"

    run = project.lock("requirements.txt", "--check", "--platform", "macos", "--pre", "--extra-index-url", index)

    assert run.code == 1
    assert run.err.splitlines()[-1] == (
        "  try: `lock requirements.txt --python 3.11 --platform macos"
        " --extra-index-url https://other.example/simple/ --pre`"
    )
