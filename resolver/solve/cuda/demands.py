"""What candidates need of the virtual projects, as the search reads it: demands, and rows that metadata rules out.

In: a universe and its tables. Out: demands before metadata is read, where label or index tell the CUDA of a build, and
after it, where the data or the pins of NVIDIA's components do. Metadata that was read counts more than the data.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

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
from resolver.solve.demand import TORCH_ABI, Demand, Node, is_readable, is_virtual
from resolver.solve.project_table import ProjectTable, iter_rows
from resolver.targets.accelerators import Cuda, CudaVersion
from resolver.targets.kernels import CudaBuild, Runs, UnknownKernels, Verdict, parse_architectures, runs
from resolver.targets.known_cuda import KnownCuda, read_pinned_cuda

if TYPE_CHECKING:
    from packaging.utils import NormalizedName
    from packaging.version import Version

    from resolver.solve.resolution import Pin
    from resolver.solve.search.universe import Universe

__all__ = ["CudaDemands"]

_COMPONENTS = ("nvidia-", "cuda-")
"""How the names of CUDA's components begin, which builds pin."""


class CudaDemands:
    """What the builds of one universe demand.

    - `contradicted` are rows whose metadata names another CUDA than the data, each with what both say.
    - `measured` are rows of torch with the architectures that were read out of their wheels.
    - `wanted` are builds that collided in CUDA or ABI, or do not run: other builds of their release are needed.
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
        """The table of a project whose builds matter; None for one that is like any other. Raises FetchError."""
        if not self._acceleration.concerns(name):
            return None
        table = build_accelerated_table(name, self._universe.problem, self._universe.source, self._acceleration)
        if self._has_opened and isinstance(table, AcceleratedTable):
            table.open()
        return table

    def note_collision(self, name: NormalizedName, row: int, on: Node) -> None:
        """Record that a candidate collided with others on a node, if another build of its release may not.

        On a torch release, or on any other project, all builds collide alike.
        """
        if on.name in (CUDA, CUDA_MAJOR, TORCH_ABI) or on.name.startswith(_COMPONENTS):
            self.wanted[name, row] = None

    def open_wanted(self, rows: Mapping[Node, int] | None) -> bool:
        """Admit other builds of the releases in `wanted`; whether that can change what a search has found.

        `rows` are those that it found, None for a conflict. Of a solution only releases newer than the found one count.
        """
        if self._universe.is_closed:
            return False
        opened = [self._open(name, row) for name, row in self.wanted if rows is None or self._is_newer(name, row, rows)]
        if not any(opened):
            return False
        # The companions of torch must have the CUDA of its build.
        self._has_opened = True
        for name, table in self._universe.tables.items():
            if isinstance(table, AcceleratedTable) and name != TORCH_NAME and table.open():
                self._universe.forget_rows(name)
        return True

    def _open(self, name: NormalizedName, row: int) -> bool:
        table = self._universe.table(name)
        if not isinstance(table, AcceleratedTable) or not table.open(row):
            return False
        self._universe.forget_rows(name)
        return True

    def _is_newer(self, name: NormalizedName, row: int, rows: Mapping[Node, int]) -> bool:
        found = rows.get(Node(name))
        versions = self._universe.table(name).versions
        return found is not None and versions[row] > versions[found]

    def find_absent(self, name: NormalizedName, row: int) -> list[tuple[int, str]]:
        """The rows that turn out not to exist when this one is looked for, each with the reason. Raises FetchError."""
        table = self._universe.table(name)
        if not isinstance(table, AcceleratedTable) or not table.is_promised(row):
            return []
        before = set(table.absent)
        table.realise(row)
        return [(gone, reason) for gone, reason in table.absent.items() if gone not in before]

    def early_demands(self, node: Node, row: int) -> tuple[Demand, ...]:
        """What follows from a candidate's name, version and index alone."""
        if is_virtual(node.name):
            return tuple(self._follow(node, row))
        known = self.find_known(node.name, row)
        version = self._universe.table(node.name).versions[row]
        wanted = [*self._acceleration.iter_torch_demands(node.name, version, known)]
        if known is not None and (known.rule != "data" or known.label is not None):
            # Metadata, which is read in any case, counts more than the data.
            wanted += self._acceleration.iter_demands(node.name, version, known)
        return tuple(self._demand(one, is_early=True) for one in wanted)

    def late_demands(self, node: Node, row: int) -> tuple[Demand, ...]:
        """What follows from the data, or from metadata that was read by now."""
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
        """The CUDA of a row as label, index and data tell it."""
        table = self._universe.table(name)
        if isinstance(table, AcceleratedTable):
            return table.known[row]
        places = table.places(row)
        return self._acceleration.find_known(name, table.versions[row], places[0][0].location) if places else None

    @property
    def universe(self) -> Universe:
        """The universe that asks."""
        return self._universe

    @property
    def acceleration(self) -> Acceleration:
        """The rules of the target."""
        return self._acceleration

    def table(self, name: NormalizedName) -> ProjectTable:
        """The table of a project that was read before."""
        return self._universe.table(name)

    def row_of(self, pin: Pin) -> int | None:
        """The row that a pin was made of."""
        table = self._universe.table(pin.name)
        rows = (row for row, version in enumerate(table.versions) if version == pin.version)
        return next((row for row in rows if pin.file in table.files(row)), None)

    def listed_rows(self, name: NormalizedName) -> frozenset[int]:
        """The rows that the list's own lines admit, pre-releases left out; they need not run."""
        table = self._universe.table(name)
        mask = table.all_rows & ~table.prerelease_mask & ~table.yanked_mask
        for specifier in self._universe.listed_specifiers(name):
            mask &= table.mask(specifier)
        return frozenset(iter_rows(mask))

    def find_final(self, name: NormalizedName, row: int) -> KnownCuda | None:
        """The CUDA of a row that was chosen, metadata included."""
        known = self.find_known(name, row)
        if known is not None and (known.rule != "data" or known.label is not None):
            return known
        return self._correct(name, row, known)

    def find_lack(self, name: NormalizedName, row: int) -> str:
        """What the machine lacks for a row that is allowed all the same."""
        table = self._universe.table(name)
        if name not in self._acceleration.allow:
            return ""
        known = self.find_final(name, row)
        return self._acceleration.find_lack(name, table.versions[row], known, named=True)

    def find_verdict_of_torch(self, row: int) -> Verdict | None:
        """Whether a row of torch runs on the GPU, as data or its wheel tell; None for one without a known CUDA."""
        known = self.find_final(TORCH_NAME, row)
        if known is None or not isinstance(known.cuda, CudaVersion):
            return None
        rules = self._acceleration
        if row in self.measured:
            architectures = parse_architectures(self.measured[row])
            return runs(CudaBuild(cuda=known.cuda, architectures=architectures), rules.target.accelerator)
        return rules.find_verdict_of_torch(self._universe.table(TORCH_NAME).versions[row], known.cuda)

    def _measure(self, row: int) -> str:
        """Why a row of torch does not run, where only its wheel can tell and may be read. Raises FetchError."""
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
        """A CUDA release brings its major release."""
        version: Version = self._universe.table(node.name).versions[row]
        if node.name == CUDA and version != NO_CUDA:
            major = type(version)(str(version.major))
            yield self._demand(VirtualDemand(name=CUDA_MAJOR, versions=(major,), text=f"CUDA {major}"), is_early=True)

    def _demand(self, wanted: VirtualDemand, *, is_early: bool) -> Demand:
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
        """The CUDA by the pins in metadata, if it was read and has any; else `known`."""
        dependencies = self._universe.read.get((name, row))
        texts = () if dependencies is None else dependencies.requires
        components = [text for text in texts if text.startswith(("nvidia-", "cuda-toolkit")) and is_readable(text)]
        pinned = read_pinned_cuda(map(Requirement, components)) if components else None
        if pinned is None:
            return known
        if known is not None and known.cuda is not None:
            if not _contradict(known.cuda, pinned):
                return known
            self.contradicted[name, row] = f"the data says CUDA {known.cuda}, its requirements CUDA {pinned}"
        return KnownCuda(cuda=pinned, rule="metadata")

    def _rules_out(self, name: NormalizedName, row: int, known: KnownCuda) -> bool:
        table = self._universe.table(name)
        places = table.places(row)
        named = bool(places) and not places[0][0].location.is_default
        reason = self._acceleration.find_reason(name, table.versions[row], known, named=named)
        if reason:
            self._rule_out(name, row, f"is built for CUDA {known.cuda}: {reason}")
        return bool(reason)

    def _rule_out(self, name: NormalizedName, row: int, why: str) -> None:
        """Rule out a row that turned out not to run; other builds of its release are wanted then."""
        self._universe.rule_out(name, row, "cuda", why)
        self.wanted[name, row] = None


def _contradict(data: Cuda, metadata: Cuda) -> bool:
    if isinstance(data, CudaVersion) and isinstance(metadata, CudaVersion):
        return data != metadata
    return data.major != metadata.major
