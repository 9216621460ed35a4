"""Direct references at the seam to the world: what is asked of one, and what it turned out to be.

In: a reference of a list, or of the metadata of one. Out: `DirectDistribution`, from which a search gets the one
candidate of its project.
"""

from __future__ import annotations

from packaging.utils import NormalizedName
from packaging.version import Version

from lockfiles.value_classes import dataclass
from resolver.index.core_metadata import CoreMetadata
from resolver.index.distribution_file import DistributionFile
from resolver.requirements.entry import DirectReference
from resolver.requirements.position import Position

__all__ = ["DirectDistribution", "DirectRequest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectRequest:
    """A direct reference to look at.

    `name` is None where the reference does not say it. `text` and `position` are for messages. `locked_commit` is the
    commit id that an old lock holds for the same repository, revision and subdirectory, to be kept.
    `config_settings` (they may be secret) go to a build.
    """

    reference: DirectReference
    position: Position
    text: str
    name: NormalizedName | None = None
    hashes: tuple[str, ...] = ()
    editable: bool = False
    config_settings: tuple[tuple[str, str], ...] = ()
    locked_commit: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectDistribution:
    """What a direct reference is, for one target: the one candidate of its project.

    `file.origin` is set. The file of an archive has size and SHA-256 once it is completed; a commit and a folder have
    neither. `warnings` are whole messages (no revision named …). `built` marks metadata that came from a build.
    """

    name: NormalizedName
    version: Version
    file: DistributionFile
    metadata: CoreMetadata
    built: bool = False
    warnings: tuple[str, ...] = ()
