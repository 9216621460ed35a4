"""A project page in JSON (PEP 691, 700, 714).

`json.loads` reads 2 MB in 4 to 5 ms; a scan with one regular expression a file took 6 to 7 ms and is not worth its
place. What followed `json.loads` was dearer than it: so a page without escapes and control characters, which one look
at its bytes tells, skips the cleaning of its texts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urldefrag, urljoin

from resolver.index.raw_file import SHA256, PageError, RawFile, build_raw_file

__all__ = ["parse_json_page"]

_ABSOLUTE = ("https://", "http://")
_UTC_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?Z")
_METADATA_KEYS = ("core-metadata", "data-core-metadata", "dist-info-metadata", "data-dist-info-metadata")
"""PEP 714: the first that is there counts; the last is what servers wrote before it."""


def parse_json_page(body: bytes, *, url: str) -> tuple[RawFile, ...]:
    """The files of a page, in page order; `url` is where it came from at last. Raises PageError."""
    try:
        page = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise PageError(f"not JSON: {error}") from error
    if not isinstance(page, dict):
        raise PageError("not a JSON object")
    _check_version(page)
    files = page.get("files")
    if not isinstance(files, list):
        raise PageError("`files` is not a list")
    # Without a backslash no text has an escape, and `json` itself refuses control characters but for DEL.
    plain = body.isascii() and b"\\" not in body and b"\x7f" not in body
    return tuple(_build_all(files, url, _build_plain if plain else _build))


def _check_version(page: dict[str, object]) -> None:
    """Refuse a major version that is not known (PEP 629, PEP 691); a page that says none is of version 1."""
    meta = page.get("meta")
    version = meta.get("api-version", "1.0") if isinstance(meta, dict) else "1.0"
    if not isinstance(version, str) or version.partition(".")[0] != "1":
        raise PageError(f"version {version} of the simple API is not known, only 1")


def _build_all(files: list[object], url: str, build: Callable[[dict[str, Any], str], RawFile]) -> Iterable[RawFile]:
    for place, file in enumerate(files):
        if not isinstance(file, dict):
            raise PageError(f"`files[{place}]` is not an object")
        try:
            yield build(file, url)
        except (KeyError, TypeError, AttributeError) as error:
            raise PageError(f"`files[{place}]` lacks a key or has a value of another type: {error}") from error


def _build_plain(file: dict[str, Any], url: str) -> RawFile:
    """One file of a page whose texts need no cleaning; what is not as in nearly all files is left to `_build`."""
    hashes, reference, time = file["hashes"], file["url"], file.get("upload-time")
    metadata, python, yanked = file.get("core-metadata"), file.get("requires-python"), file.get("yanked")
    if (
        len(hashes) != 1
        or type(metadata) is not dict
        or not reference.startswith(_ABSOLUTE)
        or "#" in reference
        or " " in reference
        or yanked
        or (python is not None and type(python) is not str)
    ):
        return _build(file, url)
    sha256, digest, size = hashes.get("sha256"), metadata.get("sha256"), file.get("size")
    if not (_is_sha256(sha256) and _is_sha256(digest) and type(size) is int and time and _UTC_TIME.fullmatch(time)):
        return _build(file, url)
    return RawFile(digest, file["filename"], sha256, python, str(size), time, reference, None)


def _is_sha256(text: object) -> bool:
    return isinstance(text, str) and SHA256.fullmatch(text) is not None


def _build(file: dict[str, Any], url: str) -> RawFile:
    """One file. Raises KeyError, TypeError or AttributeError where the file is not as PEP 691 has it."""
    size, time, yanked = file.get("size"), file.get("upload-time"), file.get("yanked", False)
    python = file.get("requires-python")
    metadata = next((file[key] for key in _METADATA_KEYS if key in file), False)
    return build_raw_file(
        filename=file["filename"],
        url=_resolve(file["url"], url),
        hashes=file["hashes"],
        requires_python=python,
        yanked=("" if yanked is True else yanked) if yanked is not False and yanked is not None else None,
        core_metadata=_find_metadata_hash(metadata),
        size=str(size) if type(size) is int and size >= 0 else None,
        upload_time=time if time is None or _UTC_TIME.fullmatch(time) else _to_utc(time),
    )


def _find_metadata_hash(value: object) -> str | None:
    """The SHA-256 of the `.metadata` file, empty where another or none is given; None where there is no such file."""
    if isinstance(value, dict):
        digest = value.get("sha256")
        return digest.lower() if isinstance(digest, str) and SHA256.fullmatch(digest.lower()) else ""
    return "" if value is True else None


def _resolve(reference: str, url: str) -> str:
    if not reference.startswith(_ABSOLUTE):
        reference = urljoin(url, reference)
    return urldefrag(reference).url if "#" in reference else reference


def _to_utc(time: str) -> str | None:
    """RFC 3339 in UTC, for a time of another zone or of none; None for what is no time."""
    try:
        instant = datetime.fromisoformat(time)
    except ValueError:
        return None
    instant = instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    return instant.isoformat().replace("+00:00", "Z")
