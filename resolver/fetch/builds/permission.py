"""Whether a build may find the metadata of a source tree, and the options and resources of builds.

In: the policy of the settings, a target, and the running interpreter and machine. Out: nothing, or a MetadataError that
names what to write instead; and `Builds`, the options and resources of all builds of a run. This is the only module of
the room that inspects the host.

It is a module of its own because every run loads it, and the code that builds is loaded by few.
"""

from __future__ import annotations

import os
import platform
import sys
import sysconfig
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, assert_never

from packaging.utils import NormalizedName
from packaging.version import Version

from lockfiles._values import dataclass
from resolver.errors import InputError, MetadataError
from resolver.index.distribution_file import DistributionFile
from resolver.targets.platforms import Linux, MacOS, Windows
from resolver.targets.target import PythonVersion, Target

if TYPE_CHECKING:
    from resolver.fetch.builds.build_process import BuildProcesses

__all__ = [
    "BuildPolicy",
    "Builds",
    "ConfigSettings",
    "FindBuildWheels",
    "check_build_allowed",
    "describe_host",
    "find_build_python",
    "find_interpreter",
    "host_target",
    "is_host_compatible",
    "is_host_platform",
]


BuildPolicy = Literal["unasked", "never", "if-compatible", "anyway"]
"""When a build may run: never, on a machine that could be the target, or on any machine.

`unasked` is `never` for the sources that a lock names, where no word of its user allows builds.
"""

ConfigSettings = Mapping[NormalizedName, tuple[tuple[str, str], ...]]
"""Key and value of each `--config-settings` by project, in the order of the list. They may be secret."""

FindBuildWheels = Callable[[Sequence[str], "PythonVersion | None"], Sequence[DistributionFile]]
"""The wheels that meet some requirements and their dependencies on this machine, with their SHA-256.

They are for a version of Python, None for the running one.

Raises ResolutionError if there are none, FetchError, HashMismatchError.
"""

_PROBE = """\
import json, platform, sys, sysconfig
print(json.dumps({
    "name": sys.implementation.name,
    "version": "%d.%d" % sys.version_info[:2],
    "threads": "t" if sysconfig.get_config_var("Py_GIL_DISABLED") else "",
}))
"""
"""The program that an interpreter runs to describe itself. Its syntax is that of every Python 3."""

_PROBE_TIMEOUT_S = 60.0
_PROBE_VARIABLES = {"HOME", "LANG", "PATH", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR", "USERPROFILE", "LD_LIBRARY_PATH"} | {
    *("PYENV_ROOT", "PYENV_VERSION", "DYLD_LIBRARY_PATH"),
}
"""The environment variables of that program: what starts an interpreter, and no credentials."""

_MACHINES = {"amd64": "x86_64", "arm64": "aarch64", "i386": "x86", "i686": "x86"}
"""The names of architectures in `Platform`, by those that `platform.machine` also has for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Builds:
    """Whether a build may find the metadata of a project, and the options and resources of builds.

    The functions run in this process, which has credentials and runs no code of a build, and in many threads.
    """

    policy: BuildPolicy

    find_wheels: FindBuildWheels
    """Chooses the wheels of build requirements."""

    fetch_wheel: Callable[[DistributionFile], Path]
    """The verified file of such a wheel."""

    children: Callable[[], BuildProcesses]
    """The processes of all builds of the run; created by the first call."""

    config_settings: ConfigSettings = field(default_factory=dict, repr=False)
    """Those of the list."""

    without_isolation: frozenset[NormalizedName] = frozenset()
    """The projects of layers with `--no-build-isolation`. They are not built here."""

    allowed: frozenset[NormalizedName] = frozenset()
    """Projects that the policy `never` treats as `if-compatible`: those of `allow-build`."""

    preferred: bool = False
    """Whether a build comes before the files of an sdist that state its metadata without being final."""

    find_python: Callable[[], Path | None] = lambda: None
    """An interpreter here with which a build gives what it would on the target, None for none but perhaps the running
    one. It may run programs to find it. Raises InputError for a named one that cannot be used."""

    python: PythonVersion | None = None
    """The version of that interpreter."""

    def may_build(self, project: NormalizedName | None, target: Target) -> bool:
        """Whether the policy lets a build find the metadata of a project here. Raises as `find_python`."""
        policy = self.policy_for(project)
        return policy == "anyway" or (
            policy == "if-compatible" and (is_host_compatible(target) or self.find_python() is not None)
        )

    def policy_for(self, project: NormalizedName | None) -> BuildPolicy:
        """The policy for one project; None is a project whose name is not known yet."""
        return "if-compatible" if self.policy == "never" and project in self.allowed else self.policy


def is_host_compatible(target: Target) -> bool:
    """Whether a build on this machine gives the same metadata as one on the target.

    The interpreter must be CPython of the target's minor version and threading, and the host must have its operating
    system and architecture.
    """
    python = target.python
    return (
        sys.implementation.name == "cpython"
        and sys.version_info[:2] == (python.major, python.minor)
        and _is_free_threaded() == python.free_threaded
        and is_host_platform(target)
    )


def is_host_platform(target: Target) -> bool:
    """Whether the host has the target's operating system and architecture."""
    return sys.platform == _find_system(target) and _find_machine() == _normalize_machine(target.platform.arch)


def describe_host() -> str:
    """The running interpreter and machine, for messages: `Python 3.11 on linux x86_64`."""
    threads = "t" if _is_free_threaded() else ""
    return f"Python {sys.version_info[0]}.{sys.version_info[1]}{threads} on {sys.platform} {_find_machine()}"


def _is_free_threaded() -> bool:
    """Whether the running interpreter is built without the global lock (PEP 703)."""
    return bool(sysconfig.get_config_var("Py_GIL_DISABLED"))


def _find_machine() -> str:
    """The architecture of the host."""
    return _normalize_machine(platform.machine())


def _normalize_machine(name: str) -> str:
    """The name of an architecture in the form of `Platform`: macOS and Windows have others for some."""
    return _MACHINES.get(name.lower(), name.lower())


def _find_system(target: Target) -> str:
    """The `sys.platform` of a target."""
    match target.platform:
        case Linux():
            return "linux"
        case MacOS():
            return "darwin"
        case Windows():
            return "win32"
        case other:
            assert_never(other)


def host_target(python: PythonVersion | None = None) -> Target:
    """The machine with an interpreter, None for the running one: the target of the wheels that a build here installs.

    Raises TargetError on a platform for which no wheels of an index can be chosen.
    """
    # Lazy: few lists need a build.
    from packaging.tags import platform_tags

    from resolver.targets.platforms import parse_platform

    version = sys.version_info
    running = PythonVersion(
        major=version[0], minor=version[1], patch=version[2], free_threaded=_is_free_threaded(), patch_given=True
    )
    # Indexes accept no wheels for tags such as `linux_x86_64`, which name no C library.
    names = (name for name in platform_tags() if not name.startswith("linux_"))
    return Target(python=python or running, platform=parse_platform(next(names, sysconfig.get_platform())))


def find_interpreter(target: Target, *, named: Path | None = None) -> Path:
    """The interpreter for builds: `named` if given, else the running one, else `pythonX.Y` of PATH.

    Raises InputError that names what is missing: the platform is another, or there is no such Python.
    """
    # A wheel can only be built on its own platform, whatever Python is there.
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
    import shutil  # Lazy: few lists need a build.

    path = shutil.which(f"python{wanted}")
    found = None if path is None else _probe(Path(path))
    if path is not None and found is not None and (found.name, found.version) == ("cpython", wanted):
        return Path(path)
    is_what = "" if found is None else f": the `python{wanted}` of PATH is {found}"
    raise InputError(
        f"the lock is for Python {wanted}, which what it builds has to be built with, and there is none here{is_what}",
        remedy="install it, or name one with `--python-executable`",
    )


def find_build_python(target: Target, *, named: Path | None = None) -> Path | None:
    """As `find_interpreter`, for the metadata of a lock; None where there is none. Raises InputError for `named`."""
    if not is_host_platform(target):
        return None
    try:
        return find_interpreter(target, named=named)
    except InputError:
        if named is not None:
            raise
        return None


def check_build_allowed(
    described: str,
    *,
    project: NormalizedName | None,
    version: Version | None,
    target: Target,
    policy: BuildPolicy,
    isolated: bool = True,
    find_python: Callable[[], Path | None] = lambda: None,
) -> None:
    """Raise MetadataError if the policy forbids a build for this target; its remedy is a table to write instead.

    `described` names the tree in messages. `project` and `version` are None while they are unknown. `isolated` is false
    under `--no-build-isolation`: such a build uses packages that only the image has. `find_python` is that
    of `Builds`.
    """
    if policy == "unasked":
        raise _refuse_unasked(described, project)
    if policy == "never":
        why, remedy = "`--no-build` forbids it", f", or its name (`{project or 'NAME'}`) under `allow-build`"
    elif not isolated:
        why, remedy = "`--no-build-isolation` builds it among the packages of the image, which are not here", ""
    elif policy == "if-compatible" and not is_host_compatible(target) and find_python() is None:
        why = f"a build on {describe_host()} may tell other requirements than one on the target, {target}"
        remedy = ", or accept those of this machine with `--build-anyway`"
    else:
        return
    table = ["[[tool.pinfold.dependency-metadata]]", f'name = "{project or "NAME"}"']
    table += [f'version = "{version}"'] if version is not None else []
    raise MetadataError(
        f"only a build can tell what `{described}` needs, and it was not built",
        why=why,
        remedy=f"write its requirements into pyproject.toml{remedy}",
        # No TOML until the user fills it in: an empty array would lock the project without its dependencies.
        quoted=(*table, "requires-dist = [...]"),
        project=project or described,
        filename=described,
        needs_build=True,
        reason=f"only a build can tell what `{described}` needs, and {why}",
    )


def _refuse_unasked(described: str, project: NormalizedName | None) -> MetadataError:
    """The error for a build of a source that a lock names that its user did not permit."""
    return MetadataError(
        f"only a build can tell what `{described}` needs, and it was not built",
        why="a lock does not decide which code runs here",
        remedy="`--build`, if you trust its sources",
        project=project or described,
        filename=described,
        needs_build=True,
        reason=f"only a build can tell what `{described}` needs, and `--build` is not given",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Interpreter:
    """What an interpreter reports: `name` is that of its implementation, `version` such as `3.13` or `3.13t`."""

    name: str
    version: str

    def __str__(self) -> str:
        return f"{'Python' if self.name == 'cpython' else self.name} {self.version}"


def _check_named(path: Path, wanted: str) -> Path:
    """The path, if it is a CPython of this version: other implementations take other wheels. Raises InputError."""
    found = _probe(path)
    if found is None:
        raise InputError(f"`{path}` is no Python that can be run", remedy="another `--python-executable`")
    if (found.name, found.version) != ("cpython", wanted):
        raise InputError(f"`{path}` is {found}, and the lock is for Python {wanted}", remedy="name one of that version")
    return path


def _probe(path: Path) -> _Interpreter | None:
    """Run an interpreter (`-I`: without the user's modules and variables); None where it cannot be run."""
    # Lazy, as above.
    import json
    import subprocess

    try:
        done = subprocess.run(
            [str(path), "-I", "-c", _PROBE],
            env={name: value for name, value in os.environ.items() if name.upper() in _PROBE_VARIABLES},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PROBE_TIMEOUT_S,
            check=True,
        )
        facts = json.loads(done.stdout)
        return _Interpreter(name=facts["name"], version=f"{facts['version']}{facts['threads']}")
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError):
        return None
