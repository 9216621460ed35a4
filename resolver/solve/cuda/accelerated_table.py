"""The candidates of a project whose builds differ in CUDA: those of the default index, and those of family indexes.

In: the pages of the project's own locations, and what is known of its builds. Out: an `AcceleratedTable` with a row for
each build that may exist.

A family index is not read before the search tries one of its rows. Until then such a row is a *promise*, made from the
data; when the index is read, the row gets its files or turns out to be absent. Rows that the machine does not run are
in the table too, with the reason, so that messages can give it. A promised row beside a default build that runs is
*closed*: it is no candidate until the default build has a CUDA or an ABI that nothing else of the solution goes with.
So most searches read the default index alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from packaging.utils import NormalizedName
from packaging.version import Version

from lockfiles._values import dataclass
from resolver.errors import FetchError
from resolver.index.distribution_file import DistributionFile
from resolver.index.location import FamilyIndex, Location, explain_failure
from resolver.index.package_source import PackageSource
from resolver.index.project_page import ProjectPage
from resolver.index.version_sets import VersionSets
from resolver.solve.cuda.acceleration import CPU_BUILD_NAMES, CUDA_BUILD_NAMES, TORCH_NAME, Acceleration
from resolver.solve.problem import Problem
from resolver.solve.project_table import ListedPage, ProjectTable, build_project_table, read_listings
from resolver.targets.accelerators import Cpu, CudaMajor, CudaVersion
from resolver.targets.families import is_torch_companion
from resolver.targets.known_cuda import KnownCuda, is_read_from_metadata
from resolver.targets.labels import parse_label
from resolver.targets.target import Target
from resolver.targets.torch_builds import (
    TorchRelease,
    find_release,
    has_cpu_label,
    iter_releases_of_companion,
    list_allowed_cuda,
    load_releases,
)

__all__ = [
    "AcceleratedTable",
    "build_accelerated_table",
]

# Projects whose builds on family indexes always have a label.
_ALWAYS_LABELLED = frozenset({"torch", "torchaudio", "torchvision"})


class AcceleratedTable(ProjectTable):
    """A project's table with the CUDA of each row in `known`.

    - `reasons` are rows that the machine rules out, `absent` those that a family index turned out not to have.
    - `promises` are rows whose index is not read yet.
    - `closed` are promised rows that are no candidates yet, each with the row of the default build that it waits for.
    - `order` has the rows in the order of `ordered`.
    - `has_default` means that the default index, and no index of the user's, supplies the project.
    """

    __slots__ = ("absent", "closed", "has_default", "known", "order", "promises", "reasons", "source")

    def __init__(
        self,
        *,
        source: PackageSource,
        known: Sequence[KnownCuda | None],
        reasons: Mapping[int, str],
        promises: dict[int, FamilyIndex],
        closed: dict[int, int],
        order: Sequence[int],
        has_default: bool,
        **table: Any,
    ) -> None:
        super().__init__(**table)
        self.source = source
        self.known = known
        self.reasons = reasons
        self.promises = promises
        self.closed = closed
        self.order = order
        self.has_default = has_default
        self.absent: dict[int, str] = {}

    def usable(self, within: int) -> int:
        """The usable rows; a promised row counts as usable until its index is read, unless it is closed."""
        promised = sum(1 << row for row in self.promises)
        out = sum(1 << row for row in {**self.reasons, **self.absent, **self.closed})
        return (super().usable(within & ~promised & ~out) | (within & promised)) & ~out

    def files(self, row: int) -> tuple[DistributionFile, ...]:
        """The files of a row; empty for a promised one, whose index is not read yet."""
        return () if row in self.promises else super().files(row)

    def ordered(self, mask: int) -> Iterator[int]:
        """The rows of a mask, newest release first; in one, the default build if it runs, then by descending CUDA."""
        return (row for row in self.order if mask >> row & 1)

    def is_promised(self, row: int) -> bool:
        """Whether the index of a row is not read yet."""
        return row in self.promises

    def reason(self, row: int) -> str:
        """Why a row is no candidate, for reasons other than its files; empty if it is one."""
        if row in self.closed:
            return "its index was not asked, since the default index's build runs"
        return self.reasons.get(row) or self.absent.get(row, "")

    def open(self, default: int | None = None) -> bool:
        """Admit the rows that wait for a default build, or all closed rows for None; whether there were any."""
        opened = [row for row, waits_for in self.closed.items() if default in (None, waits_for)]
        for row in opened:
            del self.closed[row]
        return bool(opened)

    def prefer(self, places: Mapping[int, int]) -> None:
        """Order the builds of each release anew: those with a lower place first, of equal places as before."""
        publics = [version.public for version in self.versions]
        # The builds of one release are neighbours, so the order of the releases stays.
        releases = {publics[row]: at for at, row in enumerate(self.order)}
        self.order = sorted(self.order, key=lambda row: (releases[publics[row]], places.get(row, len(places))))

    def realise(self, row: int) -> str:
        """Read the index of a promised row, which settles all rows with that index; why the row is absent, or empty.

        Raises FetchError with the requirement that needs the index and the setting for a mirror.
        """
        index = self.promises.get(row)
        if index is None:
            return self.absent.get(row, "")
        page = self._read(index, row)
        # Rows by version, since a promise has only its version.
        found = {} if page is None else {version: at for at, version in enumerate(page.versions)}
        listing = None if page is None else ListedPage(location=index.location, page=page, rank=len(self.listings))
        self.listings += () if listing is None else (listing,)
        self.missing += (index.location,) if listing is None else ()
        for promised in [one for one, its in self.promises.items() if its.location == index.location]:
            del self.promises[promised]
            at = found.get(self.versions[promised])
            if listing is not None and at is not None:
                self._fulfil(promised, listing, at)
            else:
                self.absent[promised] = f"{index.location.url} does not have it"
        return self.absent.get(row, "")

    def _fulfil(self, row: int, listing: ListedPage, at: int) -> None:
        """Give a promised row its files, unless none is usable or all are yanked."""
        places = list(self._places or ())
        places[row] = ((listing, at),)
        self._places = places
        files = self.files(row)
        if not files:
            self.absent[row] = f"{listing.location.url} has no file of it that can be used"
        elif all(file.yanked is not None for file in files):
            self.absent[row] = f"it is yanked on {listing.location.url}"

    def _read(self, index: FamilyIndex, row: int) -> ProjectPage | None:
        """The page of the project on a family index; None if the index lacks it. Raises FetchError."""
        return _read_page(self.source, self.name, index, wanted=f"{self.name} {self.versions[row]}")


def build_accelerated_table(
    name: NormalizedName, problem: Problem, source: PackageSource, acceleration: Acceleration
) -> ProjectTable:
    """The table of a project whose builds differ under the problem's target.

    If the default index supplies it, promised rows are added; if no index has it, those of families are read at once.
    Raises FetchError.
    """
    listings, missing = read_listings(name, problem, source)
    plain = build_project_table(name, problem, listings, missing)
    rows = _list_rows(plain, problem, acceleration)
    has_default = _is_from_default(name, problem, plain)
    if has_default:
        if not listings:
            return _build_from_families(plain, problem, source, acceleration)
        rows += _list_promised(plain, problem, acceleration, rows)
    return _build(plain, rows, source, has_default=has_default, problem=problem)


def _read_page(source: PackageSource, name: NormalizedName, index: FamilyIndex, *, wanted: str) -> ProjectPage | None:
    """The page of a project on a family index; None if the index lacks it.

    Raises FetchError with `wanted`, the requirement that needs it.
    """
    try:
        return source.project_page(name, index.location)
    except FetchError as error:
        raise explain_failure(index, error, wanted=wanted) from error


def _list_rows(table: ProjectTable, problem: Problem, acceleration: Acceleration) -> list[_Row]:
    """The rows of the plain table. Builds on an index of the user's count as named by the list."""
    rows: list[_Row] = []
    labels = _find_named_labels(table.name, problem)
    # With an index or a page of the user's for the project, the build of the default index has no precedence.
    is_default = all(listing.location.is_default for listing in table.listings)
    listed = _list_admitted(table, problem)
    newer: KnownCuda | None = None
    for row, version in enumerate(table.versions):
        places = table.places(row)
        location = places[0][0].location
        is_sdist = bool(table.sdist_mask >> row & 1 and not table.wheel_mask >> row & 1)
        known = _find_known(table.name, version, location, acceleration, is_sdist=is_sdist)
        if known is None and _follows_newer(table.name, version, location, problem.target):
            known = newer
        elif listed >> row & 1 and not is_sdist:
            newer = _pass_on(known)
        named = not location.is_default or version.local in labels
        reason = _find_reason(table, row, known, acceleration, named=named)
        cuda = known.cuda if known is not None and isinstance(known.cuda, CudaVersion) else None
        rows.append(
            _Row(
                version=version,
                rank=(
                    _rank_origin(known, problem, is_default=is_default, is_sdist=is_sdist),
                    *_order_key(cuda),
                    version.local is not None,
                ),
                known=known,
                reason=reason,
                places=places,
                wheel=bool(table.wheel_mask >> row & 1),
                sdist=bool(table.sdist_mask >> row & 1),
                yanked=bool(table.yanked_mask >> row & 1),
                is_partly_yanked=bool(table._partly_yanked >> row & 1),
            )
        )
    return rows


def _find_known(
    name: NormalizedName, version: Version, location: Location, acceleration: Acceleration, *, is_sdist: bool
) -> KnownCuda | None:
    """The known CUDA of a row; None for an sdist of which only the data, which is about wheels, knows any."""
    known = acceleration.find_known(name, version, location)
    is_about_wheels = is_sdist and known is not None and known.rule == "data" and known.label is None
    return None if is_about_wheels else known


def _find_reason(
    table: ProjectTable, row: int, known: KnownCuda | None, acceleration: Acceleration, *, named: bool
) -> str:
    """Why a row of the plain table is no candidate; empty if it is one.

    A wheel of torch without a label whose CUDA is unknown is judged by all builds of its release together.
    """
    version = table.versions[row]
    reason = _explain_newer(known, acceleration.find_reason(table.name, version, known, named=named))
    reason = reason or table.reason(row)
    is_unknown_wheel = known is None and not version.local and bool(table.wheel_mask >> row & 1)
    if not reason and is_unknown_wheel:
        reason = acceleration.find_lack_of_release(table.name, version)
    return reason


def _list_admitted(table: ProjectTable, problem: Problem) -> int:
    """The rows that the list itself admits, pre-releases and yanked ones left out."""
    mask = table.wheel_mask & ~table.prerelease_mask & ~table.yanked_mask
    for line in (*problem.lines.get(table.name, ()), *problem.overrides):
        mask &= table.mask(line.specifier) if line.name == table.name else -1
    return mask


def _follows_newer(name: NormalizedName, version: Version, location: Location, target: Target) -> bool:
    """Whether a version of unknown CUDA counts as built like the next newer one that the list admits.

    Otherwise a search would fall back to it where the newer one does not run, only because less is known of it. What
    goes with one torch, and what its metadata tells, needs no such guess.
    """
    if not location.is_default or name in _ALWAYS_LABELLED:
        return False
    return not is_read_from_metadata(name, version, target.platform)


def _pass_on(known: KnownCuda | None) -> KnownCuda | None:
    """What older versions of unknown CUDA take over from a row: its major release."""
    if known is None or known.rule != "data" or known.cuda is None or known.label is not None:
        return None
    return KnownCuda(cuda=CudaMajor(known.cuda.major), rule="newer")


def _explain_newer(known: KnownCuda | None, reason: str) -> str:
    """The reason that rules out a row, completed if its CUDA is only that of a newer version."""
    is_taken_over = bool(reason) and known is not None and known.rule == "newer"
    return f"is for a CUDA that is not known, and a newer version {reason}" if is_taken_over else reason


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """A row of the table to build: with places on pages, or with a promise.

    `rank` orders the builds of one release, highest first. `reason` is why the machine rules it out, empty if it runs.
    """

    version: Version
    rank: tuple[int, int, int, bool]
    known: KnownCuda | None
    reason: str
    places: tuple[tuple[ListedPage, int], ...] = ()
    promise: FamilyIndex | None = None
    wheel: bool = True
    sdist: bool = False
    yanked: bool = False
    is_partly_yanked: bool = False


def _rank_origin(known: KnownCuda | None, problem: Problem, *, is_default: bool, is_sdist: bool) -> int:
    """The first part of a rank: the default index's build precedes others.

    Without a GPU the build for the CPU comes first wherever it is, then one without a label, then those for CUDA.
    """
    if not isinstance(problem.target.accelerator, Cpu):
        return int(is_default and not is_sdist)
    if known is not None and known.label is not None and known.label.backend == "cpu":
        return 2
    has_cuda = known is not None and known.cuda is not None
    return int(not is_sdist and (is_default or not has_cuda))


def _find_named_labels(name: NormalizedName, problem: Problem) -> frozenset[str]:
    """The local labels that the list names for a project: `cu124` in `torch==2.6.0+cu124`.

    Without a GPU, a label of one companion of torch counts for all of them, since they carry one label and nothing
    but the list requires CUDA there.
    """
    names: frozenset[str] = frozenset({name})
    if name in CPU_BUILD_NAMES and isinstance(problem.target.accelerator, Cpu):
        names |= CPU_BUILD_NAMES
    lines = (*problem.roots, *problem.constraints, *problem.overrides)
    texts = (part.version for line in lines if line.name in names for part in line.specifier)
    return frozenset(label.lower() for text in texts if (label := text.partition("+")[2]))


def _order_key(cuda: CudaVersion | None) -> tuple[int, int]:
    """The part of a rank that orders builds by CUDA, that for the CPU lowest."""
    return (0, 0) if cuda is None else (cuda.major, cuda.minor)


def _is_from_default(name: NormalizedName, problem: Problem, table: ProjectTable) -> bool:
    """Whether the default index is in force and no index of the user's has the project."""
    has_default = any(location.is_default for location in problem.locations(name))
    return has_default and all(listing.location.is_default for listing in table.listings)


def _build_from_families(
    plain: ProjectTable, problem: Problem, source: PackageSource, acceleration: Acceleration
) -> ProjectTable:
    """The table of a project that only family indexes have.

    The indexes of all builds that run are read now, since there is no version to make promises from. Raises FetchError.
    """
    rows: list[_Row] = []
    labels = _find_named_labels(plain.name, problem)
    for index in _list_allowed_indexes(plain.name, labels, acceleration):
        page = _read_page(source, plain.name, index, wanted=plain.name)
        if page is None:
            plain.missing += (index.location,)
            continue
        listing = ListedPage(location=index.location, page=page, rank=len(plain.listings))
        plain.listings += (listing,)
        one = build_project_table(plain.name, problem, (listing,))
        rows += [row for row in _list_rows(one, problem, acceleration) if row.wheel or row.sdist]
        # All of these builds run, so one index is enough, unless the CUDA must be that of torch.
        if rows and not is_torch_companion(plain.name) and not labels:
            break
    return _build(plain, rows, source, has_default=True, problem=problem)


def _list_allowed_indexes(
    name: NormalizedName, labels: Collection[str], acceleration: Acceleration
) -> tuple[FamilyIndex, ...]:
    """The indexes of the builds that the list names by `labels`, otherwise of all that run, newest CUDA first."""
    target = acceleration.target
    builds = [*_iter_labelled(labels)]
    if not builds:
        is_cpu = isinstance(target.accelerator, Cpu)
        builds = [None] if is_cpu else [*list_allowed_cuda(target.platform, target.accelerator)]
    found = (index for cuda in builds for index in acceleration.indexes.find(name, cuda))
    return tuple({index.location.url.public: index for index in found}.values())


def _iter_labelled(labels: Collection[str]) -> Iterator[CudaVersion | None]:
    """The CUDA releases that labels name, None for the CPU."""
    for label in sorted(labels):
        parsed = parse_label(label)
        if parsed is not None and parsed.backend == "cpu":
            yield None
        elif parsed is not None and isinstance(parsed.cuda, CudaVersion):
            yield parsed.cuda


def _build(
    plain: ProjectTable, rows: Sequence[_Row], source: PackageSource, *, has_default: bool, problem: Problem
) -> AcceleratedTable:
    """The table of all rows, newest first.

    Rows that the machine rules out keep no promise, so no index is read for them.
    """
    ordered = sorted(rows, key=lambda row: (row.version, row.rank), reverse=True)
    versions = [row.version for row in ordered]
    prerelease = sum(1 << at for at, version in enumerate(versions) if version.is_prerelease)
    local = sum(1 << at for at, version in enumerate(versions) if version.local is not None)
    # By public version first, so that the builds of one release are neighbours regardless of their labels.
    order = sorted(range(len(ordered)), key=lambda at: (Version(versions[at].public), ordered[at].rank), reverse=True)
    return AcceleratedTable(
        name=plain.name,
        versions=versions,
        wheel_mask=sum(row.wheel << at for at, row in enumerate(ordered)),
        sdist_mask=sum(row.sdist << at for at, row in enumerate(ordered)),
        prerelease_mask=prerelease,
        yanked_mask=sum(row.yanked << at for at, row in enumerate(ordered)),
        listings=plain.listings,
        missing=plain.missing,
        rules=plain.rules,
        _partly_yanked=sum(row.is_partly_yanked << at for at, row in enumerate(ordered)),
        _sets=VersionSets(versions, local),
        _places=[row.places for row in ordered],
        source=source,
        known=[row.known for row in ordered],
        reasons={at: row.reason for at, row in enumerate(ordered) if row.reason},
        promises={at: row.promise for at, row in enumerate(ordered) if row.promise is not None and not row.reason},
        closed=dict(_iter_closed(plain.name, ordered, problem)),
        order=order,
        has_default=has_default,
    )


def _iter_closed(name: NormalizedName, rows: Sequence[_Row], problem: Problem) -> Iterator[tuple[int, int]]:
    """The promised rows beside a default build that runs, each with its row; not if list or old lock name the build."""
    if isinstance(problem.target.accelerator, Cpu):
        # Without a GPU the default build comes last, so nothing waits for it.
        return
    # Of a promised build the label is dropped to find the default build of its release.
    defaults = {row.version: at for at, row in enumerate(rows) if row.promise is None and row.wheel and not row.reason}
    labels = _find_named_labels(name, problem)
    for at, row in enumerate(rows):
        default = defaults.get(Version(row.version.public))
        named = row.version.local in labels or row.version == problem.preferences.get(name)
        if row.promise is not None and not row.reason and default is not None and not named:
            yield at, default


def _list_promised(
    table: ProjectTable, problem: Problem, acceleration: Acceleration, rows: Sequence[_Row]
) -> list[_Row]:
    """The rows of the builds that family indexes may have beside those of the default index."""
    if not table.rules.wheels:
        return []
    labels = _find_named_labels(table.name, problem)
    is_cpu = isinstance(acceleration.target.accelerator, Cpu)
    torches = _list_admitted_torches(table.name, problem, acceleration)
    promised: list[_Row] = []
    for own in (*rows, *_iter_named_elsewhere(table, problem)):
        # A row without usable files is no release on this machine, so it has no other builds either.
        if not (own.wheel or own.sdist) or _goes_with_none(table.name, own.version, torches):
            continue
        for promise in _iter_promises(table.name, own.version, own.known, own.reason, labels, acceleration):
            named = promise.version.local in labels
            reason = acceleration.find_reason(table.name, promise.version, promise.known, named=named)
            promised.append(
                _Row(
                    version=promise.version,
                    # Without a GPU the CPU build precedes that of the default index, which may be for CUDA.
                    rank=(2 if is_cpu else 0, *_order_key(promise.index.cuda), promise.version.local is not None),
                    known=promise.known,
                    reason=reason,
                    promise=promise.index,
                    yanked=own.yanked,
                )
            )
    return promised


def _list_admitted_torches(name: NormalizedName, problem: Problem, acceleration: Acceleration) -> frozenset[Version]:
    """The known releases of torch that the list admits; empty where they do not limit a project."""
    lines = (*problem.roots, *problem.constraints, *problem.overrides)
    specifiers = [line.specifier for line in lines if line.name == TORCH_NAME and line.specifier]
    if not specifiers or name in {*acceleration.untied, TORCH_NAME} or not is_torch_companion(name):
        return frozenset()
    builds = {one.version: map(str, (one.version, *one.builds_on(problem.target.platform))) for one in load_releases()}
    return frozenset(
        version
        for version, found in builds.items()
        if any(all(part.contains(one, prereleases=True) for part in specifiers) for one in found)
    )


def _goes_with_none(name: NormalizedName, version: Version, torches: Collection[Version]) -> bool:
    """Whether no torch that the list admits goes with a version: then no index is read for its builds."""
    releases = _find_releases(name, version) if torches else ()
    return bool(releases) and not any(release.version in torches for release in releases)


def _iter_named_elsewhere(table: ProjectTable, problem: Problem) -> Iterator[_Row]:
    """Releases that the list pins with a label and the default index lacks.

    They are rows without files; the index of the label may have the build.
    """
    seen = {Version(version.public) for version in table.versions}
    lines = (*problem.roots, *problem.constraints, *problem.overrides)
    parts = (part for line in lines if line.name == table.name for part in line.specifier)
    pins = (Version(part.version) for part in parts if part.operator == "==" and "+" in part.version)
    for public in dict.fromkeys(Version(version.public) for version in pins):
        if public not in seen:
            yield _Row(version=public, rank=(0, 0, 0, False), known=None, reason="is not there")


def _iter_promises(
    name: NormalizedName,
    version: Version,
    known: KnownCuda | None,
    reason: str,
    labels: Collection[str],
    acceleration: Acceleration,
) -> Iterator[_Promise]:
    """The builds of a version that family indexes may have beside the default index's own build.

    `known` is the CUDA of that build, and `reason` why it does not run, empty if it does. If it runs, other builds
    count only for companions of torch, whose CUDA must be that of torch, and for `labels`, which the list names.
    """
    if version.local is not None:
        return
    builds = _list_builds(name, version, known, reason, acceleration.target)
    found: dict[tuple[Version, str], _Promise] = {}
    for cuda in dict.fromkeys((*builds, *_iter_labelled(labels))):
        for promise in _iter_of_build(name, version, cuda, acceleration):
            found.setdefault((promise.version, promise.index.location.url.public), promise)
    yield from found.values()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Promise:
    """A build that a family index may have. `version` is with or without its label, as the index may list either."""

    version: Version
    index: FamilyIndex
    known: KnownCuda | None


def _list_builds(
    name: NormalizedName, version: Version, known: KnownCuda | None, reason: str, target: Target
) -> list[CudaVersion | None]:
    """The CUDA releases of the builds to look for on family indexes, None for the CPU."""
    if isinstance(target.accelerator, Cpu):
        return [None] if _has_cpu_build(name, version, target) else []
    if is_torch_companion(name):
        return [*_list_companion_builds(name, version, known, target)]
    return [*list_allowed_cuda(target.platform, target.accelerator)] if reason else []


def _has_cpu_build(name: NormalizedName, version: Version, target: Target) -> bool:
    """Whether the PyTorch indexes have a labelled CPU build of a version.

    A companion of an unknown release counts as newer than all known ones.
    """
    if name not in CPU_BUILD_NAMES:
        return False
    releases = _find_releases(name, version)
    torches = [release.version for release in releases] or [version if name == TORCH_NAME else Version("9999")]
    return any(has_cpu_label(torch, target.platform) for torch in torches)


def _find_releases(name: NormalizedName, version: Version) -> tuple[TorchRelease, ...]:
    """The releases of torch that a version goes with, newest first; torch goes with itself."""
    if name == TORCH_NAME:
        release = find_release(version)
        return () if release is None else (release,)
    return tuple(iter_releases_of_companion(name, version))


def _list_companion_builds(
    name: NormalizedName, version: Version, known: KnownCuda | None, target: Target
) -> tuple[CudaVersion, ...]:
    """The CUDA releases of a companion's builds: those in the data if that is complete, otherwise also all that run.

    Builds in the data that do not run are included, for messages.
    """
    if known is not None and known.cuda is None and name not in CUDA_BUILD_NAMES:
        return ()
    releases = _find_releases(name, version)
    if releases and all(release.is_complete_on(target.platform) for release in releases):
        return tuple(sorted({build.cuda for release in releases for build in release.builds_on(target.platform)}))
    known_builds = {build.cuda for release in releases for build in release.builds_on(target.platform)}
    return tuple(sorted({*known_builds, *list_allowed_cuda(target.platform, target.accelerator)}))


def _iter_of_build(
    name: NormalizedName, version: Version, cuda: CudaVersion | None, acceleration: Acceleration
) -> Iterator[_Promise]:
    """The promises of one build, for each index that may have it and each form of its version."""
    label = "cpu" if cuda is None else cuda.label
    for index in acceleration.indexes.find(name, cuda, version=str(version)):
        for text in (f"{version}+{label}", *([] if name in _ALWAYS_LABELLED else [f"{version}"])):
            promised = Version(text)
            known = acceleration.find_known(name, promised, index.location)
            yield _Promise(version=promised, index=index, known=known)
