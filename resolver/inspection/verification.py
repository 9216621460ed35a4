"""Whether a lock still says what its indexes say: its own question asked again, without believing any of its answers.

In: a lock. Out: the differences as texts, none for a lock that holds. Versions and commits are kept where they still
fit, but every URL, size, hash and dependency is read anew: an added package, a changed hash and a file on another host
show, whatever the requirement digest says.

An installed environment beside a lock: what is missing, what is there in another version, what is there besides.

In: the folder of a virtual environment, or of its packages, and a lock. Out: differences as values. Nothing of the
environment is run. Standards: recording installed projects (`*.dist-info`), direct URL origin (`direct_url.json`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from packaging.pylock import Package
from packaging.utils import NormalizedName
from packaging.version import InvalidVersion, Version

from lockfiles import Comparison, LockedPin, Lockfile, PinChange, compare
from lockfiles._values import dataclass
from resolver.errors import InputError
from resolver.fetch.access import Access
from resolver.index.core_metadata import parse_core_metadata
from resolver.locking.locker import Locker
from resolver.planning.from_lock import has_own_digest, plan_from_lock
from resolver.planning.plan import LockPlan

__all__ = [
    "Discrepancy",
    "Installed",
    "InstalledDifference",
    "compare_installed",
    "read_environment",
    "verify_lockfile",
]


_FOLDER_CONTENT = re.compile(r"tool\.pinfold\.build\.(?P<name>[^.]+)\.content")


@dataclass(frozen=True, slots=True, kw_only=True)
class Discrepancy:
    """One thing about a lock that does not hold. `name` is the pin's, None for what concerns the lock as a whole."""

    name: str | None
    text: str

    def __str__(self) -> str:
        return self.text


def verify_lockfile(
    lockfile: Lockfile,
    *,
    path: Path,
    shown: str,
    access: Access,
    lists: Sequence[LockPlan] = (),
) -> tuple[Discrepancy, ...]:
    """What does not hold of the lock at `path`, by name of the pin; empty where all of it does.

    `lists` bring credentials and fresh signatures for the same hosts. Raises InputError for a lock that does not say
    what it was made from, FetchError where a host does not answer, ResolutionError where its list has no solution.
    """
    plan = plan_from_lock(lockfile, path=path, shown=shown)
    # What the lock says of sizes and hashes is in question: it is no input.
    asked = replace(plan, old=None)
    with Locker([asked, *lists], access=access) as locker:
        fresh = locker.lock(asked).lockfile
    found = [] if has_own_digest(plan) else [_forged_digest(shown)]
    found += _iter_discrepancies(compare(lockfile, fresh))
    return tuple(found)


def _forged_digest(shown: str) -> Discrepancy:
    return Discrepancy(name=None, text=f"the requirement digest of `{shown}` is not that of the list it holds")


def _iter_discrepancies(comparison: Comparison) -> Iterator[Discrepancy]:
    found = [
        *(Discrepancy(name=pin.name, text=f"{pin} is locked, and nothing asks for it") for pin in comparison.removed),
        *(Discrepancy(name=pin.name, text=f"{pin} is not locked, and is asked for") for pin in comparison.added),
        *(Discrepancy(name=change.new.name, text=_describe(change)) for change in comparison.changed),
    ]
    yield from sorted(found, key=lambda one: (one.name or "", one.text))
    for change in comparison.target:
        yield Discrepancy(name=None, text=f"target {change}")
    for fact in comparison.other:
        if (folder := _FOLDER_CONTENT.fullmatch(fact.key)) is not None:
            name = folder["name"]
            yield Discrepancy(name=name, text=f"the folder of {name} has changed since it was locked")
        elif _is_of_builds(fact.key):
            where, locked, offered = fact.key.removeprefix("tool.pinfold."), fact.old or "none", fact.new or "none"
            yield Discrepancy(name=None, text=f"{where} is locked as {locked}, and is {offered}")


def _is_of_builds(key: str) -> bool:
    """Whether a fact decides what is installed to build something."""
    return key.startswith("tool.pinfold.build-wheels") or (
        key.startswith("tool.pinfold.build.") and key.endswith(".requirements")
    )


def _describe(change: PinChange) -> str:
    """What differs about a pin, the weightiest first: what is installed, then where it comes from."""
    old, new = change.old, change.new
    if old.version != new.version or old.source != new.source:
        return f"{old} is locked, which cannot be had as its list asks for it any more: {new} can"
    locked = {file.filename: file.sha256 for file in old.files}
    offered = {file.filename: file.sha256 for file in new.files}
    for filename in sorted(locked.keys() & offered.keys()):
        if locked[filename] != offered[filename]:
            return f"{old}: `{filename}` is locked with sha256 {locked[filename]}, and is {offered[filename]}"
    if locked.keys() != offered.keys():
        return f"{old}: {_list(old)} is locked, and {_list(new)} is the file to take"
    if old.index != new.index:
        return f"{old}: locked from {_place(old.index)}, and comes from {_place(new.index)}"
    return f"{old}: {_describe_rest(dict(old.rest), dict(new.rest))}"


def _describe_rest(old: Mapping[str, str], new: Mapping[str, str]) -> str:
    changed = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
    return "; ".join(f"{key} is locked as {old.get(key, 'none')}, and is {new.get(key, 'none')}" for key in changed)


def _list(pin: LockedPin) -> str:
    return ", ".join(f"`{file.filename}`" for file in pin.files) or "no file"


def _place(index: str | None) -> str:
    return f"`{index}`" if index is not None else "no index"


_SEEDS = frozenset({"pip"})
"""What `venv` itself puts into a new environment."""
_OLD_SEEDS = frozenset({"pip", "setuptools"})
"""The same up to Python 3.11."""
_FIRST_WITHOUT = Version("3.12")


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """One installed project. `commit_id` is that of a checkout, None for anything else."""

    name: NormalizedName
    version: str
    commit_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalledDifference:
    """One difference. `locked` and `installed` are versions or commit ids; None where it is not there at all."""

    name: NormalizedName
    kind: Literal["missing", "other", "besides"]
    locked: str | None
    installed: str | None

    def __str__(self) -> str:
        match self.kind:
            case "missing":
                return f"{self.name} {self.locked or ''} is locked, and not installed".replace("  ", " ")
            case "besides":
                return f"{self.name} {self.installed} is installed, and not locked"
            case "other":
                return f"{self.name} {self.locked} is locked, and {self.installed} is installed"


def read_environment(folder: Path) -> tuple[Installed, ...]:
    """What is installed in a virtual environment, or in a folder of packages, by name.

    Raises InputError for a folder that is neither.
    """
    places = [*sorted(folder.glob("lib*/python*/site-packages")), *folder.glob("Lib/site-packages")]
    if not places and not any(folder.glob("*.dist-info")):
        raise InputError(f"`{folder}` is no virtual environment, and no folder of installed packages")
    found: dict[NormalizedName, Installed] = {}
    for place in dict.fromkeys(path.resolve() for path in places or [folder]):
        for info in sorted(place.glob("*.dist-info")):
            one = _read_info(info)
            found.setdefault(one.name, one)
    return tuple(found[name] for name in sorted(found))


def compare_installed(lockfile: Lockfile, installed: tuple[Installed, ...]) -> tuple[InstalledDifference, ...]:
    """The differences between lock and environment, by name; what `venv` itself puts there may be there besides."""
    seeds = _find_seeds(lockfile)
    there = {one.name: one for one in installed}
    locked = {package.name: package for package in lockfile.pylock.packages}
    found = [difference for package in locked.values() for difference in _compare(package, there.get(package.name))]
    found += [
        InstalledDifference(name=one.name, kind="besides", locked=None, installed=one.version)
        for one in installed
        if one.name not in locked and one.name not in seeds
    ]
    return tuple(sorted(found, key=lambda difference: difference.name))


def _find_seeds(lockfile: Lockfile) -> frozenset[str]:
    python = None if lockfile.tool is None else Version(lockfile.tool.python.removesuffix("t"))
    return _SEEDS if python is None or python >= _FIRST_WITHOUT else _OLD_SEEDS


def _compare(package: Package, one: Installed | None) -> Iterator[InstalledDifference]:
    version = None if package.version is None else str(package.version)
    commit = None if package.vcs is None else package.vcs.commit_id
    if one is None:
        yield InstalledDifference(name=package.name, kind="missing", locked=version or commit, installed=None)
    elif version is not None and not _is_same(version, one.version):
        yield InstalledDifference(name=package.name, kind="other", locked=version, installed=one.version)
    elif commit is not None and one.commit_id is not None and one.commit_id != commit:
        yield InstalledDifference(name=package.name, kind="other", locked=commit, installed=one.commit_id)


def _is_same(locked: str, installed: str) -> bool:
    try:
        return Version(locked) == Version(installed)
    except InvalidVersion:
        return locked == installed


def _read_info(info: Path) -> Installed:
    try:
        metadata = parse_core_metadata((info / "METADATA").read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(f"`{info}` has no metadata that can be read: {error}") from error
    return Installed(name=metadata.name, version=str(metadata.version), commit_id=_read_commit(info))


def _read_commit(info: Path) -> str | None:
    try:
        document = json.loads((info / "direct_url.json").read_bytes())
        commit = document["vcs_info"]["commit_id"]
    except (OSError, ValueError, LookupError, TypeError):
        return None
    return commit if isinstance(commit, str) else None
