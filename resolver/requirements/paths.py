"""The paths of a list, of its locations and direct references: made absolute to be read, relative to be stored.

A location without a scheme is a path. The caller knows how a path is rewritten; nothing here touches the disk.

The path of a direct reference in a list: made absolute to be read, relative to be shown and stored.

The caller knows how a path is rewritten; nothing here touches the disk.

Tokens in the paths of URLs, which only the user can tell from names: `[tool.pinfold.secrets] patterns`.

In: text of a list or setting. Out: the same text with `${SECRET_1}` where a pattern finds a token, and a mapping of
variables that has its value. So from the parser on, such a token is a variable like any other.

Lists without the tokens that a pattern finds in the paths of their URLs (see `PathTokens`).

In: items and flags as they were read, and what hides a token. Out: the same with variables in place of tokens.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from resolver.requirements.entry import Entry, LocalPath, RequirementItems, RequirementList
from resolver.requirements.flags import FlagUse, Statement
from resolver.requirements.requirement_text import render_requirement
from resolver.requirements.scopes import Scope
from resolver.requirements.url import Url

__all__ = [
    "PathTokens",
    "RewriteReference",
    "hide_items",
    "hide_statement",
    "is_url",
    "rewrite_entry",
    "rewrite_paths",
]


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


_URL = re.compile(r"(?P<start>[A-Za-z][A-Za-z0-9+.-]{0,30}://[^\s/?#'\"]*)(?P<path>/[^\s?#'\"]*)")


class PathTokens(Mapping[str, str]):
    """The variables of a caller, and those that stand for tokens found by `hide` so far.

    `patterns` have one group each, which is the token. What a variable of the caller holds is hidden as well.
    """

    def __init__(self, patterns: Sequence[re.Pattern[str]], variables: Mapping[str, str]) -> None:
        self._patterns = tuple(patterns)
        self._variables = variables
        self._names: dict[str, str] = {}
        self._values: dict[str, str] = {}

    def hide(self, text: str) -> str:
        """The text, with a variable in each URL for what a pattern finds in its path."""
        if not self._patterns or "://" not in text:
            return text
        return _URL.sub(lambda match: f"{match['start']}{self._hide_path(match['path'])}", text)

    def _hide_path(self, path: str) -> str:
        for pattern in self._patterns:
            path = pattern.sub(self._replace, path)
        return path

    def _replace(self, match: re.Match[str]) -> str:
        token = match[1]
        if not token or "${" in token:
            return match[0]
        name = self._names.setdefault(token, f"SECRET_{len(self._names) + 1}")
        self._values[name] = token
        start, end = match.start(1) - match.start(), match.end(1) - match.start()
        return f"{match[0][:start]}${{{name}}}{match[0][end:]}"

    def __getitem__(self, name: str) -> str:
        value = self._values.get(name)
        return self.hide(self._variables[name]) if value is None else value

    def __iter__(self) -> Iterator[str]:
        yield from self._values
        yield from (name for name in self._variables if name not in self._values)

    def __len__(self) -> int:
        return len(self._values.keys() | self._variables.keys())

    def __repr__(self) -> str:
        return "PathTokens(…)"


def hide_items(items: RequirementItems, hide: Callable[[str], str]) -> RequirementItems:
    """The items without tokens in their URLs; what is no text is left for the parser to judge."""

    def hide_item(item: Any) -> Any:
        if isinstance(item, tuple):
            return tuple(map(hide_item, item))
        return hide(item) if isinstance(item, str) else item

    return cast("RequirementItems", tuple(map(hide_item, items)) if isinstance(items, tuple) else items)


def hide_statement(one: str | Statement, hide: Callable[[str], str]) -> str | Statement:
    """An item or a flag without tokens in its URLs."""
    match one:
        case str():
            return hide(one)
        case FlagUse():
            return replace(one, value=hide(one.value))
        case _:
            return replace(one, text=hide(one.text))
