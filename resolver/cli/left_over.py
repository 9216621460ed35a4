"""Locks that lie beside that of their list and that no target writes any more: of a machine type that is gone, say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from packaging.pylock import is_valid_pylock_path

from lockfiles import LockfileError, read
from resolver.plan import LockPlan

__all__ = ["find_left_over"]


def find_left_over(plans: Sequence[LockPlan]) -> tuple[Path, ...]:
    """The locks in the folders of the plans' locks that were made of one of their lists, and belong to none; sorted."""
    paths = {plan.path for plan in plans if plan.path is not None}
    lists = {(plan.path.parent, text) for plan in plans if plan.path is not None for text in _list_texts(plan)}
    found = (path for folder in {path.parent for path in paths} for path in _iter_others(folder, paths))
    return tuple(sorted(path for path in found if (path.parent, _read_list(path)) in lists))


def _list_texts(plan: LockPlan) -> Iterator[tuple[tuple[str, ...], ...]]:
    """The list as it is, and as it was when its lock was made: another lock may be as old."""
    yield plan.layers
    if plan.old is not None and plan.old.tool is not None:
        yield plan.old.tool.requirements


def _iter_others(folder: Path, known: set[Path]) -> Iterator[Path]:
    for path in folder.glob("pylock*.toml"):
        if path not in known and is_valid_pylock_path(path):
            yield path


def _read_list(path: Path) -> tuple[tuple[str, ...], ...] | None:
    try:
        tool = read(path).tool
    except (LockfileError, OSError):
        return None  # Somebody else's, or broken: nothing can be said of it.
    return None if tool is None else tool.requirements
