"""The core metadata of an sdist: its PKG-INFO where that is final (PEP 643), else a build where one is allowed."""

from __future__ import annotations

import tempfile
from pathlib import Path

from packaging.utils import NormalizedName

from resolver.errors import MetadataError
from resolver.fetch.builds import Builds
from resolver.fetch.local_files import find_local_path
from resolver.fetch.permission import check_build_allowed
from resolver.fetch.session import Session
from resolver.fetch.source_tree import TreeMetadata
from resolver.fetch.wheel_metadata import fetch_file
from resolver.index.core_metadata import CoreMetadata, is_static, parse_core_metadata
from resolver.index.distribution_file import DistributionFile
from resolver.index.pyproject_metadata import Pyproject, PyprojectError, parse_pyproject
from resolver.index.sdist_archive import SdistArchiveError, SdistFiles, read_sdist
from resolver.targets.target import Target

__all__ = ["fetch_sdist_build_requires", "fetch_sdist_metadata"]


def fetch_sdist_metadata(
    file: DistributionFile, *, project: NormalizedName, target: Target, session: Session, builds: Builds
) -> TreeMetadata:
    """The core metadata, whether a build gave it, and what a build needs.

    Raises FetchError, HashMismatchError, MetadataError.
    """
    with tempfile.TemporaryDirectory(prefix="pinfold-") as name:
        folder = Path(name)
        sdist = _fetch(file, folder, session)
        files = _read(sdist, file, project)
        static = _find_static(files)
        if static is not None:
            return TreeMetadata(metadata=static, built=False, build_requires=_find_build_requires(files))
        check_build_allowed(
            file.filename,
            project=project,
            version=file.version,
            target=target,
            policy=builds.policy_for(project),
            isolated=project not in builds.without_isolation,
        )
        return _build(sdist, folder / "tree", file, project, builds)


def fetch_sdist_build_requires(file: DistributionFile, *, project: NormalizedName, session: Session) -> tuple[str, ...]:
    """The texts of `[build-system] requires`, where nothing else is wanted of the sdist. Raises as above."""
    with tempfile.TemporaryDirectory(prefix="pinfold-") as name:
        if find_local_path(file.url) is None:
            session.announce("for its build requirements", filename=file.filename, size_bytes=file.size_bytes)
        return _find_build_requires(_read(_fetch(file, Path(name), session), file, project))


def _fetch(file: DistributionFile, folder: Path, session: Session) -> Path:
    sdist = find_local_path(file.url)
    if sdist is None:
        sdist = folder / file.filename
        fetch_file(file, session=session, into=sdist)
    return sdist


def _read(sdist: Path, file: DistributionFile, project: NormalizedName) -> SdistFiles:
    try:
        with sdist.open("rb") as archive:
            return read_sdist(archive, filename=file.filename)
    except OSError as error:
        raise _broken(file, project, error.strerror or str(error)) from error
    except SdistArchiveError as error:
        raise _broken(file, project, str(error)) from error


def _find_static(files: SdistFiles) -> CoreMetadata | None:
    """What no build can tell otherwise: a final PKG-INFO (PEP 643), or a `[project]` without dynamic fields."""
    try:
        metadata = parse_core_metadata(files.pkg_info) if files.pkg_info is not None else None
    except ValueError:
        metadata = None  # An unreadable PKG-INFO is not final: old ones hold anything.
    if metadata is not None and is_static(metadata):
        return metadata
    return _parse_pyproject(files).metadata


def _find_build_requires(files: SdistFiles) -> tuple[str, ...]:
    return _parse_pyproject(files).build_system.requires


def _parse_pyproject(files: SdistFiles) -> Pyproject:
    try:
        return parse_pyproject(files.pyproject)
    except PyprojectError:
        return parse_pyproject(None)  # A build, which reads it as well, says what is wrong.


def _broken(file: DistributionFile, project: NormalizedName, reason: str) -> MetadataError:
    return MetadataError(f"`{file.filename}` is a broken sdist: {reason}", project=project, filename=file.filename)


def _build(sdist: Path, folder: Path, file: DistributionFile, project: NormalizedName, builds: Builds) -> TreeMetadata:
    # Imported where it is needed: few lists need a build.
    from resolver.fetch.metadata_build import build_tree_metadata
    from resolver.fetch.source_tree import read_build_system
    from resolver.fetch.unpacking import unpack_sdist

    folder.mkdir()
    try:
        tree = unpack_sdist(sdist, folder, filename=file.filename)
    except SdistArchiveError as error:
        raise _broken(file, project, str(error)) from error
    metadata, requires = build_tree_metadata(
        tree,
        build_system=read_build_system(tree, described=file.filename, project=project),
        project=project,
        described=file.filename,
        builds=builds,
        config_settings=builds.config_settings.get(project, ()),
    )
    return TreeMetadata(metadata=metadata, built=True, build_requires=requires)
