"""The paths of direct references in a list: made absolute to be looked at, relative to be stored.

How a path is rewritten is for the caller to know; nothing here touches the disk.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from resolver.requirements.entry import Entry, LocalPath, RequirementList
from resolver.requirements.requirement_text import render_requirement

__all__ = ["rewrite_entry", "rewrite_references"]

Rewrite = Callable[[Entry, LocalPath], str]
"""From an entry and its path to the path to use."""


def rewrite_references(requirement_list: RequirementList, rewrite: Rewrite, *, shown: bool) -> RequirementList:
    """The list with the path of every direct reference rewritten; with `shown` also in the texts of its entries."""

    def entry(old: Entry) -> Entry:
        return rewrite_entry(old, rewrite, shown=shown)

    return replace(
        requirement_list,
        layers=tuple(replace(layer, entries=tuple(map(entry, layer.entries))) for layer in requirement_list.layers),
        constraints=tuple(map(entry, requirement_list.constraints)),
    )


def rewrite_entry(entry: Entry, rewrite: Rewrite, *, shown: bool) -> Entry:
    """The entry with its path rewritten, if it has one."""
    if not isinstance(entry.direct, LocalPath):
        return entry
    rewritten = replace(entry, direct=LocalPath(path=rewrite(entry, entry.direct)))
    return replace(rewritten, text=render_requirement(rewritten)) if shown else rewritten
