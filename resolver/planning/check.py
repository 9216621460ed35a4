"""Whether a lock still fits: its list, settings and target are unchanged, and so are its files on disk.

In: a lock, the canonical texts, settings and target that a new lock would record, and the lock's folder. Out: every
difference as a value; its `str()` is one line of a message. An empty result means that the lock is up to date, as far
as can be seen without a network and without a search.

It is a module of its own, apart from `resolver.locking.document`, because `lock --check` runs in hooks and has to start
fast: it imports no index, no solver and no `fetch`. The texts that a lock records about a target and its inputs are
rendered here as well, so that writing and checking cannot differ.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, assert_never

from packaging.pylock import Package, PackageArchive, PackageSdist, PackageWheel
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version

from lockfiles import Lockfile
from lockfiles._files import hash_bytes, hash_file
from lockfiles._values import dataclass
from lockfiles.lockfile import LineChange, SettingValue, ToolTable, join_lines
from resolver.errors import InputError, Position, TargetError
from resolver.requirements.entry import Entry
from resolver.targets.accelerators import Cpu, CudaRange, Gpu, Unspecified, find_cuda_range, parse_driver
from resolver.targets.target import Target

if TYPE_CHECKING:
    from resolver.fetch.lock_policy import LockPolicy

__all__ = [
    "PinMissing",
    "PinUnfit",
    "check_lockfile",
    "has_local_paths",
    "iter_content_differences",
    "render_accelerator",
    "render_python",
    "requirement_digest",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unrecorded:
    """The lock was written by another tool, so it does not record what it was made from."""

    created_by: str

    def __str__(self) -> str:
        return f"the lock was written by `{self.created_by}` and holds no `[tool.pinfold]` to compare with"


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerCountDifference:
    """The list has another number of layers: `old` in the lock, `new` now."""

    old: int
    new: int

    def __str__(self) -> str:
        return f"layers: {self.old} -> {self.new}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingDifference:
    """A setting that influences the lock and now has another value; None for a setting that is not set."""

    name: str
    old: SettingValue | None
    new: SettingValue | None

    def __str__(self) -> str:
        return f"setting `{self.name}`: {_render_setting(self.old)} -> {_render_setting(self.new)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetDifference:
    """A part of the target that changed; `what` is `Python`, `platform` or `machine`."""

    what: str
    old: str
    new: str

    def __str__(self) -> str:
        return f"{self.what}: {self.old} -> {self.new}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PinMissing:
    """An entry whose project has no pin in the lock; `text` is that of the entry."""

    position: Position
    text: str
    name: NormalizedName

    def __str__(self) -> str:
        return f"{self.position}: `{self.text}` has no pin in the lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class PinUnfit:
    """An entry that its pin does not satisfy.

    Without `missing_extras` the version does not satisfy the specifier; with them, these extras were not locked.
    `version` is None for a source tree.
    """

    position: Position
    text: str
    name: NormalizedName
    version: Version | None
    missing_extras: tuple[NormalizedName, ...] = ()

    def __str__(self) -> str:
        pin = self.name if self.version is None else f"{self.name} {self.version}"
        if self.missing_extras:
            extras = ", ".join(f"`{extra}`" for extra in self.missing_extras)
            return f"{self.position}: `{self.text}` asks for {extras}, which the lock does not have for {pin}"
        return f"{self.position}: `{self.text}` is not satisfied by {pin}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited:
    """A lock with the current list, settings and target that was changed by hand elsewhere; `what` names the place."""

    what: str

    def __str__(self) -> str:
        return f"the lock was edited: {self.what}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentDifference:
    """A file or folder on disk whose content is not the locked one.

    `path` is as the lock has it; `is_there` is false where nothing can be read at that path.
    """

    name: str
    path: str
    is_there: bool

    def __str__(self) -> str:
        fault = "has changed since it was locked" if self.is_there else "is not there"
        return f"{self.name}: `{self.path}` {fault}"


Difference = (
    Unrecorded
    | LineChange
    | LayerCountDifference
    | SettingDifference
    | TargetDifference
    | PinMissing
    | PinUnfit
    | Edited
)
"""All differences that `check_lockfile` finds; those on disk are `ContentDifference`s."""


def check_lockfile(
    lockfile: Lockfile,
    *,
    canonical_layers: Sequence[Sequence[str]],
    settings: Mapping[str, SettingValue],
    target: Target,
    entries: Sequence[Entry],
    constraints: Sequence[Entry] = (),
    overridden: frozenset[NormalizedName] = frozenset(),
    index_strategy: str = "first-index",
) -> tuple[Difference, ...]:
    """What no longer fits, in the order target, settings, list, pins; empty if the lock is up to date.

    - `canonical_layers`, `settings` and `index_strategy` are what a new lock would record.
    - `entries` are those of the list; `constraints` apply only to projects that are locked. An entry or constraint
      whose marker is false for the target is ignored.
    - `overridden` projects need not satisfy entries and constraints.

    Only where all of that fits, the lock is searched for edits by hand. The lock is valid: reading it checked that.
    """
    tool = lockfile.tool
    if tool is None:
        return (Unrecorded(created_by=lockfile.pylock.created_by),)
    wanted = tuple(entry for entry in entries if target.admits(entry.marker))
    bounds = tuple(entry for entry in constraints if target.admits(entry.marker))
    found: tuple[Difference, ...] = (
        *_iter_target_differences(tool, target),
        *_iter_setting_differences(
            {**tool.settings, "index-strategy": tool.index_strategy}, {**settings, "index-strategy": index_strategy}
        ),
        *_iter_list_differences(tool.requirements, canonical_layers),
        *_iter_pin_differences(lockfile, tool, wanted=wanted, constraints=bounds, overridden=overridden),
    )
    # An edit by hand is reported only if no other difference explains why the lock has to be made again.
    return found or _find_edits(lockfile, wanted, target, requirement_digest(canonical_layers, settings, target))


def iter_content_differences(lockfile: Lockfile, folder: Path, *, policy: LockPolicy) -> Iterator[ContentDifference]:
    """What differs on disk, in the order of the lock. Paths of the lock are relative to `folder`, its own folder.

    It raises nothing: a file that cannot be read is a difference. One that `policy` does not allow to read is left out:
    a page of the list may have led to it, and only a new lock reads pages.
    """
    for package in lockfile.pylock.packages:
        for path, sha256 in _iter_local_files(package):
            found = _find_hash(folder / path) if policy.admits(folder / path) else sha256
            if found != sha256:
                yield ContentDifference(name=package.name, path=path, is_there=found is not None)
        if package.directory is not None and policy.admits(folder / package.directory.path):
            yield from _iter_folder_differences(package, lockfile, folder)


def has_local_paths(lockfile: Lockfile) -> bool:
    """Whether the lock names a file or folder on disk: only then `iter_content_differences` has anything to do."""
    for package in lockfile.pylock.packages:
        files = (*(package.wheels or ()), package.sdist, package.archive)
        if package.directory is not None or any(file is not None and file.path is not None for file in files):
            return True
    return False


def requirement_digest(
    canonical_layers: Sequence[Sequence[str]], settings: Mapping[str, SettingValue], target: Target
) -> str:
    """`sha256:hex` of the inputs of a lock, so that tools can compare two lists without parsing them.

    The hashed text is one JSON array in ASCII without white space, keys sorted. Its items are the layers (arrays of
    texts), the settings (an object), and the target's key.
    """
    document = [[list(layer) for layer in canonical_layers], dict(settings), target.key]
    data = json.dumps(document, ensure_ascii=True, sort_keys=True, separators=(",", ":")).encode("ascii")
    return f"sha256:{hash_bytes(data)}"


def render_python(target: Target) -> str:
    """The target's Python as a lock holds it: `3.11`, `3.11.4`, `3.13t`. The lowest patch is left out.

    Unlike `str(target.python)` this is one text for equal targets: `3.11` and `3.11.0` are the same.
    """
    python = target.python
    return (python.full if python.patch else python.short) + ("t" if python.free_threaded else "")


def render_accelerator(target: Target) -> dict[str, str]:
    """The target's part of `[tool.pinfold.accelerator]`; empty where no machine was named.

    It has the capabilities and the driver, which decide what runs. The names of machine types are left out, because
    targets with different names can be equal.
    """
    match target.accelerator:
        case Unspecified():
            return {}
        case Cpu():
            return {"kind": "cpu"}
        case Gpu(capabilities=capabilities, driver=driver, driver_source=source):
            return {
                "kind": "gpu",
                "capability": " ".join(map(str, sorted(capabilities))),
                "driver": str(driver),
                "driver-source": source,
            }
        case _:
            assert_never(target.accelerator)


def _iter_target_differences(tool: ToolTable, target: Target) -> Iterator[Difference]:
    """Differences of Python, platform and machine; machines are compared by what runs on them."""
    if tool.python != (python := render_python(target)):
        yield TargetDifference(what="Python", old=tool.python, new=python)
    if tool.platform != (platform := str(target.platform)):
        yield TargetDifference(what="platform", old=tool.platform, new=platform)
    facts = render_accelerator(target)
    if _read_running(tool.accelerator) != _read_running(facts):
        yield TargetDifference(what="machine", old=_describe_machine(tool.accelerator), new=_describe_machine(facts))


def _read_running(facts: Mapping[str, str]) -> tuple[str | None, str | None, CudaRange | str | None]:
    """Kind, capabilities, and the range of CUDA releases that the driver runs: what decides which builds run.

    Two drivers with one range are equal here, so a lock stays valid when the platform updates a driver within a
    branch. A driver text that cannot be parsed is compared as text.
    """
    driver = facts.get("driver")
    if driver is None:
        return facts.get("kind"), facts.get("capability"), None
    try:
        runs = find_cuda_range(parse_driver(driver))
    except TargetError:
        return facts.get("kind"), facts.get("capability"), driver
    return facts.get("kind"), facts.get("capability"), runs


def _describe_machine(facts: Mapping[str, str]) -> str:
    """A machine in a few words, for a message."""
    match facts.get("kind"):
        case None:
            return "not named"
        case "cpu":
            return "no GPU"
        case _:
            return f"compute capability {facts.get('capability')} with driver {facts.get('driver')}"


def _iter_setting_differences(
    old: Mapping[str, SettingValue], new: Mapping[str, SettingValue]
) -> Iterator[SettingDifference]:
    """Settings that were added, removed or changed, by name."""
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            yield SettingDifference(name=name, old=old.get(name), new=new.get(name))


def _iter_list_differences(old: Sequence[Sequence[str]], new: Sequence[Sequence[str]]) -> Iterator[Difference]:
    """Removed and added lines in list order, layer by layer; a line that moved is removed and added.

    Both lists hold canonical texts, so a change of white space or of a comment is no difference.
    """
    if len(old) != len(new):
        yield LayerCountDifference(old=len(old), new=len(new))
    for layer in range(max(len(old), len(new))):
        before = join_lines(old[layer]) if layer < len(old) else ()
        after = join_lines(new[layer]) if layer < len(new) else ()
        yield from _iter_line_differences(layer, before, after)


def _iter_line_differences(layer: int, before: Sequence[str], after: Sequence[str]) -> Iterator[LineChange]:
    """The lines of one layer that were removed and added."""
    if before == after:
        return
    # Lazy: the usual check finds no difference and needs no difflib.
    from difflib import SequenceMatcher

    # Without `autojunk`: it would ignore lines that are frequent in a list of 200 lines or more.
    for operation, start, end, new_start, new_end in SequenceMatcher(a=before, b=after, autojunk=False).get_opcodes():
        if operation != "equal":
            yield from (LineChange(layer=layer, text=text, is_added=False) for text in before[start:end])
            yield from (LineChange(layer=layer, text=text, is_added=True) for text in after[new_start:new_end])


def _iter_pin_differences(
    lockfile: Lockfile,
    tool: ToolTable,
    *,
    wanted: Sequence[Entry],
    constraints: Sequence[Entry],
    overridden: frozenset[NormalizedName],
) -> Iterator[Difference]:
    """Entries without a pin, and entries and constraints that their pin does not satisfy, in list order.

    A constraint without a pin is no difference: it names no project that has to be locked.
    """
    packages = {package.name: package for package in lockfile.pylock.packages}
    for entry in (*wanted, *constraints):
        package = packages.get(entry.name) if entry.name is not None else None
        if package is not None:
            yield from _iter_unfit(entry, package, tool, is_overridden=package.name in overridden)
        elif entry.name is not None and entry not in constraints:
            yield PinMissing(position=entry.position, text=entry.text, name=entry.name)


def _iter_unfit(entry: Entry, package: Package, tool: ToolTable, *, is_overridden: bool) -> Iterator[PinUnfit]:
    """How the package fails the entry: by its version, or by extras that were not requested when it was locked.

    The version is free for a direct reference, whose source decides it, and for an overridden project. Pre-releases
    count as any other version, because the search has already decided that this one is admitted.
    """
    version = package.version
    is_free = version is None or entry.direct is not None or is_overridden
    if version is not None and not is_free and not entry.specifier.contains(version, prereleases=True):
        yield PinUnfit(position=entry.position, text=entry.text, name=package.name, version=version)
    missing = tuple(sorted(entry.extras - set(tool.extras.get(package.name, ()))))
    if missing and not is_overridden:
        yield PinUnfit(
            position=entry.position, text=entry.text, name=package.name, version=version, missing_extras=missing
        )


def _find_edits(lockfile: Lockfile, wanted: Sequence[Entry], target: Target, digest: str) -> tuple[Edited, ...]:
    """The places where a lock was edited: keys that are derived from others, and packages that nothing requires.

    `digest` is the requirement digest that the lock should have. Any other edit breaks the seal of the lock.
    """
    tool, wanted_python = lockfile.tool, target.requires_python
    found = list(_iter_unrequired(lockfile, wanted))
    if lockfile.pylock.requires_python != SpecifierSet(wanted_python):
        found.insert(0, Edited(what=f"`requires-python` is not `{wanted_python}`"))
    if tool is not None and tool.requirement_digest != digest:
        found.insert(0, Edited(what="`requirement-digest` is not that of its list, settings and target"))
    if not found and lockfile.is_edited:
        found.append(Edited(what="`contents` does not match the content of the lock"))
    return tuple(found)


def _iter_unrequired(lockfile: Lockfile, wanted: Sequence[Entry]) -> Iterator[Edited]:
    """Packages that neither the list nor another package requires, in the order of the lock.

    Nothing is reported where the list has an entry without a name (a URL), because its package is not known.
    """
    packages = {package.name: package for package in lockfile.pylock.packages}
    if any(entry.name is None for entry in wanted):
        return
    reached: set[NormalizedName] = set()
    waiting = [entry.name for entry in wanted if entry.name is not None]
    while waiting:
        name = waiting.pop()
        if name not in reached and name in packages:
            reached.add(name)
            waiting += [NormalizedName(dependency["name"]) for dependency in packages[name].dependencies or ()]
    for name in packages:
        if name not in reached:
            yield Edited(what=f"nothing requires `{name}`")


def _render_setting(value: SettingValue | None) -> str:
    """A value as a message shows it; the texts of an array are separated by spaces."""
    match value:
        case None:
            return "not set"
        case bool():
            return "true" if value else "false"
        case tuple():
            return f"`{' '.join(value)}`"
        case _:
            return f"`{value}`"


def _iter_local_files(package: Package) -> Iterator[tuple[str, str]]:
    """Path and SHA-256 of each wheel, sdist and archive of a package that the lock has by path."""
    files: list[PackageWheel | PackageSdist | PackageArchive | None] = [*(package.wheels or ())]
    files += [package.sdist, package.archive]
    for file in files:
        if file is not None and file.path is not None:
            yield file.path, file.hashes["sha256"]


def _iter_folder_differences(package: Package, lockfile: Lockfile, folder: Path) -> Iterator[ContentDifference]:
    """A difference where a source tree on disk has another content hash than `[tool.pinfold.build]` records.

    A lock of another tool records no content hash, so its folders cannot differ.
    """
    directory, tool = package.directory, lockfile.tool
    facts = None if tool is None else tool.build.get(package.name)
    if directory is None or facts is None or facts.content is None:
        return
    found = _hash_folder(folder / directory.path)
    if found != facts.content:
        yield ContentDifference(name=package.name, path=directory.path, is_there=found is not None)


def _find_hash(path: Path) -> str | None:
    """The SHA-256 of a file; None where it cannot be read."""
    try:
        return hash_file(path)
    except OSError:
        return None


def _hash_folder(path: Path) -> str | None:
    """The content hash of a folder; None where there is none or it cannot be read."""
    # Lazy: few locks have a folder.
    from resolver.fetch.direct.folder_content import hash_folder

    try:
        return hash_folder(path) if path.is_dir() else None
    except InputError:
        return None
