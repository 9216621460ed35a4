"""Whether a file name of a lock may be used as one on this machine: a lock is somebody else's text.

In: a name. Out: why not, or an empty text. The rules are those of all platforms at once, so that a wheelhouse that is
made on one can be copied to another.
"""

from __future__ import annotations

import re

from resolver.index.file_names import is_distribution

__all__ = ["find_name_fault"]

_LONGEST_NAME = 200
"""File systems hold 255 bytes, and parts of files have longer names than the files."""

_CHARACTERS = re.compile(r"[A-Za-z0-9_.+!~-]+")
"""What names of wheels and sdists consist of: PEP 427 and PEP 625, versions with epoch and label."""

_DEVICES = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?", re.IGNORECASE)


def find_name_fault(name: str) -> str:
    """Why a file cannot have this name in a wheelhouse, in a few words; empty where it can."""
    if not name or name.strip(".") == "":
        return "it is no name"
    if "/" in name or "\\" in name:
        return "it is a path"
    if not _CHARACTERS.fullmatch(name):
        return "it holds characters that no wheel or sdist has in its name"
    if name.startswith(("-", ".")):
        return f"it begins with `{name[0]}`"
    if _DEVICES.fullmatch(name):
        return "it is the name of a device on Windows"
    if len(name) > _LONGEST_NAME:
        return f"it has {len(name)} characters, and {_LONGEST_NAME} is the limit"
    if not is_distribution(name):
        return "it ends like neither a wheel nor an sdist"
    return ""
