"""The CPython that a lock is for, and how users write it."""

from __future__ import annotations

import re
from dataclasses import field

from lockfiles.value_classes import dataclass
from resolver.errors import TargetError

__all__ = ["NEWEST_MINOR", "OLDEST_FREE_THREADED_MINOR", "OLDEST_MINOR", "PythonVersion", "parse_python_version"]

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
