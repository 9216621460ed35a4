"""Direct references at the seam between search and world: the request to inspect one, and the result.

In: a reference from the list, or from metadata of a distribution in it. Out: `DirectDistribution`, from which a search
makes the one candidate of its project.

These values are apart from `resolver.index.package_source` because the locking and build stages use them without a
source, and apart from `resolver.requirements` because they hold core metadata and files.
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
    """The request to inspect a direct reference.

    `name` is None where the reference does not contain it. `text` and `position` are for messages. `hashes` are those
    of `--hash`, of which the file must have one. `locked_commit` is the commit id to keep, from an old lock with the
    same repository, revision and subdirectory. `config_settings`, which may be secret, go to a build; `isolated` is
    false in a layer with `--no-build-isolation`. `is_followed` marks a reference from metadata, not from the list.
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
    """The distribution that a direct reference leads to under one target: the one candidate of its project.

    `file.origin` is set. The file of an archive has size and SHA-256 after `PackageSource.complete`; a commit and a
    folder have neither. `built` marks metadata from a build, and `build_requires` are the requirements of that build.
    `warnings` are whole messages.
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

    `found` is None for a reference in a constraint or an override alone: it is inspected only if the search reaches the
    project.
    """

    name: NormalizedName
    request: DirectRequest
    found: DirectDistribution | None = None

    @property
    def location(self) -> Location:
        """The location that replaces all indexes for the project."""
        return Location(url=Url(public=self.request.text), form="direct")
