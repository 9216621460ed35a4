"""The lines that show how far a run has come, and where they are shown: on a terminal, to a person."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from packaging.utils import NormalizedName
from packaging.version import Version

from resolver.artifacts.downloads import Progress
from resolver.cli.output import show_message
from resolver.cli.progress import DownloadState, ProgressDisplay, RunState, describe_decision, is_shown
from resolver.index.events import (
    BuildBegan,
    BuildEnded,
    Decided,
    Event,
    FileBegan,
    Recalled,
    Received,
    Rejected,
    RequestBegan,
    RequestEnded,
)
from tests.command import Project
from tests.servers import wheel

URL = "https://index.example/simple/a/"
WHEEL = "https://index.example/files/torch-2.1%2Bcu118.whl"
ROOT = str(Path(__file__).parents[2])
_ENTRY = "from resolver.cli import run; run()"
A, B = NormalizedName("a"), NormalizedName("b")
COLLISION = Rejected(name=A, version=Version("2.0"), demands=(("a<2", B), ("a>=2", None)))


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def render(*events: Event, after_s: float = 0.0) -> tuple[str, ...]:
    """The lines after these events, and then some seconds in which nothing happens."""
    clock = Clock()
    state = RunState(clock=clock)
    for event in events:
        state.note(event)
    return state.render(clock.now + after_s)


def test_pages_files_and_bytes_are_counted() -> None:
    page = (RequestBegan(url=URL), Received(url=URL, size_bytes=1500), RequestEnded(url=URL, is_page=True))
    file = (RequestBegan(url=WHEEL), Received(url=WHEEL, size_bytes=500), RequestEnded(url=WHEEL))

    assert render(*page, *page, *file, after_s=12.0) == ("12 s, 2 pages, 1 file, 3.50 kB",)


def test_a_request_without_an_answer_is_named_after_a_while() -> None:
    assert render(RequestBegan(url=URL), after_s=2.0) == ("2 s",)
    assert render(RequestBegan(url=URL), after_s=7.0) == ("7 s, waiting for index.example since 7 s",)
    assert render(RequestBegan(url=URL), RequestEnded(url=URL), after_s=7.0) == ("7 s, 1 file",)


def test_a_whole_file_has_its_bytes_its_size_and_their_rate_until_it_is_read() -> None:
    begun = (
        FileBegan(filename="torch-2.1+cu118.whl", size_bytes=750_000_000),
        RequestBegan(url=WHEEL),
        Received(url=WHEEL, size_bytes=120_000_000),
    )

    assert render(*begun, after_s=2.0)[1] == "reading torch-2.1+cu118.whl: 120 MB of 750 MB, 60.0 MB/s"
    assert render(*begun, RequestEnded(url=WHEEL), after_s=2.0) == ("2 s, 1 file, 120 MB",)


def test_a_build_is_shown_until_it_ends() -> None:
    began = BuildBegan(described="c-1.0.tar.gz")

    assert render(began, after_s=9.0) == ("9 s", "building c-1.0.tar.gz: 9 s")
    assert render(began, BuildEnded(described="c-1.0.tar.gz")) == ("0 s",)


def test_the_search_shows_its_last_decision_and_what_it_is_stuck_on_after_many_collisions() -> None:
    decided = Decided(name=A, version=Version("2.0"), round=41)

    assert render(decided, COLLISION) == ("0 s", "search: a 2.0, step 42")
    assert render(decided, *[COLLISION] * 50) == (
        "0 s",
        "search: a 2.0, step 42",
        "stuck on a: 50 times ruled out, 2.0 by a<2 (of b), a>=2",
    )


def test_control_characters_of_an_index_do_not_reach_the_terminal() -> None:
    assert render(FileBegan(filename="a\x1b[2J\n.whl", size_bytes=None))[1].startswith("reading a\\x1b[2J\\n.whl: ")


def test_only_a_request_or_a_slow_step_begins_the_display() -> None:
    clock = Clock()
    state = RunState(clock=clock)
    decided = Decided(name=A, version=Version("2.0"), round=0)

    assert not state.note(decided)
    assert state.note(RequestBegan(url=URL))
    clock.now += 1.0
    assert state.note(decided)


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (Decided(name=A, version=Version("2.0"), round=0), "a 2.0 is taken"),
        (COLLISION, "a 2.0 is ruled out: a<2 (of b), a>=2"),
        (Rejected(name=A, version=Version("2.0"), demands=()), "a 2.0 is ruled out: earlier decisions"),
        (Recalled(pins=3), "3 pins are those of an earlier run: no page and no metadata behind them has changed"),
        (BuildBegan(described="c-1.0.tar.gz"), "`c-1.0.tar.gz` is built for its metadata"),
        (RequestBegan(url=URL), None),
    ],
)
def test_a_decision_is_a_line(event: Event, line: str | None) -> None:
    assert describe_decision(event) == line


def test_the_rate_of_downloads_leaves_out_what_was_there_before(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr("time.monotonic", clock)
    state = DownloadState()
    assert state.render(clock.now) == ()
    state.note(Progress(files_done=1, files=3, bytes_done=1_000_000, bytes=9_000_000))
    state.note(Progress(files_done=2, files=3, bytes_done=5_000_000, bytes=9_000_000))

    assert state.render(clock.now + 2.0) == ("2 of 3 files, 5.00 MB of 9.00 MB, 2.00 MB/s",)

    state.note(Progress(files_done=3, files=3, bytes_done=9_000_000, bytes=9_000_000))
    assert state.render(clock.now + 60.0) == ("3 of 3 files, 9.00 MB of 9.00 MB",)


class _Stream:
    """A stream that is a terminal, or is not."""

    def __init__(self, is_terminal: bool) -> None:
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


@pytest.mark.parametrize(
    ("is_terminal", "environ", "shown"),
    [
        (True, {}, True),
        (True, {"CI": "false"}, True),
        (True, {"CI": "true"}, False),
        (True, {"TERM": "dumb"}, False),
        (False, {}, False),
    ],
)
def test_lines_are_for_a_terminal_that_a_person_watches(
    is_terminal: bool, environ: dict[str, str], shown: bool
) -> None:
    assert is_shown(_Stream(is_terminal), environ) is shown  # type: ignore[arg-type]  # all that is asked of a stream


@contextmanager
def terminal() -> Iterator[tuple[int, Callable[[], bytes]]]:
    """A terminal of 80 columns: its file, and a function that reads all that was written, once nobody has it open."""
    ours, theirs = pty.openpty()
    os.set_blocking(ours, True)

    def read() -> bytes:
        os.close(theirs)
        parts = []
        try:
            while part := os.read(ours, 65536):
                parts.append(part)
        except OSError:  # Linux ends the output of a terminal so.
            pass
        return b"".join(parts)

    try:
        yield theirs, read
    finally:
        os.close(ours)


def lock_on_terminal(project: Project, *words: str, **environment: str) -> str:
    """What a run wrote to its terminal. The first page waits until the display must have drawn."""
    with terminal() as (file, read):
        child = {name: value for name, value in os.environ.items() if name not in {"CI", "COLUMNS"}}
        process = subprocess.Popen(
            [sys.executable, "-c", _ENTRY, "requirements.txt", "--python", "3.11", *words],
            cwd=project.folder,
            env={
                **child,
                "TERM": "xterm",
                "PINFOLD_CACHE_DIR": str(project.cache),
                "PYTHONPATH": str(Path(__file__).parents[2]),
                **environment,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=file,
        )
        assert process.wait(timeout=60) == 0
        return read().decode()


WITHOUT_RICH = """\
import sys
sys.modules["rich"] = None
"""


@pytest.mark.parametrize("has_rich", [True, False])
def test_a_slow_run_shows_its_progress_on_a_terminal_and_takes_it_away(
    project: Project, tmp_path: Path, has_rich: bool
) -> None:
    project.server.add("slow", wheel("slow", "1.0"))
    project.server.latency_s = 1.5
    project.write_list("slow")
    (tmp_path / "site").mkdir()
    if not has_rich:
        (tmp_path / "site" / "sitecustomize.py").write_text(WITHOUT_RICH)
    path = f"{tmp_path / 'site'}:{ROOT}"

    shown = lock_on_terminal(project, PYTHONPATH=path)

    assert "1 page" in shown
    assert ("\x1b[?25l" in shown) is has_rich  # rich hides the cursor.
    # No line of the display is behind the last code that erases one.
    assert not re.search(r"\d+ s(, \d+ page[^\x1b]*)?$", shown)
    assert "\nrequirements.txt → " in shown.replace("\x1b", "\n").replace("[2K", "").replace("[K", "").replace("\r", "")


@pytest.mark.parametrize(
    ("words", "environment"), [(("-q",), {}), (("--json",), {}), (("-v",), {}), ((), {"CI": "true"})]
)
def test_no_progress_is_shown_to_whom_it_does_not_serve(
    project: Project, words: tuple[str, ...], environment: dict[str, str]
) -> None:
    project.server.add("slow", wheel("slow", "1.0"))
    project.server.latency_s = 1.0
    project.write_list("slow")

    assert "\x1b" not in lock_on_terminal(project, *words, **environment)


def test_a_message_is_printed_where_no_line_of_the_display_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "rich.console", None)  # As where rich is not installed.
    drawn = threading.Semaphore(0)

    class Fixed:
        def render(self, now: float) -> tuple[str, ...]:
            drawn.release()
            return ("working",)

    with ProgressDisplay(Fixed(), delay_s=0.0) as display:
        display.begin()
        # The second state is rendered after the first one was drawn.
        assert drawn.acquire(timeout=10) and drawn.acquire(timeout=10)
        with display.paused():
            assert capsys.readouterr().err.endswith("working\r\x1b[K")
            show_message("warning: something")
            assert capsys.readouterr().err == "warning: something\n"
    show_message("done")
    assert capsys.readouterr().err.endswith("done\n")
