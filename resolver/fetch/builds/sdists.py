"""The core metadata of an sdist: its PKG-INFO where that is final (PEP 643), else a build where one is allowed.

The core metadata of a source tree on disk: what it says itself where that is final, else what its backend says.

In: a checkout, a folder of the user's, or an unpacked sdist. Out: `TreeMetadata`. Nothing of the tree runs unless a
build is needed, and allowed.

Unpacking an sdist, of which nothing may land outside its folder.
"""

from __future__ import annotations

import lzma
import tarfile
import tempfile
import zipfile
import zlib
from pathlib import Path

from packaging.utils import NormalizedName

from lockfiles._values import dataclass
from resolver.errors import MetadataError, render_os_error
from resolver.fetch.builds.permission import Builds, check_build_allowed
from resolver.fetch.direct.folder_content import hash_folder
from resolver.fetch.http.local_files import find_local_path
from resolver.fetch.http.session import Session
from resolver.fetch.projects.wheel_metadata import fetch_file
from resolver.index.core_metadata import CoreMetadata, is_static, parse_core_metadata
from resolver.index.distribution_file import DistributionFile
from resolver.index.sdist_metadata import (
    BuildSystem,
    Pyproject,
    PyprojectError,
    SdistArchiveError,
    SdistFiles,
    parse_pyproject,
    read_sdist,
)
from resolver.targets.target import Target

__all__ = [
    "TreeMetadata",
    "fetch_sdist_build_requires",
    "fetch_sdist_metadata",
    "hash_folder",
    "read_build_system",
    "read_tree_metadata",
    "unpack_sdist",
]


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
    from resolver.fetch.builds.build_environment import build_tree_metadata

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


def fetch_sdist_metadata(
    file: DistributionFile, *, project: NormalizedName, target: Target, session: Session, builds: Builds
) -> TreeMetadata:
    """The core metadata, whether a build gave it, and what a build needs.

    Raises FetchError, HashMismatchError, MetadataError.
    """
    with tempfile.TemporaryDirectory(prefix="pinfold-") as name:
        folder = Path(name)
        sdist = _fetch(file, folder, session)
        files = _read_of_sdist_metadata(sdist, file, project)
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
        return _find_build_requires(_read_of_sdist_metadata(_fetch(file, Path(name), session), file, project))


def _fetch(file: DistributionFile, folder: Path, session: Session) -> Path:
    sdist = find_local_path(file.url)
    if sdist is None:
        sdist = folder / file.filename
        fetch_file(file, session=session, into=sdist)
    return sdist


def _read_of_sdist_metadata(sdist: Path, file: DistributionFile, project: NormalizedName) -> SdistFiles:
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
    from resolver.fetch.builds.build_environment import build_tree_metadata

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


def unpack_sdist(archive: Path, into: Path, *, filename: str | None = None) -> Path:
    """The top folder of an sdist that was unpacked into an empty folder. Raises SdistArchiveError.

    `filename` says the format where that of `archive` does not.
    """
    name = filename or archive.name
    try:
        if name.endswith(".zip"):
            with zipfile.ZipFile(archive) as file:
                file.extractall(into)
        else:
            _unpack_tar(archive, into)
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError) as error:
        # tarfile adds a line for each format that it tried.
        why = str(error).partition("\n")[0].rstrip(":")
        raise SdistArchiveError(f"`{name}` cannot be unpacked: {why}") from error
    found = list(into.iterdir())
    return found[0] if len(found) == 1 and found[0].is_dir() else into


def _unpack_tar(archive: Path, into: Path) -> None:
    if not hasattr(tarfile, "data_filter"):
        raise SdistArchiveError("the running Python has no safe way to unpack a tar: 3.11.4 and later have")
    with tarfile.open(archive) as file:
        # PEP 706: no absolute paths, no links or members that lead outside, no devices.
        file.extractall(into, filter="data")
