"""The seal of a lock: a hash over all of the document, so that an edit by hand or by a merge shows.

It proves nothing against somebody who means harm and can make a new one: `lock verify` asks the indexes for that.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from lockfiles.sha256 import hash_bytes

__all__ = ["SEAL_KEY", "build_seal", "has_broken_seal", "with_seal"]

SEAL_KEY = "contents"
_BEHIND = "requirement-digest"


def build_seal(document: Mapping[str, Any]) -> str:
    """`sha256:hex` over the document as JSON without white space, keys sorted, without the seal itself.

    Dates and times stand as texts, as Python writes them.
    """
    tool = document.get("tool")
    table = tool.get("pinfold") if isinstance(tool, Mapping) else None
    if isinstance(tool, Mapping) and isinstance(table, Mapping):
        bare = {key: value for key, value in table.items() if key != SEAL_KEY}
        document = {**document, "tool": {**tool, "pinfold": bare}}
    text = json.dumps(document, ensure_ascii=True, sort_keys=True, separators=(",", ":"), default=str)
    return f"sha256:{hash_bytes(text.encode('ascii'))}"


def with_seal(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with its seal in `[tool.pinfold]`; one without that table is as it was."""
    tool = document.get("tool")
    if not isinstance(tool, Mapping) or "pinfold" not in tool:
        return dict(document)
    table: dict[str, Any] = {}
    for key, value in tool["pinfold"].items():
        table[key] = value
        if key == _BEHIND:
            table[SEAL_KEY] = build_seal(document)
    return {**document, "tool": {**tool, "pinfold": table}}


def has_broken_seal(document: Mapping[str, Any]) -> bool:
    """Whether the document has a seal that is not its own; one without seal or table has none to break."""
    tool = document.get("tool")
    table = tool.get("pinfold") if isinstance(tool, Mapping) else None
    seal = table.get(SEAL_KEY) if isinstance(table, Mapping) else None
    return seal is not None and seal != build_seal(document)
