"""The report about one lock: a short text for people, or its part of the JSON document for programs.

In: a `LockReport`, which has the outcome of locking and how it differs from the old lock. Out: text for standard error,
or a value for `--json`; `docs/command.md` describes its keys. Both have the same facts, so they are in one module.

The text has these lines, of which only the first two are always there:

    requirements.txt → pylock.toml: 42 pins in 0.61 s
      target: CPython 3.11 on manylinux_2_28_x86_64 (Python from pyproject.toml)
      machine: GPU-A100 (from -m): sm_80, driver 570.133.20 (assumed: the platform publishes none)
      changes: 1 added, 2 changed
      from: 40 × the default index, 2 × https://wheels.example/cu128
      download: 3.91 GB, of which torch and its CUDA libraries 3.40 GB

An ordinary lock has four or five: `from` is there where pins come from several places; else `download` says from where.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lockfiles import Comparison, digest
from lockfiles._values import dataclass
from lockfiles.lockfile import BuildFacts, ToolTable
from resolver.cli.output import escape_text
from resolver.errors import InternalError
from resolver.index.distribution_file import Commit, Folder
from resolver.solve.resolution import Pin, Requester
from resolver.sources.target_choice import ChosenMachines
from resolver.targets.accelerators import Cpu, Gpu, Unspecified

if TYPE_CHECKING:
    from resolver.locking.gpu_differences import DriverChange
    from resolver.locking.locker import LockOutcome

__all__ = ["LockReport", "render_lock_report", "report_as_json"]

_CHANGES_SHOWN = 12
"""The text is for a terminal; the verb `diff` and the JSON document have all changes."""
_DRIVER_CHANGES_SHOWN = 4

_TORCH = frozenset({"torch", "triton", "cuda-toolkit"})
_TORCH_COMPANIONS = ("nvidia-", "cuda-")
"""Beginnings of project names: the CUDA libraries that torch depends on."""

_DRIVER_SOURCES = {
    "flag": "from `--driver`",
    "configuration": "from [tool.pinfold]",
    "assumption": "assumed: the platform publishes none",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LockReport:
    """One lock of a run, and how it was made.

    - `source` and `path` are written as the user would write them; `path` None is standard output.
    - `comparison` is with the old lock, None where there was none. `written` is false for a lock that has not changed.
    - `python_rule` is where the Python version comes from, in words.
    - `duration_s` is for this lock alone. `hint` is one more line about the source.
    """

    source: str
    path: str | None
    outcome: LockOutcome
    comparison: Comparison | None
    written: bool
    python_rule: str
    machines: ChosenMachines
    duration_s: float
    hint: str | None = None


def render_lock_report(report: LockReport) -> str:
    """The report as text: lines without a final newline, escaped for a terminal."""
    resolution = report.outcome.resolution
    place = report.path or "standard output"
    state = "" if report.written or report.path is None else " (unchanged)"
    lines = [f"{report.source} → {place}{state}: {_count(len(resolution.pins), 'pin')} in {report.duration_s:.2f} s"]
    lines.append(f"  target: CPython {_python(report)} on {_tool(report).platform} (Python from {report.python_rule})")
    lines += [f"  {line}" for line in (*_machine_lines(report), *_change_lines(report))]
    if resolution.pins and _find_only_index(report.outcome) is None:
        lines.append(f"  from: {_index_counts(report.outcome)}")
    lines += [f"  {line}" for line in _file_lines(report)]
    return escape_text("\n".join(lines))


def report_as_json(report: LockReport) -> dict[str, Any]:
    """The report as a value for JSON. Every key is always there; a fact that is not known is null."""
    pins = report.outcome.resolution.pins
    comparison = report.comparison
    return {
        "source": report.source,
        "lockfile": report.path,
        "written": report.written,
        "digest": digest(report.outcome.lockfile),
        "python": {"version": _python(report), "from": report.python_rule},
        "platform": _tool(report).platform,
        "machine": _machine_as_json(report.machines, report.outcome.driver_changes),
        "packages": [_pin_as_json(pin, _tool(report)) for pin in pins],
        "changes": None if comparison is None else _changes_as_json(comparison),
        "warnings": list(report.outcome.warnings),
        "duration_s": round(report.duration_s, 3),
    }


def _tool(report: LockReport) -> ToolTable:
    """`[tool.pinfold]` of the new lock. Every lock that we make has one, so its absence is a bug: InternalError."""
    tool = report.outcome.lockfile.tool
    if tool is None:
        raise InternalError("a lock that was just made has no `[tool.pinfold]`")
    return tool


def _python(report: LockReport) -> str:
    return _tool(report).python


def _machine_lines(report: LockReport) -> list[str]:
    """The machine types with their GPU code and driver, each with its origin; then what other drivers would change.

    A lock that was made without a machine type has no such line.
    """
    machines = report.machines
    names = " or ".join(machines.names)
    match machines.accelerator:
        case Gpu(capabilities=capabilities, driver=driver, driver_source=source):
            code = ", ".join(capability.sm for capability in sorted(capabilities))
            line = f"machine: {names} (from {machines.where}): {code}, driver {driver} ({_DRIVER_SOURCES[source]})"
            return [line, *_driver_lines(report.outcome.driver_changes)]
        case Cpu():
            return [f"machine: {names} (from {machines.where}): no GPU"]
        case Unspecified() if machines.where:
            return [f"machine: {names} (from {machines.where}): not known, so any"]
        case _:
            return []


def _driver_lines(changes: Sequence[DriverChange]) -> list[str]:
    """What other drivers would change: `with driver 580: torch 2.13.0+cu129 -> 2.15.0`.

    Drivers with the same changes share a line, in which those at their end are marked.
    """
    drivers: dict[str, list[DriverChange]] = {}
    for change in changes:
        drivers.setdefault(_render_driver_change(change), []).append(change)
    return [f"  with driver {_name_drivers(found)}: {text}" for text, found in drivers.items()]


def _name_drivers(changes: Sequence[DriverChange]) -> str:
    """The drivers as an enumeration, those at their end first: `535 or 550 (at their end) or 580`."""
    ended = [change.driver for change in changes if change.has_ended]
    mark = [f"{' or '.join(ended)} (at {'its' if len(ended) == 1 else 'their'} end)"] if ended else []
    return " or ".join((*mark, *(change.driver for change in changes if not change.has_ended)))


def _change_lines(report: LockReport) -> list[str]:
    """How many pins were added, removed and changed, then the first of them.

    Empty for a first lock, of which every pin would be new.
    """
    comparison = report.comparison
    if comparison is None:
        return []
    # With the marks of `str(comparison)`, which `lock --check` prints.
    changes = [
        *(f"+ {pin}" for pin in comparison.added),
        *(f"- {pin}" for pin in comparison.removed),
        *(f"~ {change}" for change in comparison.changed),
    ]
    if not changes:
        return ["changes: none"]
    shown = [f"  {line}" for line in changes[:_CHANGES_SHOWN]]
    if len(changes) > _CHANGES_SHOWN:
        shown.append(f"  … and {len(changes) - _CHANGES_SHOWN} more")
    counts = (("added", comparison.added), ("removed", comparison.removed), ("changed", comparison.changed))
    return ["changes: " + ", ".join(f"{len(found)} {word}" for word, found in counts if found), *shown]


def _index_counts(outcome: LockOutcome) -> str:
    """How many files come from each index, most first; the default index is called so instead of its URL."""
    counts = Counter(_name_place(pin) for pin in outcome.resolution.pins)
    rows = sorted(counts.items(), key=lambda row: (-row[1], row[0]))
    return ", ".join(f"{number} × {_call_place(place, outcome)}" for place, number in rows)


def _find_only_index(outcome: LockOutcome) -> str | None:
    """The index that all pins come from, as the report calls it; None where they come from several places."""
    places = {_name_place(pin) for pin in outcome.resolution.pins}
    indexes = {pin.index for pin in outcome.resolution.pins}
    if len(places) != 1 or places != indexes:
        return None
    return _call_place(places.pop(), outcome)


def _call_place(place: str, outcome: LockOutcome) -> str:
    return "the default index" if place == outcome.default_index else place


def _name_place(pin: Pin) -> str:
    """The index of a pin, or in words where its file comes from without one: a direct reference, or `--find-links`."""
    if pin.file.origin is not None:
        return "a direct reference"
    return pin.index or "find-links"


def _file_lines(report: LockReport) -> list[str]:
    """The lines about the files: their size, unexpected indexes, builds; then the hint.

    A dependency from an extra index that the default index has too is named, because it may be dependency confusion.
    """
    outcome = report.outcome
    pins = outcome.resolution.pins
    lines = [f"download: {_sizes(report)}"] if pins else []
    if outcome.shadowed:
        names = ", ".join(f"{pin.name} ({pin.index})" for pin in outcome.shadowed)
        lines.append(f"dependencies from an extra index that the default index has too: {names}")
    if sources := [pin for pin in pins if not pin.file.is_wheel]:
        lines.append(f"the image must build {_count(len(sources), 'package')}:")
        lines += [f"  {_describe_build(pin, _tool(report))}" for pin in sources]
    if built := [f"{pin.name} {pin.version}" for pin in pins if pin.built]:
        lines.append(f"metadata from a build on this machine: {', '.join(built)}")
    if failed := [f"{name} {version}" for name, version in outcome.resolution.failed_builds]:
        lines.append(f"passed over, since their builds failed: {', '.join(failed)}")
    if unverified := [f"{pin.name} {pin.version}" for pin in pins if pin.unverified is not None]:
        names = ", ".join(unverified)
        lines.append(f"metadata as the sdist states it, which no build has verified (`lock fetch` does): {names}")
    return [*lines, report.hint] if report.hint is not None else lines


def _describe_build(pin: Pin, tool: ToolTable) -> str:
    """A build with its source and its requirements: `c 1.0 from its sdist, with setuptools 80.9.0`."""
    facts = tool.build.get(pin.name, BuildFacts())
    match pin.file.origin:
        case Commit(commit_id=commit_id):
            source = f"commit {commit_id[:12]}"
        case Folder():
            source = "its folder"
        case _:
            source = "its sdist"
    tools = f", with {', '.join(text.replace('==', ' ') for text in facts.requirements)}" if facts.requirements else ""
    return f"{pin.name} {pin.version} from {source}{tools if facts.isolation else ', without isolation'}"


def _render_driver_change(change: DriverChange) -> str:
    """The first changes of one driver, and how many more there are.

    A change comes either from locking once more for that driver, or from our data about torch builds, which is marked.
    """
    shown = change.changes[:_DRIVER_CHANGES_SHOWN]
    more = len(change.changes) - len(shown)
    rest = f", and {more} more" if more else ""
    guess = "" if change.source == "solved" else " (by the data: no index was read for it)"
    return f"{', '.join(shown)}{rest}{guess}"


def _sizes(report: LockReport) -> str:
    """The bytes that an installation downloads, from where if all are from one index, and the share of torch.

    A lock for any machine has libraries for all GPUs, so there the text adds how to lock for one.
    """
    pins = report.outcome.resolution.pins
    index = _find_only_index(report.outcome)
    place = "" if index is None else f" from {index}"
    total = sum(pin.file.size_bytes or 0 for pin in pins)
    torch = [pin for pin in pins if pin.name in _TORCH or pin.name.startswith(_TORCH_COMPANIONS)]
    if not any(pin.name == "torch" for pin in pins):
        return f"{_render_size(total)}{place}"
    share = sum(pin.file.size_bytes or 0 for pin in torch)
    is_for_any = isinstance(report.machines.accelerator, Unspecified)
    remedy = "; for any machine, `-m GPU-A100` locks for one" if is_for_any else ""
    return f"{_render_size(total)}{place}, of which torch and its CUDA libraries {_render_size(share)}{remedy}"


def _render_size(size_bytes: int) -> str:
    """A size in decimal units as indexes and installers show it: `41.2 kB`, `912.4 MB`, `3.91 GB`."""
    if size_bytes < 1e6:
        return f"{size_bytes / 1e3:.1f} kB"
    return f"{size_bytes / 1e9:.2f} GB" if size_bytes >= 1e9 else f"{size_bytes / 1e6:.1f} MB"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _pin_as_json(pin: Pin, tool: ToolTable) -> dict[str, Any]:
    """A pin with its file and the requirements that led to it.

    `built` is true where a build on this machine gave the metadata, `unverified` where the files of its sdist state it
    without being final. `build` is how an image must build the pin, null
    for a wheel.
    """
    return {
        "name": pin.name,
        "version": str(pin.version),
        "index": pin.index,
        "file": pin.file.filename,
        "size_bytes": pin.file.size_bytes,
        "sha256": pin.file.sha256,
        "built": pin.built,
        "unverified": pin.unverified is not None,
        "build": None if pin.file.is_wheel else _build_as_json(tool.build.get(pin.name, BuildFacts())),
        "requested_by": [_requester_as_json(requester) for requester in pin.requesters],
    }


def _build_as_json(facts: BuildFacts) -> dict[str, Any]:
    """How a source is built, without its config settings, which may be secret."""
    return {"isolation": facts.isolation, "requirements": list(facts.requirements)}


def _requester_as_json(requester: Requester) -> dict[str, Any]:
    """A line of the list (with its position), or a pin (the parent) that requires another one with this text."""
    position = None if requester.position is None else str(requester.position)
    return {"position": position, "parent": requester.parent, "text": requester.text}


def _machine_as_json(machines: ChosenMachines, changes: Sequence[DriverChange]) -> dict[str, Any] | None:
    """The machine types of the lock, with the facts about their GPUs; None where no machine type was named."""
    if not machines.where:
        return None
    found: dict[str, Any] = {"types": list(machines.names), "from": machines.where}
    accelerator = machines.accelerator
    if isinstance(accelerator, Gpu):
        found["capabilities"] = [str(capability) for capability in sorted(accelerator.capabilities)]
        found["driver"] = {"version": str(accelerator.driver), "from": accelerator.driver_source}
        found["other_drivers"] = [
            {
                "driver": change.driver,
                "changes": list(change.changes),
                "from": change.source,
                "has_ended": change.has_ended,
            }
            for change in changes
        ]
    return found


def _changes_as_json(comparison: Comparison) -> dict[str, Any]:
    """The pins that differ, each with its old and new version; the verb `diff` has their files and all else."""
    return {
        "added": [{"name": pin.name, "old": None, "new": pin.identifier} for pin in comparison.added],
        "removed": [{"name": pin.name, "old": pin.identifier, "new": None} for pin in comparison.removed],
        "changed": [
            {"name": change.name, "old": change.old.identifier, "new": change.new.identifier}
            for change in comparison.changed
        ],
    }
