"""A project page or find-links page in HTML (PEP 503, 592, 629, 658, 714).

Every anchor is a file; what is none by its name is dropped by whoever asked for the page.
"""

from __future__ import annotations

from html.parser import HTMLParser
from urllib.parse import parse_qsl, unquote, urldefrag, urljoin, urlsplit

from resolver.index.raw_file import SHA256, PageError, RawFile, build_raw_file

__all__ = ["parse_html_page"]


def parse_html_page(body: bytes, *, url: str, charset: str = "utf-8") -> tuple[RawFile, ...]:
    """What the anchors of a page point to, in page order; `url` is where it came from at last. Raises PageError."""
    try:
        text = body.decode(charset, "replace")
    except LookupError as error:
        raise PageError(f"the character set `{charset}` is not known") from error
    reader = _AnchorReader(url)
    reader.feed(text.removeprefix("\ufeff"))
    reader.close()
    return tuple(reader.files)


class _AnchorReader(HTMLParser):
    """Collects files; `base` is what references are relative to, the page's URL or its `<base href>`."""

    def __init__(self, url: str) -> None:
        super().__init__(convert_charrefs=True)
        self.files: list[RawFile] = []
        self._base = url
        self._has_base = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        # The first of repeated attributes counts (HTML living standard), so the list is read from its end.
        values = dict(reversed(attrs))
        if tag == "a":
            self._add(values)
        elif tag == "base" and not self._has_base and values.get("href"):
            self._has_base = True
            self._base = urljoin(self._base, values["href"] or "")
        elif tag == "meta" and values.get("name") == "pypi:repository-version":
            _check_version(values.get("content") or "")

    def _add(self, values: dict[str, str | None]) -> None:
        try:
            reference, fragment = urldefrag(urljoin(self._base, (values.get("href") or "").strip()))
            filename = unquote(urlsplit(reference).path.rpartition("/")[2])
        except ValueError:
            # Not a URL at all (`http://[`): nothing that could be fetched.
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
    """Refuse a major version that is not known (PEP 629)."""
    if version.partition(".")[0] != "1":
        raise PageError(f"version {version} of the simple API is not known, only 1")


def _read_hash(fragment: str) -> dict[str, str]:
    """The hash in a URL's fragment (`sha256=…`, perhaps beside `egg=…`)."""
    return {} if not fragment else dict(parse_qsl(fragment))


def _find_metadata_hash(values: dict[str, str | None]) -> str | None:
    """As `RawFile.core_metadata`; of the two attributes the newer one counts (PEP 714)."""
    for attribute in ("data-core-metadata", "data-dist-info-metadata"):
        if attribute in values:
            value = (values[attribute] or "").lower()
            if value == "false":
                return None
            digest = value.removeprefix("sha256=")
            return digest if SHA256.fullmatch(digest) else ""
    return None
