"""One wheel or sdist as an index or find-links location lists it, or as a direct reference names it."""

from __future__ import annotations

from packaging.version import Version

from lockfiles.value_classes import dataclass
from resolver.index.origin import Origin

__all__ = ["SIZE_DIGITS", "DistributionFile", "parse_size"]

SIZE_DIGITS = 18
"""A size of more digits is none: no file is that large, and an integer of TOML has 64 bits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DistributionFile:
    """A wheel or sdist that a page lists, in the terms of PEP 691 and PEP 503.

    - `url` is absolute and public; `index` is the public URL of the index, None for a find-links location.
    - `hashes` are `algorithm:hex` in lower case, sorted; empty where the page gives none. `sha256` is one of them.
      A file that its page lists several times has the SHA-256 of each.
    - `size_bytes` and `upload_time` (RFC 3339 text in UTC) are None where the page does not say.
    - `yanked` is None for a file that is not yanked, else the reason, which may be empty (PEP 592).
    - `core_metadata` is None where no `.metadata` file is offered, `""` where it is without a hash, else
      `sha256=hex` (PEP 658, PEP 714).
    - `tag_rank` is the place of the wheel's best tag in the target's list, 0 first; -1 for an sdist.
    - `origin` is what a direct reference led to; None for a file that an index or find-links location lists. A commit
      and a folder have the project's name as `filename`.
    """

    filename: str
    version: Version
    url: str
    index: str | None = None
    hashes: tuple[str, ...] = ()
    size_bytes: int | None = None
    requires_python: str | None = None
    yanked: str | None = None
    upload_time: str | None = None
    core_metadata: str | None = None
    tag_rank: int = -1
    build_tag: tuple[int, str] | tuple[()] = ()
    origin: Origin | None = None

    @property
    def is_wheel(self) -> bool:
        """Whether this is a wheel; anything else that a page lists is an sdist by now."""
        return self.filename.endswith(".whl")

    @property
    def sha256(self) -> str | None:
        """The SHA-256 in hex, or None where the page gives none."""
        return next((text.partition(":")[2] for text in self.hashes if text.startswith("sha256:")), None)


def parse_size(text: str) -> int | None:
    """The size in bytes that a server tells in decimal digits; None for what is none."""
    return int(text) if text.isdecimal() and len(text) <= SIZE_DIGITS else None
