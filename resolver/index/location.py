"""Where a project's files can be asked for: an index, or a find-links location, with its place in the order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from resolver.requirements.url import Url

__all__ = ["Location"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A place that may list a project's files.

    `form` is `index` (simple API; the project's page is `url/name/`) or `find-links` (one page or folder for all
    projects). An index whose `family` does not serve the project stands behind all others of its scope; `family` is the
    family's name then, else None.
    """

    url: Url
    form: Literal["index", "find-links"] = "index"
    outside_family: str | None = None
