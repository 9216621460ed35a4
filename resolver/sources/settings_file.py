"""The `pyproject.toml` whose `[tool.pinfold]` applies to a folder.

The nearest one upwards that has the table applies, alone: tables are not merged. Files without the table are passed
over. The search ends at the root of the repository (the folder with `.git`), outside of one at the root of the disk.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from resolver.errors import SourceError, render_os_error, without_traceback
from resolver.settings.settings import Settings, parse_settings

__all__ = ["find_settings", "iter_upwards", "name_path", "read_pyproject", "read_settings"]

# Every way to write the table in TOML, but with escapes in its name: `[tool.pinfold]`, below `[tool]`, in `tool = {…}`.
# A text, which `re` compiles where it is first needed: most files say `tool.pinfold`, or nothing of pinfold.
_TABLE = rb"""tool["']?\s*\.\s*["']?pinfold|\[\s*["']?tool["']?\s*\]|tool["']?\s*="""


def find_settings(folder: Path, *, seen_from: Path) -> tuple[Settings, Path | None]:
    """The settings that apply to a folder, and their file; unset settings and None where there is none.

    Messages call the file by its path from `seen_from`.
    """
    for parent in iter_upwards(folder.absolute()):
        path = parent / "pyproject.toml"
        settings = read_settings(path, name=name_path(path, seen_from)) if path.is_file() else None
        if settings is not None:
            return settings, path
    return Settings(), None


def read_settings(path: Path, *, name: str) -> Settings | None:
    """The settings of a pyproject.toml; None where it has no `[tool.pinfold]`. `name` is for messages."""
    return without_traceback(lambda: _read_settings(path, name))


def _may_have_table(data: bytes) -> bool:
    """Whether `[tool.pinfold]` can stand in a file. Parsing the file of a project takes 1 ms and more."""
    return b"tool.pinfold" in data or (b"pinfold" in data and re.search(_TABLE, data) is not None)


def read_pyproject(path: Path, *, name: str) -> dict[str, object]:
    """The whole of a pyproject.toml. Raises SourceError."""
    return without_traceback(lambda: _read_pyproject(path, name))


def _read_settings(path: Path, name: str) -> Settings | None:
    if not _may_have_table(_read_bytes(path, name)):
        # Not even parsed: what is wrong with somebody else's file is not ours to tell.
        return None
    tool = read_pyproject(path, name=name).get("tool", {})
    table = tool.get("pinfold") if isinstance(tool, dict) else None
    if table is None:
        return None
    if not isinstance(table, dict):
        raise SourceError("`tool.pinfold` must be a table", where=name)
    return parse_settings(table, where=f"{name} [tool.pinfold]")


def _read_pyproject(path: Path, name: str) -> dict[str, object]:
    try:
        return tomllib.loads(_read_bytes(path, name).decode("utf-8"))
    except UnicodeDecodeError as error:
        raise SourceError(f"`{name}` is no UTF-8 text, which TOML must be") from error
    except tomllib.TOMLDecodeError as error:
        raise SourceError(f"`{name}` is no TOML: {_lower_first(str(error))}") from error


def name_path(path: Path, seen_from: Path) -> str:
    """The path from a folder, for messages; as it stands where there is no way (another drive)."""
    try:
        return Path(os.path.relpath(path, seen_from)).as_posix()
    except ValueError:
        return path.as_posix()


def iter_upwards(folder: Path) -> Iterator[Path]:
    """The folder and those above it, up to the root of its repository."""
    for parent in (folder, *folder.parents):
        yield parent
        if (parent / ".git").exists():
            return


def _read_bytes(path: Path, name: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SourceError(f"`{name}` cannot be read: {render_os_error(error)}") from error


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]
