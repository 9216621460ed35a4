"""A line on a terminal that says how far a download has come; nothing where standard error is no terminal."""

from __future__ import annotations

import sys
import time

from resolver.artifacts.downloads import Progress
from resolver.cli.output import render_bytes

__all__ = ["ProgressLine"]

_EVERY_S = 0.2
_CLEAR = "\r\x1b[K"


class ProgressLine:
    """Shows one line, over and over; `clear` takes it away."""

    def __init__(self, *, is_shown: bool) -> None:
        self._is_shown = is_shown and sys.stderr.isatty()
        self._next_s = 0.0
        self._has_line = False

    def show(self, progress: Progress) -> None:
        """The state of now, not more often than can be read."""
        now = time.monotonic()
        if not self._is_shown or now < self._next_s:
            return
        self._next_s, self._has_line = now + _EVERY_S, True
        sizes = f"{render_bytes(progress.bytes_done)} of {render_bytes(progress.bytes)}"
        sys.stderr.write(f"{_CLEAR}{progress.files_done} of {progress.files} files, {sizes}")
        sys.stderr.flush()

    def clear(self) -> None:
        """Take the line away."""
        if self._has_line:
            sys.stderr.write(_CLEAR)
            sys.stderr.flush()
            self._has_line = False
