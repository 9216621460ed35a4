"""Text that may be a secret, for code that needs it as text: the value of a `--config-settings`.

A `Secret` is opened in one place. This goes to build backends as it is, through many hands, and must only not be shown
where somebody shows the locals of a traceback.
"""

from __future__ import annotations

__all__ = ["HiddenText"]


class HiddenText(str):
    """A text whose `repr` says nothing of it. Equal to, and hashed as, the same plain text."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "HiddenText(…)"
