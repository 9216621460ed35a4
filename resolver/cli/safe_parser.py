"""A parser of words whose errors show no credentials: what a user typed in the wrong place is quoted without them."""

from __future__ import annotations

import argparse
from typing import NoReturn

__all__ = ["SafeParser"]


class SafeParser(argparse.ArgumentParser):
    """argparse, for verbs whose words may hold a URL."""

    def error(self, message: str) -> NoReturn:
        """Leave with code 2 and the message."""
        # Lazy: a run without faults has no use for it.
        from resolver.requirements.url import redact

        super().error(redact(message))
