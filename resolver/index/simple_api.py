"""Pages of an index or a find-links location, read into the files that they list.

In: the bytes of a page, its content type, its final URL. Out: `RawFile` values in page order, of which only those that
a target can use are looked at more closely (`resolver.index.project_page`). A page that cannot be read is an error:
nobody falls through to another index because of one.
Standards: PEP 503, 592, 629, 658, 691, 700, 714.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import unquote

from packaging.utils import NormalizedName, canonicalize_name

from resolver.index.file_names import is_distribution
from resolver.index.json_page import parse_json_page, scan_json_page
from resolver.index.location import Location
from resolver.index.page_building import PageBuilder, build_project_page
from resolver.index.parsed_page import ParsedPage
from resolver.index.raw_file import PageError, RawFile, build_raw_file
from resolver.requirements.url import redact
from resolver.targets.target import Target

__all__ = [
    "ACCEPT",
    "PageError",
    "RawFile",
    "build_find_links_files",
    "parse_find_links_page",
    "parse_project_page",
    "read_project_page",
    "select_project",
]

ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01"
"""What to ask an index for (PEP 691): JSON first, then HTML."""

_VERSIONED = re.compile(r"application/vnd\.pypi\.simple\.(?P<version>v\d+|latest)\+(?P<form>json|html)")
_CHARSET = re.compile(r"charset\s*=\s*\"?([A-Za-z0-9_.:-]+)", re.IGNORECASE)
_WEB = ("https://", "http://")


def read_project_page(
    body: bytes, *, content_type: str, url: str, name: NormalizedName, location: Location, target: Target
) -> ParsedPage:
    """The page that `build_project_page` makes of the files of `parse_project_page`. Raises PageError.

    Files that the target cannot use are taken by their names where that is possible: most are not read at all.
    """
    if _find_form(content_type) == "json":
        builder = PageBuilder(name=name, target=target)

        def take_other(file: RawFile) -> None:
            for kept in _check_links((file,) if is_distribution(file.filename) else (), url):
                builder.add(kept)

        if scan_json_page(body, url=url, take=builder.add, take_other=take_other, rejects=builder.rejects):
            return builder.build(location)
    files = parse_project_page(body, content_type=content_type, url=url, name=name)
    return build_project_page(files, name=name, location=location, target=target)


def parse_project_page(body: bytes, *, content_type: str, url: str, name: NormalizedName) -> tuple[RawFile, ...]:
    """The wheels and sdists of a project page. `url` is the page's own, after redirects.

    Raises PageError for another content type, an unknown major version, or content that is not what it claims to be.
    """
    files = (
        parse_json_page(body, url=url) if _find_form(content_type) == "json" else _parse_html(body, content_type, url)
    )
    # Most files are wheels, and asking for each takes as long as all else that is done here.
    found = tuple([file for file in files if file.filename[-4:] == ".whl" or is_distribution(file.filename)])
    return _check_links(found, url)


def parse_find_links_page(body: bytes, *, content_type: str, url: str, name: NormalizedName) -> tuple[RawFile, ...]:
    """The project's wheels and sdists among the links of any HTML page, or of a JSON page. Raises PageError."""
    if content_type.partition(";")[0].strip().lower().endswith("json"):
        return _check_links(select_project(parse_json_page(body, url=url), name), url)
    return _check_links(select_project(_parse_html(body, content_type, url), name), url)


def build_find_links_files(urls: Iterable[str], *, name: NormalizedName) -> tuple[RawFile, ...]:
    """The project's wheels and sdists among the files of a local folder, given as `file:` URLs in any order."""
    return select_project(
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


def select_project(files: Iterable[RawFile], name: NormalizedName) -> tuple[RawFile, ...]:
    """Those that may be the project's by the beginning of their names: a find-links location lists many projects'."""
    prefix = f"{name}-"
    return tuple(
        file for file in files if is_distribution(file.filename) and canonicalize_name(file.filename).startswith(prefix)
    )


def _check_links(files: tuple[RawFile, ...], url: str) -> tuple[RawFile, ...]:
    """The files without those that no request can be made for. `url` is that of the page.

    Raises PageError where a page from the network links to this machine: it has no business with what lies here.
    """
    if all(file.url.startswith(_WEB) for file in files):
        return files
    on_disk = url.startswith("file:")
    kept = []
    for file in files:
        scheme, colon, _ = file.url.partition(":")
        # A single letter is a drive of Windows.
        is_local = bool(colon) and (scheme.lower() == "file" or len(scheme) == 1)
        if is_local and not on_disk:
            raise PageError(
                f"it links `{file.filename}` to `{redact(file.url)}`, a file of this machine, which only a page on its"
                " disk may do"
            )
        if is_local or scheme.lower() in ("http", "https"):
            kept.append(file)
    return tuple(kept)


def _find_form(content_type: str) -> str:
    """`json` or `html`. Raises PageError."""
    media_type = content_type.partition(";")[0].strip().lower()
    versioned = _VERSIONED.fullmatch(media_type)
    if versioned is not None and versioned["version"] not in ("v1", "latest"):
        raise PageError(f"version {versioned['version'][1:]} of the simple API is not known, only 1")
    form = versioned["form"] if versioned is not None else _PLAIN_FORMS.get(media_type)
    if form is None:
        raise PageError(f"content type `{media_type or 'none'}` is not a page of the simple API (JSON or HTML)")
    return form


_PLAIN_FORMS = {"text/html": "html", "application/xhtml+xml": "html", "application/json": "json"}


def _parse_html(body: bytes, content_type: str, url: str) -> tuple[RawFile, ...]:
    # Imported where it is needed: most indexes answer in JSON, and the parser takes 3 ms.
    from resolver.index.html_page import parse_html_page

    charset = _CHARSET.search(content_type)
    return parse_html_page(body, url=url, charset=charset[1] if charset else "utf-8")
