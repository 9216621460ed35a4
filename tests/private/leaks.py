"""Where a secret was left: raw, percent-encoded or in base64."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

__all__ = ["find_leaks", "spell"]


def spell(secret: str) -> tuple[bytes, ...]:
    """The secret as bytes, percent-encoded, and in base64 wherever it may begin in a longer text."""
    data = secret.encode()
    shifted = (base64.b64encode(b"x" * shift + data + b"x" * 3)[4 if shift else 0 : -8] for shift in range(3))
    return (data, quote(secret, safe="").encode(), *shifted)


def find_leaks(folders: Iterable[Path], secrets: Iterable[str]) -> list[str]:
    """The files below the folders that hold one of the secrets."""
    spellings = [spelling for secret in secrets for spelling in spell(secret)]
    names = [Path(place, name) for folder in folders for place, _, files in os.walk(folder) for name in sorted(files)]
    paths = [path for path in names if path.is_file()]
    return [path.name for path in paths if any(spelling in _read(path) for spelling in spellings)]


def _read(path: Path) -> bytes:
    """The content; nothing for a file that has gone meanwhile."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
