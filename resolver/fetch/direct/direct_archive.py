"""A wheel or sdist that a list names by URL or path: what it is called, and what it needs.

In: a request and where the file lies. Out: a `DirectDistribution` whose file has the hashes that the list promises, and
those that were found on the way; size and SHA-256 are completed later, where they are still missing.

What a direct reference is, for one target: a wheel or sdist by URL or path, a folder, a commit of a repository.

In: a `DirectRequest`. Out: a `DirectDistribution`, whose metadata was read with as few bytes as the place allows. Each
request is looked at once a run; `resolver.fetch.index_source` keeps what it gets.
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
from resolver.fetch.direct.direct_tree import DirectTrees
from resolver.fetch.http.local_files import describe_file, find_local_path
from resolver.fetch.http.session import Session
from resolver.fetch.projects.completion import KnownArchives
from resolver.fetch.projects.wheel_metadata import (
    fetch_file,
    find_hash_source,
    promised_algorithms,
    read_wheel,
    verify_hashes,
)
from resolver.index.core_metadata import CoreMetadata, parse_core_metadata
from resolver.index.direct_distribution import DirectDistribution, DirectRequest
from resolver.index.distribution_file import Archive, DistributionFile
from resolver.index.sdist_metadata import SdistArchiveError
from resolver.requirements.entry import ArchiveUrl, LocalPath, VcsReference
from resolver.requirements.url import Url

if TYPE_CHECKING:
    from resolver.fetch.git.repositories import GitRepositories

__all__ = [
    "fetch_direct_archive",
    "fetch_direct_distribution",
]


_UNKNOWN = Version("0")
"""Stands for the version of an sdist whose name does not tell it, until its metadata does."""


def fetch_direct_archive(
    request: DirectRequest,
    url: Url,
    *,
    hashes: tuple[str, ...] = (),
    subdirectory: str | None = None,
    session: Session,
    trees: DirectTrees,
    known: KnownArchives,
) -> DirectDistribution:
    """What the file is. `hashes` are promised by the reference itself. Raises as `PackageSource.direct`."""
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
    """The hashes that the file has to have. Of several `--hash` it needs one, so that a single one is a promise."""
    if not any(text.startswith("sha256:") for text in own) and len(listed) == 1:
        return tuple(sorted({*own, *listed}))
    return own


def _fetch_wheel(
    file: DistributionFile, *, session: Session, trees: DirectTrees, known: KnownArchives
) -> DirectDistribution:
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
    file: DistributionFile, name: NormalizedName, session: Session
) -> tuple[DistributionFile, CoreMetadata]:
    """The file with what was learnt of it, and its metadata."""
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
    session: Session,
    trees: DirectTrees,
    known: KnownArchives,
) -> DirectDistribution:
    """An sdist is read whole: its metadata stands somewhere in the middle, and its hash is needed."""
    recalled = known.recall_sdist(file)
    tree = None if recalled is None else trees.recall(_name_proof(recalled), request)
    if recalled is None or tree is None:
        recalled, tree = _read_sdist(file, request, session=session, trees=trees)
        if recalled.sha256 is not None and recalled.size_bytes is not None:
            known.keep_size(recalled.sha256, recalled.size_bytes)
    metadata, told = tree.metadata, _read_name(file.filename)
    if told is not None and told[0] == metadata.name:
        _check_identity(metadata, file, *told)
    return DirectDistribution(
        name=metadata.name,
        version=metadata.version,
        file=replace(recalled, version=metadata.version),
        metadata=metadata,
        built=tree.built,
        build_requires=tree.build_requires,
    )


def _read_sdist(
    file: DistributionFile, request: DirectRequest, *, session: Session, trees: DirectTrees
) -> tuple[DistributionFile, TreeMetadata]:
    """The file with size and hashes, and what the project in it says."""
    with tempfile.TemporaryDirectory(prefix="pinfold-") as folder:
        path = find_local_path(file.url)
        if path is None:
            path = Path(folder) / _safe_name(file.filename)
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
    """The metadata of the project in an archive, or in the subdirectory of it that the list names."""
    folder.mkdir()
    subdirectory = file.origin.subdirectory if isinstance(file.origin, Archive) else None
    try:
        tree = unpack_sdist(path, folder, filename=file.filename)
    except (SdistArchiveError, OSError) as error:
        raise _broken(file, request, str(error)) from error
    told = _read_name(file.filename)
    return trees.read(
        tree if subdirectory is None else _find_subdirectory(tree, subdirectory, file, request),
        request,
        described=file.filename if subdirectory is None else request.text,
        version=told[1] if told is not None and subdirectory is None else None,
        proof=_name_proof(file),
    )


def _name_proof(file: DistributionFile) -> str:
    """The key of what an archive with a hash says of itself."""
    subdirectory = file.origin.subdirectory if isinstance(file.origin, Archive) else None
    return f"sha256:{file.sha256} {subdirectory or ''}"


def _find_subdirectory(tree: Path, subdirectory: str, file: DistributionFile, request: DirectRequest) -> Path:
    """The folder inside the tree, links resolved. Raises MetadataError for one that is not there, or leads outside."""
    found = (tree / subdirectory).resolve()
    if not found.is_relative_to(tree.resolve()):
        raise _broken(file, request, f"the folder `{subdirectory}` leads out of `{file.filename}`")
    if not found.is_dir():
        raise _broken(file, request, f"`{file.filename}` has no folder `{subdirectory}`")
    return found


def _broken(file: DistributionFile, request: DirectRequest, reason: str) -> MetadataError:
    return MetadataError(
        f"`{request.text}` cannot be used", why=reason, project=request.name or file.filename, filename=file.filename
    )


def _read_name(filename: str) -> tuple[NormalizedName, Version] | None:
    """Project and version as an sdist's name tells them (PEP 625); None for `main.zip`."""
    try:
        return parse_sdist_filename(filename)
    except InvalidSdistFilename:
        return None


def _safe_name(filename: str) -> str:
    """The name as it may stand in a folder of ours; its ending says how to unpack it."""
    return re.sub(r"[^\w.+-]", "_", filename).lstrip(".") or "archive"


def _check_identity(metadata: CoreMetadata, file: DistributionFile, name: NormalizedName, version: Version) -> None:
    if metadata.name == name and metadata.version == version:
        return
    raise MetadataError(
        f"the metadata of `{file.filename}` is that of `{metadata.name}` {metadata.version}: {file.url}",
        project=name,
        filename=file.filename,
    )


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
            from resolver.fetch.direct.direct_tree import fetch_direct_commit

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
        from resolver.fetch.direct.direct_tree import read_direct_folder  # As above.

        return read_direct_folder(request, path, trees=trees)
    return fetch_direct_archive(request, Url(public=path.as_uri()), session=session, trees=trees, known=known)
