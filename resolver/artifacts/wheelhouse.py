"""A folder with all wheels of a lock, from which pip and uv install without a network.

In: a lockfile, the folder that it lies in, a place, and how to reach hosts. Out: `FetchOutcome`, and on disk the
verified wheels with a requirements.txt. What has another hash is not kept. A run that is broken off leaves whole files,
and parts that the next run goes on from.

One run at a time in a folder of wheels: two that bring the same files would stand in each other's way.

The requirements.txt of a wheelhouse: each project with its version and the hashes of the wheels that lie there.

A list of several layers has a file for each besides, so that an image builder installs and caches them step by step.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from packaging.pylock import Package, PackageWheel
from packaging.utils import NormalizedName, parse_wheel_filename

from lockfiles import Lockfile
from lockfiles._files import replace_file
from lockfiles._values import dataclass
from lockfiles.exporting import find_variables, render_pin
from lockfiles.graph import assign_layers
from lockfiles.lockfile import ToolTable
from resolver.artifacts.build_sources import (
    BuiltWheel,
    SourceBuild,
    SourceTrees,
    list_builds,
    read_records,
    write_records,
)
from resolver.artifacts.building import Building, WheelBuilder
from resolver.artifacts.downloads import Downloads, FetchedFile, Progress, measure_file
from resolver.artifacts.wanted import Wanted, WantedFile, list_wanted
from resolver.errors import AuthenticationError, InputError, render_os_error
from resolver.fetch.http.hosts import HostGuard
from resolver.fetch.http.session import Session
from resolver.fetch.projects.listings import find_signed_link

__all__ = [
    "FILE_NAME",
    "FetchOutcome",
    "check_place",
    "fill_wheelhouse",
    "hold_folder",
    "render_requirements",
    "write_layers",
    "write_requirements",
]


@contextmanager
def hold_folder(folder: Path, *, announce: Callable[[], None]) -> Iterator[None]:
    """Hold a folder; where another process does, wait for that, which is announced once.

    Systems and disks without such locks go without: there the hashes of the files decide.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        yield  # It is none: whoever writes there next says so.
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            announce()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError:
            pass  # Such as a network's disk.
        yield
    finally:
        os.close(descriptor)


FILE_NAME = "requirements.txt"

_MARK = "# The wheels of a lock"
_FLAGS = "--no-index --find-links DIR --require-hashes --no-deps -r DIR/"


def render_requirements(packages: Iterable[Package], *, tool: ToolTable | None, file_name: str = FILE_NAME) -> str:
    """The file for packages that have wheels alone, sorted by name. Raises ExportError for names that are none."""
    target = "" if tool is None else f" for Python {tool.python} on {tool.platform}"
    lines = [
        f"{_MARK}{target}; install them with",
        f"#   pip install {_FLAGS}{file_name}",
        f"#   uv pip install {_FLAGS}{file_name}",
    ]
    lines += (render_pin(package) for package in sorted(packages, key=lambda one: (one.name, str(one.marker))))
    return "\n".join(lines) + "\n"


def check_place(folder: Path) -> None:
    """Raises InputError where the folder has a requirements.txt that no wheelhouse has."""
    path = folder / FILE_NAME
    try:
        with path.open("rb") as file:
            is_ours = file.read(len(_MARK)) == _MARK.encode()
    except FileNotFoundError:
        return
    except OSError as error:
        raise InputError(f"`{path.name}` of the folder cannot be read: {render_os_error(error)}") from error
    if not is_ours:
        raise InputError(
            f"the folder has a `{path.name}` that is not of a wheelhouse, and it would be replaced",
            remedy="another folder, with `--to`",
        )


def write_requirements(folder: Path, text: str, *, file_name: str = FILE_NAME) -> Path:
    """The path of the file, which appears at once or not at all."""
    path = folder / file_name
    replace_file(path, text.encode())
    return path


def write_layers(folder: Path, layers: Sequence[Sequence[Package]], *, tool: ToolTable | None) -> tuple[Path, ...]:
    """The paths of `requirements.layer-N.txt`, from 0; those of an earlier lock that had more of them are gone."""
    names = [f"requirements.layer-{number}.txt" for number in range(len(layers))]
    written = tuple(
        write_requirements(folder, render_requirements(packages, tool=tool, file_name=name), file_name=name)
        for name, packages in zip(names, layers, strict=True)
    )
    for path in folder.glob("requirements.layer-*.txt"):
        if path not in written and path.read_bytes().startswith(_MARK.encode()):
            path.unlink()
    return written


_STASH = ".pinfold"
"""The folder inside a wheelhouse for parts and for what wheels are built from: installers do not look there."""
_BUILD_WHEELS = "build-wheels"
_RECORDS = "built.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchOutcome:
    """What a wheelhouse holds: downloaded wheels in the order of the lock, then built ones.

    `requirements` is the file to install from; `layers` are files that install the same in steps, one a layer of the
    list, and none where it has one.
    """

    folder: Path
    requirements: Path
    files: tuple[FetchedFile, ...]
    layers: tuple[Path, ...] = ()


def fill_wheelhouse(
    lockfile: Lockfile,
    *,
    lock_folder: Path,
    to: Path,
    session: Session,
    building: Building | None = None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    announce: Callable[[str], None] = lambda line: None,
) -> FetchOutcome:
    """Bring all wheels of a lock to a folder, which is made if need be; sources become wheels there.

    `building` None builds nothing. Raises InputError for what cannot be used or built here, FetchError, and
    HashMismatchError for a file or folder that is not the one that was locked.
    """
    wanted = list_wanted(lockfile, folder=lock_folder)
    _refuse_sources(wanted, building)
    builds = list_builds(lockfile, wanted)
    stash = _make_folders(to)
    with hold_folder(stash, announce=lambda: announce(f"waiting for another run that fills `{to.name}`")):
        present = _find_built(builds, to, stash)
        missing = [build for build in builds if build.package.name not in present]
        with _open_builder(
            lockfile, building, missing, lock_folder=lock_folder, stash=stash, session=session
        ) as builder:
            downloads = Downloads(
                find_folder=lambda file: _find_folder(file, to, stash),
                stash=stash,
                client=session,
                on_progress=on_progress,
                announce=announce,
                find_link=partial(_find_link, session=session),
            )
            wanted_files = tuple(dict.fromkeys((*wanted.wheels, *_list_files(missing))))
            _refuse_unknown_variables(wanted_files, session)
            fetched = downloads.fetch_all(wanted_files)
            files = [fetched[file] for file in wanted.wheels]
            for build in builds:
                wheel = present.get(build.package.name)
                if wheel is None and builder is not None:
                    wheel = present[build.package.name] = builder.build(
                        build, into=to, installed=_list_paths(files, to)
                    )
                    write_records(stash / _RECORDS, present)
                    files.append(_describe(build, wheel, to, is_new=True))
                elif wheel is not None:
                    files.append(_describe(build, wheel, to, is_new=False))
        return _write_lists(lockfile, files, to)


def _find_link(file: WantedFile, *, session: Session) -> bool:
    if file.index is None or not isinstance(file.place, str):
        return False
    return find_signed_link(file.project, file.index, file.place, session=session)


def _write_lists(lockfile: Lockfile, files: Sequence[FetchedFile], to: Path) -> FetchOutcome:
    """Write what installers read, beside the wheels."""
    packages = [_with_wheels(package, files) for package in lockfile.pylock.packages]
    text = render_requirements(packages, tool=lockfile.tool)
    layers = write_layers(to, _split(lockfile, packages), tool=lockfile.tool)
    return FetchOutcome(folder=to, requirements=write_requirements(to, text), files=tuple(files), layers=layers)


def _split(lockfile: Lockfile, packages: Sequence[Package]) -> list[list[Package]]:
    """The packages by layer of the list; none where it has one alone."""
    count = 1 if lockfile.tool is None else len(lockfile.tool.layers)
    if count < 2:
        return []
    assigned = assign_layers(lockfile)
    return [[package for package in packages if assigned[package.name] == number] for number in range(count)]


def _refuse_sources(wanted: Wanted, building: Building | None) -> None:
    if building is None and wanted.sources:
        names = ", ".join(f"`{package.name}`" for package, _ in wanted.sources)
        raise InputError(
            f"the lock has sources, which `--no-build` keeps from becoming wheels: {names}",
            remedy="leave it out, or lock wheels alone: `lock --only-binary :all:`",
        )


def _refuse_unknown_variables(files: Iterable[WantedFile], session: Session) -> None:
    """Raises AuthenticationError for a URL with a token in its path whose value nobody has given."""
    for file in files:
        names = find_variables(file.place) if isinstance(file.place, str) else []
        if not names or not isinstance(file.place, str):
            continue
        grant = session.credentials.find(file.place)
        if grant is None or grant.url is None:
            shown = ", ".join(f"`{name}`" for name in names)
            raise AuthenticationError(
                f"the URL of `{file.filename}` has a token in its path, which a lock never holds: {file.place}",
                remedy=f"`--list SOURCE` with the list that was locked, and {shown} in the environment",
                url=file.place,
            )


def _make_folders(to: Path) -> Path:
    """The folder for what is no wheel of the lock. Raises InputError where there can be none."""
    stash = to / _STASH
    try:
        (stash / _BUILD_WHEELS).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"`{to.name}` cannot be a folder of wheels: {render_os_error(error)}", remedy="another, with `--to`"
        ) from error
    check_place(to)
    return stash


def _find_folder(file: WantedFile, to: Path, stash: Path) -> Path:
    if not file.is_for_builds:
        return to
    return stash / _BUILD_WHEELS if file.filename.endswith(".whl") else stash


def _find_built(builds: Sequence[SourceBuild], to: Path, stash: Path) -> dict[NormalizedName, BuiltWheel]:
    """What an earlier run has built in the same way, and still lies there."""
    records, found = read_records(stash / _RECORDS), {}
    for build in builds:
        wheel = records.get(build.package.name)
        if wheel is not None and wheel.key == build.key:
            known = measure_file(to / wheel.filename)
            if known is not None and known[1] == wheel.sha256:
                found[build.package.name] = wheel
    return found


def _list_files(builds: Iterable[SourceBuild]) -> Iterator[WantedFile]:
    for build in builds:
        if build.file is not None:
            yield build.file
        yield from build.requirements


@contextmanager
def _open_builder(
    lockfile: Lockfile,
    building: Building | None,
    builds: Sequence[SourceBuild],
    *,
    lock_folder: Path,
    stash: Path,
    session: Session,
) -> Iterator[WheelBuilder | None]:
    """What makes the wheels; None where there is nothing to make. Its processes end with it."""
    if building is None or not builds:
        yield None
        return
    # Lazy: most locks have wheels alone.
    from resolver.fetch.builds.build_process import BuildProcesses
    from resolver.fetch.git.repositories import GitRepositories

    children = BuildProcesses()
    with GitRepositories(
        cache_folder=None,
        offline=session.offline,
        find_login=session.credentials.find_login,
        announce=building.announce,
    ) as repositories:
        trees = SourceTrees(
            lock_folder=lock_folder, stash=stash, repositories=repositories, guard=session.guard or HostGuard()
        )
        try:
            yield WheelBuilder(lockfile, building, builds=builds, trees=trees, stash=stash, children=children)
        finally:
            children.stop()


def _list_paths(files: Iterable[FetchedFile], to: Path) -> dict[NormalizedName, list[Path]]:
    paths: dict[NormalizedName, list[Path]] = {}
    for file in files:
        paths.setdefault(file.project, []).append(to / file.filename)
    return paths


def _describe(build: SourceBuild, wheel: BuiltWheel, to: Path, *, is_new: bool) -> FetchedFile:
    return FetchedFile(
        project=build.package.name,
        filename=wheel.filename,
        sha256=wheel.sha256,
        size_bytes=(to / wheel.filename).stat().st_size,
        outcome="built" if is_new else "present",
        place=build.described,
    )


def _with_wheels(package: Package, files: Iterable[FetchedFile]) -> Package:
    """The package with its wheels as they lie in the folder, and the version that these have."""
    own = {wheel.filename for wheel in package.wheels or ()}
    wheels = [
        PackageWheel(name=file.filename, path=file.filename, hashes={"sha256": file.sha256})
        for file in files
        if (file.filename in own if own else file.project == package.name)
    ]
    version = package.version or parse_wheel_filename(wheels[0].filename)[1]
    return replace(package, version=version, wheels=wheels, sdist=None, vcs=None, directory=None, archive=None)
