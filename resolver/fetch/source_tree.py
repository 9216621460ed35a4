"""The core metadata of a source tree on disk: what it says itself where that is final, else what its backend says.

In: a checkout, a folder of the user's, or an unpacked sdist. Out: `TreeMetadata`. Nothing of the tree runs unless a
build is needed, and allowed.
"""

from __future__ import annotations

from pathlib import Path

from packaging.utils import NormalizedName

from lockfiles.value_classes import dataclass
from resolver.errors import MetadataError, render_os_error
from resolver.fetch.builds import Builds
from resolver.fetch.folder_content import hash_folder
from resolver.fetch.permission import check_build_allowed
from resolver.index.core_metadata import CoreMetadata, is_static, parse_core_metadata
from resolver.index.pyproject_metadata import BuildSystem, Pyproject, PyprojectError, parse_pyproject
from resolver.targets.target import Target

__all__ = ["TreeMetadata", "hash_folder", "read_build_system", "read_tree_metadata"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeMetadata:
    """What a source tree is. `built` marks metadata that its backend told in a build.

    `build_requires` are the texts of what a build of it needs: `[build-system] requires`, and after a build what its
    backend asked for besides.
    """

    metadata: CoreMetadata
    built: bool
    build_requires: tuple[str, ...] = ()


def read_tree_metadata(
    tree: Path,
    *,
    project: NormalizedName | None,
    described: str,
    target: Target,
    builds: Builds,
    config_settings: tuple[tuple[str, str], ...] = (),
    isolated: bool = True,
) -> TreeMetadata:
    """The metadata of the project at the top of a tree.

    `described` names the tree in messages, without secrets; `project` is its name where the list says it.
    `config_settings` (they may be secret) go to a build. `isolated` is false for what stands in a layer with
    `--no-build-isolation`, which is not built here. Raises MetadataError, and what fetching build requirements raises.
    """
    pyproject = _read_pyproject(tree, project, described)
    requires = pyproject.build_system.requires
    static = pyproject.metadata or _read_final_pkg_info(tree)
    if static is not None:
        return TreeMetadata(metadata=static, built=False, build_requires=requires)
    name = project or pyproject.name
    _check_project(tree, name, described)
    check_build_allowed(
        described,
        project=name,
        version=pyproject.version,
        target=target,
        policy=builds.policy_for(name),
        isolated=isolated and name not in builds.without_isolation,
    )
    # Imported where it is needed: few lists need a build.
    from resolver.fetch.metadata_build import build_tree_metadata

    metadata, requires = build_tree_metadata(
        tree,
        build_system=pyproject.build_system,
        project=name,
        described=described,
        builds=builds,
        config_settings=config_settings,
    )
    return TreeMetadata(metadata=metadata, built=True, build_requires=requires)


def read_build_system(tree: Path, *, described: str, project: NormalizedName | None = None) -> BuildSystem:
    """The `[build-system]` of a tree, with the defaults of PEP 518. Raises MetadataError."""
    return _read_pyproject(tree, project, described).build_system


def _read_pyproject(tree: Path, project: NormalizedName | None, described: str) -> Pyproject:
    try:
        return parse_pyproject(_read(tree / "pyproject.toml"))
    except PyprojectError as error:
        why = str(error)
    except OSError as error:
        why = f"pyproject.toml cannot be read: {render_os_error(error)}"
    raise MetadataError(
        f"what `{described}` needs cannot be told: {why}", project=project or described, filename=described
    )


def _read_final_pkg_info(tree: Path) -> CoreMetadata | None:
    """PKG-INFO where no build can give anything else (PEP 643), as an unpacked sdist has it."""
    try:
        data = _read(tree / "PKG-INFO")
        metadata = None if data is None else parse_core_metadata(data)
    except (OSError, ValueError):
        return None  # An unreadable PKG-INFO is not final: old ones hold anything.
    return metadata if metadata is not None and is_static(metadata) else None


def _check_project(tree: Path, project: NormalizedName | None, described: str) -> None:
    if not any((tree / name).is_file() for name in ("pyproject.toml", "setup.py", "setup.cfg")):
        raise MetadataError(
            f"`{described}` is no Python project: it has neither a pyproject.toml nor a setup.py",
            remedy="name the folder that has one; inside a repository or archive with `#subdirectory=FOLDER`",
            project=project or described,
            filename=described,
        )


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
