"""The metadata of a source tree that a list names: what the user or the data says of it, else what it says itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.utils import NormalizedName
from packaging.version import Version

from resolver.fetch.builds import Builds
from resolver.fetch.source_tree import TreeMetadata, read_build_system, read_tree_metadata
from resolver.index.core_metadata import CoreMetadata
from resolver.index.direct import DirectRequest
from resolver.index.pyproject_metadata import PyprojectError, parse_pyproject
from resolver.targets.sdist_metadata import find_sdist_metadata
from resolver.targets.target import Target

if TYPE_CHECKING:
    from resolver.settings import DependencyMetadata

__all__ = ["find_told", "read_direct_tree"]


def read_direct_tree(
    tree: Path,
    request: DirectRequest,
    *,
    described: str,
    target: Target,
    builds: Builds,
    tables: Sequence[DependencyMetadata],
    version: Version | None = None,
) -> TreeMetadata:
    """The metadata of the project in a tree; `version` is what the name of its archive says. Raises MetadataError."""
    name, version = _read_identity(tree, request.name, version)
    told = None if name is None else find_told(name, version, tables)
    if told is not None:
        requires = read_build_system(tree, described=described, project=name).requires
        return TreeMetadata(metadata=told, built=False, build_requires=requires)
    return read_tree_metadata(
        tree,
        project=request.name,
        described=described,
        target=target,
        builds=builds,
        config_settings=request.config_settings,
        isolated=request.isolated,
    )


def find_told(
    name: NormalizedName, version: Version | None, tables: Sequence[DependencyMetadata], *, is_wheel: bool = False
) -> CoreMetadata | None:
    """What `[[tool.pinfold.dependency-metadata]]` says of a project, or the data of one that is built; else None.

    A version is needed: that of the table where the project does not tell its own.
    """
    for table in tables:
        known = version or table.version
        if table.name == name and known is not None and table.version in (None, known):
            return CoreMetadata(
                name=name,
                version=known,
                metadata_version="2.4",
                requires_dist=table.requires_dist,
                requires_python=table.requires_python,
                provides_extra=table.provides_extra,
            )
    found = None if is_wheel or version is None else find_sdist_metadata(name, version)
    if found is None or version is None:
        return None
    return CoreMetadata(
        name=name,
        version=version,
        metadata_version="2.4",
        requires_dist=found.requires_dist,
        requires_python=found.requires_python,
    )


def _read_identity(
    tree: Path, name: NormalizedName | None, version: Version | None
) -> tuple[NormalizedName | None, Version | None]:
    """Name and version as far as the list, the archive's name and pyproject.toml tell them."""
    try:
        pyproject = parse_pyproject((tree / "pyproject.toml").read_bytes())
    except (OSError, PyprojectError):
        return name, version  # Whoever reads it for more says what is wrong.
    return name or pyproject.name, version or pyproject.version
