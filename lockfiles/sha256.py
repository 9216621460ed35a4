"""SHA-256 of texts and files; of texts without OpenSSL, which `hashlib` loads in 2.5 ms of a run that hashes 2 KB."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

__all__ = ["hash_bytes", "hash_file"]

_MODULES = ("_sha2", "_sha256", "hashlib")
"""Python's own since 3.12, that of 3.11, and what every Python has."""


def hash_bytes(data: bytes) -> str:
    """The SHA-256 in hex."""
    digest: str = _find_sha256()(data).hexdigest()
    return digest


def hash_file(path: Path) -> str:
    """The SHA-256 of a file in hex. Raises OSError."""
    # Lazy: few runs read a file that is large enough for OpenSSL to be worth its start.
    from hashlib import file_digest

    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


@cache
def _find_sha256() -> Callable[[bytes], Any]:
    for name in _MODULES:
        try:
            found: Callable[[bytes], Any] = import_module(name).sha256
        except (ImportError, AttributeError):
            continue
        return found
    raise ImportError("this Python has no SHA-256")
