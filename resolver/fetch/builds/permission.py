"""Whether and how source trees may be built: the options, apart from the code that builds, which few runs load.

Whether a build may tell what a project needs: the policy, and the message where it may not.

Whether this machine could be the target: the one question about the host, asked before a build.
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

ConfigSettings = Mapping[NormalizedName, tuple[tuple[str, str], ...]]
"""`--config-settings` by project, in list order; they may be secret."""

FindBuildWheels = Callable[[Sequence[str]], Sequence[DistributionFile]]
"""The wheels that meet requirements, and all that these need, for the interpreter that runs this, with their SHA-256.

Raises ResolutionError where there are none, FetchError, HashMismatchError.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Builds:
    """Whether a build may tell what a project needs, and what it is given.

    - `if-compatible` builds only where this machine could be the target; so are `allowed` built under `never`.
    - `find_wheels` decides on build requirements, and `fetch_wheel` gives the verified file of one. Both run in this
      process, which has credentials and runs no build code. They may be called from many threads.
    - `children` are the processes of builds, for whoever has to end them; made when the first build begins.
    - `config_settings` (they may be secret) are those of the list, by project; `without_isolation` are the projects of
      layers with `--no-build-isolation`, which are not built here.
    """

    policy: BuildPolicy
    find_wheels: FindBuildWheels
    fetch_wheel: Callable[[DistributionFile], Path]
    children: Callable[[], BuildProcesses]
    config_settings: ConfigSettings = field(default_factory=dict, repr=False)
    without_isolation: frozenset[NormalizedName] = frozenset()
    allowed: frozenset[NormalizedName] = frozenset()

    def policy_for(self, project: NormalizedName | None) -> BuildPolicy:
        """The policy for one project: a name that may be built is, where this machine could be the target."""
        return "if-compatible" if self.policy == "never" and project in self.allowed else self.policy


_MACHINES = {"amd64": "x86_64", "arm64": "aarch64", "i386": "x86", "i686": "x86"}


def is_host_compatible(target: Target) -> bool:
    """Whether the interpreter has the target's Python minor, and the host its operating system and architecture."""
    python = target.python
    return (
        sys.implementation.name == "cpython"
        and sys.version_info[:2] == (python.major, python.minor)
        and _is_free_threaded() == python.free_threaded
        and is_host_platform(target)
    )


def is_host_platform(target: Target) -> bool:
    """Whether the host has the target's operating system and architecture."""
    return sys.platform == _system(target) and _machine(platform.machine()) == _machine(target.platform.arch)


def describe_host() -> str:
    """The running interpreter and machine, for messages: `Python 3.11 on linux x86_64`."""
    threads = "t" if _is_free_threaded() else ""
    return (
        f"Python {sys.version_info[0]}.{sys.version_info[1]}{threads} on {sys.platform} {_machine(platform.machine())}"
    )


def _is_free_threaded() -> bool:
    return bool(sysconfig.get_config_var("Py_GIL_DISABLED"))


def _machine(name: str) -> str:
    return _MACHINES.get(name.lower(), name.lower())


def _system(target: Target) -> str:
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
    """The running interpreter and machine as a target: what wheels are for that a build on it installs.

    Raises TargetError on a platform that wheels of an index cannot be chosen for.
    """
    # Imported where they are needed: few lists need a build.
    from packaging.tags import platform_tags

    from resolver.targets.platforms import parse_platform
    from resolver.targets.target import PythonVersion

    version = sys.version_info
    python = PythonVersion(
        major=version[0], minor=version[1], patch=version[2], free_threaded=_is_free_threaded(), patch_given=True
    )
    # A wheel for `linux_x86_64` names no C library, so that no index takes one.
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
    """Raises MetadataError where the policy forbids a build for this target, and says what to write instead.

    `isolated` is false under `--no-build-isolation`: such a build runs among packages that only the image has.
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
        quoted=(*table, "requires-dist = []"),
        project=project or described,
        filename=described,
        needs_build=True,
        reason=f"only a build can tell what `{described}` needs, and {why}",
    )
