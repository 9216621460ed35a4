"""Known problems of a project or a version: vulnerabilities, and the status that an index gives a project.

In: advisory documents as parsed JSON, and the bytes of project pages. Out: `Advisory` values and those that concern a
set of pins; `ProjectStatus` (active, archived, quarantined or deprecated). Nothing here makes a request. The two are
one module because an audit reports them together and no other part of a lock depends on them.

Standards: Open Source Vulnerability format 1.7 (`ECOSYSTEM` ranges order versions as PEP 440 does), PEP 792 (project
status markers).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from lockfiles._values import compile_later, dataclass
from lockfiles.errors import parser_boundary
from resolver.index.distribution_file import PageError
from resolver.index.html_page import StartTag, iter_tokens
from resolver.index.json_page import load_json_page

__all__ = [
    "Advisory",
    "AffectedRange",
    "ProjectStatus",
    "find_advisories",
    "parse_advisory",
    "read_project_status",
]

# The name of Python's ecosystem in the OSV format.
_ECOSYSTEM = "PyPI"

# The character set in a content type.
_CHARSET = compile_later(r"charset\s*=\s*\"?([A-Za-z0-9_.:-]+)", re.IGNORECASE)

_ACTIVE = "active"


@dataclass(frozen=True, slots=True, kw_only=True)
class AffectedRange:
    """A range of affected versions.

    It starts with `introduced`, or with the first version for None. It ends before `fixed`, or with `last_affected`; if
    both are None, it has no end.
    """

    introduced: Version | None = None
    fixed: Version | None = None
    last_affected: Version | None = None

    def holds(self, version: Version) -> bool:
        """Whether a version is in the range."""
        if self.introduced is not None and version < self.introduced:
            return False
        if self.fixed is not None:
            return version < self.fixed
        return self.last_affected is None or version <= self.last_affected


@dataclass(frozen=True, slots=True, kw_only=True)
class Advisory:
    """One advisory about one project.

    `aliases` are its identifiers in other databases, sorted. A version is affected if it is in one of `ranges` or among
    `versions`. `summary` may be empty.
    """

    id: str
    project: NormalizedName
    summary: str = ""
    aliases: tuple[str, ...] = ()
    ranges: tuple[AffectedRange, ...] = ()
    versions: frozenset[Version] = frozenset()

    def concerns(self, version: Version) -> bool:
        """Whether a version is affected.

        A local version label is ignored, since the code is that of the release and databases list releases alone.
        """
        public = Version(version.public)
        return public in self.versions or any(one.holds(public) for one in self.ranges)

    def fixed_after(self, version: Version) -> Version | None:
        """The lowest fixed version after a version; None if the advisory has none."""
        later = (one.fixed for one in self.ranges if one.fixed is not None and one.fixed > version)
        return min(later, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectStatus:
    """The status of a project, in lower case: a word of PEP 792 or of a later standard. `reason` may be empty."""

    status: str = _ACTIVE
    reason: str = ""

    @property
    def is_active(self) -> bool:
        """Whether the project is active, so that there is nothing to report."""
        return self.status == _ACTIVE


def parse_advisory(document: object) -> tuple[Advisory, ...]:
    """One advisory for each project in a document (OSV: `affected[].package`).

    A withdrawn advisory, and a document that is not of the format, give none.
    """
    # Databases hold documents of later formats too, which are skipped like malformed ones.
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
    """The advisories of each affected pin, sorted by name and identifier. Of aliases, only the first is kept."""
    # By identifier, so that two documents of one advisory count once.
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


@parser_boundary(PageError, own=PageError)
def read_project_status(body: bytes, *, content_type: str) -> ProjectStatus:
    """The status on a page of the simple API in JSON or HTML; active where the page has none or cannot be read."""
    if "json" in content_type.partition(";")[0].lower():
        return _read_json(body)
    charset = _CHARSET.search(content_type)
    try:
        return _read_html(body, charset[1] if charset else "utf-8")
    except PageError:
        return ProjectStatus()


def _parse_affected(document: Mapping[str, Any], entry: Mapping[str, Any]) -> Advisory | None:
    """The advisory of one entry of `affected`; None for another ecosystem, or an entry without a name."""
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
    """The ranges of a list of events in its order (OSV: `affected[].ranges[].events`).

    Each `introduced` opens a range, which the next `fixed` or `last_affected` closes.
    """
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
    """The version; None for `0`, which is the beginning in OSV, and for a value that is no version."""
    if not isinstance(text, str) or text == "0":
        return None
    try:
        return Version(text)
    except ValueError:  # `InvalidVersion`, and numbers of thousands of digits.
        return None


def _join(one: Advisory, other: Advisory) -> Advisory:
    """The advisory of two entries on one project: some databases have an entry for each range of releases."""
    return replace(one, ranges=(*one.ranges, *other.ranges), versions=one.versions | other.versions)


def _iter_without_aliases(advisories: Mapping[str, Advisory]) -> Iterable[Advisory]:
    """The advisories in order, without those that an earlier one has among its aliases."""
    seen: set[str] = set()
    for key, advisory in advisories.items():
        if key not in seen:
            seen.update(advisory.aliases)
            yield advisory


def _read_json(body: bytes) -> ProjectStatus:
    """The status in a JSON page (PEP 792 `project-status`)."""
    # Most pages have no status, and decoding one takes longer than the rest.
    if b'"project-status"' not in body:
        return ProjectStatus()
    try:
        table = load_json_page(body).get("project-status")
    except PageError:
        return ProjectStatus()
    return _build_status(table.get("status"), table.get("reason")) if isinstance(table, dict) else ProjectStatus()


def _read_html(body: bytes, charset: str) -> ProjectStatus:
    """The status in the `<meta>` elements of an HTML page, of which the first of a name counts. Raises PageError."""
    values: dict[str | None, str] = {}
    for token in iter_tokens(body, charset=charset):
        if isinstance(token, StartTag) and token.name == "meta":
            values.setdefault(token.attributes.get("name"), token.attributes.get("content") or "")
    return _build_status(values.get("pypi:project-status"), values.get("pypi:project-status-reason"))


def _build_status(status: object, reason: object) -> ProjectStatus:
    """The status of the two values of a page; active if the first is no text."""
    if not isinstance(status, str) or not status.strip():
        return ProjectStatus()
    return ProjectStatus(status=status.strip().lower(), reason=reason.strip() if isinstance(reason, str) else "")
