"""The operating system, architecture and C library that a lock is for.

In: a platform name as users write it. Out: a `Platform`, whose `str()` is our name for it again: the platform tag of
the newest wheels that run there (`manylinux_2_35_x86_64`). The names of uv are accepted too, so that a command line
written for `uv pip compile --python-platform` works here.

`resolver.targets.target` derives wheel tags and the marker environment from a platform; nothing here queries the host.
"""

from __future__ import annotations

import re
from typing import Literal

from lockfiles._values import dataclass
from resolver.errors import TargetError

__all__ = ["DEFAULT_PLATFORM", "Glibc", "Linux", "MacOS", "Musl", "Platform", "Windows", "parse_platform"]

# A tag of PEP 600 or PEP 656, a legacy manylinux tag, a macOS tag, and the form of uv with the architecture first. The
# patterns are texts, which `re` compiles on first use, since a run parses one name at most.
_LINUX = r"(?P<family>many|musl)linux_(?P<major>\d)_(?P<minor>\d{1,2})_(?P<arch>x86_64|aarch64)"
_LEGACY = r"manylinux(?P<year>1|2010|2014)_(?P<arch>x86_64|aarch64)"
_MACOS = r"macosx_(?P<major>\d\d)_(?P<minor>\d{1,2})_(?P<arch>x86_64|arm64)"
_UV_LINUX = r"(?P<arch>x86_64|aarch64)-(?P<tag>(?:many|musl)linux[\d_]+)"

# Parts of the names of platforms that exist, but that no lock can be for.
_UNSUPPORTED = "riscv|ppc64|s390|armv|i686|loongarch|wasm|pyodide|android|ios|universal2"


@dataclass(frozen=True, slots=True)
class Glibc:
    """The GNU C library by its version: wheels with manylinux tags up to this version run (PEP 600)."""

    major: int
    minor: int


@dataclass(frozen=True, slots=True)
class Musl:
    """The musl C library by its version: wheels with musllinux tags up to this version run (PEP 656)."""

    major: int
    minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Linux:
    """A Linux with its C library. `arch` is as in wheel tags, which is also the value of `platform_machine`."""

    arch: Literal["x86_64", "aarch64"]
    libc: Glibc | Musl

    def __str__(self) -> str:
        """The manylinux or musllinux tag (PEP 600, PEP 656)."""
        family = "manylinux" if isinstance(self.libc, Glibc) else "musllinux"
        return f"{family}_{self.libc.major}_{self.libc.minor}_{self.arch}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MacOS:
    """A macOS release. From macOS 11 on the minor version is 0, as wheel tags have it (PEP 425)."""

    version: tuple[int, int]
    arch: Literal["x86_64", "arm64"]

    def __str__(self) -> str:
        """The platform tag of wheels for this very release."""
        return f"macosx_{self.version[0]}_{self.version[1]}_{self.arch}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """A Windows by the architecture of its Python; `x86` is a 32-bit Python, also on a 64-bit Windows."""

    arch: Literal["amd64", "arm64", "x86"]

    def __str__(self) -> str:
        """The one platform tag, which names 32-bit Pythons `win32`."""
        return "win32" if self.arch == "x86" else f"win_{self.arch}"


Platform = Linux | MacOS | Windows
"""Where a lock is installed. Its text is a name that `parse_platform` accepts."""
DEFAULT_PLATFORM = Linux(arch="x86_64", libc=Glibc(2, 35))
"""The platform of a target where none is given: glibc 2.35 is that of Ubuntu 22.04."""

# Names without a version have the version that uv gives them: glibc 2.28, musl 1.2, macOS 13.
_NAMES: dict[str, Platform] = {
    "win32": Windows(arch="x86"),
    "win_amd64": Windows(arch="amd64"),
    "win_arm64": Windows(arch="arm64"),
    "windows": Windows(arch="amd64"),
    "x86_64-pc-windows-msvc": Windows(arch="amd64"),
    "aarch64-pc-windows-msvc": Windows(arch="arm64"),
    "i686-pc-windows-msvc": Windows(arch="x86"),
    "linux": Linux(arch="x86_64", libc=Glibc(2, 28)),
    "x86_64-unknown-linux-gnu": Linux(arch="x86_64", libc=Glibc(2, 28)),
    "aarch64-unknown-linux-gnu": Linux(arch="aarch64", libc=Glibc(2, 28)),
    "x86_64-unknown-linux-musl": Linux(arch="x86_64", libc=Musl(1, 2)),
    "aarch64-unknown-linux-musl": Linux(arch="aarch64", libc=Musl(1, 2)),
    "macos": MacOS(version=(13, 0), arch="arm64"),
    "aarch64-apple-darwin": MacOS(version=(13, 0), arch="arm64"),
    "x86_64-apple-darwin": MacOS(version=(13, 0), arch="x86_64"),
}

# The manylinux names of before PEP 600, by the glibc that they mean (PEP 513, PEP 571, PEP 599).
_LEGACY_MANYLINUX = {"1": Glibc(2, 5), "2010": Glibc(2, 12), "2014": Glibc(2, 17)}

# Names in other tools, for a suggestion. They are not accepted, since they leave the C library or its version open.
_HINTS = {
    "linux_x86_64": str(DEFAULT_PLATFORM),
    "linux/amd64": str(DEFAULT_PLATFORM),
    "x86_64": str(DEFAULT_PLATFORM),
    "linux_aarch64": "manylinux_2_35_aarch64",
    "linux/arm64": "manylinux_2_35_aarch64",
    "aarch64": "manylinux_2_35_aarch64",
    "darwin": "macos",
}

# The names among which the nearest to an unknown one is searched.
_EXAMPLES = (
    "manylinux_2_17_x86_64",
    "manylinux_2_28_x86_64",
    "manylinux_2_28_aarch64",
    "manylinux_2_35_x86_64",
    "manylinux_2_35_aarch64",
    "musllinux_1_2_x86_64",
    "musllinux_1_2_aarch64",
    "macosx_13_0_arm64",
    "macosx_13_0_x86_64",
    "x86_64-manylinux_2_28",
    "aarch64-manylinux_2_28",
    *_NAMES,
)

# The suggestion where no name is near.
_ONE_OF_EACH = (str(DEFAULT_PLATFORM), "musllinux_1_2_x86_64", "macosx_13_0_arm64", "win_amd64")


def parse_platform(text: str) -> Platform:
    """The platform with our name (`manylinux_2_35_x86_64`) or uv's (`linux`, `x86_64-manylinux_2_28`).

    Case and surrounding blanks do not matter. Raises TargetError for a platform that is unknown, unsupported, or does
    not exist, such as macOS 10 on arm64.
    """
    name = text.strip().lower()
    # uv also writes the architecture first, before one of our tags.
    if "-" in name and (uv_linux := re.fullmatch(_UV_LINUX, name)):
        name = f"{uv_linux['tag']}_{uv_linux['arch']}"
    platform = _NAMES.get(name) or _parse_linux(name) or _parse_macos(name)
    if platform is None and re.search(_UNSUPPORTED, name):
        raise TargetError(
            f"platform `{text}` is not supported: Linux on x86_64 and aarch64, macOS on x86_64 and arm64, and Windows"
            " on amd64, arm64 and x86 are"
        )
    if platform is None:
        raise TargetError(f"unknown platform `{text}`", remedy=_suggest(name))
    return platform


def _parse_linux(name: str) -> Linux | None:
    """The Linux with a manylinux or musllinux name; None for any other.

    Raises TargetError for a version that no wheel tag can name.
    """
    modern = re.fullmatch(_LINUX, name)
    legacy = None if modern is not None else re.fullmatch(_LEGACY, name)
    match = modern or legacy
    if match is None:
        return None
    arch: Literal["x86_64", "aarch64"] = "x86_64" if match["arch"] == "x86_64" else "aarch64"
    if modern is not None and modern["family"] == "musl":
        return _check_musl(Linux(arch=arch, libc=Musl(int(modern["major"]), int(modern["minor"]))))
    libc = _LEGACY_MANYLINUX[legacy["year"]] if legacy else Glibc(int(match["major"]), int(match["minor"]))
    # The oldest glibc with a manylinux tag: manylinux1 for x86_64, manylinux2014 for aarch64.
    oldest_minor = 5 if arch == "x86_64" else 17
    if libc.major != 2 or libc.minor < oldest_minor:
        raise TargetError(
            f"platform `{name}` does not exist: {arch} wheels are for glibc 2.{oldest_minor} and later 2.x"
        )
    return Linux(arch=arch, libc=libc)


def _check_musl(platform: Linux) -> Linux:
    """The platform itself. Raises TargetError for a musl that no wheel tag can name."""
    if platform.libc.major != 1:
        raise TargetError(f"platform `{platform}` does not exist: musllinux wheels are for musl 1.x")
    return platform


def _parse_macos(name: str) -> MacOS | None:
    """The macOS with a wheel tag as its name; None for any other. Raises TargetError for arm64 before macOS 11."""
    match = re.fullmatch(_MACOS, name)
    if match is None:
        return None
    major, minor = int(match["major"]), int(match["minor"])
    # Universal wheels aside, macOS on arm64 starts with 11; x86_64 tags have a minor version in 10.x alone (PEP 425).
    if match["arch"] == "arm64":
        if major < 11:
            raise TargetError(f"platform `{name}` does not exist: macOS on arm64 starts with 11.0")
        return MacOS(version=(major, 0), arch="arm64")
    if major < 10:
        return None
    return MacOS(version=(major, minor if major == 10 else 0), arch="x86_64")


def _suggest(name: str) -> str:
    """The nearest known names, otherwise one of each kind, as the remedy for an unknown name."""
    # Lazy: only a fault needs it.
    from difflib import get_close_matches

    # A name from another tool has one meaning here; any other name is compared by its letters.
    names = [_HINTS[name]] if name in _HINTS else get_close_matches(name, _EXAMPLES, n=2, cutoff=0.7)
    return " or ".join(f"`{known}`" for known in names or _ONE_OF_EACH)
