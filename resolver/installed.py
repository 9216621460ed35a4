"""An installed environment beside a lock: what is missing, what is there in another version, what is there besides.

In: the folder of a virtual environment, or of its packages, and a lock. Out: differences as values. Nothing of the
environment is run. Standards: recording installed projects (`*.dist-info`), direct URL origin (`direct_url.json`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from packaging.pylock import Package
from packaging.utils import NormalizedName
from packaging.version import InvalidVersion, Version

from lockfiles import Lockfile
from lockfiles.value_classes import dataclass
from resolver.errors import InputError
from resolver.index.core_metadata import parse_core_metadata

__all__ = ["Installed", "InstalledDifference", "compare_installed", "read_environment"]

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
