"""Wheels from the sources of a lock, built under the target's Python with the build requirements in the lock.

In: `SourceBuild`s whose files lie in the stash of a wheelhouse. Out: wheels in the wheelhouse, each with its hash.

A build runs the code of its source. It gets no credentials and no network configuration (docs/security.md), and it must
run under the target's own Python and platform: a wheel that is built for another would not install.
"""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import InvalidWheelFilename, NormalizedName, canonicalize_name, parse_wheel_filename

from lockfiles import Lockfile
from lockfiles._files import hash_bytes
from lockfiles._values import dataclass
from resolver.artifacts.build_sources import BuildTree, BuildTrees, BuiltWheel, SourceBuild
from resolver.artifacts.downloads import measure_file
from resolver.artifacts.wanted import find_name_fault
from resolver.errors import InputError, MetadataError, ResolutionError
from resolver.fetch.builds.build_process import BuildAdvice, BuildFailedError, BuildProcesses, find_build_advice
from resolver.fetch.builds.permission import ConfigSettings, find_interpreter
from resolver.fetch.builds.wheel_builds import build_wheel
from resolver.index.core_metadata import build_dependencies, parse_core_metadata
from resolver.targets.platforms import parse_platform
from resolver.targets.target import Target, parse_python_version

__all__ = ["Building", "WheelBuilder"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Building:
    """How to build the sources of a lock.

    - `python` is the interpreter to use; None searches for one.
    - `config_settings` are those of the list that was locked, by project: the lock has only their hashes. They may be
      secret, so the repr leaves them out.
    - `announce` gets a line before each build.
    """

    python: Path | None = None
    config_settings: ConfigSettings = field(default_factory=dict, repr=False)
    announce: Callable[[str], None] = lambda line: None


class WheelBuilder:
    """Builds the sources of one lock.

    `builds` are all sources that will be built, so that the constructor raises InputError before the first download:
    for a missing interpreter, and for config settings that are not those of the lock. `stash` is the hidden folder of
    the wheelhouse.
    """

    def __init__(
        self,
        lockfile: Lockfile,
        building: Building,
        *,
        builds: Iterable[SourceBuild],
        trees: BuildTrees,
        stash: Path,
        children: BuildProcesses,
    ) -> None:
        self._lockfile = lockfile
        self._target = _read_target(lockfile)
        self._python = find_interpreter(self._target, named=building.python)
        self._building = building
        self._trees = trees
        self._stash = stash
        self._children = children
        for build in builds:
            _check_settings(build, building.config_settings)

    def build(
        self, build: SourceBuild, *, into: Path, installed: Mapping[NormalizedName, Sequence[Path]]
    ) -> BuiltWheel:
        """Build the wheel of a source and move it into a folder.

        `installed` are the wheels of the wheelhouse by project; a build without isolation gets those of `build.after`.
        Raises InputError where the build fails, ResolutionError where the wheel requires anything else than the lock
        has, FetchError and HashMismatchError where the source cannot be read.
        """
        self._building.announce(f"building `{build.described}`")
        with (
            self._trees.open(build) as tree,
            tempfile.TemporaryDirectory(prefix=".new-", dir=self._stash, ignore_cleanup_errors=True) as name,
        ):
            for warning in tree.warnings:
                self._building.announce(f"warning: {warning}")
            wheel = self._run(build, tree, Path(name), installed)
            self._check(build, wheel)
            self._verify_requirements(build, wheel)
            return self._move(build, wheel, into)

    def _move(self, build: SourceBuild, wheel: Path, into: Path) -> BuiltWheel:
        """Move the wheel into the wheelhouse, and hash it for the record.

        A build can leave a link or a folder of this name. Both are refused with InputError.
        """
        found = measure_file(wheel)
        if found is None:
            raise InputError(f"the build of `{build.described}` gave `{wheel.name}`, which is no file")
        wheel.replace(into / wheel.name)
        return BuiltWheel(key=build.key, filename=wheel.name, sha256=found[1])

    def _run(
        self, build: SourceBuild, tree: BuildTree, into: Path, installed: Mapping[NormalizedName, Sequence[Path]]
    ) -> Path:
        """Run the build backend; the path of what it made in the folder `into`. Raises InputError."""
        wheels = [self._stash / "build-wheels" / file.filename for file in build.requirements]
        if build.after is not None:
            wheels += [path for name in sorted(build.after) for path in installed.get(name, ())]
        try:
            return build_wheel(
                tree.folder,
                python=self._python,
                requirement_wheels=wheels,
                into=into,
                described=build.described,
                source_date_epoch=tree.epoch_s,
                config_settings=self._building.config_settings.get(build.package.name, ()),
                children=self._children,
            )
        except MetadataError as error:
            raise InputError.from_faults(error.faults) from error
        except BuildFailedError as error:
            # The error has the last lines of the backend's output, which are indented below ours.
            advice = find_build_advice(str(error)) or BuildAdvice("")
            raise InputError(
                f"the build of `{build.described}` failed, and ended with:",
                details=tuple(f"  {line}" for line in str(error).splitlines()),
                remedy=advice.remedy,
                quoted=advice.quoted,
            ) from error

    def _verify_requirements(self, build: SourceBuild, wheel: Path) -> None:
        """Raises ResolutionError where the wheel requires anything else than its sdist stated when it was locked."""
        tool, name = self._lockfile.tool, build.package.name
        locked = None if tool is None else tool.unverified.get(name)
        if tool is None or locked is None:
            return
        try:
            metadata = parse_core_metadata(_read_metadata(wheel))
            dependencies = build_dependencies(metadata, environment=self._target.environment)
        except ValueError as error:
            raise InputError(f"the metadata of the wheel of `{build.described}` cannot be read: {error}") from error
        built = dependencies.find_requirements(tool.extras.get(name, ()))
        stated = {_normalize(text): text for text in locked}
        given = {_normalize(text): text for text in built}
        if stated.keys() == given.keys():
            return
        only_locked = [f"`{stated[key]}`" for key in sorted(stated.keys() - given.keys())]
        only_built = [f"`{given[key]}`" for key in sorted(given.keys() - stated.keys())]
        raise ResolutionError(
            f"the build of `{build.described}` requires other packages than the sdist states, so the lock may lack"
            " some",
            details=(
                f"  only in the lock: {', '.join(only_locked) or 'nothing'}",
                f"  only in the build: {', '.join(only_built) or 'nothing'}",
            ),
            remedy="lock again with `--build-metadata`, which reads the requirements of this sdist from a build",
        )

    def _check(self, build: SourceBuild, wheel: Path) -> None:
        """Raises InputError for a wheel of another project, version, Python or platform.

        A source tree has no version in the lock, so any version is accepted for it. The file name comes from the code
        of the source, so it must be a safe one.
        """
        package = build.package
        try:
            name, version, _, tags = parse_wheel_filename(wheel.name)
        except InvalidWheelFilename:
            raise InputError(f"the build of `{build.described}` gave `{wheel.name}`, which is no wheel") from None
        if fault := find_name_fault(wheel.name):
            raise InputError(f"the build of `{build.described}` gave a wheel whose name cannot be used: {fault}")
        if name != package.name or (package.version is not None and version != package.version):
            expected = package.name if package.version is None else f"{package.name} {package.version}"
            raise InputError(f"the build of `{build.described}` gave `{name} {version}`, and locked is `{expected}`")
        # A backend tags its wheel for the plain platform, such as `linux_x86_64`, which no target lists. The tags of
        # interpreter and ABI must be those of the target all the same.
        pairs = {(tag.interpreter, tag.abi) for tag in self._target.tags}
        platforms = {tag.platform for tag in self._target.tags}
        if not any(
            (tag.interpreter, tag.abi) in pairs and (tag.platform in platforms or tag.platform.startswith("linux_"))
            for tag in tags
        ):
            raise InputError(f"the build of `{build.described}` gave `{wheel.name}`, which is not for {self._target}")


def _read_metadata(wheel: Path) -> bytes:
    """The content of METADATA of a wheel that was built here; empty for a wheel without one."""
    with zipfile.ZipFile(wheel) as archive:
        # A name of two parts: a wheel may hold other folders of this kind below its own.
        for name in archive.namelist():
            if name.count("/") == 1 and name.endswith(".dist-info/METADATA"):
                return archive.read(name)
    return b""


def _normalize(text: str) -> str:
    """One spelling of a requirement, for comparisons."""
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        return text
    requirement.name = canonicalize_name(requirement.name)
    return str(requirement)


def _read_target(lockfile: Lockfile) -> Target:
    """The target that the lock was made for (`[tool.pinfold]`)."""
    tool = lockfile.tool
    assert tool is not None, "`list_builds` refuses sources in locks of other tools"
    return Target(python=parse_python_version(tool.python), platform=parse_platform(tool.platform))


def _check_settings(build: SourceBuild, settings: ConfigSettings) -> None:
    """Raises InputError where the config settings are not those that were locked.

    The values may be secret, so the lock has a SHA-256 of each; the order of the settings counts too.
    """
    given = settings.get(build.package.name, ())
    hashed = tuple((key, f"sha256:{hash_bytes(value.encode())}") for key, value in given)
    if hashed == build.facts.config_settings:
        return
    name = build.package.name
    # Without any settings the list is missing; with other settings it is another list, or has changed.
    if not given:
        raise InputError(
            f"`{name}` is built with config settings, of which the lock has only hashes",
            remedy="name the list that was locked: `--list SOURCE`",
        )
    raise InputError(
        f"the config settings of `{name}` are not those that were locked",
        remedy="lock again, or name the list that was locked: `--list SOURCE`",
    )
