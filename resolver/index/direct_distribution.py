"""Direct references at the seam to the world: what is asked of one, and what it turned out to be.

In: a reference of a list, or of the metadata of one. Out: `DirectDistribution`, from which a search gets the one
candidate of its project.
"""

from __future__ import annotations

from dataclasses import field

from packaging.utils import NormalizedName
from packaging.version import Version

from lockfiles._values import dataclass
from resolver.errors import Position
from resolver.index.core_metadata import CoreMetadata
from resolver.index.distribution_file import DistributionFile
from resolver.index.location import Location
from resolver.requirements.entry import DirectReference
from resolver.requirements.url import Url

__all__ = ["DirectDistribution", "DirectRequest", "FixedSource"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectRequest:
    """A direct reference to look at.

    `name` is None where the reference does not say it. `text` and `position` are for messages. `hashes` are those of
    `--hash`, of which the file needs one. `locked_commit` is the commit id that an old lock holds for the same
    repository, revision and subdirectory, to be kept. `config_settings` (they may be secret) go to a build; `isolated`
    is false in a layer with `--no-build-isolation`. `is_followed` marks one that metadata named, not the list.
    """

    reference: DirectReference
    position: Position
    text: str
    name: NormalizedName | None = None
    hashes: tuple[str, ...] = ()
    editable: bool = False
    config_settings: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    isolated: bool = True
    is_followed: bool = False
    locked_commit: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectDistribution:
    """What a direct reference is, for one target: the one candidate of its project.

    `file.origin` is set. The file of an archive has size and SHA-256 once it is completed; a commit and a folder have
    neither. `warnings` are whole messages (no revision named …). `built` marks metadata that came from a build;
    `build_requires` are the texts of what a build needs.
    """

    name: NormalizedName
    version: Version
    file: DistributionFile
    metadata: CoreMetadata
    built: bool = False
    build_requires: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedSource:
    """The one source of a project, which a direct reference decides for a whole solution.

    `found` is None where only a constraint or an override names it: then nobody looks before the project comes up.
    """

    name: NormalizedName
    request: DirectRequest
    found: DirectDistribution | None = None

    @property
    def location(self) -> Location:
        """What stands in the place of indexes."""
        return Location(url=Url(public=self.request.text), form="direct")
