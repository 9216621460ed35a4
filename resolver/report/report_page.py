"""The page of a report: its template, style and script with the data of a report put in.

In: a `Report`, or the JSON document of one. Out: one HTML file that loads nothing. `page.html`, `page.css` and
`page.js` lie beside this module, as they are shown; nothing is built. The page reads its data from one JSON element, so
the same page shows any document of the same schema.

Metadata of packages is untrusted. In the file it is JSON whose `<`, `>` and `&` are escapes, so that no text ends the
element; the script makes text nodes of it and no markup, and no link. The policy of the page (CSP) allows the style and
the script by their hashes alone, and no request.
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from pathlib import Path

from resolver.report.report_data import Report, render_json

__all__ = ["render_page", "render_report"]

_ESCAPES = {ord(character): f"\\u{ord(character):04x}" for character in "<>&"}
_PLACE = r"\{\{([a-z ]+)\}\}"


def render_report(report: Report) -> str:
    """The report as an HTML page, the same for the same report."""
    return render_page(render_json(report))


def render_page(document: str) -> str:
    """The page for a JSON document that `report.schema.json` describes, in ASCII as `render_json` writes it."""
    style, script = _read("page.css"), _read("page.js")
    parts = {
        "style": style,
        "style hash": _hash(style),
        "script": script,
        "script hash": _hash(script),
        "data": document.strip().translate(_ESCAPES),
    }
    # In one pass: the data may hold what looks like another place.
    return re.sub(_PLACE, lambda match: parts[match[1]], _read("page.html"))


@cache
def _read(name: str) -> str:
    """A file beside this module, with the line ends that browsers hash."""
    return Path(__file__).with_name(name).read_text(encoding="utf-8").replace("\r\n", "\n")


def _hash(text: str) -> str:
    """The hash of an inline element, as CSP writes it (Content Security Policy Level 3: hash-source).

    Browsers hash the text between the tags, to the last line end.
    """
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
