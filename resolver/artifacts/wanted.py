"""What a lock wants to be on disk: files with their hashes, and source trees, each checked before anything is done.

In: a lockfile and the folder that it lies in. Out: `Wanted`. A lock is somebody else's text: names that are no plain
file names, and places that are neither on the web nor on this disk, are refused with all their faults at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from packaging.pylock import Package, PackageArchive, PackageSdist, PackageWheel
from packaging.utils import NormalizedName

from lockfiles import Lockfile
from lockfiles.value_classes import dataclass
from resolver.artifacts.file_names import find_name_fault
from resolver.errors import InputError

__all__ = ["Wanted", "WantedFile", "list_wanted"]

_SCHEMES = ("https", "http", "file")


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedFile:
    """A wheel, sdist or archive of a project. `place` is a public URL, or a path on this disk.

    `size_bytes` is None where the lock does not say.
    """

    project: NormalizedName
    filename: str
    place: str | Path
    sha256: str
    size_bytes: int | None

    @property
    def is_wheel(self) -> bool:
        """Whether it is installed as it stands."""
        return self.filename.endswith(".whl")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """`files` are downloaded or copied, in the order of the lock; `trees` are packages of a commit or a folder."""

    files: tuple[WantedFile, ...]
    trees: tuple[Package, ...]


def list_wanted(lockfile: Lockfile, *, folder: Path) -> Wanted:
    """The files and trees of a lock; `folder` is where its relative paths start. Raises InputError with all faults."""
    faults: list[str] = []
    files: list[WantedFile] = []
    trees: list[Package] = []
    for package in lockfile.pylock.packages:
        if package.vcs is not None or package.directory is not None:
            trees.append(package)
        for file in _iter_files(package):
            wanted = _read_file(package.name, file, folder, faults)
            files += [] if wanted is None else [wanted]
    faults += _iter_collisions(files)
    if faults:
        raise InputError("the lock cannot be used here\n" + "\n".join(f"  {fault}" for fault in faults))
    return Wanted(files=tuple(dict.fromkeys(files)), trees=tuple(trees))


def _iter_files(package: Package) -> Iterator[PackageWheel | PackageSdist | PackageArchive]:
    """What an installation takes: the wheels, else the sdist, else the archive."""
    if package.wheels:
        yield from package.wheels
    elif package.sdist is not None:
        yield package.sdist
    elif package.archive is not None:
        yield package.archive


def _read_file(
    project: NormalizedName, file: PackageWheel | PackageSdist | PackageArchive, folder: Path, faults: list[str]
) -> WantedFile | None:
    name = _name(project, file)
    if fault := find_name_fault(name):
        faults.append(f"{project}: `{_shown(name)}` can be no file here: {fault}")
        return None
    place = _find_place(file, folder)
    if place is None:
        faults.append(f"{project}: `{name}` has a URL that begins with none of `https:`, `http:`, `file:`")
        return None
    return WantedFile(project=project, filename=name, place=place, sha256=file.hashes["sha256"], size_bytes=file.size)


def _name(project: NormalizedName, file: PackageWheel | PackageSdist | PackageArchive) -> str:
    """The name of the file on disk; an archive may have any at its host, so it gets one of ours."""
    if not isinstance(file, PackageArchive):
        return file.filename
    place = file.path or urlsplit(file.url or "").path
    name = place.rpartition("/")[2]
    if name.endswith(".whl"):
        return name
    suffix = next((one for one in (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".zip") if name.endswith(one)), ".tar.gz")
    return f"{project}-{file.hashes['sha256'][:16]}{suffix}"


def _find_place(file: PackageWheel | PackageSdist | PackageArchive, folder: Path) -> str | Path | None:
    if file.path is not None:
        return folder / file.path
    url = file.url or ""
    scheme = url.partition(":")[0].lower()
    if scheme not in _SCHEMES:
        return None
    if scheme == "file":
        # Lazy: it takes 10 ms, and few locks have such a file.
        from resolver.fetch.local_files import find_local_path

        return find_local_path(url)
    return url


def _iter_collisions(files: list[WantedFile]) -> Iterator[str]:
    """Different files of one name; letter case does not tell files apart."""
    seen: dict[str, WantedFile] = {}
    for file in files:
        other = seen.setdefault(file.filename.casefold(), file)
        if other.sha256 != file.sha256:
            yield f"{file.project}: `{file.filename}` is also a file of {other.project} with another sha256"


def _shown(name: str) -> str:
    """The name for a message: short, and without what would disturb a terminal."""
    safe = "".join(character if character.isprintable() else "?" for character in name)
    return safe if len(safe) <= 80 else f"{safe[:77]}…"
