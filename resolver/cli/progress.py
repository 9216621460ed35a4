"""How far a run has come: a few lines at the foot of a terminal, and the decisions of the search for `-v`.

In: the events of a run (`resolver.index.events`), from any thread. Out: lines on standard error that are overwritten,
and gone when the run is done; for `-v` a line for each decision, which stays.

The lines are shown where standard error is a terminal, and under none of `-q`, `--json`, `-v` and `CI`. They appear
after half a second, so a warm run shows none and loads nothing for them. `rich` draws them where it is installed (the
extra `progress`); else they are one line. `show_message` removes them while it prints.

The texts of events come from lists and indexes, so control characters are escaped, and markup of rich has no effect.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Protocol, TextIO
from urllib.parse import unquote, urlsplit

from resolver.cli.output import escape_text, pause_for_messages, render_bytes, show_message

if TYPE_CHECKING:
    from resolver.artifacts.downloads import Progress
    from resolver.index.events import Event, FileBegan, Observe, Rejected

__all__ = ["DownloadState", "ProgressDisplay", "RunState", "describe_decision", "is_shown", "observe_run"]

_DELAY_S = 0.5
"""Runs that end earlier show nothing."""
_INTERVAL_S = 0.1
_LONG_WAIT_S = 3.0
"""A run without an answer for so long names the host that it waits for."""
_MANY_COLLISIONS = 50
"""After so many collisions a search names the project that it is stuck on; most searches have fewer."""
_FILES_SHOWN = 4
_CLEAR_LINE = "\r\x1b[K"


class ShownState(Protocol):
    """What a display draws."""

    def render(self, now: float) -> tuple[str, ...]:
        """The lines for now, in seconds of `time.monotonic`; the first one is enough to know that something happens."""
        ...


def is_shown(stream: TextIO, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether a stream is a terminal that can overwrite lines, and that a person watches."""
    if environ.get("CI", "").lower() not in ("", "0", "false") or environ.get("TERM") == "dumb":
        return False
    with suppress(AttributeError, ValueError):  # A closed stream, or none at all.
        return stream.isatty()
    return False


@contextmanager
def observe_run(*, is_wanted: bool, is_told: bool) -> Iterator[Observe | None]:
    """The listener of a run of `lock`, None where nothing is shown; at the end the lines are gone.

    `is_wanted` asks for progress, where a terminal can show it. `is_told` prints decisions instead.
    """
    if is_told:
        yield _tell
    elif is_wanted and is_shown(sys.stderr):
        state = RunState()
        with ProgressDisplay(state) as display:
            yield lambda event: display.begin() if state.note(event) else None
    else:
        yield None


def describe_decision(event: Event) -> str | None:
    """A line about a decision of the search, for `-v`; None for an event of any other kind."""
    # Lazy, as in `RunState`: only a run that tells or shows something loads the events.
    from resolver.index.events import BuildBegan, Decided, Recalled, Rejected

    match event:
        case Decided(name=name, version=version):
            return f"{name} {version} is taken"
        case Rejected(name=name, version=version):
            return f"{name} {version} is ruled out: {_describe_demands(event)}"
        case Recalled(pins=pins):
            return f"{pins} pins are those of an earlier run: no page and no metadata behind them has changed"
        case BuildBegan(described=described):
            return f"`{described}` is built for its metadata"
        case _:
            return None


class RunState:
    """What a run of `lock` does: requests, search, files, builds. May be used from any thread."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began_s = clock()
        self._lock = threading.Lock()
        self._waiting: Counter[str] = Counter()
        self._answered_s = self._began_s
        self._counts: Counter[str] = Counter()
        self._bytes = 0
        self._files: dict[str, tuple[FileBegan, float]] = {}
        self._read: Counter[str] = Counter()
        self._builds: dict[str, float] = {}
        self._search = ""
        self._collisions: Counter[str] = Counter()
        self._last: dict[str, Rejected] = {}

    def note(self, event: Event) -> bool:
        """Take an event in; whether something takes time now that the display should be begun for."""
        from resolver.index.events import RequestBegan

        with self._lock:
            self._take(event)
        # Never before the first request: pages are read in forked processes, which are not started beside a thread.
        return isinstance(event, RequestBegan) or self._clock() - self._began_s > _DELAY_S

    def render(self, now: float) -> tuple[str, ...]:
        """See `ShownState`."""
        with self._lock:
            lines = (self._render_counts(now), *self._iter_files(now), *self._iter_builds(now), *self._iter_search())
        return tuple(escape_text(line, keep_newlines=False) for line in lines)

    def _take(self, event: Event) -> None:
        from resolver.index import events

        match event:
            case events.RequestBegan(url=url):
                if not self._waiting:
                    self._answered_s = self._clock()
                self._waiting[url] += 1
            case events.Received(url=url, size_bytes=size_bytes):
                self._answered_s = self._clock()
                self._bytes += size_bytes
                self._read[_find_filename(url)] += size_bytes
            case events.RequestEnded(url=url, is_page=is_page):
                self._end_request(url, is_page=is_page)
            case events.FileBegan(filename=filename):
                self._files[filename] = event, self._clock()
                self._read[filename] = 0
            case events.BuildBegan(described=described):
                self._builds[described] = self._clock()
            case events.BuildEnded(described=described):
                self._builds.pop(described, None)
            case events.Decided(name=name, version=version, round=step):
                self._search = f"search: {name} {version}, step {step + 1}"
            case events.Rejected(name=name):
                self._collisions[name] += 1
                self._last[name] = event
            case _:
                pass

    def _end_request(self, url: str, *, is_page: bool) -> None:
        self._answered_s = self._clock()
        self._waiting[url] -= 1
        if self._waiting[url] <= 0:
            del self._waiting[url]
        filename = _find_filename(url)
        self._files.pop(filename, None)
        self._read.pop(filename, None)
        self._counts["page" if is_page else "file"] += 1

    def _render_counts(self, now: float) -> str:
        parts = [f"{now - self._began_s:.0f} s"]
        parts += [
            f"{number} {noun}{'s' * (number != 1)}" for noun, number in sorted(self._counts.items(), reverse=True)
        ]
        if self._bytes:
            parts.append(render_bytes(self._bytes))
        if self._waiting and now - self._answered_s >= _LONG_WAIT_S:
            hosts = Counter(urlsplit(url).netloc for url in self._waiting)
            host, _ = min(hosts.items(), key=lambda row: (-row[1], row[0]))
            parts.append(f"waiting for {host} since {now - self._answered_s:.0f} s")
        return ", ".join(parts)

    def _iter_files(self, now: float) -> Iterator[str]:
        for filename, (file, began_s) in list(self._files.items())[:_FILES_SHOWN]:
            read = self._read[filename]
            rate = read / max(now - began_s, 0.001)
            whole = "" if file.size_bytes is None else f" of {render_bytes(file.size_bytes)}"
            yield f"reading {filename}: {render_bytes(read)}{whole}, {render_bytes(int(rate))}/s"

    def _iter_builds(self, now: float) -> Iterator[str]:
        for described, began_s in list(self._builds.items())[:_FILES_SHOWN]:
            yield f"building {described}: {now - began_s:.0f} s"

    def _iter_search(self) -> Iterator[str]:
        if self._search:
            yield self._search
        if self._collisions.total() >= _MANY_COLLISIONS:
            name, number = min(self._collisions.items(), key=lambda row: (-row[1], row[0]))
            last = self._last[name]
            yield f"stuck on {name}: {number} times ruled out, {last.version} by {_describe_demands(last)}"


class DownloadState:
    """How far the verb `fetch` has come: files, and bytes of those whose size the lock has, with their rate."""

    def __init__(self) -> None:
        self._began_s = time.monotonic()
        self._progress: Progress | None = None
        self._first_bytes = 0

    def note(self, progress: Progress) -> None:
        """Take in how far the run has come. What was there before it began is not part of the rate."""
        if self._progress is None:
            self._first_bytes, self._began_s = progress.bytes_done, time.monotonic()
        self._progress = progress

    def render(self, now: float) -> tuple[str, ...]:
        """See `ShownState`."""
        progress = self._progress
        if progress is None:
            return ()
        rate = (progress.bytes_done - self._first_bytes) / max(now - self._began_s, 0.001)
        sizes = f"{render_bytes(progress.bytes_done)} of {render_bytes(progress.bytes)}"
        # While sources are built nothing is downloaded any more, and the rate would only fall.
        speed = "" if progress.files_done == progress.files else f", {render_bytes(int(rate))}/s"
        return (f"{progress.files_done} of {progress.files} files, {sizes}{speed}",)


class ProgressDisplay:
    """Draws a state on standard error ten times a second, from a thread of its own; a context manager.

    The thread starts with `begin`, which may be called often and from any thread.
    """

    def __init__(self, state: ShownState, *, delay_s: float = _DELAY_S) -> None:
        self._state = state
        self._delay_s = delay_s
        self._lock = threading.RLock()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._drawing: _RichLines | _PlainLine | None = None
        self._next_s = 0.0

    def __enter__(self) -> ProgressDisplay:
        pause_for_messages(self.paused)
        return self

    def __exit__(self, *_: object) -> None:
        pause_for_messages(None)
        self._ended.set()
        with self._lock:
            self._clear()
        if self._thread is not None:
            self._thread.join()

    def begin(self) -> None:
        """Start to draw, after the delay."""
        if self._thread is None and not self._ended.is_set():
            with self._lock:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._draw_often, daemon=True)
                    self._thread.start()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """A context in which the terminal has no lines of this display, and gets none."""
        with self._lock:
            self._clear()
            yield
            # The run may end with this message, so the lines come back only if it goes on.
            self._next_s = time.monotonic() + self._delay_s

    def _draw_often(self) -> None:
        if self._ended.wait(self._delay_s):
            return
        drawing = _open_drawing()
        while True:
            with self._lock:
                if self._ended.is_set():
                    return
                now = time.monotonic()
                lines = self._state.render(now)
                if lines and now >= self._next_s:
                    self._drawing = drawing
                    drawing.draw(lines)
            self._ended.wait(_INTERVAL_S)

    def _clear(self) -> None:
        if self._drawing is not None:
            self._drawing.clear()
            self._drawing = None


class _PlainLine:
    """The last two facts in one line, for a terminal without rich."""

    def draw(self, lines: tuple[str, ...]) -> None:
        """Overwrite the line."""
        try:
            columns = os.get_terminal_size(sys.stderr.fileno()).columns
        except (OSError, ValueError):
            columns = 80
        # No newline: the next state overwrites this one. The last column stays free, so that nothing wraps.
        self._write(f"{_CLEAR_LINE}{'; '.join(dict.fromkeys((lines[0], lines[-1])))[: columns - 1]}")

    def clear(self) -> None:
        """Remove the line."""
        self._write(_CLEAR_LINE)

    def _write(self, text: str) -> None:
        """Write to the terminal; nothing where it is gone."""
        with suppress(OSError):
            sys.stderr.write(text)
            sys.stderr.flush()


class _RichLines:
    """All lines, drawn by rich, with something that moves before the first one."""

    def __init__(self) -> None:
        # Lazy: 60 ms, which only a run that shows lines spends, in a thread beside its work.
        from rich.console import Console
        from rich.spinner import Spinner

        # No `redirect`: messages are printed by `show_message`, as they are everywhere else.
        self._console = Console(stderr=True, highlight=False, markup=False, emoji=False)
        self._spinner = Spinner("dots")
        self._live: Any = None

    def draw(self, lines: tuple[str, ...]) -> None:
        """Overwrite the lines."""
        from rich.console import Group
        from rich.live import Live
        from rich.text import Text

        if self._live is None:
            self._live = Live(
                console=self._console,
                auto_refresh=False,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()
        self._spinner.update(text=Text(lines[0], no_wrap=True, overflow="ellipsis"))
        others = [Text(f"  {line}", no_wrap=True, overflow="ellipsis", style="dim") for line in lines[1:]]
        with suppress(OSError):
            self._live.update(Group(self._spinner, *others), refresh=True)

    def clear(self) -> None:
        """Remove the lines."""
        if self._live is not None:
            with suppress(OSError):
                self._live.stop()
            self._live = None


def _open_drawing() -> _RichLines | _PlainLine:
    """The way to draw lines: rich where it is installed."""
    try:
        return _RichLines()
    except ImportError:
        return _PlainLine()


def _tell(event: Event) -> None:
    """Print a decision."""
    line = describe_decision(event)
    if line is not None:
        show_message(escape_text(line, keep_newlines=False))


def _describe_demands(event: Rejected) -> str:
    """The demands that rule a version out, each with its project: `numpy<2 (of a), numpy>=2`; the list is not named."""
    texts = dict.fromkeys(text if parent is None else f"{text} (of {parent})" for text, parent in event.demands)
    shown = list(texts)[:3]
    return ", ".join(shown) + (" …" if len(texts) > len(shown) else "") if shown else "earlier decisions"


def _find_filename(url: str) -> str:
    """The file name of a URL, as a project page lists it."""
    return unquote(urlsplit(url).path.rpartition("/")[2])
