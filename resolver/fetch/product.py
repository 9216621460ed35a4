"""What this program is: a text that changes with its code, its data, and the libraries that decide answers."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from importlib.machinery import PathFinder
from pathlib import Path

__all__ = ["find_product", "find_version"]

_LIBRARIES = ("packaging", "resolvelib")
_LEFT_OUT = frozenset({"__pycache__", "artifacts", "cli", "sources"})
"""What decides no answer: it makes the question, which stands beside the program in every key, or shows the answer."""


def find_product() -> str | None:
    """The text, or None where it cannot be told. Names, sizes and times of files stand for what is in them.

    Looking the version up takes 10 ms, and would not tell a tree that is being worked on from the one before.
    """
    try:
        return "\n".join((sys.version, *_iter_files(Path(__file__).parent.parent), *map(_read_library, _LIBRARIES)))
    except OSError:
        return None


def find_version() -> str:
    """The version of the installed distribution.

    Read from the name of its `dist-info` folder, wherever modules come from: `importlib.metadata` takes 10 ms.
    """
    for folder in sys.path:
        try:
            names = os.listdir(folder or os.curdir)  # noqa: PTH208 - names are all that is wanted
        except OSError:
            continue
        for name in names:
            if name.startswith("pinfold-") and name.endswith(".dist-info"):
                return name.removeprefix("pinfold-").removesuffix(".dist-info")
    from importlib.metadata import version

    return version("pinfold")


def _iter_files(folder: Path) -> Iterator[str]:
    folders = [str(folder)]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                if entry.is_dir():
                    if entry.name not in _LEFT_OUT:
                        folders.append(entry.path)
                else:
                    found = entry.stat()
                    yield f"{entry.path} {found.st_size} {found.st_mtime_ns}"


def _read_library(name: str) -> str:
    """The first module of a library, in which its version stands; it is not imported. Raises OSError."""
    found = PathFinder.find_spec(name)
    if found is None or found.origin is None:
        raise FileNotFoundError(name)
    return f"{found.origin} {Path(found.origin).read_text(encoding='utf-8')}"
