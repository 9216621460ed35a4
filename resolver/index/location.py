"""Where a project's files are found: locations of a scope in order of precedence, and indexes with one build each.

In: a scope of the list, the default index, the families and mirrors of the user and those that ship with pinfold. Out:
`Location` values for a project in order; and for a project and a CUDA release the `FamilyIndex` values that have builds
for it, such as the indexes with the CUDA 12.8 builds of torch. Both are here because a family index is a location
outside the scope; whether it is read, and when, is decided by the search.
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
from resolver.targets.families import BuildLocation, apply_mirrors, find_mirrored, list_build_locations

__all__ = [
    "FamilyIndex",
    "FamilyIndexes",
    "Location",
    "explain_failure",
    "mirror_url",
    "order_locations",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """An index, a find-links location, or the source of a direct reference: where a project's files are listed.

    - `form` is `index` (simple API: the project's page is `url/name/`), `find-links` (one page or folder for all
      projects), or `direct` (the one source of one project, whose `url` is a text for messages).
    - `outside_family` is the name of the location's family if that does not serve the project, else None. Such a
      location comes after all others of its scope.
    - `is_of_family` marks a location of a family that serves the project. It comes before all others of its scope, and
      what it has of the project is all that the scope has.
    - `is_default` marks the built-in or configured default index, which is in no list.
    - `replaced` is the URL that list or data have for the location, where a mirror takes its place; otherwise empty.
    - `may_be_missing` marks a find-links page from a template, which need not exist: a missing one has no files.
    """

    url: Url
    form: Literal["index", "find-links", "direct"] = "index"
    outside_family: str | None = None
    is_of_family: bool = field(default=False, compare=False)
    is_default: bool = field(default=False, compare=False)
    replaced: str = field(default="", compare=False)
    may_be_missing: bool = field(default=False, compare=False)

    @property
    def named_url(self) -> str:
        """The public URL as list or data name it: the label in it holds for a mirror too."""
        return self.replaced or self.url.public


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyIndex:
    """An index with one build of a family's projects; `cuda` None is the CPU build.

    `mirrored` is the URL prefix that a mirror would replace, empty for an index of the user's own family.
    """

    family: str
    cuda: CudaVersion | None
    location: Location
    mirrored: str = ""

    @property
    def label(self) -> str:
        """The local version label of the index's builds: `cu128`, `cpu`."""
        return "cpu" if self.cuda is None else self.cuda.label


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyIndexes:
    """Finds the indexes of families. `families` are the user's own; if they have builds, the shipped ones are not used.

    With `uses_shipped` false, a shipped index is used only if one of `mirrors` replaces it. A project of an exclusive
    family comes from no shipped index at all.
    """

    families: Sequence[IndexFamily] = ()
    mirrors: Sequence[Mirror] = ()
    uses_shipped: bool = True

    def find(self, name: NormalizedName, cuda: CudaVersion | None, *, version: str = "") -> tuple[FamilyIndex, ...]:
        """The indexes that may have a build of a project; `version` is the project's, for templates that contain it."""
        own = tuple(self._iter_own(name, cuda))
        return own or tuple(self._iter_shipped(name, cuda, version=version))

    def find_pages(self, name: NormalizedName, cuda: CudaVersion | None, torch: Version) -> tuple[FamilyIndex, ...]:
        """The find-links pages that may have builds of a project for a release of torch."""
        own = tuple(self._iter_own(name, cuda, torch=torch))
        return own or tuple(self._iter_shipped(name, cuda, torch=torch))

    def has_any(self, name: NormalizedName) -> bool:
        """Whether any index may have builds of a project, judged by one recent CUDA release."""
        # The version fills templates that contain one; its value does not matter.
        return bool(self.find(name, CudaVersion(12, 8), version="1"))

    def _iter_own(
        self, name: NormalizedName, cuda: CudaVersion | None, *, torch: Version | None = None
    ) -> Iterator[FamilyIndex]:
        """Indexes of the user's families; with `torch`, their find-links pages, whose URLs contain `{torch}`."""
        label = "cpu" if cuda is None else cuda.label
        for family in _select_serving(name, self.families):
            for url in family.urls:
                if torch is not None and "{torch}" in url:
                    filled = url.replace("{cuda}", label).replace("{torch}", torch.base_version)
                    yield FamilyIndex(family=family.name, cuda=cuda, location=self._locate(filled, is_page=True))
                elif torch is None and "{torch}" not in url and ("{cuda}" in url or _is_of_build(url, cuda)):
                    location = self._locate(url.replace("{cuda}", label))
                    yield FamilyIndex(family=family.name, cuda=cuda, location=location)

    def _iter_shipped(
        self, name: NormalizedName, cuda: CudaVersion | None, *, version: str = "", torch: Version | None = None
    ) -> Iterator[FamilyIndex]:
        """The indexes of shipped templates, or with `torch` their find-links pages; each replaced by its mirror."""
        is_exclusive = any(family.exclusive for family in _select_serving(name, self.families))
        for row in () if is_exclusive else list_build_locations(name):
            is_wanted = row.is_page is (torch is not None)
            shipped = row.render(cuda=cuda, torch=torch, version=version) if is_wanted else None
            if shipped is None:
                continue
            location = self._locate(shipped, is_page=row.is_page)
            if self.uses_shipped or location.replaced:
                yield FamilyIndex(family=row.family, cuda=cuda, location=location, mirrored=_name_prefix(row))

    def _locate(self, text: str, *, is_page: bool = False) -> Location:
        """The location of a URL from a template, or of its mirror; a page need not exist."""
        url, replaced = mirror_url(parse_url(text), self.mirrors)
        form: Literal["index", "find-links"] = "find-links" if is_page else "index"
        return Location(url=url, form=form, replaced=replaced, may_be_missing=is_page)


def order_locations(
    name: NormalizedName,
    scope: Scope,
    *,
    default_index: Url | None,
    families: Sequence[IndexFamily],
    strategy: Literal["first-index", "best-match"],
    mirrors: Sequence[Mirror] = (),
) -> tuple[Location, ...]:
    """The locations of a project in order of precedence, each URL once.

    One of `mirrors` takes the place of each URL of the scope that it is for, and has its family. The default index is
    given with its mirror applied.

    The order is: find-links of the scope, extra indexes in list order, `--index-url`s, the default index. Under
    `first-index`, locations of families that serve the project move before all others, whatever flag names them, and
    those of families that do not serve it behind all others, each group in the same order; under `best-match` all
    locations are read together, so none moves. A project of an exclusive family has the locations of such families
    only, which may be none.
    """
    located = [
        (location, _find_family_of(location, name, families, mirrors))
        for location in _iter_once(scope, default_index, mirrors)
    ]
    serving = _select_serving(name, families)
    if any(family.exclusive for family in serving):
        located = [one for one in located if one[1] in serving and one[1] is not None and one[1].exclusive]
    if strategy == "best-match":
        return tuple(location for location, _ in located)
    first, plain, last = [], [], []
    for location, family in located:
        if family is None:
            plain.append(location)
        elif family in serving:
            first.append(replace(location, is_of_family=True))
        else:
            last.append(replace(location, outside_family=family.name))
    return (*first, *plain, *last)


def mirror_url(url: Url, mirrors: Sequence[Mirror]) -> tuple[Url, str]:
    """The URL of a mirror for a URL, with the public URL that it replaces; the URL itself and an empty text if none.

    Credentials of the replaced URL belong to its host and are left out; those of the mirror are found by its host.
    """
    found = apply_mirrors(url.public, mirrors)
    return (url, "") if found == url.public else (parse_url(found), url.public)


def explain_failure(index: FamilyIndex, error: FetchError, *, wanted: str) -> FetchError:
    """The error for a family's index or page that cannot be read, with the table of settings that replaces it.

    `wanted` is the requirement that needs it. Lines after the first of the original error become details.
    """
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


def _select_serving(name: NormalizedName, families: Sequence[IndexFamily]) -> list[IndexFamily]:
    """The families that a project is of; exclusive ones alone where there are any."""
    serving = [family for family in families if is_family_name(name, family)]
    return [family for family in serving if family.exclusive] or serving


def _find_family_of(
    location: Location, name: NormalizedName, families: Sequence[IndexFamily], mirrors: Sequence[Mirror]
) -> IndexFamily | None:
    """The family of a location, by the URL that the list has or by that of the mirror.

    A URL of a mirror that the list itself names is of the family that it stands for, but only for names of that family:
    it may be an index of everything, whose other projects must not move behind those of the default index.
    """
    family = find_family(location.url, families)
    if family is None and location.replaced:
        family = find_family(Url(public=location.replaced), families)
    if family is not None or location.is_default:
        return family
    mirrored = find_mirrored(location.url.public, mirrors)
    family = None if mirrored is None else find_family(Url(public=mirrored), families)
    return family if family is not None and is_family_name(name, family) else None


def _is_of_build(url: str, cuda: CudaVersion | None) -> bool:
    """Whether the path of an index URL names exactly this CUDA release, or the CPU for None."""
    # Lazy: only a lock for GPUs, or one that names a build, looks at labels.
    from resolver.targets.labels import parse_index_label

    label = parse_index_label(url)
    if label is None or label.backend is None:
        return False
    named: Cuda | None = label.cuda
    return label.backend == "cpu" if cuda is None else named == cuda


def _name_prefix(row: BuildLocation) -> str:
    """The URL prefix that all indexes of a template share, which a mirror replaces."""
    return f"{row.template.partition('{')[0].rpartition('/')[0]}/"


def _iter_once(scope: Scope, default_index: Url | None, mirrors: Sequence[Mirror]) -> Iterator[Location]:
    """The locations of a scope, of which equal URLs in the same form count once."""
    seen: set[tuple[str, str]] = set()
    for location in _iter_locations(scope, default_index, mirrors):
        key = (location.form, location.url.public.rstrip("/"))
        if key not in seen:
            seen.add(key)
            yield location


def _iter_locations(scope: Scope, default_index: Url | None, mirrors: Sequence[Mirror]) -> Iterable[Location]:
    """The locations of a scope in order, for `order_locations`."""
    for url in scope.find_links:
        found, replaced = mirror_url(url, mirrors)
        yield Location(url=found, form="find-links", replaced=replaced)
    for url in (*scope.extra_indexes, *scope.indexes):
        found, replaced = mirror_url(url, mirrors)
        yield Location(url=found, replaced=replaced)
    if scope.default_index and default_index is not None:
        yield Location(url=default_index, is_default=True)
