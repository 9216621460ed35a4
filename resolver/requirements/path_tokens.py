"""Tokens in the paths of URLs, which only the user can tell from names: `[tool.pinfold.secrets] patterns`.

In: text of a list or setting. Out: the same text with `${SECRET_1}` where a pattern finds a token, and a mapping of
variables that has its value. So from the parser on, such a token is a variable like any other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

__all__ = ["PathTokens"]

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
