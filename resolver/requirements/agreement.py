"""Whether two direct references mean the same thing: then a list may say it twice, and metadata may say it again.

In: two references. Out: yes or no; nothing is looked up. pip's rule: what both say has to be equal, but one of them may
have a hash that the other leaves out.
"""

from __future__ import annotations

from collections.abc import Iterable

from resolver.requirements.entry import ArchiveUrl, DirectReference

__all__ = ["is_same_source", "without_hashes"]


def is_same_source(one: DirectReference, other: DirectReference) -> bool:
    """Whether both have the same public URL or path, revision and subdirectory, and no hash against the other's."""
    return without_hashes(one) == without_hashes(other) and not _contradict(_hashes(one), _hashes(other))


def without_hashes(reference: DirectReference) -> DirectReference:
    """The reference as if it had no hashes: a key for what it names."""
    if not isinstance(reference, ArchiveUrl) or not reference.hashes:
        return reference
    return ArchiveUrl(url=reference.url, subdirectory=reference.subdirectory)


def _hashes(reference: DirectReference) -> tuple[str, ...]:
    return reference.hashes if isinstance(reference, ArchiveUrl) else ()


def _contradict(ones: Iterable[str], others: Iterable[str]) -> bool:
    """Whether both have hashes of one algorithm, and none in common."""
    found: dict[str, tuple[set[str], set[str]]] = {}
    for side, hashes in enumerate((ones, others)):
        for text in hashes:
            found.setdefault(text.partition(":")[0], (set(), set()))[side].add(text)
    return any(left and right and left.isdisjoint(right) for left, right in found.values())
