"""How much two lists say the same, without parsing either: for a guess that a check then confirms.

In: sources, or the layers of a lock. Out: their items without white space and quotes, and how many of them agree.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from resolver.sources.source import Source

__all__ = ["collect_words", "measure_likeness"]

_INCLUDED = re.compile(r"^\s*(?:-r|--requirement)[\s=]*(\S+)")
_COMMENT = re.compile(r"(?:^|\s)#.*")
_SPACES = re.compile(r"[\s\"'()]+")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
_MOST_FILES = 50


def collect_words(source: Source | Sequence[Sequence[str]]) -> frozenset[str]:
    """The items of a list, each as one word in small letters; those of the files that it includes too."""
    if not isinstance(source, Source):
        items: Iterator[str] = (text for layer in source for text in layer)
    elif source.layers is not None:
        items = (text for layer in source.layers for text in layer)
    else:
        items = _iter_lines(source.text or "", source.folder, set())
    return frozenset(word for text in items if (word := _SPACES.sub("", text).lower()))


def measure_likeness(one: frozenset[str], other: frozenset[str]) -> tuple[float, float]:
    """The part of all items that both lists have, then that of projects, each from 0 to 1: likeness."""
    names = [frozenset(match[0] for word in words if (match := _NAME.match(word))) for words in (one, other)]
    return _share(one, other), _share(*names)


def _share(one: frozenset[str], other: frozenset[str]) -> float:
    both = one | other
    return len(one & other) / len(both) if both else 0.0


def _iter_lines(text: str, folder: Path, seen: set[Path]) -> Iterator[str]:
    for line in text.splitlines():
        included = _INCLUDED.match(line)
        if included is None:
            yield _COMMENT.sub("", line)
            continue
        path = folder / included[1]
        if path in seen or len(seen) >= _MOST_FILES:
            continue
        seen.add(path)
        try:
            yield from _iter_lines(path.read_text(encoding="utf-8", errors="replace"), path.parent, seen)
        except (OSError, ValueError):
            continue
