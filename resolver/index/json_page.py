"""A project page in JSON, read into the files that it lists.

In: the bytes of a page and its URL. Out: `RawFile` values in page order. There are two readers. Pages in the layouts
that indexes write (keys in alphabetical order; no spaces, or one after each comma and colon, as `json.dumps` writes
them) are scanned: one anchored regular expression for each file takes 5 ms for 2 MB, where `json.loads` and building
the files take 12 to 19 ms. `json` reads all other pages, and within a scanned page each file of another layout, with
escapes or beyond ASCII, and the page around the list, so every character is read by one or the other. A property test
compares the two readers.

Standards: PEP 691 (JSON simple API), PEP 700 (size and upload time), PEP 714 (metadata files).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urldefrag, urljoin

from packaging.utils import NormalizedName, canonicalize_name

from lockfiles._documents import DocumentError, check_value_count, parse_json
from lockfiles._values import compile_later
from resolver.index.distribution_file import SIZE_DIGITS, PageError, RawFile, build_raw_file, render_metadata_hash

if TYPE_CHECKING:
    from re import Pattern

__all__ = [
    "load_json_page",
    "parse_json_page",
    "scan_json_page",
]

# The parts of a file's pattern.
_TEXT = r"[ !#-\[\]-~]"
_DIGITS = f"[0-9]{{0,{SIZE_DIGITS - 1}}}"
_DATE = (
    r"(?!0000)[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
    r"|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))"
)
"""A date of the calendar; `datetime` judges those on 29 February."""
_TIME = rf"{_DATE}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]+)?Z"


def _render_file_pattern(character: str, gap: str) -> str:
    """The expression for one file and the comma after it; the groups are the fields of RawFile, the last always empty.

    `gap` is what follows each comma and colon. `character` is one of a digest. Digests are checked later, for all files
    that are taken at once, which takes half the time. Those of other files may be any text, since they are not used.
    """
    digest = f"{character}{{64}}"
    comma, sha256 = f",{gap}", rf'"sha256":{gap}'

    def key(name: str) -> str:
        return f'"{name}":{gap}'

    return (
        rf'\{{(?:{key("core-metadata")}(?:false|\{{{sha256}"({digest})"\}}){comma}'
        rf'(?:{key("data-dist-info-metadata")}(?:false|\{{{sha256}"\1"\}}){comma})?)?'
        rf'{key("filename")}"({_TEXT}*)"{comma}{key("hashes")}\{{{sha256}"({digest})"\}}{comma}'
        rf'(?:{key("provenance")}(?:null|"{_TEXT}*"){comma})?'
        rf'(?:{key("requires-python")}(?:null|"({_TEXT}*)"){comma})?(?:{key("size")}([1-9]{_DIGITS}){comma})?'
        rf'(?:{key("upload-time")}"({_TIME})"{comma})?{key("url")}"(https?://[!$-\[\]-~]*)"'
        rf'(?:{comma}{key("yanked")}(?:false|"({_TEXT}+)"))?()\}}(?:{comma}(?=\{{)|(?=\]))'
    )


_FILE = compile_later(_render_file_pattern('[^"]', ""))
_SPACED_FILE = compile_later(_render_file_pattern('[^"]', " "))
_LAYOUTS = {"": _FILE, " ": _SPACED_FILE}
"""The expression for each gap."""

_FILE_BESIDE_ESCAPES = compile_later(_render_file_pattern(r'[^"\\]', ""))
_SPACED_FILE_BESIDE_ESCAPES = compile_later(_render_file_pattern(r'[^"\\]', " "))
_LAYOUTS_WITH_ESCAPES = {"": _FILE_BESIDE_ESCAPES, " ": _SPACED_FILE_BESIDE_ESCAPES}
"""For a page with a backslash somewhere, where a quote need not end a text. A tenth slower."""

_FILENAME = 2
"""The group of the file name."""

_MARK = "0"
"""Replaces the scanned files when `json` reads the rest of the page: a file is never a number."""

_RELATIVE_LIMIT = 256 * 1024 * 1024
"""The most characters that relative links get from the URL of the page, which each of them repeats."""

_SIZE_LIMIT_BYTES = 10**SIZE_DIGITS
_ABSOLUTE = ("https://", "http://")
_UTC_TIME = compile_later(_TIME)

_METADATA_KEYS = ("core-metadata", "data-core-metadata", "dist-info-metadata", "data-dist-info-metadata")
"""The keys of a metadata file, of which the first present one counts (PEP 714, with the older names of PEP 691)."""

# The types of values, for the message about a file that has another one.
_KINDS: dict[str, type[str] | type[dict[str, object]]] = {
    "filename": str,
    "url": str,
    "hashes": dict,
    "requires-python": str,
    "upload-time": str,
    "yanked": str,
}

_REQUIRED = ("filename", "url", "hashes")


def parse_json_page(body: bytes, *, url: str, name: NormalizedName | None = None) -> tuple[RawFile, ...]:
    """The files of a page, in page order; `url` is that of the page after redirects.

    `name` is the project whose page it must be, None for any.

    Raises PageError for a page that is not JSON or not as PEP 691 requires; the text names the file and the key. A page
    of more than 2,000,000 values is refused before it is read.
    """
    scanned: list[RawFile] = []
    if scan_json_page(body, url=url, name=name, take=scanned.append, take_other=scanned.append):
        return tuple(scanned)
    page = load_json_page(body)
    _check_page(page, name)
    files = page.get("files")
    if not isinstance(files, list):
        raise PageError("`files` is not a list")
    if len(files) * len(url) > _RELATIVE_LIMIT:
        raise PageError(f"it has {len(files)} files, too many to hold in memory")
    return tuple(_build_all(files, url))


def load_json_page(body: bytes) -> dict[str, Any]:
    """The object that a page is. Raises PageError for another text, and for one of too many values."""
    try:
        page = parse_json(body)
    except DocumentError as error:
        raise PageError(f"not JSON that can be read: {error}") from error
    if not isinstance(page, dict):
        raise PageError("not a JSON object")
    return page


def scan_json_page(
    body: bytes,
    *,
    url: str,
    name: NormalizedName | None = None,
    take: Callable[[RawFile], None],
    take_other: Callable[[RawFile], None],
    rejects: Callable[[str], bool] = lambda filename: False,
) -> bool:
    """Whether the page has the layout that can be scanned; if not, discard what was taken and parse the page.

    Each file goes to `take` in page order, unless `rejects` is true for its name. A file of another layout goes to
    `take_other`, since its link may have any scheme. Raises PageError for an unknown version of the simple API, for a
    page of too many values, and for the page of another project than `name`.
    """
    try:
        page = _scan(
            body.decode("utf-8"), take=take, rejects=rejects, take_other=lambda file: take_other(_build(file, url))
        )
    except DocumentError as error:
        raise PageError(str(error)) from error
    except (KeyError, TypeError, AttributeError, ValueError):
        # The other reader reads the whole page again, so that its error can name the file.
        return False
    if page is None:
        return False
    _check_page(page, name)
    return True


def _check_page(page: dict[str, object], name: NormalizedName | None) -> None:
    """Raise PageError for an unknown major version (PEP 629, PEP 691), and for the page of another project.

    A page without a version has version 1.
    """
    own = page.get("name")
    if name is not None and isinstance(own, str) and canonicalize_name(own) != name:
        raise PageError(f"it is the page of `{own[:100]}`, not of `{name}`")
    meta = page.get("meta")
    version = meta.get("api-version", "1.0") if isinstance(meta, dict) else "1.0"
    if not isinstance(version, str) or version.partition(".")[0] != "1":
        raise PageError(f"version {version} of the simple API is not known, only 1")


def _build_all(files: list[object], url: str) -> Iterable[RawFile]:
    """The files of a list. Raises PageError that names the first malformed one."""
    for place, file in enumerate(files):
        if not isinstance(file, dict):
            raise PageError(f"`files[{place}]` is not an object")
        try:
            yield _build(file, url)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise PageError(_describe_fault(file, f"files[{place}]")) from error


def _build(file: dict[str, Any], url: str) -> RawFile:
    """One file. Raises KeyError, TypeError, AttributeError or ValueError for one that is not as PEP 691 requires."""
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


def _resolve(reference: str, url: str) -> str:
    """The reference as an absolute URL without a fragment."""
    if not reference.startswith(_ABSOLUTE):
        reference = urljoin(url, reference)
    return urldefrag(reference).url if "#" in reference else reference


def _find_metadata_hash(value: object) -> str | None:
    """The value of `RawFile.core_metadata`: a hash, empty for none, None without a file."""
    if isinstance(value, dict):
        return render_metadata_hash(value)
    return "" if value is True else None


def _to_utc(time: str) -> str | None:
    """A time of another zone, or without one, as RFC 3339 in UTC; None for a text that is no time."""
    try:
        instant = datetime.fromisoformat(time)
        instant = instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, OverflowError):
        # OverflowError: a time of the year 1 or 9999 that is in another year in UTC.
        return None
    return instant.isoformat().replace("+00:00", "Z")


def _describe_fault(file: dict[str, Any], place: str) -> str:
    """The reason why `_build` fails for a file, which is at `place` of the page."""
    for key, kind in _KINDS.items():
        if key not in file and key in _REQUIRED:
            return f"`{place}` has no `{key}`"
        # An optional value may be null, and `yanked` may be true or false.
        optional = file.get(key) is None and key not in _REQUIRED
        if not optional and not isinstance(file[key], kind) and not (key == "yanked" and type(file[key]) is bool):
            return f"`{place}.{key}` is {_name_kind(file[key])}, not {_name_kind(kind())}"
    for algorithm, digest in file["hashes"].items():
        if not isinstance(digest, str):
            return f"`{place}.hashes.{algorithm}` is {_name_kind(digest)}, not a text"
    return f"`{place}.url` is no URL"


def _name_kind(value: object) -> str:
    """The JSON type of a value, with its article, or `null`, `true`, `false`."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    names: dict[type, str] = {str: "a text", dict: "an object", list: "a list"}
    return names.get(type(value), "a number")


def _scan(
    text: str,
    *,
    take: Callable[[RawFile], None],
    rejects: Callable[[str], bool],
    take_other: Callable[[dict[str, Any]], None],
) -> dict[str, Any] | None:
    """The page without its files; None if the page has another layout, so that what was taken must be discarded.

    Each file goes to `take`, unless `rejects` is true for its name. A file of another layout goes to `take_other`,
    whose exceptions pass through.
    """
    for gap, pattern in (_LAYOUTS_WITH_ESCAPES if "\\" in text else _LAYOUTS).items():
        opening = f'"files":{gap}['
        start = text.find(opening) + len(opening)
        if start >= len(opening) and pattern.match(text, start):
            break
    else:
        return None
    digests: list[str | None] = []
    end = _scan_files(text, start, pattern, f",{gap}", digests, take, rejects, take_other)
    if not text.startswith("]", end):
        return None
    rest = f"{text[:start]}{_MARK}{text[end:]}"
    check_value_count(rest)
    try:
        page = json.loads(rest)
    except ValueError:
        return None
    # The scanned list is the page's own only if the mark is in its place: other objects may have `files` as well.
    return page if isinstance(page, dict) and page.get("files") == [0] and _are_hashes(digests) else None


def _scan_files(
    text: str,
    start: int,
    pattern: Pattern[str],
    comma: str,
    digests: list[str | None],
    take: Callable[[RawFile], None],
    rejects: Callable[[str], bool],
    take_other: Callable[[dict[str, Any]], None],
) -> int:
    """The offset at which the text, read from `start`, is no list of files any more.

    `comma` is what is between two files. `digests` gets the taken hashes.
    """
    # Without RawFile._make, which also counts the fields: the expression always has as many.
    make, decoder, is_counted = tuple.__new__, json.JSONDecoder(), False
    end = start
    while True:
        # Match after match as in `re.Scanner`, since the documented methods need a call from Python for each.
        match = None
        for match in iter(pattern.scanner(text, end).match, None):  # type: ignore[attr-defined]  # not in typeshed
            # Most names are rejected here, before any other field of the file is copied.
            if not rejects(match[_FILENAME]):
                fields = match.groups()
                digests += (fields[0], fields[2])
                take(make(RawFile, fields))
        end = match.end() if match is not None else end
        if not text.startswith("{", end):
            return end
        if not is_counted:
            # A scanned file has few values, which takes no count.
            check_value_count(text)
            is_counted = True
        try:
            file, behind = decoder.raw_decode(text, end)
        except ValueError:
            return end
        take_other(file)
        end = behind + len(comma) * text.startswith(f"{comma}{{", behind)


def _are_hashes(digests: Iterable[str | None]) -> bool:
    """Whether each text, None aside, is a digest in lower-case hex."""
    joined = "".join(filter(None, digests))
    try:
        # A tenth of the time of a regular expression. It also accepts capitals and spaces, hence the comparisons.
        return len(bytes.fromhex(joined)) * 2 == len(joined) and joined == joined.lower()
    except ValueError:
        return False
