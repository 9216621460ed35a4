"""The errors of the resolver, and the trees that the docstrings of both modules draw."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import lockfiles
import lockfiles.errors
import resolver
import resolver.errors
from lockfiles.errors import ExportError
from resolver.errors import FetchError, InputError, MetadataError, PinfoldError, Position, without_traceback
from tests.test_copies import find_errors

_WHERE = Position(source="requirements.txt", line=4)


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
    assert len(drawn) == 8


def test_one_module_lays_out_the_parts() -> None:
    found = [
        path.as_posix()
        for package in (resolver, lockfiles)
        for path in Path(package.__path__[0]).rglob("*.py")
        if re.search(r'(\\n|["\'])  (because |try: )', path.read_text(encoding="utf-8"))
    ]
    assert [path.partition("lockfiles/")[2] for path in found] == ["errors.py"]
