"""The verb `lock machines`: the machine types, what each runs, and which builds of torch and of others run on one.

In: argv, and the `[tool.pinfold]` of the folder. Out: tables on standard output, or one JSON document. Nothing is asked
of an index: it is what the data and the configuration say.

A small app that tells which driver a machine has: the one fact about it that no platform publishes.

`lock machines TYPE PROJECT` for projects other than torch: what the data knows of their builds, as text and as JSON.

In: a machine choice and a project's name. Out: a table with a line for each row of the data, or an InputError that says
which projects have rows.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from lockfiles._values import dataclass
from resolver.cli.output import escape_text, show_json
from resolver.errors import InputError
from resolver.settings.settings import CompleteSettings
from resolver.sources.settings_file import find_settings
from resolver.targets.accelerators import Gpu
from resolver.targets.families import find_name_warning
from resolver.targets.kernels import NeedsDriver, NoKernels, Runs, UnknownKernels, Verdict
from resolver.targets.known_cuda import FamilyBuild, list_family_builds, list_known_projects, list_templates
from resolver.targets.machine_types import (
    Machine,
    MachineChoice,
    choose_platform,
    default_driver,
    load_machines,
    parse_machine_types,
)
from resolver.targets.platforms import Platform, parse_platform
from resolver.targets.torch_builds import TorchBuild, TorchRelease, list_verdicts, load_releases

__all__ = [
    "FamilyTable",
    "family_as_json",
    "iter_family_lines",
    "read_family",
    "render_driver_app",
    "run_machines",
]


_DESCRIPTION = """\
Without arguments: the machine types, their GPUs, and what their driver runs. With a machine type (or a fallback list,
H100,A100): that one alone. With `torch` after it: each release and CUDA build of torch, with why one does not run; with
another project (jax, cupy, vllm, onnxruntime-gpu …): what the data knows of its builds."""

_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def run_machines(argv: Sequence[str], *, program: str) -> int:
    """The exit code of `lock machines` with these words. Raises InputError and TargetError."""
    values = _build_parser(program).parse_args(list(argv))
    folder = Path.cwd()
    settings = find_settings(folder, seen_from=folder)[0].complete()
    if values.measure:
        print(_render_app(values, settings), end="")
        return 0
    if values.project is not None and values.project.lower() != "torch":
        _show(_read_family(values, settings))
        return 0
    if values.project is not None:
        builds = _read_builds(values, settings)
        _show(_builds_as_json(builds) if values.as_json else _render_builds(builds))
        return 0
    rows = _list_rows(values, settings)
    _show({"machines": [_row_as_json(row) for row in rows]} if values.as_json else _render_rows(rows))
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """A machine type with the accelerator that it is; a driver that does not know its GPU is the `fault`."""

    machine: Machine
    choice: MachineChoice | None
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Builds:
    """Which builds of torch run on machine types: releases newest first, each with a verdict for each build."""

    choice: MachineChoice
    accelerator: Gpu
    platform: Platform
    releases: tuple[tuple[TorchRelease, tuple[tuple[TorchBuild, Verdict], ...]], ...]


def _build_parser(program: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"{program} machines",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("machine", nargs="?", metavar="TYPE", help="GPU-B200, b200, a fallback list H100,A100")
    parser.add_argument("project", nargs="?", metavar="PROJECT", help="torch, or another that the data knows")
    parser.add_argument("--driver", metavar="VERSION", help="of the GPU machines: 570.133.20, or a branch, 580")
    parser.add_argument("--platform", metavar="PLATFORM", help="default: Linux on the architecture of the GPU's host")
    parser.add_argument("--json", dest="as_json", action="store_true", help="the same facts as JSON")
    parser.add_argument(
        "--measure", action="store_true", help="print an app that reports the driver of the machine it runs on"
    )
    return parser


def _show(what: str | Mapping[str, Any]) -> None:
    if isinstance(what, str):
        print(escape_text(what))
        return
    show_json({"schema": 1, **what})


def _choose(names: str, values: argparse.Namespace, settings: CompleteSettings) -> MachineChoice:
    """The machine types of a name; raises InputError where one of them is unknown: there is nothing to show of it."""
    choice = parse_machine_types(
        names,
        driver=values.driver,
        configured_driver=settings.driver,
        machines=settings.machines,
        gpus=settings.gpus,
    )
    if choice.unknown:
        raise InputError.from_faults(one.fault for one in choice.unknown)
    return choice


def _render_app(values: argparse.Namespace, settings: CompleteSettings) -> str:

    name = values.machine or "GPU-A100"
    found = [(machine.name, machine.gpu) for machine in _choose(name, values, settings).machines]
    machine, gpu = found[0]
    if gpu is None:
        raise InputError(f"`{machine}` has no GPU, and so no driver", remedy="`lock machines --measure GPU-A100`")
    return render_driver_app(machine=machine, gpu=gpu.name, driver=str(default_driver()))


def _list_rows(values: argparse.Namespace, settings: CompleteSettings) -> list[_Row]:
    machines = load_machines(settings.machines, settings.gpus)
    if values.machine is not None:
        machines = _choose(values.machine, values, settings).machines
    return [_build_row(machine, values, settings) for machine in machines]


def _build_row(machine: Machine, values: argparse.Namespace, settings: CompleteSettings) -> _Row:
    try:
        return _Row(machine=machine, choice=_choose(machine.name, values, settings))
    except InputError as error:
        return _Row(machine=machine, choice=None, fault=error.faults[0].headline)


def _render_rows(rows: Sequence[_Row]) -> str:
    cells = [("machine type", "GPU", "capability", "driver", "runs")]
    cells += [_row_cells(row) for row in rows]
    lines = _align(cells)
    if any(_driver_source(row) == "assumption" for row in rows):
        lines.append("")
        lines.append(
            f"* assumed: the platform publishes none; `lock machines --measure` prints an app that reports it,"
            f' and `driver = "{default_driver()}"` in [tool.pinfold] sets it'
        )
    return "\n".join(lines)


def _row_cells(row: _Row) -> tuple[str, str, str, str, str]:
    machine, gpu = row.machine, row.machine.gpu
    if machine.deprecated:
        return machine.name, "", "", "", f"not looked at: {machine.deprecated}"
    if gpu is None:
        return machine.name, "none", "", "", "CPU builds"
    if row.choice is None or not isinstance(row.choice.accelerator, Gpu):
        return machine.name, gpu.name, str(gpu.capability), "", row.fault
    accelerator = row.choice.accelerator
    mark = "*" if accelerator.driver_source == "assumption" else ""
    return machine.name, gpu.name, str(gpu.capability), f"{accelerator.driver}{mark}", str(accelerator.cuda)


def _driver_source(row: _Row) -> str | None:
    accelerator = None if row.choice is None else row.choice.accelerator
    return accelerator.driver_source if isinstance(accelerator, Gpu) else None


def _row_as_json(row: _Row) -> dict[str, Any]:
    machine, gpu = row.machine, row.machine.gpu
    found: dict[str, Any] = {"type": machine.name, "gpu": None if gpu is None else gpu.name}
    if machine.deprecated:
        found["deprecated"] = machine.deprecated
    if gpu is not None:
        found |= {"capability": str(gpu.capability), "host": gpu.host, "lowest_driver": str(gpu.driver)}
    if row.fault:
        found["fault"] = row.fault
    if row.choice is not None and isinstance(accelerator := row.choice.accelerator, Gpu):
        found["driver"] = {"version": str(accelerator.driver), "from": accelerator.driver_source}
        found["cuda"] = {
            "newest_major": accelerator.cuda.newest_major,
            "newest_with_ptx": str(accelerator.cuda.native),
        }
    return found


def _choose_gpu(values: argparse.Namespace, settings: CompleteSettings) -> tuple[MachineChoice, Gpu, Platform]:
    choice = _choose(values.machine, values, settings)
    if not isinstance(choice.accelerator, Gpu):
        raise InputError(
            f"`{values.machine}` has no GPU: CPU builds of {values.project} run there", remedy="`lock machines`"
        )
    given = values.platform or settings.platform
    return choice, choice.accelerator, choose_platform(choice, None if given is None else parse_platform(given))


def _read_builds(values: argparse.Namespace, settings: CompleteSettings) -> _Builds:
    choice, gpu, platform = _choose_gpu(values, settings)
    releases = tuple((one, list_verdicts(one, platform, gpu)) for one in load_releases())
    return _Builds(choice=choice, accelerator=gpu, platform=platform, releases=releases)


def _read_family(values: argparse.Namespace, settings: CompleteSettings) -> str | dict[str, Any]:
    """What is known of a project other than torch, as text or as JSON."""

    choice, gpu, platform = _choose_gpu(values, settings)
    table = read_family(values.machine, values.project, gpu=gpu, platform=platform)
    if values.as_json:
        return _machine_facts(choice, gpu, platform) | family_as_json(table)
    lines = [_title(table.project, choice, gpu, platform), "", *_align(iter_family_lines(table))]
    lines += [f"other builds may be on {template}" for template in table.templates]
    return "\n".join((*lines, *([table.warning] if table.warning else [])))


def _render_builds(builds: _Builds) -> str:
    """The table, and under it what its letters and marks mean."""
    columns = sorted({build.cuda for _, verdicts in builds.releases for build, _ in verdicts})
    reasons: dict[str, str] = {}
    cells: list[tuple[str, ...]] = [("torch", *(cuda.label for cuda in columns))]
    for release, verdicts in builds.releases:
        if verdicts:
            marks = {build.cuda: _mark(build, verdict, reasons) for build, verdict in verdicts}
            cells.append((str(release.version), *(marks.get(cuda, "") for cuda in columns)))
    legend = [f"{letter}  {reason}" for reason, letter in reasons.items()]
    title = _title("torch", builds.choice, builds.accelerator, builds.platform)
    return "\n".join((title, "", *_align(cells), "", *_LEGEND, *legend))


_LEGEND = (
    "yes  runs; ptx  runs, compiled from PTX at first use; any letter is why it does not",
    "*    the default index's build; ?  not known to exist: the index decides",
)


def _title(project: str, choice: MachineChoice, gpu: Gpu, platform: Platform) -> str:
    names = " or ".join(machine.name for machine in choice.machines)
    code = ", ".join(capability.sm for capability in sorted(gpu.capabilities))
    assumed = ", assumed" if gpu.driver_source == "assumption" else ""
    return f"{project} on {names} ({code}, driver {gpu.driver}{assumed}), {platform}"


def _machine_facts(choice: MachineChoice, gpu: Gpu, platform: Platform) -> dict[str, Any]:
    return {
        "types": [machine.name for machine in choice.machines],
        "capabilities": [str(capability) for capability in sorted(gpu.capabilities)],
        "driver": {"version": str(gpu.driver), "from": gpu.driver_source},
        "platform": str(platform),
    }


def _mark(build: TorchBuild, verdict: Verdict, reasons: dict[str, str]) -> str:
    """`yes`, `ptx` or the letter of the reason, with `*` and `?`."""
    match verdict:
        case Runs(ptx=True):
            mark = "ptx"
        case Runs():
            mark = "yes"
        case NoKernels() | NeedsDriver() | UnknownKernels():
            mark = reasons.setdefault(str(verdict), _LETTERS[len(reasons) % len(_LETTERS)])
    return f"{mark}{'*' if build.is_default else ''}{'' if build.verified else '?'}"


def _builds_as_json(builds: _Builds) -> dict[str, Any]:
    return {
        **_machine_facts(builds.choice, builds.accelerator, builds.platform),
        "project": "torch",
        "builds": [
            {
                "version": str(build.version),
                "label": build.label,
                "cuda": str(build.cuda),
                "default": build.is_default,
                "verified": build.verified,
                "runs": isinstance(verdict, Runs),
                "why": str(verdict),
            }
            for _, verdicts in builds.releases
            for build, verdict in verdicts
        ],
    }


def _align(rows: Sequence[Sequence[str]]) -> list[str]:
    """The rows as lines with their cells under one another, two blanks between them."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]) if rows else 0)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return [line.rstrip() for line in lines]


_APP = '''\
"""Tells the NVIDIA driver of the machine that it runs on, and the line that makes pinfold lock for it.

Save it as driver.py, run it on the platform (`fal run driver.py::Driver`) and ask it once. On any machine with a GPU,
`python driver.py` does the same.
"""

import subprocess

try:
    import fal
except ImportError:  # Not on the platform: see the last lines.
    fal = None


def read_driver() -> dict[str, str]:
    query = ["nvidia-smi", "--query-gpu=driver_version,name,compute_cap", "--format=csv,noheader"]
    answer = subprocess.run(query, capture_output=True, text=True, check=True).stdout
    driver, gpu, capability = (part.strip() for part in answer.splitlines()[0].split(","))
    return {"driver": driver, "gpu": gpu, "capability": capability, "[tool.pinfold]": f'driver = "{driver}"'}


if fal is not None:

    class Driver(fal.App):
        machine_type = "MACHINE"
        requirements = []

        @fal.endpoint("/")
        def driver(self) -> dict[str, str]:
            return read_driver()


if __name__ == "__main__":
    print(read_driver())

# What it answers goes into pyproject.toml, with the driver that it found:
#
#     [tool.pinfold]
#     driver = "570.133.20"
#
# or, where machine types have different ones, for each:
#
#     [[tool.pinfold.machines]]
#     name = "MACHINE"
#     gpu = "GPU-NAME"
#     driver = "570.133.20"
'''


def render_driver_app(*, machine: str, gpu: str, driver: str) -> str:
    """The app for a machine type, as the text of a Python file that ends with what to paste.

    `gpu` is the name of its GPU, `driver` the one that is assumed until the app has answered.
    """
    return _APP.replace("MACHINE", machine).replace("GPU-NAME", gpu).replace("570.133.20", driver)


_COMPANIONS = ("torchvision", "torchaudio", "xformers", "triton")


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyTable:
    """The rows of a project; `templates` are where other builds of it may be, `warning` is about its name."""

    project: str
    rows: tuple[FamilyBuild, ...]
    templates: tuple[str, ...]
    warning: str


def read_family(machine: str, project: str, *, gpu: Gpu, platform: Platform) -> FamilyTable:
    """What is known of a project. Raises InputError where nothing is."""
    name = canonicalize_name(project)
    rows, templates = list_family_builds(name, platform, gpu), list_templates(name)
    warning = find_name_warning(name)
    if name in _COMPANIONS:
        raise InputError(
            f"builds of {name} run where the torch of their label does", remedy=f"`lock machines {machine} torch`"
        )
    if not rows and not templates and warning is None:
        known = ", ".join(("torch", *list_known_projects()))
        raise InputError(
            f"the data has no builds of `{project}`: it is taken as the index has it", details=(f"it has {known}",)
        )
    return FamilyTable(project=name, rows=rows, templates=templates, warning="" if warning is None else str(warning))


def iter_family_lines(table: FamilyTable) -> list[tuple[str, ...]]:
    """The cells of the table, its head first."""
    cells: list[tuple[str, ...]] = [("builds", "CUDA", "", "source")]
    cells += [(row.what, row.cuda, row.lack or "runs", _render_source(row)) for row in table.rows]
    return cells if table.rows else []


def family_as_json(table: FamilyTable) -> dict[str, Any]:
    """The same facts."""
    return {
        "project": table.project,
        "builds": [
            {
                "what": row.what,
                "cuda": row.cuda,
                "runs": not row.lack,
                "why": row.lack or "runs",
                "source": row.source,
                "confidence": row.confidence,
            }
            for row in table.rows
        ],
        "indexes": list(table.templates),
        "warning": table.warning or None,
    }


def _render_source(row: FamilyBuild) -> str:
    return row.source if row.confidence == "measured" else f"{row.source} ({row.confidence})"
