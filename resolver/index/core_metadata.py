"""Core metadata, and what of it a target needs: dependencies with their markers already decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from packaging.utils import NormalizedName
from packaging.version import Version

__all__ = ["CoreMetadata", "Dependencies"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreMetadata:
    """The fields of a METADATA or PKG-INFO file that a resolution reads (core metadata specification).

    `requires_dist` are the lines as written, in file order. `dynamic` holds lower-case field names (PEP 643).
    """

    name: NormalizedName
    version: Version
    metadata_version: str
    requires_dist: tuple[str, ...] = ()
    requires_python: str | None = None
    provides_extra: tuple[NormalizedName, ...] = ()
    dynamic: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependencies:
    """What one distribution file needs under one target.

    `requires` are PEP 508 texts without markers: those that hold without an extra, in file order. `extras` maps each
    extra that the file provides to what it adds. `requires_python` is the metadata's own. `built` marks metadata that
    came from a build on this machine.
    """

    requires: tuple[str, ...] = ()
    extras: Mapping[NormalizedName, tuple[str, ...]] = field(default_factory=dict)
    requires_python: str | None = None
    built: bool = False
