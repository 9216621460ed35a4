"""What the command asks of the machine that it runs on: where its cache lies, and how many processes it may use."""

from __future__ import annotations

import os
import sys
from pathlib import Path

__all__ = ["choose_cache_folder", "count_readers"]

_MOST_READERS = 4


def choose_cache_folder(named: str | None) -> Path:
    """`--cache-dir`, else `PINFOLD_CACHE_DIR`, else the user's cache folder."""
    named = named or os.environ.get("PINFOLD_CACHE_DIR")
    if named:
        return Path(named)
    # Lazy: a check and a run with --cache-dir need no answer from it.
    from platformdirs import user_cache_path

    return user_cache_path("pinfold", appauthor=False)


def count_readers() -> int:
    """How many processes may read pages: one for each processor; none for a single one, or where a fork is not safe."""
    if sys.platform != "linux":
        return 0
    processors = len(os.sched_getaffinity(0))
    return min(processors, _MOST_READERS) if processors > 1 else 0
