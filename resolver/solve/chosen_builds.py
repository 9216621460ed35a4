"""The builds of a solution for its reader: the CUDA chosen and why, and warnings.

In: a solved universe and its pins. Out: `ChosenBuild` for the lock, and whole messages.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from packaging.utils import NormalizedName
from packaging.version import Version

from resolver.errors import Fault
from resolver.solve.accelerated_table import AcceleratedTable
from resolver.solve.acceleration import CPU_BUILD_NAMES, TORCH_NAME, Acceleration
from resolver.solve.build_facts import CudaDemands
from resolver.solve.resolution import ChosenBuild, Pin
from resolver.solve.wheel_lint import build_torch_facts
from resolver.targets.accelerators import Cpu, Gpu, Unspecified
from resolver.targets.cuda import Cuda, CudaVersion
from resolver.targets.families import list_build_locations
from resolver.targets.kernels import UnknownKernels
from resolver.targets.known_cuda import KnownCuda
from resolver.targets.torch_builds import iter_releases_of_companion
from resolver.targets.wheel_lint import contradicts, describe_label, describe_torch, is_linted

__all__ = ["find_chosen_build", "iter_build_warnings"]


class _Solved:
    """The pins of a solution with what is known of their builds."""

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
        known = self.known.get(TORCH_NAME)
        return known.cuda if known is not None and isinstance(known.cuda, CudaVersion) else None


def find_chosen_build(demands: CudaDemands, pins: Sequence[Pin]) -> ChosenBuild | None:
    """The build of torch, else the CUDA that the other pins agree on; None where no pin has a known build."""
    if isinstance(demands.acceleration.target.accelerator, Unspecified):
        return None
    solved = _Solved(demands, pins)
    if solved.torch is not None:
        return _describe_torch(solved, solved.torch)
    found: dict[str, NormalizedName] = {}
    for name, known in solved.known.items():
        if known is not None and known.cuda is not None:
            found.setdefault(_render_label(known.cuda), name)
    label = max(found, default="", key=len)
    return ChosenBuild(cuda=label, why=f"{found[label]} is built for it") if label else None


def iter_build_warnings(demands: CudaDemands, pins: Sequence[Pin]) -> Iterator[str]:
    """Whole messages, in the order of the pins."""
    solved = _Solved(demands, pins)
    for pin in pins:
        yield from _iter_warnings_of(solved, pin)


def _describe_torch(solved: _Solved, torch: Pin) -> ChosenBuild | None:
    known = solved.known[TORCH_NAME]
    if known is None:
        return None
    label = "cpu" if known.cuda is None else _render_label(known.cuda)
    row = solved.demands.row_of(torch)
    measured = None if row is None else solved.demands.measured.get(row)
    why = _explain(solved, torch)
    return ChosenBuild(cuda=label, why=why if measured is None else f"{why}, by its wheel: {measured}")


def _explain(solved: _Solved, torch: Pin) -> str:
    table = solved.demands.table(TORCH_NAME)
    row = solved.demands.row_of(torch)
    location = None if row is None else next((listing.location for listing, _ in table.places(row)), None)
    if location is not None and location.is_default:
        return f"the default index's build of torch {torch.version} runs"
    if torch.version.local and any(f"+{torch.version.local}" in requester.text for requester in torch.requesters):
        return f"the list names torch {torch.version}"
    if not isinstance(table, AcceleratedTable) or not table.has_default:
        return f"torch {torch.version} comes from an index that the list names"
    if isinstance(solved.acceleration.target.accelerator, Cpu):
        return f"torch {torch.version} is the build without CUDA"
    public = Version(torch.version.public)
    default = next((table.reason(at) for at, version in enumerate(table.versions) if version == public), "")
    why = f", where the default index's build {default}" if default else ""
    return f"torch {torch.version} is the build with the newest CUDA that runs{why}"


def _iter_warnings_of(solved: _Solved, pin: Pin) -> Iterator[str]:
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


def _iter_allowed_wheels(solved: _Solved, pin: Pin, known: KnownCuda | None) -> Iterator[str]:
    """Where what is allowed is a wheel for another torch."""
    label = None if known is None else known.label
    if pin.name not in solved.acceleration.allow or solved.torch is None or label is None or not is_linted(label):
        return
    torch = build_torch_facts(solved.acceleration, solved.torch.version, solved.known[TORCH_NAME])
    if contradicts(label, torch):
        yield (
            f"`{pin.file.filename}` is built for {describe_label(label)}; the lock has {describe_torch(torch)}: `allow`"
            " lets it pass"
        )


def _iter_gpu_warnings(solved: _Solved, pin: Pin, known: KnownCuda | None) -> Iterator[str]:
    row = solved.demands.row_of(pin) if pin.name == TORCH_NAME else None
    if row is not None and isinstance(verdict := solved.demands.find_verdict_of_torch(row), UnknownKernels):
        yield from _iter_unknown_warnings(solved, pin, verdict)
    if pin.name == TORCH_NAME:
        yield from _iter_older_warnings(solved, pin)
    if known is not None and known.label is not None and known.label.backend == "cpu":
        yield f"`{pin.name} {pin.version}` is built for the CPU alone, and the target has a GPU"
    if known is not None or pin.file.filename.endswith("-any.whl"):
        return
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
    asked = (*table.missing, *(listing.location for listing in table.listings))
    if any(location.url.public == url for location in asked):
        text += f"; {url} has no wheel of it that fits"
    elif url is not None and solved.torch_cuda is not None:
        remedy = f"`--find-links {url}`, which has wheels for torch {torch}"
    yield str(Fault(what=text, remedy=remedy))


def _iter_unknown_warnings(solved: _Solved, torch: Pin, verdict: UnknownKernels) -> Iterator[str]:
    """Where the data does not have what a build is compiled for."""
    text = f"`torch {torch.version}` {verdict}: whether it has kernels for the GPU cannot be told"
    if solved.acceleration.measure is None:
        yield str(Fault(what=text, remedy="`--measure-kernels`, which reads that out of the wheel: some 10 MB of it"))
    else:
        yield f"{text}, and its wheel does not tell"


def _iter_older_warnings(solved: _Solved, torch: Pin) -> Iterator[str]:
    """Where a newer release has no build that runs on the default index, and no other index may be asked for one."""
    table = solved.demands.table(TORCH_NAME)
    rules = solved.acceleration
    if not isinstance(table, AcceleratedTable) or not table.has_default or rules.indexes.has_any(TORCH_NAME):
        return
    row = solved.demands.row_of(torch)
    newer = [at for at in range(row or 0) if table.reason(at) and at in solved.demands.listed_rows(TORCH_NAME)]
    if newer:
        fault = Fault(
            what=f"`torch {torch.version}` is not the newest: the default index's build of {table.versions[newer[0]]}"
            f" {table.reason(newer[0])}, and no index of other builds is configured",
            remedy='`[tool.pinfold.mirrors] "https://download.pytorch.org/whl/" = "https://mirror.example/whl/"`',
        )
        yield str(fault)


def _iter_companion_warnings(solved: _Solved, pin: Pin) -> Iterator[str]:
    """Where the list's own pin beats the table of what goes with a release of torch."""
    if solved.torch is None or pin.name not in solved.acceleration.untied:
        return
    releases = [release.version for release in iter_releases_of_companion(pin.name, pin.version)]
    if releases and Version(solved.torch.version.public) not in releases:
        yield (
            f"`{pin.name} {pin.version}` goes with torch {' or '.join(map(str, releases))}, not with"
            f" {solved.torch.version}: the list pins it"
        )


def _render_label(cuda: Cuda) -> str:
    return cuda.label if isinstance(cuda, CudaVersion) else f"cu{cuda}"
