"""A folder of recorded HTTP answers: what a package index said, kept to be said again.

In: answers that the recording index fetched. Out: the same answers, byte for byte. A module of its own because the
recording and the serving half share nothing but this folder, which lies outside the repository.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Answer", "Question", "Store"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A request as far as its answer depends on it; `byte_range` is the Range header, empty for the whole file."""

    method: str
    url: str
    byte_range: str = ""

    @property
    def key(self) -> str:
        """The file name under which the answer lies."""
        text = f"{self.method} {self.url} {self.byte_range}"
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the index said: the status, the headers worth repeating (lower-case names), and the body, decoded."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


class Store:
    """Answers by question, one file each: a line of JSON, then the body."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def read(self, question: Question) -> Answer | None:
        """The recorded answer, or `None` if that was never asked."""
        try:
            return _read(self._path(question))[1]
        except FileNotFoundError:
            return None

    def iter_answers(self) -> Iterator[tuple[Question, Answer]]:
        """All that is recorded, in no order."""
        for path in self._folder.glob("??/*"):
            if not path.suffix:
                yield _read(path)

    def write(self, question: Question, answer: Answer) -> None:
        """Keep the answer; a recording that is cut off leaves the old one."""
        head = {
            "method": question.method,
            "url": question.url,
            "range": question.byte_range,
            "status": answer.status,
            "headers": answer.headers,
        }
        path = self._path(question)
        path.parent.mkdir(exist_ok=True)
        unfinished = path.with_suffix(".part")
        unfinished.write_bytes(json.dumps(head).encode() + b"\n" + answer.body)
        unfinished.replace(path)

    def _path(self, question: Question) -> Path:
        key = question.key
        return self._folder / key[:2] / key


def _read(path: Path) -> tuple[Question, Answer]:
    head, _, body = path.read_bytes().partition(b"\n")
    fields = json.loads(head)
    question = Question(method=fields["method"], url=fields["url"], byte_range=fields["range"])
    return question, Answer(status=fields["status"], headers=fields["headers"], body=body)
