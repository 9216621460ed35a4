"""What a direct reference is, for one target: a wheel or sdist by URL or path, a folder, a commit of a repository.

In: a `DirectRequest`. Out: a `DirectDistribution`, whose metadata was read with as few bytes as the place allows. Each
request is looked at once a run; `resolver.fetch.package_source` keeps what it gets.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, assert_never

from resolver.fetch.builds import Builds
from resolver.fetch.direct_archive import look_at_archive
from resolver.fetch.session import Session
from resolver.index.direct import DirectDistribution, DirectRequest
from resolver.requirements.entry import ArchiveUrl, LocalPath, VcsReference
from resolver.requirements.url import Url
from resolver.targets.target import Target

if TYPE_CHECKING:
    from resolver.fetch.git.repositories import GitRepositories
    from resolver.settings import DependencyMetadata

__all__ = ["look_at"]


def look_at(
    request: DirectRequest,
    *,
    target: Target,
    session: Session,
    builds: Builds,
    tables: Sequence[DependencyMetadata],
    repositories: Callable[[], GitRepositories],
) -> DirectDistribution:
    """What the reference is. Raises FetchError, HashMismatchError, MetadataError, InputError.

    `tables` are the user's own metadata; `repositories` are asked for once a repository is named.
    """
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
                tables=tables,
            )
        case LocalPath(path=path):
            return _look_at_path(request, Path(path), target=target, session=session, builds=builds, tables=tables)
        case VcsReference():
            from resolver.fetch.direct_commit import look_at_commit  # Imported where it is needed: few lists name one.

            return look_at_commit(
                request, reference, target=target, builds=builds, tables=tables, repositories=repositories()
            )
        case _:
            assert_never(reference)


def _look_at_path(
    request: DirectRequest,
    path: Path,
    *,
    target: Target,
    session: Session,
    builds: Builds,
    tables: Sequence[DependencyMetadata],
) -> DirectDistribution:
    if path.is_dir():
        from resolver.fetch.direct_folder import look_at_folder  # As above.

        return look_at_folder(request, path, target=target, builds=builds, tables=tables)
    return look_at_archive(
        request, Url(public=path.as_uri()), target=target, session=session, builds=builds, tables=tables
    )
