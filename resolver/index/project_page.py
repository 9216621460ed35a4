"""What one location offers of one project, for one target: rows by version, newest first.

In: the files of a page. Out: `ProjectPage`, which a search reads by row number and bit mask and which can be kept
as a small text, so that a warm run neither parses a page nor looks at files that the target cannot use.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from packaging.utils import NormalizedName
from packaging.version import Version

from resolver.index.distribution_file import DistributionFile

__all__ = ["ProjectPage", "Rejection"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """A file that the target cannot use, and why: `python` (Requires-Python), `tags`, or `format` (unreadable name)."""

    filename: str
    reason: str
    detail: str


class ProjectPage(Protocol):
    """Rows of one project on one location; row 0 is the newest version.

    The masks have bit `i` set where row `i` has the property: a usable wheel, an sdist, a pre-release or
    development release (PEP 440), only yanked files among the usable ones, a local version label.
    """

    name: NormalizedName
    location: str
    file_count: int
    versions: Sequence[Version]
    wheel_mask: int
    sdist_mask: int
    prerelease_mask: int
    yanked_mask: int
    local_mask: int

    def files(self, row: int) -> tuple[DistributionFile, ...]:
        """The usable files of a row, best first: wheels by tag, higher build tag, then sdists."""
        ...

    def rejections(self, row: int) -> tuple[Rejection, ...]:
        """The files of a row that the target cannot use."""
        ...
