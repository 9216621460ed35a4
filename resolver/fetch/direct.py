"""What a direct reference is, for one target: a wheel or sdist by URL or path, a folder, a commit of a repository.

In: a `DirectRequest`. Out: a `DirectDistribution`, whose metadata was read with as few bytes as the place allows. Each
request is looked at once a run; `resolver.fetch.package_source` keeps what it gets.
"""

from __future__ import annotations

from pathlib import Path
from typing import assert_never

from resolver.fetch.builds import Builds
from resolver.fetch.dependencies import FileDependencies
from resolver.fetch.direct_archive import look_at_archive
from resolver.fetch.session import Session
from resolver.index.direct import DirectDistribution, DirectRequest
from resolver.requirements.entry import ArchiveUrl, LocalPath, VcsReference
from resolver.requirements.url import Url
from resolver.targets.target import Target

__all__ = ["look_at"]


def look_at(
    request: DirectRequest, *, target: Target, session: Session, builds: Builds, metadata: FileDependencies
) -> DirectDistribution:
    """What the reference is. Raises FetchError, HashMismatchError, MetadataError, ResolutionError."""
    reference = request.reference
    match reference:
        case ArchiveUrl():
            return look_at_archive(
                request,
                reference.url,
                hashes=reference.hashes,
                subdirectory=reference.subdirectory,
                target=target,
                session=session,
                builds=builds,
            )
        case LocalPath():
            path = Path(reference.path)
            return look_at_archive(request, Url(public=path.as_uri()), target=target, session=session, builds=builds)
        case VcsReference():
            raise AssertionError
        case _:
            assert_never(reference)
