"""The path of a value inside a TOML document, as messages and comparisons name it: `tool.pinfold.build."a.b"`."""

from __future__ import annotations

import json
import re

__all__ = ["join_key"]

_BARE_KEY = re.compile("[A-Za-z0-9_-]+")


def join_key(path: str, key: str) -> str:
    """The path of `key` in the table at `path`; a key that is not bare stands in quotes, in ASCII."""
    text = key if _BARE_KEY.fullmatch(key) else json.dumps(key)
    return f"{path}.{text}" if path else text
