"""The parts of an error, their one text, and the trees that the docstrings draw."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import lockfiles
import lockfiles.errors
import resolver
import resolver.errors
from lockfiles import ExportError, Fault
from resolver.errors import (
    FetchError,
    InputError,
    MetadataError,
    PinfoldError,
    Position,
    TargetError,
    without_traceback,
)
from tests.test_copies import find_errors

_WHERE = Position(source="requirements.txt", line=4)


def test_text_has_the_parts_in_order() -> None:
    error = InputError(
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
        "requirements.txt:4: `torch` is refused\n"
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
    error = InputError("`torch` is refused")
    assert str(error) == "`torch` is refused"
    assert (error.where, error.why, error.remedy) == ("", "", "")


@pytest.mark.parametrize("part", ["what", "where", "why", "remedy"])
def test_line_break_in_a_part_begins_no_line(part: str) -> None:
    fault = Fault(**{"what": "a", part: "b\n  try: c"})  # type: ignore[arg-type]  # one of several names
    assert "b\\n  try: c" in str(fault)


def test_outer_place_stands_before_the_inner_one() -> None:
    error = TargetError("unknown GPU `X`", where="families[0]", remedy="`GPU-A100`")
    placed = error.at(_WHERE)
    assert str(placed) == "requirements.txt:4: families[0]: unknown GPU `X`\n  try: `GPU-A100`"
    assert (type(placed), str(error)) == (TargetError, "families[0]: unknown GPU `X`\n  try: `GPU-A100`")


def test_outer_place_alone_stays_a_value() -> None:
    assert InputError("a").at(_WHERE).where is _WHERE


def test_several_faults_are_told_in_their_order() -> None:
    error = InputError.from_faults([Fault(what="a", where="x"), Fault(what="b", remedy="c")])
    assert str(error) == "x: a\nb\n  try: c"
    assert (error.what, error.where, error.remedy, len(error.faults)) == ("a", "x", "c", 2)


def test_place_of_a_fetch_error_is_its_url_unless_a_position_is_known() -> None:
    error = FetchError("status 404", url="https://index.example/")
    assert (error.where, error.at(_WHERE).where) == ("https://index.example/", _WHERE)


def test_reason_of_a_metadata_error_is_one_line_without_place_and_remedy() -> None:
    error = MetadataError("a", where=_WHERE, why="b", remedy="c", project="p", filename="f")
    assert error.reason == "a, because b"


def test_errors_of_lockfiles_are_bad_input() -> None:
    assert isinstance(ExportError("a"), PinfoldError)
    assert ExportError("a").exit_code == InputError("a").exit_code == 2


def test_error_without_traceback_has_no_frame_of_the_work() -> None:
    def work() -> None:
        try:
            raise ValueError("hunter2")
        except ValueError as cause:
            raise InputError("a") from cause

    with pytest.raises(InputError) as caught:
        without_traceback(work)
    frames = [frame.name for frame in caught.traceback]
    assert "work" not in frames
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


def test_trees_in_the_docstrings_are_the_trees() -> None:
    drawn = set()
    for module in (resolver.errors, lockfiles.errors):
        drawn |= set(re.findall(r"^    [ │├└─]*(\w+Error)\b", module.__doc__ or "", re.MULTILINE))
    assert drawn == {kind.__name__ for kind in find_errors()}


def test_exit_codes_in_the_docstring_are_those_of_the_classes() -> None:
    drawn = dict(re.findall(r"^    [ │├└─]*(\w+Error)\s+(\d)", resolver.errors.__doc__ or "", re.MULTILINE))
    codes = {kind.__name__: str(kind.exit_code) for kind in find_errors()}
    assert drawn == {name: codes[name] for name in drawn}
    assert len(drawn) == 7


def test_one_module_lays_out_the_parts() -> None:
    found = [
        path.as_posix()
        for package in (resolver, lockfiles)
        for path in Path(package.__path__[0]).rglob("*.py")
        if re.search(r'(\\n|["\'])  (because |try: )', path.read_text(encoding="utf-8"))
    ]
    assert [path.partition("lockfiles/")[2] for path in found] == ["errors.py"]
