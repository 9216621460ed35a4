"""Core metadata and dependencies as bytes for the record store, and back.

Fields are parted by the ASCII record separator, items by the unit separator: no parser to import, and nothing that runs
code. Text that holds either, which no sane metadata does, is not stored.
"""

from __future__ import annotations

from packaging.utils import NormalizedName
from packaging.version import InvalidVersion, Version

from resolver.index.core_metadata import CoreMetadata, Dependencies

__all__ = [
    "dump_core_metadata",
    "dump_dependencies",
    "dump_texts",
    "load_core_metadata",
    "load_dependencies",
    "load_texts",
]

_FIELD, _ITEM = "\x1e", "\x1f"


def dump_dependencies(dependencies: Dependencies) -> bytes | None:
    """The record, or None for texts that cannot be stored."""
    python = dependencies.requires_python
    head = ("built" if dependencies.built else "", *(() if python is None else (python,)))
    extras = ((name, *texts) for name, texts in dependencies.extras.items())
    return _join((head, dependencies.requires, *extras))


def load_dependencies(record: bytes) -> Dependencies | None:
    """What `dump_dependencies` wrote, or None."""
    fields = _split(record)
    if len(fields) < 2 or not 1 <= len(fields[0]) <= 2:
        return None
    head, requires, *extras = fields
    return Dependencies(
        requires=requires,
        extras={NormalizedName(extra[0]): extra[1:] for extra in extras},
        requires_python=head[1] if len(head) == 2 else None,
        built=head[0] == "built",
    )


def dump_texts(texts: tuple[str, ...]) -> bytes | None:
    """The record of texts, or None for some that cannot be stored."""
    return _join((texts,))


def load_texts(record: bytes) -> tuple[str, ...] | None:
    """What `dump_texts` wrote, or None."""
    fields = _split(record)
    return fields[0] if len(fields) == 1 else None


def dump_core_metadata(metadata: CoreMetadata) -> bytes | None:
    """The record, or None for texts that cannot be stored."""
    python = metadata.requires_python
    head = (metadata.name, str(metadata.version), metadata.metadata_version, *(() if python is None else (python,)))
    return _join((head, metadata.requires_dist, metadata.provides_extra, tuple(sorted(metadata.dynamic))))


def load_core_metadata(record: bytes) -> CoreMetadata | None:
    """What `dump_core_metadata` wrote, or None."""
    fields = _split(record)
    if len(fields) != 4 or not 3 <= len(fields[0]) <= 4:
        return None
    head, requires_dist, extras, dynamic = fields
    try:
        version = Version(head[1])
    except InvalidVersion:
        return None
    return CoreMetadata(
        name=NormalizedName(head[0]),
        version=version,
        metadata_version=head[2],
        requires_dist=requires_dist,
        requires_python=head[3] if len(head) == 4 else None,
        provides_extra=tuple(NormalizedName(extra) for extra in extras),
        dynamic=frozenset(dynamic),
    )


def _join(fields: tuple[tuple[str, ...], ...]) -> bytes | None:
    for field in fields:
        for text in field:
            if _FIELD in text or _ITEM in text:
                return None
    # An item is followed by its separator, so that a field of no items differs from one of an empty item.
    return _FIELD.join("".join(f"{text}{_ITEM}" for text in field) for field in fields).encode()


def _split(record: bytes) -> list[tuple[str, ...]]:
    try:
        fields = record.decode().split(_FIELD)
    except UnicodeDecodeError:
        return []
    return [tuple(field.split(_ITEM)[:-1]) for field in fields]
