"""The direct references of a list, read before the search: which projects they fix, and on which source.

In: a `LockPlan`, or a list with its target, and a package source. Out: the list with the names of its nameless entries
filled in, and for each fixed project its one `FixedSource`; then the package source that answers for these projects.

It is a module of its own because direct references have rules of their own: two places of a list may name the same
source of a project, but not different ones; metadata may name further sources, but none on this machine or in its
network. All references of the list are fetched at the same time, then those that their metadata names. A source that
only a constraint or an override fixes is fetched when the search needs its project.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from packaging.utils import NormalizedName

from lockfiles._values import dataclass
from resolver.errors import Fault, ListError, Position
from resolver.index.core_metadata import Dependencies
from resolver.index.distribution_file import DirectRequest, FixedSource
from resolver.index.location import Location, order_locations
from resolver.index.package_source import PackageSource
from resolver.locking.direct_source import (
    LocateProject,
    SourceWithDirect,
    check_name,
    check_wheels_fit,
    fetch_direct,
    read_dependencies,
)
from resolver.locking.old_lock import Upgrade, find_kept_commits
from resolver.planning.plan import LockPlan
from resolver.requirements.direct_reference import is_same_source, parse_reference, without_hashes
from resolver.requirements.entry import ArchiveUrl, DirectReference, Entry, LocalPath, RequirementList
from resolver.requirements.flags import Refusal
from resolver.requirements.index_urls import is_private_host
from resolver.requirements.url import VARIABLE, Url
from resolver.solve.demand import ParsedRequirement, is_readable, parse_dependency
from resolver.targets.target import Target

__all__ = ["DirectSources", "find_direct", "find_plan_references", "locate_dependency", "with_references"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectSources:
    """The result of reading direct references: the list with all names filled in, and `fixed` sources by project."""

    requirement_list: RequirementList
    fixed: Mapping[NormalizedName, FixedSource]

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings about the references that were read, in list order, each once."""
        found = (one.found.warnings for one in self.fixed.values() if one.found is not None)
        return tuple(dict.fromkeys(warning for warnings in found for warning in warnings))


def find_plan_references(
    plan: LockPlan, source: PackageSource, default_index: Url | None, upgrade: Upgrade
) -> DirectSources:
    """The direct references of a plan; commits of the old lock are kept, except those that `upgrade` releases.

    Raises the errors of `find_direct`.
    """
    return find_direct(
        plan.requirement_list,
        overrides=plan.overrides,
        excludes=plan.settings.exclude,
        target=plan.target,
        source=source,
        locked_commits=find_kept_commits(plan.kept, upgrade),
        locate=partial(locate_dependency, plan, default_index),
    )


def with_references(
    source: PackageSource, fixed: Mapping[NormalizedName, FixedSource], plan: LockPlan, default_index: Url | None
) -> PackageSource:
    """The package source that answers for fixed projects; the given one where there are none."""
    if not fixed:
        return source
    return SourceWithDirect(source, fixed, target=plan.target, locate=partial(locate_dependency, plan, default_index))


def locate_dependency(plan: LockPlan, default_index: Url | None, name: NormalizedName) -> tuple[Location, ...]:
    """The locations of a project that only dependencies name, the preferred one first."""
    return order_locations(
        name,
        plan.requirement_list.dependency_scope,
        default_index=default_index,
        families=plan.families,
        strategy=plan.settings.index_strategy,
        mirrors=plan.public_mirrors,
    )


def find_direct(
    requirement_list: RequirementList,
    *,
    overrides: Sequence[Entry],
    excludes: Iterable[NormalizedName],
    target: Target,
    source: PackageSource,
    locked_commits: Mapping[DirectReference, str],
    locate: LocateProject,
) -> DirectSources:
    """The fixed sources of a list under a target.

    - `locked_commits` are commit ids to keep, by the reference that an old lock has them for.
    - `locate` gives the locations of a project on indexes, for hints in errors.

    Raises ListError for references that contradict each other or must not be followed, ResolutionError for wheels that
    the target cannot use, and what `PackageSource.direct` raises.
    """
    layers = enumerate(requirement_list.layers)
    reader = _ReferenceReader(
        target=target,
        source=source,
        locked_commits=locked_commits,
        locate=locate,
        without_isolation=frozenset(number for number, layer in layers if layer.no_build_isolation),
    )
    overridden = frozenset(entry.name for entry in overrides if entry.name is not None)
    entries = [entry for entry in _admit(requirement_list.entries, target) if entry.name not in overridden]
    constraints = [entry for entry in _admit(requirement_list.constraints, target) if entry.name not in overridden]
    named = reader.fetch_all([entry for entry in entries if entry.direct is not None])
    # An entry without a name may turn out to be an overridden project.
    own = {entry: fixed for entry, fixed in named.items() if fixed.name not in overridden}
    claims = [_build_claim(fixed) for fixed in own.values()]
    claims += [_build_claim(fixed) for fixed in reader.iter_unread((*constraints, *_admit(overrides, target)))]
    fixed = _settle(claims)
    parents = [(entry, one) for entry, one in own.items() if not requirement_list.layers[entry.layer].no_deps]
    followed = reader.follow_all(parents, fixed, left_out=frozenset(excludes) | overridden)
    return DirectSources(requirement_list=_fill_in(requirement_list, named), fixed={**fixed, **followed})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claim:
    """A place of the list that names the source of a project, itself or through the metadata of its own reference.

    `shown` is the place as messages name it. Claims are compared in list order, so an error names the later place
    first, then the earlier one that it contradicts.
    """

    position: Position
    shown: str
    fixed: FixedSource


@dataclass(frozen=True, slots=True, kw_only=True)
class _ReferenceReader:
    """Fetches direct references for one target.

    `locked_commits` and `locate` are those of `find_direct`. `without_isolation` are the numbers of the layers with
    `--no-build-isolation`, whose source trees are not built to learn their metadata.
    """

    target: Target
    source: PackageSource
    locked_commits: Mapping[DirectReference, str]
    locate: LocateProject
    without_isolation: frozenset[int]

    def fetch_all(self, entries: Sequence[Entry]) -> dict[Entry, FixedSource]:
        """The source of each entry, in list order. All are fetched at the same time, and each reference once.

        Wheels that do not fit are refused by their file names before anything is fetched.
        """
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

    def iter_unread(self, entries: Iterable[Entry]) -> Iterator[FixedSource]:
        """The sources of constraints and overrides, which are fetched only if the search needs their project."""
        for entry in entries:
            if entry.direct is not None and entry.name is not None:
                yield FixedSource(name=entry.name, request=self._build_request(entry))

    def follow_all(
        self,
        parents: Sequence[tuple[Entry, FixedSource]],
        fixed: Mapping[NormalizedName, FixedSource],
        *,
        left_out: frozenset[NormalizedName],
    ) -> dict[NormalizedName, FixedSource]:
        """The sources that the metadata of the list's own references fixes in addition to `fixed`.

        Projects of `left_out` are not followed. Raises ListError for two sources of one project, and for metadata that
        leads to this machine or its network.
        """
        claims = [claim for entry, parent in parents for claim in self._iter_followed(entry, parent, left_out)]
        known = [_build_claim(one) for one in fixed.values()]
        settled = {name: one for name, one in _settle([*known, *claims]).items() if name not in fixed}
        _refuse_private([claim for claim in claims if claim.fixed.name in settled])
        self._check_wheels([one.request for one in settled.values()])
        self.source.prefetch_direct([one.request for one in settled.values()])
        return {name: self._fetch_named(one) for name, one in settled.items()}

    def _fetch_named(self, one: FixedSource) -> FixedSource:
        """The source with its fetched reference. Raises MetadataError for another project than the expected one."""
        found = fetch_direct(self.source, one.request)
        check_name(found, one.request, one.name)
        return replace(one, found=found)

    def _check_wheels(self, requests: Iterable[DirectRequest]) -> None:
        """Raises ResolutionError for wheels that the target cannot use."""
        check_wheels_fit(dict.fromkeys(requests), target=self.target, source=self.source, locate=self.locate)

    def _merge(self, entries: Sequence[Entry]) -> dict[Entry, DirectRequest]:
        """The request for each entry; entries with one reference, hashes aside, share one request."""
        groups: dict[DirectReference, list[Entry]] = {}
        for entry in entries:
            if entry.direct is not None:
                groups.setdefault(without_hashes(entry.direct), []).append(entry)
        merged = {reference: self._merge_group(group) for reference, group in groups.items()}
        return {entry: merged[without_hashes(entry.direct)] for entry in entries if entry.direct is not None}

    def _merge_group(self, group: Sequence[Entry]) -> DirectRequest:
        """One request with the name, hashes and options that any entry of the group gives.

        Position and text are those of the first entry, which errors name.
        """
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

    def _build_request(self, entry: Entry) -> DirectRequest:
        """The request for an entry, which must be a direct reference."""
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

    def _iter_followed(
        self, entry: Entry, parent: FixedSource, left_out: frozenset[NormalizedName]
    ) -> Iterator[_Claim]:
        """The direct references in the metadata of a distribution that the list names by a direct reference.

        Only these are followed: the metadata of a file from an index must not lead away from the indexes.
        """
        assert parent.found is not None
        dependencies = read_dependencies(parent.found, self.target)
        for wanted in _list_requirements(dependencies, entry.extras, name=parent.name):
            if wanted.url is None or wanted.name in left_out:
                continue
            shown = f"`{entry.text}`, whose metadata needs `{wanted.text}`,"
            reference = _parse_followed(wanted.url, entry.position, shown)
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
    """The claim of an entry that names the source itself; messages show it by its text alone."""
    return _Claim(position=fixed.request.position, shown=f"`{fixed.request.text}`", fixed=fixed)


def _list_requirements(
    dependencies: Dependencies, extras: Iterable[NormalizedName], *, name: NormalizedName
) -> list[ParsedRequirement]:
    """The requirements of a distribution with some of its extras.

    An extra may request further extras of the same distribution (`all = ["name[a,b]"]`); these are followed as well.
    """
    # An unreadable requirement is left out here: the search reports it if it needs the distribution.
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


def _parse_followed(url: str, position: Position, shown: str) -> DirectReference:
    """The reference in metadata, where no variable is expanded. Raises ListError for one that cannot be parsed."""
    try:
        return parse_reference(url, variables={}).direct
    except Refusal as refusal:
        fault = Fault(where=position, what=f"{shown} cannot be followed", why=str(refusal))
        raise ListError.from_faults((fault,)) from refusal


def _refuse_private(claims: Sequence[_Claim]) -> None:
    """Raises ListError for metadata that leads to this machine or into a private network.

    Only the list may do that: metadata is written by strangers, and a request to an inner host can reveal or change
    something.
    """
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
    """Why metadata must not lead to a reference; empty for one that it may lead to."""
    if isinstance(reference, LocalPath):
        return "metadata must not lead to files of this machine"
    url = reference.url.public
    if url.startswith("file:"):
        return "metadata must not lead to files of this machine"
    if VARIABLE.search(url):
        return "variables are expanded in the list alone"
    return "metadata must not lead into this machine's own network" if is_private_host(url) else ""


def _settle(claims: Sequence[_Claim]) -> dict[NormalizedName, FixedSource]:
    """The one source of each project, that of the first place that names it.

    Raises ListError with every place that names another source than the first one.
    """
    # Two places may name one source with different hashes or options: `is_same_source` compares what they lead to.
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
    """The list with the names that metadata gives to entries without a name."""

    def fill(entry: Entry) -> Entry:
        fixed = named.get(entry)
        return entry if fixed is None or entry.name is not None else replace(entry, name=fixed.name)

    layers = tuple(replace(layer, entries=tuple(map(fill, layer.entries))) for layer in requirement_list.layers)
    return replace(requirement_list, layers=layers)


def _admit(entries: Iterable[Entry], target: Target) -> tuple[Entry, ...]:
    """The entries whose marker is true for the target."""
    return tuple(entry for entry in entries if target.admits(entry.marker))
