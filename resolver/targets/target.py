"""What a lock is for: a CPython version, a platform and an accelerator, and the wheel tags and markers that follow.

In: the values that `parse_python_version`, `resolver.targets.platforms` and `resolver.targets.machine_types` parse.
Out: a `Target`, with its wheel tags, best first, and its complete PEP 508 marker environment. Every later stage uses
these instead of the interpreter that it runs on; nothing here queries the host. This is one module because tags and
markers depend on Python and platform together.

Marker values are those of a real interpreter on such a machine, since installers evaluate the same markers there. The
exceptions are `platform_release` and `platform_version`, which are empty, as in uv: no value is true for all machines
of a target, and packaging evaluates every comparison with an empty value. On 64-bit Windows `platform_machine` is
`AMD64`, as interpreters report it.

The last functions are about wheels for other targets, for messages: what their tags are for.

The order of tags is that of `packaging.tags.sys_tags` on such a machine, which is pip's order.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from functools import cached_property
from types import MappingProxyType
from typing import assert_never, cast

from packaging.markers import Environment, Marker
from packaging.tags import Tag, compatible_tags, cpython_tags, mac_platforms, parse_tag

from lockfiles._values import compile_later, dataclass
from resolver.errors import TargetError
from resolver.targets.accelerators import UNSPECIFIED, Accelerator, Cpu, Gpu, Unspecified
from resolver.targets.platforms import DEFAULT_PLATFORM, Glibc, Linux, MacOS, Platform, Windows

__all__ = [
    "PythonVersion",
    "Target",
    "build_marker_environment",
    "describe_foreign",
    "find_oldest_glibc",
    "find_systems",
    "is_for_gil",
    "list_minors",
    "parse_python_version",
]

# Minor releases of CPython 3. A newer one needs no more than its number here.
_OLDEST_MINOR = 8

_NEWEST_MINOR = 15
_OLDEST_FREE_THREADED = 13

_FORM = compile_later(
    r"""
    (?:(?:cpython|python)[-@]?|cp(?=\d))?           # the implementation, as uv, pyenv and wheel tags write it
    (?P<major>\d)\.?(?P<minor>(?<=\.)\d{1,3}|\d\d?)  # 3.11, or 311 as in a wheel tag
    (?:\.(?P<patch>\d{1,3}))?
    (?P<free_threaded>t|\+freethreaded)?
    """,
    re.VERBOSE,
)

# By architecture, `platform_machine` on Windows.
_WINDOWS_MACHINES = {"amd64": "AMD64", "arm64": "ARM64", "x86": "x86"}

# By minor version of glibc, the older name of the tag (PEP 600).
_LEGACY_MANYLINUX = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}

# By the older name of a tag, the one that states its glibc.
_OLD_MANYLINUX = {name: f"manylinux_2_{minor}" for minor, name in _LEGACY_MANYLINUX.items()}

# By the start of a platform tag, the `sys_platform` of its systems.
_SYSTEMS = (("win", "win32"), ("macosx", "darwin"), ("manylinux", "linux"), ("musllinux", "linux"), ("linux", "linux"))

_LINUX_TAG = compile_later(r"(?:many|musl)?linux(?:[0-9]+|_[0-9]+_[0-9]+)?_(?P<arch>[a-z].*)")
_PYPY = compile_later(r"pp([0-9])([0-9]+)")

_MOST_NAMED = 6
"""The most words of a list in a sentence, such as the platforms of wheels."""

# The oldest glibc that has a manylinux tag.
_OLDEST_GLIBC_MINOR = {"x86_64": 5, "aarch64": 17}


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonVersion:
    """A CPython version.

    `patch` is 0 unless it is given, the lowest one. `patch_given` decides about the text alone: it is not compared.
    """

    major: int = 3
    minor: int
    patch: int = 0
    free_threaded: bool = False
    patch_given: bool = field(default=False, compare=False)

    @property
    def short(self) -> str:
        """`major.minor`, the value of the marker `python_version`."""
        return f"{self.major}.{self.minor}"

    @property
    def full(self) -> str:
        """`major.minor.patch`, the value of the marker `python_full_version`."""
        return f"{self.major}.{self.minor}.{self.patch}"

    @property
    def abi(self) -> str:
        """The ABI tag of this interpreter's extension modules (PEP 425, PEP 703): `cp311`, `cp313t`."""
        return f"cp{self.major}{self.minor}{'t' if self.free_threaded else ''}"

    def __str__(self) -> str:
        return (self.full if self.patch_given else self.short) + ("t" if self.free_threaded else "")


@dataclass(frozen=True, kw_only=True)
class Target:
    """A CPython version on a platform with an accelerator. Targets are equal when they can run the same files.

    The properties are computed on first use and kept on the instance.
    """

    python: PythonVersion
    platform: Platform = DEFAULT_PLATFORM
    accelerator: Accelerator = UNSPECIFIED

    @cached_property
    def tags(self) -> tuple[Tag, ...]:
        """The wheel tags that run there, best first, in the order of `packaging.tags.sys_tags`."""
        return _build_tags(self.python, self.platform)

    @cached_property
    def tag_ranks(self) -> Mapping[str, int]:
        """By the text of a wheel tag (`cp311-cp311-manylinux_2_17_x86_64`), its rank, 0 for the best."""
        texts = _iter_tag_texts(self.python, self.platform)
        return {text: rank for rank, text in enumerate(texts)}

    @cached_property
    def environment(self) -> Mapping[str, str]:
        """The complete PEP 508 marker environment, read-only."""
        return MappingProxyType(cast("dict[str, str]", build_marker_environment(self.python, self.platform)))

    def admits(self, marker: Marker | None) -> bool:
        """Whether the marker of a list item holds for the target, without an extra; None, no marker, always holds."""
        return marker is None or marker.evaluate({**self.environment, "extra": ""})

    @cached_property
    def requires_python(self) -> str:
        """The specifier for PEP 751 `requires-python`: `==3.11.*`."""
        return f"=={self.python.short}.*"

    @cached_property
    def environment_marker(self) -> str:
        """A marker for PEP 751 `environments`: true on the target's machines alone.

        It is false on another operating system, architecture or implementation. No marker expresses the C library, its
        version, or whether the interpreter is free-threaded. A 32-bit Python on 64-bit Windows reports the machine
        instead of itself, so the marker admits both there.
        """
        _, sys_platform, _, machine = _describe(self.platform)
        machines = f'platform_machine == "{machine}"'
        if isinstance(self.platform, Windows) and self.platform.arch == "x86":
            machines = f'({machines} or platform_machine == "AMD64")'
        return f'sys_platform == "{sys_platform}" and {machines} and implementation_name == "cpython"'

    @cached_property
    def key(self) -> str:
        """A stable name for files, of the characters `[a-z0-9_.-]`, the same for equal targets.

        `cp311-manylinux_2_35_x86_64`, `cp313t.2-win_amd64-cpu`, `cp311-manylinux_2_35_x86_64-sm80.sm90-cuda12.8`.
        """
        return self.interpreter_key + _render_accelerator_key(self.accelerator)

    @cached_property
    def interpreter_key(self) -> str:
        """The key without the accelerator: what decides about wheel tags and markers.

        A patch other than 0 is part of it, since markers can compare `python_full_version`.
        """
        patch = f".{self.python.patch}" if self.python.patch else ""
        return f"{self.python.abi}{patch}-{self.platform}"

    def __getstate__(self) -> dict[str, object]:
        # For pickle and copy: without the computed properties, of which the read-only mapping cannot be pickled.
        return {"python": self.python, "platform": self.platform, "accelerator": self.accelerator}

    def __str__(self) -> str:
        return f"Python {self.python} on {self.platform}{_render_accelerator(self.accelerator)}"


def parse_python_version(text: str) -> PythonVersion:
    """The version that is written `3.11`, `3.11.4`, `3.13t`, `cpython-3.12` or `cp312`.

    Raises TargetError for another text, for a version that is not supported, and for a free-threaded build of a version
    that has none (PEP 703).
    """
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


def describe_foreign(tags: Sequence[str], target: Target) -> str:
    """What wheels with these compressed tags, none of which the target has, are for: a part of a sentence.

    It names the first thing that keeps them from the target, as a person would: the Python release, else the glibc,
    else the platform, else the whole tag (a free-threaded build, another interpreter).
    """
    each = [tag for text in tags for tag in parse_tag(text)]
    platforms = {tag.platform for tag in target.tags}
    minors = sorted(list_minors(tags, target))
    if minors:
        pythons = _join([f"3.{minor}" for minor in minors])
        return f"for Python {pythons}, not {target.python}"
    fitting = {(tag.interpreter, tag.abi) for tag in target.tags}
    others = sorted({tag.platform for tag in each if (tag.interpreter, tag.abi) in fitting} - platforms)
    glibc = _find_glibc(others, target)
    if glibc:
        return f"for glibc {glibc} or newer, and `{target.platform}` has an older one"
    arches = {match["arch"] if (match := _LINUX_TAG.fullmatch(one)) else "" for one in others}
    if isinstance(target.platform, Linux) and len(arches) == 1 and arches.isdisjoint({"", target.platform.arch}):
        return f"for {min(arches)}, not {target.platform.arch}"
    if any(is_for_gil(text, target) for text in tags):
        return f"for ordinary {target.python.short}, not free-threaded {target.python}"
    others_of_python = sorted({tag.interpreter for tag in each})
    if len(others_of_python) == 1 and (match := _PYPY.fullmatch(others_of_python[0])):
        return f"for PyPy {match[1]}.{match[2]} alone, not CPython {target.python}"
    everywhere = sorted({tag.platform for tag in each})
    if others or platforms.isdisjoint(everywhere):
        return f"for {_join(others or everywhere)}, not {target.platform}"
    kinds = _join(sorted({f"{tag.interpreter}-{tag.abi} on {tag.platform}" for tag in each}))
    return f"for {kinds}, not {target.python.abi} on {target.platform}"


def is_for_gil(tags: str, target: Target) -> bool:
    """Whether wheels with these compressed tags are for the ordinary build of the target's free-threaded Python."""
    platforms, python = {tag.platform for tag in target.tags}, f"cp3{target.python.minor}"
    return target.python.free_threaded and any(
        tag.platform in platforms and tag.interpreter == python and tag.abi in (python, "abi3")
        for tag in parse_tag(tags)
    )


def list_minors(tags: Sequence[str], target: Target) -> set[int]:
    """The minor releases of CPython whose wheels are among the tags, for platforms that the target has.

    The target's own is not among them: its wheels are foreign for another reason, such as a free-threaded build.
    """
    platforms = {tag.platform for tag in target.tags}
    found = {tag.interpreter for text in tags for tag in parse_tag(text) if tag.platform in platforms}
    minors = {int(name[3:]) for name in found if name.startswith("cp3") and name[3:].isdigit()}
    return minors - {target.python.minor}


def _find_glibc(platforms: Sequence[str], target: Target) -> str:
    """The oldest glibc that platform tags of the target's architecture name; empty where one names something else."""
    if not isinstance(target.platform, Linux) or not isinstance(target.platform.libc, Glibc):
        return ""
    return find_oldest_glibc(platforms, target.platform.arch)


def find_oldest_glibc(platforms: Sequence[str], arch: str) -> str:
    """The oldest glibc of `manylinux` tags; empty without tags, or where one is for something else."""
    releases = []
    for platform in platforms:
        family, _, rest = _OLD_MANYLINUX.get(platform.removesuffix(f"_{arch}"), platform).partition("_")
        major, _, after = rest.partition("_")
        minor, _, named = after.partition("_")
        if family != "manylinux" or (named or arch) != arch or not (major + minor).isdigit():
            return ""
        releases.append((int(major), int(minor)))
    return "{}.{}".format(*min(releases)) if releases else ""


def find_systems(tags: Sequence[str]) -> set[str | None]:
    """The `sys_platform` of each system that wheels with these tags are for; None among them for wheels of any."""
    platforms = {tag.platform for text in tags for tag in parse_tag(text)}
    return {next((system for start, system in _SYSTEMS if name.startswith(start)), None) for name in platforms}


def _join(words: Sequence[str]) -> str:
    """Words as a part of a sentence, the first ones of a long list."""
    shown = list(words[:_MOST_NAMED])
    if len(words) > _MOST_NAMED:
        return f"{', '.join(shown)} and {len(words) - _MOST_NAMED} more"
    return f"{', '.join(shown[:-1])} and {shown[-1]}" if len(shown) > 1 else "".join(shown)


def build_marker_environment(python: PythonVersion, platform: Platform) -> Environment:
    """The complete PEP 508 marker environment, `extra` aside."""
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


def _build_tags(python: PythonVersion, platform: Platform) -> tuple[Tag, ...]:
    """The wheel tags as packaging's values, best first.

    Interpreter, ABI and platforms are explicit, since packaging otherwise takes those of the host.
    """
    version, platforms = (python.major, python.minor), _list_platform_tags(platform)
    interpreter = f"cp{python.major}{python.minor}"
    return (
        *cpython_tags(version, abis=[python.abi], platforms=platforms),
        *compatible_tags(version, interpreter=interpreter, platforms=platforms),
    )


def _list_platform_tags(platform: Platform) -> list[str]:
    """The platform tags of wheels that run on a platform, best first (PEP 425, PEP 600, PEP 656)."""
    match platform:
        case Linux():
            return [f"linux_{platform.arch}", *_iter_libc_tags(platform)]
        case MacOS():
            return list(mac_platforms(platform.version, platform.arch))
        case Windows():
            return [str(platform)]
        case _:
            assert_never(platform)


def _iter_libc_tags(platform: Linux) -> Iterator[str]:
    """The tags of a C library from its own version down to the oldest, each glibc with its older name."""
    libc, arch = platform.libc, platform.arch
    if not isinstance(libc, Glibc):
        for minor in range(libc.minor, -1, -1):
            yield f"musllinux_{libc.major}_{minor}_{arch}"
        return
    for minor in range(libc.minor, _OLDEST_GLIBC_MINOR[arch] - 1, -1):
        yield f"manylinux_{libc.major}_{minor}_{arch}"
        if legacy := _LEGACY_MANYLINUX.get(minor):
            yield f"{legacy}_{arch}"


def _iter_tag_texts(python: PythonVersion, platform: Platform) -> Iterator[str]:
    """The wheel tags as texts, best first, in the order of `_build_tags`; a property test compares the two.

    Every run needs the texts: without packaging's `Tag` objects the 914 tags of CPython 3.11 under glibc 2.36 take
    0.12 ms instead of 0.54 ms.
    """
    platforms = _list_platform_tags(platform)
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


def _render_accelerator_key(accelerator: Accelerator) -> str:
    """The end of `Target.key`: empty for an unspecified accelerator."""
    match accelerator:
        case Unspecified():
            return ""
        case Cpu():
            return "-cpu"
        case Gpu(capabilities=capabilities, cuda=cuda):
            numbers = ".".join(f"sm{capability.number}" for capability in sorted(capabilities))
            # A driver from a major release's floor on, but older than its first toolkit, has an older native release.
            newer = f".{cuda.newest_major}x" if cuda.newest_major != cuda.native.major else ""
            return f"-{numbers}-cuda{cuda.native}{newer}"
        case _:
            assert_never(accelerator)


def _render_accelerator(accelerator: Accelerator) -> str:
    """The end of the target's text: machine types and driver, which messages name and comparison ignores."""
    match accelerator:
        case Unspecified():
            return ""
        case Cpu():
            return " without a GPU"
        case Gpu(machines=machines, driver=driver):
            return f" for {' or '.join(name for name, _ in machines)} with driver {driver}"
        case _:
            assert_never(accelerator)


def _check_supported(version: PythonVersion, text: str) -> None:
    """Raise TargetError for a version outside the supported range. `text` is as the user wrote it."""
    if version.major != 3 or not _OLDEST_MINOR <= version.minor <= _NEWEST_MINOR:
        raise TargetError(f"Python `{text}` is not supported: CPython 3.{_OLDEST_MINOR} to 3.{_NEWEST_MINOR} are")
    if version.free_threaded and version.minor < _OLDEST_FREE_THREADED:
        raise TargetError(
            f"Python `{text}` does not exist: free-threaded builds start with 3.{_OLDEST_FREE_THREADED} (PEP 703)",
            remedy=f"`{version.short}` or `3.{_OLDEST_FREE_THREADED}t`",
        )
