"""From pins to a document: a `Resolution` and what it was made from in, a `Lockfile` out, and an old lock as an input.

Everything here is public already: URLs are the public parts, and what could be a secret stands as a hash. Nothing is
fetched and no file is read.

What locking takes and gives beside plans: which pins an upgrade releases, and a new lock with what to tell of it.

It is a module of its own so that code which only reads an outcome, such as the summary, imports no stage of locking.
"""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, assert_never
from urllib.parse import unquote

from packaging.markers import Marker
from packaging.pylock import Package, PackageArchive, PackageDirectory, PackageSdist, PackageVcs, PackageWheel, Pylock
from packaging.specifiers import SpecifierSet
from packaging.utils import InvalidSdistFilename, NormalizedName, parse_sdist_filename
from packaging.version import Version

from lockfiles import Lockfile, SettingValue, ToolTable
from lockfiles._values import dataclass
from resolver.errors import HashMismatchError, InternalError, Position
from resolver.index.distribution_file import Archive, Commit, DistributionFile, Folder
from resolver.locking.build_pins import BuildPins, build_build_wheels, iter_build_facts
from resolver.planning.check import render_accelerator, render_python, requirement_digest
from resolver.requirements.entry import DirectReference, RequirementList, VcsReference
from resolver.requirements.url import Url
from resolver.solve.resolution import ChosenBuild, Pin, Requester, Resolution
from resolver.targets.target import Target

if TYPE_CHECKING:
    from resolver.locking.driver_changes import DriverChange

__all__ = [
    "LockOutcome",
    "RecordedInputs",
    "Upgrade",
    "build_lockfile",
    "check_against_old",
    "find_locked_commits",
    "known_hashes",
    "preferences",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedInputs:
    """What a lock says it was made from.

    - `layers` are the list's canonical texts without secrets; `settings` those that influenced the result.
    - `exclude_newer` is an instant in RFC 3339 UTC.
    """

    layers: Sequence[Sequence[str]]
    settings: Mapping[str, SettingValue]
    index_strategy: str = "first-index"
    exclude_newer: str | None = None


def build_lockfile(
    resolution: Resolution,
    *,
    target: Target,
    requirement_list: RequirementList,
    inputs: RecordedInputs,
    base_url: str | None = None,
    build_pins: BuildPins | None = None,
) -> Lockfile:
    """The lock for a resolution whose files all have a size and a sha256.

    - `base_url` is the `file:` URL of the folder that the lock will lie in, ending in a slash: files of its disk
      are locked by relative path, so that the lock can move with them.
    - `build_pins` are the pins of what builds install, whose files are complete, too.

    Raises InternalError for a file without size or sha256.
    """
    pylock = Pylock(
        lock_version=Version("1.0"),
        environments=[Marker(target.environment_marker)],
        requires_python=SpecifierSet(target.requires_python),
        created_by="pinfold",
        packages=[_build_package(pin, base_url) for pin in sorted(resolution.pins, key=lambda pin: pin.name)],
    )
    tool = ToolTable(
        python=render_python(target),
        platform=str(target.platform),
        accelerator=render_accelerator(target) | _render_build(resolution.build),
        index_strategy=inputs.index_strategy,
        requirement_digest=requirement_digest(inputs.layers, inputs.settings, target),
        exclude_newer=inputs.exclude_newer,
        requirements=tuple(tuple(layer) for layer in inputs.layers),
        layers=_build_layers(resolution, requirement_list),
        built=tuple(pin.name for pin in resolution.pins if pin.built),
        settings=dict(inputs.settings),
        extras={pin.name: tuple(sorted(pin.extras)) for pin in resolution.pins if pin.extras},
        requested_by={pin.name: _build_requested_by(pin, requirement_list) for pin in resolution.pins},
        build=dict(iter_build_facts(resolution, requirement_list, build_pins or {})),
        build_wheels=build_build_wheels(build_pins or {}, find_path=lambda url: _find_path(url, base_url)),
    )
    return Lockfile(pylock=pylock, tool=tool)


def preferences(lockfile: Lockfile) -> dict[NormalizedName, Version]:
    """The versions of an old lock, for a search to keep; projects that it has more than once are left out."""
    versions: dict[NormalizedName, set[Version | None]] = {}
    for package in lockfile.pylock.packages:
        versions.setdefault(package.name, set()).add(package.version)
    return {
        name: version
        for name, found in sorted(versions.items())
        if len(found) == 1
        for version in found
        if version is not None
    }


def known_hashes(
    lockfile: Lockfile, *, without: Collection[NormalizedName] = frozenset()
) -> dict[tuple[str, int], str]:
    """The sha256 that an old lock holds for a URL and size, for indexes that give none."""
    found = {
        (file.url, file.size): file.hashes["sha256"]
        for package, file in _iter_files(lockfile)
        if file.url is not None and file.size is not None and package.name not in without
    }
    wheels = lockfile.tool.build_wheels if lockfile.tool is not None else ()
    return {**{(wheel.url, wheel.size): wheel.sha256 for wheel in wheels if wheel.url is not None}, **found}


def find_locked_commits(
    lockfile: Lockfile, *, without: Collection[NormalizedName] = frozenset()
) -> dict[DirectReference, str]:
    """The commit ids that an old lock holds, by what a list says to mean them; some projects let go of theirs."""
    return {
        VcsReference(
            url=Url(public=vcs.url), revision=vcs.requested_revision, subdirectory=vcs.subdirectory
        ): vcs.commit_id
        for package in lockfile.pylock.packages
        if (vcs := package.vcs) is not None and vcs.url is not None and package.name not in without
    }


def check_against_old(resolution: Resolution, old: Lockfile, *, base_url: str | None = None) -> None:
    """Raises HashMismatchError where a file of the old lock now has another sha256.

    A file is the same if it has its name and comes from the same index, or has the same URL or path: another index may
    well have its own build under that name. `base_url` is that of `build_lockfile`.
    """
    locked = {
        (package.name, _find_filename(file)): (package.index, file.path or file.url, file.hashes["sha256"])
        for package, file in _iter_files(old)
    }
    for pin in resolution.pins:
        index, place, expected = locked.get((pin.name, pin.file.filename), (None, None, None))
        places = (pin.file.url, _find_path(pin.file.url, base_url))
        is_same = (index is not None and index == pin.index) or (place is not None and place in places)
        found = pin.file.sha256
        if is_same and expected is not None and found is not None and found != expected:
            raise _mismatch(pin, expected=expected, found=found)


def _iter_files(lockfile: Lockfile) -> Iterator[tuple[Package, PackageWheel | PackageSdist | PackageArchive]]:
    """Each file of a lock with its package, archives included."""
    yield from lockfile.iter_files()
    for package in lockfile.pylock.packages:
        if package.archive is not None:
            yield package, package.archive


def _find_filename(file: PackageWheel | PackageSdist | PackageArchive) -> str:
    if not isinstance(file, PackageArchive):
        return file.filename
    return unquote((file.path or file.url or "").partition("?")[0].rpartition("/")[2])


def _mismatch(pin: Pin, *, expected: str, found: str) -> HashMismatchError:
    where = f"index `{pin.index}`" if pin.index is not None else f"`{pin.file.url}`"
    return HashMismatchError(
        f"`{pin.file.filename}` is not the file that was locked: {where} now has another one of this name",
        details=(f"locked: sha256 {expected}", f"found:  sha256 {found}"),
        remedy=f"find out why it was replaced; `--upgrade-package {pin.name}` accepts the new file",
        filename=pin.file.filename,
        expected=expected,
        found=found,
    )


def _render_build(build: ChosenBuild | None) -> dict[str, str]:
    return {} if build is None else {"cuda": build.cuda, "why": build.why}


def _build_package(pin: Pin, base_url: str | None) -> Package:
    file = _build_source(pin, base_url)
    is_tree = isinstance(file, PackageVcs | PackageDirectory)
    return Package(
        name=pin.name,
        # What the version of a source tree is can change with the tree (PEP 751).
        version=None if is_tree else pin.version,
        dependencies=[{"name": name} for name in sorted(pin.dependencies)] or None,
        # An index on disk is a place on this machine: its files' paths say as much as another one can use.
        index=None if pin.index is None or pin.index.startswith("file:") else pin.index,
        vcs=file if isinstance(file, PackageVcs) else None,
        directory=file if isinstance(file, PackageDirectory) else None,
        archive=file if isinstance(file, PackageArchive) else None,
        sdist=file if isinstance(file, PackageSdist) else None,
        wheels=[file] if isinstance(file, PackageWheel) else None,
    )


def _build_source(
    pin: Pin, base_url: str | None
) -> PackageWheel | PackageSdist | PackageArchive | PackageVcs | PackageDirectory:
    """The one source of a package, in the form that PEP 751 has for it."""
    match pin.file.origin:
        case None:
            return _build_file(pin.file, base_url)
        case Archive(subdirectory=subdirectory):
            if pin.file.is_wheel or (subdirectory is None and _is_sdist_of(pin)):
                # Of an archive, installers write the URL into `direct_url.json`.
                return _build_file(pin.file, base_url)
            return _build_archive(pin.file, subdirectory, base_url)
        case Commit(url=url, commit_id=commit_id, requested_revision=revision, subdirectory=subdirectory):
            return PackageVcs(
                type="git", url=url, requested_revision=revision, commit_id=commit_id, subdirectory=subdirectory
            )
        case Folder(path=path, editable=editable):
            return PackageDirectory(path=_find_folder_path(path, base_url), editable=editable or None)
        case _:
            assert_never(pin.file.origin)


def _is_sdist_of(pin: Pin) -> bool:
    """Whether the file's name is that of the pin's sdist (PEP 625)."""
    try:
        return parse_sdist_filename(pin.file.filename) == (pin.name, pin.version)
    except InvalidSdistFilename:
        return False


def _build_archive(file: DistributionFile, subdirectory: str | None, base_url: str | None) -> PackageArchive:
    size_bytes, sha256 = _find_proof(file)
    path = _find_path(file.url, base_url)
    return PackageArchive(
        url=None if path is not None else file.url,
        path=path,
        size=size_bytes,
        hashes={"sha256": sha256},
        subdirectory=subdirectory,
    )


def _find_folder_path(path: str, base_url: str | None) -> str:
    """The path from the lock's folder on; as it is where there is no way."""
    return _find_path(PurePath(path).as_uri(), base_url) or path


def _find_proof(file: DistributionFile) -> tuple[int, str]:
    """Size and SHA-256. Raises InternalError for a file that lacks one."""
    if file.sha256 is None or file.size_bytes is None:
        missing = "sha256" if file.sha256 is None else "size"
        raise InternalError(f"`{file.filename}` reached the lock without {missing}")
    return file.size_bytes, file.sha256


def _build_file(file: DistributionFile, base_url: str | None) -> PackageWheel | PackageSdist:
    """PEP 751 `[[packages.wheels]]` or `[packages.sdist]`, without upload time: HTML pages have none."""
    size_bytes, sha256 = _find_proof(file)
    path = _find_path(file.url, base_url)
    kind = PackageWheel if file.is_wheel else PackageSdist
    return kind(
        name=file.filename,
        url=None if path is not None else file.url,
        path=path,
        size=size_bytes,
        hashes={"sha256": sha256},
    )


def _find_path(url: str, base_url: str | None) -> str | None:
    """The path of a file on the disk of the lock, from its folder on; None for any other file.

    With `..` where need be: a lock has no path of the machine that made it. Another drive or host keeps its URL.
    """
    if base_url is None or not url.startswith("file:///"):
        return None
    path, folder = unquote(url.removeprefix("file://")), unquote(base_url.removeprefix("file://"))
    if ":" in (path + folder) and path.split("/")[1] != folder.split("/")[1]:
        return None
    return posixpath.relpath(path, folder)


def _build_layers(resolution: Resolution, requirement_list: RequirementList) -> tuple[tuple[NormalizedName, ...], ...]:
    """The projects that each layer's entries brought in, in list order; entries with a false marker bring in none."""
    requested = {
        (pin.name, requester.position)
        for pin in resolution.pins
        for requester in pin.requesters
        if requester.position is not None
    }
    return tuple(
        tuple(
            dict.fromkeys(
                entry.name
                for entry in layer.entries
                if entry.name is not None and (entry.name, entry.position) in requested
            )
        )
        for layer in requirement_list.layers
    )


def _build_requested_by(pin: Pin, requirement_list: RequirementList) -> tuple[str, ...]:
    """Who asked for the pin, list entries first: `layer 0: numpy<2`, `scipy: numpy>=1.26`.

    Without file names and lines, so that a comment added to a file does not change the lock.
    """
    layers = {entry.position: entry.layer for entry in requirement_list.entries}
    listed = [requester for requester in pin.requesters if requester.position is not None]
    parents = sorted(f"{requester.parent}: {requester.text}" for requester in pin.requesters if requester.parent)
    return (*dict.fromkeys((*(_render_listed(requester, layers) for requester in listed), *parents)),)


def _render_listed(requester: Requester, layers: Mapping[Position, int]) -> str:
    layer = None if requester.position is None else layers.get(requester.position)
    return requester.text if layer is None else f"layer {layer}: {requester.text}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Upgrade:
    """Which pins of the old lock to let go of: all of them, or those of `names`."""

    everything: bool = False
    names: frozenset[NormalizedName] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class LockOutcome:
    """A new lock and what is worth telling about it.

    `shadowed` are pins that only dependencies ask for and that came from an extra index although the default index has
    the project too. `warnings` are whole messages: the source's and the list's, then the solver's. `default_index` is
    the public URL of the default index, None where no item of the list is served by it. `driver_changes` are drivers
    under which other builds would be locked.
    """

    lockfile: Lockfile
    resolution: Resolution
    default_index: str | None = None
    warnings: tuple[str, ...] = ()
    shadowed: tuple[Pin, ...] = ()
    driver_changes: tuple[DriverChange, ...] = ()
