"""The tokens of a layer as lines that read like a requirements file, for diffs: `--extra-index-url URL` is one line."""

from __future__ import annotations

from collections.abc import Iterable

from lockfiles.value_classes import dataclass

__all__ = ["LineChange", "join_lines"]

_VALUE_FLAGS = frozenset(
    {
        "--constraint",
        "--extra-index-url",
        "--find-links",
        "--index-url",
        "--no-binary",
        "--only-binary",
        "--trusted-host",
    }
)
_LINE_FLAGS = frozenset({"--config-settings", "--hash"})


@dataclass(frozen=True, slots=True, kw_only=True)
class LineChange:
    """One line of the requirement list that only one of two lists has; `layer` counts from 0."""

    layer: int
    text: str
    is_added: bool

    def __str__(self) -> str:
        return f"{'+' if self.is_added else '-'} {self.text}"


def join_lines(tokens: Iterable[str]) -> tuple[str, ...]:
    """A flag with its value, `--editable` with its path, and a requirement with the flags of its own line."""
    lines: list[str] = []
    is_open = False
    for token in tokens:
        if (is_open or token in _LINE_FLAGS) and lines:
            lines[-1] += f" {token}"
        else:
            lines.append(token)
        is_open = not is_open and (token in _VALUE_FLAGS or token in _LINE_FLAGS or token == "--editable")
    return tuple(lines)
