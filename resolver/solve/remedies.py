"""Remedies that were tried: what a list without a solution could say instead, each found by solving again.

In: the collisions of an explanation, and what `resolver.solve.hints` proposes for them. Out: remedies in order, those
with which a search has found a solution first. A remedy is tried on the problem of the changed list (`Problem.variant`)
with the same search as any list. It is bounded by rounds, by the number of files whose metadata it may read, and by the
number of searches, never by time: so the message is the same on every machine. It builds nothing.

What a search reads for a remedy that is followed, the next run finds in its cache.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from enum import Enum

from packaging.requirements import Requirement
from packaging.specifiers import Specifier, SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import InvalidVersion, Version

from lockfiles._values import dataclass
from resolver.errors import FetchError, MetadataError, OfflineError, PinfoldError
from resolver.index.core_metadata import Dependencies
from resolver.index.distribution_file import DistributionFile
from resolver.index.events import Observe
from resolver.index.location import Location
from resolver.index.package_source import DelegatingSource, PackageSource
from resolver.index.project_page import ProjectPage
from resolver.solve.demand import is_readable, is_virtual
from resolver.solve.explanation import (
    Change,
    ChosenOption,
    Collision,
    EarlierFlag,
    Obstacle,
    Remedy,
    WrittenLine,
    order_clauses,
)
from resolver.solve.hints import iter_proposals, iter_pythons
from resolver.solve.problem import Problem, Root
from resolver.solve.project_table import build_project_table, read_listings
from resolver.solve.search.backtracking import search_by_backtracking
from resolver.solve.search.universe import Conflict, Found, Universe
from resolver.targets.target import Target, describe_foreign

__all__ = ["TRIAL_ROUNDS", "Trials", "add_remedies", "find_remedies"]

TRIAL_ROUNDS = 600
"""The rounds of the search of one trial."""

_MOST_SHOWN = 3
"""The most remedies of a message that were tried."""

_MOST_TRIALS = 10
"""The most searches for one message: three remedies that solve a list are found among the first few."""

_MOST_READS = 400
"""The most pages and files that one trial may read. A list of 150 pins needs 300."""
_MOST_VERSIONS = 40
"""The most versions of one project that a trial may read: they come one after another, and the pages all at once."""
_SDIST_READS = 40
"""What an sdist counts for: it is downloaded whole, where a wheel's metadata is a file of its own."""

_TEST_ROUNDS = 200
"""The rounds of a search over what was read before, which shows whether a trial is worth its requests."""

_LOWER = (">", ">=", "~=")


class TrialResult(Enum):
    """What a trial has shown; `UNKNOWN` where it came to a bound, or a request failed."""

    SOLVED = "a solution"
    CONFLICT = "no solution"
    UNKNOWN = "unknown"


class _BoundError(Exception):
    """Raised where a trial would read more than it may."""


class _TrialSource(DelegatingSource):
    """A package source that counts what is read, and builds nothing. The listener of the run hears nothing of it."""

    def __init__(self, source: PackageSource, failed: set[str]) -> None:
        super().__init__(source)
        self._failed = failed
        self._read: set[str] = set()
        self._reads = 0
        self._versions: Counter[str] = Counter()

    @property
    def answers(self) -> None:
        """No results are kept of a trial."""

    @property
    def observe(self) -> Observe | None:
        """None: a trial is no part of the search that the user follows."""
        return None

    def project_page(self, name: NormalizedName, location: Location) -> ProjectPage | None:
        """The page, counted. A location that has failed in another trial is not queried again."""
        self._count(f"{name} {location.url.public}")
        if location.url.public in self._failed:
            raise _BoundError
        try:
            return super().project_page(name, location)
        except FetchError:
            self._failed.add(location.url.public)
            raise _BoundError from None

    def dependencies(self, file: DistributionFile) -> Dependencies:
        """The dependencies, counted. Raises MetadataError where only a build could tell them."""
        if file.url not in self._read:
            project = file.filename.partition(f"-{file.version.major}")[0]
            self._versions[project] += 1
            if self._versions[project] > _MOST_VERSIONS:
                raise _BoundError
        self._count(file.url, 1 if file.is_wheel else _SDIST_READS)
        if not file.is_wheel and self.needs_build(file):
            raise MetadataError("it would have to be built", project="", filename=file.filename, needs_build=True)
        return super().dependencies(file)

    def _count(self, key: str, reads: int = 1) -> None:
        """Count a page or a file once. Raises _BoundError beyond what one trial may read."""
        self._reads += reads if key not in self._read else 0
        self._read.add(key)
        if self._reads > _MOST_READS:
            raise _BoundError


@dataclass(kw_only=True)
class Trials:
    """Solves the problems of changed lists, within bounds that hold for all of them together.

    `look` searches for a solution of a problem. `open_source` gives the package source of a target.
    """

    look: Callable[[Problem, PackageSource], tuple[Universe, Found | Conflict]]
    open_source: Callable[[Target], PackageSource]
    _trials: int = 0
    _failed: set[str] = field(default_factory=set)

    def run(self, problem: Problem | None) -> tuple[TrialResult, Mapping[NormalizedName, Version]]:
        """Whether a problem has a solution, and the versions of that solution."""
        if problem is None or problem.require_hashes or self._trials >= _MOST_TRIALS:
            return TrialResult.UNKNOWN, {}
        self._trials += 1
        # A release that needs a build is no candidate: a message is no reason to run code.
        careful = replace(problem, no_build=True)
        try:
            universe, outcome = self.look(careful, _TrialSource(self.open_source(problem.target), self._failed))
        except _BoundError:
            return TrialResult.UNKNOWN, {}
        except PinfoldError as error:
            if not isinstance(error, OfflineError) and error.exit_code != 3:
                self._trials = _MOST_TRIALS  # A file that cannot be read is no reason to wait for others.
            return (TrialResult.CONFLICT if error.exit_code == 3 else TrialResult.UNKNOWN), {}
        if isinstance(outcome, Conflict):
            return (
                TrialResult.CONFLICT if outcome.is_proven and not universe.failed_builds else TrialResult.UNKNOWN
            ), {}
        rows = {node.name: row for node, row in outcome.rows.items() if not node.part and not is_virtual(node.name)}
        return TrialResult.SOLVED, {name: universe.table(name).versions[row] for name, row in rows.items()}


def find_remedies(
    problem: Problem, collisions: Sequence[Collision], trials: Trials | None, universe: Universe | None = None
) -> tuple[Remedy, ...]:
    """The remedies for the collisions, those that were tried first. `universe` is that of the search, if there was one.

    The order of trials is that of what costs a user least: a name or a version that is wrong in any case, another line,
    pre-releases, another machine, a check less, and an override last.

    Collisions of lines of the list are independent of each other, so each of them needs its remedy, and these are tried
    together. Other collisions are ways in which one conflict shows, and a remedy for any of them may do.
    """
    proposed = [tuple(iter_proposals(problem, collision, universe)) for collision in collisions]
    if len(collisions) > 1 and not any(one.links for collision in collisions for one in collision.requirements):
        return _try_together(problem, collisions, proposed, trials)
    found = list(dict.fromkeys(remedy for group in proposed for remedy in group))
    # Another machine comes after another line, and what weakens a check after both.
    late = [remedy for remedy in found if remedy.is_weakening or _changes_machine(remedy)]
    tried = [*_iter_tried(problem, [remedy for remedy in found if remedy not in late], trials)]
    if trials is not None:
        tried += _iter_relaxed(problem, collisions, trials, universe, tried)
        if _count_solving(tried) < _MOST_SHOWN and universe is not None and _hides_prereleases(universe, collisions):
            tried += _iter_prereleases(problem, trials)
    if _count_solving(tried) < _MOST_SHOWN:
        tried += _iter_tried(problem, sorted(late, key=lambda one: one.is_weakening), trials)
    if trials is not None and not _count_solving(tried):
        tried += _iter_overrides(problem, collisions, trials)
    return _order([*tried, *_iter_corrected_overrides(collisions), *_iter_unknown(collisions, proposed)])


def add_remedies(error: MetadataError, problem: Problem, source: PackageSource, trials: Trials) -> None:
    """Add to the error of a build what makes the build needless: a Python with wheels, or a version with wheels.

    An old pin on a new Python is the usual reason for a build that fails: its wheels are for Pythons of its time. Each
    remedy that is added was tried, without builds.
    """
    name = canonicalize_name(error.project)
    try:
        listings, missing = read_listings(name, problem, source)
    except PinfoldError:
        return
    table = build_project_table(name, problem, listings, missing)
    rows = [
        row for row in range(len(table.versions)) if any(one.filename == error.filename for one in table.files(row))
    ]
    tags = [one.detail for one in table.rejections(rows[0]) if one.reason == "tags"] if rows else []
    if not tags:
        return
    remedies = list(_iter_tried(problem, list(iter_pythons(table, rows[0], problem.target)), trials))
    for root in (root for root in problem.roots if root.name == name and root.specifier and not root.hashes):
        if is_readable(root.text) and Requirement(root.text).url is None:
            remedies += _iter_for_line(problem, root, (), trials, None)
    lines = [line for remedy in remedies if remedy.is_tried for line in remedy.render()]
    fault = error.faults[0]
    version = f"`{name} {table.versions[rows[0]]}`"
    fault = replace(fault, details=(*fault.details, f"{version} has wheels {describe_foreign(tags, problem.target)}"))
    if lines:
        others = (*lines[1:], *filter(None, [fault.remedy]), *fault.other_remedies)
        fault = replace(fault, remedy=lines[0], other_remedies=others)
    error.faults = (fault, *error.faults[1:])


def _changes_machine(remedy: Remedy) -> bool:
    """Whether a remedy locks for another machine type, which few users can choose."""
    return any(isinstance(change, ChosenOption) and change.name == "-m" for change in remedy.changes)


def _hides_prereleases(universe: Universe, collisions: Sequence[Collision]) -> bool:
    """Whether a project that takes part has versions that only pre-releases in force would admit."""
    names = {one.project for one in collisions}
    names |= {link.name for one in collisions for requirement in one.requirements for link in requirement.links}
    return not universe.problem.pre and any(
        universe.candidate_rows(name) != universe.shown_rows(name) for name in sorted(names)
    )


def _order(remedies: Sequence[Remedy]) -> tuple[Remedy, ...]:
    """Those that were tried, at most three, the weakening ones last; then the others."""
    solving = sorted((one for one in remedies if one.is_tried), key=lambda one: one.is_weakening)
    return tuple(dict.fromkeys((*solving[:_MOST_SHOWN], *(one for one in remedies if not one.is_tried))))


def _count_solving(remedies: Sequence[Remedy]) -> int:
    """The number of remedies with which a search has found a solution."""
    return sum(remedy.is_tried for remedy in remedies)


def _iter_tried(problem: Problem, proposed: Sequence[Remedy], trials: Trials | None) -> Iterator[Remedy]:
    """The remedies, marked where they solve the list, without those that a trial has shown to be of no use.

    A remedy that a trial could not decide is kept: what it is about is wrong in any case.
    """
    solving: list[Remedy] = []
    machines: list[Remedy] = []
    for remedy in proposed:
        if not remedy.changes or trials is None:
            # One machine that may do is enough.
            if not (machines and _changes_machine(remedy)):
                yield remedy
            machines += [remedy] if _changes_machine(remedy) else []
        elif len(solving) < _MOST_SHOWN and not (machines and _changes_machine(remedy)):
            result, _ = trials.run(problem.variant(remedy.changes))
            solving += [remedy] if result is TrialResult.SOLVED else []
            machines += [remedy] if result is not TrialResult.CONFLICT and _changes_machine(remedy) else []
            if result is not TrialResult.CONFLICT or _corrects_name(problem, remedy):
                yield replace(remedy, is_tried=result is TrialResult.SOLVED)


def _corrects_name(problem: Problem, remedy: Remedy) -> bool:
    """Whether a remedy writes another project into a line: that is right whatever else is wrong with the list."""
    names = {root.position: root.name for root in problem.roots}
    return any(
        isinstance(change, WrittenLine) and Requirement(change.text).name != names.get(change.position)
        for change in remedy.changes
    )


def _try_together(
    problem: Problem, collisions: Sequence[Collision], proposed: Sequence[Sequence[Remedy]], trials: Trials | None
) -> tuple[Remedy, ...]:
    """The first remedy of each collision, tried together; if they do not solve the list, they are proposed untried."""
    first = [group[0] for group in proposed if group]
    changed = [
        next((one for one in group if one.changes and not one.is_weakening), None) or _guess(problem, collision)
        for group, collision in zip(proposed, collisions, strict=True)
    ]
    remedies = [remedy for remedy in changed if remedy is not None]
    if trials is not None and len(remedies) == len(collisions):
        for together in _iter_joined(remedies):
            result, _ = trials.run(problem.variant(together.changes))
            if result is TrialResult.SOLVED:
                return (replace(together, is_tried=True),)
    guessed = [_guess(problem, one) for group, one in zip(proposed, collisions, strict=True) if not group]
    return tuple(
        _iter_without_repeats([*first, *(one for one in guessed if one), *_iter_unknown(collisions, proposed)])
    )


def _iter_unknown(collisions: Sequence[Collision], proposed: Sequence[Sequence[Remedy]]) -> Iterator[Remedy]:
    """For names that no location has and that are like no known one: one line for all of them."""
    lost = [
        one
        for one, group in zip(collisions, proposed, strict=True)
        if one.obstacle is Obstacle.NOT_FOUND
        and one.supply.missing
        and not group
        # What a build requires is not for the user to write.
        and not one.requirements[0].position.source.startswith("[build-system]")
    ]
    if lost:
        names = ", ".join(f"`{one.project}`" for one in lost)
        own = f"check the name{'s' if len(lost) > 1 else ''} {names}, or "
        whose = names if lost[0].is_reached else "them" if len(lost) > 1 else "it"
        text = f"{'' if lost[0].is_reached else own}add the index that has {whose} with `--extra-index-url`"
        yield Remedy(texts=(text,))


def _iter_joined(remedies: Sequence[Remedy]) -> Iterator[Remedy]:
    """One remedy with the changes of all; one for each Python that they choose.

    Two projects may each name the Python that has most wheels of it: a lock is for one, and either may do for both.
    """
    python = dict.fromkeys(one for one in remedies for change in one.changes if _is_python(change))
    others = [one for one in _iter_without_repeats(remedies) if one not in python]
    for chosen in [[one] for one in python] or [[]]:
        joined = [one for one in remedies if one in others or one in chosen]
        yield Remedy(
            texts=tuple(dict.fromkeys(text for remedy in joined for text in remedy.texts)),
            changes=tuple(dict.fromkeys(change for remedy in joined for change in remedy.changes)),
        )


def _is_python(change: Change) -> bool:
    """Whether a change chooses the Python, of which a lock has one."""
    return isinstance(change, ChosenOption) and change.name == "--python"


def _iter_without_repeats(remedies: Iterable[Remedy]) -> Iterator[Remedy]:
    """The remedies without those that add a flag which an earlier one adds before more lines.

    Collisions come in the order of the list, so the first flag of a layer serves all lines that need it.
    """
    added: set[tuple[str, int | None]] = set()
    for remedy in dict.fromkeys(remedies):
        flags = {
            (one.text, one.before.layer)
            for one in remedy.changes
            if isinstance(one, EarlierFlag) and one.position is None
        }
        if not flags or not flags <= added:
            yield remedy
        added |= flags


def _guess(problem: Problem, collision: Collision) -> Remedy | None:
    """For a version that does not exist: the nearest one that does, or the newest."""
    supply = collision.supply
    newest = (supply.newest,) if supply.newest is not None else ()
    if collision.obstacle is not Obstacle.NO_VERSION or len(collision.requirements) != 1:
        return None
    for version in (*supply.neighbours, *newest):
        root = _find_line(problem, collision, 0)
        return None if root is None else _build_relaxed(root, version)
    return None


def _iter_corrected_overrides(collisions: Sequence[Collision]) -> Iterator[Remedy]:
    """For an override that no version meets: the nearest version that there is."""
    for collision in collisions:
        requirement, newest = collision.requirements[0], collision.supply.newest
        if (
            requirement.is_override
            and collision.obstacle is Obstacle.NO_VERSION
            and newest
            and is_readable(requirement.text)
        ):
            version = (*collision.supply.neighbours, newest)[0]
            text = f"{collision.project}{_relax(Requirement(requirement.text).specifier, version)}"
            old = order_clauses(requirement.text)
            yield Remedy(texts=(f"`{order_clauses(text)}` in place of the override `{old}`",))


def _find_line(problem: Problem, collision: Collision, index: int) -> Root | None:
    """The line or constraint that a requirement of a collision names, if it has a specifier that can be relaxed."""
    position = collision.requirements[index].position
    lines = (root for root in (*problem.roots, *problem.constraints) if root.position == position and root.specifier)
    root = next(lines, None)
    if root is None or root.hashes or not is_readable(root.text) or Requirement(root.text).url is not None:
        return None
    return root


def _iter_relaxed(
    problem: Problem,
    collisions: Sequence[Collision],
    trials: Trials,
    universe: Universe | None,
    others: Sequence[Remedy],
) -> Iterator[Remedy]:
    """Lines with another specifier: the neighbours of a version that does not exist, else what a search finds.

    `others` are remedies that were tried before; a line that one of them writes is not written again.
    """
    written = {
        change.position
        for remedy in others
        for change in remedy.changes
        if isinstance(change, WrittenLine) and remedy.is_tried
    }
    lines: dict[Root, tuple[Version, ...]] = {}
    for collision in collisions:
        for index in range(len(collision.requirements)):
            root = _find_line(problem, collision, index)
            if root is not None and not collision.requirements[index].is_override:
                lines.setdefault(root, collision.supply.neighbours if root.name == collision.project else ())
    found = _count_solving(others)
    # A line on the project itself first: another version of it changes the least.
    projects = {collision.project for collision in collisions}
    for root, neighbours in sorted(lines.items(), key=lambda line: line[0].name not in projects):
        if root.position in written or found >= _MOST_SHOWN:
            continue
        for remedy in _iter_for_line(problem, root, neighbours, trials, universe):
            found += remedy.is_tried
            yield remedy
    if not found and len(lines) > 1:
        yield from _iter_relaxed_together(problem, list(lines), trials)


def _iter_for_line(
    problem: Problem, root: Root, neighbours: Sequence[Version], trials: Trials, universe: Universe | None
) -> Iterator[Remedy]:
    """The line with each neighbour of its version that solves the list; else with the version that a search finds.

    A search without the line's specifier takes the newest version that goes with the rest of the list. Without a
    universe the neighbours come from the data, so one that cannot be tried is proposed all the same.
    """
    solved = False
    for version in neighbours:
        remedy = _build_relaxed(root, version)
        result, _ = trials.run(problem.variant(remedy.changes))
        if result is TrialResult.SOLVED or (result is TrialResult.UNKNOWN and universe is None):
            solved = True
            yield replace(remedy, is_tried=result is TrialResult.SOLVED)
    if solved or (universe is not None and not _may_solve(universe, root)):
        return
    result, versions = trials.run(problem.variant((_free(root),)))
    # A pre-release is taken where nothing else is there: few people want to pin that.
    if result is TrialResult.SOLVED and root.name in versions and not versions[root.name].is_prerelease:
        yield replace(_build_relaxed(root, versions[root.name]), is_tried=True)


def _iter_relaxed_together(problem: Problem, roots: Sequence[Root], trials: Trials) -> Iterator[Remedy]:
    """All of the lines with the versions that a search finds for them, where no single one is enough."""
    result, versions = trials.run(problem.variant([_free(root) for root in roots]))
    if result is TrialResult.SOLVED and all(root.name in versions for root in roots):
        relaxed = [_build_relaxed(root, versions[root.name]) for root in roots]
        yield Remedy(
            texts=tuple(text for one in relaxed for text in one.texts),
            changes=tuple(change for one in relaxed for change in one.changes),
            is_tried=True,
        )


def _free(root: Root) -> WrittenLine:
    """The line without its specifier."""
    free = Requirement(root.text)
    free.specifier = SpecifierSet()
    return WrittenLine(position=root.position, text=str(free))


def _may_solve(universe: Universe, root: Root) -> bool:
    """Whether the list can have a solution without the specifier of a line, as far as what was read can tell.

    True where the search meets something that was not read: then a trial has to tell.
    """
    problem = universe.problem
    relaxed = replace(root, specifier=SpecifierSet())
    changed = replace(
        problem,
        roots=tuple(relaxed if other is root else other for other in problem.roots),
        constraints=tuple(relaxed if other is root else other for other in problem.constraints),
    )
    outcome = search_by_backtracking(universe.closed(changed), max_rounds=_TEST_ROUNDS)
    return not isinstance(outcome, Conflict) or not outcome.is_proven


def _build_relaxed(root: Root, version: Version) -> Remedy:
    """The line with a specifier that admits a version, and as much of its own as does so too."""
    requirement = Requirement(root.text)
    requirement.specifier = _relax(root.specifier, version)
    text = order_clauses(str(requirement))
    given = "" if all(clause.operator == "==" for clause in requirement.specifier) else f": gives {version.public}"
    return Remedy(
        texts=(f"`{text}` at {root.position}{given}",), changes=(WrittenLine(position=root.position, text=text),)
    )


def _relax(specifier: SpecifierSet, version: Version) -> SpecifierSet:
    """The clauses that a version meets; a bound that it does not meet becomes the version, a pin becomes its pin.

    `<2` becomes `<3` for 2.1, `>=2,<3` becomes `>=1.9,<3` for 1.9, and `==9` becomes `==2.0` for 2.0.
    """
    kept: dict[str, None] = {}
    # A label takes part in `==` alone, and only where the list has one.
    named = version if any("+" in clause.version for clause in specifier) else Version(version.public)
    for clause in sorted(specifier, key=str):
        if _admits(clause, version):
            kept[str(clause)] = None
        elif clause.operator in _LOWER:
            kept[f">={version.public}" if _is_below(version, clause) else f"<={version.public}"] = None
        elif clause.operator in ("<", "<="):
            kept[_raise_cap(clause, version)] = None
        elif clause.operator != "!=":
            return SpecifierSet(f"=={named}")
    return SpecifierSet(",".join(kept))


def _raise_cap(clause: Specifier, version: Version) -> str:
    """A cap that admits a version, written like the one that does not: `<4.46.0` becomes `<4.51.0` for 4.50.3."""
    release = Version(clause.version).release
    places = len(release) - next((at for at, part in enumerate(reversed(release)) if part), len(release) - 1)
    if clause.operator == "<=" or version.epoch or len(version.release) < places:
        return f"<={version.public}"
    parts = [*version.release[: places - 1], version.release[places - 1] + 1, *(0,) * (len(release) - places)]
    return f"<{'.'.join(map(str, parts))}"


def _admits(clause: Specifier, version: Version) -> bool:
    """Whether one clause admits a version; a pre-release too, since the search has chosen it."""
    return clause.contains(version, prereleases=True)


def _is_below(version: Version, clause: Specifier) -> bool:
    """Whether a version is older than that of a clause; true for free text behind `===`, which has no order."""
    try:
        return version < Version(clause.version)
    except InvalidVersion:
        return True


def _iter_overrides(problem: Problem, collisions: Sequence[Collision], trials: Trials) -> Iterator[Remedy]:
    """An override of what projects need, where nothing else solves the list: a check less, so the last resort.

    It is one of the requirements that exclude each other, the newest one of the list first.
    """
    for collision in collisions:
        name = collision.project
        if collision.obstacle is not Obstacle.EXCLUDE_EACH_OTHER or any(one.name == name for one in problem.overrides):
            continue
        needs = [one.links[-1].needs if one.links else one.text for one in collision.requirements]
        for need in reversed([need for need in needs if is_readable(need)]):
            text = order_clauses(f"{name}{Requirement(need).specifier}")
            changes = (ChosenOption(name="override-dependencies", value=text),)
            result, _ = trials.run(problem.variant(changes))
            if result is TrialResult.SOLVED:
                told = (
                    f'last resort: `override-dependencies = ["{text}"]` in `[tool.pinfold]` of pyproject.toml'
                    f" ignores that {_describe_ignored(collision, need)}: check that it runs"
                )
                yield Remedy(texts=(told,), changes=changes, is_tried=True, is_weakening=True)
                return


def _describe_ignored(collision: Collision, need: str) -> str:
    """What an override with one of the requirements of a collision goes against: the others."""
    ignored = []
    for one in collision.requirements:
        if (one.links[-1].needs if one.links else one.text) != need:
            what = f"`{one.links[-1].name} {one.links[-1].version}` needs" if one.links else f"{one.position} says"
            ignored.append(f"{what} `{order_clauses(one.links[-1].needs if one.links else one.text)}`")
    return " and ".join(dict.fromkeys(ignored))


def _iter_prereleases(problem: Problem, trials: Trials) -> Iterator[Remedy]:
    """`--pre`, where the list has a solution with pre-releases."""
    changes = (ChosenOption(name="--pre"),)
    result, _ = trials.run(problem.variant(changes))
    if result is TrialResult.SOLVED:
        yield Remedy(texts=("`--pre`, which admits pre-releases",), changes=changes, is_tried=True)
