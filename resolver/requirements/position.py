"""Where something stands in what the user wrote: the first thing that every message about a list says."""

from __future__ import annotations

from lockfiles.value_classes import dataclass

__all__ = ["Position"]

_MOST_SHOWN = 6
"""Of so many files that include each other all are named; of more, the innermost ones and the outermost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A place in a list or file.

    `source` is `requirements` for a list given to the API, else the file's name as the user wrote it, or
    `command line`. `layer` and `item` count from 0; `line` counts from 1, and where it is known no number is shown.
    `included_by` is the `-r` or `-c` that led here.
    """

    source: str = "requirements"
    item: int | None = None
    layer: int | None = None
    line: int | None = None
    included_by: Position | None = None

    def __str__(self) -> str:
        places = [self]
        while (outer := places[-1].included_by) is not None:
            places.append(outer)
        texts = [place._render_own() for place in places]
        if len(texts) > _MOST_SHOWN:
            texts[_MOST_SHOWN - 2 : -1] = [f"… {len(texts) - _MOST_SHOWN + 1} more …"]
        return " (from ".join(texts) + ")" * (len(texts) - 1)

    def _render_own(self) -> str:
        """The place without what led here."""
        text = self.source
        if self.line is not None:
            return f"{text}:{self.line}"
        if self.layer is not None:
            text += f"[{self.layer}]"
        if self.item is not None:
            text += f"[{self.item}]"
        return text
