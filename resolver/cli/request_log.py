"""`-v`: each request of a run as a line on standard error.

This is a module of its own, and short, because it imports `logging`, which takes 8 ms: only a run with `-v` imports it.
"""

from __future__ import annotations

import logging
import sys

from resolver.cli.output import escape_text

__all__ = ["show_requests"]


def show_requests() -> None:
    """Print the records of pinfold's own loggers from now on.

    The records of httpx and httpcore are not printed: they may have secrets of a URL, which our records leave out.
    """
    logger = logging.getLogger("pinfold")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_SafeFormatter("%(message)s"))
    logger.handlers = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False


class _SafeFormatter(logging.Formatter):
    """Records as text whose control characters are escaped, so that they have no effect on a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """The record in one line."""
        return escape_text(super().format(record), keep_newlines=False)
