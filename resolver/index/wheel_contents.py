"""What a wheel unpacks to: its size on disk and the modules that it brings, from its directory alone.

In: the members of a wheel. Out: `WheelContents`. Pure. Names follow the binary distribution format (PEP 427): what lies
at the top, in `*.data/purelib` or in `*.data/platlib` can be imported.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from lockfiles.value_classes import dataclass
from resolver.index.wheel_directory import Member

__all__ = ["WheelContents", "read_contents"]

_LIBRARY = re.compile(r"[^/]+\.data/(?:purelib|platlib)/")
_MODULE = re.compile(r"([A-Za-z_]\w*)(?:\.py|(?:\.[\w-]+)*\.(?:so|pyd))")


@dataclass(frozen=True, slots=True, kw_only=True)
class WheelContents:
    """`unpacked_bytes` are those of all members; `modules` the names that `import` finds at the top, sorted."""

    unpacked_bytes: int
    modules: tuple[str, ...]


def read_contents(members: Iterable[Member]) -> WheelContents:
    """The contents that the members of a wheel make."""
    members = tuple(members)
    modules = {module for member in members if (module := _find_module(member.filename)) is not None}
    return WheelContents(unpacked_bytes=sum(member.size for member in members), modules=tuple(sorted(modules)))


def _find_module(filename: str) -> str | None:
    """The top-level module that a file belongs to; None for metadata, scripts and data."""
    path = _LIBRARY.sub("", filename, count=1)
    top, slash, rest = path.partition("/")
    if slash:
        return top if top.isidentifier() and rest.endswith((".py", ".so", ".pyd")) else None
    match = _MODULE.fullmatch(top)
    return match[1] if match else None
