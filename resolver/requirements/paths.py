"""Paths in a list: local paths rewritten for another folder, and tokens in the paths of URLs replaced by variables.

In: a parsed list, and functions that rewrite a path. Out: the list with its locations and direct references made
absolute for reading, or relative for messages and the lock. Nothing here touches the disk.

In: the text of a list or setting, and the patterns of `[tool.pinfold.secrets]`. Out: that text with `${SECRET_1}` in
place of each token that a pattern finds in the path of a URL, and a mapping of variables that holds the token. From the
parser on, such a token is a variable like any other. Users have to give patterns, because such tokens look like names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, assert_never, cast

from lockfiles._values import compile_later
from lockfiles.variable_bindings import VariableBindings
from resolver.errors import InputError
from resolver.requirements.entry import Entry, LocalPath, RequirementItems, RequirementList
from resolver.requirements.flags import FlagUse, RequirementUse, Statement
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
"""A function from an entry and its path to the path to use instead."""

# Two letters at least: `C:` is a drive of Windows.
_SCHEME = compile_later(r"[A-Za-z][A-Za-z0-9+.-]+:")
_LONGEST_PATH = 1000
"""A pattern takes at most a third power of this many steps (see `resolver.settings.settings`)."""
# A URL up to its query. The length of a scheme is limited to keep the search linear.
_URL = compile_later(r"(?P<start>[A-Za-z][A-Za-z0-9+.-]{0,30}://[^\s/?#'\"]*)(?P<path>/[^\s?#'\"]*)")


class PathTokens(Mapping[str, str]):
    """The variables of a caller, and those for the tokens that `hide` has found so far.

    Each of `patterns` has one group, which matches the token. Tokens in the values of the caller's variables are
    replaced too. Equal tokens have one name. The `repr` is redacted.

    `public_queries` are the names of queries whose values may be locked though they look random. They come with the
    variables because the parser of a direct reference needs both, and no other text is parsed with either.

    `bindings` are the hosts that the caller's variables may be sent to; None is all hosts.
    """

    def __init__(
        self,
        patterns: Sequence[re.Pattern[str]],
        variables: Mapping[str, str],
        *,
        public_queries: Collection[str] = (),
        bindings: VariableBindings | None = None,
    ) -> None:
        self.public_queries = tuple(public_queries)
        self._patterns = tuple(patterns)
        self._variables = variables
        self._bindings = bindings
        self._names: dict[str, str] = {}
        self._values: dict[str, str] = {}

    def may_send(self, name: str, scheme: str, authority: str) -> bool:
        """Whether a variable may be in a request for a URL with this scheme and authority, or in a build (`BUILDS`).

        A token of `hide` may be: it is written out in the list, for this URL.
        """
        if name in self._values or self._bindings is None:
            return True
        return self._bindings.allows(name, scheme=scheme, authority=authority)

    def hide(self, text: str) -> str:
        """The text with a variable in place of each token that a pattern finds in the path of a URL."""
        if not self._patterns or "://" not in text:
            return text
        return _URL.sub(lambda match: f"{match['start']}{self._hide_path(match['path'])}", text)

    def _hide_path(self, path: str) -> str:
        """The path of a URL without tokens of any pattern."""
        if len(path) > _LONGEST_PATH:
            raise InputError(
                f"a URL has a path of {len(path)} characters, and patterns of `[tool.pinfold.secrets]` search"
                f" {_LONGEST_PATH} at most",
                remedy="`${VAR}` in place of its token",
            )
        # A later pattern sees the variables of an earlier one, and `_replace` leaves them alone.
        for pattern in self._patterns:
            path = pattern.sub(self._replace, path)
        return path

    def _replace(self, match: re.Match[str]) -> str:
        """The variable for a match; the match itself if its token is empty or already a variable."""
        token = match[1]
        if not token or "${" in token:
            return match[0]
        name = self._names.setdefault(token, f"SECRET_{len(self._names) + 1}")
        self._values[name] = token
        # The group may be anywhere in the match: the text around it stays.
        start, end = match.start(1) - match.start(), match.end(1) - match.start()
        return f"{match[0][:start]}${{{name}}}{match[0][end:]}"

    def __getitem__(self, name: str) -> str:
        # A token of `hide` has priority over a variable of the same name.
        value = self._values.get(name)
        return self.hide(self._variables[name]) if value is None else value

    def __iter__(self) -> Iterator[str]:
        yield from self._values
        yield from (name for name in self._variables if name not in self._values)

    def __bool__(self) -> bool:
        # Without variables too, it has the rules of the settings.
        return True

    def __len__(self) -> int:
        return len(self._values.keys() | self._variables.keys())

    def __repr__(self) -> str:
        return "PathTokens(…)"


def rewrite_paths(
    requirement_list: RequirementList,
    *,
    location: Callable[[str], str],
    reference: RewriteReference,
    text: RewriteReference | None,
) -> RequirementList:
    """The list with all paths rewritten, in one pass.

    `location` rewrites indexes and find-links locations that are paths, `reference` direct references, and `text` the
    same references in the texts of entries. `text` None leaves these texts as they are.
    """

    # The parts of a list that hold locations: scopes, named locations, the scope of dependencies, and taken ones.
    def scope(old: Scope) -> Scope:
        return _rewrite_scope(old, location)

    def entry(old: Entry) -> Entry:
        scoped = replace(old, scope=scope(old.scope), own_scope=scope(old.own_scope))
        return rewrite_entry(scoped, reference=reference, text=text)

    return replace(
        requirement_list,
        layers=tuple(
            replace(layer, entries=tuple(map(entry, layer.entries)), scope=scope(layer.scope))
            for layer in requirement_list.layers
        ),
        constraints=tuple(map(entry, requirement_list.constraints)),
        named_locations=tuple(
            replace(one, url=_rewrite_url(one.url, location)) for one in requirement_list.named_locations
        ),
        dependency_scope=scope(requirement_list.dependency_scope),
        taken_indexes=tuple(
            replace(one, entry=entry(one.entry), index=_rewrite_url(one.index, location))
            for one in requirement_list.taken_indexes
        ),
    )


def rewrite_entry(entry: Entry, *, reference: RewriteReference, text: RewriteReference | None) -> Entry:
    """The entry with the path of its reference rewritten by `reference`, and that in its text by `text`.

    An entry without a local path stays as it is. `text` None leaves the text as it is.
    """
    direct = entry.direct
    if not isinstance(direct, LocalPath):
        return entry
    shown = entry.text
    if text is not None:
        shown = render_requirement(replace(entry, direct=LocalPath(path=text(entry, direct))))
    return replace(entry, direct=LocalPath(path=reference(entry, direct)), text=shown)


def is_url(text: str) -> bool:
    """Whether a location is a URL, or begins with a variable that may hold one; otherwise it is a path."""
    return _SCHEME.match(text) is not None or text.startswith("${")


def hide_items(items: RequirementItems, hide: Callable[[str], str]) -> RequirementItems:
    """The items, or layers of items, without tokens in their URLs; values that are no text stay for the parser."""

    def hide_item(item: Any) -> Any:
        if isinstance(item, tuple):
            return tuple(map(hide_item, item))
        return hide(item) if isinstance(item, str) else item

    return cast("RequirementItems", tuple(map(hide_item, items)) if isinstance(items, tuple) else items)


def hide_statement(statement: str | Statement, hide: Callable[[str], str]) -> str | Statement:
    """An item or a statement without tokens in its URLs."""
    match statement:
        case str():
            return hide(statement)
        case FlagUse():
            return replace(statement, value=hide(statement.value))
        case RequirementUse():
            return replace(statement, text=hide(statement.text))
        case _:
            assert_never(statement)


def _rewrite_scope(scope: Scope, rewrite: Callable[[str], str]) -> Scope:
    """The scope with the paths of its locations rewritten."""
    return Scope(
        extra_indexes=tuple(_rewrite_url(url, rewrite) for url in scope.extra_indexes),
        indexes=tuple(_rewrite_url(url, rewrite) for url in scope.indexes),
        default_index=scope.default_index,
        find_links=tuple(_rewrite_url(url, rewrite) for url in scope.find_links),
    )


def _rewrite_url(url: Url, rewrite: Callable[[str], str]) -> Url:
    """The location with its path rewritten; a URL stays as it is."""
    return url if is_url(url.public) else replace(url, public=rewrite(url.public))
