"""A folder of the user's that a list names: what it holds, and what it needs."""

from __future__ import annotations

from pathlib import Path

from resolver.fetch.direct_tree import DirectTrees
from resolver.fetch.folder_content import hash_folder
from resolver.index.direct import DirectDistribution, DirectRequest
from resolver.index.distribution_file import DistributionFile
from resolver.index.origin import Folder

__all__ = ["read_direct_folder"]


def read_direct_folder(request: DirectRequest, path: Path, *, trees: DirectTrees) -> DirectDistribution:
    """The project in the folder, with the hash of its content. Raises InputError, MetadataError, ResolutionError."""
    content = hash_folder(path)
    found = trees.read(path, request, described=request.text)
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
