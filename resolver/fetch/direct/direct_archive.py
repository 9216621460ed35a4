"""Direct references, for one target: the choice by their kind, and the archives among them.

In: a `DirectRequest`. Out: a `DirectDistribution`. An archive is a wheel or an sdist that a list names by URL or path.
Its file has the hashes that the list promises, and those found while its metadata was read; a completion adds size and
SHA-256 later where they are still missing. As few bytes as possible are read: the end of a wheel, an sdist as a whole.

Folders and commits are in `direct_tree`. The caller (`resolver.fetch.index_source`) fetches each request once a run.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, assert_never
from urllib.parse import unquote

from packaging.utils import InvalidSdistFilename, NormalizedName, parse_sdist_filename, parse_wheel_filename
from packaging.version import Version

from resolver.errors import InputError, MetadataError
from resolver.fetch.builds.sdists import TreeMetadata, unpack_sdist
from resolver.fetch.direct.direct_tree import DirectTrees, fetch_direct_commit, read_direct_folder
from resolver.fetch.http.http_session import HttpSession
from resolver.fetch.http.local_files import describe_file
from resolver.fetch.projects.completion import KnownArchives
from resolver.fetch.projects.wheel_metadata import (
    fetch_file,
    find_hash_source,
    promised_algorithms,
    read_wheel,
    verify_hashes,
)
from resolver.index.core_metadata import CoreMetadata, parse_core_metadata
from resolver.index.distribution_file import Archive, DirectDistribution, DirectRequest, DistributionFile
from resolver.index.sdist_metadata import SdistArchiveError
from resolver.requirements.entry import ArchiveUrl, LocalPath, VcsReference
from resolver.requirements.url import Url

if TYPE_CHECKING:
    from resolver.fetch.git.repositories import GitRepositories

__all__ = ["fetch_direct_distribution"]


_UNKNOWN = Version("0")
"""The version of an sdist until its metadata is read: a name such as `main.zip` states none."""


def fetch_direct_distribution(
    request: DirectRequest,
    *,
    session: HttpSession,
    trees: DirectTrees,
    known: KnownArchives,
    repositories: Callable[[], GitRepositories],
) -> DirectDistribution:
    """The distribution that a reference names. Raises FetchError, HashMismatchError, MetadataError, InputError.

    `known` has the facts about archives from earlier runs and old locks. `repositories` is called for a VCS reference
    only.
    """
    reference = request.reference
    if request.is_followed:
        _check_public(request, session)
    match reference:
        case ArchiveUrl(url=url, hashes=hashes, subdirectory=subdirectory):
            return _fetch_archive(
                request, url, hashes=hashes, subdirectory=subdirectory, session=session, trees=trees, known=known
            )
        case LocalPath(path=path):
            return _fetch_path(request, Path(path), session=session, trees=trees, known=known)
        case VcsReference():
            return fetch_direct_commit(request, reference, trees=trees, repositories=repositories())
        case _:
            assert_never(reference)


def _check_public(request: DirectRequest, session: HttpSession) -> None:
    """Check that a reference found in metadata does not lead into a private network: by name or address of its host.

    Raises InputError. Without this check a published package could read from hosts that only this machine reaches.
    """
    reference = request.reference
    if not isinstance(reference, LocalPath) and session.leads_inside(reference.url.public):
        raise InputError(
            f"`{request.text}`, which metadata names, cannot be followed",
            why="the name of its host resolves to an address of this machine or of its own network",
            remedy=f"if it is meant, name it in the list: `{request.text}`",
        )


def _fetch_path(
    request: DirectRequest, path: Path, *, session: HttpSession, trees: DirectTrees, known: KnownArchives
) -> DirectDistribution:
    """The project in a folder, or an archive on disk."""
    if session.policy is not None:
        session.policy.check_tree(path)
    if path.is_dir():
        return read_direct_folder(request, path, trees=trees)
    return _fetch_archive(request, Url(public=path.as_uri()), session=session, trees=trees, known=known)


def _fetch_archive(
    request: DirectRequest,
    url: Url,
    *,
    hashes: tuple[str, ...] = (),
    subdirectory: str | None = None,
    session: HttpSession,
    trees: DirectTrees,
    known: KnownArchives,
) -> DirectDistribution:
    """The wheel or sdist at a URL. `hashes` are those in the reference itself; `subdirectory` has the project in it."""
    # The last part of the path, without query and fragment. Its ending distinguishes a wheel from an sdist.
    filename = unquote(re.split("[?#]", url.public)[0].rpartition("/")[2])
    file = DistributionFile(
        filename=filename,
        version=_UNKNOWN,
        url=url.public,
        hashes=_find_promised(hashes, request.hashes),
        origin=Archive(subdirectory=subdirectory),
    )
    if filename.lower().endswith(".whl"):
        return _fetch_wheel(file, session=session, trees=trees, known=known)
    return _fetch_sdist(file, request, session=session, trees=trees, known=known)


def _find_promised(own: tuple[str, ...], listed: tuple[str, ...]) -> tuple[str, ...]:
    """The hashes that the file must have: those of the reference, and a single `--hash` of the list.

    A file needs to match only one of several `--hash` options, so several of them promise no particular hash.
    """
    if not any(text.startswith("sha256:") for text in own) and len(listed) == 1:
        return tuple(sorted({*own, *listed}))
    return own


def _fetch_wheel(
    file: DistributionFile, *, session: HttpSession, trees: DirectTrees, known: KnownArchives
) -> DirectDistribution:
    """The wheel at the URL of `file`; one that is known by hash is not read again.

    Metadata of the user's own tables replaces that of the wheel, after the check that the wheel is the one it claims to
    be. Raises MetadataError if its metadata states another project or version than its name.
    """
    name, version, build, tags = parse_wheel_filename(file.filename)
    all_ranks = trees.target.tag_ranks
    ranks = [all_ranks[text] for text in map(str, tags) if text in all_ranks]
    file = replace(file, version=version, tag_rank=min(ranks, default=0), build_tag=build)
    recalled = known.recall_wheel(file)
    file, metadata = recalled or _read_wheel(file, name, session)
    _check_identity(metadata, file, name, version)
    if recalled is None:
        known.keep_wheel(file, metadata)
    return DirectDistribution(
        name=name,
        version=metadata.version,
        file=file,
        metadata=trees.find_given_metadata(name, version, is_wheel=True) or metadata,
    )


def _read_wheel(
    file: DistributionFile, name: NormalizedName, session: HttpSession
) -> tuple[DistributionFile, CoreMetadata]:
    """The file with the size and hashes found on the way, and its metadata. Raises MetadataError."""
    facts = read_wheel(file, project=name, session=session)
    try:
        metadata = parse_core_metadata(facts.metadata)
    except ValueError as error:
        raise MetadataError(
            f"the metadata of `{file.filename}` cannot be read: {error}", project=name, filename=file.filename
        ) from error
    hashes = tuple(sorted({*file.hashes, *facts.hashes}))
    return replace(file, size_bytes=facts.size_bytes, hashes=hashes), metadata


def _fetch_sdist(
    file: DistributionFile,
    request: DirectRequest,
    *,
    session: HttpSession,
    trees: DirectTrees,
    known: KnownArchives,
) -> DirectDistribution:
    """The sdist at the URL of `file`.

    It is read as a whole: its metadata may be anywhere in it, and its hash is the key of the records. One that is known
    by hash, and whose tree was read before, is not downloaded. Raises MetadataError if the name of the file states the
    same project as the metadata, and another version. A name such as `archive-1.0.zip` is no claim about the project.
    """
    recalled = known.recall_sdist(file)
    # Two steps: the hash of a URL may be known from a lock, and the tree of a hash from an earlier run.
    tree = None if recalled is None else trees.recall(_build_proof(recalled), request)
    if recalled is None or tree is None:
        recalled, tree = _read_sdist(file, request, session=session, trees=trees)
        if recalled.sha256 is not None and recalled.size_bytes is not None:
            known.keep_size(recalled, recalled.sha256, recalled.size_bytes)
    metadata, named = tree.metadata, _read_name(file.filename)
    if named is not None and named[0] == metadata.name:
        _check_identity(metadata, file, *named)
    return DirectDistribution(
        name=metadata.name,
        version=metadata.version,
        file=replace(recalled, version=metadata.version),
        metadata=metadata,
        built=tree.built,
        build_requires=tree.build_requires,
    )


def _read_sdist(
    file: DistributionFile, request: DirectRequest, *, session: HttpSession, trees: DirectTrees
) -> tuple[DistributionFile, TreeMetadata]:
    """The file with size and hashes, and the metadata of the project in it."""
    with tempfile.TemporaryDirectory(prefix="pinfold-") as folder:
        # A file on disk is hashed where it is; another one is hashed while it is downloaded.
        path = session.find_local(file.url)
        if path is None:
            path = Path(folder) / _clean_name(file.filename)
            download = fetch_file(file, session=session, into=path)
        else:
            download = describe_file(path, algorithms=promised_algorithms(file))
            verify_hashes(file.filename, promised=file.hashes, found=download.hashes, by=find_hash_source(file))
        hashes = tuple(sorted({*file.hashes, *download.hashes}))
        complete = replace(file, size_bytes=download.size_bytes, hashes=hashes)
        return complete, _read_tree(path, complete, request, Path(folder) / "unpacked", trees=trees)


def _read_tree(
    path: Path,
    file: DistributionFile,
    request: DirectRequest,
    folder: Path,
    *,
    trees: DirectTrees,
) -> TreeMetadata:
    """The metadata of the project in an archive, or in its subdirectory that the list names.

    `folder` is where the archive is unpacked. The version in a file name is not that of a project in a subdirectory.
    """
    folder.mkdir()
    subdirectory = file.origin.subdirectory if isinstance(file.origin, Archive) else None
    try:
        tree = unpack_sdist(path, folder, filename=file.filename)
    except (SdistArchiveError, OSError) as error:
        raise _broken(file, request, str(error)) from error
    named = _read_name(file.filename)
    return trees.read(
        tree if subdirectory is None else _find_subdirectory(tree, subdirectory, file, request),
        request,
        described=file.filename if subdirectory is None else request.text,
        version=named[1] if named is not None and subdirectory is None else None,
        proof=_build_proof(file),
    )


def _build_proof(file: DistributionFile) -> str:
    """The key of the metadata of an archive whose SHA-256 is known; see `DirectTrees.read`."""
    subdirectory = file.origin.subdirectory if isinstance(file.origin, Archive) else None
    return f"sha256:{file.sha256} {subdirectory or ''}"


def _find_subdirectory(tree: Path, subdirectory: str, file: DistributionFile, request: DirectRequest) -> Path:
    """The folder inside the tree, links resolved. Raises MetadataError if it is missing, or outside of the tree."""
    found = (tree / subdirectory).resolve()
    if not found.is_relative_to(tree.resolve()):
        raise _broken(file, request, f"the folder `{subdirectory}` leads out of `{file.filename}`")
    if not found.is_dir():
        raise _broken(file, request, f"`{file.filename}` has no folder `{subdirectory}`")
    return found


def _broken(file: DistributionFile, request: DirectRequest, reason: str) -> MetadataError:
    """The error for an archive that cannot be used for the request."""
    return MetadataError(
        f"`{request.text}` cannot be used", why=reason, project=request.name or file.filename, filename=file.filename
    )


def _read_name(filename: str) -> tuple[NormalizedName, Version] | None:
    """Project and version in the name of an sdist (PEP 625); None for a name such as `main.zip`."""
    try:
        return parse_sdist_filename(filename)
    except InvalidSdistFilename:
        return None


def _clean_name(filename: str) -> str:
    """The name without characters that a file system may refuse. Its ending stays, since it determines the format."""
    return re.sub(r"[^\w.+-]", "_", filename).lstrip(".") or "archive"


def _check_identity(metadata: CoreMetadata, file: DistributionFile, name: NormalizedName, version: Version) -> None:
    """Raise MetadataError unless the metadata is that of the project and version in the file name."""
    if metadata.name == name and metadata.version == version:
        return
    raise MetadataError(
        f"the metadata of `{file.filename}` is that of `{metadata.name}` {metadata.version}: {file.url}",
        project=name,
        filename=file.filename,
    )
