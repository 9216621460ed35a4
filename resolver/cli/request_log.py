"""`-v`: each request of a run as a line on standard error."""

from __future__ import annotations

import logging
import sys

from resolver.cli.output import escape_text

__all__ = ["show_requests"]


def show_requests() -> None:
    """Show the records of pinfold's own loggers from now on; those of libraries may hold what ours keep out."""
    logger = logging.getLogger("pinfold")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_SafeFormatter("%(message)s"))
    logger.handlers = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False


class _SafeFormatter(logging.Formatter):
    """Records as text that a terminal shows and does not obey."""

    def format(self, record: logging.LogRecord) -> str:
        """The record in one line."""
        return escape_text(super().format(record), keep_newlines=False)
