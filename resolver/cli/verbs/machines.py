"""The verb `lock machines`: the machine types, what each runs, and which builds of torch and of others run on one.

In: arguments, and `[tool.pinfold]` of the folder. Out: a table on standard output, or a JSON document. There is one
table for each form of the verb:

    lock machines                   the machine types with their GPU, driver, and the CUDA that it runs
    lock machines TYPE              that one, or each one of a fallback list
    lock machines TYPE torch        the releases of torch, and which of their CUDA builds run there
    lock machines TYPE PROJECT      the known builds of another project
    lock machines --measure TYPE    an app that reports the driver of its machine, which no platform publishes

No index is queried: the facts come from the data in `resolver.targets` and from the configuration. A `?` marks a build
that the data expects but has not seen.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from lockfiles._values import dataclass
from resolver.cli.output import escape_text, show_json
from resolver.cli.verb_arguments import build_verb_parser
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

__all__ = ["run_machines"]

_DESCRIPTION = """\
Without arguments: the machine types, their GPUs, and what their driver runs. With a machine type (or a fallback list,
H100,A100): that one alone. With `torch` after it: each release and CUDA build of torch, with why one does not run; with
another project (jax, cupy, vllm, onnxruntime-gpu …): what the data knows of its builds."""

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
"""The marks of reasons in the table of torch, in the order in which the reasons come up."""
_LEGEND = (
    "yes  runs; ptx  runs, compiled from PTX at first use; any letter is why it does not",
    "*    the default index's build; ?  not known to exist: the index decides",
)
_COMPANIONS = ("torchvision", "torchaudio", "xformers", "triton")
"""Projects whose builds are labelled as those of torch are, and run where they run."""

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
"""The app of `--measure`. `MACHINE`, `GPU-NAME` and the driver are replaced in it."""


def run_machines(argv: Sequence[str], *, program: str) -> int:
    """The exit code of `lock machines [TYPE [PROJECT]]`, which is always 0.

    Raises InputError for an unknown project, TargetError for a machine type, platform or driver that is at fault.
    """
    values = _build_parser(program).parse_args(list(argv))
    folder = Path.cwd()
    settings = find_settings(folder, seen_from=folder)[0].complete()
    if values.measure:
        print(_render_app(values, settings), end="")
        return 0
    if values.project is not None and values.project.lower() != "torch":
        _show(_render_family(values, settings))
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
    """A line of the table of machine types.

    `choice` has its accelerator. It is None where the driver is too old for the GPU; `fault` is the message then.
    """

    machine: Machine
    choice: MachineChoice | None
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Builds:
    """The builds of torch with a verdict for each: whether it runs on these machine types.

    `releases` are newest first, as pairs of a release and its builds for the platform.
    """

    choice: MachineChoice
    accelerator: Gpu
    platform: Platform
    releases: tuple[tuple[TorchRelease, tuple[tuple[TorchBuild, Verdict], ...]], ...]


def _build_parser(program: str) -> argparse.ArgumentParser:
    """The parser of the verb; `program` is the name of the command in its help."""
    parser = build_verb_parser(program, "machines", _DESCRIPTION)
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
    """Print a table, or the keys of a JSON document."""
    if isinstance(what, str):
        print(escape_text(what))
        return
    show_json({"schema": 1, **what})


def _choose(names: str, values: argparse.Namespace, settings: CompleteSettings) -> MachineChoice:
    """The machine types that a name stands for: one, or those of a fallback list. Raises TargetError."""
    choice = parse_machine_types(
        names,
        driver=values.driver,
        configured_driver=settings.driver,
        machines=settings.machines,
        gpus=settings.gpus,
    )
    choice.refuse_unknown()
    return choice


def _render_app(values: argparse.Namespace, settings: CompleteSettings) -> str:
    """The app of `--measure` for the first machine type of the name. Raises InputError for one without a GPU."""
    name = values.machine or "GPU-A100"
    found = [(machine.name, machine.gpu) for machine in _choose(name, values, settings).machines]
    machine, gpu = found[0]
    if gpu is None:
        raise InputError(f"`{machine}` has no GPU, and so no driver", remedy="`lock machines --measure GPU-A100`")
    return _render_driver_app(machine=machine, gpu=gpu.name, driver=str(default_driver()))


def _render_driver_app(*, machine: str, gpu: str, driver: str) -> str:
    """The text of the app for a machine type. It ends with the configuration to paste.

    `gpu` is the name of its GPU, `driver` the one that is assumed until the app has reported the real one.
    """
    return _APP.replace("MACHINE", machine).replace("GPU-NAME", gpu).replace("570.133.20", driver)


def _list_rows(values: argparse.Namespace, settings: CompleteSettings) -> list[_Row]:
    """The rows for the named machine types, or for all: those of the configuration, then those of the data."""
    machines = load_machines(settings.machines, settings.gpus)
    if values.machine is not None:
        machines = _choose(values.machine, values, settings).machines
    return [_build_row(machine, values, settings) for machine in machines]


def _build_row(machine: Machine, values: argparse.Namespace, settings: CompleteSettings) -> _Row:
    """The row of one machine type. A `--driver` can be too old for some of them, which must not hide the others."""
    try:
        return _Row(machine=machine, choice=_choose(machine.name, values, settings))
    except InputError as error:
        return _Row(machine=machine, choice=None, fault=error.faults[0].headline)


def _render_rows(rows: Sequence[_Row]) -> str:
    """The table of machine types, with a note where a driver is assumed.

    The note names both ways out: to measure the driver, and to configure it.
    """
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
    """The cells of one machine type. `*` marks an assumed driver.

    The last cell is the CUDA that it runs, or why nothing runs. The name of a deprecated type says too little to
    choose a GPU.
    """
    machine, gpu = row.machine, row.machine.gpu
    if machine.deprecated:
        return machine.name, "", "", "", f"ignored: {machine.deprecated}"
    if gpu is None:
        return machine.name, "none", "", "", "CPU builds"
    if row.choice is None or not isinstance(row.choice.accelerator, Gpu):
        return machine.name, gpu.name, str(gpu.capability), "", row.fault
    accelerator = row.choice.accelerator
    mark = "*" if accelerator.driver_source == "assumption" else ""
    return machine.name, gpu.name, str(gpu.capability), f"{accelerator.driver}{mark}", str(accelerator.cuda)


def _driver_source(row: _Row) -> str | None:
    """Where the driver of a row comes from: `flag`, `configuration` or `assumption`.

    None without a GPU, and for a driver that is too old for it.
    """
    accelerator = None if row.choice is None else row.choice.accelerator
    return accelerator.driver_source if isinstance(accelerator, Gpu) else None


def _row_as_json(row: _Row) -> dict[str, Any]:
    """The row as data.

    A key is missing where the fact does not apply: `capability` without a GPU, `driver` where it is too old.
    """
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
    """The machine types of TYPE, their GPU, and the platform. Raises InputError for machine types without a GPU.

    The platform is that of `--platform` or of the configuration, else Linux on the architecture of the GPU's host.
    """
    choice = _choose(values.machine, values, settings)
    if not isinstance(choice.accelerator, Gpu):
        raise InputError(
            f"`{values.machine}` has no GPU: CPU builds of {values.project} run there", remedy="`lock machines`"
        )
    given = values.platform or settings.platform
    return choice, choice.accelerator, choose_platform(choice, None if given is None else parse_platform(given))


def _read_builds(values: argparse.Namespace, settings: CompleteSettings) -> _Builds:
    """The builds of torch for TYPE, with a verdict for each.

    The verdict follows from the kernels of the build, the CUDA that it needs, and the driver of the GPU.
    """
    choice, gpu, platform = _choose_gpu(values, settings)
    releases = tuple((one, list_verdicts(one, platform, gpu)) for one in load_releases())
    return _Builds(choice=choice, accelerator=gpu, platform=platform, releases=releases)


def _render_family(values: argparse.Namespace, settings: CompleteSettings) -> str | dict[str, Any]:
    """The known builds of a project other than torch, as text or as JSON."""
    choice, gpu, platform = _choose_gpu(values, settings)
    table = _read_family(values.machine, values.project, gpu=gpu, platform=platform)
    if values.as_json:
        return _machine_facts(choice, gpu, platform) | _family_as_json(table)
    lines = [_title(table.project, choice, gpu, platform), "", *_align(_build_family_cells(table))]
    lines += [f"other builds may be on {template}" for template in table.templates]
    return "\n".join((*lines, *([table.warning] if table.warning else [])))


def _render_builds(builds: _Builds) -> str:
    """The table of torch: a line for each release and a column for each CUDA version.

    Below it is what its marks mean. Releases without a build for the platform are left out.
    """
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


def _title(project: str, choice: MachineChoice, gpu: Gpu, platform: Platform) -> str:
    """The first line of a table of builds: `torch on GPU-A100 (sm_80, driver 570.133.20, assumed), linux_x86_64`."""
    names = " or ".join(machine.name for machine in choice.machines)
    code = ", ".join(capability.sm for capability in sorted(gpu.capabilities))
    assumed = ", assumed" if gpu.driver_source == "assumption" else ""
    return f"{project} on {names} ({code}, driver {gpu.driver}{assumed}), {platform}"


def _machine_facts(choice: MachineChoice, gpu: Gpu, platform: Platform) -> dict[str, Any]:
    """The keys that the JSON documents about builds have in common.

    `driver.from` is `flag`, `configuration` or `assumption`.
    """
    return {
        "types": [machine.name for machine in choice.machines],
        "capabilities": [str(capability) for capability in sorted(gpu.capabilities)],
        "driver": {"version": str(gpu.driver), "from": gpu.driver_source},
        "platform": str(platform),
    }


def _mark(build: TorchBuild, verdict: Verdict, reasons: dict[str, str]) -> str:
    """`yes`, `ptx` or the letter of a reason, followed by `*` and `?` where they apply.

    A new reason gets the next letter in `reasons`, so equal reasons share one.
    """
    match verdict:
        case Runs(ptx=True):
            mark = "ptx"
        case Runs():
            mark = "yes"
        case NoKernels() | NeedsDriver() | UnknownKernels():
            mark = reasons.setdefault(str(verdict), _LETTERS[len(reasons) % len(_LETTERS)])
    return f"{mark}{'*' if build.is_default else ''}{'' if build.verified else '?'}"


def _builds_as_json(builds: _Builds) -> dict[str, Any]:
    """The builds of torch as data, newest release first.

    `verified` is false for a build that the data expects but has not seen on an index.
    """
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
    """The rows as lines whose cells are aligned in columns, with two blanks between them."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]) if rows else 0)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return [line.rstrip() for line in lines]


@dataclass(frozen=True, slots=True, kw_only=True)
class _FamilyTable:
    """The known builds of a project.

    - `rows` are builds with the CUDA that they need, and whether the machine type has it.
    - `templates` are the URLs of indexes and pages that may have other builds.
    - `warning` is about the name of the project; empty without one.
    """

    project: str
    rows: tuple[FamilyBuild, ...]
    templates: tuple[str, ...]
    warning: str


def _read_family(machine: str, project: str, *, gpu: Gpu, platform: Platform) -> _FamilyTable:
    """The known builds of a project on a GPU.

    Raises InputError for companions of torch, whose builds are those of torch, and for a project without any data. The
    error then names the projects that have some.
    """
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
    return _FamilyTable(project=name, rows=rows, templates=templates, warning="" if warning is None else str(warning))


def _build_family_cells(table: _FamilyTable) -> list[tuple[str, ...]]:
    """The rows of the table with its head.

    Empty where no build is known: then there is an index that may have some, or a warning about the name.
    """
    cells: list[tuple[str, ...]] = [("builds", "CUDA", "", "source")]
    cells += [(row.what, row.cuda, row.answer, _render_source(row)) for row in table.rows]
    return cells if table.rows else []


def _family_as_json(table: _FamilyTable) -> dict[str, Any]:
    """The same facts as data; `why` is `runs` for a build that runs, `runs` is null where its torch decides."""
    return {
        "project": table.project,
        "builds": [
            {
                "what": row.what,
                "cuda": row.cuda,
                "runs": None if row.follows_torch and not row.lack else not row.lack,
                "why": row.answer,
                "source": row.source,
                "confidence": row.confidence,
            }
            for row in table.rows
        ],
        "indexes": list(table.templates),
        "warning": table.warning or None,
    }


def _render_source(row: FamilyBuild) -> str:
    """Where a fact comes from, with its confidence unless it was measured."""
    return row.source if row.confidence == "measured" else f"{row.source} ({row.confidence})"
