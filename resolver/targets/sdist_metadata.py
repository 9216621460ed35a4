"""What sdists need whose metadata cannot be built in isolation, from the data.

In: a project and its version. Out: `SdistMetadata`, or None for what a build has to tell.
"""

from __future__ import annotations

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version

from lockfiles.value_classes import dataclass
from resolver.targets.data_files import read_data

__all__ = ["SdistMetadata", "find_sdist_metadata"]


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
