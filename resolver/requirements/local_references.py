"""The path of a direct reference in a list: made absolute to be read, relative to be shown and stored.

The caller knows how a path is rewritten; nothing here touches the disk.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from resolver.requirements.entry import Entry, LocalPath
from resolver.requirements.requirement_text import render_requirement

__all__ = ["RewriteReference", "rewrite_entry"]

RewriteReference = Callable[[Entry, LocalPath], str]
"""From an entry and its path to the path to use."""


def rewrite_entry(entry: Entry, *, reference: RewriteReference, text: RewriteReference | None) -> Entry:
    """The entry with the path of its reference rewritten, if it has one, and that of its text; None leaves the text."""
    direct = entry.direct
    if not isinstance(direct, LocalPath):
        return entry
    shown = entry.text
    if text is not None:
        shown = render_requirement(replace(entry, direct=LocalPath(path=text(entry, direct))))
    return replace(entry, direct=LocalPath(path=reference(entry, direct)), text=shown)
