"""The builds of a solution: which CUDA was chosen and why, warnings, and wheels that are built for another torch.

In: the rules of a universe after a search, with the pins of its solution or the versions of a collision. Out:

- for a solution, the `ChosenBuild` for the lock (`find_chosen_build`) and whole warnings (`iter_build_warnings`);
- for a solution that was found without rules about builds, the problem with them, if one of its wheels contradicts the
  torch of the solution (`with_rules`);
- for a collision, lines about the wheels (`explain_wheels`) and remedies (`iter_wheel_hints`).

Everything here runs after a search and is imported then, so that a search which needs no explanation does not load it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from packaging.utils import NormalizedName
from packaging.version import Version

from resolver.errors import Fault
from resolver.index.location import FamilyIndexes, Location
from resolver.solve.cuda.accelerated_table import AcceleratedTable
from resolver.solve.cuda.acceleration import CPU_BUILD_NAMES, TORCH_NAME, Acceleration
from resolver.solve.cuda.demands import CudaDemands
from resolver.solve.demand import TORCH_RELEASE, Node
from resolver.solve.problem import Problem
from resolver.solve.project_table import iter_rows
from resolver.solve.resolution import ChosenBuild, Pin, Resolution
from resolver.targets.accelerators import Cpu, Cuda, CudaVersion, Gpu, Unspecified
from resolver.targets.families import list_build_locations
from resolver.targets.kernels import UnknownKernels
from resolver.targets.known_cuda import KnownCuda
from resolver.targets.labels import (
    BuildLabel,
    TorchFacts,
    complete_label,
    contradicts,
    describe_label,
    describe_torch,
    is_torch_extension,
    is_unreadable,
    parse_index_label,
    parse_version_label,
    suggest_filename,
)
from resolver.targets.torch_builds import iter_releases_of_companion

__all__ = [
    "explain_wheels",
    "find_chosen_build",
    "iter_build_warnings",
    "iter_unreadable",
    "iter_wheel_hints",
    "with_rules",
]

_Version = tuple[NormalizedName, Version]
"""A project with one of its versions."""


def with_rules(problem: Problem, resolution: Resolution) -> Problem | None:
    """The problem with rules about builds, if a wheel of its solution contradicts the torch there; otherwise None.

    A target without a machine type is searched without these rules first, so it pays for them only if they matter.
    """
    torch = next((pin for pin in resolution.pins if pin.name == TORCH_NAME), None)
    labels = [(pin, _read_label(problem, pin)) for pin in resolution.pins]
    extensions = [(pin, label) for pin, label in labels if label is not None and is_torch_extension(label)]
    if torch is None or not extensions:
        return None
    rules = Acceleration(target=problem.target, indexes=FamilyIndexes(uses_shipped=False), allow=problem.allow)
    # Rules for this one comparison: they read no index.
    facts = _build_torch_facts(
        rules, torch.version, rules.find_known(TORCH_NAME, torch.version, _locate(problem, torch))
    )
    if not any(contradicts(label, facts) for pin, label in extensions if pin.name not in problem.allow):
        return None
    return replace(problem, build_indexes=rules.indexes)


def iter_unreadable(pins: Sequence[Pin]) -> Iterator[str]:
    """A warning for each pin whose label looks like that of a build and cannot be read, in the order of the pins."""
    for pin in pins:
        if is_unreadable(pin.version):
            fault = Fault(
                what=f"`{pin.name} {pin.version}`: the label `{pin.version.local}` looks like that of a build and"
                " cannot be read, so its torch and CUDA are not compared with the lock",
                remedy=f"check that {pin.file.filename} goes with the torch of the lock",
            )
            yield str(fault)


def explain_wheels(demands: CudaDemands, project: NormalizedName, colliding: Sequence[_Version]) -> tuple[str, ...]:
    """A line for each colliding wheel with a label of torch: what it is built for, and the torch of the lock.

    Where no build of the torch that a wheel is for runs, the line has the reason instead of the torch of the lock.
    `colliding` are the versions whose demands on `project`, a virtual one, exclude each other.
    """
    found = []
    for filename, label in _iter_wheels(demands, colliding):
        line = f"`{filename}` is built for {describe_label(label)}"
        if lack := _find_lack_of_torch(demands, label):
            found.append(f"{line}; {lack}")
            continue
        torch = _find_torch(demands, project, colliding, label)
        found.append(line if torch is None else f"{line}; the lock would have {describe_torch(torch)}")
    return tuple(dict.fromkeys(found))


def iter_wheel_hints(demands: CudaDemands, project: NormalizedName, colliding: Sequence[_Version]) -> Iterator[str]:
    """A remedy for each colliding wheel with a label of torch.

    It names the torch that the wheel goes with, or the file name of the wheel for the torch of the lock, or both.
    """
    for filename, label in _iter_wheels(demands, colliding):
        torch = _find_torch(demands, project, colliding, label)
        release = _find_release(demands, label)
        wheel = None if torch is None else suggest_filename(filename, torch)
        words = [f"`torch=={release}`"] if release is not None else []
        words += [f"a wheel for torch {torch.version}: `{wheel}`"] if torch is not None and wheel else []
        if words:
            yield ", or ".join(words)


def find_chosen_build(demands: CudaDemands, pins: Sequence[Pin]) -> ChosenBuild | None:
    """The CUDA of a solution: that of torch, otherwise the most precise one of the other pins.

    None for a target without a machine, and if no pin has a known CUDA.
    """
    if isinstance(demands.acceleration.target.accelerator, Unspecified):
        return None
    solved = _Solved(demands, pins)
    if solved.torch is not None:
        return _describe_torch(solved, solved.torch)
    found: dict[str, NormalizedName] = {}
    for name, known in solved.known.items():
        if known is not None and known.cuda is not None:
            found.setdefault(_render_cuda_label(known.cuda), name)
    # Of `cu12` and `cu124` the longer one is the more precise.
    label = max(found, default="", key=len)
    return ChosenBuild(cuda=label, why=f"{found[label]} is built for it") if label else None


def iter_build_warnings(demands: CudaDemands, pins: Sequence[Pin]) -> Iterator[str]:
    """Warnings about the builds of the pins, each a whole message, in the order of the pins."""
    solved = _Solved(demands, pins)
    for pin in pins:
        yield from _iter_warnings_of(solved, pin)
    yield from iter_unreadable(pins)


def _read_label(problem: Problem, pin: Pin) -> BuildLabel | None:
    """The label of a pin's version, completed by the path of a direct reference."""
    label = parse_version_label(pin.version)
    fixed = problem.direct.get(pin.name)
    path = None if fixed is None else parse_index_label(fixed.location.url.public)
    return path if label is None else complete_label(label, path)


def _build_torch_facts(rules: Acceleration, version: Version, known: KnownCuda | None) -> TorchFacts:
    """What is known of a build of torch, to compare labels with; `known` None means that its CUDA is unknown."""
    return TorchFacts(
        version=Version(version.public),
        cuda=None if known is None else known.cuda,
        knows_cuda=known is not None,
        cxx11_abi=rules.find_abi(version, known),
    )


def _locate(problem: Problem, torch: Pin) -> Location:
    """The location that a pin comes from; the first one if its index is no location of the problem."""
    locations: Sequence[Location] = problem.locations(NormalizedName(torch.name))
    return next((one for one in locations if one.url.public == torch.index), locations[0])


def _iter_wheels(demands: CudaDemands, colliding: Sequence[_Version]) -> Iterator[tuple[str, BuildLabel]]:
    """The file names and labels of the colliding wheels that are extensions of one torch.

    The label is that of the version, completed by the one of its page.
    """
    for name, version in colliding:
        row = demands.table(name).find_row(version)
        if row is None:
            continue
        known, files = demands.find_known(name, row), demands.table(name).files(row)
        if known is not None and known.label is not None and is_torch_extension(known.label) and files:
            yield files[0].filename, known.label


def _find_lack_of_torch(demands: CudaDemands, label: BuildLabel) -> str:
    """Why no build of the newest torch that a label fits runs; empty if one runs, and if that is not known."""
    table = demands.table(TORCH_NAME)
    fitting = [
        row for row in iter_rows(table.all_rows & ~table.prerelease_mask) if label.fits_torch(table.versions[row])
    ]
    if not fitting or any(table.usable(1 << row) for row in fitting):
        return ""
    newest = max(Version(table.versions[row].public) for row in fitting)
    return demands.acceleration.find_lack_of_release(TORCH_NAME, newest)


def _find_torch(
    demands: CudaDemands, project: NormalizedName, colliding: Sequence[_Version], label: BuildLabel
) -> TorchFacts | None:
    """The build of torch that the lock would have without the wheel; None if no torch is left.

    It is of the release that the others in the collision need. If the collision is not about the release, it is another
    build of the release that the wheel is for.
    """
    table = demands.table(TORCH_NAME)
    rows = list(table.ordered(demands.universe.shown_rows(TORCH_NAME)))
    needed = _find_needed(demands, colliding, label)
    chosen = [row for row in rows if Version(table.versions[row].public) in needed]
    if project != TORCH_RELEASE:
        chosen = [row for row in rows if label.fits_torch(table.versions[row])]
    row = next(iter((*chosen, *rows)), None)
    if row is None:
        return None
    return _build_torch_facts(demands.acceleration, table.versions[row], demands.find_known(TORCH_NAME, row))


def _find_needed(demands: CudaDemands, colliding: Sequence[_Version], label: BuildLabel) -> frozenset[Version]:
    """The releases of torch that the others in the collision need, apart from the wheel with this label."""
    found: list[frozenset[Version]] = []
    releases = demands.table(TORCH_RELEASE).versions
    for name, version in colliding:
        row = demands.table(name).find_row(version)
        known = () if row is None else demands.universe.known_demands(Node(name), row) or ()
        masks = [demand.mask for demand in known if demand.node.name == TORCH_RELEASE]
        found += [frozenset(one for at, one in enumerate(releases) if mask >> at & 1) for mask in masks]
    # Only releases that the wheel does not fit are evidence of another torch in the lock.
    others = [versions for versions in found if not any(map(label.fits_torch, versions))]
    return frozenset().union(*others)


def _find_release(demands: CudaDemands, label: BuildLabel) -> Version | None:
    """The newest release of torch with a build that fits the label, regardless of the list; None without one."""
    table = demands.table(TORCH_NAME)
    # Pre-releases are left out, since a remedy must not lead to one.
    for row in iter_rows(table.usable(table.all_rows & ~table.prerelease_mask)):
        found = _build_torch_facts(demands.acceleration, table.versions[row], demands.find_known(TORCH_NAME, row))
        if not contradicts(label, found):
            return found.version
    return None


class _Solved:
    """The pins of a solution with what is known of their builds.

    `known` is the CUDA of each pin, metadata included, None if unknown. `torch` is the pin of torch, None without one.
    """

    def __init__(self, demands: CudaDemands, pins: Sequence[Pin]) -> None:
        self.demands = demands
        self.acceleration: Acceleration = demands.acceleration
        self.known: dict[NormalizedName, KnownCuda | None] = {}
        for pin in pins:
            row = demands.row_of(pin)
            self.known[pin.name] = None if row is None else demands.find_final(pin.name, row)
        self.torch = next((pin for pin in pins if pin.name == TORCH_NAME), None)

    @property
    def torch_cuda(self) -> CudaVersion | None:
        """The CUDA release of the pinned torch; None without torch, for a CPU build, and if it is unknown."""
        known = self.known.get(TORCH_NAME)
        return known.cuda if known is not None and isinstance(known.cuda, CudaVersion) else None


def _describe_torch(solved: _Solved, torch: Pin) -> ChosenBuild | None:
    """The chosen build for a pinned torch; None if its CUDA is unknown."""
    known = solved.known[TORCH_NAME]
    if known is None:
        return None
    label = "cpu" if known.cuda is None else _render_cuda_label(known.cuda)
    row = solved.demands.row_of(torch)
    measured = None if row is None else solved.demands.measured.get(row)
    why = _explain(solved, torch)
    return ChosenBuild(cuda=label, why=why if measured is None else f"{why}, by its wheel: {measured}")


def _render_cuda_label(cuda: Cuda) -> str:
    """The label of a CUDA release, or of a major release alone: `cu124`, `cu12`."""
    return cuda.label if isinstance(cuda, CudaVersion) else f"cu{cuda}"


def _explain(solved: _Solved, torch: Pin) -> str:
    """Why this build of torch was chosen, as a clause for the summary and the lock.

    It is that of the default index, one that the list names by its label or by an index, or the best that runs.
    """
    table = solved.demands.table(TORCH_NAME)
    row = solved.demands.row_of(torch)
    location = None if row is None else next((listing.location for listing, _ in table.places(row)), None)
    if row is not None and isinstance(solved.demands.find_verdict_of_torch(row), UnknownKernels):
        return f"the driver runs torch {torch.version}; whether it has kernels for the GPU is not known"
    if location is not None and location.is_default:
        return f"the default index's build of torch {torch.version} runs"
    if torch.version.local and any(f"+{torch.version.local}" in requester.text for requester in torch.requesters):
        return f"the list names torch {torch.version}"
    if not isinstance(table, AcceleratedTable) or not table.has_default:
        return f"torch {torch.version} comes from an index that the list names"
    if isinstance(solved.acceleration.target.accelerator, Cpu):
        return f"torch {torch.version} is the build without CUDA"
    # The row of the default build has the version without a label, with the reason why it does not run.
    public = Version(torch.version.public)
    default = next((table.reason(at) for at, version in enumerate(table.versions) if version == public), "")
    why = f", where the default index's build {default}" if default else ""
    return f"torch {torch.version} is the build with the newest CUDA that runs{why}"


def _iter_warnings_of(solved: _Solved, pin: Pin) -> Iterator[str]:
    """The warnings about one pin: what it lacks though it is allowed, then what the target makes of it.

    Empty for a pin whose file is in no row of its table.
    """
    demands, known, accelerator = solved.demands, solved.known[pin.name], solved.acceleration.target.accelerator
    row = demands.row_of(pin)
    if row is None:
        return
    cuda = None if known is None else known.cuda
    lack = demands.find_lack(pin.name, row)
    if lack:
        yield f"`{pin.name} {pin.version}` {lack}; `allow` lets it pass"
    if isinstance(accelerator, Cpu) and cuda is not None and pin.name in CPU_BUILD_NAMES:
        yield f"`{pin.name} {pin.version}` is built for CUDA {cuda}, and the target has no GPU: it runs without one"
    if isinstance(accelerator, Gpu):
        yield from _iter_gpu_warnings(solved, pin, known)
    if contradiction := demands.contradicted.get((pin.name, row)):
        yield f"`{pin.name} {pin.version}`: {contradiction}, which counts; please report the row"
    yield from _iter_companion_warnings(solved, pin)
    yield from _iter_allowed_wheels(solved, pin, known)


def _iter_gpu_warnings(solved: _Solved, pin: Pin, known: KnownCuda | None) -> Iterator[str]:
    """The warnings about one pin that only a target with a GPU has."""
    row = solved.demands.row_of(pin) if pin.name == TORCH_NAME else None
    if row is not None and isinstance(verdict := solved.demands.find_verdict_of_torch(row), UnknownKernels):
        yield from _iter_unknown_warnings(solved, pin, verdict)
    if pin.name == TORCH_NAME:
        yield from _iter_older_warnings(solved, pin)
    if known is not None and known.label is not None and known.label.backend == "cpu":
        yield f"`{pin.name} {pin.version}` is built for the CPU alone, and the target has a GPU"
    if known is None and not pin.file.filename.endswith("-any.whl"):
        yield from _iter_unlabelled_warnings(solved, pin)


def _iter_unknown_warnings(solved: _Solved, torch: Pin, verdict: UnknownKernels) -> Iterator[str]:
    """A warning that the architectures of the pinned torch are unknown, and how to read them from the wheel."""
    text = f"`torch {torch.version}` {verdict}: whether it has kernels for the GPU cannot be told"
    if solved.acceleration.measure is None:
        yield str(Fault(what=text, remedy="`--measure-kernels`, which reads that out of the wheel: some 10 MB of it"))
    else:
        yield f"{text}, and its wheel does not tell"


def _iter_older_warnings(solved: _Solved, torch: Pin) -> Iterator[str]:
    """A warning that newer releases of torch were passed over for lack of an index with their other builds.

    Only if the default index supplies torch and neither families nor mirrors give an index with more builds.
    """
    table = solved.demands.table(TORCH_NAME)
    rules = solved.acceleration
    if not isinstance(table, AcceleratedTable) or not table.has_default or rules.indexes.has_any(TORCH_NAME):
        return
    row = solved.demands.row_of(torch)
    # Rows are newest first, so the rows before the pinned one are newer.
    newer = [at for at in range(row or 0) if table.reason(at) and at in solved.demands.listed_rows(TORCH_NAME)]
    if newer:
        fault = Fault(
            what=f"`torch {torch.version}` is not the newest: the default index's build of {table.versions[newer[0]]}"
            f" {table.reason(newer[0])}, and no index of other builds is configured",
            remedy='`[tool.pinfold.mirrors] "https://download.pytorch.org/whl/" = "https://mirror.example/whl/"`',
        )
        yield str(fault)


def _iter_unlabelled_warnings(solved: _Solved, pin: Pin) -> Iterator[str]:
    """A warning that the CUDA of a pin is unknown, though builds of the project differ in CUDA.

    The remedy is the page with builds for the pinned torch, unless it was read already.
    """
    locations = list_build_locations(pin.name)
    if not locations:
        return
    text = f"`{pin.name} {pin.version}` does not say which CUDA it is built for, and no data does"
    if not pin.file.is_wheel:
        text = f"`{pin.name} {pin.version}` is an sdist, built in the image for the CUDA that is there"
    remedy = ""
    page = next((one for one in locations if one.is_page), None)
    torch = None if solved.torch is None else solved.torch.version
    url = None if page is None else page.render(cuda=solved.torch_cuda, torch=torch, version=str(pin.version))
    table = solved.demands.table(pin.name)
    # A page that was read and has no wheel for the target is no remedy.
    read = (*table.missing, *(listing.location for listing in table.listings))
    if any(location.url.public == url for location in read):
        text += f"; {url} has no wheel of it that fits"
    elif url is not None and solved.torch_cuda is not None:
        remedy = f"`--find-links {url}`, which has wheels for torch {torch}"
    yield str(Fault(what=text, remedy=remedy))


def _iter_companion_warnings(solved: _Solved, pin: Pin) -> Iterator[str]:
    """A warning about a companion that the list pins beside a torch which it does not go with by the table.

    The pins of the list take precedence (`untied`), so the lock has both.
    """
    if solved.torch is None or pin.name not in solved.acceleration.untied:
        return
    releases = [release.version for release in iter_releases_of_companion(pin.name, pin.version)]
    if releases and Version(solved.torch.version.public) not in releases:
        yield (
            f"`{pin.name} {pin.version}` goes with torch {' or '.join(map(str, releases))}, not with"
            f" {solved.torch.version}: the list pins it"
        )


def _iter_allowed_wheels(solved: _Solved, pin: Pin, known: KnownCuda | None) -> Iterator[str]:
    """A warning about a wheel for another torch that `allow` admits.

    Without `allow` such a wheel is in no solution.
    """
    label = None if known is None else known.label
    if (
        pin.name not in solved.acceleration.allow
        or solved.torch is None
        or label is None
        or not is_torch_extension(label)
    ):
        return
    torch = _build_torch_facts(solved.acceleration, solved.torch.version, solved.known[TORCH_NAME])
    if contradicts(label, torch):
        yield (
            f"`{pin.file.filename}` is built for {describe_label(label)}; the lock has {describe_torch(torch)}: `allow`"
            " lets it pass"
        )
