"""The way from one folder to another, for paths in files that are written elsewhere than the lock lies."""

from __future__ import annotations

import os
from pathlib import Path

from resolver.errors import InputError

__all__ = ["way_to"]


def way_to(folder: Path, start: Path) -> str:
    """The relative path from one folder to another. Raises InputError where there is none: another drive."""
    try:
        return Path(os.path.relpath(folder.resolve(), start.resolve())).as_posix()
    except ValueError as error:
        raise InputError("the lock lies on another drive, to which no relative path leads") from error
