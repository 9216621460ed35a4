"""A parser of words whose errors show no credentials: what a user typed in the wrong place is quoted without them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, NoReturn

__all__ = ["SafeParser", "parse_number"]


class SafeParser(argparse.ArgumentParser):
    """argparse, for verbs whose words may hold a URL. Options may stand between words: `lock why numpy --json LOCK`."""

    def parse_args(  # type: ignore[override]  # argparse has overloads for a namespace, which no verb gives
        self, args: Sequence[str] | None = None, namespace: None = None
    ) -> Any:
        """The values of the words; leaves with code 2 where they are wrong."""
        words = list(args or ())
        # What stands after `--` is no option, which `parse_intermixed_args` does not know.
        return super().parse_args(words) if "--" in words else self.parse_intermixed_args(words)

    def error(self, message: str) -> NoReturn:
        """Leave with code 2 and the message."""
        # Lazy: a run without faults has no use for it.
        from resolver.requirements.url import redact

        super().error(redact(message))


def parse_number(text: str, *, lowest: int) -> int:
    """The whole number that a word says, for `type=`. Raises ArgumentTypeError for another one."""
    if text.isdecimal() and len(text) < 10 and int(text) >= lowest:
        return int(text)
    raise argparse.ArgumentTypeError(f"`{text}` is no whole number from {lowest} on")
