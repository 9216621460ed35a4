"""Whether a page links with secrets: then no cache may keep it, and its links are split before they are rows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from resolver.requirements.url import Url, parse_url

if TYPE_CHECKING:
    from resolver.index.raw_file import RawFile

__all__ = ["iter_secret_links", "may_hold_secrets"]

_QUERY = re.compile(rb"\?[^\s\"'<>]*=")
_USER_INFORMATION = re.compile(rb"//[^/?#\s\"'<>]*@")


def may_hold_secrets(body: bytes) -> bool:
    """Whether a link of the page has a query or user information: which of them are secret, nobody need decide here."""
    return (b"?" in body and _QUERY.search(body) is not None) or (
        b"@" in body and _USER_INFORMATION.search(body) is not None
    )


def iter_secret_links(files: Iterable[RawFile]) -> Iterator[Url]:
    """The links of a page that hold a signature, a token or user information."""
    for file in files:
        if "?" in file.url or "@" in file.url:
            url = parse_url(file.url)
            if url.secret is not None:
                yield url
