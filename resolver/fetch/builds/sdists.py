"""The core metadata of sdists and source trees: that which they state themselves, otherwise that of a build.

In: an sdist on an index, or a tree on disk (a checkout, a folder of the user's, an unpacked archive). Out:
`TreeMetadata`. A final PKG-INFO (PEP 643) or a `[project]` table without dynamic fields (PEP 621) is the metadata, and
nothing of the tree is executed. The files of an sdist may state it without being final (`setup_files`): it is then the
metadata too, marked as unverified. Otherwise its backend is run, if the policy allows a build: this is the last source,
and the order is the same on every machine, so that it decides no answer which Python a machine has.

It is a module of its own because the rules are the same for sdists and trees. The code that builds is in
`build_environment`, which few runs load.
"""

from __future__ import annotations

import lzma
import tarfile
import tempfile
import zipfile
import zlib
from pathlib import Path

from packaging.utils import NormalizedName
from packaging.version import Version

from lockfiles._files import open_regular, read_regular
from lockfiles._values import dataclass
from lockfiles.errors import parser_boundary
from resolver.errors import MetadataError, render_os_error
from resolver.fetch.builds.permission import Builds, check_build_allowed
from resolver.fetch.http.http_session import HttpSession
from resolver.fetch.http.local_files import find_local_path
from resolver.fetch.projects.wheel_metadata import fetch_file
from resolver.index.core_metadata import CoreMetadata, is_static, parse_core_metadata
from resolver.index.distribution_file import DistributionFile
from resolver.index.sdist_metadata import (
    BuildSystem,
    Pyproject,
    PyprojectError,
    SdistArchiveError,
    SdistFiles,
    find_member_type,
    parse_pyproject,
    read_sdist,
)
from resolver.index.setup_files import read_literal_metadata
from resolver.index.wheel_directory import WheelDirectoryError, check_zip
from resolver.targets.target import Target

_UNPACKED_LIMIT_BYTES = 16 * 1024**3

__all__ = [
    "TreeMetadata",
    "fetch_sdist_build_requires",
    "fetch_sdist_metadata",
    "read_build_system",
    "read_tree_metadata",
    "unpack_sdist",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeMetadata:
    """The core metadata of a source tree, and where it is from."""

    metadata: CoreMetadata

    built: bool
    """Whether its backend gave the metadata in a build."""

    unverified: bool = False
    """Whether its files state the metadata without being final, so that a build may give another."""

    build_requires: tuple[str, ...] = ()
    """The texts of `[build-system] requires`; after a build also those of `get_requires_for_build_wheel` (PEP 517)."""


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
    """The metadata of the project at the top of a tree, by a build only if the tree does not state it.

    - `project` is its name if the list states it.
    - `described` names the tree in messages, without secrets.
    - `config_settings` (they may be secret) go to a build.
    - `isolated` is false in a layer with `--no-build-isolation`, which is not built here.

    Raises MetadataError, and the errors of fetching build requirements.
    """
    pyproject = _read_pyproject(tree, project, described)
    static = pyproject.metadata or _read_final_pkg_info(tree)
    if static is not None:
        return TreeMetadata(metadata=static, built=False, build_requires=pyproject.build_system.requires)
    name = project or pyproject.name
    _check_project(tree, name, described)
    check_build_allowed(
        described,
        project=name,
        version=pyproject.version,
        target=target,
        policy=builds.policy_for(name),
        isolated=isolated and name not in builds.without_isolation,
        find_python=builds.find_python,
    )
    return _build_metadata(
        tree, pyproject.build_system, project=name, described=described, builds=builds, config_settings=config_settings
    )


def read_build_system(tree: Path, *, described: str, project: NormalizedName | None = None) -> BuildSystem:
    """The `[build-system]` of a tree, with the defaults of PEP 518. Raises MetadataError."""
    return _read_pyproject(tree, project, described).build_system


def fetch_sdist_metadata(
    file: DistributionFile, *, project: NormalizedName, target: Target, session: HttpSession, builds: Builds
) -> TreeMetadata:
    """The metadata of an sdist, by a build only if its files do not state it, or `builds` prefers one.

    The file is downloaded as a whole, verified, and removed. Raises FetchError, HashMismatchError, MetadataError.
    """
    with tempfile.TemporaryDirectory(prefix="pinfold-") as name:
        folder = Path(name)
        # Not by ranges: a build may need the whole file, and a tar has no table of contents to read first.
        sdist = _fetch(file, folder, session)
        files = _read_files(sdist, file, project)
        requires = _find_build_requires(files)
        if (static := _find_static(files, file.version)) is not None:
            return TreeMetadata(metadata=static, built=False, build_requires=requires)
        literal = None if builds.preferred else read_literal_metadata(files, name=project, version=file.version)
        if literal is not None:
            return TreeMetadata(metadata=literal, built=False, unverified=True, build_requires=requires)
        check_build_allowed(
            file.filename,
            project=project,
            version=file.version,
            target=target,
            policy=builds.policy_for(project),
            isolated=project not in builds.without_isolation,
            find_python=builds.find_python,
        )
        return _build_sdist(sdist, folder / "tree", file, project, builds)


def fetch_sdist_build_requires(
    file: DistributionFile, *, project: NormalizedName, session: HttpSession
) -> tuple[str, ...]:
    """The texts of `[build-system] requires` of an sdist. Raises FetchError, HashMismatchError, MetadataError.

    It is for sdists whose metadata came from elsewhere, so a download only for this is announced.
    """
    with tempfile.TemporaryDirectory(prefix="pinfold-") as name:
        if find_local_path(file.url) is None:
            session.announce("for its build requirements", filename=file.filename, size_bytes=file.size_bytes)
        return _find_build_requires(_read_files(_fetch(file, Path(name), session), file, project))


@parser_boundary(SdistArchiveError, own=SdistArchiveError)
def unpack_sdist(archive: Path, into: Path, *, filename: str | None = None) -> Path:
    """The top folder of an sdist, after it is unpacked into an empty folder. Raises SdistArchiveError.

    `filename` is its real name if `archive` has another one: its ending determines the format. The result is `into`
    itself for an archive without a single top folder. No archive can make it write a file outside of `into`.
    """
    name = filename or archive.name
    try:
        if name.endswith(".zip"):
            with open_regular(archive) as stream:
                check_zip(stream)
            with zipfile.ZipFile(archive) as file:
                if sum(member.file_size for member in file.infolist()) > _UNPACKED_LIMIT_BYTES:
                    raise SdistArchiveError(f"`{name}` unpacks to more than {_UNPACKED_LIMIT_BYTES >> 30} GiB")
                file.extractall(into)
        else:
            _unpack_tar(archive, into)
    except WheelDirectoryError as error:
        raise SdistArchiveError(f"`{name}` cannot be unpacked: {error}") from error
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError) as error:
        # tarfile adds a line for each format that it tried.
        why = str(error).partition("\n")[0].rstrip(":")
        raise SdistArchiveError(f"`{name}` cannot be unpacked: {why}") from error
    # PEP 625 prescribes one top folder; archives of repositories by other tools may lack it.
    found = list(into.iterdir())
    return found[0] if len(found) == 1 and found[0].is_dir() else into


def _read_pyproject(tree: Path, project: NormalizedName | None, described: str) -> Pyproject:
    """The pyproject.toml of a tree, or the defaults without one. Raises MetadataError if it is broken."""
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
    """PKG-INFO, which an unpacked sdist has, if it is final: no build may give anything else (PEP 643). Else None."""
    try:
        data = _read(tree / "PKG-INFO")
        metadata = None if data is None else parse_core_metadata(data)
    except (OSError, ValueError):
        return None  # An unreadable PKG-INFO is not final: old sdists have all sorts of them.
    return metadata if metadata is not None and is_static(metadata) else None


def _check_project(tree: Path, project: NormalizedName | None, described: str) -> None:
    """Raise MetadataError for a folder that no backend could build, with the way to name another one."""
    if not any((tree / name).is_file() for name in ("pyproject.toml", "setup.py", "setup.cfg")):
        raise MetadataError(
            f"`{described}` is no Python project: it has neither a pyproject.toml nor a setup.py",
            remedy="name the folder that has one; inside a repository or archive with `#subdirectory=FOLDER`",
            project=project or described,
            filename=described,
        )


def _read(path: Path) -> bytes | None:
    """The content of a file, or None if there is none."""
    try:
        return read_regular(path)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _build_metadata(
    tree: Path,
    build_system: BuildSystem,
    *,
    project: NormalizedName | None,
    described: str,
    builds: Builds,
    config_settings: tuple[tuple[str, str], ...],
) -> TreeMetadata:
    """The metadata that the backend of a tree gives. Raises as `build_tree_metadata`."""
    # Lazy: few lists need a build.
    from resolver.fetch.builds.build_environment import build_tree_metadata

    # `requires` has more than `build_system`: what the backend itself requires.
    metadata, requires = build_tree_metadata(
        tree,
        build_system=build_system,
        project=project,
        described=described,
        builds=builds,
        config_settings=config_settings,
    )
    return TreeMetadata(metadata=metadata, built=True, build_requires=requires)


def _fetch(file: DistributionFile, folder: Path, session: HttpSession) -> Path:
    """The path of the sdist: its own if it is on disk, else that of the verified download in `folder`."""
    sdist = session.find_local(file.url)
    if sdist is None:
        sdist = folder / file.filename
        fetch_file(file, session=session, into=sdist)
    return sdist


def _read_files(sdist: Path, file: DistributionFile, project: NormalizedName) -> SdistFiles:
    """PKG-INFO and pyproject.toml out of an sdist. Raises MetadataError if it cannot be read."""
    try:
        with open_regular(sdist) as archive:
            return read_sdist(archive, filename=file.filename)
    except OSError as error:
        raise _broken(file, project, error.strerror or str(error)) from error
    except SdistArchiveError as error:
        raise _broken(file, project, str(error)) from error


def _find_static(files: SdistFiles, version: Version) -> CoreMetadata | None:
    """The metadata that no build may change: a final PKG-INFO (PEP 643), or `[project]` without dynamic fields.

    `version` is that of the file name, so `[project]` may leave it to the backend.
    """
    try:
        metadata = parse_core_metadata(files.pkg_info) if files.pkg_info is not None else None
    except ValueError:
        metadata = None  # As above.
    if metadata is not None and is_static(metadata):
        return metadata
    return _parse_pyproject(files, version).metadata


def _find_build_requires(files: SdistFiles) -> tuple[str, ...]:
    """The texts of `[build-system] requires`, with the default of PEP 518."""
    return _parse_pyproject(files).build_system.requires


def _parse_pyproject(files: SdistFiles, version: Version | None = None) -> Pyproject:
    """The pyproject.toml of an sdist; the defaults for a broken one."""
    try:
        return parse_pyproject(files.pyproject, version=version)
    except PyprojectError:
        return parse_pyproject(None)  # A build reads it again, and raises the error.


def _broken(file: DistributionFile, project: NormalizedName, reason: str) -> MetadataError:
    """The error for an sdist that cannot be read."""
    return MetadataError(f"`{file.filename}` is a broken sdist: {reason}", project=project, filename=file.filename)


def _build_sdist(
    sdist: Path, folder: Path, file: DistributionFile, project: NormalizedName, builds: Builds
) -> TreeMetadata:
    """The metadata that a build of an sdist gives, after it is unpacked into a new folder. Raises MetadataError."""
    folder.mkdir()
    try:
        tree = unpack_sdist(sdist, folder, filename=file.filename)
    except SdistArchiveError as error:
        raise _broken(file, project, str(error)) from error
    return _build_metadata(
        tree,
        read_build_system(tree, described=file.filename, project=project),
        project=project,
        described=file.filename,
        builds=builds,
        config_settings=builds.config_settings.get(project, ()),
    )


def _unpack_tar(archive: Path, into: Path) -> None:
    """Unpack a tar of any compression. Raises SdistArchiveError, and the errors of `tarfile`."""
    # Without the filter, a member of the archive could be written anywhere.
    if not hasattr(tarfile, "data_filter"):
        raise SdistArchiveError("the running Python has no safe way to unpack a tar: 3.11.4 and later have")
    with tarfile.open(archive, tarinfo=find_member_type()) as file:
        # The filter of PEP 706: no absolute paths, no links or members that lead outside, no devices.
        room = _UNPACKED_LIMIT_BYTES

        def admit(member: tarfile.TarInfo, folder: str) -> tarfile.TarInfo | None:
            nonlocal room
            room -= member.size
            if room < 0:
                raise SdistArchiveError(f"`{archive.name}` unpacks to more than {_UNPACKED_LIMIT_BYTES >> 30} GiB")
            return tarfile.data_filter(member, folder)

        file.extractall(into, filter=admit)
