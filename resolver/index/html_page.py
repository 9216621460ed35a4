"""A project page or find-links page in HTML, read into the files that its anchors point to.

In: the bytes of a page, its URL and character set. Out: `RawFile` values in page order. Every anchor becomes a file;
the caller removes those whose name is not that of a distribution. This is a module of its own since most indexes answer
in JSON, and since it has the tokenizer of HTML.

Only tags, attributes, comments and text matter here, not the tree of elements, so the page is split into tokens as the
HTML living standard describes and no tree is made. That takes time in proportion to the page, whatever it holds: each
search either finds the end of a token or is the last one. The parsers of lxml and selectolax build trees, which takes
them quadratic time (200,000 `<b>` before as many `</p>`: more than 6 s), and comments in `html.parser` took that for
years.

Standards: PEP 503 (simple API), PEP 592 (yanked files), PEP 629 (version), PEP 658 and PEP 714 (metadata files).
"""

from __future__ import annotations

import codecs
import html
import re
from collections.abc import Iterator
from typing import assert_never
from urllib.parse import parse_qsl, unquote, urldefrag, urljoin, urlsplit

from lockfiles._values import compile_later, dataclass
from resolver.index.distribution_file import PageError, RawFile, build_raw_file, render_metadata_hash

__all__ = ["StartTag", "iter_tokens", "parse_html_page"]

# Elements whose text may mark a page as one of an index.
_HEADINGS = frozenset({"title", "h1", "h2", "h3"})
_FRAME = frozenset({"html", "head", "body", "meta", "base", "link", "br", "hr"})
"""Elements that a page without visible content may have."""


_NO_CHARACTER_SETS = frozenset({"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape", "utf-7"})
"""Codecs of Python that no page is written in; some take quadratic time, and some raise whatever the error handler."""

_ANCHOR_LIMIT = 250_000
"""Many times those of the largest find-links pages. Each takes half a kilobyte of memory."""

_BASE_LIMIT = 256 * 1024 * 1024
"""The most characters that the anchors of a page get from its base, which each of them repeats."""

# The parts of a tag. White space is that of HTML, and a quantifier with `+` gives nothing back (no backtracking).
_TAG_NAME = compile_later(r"</?([A-Za-z][^\t\n\f\r />]*+)")
_ATTRIBUTE = compile_later(
    r"[\t\n\f\r /]*+([^\t\n\f\r />][^\t\n\f\r />=]*+)"
    r"(?:[\t\n\f\r ]*+=[\t\n\f\r ]*+(?:\"([^\"]*+)\"|'([^']*+)'|(?![\"'])([^\t\n\f\r >]*+)))?+"
)
_UNFINISHED = compile_later(r"[\t\n\f\r ]*+=")
"""What follows an attribute whose quoted value does not end."""
_TAG_END = compile_later(r"[\t\n\f\r /]*+>")
_COMMENT_END = compile_later(r"--!?>")
_TEXT_ELEMENTS = frozenset({"iframe", "noembed", "noframes", "script", "style", "textarea", "title", "xmp"})
"""Elements whose content has no tags: it ends with their own end tag."""


@dataclass(frozen=True, slots=True)
class StartTag:
    """A start tag. The names of `attributes` are in lower case; the values are decoded, None for a name alone."""

    name: str
    attributes: dict[str, str | None]


@dataclass(frozen=True, slots=True)
class _End:
    """An end tag."""

    name: str


@dataclass(frozen=True, slots=True)
class _Doctype:
    """A `<!DOCTYPE html>`."""


_Token = StartTag | _End | _Doctype | str
"""A text is the text between tags, in parts of any size."""


def parse_html_page(body: bytes, *, url: str, charset: str = "utf-8") -> tuple[RawFile, ...]:
    """The files that the anchors of a page point to, in page order; `url` is that of the page after redirects.

    Raises PageError for an unknown character set, an unknown version of the simple API, a `<base>` that is no URL, more
    than 250,000 anchors, and a page without anchors that does not look like one of an index: it may be a page to log
    in, which must not count as an empty project.
    """
    reader = _AnchorReader(url)
    for token in iter_tokens(body, charset=charset):
        reader.take(token)
    if not reader.has_anchor and not reader.looks_like_an_index:
        raise PageError("it holds no link, and nothing marks it as an empty page of an index: it may be one to log in")
    return tuple(reader.files)


def iter_tokens(body: bytes, *, charset: str = "utf-8") -> Iterator[_Token]:
    """The tokens of a page. What begins and never ends (a comment, a tag) is left out with all that follows it.

    Raises PageError for an unknown character set.
    """
    yield from _split(_decode(body, charset).removeprefix("\ufeff"))


def _decode(body: bytes, charset: str) -> str:
    """The text of a page. Raises PageError for a character set that is not known."""
    try:
        if codecs.lookup(charset).name not in _NO_CHARACTER_SETS:
            return body.decode(charset, "replace")
    except (LookupError, ValueError) as error:
        # ValueError: a codec that cannot replace what it cannot decode, and a name with a zero byte.
        raise PageError(f"the character set `{charset}` is not known") from error
    raise PageError(f"`{charset}` is no character set of a page")


def _split(text: str) -> Iterator[_Token]:
    """The tokens of a text."""
    at = 0
    while at < len(text):
        start = text.find("<", at)
        if start != at:
            yield text[at : start if start > 0 else len(text)]
        if start < 0:
            return
        name = _TAG_NAME.match(text, start)
        if name is None:
            token, at = _read_declaration(text, start)
        elif (found := _read_attributes(text, name.end())) is None:
            return
        else:
            attributes, at = found
            token = _End(name[1].lower()) if text[start + 1] == "/" else StartTag(name[1].lower(), attributes)
        if token is not None:
            yield token
        if isinstance(token, StartTag) and token.name in _TEXT_ELEMENTS:
            end = re.compile(rf"</{token.name}(?=[\t\n\f\r />])", re.IGNORECASE | re.ASCII).search(text, at)
            stop = len(text) if end is None else end.start()
            yield text[at:stop]
            at = stop


def _read_declaration(text: str, start: int) -> tuple[_Token | None, int]:
    """The token of a `<` that begins no tag, and where it ends: a comment is None, and a `<` alone is text."""
    if text.startswith("<!--", start):
        # `<!-->` and `<!--->` are whole comments, so the end may overlap with the start.
        end = _COMMENT_END.search(text, start + 2)
        return None, len(text) if end is None else end.end()
    if text.startswith(("<!", "<?", "</"), start):
        stop = text.find(">", start)
        is_doctype = text[start + 2 : start + 14].lower() == "doctype html"
        return (_Doctype() if is_doctype else None), len(text) if stop < 0 else stop + 1
    return "<", start + 1


def _read_attributes(text: str, at: int) -> tuple[dict[str, str | None], int] | None:
    """The attributes of a tag after its name, and where the tag ends; None for a tag that does not end."""
    attributes: dict[str, str | None] = {}
    while (end := _TAG_END.match(text, at)) is None:
        found = _ATTRIBUTE.match(text, at)
        if found is None:
            return None
        name, *values = found.groups()
        value = next((value for value in values if value is not None), None)
        if value is None and _UNFINISHED.match(text, found.end()):
            return None
        # The first of repeated attributes counts.
        attributes.setdefault(name.lower(), None if value is None else _unescape(value))
        at = found.end()
    return attributes, end.end()


def _unescape(value: str) -> str:
    """The value with its character references decoded."""
    try:
        return html.unescape(value)
    except ValueError as error:
        # Python reads no number of more than 4,300 digits.
        raise PageError("a character reference has thousands of digits") from error


class _AnchorReader:
    """Collects files. References are relative to `_base`, which is the page's URL or its first `<base href>`."""

    def __init__(self, url: str) -> None:
        self.files: list[RawFile] = []
        self.has_anchor = False
        self._is_html = self._is_marked = self._has_content = self._in_heading = False
        self._base = url
        self._has_base = False

    @property
    def looks_like_an_index(self) -> bool:
        """Whether a page without anchors may be that of a project without files: marked as an index, or empty HTML."""
        return self._is_marked or (self._is_html and not self._has_content)

    def take(self, token: _Token) -> None:
        """Read the next token of the page. Raises PageError."""
        match token:
            case str():
                self._take_text(token)
            case StartTag():
                self._take_start(token.name, token.attributes)
            case _End():
                self._in_heading = self._in_heading and token.name not in _HEADINGS
            case _Doctype():
                self._is_html = True
            case _:
                assert_never(token)

    def _take_start(self, tag: str, values: dict[str, str | None]) -> None:
        """Read anchors, `<base>` and `<meta>`; any element outside headings and frame counts as visible content."""
        if tag == "a":
            self.has_anchor = True
            self._add(values)
            return
        if tag == "base" and not self._has_base and values.get("href"):
            self._has_base = True
            self._base = _join_base(self._base, values["href"] or "")
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

    def _take_text(self, text: str) -> None:
        """Note text: indexes write `Links for NAME` in the title or a heading."""
        if self._in_heading:
            self._is_marked = self._is_marked or text.strip().lower().startswith("links for ")
        elif not self._has_content and _unescape(text).strip():
            self._has_content = True

    def _add(self, values: dict[str, str | None]) -> None:
        """Add the file of an anchor, unless its reference has no file name."""
        try:
            reference, fragment = urldefrag(urljoin(self._base, (values.get("href") or "").strip()))
            filename = unquote(urlsplit(reference).path.rpartition("/")[2])
            hashes = _read_hash(fragment)
        except ValueError:
            # A text that is no URL (`http://[`) cannot be fetched, so the anchor does not count.
            return
        if len(self.files) == _ANCHOR_LIMIT or len(self.files) * len(self._base) > _BASE_LIMIT:
            raise PageError(f"it has more than {len(self.files)} links, too many to hold in memory")
        if filename:
            self.files.append(
                build_raw_file(
                    filename=filename,
                    url=reference,
                    hashes=hashes,
                    requires_python=values.get("data-requires-python"),
                    yanked=(values["data-yanked"] or "") if "data-yanked" in values else None,
                    core_metadata=_find_metadata_hash(values),
                )
            )


def _join_base(url: str, reference: str) -> str:
    """The URL of `<base href>`. Raises PageError for a text that is no URL."""
    try:
        return urljoin(url, reference)
    except ValueError as error:
        raise PageError("its `<base href>` is no URL") from error


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
