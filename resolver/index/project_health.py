"""Known vulnerabilities of pins, from advisories in the OSV format.

In: advisory documents as JSON gives them. Out: `Advisory` values, and which of them concern a version. Pure.
Standard: Open Source Vulnerability format 1.7 (ranges of type ECOSYSTEM order versions as PEP 440 does).

The status that an index gives a project as a whole (PEP 792): active, archived, quarantined or deprecated.

In: the bytes of a project page. Out: `ProjectStatus`. A page without one is that of an active project.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import InvalidVersion, Version

from lockfiles._values import dataclass

__all__ = [
    "Advisory",
    "AffectedRange",
    "ProjectStatus",
    "find_advisories",
    "parse_advisory",
    "read_project_status",
]

_ECOSYSTEM = "PyPI"
_CHARSET = re.compile(r"charset\s*=\s*\"?([A-Za-z0-9_.:-]+)", re.IGNORECASE)
_ACTIVE = "active"


@dataclass(frozen=True, slots=True, kw_only=True)
class AffectedRange:
    """Versions from `introduced` (None: from the first) up to, without, `fixed`, or up to and with `last_affected`."""

    introduced: Version | None = None
    fixed: Version | None = None
    last_affected: Version | None = None

    def holds(self, version: Version) -> bool:
        """Whether the version lies in it."""
        if self.introduced is not None and version < self.introduced:
            return False
        if self.fixed is not None:
            return version < self.fixed
        return self.last_affected is None or version <= self.last_affected


@dataclass(frozen=True, slots=True, kw_only=True)
class Advisory:
    """What one advisory says of one project. `aliases` are sorted; `versions` are those that it names one by one."""

    id: str
    project: NormalizedName
    summary: str = ""
    aliases: tuple[str, ...] = ()
    ranges: tuple[AffectedRange, ...] = ()
    versions: frozenset[Version] = frozenset()

    def concerns(self, version: Version) -> bool:
        """Whether the version is affected. The label of a local build does not matter: its code is the release's."""
        public = Version(version.public)
        return public in self.versions or any(one.holds(public) for one in self.ranges)

    def fixed_after(self, version: Version) -> Version | None:
        """The lowest release after the version that the advisory calls fixed; None where it names none."""
        later = (one.fixed for one in self.ranges if one.fixed is not None and one.fixed > version)
        return min(later, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectStatus:
    """`status` in lower case, a word of PEP 792 or one that a later standard adds; `reason` may be empty."""

    status: str = _ACTIVE
    reason: str = ""

    @property
    def is_active(self) -> bool:
        """Whether nothing has to be told."""
        return self.status == _ACTIVE


def parse_advisory(document: object) -> tuple[Advisory, ...]:
    """One advisory for each project that a document concerns; none for a withdrawn one, and for what cannot be read."""
    if not isinstance(document, Mapping) or document.get("withdrawn") or not isinstance(document.get("id"), str):
        return ()
    affected = document.get("affected")
    found: dict[NormalizedName, Advisory] = {}
    for entry in affected if isinstance(affected, Sequence) else ():
        advisory = _parse_affected(document, entry) if isinstance(entry, Mapping) else None
        if advisory is not None:
            known = found.get(advisory.project)
            found[advisory.project] = advisory if known is None else _join(known, advisory)
    return tuple(found.values())


def find_advisories(
    pins: Iterable[tuple[NormalizedName, Version]], advisories: Iterable[Advisory]
) -> dict[NormalizedName, tuple[Advisory, ...]]:
    """For each pin that is affected its advisories, by name and identifier; one that is another's alias stands once."""
    by_project: dict[NormalizedName, dict[str, Advisory]] = {}
    for advisory in advisories:
        by_project.setdefault(advisory.project, {})[advisory.id] = advisory
    found = {}
    for name, version in sorted(pins):
        concerned = {key: one for key, one in sorted(by_project.get(name, {}).items()) if one.concerns(version)}
        kept = tuple(_iter_without_aliases(concerned))
        if kept:
            found[name] = kept
    return found


def read_project_status(body: bytes, *, content_type: str) -> ProjectStatus:
    """The status on a page of the simple API, JSON or HTML; that of an active project where it says none."""
    if "json" in content_type.partition(";")[0].lower():
        return _read_json(body)
    charset = _CHARSET.search(content_type)
    try:
        text = body.decode(charset[1] if charset else "utf-8", "replace")
    except LookupError:
        text = body.decode("utf-8", "replace")
    reader = _MetaReader()
    reader.feed(text)
    return _build(reader.values.get("pypi:project-status"), reader.values.get("pypi:project-status-reason"))


def _parse_affected(document: Mapping[str, Any], entry: Mapping[str, Any]) -> Advisory | None:
    package = entry.get("package")
    if not isinstance(package, Mapping) or package.get("ecosystem") != _ECOSYSTEM:
        return None
    name = package.get("name")
    if not isinstance(name, str):
        return None
    summary, aliases = document.get("summary"), document.get("aliases")
    ranges, versions = entry.get("ranges"), entry.get("versions")
    return Advisory(
        id=document["id"],
        project=canonicalize_name(name),
        summary=summary if isinstance(summary, str) else "",
        aliases=tuple(sorted(map(str, aliases))) if isinstance(aliases, list) else (),
        ranges=tuple(one for table in (ranges if isinstance(ranges, list) else ()) for one in _parse_ranges(table)),
        versions=frozenset(filter(None, map(_parse_version, versions if isinstance(versions, list) else ()))),
    )


def _parse_ranges(table: object) -> list[AffectedRange]:
    """The ranges that a list of events makes, in its order: each `introduced` opens one, the next event closes it."""
    if not isinstance(table, Mapping) or table.get("type") != "ECOSYSTEM" or not isinstance(table.get("events"), list):
        return []
    ranges: list[AffectedRange] = []
    opened: Version | None = None
    is_open = False
    for event in table["events"]:
        if not isinstance(event, Mapping):
            continue
        if "introduced" in event:
            opened, is_open = _parse_version(event["introduced"]), True
        elif is_open and "fixed" in event:
            ranges.append(AffectedRange(introduced=opened, fixed=_parse_version(event["fixed"])))
            is_open = False
        elif is_open and "last_affected" in event:
            ranges.append(AffectedRange(introduced=opened, last_affected=_parse_version(event["last_affected"])))
            is_open = False
    return [*ranges, *([AffectedRange(introduced=opened)] if is_open else [])]


def _parse_version(text: object) -> Version | None:
    """The version; None for `0`, which stands for the beginning, and for what is none."""
    if not isinstance(text, str) or text == "0":
        return None
    try:
        return Version(text)
    except InvalidVersion:
        return None


def _join(one: Advisory, other: Advisory) -> Advisory:
    """Two entries of a document on one project: databases give each range of releases an entry of its own."""
    return replace(one, ranges=(*one.ranges, *other.ranges), versions=one.versions | other.versions)


def _iter_without_aliases(advisories: Mapping[str, Advisory]) -> Iterable[Advisory]:
    told: set[str] = set()
    for key, advisory in advisories.items():
        if key not in told:
            told.update(advisory.aliases)
            yield advisory


def _read_json(body: bytes) -> ProjectStatus:
    # Most pages say nothing, and decoding one takes as long as all else.
    if b'"project-status"' not in body:
        return ProjectStatus()
    try:
        page = json.loads(body)
    except ValueError:
        return ProjectStatus()
    told = page.get("project-status") if isinstance(page, dict) else None
    return _build(told.get("status"), told.get("reason")) if isinstance(told, dict) else ProjectStatus()


def _build(status: object, reason: object) -> ProjectStatus:
    if not isinstance(status, str) or not status.strip():
        return ProjectStatus()
    return ProjectStatus(status=status.strip().lower(), reason=reason.strip() if isinstance(reason, str) else "")


class _MetaReader(HTMLParser):
    """Collects `<meta name= content=>`."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.values: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """One element."""
        values = dict(attrs)
        if tag == "meta" and values.get("name"):
            self.values.setdefault(values["name"] or "", values.get("content") or "")
