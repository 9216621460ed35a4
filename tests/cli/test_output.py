"""What lists, indexes and metadata say is shown on a terminal and never obeyed."""

from __future__ import annotations

import pytest

from resolver.cli.output import escape_text
from tests.command import Project
from tests.servers import wheel

HOSTILE = "\x1b[31m\x07\u202e\u2028"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text", "plain text"),
        ("größer → 1", "größer → 1"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\rb", "a\\rb"),
        ("\u202eevil", "\\u202eevil"),
        ("\u200bhidden", "\\u200bhidden"),
        ("line\u2028line", "line\\u2028line"),
        ("\ud800", "\\ud800"),
        ("two\nlines", "two\nlines"),
        ("::error::x", "\\x3a:error::x"),
        ("a\n  ::set-env name=x::y\n::z", "a\n  \\x3a:set-env name=x::y\n\\x3a:z"),
        ("a ##[error]b", "a \\x23#[error]b"),
        ("app.py::Name", "app.py::Name"),
    ],
)
def test_control_and_format_characters_are_shown_as_escapes(text: str, shown: str) -> None:
    assert escape_text(text) == shown


def test_newlines_are_escaped_where_a_line_is_wanted() -> None:
    assert escape_text("two\nlines", keep_newlines=False) == "two\\nlines"


def test_item_of_a_list_reaches_the_terminal_escaped(project: Project) -> None:
    project.write("app.py", f"class Chat:\n    requirements = [{HOSTILE + 'a ==!'!r}]\n")

    run = project.lock("app.py")

    assert run.code == 2
    assert "\\x1b[31m\\x07\\u202e\\u2028a ==!" in run.err
    assert not set(HOSTILE) - {"[", "3", "1", "m"} & set(run.err)


def test_newline_in_an_item_forges_no_line(project: Project) -> None:
    project.write("app.py", 'class Chat:\n    requirements = ["a ==!\\nerror: all is lost"]\n')

    run = project.lock("app.py")

    assert run.code == 2
    assert "\nerror: all is lost" not in run.err
    assert "a ==!\\nerror: all is lost" in run.err


def test_index_url_reaches_the_terminal_escaped(project: Project) -> None:
    project.write("app.py", f"class Chat:\n    requirements = ['-i', 'http://127.0.0.1:9/{HOSTILE}/', 'a']\n")

    run = project.lock("app.py", "--offline")

    assert run.code in (2, 4)
    assert not (set(HOSTILE) - {"[", "3", "1", "m"}) & set(run.err)


def test_file_name_of_an_index_reaches_the_terminal_escaped(project: Project) -> None:
    project.server.add("a", wheel("a", "1.0", filename=f"a-1.0{HOSTILE}-py3-none-any.whl"))
    project.write_list("a")

    run = project.lock("requirements.txt")

    assert run.code == 3
    assert not (set(HOSTILE) - {"[", "3", "1", "m"}) & set(run.err)


def test_reason_of_a_yanked_version_forges_no_line(project: Project) -> None:
    project.server.add("a", wheel("a", "1.0", yanked="broken\n\x1b[31merror: all is lost"))
    project.write_list("a")

    run = project.lock("requirements.txt")

    assert (run.code, run.err) == (
        3,
        "error: no solution for Python 3.11 on manylinux_2_35_x86_64: no usable version of `a`\n"
        "  requirements.txt:2: `a`\n"
        "  because https://index.example/simple/ has 1 version in 1 file; with the right version, but unusable:\n"
        "    1.0: yanked (broken  [31merror: all is lost)\n"
        "  try: `a==1.0`, if the yanked version is meant (tested: it locks)\n",
    )
