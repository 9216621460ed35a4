"""A project page or find-links page in HTML, read into the files that its anchors point to.

In: the bytes of a page, its URL and character set. Out: `RawFile` values in page order. Every anchor becomes a file;
the caller removes those whose name is not that of a distribution. This is a module of its own since most indexes answer
in JSON and the import of `html.parser` takes 3 ms.

Standards: PEP 503 (simple API), PEP 592 (yanked files), PEP 629 (version), PEP 658 and PEP 714 (metadata files).
"""

from __future__ import annotations

from html.parser import HTMLParser
from urllib.parse import parse_qsl, unquote, urldefrag, urljoin, urlsplit

from resolver.index.distribution_file import PageError, RawFile, build_raw_file, render_metadata_hash

__all__ = ["parse_html_page"]

# Elements whose text may mark a page as one of an index.
_HEADINGS = frozenset({"title", "h1", "h2", "h3"})
_FRAME = frozenset({"html", "head", "body", "meta", "base", "link", "br", "hr"})
"""Elements that a page without visible content may have."""


def parse_html_page(body: bytes, *, url: str, charset: str = "utf-8") -> tuple[RawFile, ...]:
    """The files that the anchors of a page point to, in page order; `url` is that of the page after redirects.

    Raises PageError for an unknown character set, an unknown version of the simple API, and a page without anchors that
    does not look like one of an index: it may be a page to log in, which must not count as an empty project.
    """
    try:
        text = body.decode(charset, "replace")
    except LookupError as error:
        raise PageError(f"the character set `{charset}` is not known") from error
    reader = _AnchorReader(url)
    reader.feed(text.removeprefix("\ufeff"))
    reader.close()
    if not reader.has_anchor and not reader.looks_like_an_index:
        raise PageError("it holds no link, and nothing marks it as an empty page of an index: it may be one to log in")
    return tuple(reader.files)


class _AnchorReader(HTMLParser):
    """Collects files. References are relative to `_base`, which is the page's URL or its first `<base href>`."""

    def __init__(self, url: str) -> None:
        super().__init__(convert_charrefs=True)
        self.files: list[RawFile] = []
        self.has_anchor = False
        self._is_html = self._is_marked = self._has_content = self._in_heading = False
        self._base = url
        self._has_base = False

    @property
    def looks_like_an_index(self) -> bool:
        """Whether a page without anchors may be that of a project without files: marked as an index, or empty HTML."""
        return self._is_marked or (self._is_html and not self._has_content)

    def handle_decl(self, decl: str) -> None:
        """Note `<!DOCTYPE html>`."""
        self._is_html = self._is_html or decl.lower().startswith("doctype html")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Read anchors, `<base>` and `<meta>`; any element outside headings and frame counts as visible content."""
        # The first of repeated attributes counts (HTML living standard), so the list is read from its end.
        values = dict(reversed(attrs))
        if tag == "a":
            self.has_anchor = True
            self._add(values)
            return
        if tag == "base" and not self._has_base and values.get("href"):
            self._has_base = True
            self._base = urljoin(self._base, values["href"] or "")
        elif tag == "meta" and values.get("name") == "pypi:repository-version":
            self._is_marked = True
            _check_version(values.get("content") or "")
        elif tag in _HEADINGS:
            self._in_heading = True
        elif tag not in _FRAME:
            self._has_content = True
        self._is_html = self._is_html or tag == "html"
        # A refresh leads to another page, such as one to log in.
        self._has_content = self._has_content or (values.get("http-equiv") or "").lower() == "refresh"

    def handle_endtag(self, tag: str) -> None:
        """Note the end of a heading."""
        if tag in _HEADINGS:
            self._in_heading = False

    def handle_data(self, data: str) -> None:
        """Note text: indexes write `Links for NAME` in the title or a heading."""
        if self._in_heading:
            self._is_marked = self._is_marked or data.strip().lower().startswith("links for ")
        elif data.strip():
            self._has_content = True

    def _add(self, values: dict[str, str | None]) -> None:
        """Add the file of an anchor, unless its reference has no file name."""
        try:
            reference, fragment = urldefrag(urljoin(self._base, (values.get("href") or "").strip()))
            filename = unquote(urlsplit(reference).path.rpartition("/")[2])
        except ValueError:
            # A text that is no URL (`http://[`) cannot be fetched, so the anchor does not count.
            return
        if filename:
            self.files.append(
                build_raw_file(
                    filename=filename,
                    url=reference,
                    hashes=_read_hash(fragment),
                    requires_python=values.get("data-requires-python"),
                    yanked=(values["data-yanked"] or "") if "data-yanked" in values else None,
                    core_metadata=_find_metadata_hash(values),
                )
            )


def _check_version(version: str) -> None:
    """Raise PageError for an unknown major version (PEP 629)."""
    if version.partition(".")[0] != "1":
        raise PageError(f"version {version} of the simple API is not known, only 1")


def _read_hash(fragment: str) -> dict[str, str]:
    """The hash in a URL's fragment (`sha256=…`, perhaps beside `egg=…`)."""
    return {} if not fragment else dict(parse_qsl(fragment))


def _find_metadata_hash(values: dict[str, str | None]) -> str | None:
    """The value of `RawFile.core_metadata`; of the two attributes the newer one takes precedence (PEP 714)."""
    for attribute in ("data-core-metadata", "data-dist-info-metadata"):
        if attribute in values:
            value = (values[attribute] or "").lower()
            if value == "false":
                return None
            algorithm, _, digest = value.partition("=")
            return render_metadata_hash({algorithm: digest} if digest else {"sha256": algorithm})
    return None
