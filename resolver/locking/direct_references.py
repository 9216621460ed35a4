"""The direct references of a list, looked at before the search: which projects they fix, and on what.

In: a list whose markers are to be decided for a target, and a package source. Out: the list with the names of its
nameless entries, and for each project that is fixed its one source. The references of the list are asked for all at
once, then those that the metadata of these names; what a constraint or an override fixes is left until it comes up.

The direct references of a plan: what `find_direct` is to be asked, and the package source with its answers.

In: a `LockPlan` and its package source. Out: `DirectSources`, and a source for the search.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from packaging.utils import NormalizedName

from lockfiles._values import dataclass
from resolver.errors import Fault, ListError, Position
from resolver.index.core_metadata import Dependencies
from resolver.index.direct_distribution import DirectRequest, FixedSource
from resolver.index.location import Location, order_locations
from resolver.index.package_source import PackageSource
from resolver.locking.direct_source import LocateProject, check_name, check_wheels_fit, fetch_direct, read_dependencies
from resolver.locking.document import Upgrade, find_locked_commits
from resolver.planning.plan import LockPlan
from resolver.requirements.direct_reference import is_same_source, parse_reference, without_hashes
from resolver.requirements.entry import ArchiveUrl, DirectReference, Entry, LocalPath, RequirementList
from resolver.requirements.flags import Refusal
from resolver.requirements.index_urls import is_private_host
from resolver.requirements.url import VARIABLE, Url
from resolver.solve.demand import ParsedRequirement, is_readable, parse_dependency
from resolver.targets.target import Target

__all__ = [
    "DirectSources",
    "LockedCommits",
    "find_direct",
    "find_plan_direct",
    "locate_dependency",
    "with_direct",
]


LockedCommits = Mapping[DirectReference, str]
"""The commit ids to keep, by the reference that an old lock has them for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectSources:
    """What direct references decide: `fixed` sources by project, and the list with all names filled in."""

    requirement_list: RequirementList
    fixed: Mapping[NormalizedName, FixedSource]

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings of what was looked at, in list order, each once."""
        found = (one.found.warnings for one in self.fixed.values() if one.found is not None)
        return tuple(dict.fromkeys(warning for warnings in found for warning in warnings))


def find_direct(
    requirement_list: RequirementList,
    *,
    overrides: Sequence[Entry],
    excludes: Iterable[NormalizedName],
    target: Target,
    source: PackageSource,
    locked_commits: LockedCommits,
    locate: LocateProject,
) -> DirectSources:
    """The fixed sources of a list under a target. `locate` says where an index would be asked, for hints.

    Raises ListError for references that contradict each other or must not be followed, ResolutionError for wheels that
    the target cannot use, and what `PackageSource.direct` raises.
    """
    layers = enumerate(requirement_list.layers)
    search = _Search(
        target=target,
        source=source,
        locked_commits=locked_commits,
        locate=locate,
        without_isolation=frozenset(number for number, layer in layers if layer.no_build_isolation),
    )
    holding = _holding(overrides, target)
    overridden = frozenset(entry.name for entry in overrides if entry.name is not None)
    wanted = [entry for entry in _holding(requirement_list.entries, target) if entry.name not in overridden]
    named = search.fetch_all([entry for entry in wanted if entry.direct is not None])
    complete = _fill_in(requirement_list, named)
    constraints = [entry for entry in _holding(requirement_list.constraints, target) if entry.name not in overridden]
    claims = [_build_claim(fixed) for fixed in named.values() if fixed.name not in overridden]
    claims += [_build_claim(fixed) for fixed in search.iter_unseen((*constraints, *holding))]
    fixed = _settle(claims)
    parents = [
        (entry, one)
        for entry, one in named.items()
        if one.name not in overridden and not requirement_list.layers[entry.layer].no_deps
    ]
    left_out = frozenset(excludes) | overridden
    brought = search.follow_all(parents, fixed, left_out=left_out)
    return DirectSources(requirement_list=complete, fixed={**fixed, **brought})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claim:
    """A place of the list that says where a project comes from, itself or by what its metadata needs."""

    position: Position
    shown: str
    fixed: FixedSource


@dataclass(frozen=True, slots=True, kw_only=True)
class _Search:
    target: Target
    source: PackageSource
    locked_commits: LockedCommits
    locate: LocateProject
    without_isolation: frozenset[int]

    def fetch_all(self, entries: Sequence[Entry]) -> dict[Entry, FixedSource]:
        """What each entry is, in list order; all are asked for at once, and each reference once."""
        requests = self._merge(entries)
        self._check_wheels(requests.values())
        self.source.prefetch_direct(dict.fromkeys(requests.values()))
        found: dict[Entry, FixedSource] = {}
        for entry, request in requests.items():
            distribution = fetch_direct(self.source, request)
            if entry.name is not None:
                check_name(distribution, request, entry.name)
            found[entry] = FixedSource(name=distribution.name, request=request, found=distribution)
        return found

    def iter_unseen(self, entries: Iterable[Entry]) -> Iterator[FixedSource]:
        """The sources that constraints and overrides fix: nobody looks before their project comes up."""
        for entry in entries:
            if entry.direct is not None and entry.name is not None:
                yield FixedSource(name=entry.name, request=self._build_request(entry))

    def _build_request(self, entry: Entry) -> DirectRequest:
        """What to ask for an entry."""
        assert entry.direct is not None
        return DirectRequest(
            reference=entry.direct,
            position=entry.position,
            text=entry.text,
            name=entry.name,
            hashes=entry.hashes,
            editable=entry.editable,
            config_settings=entry.config_settings,
            isolated=entry.layer not in self.without_isolation,
            locked_commit=self.locked_commits.get(entry.direct),
        )

    def follow_all(
        self,
        parents: Sequence[tuple[Entry, FixedSource]],
        fixed: Mapping[NormalizedName, FixedSource],
        *,
        left_out: frozenset[NormalizedName],
    ) -> dict[NormalizedName, FixedSource]:
        """The sources that the metadata of the list's own direct references fixes beyond them."""
        claims = [claim for entry, parent in parents for claim in self._iter_brought(entry, parent, left_out)]
        known = [_build_claim(one) for one in fixed.values()]
        settled = {name: one for name, one in _settle([*known, *claims]).items() if name not in fixed}
        _refuse_private([claim for claim in claims if claim.fixed.name in settled])
        self._check_wheels([one.request for one in settled.values()])
        self.source.prefetch_direct([one.request for one in settled.values()])
        found = {name: replace(one, found=fetch_direct(self.source, one.request)) for name, one in settled.items()}
        for name, one in found.items():
            assert one.found is not None
            check_name(one.found, one.request, name)
        return found

    def _check_wheels(self, requests: Iterable[DirectRequest]) -> None:
        check_wheels_fit(dict.fromkeys(requests), target=self.target, source=self.source, locate=self.locate)

    def _merge(self, entries: Sequence[Entry]) -> dict[Entry, DirectRequest]:
        """A request for each entry, the same one for those that name the same thing: what one leaves out counts too."""
        groups: dict[DirectReference, list[Entry]] = {}
        for entry in entries:
            assert entry.direct is not None
            groups.setdefault(without_hashes(entry.direct), []).append(entry)
        merged = {reference: self._merge_group(group) for reference, group in groups.items()}
        return {entry: merged[without_hashes(entry.direct)] for entry in entries if entry.direct is not None}

    def _merge_group(self, group: Sequence[Entry]) -> DirectRequest:
        request = self._build_request(group[0])
        hashes = {text for entry in group if isinstance(entry.direct, ArchiveUrl) for text in entry.direct.hashes}
        reference = request.reference
        if isinstance(reference, ArchiveUrl):
            reference = replace(reference, hashes=tuple(sorted(hashes)))
        return replace(
            request,
            reference=reference,
            name=next((entry.name for entry in group if entry.name is not None), None),
            hashes=next((entry.hashes for entry in group if entry.hashes), ()),
            editable=any(entry.editable for entry in group),
            config_settings=tuple(dict.fromkeys(pair for entry in group for pair in entry.config_settings)),
        )

    def _iter_brought(self, entry: Entry, parent: FixedSource, left_out: frozenset[NormalizedName]) -> Iterator[_Claim]:
        """The direct references in the metadata of a package that the list names directly."""
        assert parent.found is not None
        dependencies = read_dependencies(parent.found, self.target)
        for wanted in _list_requirements(dependencies, entry.extras, name=parent.name):
            if wanted.url is None or wanted.name in left_out:
                continue
            shown = f"`{entry.text}`, whose metadata needs `{wanted.text}`,"
            reference = _parse_brought(wanted.url, entry.position, shown)
            request = DirectRequest(
                reference=reference,
                position=entry.position,
                text=wanted.text,
                name=wanted.name,
                is_followed=True,
                locked_commit=self.locked_commits.get(reference),
            )
            fixed = FixedSource(name=wanted.name, request=request)
            yield _Claim(position=entry.position, shown=shown, fixed=fixed)


def _build_claim(fixed: FixedSource) -> _Claim:
    return _Claim(position=fixed.request.position, shown=f"`{fixed.request.text}`", fixed=fixed)


def _list_requirements(
    dependencies: Dependencies, extras: Iterable[NormalizedName], *, name: NormalizedName
) -> list[ParsedRequirement]:
    """What a distribution needs with extras, and with those of its own that they bring in (`all = ["name[a,b]"]`)."""
    found = [parse_dependency(text) for text in dependencies.requires if is_readable(text)]
    waiting, seen = sorted(extras), set(extras)
    while waiting:
        texts = dependencies.extras.get(waiting.pop(0), ())
        brought = [parse_dependency(text) for text in texts if is_readable(text)]
        own = {extra for wanted in brought if wanted.name == name for extra in wanted.extras}
        waiting += sorted(own - seen)
        seen |= own
        found += brought
    return list(dict.fromkeys(found))


def _parse_brought(url: str, position: Position, shown: str) -> DirectReference:
    """The reference in metadata. No variable is expanded there."""
    try:
        return parse_reference(url, variables={}).direct
    except Refusal as refusal:
        fault = Fault(where=position, what=f"{shown} cannot be followed", why=str(refusal))
        raise ListError.from_faults((fault,)) from refusal


def _refuse_private(claims: Sequence[_Claim]) -> None:
    """Raises ListError for metadata that leads to this machine or into a private network."""
    faults: list[Fault] = []
    for claim in claims:
        if why := _find_private(claim.fixed.request.reference):
            faults.append(
                Fault(
                    where=claim.position,
                    what=f"{claim.shown} cannot be followed",
                    why=why,
                    remedy=f"if it is meant, name it in the list: `{claim.fixed.request.text}`",
                )
            )
    if faults:
        raise ListError.from_faults(faults)


def _find_private(reference: DirectReference) -> str:
    """Why metadata must not lead to a reference; empty where it may."""
    if isinstance(reference, LocalPath):
        return "metadata must not lead to files of this machine"
    url = reference.url.public
    if url.startswith("file:"):
        return "metadata must not lead to files of this machine"
    if VARIABLE.search(url):
        return "variables are expanded in the list alone"
    return "metadata must not lead into this machine's own network" if is_private_host(url) else ""


def _settle(claims: Sequence[_Claim]) -> dict[NormalizedName, FixedSource]:
    """The one source of each project. Raises ListError where two places say different things."""
    first: dict[NormalizedName, _Claim] = {}
    faults: list[Fault] = []
    for claim in claims:
        other = first.setdefault(claim.fixed.name, claim)
        if is_same_source(other.fixed.request.reference, claim.fixed.request.reference):
            continue
        faults.append(
            Fault(
                where=claim.position,
                what=f"{claim.shown} contradicts {other.shown.rstrip(',')} at {other.position}",
                why=f"both say where `{claim.fixed.name}` comes from, and it can come from one place only",
                remedy="keep one of the two, or name the one that is meant in an `--override` file",
            )
        )
    if faults:
        raise ListError.from_faults(faults)
    return {name: claim.fixed for name, claim in first.items()}


def _fill_in(requirement_list: RequirementList, named: Mapping[Entry, FixedSource]) -> RequirementList:
    """The list with the names that metadata tells."""

    def fill(entry: Entry) -> Entry:
        fixed = named.get(entry)
        return entry if fixed is None or entry.name is not None else replace(entry, name=fixed.name)

    layers = tuple(replace(layer, entries=tuple(map(fill, layer.entries))) for layer in requirement_list.layers)
    return replace(requirement_list, layers=layers)


def _holding(entries: Iterable[Entry], target: Target) -> tuple[Entry, ...]:
    return tuple(entry for entry in entries if target.admits(entry.marker))


def find_plan_direct(
    plan: LockPlan,
    source: PackageSource,
    default_index: Url | None,
    upgrade: Upgrade,
) -> DirectSources | None:
    """What the direct references of the plan are; None where it has none. Raises as `find_direct`.

    Commits of the old lock are kept, but for those that an upgrade lets go of.
    """
    requirement_list = plan.requirement_list
    entries = (*requirement_list.entries, *requirement_list.constraints, *plan.overrides)
    if all(entry.direct is None for entry in entries):
        return None

    kept = None if upgrade.everything else plan.kept
    return find_direct(
        requirement_list,
        overrides=plan.overrides,
        excludes=plan.settings.exclude,
        target=plan.target,
        source=source,
        locked_commits={} if kept is None else find_locked_commits(kept, without=upgrade.names),
        locate=partial(locate_dependency, plan, default_index),
    )


def with_direct(
    source: PackageSource, fixed: Mapping[NormalizedName, FixedSource], plan: LockPlan, default_index: Url | None
) -> PackageSource:
    """The source, with the projects that direct references fix."""
    if not fixed:
        return source
    # Lazy, as above.
    from resolver.locking.direct_source import SourceWithDirect

    return SourceWithDirect(source, fixed, target=plan.target, locate=partial(locate_dependency, plan, default_index))


def locate_dependency(plan: LockPlan, default_index: Url | None, name: NormalizedName) -> tuple[Location, ...]:
    """Where a project would be asked for that only dependencies mention."""
    return order_locations(
        name,
        plan.requirement_list.dependency_scope,
        default_index=default_index,
        families=plan.families,
        strategy=plan.settings.index_strategy,
    )
