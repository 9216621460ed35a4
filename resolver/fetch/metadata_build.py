"""Core metadata of a source tree from its build backend (PEP 517), in an environment of its own.

The build requirements are decided on and downloaded here, by the process that has credentials; the backend runs in one
that has none, and no configuration of a network.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from packaging.utils import NormalizedName

from resolver.errors import MetadataError, ResolutionError
from resolver.fetch.build_process import BuildFailedError
from resolver.fetch.build_room import Backend, BuildEnvironment, open_build_environment
from resolver.fetch.builds import Builds
from resolver.index.core_metadata import CoreMetadata, parse_core_metadata
from resolver.index.pyproject_metadata import BuildSystem

__all__ = ["build_tree_metadata"]

_REMEDY = "write its requirements into a `[[tool.pinfold.dependency-metadata]]` table of pyproject.toml"


def build_tree_metadata(
    tree: Path,
    *,
    build_system: BuildSystem,
    project: NormalizedName | None,
    described: str,
    builds: Builds,
    config_settings: Sequence[tuple[str, str]] = (),
) -> tuple[CoreMetadata, tuple[str, ...]]:
    """What the backend says of a tree, and the texts of all that its build needs.

    Raises MetadataError where the build fails or its requirements cannot be had, FetchError, HashMismatchError.
    """
    try:
        with open_build_environment(children=builds.children()) as environment:
            wanted = build_system.requires
            _install(wanted, environment, builds)
            backend = Backend(tree, build_system=build_system, environment=environment, config_settings=config_settings)
            wanted = tuple(dict.fromkeys((*wanted, *backend.find_requirements())))
            _install(wanted, environment, builds)
            return _parse(backend.prepare_metadata()), wanted
    except BuildFailedError as error:
        what = f"the build of `{described}` gave no metadata; its last words:"
        cause: Exception = error
    except MetadataError:
        raise
    except ResolutionError as error:
        what = (
            f"`{described}` cannot be built for its metadata: no wheels meet its build requirements, which are not"
            " built themselves"
        )
        cause = error
    raise MetadataError(
        what,
        details=tuple(f"  {line}" for line in str(cause).splitlines()),
        remedy=_REMEDY,
        project=project or described,
        filename=described,
        needs_build=True,
    ) from cause


def _install(requirements: Sequence[str], environment: BuildEnvironment, builds: Builds) -> None:
    if requirements:
        environment.install([builds.fetch_wheel(file) for file in builds.find_wheels(requirements)])


def _parse(metadata: bytes) -> CoreMetadata:
    try:
        return parse_core_metadata(metadata)
    except ValueError as error:
        raise BuildFailedError(f"the backend wrote metadata that cannot be read: {error}") from error
