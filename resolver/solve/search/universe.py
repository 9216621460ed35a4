"""What one search reads of the world, and what it answers: the seam between a search and the rest of the stage.

In: a problem and a package source. Out: tables of projects, demands of candidates, and the candidates that metadata
ruled out, each read when the search needs it and no earlier.

A search takes a `Universe` and returns `Found` or `Conflict`. The rest of the stage uses these names only, and nothing
here depends on how a search works. So another search can replace resolvelib, which is the module `backtracking`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import replace
from typing import Protocol

from packaging.requirements import InvalidRequirement
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version

from lockfiles._values import dataclass
from resolver.errors import MetadataError
from resolver.index.core_metadata import Dependencies, admits_python
from resolver.index.location import Location
from resolver.index.package_source import PackageSource
from resolver.requirements.url import redact
from resolver.solve.demand import (
    WITH_DEPENDENCIES,
    Candidate,
    Demand,
    Node,
    ParsedRequirement,
    is_readable,
    is_virtual,
    names_prerelease,
    parse_dependency,
    pins_exactly,
)
from resolver.solve.problem import Problem, Root
from resolver.solve.project_table import ProjectTable, build_project_table, iter_rows, read_listings
from resolver.solve.resolution import ChosenBuild, Pin

__all__ = [
    "BuildRules",
    "Cause",
    "Conflict",
    "Found",
    "RuledOut",
    "Search",
    "Universe",
    "UnknownPage",
    "preferred_row",
    "select_rows",
]


class UnknownPage(Exception):  # noqa: N818 - a signal inside this module, no error
    """Raised in a closed universe for a page that was never read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuledOut:
    """Why a version is no candidate, found out after its page was read, and the details for messages.

    `reason` is `python`, `build`, `metadata`, `direct-url` or `extra`, which its metadata tells, or `absent` for a
    build that an index lacks.
    """

    reason: str
    detail: str


class BuildRules(Protocol):
    """The rules about CUDA builds in one universe, which `resolver.solve.solving` implements.

    Neither the search nor the explanation imports the implementation. Without a machine there are no rules, and the
    data about builds is not loaded. The search reads tables and demands, and reports collisions. The methods after
    `open_wanted` describe a solution, or the reason why there is none.
    """

    def build_virtual(self, name: NormalizedName) -> ProjectTable | None:
        """The table of a virtual project; None for any other."""
        ...

    def read_table(self, name: NormalizedName) -> ProjectTable | None:
        """The table of a project whose builds differ; None for any other project. Raises FetchError."""
        ...

    def early_demands(self, node: Node, row: int) -> tuple[Demand, ...]:
        """The demands on virtual projects that follow from a candidate's name, version and index alone."""
        ...

    def late_demands(self, node: Node, row: int) -> tuple[Demand, ...]:
        """The demands on virtual projects that need metadata, read before. May rule the row out. Raises FetchError."""
        ...

    def find_absent(self, name: NormalizedName, row: int) -> list[tuple[int, str]]:
        """The rows that turn out not to exist when this one is looked for, each with the reason. Raises FetchError."""
        ...

    def note_collision(self, name: NormalizedName, row: int, on: Node) -> None:
        """Record that a candidate collided with others on a node."""
        ...

    def open_wanted(self, rows: Mapping[Node, int] | None) -> bool:
        """Admit builds that collisions showed to be needed; whether that can change the result of a search.

        `rows` are those of its solution, None for a conflict.
        """
        ...

    def find_chosen_build(self, pins: Sequence[Pin]) -> ChosenBuild | None:
        """The build that the pins of a solution are of; None where no machine is named or no pin has a known build."""
        ...

    def iter_warnings(self, pins: Sequence[Pin]) -> Iterator[str]:
        """Whole messages about the builds of a solution, in the order of the pins."""
        ...

    def runs(self, name: NormalizedName, version: Version, location: Location) -> bool:
        """Whether the target runs a build, as far as its name, version and index determine it."""
        ...

    def explain_rows(self, table: ProjectTable, matching: int) -> tuple[str, ...]:
        """What the required builds lack; empty if some of the rows are ruled out for other reasons."""
        ...

    def explain_wheels(
        self, project: NormalizedName, colliding: Sequence[tuple[NormalizedName, Version]]
    ) -> tuple[str, ...]:
        """A line for each wheel that collides on a virtual project: what it is built for, and the torch of the lock."""
        ...

    def iter_wheel_hints(
        self, project: NormalizedName, colliding: Sequence[tuple[NormalizedName, Version]]
    ) -> Iterator[str]:
        """Remedies for wheels that collide on a virtual project, each a whole action."""
        ...


class Universe:
    """Tables and demands of one problem. `tables` may be shared by problems that differ in roots only.

    `rules_for` makes the rules about builds for a universe; None means that there are none.
    """

    def __init__(
        self,
        problem: Problem,
        source: PackageSource,
        *,
        tables: MutableMapping[NormalizedName, ProjectTable] | None = None,
        prefetch: Callable[[Iterable[ParsedRequirement]], None] | None = None,
        rules_for: Callable[[Universe], BuildRules] | None = None,
    ) -> None:
        self.problem = problem
        self.source = source
        self.tables = {} if tables is None else tables
        self.ruled_out: dict[tuple[NormalizedName, int], RuledOut] = {}
        self.read: dict[tuple[NormalizedName, int], Dependencies] = {}
        self.failed_builds = set(problem.rejected_builds)
        self.changes = 0
        """How often rows of a project were ruled out or selected anew."""
        self._is_closed = False
        self._prefetch = prefetch
        self._python = problem.target.python.full
        self._folded: dict[NormalizedName, tuple[int, bool, bool]] = {}
        self._demands: dict[tuple[Node, int], tuple[Demand, ...]] = {}
        self._tried: dict[tuple[Node, int], None] = {}
        self._words: dict[str, tuple[Demand, ...]] = {}
        self._overrides = _merge_overrides(problem.overrides)
        self._rules_for = rules_for
        self.rules = None if rules_for is None else rules_for(self)
        self._listed_extras = frozenset(
            Node(root.name, extra) for root in problem.roots if not root.no_deps for extra in root.extras
        )
        self._without_dependencies = frozenset(root.name for root in problem.roots if root.no_deps)
        self._listed: dict[NormalizedName, dict[SpecifierSet, None]] = {}
        for root in (*problem.roots, *problem.constraints):
            self._listed.setdefault(root.name, {})[root.specifier] = None

    def table(self, name: NormalizedName) -> ProjectTable:
        """The table of a project. Raises FetchError."""
        table = self.tables.get(name)
        if table is None:
            table = self.rules.build_virtual(name) if self.rules is not None else None
            if table is None and self._is_closed:
                raise UnknownPage
            self.tables[name] = table = table or self._read_table(name)
        return table

    def _read_table(self, name: NormalizedName) -> ProjectTable:
        table = None if self.rules is None else self.rules.read_table(name)
        if table is None:
            listings, missing = read_listings(name, self.problem, self.source)
            table = build_project_table(name, self.problem, listings, missing)
        return table

    def candidate_rows(self, name: NormalizedName) -> int:
        """The rows that the list admits by its requirements, constraints and options, less those ruled out."""
        return self._fold(name)[0]

    def shown_rows(self, name: NormalizedName) -> int:
        """Those of `candidate_rows` that are neither yanked nor a pre-release, as far as there are such rows."""
        rows, pinned, prereleases = self._fold(name)
        return select_rows(self.table(name), rows, pinned=pinned, prereleases=prereleases)

    def select(self, name: NormalizedName, demands: Sequence[Demand]) -> int:
        """The rows to try under the demands, by `select_rows`.

        A pre-release that a dependency names, as in `c>=0.5a1`, is no reason to take one while a stable release
        satisfies all specifiers: only the list can prefer pre-releases.
        """
        rows, pinned, prereleases = self._fold(name)
        for demand in demands:
            rows &= demand.mask
            pinned = pinned or demand.pinned
        return select_rows(self.table(name), rows, pinned=pinned, prereleases=prereleases)

    def root_demands(self) -> list[Demand]:
        """The demands of the list, in list order; of several equal ones the first. Raises FetchError."""
        found: dict[tuple[Node, SpecifierSet], Demand] = {}
        for place, root in enumerate(self.problem.roots):
            wanted = ParsedRequirement(
                name=root.name, extras=root.extras, specifier=root.specifier, url=None, text=root.text
            )
            for demand in self._build_demands(wanted, bare=root.no_deps):
                found.setdefault((demand.node, demand.specifier), replace(demand, root=place))
        return list(found.values())

    def iter_demands(self, node: Node, row: int) -> Iterator[Demand]:
        """The demands of a row, those on its own project first: they need no metadata.

        Where the metadata rules the row out there are no others, and `ruled_out` has the reason. Raises FetchError.
        """
        known = self._demands.get((node, row))
        if known is not None:
            yield from known
            return
        self._tried[node, row] = None
        own = self._own_demands(node, row)
        yield from own
        brought = self._metadata_demands(node, row) if self._exists(node.name, row) else ()
        if self.rules is not None and (node.name, row) not in self.ruled_out:
            brought += self.rules.late_demands(node, row)
        self._demands[node, row] = (*own, *brought)
        yield from brought

    def tried(self) -> tuple[tuple[Node, int], ...]:
        """The rows of which demands were read, in that order, even if reading ended at a demand that collided."""
        return tuple(self._tried)

    def known_demands(self, node: Node, row: int) -> tuple[Demand, ...] | None:
        """The demands of a row if they were read before."""
        return self._demands.get((node, row))

    def dependencies(self, name: NormalizedName, row: int) -> Dependencies:
        """What the row's best file needs. Raises MetadataError, FetchError, HashMismatchError."""
        known = self.read.get((name, row))
        if known is None and self._is_closed:
            return Dependencies()
        if known is None:
            known = self.read[name, row] = self.source.dependencies(self.table(name).files(row)[0])
        return known

    def needs_build(self, name: NormalizedName, row: int) -> bool:
        """Whether the row's dependencies can only come from a build, which was not made yet.

        It reads the file. Raises FetchError, HashMismatchError.
        """
        if self._is_closed or is_virtual(name) or (name, row) in self.read or (name, row) in self.ruled_out:
            return False
        table = self.table(name)
        is_failed = (name, table.versions[row]) in self.failed_builds
        is_known = table.is_promised(row) or table.wheel_mask >> row & 1 or is_failed
        if is_known or self._find_without_extra(name, row) is not None:
            return False
        return self.source.needs_build(table.files(row)[0])

    def find_with_extra(self, node: Node, row: int, within: int) -> int | None:
        """The newest usable row of `within` that is newer than this one and has the extra that this one lacks, if any.

        None as well where this row has the extra. Raises FetchError, HashMismatchError.
        """
        read = self.read.get((node.name, row))
        if read is None or node.part in ("", WITH_DEPENDENCIES) or node.part in read.extras:
            return None
        newer = within & self.shown_rows(node.name) & ((1 << row) - 1)
        return next((other for other in iter_rows(newer) if self._provides(node, other)), None)

    def _provides(self, node: Node, row: int) -> bool:
        if self.table(node.name).is_promised(row) or self.needs_build(node.name, row):
            return False
        dependencies = self._read_dependencies(node.name, row)
        return dependencies is not None and node.part in dependencies.extras

    def posed(self, problem: Problem) -> Universe:
        """A universe of another problem, with the tables of this one."""
        return Universe(problem, self.source, tables=self.tables, rules_for=self._rules_for)

    def closed(self, problem: Problem) -> Universe:
        """A closed universe of another problem, with fewer requirements: it makes no request.

        What was never read counts as satisfied, so a conflict in it is one in this universe too.
        """
        known = self.posed(problem)
        known.read, known.ruled_out, known._is_closed = self.read, dict(self.ruled_out), True
        known.failed_builds = self.failed_builds
        return known

    @property
    def is_closed(self) -> bool:
        """Whether it has only what was read before and makes no request."""
        return self._is_closed

    def forget_rows(self, name: NormalizedName) -> None:
        """Select the rows of a project anew, because its table has more of them now."""
        self._folded.pop(name, None)
        self.changes += 1

    def rule_out(self, name: NormalizedName, row: int, reason: str, detail: str) -> None:
        """Rule a row out for the rest of the run."""
        self.ruled_out[name, row] = RuledOut(reason=reason, detail=detail)
        rows, pinned, prereleases = self._fold(name)
        self._folded[name] = (rows & ~(1 << row), pinned, prereleases)
        self.changes += 1

    def _fold(self, name: NormalizedName) -> tuple[int, bool, bool]:
        folded = self._folded.get(name)
        if folded is None:
            folded = self._folded[name] = self._build_fold(name)
        return folded

    def _build_fold(self, name: NormalizedName) -> tuple[int, bool, bool]:
        table = self.table(name)
        specifiers = self.listed_specifiers(name)
        rows = table.all_rows
        for specifier in specifiers:
            rows &= table.mask(specifier)
        for ruled_out, row in self.ruled_out:
            rows &= ~(1 << row) if ruled_out == name else -1
        prereleases = self.problem.pre or any(map(names_prerelease, specifiers))
        return table.usable(rows), any(map(pins_exactly, specifiers)), prereleases

    def listed_specifiers(self, name: NormalizedName) -> list[SpecifierSet]:
        """The specifiers of the list on the project, without repeats; where there is an override, that one alone."""
        if name in self._overrides:
            return [self._overrides[name]]
        return list(self._listed.get(name, ()))

    def _exists(self, name: NormalizedName, row: int) -> bool:
        """Whether the row has files; a build that an index promises is looked for now. Raises FetchError."""
        if self.rules is None:
            return True
        if not self._is_closed:
            for absent, reason in self.rules.find_absent(name, row):
                self.rule_out(name, absent, "absent", reason)
        return (name, row) not in self.ruled_out

    def _own_demands(self, node: Node, row: int) -> tuple[Demand, ...]:
        """The demands that need no metadata: of an extra on its own project, and of a build on virtual projects."""
        if not node.part:
            return () if self.rules is None else self.rules.early_demands(node, row)
        parts = ["", *([WITH_DEPENDENCIES] if self._is_split(node) else [])]
        version = self.table(node.name).versions[row]
        text = f"{node.name}=={version}"
        nodes = [Node(node.name, part) for part in parts]
        return tuple(Demand(node=own, mask=1 << row, text=text, specifier=SpecifierSet(), is_own=True) for own in nodes)

    def _is_split(self, node: Node) -> bool:
        return node.name in self._without_dependencies and node.part != WITH_DEPENDENCIES

    def _metadata_demands(self, node: Node, row: int) -> tuple[Demand, ...]:
        if is_virtual(node.name) or (not node.part and node.name in self._without_dependencies):
            return ()
        dependencies = self._read_dependencies(node.name, row)
        if dependencies is None:
            return ()
        bare = node.part in ("", WITH_DEPENDENCIES)
        texts = dependencies.requires if bare else dependencies.extras.get(NormalizedName(node.part), ())
        self._prefetch_new(texts)
        demands: list[Demand] = []
        for text in texts:
            demands += self._demands_of(text, node.name, row)
        # An extra that needs another version of its project collides with its own demand, and the project stays usable.
        if not node.part and any(demand.node == node and not demand.mask >> row & 1 for demand in demands):
            self.rule_out(node.name, row, "metadata", "it depends on another version of itself")
        elif node in self._listed_extras:
            self._check_extra(node, row)
        return tuple(demands) if (node.name, row) not in self.ruled_out else ()

    def _check_extra(self, node: Node, row: int) -> None:
        """Rule out a release without an extra of the list that a newer one has: the lock would silently lack it."""
        newer = self.find_with_extra(node, row, self.candidate_rows(node.name))
        if newer is not None:
            version = self.table(node.name).versions[newer]
            self.rule_out(node.name, row, "extra", f"does not provide the extra `{node.part}`, which {version} has")

    def _find_without_extra(self, name: NormalizedName, row: int) -> RuledOut | None:
        """What ruled out a newer release that lacks an extra of the list; None where there is none."""
        if not any(node.name == name for node in self._listed_extras):
            return None
        newer = [known for (project, other), known in self.ruled_out.items() if project == name and other < row]
        return next((known for known in newer if known.reason == "extra"), None)

    def _read_dependencies(self, name: NormalizedName, row: int) -> Dependencies | None:
        """What a row needs, or None where that rules it out."""
        if self.failed_builds and (name, self.table(name).versions[row]) in self.failed_builds:
            self.rule_out(name, row, "build", "the old lock records that its build failed")
            return None
        without = None if self.table(name).wheel_mask >> row & 1 else self._find_without_extra(name, row)
        if without is not None:
            # That less is known of an old sdist is no merit, and reading it may need a build.
            self.rule_out(name, row, "extra", without.detail)
            return None
        try:
            dependencies = self.dependencies(name, row)
        except MetadataError as error:
            if error.needs_build and not self.problem.no_build:
                if not self.problem.skips_failed_builds:
                    raise self._locate(error, name) from error
                self.failed_builds.add((name, self.table(name).versions[row]))
            self.rule_out(name, row, "build" if error.needs_build else "metadata", error.reason)
            return None
        if dependencies.requires_python and not admits_python(dependencies.requires_python, self._python):
            self.rule_out(name, row, "python", f"needs Python {dependencies.requires_python}")
            return None
        return dependencies

    def _locate(self, error: MetadataError, name: NormalizedName) -> MetadataError:
        """The error with the line of the list that led to a project, and with the steps from there to it."""
        root, steps = self._find_path(name)
        if root is None:
            return error
        located = error.at(root.position)
        fault, *others = located.faults
        path = (f"`{root.text}` needs it: {', '.join(steps)}",) if steps else ()
        fault = replace(fault, details=(*path, *fault.details))
        if self.candidate_rows(name).bit_count() > 1 and fault.remedy and not self.problem.is_of_lock:
            # Lines to write belong to the last remedy.
            remedies = (fault.remedy, *fault.other_remedies)
            skip = ("pass over this version with `--skip-failed-builds`",)
            first, *more = (*skip, *remedies) if fault.quoted else (*remedies, *skip)
            fault = replace(fault, remedy=first, other_remedies=tuple(more))
        located.faults = (fault, *others)
        return located

    def _find_path(self, name: NormalizedName) -> tuple[Root | None, tuple[str, ...]]:
        """The root that led the search to a project first, and the steps from its release to the project."""
        steps: dict[NormalizedName, tuple[NormalizedName, str]] = {}
        for (node, row), demands in self._demands.items():
            for demand in demands:
                if demand.node.name != node.name and not is_virtual(node.name):
                    step = f"`{node.name} {self.table(node.name).versions[row]}` requires `{demand.text}`"
                    steps.setdefault(demand.node.name, (node.name, step))
        roots = {root.name: root for root in reversed(self.problem.roots)}
        path: list[str] = []
        while name not in roots and name in steps and len(path) < len(steps):
            name, step = steps[name]
            path.append(step)
        return roots.get(name), tuple(reversed(path))

    def _prefetch_new(self, texts: Sequence[str]) -> None:
        """Prefetch the pages of projects that are met for the first time, all at once."""
        if self._prefetch is not None:
            new = (parse_dependency(text) for text in texts if text not in self._words and is_readable(text))
            self._prefetch(wanted for wanted in new if wanted.name not in self.tables)

    def _demands_of(self, text: str, parent: NormalizedName, row: int) -> tuple[Demand, ...]:
        known = self._words.get(text)
        if known is not None:
            return known
        try:
            wanted = parse_dependency(text)
        except InvalidRequirement:
            self.rule_out(parent, row, "metadata", f"its dependency `{text}` cannot be read")
            return ()
        if wanted.name in self.problem.excludes:
            return ()
        if wanted.url is not None and wanted.name not in self._overrides and not self._is_fixed_to(wanted):
            self.rule_out(parent, row, "direct-url", f"it depends on a direct URL: `{redact(text)}`")
            return ()
        demands = self._words[text] = self._build_demands(wanted, bare=False)
        return demands

    def _is_fixed_to(self, wanted: ParsedRequirement) -> bool:
        """Whether the list fixes the project to this direct URL."""
        fixed = self.problem.direct.get(wanted.name)
        if fixed is None or wanted.url is None:
            return False
        # Imported here: few dependencies are direct URLs.
        from resolver.requirements.direct_reference import is_same_source, parse_reference
        from resolver.requirements.flags import Refusal

        try:
            return is_same_source(parse_reference(wanted.url, variables={}).direct, fixed.request.reference)
        except Refusal:
            return False

    def _build_demands(self, wanted: ParsedRequirement, *, bare: bool) -> tuple[Demand, ...]:
        """One demand for the project and one for each of its extras. Raises FetchError."""
        name = wanted.name
        specifier = self._overrides.get(name, wanted.specifier)
        parts = [""]
        if not bare:
            parts += [WITH_DEPENDENCIES] if name in self._without_dependencies else []
            parts += sorted(wanted.extras)
        try:
            mask = self.table(name).mask(specifier)
        except UnknownPage:
            return ()
        pinned, prereleases = pins_exactly(specifier), names_prerelease(specifier)
        return tuple(
            Demand(
                node=Node(name, part),
                mask=mask,
                text=wanted.text,
                specifier=specifier,
                pinned=pinned,
                prereleases=prereleases,
            )
            for part in parts
        )


def select_rows(table: ProjectTable, rows: int, *, pinned: bool, prereleases: bool) -> int:
    """The rows to try: yanked ones only if pinned and no other row is left, pre-releases only if named or none is."""
    unyanked = rows & ~table.yanked(rows)
    rows = unyanked or (rows if pinned else 0)
    return rows if prereleases else (rows & ~table.prerelease_mask) or rows


def _merge_overrides(overrides: Sequence[Root]) -> dict[NormalizedName, SpecifierSet]:
    merged: dict[NormalizedName, SpecifierSet] = {}
    for override in overrides:
        merged[override.name] = merged.get(override.name, SpecifierSet()) & override.specifier
    return merged


def preferred_row(universe: Universe, name: NormalizedName) -> int | None:
    """The row of the version that the old lock pins; None without one."""
    version: Version | None = universe.problem.preferences.get(name)
    return None if version is None else universe.table(name).find_row(version)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """A demand that took part in the last collision, and the candidate that made it; None for the list itself."""

    demand: Demand
    parent: Candidate | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A solution: the row of each node, also of some that nothing needs any more. `steps` counts candidates read."""

    rows: Mapping[Node, int]
    steps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """No solution: `causes` collided last. `is_proven` is false where the search gave up after `rounds`.

    `losses` are pairs (project, other project), most frequent first: decisions on the other one excluded releases of
    the first. They describe a search that gave up.
    """

    causes: tuple[Cause, ...]
    steps: int
    is_proven: bool = True
    rounds: int = 0
    losses: tuple[tuple[NormalizedName, NormalizedName], ...] = ()


class Search(Protocol):
    """Searches for a solution. Raises the errors of the package source."""

    def __call__(self, universe: Universe) -> Found | Conflict: ...
