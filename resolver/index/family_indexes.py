"""The indexes of families that hold one build each: where the CUDA 12.8 builds of torch are, or the CPU ones.

In: the shipped templates, the user's families and mirrors. Out: `FamilyIndex` values for a name and a build. Which of
them is asked, and when, is for the solver to say.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from packaging.utils import NormalizedName
from packaging.version import Version

from lockfiles.value_classes import dataclass
from resolver.errors import FetchError
from resolver.index.location import Location
from resolver.requirements.index_families import is_family_name
from resolver.requirements.scopes import IndexFamily
from resolver.requirements.url import parse_url
from resolver.settings import Mirror
from resolver.targets.cuda import Cuda, CudaVersion
from resolver.targets.families import BuildLocation, apply_mirrors, list_build_locations
from resolver.targets.labels import parse_index_label

__all__ = ["FamilyIndex", "FamilyIndexes", "explain_failure"]


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
