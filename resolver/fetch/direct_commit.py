"""A commit of a git repository that a list names by branch, tag or id: which one it is, and what it needs."""

from __future__ import annotations

from resolver.fetch.direct_tree import DirectTrees
from resolver.fetch.git.repositories import GitRepositories
from resolver.fetch.source_tree import TreeMetadata
from resolver.index.direct import DirectDistribution, DirectRequest
from resolver.index.distribution_file import DistributionFile
from resolver.index.origin import Commit
from resolver.requirements.entry import VcsReference

__all__ = ["fetch_direct_commit"]


def fetch_direct_commit(
    request: DirectRequest,
    reference: VcsReference,
    *,
    trees: DirectTrees,
    repositories: GitRepositories,
) -> DirectDistribution:
    """The project at the commit: the one that an old lock holds, else what the revision names now.

    Raises InputError for a reference that the list should word otherwise, FetchError where git gets no answer, and
    MetadataError.
    """
    commit_id, warnings = _find_commit(request, reference, repositories)
    if request.editable:
        warnings += (f"`{request.text}` is locked as a commit, not as editable: an image has no work tree of it",)
    proof = f"git {reference.url} {commit_id} {reference.subdirectory or ''}"
    found = trees.recall(proof, request)
    if found is None:
        with repositories.open_tree(reference.url, commit_id, subdirectory=reference.subdirectory) as tree:
            # What it lacks is told in every run.
            kept = None if tree.warnings else proof
            found = trees.read(tree.folder, request, described=request.text, proof=kept)
            warnings += tree.warnings
    origin = Commit(
        url=reference.url.public,
        commit_id=commit_id,
        requested_revision=reference.revision,
        subdirectory=reference.subdirectory,
    )
    return _describe(request, found, origin, warnings)


def _find_commit(
    request: DirectRequest, reference: VcsReference, repositories: GitRepositories
) -> tuple[str, tuple[str, ...]]:
    if request.locked_commit is not None:
        return request.locked_commit, ()
    found = repositories.find_commit(reference, text=request.text)
    return found.commit_id, found.warnings


def _describe(
    request: DirectRequest, found: TreeMetadata, origin: Commit, warnings: tuple[str, ...]
) -> DirectDistribution:
    metadata = found.metadata
    return DirectDistribution(
        name=metadata.name,
        version=metadata.version,
        file=DistributionFile(filename=metadata.name, version=metadata.version, url=f"git+{origin.url}", origin=origin),
        metadata=metadata,
        built=found.built,
        build_requires=found.build_requires,
        warnings=tuple(f"{request.position}: {warning}" for warning in warnings),
    )
