"""Whether files and folders on disk are still those that a lock was made from.

In: a lock and the folder that it lies in. Out: a difference for each that has changed or is gone. Nothing is asked of a
network, and what hashes folders is loaded only for a lock that has one.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from packaging.pylock import Package, PackageArchive, PackageSdist, PackageWheel

from lockfiles import Lockfile
from lockfiles.sha256 import hash_file
from lockfiles.value_classes import dataclass
from resolver.errors import InputError

__all__ = ["ContentDifference", "iter_content_differences"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentDifference:
    """Something on disk that is not what was locked. `path` is as the lock has it; `is_there` false if it is gone."""

    name: str
    path: str
    is_there: bool

    def __str__(self) -> str:
        fault = "has changed since it was locked" if self.is_there else "is not there"
        return f"{self.name}: `{self.path}` {fault}"


def iter_content_differences(lockfile: Lockfile, folder: Path) -> Iterator[ContentDifference]:
    """What differs on disk, in the order of the lock, whose paths are relative to `folder`."""
    for package in lockfile.pylock.packages:
        for path, sha256 in _iter_local_files(package):
            found = _find_hash(folder / path)
            if found != sha256:
                yield ContentDifference(name=package.name, path=path, is_there=found is not None)
        if package.directory is not None:
            yield from _iter_folder_differences(package, lockfile, folder)


def _iter_local_files(package: Package) -> Iterator[tuple[str, str]]:
    """Path and SHA-256 of each file of a package that is on disk."""
    files: list[PackageWheel | PackageSdist | PackageArchive | None] = [*(package.wheels or ())]
    files += [package.sdist, package.archive]
    for file in files:
        if file is not None and file.path is not None:
            yield file.path, file.hashes["sha256"]


def _iter_folder_differences(package: Package, lockfile: Lockfile, folder: Path) -> Iterator[ContentDifference]:
    directory, tool = package.directory, lockfile.tool
    facts = None if tool is None else tool.build.get(package.name)
    if directory is None or facts is None or facts.content is None:
        return  # Another tool wrote it, and says nothing of its content.
    found = _hash_folder(folder / directory.path)
    if found != facts.content:
        yield ContentDifference(name=package.name, path=directory.path, is_there=found is not None)


def _find_hash(path: Path) -> str | None:
    try:
        return hash_file(path)
    except OSError:
        return None


def _hash_folder(path: Path) -> str | None:
    # Imported where it is needed: few locks have a folder.
    from resolver.fetch.folder_content import hash_folder

    try:
        return hash_folder(path) if path.is_dir() else None
    except InputError:
        return None
