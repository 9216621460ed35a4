"""The requirements.txt of a wheelhouse: each project with its version and the hashes of the wheels that lie there.

A list of several layers has a file for each besides, so that an image builder installs and caches them step by step.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from packaging.pylock import Package

from lockfiles.file_replacement import replace_file
from lockfiles.requirement_texts import render_pin
from lockfiles.tool_table import ToolTable
from resolver.errors import InputError, render_os_error

__all__ = ["FILE_NAME", "check_place", "render_requirements", "write_layers", "write_requirements"]

FILE_NAME = "requirements.txt"

_MARK = "# The wheels of a lock"
_FLAGS = "--no-index --find-links DIR --require-hashes --no-deps -r DIR/"


def render_requirements(packages: Iterable[Package], *, tool: ToolTable | None, file_name: str = FILE_NAME) -> str:
    """The file for packages that have wheels alone, sorted by name. Raises ExportError for names that are none."""
    target = "" if tool is None else f" for Python {tool.python} on {tool.platform}"
    lines = [
        f"{_MARK}{target}; install them with",
        f"#   pip install {_FLAGS}{file_name}",
        f"#   uv pip install {_FLAGS}{file_name}",
    ]
    lines += (render_pin(package) for package in sorted(packages, key=lambda one: (one.name, str(one.marker))))
    return "\n".join(lines) + "\n"


def check_place(folder: Path) -> None:
    """Raises InputError where the folder has a requirements.txt that no wheelhouse has."""
    path = folder / FILE_NAME
    try:
        with path.open("rb") as file:
            is_ours = file.read(len(_MARK)) == _MARK.encode()
    except FileNotFoundError:
        return
    except OSError as error:
        raise InputError(f"`{path.name}` of the folder cannot be read: {render_os_error(error)}") from error
    if not is_ours:
        raise InputError(
            f"the folder has a `{path.name}` that is not of a wheelhouse, and it would be replaced",
            remedy="another folder, with `--to`",
        )


def write_requirements(folder: Path, text: str, *, file_name: str = FILE_NAME) -> Path:
    """The path of the file, which appears at once or not at all."""
    path = folder / file_name
    replace_file(path, text.encode())
    return path


def write_layers(folder: Path, layers: Sequence[Sequence[Package]], *, tool: ToolTable | None) -> tuple[Path, ...]:
    """The paths of `requirements.layer-N.txt`, from 0; those of an earlier lock that had more of them are gone."""
    names = [f"requirements.layer-{number}.txt" for number in range(len(layers))]
    written = tuple(
        write_requirements(folder, render_requirements(packages, tool=tool, file_name=name), file_name=name)
        for name, packages in zip(names, layers, strict=True)
    )
    for path in folder.glob("requirements.layer-*.txt"):
        if path not in written and path.read_bytes().startswith(_MARK.encode()):
            path.unlink()
    return written
