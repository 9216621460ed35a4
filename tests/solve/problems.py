"""Problems for tests, from requirement texts and releases in one index."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from resolver.errors import Position
from resolver.solve.problem import Problem, Root
from tests.solve.memory_source import TARGET, Release, index_location

__all__ = ["build_root", "pose", "release"]


def build_root(text: str, *, item: int = 0, no_deps: bool = False) -> Root:
    """A root from a PEP 508 text."""
    requirement = Requirement(text)
    return Root(
        position=Position(item=item),
        text=text,
        name=canonicalize_name(requirement.name),
        extras=frozenset(map(canonicalize_name, requirement.extras)),
        specifier=requirement.specifier,
        no_deps=no_deps,
    )


def pose(texts: Sequence[str], **options: Any) -> Problem:
    """A problem with these roots, all served by one index."""
    roots = tuple(build_root(text, item=item) for item, text in enumerate(texts))
    return Problem(target=TARGET, roots=roots, locations=lambda name: (index_location(),), **options)


def release(name: str, version: str, *requires: str, **fields: Any) -> Release:
    """A release with Requires-Dist lines."""
    return Release(name=canonicalize_name(name), version=version, requires=requires, **fields)
