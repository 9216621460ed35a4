"""The list of a lock for an app that installs it: `requirements = lockfiles.requirements("pylock.toml")`.

In: the name of a lock beside the file that asks. Out: argv items, as `lock export --format list` prints them.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from lockfiles.exporting import export_list
from lockfiles.reading import read

__all__ = ["requirements"]


def requirements(path: str | os.PathLike[str]) -> list[str] | list[list[str]]:
    """The items of the lock at `path`: flat for a lock of one layer, else one list a layer, in the order of the steps.

    A relative path is relative to the folder of the file that calls this, wherever that is run from; where there is no
    such file, to the current folder. Raises LockfileError and OSError.
    """
    beside = sys._getframe(1).f_globals.get("__file__")
    folder = Path(beside).parent if isinstance(beside, str) else Path()
    lockfile = read(folder / path)
    count = 1 if lockfile.tool is None else len(lockfile.tool.layers)
    if count > 1:
        return [list(export_list(lockfile, layer=layer)) for layer in range(count)]
    return list(export_list(lockfile))
