"""Core metadata, and the part of it that a target needs: dependencies whose markers are already evaluated.

In: the bytes of a METADATA or PKG-INFO file, and a target's marker environment. Out: `CoreMetadata` and `Dependencies`.
`admits_python` is here because pages and core metadata both have a `Requires-Python`, and both need the same answer.

Standards: core metadata specification, PEP 508, PEP 643 (static sdist metadata), PEP 685 (names of extras).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import field
from functools import lru_cache

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from lockfiles._values import compile_later, dataclass
from lockfiles.errors import parser_boundary
from resolver.requirements.url import redact

__all__ = [
    "CoreMetadata",
    "Dependencies",
    "admits_python",
    "build_dependencies",
    "find_licence",
    "is_static",
    "parse_core_metadata",
    "without_credentials",
]

# Patterns are texts, which `re` compiles on first use: a warm run reads no metadata.
_HEADERS = rb"(?:(?:[!-9;-~]+[ \t]*:|[ \t]).*(?:\n|\Z))*"
"""Header lines with their continuations. Any other line ends the headers, as in `email.parser`."""


_FIELD = (
    r"^(metadata-version|name|version|requires-dist|requires-python|provides-extra|dynamic)[ \t]*:"
    r"(.*(?:\n[ \t].*)*)"
)
_LICENCE_FIELD = r"^(license-expression|license|classifier)[ \t]*:([^\r\n]*)\r?$(?!\n[ \t])"
"""A field of one line: more of them are the text of a licence, whose first line is often no name of it."""
_LONGEST_LICENCE = 100
"""Characters of a `License` that is a name, and no text."""

# An upper or lower bound with a wildcard (`>=3.6.*`), which PEP 440 does not allow.
_WILDCARD_BOUND = compile_later(r"([<>]=?\s*[0-9.]*[0-9])\.\*")


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreMetadata:
    """The fields of a METADATA or PKG-INFO file that a resolution reads (core metadata specification).

    `requires_dist` are the values as written, but without credentials, in file order. `dynamic` holds field names in
    lower case (PEP 643).
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

    `requires` are PEP 508 texts without markers, in file order: the requirements that hold without an extra. `extras`
    maps each extra of the file to the requirements that it adds. `requires_python` is that of the metadata, not of the
    page. `built` marks metadata from a build on this machine, and `unverified` that of an sdist whose files state it
    without being final: a build may give other requirements.
    """

    requires: tuple[str, ...] = ()
    extras: Mapping[NormalizedName, tuple[str, ...]] = field(default_factory=dict)
    requires_python: str | None = None
    built: bool = False
    unverified: bool = False

    def find_requirements(self, extras: Iterable[NormalizedName]) -> tuple[str, ...]:
        """The requirements that hold without an extra and those of some extras, each once, sorted."""
        added = (text for extra in extras for text in self.extras.get(extra, ()))
        return tuple(sorted({*self.requires, *added}))


@parser_boundary(ValueError, own=ValueError)
def parse_core_metadata(data: bytes) -> CoreMetadata:
    """The fields that a resolution reads. Raises ValueError if name or version is missing or malformed.

    Other faults of old uploads are ignored, as in pip and uv.
    """
    fields = _group(re.findall(_FIELD, _read_headers(data), re.IGNORECASE | re.MULTILINE))
    name, version = _first(fields, "name"), _first(fields, "version")
    if not name or not version:
        raise ValueError(f"the metadata has no `{'Version' if name else 'Name'}`")
    try:
        parsed_version = Version(version)
    except ValueError as error:  # `InvalidVersion`, and numbers of thousands of digits.
        raise ValueError(f"the metadata's version `{version}` is not one of PEP 440") from error
    return CoreMetadata(
        name=canonicalize_name(name),
        version=parsed_version,
        metadata_version=_first(fields, "metadata-version") or "1.0",
        requires_dist=without_credentials(filter(None, fields.get("requires-dist", ()))),
        requires_python=_first(fields, "requires-python") or None,
        provides_extra=tuple(dict.fromkeys(canonicalize_name(extra) for extra in fields.get("provides-extra", ()))),
        dynamic=frozenset(value.lower() for value in fields.get("dynamic", ())),
    )


def find_licence(data: bytes) -> str | None:
    """The licence that a METADATA or PKG-INFO file states, in its words; None where it states none.

    The first of `License-Expression` (PEP 639), a `License` that is a name, and the licences among the classifiers.
    """
    fields = _group(re.findall(_LICENCE_FIELD, _read_headers(data), re.IGNORECASE | re.MULTILINE))
    for name in ("license-expression", "license"):
        text = _first(fields, name)
        if text and text.upper() != "UNKNOWN" and len(text) <= _LONGEST_LICENCE:
            return text
    parts = [text.split(" :: ") for text in fields.get("classifier", ())]
    names = [words[-1] for words in parts if words[0] == "License" and words[-1] not in ("License", "OSI Approved")]
    return ", ".join(dict.fromkeys(names)) or None


def without_credentials(requires_dist: Iterable[str]) -> tuple[str, ...]:
    """The lines with each URL reduced to its public part, since they are stored, printed and locked."""
    return tuple(redact(line) if "@" in line or "://" in line else line for line in requires_dist)


def is_static(metadata: CoreMetadata) -> bool:
    """Whether the dependencies in an sdist's PKG-INFO are those that a build would have (PEP 643).

    That holds from metadata version 2.2 on, unless `Dynamic` names `Requires-Dist` or `Requires-Python`.
    """
    major, _, minor = metadata.metadata_version.partition(".")
    final = major.isdecimal() and minor.isdecimal() and (int(major), int(minor)) >= (2, 2)
    return final and not metadata.dynamic & {"requires-dist", "requires-python"}


def build_dependencies(
    metadata: CoreMetadata, *, environment: Mapping[str, str], built: bool = False, unverified: bool = False
) -> Dependencies:
    """The dependencies under a complete marker environment. Raises ValueError that names an unreadable line.

    A requirement that holds without an extra is not repeated in `extras`. Extras that appear in markers alone count as
    provided.
    """
    # Lazy: a warm run reads dependencies from the cache.
    from resolver.index.requires_dist import find_memo

    memo = find_memo(environment)
    decisions = [memo.decide(line) for line in metadata.requires_dist]
    named = (extra for decision in decisions for extra in decision.named)
    extras: dict[NormalizedName, dict[str, None]] = {extra: {} for extra in (*metadata.provides_extra, *named)}
    requires: dict[str, None] = {}
    for decision in decisions:
        if decision.always:
            requires[decision.text] = None
        for extra in decision.find_extras(extras):
            extras[extra][decision.text] = None
    return Dependencies(
        requires=tuple(requires),
        extras={extra: tuple(text for text in texts if text not in requires) for extra, texts in extras.items()},
        requires_python=metadata.requires_python,
        built=built,
        unverified=unverified,
    )


@lru_cache(maxsize=4096)
def admits_python(requires_python: str, python_full_version: str) -> bool:
    """Whether a `Requires-Python` admits a Python version. A value that cannot be read admits all, as in pip.

    `>=3.6.*`, which old uploads have, counts as `>=3.6`, as in uv and in earlier releases of pip.
    """
    for text in (requires_python, _WILDCARD_BOUND.sub(r"\1", requires_python)):
        try:
            return SpecifierSet(text).contains(python_full_version, prereleases=True)
        except ValueError:  # InvalidSpecifier, or a number with more digits than Python reads.
            continue
    return True


def _read_headers(data: bytes) -> str:
    """The fields of a file as text, without its description."""
    data = data.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n")
    headers = re.match(_HEADERS, data)
    return headers[0].decode("utf-8", "replace") if headers else ""


def _group(found: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """The values of fields by name in lower case, each value in one line."""
    fields: dict[str, list[str]] = {}
    for key, value in found:
        fields.setdefault(key.lower(), []).append(" ".join(value.split()))
    return fields


def _first(fields: Mapping[str, list[str]], key: str) -> str:
    """The first value of a field; empty if there is none."""
    return fields.get(key, [""])[0]
