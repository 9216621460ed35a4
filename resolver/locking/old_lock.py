"""The old lock as an input: which of its pins a new lock keeps, and which of its files must not have changed.

In: the lock that a relock replaces, and the `Upgrade` that releases all or some of its pins. Out, before the search:
the versions and commit ids to keep, and known hashes for files whose index gives none. Out, after the search: an error
for a file that has its old name and place but another SHA-256.

It is one module because all these rules follow the same `Upgrade`: a project that is released must be released in each
of them. No file is read and no request is made.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import unquote

from packaging.pylock import Package, PackageArchive, PackageSdist, PackageWheel
from packaging.utils import NormalizedName
from packaging.version import Version

from lockfiles import Lockfile
from lockfiles._values import dataclass
from resolver.errors import HashMismatchError
from resolver.locking.build_requirements import BuildPins
from resolver.locking.document import find_recorded_path
from resolver.requirements.entry import DirectReference, VcsReference
from resolver.requirements.url import Url
from resolver.solve.resolution import Pin, Resolution

__all__ = [
    "KEEP_ALL",
    "Upgrade",
    "check_against_old",
    "check_build_pins",
    "find_kept_build_versions",
    "find_kept_commits",
    "find_kept_versions",
    "find_known_hashes",
    "find_rejected_builds",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Upgrade:
    """Which pins of the old lock to release: all of them with `everything`, or those of the projects in `names`.

    A released project gets the version that a search without an old lock gives, from a new look at its files.
    """

    everything: bool = False
    names: frozenset[NormalizedName] = frozenset()

    def releases(self, name: NormalizedName) -> bool:
        """Whether the pin of a project is released."""
        return self.everything or name in self.names


KEEP_ALL = Upgrade()
"""The upgrade that releases nothing."""


def find_kept_versions(old: Lockfile | None, upgrade: Upgrade = KEEP_ALL) -> dict[NormalizedName, Version]:
    """The versions for the search to prefer, sorted by project.

    A project that the old lock has more than once (a lock of another tool, with markers) is left out, because its
    version depends on the environment; so is a source tree, which has no version in a lock.
    """
    if old is None or upgrade.everything:
        return {}
    versions: dict[NormalizedName, set[Version | None]] = {}
    for package in old.pylock.packages:
        versions.setdefault(package.name, set()).add(package.version)
    return {
        name: version
        for name, found in sorted(versions.items())
        if len(found) == 1 and not upgrade.releases(name)
        for version in found
        if version is not None
    }


def find_rejected_builds(
    old: Lockfile | None, upgrade: Upgrade = KEEP_ALL
) -> frozenset[tuple[NormalizedName, Version]]:
    """The versions that the old lock passed over because their builds failed, less those of released projects."""
    if old is None or old.tool is None or upgrade.everything:
        return frozenset()
    return frozenset(
        (name, version)
        for name, facts in old.tool.build.items()
        if not upgrade.releases(name)
        for version in facts.rejected
    )


def find_kept_commits(old: Lockfile | None, upgrade: Upgrade = KEEP_ALL) -> dict[DirectReference, str]:
    """The commit ids to keep, by the reference of the list that led to them.

    The key has the URL, revision and subdirectory of the old lock: a list that now names another revision finds no
    commit id here.
    """
    packages = () if old is None else old.pylock.packages
    return {
        VcsReference(
            url=Url(public=vcs.url), revision=vcs.requested_revision, subdirectory=vcs.subdirectory
        ): vcs.commit_id
        for package in packages
        if (vcs := package.vcs) is not None and vcs.url is not None and not upgrade.releases(package.name)
    }


def find_kept_build_versions(
    old: Lockfile | None, upgrade: Upgrade = KEEP_ALL
) -> dict[NormalizedName, dict[NormalizedName, Version]]:
    """The versions of build requirements to prefer, by project that is built.

    A released project releases all that its own build installs, and its version in all other builds.
    """
    if old is None or old.tool is None or upgrade.everything:
        return {}
    wheels = {wheel.requirement: wheel for wheel in old.tool.build_wheels}
    kept: dict[NormalizedName, dict[NormalizedName, Version]] = {}
    for project, facts in old.tool.build.items():
        if not upgrade.releases(project):
            installed = [wheels[text] for text in facts.requirements if text in wheels]
            kept[project] = {wheel.name: wheel.version for wheel in installed if not upgrade.releases(wheel.name)}
    return kept


def find_known_hashes(old_locks: Iterable[Lockfile | None], upgrade: Upgrade = KEEP_ALL) -> dict[str, tuple[int, str]]:
    """Size in bytes and SHA-256 by URL, from all old locks of a run, for indexes that give no hash.

    Left out are URLs about which the locks differ, locks that were edited by hand (their text proves nothing about a
    file), and released projects (the file may have been replaced by one of the same size).
    """
    found: dict[str, set[tuple[int, str]]] = {}
    for old in old_locks:
        if old is not None and not old.is_edited:
            for (url, size_bytes), sha256 in _read_hashes(old, upgrade).items():
                found.setdefault(url, set()).add((size_bytes, sha256))
    return {url: facts.pop() for url, facts in found.items() if len(facts) == 1}


def check_against_old(
    resolution: Resolution, old: Lockfile | None, *, upgrade: Upgrade = KEEP_ALL, base_url: str | None = None
) -> None:
    """Raises HashMismatchError where a file of the old lock now has another sha256.

    Two files are the same file if they have one name and come from the same index, or if they have one URL or path.
    Another index may have its own build under that name. `base_url` is that of `build_lockfile`.
    """
    if old is None or upgrade.everything:
        return
    locked = {
        (package.name, _find_filename(file)): (package.index, file.path or file.url, file.hashes["sha256"])
        for package, file in _iter_files(old)
    }
    for pin in resolution.pins:
        index, place, expected = locked.get((pin.name, pin.file.filename), (None, None, None))
        places = (pin.file.url, find_recorded_path(pin.file.url, base_url))
        is_same = (index is not None and index == pin.index) or (place is not None and place in places)
        found = pin.file.sha256
        if pin.name in upgrade.names or not is_same or expected is None or found is None:
            continue
        if found != expected:
            where = f"index `{pin.index}`" if pin.index is not None else f"`{pin.file.url}`"
            what = f"`{pin.file.filename}` is not the file that was locked: {where} now has another one of this name"
            raise _build_mismatch(what, pin, expected=expected, found=found)


def check_build_pins(pins: BuildPins, old: Lockfile | None, *, upgrade: Upgrade = KEEP_ALL) -> None:
    """Raises HashMismatchError where a wheel that a build installs now has another sha256 at the same place."""
    if old is None or old.tool is None or upgrade.everything:
        return
    locked = {_find_place(wheel.file, wheel.index, wheel.url): wheel for wheel in old.tool.build_wheels}
    kept = (pin for project, found in pins.items() if project not in upgrade.names for pin in found)
    for pin in kept:
        wheel = locked.get(_find_place(pin.file.filename, pin.index, pin.file.url))
        found = pin.file.sha256
        if wheel is not None and found is not None and wheel.sha256 != found:
            what = (
                f"`{wheel.file}`, which a build needs, is not the file that was locked: `{wheel.index or wheel.url}`"
                " now has another one of this name"
            )
            raise _build_mismatch(what, pin, expected=wheel.sha256, found=found)


def _read_hashes(old: Lockfile, upgrade: Upgrade) -> Mapping[tuple[str, int], str]:
    """The SHA-256 that one lock holds for a URL and size; that of a package replaces that of a build requirement."""
    if upgrade.everything:
        return {}
    wheels = old.tool.build_wheels if old.tool is not None else ()
    of_builds = {(wheel.url, wheel.size): wheel.sha256 for wheel in wheels if wheel.url is not None}
    of_packages = {
        (file.url, file.size): file.hashes["sha256"]
        for package, file in _iter_files(old)
        if file.url is not None and file.size is not None and not upgrade.releases(package.name)
    }
    return of_builds | of_packages


def _iter_files(lockfile: Lockfile) -> Iterator[tuple[Package, PackageWheel | PackageSdist | PackageArchive]]:
    """Each file of a lock with its package, archives included."""
    yield from lockfile.iter_files()
    for package in lockfile.pylock.packages:
        if package.archive is not None:
            yield package, package.archive


def _find_filename(file: PackageWheel | PackageSdist | PackageArchive) -> str:
    """The file's name. PEP 751 gives an archive no name: it is the last part of its path or URL."""
    if not isinstance(file, PackageArchive):
        return file.filename
    return unquote((file.path or file.url or "").partition("?")[0].rpartition("/")[2])


def _find_place(filename: str, index: str | None, url: str | None) -> tuple[str, str | None, str | None]:
    """What makes two wheels of builds the same file: name and index, or name and URL where no index lists it."""
    return (filename, index, url if index is None else None)


def _build_mismatch(what: str, pin: Pin, *, expected: str, found: str) -> HashMismatchError:
    """The error for a file that was replaced; both hashes are hexadecimal SHA-256."""
    return HashMismatchError(
        what,
        details=(f"locked: sha256 {expected}", f"found:  sha256 {found}"),
        remedy=f"find out why it was replaced; `--upgrade-package {pin.name}` accepts the new file",
        filename=pin.file.filename,
        expected=expected,
        found=found,
    )
