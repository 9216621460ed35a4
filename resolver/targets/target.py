"""What a lock is for: Python version × platform × accelerator. Nothing here is read from the host.

In: values that a user named (`resolver.targets.target`, `resolver.targets.platforms` and
`resolver.targets.machine_types` parse them). Out: wheel
tags and a complete marker environment, which every later stage uses instead of asking the interpreter it runs on.

The CPython that a lock is for, and how users write it.

The marker environment of a target, and the one marker that tells its machines from others.

The values are those that a real interpreter on such a machine gives, since installers evaluate the same markers there.
`platform_release` and `platform_version` are empty, as uv has them for a platform that is not the host: no value would
be true for all machines of a target, and packaging evaluates every comparison with an empty one.
On 64-bit Windows `platform_machine` is `AMD64`, which interpreters there report and packages ask for.

The wheel tags that run under a Python on a platform, best first, without asking the host.

The order is that of `packaging.tags.sys_tags` on such a machine, which is pip's. `iter_tag_texts` builds the texts
without packaging's `Tag` objects, since every run needs them: 0.12 ms against 0.54 ms for the 914 tags of CPython 3.11
under glibc 2.36. A property test holds both to the same order.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import field
from functools import cached_property
from types import MappingProxyType
from typing import assert_never, cast

from packaging.markers import Environment, Marker
from packaging.tags import Tag, compatible_tags, cpython_tags, mac_platforms

from lockfiles._values import dataclass
from resolver.errors import TargetError
from resolver.targets.accelerators import UNSPECIFIED, Accelerator, Cpu, Gpu, Unspecified
from resolver.targets.platforms import DEFAULT_PLATFORM, Glibc, Linux, MacOS, Platform, Windows

__all__ = [
    "NEWEST_MINOR",
    "OLDEST_FREE_THREADED_MINOR",
    "OLDEST_MINOR",
    "Accelerator",
    "Cpu",
    "Gpu",
    "PythonVersion",
    "Target",
    "Unspecified",
    "build_marker_environment",
    "build_tags",
    "iter_tag_texts",
    "list_platform_tags",
    "parse_python_version",
    "render_environment_marker",
]


OLDEST_MINOR = 8
NEWEST_MINOR = 15
OLDEST_FREE_THREADED_MINOR = 13

_FORM = re.compile(
    r"""
    (?:(?:cpython|python)[-@]?|cp(?=\d))?           # the implementation, as uv, pyenv and wheel tags write it
    (?P<major>\d)\.?(?P<minor>(?<=\.)\d{1,3}|\d\d?)  # 3.11, or 311 as in a wheel tag
    (?:\.(?P<patch>\d{1,3}))?
    (?P<free_threaded>t|\+freethreaded)?
    """,
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonVersion:
    """A CPython version. `patch` is 0 unless given; whether it was given does not make versions differ."""

    major: int = 3
    minor: int
    patch: int = 0
    free_threaded: bool = False
    patch_given: bool = field(default=False, compare=False)

    @property
    def short(self) -> str:
        """`major.minor`, as the marker `python_version` has it."""
        return f"{self.major}.{self.minor}"

    @property
    def full(self) -> str:
        """`major.minor.patch`, as the marker `python_full_version` has it."""
        return f"{self.major}.{self.minor}.{self.patch}"

    @property
    def abi(self) -> str:
        """The ABI tag of this interpreter's extension modules (PEP 425, PEP 703): `cp311`, `cp313t`."""
        return f"cp{self.major}{self.minor}{'t' if self.free_threaded else ''}"

    def __str__(self) -> str:
        return (self.full if self.patch_given else self.short) + ("t" if self.free_threaded else "")


def parse_python_version(text: str) -> PythonVersion:
    """The version that `3.11`, `3.11.4`, `3.13t`, `cpython-3.12` or `cp312` names. Raises TargetError."""
    match = _FORM.fullmatch(text.strip().lower())
    if match is None:
        raise TargetError(
            f"`{text}` is no CPython version", remedy="`3.11`, `3.11.4`, or `3.13t` for a free-threaded build"
        )
    version = PythonVersion(
        major=int(match["major"]),
        minor=int(match["minor"]),
        patch=int(match["patch"] or 0),
        free_threaded=match["free_threaded"] is not None,
        patch_given=match["patch"] is not None,
    )
    _check_supported(version, text)
    return version


def _check_supported(version: PythonVersion, text: str) -> None:
    if version.major != 3 or not OLDEST_MINOR <= version.minor <= NEWEST_MINOR:
        raise TargetError(f"Python `{text}` is not supported: CPython 3.{OLDEST_MINOR} to 3.{NEWEST_MINOR} are")
    if version.free_threaded and version.minor < OLDEST_FREE_THREADED_MINOR:
        raise TargetError(
            f"Python `{text}` does not exist: free-threaded builds start with 3.{OLDEST_FREE_THREADED_MINOR} (PEP 703)",
            remedy=f"`{version.short}` or `3.{OLDEST_FREE_THREADED_MINOR}t`",
        )


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


_LEGACY_MANYLINUX = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
_OLDEST_GLIBC_MINOR = {"x86_64": 5, "aarch64": 17}


def list_platform_tags(platform: Platform) -> list[str]:
    """The platform tags that run there, best first (PEP 425, PEP 600, PEP 656)."""
    match platform:
        case Linux():
            return [f"linux_{platform.arch}", *_iter_libc_tags(platform)]
        case MacOS():
            return list(mac_platforms(platform.version, platform.arch))
        case Windows():
            return [str(platform)]
        case _:
            assert_never(platform)


def iter_tag_texts(python: PythonVersion, platform: Platform) -> Iterator[str]:
    """The wheel tags as texts, best first: the same as `build_tags`, but without its cost."""
    platforms = list_platform_tags(platform)
    interpreter = f"cp{python.major}{python.minor}"
    stable_abi = "abi3t" if python.free_threaded else "abi3"
    for prefix in (f"{interpreter}-{python.abi}-", f"{interpreter}-{stable_abi}-", f"{interpreter}-none-"):
        for tag in platforms:
            yield prefix + tag
    for minor in range(python.minor - 1, 1, -1):
        for tag in platforms:
            yield f"cp{python.major}{minor}-{stable_abi}-{tag}"
    older = [f"py{python.major}{minor}" for minor in range(python.minor - 1, -1, -1)]
    generic = [f"py{python.major}{python.minor}", f"py{python.major}", *older]
    for version in generic:
        for tag in platforms:
            yield f"{version}-none-{tag}"
    yield f"{interpreter}-none-any"
    for version in generic:
        yield f"{version}-none-any"


def build_tags(python: PythonVersion, platform: Platform) -> tuple[Tag, ...]:
    """The wheel tags as packaging's values, best first."""
    version, platforms = (python.major, python.minor), list_platform_tags(platform)
    interpreter = f"cp{python.major}{python.minor}"
    return (
        *cpython_tags(version, abis=[python.abi], platforms=platforms),
        *compatible_tags(version, interpreter=interpreter, platforms=platforms),
    )


def _iter_libc_tags(platform: Linux) -> Iterator[str]:
    libc, arch = platform.libc, platform.arch
    if not isinstance(libc, Glibc):
        for minor in range(libc.minor, -1, -1):
            yield f"musllinux_{libc.major}_{minor}_{arch}"
        return
    for minor in range(libc.minor, _OLDEST_GLIBC_MINOR[arch] - 1, -1):
        yield f"manylinux_{libc.major}_{minor}_{arch}"
        if legacy := _LEGACY_MANYLINUX.get(minor):
            yield f"{legacy}_{arch}"


@dataclass(frozen=True, kw_only=True)
class Target:
    """A CPython version on a platform with an accelerator. Targets are equal when they can run the same files.

    What follows from the three is computed when first asked for, and kept on the instance.
    """

    python: PythonVersion
    platform: Platform = DEFAULT_PLATFORM
    accelerator: Accelerator = UNSPECIFIED

    @cached_property
    def tags(self) -> tuple[Tag, ...]:
        """The wheel tags that run there, best first, in the order of `packaging.tags.sys_tags`."""
        return build_tags(self.python, self.platform)

    @cached_property
    def tag_ranks(self) -> Mapping[str, int]:
        """The place of each wheel tag, 0 best, by its text (`cp311-cp311-manylinux_2_17_x86_64`)."""
        texts = iter_tag_texts(self.python, self.platform)
        return {text: rank for rank, text in enumerate(texts)}

    @cached_property
    def environment(self) -> Mapping[str, str]:
        """The complete PEP 508 marker environment, read-only."""
        return MappingProxyType(cast("dict[str, str]", build_marker_environment(self.python, self.platform)))

    def admits(self, marker: Marker | None) -> bool:
        """Whether a marker of a list holds there: no extra is active, and no marker always holds."""
        return marker is None or marker.evaluate({**self.environment, "extra": ""})

    @cached_property
    def requires_python(self) -> str:
        """The specifier for PEP 751 `requires-python`: `==3.11.*`."""
        return f"=={self.python.short}.*"

    @cached_property
    def environment_marker(self) -> str:
        """The marker for PEP 751 `environments`; what it cannot say is in `render_environment_marker`."""
        return render_environment_marker(self.platform)

    @cached_property
    def key(self) -> str:
        """A stable name for files, of `[a-z0-9_.-]`, equal for equal targets.

        `cp311-manylinux_2_35_x86_64`, `cp313t.2-win_amd64-cpu`, `cp311-manylinux_2_35_x86_64-sm80.sm90-cuda12.8`.
        """
        return self.interpreter_key + _render_accelerator_key(self.accelerator)

    @cached_property
    def interpreter_key(self) -> str:
        """The part of the key that says which files can be installed and what markers are true: no accelerator.

        The patch is in it unless 0: markers can ask for it.
        """
        patch = f".{self.python.patch}" if self.python.patch else ""
        return f"{self.python.abi}{patch}-{self.platform}"

    def __getstate__(self) -> dict[str, object]:
        # For pickle and copy: without what is computed, of which the read-only mapping cannot be pickled.
        return {"python": self.python, "platform": self.platform, "accelerator": self.accelerator}

    def __str__(self) -> str:
        return f"Python {self.python} on {self.platform}{_render_accelerator(self.accelerator)}"


def _render_accelerator_key(accelerator: Accelerator) -> str:
    match accelerator:
        case Unspecified():
            return ""
        case Cpu():
            return "-cpu"
        case Gpu(capabilities=capabilities, cuda=cuda):
            numbers = ".".join(f"sm{capability.number}" for capability in sorted(capabilities))
            # Between a major's floor and its first driver, a driver runs that major but has an older native release.
            newer = f".{cuda.newest_major}x" if cuda.newest_major != cuda.native.major else ""
            return f"-{numbers}-cuda{cuda.native}{newer}"
        case _:
            assert_never(accelerator)


def _render_accelerator(accelerator: Accelerator) -> str:
    match accelerator:
        case Unspecified():
            return ""
        case Cpu():
            return " without a GPU"
        case Gpu(machines=machines, driver=driver):
            return f" for {' or '.join(name for name, _ in machines)} with driver {driver}"
        case _:
            assert_never(accelerator)
