"""Project pages and find-links pages, read into the rows that a target can use, in the order of its preference.

In: the bytes of a page with its content type and final URL, or the files of a local folder; and a target. Out:
`RawFile` values in page order (`parse_project_page`, `parse_find_links_page`, `build_find_links_files`), and the
`ParsedPage` of a target (`build_project_page`, or `read_project_page` for both steps in one pass). This is apart from
`resolver.index.project_page` since a warm run loads pages and builds none.

A cold run reads each file of each page here, so parts that files share (tags, versions, Requires-Python) are decided
once a page. A page that cannot be read raises PageError: a broken page must not count as one without the project.

Standards: PEP 503 and PEP 691 (simple API), PEP 592 (yanked files), PEP 629 (version), PEP 425 and PEP 427 (tags and
build tags), PEP 440 (order of versions).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from operator import itemgetter
from typing import NamedTuple
from urllib.parse import unquote

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from lockfiles._values import compile_later
from lockfiles.errors import parser_boundary
from resolver.index.core_metadata import admits_python
from resolver.index.distribution_file import (
    FileName,
    FileNames,
    PageError,
    RawFile,
    UnreadableNameError,
    build_raw_file,
    is_distribution,
)
from resolver.index.json_page import parse_json_page, scan_json_page
from resolver.index.location import Location
from resolver.index.project_page import (
    LazyVersions,
    ParsedPage,
    Rejection,
    dump_file,
    dump_rejection,
    dump_row,
    parse_build_tag,
    write_upload_times,
)
from resolver.requirements.url import parse_url, redact
from resolver.targets.target import Target

__all__ = [
    "PageError",
    "build_find_links_files",
    "build_project_page",
    "parse_find_links_page",
    "parse_project_page",
    "read_project_page",
]

_SDIST_RANK = -1

_PLAIN_ORDER = itemgetter(0, 1, 2)
"""The sort key of `_Usable` values if none has a build tag and no two have the same name."""

_SDIST_SUFFIX = ".tar.gz"
"""The suffix of nearly all sdists."""

_SHORT_PART = 80
"""The most characters of a part that is remembered: a name of three such parts is never too long."""

_VERSIONED = compile_later(r"application/vnd\.pypi\.simple\.(?P<version>v\d+|latest)\+(?P<form>json|html)")
_CHARSET = compile_later(r"charset\s*=\s*\"?([A-Za-z0-9_.:-]+)", re.IGNORECASE)
_WEB = ("https://", "http://")
_PLAIN_FORMS = {"text/html": "html", "application/xhtml+xml": "html", "application/json": "json"}


class PageBuilder:
    """Builds a page from files that are added one by one.

    The parts of wheel names are remembered: most names of a page combine parts that occurred before.
    """

    __slots__ = (
        "_judge",
        "_name",
        "_names",
        "_rejected",
        "_rows",
        "_spellings",
        "_tails",
        "_unreadable",
        "_useless",
        "_versions",
    )

    def __init__(self, *, name: NormalizedName, target: Target) -> None:
        self._name = name
        self._names = FileNames(name)
        self._rows: dict[Version, _Row] = {}
        self._unreadable: list[Rejection] = []
        self._judge = _Judge(target)
        # The parts of wheel names so far: spellings of the project, versions with their rows, ends with rank and tags.
        self._spellings: set[str] = set()
        self._versions: dict[str, tuple[Version, _Row]] = {}
        self._tails: dict[str, tuple[int | None, str]] = {}
        # The ends among them that the target has no tag of, and the rejected files of each version.
        self._useless: set[str] = set()
        self._rejected: dict[str, list[str]] = {}

    def rejects(self, filename: str) -> bool:
        """Whether the name alone shows that the target cannot use the file, which then is added as a rejected one.

        Most files of a page are wheels for other machines whose parts all occurred before.
        """
        parts = filename.split("-", 2)
        if parts[-1] not in self._useless or parts[0] not in self._spellings:
            return False
        rejected = self._rejected.get(parts[1])
        if rejected is None:
            return False
        rejected.append(filename)
        return True

    def add(self, raw: RawFile) -> None:
        """Add a file to the usable or rejected files of its row, unless it is of another project or kind.

        A file with a malformed name is rejected; it counts all the same.
        """
        filename = raw.filename
        known = self._find_known(filename)
        if known is not None:
            rank, tags, version, row = known
            self._judge.place(raw, FileName(version, "", tags), rank, row)
            return
        try:
            found = self._names.read(filename)
        except UnreadableNameError as error:
            self._reject_unreadable(filename, error)
            return
        if found is None:
            return
        row = _find_row(self._rows, found.version)
        rank = self._judge.find_rank(found.tags)
        self._judge.place(raw, found, rank, row)
        # Remember the parts of a wheel without a build tag. A name with a long part is read each time, since the check
        # of its whole length would be skipped.
        parts = filename.split("-", 2)
        if found.tags and not found.build and max(map(len, parts)) < _SHORT_PART:
            self._spellings.add(parts[0])
            self._versions[parts[1]] = (found.version, row)
            self._rejected[parts[1]] = row.rejected
            self._tails[parts[2]] = (rank, found.tags)
            if rank is None:
                self._useless.add(parts[2])

    def _find_known(self, filename: str) -> tuple[int | None, str, Version, _Row] | None:
        """Rank, tags, version and row of a file whose parts occurred before; None for any other file.

        The version alone may be new: then it is parsed, and the row is made. This also covers sdists with the usual
        suffix.
        """
        parts = filename.split("-", 2)
        if parts[0] not in self._spellings:
            return None
        if len(parts) == 3:
            text, known = parts[1], self._tails.get(parts[2])
            if known is None:
                return None
        elif filename.endswith(_SDIST_SUFFIX):
            text, known = parts[1][: -len(_SDIST_SUFFIX)], (_SDIST_RANK, "")
        else:
            return None
        found = self._versions.get(text)
        if found is None:
            if len(text) >= _SHORT_PART:
                return None
            try:
                version = self._names.parse_version(text)
            except UnreadableNameError:
                return None
            found = self._versions[text] = (version, _find_row(self._rows, version))
            self._rejected[text] = found[1].rejected
        return (*known, *found)

    def build(self, location: Location) -> ParsedPage:
        """The page with all files that were added.

        The builder may be used further: nothing of it is changed.
        """
        columns = _build_columns(self._rows, self._names)
        return ParsedPage(
            name=self._name,
            location=location.url.public,
            index=location.url.public if location.form == "index" else None,
            file_count=len(self._unreadable) + sum(len(row.usable) + len(row.rejected) for row in self._rows.values()),
            versions=LazyVersions(columns.versions),
            wheel_mask=columns.wheel,
            sdist_mask=columns.sdist,
            prerelease_mask=columns.prerelease,
            yanked_mask=columns.yanked,
            partly_yanked_mask=columns.partly_yanked,
            local_mask=columns.local,
            unreadable=tuple(sorted(self._unreadable, key=lambda rejection: rejection.filename)),
            upload_times=write_upload_times(columns.upload_times),
            row_texts=columns.texts,
        )

    def _reject_unreadable(self, filename: str, error: UnreadableNameError) -> None:
        """Add a file with a malformed name, to its row if at least its version can be read."""
        if error.version is None:
            self._unreadable.append(Rejection(filename=filename, reason="format", detail=str(error)))
        else:
            row = _find_row(self._rows, error.version)
            row.rejected.append(dump_rejection(filename, "format", str(error)))


def build_project_page(
    files: Iterable[RawFile], *, name: NormalizedName, location: Location, target: Target
) -> ParsedPage:
    """The page of a project, the same for any order of files. Files of other projects or kinds are left out."""
    builder = PageBuilder(name=name, target=target)
    for file in files:
        builder.add(file)
    return builder.build(location)


@parser_boundary(PageError, own=PageError)
def read_project_page(
    body: bytes, *, content_type: str, url: str, name: NormalizedName, location: Location, target: Target
) -> ParsedPage:
    """The page of a project from its bytes. Raises PageError.

    It equals the result of `parse_project_page` and `build_project_page`, but is made in one pass: of most files that
    the target cannot use, nothing but the name is read.
    """
    # Only JSON can be scanned; a page of another layout is read again by the two functions below.
    if _find_form(content_type) == "json":
        builder = PageBuilder(name=name, target=target)

        def take_other(file: RawFile) -> None:
            for kept in _check_links((file,) if is_distribution(file.filename) else (), url):
                builder.add(kept)

        if scan_json_page(body, url=url, name=name, take=builder.add, take_other=take_other, rejects=builder.rejects):
            return builder.build(location)
    files = parse_project_page(body, content_type=content_type, url=url, name=name)
    return build_project_page(files, name=name, location=location, target=target)


@parser_boundary(PageError, own=PageError)
def parse_project_page(body: bytes, *, content_type: str, url: str, name: NormalizedName) -> tuple[RawFile, ...]:
    """The wheels and sdists of a project page. `url` is that of the page after redirects.

    Raises PageError for another content type, an unknown version of the simple API, or malformed content.
    """
    files = (
        parse_json_page(body, url=url, name=name)
        if _find_form(content_type) == "json"
        else _parse_html(body, content_type, url)
    )
    # Most files are wheels, and a call for each takes as long as the rest of this function.
    found = tuple([file for file in files if file.filename[-4:] == ".whl" or is_distribution(file.filename)])
    return _check_links(found, url)


@parser_boundary(PageError, own=PageError)
def parse_find_links_page(body: bytes, *, content_type: str, url: str, name: NormalizedName) -> tuple[RawFile, ...]:
    """The project's wheels and sdists among the links of any HTML page, or the files of a JSON page.

    A page without a known content type is read as HTML, since find-links pages come from any web server. Raises
    PageError.
    """
    if content_type.partition(";")[0].strip().lower().endswith("json"):
        return _check_links(_select_project(parse_json_page(body, url=url), name), url)
    return _check_links(_select_project(_parse_html(body, content_type, url), name), url)


def build_find_links_files(urls: Iterable[str], *, name: NormalizedName) -> tuple[RawFile, ...]:
    """The project's wheels and sdists in a local folder, given as `file:` URLs in any order.

    A folder has no hashes, sizes or dates; they are read from the files later.
    """
    return _select_project(
        (
            build_raw_file(
                filename=unquote(url.rpartition("/")[2]),
                url=url,
                hashes={},
                requires_python=None,
                yanked=None,
                core_metadata=None,
            )
            for url in sorted(urls)
        ),
        name,
    )


class _Row:
    """The files of one version.

    `version` is the spelling that sorts first as text (1.0 before 1.0.0), so the order of the page does not matter.
    """

    __slots__ = ("rejected", "usable", "version")

    def __init__(self, version: Version) -> None:
        self.version = version
        self.usable: list[_Usable] = []
        self.rejected: list[str] = []


class _Usable(NamedTuple):
    """A file that the target can use. The first fields are the order within a row, build tags aside."""

    is_sdist: bool
    rank: int
    filename: str
    raw: RawFile
    name: FileName


class _Judge:
    """Decides for each file whether the target can use it.

    The rank of each tag set is computed once a page, since the files of a page share a few dozen sets.
    """

    __slots__ = ("_python", "_ranks", "_tag_ranks")

    def __init__(self, target: Target) -> None:
        self._tag_ranks = target.tag_ranks
        self._python = target.environment["python_full_version"]
        self._ranks: dict[str, int | None] = {"": _SDIST_RANK}

    def place(self, raw: RawFile, name: FileName, rank: int | None, row: _Row) -> None:
        """Add the file to the usable or the rejected files of its row."""
        if rank is None:
            row.rejected.append(dump_rejection(raw.filename, "tags", name.tags))
        elif raw.requires_python and not admits_python(raw.requires_python, self._python):
            row.rejected.append(dump_rejection(raw.filename, "python", raw.requires_python))
        else:
            if "?" in raw.url or "@" in raw.url:
                # A link may hold a signature or token, which must not reach rows, caches and locks.
                raw = raw._replace(url=parse_url(raw.url).public)
            row.usable.append(_Usable(rank == _SDIST_RANK, rank, raw.filename, raw, name))

    def find_rank(self, tags: str) -> int | None:
        """The best rank of a compressed tag set for the target, None if it has none of the target's tags."""
        if tags not in self._ranks:
            self._ranks[tags] = self._find_rank(tags)
        return self._ranks[tags]

    def _find_rank(self, tags: str) -> int | None:
        """The best rank, computed; wheel tags do not depend on case."""
        ranks = self._tag_ranks
        # Most sets are of one tag, so that no combination has to be made (PEP 425, compressed tag sets).
        if "." not in tags:
            return ranks.get(tags.lower())
        interpreters, abis, platforms = (part.split(".") for part in tags.lower().split("-"))
        found = (
            ranks.get(f"{interpreter}-{abi}-{platform}")
            for interpreter in interpreters
            for abi in abis
            for platform in platforms
        )
        return min((rank for rank in found if rank is not None), default=None)


def _find_row(rows: dict[Version, _Row], version: Version) -> _Row:
    """The row of a version, made if there is none; it gets the spelling that sorts first."""
    row = rows.get(version)
    if row is None:
        row = rows[version] = _Row(version)
    # Equal versions are one row; `FileNames` has one object for each text, so most need no comparison of texts.
    elif row.version is not version and str(version) < str(row.version):
        row.version = version
    return row


def _build_columns(rows: dict[Version, _Row], names: FileNames) -> _Columns:
    """The columns of a page. One loop builds all of them, since a call for each row and column is measurable."""
    versions: list[str | Version] = []
    texts: list[str] = []
    times: list[list[str | None]] = []
    wheel = sdist = prerelease = yanked = partly_yanked = local = 0
    for place, key in enumerate(sorted(rows, key=_find_order, reverse=True)):
        row, bit = rows[key], 1 << place
        usable = _sort(row.usable)
        version = row.version
        plain = names.find_plain_text(version)
        versions.append(plain or version)
        times.append([file.raw.upload_time for file in usable])
        rejections = sorted(row.rejected) if len(row.rejected) > 1 else row.rejected
        texts.append(
            dump_row(
                [dump_file(file.raw, file.name, file.rank, row_version=version) for file in usable],
                rejections,
            )
        )
        # Wheels come before sdists: there is a wheel if the first file is one, and an sdist if the last one is.
        if usable:
            wheel |= bit * (not usable[0].is_sdist)
            sdist |= bit * usable[-1].is_sdist
            first, *others = [file.raw.yanked is not None for file in usable]
            yanked |= bit * (first and all(others))
            partly_yanked |= bit * ((not first) in others)
        # A version with a plain text is a release without pre-release, post-release and label.
        if plain is None:
            prerelease |= bit * version.is_prerelease
            local |= bit * (version.local is not None)
    return _Columns(versions, texts, times, wheel, sdist, prerelease, yanked, partly_yanked, local)


class _Columns(NamedTuple):
    """The values of all rows, newest version first: texts, upload times of the usable files, and masks."""

    versions: list[str | Version]
    texts: list[str]
    upload_times: list[list[str | None]]
    wheel: int
    sdist: int
    prerelease: int
    yanked: int
    partly_yanked: int
    local: int


def _find_order(version: Version) -> tuple[int, tuple[int, ...], Version]:
    """A sort key in the order of PEP 440. Epoch and release decide most comparisons, which is faster than `Version`."""
    # Trailing zeros do not count: 1.0 and 1.0.0 are equal.
    release = version.release
    while release and release[-1] == 0:
        release = release[:-1]
    return version.epoch, release, version


def _sort(usable: list[_Usable]) -> list[_Usable]:
    """Wheels by tag, higher build tag, file name; then sdists by file name; equal names by all other fields."""
    if len(usable) == 1:
        return usable
    if len({file.filename for file in usable}) < len(usable):
        usable = _join_hashes(usable)
    elif not any(file.name.build for file in usable):
        return sorted(usable, key=_PLAIN_ORDER)
    # Three stable sorts, the least important first, since build tags alone are in descending order.
    by_name = sorted(
        usable, key=lambda file: (file.filename, *((field is not None, field or "") for field in file.raw))
    )
    by_build = sorted(by_name, key=lambda file: parse_build_tag(file.name.build), reverse=True)
    return sorted(by_build, key=lambda file: (file.is_sdist, file.rank))


def _join_hashes(usable: list[_Usable]) -> list[_Usable]:
    """The files, each with the SHA-256 of all files of its name.

    A page that lists a name with two hashes contradicts itself, and later stages must notice that.
    """
    digests: dict[str, set[str]] = {}
    for file in usable:
        digests.setdefault(file.filename, set()).update([file.raw.sha256] if file.raw.sha256 else ())
    joined = []
    for file in usable:
        # The lowest digest is the `sha256` of each; None replaces it if the page has no digest.
        first, *others = (*sorted(digests[file.filename]), None)
        texts = [f"sha256:{digest}" for digest in others if digest is not None]
        raw = file.raw
        if texts:
            raw = raw._replace(sha256=first, other_hashes=" ".join((*raw.other_hashes.split(), *texts)))
        joined.append(file._replace(raw=raw))
    return joined


def _find_form(content_type: str) -> str:
    """`json` or `html`. Raises PageError for another content type, or another version of the simple API than 1."""
    media_type = content_type.partition(";")[0].strip().lower()
    # Types without a version are accepted from servers of before PEP 691.
    versioned = _VERSIONED.fullmatch(media_type)
    if versioned is not None and versioned["version"] not in ("v1", "latest"):
        raise PageError(f"version {versioned['version'][1:]} of the simple API is not known, only 1")
    form = versioned["form"] if versioned is not None else _PLAIN_FORMS.get(media_type)
    if form is None:
        raise PageError(f"content type `{media_type or 'none'}` is not a page of the simple API (JSON or HTML)")
    return form


def _check_links(files: tuple[RawFile, ...], url: str) -> tuple[RawFile, ...]:
    """The files that can be fetched: by HTTP, or from disk. `url` is that of the page.

    Raises PageError if a page from the network links to a file of this machine: reading it could disclose or install a
    file that the user never named.
    """
    # The usual case, in one pass.
    if all(file.url.startswith(_WEB) for file in files):
        return files
    on_disk = url.startswith("file:")
    kept = []
    for file in files:
        scheme, colon, _ = file.url.partition(":")
        # A scheme of one letter is a drive of Windows.
        is_local = bool(colon) and (scheme.lower() == "file" or len(scheme) == 1)
        if is_local and not on_disk:
            raise PageError(
                f"it links `{file.filename}` to `{redact(file.url)}`, a file of this machine, which only a page on its"
                " disk may do"
            )
        if is_local or scheme.lower() in ("http", "https"):
            kept.append(file)
    return tuple(kept)


def _parse_html(body: bytes, content_type: str, url: str) -> tuple[RawFile, ...]:
    """The files of an HTML page, in the character set that the content type names, UTF-8 without one."""
    # Lazy: most indexes answer in JSON, and the HTML reader is another import.
    from resolver.index.html_page import parse_html_page

    charset = _CHARSET.search(content_type)
    return parse_html_page(body, url=url, charset=charset[1] if charset else "utf-8")


def _select_project(files: Iterable[RawFile], name: NormalizedName) -> tuple[RawFile, ...]:
    """The distributions whose names begin with the project's: a find-links location lists files of many projects."""
    prefix = f"{name}-"
    return tuple(
        file for file in files if is_distribution(file.filename) and canonicalize_name(file.filename).startswith(prefix)
    )
