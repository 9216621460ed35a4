"""Whether a lock still agrees with the indexes that it was made from, or with an installed environment.

In: a lock, and either the access to its indexes or the folder of an environment. Out: every disagreement as a value;
none for a lock that agrees. These are the two forms of `lock verify`.

Against indexes, the list of the lock is resolved again. Versions and commits are kept where they still fit, but every
URL, size, hash and dependency is read anew: an added package, a changed hash and a file on another host show up,
even if the requirement digest agrees. Against an environment, nothing is requested and nothing of the environment is
run. Standards: recording installed projects (`*.dist-info`), direct URL origin (`direct_url.json`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, assert_never

from packaging.pylock import Package
from packaging.utils import NormalizedName
from packaging.version import Version

from lockfiles import Comparison, Lockfile, compare
from lockfiles._documents import parse_json
from lockfiles._files import read_regular
from lockfiles._values import compile_later, dataclass
from lockfiles.comparison import FactChange, LockedPin, PinChange
from resolver.errors import InputError
from resolver.index.core_metadata import parse_core_metadata
from resolver.planning.from_lock import build_lock_policy, has_own_digest, plan_from_lock

if TYPE_CHECKING:
    from resolver.fetch.access import Access
    from resolver.planning.plan import LockPlan

__all__ = [
    "Discrepancy",
    "Installed",
    "InstalledDifference",
    "compare_installed",
    "read_environment",
    "verify_lockfile",
]


_FOLDER_CONTENT = compile_later(r"tool\.pinfold\.build\.(?P<name>[^.]+)\.content")
"""The key of a fact about the content of a folder that is locked."""
_SEEDS = frozenset({"pip"})
"""The projects that `venv` itself puts into a new environment."""
_OLD_SEEDS = frozenset({"pip", "setuptools"})
"""The same up to Python 3.11."""
_FIRST_WITHOUT_SETUPTOOLS = Version("3.12")


@dataclass(frozen=True, slots=True, kw_only=True)
class Discrepancy:
    """One fact of a lock that does not agree with its indexes; `text` is a whole message.

    `name` is that of the pin, None for a fact about the lock as a whole.
    """

    name: str | None
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """One installed project. `commit_id` is that of a VCS reference, None for an installation from anything else."""

    name: NormalizedName
    version: str
    commit_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalledDifference:
    """One difference between lock and environment.

    `missing` is a pin that is not installed, `other` one that is installed in another version or commit, `besides` a
    project that is installed and not locked. `locked` and `installed` are versions or commit ids, None on the side that
    lacks the project.
    """

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
            case _:
                assert_never(self.kind)


def verify_lockfile(
    lockfile: Lockfile,
    *,
    path: Path,
    shown: str,
    access: Access,
    lists: Sequence[LockPlan] = (),
    build: bool = False,
) -> tuple[Discrepancy, ...]:
    """The facts of the lock at `path` that do not agree with its indexes, by name of the pin; empty for none.

    `shown` is the path as messages name it. `lists` give credentials and fresh signatures for the same hosts, and name
    files outside of the lock's folder. `build` allows to build sources for their metadata, which runs their code.

    Raises InputError for a lock of another tool, which does not record its list, and for files that it must not lead
    to, FetchError where a host does not answer or must not be asked, MetadataError where only a build would tell, and
    ResolutionError where the list has no solution.
    """
    # Lazy: an environment is compared without solver and network.
    from resolver.locking.locker import Locker

    policy = build_lock_policy(path.absolute().parent, access=access, lists=lists, build=build)
    plan = plan_from_lock(lockfile, path=path, shown=shown, policy=policy)
    # The sizes and hashes of the lock are what is verified, so they are no input (`old`); its versions are (`kept`).
    plan_anew = replace(plan, old=None)
    with Locker([plan_anew, *lists], access=access) as locker:
        locker.check_variables(lists)
        fresh = locker.lock(plan_anew).lockfile
    found = [] if has_own_digest(plan) else [_build_digest_discrepancy(shown)]
    found += _iter_discrepancies(compare(lockfile, fresh))
    return tuple(found)


def read_environment(folder: Path) -> tuple[Installed, ...]:
    """The projects in a virtual environment, or in a folder of installed packages, by name.

    A project in two of its folders (`lib`, `lib64`) counts once, as in the first. Raises InputError for a
    folder that is neither, and for a project whose metadata cannot be read.
    """
    # POSIX has `lib/python3.11/site-packages`, Windows `Lib/site-packages`.
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
    """The differences between lock and environment, by name; projects that `venv` installs itself are left out."""
    seeds = _find_seeds(lockfile)
    there = {one.name: one for one in installed}
    locked = {package.name: package for package in lockfile.pylock.packages}
    found = [
        difference for package in locked.values() for difference in _compare_package(package, there.get(package.name))
    ]
    found += [
        InstalledDifference(name=one.name, kind="besides", locked=None, installed=one.version)
        for one in installed
        if one.name not in locked and one.name not in seeds
    ]
    return tuple(sorted(found, key=lambda difference: difference.name))


def _build_digest_discrepancy(shown: str) -> Discrepancy:
    return Discrepancy(name=None, text=f"the requirement digest of `{shown}` is not that of the list it holds")


def _iter_discrepancies(comparison: Comparison) -> Iterator[Discrepancy]:
    """The differences between a lock and a new one: of pins by name, then of the target, then of builds.

    Facts that an installation does not depend on, such as who requires a pin, are left out.
    """
    found = [
        *(Discrepancy(name=pin.name, text=f"{pin} is locked, and nothing requires it") for pin in comparison.removed),
        *(Discrepancy(name=pin.name, text=f"{pin} is required, but not locked") for pin in comparison.added),
        *(Discrepancy(name=change.new.name, text=_describe_change(change)) for change in comparison.changed),
    ]
    yield from sorted(found, key=lambda one: (one.name or "", one.text))
    for change in comparison.target:
        yield Discrepancy(name=None, text=f"target {change}")
    for fact in comparison.other:
        if (folder := _FOLDER_CONTENT.fullmatch(fact.key)) is not None:
            name = folder["name"]
            yield Discrepancy(name=name, text=f"the folder of {name} has changed since it was locked")
        elif _is_about_builds(fact.key):
            yield Discrepancy(name=None, text=_describe_fact(fact).removeprefix("tool.pinfold."))


def _is_about_builds(key: str) -> bool:
    """Whether a fact is about the build requirements of a source tree."""
    return key.startswith("tool.pinfold.build-wheels") or (
        key.startswith("tool.pinfold.build.") and key.endswith(".requirements")
    )


def _describe_change(change: PinChange) -> str:
    """The most important difference of a pin: first what is installed, then where it comes from, then the rest."""
    old, new = change.old, change.new
    if old.version != new.version or old.source != new.source:
        return f"{old} is locked, but the indexes no longer have it as its list requires it: they have {new}"
    locked = {file.filename: file.sha256 for file in old.files}
    offered = {file.filename: file.sha256 for file in new.files}
    for filename in sorted(locked.keys() & offered.keys()):
        if locked[filename] != offered[filename]:
            return f"{old}: `{filename}` is locked with sha256 {locked[filename]}, and is {offered[filename]}"
    if locked.keys() != offered.keys():
        return f"{old}: {_list_files(old)} is locked, and {_list_files(new)} is the file to take"
    if old.index != new.index:
        return f"{old}: locked from {_render_index(old.index)}, and comes from {_render_index(new.index)}"
    return f"{old}: {'; '.join(map(_describe_fact, change.facts))}"


def _describe_fact(change: FactChange) -> str:
    """A value that differs, such as a dependency of a pin."""
    locked, offered = change.render()
    return f"{change.key} is locked as {locked}, and is {offered}"


def _list_files(pin: LockedPin) -> str:
    """The names of a pin's files; a source tree has none."""
    return ", ".join(f"`{file.filename}`" for file in pin.files) or "no file"


def _render_index(index: str | None) -> str:
    return f"`{index}`" if index is not None else "no index"


def _find_seeds(lockfile: Lockfile) -> frozenset[str]:
    """The projects that `venv` of the lock's Python installs; those of a current Python where the lock names none."""
    python = None if lockfile.tool is None else Version(lockfile.tool.python.removesuffix("t"))
    return _SEEDS if python is None or python >= _FIRST_WITHOUT_SETUPTOOLS else _OLD_SEEDS


def _compare_package(package: Package, one: Installed | None) -> Iterator[InstalledDifference]:
    """The difference between a pin and what is installed of its project, if there is one.

    A source tree has no version in a lock; a commit is compared only if the installer recorded one.
    """
    version = None if package.version is None else str(package.version)
    commit = None if package.vcs is None else package.vcs.commit_id
    if one is None:
        yield InstalledDifference(name=package.name, kind="missing", locked=version or commit, installed=None)
    elif version is not None and not _is_same(version, one.version):
        yield InstalledDifference(name=package.name, kind="other", locked=version, installed=one.version)
    elif commit is not None and one.commit_id is not None and one.commit_id != commit:
        yield InstalledDifference(name=package.name, kind="other", locked=commit, installed=one.commit_id)


def _is_same(locked: str, installed: str) -> bool:
    """Whether two versions are equal (`1.0` and `1.0.0` are); a text that is no version is compared as text."""
    try:
        return Version(locked) == Version(installed)
    except ValueError:  # `InvalidVersion`, and numbers of thousands of digits.
        return locked == installed


def _read_info(info: Path) -> Installed:
    """The project of a `*.dist-info` folder. Raises InputError for metadata that cannot be read."""
    try:
        metadata = parse_core_metadata(read_regular(info / "METADATA"))
    except (OSError, ValueError) as error:
        raise InputError(f"`{info}` has no metadata that can be read: {error}") from error
    return Installed(name=metadata.name, version=str(metadata.version), commit_id=_read_commit(info))


def _read_commit(info: Path) -> str | None:
    """The commit id in `direct_url.json`; None where there is no such file, or it records no commit."""
    try:
        document = parse_json(read_regular(info / "direct_url.json"))
        commit = document["vcs_info"]["commit_id"]
    except (OSError, ValueError, LookupError, TypeError):
        return None
    return commit if isinstance(commit, str) else None
