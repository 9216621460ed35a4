"""A folder of the user's that a list names: what it holds, and what it needs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from resolver.fetch.builds import Builds
from resolver.fetch.direct_tree import read_direct_tree
from resolver.fetch.folder_content import hash_folder
from resolver.index.direct import DirectDistribution, DirectRequest
from resolver.index.distribution_file import DistributionFile
from resolver.index.origin import Folder
from resolver.targets.target import Target

if TYPE_CHECKING:
    from resolver.settings import DependencyMetadata

__all__ = ["look_at_folder"]


def look_at_folder(
    request: DirectRequest, path: Path, *, target: Target, builds: Builds, tables: Sequence[DependencyMetadata]
) -> DirectDistribution:
    """The project in the folder, with the hash of its content. Raises InputError, MetadataError, ResolutionError."""
    content = hash_folder(path)
    found = read_direct_tree(path, request, described=request.text, target=target, builds=builds, tables=tables)
    metadata = found.metadata
    file = DistributionFile(
        filename=metadata.name,
        version=metadata.version,
        url=path.as_uri(),
        origin=Folder(path=str(path), content=content, editable=request.editable),
    )
    return DirectDistribution(
        name=metadata.name,
        version=metadata.version,
        file=file,
        metadata=metadata,
        built=found.built,
        build_requires=found.build_requires,
    )
