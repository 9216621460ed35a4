"""`${VAR}` as pip expands it (pip: Requirements File Format): upper case, digits and `_` in braces, nothing else.

In: text and a mapping that the caller made. Out: text. An unset or empty variable stays as text, as with pip.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

__all__ = ["VARIABLE", "expand_line", "expand_variables"]

VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")
_WORD = re.compile(r"\S+")


def expand_variables(text: str, variables: Mapping[str, str]) -> str:
    """The text with every set variable replaced by its value."""
    return VARIABLE.sub(lambda match: variables.get(match[1]) or match[0], text)


def expand_line(line: str, variables: Mapping[str, str]) -> str:
    """A line of a requirement file with its variables expanded, but for those inside URLs.

    A URL is expanded where it is split into its public part and its secret, so that a credential never stands in
    text that a message could show.
    """
    return _WORD.sub(lambda match: match[0] if "://" in match[0] else expand_variables(match[0], variables), line)
