"""What an sdist or a source tree declares about its metadata and its build, without running any of its code.

In: an open sdist archive, or the bytes of a pyproject.toml. Out: the bytes of the files of the archive that state
metadata; `CoreMetadata` if `[project]` determines it without a build, and the `[build-system]`. What the other files of
an archive state is read in `setup_files`. The members of an archive are read into memory, so a path in it cannot do
harm.

Standards: source distribution format, and the zip and tar archives of older uploads; PEP 621 (`[project]`), PEP 517 and
PEP 518 (`[build-system]`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import field
from functools import cache
from typing import TYPE_CHECKING, Any, BinaryIO

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import InvalidVersion, Version

from lockfiles._documents import DocumentError, parse_toml
from lockfiles._values import dataclass
from lockfiles.errors import parser_boundary
from resolver.index.core_metadata import CoreMetadata, is_static, parse_core_metadata, without_credentials
from resolver.index.wheel_directory import WheelDirectoryError, check_zip

if TYPE_CHECKING:
    # Lazy where it is used: see `read_sdist`.
    from tarfile import TarInfo
    from typing import Self

__all__ = [
    "BuildSystem",
    "Pyproject",
    "PyprojectError",
    "SdistArchiveError",
    "SdistFiles",
    "add_conditions",
    "find_member_type",
    "parse_pyproject",
    "read_sdist",
]

_LEGACY_BACKEND = "setuptools.build_meta:__legacy__"

_LEGACY_REQUIRES = ("setuptools>=40.8.0",)
"""The requirements of a tree without `[build-system]` (PEP 518).

The bound is the first release of setuptools with the legacy backend.
"""

# The fields of `[project]` that core metadata needs. If one is dynamic, only a build determines it.
_NEEDED_FIELDS = frozenset({"version", "dependencies", "optional-dependencies", "requires-python"})

_CONTEXT = "{root:"
"""Hatchling's placeholder for the folder of the tree. Only that backend can replace it."""

_LIMIT_BYTES = 32 * 1024 * 1024
"""The largest member that is read, since a compressed member can be a thousand times as large as its archive."""

_HEADER_LIMIT_BYTES = 64 * 1024
"""The largest header of a member: a long name, or the fields of pax. Real ones have a few hundred bytes."""
_MEMBER_LIMIT = 200_000
_UNPACKED_LIMIT_BYTES = 16 * 1024**3
"""What an archive may unpack to: compressed zeros take a thousandth of that."""

_WANTED = ("PKG-INFO", "pyproject.toml")
# A text, which `re` compiles on first use.
_FILES_OF_SETUP = (
    r"setup\.py|setup\.cfg|(?:[^/]+/)?[^/]+\.egg-info/(?:requires\.txt|PKG-INFO)"
    r"|(?:[^/]+/){0,2}[^/]*require[^/]*\.(?:txt|in)"
)
"""The files of setuptools that state requirements, by their path in the tree."""

_OTHERS = 100
"""How many of those files are read at most."""


class PyprojectError(ValueError):
    """The file is no valid pyproject.toml; the text names the place and the fault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildSystem:
    """The table `[build-system]` (PEP 517, PEP 518), with the defaults of a tree without one.

    `requires` are PEP 508 texts, with URLs reduced to their public part. `backend` is the object to import.
    `backend_path` are the folders of the tree that contain the backend.
    """

    requires: tuple[str, ...] = _LEGACY_REQUIRES
    backend: str = _LEGACY_BACKEND
    backend_path: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pyproject:
    """The parts of a pyproject.toml that concern metadata and build.

    `metadata` is None if only a build, or a final PKG-INFO, determines it. `name` and `version` are set even then, each
    if `[project]` has it.
    """

    build_system: BuildSystem
    metadata: CoreMetadata | None = None
    name: NormalizedName | None = None
    version: Version | None = None


class SdistArchiveError(ValueError):
    """The archive cannot be read; the text describes the fault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SdistFiles:
    """The two files at the top of an sdist, each None if the archive does not have it.

    `others` are those of setuptools by their path below the top folder. They are empty if PKG-INFO is final.
    """

    pkg_info: bytes | None
    pyproject: bytes | None
    others: Mapping[str, bytes] = field(default_factory=dict, compare=False)


@parser_boundary(PyprojectError, own=PyprojectError)
def parse_pyproject(data: bytes | None, *, version: Version | None = None) -> Pyproject:
    """The contents of a pyproject.toml; None means a tree without one.

    `version` is that of an sdist, whose name states it: its `[project]` may leave the version to the backend.

    Raises PyprojectError for a file that is not TOML, and for malformed values of `[project]` and `[build-system]`.
    """
    if data is None:
        return Pyproject(build_system=BuildSystem())
    try:
        document = parse_toml(data)
    except DocumentError as error:
        raise PyprojectError(f"pyproject.toml is not TOML: {error}") from error
    project = document.get("project")
    if project is not None and not isinstance(project, dict):
        raise PyprojectError("pyproject.toml: `project` is no table")
    return Pyproject(
        build_system=_parse_build_system(document.get("build-system")),
        metadata=None if project is None else _parse_project(project, version),
        name=None if project is None else _parse_name(project),
        version=None if project is None else _parse_version(project),
    )


@parser_boundary(SdistArchiveError, own=SdistArchiveError)
def read_sdist(archive: BinaryIO, *, filename: str) -> SdistFiles:
    """The files of the top folder that state metadata. A tar archive is read once, without seeking.

    Raises SdistArchiveError for a broken archive, and for a file of more than 32 MiB.
    """
    # Lazy: a source tree is read from its pyproject.toml alone.
    import lzma
    import tarfile
    import zipfile
    import zlib

    try:
        found = _read_zip(archive) if filename.endswith(".zip") else _read_tar(archive)
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError) as error:
        raise SdistArchiveError(f"`{filename}` is not a readable archive: {error}") from error
    return SdistFiles(
        pkg_info=found.get("PKG-INFO"),
        pyproject=found.get("pyproject.toml"),
        others={path: content for path, content in found.items() if path not in _WANTED},
    )


def add_conditions(text: str, *conditions: str) -> str:
    """A requirement that holds under further markers only, as core metadata has it."""
    if not conditions:
        return text
    # A URL instead of the placeholder, since `{` is not allowed there.
    requirement = Requirement(text.replace(_CONTEXT, "file:"))
    own = f"({requirement.marker}) and " if requirement.marker is not None else ""
    base = text if requirement.marker is None else text[: text.rindex(";")].rstrip()
    # White space before the semicolon ends a URL (PEP 508).
    gap = " " if requirement.url is not None else ""
    return f"{base}{gap}; {own}{' and '.join(conditions)}"


def _parse_build_system(table: object) -> BuildSystem:
    """The build system of a table; the defaults for None.

    Raises PyprojectError for a table without `requires`, and for values of other types.
    """
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
        requires=without_credentials(map(_check_requirement, _iter_texts(table, "requires", "build-system"))),
        backend=backend,
        backend_path=tuple(text for _, text in _iter_texts(table, "backend-path", "build-system")),
    )


def _check_requirement(place: tuple[str, str]) -> str:
    """The text of a place in the document. Raises PyprojectError unless it is a requirement of PEP 508."""
    where, text = place
    try:
        Requirement(text.replace(_CONTEXT, "file:"))
    except InvalidRequirement as error:
        why = str(error).partition("\n")[0]
        raise PyprojectError(f"pyproject.toml: `{where}` is no requirement of PEP 508: {why}") from error
    return text


def _iter_texts(table: Mapping[str, Any], key: str, path: str) -> Iterator[tuple[str, str]]:
    """The texts of an array, each with its place in the document. Raises PyprojectError for another value."""
    found = table.get(key, [])
    if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
        raise PyprojectError(f"pyproject.toml: `{path}.{key}` is no array of strings")
    return ((f"{path}.{key}[{number}]", text) for number, text in enumerate(found))


def _parse_project(project: Mapping[str, Any], known: Version | None) -> CoreMetadata | None:
    """The metadata that no backend can change (PEP 621); None if a backend can. `known` is the version of an sdist."""
    name, version = _parse_name(project), _parse_version(project) or known
    dynamic = {text for _, text in _iter_texts(project, "dynamic", "project")}
    if known is not None:
        dynamic.discard("version")
    if name is None or version is None or dynamic & _NEEDED_FIELDS:
        return None
    requires = tuple(map(_check_requirement, _iter_texts(project, "dependencies", "project")))
    extras = _find_table(project, "optional-dependencies")
    optional = tuple(line for extra in extras for line in _iter_optional(extras, extra))
    # A placeholder in any line needs the backend, even where PEP 621 declares the field static.
    if any(_CONTEXT in line for line in (*requires, *optional)):
        return None
    return CoreMetadata(
        name=name,
        version=version,
        # From version 2.2 on the dependencies count as final (PEP 643).
        metadata_version="2.4",
        requires_dist=without_credentials((*requires, *optional)),
        requires_python=_parse_requires_python(project),
        provides_extra=tuple(dict.fromkeys(canonicalize_name(extra) for extra in extras)),
    )


def _parse_name(project: Mapping[str, Any]) -> NormalizedName | None:
    """The normalized name of `[project]`; None if there is none."""
    name = project.get("name")
    return canonicalize_name(name) if isinstance(name, str) and name else None


def _parse_version(project: Mapping[str, Any]) -> Version | None:
    """The version of `[project]`; None if there is none. Raises PyprojectError for a malformed one."""
    text = project.get("version")
    if text is None:
        return None
    try:
        return Version(text)
    except (InvalidVersion, TypeError) as error:
        raise PyprojectError(f"pyproject.toml: `project.version` is no version of PEP 440: {text!r}") from error


def _find_table(table: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """A table within `[project]`, empty if there is none. Raises PyprojectError for another value."""
    found = table.get(key, {})
    if not isinstance(found, dict):
        raise PyprojectError(f"pyproject.toml: `project.{key}` is no table")
    return found


def _iter_optional(extras: Mapping[str, Any], extra: str) -> Iterator[str]:
    """The requirements of one extra, each with the marker `extra == …`, as in core metadata."""
    for place in _iter_texts(extras, extra, "project.optional-dependencies"):
        yield add_conditions(_check_requirement(place), f'extra == "{canonicalize_name(extra)}"')


def _parse_requires_python(project: Mapping[str, Any]) -> str | None:
    """The `requires-python` of `[project]` as written; None if there is none. Raises PyprojectError."""
    text = project.get("requires-python")
    if text is None:
        return None
    try:
        SpecifierSet(text)
    except (InvalidSpecifier, TypeError, AttributeError) as error:
        raise PyprojectError(f"pyproject.toml: `project.requires-python` is no specifier: {text!r}") from error
    return str(text)


def _read_zip(archive: BinaryIO) -> dict[str, bytes]:
    """The wanted files of a zip archive, by name."""
    import zipfile  # Lazy, as in `read_sdist`.

    found: dict[str, bytes] = {}
    try:
        check_zip(archive)
    except WheelDirectoryError as error:
        raise SdistArchiveError(str(error)) from error
    with zipfile.ZipFile(archive) as file:
        for member in file.infolist():
            wanted = _find_wanted(member.filename)
            if wanted is not None and (wanted in _WANTED or len(found) < _OTHERS):
                with file.open(member) as stream:
                    found[wanted] = _check_size(member.filename, member.file_size, stream.read(_LIMIT_BYTES + 1))
    return found


def _find_wanted(path: str) -> str | None:
    """The path below the top folder of a wanted file; None for all other paths."""
    folder, _, name = path.removeprefix("./").partition("/")
    return name if folder and (name in _WANTED or re.fullmatch(_FILES_OF_SETUP, name)) else None


def _check_size(path: str, size: int, content: bytes) -> bytes:
    """The content of a member. Raises SdistArchiveError for a larger one than the limit."""
    if max(size, len(content)) > _LIMIT_BYTES:
        raise SdistArchiveError(f"`{path}` is larger than {_LIMIT_BYTES} bytes")
    return content


def _read_tar(archive: BinaryIO) -> dict[str, bytes]:
    """The wanted files of a tar archive, by name. Reading stops where a final PKG-INFO and pyproject.toml are read."""
    import tarfile  # Lazy, as in `read_sdist`.

    found: dict[str, bytes] = {}
    with tarfile.open(fileobj=archive, mode="r|*", tarinfo=find_member_type()) as tar:
        for count, member in enumerate(tar):
            if count > _MEMBER_LIMIT or tar.offset > _UNPACKED_LIMIT_BYTES:
                raise SdistArchiveError("it unpacks to more than an sdist may have")
            # What was read is not kept, since an archive may have very many members. The list is not in typeshed.
            tar.members.clear()  # type: ignore[attr-defined]
            wanted = _find_wanted(member.name)
            # A link or folder with a wanted name has no content.
            is_wanted = wanted in _WANTED or (wanted is not None and len(found) < _OTHERS)
            stream = tar.extractfile(member) if is_wanted and member.isreg() else None
            if wanted is not None and stream is not None:
                found[wanted] = _check_size(member.name, member.size, stream.read(_LIMIT_BYTES + 1))
            if wanted in _WANTED and all(name in found for name in _WANTED) and _is_final(found["PKG-INFO"]):
                break
    return found


@cache
def find_member_type() -> type[TarInfo]:
    """The type of the members of a tar that is read: one that refuses a header which would be read into memory whole.

    `tarfile` reads names and fields of pax of any size, which compress to a thousandth.
    """
    import tarfile  # Lazy, as in `read_sdist`.

    long_headers = {
        tarfile.XHDTYPE,
        tarfile.XGLTYPE,
        tarfile.SOLARIS_XHDTYPE,
        tarfile.GNUTYPE_LONGNAME,
        tarfile.GNUTYPE_LONGLINK,
    }

    class BoundedMember(tarfile.TarInfo):
        @classmethod
        def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
            member = super().frombuf(buf, encoding, errors)
            if member.type in long_headers and not 0 <= member.size <= _HEADER_LIMIT_BYTES:
                raise tarfile.ReadError(f"a header of {member.size} bytes")
            return member

    return BoundedMember


def _is_final(pkg_info: bytes) -> bool:
    """Whether a PKG-INFO is final (PEP 643)."""
    try:
        return is_static(parse_core_metadata(pkg_info))
    except ValueError:
        return False
