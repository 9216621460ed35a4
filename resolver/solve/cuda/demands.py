"""The rules about CUDA builds in one universe: tables, demands on virtual projects, and rows that turn out not to run.

In: a universe and the `Acceleration` of its target. Out: what the search needs of `BuildRules`, which
`resolver.solve.solving` completes with explanations. Demands come in two steps: before metadata is read, if the label
or the index determines the CUDA of a build, and after it, if only the data or the pins of NVIDIA's components do.
Metadata takes precedence over the data, and the contradiction is reported.

This is a module apart from `resolver.solve.cuda.acceleration` because it has state: what was measured, contradicted and
wanted in the course of one search.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from resolver.solve.cuda.accelerated_table import AcceleratedTable, build_accelerated_table
from resolver.solve.cuda.acceleration import (
    CUDA,
    CUDA_MAJOR,
    NO_CUDA,
    TORCH_NAME,
    Acceleration,
    VirtualDemand,
    build_virtual_table,
)
from resolver.solve.demand import TORCH_ABI, Demand, Node, is_readable, is_virtual, pins_exactly
from resolver.solve.project_table import ProjectTable, iter_rows
from resolver.targets.accelerators import Cuda, CudaMajor, CudaVersion
from resolver.targets.families import is_torch_companion
from resolver.targets.kernels import CudaBuild, Runs, UnknownKernels, Verdict, parse_architectures, runs
from resolver.targets.known_cuda import KnownCuda, read_pinned_cuda, read_torch_pin

if TYPE_CHECKING:
    from packaging.utils import NormalizedName

    from resolver.solve.resolution import Pin
    from resolver.solve.search.universe import Universe

__all__ = ["CudaDemands"]

_COMPONENTS = ("nvidia-", "cuda-")
"""The beginnings of the names of CUDA's components, which builds pin exactly."""


class CudaDemands:
    """The demands of the builds in one universe, and what is found out about builds during the search.

    - `contradicted` are rows whose metadata has another CUDA than the data, each with a text about both.
    - `measured` are rows of torch with the architectures that were read from their wheels.
    - `wanted` are rows that collided in CUDA or ABI, or do not run, in order: other builds of their release are needed.
    """

    def __init__(self, universe: Universe, acceleration: Acceleration) -> None:
        self._universe = universe
        self._acceleration = acceleration
        self.contradicted: dict[tuple[NormalizedName, int], str] = {}
        self.measured: dict[int, str] = {}
        self.wanted: dict[tuple[NormalizedName, int], None] = {}
        self._has_opened = False

    def build_virtual(self, name: NormalizedName) -> ProjectTable | None:
        """The table of a virtual project; None for any other."""
        if not is_virtual(name):
            return None
        rules = self._acceleration
        return build_virtual_table(name, rules.target.accelerator, is_bound=rules.is_bound)

    def read_table(self, name: NormalizedName) -> ProjectTable | None:
        """The table of a project whose builds differ; None for any other project. Raises FetchError."""
        if not self._acceleration.concerns(name):
            return None
        table = build_accelerated_table(name, self._universe.problem, self._universe.source, self._acceleration)
        if self._has_opened and isinstance(table, AcceleratedTable):
            table.open()
        return table

    def note_collision(self, name: NormalizedName, row: int, on: Node) -> None:
        """Record that a candidate collided with others on a node, if another build of its release might not.

        That is so for CUDA, its components, and the ABI. On other nodes all builds of a release collide alike.
        """
        if on.name in (CUDA, CUDA_MAJOR, TORCH_ABI) or on.name.startswith(_COMPONENTS):
            self.wanted[name, row] = None

    def open_wanted(self, rows: Mapping[Node, int] | None) -> bool:
        """Admit other builds of the releases in `wanted`, and return whether that can change the result of a search.

        `rows` are those of its solution, None for a conflict. Beside a solution, only newer releases than its own
        count.
        """
        if self._universe.is_closed:
            return False
        opened = [self._open(name, row) for name, row in self.wanted if rows is None or self._is_newer(name, row, rows)]
        if not any(opened):
            return False
        # With another build of torch, its companions need the same CUDA, so their builds are admitted as well.
        self._has_opened = True
        for name, table in self._universe.tables.items():
            if isinstance(table, AcceleratedTable) and name != TORCH_NAME and table.open():
                self._universe.forget_rows(name)
        self._prefer_builds_for_torch()
        return True

    def _prefer_builds_for_torch(self) -> None:
        """Order the builds of each companion's release by the best torch that each goes with.

        A companion may be decided before torch. Its default build, for another CUDA than the newest torch that the
        machine runs, would then cost torch a release, although another build of the same companion costs none.
        """
        torch = self._universe.tables.get(TORCH_NAME)
        if not isinstance(torch, AcceleratedTable):
            return
        listed = self.listed_rows(TORCH_NAME)
        rows = [row for row in torch.order if row in listed and row not in torch.reasons and row not in torch.absent]
        torches = [self._list_virtual(TORCH_NAME, row) for row in rows]
        for name, table in self._universe.tables.items():
            if isinstance(table, AcceleratedTable) and name != TORCH_NAME and is_torch_companion(name):
                wanted = {row: self._list_virtual(name, row) for row in table.order}
                table.prefer({row: _find_first_agreeing(own, torches) for row, own in wanted.items()})

    def _list_virtual(self, name: NormalizedName, row: int) -> dict[NormalizedName, frozenset[Version]]:
        """The versions of virtual projects that a row goes with, by all that is known without metadata."""
        version, known = self._universe.table(name).versions[row], self.find_known(name, row)
        rules = self._acceleration
        wanted = [*rules.iter_torch_demands(name, version, known), *rules.iter_demands(name, version, known)]
        found = {one.name: frozenset(one.versions) for one in wanted}
        if CUDA in found:
            found.setdefault(CUDA_MAJOR, frozenset(Version(str(one.major)) for one in found[CUDA] if one != NO_CUDA))
        return found

    def _open(self, name: NormalizedName, row: int) -> bool:
        """Admit the builds that wait for a row; whether there are any."""
        table = self._universe.table(name)
        if self._contradicts_list(name, row) or not isinstance(table, AcceleratedTable) or not table.open(row):
            return False
        self._universe.forget_rows(name)
        return True

    def _contradicts_list(self, name: NormalizedName, row: int) -> bool:
        """Whether metadata of a row needs another torch than the list pins, as every build of its release does."""
        dependencies = self._universe.read.get((name, row))
        texts = () if dependencies is None else dependencies.requires
        needed = [Requirement(text) for text in texts if text.startswith("torch") and is_readable(text)]
        parts = [part for one in self._universe.listed_specifiers(TORCH_NAME) for part in one]
        versions = [Version(Version(part.version).public) for part in parts if pins_exactly(SpecifierSet(str(part)))]
        exact = [one.specifier for one in needed if one.name == TORCH_NAME and pins_exactly(one.specifier)]
        return any(not specifier.contains(version) for specifier in exact for version in versions)

    def _is_newer(self, name: NormalizedName, row: int, rows: Mapping[Node, int]) -> bool:
        """Whether a row is newer than the one in a solution, which must have the project."""
        found = rows.get(Node(name))
        versions = self._universe.table(name).versions
        return found is not None and versions[row] > versions[found]

    def find_absent(self, name: NormalizedName, row: int) -> list[tuple[int, str]]:
        """The rows that turn out not to exist when the index of this one is read, with reasons. Raises FetchError."""
        table = self._universe.table(name)
        if not isinstance(table, AcceleratedTable) or not table.is_promised(row):
            return []
        before = set(table.absent)
        table.realise(row)
        return [(absent, reason) for absent, reason in table.absent.items() if absent not in before]

    def early_demands(self, node: Node, row: int) -> tuple[Demand, ...]:
        """The demands on virtual projects that follow from a candidate's name, version and index."""
        if is_virtual(node.name):
            return tuple(self._follow(node, row))
        known = self.find_known(node.name, row)
        version = self._universe.table(node.name).versions[row]
        wanted = [*self._acceleration.iter_torch_demands(node.name, version, known)]
        if known is not None and (known.rule != "data" or known.label is not None):
            # The data is used later: metadata, which is read in any case, takes precedence over it.
            wanted += self._acceleration.iter_demands(node.name, version, known)
        return tuple(self._demand(one, is_early=True) for one in wanted)

    def late_demands(self, node: Node, row: int) -> tuple[Demand, ...]:
        """The demands that follow from metadata, read before, or from the data.

        May rule the row out. Raises FetchError.
        """
        if node.part or is_virtual(node.name):
            return ()
        if node.name == TORCH_NAME and (lack := self._measure(row)):
            self._rule_out(node.name, row, lack)
            return ()
        known = self.find_known(node.name, row)
        if known is not None and (known.rule != "data" or known.label is not None):
            return ()
        known = self._correct(node.name, row, known)
        if known is None or (known.cuda is not None and self._rules_out(node.name, row, known)):
            return ()
        version = self._universe.table(node.name).versions[row]
        wanted = self._acceleration.iter_demands(node.name, version, known)
        return tuple(self._demand(one, is_early=False) for one in wanted)

    def find_known(self, name: NormalizedName, row: int) -> KnownCuda | None:
        """The CUDA of a row by its label, its index or the data; None if unknown."""
        table = self._universe.table(name)
        if isinstance(table, AcceleratedTable):
            return table.known[row]
        # A plain table, of a project that `Acceleration.concerns` excludes.
        places = table.places(row)
        return self._acceleration.find_known(name, table.versions[row], places[0][0].location) if places else None

    @property
    def universe(self) -> Universe:
        """The universe whose search these rules serve."""
        return self._universe

    @property
    def acceleration(self) -> Acceleration:
        """The rules of the target."""
        return self._acceleration

    def table(self, name: NormalizedName) -> ProjectTable:
        """The table of a project that was read before."""
        return self._universe.table(name)

    def row_of(self, pin: Pin) -> int | None:
        """The row of a pin; None if no row has its file."""
        table = self._universe.table(pin.name)
        rows = (row for row, version in enumerate(table.versions) if version == pin.version)
        return next((row for row in rows if pin.file in table.files(row)), None)

    def listed_rows(self, name: NormalizedName) -> frozenset[int]:
        """The rows that the lines of the list admit, pre-releases and yanked ones left out; they need not run."""
        table = self._universe.table(name)
        mask = table.all_rows & ~table.prerelease_mask & ~table.yanked_mask
        for specifier in self._universe.listed_specifiers(name):
            mask &= table.mask(specifier)
        return frozenset(iter_rows(mask))

    def find_final(self, name: NormalizedName, row: int) -> KnownCuda | None:
        """The CUDA of a chosen row, by its metadata too; None if unknown."""
        known = self.find_known(name, row)
        if known is not None and (known.rule != "data" or known.label is not None):
            return known
        return self._correct(name, row, known)

    def find_lack(self, name: NormalizedName, row: int) -> str:
        """What the machine lacks for a row that `allow` admits; empty if nothing, or if `allow` does not name it."""
        table = self._universe.table(name)
        if name not in self._acceleration.allow:
            return ""
        known = self.find_final(name, row)
        return self._acceleration.find_lack(name, table.versions[row], known, named=True)

    def find_verdict_of_torch(self, row: int) -> Verdict | None:
        """Whether a row of torch runs on the GPUs, by its wheel if that was measured; None if its CUDA is unknown."""
        known = self.find_final(TORCH_NAME, row)
        if known is None or not isinstance(known.cuda, CudaVersion):
            return None
        rules = self._acceleration
        if row in self.measured:
            architectures = parse_architectures(self.measured[row])
            return runs(CudaBuild(cuda=known.cuda, architectures=architectures), rules.target.accelerator)
        return rules.find_verdict_of_torch(self._universe.table(TORCH_NAME).versions[row], known.cuda)

    def _measure(self, row: int) -> str:
        """Why a row of torch does not run by its wheel, which is read if nothing else has its architectures.

        Empty if it runs, if the wheel must not be read, or if the wheel does not contain them. Raises FetchError.
        """
        measure = self._acceleration.measure
        if measure is None or TORCH_NAME in self._acceleration.allow or self._universe.is_closed:
            return ""
        if row not in self.measured and isinstance(self.find_verdict_of_torch(row), UnknownKernels):
            text = measure(self._universe.table(TORCH_NAME).files(row)[0])
            if text:
                self.measured[row] = text
        verdict = self.find_verdict_of_torch(row) if row in self.measured else None
        is_lack = verdict is not None and not isinstance(verdict, Runs | UnknownKernels)
        return f"{verdict}, by its wheel: {self.measured[row]}" if is_lack else ""

    def _follow(self, node: Node, row: int) -> Iterator[Demand]:
        """The demands of a virtual project: a CUDA release needs its major release."""
        version = self._universe.table(node.name).versions[row]
        if node.name == CUDA and version != NO_CUDA:
            major = Version(str(version.major))
            yield self._demand(VirtualDemand(name=CUDA_MAJOR, versions=(major,), text=f"CUDA {major}"), is_early=True)

    def _demand(self, wanted: VirtualDemand, *, is_early: bool) -> Demand:
        """A demand of the search: the rows of the virtual project with the wanted versions."""
        table = self._universe.table(wanted.name)
        rows = (row for row, version in enumerate(table.versions) if version in wanted.versions)
        return Demand(
            node=Node(wanted.name),
            mask=sum(1 << row for row in rows),
            text=wanted.text,
            specifier=SpecifierSet(),
            is_early=is_early,
        )

    def _correct(self, name: NormalizedName, row: int, known: KnownCuda | None) -> KnownCuda | None:
        """The CUDA by the pins in metadata, if it was read and has any; otherwise `known`."""
        dependencies = self._universe.read.get((name, row))
        texts = () if dependencies is None else dependencies.requires
        if known is None and (major := self._read_torch_pin(name, row, texts)) is not None:
            return KnownCuda(cuda=major, rule="metadata")
        # Only these lines are parsed, since a wheel of torch has dozens of others.
        components = [text for text in texts if text.startswith(("nvidia-", "cuda-toolkit")) and is_readable(text)]
        pinned = read_pinned_cuda(map(Requirement, components)) if components else None
        if pinned is None:
            return known
        if known is not None and known.cuda is not None:
            if not _contradict(known.cuda, pinned):
                return known
            self.contradicted[name, row] = f"the data says CUDA {known.cuda}, its requirements CUDA {pinned}"
        return KnownCuda(cuda=pinned, rule="metadata")

    def _read_torch_pin(self, name: NormalizedName, row: int, texts: Iterable[str]) -> CudaMajor | None:
        """The CUDA of a project that is built with the torch that it pins; None for any other project."""
        pins = [Requirement(text) for text in texts if text.startswith("torch") and is_readable(text)]
        version = self._universe.table(name).versions[row]
        return read_torch_pin(name, version, pins, self._acceleration.target.platform)

    def _rules_out(self, name: NormalizedName, row: int, known: KnownCuda) -> bool:
        """Whether a row with this CUDA does not run, which is known after its metadata; then it is ruled out."""
        table = self._universe.table(name)
        places = table.places(row)
        named = bool(places) and not places[0][0].location.is_default
        reason = self._acceleration.find_reason(name, table.versions[row], known, named=named)
        if reason:
            self._rule_out(name, row, f"is built for CUDA {known.cuda}: {reason}")
        return bool(reason)

    def _rule_out(self, name: NormalizedName, row: int, why: str) -> None:
        """Rule out a row that turned out not to run, and note that other builds of its release are needed."""
        self._universe.rule_out(name, row, "cuda", why)
        self.wanted[name, row] = None


def _find_first_agreeing(
    own: Mapping[NormalizedName, frozenset[Version]], others: Sequence[Mapping[NormalizedName, frozenset[Version]]]
) -> int:
    """The first of the others that agrees on each virtual project that both name; their number if none does."""
    for at, other in enumerate(others):
        if all(versions & other.get(name, versions) for name, versions in own.items()):
            return at
    return len(others)


def _contradict(data: Cuda, metadata: Cuda) -> bool:
    """Whether two CUDA releases differ; a major release agrees with its minor ones."""
    if isinstance(data, CudaVersion) and isinstance(metadata, CudaVersion):
        return data != metadata
    return data.major != metadata.major
