"""What a list says, token by token, before any of it is understood: flags with their values, and requirements.

Readers of items and of files make statements; everything after them no longer asks which of the two it was.
"""

from __future__ import annotations

import posixpath

from lockfiles.value_classes import dataclass
from resolver.requirements.flags import Flag
from resolver.requirements.position import Position

__all__ = ["FlagUse", "RequirementUse", "Statement"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagUse:
    """A flag with its value; empty for a switch."""

    position: Position
    flag: Flag
    value: str = ""

    @property
    def folder(self) -> str:
        """The folder, or URL prefix, of the file that this flag stands in; empty where it stands in no file."""
        return posixpath.dirname(self.position.source)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequirementUse:
    """The text of a requirement or constraint with the flags of its line."""

    position: Position
    text: str
    editable: bool = False
    constraint: bool = False
    line_flags: tuple[FlagUse, ...] = ()


Statement = FlagUse | RequirementUse
