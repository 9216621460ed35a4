"""One run at a time in a folder of wheels."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest

from resolver.artifacts.wheelhouse import _hold_folder
from resolver.errors import RunCancelledError
from resolver.fetch.access import Cancellation

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such locks")


def fail() -> None:
    raise AssertionError("nobody else holds it")


def test_second_run_says_that_it_waits_and_goes_on_after_the_first(tmp_path: Path) -> None:
    waits, order = threading.Event(), list[str]()

    def run() -> None:
        with _hold_folder(tmp_path, announce=waits.set, ending=Cancellation()):
            order.append("second")

    with _hold_folder(tmp_path, announce=fail, ending=Cancellation()):
        second = threading.Thread(target=run)
        second.start()
        assert waits.wait(timeout=30)
        order.append("first")
    second.join(timeout=30)

    assert order == ["first", "second"]


def test_lock_is_free_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(KeyError), _hold_folder(tmp_path, announce=fail, ending=Cancellation()):
        raise KeyError

    with _hold_folder(tmp_path, announce=fail, ending=Cancellation()):
        pass


def test_what_is_no_folder_is_held_by_nobody(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with (
        _hold_folder(tmp_path / "file", announce=fail, ending=Cancellation()),
        _hold_folder(tmp_path / "file", announce=fail, ending=Cancellation()),
    ):
        pass

    assert (tmp_path / "file").is_file()


def test_wait_for_a_folder_ends_with_the_run(tmp_path: Path) -> None:
    cancellation = Cancellation()
    with (
        _hold_folder(tmp_path, announce=fail, ending=Cancellation()),
        pytest.raises(RunCancelledError),
        _hold_folder(tmp_path, announce=cancellation.cancel, ending=cancellation),
    ):
        fail()
