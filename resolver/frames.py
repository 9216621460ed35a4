"""Errors without the frames that found them, for code that has whole files in its hands.

Who reports errors with the values of all locals (as tools for logging do) would report a list with its secrets, too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from resolver.errors import PinfoldError

__all__ = ["leave_frames"]

_T = TypeVar("_T")


def leave_frames(work: Callable[[], _T]) -> _T:
    """What the work gives. A PinfoldError of it is raised without its frames and causes."""
    try:
        return work()
    except PinfoldError as error:
        fault = error.with_traceback(None)
    fault.__cause__ = fault.__context__ = None
    raise fault
