"""Whether a build may find the metadata of a source tree, and what builds are given.

In: the policy of the settings, a target, and the running interpreter and machine. Out: nothing, or a MetadataError that
names what to write instead; and `Builds`, the options and resources of all builds of a run. This is the only module of
the room that inspects the host.

It is a module of its own because every run loads it, and the code that builds is loaded by few.
"""

from __future__ import annotations

import platform
import sys
import sysconfig
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Literal, assert_never

from packaging.utils import NormalizedName
from packaging.version import Version

from lockfiles._values import dataclass
from resolver.errors import MetadataError
from resolver.index.distribution_file import DistributionFile
from resolver.targets.platforms import Linux, MacOS, Windows
from resolver.targets.target import Target

if TYPE_CHECKING:
    from pathlib import Path

    from resolver.fetch.builds.build_process import BuildProcesses

__all__ = [
    "BuildPolicy",
    "Builds",
    "ConfigSettings",
    "FindBuildWheels",
    "check_build_allowed",
    "describe_host",
    "host_target",
    "is_host_compatible",
    "is_host_platform",
]


BuildPolicy = Literal["never", "if-compatible", "anyway"]
"""When a build may run: never, on a machine that could be the target, or on any machine."""

ConfigSettings = Mapping[NormalizedName, tuple[tuple[str, str], ...]]
"""Key and value of each `--config-settings` by project, in the order of the list. They may be secret."""

FindBuildWheels = Callable[[Sequence[str]], Sequence[DistributionFile]]
"""The wheels that meet some requirements and their dependencies, for the running interpreter, with their SHA-256.

Raises ResolutionError if there are none, FetchError, HashMismatchError.
"""

_MACHINES = {"amd64": "x86_64", "arm64": "aarch64", "i386": "x86", "i686": "x86"}
"""The names of architectures in `Platform`, by those that `platform.machine` also has for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Builds:
    """Whether a build may find the metadata of a project, and what it gets.

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

    def policy_for(self, project: NormalizedName | None) -> BuildPolicy:
        """The policy for one project; None is a project whose name is not known yet."""
        return "if-compatible" if self.policy == "never" and project in self.allowed else self.policy


def is_host_compatible(target: Target) -> bool:
    """Whether a build here gives what it would on the target.

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


def host_target() -> Target:
    """The running interpreter and machine as a target: the one of the wheels that a build here installs.

    Raises TargetError on a platform for which no wheels of an index can be chosen.
    """
    # Lazy: few lists need a build.
    from packaging.tags import platform_tags

    from resolver.targets.platforms import parse_platform
    from resolver.targets.target import PythonVersion

    version = sys.version_info
    python = PythonVersion(
        major=version[0], minor=version[1], patch=version[2], free_threaded=_is_free_threaded(), patch_given=True
    )
    # Indexes accept no wheels for tags such as `linux_x86_64`, which name no C library.
    names = (name for name in platform_tags() if not name.startswith("linux_"))
    return Target(python=python, platform=parse_platform(next(names, sysconfig.get_platform())))


def check_build_allowed(
    described: str,
    *,
    project: NormalizedName | None,
    version: Version | None,
    target: Target,
    policy: BuildPolicy,
    isolated: bool = True,
) -> None:
    """Raise MetadataError if the policy forbids a build for this target; its remedy is a table to write instead.

    `described` names the tree in messages. `project` and `version` are None as long as nothing states them. `isolated`
    is false under `--no-build-isolation`: such a build runs among packages that only the image has.
    """
    if policy == "never":
        why, remedy = "`--no-build` forbids it", f", or its name (`{project or 'NAME'}`) under `allow-build`"
    elif not isolated:
        why, remedy = "`--no-build-isolation` builds it among the packages of the image, which are not here", ""
    elif policy == "if-compatible" and not is_host_compatible(target):
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
