"""Wheels built from source trees, and the wheels of their build requirements.

In: files that the solver has chosen as build requirements. Out: their verified paths (`BuildWheels`), downloaded by
this process, which has the credentials.

In: a source tree, verified wheels of its build requirements, an interpreter, config settings, an instant. Out: the
wheel of the tree (`build_wheel`). Time, time zone and hash seed are the same in each build; whether two builds of one
tree give the same bytes is then up to the backend.

It is a module of its own because `fetch` and `hydrate` build wheels, while a lock needs the metadata alone.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from lockfiles._files import remove_strays, temporary_file
from resolver.errors import InternalError
from resolver.fetch.builds.build_environment import Backend, open_build_environment
from resolver.fetch.builds.build_process import BuildFailedError, BuildProcesses
from resolver.fetch.builds.sdists import read_build_system
from resolver.fetch.http.http_session import HttpSession
from resolver.fetch.http.local_files import describe_file
from resolver.fetch.projects.wheel_metadata import fetch_file, verify_hashes
from resolver.index.distribution_file import DistributionFile

__all__ = [
    "BuildWheels",
    "build_wheel",
]


class BuildWheels:
    """Downloads and verifies the wheels of build requirements, each once. May be used from many threads.

    They are kept in `folder`, so that setuptools is downloaded once and not for each sdist; a `folder` of None keeps
    them until `close`.
    """

    def __init__(self, *, session: HttpSession, folder: Path | None) -> None:
        self._session = session
        self._folder = folder
        self._temporary: Path | None = None
        self._lock = threading.Lock()

    def close(self) -> None:
        """Remove the wheels that are not kept in a folder of the caller's."""
        with self._lock:
            if self._temporary is not None:
                shutil.rmtree(self._temporary, ignore_errors=True)

    def fetch(self, file: DistributionFile) -> Path:
        """The path of a wheel with the SHA-256 of `file`, which must have one. Raises FetchError, HashMismatchError."""
        if file.sha256 is None:
            raise InternalError(f"`{file.filename}` is to be installed without a hash to verify")
        with self._lock:
            # A folder for each hash, since pip reads name and tags out of the file name.
            found = self._session.credential_ids.find(file.url, page=file.page)
            place = self._find_folder() / f"{file.sha256}{f'-{found}' if found else ''}" / file.filename
            # Hashed again in each run: a file of the cache that another program changed would run in the build.
            if not _is_intact(place, file.sha256):
                self._fetch_into(place, file)
            return place

    def _fetch_into(self, place: Path, file: DistributionFile) -> None:
        """Write the file to its place, where it appears when it is complete and verified."""
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        remove_strays(place.parent)
        with temporary_file(place, mode=0o600) as new:
            local = self._session.find_local(file.url)
            if local is None:
                fetch_file(file, session=self._session, into=new)
            else:
                shutil.copyfile(local, new)
            found = describe_file(new)
            verify_hashes(file.filename, promised=[f"sha256:{file.sha256}"], found=found.hashes)
            new.replace(place)

    def _find_folder(self) -> Path:
        """The folder of the wheels; a temporary one is created on first use."""
        if self._folder is not None:
            return self._folder
        if self._temporary is None:
            self._temporary = Path(tempfile.mkdtemp(prefix="pinfold-"))
        return self._temporary


def _is_intact(path: Path, sha256: str) -> bool:
    """Whether the file exists and has this SHA-256."""
    return path.is_file() and describe_file(path).sha256 == sha256


def build_wheel(
    tree: Path,
    *,
    python: Path,
    requirement_wheels: Sequence[Path],
    into: Path,
    described: str,
    source_date_epoch: int,
    config_settings: Sequence[tuple[str, str]] = (),
    children: BuildProcesses | None = None,
) -> Path:
    """The path of the wheel of the project at the top of a tree, in the folder `into`.

    - `python` is the interpreter to build with.
    - `requirement_wheels` are installed instead of `[build-system] requires`: those of the lock, or everything that is
      installed before a project without isolation.
    - `described` names the tree in messages.
    - `source_date_epoch` is in seconds since 1970 (reproducible-builds.org: `SOURCE_DATE_EPOCH`).
    - `config_settings` may be secret.
    - `children` is that of the run; None is one for this build alone.

    Raises BuildFailedError with the end of the output, and MetadataError for a broken pyproject.toml.
    """
    build_system = read_build_system(tree, described=described)
    variables = {"SOURCE_DATE_EPOCH": str(source_date_epoch), "PYTHONHASHSEED": "0", "TZ": "UTC"}
    with open_build_environment(
        children=children or BuildProcesses(), python=python, variables=variables
    ) as environment:
        environment.install(requirement_wheels)
        backend = Backend(tree, build_system=build_system, environment=environment, config_settings=config_settings)
        _check_met(backend.find_requirements(), requirement_wheels)
        built = backend.build_wheel(environment.folder("wheel"))
        _check_name(built)
        return _move(built, into)


def _check_met(requirements: Sequence[str], wheels: Sequence[Path]) -> None:
    """Raise BuildFailedError for requirements of the backend that are not among the installed wheels."""
    missing = list(_iter_missing(requirements, wheels))
    if missing:
        raise BuildFailedError(
            f"its backend asks for {', '.join(f'`{text}`' for text in missing)}, which is not among its build"
            " requirements\nadd it to `[build-system] requires` of the project, and lock again"
        )


def _iter_missing(requirements: Sequence[str], wheels: Sequence[Path]) -> Iterator[str]:
    """The requirements that no wheel meets. One with a marker counts as met.

    Only the interpreter of the build could evaluate the marker, and a backend that lacks a package fails by itself.
    """
    parsed = (parse_wheel_filename(wheel.name)[:2] for wheel in wheels)
    installed = dict(parsed)
    for text in requirements:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            yield text
            continue
        version = installed.get(canonicalize_name(requirement.name))
        is_met = version is not None and requirement.specifier.contains(version, prereleases=True)
        if not is_met and requirement.marker is None:
            yield text


def _check_name(wheel: Path) -> None:
    """Raise BuildFailedError for a file name that no installer accepts."""
    try:
        parse_wheel_filename(wheel.name)
    except InvalidWheelFilename as error:
        raise BuildFailedError(f"`build_wheel` gave `{wheel.name}`, which is no file name of a wheel") from error


def _move(wheel: Path, into: Path) -> Path:
    """Move a file to a folder, perhaps on another disk. It appears there complete or not at all."""
    new = into / f".{wheel.name}.new"
    try:
        shutil.copyfile(wheel, new)
        return new.replace(into / wheel.name)
    finally:
        new.unlink(missing_ok=True)
