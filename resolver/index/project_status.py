"""The status that an index gives a project as a whole (PEP 792): active, archived, quarantined or deprecated.

In: the bytes of a project page. Out: `ProjectStatus`. A page without one is that of an active project.
"""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

from lockfiles.value_classes import dataclass

__all__ = ["ProjectStatus", "read_project_status"]

_CHARSET = re.compile(r"charset\s*=\s*\"?([A-Za-z0-9_.:-]+)", re.IGNORECASE)
_ACTIVE = "active"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectStatus:
    """`status` in lower case, a word of PEP 792 or one that a later standard adds; `reason` may be empty."""

    status: str = _ACTIVE
    reason: str = ""

    @property
    def is_active(self) -> bool:
        """Whether nothing has to be told."""
        return self.status == _ACTIVE


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
