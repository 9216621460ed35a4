"""What one location offers of one project, for one target: rows by version, newest first.

In: the files of a page. Out: `ProjectPage`, which a search reads by row number and bit mask and which can be kept
as a small text, so that a warm run neither parses a page nor looks at files that the target cannot use. What builds
it stands apart (`resolver.index.page_building`), since a warm run loads pages and builds none.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from packaging.utils import NormalizedName
from packaging.version import Version

from resolver.index.distribution_file import DistributionFile
from resolver.index.page_rows import Rejection
from resolver.index.parsed_page import ParsedPage, dump_project_page, load_project_page

__all__ = [
    "ParsedPage",
    "ProjectPage",
    "Rejection",
    "dump_project_page",
    "load_project_page",
]


class ProjectPage(Protocol):
    """Rows of one project on one location; row 0 is the newest version.

    The masks have bit `i` set where row `i` has the property: a usable wheel, an sdist, a pre-release or
    development release (PEP 440), only yanked files among the usable ones, yanked and other files among them, a local
    version label. `file_count` counts all wheels and sdists of the project that the location lists.
    """

    @property
    def name(self) -> NormalizedName: ...
    @property
    def location(self) -> str: ...
    @property
    def file_count(self) -> int: ...
    @property
    def versions(self) -> Sequence[Version]: ...
    @property
    def wheel_mask(self) -> int: ...
    @property
    def sdist_mask(self) -> int: ...
    @property
    def prerelease_mask(self) -> int: ...
    @property
    def yanked_mask(self) -> int: ...
    @property
    def partly_yanked_mask(self) -> int: ...
    @property
    def local_mask(self) -> int: ...

    def files(self, row: int) -> tuple[DistributionFile, ...]:
        """The usable files of a row, best first: wheels by tag, higher build tag, then sdists."""
        ...

    def late_rows(self, cutoff: datetime) -> tuple[int, int]:
        """The rows without a usable file from before the cut-off, and those whose files have to be looked at."""
        ...

    def rejections(self, row: int) -> tuple[Rejection, ...]:
        """The files of a row that the target cannot use."""
        ...
