"""Answers of earlier runs, each with the evidence that it rests on, so that an equal run need not search.

In: the pages and files that a package source was queried for, and the answer that followed from them. Out: that answer
in a later run, if all pages are unchanged. A search would then find the same answer again.

The evidence of a page is the identity of its row in the store and its validator. Pages that are not fresh are requested
all at once, with their validators: if the server confirms each, the answer holds without a search; if not, the search
begins with the responses that have come. Files need no evidence of their own: one that a page lists with a hash has the
same metadata for ever, and an answer that rests on any other file is not kept.

It is a module of its own because it joins pages and metadata, which do not import each other.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from packaging.utils import NormalizedName

from lockfiles._files import hash_bytes
from resolver.errors import FetchError
from resolver.fetch.projects.dependencies import FileDependencies
from resolver.fetch.projects.pages import ProjectPages
from resolver.fetch.store import FOREVER, Store, find_product
from resolver.index.distribution_file import DistributionFile
from resolver.index.location import Location
from resolver.index.package_source import PageEvidence

__all__ = ["Evidence"]

_Row = tuple[str, str, int]
"""The place and name of a row in the store, and its identity."""


class Evidence:
    """What one package source was queried for, and the kept answers that rest on it: an `AnswerCache`.

    `store` None keeps nothing. Every answer is bound to the code that gave it (`find_product`): another version of the
    resolver or of a library has answers of its own. `run_all` does pieces of work at once, and returns when all are
    done.
    """

    def __init__(
        self,
        *,
        pages: ProjectPages,
        metadata: FileDependencies,
        store: Store | None,
        run_all: Callable[[Sequence[Callable[[], bool]]], Sequence[bool]],
    ) -> None:
        self._pages = pages
        self._metadata = metadata
        self._store = store
        self._run_all = run_all
        # Dictionaries as ordered sets: the order of the queries is that of the written evidence.
        self._queried_pages: dict[tuple[NormalizedName, Location], None] = {}
        self._queried_files: dict[DistributionFile, None] = {}
        # The pages behind kept answers that this run has used.
        self._held_pages: dict[_Row, str] = {}
        self._is_unrepeatable = False
        self._has_other_evidence = False
        self._product = None if store is None else find_product()

    def record_page(self, name: NormalizedName, location: Location) -> None:
        """Add the page of a project to the evidence."""
        self._queried_pages[name, location] = None

    def record_file(self, file: DistributionFile) -> None:
        """Add the metadata of a file to the evidence."""
        self._queried_files[file] = None

    def mark_unrepeatable(self) -> None:
        """Keep no answer of this source: it was queried for something that the store does not keep."""
        self._is_unrepeatable = True

    def mark_uncheckable(self) -> None:
        """List no pages: the source was queried for something that requests for pages do not check."""
        self._has_other_evidence = True

    def list_pages(self) -> tuple[PageEvidence, ...] | None:
        """See `AnswerCache`."""
        if self._has_other_evidence or not self._is_repeatable():
            return None
        used = {row: self._pages.find_validator(row[1], row[0], row[2]) for row in self._list_rows()} | self._held_pages
        found = [
            None if validator is None else self._pages.find_evidence(row[1], row[0], row[2], validator)
            for row, validator in used.items()
        ]
        # A page of links is one page for all projects, of which each has a row of its own.
        pages = {page.url: page for page in found if page is not None}
        if None in found or any(page is not None and page.validator != pages[page.url].validator for page in found):
            return None
        rows: dict[str, tuple[tuple[str, int], ...]] = {}
        for page in found:
            if page is not None:
                rows[page.url] = (*rows.get(page.url, ()), *page.rows)
        return tuple(replace(pages[url], rows=rows[url]) for url in sorted(pages))

    def distrust_absence(self) -> None:
        """See `AnswerCache`."""
        self._pages.distrust_absence()

    def find_answer(self, question: str) -> str | None:
        """The kept answer to a question, if all of its pages are as they were; else None."""
        import json  # Lazy: only a run that keeps answers reads them.

        entry = None if self._store is None or self._product is None else self._store.get(self._name(question))
        if entry is None:
            return None
        try:
            pages, answer = json.loads(bytes(entry.value))
            rows = {(str(place), str(name), int(identity)): str(text) for place, name, identity, text in pages}
        except (ValueError, TypeError):
            return None  # A value that another program has written.
        if not isinstance(answer, str) or not self._holds(rows):
            return None
        self._held_pages |= rows
        return answer

    def keep_answer(self, question: str, answer: str) -> None:
        """Keep the answer with the evidence recorded so far, unless a later run could not check that evidence."""
        import json  # Lazy, as above.

        if self._store is None or self._product is None or not self._is_repeatable():
            return
        found = [(row, self._pages.find_validator(row[1], row[0], row[2])) for row in self._list_rows()]
        pages = [[*row, validator] for row, validator in found if validator is not None]
        if len(pages) == len(found):
            self._store.put(self._name(question), json.dumps([pages, answer]).encode(), until=FOREVER)

    def _holds(self, rows: dict[_Row, str]) -> bool:
        """Whether the pages of all rows are unchanged; those that are not fresh are requested, by their validators."""
        now = time.time()
        states = {row: self._pages.holds(row[1], row[0], row[2], now=now) for row in rows}
        stale = [
            lambda row=row: _try(lambda: self._pages.check(row[1], row[0], row[2], rows[row]))
            for row, holds in states.items()
            if holds is None
        ]
        # Also where the answer is of no use: the search will need most of these pages.
        return all(self._run_all(stale)) and False not in states.values()

    def _list_rows(self) -> list[_Row]:
        """The rows of all pages that were queried; the identity is 0 for one that is not stored."""
        found = [(name, *self._pages.find_identity(name, location)) for name, location in self._queried_pages]
        return [(place, name, identity) for name, place, identity in found]

    def _is_repeatable(self) -> bool:
        """Whether pages decide all that the source was queried for."""
        return not self._is_unrepeatable and all(map(self._metadata.is_repeatable, self._queried_files))

    def _name(self, question: str) -> str:
        """The key of an answer, which the code that gives it is a part of."""
        complete = f"{self._product}\n{question}"
        return f"answer\n{hash_bytes(complete.encode('utf-8', 'surrogatepass'))}"


def _try(check: Callable[[], bool]) -> bool:
    """The result of a check. A request that fails is no error here: where the page is needed, it is raised again."""
    try:
        return check()
    except FetchError:
        return False
