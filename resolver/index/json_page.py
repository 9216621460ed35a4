"""A project page in JSON (PEP 691, 700, 714).

Pages of the layout that large indexes write are scanned (`resolver.index.page_scan`); this module reads all others, and
the files in them that are not as the rest.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urldefrag, urljoin

from resolver.index.distribution_file import SIZE_DIGITS
from resolver.index.page_scan import scan_page_into
from resolver.index.raw_file import SHA256, PageError, RawFile, build_raw_file

__all__ = ["parse_json_page", "scan_json_page"]

_SIZE_LIMIT_BYTES = 10**SIZE_DIGITS
_ABSOLUTE = ("https://", "http://")
_UTC_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?Z")
_METADATA_KEYS = ("core-metadata", "data-core-metadata", "dist-info-metadata", "data-dist-info-metadata")
"""PEP 714: the first that is there counts; the last is what servers wrote before it."""
_KINDS: dict[str, type[str] | type[dict[str, object]]] = {
    "filename": str,
    "url": str,
    "hashes": dict,
    "requires-python": str,
    "upload-time": str,
    "yanked": str,
}
_REQUIRED = ("filename", "url", "hashes")


def parse_json_page(body: bytes, *, url: str) -> tuple[RawFile, ...]:
    """The files of a page, in page order; `url` is where it came from at last. Raises PageError."""
    scanned: list[RawFile] = []
    if scan_json_page(body, url=url, take=scanned.append, take_other=scanned.append):
        return tuple(scanned)
    try:
        # Not the bytes: `json` would guess UTF-16 from a zero byte.
        page = json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise PageError(f"not JSON: {error}") from error
    if not isinstance(page, dict):
        raise PageError("not a JSON object")
    _check_version(page)
    files = page.get("files")
    if not isinstance(files, list):
        raise PageError("`files` is not a list")
    return tuple(_build_all(files, url))


def scan_json_page(
    body: bytes,
    *,
    url: str,
    take: Callable[[RawFile], None],
    take_other: Callable[[RawFile], None],
    rejects: Callable[[str], bool] = lambda filename: False,
) -> bool:
    """Whether the page is of the layout that is scanned; then its files were given to `take`, but for rejected ones.

    Files that are not as the rest, whose links may lead anywhere, are given to `take_other`. If it is not, what was
    taken is to be forgotten, and the page to be parsed. Raises PageError.
    """
    # Without a backslash no text has an escape; text that is cleaned or decoded otherwise is left to `json` as well.
    if not body.isascii() or b"\\" in body or b"\x7f" in body:
        return False
    try:
        page = scan_page_into(
            body.decode("ascii"), take=take, rejects=rejects, take_other=lambda file: take_other(_build(file, url))
        )
    except (KeyError, TypeError, AttributeError, ValueError):
        # The whole page is read again, so that the error can say which file it is.
        return False
    if page is None:
        return False
    _check_version(page)
    return True


def _check_version(page: dict[str, object]) -> None:
    """Refuse a major version that is not known (PEP 629, PEP 691); a page that says none is of version 1."""
    meta = page.get("meta")
    version = meta.get("api-version", "1.0") if isinstance(meta, dict) else "1.0"
    if not isinstance(version, str) or version.partition(".")[0] != "1":
        raise PageError(f"version {version} of the simple API is not known, only 1")


def _build_all(files: list[object], url: str) -> Iterable[RawFile]:
    for place, file in enumerate(files):
        if not isinstance(file, dict):
            raise PageError(f"`files[{place}]` is not an object")
        try:
            yield _build(file, url)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise PageError(_describe_fault(file, f"files[{place}]")) from error


def _build(file: dict[str, Any], url: str) -> RawFile:
    """One file. Raises KeyError, TypeError, AttributeError or ValueError where the file is not as PEP 691 has it."""
    size, time, yanked = file.get("size"), file.get("upload-time"), file.get("yanked", False)
    python = file.get("requires-python")
    metadata = next((file[key] for key in _METADATA_KEYS if key in file), False)
    return build_raw_file(
        filename=file["filename"],
        url=_resolve(file["url"], url),
        hashes=file["hashes"],
        requires_python=python,
        yanked="" if yanked is True else yanked or None,
        core_metadata=_find_metadata_hash(metadata),
        size=str(size) if type(size) is int and 0 <= size < _SIZE_LIMIT_BYTES else None,
        upload_time=time if time is None or _UTC_TIME.fullmatch(time) else _to_utc(time),
    )


def _describe_fault(file: dict[str, Any], place: str) -> str:
    """Why `_build` could not read the file at that place of the page."""
    for key, kind in _KINDS.items():
        if key not in file and key in _REQUIRED:
            return f"`{place}` has no `{key}`"
        # What is not required may be null, and `yanked` may be true or false.
        optional = file.get(key) is None and key not in _REQUIRED
        if not optional and not isinstance(file[key], kind) and not (key == "yanked" and type(file[key]) is bool):
            return f"`{place}.{key}` is {_name_kind(file[key])}, not {_name_kind(kind())}"
    for algorithm, digest in file["hashes"].items():
        if not isinstance(digest, str):
            return f"`{place}.hashes.{algorithm}` is {_name_kind(digest)}, not a text"
    return f"`{place}.url` is no URL"


def _name_kind(value: object) -> str:
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    names: dict[type, str] = {str: "a text", dict: "an object", list: "a list"}
    return names.get(type(value), "a number")


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
