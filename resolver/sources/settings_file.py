"""The `pyproject.toml` whose `[tool.pinfold]` applies to a folder, and how messages name files.

In: a folder. Out: the settings that apply to it, and their file. The nearest file upwards that has the table applies,
alone: tables are not merged, and files without it are passed over. The search ends at the root of the repository (the
folder with `.git`), without one at the root of the disk.

A module of its own because every verb needs it, and because it is the only reader of a pyproject.toml: the values of
the table are parsed by `settings`, which touches no file.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import tomllib
from collections.abc import Iterator
from pathlib import Path

from resolver.errors import PinfoldError, SourceError, render_os_error, without_traceback
from resolver.settings.settings import Settings, parse_settings

__all__ = [
    "find_settings",
    "has_list",
    "iter_upwards",
    "name_path",
    "read_plain_file",
    "read_pyproject",
    "read_settings",
]

_LARGEST_BYTES = 64 << 20
"""More than any list, app or pyproject.toml has."""

# Every way to write the table in TOML without escapes in its name: `[tool.pinfold]`, below `[tool]`, in `tool = {…}`.
# A text, which `re` compiles at its first use: most files contain `tool.pinfold`, or nothing about pinfold.
_TABLE = rb"""tool["']?\s*\.\s*["']?pinfold|\[\s*["']?tool["']?\s*\]|tool["']?\s*="""


def find_settings(folder: Path, *, seen_from: Path) -> tuple[Settings, Path | None]:
    """The settings that apply to a folder, and their file; unset settings and None if there is no such file.

    Messages name the file by its path from `seen_from`. Raises SourceError, SettingsError.
    """
    for parent in iter_upwards(folder.absolute()):
        path = parent / "pyproject.toml"
        settings = read_settings(path, name=name_path(path, seen_from)) if path.is_file() else None
        if settings is not None:
            return settings, path
    return Settings(), None


def read_settings(path: Path, *, name: str) -> Settings | None:
    """The settings of a pyproject.toml; None if it has no `[tool.pinfold]`. `name` is the file in messages.

    Raises SourceError for a file that cannot be read, SettingsError for a fault in the table.
    """
    return without_traceback(lambda: _read_settings(path, name))


def read_pyproject(path: Path, *, name: str) -> dict[str, object]:
    """The whole content of a pyproject.toml. Raises SourceError if it cannot be read or is no TOML."""
    return without_traceback(lambda: _read_pyproject(path, name))


def has_list(path: Path) -> bool:
    """Whether a pyproject.toml has a list: `requirements` in [tool.pinfold], or dependencies in [project].

    A file at fault has none here: reading it as a list reports the fault.
    """
    try:
        settings, project = read_settings(path, name=path.name), read_pyproject(path, name=path.name).get("project")
    except PinfoldError:
        return False
    if settings is not None and settings.requirements is not None:
        return True
    return isinstance(project, dict) and bool(project.get("dependencies"))


def name_path(path: Path, seen_from: Path) -> str:
    """The path from a folder, for messages; the path itself if it is on another drive (Windows)."""
    try:
        return Path(os.path.relpath(path, seen_from)).as_posix()
    except ValueError:
        return path.as_posix()


def iter_upwards(folder: Path) -> Iterator[Path]:
    """The folder and those above it, up to the root of its repository or else of the disk."""
    for parent in (folder, *folder.parents):
        yield parent
        if (parent / ".git").exists():
            return


def _read_settings(path: Path, name: str) -> Settings | None:
    """The body of `read_settings`, whose error must not show the content of the file in a traceback."""
    if not _may_have_table(_read_bytes(path, name)):
        # Not even parsed: the file configures other tools, and a fault in it does not concern a lock.
        return None
    tool = read_pyproject(path, name=name).get("tool", {})
    table = tool.get("pinfold") if isinstance(tool, dict) else None
    if table is None:
        return None
    if not isinstance(table, dict):
        raise SourceError("`tool.pinfold` must be a table", where=name)
    return parse_settings(table, where=f"{name} [tool.pinfold]")


def _may_have_table(data: bytes) -> bool:
    """Whether a file may contain `[tool.pinfold]`. Parsing the file of a project takes 1 ms and more."""
    return b"tool.pinfold" in data or (b"pinfold" in data and re.search(_TABLE, data) is not None)


def read_plain_file(path: Path) -> bytes:
    """The bytes of a list, an app or settings. Raises OSError, also for a device, a pipe, and a file over 64 MiB.

    A pipe could keep a run waiting, and a device such as `/dev/zero` has no end.
    """
    mode = path.stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    with path.open("rb") as file:
        data = file.read(_LARGEST_BYTES + 1)
    if len(data) > _LARGEST_BYTES:
        raise OSError(errno.EFBIG, f"larger than {_LARGEST_BYTES >> 20} MiB", str(path))
    return data


def _read_pyproject(path: Path, name: str) -> dict[str, object]:
    """The body of `read_pyproject`, as above."""
    try:
        return tomllib.loads(_read_bytes(path, name).decode("utf-8"))
    except UnicodeDecodeError as error:
        raise SourceError(f"`{name}` is no UTF-8 text, which TOML must be") from error
    except tomllib.TOMLDecodeError as error:
        raise SourceError(f"`{name}` is no TOML: {_lower_first(str(error))}") from error


def _read_bytes(path: Path, name: str) -> bytes:
    try:
        return read_plain_file(path)
    except OSError as error:
        raise SourceError(f"`{name}` cannot be read: {render_os_error(error)}") from error


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]
