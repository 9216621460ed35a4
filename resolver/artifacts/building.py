"""Making wheels of the sources of a lock: under the target's Python, from the build requirements that the lock has.

In: `SourceBuild`s whose files lie in the stash of a wheelhouse. Out: wheels in it, with their own hashes. A build runs
somebody else's code: it sees no credentials and no configuration of a network (see docs/security.md).
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from pathlib import Path

from packaging.utils import InvalidWheelFilename, NormalizedName, parse_wheel_filename

from lockfiles import Lockfile
from lockfiles.sha256 import hash_bytes
from lockfiles.value_classes import dataclass
from resolver.artifacts.file_names import find_name_fault
from resolver.artifacts.interpreters import find_interpreter
from resolver.artifacts.partial_file import measure_file
from resolver.artifacts.source_trees import LaidOut, SourceTrees
from resolver.artifacts.sources import BuiltWheel, Settings, SourceBuild
from resolver.errors import InputError, MetadataError
from resolver.fetch.build_process import BuildFailedError, BuildProcesses
from resolver.fetch.wheel_build import build_wheel
from resolver.targets.platforms import parse_platform
from resolver.targets.python_version import parse_python_version
from resolver.targets.target import Target

__all__ = ["Building", "WheelBuilder"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Building:
    """What builds are given: `python` is the interpreter to use, None for one that is found.

    `config_settings` are those of the list that was locked, since the lock has only their hashes. `announce` gets a
    line before each build.
    """

    python: Path | None = None
    config_settings: Settings = field(default_factory=dict, repr=False)
    announce: Callable[[str], None] = lambda line: None


class WheelBuilder:
    """Builds the sources of one lock. Raises InputError at once where they cannot be built here."""

    def __init__(
        self,
        lockfile: Lockfile,
        building: Building,
        *,
        builds: Iterable[SourceBuild],
        trees: SourceTrees,
        stash: Path,
        children: BuildProcesses,
    ) -> None:
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
        """The wheel of a source, moved into a folder. `installed` are wheels by project, for a build without isolation.

        Raises InputError where it fails, FetchError and HashMismatchError where its source cannot be had.
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
            return self._take(build, wheel, into)

    def _take(self, build: SourceBuild, wheel: Path, into: Path) -> BuiltWheel:
        """Move the wheel to its place."""
        found = measure_file(wheel)
        if found is None:
            raise InputError(f"the build of `{build.described}` gave `{wheel.name}`, which is no file")
        wheel.replace(into / wheel.name)
        return BuiltWheel(key=build.key, filename=wheel.name, sha256=found[1])

    def _run(
        self, build: SourceBuild, tree: LaidOut, into: Path, installed: Mapping[NormalizedName, Sequence[Path]]
    ) -> Path:
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
            raise InputError(
                f"the build of `{build.described}` failed; its last words:",
                details=tuple(f"  {line}" for line in str(error).splitlines()),
            ) from error

    def _check(self, build: SourceBuild, wheel: Path) -> None:
        """Raises InputError for a wheel of another project, version, Python or platform."""
        package = build.package
        try:
            name, version, _, tags = parse_wheel_filename(wheel.name)
        except InvalidWheelFilename:
            raise InputError(f"the build of `{build.described}` gave `{wheel.name}`, which is no wheel") from None
        if fault := find_name_fault(wheel.name):
            raise InputError(f"the build of `{build.described}` gave a wheel whose name cannot be used: {fault}")
        if name != package.name or (package.version is not None and version != package.version):
            wanted = package.name if package.version is None else f"{package.name} {package.version}"
            raise InputError(f"the build of `{build.described}` gave `{name} {version}`, and locked is `{wanted}`")
        pairs = {(tag.interpreter, tag.abi) for tag in self._target.tags}
        platforms = {tag.platform for tag in self._target.tags}
        if not any(
            (tag.interpreter, tag.abi) in pairs and (tag.platform in platforms or tag.platform.startswith("linux_"))
            for tag in tags
        ):
            raise InputError(f"the build of `{build.described}` gave `{wheel.name}`, which is not for {self._target}")


def _read_target(lockfile: Lockfile) -> Target:
    tool = lockfile.tool
    assert tool is not None, "a lock of another tool says not what its builds need"
    return Target(python=parse_python_version(tool.python), platform=parse_platform(tool.platform))


def _check_settings(build: SourceBuild, settings: Settings) -> None:
    """Raises InputError where the settings are not those that were locked, of which the lock has hashes."""
    given = settings.get(build.package.name, ())
    hashed = tuple((key, f"sha256:{hash_bytes(value.encode())}") for key, value in given)
    if hashed == build.facts.config_settings:
        return
    name = build.package.name
    if not given:
        raise InputError(
            f"`{name}` is built with config settings, of which the lock has only hashes",
            remedy="name the list that was locked: `--list SOURCE`",
        )
    raise InputError(
        f"the config settings of `{name}` are not those that were locked",
        remedy="lock again, or name the list that was locked: `--list SOURCE`",
    )
