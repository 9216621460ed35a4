"""Indexes that exist for a family of packages: the shipped rows, and which family a URL or a name belongs to.

In: `data/families.toml`, and the families that a user configures. Out: `IndexFamily` values. Which index is asked for
a name follows from them in later stages. With them come what else is known of names: the templates of the indexes that
hold one build each, the companions of torch, and what the default index has under a name that means something else.
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
    "find_name_warning",
    "is_absent_status",
    "is_torch_companion",
    "list_build_locations",
    "load_families",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildLocation:
    """Where a family keeps its builds, one index (or with `is_page` one find-links page) for each.

    `template` holds `{cuda}`, `{cuda_major}`, `{torch}`, `{torch_minor}` and `{version}`, of which `fields` are those
    that must be known to fill it.
    """

    family: str
    template: str
    is_page: bool

    @property
    def fields(self) -> frozenset[str]:
        return frozenset(re.findall(r"\{([a-z_]+)\}", self.template))

    def render(self, *, cuda: CudaVersion | None = None, torch: Version | None = None, version: str = "") -> str | None:
        """The URL for a build; `cuda` None is its CPU build. None where the template needs what is not given."""
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
    """What the default index has under a name that people mean something else by, and what to write instead."""

    name: NormalizedName
    text: str
    remedy: str

    def __str__(self) -> str:
        return str(Fault(what=self.text, remedy=f"`{self.remedy}`"))


@cache
def load_families() -> tuple[IndexFamily, ...]:
    """The families that ship with pinfold, in file order: of two that match a URL, the first one counts."""
    rows = read_data("families")["family"]
    return tuple(IndexFamily(name=row["name"], names=tuple(row["names"]), urls=tuple(row["urls"])) for row in rows)


@cache
def list_build_locations(name: NormalizedName) -> tuple[BuildLocation, ...]:
    """Where the shipped families keep builds of a project, in file order."""
    return tuple(_iter_build_locations(name))


def is_torch_companion(name: NormalizedName) -> bool:
    """Whether builds of a project carry torch's CUDA label where they carry one, so that one lock must not mix them."""
    return name in _torch_companions()


def find_name_warning(name: NormalizedName) -> NameWarning | None:
    """What to say of a project taken from the default index; None for most."""
    for row in read_data("families")["warning"]:
        if row["name"] == name:
            return NameWarning(name=name, text=row["text"], remedy=row["remedy"])
    return None


def is_absent_status(url: str, status: int) -> bool:
    """Whether a status, which elsewhere refuses access, means on this host that it does not have what was asked for."""
    return any(row["status"] == status and url.startswith(row["url"]) for row in read_data("families")["absence"])


def apply_mirrors(url: str, mirrors: Iterable[Mirror]) -> str:
    """The URL to ask instead of a shipped one: its prefix replaced by the mirror's, which may hold a secret.

    Of several mirrors that match, the one with the longest prefix counts; a prefix ends where a path segment does.
    """
    found = [mirror for mirror in mirrors if f"{url.rstrip('/')}/".startswith(f"{mirror.prefix.rstrip('/')}/")]
    if not found:
        return url
    mirror = max(found, key=lambda one: len(one.prefix.rstrip("/")))
    rest = url[len(mirror.prefix.rstrip("/")) :].lstrip("/")
    return f"{mirror.url.rstrip('/')}/{rest}" if rest else mirror.url


@cache
def _torch_companions() -> frozenset[str]:
    return frozenset(name for row in read_data("families")["family"] for name in row.get("companions", ()))


def _iter_build_locations(name: NormalizedName) -> Iterable[BuildLocation]:
    for row, family in zip(read_data("families")["family"], load_families(), strict=True):
        if is_family_name(name, family):
            for key in ("index", "pages"):
                if key in row:
                    yield BuildLocation(family=family.name, template=row[key], is_page=key == "pages")
