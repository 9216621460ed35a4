"""The files and sources that a lock names, checked before any of them is fetched.

In: a lockfile and the folder that it lies in. Out: `Wanted`: wheels, sources, and the wheels that builds install, each
with its hash and its URL or path.

A lock is untrusted text. File names that could leave the wheelhouse, and URLs that are neither on the web nor on this
disk, are refused with all their faults at once. The rules for names are those of all platforms together, so that a
wheelhouse that was filled on one platform can be copied to another.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from packaging.pylock import Package, PackageArchive, PackageSdist, PackageWheel
from packaging.utils import NormalizedName

from lockfiles import Lockfile
from lockfiles._values import compile_later, dataclass
from lockfiles.lockfile import BuildWheel
from resolver.errors import InputError
from resolver.index.distribution_file import is_distribution

__all__ = ["Wanted", "WantedFile", "find_name_fault", "list_wanted"]

_LONGEST_NAME = 200
"""In characters. File systems hold 255 bytes, and parts of files have longer names than the files."""

_CHARACTERS = compile_later(r"[A-Za-z0-9_.+!~-]+")
"""The characters in names of wheels and sdists: PEP 427 and PEP 625, versions with epoch and local label (PEP 440)."""

_DEVICES = compile_later(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?", re.IGNORECASE)
"""Names that Windows takes for devices, with any suffix."""

_SCHEMES = ("https", "http", "file")
_ARCHIVE_SUFFIXES = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".zip")

_PackageFile = PackageWheel | PackageSdist | PackageArchive
_NamedFile = _PackageFile | BuildWheel


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedFile:
    """A wheel, sdist or archive of a project.

    - `place` is a URL without secrets, or a path on this disk.
    - `sha256` is in hex. `size_bytes` is None where the lock does not have it.
    - `is_for_builds` is true for files that are not installed themselves: sdists, source archives, and the wheels that
      builds install.
    - `index` is the URL, without secrets, of the index that lists the file; None for a direct URL.
    """

    project: NormalizedName
    filename: str
    place: str | Path
    sha256: str
    size_bytes: int | None
    is_for_builds: bool = False
    index: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The files and sources of a lock, in the order of the lock.

    - `wheels` are installed as they are.
    - `sources` are packages without wheels, each with its sdist or archive; None for a commit and a folder.
    - `build_wheels` are the wheels that builds install, by requirement as in the lock (`setuptools==80.9.0`).
    """

    wheels: tuple[WantedFile, ...]
    sources: tuple[tuple[Package, WantedFile | None], ...]
    build_wheels: Mapping[str, WantedFile]


def list_wanted(lockfile: Lockfile, *, folder: Path) -> Wanted:
    """The files and sources of a lock; `folder` is where its relative paths start.

    Raises InputError with all faults.
    """
    reader = _Reader(folder)
    wheels: list[WantedFile] = []
    sources: list[tuple[Package, WantedFile | None]] = []
    for package in lockfile.pylock.packages:
        if package.vcs is not None or package.directory is not None:
            sources.append((package, None))
        for file in _iter_files(package):
            wanted = reader.read(package.name, _name(package.name, file), file)
            wanted = None if wanted is None else replace(wanted, index=package.index)
            if wanted is not None and not wanted.is_for_builds:
                wheels.append(wanted)
            elif wanted is not None:
                sources.append((package, wanted))
    build_wheels = {}
    for wheel in () if lockfile.tool is None else lockfile.tool.build_wheels:
        found = reader.read(wheel.name, wheel.file, wheel)
        if found is not None:
            build_wheels[wheel.requirement] = replace(found, is_for_builds=True)
    reader.finish(wheels)
    return Wanted(wheels=tuple(dict.fromkeys(wheels)), sources=tuple(sources), build_wheels=build_wheels)


def find_name_fault(name: str) -> str:
    """Why a file of a wheelhouse cannot have this name, in a few words for a message; empty where it can."""
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


class _Reader:
    """Reads `[[packages.wheels]]`, `[packages.sdist]` and `[packages.archive]` (PEP 751), and collects their faults."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._faults: list[str] = []

    def read(self, project: NormalizedName, name: str, file: _NamedFile) -> WantedFile | None:
        """The file, or None for one that cannot be used here, whose fault is kept for `finish`."""
        if fault := find_name_fault(name):
            self._faults.append(f"{project}: `{_shown(name)}` can be no file here: {fault}")
            return None
        place = _find_place(file, self._folder)
        if place is None:
            self._faults.append(f"{project}: `{name}` has a URL that begins with none of `https:`, `http:`, `file:`")
            return None
        return WantedFile(
            project=project,
            filename=name,
            place=place,
            sha256=file.sha256 if isinstance(file, BuildWheel) else file.hashes["sha256"],
            size_bytes=file.size,
            is_for_builds=not name.endswith(".whl"),
        )

    def finish(self, wheels: Sequence[WantedFile]) -> None:
        """Raises InputError with all faults, also those of two files of one name."""
        faults = [*self._faults, *_iter_collisions(wheels)]
        if faults:
            raise InputError("the lock cannot be used here", details=tuple(faults))


def _iter_files(package: Package) -> Iterator[_PackageFile]:
    """The files that an installation uses: the wheels, else the sdist, else the archive.

    PEP 751: an installer prefers wheels, so an sdist beside them is not needed.
    """
    if package.wheels:
        yield from package.wheels
    elif package.sdist is not None:
        yield package.sdist
    elif package.archive is not None:
        yield package.archive


def _name(project: NormalizedName, file: _PackageFile) -> str:
    """The name of the file on disk.

    An archive may have any name at its host (`main.zip`), so it gets one of its project and hash, with the same suffix.
    """
    if not isinstance(file, PackageArchive):
        return file.filename
    place = file.path or urlsplit(file.url or "").path
    name = place.rpartition("/")[2]
    if name.endswith(".whl"):
        return name
    suffix = next((suffix for suffix in _ARCHIVE_SUFFIXES if name.endswith(suffix)), ".tar.gz")
    return f"{project}-{file.hashes['sha256'][:16]}{suffix}"


def _find_place(file: _NamedFile, folder: Path) -> str | Path | None:
    """The URL or path of a file; None for a URL of another scheme."""
    if file.path is not None:
        return folder / file.path
    url = file.url or ""
    scheme = url.partition(":")[0].lower()
    if scheme not in _SCHEMES:
        return None
    if scheme == "file":
        # Lazy: it takes 10 ms, and few locks have such a file.
        from resolver.fetch.http.local_files import find_local_path

        return find_local_path(url)
    return url


def _iter_collisions(files: Sequence[WantedFile]) -> Iterator[str]:
    """The faults of different files that have one name. Windows and macOS ignore letter case, so it is ignored here."""
    seen: dict[str, WantedFile] = {}
    for file in files:
        other = seen.setdefault(file.filename.casefold(), file)
        if other.sha256 != file.sha256:
            yield f"{file.project}: `{file.filename}` is also a file of {other.project} with another sha256"


def _shown(name: str) -> str:
    """The name for a message: at most 80 characters, with `?` for characters that a terminal would not show."""
    safe = "".join(character if character.isprintable() else "?" for character in name)
    return safe if len(safe) <= 80 else f"{safe[:77]}…"
