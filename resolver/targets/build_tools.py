"""What build backends ask for beyond what their projects say, from the data, so that no backend has to be asked.

In: what a build installs. Out: texts of further requirements.
"""

from __future__ import annotations

from collections.abc import Mapping

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version

from resolver.targets.data_files import read_data

__all__ = ["find_backend_requirements"]


def find_backend_requirements(installed: Mapping[NormalizedName, Version]) -> tuple[str, ...]:
    """The requirements of backends among these projects, in the order of the data."""
    asked: dict[str, None] = {}
    for row in read_data("build_tools")["backend"]:
        version = installed.get(row["name"])
        if version is not None and SpecifierSet(row["versions"]).contains(version, prereleases=True):
            asked.update(dict.fromkeys(row["requires"]))
    return tuple(asked)
