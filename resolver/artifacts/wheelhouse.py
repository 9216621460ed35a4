"""A wheelhouse: a folder with all wheels of a lock, from which pip and uv install without a network.

In: a lockfile, the folder that it lies in, the folder to fill, and an `Access`. Out: a `FetchOutcome`, and on disk

    *.whl                        the wheels, each with the hash that is in the lock, or built from such a source
    requirements.txt             each project with its version and the hashes of its wheels
    requirements.layer-N.txt     the same by layer, for a list of several layers: an image builder caches each step
    .pinfold/                    parts of files, sdists, build requirements, and the record of what was built

A file with another hash is not kept. A run that breaks off leaves whole files, and parts that the next run continues.
One run at a time fills a wheelhouse; a second one waits for it.

This module decides which file goes into which folder, and in which order. `downloads` fetches the files, `building`
builds the wheels.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from packaging.pylock import Package, PackageWheel
from packaging.utils import NormalizedName, parse_wheel_filename

from lockfiles import Lockfile
from lockfiles._files import open_regular, read_regular, remove_strays, replace_file
from lockfiles._values import dataclass
from lockfiles.exporting import find_variables, render_pin
from lockfiles.graph import assign_layers
from lockfiles.lockfile import ToolTable
from resolver.artifacts.build_sources import (
    BuildTrees,
    BuiltWheel,
    SourceBuild,
    list_builds,
    read_records,
    write_records,
)
from resolver.artifacts.building import Building, WheelBuilder
from resolver.artifacts.downloads import Downloads, FetchedFile, Progress, measure_file
from resolver.artifacts.wanted import Wanted, WantedFile, list_wanted
from resolver.errors import AuthenticationError, InputError, render_os_error
from resolver.fetch.access import Access, Cancellation
from resolver.fetch.http.http_session import HttpSession
from resolver.fetch.http.wire import SLICE_S
from resolver.fetch.lock_policy import LockPolicy
from resolver.fetch.projects.listings import find_signed_link
from resolver.locking.build_requirements import find_config_settings
from resolver.locking.plan_secrets import open_session
from resolver.planning.plan import LockPlan

__all__ = ["FetchOutcome", "fetch_artifacts"]

_STASH = ".pinfold"
"""The folder inside a wheelhouse for everything but its wheels. Installers do not look into folders."""
_BUILD_WHEELS = "build-wheels"
_RECORDS = "built.json"

_REQUIREMENTS = "requirements.txt"
_MARK = "# The wheels of a lock"
"""How our requirement files begin. Only files with it are replaced or deleted."""
_FLAGS = "--no-index --find-links DIR --require-hashes --no-deps -r DIR/"


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchOutcome:
    """What a wheelhouse holds.

    - `requirements` is the file to install from.
    - `files` are the downloaded wheels in the order of the lock, then the built ones.
    - `layers` are files that install the same in steps, one for each layer of the list; empty for a single layer.
    """

    folder: Path
    requirements: Path
    files: tuple[FetchedFile, ...]
    layers: tuple[Path, ...] = ()


def fetch_artifacts(
    lockfile: Lockfile,
    *,
    lock_folder: Path,
    to: Path,
    access: Access = Access(),
    lists: Sequence[LockPlan] = (),
    build: bool = False,
    python_executable: Path | None = None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> FetchOutcome:
    """Fill a folder with all wheels of a lock, and write a requirements.txt to install them without a network.

    - `lock_folder` is where relative paths of the lock start. `to` is created if it is missing; other files in it stay.
    - `access` has the logins, and the hosts that may be private. `lists` bring fresh signatures, tokens and
      `--config-settings` of the list that was locked.
    - With `build`, sources become wheels under the target's Python: `python_executable`, or one that is found. This
      runs their code, so without it a lock that has sources is refused.
    - `on_progress` is called from the caller's thread.

    Raises InputError for a lock that cannot be used or built here, FetchError, and HashMismatchError for a file or
    folder that is not the one that was locked; no such file is kept.
    """
    announce = access.announce or (lambda line: None)
    config_settings = {name: values for plan in lists for name, values in find_config_settings(plan).items()}
    building = Building(python=python_executable, config_settings=config_settings, announce=announce)
    with open_session(access, lists=lists, lock_folder=lock_folder, build=build) as session:
        filling = _Filling(lockfile, to=to, session=session, on_progress=on_progress, announce=announce)
        return filling.fill(building if build else None, lock_folder=lock_folder)


class _Filling:
    """One run that fills a wheelhouse.

    `to` is the wheelhouse. `announce` may be called from any thread, `on_progress` from the thread of `fill` alone.
    """

    def __init__(
        self,
        lockfile: Lockfile,
        *,
        to: Path,
        session: HttpSession,
        on_progress: Callable[[Progress], None],
        announce: Callable[[str], None],
    ) -> None:
        self._lockfile = lockfile
        self._to = to
        self._stash = to / _STASH
        self._session = session
        self._on_progress = on_progress
        self._announce = announce

    def fill(self, building: Building | None, *, lock_folder: Path) -> FetchOutcome:
        """Fetch or build the wheels, and write the requirement files. `building` None refuses sources."""
        wanted = list_wanted(self._lockfile, folder=lock_folder)
        _refuse_sources(wanted, building)
        builds = list_builds(self._lockfile, wanted)
        self._make_folders()
        with _hold_folder(self._stash, announce=self._announce_wait, ending=self._session.ending):
            self._remove_strays()
            built = self._find_built(builds)
            missing = [build for build in builds if build.package.name not in built]
            # The builder is made first: it refuses what cannot be built here, before gigabytes are downloaded.
            with self._open_builder(building, missing, lock_folder) as builder:
                fetched = self._download(wanted, missing)
                files = [fetched[file] for file in wanted.wheels]
                for build in builds:
                    files.append(self._add_built(build, builder, built, files))
            return self._write_lists(files)

    def _remove_strays(self) -> None:
        """Remove what killed runs left. The stash is held, so none of its builds is at work."""
        for folder in (self._to, self._stash):
            remove_strays(folder)
        for left in self._stash.glob(".new-*"):
            shutil.rmtree(left, ignore_errors=True)

    def _announce_wait(self) -> None:
        self._announce(f"waiting for another run that fills `{self._to.name}`")

    def _make_folders(self) -> None:
        """Create the wheelhouse and its stash. Raises InputError where that fails, or other files would be replaced."""
        try:
            (self._stash / _BUILD_WHEELS).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"`{self._to.name}` cannot be a folder of wheels: {render_os_error(error)}",
                remedy="another, with `--to`",
            ) from error
        _check_requirements_file(self._to)

    def _find_built(self, builds: Sequence[SourceBuild]) -> dict[NormalizedName, BuiltWheel]:
        """The wheels that an earlier run has built with the same key, and that are still in the folder unchanged.

        Each is hashed: another program may have replaced the file.
        """
        records, found = read_records(self._stash / _RECORDS), {}
        for build in builds:
            wheel = records.get(build.package.name)
            if wheel is not None and wheel.key == build.key:
                known = measure_file(self._to / wheel.filename)
                if known is not None and known[1] == wheel.sha256:
                    found[build.package.name] = wheel
        return found

    @contextmanager
    def _open_builder(
        self, building: Building | None, builds: Sequence[SourceBuild], lock_folder: Path
    ) -> Iterator[WheelBuilder | None]:
        """The builder of these sources, None where there are none. Its processes end with the context."""
        if building is None or not builds:
            yield None
            return
        # Lazy: most locks have wheels alone.
        from resolver.fetch.builds.build_process import BuildProcesses
        from resolver.fetch.git.repositories import GitRepositories, RepositoryRules

        session = self._session
        children = BuildProcesses(ending=session.ending)
        policy = session.policy or LockPolicy()
        with GitRepositories(
            cache_folder=None,
            offline=session.offline,
            find_login=session.credentials.find_login,
            announce=building.announce,
            rules=RepositoryRules.of_session(session, policy=policy),
        ) as repositories:
            trees = BuildTrees(lock_folder=lock_folder, stash=self._stash, repositories=repositories, policy=policy)
            try:
                yield WheelBuilder(
                    self._lockfile, building, builds=builds, trees=trees, stash=self._stash, children=children
                )
            finally:
                children.stop()

    def _download(self, wanted: Wanted, missing: Sequence[SourceBuild]) -> dict[WantedFile, FetchedFile]:
        """Fetch the wheels, and the files that the missing wheels are built from."""
        files = tuple(dict.fromkeys((*wanted.wheels, *_iter_build_files(missing))))
        self._refuse_unknown_variables(files)
        downloads = Downloads(
            find_folder=self._find_folder,
            stash=self._stash,
            client=self._session,
            on_progress=self._on_progress,
            announce=self._announce,
            check_path=self._session.check_path,
            find_link=self._find_link,
        )
        return downloads.fetch_all(files)

    def _refuse_unknown_variables(self, files: Iterable[WantedFile]) -> None:
        """Raises AuthenticationError for a URL with a token in its path whose value is not given.

        A lock has such a URL as `…/${NAME}/…`; a request for it would only fail with a status that explains nothing.
        """
        for file in files:
            names = find_variables(file.place) if isinstance(file.place, str) else []
            if not names or not isinstance(file.place, str):
                continue
            grant = self._session.credentials.find(file.place)
            if grant is None or grant.url is None:
                shown = ", ".join(f"`{name}`" for name in names)
                raise AuthenticationError(
                    f"the URL of `{file.filename}` has a token in its path, which a lock never holds: {file.place}",
                    remedy=f"`--list SOURCE` with the list that was locked, and {shown} in the environment",
                    url=file.place,
                )

    def _find_folder(self, file: WantedFile) -> Path:
        """Where a file belongs. Only wheels of the lock itself lie where installers find them."""
        if not file.is_for_builds:
            return self._to
        return self._stash / _BUILD_WHEELS if file.filename.endswith(".whl") else self._stash

    def _find_link(self, file: WantedFile) -> bool:
        """Look for the signed URL of a file on the page of its index; whether there is one."""
        if file.index is None or not isinstance(file.place, str):
            return False
        return find_signed_link(file.project, file.index, file.place, session=self._session)

    def _add_built(
        self,
        build: SourceBuild,
        builder: WheelBuilder | None,
        built: dict[NormalizedName, BuiltWheel],
        files: Sequence[FetchedFile],
    ) -> FetchedFile:
        """The wheel of a source, built unless it is among `built`; `files` are in the wheelhouse already.

        Each new wheel is recorded at once, so that a run that breaks off later need not build it again.
        """
        name, is_new = build.package.name, build.package.name not in built
        if is_new:
            assert builder is not None, "sources without a builder are refused"
            installed: dict[NormalizedName, list[Path]] = {}
            for file in files:
                installed.setdefault(file.project, []).append(self._to / file.filename)
            built[name] = builder.build(build, into=self._to, installed=installed)
            write_records(self._stash / _RECORDS, built)
        wheel = built[name]
        return FetchedFile(
            project=name,
            filename=wheel.filename,
            sha256=wheel.sha256,
            size_bytes=(self._to / wheel.filename).stat().st_size,
            outcome="built" if is_new else "present",
            place=build.described,
        )

    def _write_lists(self, files: Sequence[FetchedFile]) -> FetchOutcome:
        """Write the requirement files beside the wheels; an earlier lock may have had more layers.

        Raises ExportError, before anything is written, for a package that a requirement file cannot name.
        """
        packages = [_replace_wheels(package, files) for package in self._lockfile.pylock.packages]
        layers = _split_layers(self._lockfile, packages)
        named = {f"requirements.layer-{number}.txt": layer for number, layer in enumerate(layers)}
        texts = {
            self._to / name: _render_requirements(chosen, tool=self._lockfile.tool, file_name=name)
            for name, chosen in {**named, _REQUIREMENTS: packages}.items()
        }
        for path, text in texts.items():
            replace_file(path, text.encode())
        for path in self._to.glob("requirements.layer-*.txt"):
            if path not in texts and read_regular(path).startswith(_MARK.encode()):
                path.unlink()
        *written_layers, requirements = texts
        return FetchOutcome(folder=self._to, requirements=requirements, files=tuple(files), layers=(*written_layers,))


def _refuse_sources(wanted: Wanted, building: Building | None) -> None:
    """Raises InputError for a lock with sources where nothing may be built."""
    if building is None and wanted.sources:
        names = ", ".join(f"`{package.name}`" for package, _ in wanted.sources)
        raise InputError(
            f"the lock has sources, which become wheels only by builds: {names}",
            why="a build runs the code of its source, and a lock does not decide which code runs here",
            remedy="`--build`, if you trust them, or lock wheels alone: `lock --only-binary :all:`",
        )


def _wait_for_lock(descriptor: int, ending: Cancellation) -> None:
    """Wait until no other run holds the folder. Raises RunCancelledError."""
    import fcntl  # Lazy: Windows has no such module.

    while True:
        ending.wait(SLICE_S)
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return


@contextmanager
def _hold_folder(folder: Path, *, announce: Callable[[], None], ending: Cancellation) -> Iterator[None]:
    """Hold a folder while other runs wait for it. Call `announce` once before waiting for another run.

    Raises RunCancelledError where the run ends while it waits.
    Systems and disks without such locks are not held: Windows, some network file systems. There the hashes of the files
    show damage.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        yield  # Not a folder: the first write into it reports the error.
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            announce()
            _wait_for_lock(descriptor, ending)
        except OSError:
            pass  # The file system has no locks.
        yield
    finally:
        os.close(descriptor)


def _iter_build_files(builds: Iterable[SourceBuild]) -> Iterator[WantedFile]:
    """The sdists and build requirements of these builds."""
    for build in builds:
        if build.file is not None:
            yield build.file
        yield from build.requirements


def _check_requirements_file(folder: Path) -> None:
    """Raises InputError where the folder has a requirements.txt that is not ours: it would be replaced."""
    path = folder / _REQUIREMENTS
    try:
        with open_regular(path) as file:
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


def _replace_wheels(package: Package, files: Iterable[FetchedFile]) -> Package:
    """The package with its wheels as they lie in the folder, and the version in their names.

    A source has no wheels in the lock: its built wheel is the file of its project.
    """
    own = {wheel.filename for wheel in package.wheels or ()}
    wheels = [
        PackageWheel(name=file.filename, path=file.filename, hashes={"sha256": file.sha256})
        for file in files
        if (file.filename in own if own else file.project == package.name)
    ]
    version = package.version or parse_wheel_filename(wheels[0].filename)[1]
    return replace(package, version=version, wheels=wheels, sdist=None, vcs=None, directory=None, archive=None)


def _split_layers(lockfile: Lockfile, packages: Sequence[Package]) -> list[list[Package]]:
    """The packages by layer of the list; empty for a list of a single layer, which needs no steps.

    The layers of a lock are those of `[tool.pinfold]`, so a lock of another tool has one.
    """
    count = 1 if lockfile.tool is None else len(lockfile.tool.layers)
    if count < 2:
        return []
    assigned = assign_layers(lockfile)
    return [[package for package in packages if assigned[package.name] == number] for number in range(count)]


def _render_requirements(packages: Iterable[Package], *, tool: ToolTable | None, file_name: str) -> str:
    """A requirement file (pip: Requirements File Format) for packages that have wheels alone, sorted by name.

    Each line has the version and the hashes of the wheels. Raises ExportError for a package that it cannot name.
    """
    target = "" if tool is None else f" for Python {tool.python} on {tool.platform}"
    lines = [
        f"{_MARK}{target}; install them with",
        f"#   pip install {_FLAGS}{file_name}",
        f"#   uv pip install {_FLAGS}{file_name}",
    ]
    lines += (render_pin(package) for package in sorted(packages, key=lambda one: (one.name, str(one.marker))))
    return "\n".join(lines) + "\n"
