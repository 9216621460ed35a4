"""Whether and how sdists may be built: the options, apart from the code that builds, which few runs load."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from lockfiles.value_classes import dataclass

__all__ = ["BuildPolicy", "Builds"]

BuildPolicy = Literal["never", "if-compatible", "anyway"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Builds:
    """Whether sdists may be built, and what their build requirements come from.

    `if-compatible` builds only where this machine could be the target. `index_urls()` is asked once a build is certain;
    `leaves_out_indexes` is whether the list has more, which `first-index` forbids to mix with the first.
    """

    policy: BuildPolicy
    constraints: tuple[str, ...]
    index_urls: Callable[[], tuple[str, ...]]
    find_links: tuple[str, ...]
    leaves_out_indexes: bool = False
