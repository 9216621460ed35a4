"""The parts of an error, and the one text that they make."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from lockfiles import LockfileError
from lockfiles.errors import ExportError, Fault, join_key, parser_boundary

_WHERE = PurePosixPath("pylock.toml")


def test_text_has_the_parts_in_order() -> None:
    error = LockfileError(
        "`torch` is refused",
        where=_WHERE,
        involved=("requirements[0]: `torch`",),
        why="it is so",
        details=("locked: a", "found:  b"),
        remedy="write these lines",
        other_remedies=("leave it out",),
        quoted=("[tool.pinfold]", "pre = true"),
    )
    assert str(error) == (
        "pylock.toml: `torch` is refused\n"
        "  requirements[0]: `torch`\n"
        "  because it is so\n"
        "  locked: a\n"
        "  found:  b\n"
        "  try: write these lines\n"
        "  try: leave it out\n"
        "    [tool.pinfold]\n"
        "    pre = true"
    )
    assert (error.what, error.where, error.why, error.remedy) == (
        "`torch` is refused",
        _WHERE,
        "it is so",
        "write these lines",
    )


def test_text_without_other_parts_is_what_is_wrong() -> None:
    error = LockfileError("`torch` is refused")
    assert str(error) == "`torch` is refused"
    assert (error.where, error.why, error.remedy) == ("", "", "")


@pytest.mark.parametrize("part", ["what", "where", "why", "remedy"])
def test_line_break_in_a_part_begins_no_line(part: str) -> None:
    fault = Fault(**{"what": "a", part: "b\n  try: c"})  # type: ignore[arg-type]  # one of several names
    assert "b\\n  try: c" in str(fault)


def test_outer_place_stands_before_the_inner_one() -> None:
    error = ExportError("unknown GPU `X`", where="families[0]", remedy="`GPU-A100`")
    placed = error.at(_WHERE)
    assert str(placed) == "pylock.toml: families[0]: unknown GPU `X`\n  try: `GPU-A100`"
    assert (type(placed), str(error)) == (ExportError, "families[0]: unknown GPU `X`\n  try: `GPU-A100`")


def test_outer_place_alone_stays_a_value() -> None:
    assert LockfileError("a").at(_WHERE).where is _WHERE


def test_several_faults_are_told_in_their_order() -> None:
    error = LockfileError.from_faults([Fault(what="a", where="x"), Fault(what="b", remedy="c")])
    assert str(error) == "x: a\nb\n  try: c"
    assert (error.what, error.where, error.remedy, len(error.faults)) == ("a", "x", "c", 2)


def test_document_path_quotes_keys_that_are_not_bare() -> None:
    assert join_key("", "tool") == "tool"
    assert join_key("tool.pinfold.build", "torch") == "tool.pinfold.build.torch"
    assert join_key("tool.pinfold.build", "a.ä") == 'tool.pinfold.build."a.\\u00e4"'


def _refuse(reason: str) -> LockfileError:
    return LockfileError(f"the input: {reason}")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (RecursionError(), "the input: it is nested too deep"),
        (MemoryError(), "the input: it is nested too deep"),
        (OverflowError("secret"), "the input: it cannot be read (OverflowError)"),
        (KeyError("secret"), "the input: it cannot be read (KeyError)"),
        (UnicodeEncodeError("idna", "secret", 0, 1, "secret"), "the input: it cannot be read (UnicodeEncodeError)"),
    ],
)
def test_an_exception_of_a_parser_becomes_its_own_error(error: Exception, message: str) -> None:
    @parser_boundary(_refuse)
    def parse() -> None:
        raise error

    with pytest.raises(LockfileError) as caught:
        parse()
    assert str(caught.value) == message
    assert caught.value.__cause__ is error


@pytest.mark.parametrize("error", [LockfileError("ours"), OSError(5, "disk"), ZeroDivisionError(), KeyboardInterrupt()])
def test_errors_of_ours_and_of_the_system_pass_a_boundary(error: BaseException) -> None:
    @parser_boundary(_refuse, own=ZeroDivisionError)
    def parse() -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        parse()
    assert caught.value is error
