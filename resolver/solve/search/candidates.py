"""A project's candidates: the pages of all its locations, read and joined into one table.

In: a problem and a package source. Out: the `ProjectTable` of a project, filtered by the list's options.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from packaging.utils import NormalizedName
from packaging.version import Version

from resolver.index.location import Location
from resolver.index.package_source import PackageSource
from resolver.index.project_page import ProjectPage
from resolver.index.version_sets import VersionSets
from resolver.solve.problem import Problem
from resolver.solve.project_table import FileRules, ListedPage, ProjectTable, has_row, iter_rows, parse_instant
from resolver.targets.accelerators import Gpu

__all__ = ["build_project_table", "rank_listings", "read_listings"]


def read_listings(
    name: NormalizedName, problem: Problem, source: PackageSource
) -> tuple[tuple[ListedPage, ...], tuple[Location, ...]]:
    """The pages that supply the project under the problem's index strategy, and the locations that lack it.

    The locations of the project's family are read first; the others, find-links included, only where none of those has
    it; and an index outside its family only where no other location has the project. Pages of the family that have
    nothing that the list admits join the others, as find-links do: uv and pip have an answer then. Raises FetchError.
    """
    locations = problem.locations(name)
    missing: list[Location] = []
    found: list[tuple[Location, ProjectPage]] = []
    best_match = problem.index_strategy == "best-match"
    for place in ("family", "plain", "outside"):
        group = [location for location in locations if _find_group(location) == place]
        found += _read_group(name, group, source, missing, first_only=not best_match)
        listings = rank_listings(found, best_match=best_match)
        if found and (place != "family" or _supplies(name, problem, listings)):
            return listings, tuple(missing)
    return rank_listings(found, best_match=best_match), tuple(missing)


def _supplies(name: NormalizedName, problem: Problem, listings: tuple[ListedPage, ...]) -> bool:
    """Whether locations of a family supply a project: an index always, find-links only what the list admits."""
    if any(listing.location.form == "index" for listing in listings):
        return True
    table = build_project_table(name, problem, listings)
    rows = table.all_rows
    for line in (*problem.roots, *problem.constraints):
        if line.name == name:
            rows &= table.mask(line.specifier)
    return bool(table.usable(rows))


def rank_listings(found: Sequence[tuple[Location, ProjectPage]], *, best_match: bool) -> tuple[ListedPage, ...]:
    """Listings in order of preference between equal files: as pip under best-match, as uv under first-index."""
    indexes = [item for item in found if item[0].form != "find-links"]
    links = [item for item in found if item[0].form == "find-links"]
    ordered = [*reversed(indexes), *reversed(links)] if best_match else [*links, *indexes]
    return tuple(ListedPage(location=location, page=page, rank=rank) for rank, (location, page) in enumerate(ordered))


def build_project_table(
    name: NormalizedName, problem: Problem, listings: tuple[ListedPage, ...], missing: tuple[Location, ...] = ()
) -> ProjectTable:
    """The project's table from its pages."""
    rules = _build_file_rules(name, problem)
    masks, versions, places = _single_page(listings[0].page) if len(listings) == 1 else _merged_pages(listings)
    wheel, sdist, prerelease, yanked, partly_yanked, local = masks
    left_out = _find_left_out(name, problem, listings, versions) if local else {}
    kept = ~sum(1 << row for row in left_out)
    return ProjectTable(
        name=name,
        versions=versions,
        wheel_mask=wheel & kept if rules.wheels else 0,
        sdist_mask=sdist & kept if rules.sdists else 0,
        prerelease_mask=prerelease,
        yanked_mask=yanked,
        listings=listings,
        missing=missing,
        rules=rules,
        _partly_yanked=0 if rules.admits_all else partly_yanked,
        _sets=VersionSets(versions, local),
        _places=places,
        left_out=left_out,
    )


def _find_left_out(
    name: NormalizedName, problem: Problem, listings: Sequence[ListedPage], versions: Sequence[Version]
) -> dict[int, str]:
    """The rows that a page which mixes builds has for another backend than is wanted, each with the reason.

    Labels order by their text, so `2.6.0+xpu` would win over `2.6.0+cu126` for no other reason. Builds for ROCm and XPU
    count only where a label in the list or the URL of the page names them, and for a GPU that holds for builds without
    CUDA too. A page on which nothing else can be used is meant as it is.
    """
    if name in problem.allow or name in problem.direct:
        return {}
    # Lazy: few projects have labelled builds.
    from resolver.targets.labels import parse_index_label, parse_label, parse_version_label

    unwanted = {"rocm", "xpu", *(["cpu"] if isinstance(problem.target.accelerator, Gpu) else [])}
    unwanted -= {label.backend for text in _iter_named(problem) if (label := parse_label(text)) is not None}
    found: dict[Version, str] = {}
    meant: set[Version] = set()
    for listing in listings:
        index, usable = parse_index_label(listing.location.named_url), listing.page.wheel_mask | listing.page.sdist_mask
        out: dict[int, str] = {}
        for row in iter_rows(listing.page.local_mask & usable):
            label = parse_version_label(listing.page.versions[row])
            if label is not None and label.backend in unwanted and (index is None or label.backend != index.backend):
                out[row] = _describe_unwanted(label.backend)
        if usable & ~sum(1 << row for row in out):
            found |= {listing.page.versions[row]: reason for row, reason in out.items()}
        else:
            meant.update(listing.page.versions[row] for row in out)
    return {row: found[version] for row, version in enumerate(versions) if version in found and version not in meant}


def _describe_unwanted(backend: str) -> str:
    """Why a build for a backend is left out."""
    if backend == "cpu":
        return "is built for the CPU alone"
    return f"is built for {backend}, which neither the list nor the index names"


def _iter_named(problem: Problem) -> Iterator[str]:
    """The labels that the list names, in `torch==2.6.0+xpu` or by a wheel of its own; they count for all projects."""
    for line in (*problem.roots, *problem.constraints, *problem.overrides):
        yield from (label for part in line.specifier if (label := part.version.partition("+")[2]))
    for fixed in problem.direct.values():
        if fixed.found is not None and fixed.found.version.local is not None:
            yield fixed.found.version.local


def _find_group(location: Location) -> Literal["family", "plain", "outside"]:
    """The group that a location is read with."""
    if location.outside_family is not None:
        return "outside"
    return "family" if location.is_of_family else "plain"


_Masks = tuple[int, int, int, int, int, int]
_Places = list[tuple[tuple[ListedPage, int], ...]]


def _read_group(
    name: NormalizedName,
    group: Sequence[Location],
    source: PackageSource,
    missing: list[Location],
    *,
    first_only: bool,
) -> list[tuple[Location, ProjectPage]]:
    found: list[tuple[Location, ProjectPage]] = []
    index_found = False
    for location in group:
        if location.form == "index" and first_only and index_found:
            continue
        page = source.project_page(name, location)
        if page is None:
            missing.append(location)
            continue
        index_found = index_found or location.form == "index"
        found.append((location, page))
    return found


def _single_page(page: ProjectPage) -> tuple[_Masks, Sequence[Version], None]:
    yanked = (page.yanked_mask, page.partly_yanked_mask)
    return (page.wheel_mask, page.sdist_mask, page.prerelease_mask, *yanked, page.local_mask), page.versions, None


def _merged_pages(listings: Sequence[ListedPage]) -> tuple[_Masks, Sequence[Version], _Places]:
    by_version: dict[Version, list[tuple[ListedPage, int]]] = {}
    for listing in listings:
        for row, version in enumerate(listing.page.versions):
            by_version.setdefault(version, []).append((listing, row))
    versions = sorted(by_version, reverse=True)
    places = [tuple(by_version[version]) for version in versions]
    wheel = sdist = prerelease = yanked = partly_yanked = local = 0
    for row, spots in enumerate(places):
        wheel |= any(has_row(spot.page.wheel_mask, at) for spot, at in spots) << row
        sdist |= any(has_row(spot.page.sdist_mask, at) for spot, at in spots) << row
        prerelease |= any(has_row(spot.page.prerelease_mask, at) for spot, at in spots) << row
        local |= any(has_row(spot.page.local_mask, at) for spot, at in spots) << row
        all_yanked, some_yanked = _find_yanked(spots)
        yanked |= all_yanked << row
        partly_yanked |= (some_yanked and not all_yanked) << row
    return (wheel, sdist, prerelease, yanked, partly_yanked, local), versions, places


def _find_yanked(spots: Sequence[tuple[ListedPage, int]]) -> tuple[bool, bool]:
    """Whether all, and whether some, of the usable files that several pages have of one version are yanked."""
    usable = [(spot.page, at) for spot, at in spots if has_row(spot.page.wheel_mask | spot.page.sdist_mask, at)]
    only = [has_row(page.yanked_mask, at) for page, at in usable]
    return bool(only) and all(only), any(only) or any(has_row(page.partly_yanked_mask, at) for page, at in usable)


def _build_file_rules(name: NormalizedName, problem: Problem) -> FileRules:
    if name in problem.direct:
        return FileRules()  # The list names the file itself; its hashes are compared once its content is known.
    return FileRules(
        wheels=problem.format_control.allows_wheel(name),
        sdists=problem.format_control.allows_sdist(name),
        hashes=problem.allowed_hashes(name),
        cutoff=parse_instant(problem.exclude_newer) if problem.exclude_newer is not None else None,
        exempt=frozenset(url.rstrip("/") for url in problem.exclude_newer_exempt),
    )
