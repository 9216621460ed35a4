"""A JSON project page in the layout that large indexes write, read by one pass over its text.

In: the text of a page (ASCII, no backslash) and a parser for a single file. Out: the files, or None for a page that has
to be read by `json`. Keys in one order and no spaces: then one anchored regular expression a file takes 5 ms for 2 MB,
where `json.loads` and what follows it take 12 to 19. Each character of the list is seen by the expression or, file by
file, by `json`, and the page around the list is read by `json`: a property test holds both readings together.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from resolver.index.distribution_file import SIZE_DIGITS
from resolver.index.raw_file import RawFile

__all__ = ["scan_page"]

_LIST_START = '"files":['
_TEXT = r"[ !#-\[\]-~]"
_DIGITS = f"[0-9]{{0,{SIZE_DIGITS - 1}}}"
_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?Z"
_FILE = re.compile(
    r'\{(?:"core-metadata":(?:false|\{"sha256":"(.{64})"\}),'
    r'(?:"data-dist-info-metadata":(?:false|\{"sha256":"[0-9a-f]{64}"\}),)?)?'
    rf'"filename":"({_TEXT}*)","hashes":\{{"sha256":"(.{{64}})"\}},(?:"provenance":(?:null|"{_TEXT}*"),)?'
    rf'(?:"requires-python":(?:null|"({_TEXT}*)"),)?(?:"size":([1-9]{_DIGITS}),)?(?:"upload-time":"({_TIME})",)?'
    rf'"url":"(https?://[!$-\[\]-~]*)"(?:,"yanked":(?:false|"({_TEXT}+)"))?()\}}(?:,(?=\{{)|(?=\]))',
    re.DOTALL,
)
"""One file and the comma behind it; the groups are the fields of RawFile, the last always empty.

`.{64}` skips without looking, which halves the time; all hashes are looked at together afterwards.
"""
_MARK = "0"
"""Stands for the scanned files where the rest of the page is read: no file is a number."""


def scan_page(text: str, *, build: Callable[[dict[str, Any]], RawFile]) -> tuple[list[RawFile], dict[str, Any]] | None:
    """The files in page order, and the page without them; None where the page is not of this layout.

    `build` makes a file out of one that is not of the layout; what it raises passes through.
    """
    start = text.find(_LIST_START) + len(_LIST_START)
    if start < len(_LIST_START) or not _FILE.match(text, start):
        return None
    files, end = _scan_files(text, start, build)
    if not text.startswith("]", end):
        return None
    try:
        page = json.loads(f"{text[:start]}{_MARK}{text[end:]}")
    except ValueError:
        return None
    # What was scanned is the page's own list only if the mark in its place is; `files` may stand in other objects too.
    if not isinstance(page, dict) or page.get("files") != [0] or not _has_good_hashes(files):
        return None
    return files, page


def _scan_files(text: str, start: int, build: Callable[[dict[str, Any]], RawFile]) -> tuple[list[RawFile], int]:
    """The files from `start` on, and where the text ceases to be one."""
    files: list[RawFile] = []
    # Not RawFile._make, which also counts the fields: the expression always gives as many.
    make, decoder = tuple.__new__, json.JSONDecoder()
    end = start
    while True:
        # One match behind the other, as `re.Scanner` does it: the documented methods take a call from here for each.
        last = None
        matches = iter(_FILE.scanner(text, end).match, None)  # type: ignore[attr-defined]  # typeshed has none
        files += [make(RawFile, (last := match).groups()) for match in matches]
        end = last.end() if last is not None else end
        if not text.startswith("{", end):
            return files, end
        try:
            file, behind = decoder.raw_decode(text, end)
        except ValueError:
            return files, end
        files.append(build(file))
        end = behind + text.startswith(",{", behind)


def _has_good_hashes(files: list[RawFile]) -> bool:
    # Places, not names: reading a field by its name takes twice as long.
    digests = [digest for file in files for digest in (file[0], file[2]) if digest]
    joined = "".join(digests)
    try:
        # Takes a tenth of the time of an expression; it also reads capitals and passes over spaces.
        return len(bytes.fromhex(joined)) * 2 == len(joined) and joined == joined.lower()
    except ValueError:
        return False
