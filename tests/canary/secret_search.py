"""Whether bytes hold a canary: raw, percent-encoded, in base64 at any of three offsets, also in compressed streams.

All canaries of a run begin with the same word that stands nowhere else, so one search finds each of them, whatever of
it was cut off behind the word.
"""

from __future__ import annotations

import base64
import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

__all__ = ["STEM", "find_canaries", "iter_files", "search_files"]

STEM = "cNryZq9xW"
"""How every canary begins."""

_STREAMS = re.compile(rb"\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]")
_LIMIT_BYTES = 8_000_000
_CONTEXT_BYTES = 40


def _build_forms() -> tuple[bytes, ...]:
    raw = STEM.encode()
    encoded = "".join(f"%{byte:02X}" for byte in raw)
    # Without the characters that depend on what stands around the word.
    shifted = [base64.b64encode(b"\0" * shift + raw) for shift in range(3)]
    inner = [text[4 if shift else 0 :].rstrip(b"=")[:-1] for shift, text in enumerate(shifted)]
    urlsafe = [text.replace(b"+", b"-").replace(b"/", b"_") for text in inner]
    spaced = "\0".join(STEM).encode()
    return (raw, encoded.encode(), encoded.lower().encode(), spaced, *inner, *urlsafe)


_FORMS = re.compile(b"|".join(re.escape(form) for form in dict.fromkeys(_build_forms())))


def find_canaries(data: bytes) -> list[str]:
    """What stands at each canary in the bytes, compressed streams and archives in them included; empty for none."""
    return list(dict.fromkeys(_show(part, match) for part in _iter_parts(data) for match in _FORMS.finditer(part)))


def search_files(places: Iterable[Path], *, but: Iterable[Path] = ()) -> list[str]:
    """`path: canary` for each that a file holds, in its content or its name; `but` is left out."""
    left_out = tuple(path.resolve() for path in but)
    found = []
    for place in places:
        for path in iter_files(place):
            if any(path.resolve().is_relative_to(one) for one in left_out):
                continue
            name = str(path.relative_to(place.parent)).encode(errors="surrogateescape")
            found += [f"{path.relative_to(place.parent)}: {text}" for text in find_canaries(_read(path) + b"\n" + name)]
    return found


def iter_files(place: Path) -> Iterator[Path]:
    """The file, or all files below the folder; links are read as what they say."""
    if place.is_file():
        yield place
        return
    yield from (path for path in sorted(place.rglob("*")) if path.is_symlink() or path.is_file())


def _read(path: Path) -> bytes:
    return str(path.readlink()).encode() if path.is_symlink() else path.read_bytes()


def _iter_parts(data: bytes) -> Iterator[bytes]:
    yield data
    view = memoryview(data)  # A slice of it copies nothing.
    for match in _STREAMS.finditer(data):
        bits = 31 if match[0].startswith(b"\x1f") else 15
        try:
            inner = zlib.decompressobj(bits).decompress(view[match.start() :], _LIMIT_BYTES)
        except zlib.error:
            continue
        yield inner
    if data.startswith(b"PK"):
        yield from _iter_members(data)


def _iter_members(data: bytes) -> Iterator[bytes]:
    """What lies in a wheel, and in archives inside of it."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for name in archive.namelist():
                yield from _iter_parts(archive.read(name))
    except zipfile.BadZipFile:
        return


def _show(data: bytes, match: re.Match[bytes]) -> str:
    return data[max(0, match.start() - _CONTEXT_BYTES) : match.end() + _CONTEXT_BYTES].decode(errors="replace")
