"""What a source tree's pyproject.toml says of its metadata and of its build, before anything of the tree runs.

In: the bytes of the file. Out: `CoreMetadata` where `[project]` settles it without a build, and the `[build-system]`.
Standards: PEP 621 (`[project]`), PEP 518 and PEP 517 (`[build-system]`).

The two files at the top of an sdist that say what it is: PKG-INFO and pyproject.toml.

In: an open archive and its file name. Out: their bytes. Nothing is written to disk, so a member's path cannot do harm.
Format: source distribution format, and the zip and tar archives of older uploads.
"""

from __future__ import annotations

import lzma
import tarfile
import tomllib
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import InvalidVersion, Version

from lockfiles._values import dataclass
from resolver.index.core_metadata import CoreMetadata, without_credentials

__all__ = [
    "BuildSystem",
    "Pyproject",
    "PyprojectError",
    "SdistArchiveError",
    "SdistFiles",
    "parse_pyproject",
    "read_sdist",
]

_LEGACY_BACKEND = "setuptools.build_meta:__legacy__"

_LEGACY_REQUIRES = ("setuptools>=40.8.0",)
"""What PEP 518 wants where a tree has no `[build-system]`: setuptools as of the release that has the legacy backend."""

_NEEDED_FIELDS = frozenset({"version", "dependencies", "optional-dependencies", "requires-python"})

_CONTEXT = "{root:"
"""Where hatchling puts the folder of the tree: such a text is settled by its backend alone."""

_LIMIT_BYTES = 32 * 1024 * 1024
_WANTED = ("PKG-INFO", "pyproject.toml")


class PyprojectError(ValueError):
    """The file is no pyproject.toml; the text says where and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildSystem:
    """`[build-system]` (PEP 518, PEP 517): texts of PEP 508, the backend object, and folders of a backend in the tree.

    `requires` have the public part of every URL in them.
    """

    requires: tuple[str, ...] = _LEGACY_REQUIRES
    backend: str = _LEGACY_BACKEND
    backend_path: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pyproject:
    """What a pyproject.toml says; `metadata` is None where only a build, or a final PKG-INFO, can tell it.

    `name` and `version` are told even then, each where `[project]` has it.
    """

    build_system: BuildSystem
    metadata: CoreMetadata | None = None
    name: NormalizedName | None = None
    version: Version | None = None


class SdistArchiveError(ValueError):
    """The archive cannot be read; the text says what is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SdistFiles:
    """`pkg_info` and `pyproject` are None where the archive has no such file in its top folder."""

    pkg_info: bytes | None
    pyproject: bytes | None


def parse_pyproject(data: bytes | None) -> Pyproject:
    """What the file says; None stands for a tree without one. Raises PyprojectError."""
    if data is None:
        return Pyproject(build_system=BuildSystem())
    try:
        document = tomllib.loads(data.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise PyprojectError(f"pyproject.toml is not TOML: {error}") from error
    project = document.get("project")
    if project is not None and not isinstance(project, dict):
        raise PyprojectError("pyproject.toml: `project` is no table")
    return Pyproject(
        build_system=_parse_build_system(document.get("build-system")),
        metadata=None if project is None else _parse_project(project),
        name=None if project is None else _parse_name(project),
        version=None if project is None else _parse_version(project),
    )


def read_sdist(archive: BinaryIO, *, filename: str) -> SdistFiles:
    """PKG-INFO and pyproject.toml of the top folder. The archive is read once, forwards if it is a tar.

    Raises SdistArchiveError.
    """
    try:
        found = _read_zip(archive) if filename.endswith(".zip") else _read_tar(archive)
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError) as error:
        raise SdistArchiveError(f"`{filename}` is not a readable archive: {error}") from error
    return SdistFiles(pkg_info=found.get("PKG-INFO"), pyproject=found.get("pyproject.toml"))


def _parse_build_system(table: object) -> BuildSystem:
    if table is None:
        return BuildSystem()
    if not isinstance(table, dict):
        raise PyprojectError("pyproject.toml: `build-system` is no table")
    if "requires" not in table:
        raise PyprojectError("pyproject.toml: `build-system` has no `requires` (PEP 518)")
    backend = table.get("build-backend", _LEGACY_BACKEND)
    if not isinstance(backend, str):
        raise PyprojectError("pyproject.toml: `build-system.build-backend` is no string")
    return BuildSystem(
        requires=without_credentials(map(_checked, _iter_texts(table, "requires", "build-system"))),
        backend=backend,
        backend_path=tuple(text for _, text in _iter_texts(table, "backend-path", "build-system")),
    )


def _checked(place: tuple[str, str]) -> str:
    """The text of a place once it is known to be a requirement."""
    where, text = place
    try:
        Requirement(text.replace(_CONTEXT, "file:"))
    except InvalidRequirement as error:
        why = str(error).partition("\n")[0]
        raise PyprojectError(f"pyproject.toml: `{where}` is no requirement of PEP 508: {why}") from error
    return text


def _iter_texts(table: Mapping[str, Any], key: str, path: str) -> Iterator[tuple[str, str]]:
    """The texts of an array, each with its place in the document."""
    found = table.get(key, [])
    if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
        raise PyprojectError(f"pyproject.toml: `{path}.{key}` is no array of strings")
    return ((f"{path}.{key}[{number}]", text) for number, text in enumerate(found))


def _parse_project(project: Mapping[str, Any]) -> CoreMetadata | None:
    """The metadata that no backend can change (PEP 621); None where one may."""
    name, version = _parse_name(project), _parse_version(project)
    dynamic = {text for _, text in _iter_texts(project, "dynamic", "project")}
    if name is None or version is None or dynamic & _NEEDED_FIELDS:
        return None
    requires = tuple(map(_checked, _iter_texts(project, "dependencies", "project")))
    extras = _find_table(project, "optional-dependencies")
    optional = tuple(line for extra in extras for line in _iter_optional(extras, extra))
    if any(_CONTEXT in line for line in (*requires, *optional)):
        return None
    return CoreMetadata(
        name=name,
        version=version,
        metadata_version="2.4",
        requires_dist=without_credentials((*requires, *optional)),
        requires_python=_parse_requires_python(project),
        provides_extra=tuple(dict.fromkeys(canonicalize_name(extra) for extra in extras)),
    )


def _parse_name(project: Mapping[str, Any]) -> NormalizedName | None:
    name = project.get("name")
    return canonicalize_name(name) if isinstance(name, str) and name else None


def _parse_version(project: Mapping[str, Any]) -> Version | None:
    text = project.get("version")
    if text is None:
        return None
    try:
        return Version(text)
    except (InvalidVersion, TypeError) as error:
        raise PyprojectError(f"pyproject.toml: `project.version` is no version of PEP 440: {text!r}") from error


def _find_table(table: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = table.get(key, {})
    if not isinstance(found, dict):
        raise PyprojectError(f"pyproject.toml: `project.{key}` is no table")
    return found


def _iter_optional(extras: Mapping[str, Any], extra: str) -> Iterator[str]:
    """The lines of one extra, each with the marker that core metadata has for it."""
    for place in _iter_texts(extras, extra, "project.optional-dependencies"):
        text = _checked(place)
        requirement = Requirement(text.replace(_CONTEXT, "file:"))
        own = f"({requirement.marker}) and " if requirement.marker is not None else ""
        base = text if requirement.marker is None else text[: text.rindex(";")].rstrip()
        # A URL ends at the white space before the semicolon.
        gap = " " if requirement.url is not None else ""
        yield f'{base}{gap}; {own}extra == "{canonicalize_name(extra)}"'


def _parse_requires_python(project: Mapping[str, Any]) -> str | None:
    text = project.get("requires-python")
    if text is None:
        return None
    try:
        SpecifierSet(text)
    except (InvalidSpecifier, TypeError, AttributeError) as error:
        raise PyprojectError(f"pyproject.toml: `project.requires-python` is no specifier: {text!r}") from error
    return str(text)


def _read_zip(archive: BinaryIO) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    with zipfile.ZipFile(archive) as file:
        for member in file.infolist():
            wanted = _wanted(member.filename)
            if wanted is not None:
                with file.open(member) as stream:
                    found[wanted] = _bounded(member.filename, member.file_size, stream.read(_LIMIT_BYTES + 1))
    return found


def _wanted(path: str) -> str | None:
    """The wanted file's name when `path` is that file in a top folder, else None."""
    folder, _, name = path.removeprefix("./").partition("/")
    return name if folder and name in _WANTED else None


def _bounded(path: str, size: int, content: bytes) -> bytes:
    if max(size, len(content)) > _LIMIT_BYTES:
        raise SdistArchiveError(f"`{path}` is larger than {_LIMIT_BYTES} bytes")
    return content


def _read_tar(archive: BinaryIO) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    with tarfile.open(fileobj=archive, mode="r|*") as tar:
        for member in tar:
            wanted = _wanted(member.name)
            stream = tar.extractfile(member) if wanted is not None and member.isreg() else None
            if wanted is not None and stream is not None:
                found[wanted] = _bounded(member.name, member.size, stream.read(_LIMIT_BYTES + 1))
            if len(found) == len(_WANTED):
                break
    return found
