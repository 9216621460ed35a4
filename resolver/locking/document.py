"""The lockfile of a resolution: pins as PEP 751 packages, and what they were made from as `[tool.pinfold]`.

In: a `Resolution` whose files are complete, the list, the target, and the inputs that the lock records. Out: a
`Lockfile`, which `lockfiles.write` turns into text.

Everything here is public already: URLs are the public parts, and a value that may be secret is recorded as a hash.
Nothing is fetched and no file is read, so the same values always give the same lock. It is a module of its own because
it is the one place that decides which fact of a pin is stored under which key.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import assert_never
from urllib.parse import unquote

from packaging.markers import Marker
from packaging.pylock import Package, PackageArchive, PackageDirectory, PackageSdist, PackageVcs, PackageWheel, Pylock
from packaging.specifiers import SpecifierSet
from packaging.utils import InvalidSdistFilename, NormalizedName, parse_sdist_filename
from packaging.version import Version

from lockfiles import Lockfile
from lockfiles._files import hash_bytes
from lockfiles._values import dataclass
from lockfiles.lockfile import BuildFacts, BuildWheel, SettingValue, ToolTable
from resolver.errors import InternalError, Position
from resolver.index.distribution_file import Archive, Commit, DistributionFile, Folder
from resolver.locking.build_requirements import BuildPins, find_isolated
from resolver.planning.check import render_accelerator, render_python, requirement_digest
from resolver.requirements.entry import RequirementList
from resolver.solve.resolution import ChosenBuild, Pin, Requester, Resolution
from resolver.targets.target import Target

__all__ = ["RecordedInputs", "build_lockfile", "find_recorded_path"]

_LOCK_VERSION = Version("1.0")
"""The version of PEP 751 that the lock follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedInputs:
    """What a lock was made from, as the lock records it.

    - `layers` are the list's canonical texts without secrets; `settings` those that influenced the result.
    - `exclude_newer` is an instant in RFC 3339 UTC; None where no date limits the candidates.
    - `source` is the place of the list as the lock records it; None for the list of a program.
    """

    layers: Sequence[Sequence[str]]
    settings: Mapping[str, SettingValue]
    index_strategy: str = "first-index"
    exclude_newer: str | None = None
    source: str | None = None


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
    - `build_pins` are the pins that builds install, whose files are complete, too; None is the same as no pins.

    Raises InternalError for a file without size or sha256.
    """
    pins = build_pins or {}
    layers = {entry.position: entry.layer for entry in requirement_list.entries}
    tool = ToolTable(
        source=inputs.source,
        python=render_python(target),
        platform=str(target.platform),
        accelerator=render_accelerator(target) | _render_build(resolution.build),
        index_strategy=inputs.index_strategy,
        requirement_digest=requirement_digest(inputs.layers, inputs.settings, target),
        exclude_newer=inputs.exclude_newer,
        requirements=tuple(tuple(layer) for layer in inputs.layers),
        layers=_build_layers(resolution, requirement_list),
        built=tuple(pin.name for pin in resolution.pins if pin.built),
        unverified={pin.name: pin.unverified for pin in resolution.pins if pin.unverified is not None},
        settings=dict(inputs.settings),
        extras={pin.name: tuple(sorted(pin.extras)) for pin in resolution.pins if pin.extras},
        requested_by={pin.name: _build_requested_by(pin, layers) for pin in resolution.pins},
        build=dict(_iter_build_facts(resolution, requirement_list, pins)),
        build_wheels=_list_build_wheels(pins, base_url),
    )
    return Lockfile(pylock=_build_pylock(resolution, target, base_url), tool=tool)


def find_recorded_path(url: str, base_url: str | None) -> str | None:
    """The path from the lock's folder to a file on the same disk; None for a file that is recorded by its URL.

    The path begins with `..` where the file is outside that folder: a lock holds no absolute path of the machine that
    made it. A file on another Windows drive or network share has no relative path and is recorded by its URL.
    """
    if base_url is None or not url.startswith("file:///"):
        return None
    path, folder = unquote(url.removeprefix("file://")), unquote(base_url.removeprefix("file://"))
    if ":" in (path + folder) and path.split("/")[1] != folder.split("/")[1]:
        return None
    return posixpath.relpath(path, folder)


def _build_pylock(resolution: Resolution, target: Target, base_url: str | None) -> Pylock:
    """The standard part of the lock, for one Python and one platform, with the packages sorted by name."""
    return Pylock(
        lock_version=_LOCK_VERSION,
        environments=[Marker(target.environment_marker)],
        requires_python=SpecifierSet(target.requires_python),
        created_by="pinfold",
        packages=[_build_package(pin, base_url) for pin in sorted(resolution.pins, key=lambda pin: pin.name)],
    )


def _build_package(pin: Pin, base_url: str | None) -> Package:
    """PEP 751 `[[packages]]`: exactly one source, the direct dependencies by name, and no markers."""
    file = _build_source(pin, base_url)
    is_tree = isinstance(file, PackageVcs | PackageDirectory)
    return Package(
        name=pin.name,
        # PEP 751 advises against a version for source trees, because it can change with the tree.
        version=None if is_tree else pin.version,
        dependencies=[{"name": name} for name in sorted(pin.dependencies)] or None,
        index=_find_public_index(pin),
        vcs=file if isinstance(file, PackageVcs) else None,
        directory=file if isinstance(file, PackageDirectory) else None,
        archive=file if isinstance(file, PackageArchive) else None,
        sdist=file if isinstance(file, PackageSdist) else None,
        wheels=[file] if isinstance(file, PackageWheel) else None,
    )


def _find_public_index(pin: Pin) -> str | None:
    """The URL of the pin's index; None for an index on disk, whose location means nothing on another machine."""
    return None if pin.index is None or pin.index.startswith("file:") else pin.index


def _build_source(
    pin: Pin, base_url: str | None
) -> PackageWheel | PackageSdist | PackageArchive | PackageVcs | PackageDirectory:
    """The one source of a package, in the form that PEP 751 has for it."""
    match pin.file.origin:
        case None:
            return _build_file(pin.file, base_url)
        case Archive(subdirectory=subdirectory):
            # Installers write the URL of a PEP 751 `archive` into `direct_url.json`, which differs from what an
            # index gives. A wheel or sdist with a direct URL is therefore locked like one of an index.
            if pin.file.is_wheel or (subdirectory is None and _is_sdist_of(pin)):
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


def _build_file(file: DistributionFile, base_url: str | None) -> PackageWheel | PackageSdist:
    """PEP 751 `[[packages.wheels]]` or `[packages.sdist]`.

    The upload time is left out: HTML pages have none, and both forms of an index have to give the same lock.
    """
    size_bytes, sha256 = _find_size_and_hash(file)
    path = find_recorded_path(file.url, base_url)
    model = PackageWheel if file.is_wheel else PackageSdist
    return model(
        name=file.filename,
        url=None if path is not None else file.url,
        path=path,
        size=size_bytes,
        hashes={"sha256": sha256},
    )


def _build_archive(file: DistributionFile, subdirectory: str | None, base_url: str | None) -> PackageArchive:
    """PEP 751 `[packages.archive]`: an archive of a source tree whose file name is that of no sdist."""
    size_bytes, sha256 = _find_size_and_hash(file)
    path = find_recorded_path(file.url, base_url)
    return PackageArchive(
        url=None if path is not None else file.url,
        path=path,
        size=size_bytes,
        hashes={"sha256": sha256},
        subdirectory=subdirectory,
    )


def _find_folder_path(path: str, base_url: str | None) -> str:
    """The path from the lock's folder to another folder; unchanged where no relative path leads there."""
    return find_recorded_path(PurePath(path).as_uri(), base_url) or path


def _find_size_and_hash(file: DistributionFile) -> tuple[int, str]:
    """Size in bytes and SHA-256. Raises InternalError for a file that lacks one."""
    if file.sha256 is None or file.size_bytes is None:
        missing = "sha256" if file.sha256 is None else "size"
        raise InternalError(f"`{file.filename}` reached the lock without {missing}")
    return file.size_bytes, file.sha256


def _render_build(build: ChosenBuild | None) -> dict[str, str]:
    """The CUDA build that the search chose, for `[tool.pinfold.accelerator]`; empty where no project has several."""
    return {} if build is None else {"cuda": build.cuda, "why": build.why}


def _build_layers(resolution: Resolution, requirement_list: RequirementList) -> tuple[tuple[NormalizedName, ...], ...]:
    """The projects that each layer's entries requested, in list order.

    An entry whose marker is false requests nothing, so its project is left out.
    """
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


def _build_requested_by(pin: Pin, layers: Mapping[Position, int]) -> tuple[str, ...]:
    """The requirements behind the pin, list entries first: `layer 0: numpy<2`, `scipy: numpy>=1.26`.

    `layers` has the number of the layer by the position of each list entry. File names and line numbers are left out,
    so that a comment added to a file does not change the lock.
    """
    listed = [requester for requester in pin.requesters if requester.position is not None]
    parents = sorted(f"{requester.parent}: {requester.text}" for requester in pin.requesters if requester.parent)
    return (*dict.fromkeys((*(_render_listed(requester, layers) for requester in listed), *parents)),)


def _render_listed(requester: Requester, layers: Mapping[Position, int]) -> str:
    """The text of a list entry with its layer; without a layer for an entry of an override or constraint file."""
    layer = None if requester.position is None else layers.get(requester.position)
    return requester.text if layer is None else f"layer {layer}: {requester.text}"


def _iter_build_facts(
    resolution: Resolution, requirement_list: RequirementList, build_pins: BuildPins
) -> Iterator[tuple[NormalizedName, BuildFacts]]:
    """What decides the outcome of each build that an installation makes, by project.

    Config settings may be secret, so the lock holds a hash of each value.
    """
    isolated = find_isolated(resolution, requirement_list)
    rejected: dict[NormalizedName, tuple[Version, ...]] = {}
    for name, version in resolution.failed_builds:
        rejected[name] = (*rejected.get(name, ()), version)
    sources = [pin for pin in resolution.pins if not pin.file.is_wheel]
    for name in sorted(rejected.keys() - {pin.name for pin in sources}):
        yield name, BuildFacts(rejected=rejected[name])
    for pin in sources:
        settings = (
            pair for entry in requirement_list.entries if entry.name == pin.name for pair in entry.config_settings
        )
        origin = pin.file.origin
        yield (
            pin.name,
            BuildFacts(
                config_settings=tuple((key, _hash_text(value)) for key, value in settings),
                isolation=pin.name in isolated,
                requirements=tuple(sorted(f"{one.name}=={one.version}" for one in build_pins.get(pin.name, ()))),
                content=origin.content if isinstance(origin, Folder) else None,
                rejected=rejected.get(pin.name, ()),
            ),
        )


def _hash_text(text: str) -> str:
    """`sha256:hex` of a text in UTF-8."""
    return f"sha256:{hash_bytes(text.encode())}"


def _list_build_wheels(build_pins: BuildPins, base_url: str | None) -> tuple[BuildWheel, ...]:
    """The wheels that the builds install, each once, sorted by name, version and file name."""
    wheels = {_build_wheel(pin, base_url) for pins in build_pins.values() for pin in pins}
    return tuple(sorted(wheels, key=lambda wheel: (wheel.name, wheel.version, wheel.file)))


def _build_wheel(pin: Pin, base_url: str | None) -> BuildWheel:
    """One row of `[[tool.pinfold.build-wheels]]`. Raises InternalError for a file without size or sha256.

    PEP 751 has no place for build requirements, which is why they are in the table of the tool.
    """
    size_bytes, sha256 = _find_size_and_hash(pin.file)
    path = find_recorded_path(pin.file.url, base_url)
    return BuildWheel(
        name=pin.name,
        version=pin.version,
        file=pin.file.filename,
        url=None if path is not None else pin.file.url,
        path=path,
        index=_find_public_index(pin),
        size=size_bytes,
        sha256=sha256,
    )
