"""The page of a project whose source is a direct reference: one row with one file, whatever indexes list."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from packaging.utils import NormalizedName
from packaging.version import Version

from lockfiles.value_classes import dataclass
from resolver.index.distribution_file import DistributionFile
from resolver.index.page_rows import Rejection

__all__ = ["DirectPage"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectPage:
    """See `ProjectPage`. `location` is the public URL of the location that stands for the reference."""

    name: NormalizedName
    location: str
    file: DistributionFile
    version: Version
    file_count: int = 1
    yanked_mask: int = 0
    partly_yanked_mask: int = 0

    @property
    def versions(self) -> Sequence[Version]:
        """The one version."""
        return (self.version,)

    @property
    def wheel_mask(self) -> int:
        """Whether it is a wheel."""
        return int(self.file.is_wheel)

    @property
    def sdist_mask(self) -> int:
        """Whether it is anything that has to be built."""
        return int(not self.file.is_wheel)

    @property
    def prerelease_mask(self) -> int:
        """Whether it is a pre-release."""
        return int(self.version.is_prerelease)

    @property
    def local_mask(self) -> int:
        """Whether it has a local version label."""
        return int(self.version.local is not None)

    def files(self, row: int) -> tuple[DistributionFile, ...]:
        """The file."""
        del row
        return (self.file,)

    def late_rows(self, cutoff: datetime) -> tuple[int, int]:
        """None: nobody knows when it was uploaded, and the list names it."""
        del cutoff
        return 0, 0

    def rejections(self, row: int) -> tuple[Rejection, ...]:
        """None: a reference that the target cannot use ends the run."""
        del row
        return ()
