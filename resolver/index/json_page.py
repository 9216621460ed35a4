"""A project page in JSON (PEP 691, 700, 714).

Pages of the layout that large indexes write are scanned (`resolver.index.json_page`); this module reads all others, and
the files in them that are not as the rest.

A JSON project page in the layout that large indexes write, read by one pass over its text.

In: the text of a page (ASCII, no backslash) and a parser for a single file. Out: the files, or None for a page that has
to be read by `json`. Keys in one order and no spaces: then one anchored regular expression a file takes 5 ms for 2 MB,
where `json.loads` and what follows it take 12 to 19. Each character of the list is seen by the expression or, file by
file, by `json`, and the page around the list is read by `json`: a property test holds both readings together.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urldefrag, urljoin

from resolver.index.distribution_file import SHA256, SIZE_DIGITS, PageError, RawFile, build_raw_file

__all__ = [
    "parse_json_page",
    "scan_json_page",
    "scan_page",
    "scan_page_into",
]


_LIST_START = '"files":['
_TEXT = r"[ !#-\[\]-~]"
_DIGITS = f"[0-9]{{0,{SIZE_DIGITS - 1}}}"
_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?Z"
_DIGEST = '[^"]{64}'
_FILE = re.compile(
    rf'\{{(?:"core-metadata":(?:false|\{{"sha256":"({_DIGEST})"\}}),'
    r'(?:"data-dist-info-metadata":(?:false|\{"sha256":"\1"\}),)?)?'
    rf'"filename":"({_TEXT}*)","hashes":\{{"sha256":"({_DIGEST})"\}},(?:"provenance":(?:null|"{_TEXT}*"),)?'
    rf'(?:"requires-python":(?:null|"({_TEXT}*)"),)?(?:"size":([1-9]{_DIGITS}),)?(?:"upload-time":"({_TIME})",)?'
    rf'"url":"(https?://[!$-\[\]-~]*)"(?:,"yanked":(?:false|"({_TEXT}+)"))?()\}}(?:,(?=\{{)|(?=\]))'
)
"""One file and the comma behind it; the groups are the fields of RawFile, the last always empty.

Whether a digest is one is looked at afterwards, for all files that are taken: that takes half the time. Those of files
that are not taken are nobody's, and may be any text.
"""
_FILENAME = 2
"""The group of the file name."""
_MARK = "0"
"""Stands for the scanned files where the rest of the page is read: no file is a number."""


def scan_page(text: str, *, build: Callable[[dict[str, Any]], RawFile]) -> tuple[list[RawFile], dict[str, Any]] | None:
    """The files in page order, and the page without them; None where the page is not of this layout.

    `build` makes a file out of one that is not of the layout; what it raises passes through.
    """
    files: list[RawFile] = []
    page = scan_page_into(
        text, take=files.append, rejects=lambda filename: False, take_other=lambda file: files.append(build(file))
    )
    return None if page is None else (files, page)


def scan_page_into(
    text: str,
    *,
    take: Callable[[RawFile], None],
    rejects: Callable[[str], bool],
    take_other: Callable[[dict[str, Any]], None],
) -> dict[str, Any] | None:
    """The page without its files, each of which goes to `take`, but for those that `rejects` knows by their names.

    A file that is not of the layout goes to `take_other`; what that raises passes through. None where the page is not
    of this layout: then what was taken is to be forgotten.
    """
    start = text.find(_LIST_START) + len(_LIST_START)
    if start < len(_LIST_START) or not _FILE.match(text, start):
        return None
    digests: list[str | None] = []
    end = _scan_files(text, start, digests, take, rejects, take_other)
    if not text.startswith("]", end):
        return None
    try:
        page = json.loads(f"{text[:start]}{_MARK}{text[end:]}")
    except ValueError:
        return None
    # What was scanned is the page's own list only if the mark in its place is; `files` may stand in other objects too.
    return page if isinstance(page, dict) and page.get("files") == [0] and _are_hashes(digests) else None


def _scan_files(
    text: str,
    start: int,
    digests: list[str | None],
    take: Callable[[RawFile], None],
    rejects: Callable[[str], bool],
    take_other: Callable[[dict[str, Any]], None],
) -> int:
    """Where the text, from `start` on, ceases to be a list of files; the hashes of what is taken go to `digests`."""
    # Not RawFile._make, which also counts the fields: the expression always gives as many.
    make, decoder = tuple.__new__, json.JSONDecoder()
    end = start
    while True:
        # One match behind the other, as `re.Scanner` does it: the documented methods take a call from here for each.
        match = None
        for match in iter(_FILE.scanner(text, end).match, None):  # type: ignore[attr-defined]  # typeshed has none
            if not rejects(match[_FILENAME]):
                fields = match.groups()
                digests += (fields[0], fields[2])
                take(make(RawFile, fields))
        end = match.end() if match is not None else end
        if not text.startswith("{", end):
            return end
        try:
            file, behind = decoder.raw_decode(text, end)
        except ValueError:
            return end
        take_other(file)
        end = behind + text.startswith(",{", behind)


def _are_hashes(digests: Iterable[str | None]) -> bool:
    joined = "".join(filter(None, digests))
    try:
        # Takes a tenth of the time of an expression; it also reads capitals and passes over spaces.
        return len(bytes.fromhex(joined)) * 2 == len(joined) and joined == joined.lower()
    except ValueError:
        return False


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
