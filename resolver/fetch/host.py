"""Whether this machine could be the target: the one question about the host, asked before a build."""

from __future__ import annotations

import platform
import sys
import sysconfig
from typing import assert_never

from resolver.targets.platforms import Linux, MacOS, Windows
from resolver.targets.target import Target

__all__ = ["describe_host", "host_target", "is_host_compatible", "is_host_platform"]

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
    from resolver.targets.python_version import PythonVersion

    version = sys.version_info
    python = PythonVersion(
        major=version[0], minor=version[1], patch=version[2], free_threaded=_is_free_threaded(), patch_given=True
    )
    # A wheel for `linux_x86_64` names no C library, so that no index takes one.
    names = (name for name in platform_tags() if not name.startswith("linux_"))
    return Target(python=python, platform=parse_platform(next(names, sysconfig.get_platform())))
