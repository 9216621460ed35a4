"""The paths of a list, of its locations and direct references: made absolute to be read, relative to be stored.

A location without a scheme is a path. The caller knows how a path is rewritten; nothing here touches the disk.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from resolver.requirements.entry import Entry, RequirementList
from resolver.requirements.local_references import RewriteReference, rewrite_entry
from resolver.requirements.scopes import Scope
from resolver.requirements.url import Url

__all__ = ["is_url", "rewrite_paths"]

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")


def is_url(text: str) -> bool:
    """Whether a location is a URL, or a variable that may hold one, rather than a path."""
    return _SCHEME.match(text) is not None or text.startswith("${")


def rewrite_paths(
    requirement_list: RequirementList,
    *,
    location: Callable[[str], str],
    reference: RewriteReference,
    text: RewriteReference | None,
) -> RequirementList:
    """The list with every path in it rewritten, in one pass.

    `location` is for the indexes and find-links locations that are paths, `reference` for direct references, and `text`
    for the same references in the texts of entries; None leaves the texts.
    """

    def scope(old: Scope) -> Scope:
        return Scope(
            extra_indexes=tuple(_rewrite(url, location) for url in old.extra_indexes),
            indexes=tuple(_rewrite(url, location) for url in old.indexes),
            default_index=old.default_index,
            find_links=tuple(_rewrite(url, location) for url in old.find_links),
        )

    def entry(old: Entry) -> Entry:
        scoped = replace(old, scope=scope(old.scope), own_scope=scope(old.own_scope))
        return rewrite_entry(scoped, reference=reference, text=text)

    layers = tuple(
        replace(layer, entries=tuple(map(entry, layer.entries)), scope=scope(layer.scope))
        for layer in requirement_list.layers
    )
    return replace(
        requirement_list,
        layers=layers,
        constraints=tuple(map(entry, requirement_list.constraints)),
        named_locations=tuple(
            replace(named, url=_rewrite(named.url, location)) for named in requirement_list.named_locations
        ),
        dependency_scope=scope(requirement_list.dependency_scope),
    )


def _rewrite(url: Url, rewrite: Callable[[str], str]) -> Url:
    return url if is_url(url.public) else replace(url, public=rewrite(url.public))
