"""Answers to questions asked before, each with the evidence that it rests on: a file for each question.

A file is used only if it is whole, of the same question, and all of its evidence still holds; else it is as if there
were none. Who asks says what the evidence is; here it is text.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from lockfiles.sha256 import hash_bytes
from resolver.fetch.row_store import write_cache_file

__all__ = ["MemoStore"]

_MOST = 64
"""So many questions are kept: a cut-off that moves with the clock makes a new one each day."""


class MemoStore:
    """Answers in a folder; None keeps nothing."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = None if folder is None else folder / "answers-v1"

    def read(self, question: str) -> tuple[str, str] | None:
        """Evidence and answer as they were stored for a question, or None."""
        if self._folder is None:
            return None
        key = hash_bytes(question.encode())
        try:
            data = (self._folder / key).read_bytes()
            checksum, _, rest = data.partition(b"\n")
            if checksum.decode() != hash_bytes(rest):
                return None
            stored_key, evidence, answer = rest.decode().split("\n")
        except (OSError, ValueError):
            return None
        return (evidence, answer) if stored_key == key else None

    def write(self, question: str, evidence: str, answer: str) -> None:
        """Keep an answer in place of the one before. Both texts are one line."""
        if self._folder is None or "\n" in evidence or "\n" in answer:
            return
        key = hash_bytes(question.encode())
        try:
            rest = f"{key}\n{evidence}\n{answer}".encode()
        except UnicodeEncodeError:
            return
        write_cache_file(self._folder / key, hash_bytes(rest).encode() + b"\n" + rest)
        self._forget_oldest()

    def _forget_oldest(self) -> None:
        assert self._folder is not None
        with suppress(OSError):
            files = sorted(self._folder.iterdir(), key=lambda path: path.stat().st_mtime)
            for path in files[: max(0, len(files) - _MOST)]:
                path.unlink()
