"""From a requirement list to a `Problem`: markers decided for the target, scopes turned into locations.

In: a parsed list, the target, settings, and the versions of an old lock. Out: a complete problem for the solver, which
so sees neither markers nor scopes.

The hashes that the list gives are here as well: which files they let in, and `--require-hashes` (pip: Hash-checking
Mode), which is checked once the pins are known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Literal

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from lockfiles._values import dataclass
from resolver.errors import Fault, HashMismatchError, InputError, InternalError, Position
from resolver.index.distribution_file import Commit, FixedSource, Folder
from resolver.index.location import Location, order_locations
from resolver.index.package_source import PackageSource
from resolver.requirements.direct_reference import render_reference
from resolver.requirements.entry import (
    ArchiveUrl,
    Entry,
    NamedLocation,
    RequirementList,
    with_earlier_location,
    with_line,
)
from resolver.requirements.scopes import IndexFamily, Scope, merge_scopes
from resolver.requirements.url import Url, parse_url
from resolver.solve.problem import Problem, Root
from resolver.solve.resolution import Pin, Resolution
from resolver.targets.accelerators import Gpu, Unspecified
from resolver.targets.families import load_families
from resolver.targets.platforms import parse_platform
from resolver.targets.target import Target, parse_python_version

if TYPE_CHECKING:
    from resolver.index.location import FamilyIndexes
    from resolver.settings.settings import Mirror
    from resolver.solve.explanation import Change, EarlierFlag, OptionName

__all__ = [
    "IndexOptions",
    "MissingHashesError",
    "SolverOptions",
    "build_problem",
    "check_contents",
    "check_required_hashes",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexOptions:
    """Where projects are looked for, apart from what the list itself names.

    `default_index` is None where no default index is used, and is given with its mirror applied. `families` are the
    user's and the shipped ones. `mirrors` replace indexes of the list and shipped indexes of CUDA builds; with
    `uses_family_indexes` false, no shipped index without a mirror is used.
    """

    default_index: Url | None
    families: Sequence[IndexFamily] = ()
    strategy: Literal["first-index", "best-match"] = "first-index"
    mirrors: Sequence[Mirror] = ()
    uses_family_indexes: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class SolverOptions:
    """The settings that limit candidates; `exclude_newer_exempt` and all after it mean the same as in `Problem`.

    An override whose marker does not hold takes its project out of all dependencies, unless another one on the project
    holds (as in uv). `excludes` are names that no dependency brings in. `exclude_newer` is an instant in RFC 3339 UTC.
    """

    overrides: Sequence[Entry] = ()
    excludes: Iterable[NormalizedName] = ()
    exclude_newer: str | None = None
    exclude_newer_exempt: Iterable[str] = ()
    no_build: bool = False
    skips_failed_builds: bool = False
    rejected_builds: frozenset[tuple[NormalizedName, Version]] = frozenset()
    is_of_lock: bool = False
    allow: Iterable[NormalizedName] = ()
    measures_kernels: bool = False


_NO_OPTIONS = SolverOptions()


def build_problem(
    requirement_list: RequirementList,
    *,
    target: Target,
    indexes: IndexOptions,
    options: SolverOptions = _NO_OPTIONS,
    direct: Mapping[NormalizedName, FixedSource] | None = None,
    preferences: Mapping[NormalizedName, Version] | None = None,
) -> Problem:
    """The problem that the list poses under the target.

    `direct` are the projects whose source is fixed; every direct reference of the list must be one of theirs, by name.
    `preferences` are versions to keep where they still fit.
    """
    fixed = direct or {}
    entries, constraints, replacing = (
        _holding(each, target) for each in (requirement_list.entries, requirement_list.constraints, options.overrides)
    )
    scopes = _scopes_by_name((*entries, *constraints))
    locations, later_locations = _build_places(requirement_list, scopes, indexes, fixed)
    build_indexes = _build_indexes(target, indexes)
    given = _Given(
        requirement_list=requirement_list,
        target=target,
        indexes=indexes,
        options=options,
        direct=fixed,
        preferences=preferences or {},
    )
    return Problem(
        target=target,
        roots=_build_roots(requirement_list, entries, fixed),
        constraints=tuple(_build_root(entry, fixed) for entry in constraints),
        overrides=tuple(_build_root(entry, fixed) for entry in replacing),
        excludes=frozenset(options.excludes) | _overridden_away(options.overrides, replacing),
        locations=locations,
        later_locations=later_locations,
        named_at={one.url.public: one.position for one in reversed(requirement_list.named_locations)},
        families=tuple(indexes.families),
        direct=fixed,
        index_strategy=indexes.strategy,
        preferences=dict(preferences or {}),
        pre=requirement_list.pre,
        prefer_binary=requirement_list.prefer_binary,
        format_control=requirement_list.format_control,
        exclude_newer=options.exclude_newer,
        exclude_newer_exempt=frozenset(options.exclude_newer_exempt),
        require_hashes=requirement_list.require_hashes,
        no_build=options.no_build,
        skips_failed_builds=options.skips_failed_builds,
        rejected_builds=options.rejected_builds,
        is_of_lock=options.is_of_lock,
        build_indexes=build_indexes,
        allow=frozenset(options.allow),
        measures_kernels=options.measures_kernels and build_indexes is not None,
        variant=given.build_variant,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Given:
    """The arguments of `build_problem`, kept to build the problem of a changed list."""

    requirement_list: RequirementList
    target: Target
    indexes: IndexOptions
    options: SolverOptions
    direct: Mapping[NormalizedName, FixedSource]
    preferences: Mapping[NormalizedName, Version]

    def build_variant(self, changes: Sequence[Change]) -> Problem | None:
        """See `Problem.variant`. What was found of direct references holds for the target that they were found for."""
        from resolver.solve.explanation import ChosenOption, EarlierFlag, WrittenLine  # Lazy: for refusals alone.

        requirement_list: RequirementList | None = self.requirement_list
        for change in changes:
            if requirement_list is None:
                return None
            if isinstance(change, WrittenLine):
                requirement_list = with_line(requirement_list, change.position, change.text)
            elif isinstance(change, EarlierFlag):
                location = self._find_location(change)
                requirement_list = with_earlier_location(requirement_list, location, change.before)
        if requirement_list is None:
            return None
        chosen = {change.name: change.value for change in changes if isinstance(change, ChosenOption)}
        target = _change_target(self.target, chosen)
        if target is None or (self.direct and target != replace(self.target, accelerator=target.accelerator)):
            return None
        allow = (*self.options.allow, *([canonicalize_name(chosen["allow"])] if "allow" in chosen else []))
        strategy: Literal["first-index", "best-match"] = self.indexes.strategy
        return build_problem(
            replace(requirement_list, pre=requirement_list.pre or "--pre" in chosen),
            target=target,
            indexes=replace(self.indexes, strategy="best-match" if "index-strategy" in chosen else strategy),
            options=replace(
                self.options,
                allow=allow,
                exclude_newer=chosen.get("--exclude-newer", self.options.exclude_newer),
                overrides=(*self.options.overrides, *_read_override(chosen, requirement_list)),
            ),
            direct=self.direct,
            preferences=self.preferences,
        )

    def _find_location(self, flag: EarlierFlag) -> NamedLocation:
        """The location that a flag names: one of the list, the default index, or one that needs no login."""
        named = [one for one in self.requirement_list.named_locations if one.url.public == flag.url]
        if named:
            return named[0]
        default = self.indexes.default_index
        url = default if default is not None and default.public == flag.url else parse_url(flag.url)
        return NamedLocation(url=url, position=flag.before, is_index=True)


def _read_override(chosen: Mapping[OptionName, str], requirement_list: RequirementList) -> tuple[Entry, ...]:
    """The override that is chosen, in the scope of the project's lines."""
    if "override-dependencies" not in chosen:
        return ()
    requirement = Requirement(chosen["override-dependencies"])
    name = canonicalize_name(requirement.name)
    scopes = [entry.scope for entry in requirement_list.entries if entry.name == name]
    position = Position(source="[tool.pinfold] override-dependencies")
    entry = Entry(position=position, text=str(requirement), name=name, specifier=requirement.specifier)
    return (replace(entry, scope=scopes[0]) if scopes else entry,)


def _change_target(target: Target, chosen: Mapping[OptionName, str]) -> Target | None:
    """The target with the Python and the machine that are chosen; None for a machine whose host is another one.

    A driver that the user gave goes with the new machine; an assumed one is assumed anew.
    """
    from resolver.targets.machine_types import choose_platform, parse_machine_types  # Lazy, as above.

    if "--python" in chosen:
        target = replace(target, python=parse_python_version(chosen["--python"]))
    if "--platform" in chosen:
        target = replace(target, platform=parse_platform(chosen["--platform"]))
    if "-m" not in chosen:
        return target
    gpu = target.accelerator
    is_given = isinstance(gpu, Gpu) and gpu.driver_source != "assumption"
    choice = parse_machine_types(chosen["-m"], driver=str(gpu.driver) if isinstance(gpu, Gpu) and is_given else None)
    platform = choose_platform(choice, None if choice.host == "aarch64" else target.platform)
    return replace(target, accelerator=choice.accelerator) if platform == target.platform else None


def _build_indexes(target: Target, indexes: IndexOptions) -> FamilyIndexes | None:
    """The indexes with builds for one CUDA each; None where no machine is named."""
    if isinstance(target.accelerator, Unspecified):
        return None
    # Imported here: a target without a machine needs no rules about builds, whose data takes time to load.
    from resolver.index.location import FamilyIndexes

    shipped = load_families()
    own = tuple(family for family in indexes.families if family not in shipped)
    return FamilyIndexes(families=own, mirrors=tuple(indexes.mirrors), uses_shipped=indexes.uses_family_indexes)


_FindLocations = Callable[[NormalizedName], tuple[Location, ...]]


def _build_places(
    requirement_list: RequirementList,
    scopes: Mapping[NormalizedName, Scope],
    indexes: IndexOptions,
    fixed: Mapping[NormalizedName, FixedSource],
) -> tuple[_FindLocations, _FindLocations]:
    """The functions `locations` and `later_locations` of a problem; each remembers its answers.

    A name that only dependencies mention has the dependency scope of the list.
    """
    everywhere = merge_scopes(
        (*(layer.scope for layer in requirement_list.layers), requirement_list.dependency_scope, *scopes.values())
    )

    def find_in(scope: Scope, name: NormalizedName) -> tuple[Location, ...]:
        return order_locations(
            name,
            scope,
            default_index=indexes.default_index,
            families=indexes.families,
            strategy=indexes.strategy,
            mirrors=indexes.mirrors,
        )

    @cache
    def locations(name: NormalizedName) -> tuple[Location, ...]:
        if name in fixed:
            return (fixed[name].location,)
        return find_in(scopes.get(name, requirement_list.dependency_scope), name)

    @cache
    def later_locations(name: NormalizedName) -> tuple[Location, ...]:
        if name in fixed:
            return ()
        inside = {location.url for location in locations(name)}
        return tuple(location for location in find_in(everywhere, name) if location.url not in inside)

    return locations, later_locations


def _holding(entries: Iterable[Entry], target: Target) -> tuple[Entry, ...]:
    """The entries whose marker holds."""
    return tuple(entry for entry in entries if target.admits(entry.marker))


def _scopes_by_name(entries: Iterable[Entry]) -> dict[NormalizedName, Scope]:
    """The scope in which each project is looked for: that of all of its entries together."""
    found: dict[NormalizedName, list[Scope]] = {}
    for entry in entries:
        if entry.name is not None:
            found.setdefault(entry.name, []).append(entry.scope)
    return {name: merge_scopes(scopes) for name, scopes in found.items()}


def _build_roots(
    requirement_list: RequirementList, entries: Sequence[Entry], fixed: Mapping[NormalizedName, FixedSource]
) -> tuple[Root, ...]:
    """The requirements of the list as roots of the search, each with the `--no-deps` of its layer."""
    return tuple(_build_root(entry, fixed, no_deps=requirement_list.layers[entry.layer].no_deps) for entry in entries)


def _build_root(entry: Entry, fixed: Mapping[NormalizedName, FixedSource], *, no_deps: bool = False) -> Root:
    """An entry as a root. Its name is known by now: metadata of direct references were read before."""
    if entry.name is None:
        raise InternalError(f"the name of `{entry.text}` is not known", where=entry.position)
    return Root(
        position=entry.position,
        text=entry.text,
        name=entry.name,
        extras=entry.extras,
        specifier=_find_specifier(entry, fixed.get(entry.name)),
        hashes=entry.hashes or (entry.direct.hashes if isinstance(entry.direct, ArchiveUrl) else ()),
        no_deps=no_deps,
    )


def _find_specifier(entry: Entry, fixed: FixedSource | None) -> SpecifierSet:
    """The specifier of an entry. That of a direct reference is its own version, so that messages can name the entry."""
    if entry.direct is None or fixed is None or fixed.found is None:
        return entry.specifier
    return SpecifierSet(f"=={fixed.found.version}")


def _overridden_away(overrides: Sequence[Entry], holding: Sequence[Entry]) -> frozenset[NormalizedName]:
    """The projects of overrides of which none holds for the target: nothing requires them any more, as in uv."""
    kept = {entry.name for entry in holding}
    return frozenset(entry.name for entry in overrides if entry.name is not None and entry.name not in kept)


class MissingHashesError(InputError):
    """Hashes are required, and some pins have none; `lines` are what the list would have to hold."""

    def __init__(self, lines: tuple[str, ...]) -> None:
        super().__init__(
            f"`--require-hashes` needs a hash for every package, and {len(lines)} of them have none",
            remedy="add these lines, once you have verified them",
            quoted=lines,
        )
        self.lines = lines


def check_required_hashes(problem: Problem, resolution: Resolution, source: PackageSource) -> None:
    """Raises MissingHashesError if a pin has no hash in the list, InputError if it is a tree, which has none."""
    trees = [pin for pin in resolution.pins if isinstance(pin.file.origin, Commit | Folder)]
    if trees:
        raise InputError.from_faults(_refuse_tree(pin, problem) for pin in trees)
    hashed = {root.name for root in (*problem.roots, *problem.constraints) if root.hashes}
    missing = [pin for pin in resolution.pins if pin.name not in hashed]
    if missing:
        raise MissingHashesError(tuple(_render_line(pin, problem, source) for pin in missing))


def check_contents(problem: Problem, resolution: Resolution) -> None:
    """Raises HashMismatchError where a file has none of the hashes that the list gives for its project.

    The resolution must have the hash of every file. If a page gives no hashes, its files are not checked before this.
    """
    for pin in resolution.pins:
        allowed = problem.allowed_hashes(pin.name)
        if allowed is not None and allowed.isdisjoint(pin.file.hashes):
            listed = ", ".join(sorted(allowed)) or "none that all lines give"
            found = f"sha256:{pin.file.sha256}"
            raise HashMismatchError(
                f"`{pin.file.filename}` has none of the hashes that the list gives for `{pin.name}`",
                details=(
                    f"listed: {listed}",
                    f"found:  {found}",
                ),
                remedy="find out which of them is right",
                filename=pin.file.filename,
                expected=listed,
                found=found,
            )


def _refuse_tree(pin: Pin, problem: Problem) -> Fault:
    request = problem.direct[pin.name].request
    what = "a repository" if isinstance(pin.file.origin, Commit) else "a folder"
    return Fault(
        where=request.position,
        what=f"`{request.text}` is {what}, which has no hash, and `--require-hashes` needs one for every package",
        remedy="name a wheel or sdist of it",
    )


def _render_line(pin: Pin, problem: Problem, source: PackageSource) -> str:
    file = pin.file if pin.file.sha256 is not None else source.complete(pin.file)
    fixed = problem.direct.get(pin.name)
    what = f"{pin.name}=={pin.version}"
    if fixed is not None:
        what = f"{pin.name} @ {render_reference(fixed.request.reference)}"
    return f"{what} --hash=sha256:{file.sha256}"
