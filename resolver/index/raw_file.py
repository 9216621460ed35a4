"""One file as a page lists it, before anybody knows whether a target can use it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

__all__ = ["SHA256", "PageError", "RawFile", "build_raw_file"]

SHA256 = re.compile(r"[0-9a-f]{64}")
_HASH = re.compile(r"([a-z0-9_]+):([0-9a-f]+)")


class PageError(ValueError):
    """A page cannot be read; the text says what is wrong with it."""


class RawFile(NamedTuple):
    """The texts of one entry of a page, undecoded: most entries are for other machines and are never decoded.

    - `core_metadata` is None where no `.metadata` file is offered, `""` where it is without a hash, else the SHA-256.
    - `sha256` is in hex; `other_hashes` are `algorithm:hex`, sorted, with one space between.
    - `requires_python` may be empty, which is the same as None. `size` is decimal digits.
    - `upload_time` is RFC 3339 in UTC. `yanked` is None for a file that is not yanked, else the reason.
    - `url` is absolute and has no fragment.
    """

    core_metadata: str | None
    filename: str
    sha256: str | None
    requires_python: str | None
    size: str | None
    upload_time: str | None
    url: str
    yanked: str | None
    other_hashes: str = ""


def build_raw_file(
    *,
    filename: str,
    url: str,
    hashes: Mapping[str, str],
    requires_python: str | None,
    yanked: str | None,
    core_metadata: str | None,
    size: str | None = None,
    upload_time: str | None = None,
) -> RawFile:
    """A file out of decoded values, cleaned; hashes that are none are dropped. JSON and HTML meet here.

    Raises AttributeError or TypeError for a value that is no text.
    """
    sha256, others = hashes.get("sha256"), ""
    if sha256 is None or len(hashes) > 1 or not SHA256.fullmatch(sha256):
        sha256, others = _sort_hashes(hashes)
    return RawFile(
        core_metadata,
        filename if _is_plain(filename) else _clean(filename),
        sha256,
        requires_python if not requires_python or _is_plain(requires_python) else _clean(requires_python),
        size,
        upload_time,
        url if _is_plain(url) and " " not in url else _clean(url).strip().replace(" ", "%20"),
        yanked if not yanked or _is_plain(yanked) else _clean(yanked),
        others,
    )


def _sort_hashes(hashes: Mapping[str, str]) -> tuple[str | None, str]:
    """The SHA-256, and all others as sorted texts."""
    texts = sorted(f"{algorithm}:{digest}".lower() for algorithm, digest in hashes.items())
    known = {match[1]: match[2] for text in texts if (match := _HASH.fullmatch(text))}
    sha256 = known.pop("sha256", "")
    return sha256 if SHA256.fullmatch(sha256) else None, " ".join(f"{name}:{digest}" for name, digest in known.items())


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable()


def _clean(text: str) -> str:
    """The text in one line without control characters or lone surrogates: it is stored and printed."""
    text = text.encode("utf-8", "replace").decode("utf-8")
    return "".join(character if character.isprintable() else " " for character in text)
