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
from resolver.fetch.wheel_metadata import fetch_file
from resolver.index.core_metadata import CoreMetadata, is_static, parse_core_metadata
from resolver.index.distribution_file import DistributionFile
from resolver.index.sdist_archive import SdistArchiveError, read_sdist
from resolver.targets.target import Target

__all__ = ["fetch_sdist_metadata"]

_NO_DISTRIBUTION = "No matching distribution found"
"""What pip says where the indexes that it may ask do not have a build requirement."""


def fetch_sdist_metadata(
    file: DistributionFile, *, project: str, target: Target, session: Session, builds: Builds
) -> tuple[CoreMetadata, bool]:
    """The core metadata, and whether a build gave it. Raises FetchError, HashMismatchError, MetadataError."""
    with tempfile.TemporaryDirectory(prefix="pinfold-") as name:
        folder = Path(name)
        sdist = find_local_path(file.url)
        if sdist is None:
            sdist = folder / file.filename
            fetch_file(file, session=session, into=sdist)
        static = _read_static(sdist, file, project)
        if static is not None:
            return static, False
        check_build_allowed(
            file.filename, project=NormalizedName(project), version=file.version, target=target, policy=builds.policy
        )
        return _build(sdist, folder / "build", file, project, builds), True


def _read_static(sdist: Path, file: DistributionFile, project: str) -> CoreMetadata | None:
    """PKG-INFO where no build can give anything else (PEP 643), else None."""
    try:
        with sdist.open("rb") as archive:
            found = read_sdist(archive, filename=file.filename)
        metadata = parse_core_metadata(found.pkg_info) if found.pkg_info is not None else None
    except OSError as error:
        raise _broken(file, project, error.strerror or str(error)) from error
    except SdistArchiveError as error:
        raise _broken(file, project, str(error)) from error
    except ValueError:
        return None  # An unreadable PKG-INFO is not final: old ones hold anything.
    return metadata if metadata is not None and is_static(metadata) else None


def _broken(file: DistributionFile, project: str, reason: str) -> MetadataError:
    return MetadataError(f"`{file.filename}` is a broken sdist: {reason}", project=project, filename=file.filename)


def _build(sdist: Path, folder: Path, file: DistributionFile, project: str, builds: Builds) -> CoreMetadata:
    # Imported where it is needed: `subprocess` and `json` take 10 ms, and few lists need a build.
    from resolver.fetch.metadata_build import BuildFailedError, build_metadata

    folder.mkdir()
    try:
        return build_metadata(
            sdist,
            folder=folder,
            index_urls=builds.index_urls(),
            find_links=builds.find_links,
            constraints=builds.constraints,
        )
    except BuildFailedError as error:
        output = "\n".join(f"    {line}" for line in str(error).splitlines())
        because = ""
        if builds.leaves_out_indexes and _NO_DISTRIBUTION in output:
            first = builds.index_urls()[0]
            because = f"  because build requirements come from the first index alone under `first-index`: {first}\n"
        raise MetadataError(
            f"the build of `{file.filename}` gave no metadata; its last words:\n{output}\n{because}"
            "  try: write its requirements into a `[[tool.pinfold.dependency-metadata]]` table of pyproject.toml",
            project=project,
            filename=file.filename,
            needs_build=True,
        ) from error
