"""What a direct reference is, for one target: a wheel or sdist by URL or path, a folder, a commit of a repository.

In: a `DirectRequest`. Out: a `DirectDistribution`, whose metadata was read with as few bytes as the place allows. Each
request is looked at once a run; `resolver.fetch.package_source` keeps what it gets.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, assert_never

from resolver.errors import InputError
from resolver.fetch.direct_archive import fetch_direct_archive
from resolver.fetch.direct_tree import DirectTrees
from resolver.fetch.known_archives import KnownArchives
from resolver.fetch.session import Session
from resolver.index.direct import DirectDistribution, DirectRequest
from resolver.requirements.entry import ArchiveUrl, LocalPath, VcsReference
from resolver.requirements.url import Url

if TYPE_CHECKING:
    from resolver.fetch.git.repositories import GitRepositories

__all__ = ["fetch_direct_distribution"]


def fetch_direct_distribution(
    request: DirectRequest,
    *,
    session: Session,
    trees: DirectTrees,
    known: KnownArchives,
    repositories: Callable[[], GitRepositories],
) -> DirectDistribution:
    """What the reference is. Raises FetchError, HashMismatchError, MetadataError, InputError.

    `repositories` are asked for once a repository is named.
    """
    reference = request.reference
    if request.is_followed:
        _check_public(request, session)
    match reference:
        case ArchiveUrl(url=url, hashes=hashes, subdirectory=subdirectory):
            return fetch_direct_archive(
                request, url, hashes=hashes, subdirectory=subdirectory, session=session, trees=trees, known=known
            )
        case LocalPath(path=path):
            return _fetch_path(request, Path(path), session=session, trees=trees, known=known)
        case VcsReference():
            from resolver.fetch.direct_commit import (
                fetch_direct_commit,  # Imported where it is needed: few lists name one.
            )

            return fetch_direct_commit(request, reference, trees=trees, repositories=repositories())
        case _:
            assert_never(reference)


def _check_public(request: DirectRequest, session: Session) -> None:
    """Raises InputError where a reference out of metadata leads into a private network, whatever its host is called."""
    reference = request.reference
    if not isinstance(reference, LocalPath) and session.leads_inside(reference.url.public):
        raise InputError(
            f"`{request.text}`, which metadata names, cannot be followed",
            why="the name of its host stands for an address of this machine or of its own network",
            remedy=f"if it is meant, name it in the list: `{request.text}`",
        )


def _fetch_path(
    request: DirectRequest, path: Path, *, session: Session, trees: DirectTrees, known: KnownArchives
) -> DirectDistribution:
    if path.is_dir():
        from resolver.fetch.direct_folder import read_direct_folder  # As above.

        return read_direct_folder(request, path, trees=trees)
    return fetch_direct_archive(request, Url(public=path.as_uri()), session=session, trees=trees, known=known)
