"""Where a project's files can be asked for: an index, or a find-links location, with its place in the order.

The indexes of families that hold one build each: where the CUDA 12.8 builds of torch are, or the CPU ones.

In: the shipped templates, the user's families and mirrors. Out: `FamilyIndex` values for a name and a build. Which of
them is asked, and when, is for the solver to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field, replace
from typing import Literal

from packaging.utils import NormalizedName
from packaging.version import Version

from lockfiles._values import dataclass
from resolver.errors import FetchError
from resolver.requirements.scopes import IndexFamily, Scope, find_family, is_family_name
from resolver.requirements.url import Url, parse_url
from resolver.settings.settings import Mirror
from resolver.targets.accelerators import Cuda, CudaVersion
from resolver.targets.families import BuildLocation, apply_mirrors, list_build_locations
from resolver.targets.labels import parse_index_label

__all__ = [
    "FamilyIndex",
    "FamilyIndexes",
    "Location",
    "explain_failure",
    "order_locations",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A place that may list a project's files.

    `form` is `index` (simple API; the project's page is `url/name/`), `find-links` (one page or folder for all
    projects), or `direct` (the one source of one project, whose `url` is a text for messages). A location whose family
    does not serve the project stands behind all others of its scope; `outside_family` is the family's name then, else
    None. `is_default` marks the built-in or configured default index, which no list names. `may_be_missing` marks a
    find-links page that the data names: one that is not there has nothing.
    """

    url: Url
    form: Literal["index", "find-links", "direct"] = "index"
    outside_family: str | None = None
    is_default: bool = field(default=False, compare=False)
    may_be_missing: bool = field(default=False, compare=False)


def order_locations(
    name: NormalizedName,
    scope: Scope,
    *,
    default_index: Url | None,
    families: Sequence[IndexFamily],
    strategy: Literal["first-index", "best-match"],
) -> tuple[Location, ...]:
    """The locations to ask for a project, first one first; each URL once.

    Find-links of the scope, extra indexes in list order, `--index-url`s, then the default index. Under `first-index`
    the locations of families that do not serve the project come after all others, in the same order; under
    `best-match` all are asked together, so none moves. A project of an exclusive family is asked for at the locations
    of such families only, which may be none.
    """
    located = [(location, find_family(location.url, families)) for location in _iter_once(scope, default_index)]
    if any(family.exclusive and is_family_name(name, family) for family in families):
        located = [
            (location, family)
            for location, family in located
            if family is not None and family.exclusive and is_family_name(name, family)
        ]
    if strategy == "best-match":
        return tuple(location for location, _ in located)
    inside = [location for location, family in located if family is None or is_family_name(name, family)]
    outside = [
        replace(location, outside_family=family.name)
        for location, family in located
        if family is not None and not is_family_name(name, family)
    ]
    return (*inside, *outside)


def _iter_once(scope: Scope, default_index: Url | None) -> Iterator[Location]:
    seen: set[tuple[str, str]] = set()
    for location in _iter_locations(scope, default_index):
        key = (location.form, location.url.public.rstrip("/"))
        if key not in seen:
            seen.add(key)
            yield location


def _iter_locations(scope: Scope, default_index: Url | None) -> Iterable[Location]:
    for url in scope.find_links:
        yield Location(url=url, form="find-links")
    for url in (*scope.extra_indexes, *scope.indexes):
        yield Location(url=url)
    if scope.default_index and default_index is not None:
        yield Location(url=default_index, is_default=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyIndex:
    """An index with one build of a family's projects. `cuda` None is the CPU build.

    `mirrored` is the URL prefix that a mirror would take the place of, empty for an index of the user's own.
    """

    family: str
    cuda: CudaVersion | None
    location: Location
    mirrored: str = ""

    @property
    def label(self) -> str:
        """The local version label of its builds: `cu128`, `cpu`."""
        return "cpu" if self.cuda is None else self.cuda.label


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyIndexes:
    """Where families keep their builds. `families` are the user's own, which come before the shipped ones.

    With `uses_shipped` false a shipped index is asked only if one of `mirrors` stands in for it.
    """

    families: Sequence[IndexFamily] = ()
    mirrors: Sequence[Mirror] = ()
    uses_shipped: bool = True

    def find(self, name: NormalizedName, cuda: CudaVersion | None, *, version: str = "") -> tuple[FamilyIndex, ...]:
        """The indexes that can have a build of a project; `version` is that of the project, where it matters."""
        own = tuple(self._iter_own(name, cuda))
        return own or tuple(self._iter_shipped(name, cuda, version))

    def find_pages(self, name: NormalizedName, cuda: CudaVersion | None, torch: Version) -> tuple[FamilyIndex, ...]:
        """The find-links pages that can have builds of a project for a release of torch."""
        own = tuple(self._iter_own(name, cuda, torch=torch))
        return own or tuple(self._iter_shipped_pages(name, cuda, torch))

    def has_any(self, name: NormalizedName) -> bool:
        """Whether there is an index of builds for a project at all."""
        return bool(self.find(name, CudaVersion(12, 8), version="1"))

    def _iter_own(
        self, name: NormalizedName, cuda: CudaVersion | None, *, torch: Version | None = None
    ) -> Iterator[FamilyIndex]:
        """Those of the user's families: pages, whose URLs name a `{torch}`, where one is given, else indexes."""
        label = "cpu" if cuda is None else cuda.label
        for family in self.families:
            for url in family.urls if is_family_name(name, family) else ():
                if torch is not None and "{torch}" in url:
                    filled = url.replace("{cuda}", label).replace("{torch}", torch.base_version)
                    yield FamilyIndex(family=family.name, cuda=cuda, location=_locate_page(filled))
                elif torch is None and "{torch}" not in url and ("{cuda}" in url or _is_of_build(url, cuda)):
                    location = Location(url=parse_url(url.replace("{cuda}", label)))
                    yield FamilyIndex(family=family.name, cuda=cuda, location=location)

    def _iter_shipped(self, name: NormalizedName, cuda: CudaVersion | None, version: str) -> Iterator[FamilyIndex]:
        for row in list_build_locations(name):
            shipped = None if row.is_page else row.render(cuda=cuda, version=version)
            if shipped is None:
                continue
            url = apply_mirrors(shipped, self.mirrors)
            if self.uses_shipped or url != shipped:
                location = Location(url=parse_url(url))
                yield FamilyIndex(family=row.family, cuda=cuda, location=location, mirrored=_name_prefix(row))

    def _iter_shipped_pages(
        self, name: NormalizedName, cuda: CudaVersion | None, torch: Version
    ) -> Iterator[FamilyIndex]:
        for row in list_build_locations(name):
            shipped = row.render(cuda=cuda, torch=torch) if row.is_page else None
            if shipped is None:
                continue
            url = apply_mirrors(shipped, self.mirrors)
            if self.uses_shipped or url != shipped:
                yield FamilyIndex(family=row.family, cuda=cuda, location=_locate_page(url), mirrored=_name_prefix(row))


def explain_failure(index: FamilyIndex, error: FetchError, *, wanted: str) -> FetchError:
    """The error for an index or page that cannot be read: what was needed from it, and which key names a mirror."""
    url = index.location.url
    why, *details = str(error).splitlines()
    return FetchError(
        f"{url} is needed for `{wanted}`: no other index in scope has {index.label} builds",
        why=why,
        details=tuple(details),
        remedy="name a mirror in pyproject.toml" if index.mirrored else "",
        quoted=("[tool.pinfold.mirrors]", f'"{index.mirrored}" = "https://mirror.example/whl/"')
        if index.mirrored
        else (),
        url=url.public,
    )


def _locate_page(url: str) -> Location:
    return Location(url=parse_url(url), form="find-links", may_be_missing=True)


def _name_prefix(row: BuildLocation) -> str:
    """What a mirror of a family's indexes takes the place of."""
    return f"{row.template.partition('{')[0].rpartition('/')[0]}/"


def _is_of_build(url: str, cuda: CudaVersion | None) -> bool:
    label = parse_index_label(url)
    if label is None or label.backend is None:
        return False
    named: Cuda | None = label.cuda
    return label.backend == "cpu" if cuda is None else named == cuda
