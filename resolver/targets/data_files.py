"""The data that ships with pinfold, read when something first asks for it and then kept.

Each file says what its keys mean; every row names its source. Reading all of them takes 6 ms, so no target pays for
what it does not ask: one without a machine reads `families.toml` alone.

What build backends ask for beyond what their projects say, from the data, so that no backend has to be asked.

In: what a build installs. Out: texts of further requirements.

What sdists need whose metadata cannot be built in isolation, from the data.

In: a project and its version. Out: `SdistMetadata`, or None for what a build has to tell.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version

from lockfiles._values import dataclass

__all__ = [
    "DataFile",
    "SdistMetadata",
    "find_backend_requirements",
    "find_sdist_metadata",
    "read_data",
]


DataFile = Literal[
    "build_tools", "cuda", "cuda_components", "families", "gpus", "labels", "machines", "metadata", "packages", "torch"
]


@cache
def read_data(name: DataFile) -> Mapping[str, Any]:
    """The tables of `data/{name}.toml`. Not to be changed: all callers share them."""
    # Not through importlib.resources, whose import takes longer than all the rest of this function.
    text = Path(__file__).with_name("data").joinpath(f"{name}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def find_backend_requirements(installed: Mapping[NormalizedName, Version]) -> tuple[str, ...]:
    """The requirements of backends among these projects, in the order of the data."""
    asked: dict[str, None] = {}
    for row in read_data("build_tools")["backend"]:
        version = installed.get(row["name"])
        if version is not None and SpecifierSet(row["versions"]).contains(version, prereleases=True):
            asked.update(dict.fromkeys(row["requires"]))
    return tuple(asked)


@dataclass(frozen=True, slots=True, kw_only=True)
class SdistMetadata:
    """Lines of Requires-Dist, and Requires-Python."""

    requires_dist: tuple[str, ...]
    requires_python: str


def find_sdist_metadata(name: NormalizedName, version: Version) -> SdistMetadata | None:
    """What the data says of a version's sdist."""
    for row in read_data("metadata")["sdist"]:
        if row["name"] == name and SpecifierSet(row["versions"]).contains(version, prereleases=True):
            return SdistMetadata(requires_dist=tuple(row["requires"]), requires_python=row["python"])
    return None
