"""Making wheels of the sources of a lock: under the target's Python, from the build requirements that the lock has.

In: `SourceBuild`s whose files lie in the stash of a wheelhouse. Out: wheels in it, with their own hashes. A build runs
somebody else's code: it sees no credentials and no configuration of a network (see docs/security.md).

The interpreter that builds for a target: the running one, or another of this machine that has the target's Python.

In: a target, and perhaps a path. Out: the path of an interpreter that was asked what it is. Wheels that are built for
another Python or platform would not install, so nothing else will do.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from pathlib import Path

from packaging.utils import InvalidWheelFilename, NormalizedName, parse_wheel_filename

from lockfiles import Lockfile
from lockfiles._files import hash_bytes
from lockfiles._values import dataclass
from resolver.artifacts.build_sources import BuiltWheel, LaidOut, Settings, SourceBuild, SourceTrees
from resolver.artifacts.downloads import measure_file
from resolver.artifacts.wanted import find_name_fault
from resolver.errors import InputError, MetadataError
from resolver.fetch.builds.build_process import BuildFailedError, BuildProcesses
from resolver.fetch.builds.permission import describe_host, is_host_compatible, is_host_platform
from resolver.fetch.builds.wheel_builds import build_wheel
from resolver.targets.platforms import parse_platform
from resolver.targets.target import Target, parse_python_version

__all__ = [
    "Building",
    "WheelBuilder",
    "find_interpreter",
]


_QUESTION = """\
import json, platform, sys, sysconfig
print(json.dumps({
    "name": sys.implementation.name,
    "version": "%d.%d" % sys.version_info[:2],
    "threads": "t" if sysconfig.get_config_var("Py_GIL_DISABLED") else "",
}))
"""
_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """What an interpreter says of itself."""

    name: str
    version: str

    def __str__(self) -> str:
        return f"{'Python' if self.name == 'cpython' else self.name} {self.version}"


def find_interpreter(target: Target, *, named: Path | None = None) -> Path:
    """The interpreter for builds: the one that is named, the running one, or `pythonX.Y` of PATH.

    Raises InputError that says what is missing: the platform is another, or there is no such Python.
    """
    if not is_host_platform(target):
        raise InputError(
            f"a build for {target} cannot be made here, on {describe_host()}",
            remedy="fetch on a machine like the target, or lock wheels alone: `lock --only-binary :all:`",
        )
    wanted = f"{target.python.short}{'t' if target.python.free_threaded else ''}"
    if named is not None:
        return _check_named(named, wanted)
    if is_host_compatible(target):
        return Path(sys.executable)
    found = shutil.which(f"python{wanted}")
    answer = None if found is None else _ask(Path(found))
    if found is not None and answer is not None and (answer.name, answer.version) == ("cpython", wanted):
        return Path(found)
    is_what = "" if answer is None else f": the `python{wanted}` of PATH is {answer}"
    raise InputError(
        f"the lock is for Python {wanted}, which what it builds has to be built with, and there is none here{is_what}",
        remedy="install it, or name one with `--python-executable`",
    )


def _check_named(path: Path, wanted: str) -> Path:
    answer = _ask(path)
    if answer is None:
        raise InputError(f"`{path}` is no Python that can be run", remedy="another `--python-executable`")
    if (answer.name, answer.version) != ("cpython", wanted):
        raise InputError(
            f"`{path}` is {answer}, and the lock is for Python {wanted}", remedy="name one of that version"
        )
    return path


def _ask(path: Path) -> _Answer | None:
    """What the interpreter is; None where it cannot be run."""
    try:
        done = subprocess.run(
            [str(path), "-I", "-c", _QUESTION],
            env=_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT_S,
            check=True,
        )
        said = json.loads(done.stdout)
        return _Answer(name=said["name"], version=f"{said['version']}{said['threads']}")
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError):
        return None


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.upper() in _VARIABLES}


_VARIABLES = {"HOME", "LANG", "PATH", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR", "USERPROFILE", "LD_LIBRARY_PATH"} | {
    *("PYENV_ROOT", "PYENV_VERSION", "DYLD_LIBRARY_PATH"),
}


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
