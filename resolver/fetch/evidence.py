"""What the answers of a source were, so that a later run can tell that they would be the same, and search nothing.

Evidence is the identity of each page and of each project's records that were asked for since the source was opened. It
holds where the stores would give the same of each, unasked: then whatever follows from these answers follows again.

Answers to questions asked before, each with the evidence that it rests on: a file for each question.

A file is used only if it is whole, of the same question, and all of its evidence still holds; else it is as if there
were none. Who asks says what the evidence is; here it is text.
"""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

from packaging.utils import NormalizedName

from lockfiles._files import hash_bytes
from resolver.fetch.projects.dependencies import FileDependencies
from resolver.fetch.projects.pages import ProjectPages
from resolver.fetch.projects.row_store import find_product, is_fresh, write_cache_file
from resolver.index.distribution_file import DistributionFile
from resolver.index.location import Location

__all__ = [
    "Evidence",
    "MemoStore",
]


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


class Evidence:
    """What was asked of one source, and the answers to questions that rest on it. `folder` None keeps nothing."""

    def __init__(self, *, pages: ProjectPages, metadata: FileDependencies, folder: Path | None) -> None:
        self._pages = pages
        self._metadata = metadata
        self._memo = MemoStore(folder)
        self._asked_pages: dict[tuple[NormalizedName, Location], None] = {}
        self._asked_files: dict[DistributionFile, None] = {}
        self._is_spoiled = False
        self._product = None if folder is None else find_product()

    def note_page(self, name: NormalizedName, location: Location) -> None:
        """Tell that a page was asked for."""
        self._asked_pages[name, location] = None

    def note_file(self, file: DistributionFile) -> None:
        """Tell that it was asked what a file needs."""
        self._asked_files[file] = None

    def mark_unkeepable(self) -> None:
        """Tell that something was asked that must be asked in every run: nothing is kept."""
        self._is_spoiled = True

    def find_answer(self, question: str) -> str | None:
        """The answer kept for a question, if all that it rests on is as it was; else None."""
        found = None if self._product is None else self._memo.read(self._complete(question))
        if found is None:
            return None
        evidence, answer = found
        try:
            return answer if self._holds(evidence) else None
        except (ValueError, TypeError):
            return None

    def keep_answer(self, question: str, answer: str) -> None:
        """Keep an answer that rests on what was asked, unless some of that has to be asked anew in every run."""
        evidence = None if self._product is None or self._is_spoiled else self._render()
        if evidence is not None:
            self._memo.write(self._complete(question), evidence, answer)

    def _complete(self, question: str) -> str:
        return f"{self._product}\n{question}"

    def _holds(self, evidence: str) -> bool:
        import json  # Lazy: only a run that keeps answers reads them.

        pages, records = json.loads(evidence)
        now = time.time()
        return all(
            self._pages.holds(name, place, bytes.fromhex(identity), now=now) for place, name, identity in pages
        ) and all(self._metadata.holds(project, (size, changed)) for project, size, changed in records)

    def _render(self) -> str | None:
        import json  # As above.

        now = time.time()
        pages: list[tuple[str, str, str]] = []
        for name, location in self._asked_pages:
            place, identity = self._pages.find_identity(name, location)
            if not is_fresh(identity, now=now):
                return None
            pages.append((place, name, identity.hex()))
        records: dict[tuple[str, int, int], None] = {}
        for file in self._asked_files:
            found = self._metadata.find_state(file)
            if found is None:
                return None
            project, (size, changed) = found
            records[project, size, changed] = None
        return json.dumps([pages, list(records)])
