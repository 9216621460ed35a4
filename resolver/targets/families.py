"""Indexes that exist for a family of packages: the shipped families, their build locations, and their companions.

In: `data/families.toml`, and the mirrors that a user configures. Out: `IndexFamily` values, from which later stages
decide which index serves a name. The same file holds what else is known of names and hosts, so this module reads that
too: the URL templates of indexes with one build each, the companions of torch, projects on the default index whose name
usually means something else, and statuses by which a host reports that it lacks a file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING

from packaging.utils import NormalizedName
from packaging.version import Version

from lockfiles._values import dataclass
from resolver.errors import Fault
from resolver.requirements.scopes import IndexFamily, is_family_name
from resolver.targets.data_files import read_data

if TYPE_CHECKING:
    from resolver.settings.settings import Mirror
    from resolver.targets.accelerators import CudaVersion

__all__ = [
    "BuildLocation",
    "NameWarning",
    "apply_mirrors",
    "find_mirror",
    "find_mirrored",
    "find_name_warning",
    "is_absent_status",
    "is_torch_companion",
    "list_build_locations",
    "load_families",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildLocation:
    """Where a family keeps its builds: one index, or with `is_page` one find-links page, for each build.

    `template` is a URL with any of the fields `{cuda}`, `{cuda_major}`, `{torch}`, `{torch_minor}` and `{version}`.
    """

    family: str
    template: str
    is_page: bool

    @property
    def fields(self) -> frozenset[str]:
        """The fields of the template, all of which `render` needs."""
        return frozenset(re.findall(r"\{([a-z_]+)\}", self.template))

    def render(self, *, cuda: CudaVersion | None = None, torch: Version | None = None, version: str = "") -> str | None:
        """The URL for a build, or None where the template has a field without a value.

        `cuda` None means the CPU build, whose `{cuda}` is `cpu` and which has no `{cuda_major}`. An empty `version`
        counts as missing.
        """
        label = "cpu" if cuda is None else cuda.label
        values = {"cuda": label, "version": version}
        if cuda is not None:
            values["cuda_major"] = str(cuda.major)
        if torch is not None:
            values |= {"torch": torch.base_version, "torch_minor": f"{torch.major}.{torch.minor}"}
        if any(not values.get(name) for name in self.fields):
            return None
        return self.template.format_map(values)


@dataclass(frozen=True, slots=True, kw_only=True)
class NameWarning:
    """A warning that a name on the default index is not the project that people usually mean by it.

    `text` describes the project on the default index; `remedy` is what to write instead.
    """

    name: NormalizedName
    text: str
    remedy: str

    def __str__(self) -> str:
        return str(Fault(what=self.text, remedy=f"`{self.remedy}`"))


@cache
def load_families() -> tuple[IndexFamily, ...]:
    """The families that ship with pinfold, in file order: of two families that match a URL, the first one counts."""
    rows = read_data("families")["family"]
    return tuple(IndexFamily(name=row["name"], names=tuple(row["names"]), urls=tuple(row["urls"])) for row in rows)


@cache
def list_build_locations(name: NormalizedName) -> tuple[BuildLocation, ...]:
    """The build locations of the shipped families that a project belongs to, in file order."""
    return tuple(_iter_build_locations(name))


def is_torch_companion(name: NormalizedName) -> bool:
    """Whether labelled builds of a project carry the CUDA label of a torch build.

    One lock must not mix the labels of torch and its companions.
    """
    return name in _torch_companions()


def find_name_warning(name: NormalizedName) -> NameWarning | None:
    """The warning for a project that is taken from the default index; None for most projects."""
    for row in read_data("families")["warning"]:
        if row["name"] == name:
            return NameWarning(name=name, text=row["text"], remedy=row["remedy"])
    return None


def is_absent_status(url: str, status: int) -> bool:
    """Whether an HTTP status of this host means that a page does not exist.

    Some hosts answer 403 for a missing page; elsewhere that status refuses access.
    """
    return any(row["status"] == status and url.startswith(row["url"]) for row in read_data("families")["absence"])


def apply_mirrors(url: str, mirrors: Iterable[Mirror]) -> str:
    """The URL with its prefix replaced by that of a mirror, which may hold a secret; unchanged if no mirror matches.

    Of several mirrors that match, the one with the longest prefix counts; a prefix ends where a path segment does.
    """
    mirror = find_mirror(url, mirrors)
    return url if mirror is None else _replace_prefix(url, mirror.prefix, mirror.url)


def find_mirror(url: str, mirrors: Iterable[Mirror]) -> Mirror | None:
    """The mirror that `apply_mirrors` takes for a URL, or None."""
    found = [mirror for mirror in mirrors if _begins_with(url, mirror.prefix)]
    return max(found, key=lambda mirror: len(mirror.prefix.rstrip("/")), default=None)


def find_mirrored(url: str, mirrors: Iterable[Mirror]) -> str | None:
    """The URL that a mirror's own URL stands for, the reverse of `apply_mirrors`; None for a URL of no mirror."""
    found = [mirror for mirror in mirrors if _begins_with(url, mirror.url)]
    mirror = max(found, key=lambda mirror: len(mirror.url.rstrip("/")), default=None)
    return None if mirror is None else _replace_prefix(url, mirror.url, mirror.prefix)


def _begins_with(url: str, prefix: str) -> bool:
    """Whether the prefix ends where a path segment of the URL does."""
    return f"{url.rstrip('/')}/".startswith(f"{prefix.rstrip('/')}/")


def _replace_prefix(url: str, prefix: str, other: str) -> str:
    """The URL with `other` in the place of its prefix; `other` as it is where the prefix is the whole URL."""
    rest = url[len(prefix.rstrip("/")) :].lstrip("/")
    return f"{other.rstrip('/')}/{rest}" if rest else other


def _iter_build_locations(name: NormalizedName) -> Iterable[BuildLocation]:
    """One location for each template of a family that the project belongs to."""
    for row, family in zip(read_data("families")["family"], load_families(), strict=True):
        if is_family_name(name, family):
            for key in ("index", "pages"):
                if key in row:
                    yield BuildLocation(family=family.name, template=row[key], is_page=key == "pages")


@cache
def _torch_companions() -> frozenset[str]:
    """The projects that any family lists as companions of torch."""
    return frozenset(name for row in read_data("families")["family"] for name in row.get("companions", ()))
