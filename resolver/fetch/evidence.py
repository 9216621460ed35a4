"""Answers of earlier runs, each with the evidence that it rests on, so that an equal run need not search.

In: the pages and files that a package source was queried for, and the answer that followed from them. Out: that answer
in a later run, if the stores still have the same pages and metadata and may use them without a request. A search would
then find the same answer again.

The evidence of a page is the identity of its stored response; that of a file is the size and change time of the record
file of its project. `Evidence` collects both and checks them; `_AnswerStore` keeps texts on disk, one file for each
question, and does not interpret them. It is a module of its own because it joins the page and metadata stores, which
do not import each other.
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
from resolver.index.package_source import PageEvidence

__all__ = ["Evidence"]


_MOST_ANSWERS = 64
"""The number of answers kept on disk. A cut-off date that moves with the clock adds one each day."""


class Evidence:
    """What one package source was queried for, and the kept answers that rest on it: an `AnswerCache`.

    `folder` is that of the cache; None keeps nothing. Every answer is bound to the code that gave it (`find_product`):
    another version of the resolver or of a library has answers of its own.
    """

    def __init__(self, *, pages: ProjectPages, metadata: FileDependencies, folder: Path | None) -> None:
        self._pages = pages
        self._metadata = metadata
        self._store = _AnswerStore(folder)
        # Dictionaries as ordered sets: the order of the queries is that of the written evidence.
        self._queried_pages: dict[tuple[NormalizedName, Location], None] = {}
        self._queried_files: dict[DistributionFile, None] = {}
        # The places, names and identities of the pages behind kept answers that this run has used.
        self._held_pages: dict[tuple[str, str, bytes], None] = {}
        self._is_unrepeatable = False
        self._has_other_evidence = False
        self._product = None if folder is None else find_product()

    def record_page(self, name: NormalizedName, location: Location) -> None:
        """Add the page of a project to the evidence."""
        self._queried_pages[name, location] = None

    def record_file(self, file: DistributionFile) -> None:
        """Add the metadata of a file to the evidence."""
        self._queried_files[file] = None

    def mark_unrepeatable(self) -> None:
        """Keep no answer of this source: it was queried for something that the stores do not keep."""
        self._is_unrepeatable = True

    def mark_uncheckable(self) -> None:
        """List no pages: the source was queried for something that requests for pages do not check."""
        self._has_other_evidence = True

    def list_pages(self) -> tuple[PageEvidence, ...] | None:
        """See `AnswerCache`."""
        if self._is_unrepeatable or self._has_other_evidence:
            return None
        if any(self._metadata.find_state(file) is None for file in self._queried_files):
            return None
        queried = ((name, *self._pages.find_identity(name, location)) for name, location in self._queried_pages)
        used = {(place, name, identity): None for name, place, identity in queried} | self._held_pages
        found = [self._pages.find_evidence(name, place, identity) for place, name, identity in used]
        # A page of links is one page for all projects, of which each has a row of its own.
        pages = {page.url: page for page in found if page is not None}
        if None in found or any(page is not None and page.validator != pages[page.url].validator for page in found):
            return None
        return tuple(pages[url] for url in sorted(pages))

    def find_answer(self, question: str) -> str | None:
        """The kept answer to a question, if all of its evidence still holds; else None."""
        found = None if self._product is None else self._store.read(self._complete(question))
        if found is None:
            return None
        evidence, answer = found
        try:
            return answer if self._holds(evidence) else None
        except (ValueError, TypeError):
            return None  # A file that another program has written, or changed.

    def keep_answer(self, question: str, answer: str) -> None:
        """Keep the answer with the evidence recorded so far, unless a later run could not check that evidence."""
        evidence = None if self._product is None or self._is_unrepeatable else self._render()
        if evidence is not None:
            self._store.write(self._complete(question), evidence, answer)

    def _complete(self, question: str) -> str:
        """The question as it is stored: together with the code that answers it."""
        return f"{self._product}\n{question}"

    def _holds(self, evidence: str) -> bool:
        """Whether the stores still have each page and record as they were.

        Raises ValueError or TypeError for a text that `_render` cannot have written.
        """
        import json  # Lazy: only a run that keeps answers reads them.

        pages, records = json.loads(evidence)
        now = time.time()
        held = {(place, name, bytes.fromhex(identity)): None for place, name, identity in pages}
        holds = all(self._pages.holds(name, place, identity, now=now) for place, name, identity in held) and all(
            self._metadata.holds(project, (size, changed)) for project, size, changed in records
        )
        if holds:
            self._held_pages |= held
        return holds

    def _render(self) -> str | None:
        """The evidence as one line of JSON: pages, then records; None if one of them is not stored, or has expired."""
        import json  # Lazy, as above.

        now = time.time()
        pages: list[tuple[str, str, str]] = []
        for name, location in self._queried_pages:
            place, identity = self._pages.find_identity(name, location)
            if not is_fresh(identity, now=now):
                return None
            pages.append((place, name, identity.hex()))
        records: dict[tuple[str, int, int], None] = {}
        for file in self._queried_files:
            found = self._metadata.find_state(file)
            if found is None:
                return None
            project, (size, changed) = found
            records[project, size, changed] = None
        return json.dumps([pages, list(records)])


class _AnswerStore:
    """Texts in files named by the hash of their question; a folder of None keeps nothing.

    A file is a checksum, and then three lines under it: the hash of the question, the evidence, the answer. One that
    is cut off or damaged counts as absent.
    """

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
        """Replace the answer to a question. Texts of more than one line, or with lone surrogates, are not kept."""
        if self._folder is None or "\n" in evidence or "\n" in answer:
            return
        key = hash_bytes(question.encode())
        try:
            rest = f"{key}\n{evidence}\n{answer}".encode()
        except UnicodeEncodeError:
            return
        write_cache_file(self._folder / key, hash_bytes(rest).encode() + b"\n" + rest)
        self._remove_oldest(self._folder)

    def _remove_oldest(self, folder: Path) -> None:
        """Remove the files that were written first, down to the limit. Another process may remove them meanwhile."""
        with suppress(OSError):
            files = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime)
            for path in files[: max(0, len(files) - _MOST_ANSWERS)]:
                path.unlink()
