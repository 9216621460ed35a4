"""The TOML files that ship in `data/`, each read on first use and then kept.

In: the name of a file. Out: its tables, and for the two files that concern builds the rows for a project: what build
backends request beyond their project's build requirements, and the metadata of sdists that cannot be built in
isolation.

The comment at the head of each file explains its keys; every row names its source. Reading all files takes 6 ms, so a
target reads only what it needs: one without a machine type reads `families.toml` alone.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lockfiles._values import dataclass

if TYPE_CHECKING:
    from packaging.utils import NormalizedName
    from packaging.version import Version

__all__ = [
    "DataFile",
    "SdistMetadata",
    "find_backend_requirements",
    "find_sdist_metadata",
    "read_data",
]

DataFile = Literal[
    "build_tools",
    "cuda",
    "cuda_components",
    "families",
    "gpus",
    "labels",
    "machines",
    "metadata",
    "names",
    "packages",
    "torch",
]
"""The name of a file in `data/`, without its suffix."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SdistMetadata:
    """Core metadata of a version: its `Requires-Dist` values, and its `Requires-Python`, empty for none."""

    requires_dist: tuple[str, ...]
    requires_python: str


@cache
def read_data(name: DataFile) -> Mapping[str, Any]:
    """The tables of `data/{name}.toml`. All callers share them, so they must not be changed."""
    # Without importlib.resources, whose import takes longer than the rest of this function.
    text = Path(__file__).with_name("data").joinpath(f"{name}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def find_backend_requirements(installed: Mapping[NormalizedName, Version]) -> tuple[str, ...]:
    """The further requirements of the build backends among the installed projects, in the order of the data.

    A backend returns them from `get_requires_for_build_wheel` (PEP 517); with the data it need not be run.
    """
    # Lazy: accelerators and families read this module, and need no specifiers.
    from packaging.specifiers import SpecifierSet

    found: dict[str, None] = {}
    for row in read_data("build_tools")["backend"]:
        version = installed.get(row["name"])
        if version is not None and SpecifierSet(row["versions"]).contains(version, prereleases=True):
            found.update(dict.fromkeys(row["requires"]))
    return tuple(found)


def find_sdist_metadata(name: NormalizedName, version: Version) -> SdistMetadata | None:
    """The metadata of a version's sdist in the data; None for an sdist whose metadata a build provides."""
    # Lazy, as in `find_backend_requirements`.
    from packaging.specifiers import SpecifierSet

    for row in read_data("metadata")["sdist"]:
        if row["name"] == name and SpecifierSet(row["versions"]).contains(version, prereleases=True):
            return SdistMetadata(requires_dist=tuple(row["requires"]), requires_python=row.get("python", ""))
    return None
