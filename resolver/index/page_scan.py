"""A JSON project page in the layout that large indexes write, read by one pass over its text.

In: the text of a page (ASCII, no backslash) and a parser for a single file. Out: the files, or None for a page that has
to be read by `json`. Keys in one order and no spaces: then one anchored regular expression a file takes 5 ms for 2 MB,
where `json.loads` and what follows it take 12 to 19. Each character of the list is seen by the expression or, file by
file, by `json`, and the page around the list is read by `json`: a property test holds both readings together.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import Any

from resolver.index.distribution_file import SIZE_DIGITS
from resolver.index.raw_file import RawFile

__all__ = ["scan_page", "scan_page_into"]

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
