"""The marker environment of a target, and the one marker that tells its machines from others.

The values are those that a real interpreter on such a machine gives, since installers evaluate the same markers there.
`platform_release` and `platform_version` are empty, as uv has them for a platform that is not the host: no value would
be true for all machines of a target, and packaging evaluates every comparison with an empty one.
On 64-bit Windows `platform_machine` is `AMD64`, which interpreters there report and packages ask for.
"""

from __future__ import annotations

from typing import assert_never

from packaging.markers import Environment

from resolver.targets.platforms import Linux, MacOS, Platform, Windows
from resolver.targets.python_version import PythonVersion

__all__ = ["build_marker_environment", "render_environment_marker"]

_WINDOWS_MACHINES = {"amd64": "AMD64", "arm64": "ARM64", "x86": "x86"}


def build_marker_environment(python: PythonVersion, platform: Platform) -> Environment:
    """The complete PEP 508 marker environment."""
    os_name, sys_platform, system, machine = _describe(platform)
    return Environment(
        implementation_name="cpython",
        implementation_version=python.full,
        os_name=os_name,
        platform_machine=machine,
        platform_python_implementation="CPython",
        platform_release="",
        platform_system=system,
        platform_version="",
        python_full_version=python.full,
        python_version=python.short,
        sys_platform=sys_platform,
    )


def render_environment_marker(platform: Platform) -> str:
    """A marker for PEP 751 `environments`: true on the target's machines alone.

    It is false on another operating system, architecture or implementation. A marker cannot say a C library, its
    version, or whether the interpreter is free-threaded. A 32-bit Python on 64-bit Windows reports the machine, not
    itself, so both are let in there.
    """
    _, sys_platform, _, machine = _describe(platform)
    machines = f'platform_machine == "{machine}"'
    if isinstance(platform, Windows) and platform.arch == "x86":
        machines = f'({machines} or platform_machine == "AMD64")'
    return f'sys_platform == "{sys_platform}" and {machines} and implementation_name == "cpython"'


def _describe(platform: Platform) -> tuple[str, str, str, str]:
    """`os_name`, `sys_platform`, `platform_system` and `platform_machine`."""
    match platform:
        case Linux():
            return "posix", "linux", "Linux", platform.arch
        case MacOS():
            return "posix", "darwin", "Darwin", platform.arch
        case Windows():
            return "nt", "win32", "Windows", _WINDOWS_MACHINES[platform.arch]
        case _:
            assert_never(platform)
