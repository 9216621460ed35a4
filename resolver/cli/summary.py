"""What a run tells: a short text on standard error for people, or one JSON document on standard output for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lockfiles import BuildFacts, Comparison, ToolTable, digest
from lockfiles._values import dataclass
from resolver.cli.output import escape_text
from resolver.errors import InternalError
from resolver.index.distribution_file import Commit, Folder
from resolver.solve.resolution import Pin, Requester
from resolver.sources.target_choice import ChosenMachines
from resolver.targets.accelerators import Cpu, Gpu, Unspecified

if TYPE_CHECKING:
    from resolver.locking.gpu_differences import DriverChange
    from resolver.locking.locker import LockOutcome

__all__ = ["LockReport", "render_report", "report_as_json"]

_CHANGES_SHOWN = 12
_DRIVER_CHANGES_SHOWN = 4
_TORCH = frozenset({"torch", "triton", "cuda-toolkit"})
_DRIVER_SOURCES = {
    "flag": "from `--driver`",
    "configuration": "from [tool.pinfold]",
    "assumption": "assumed: the platform publishes none",
}
_TORCH_COMPANIONS = ("nvidia-", "cuda-")


@dataclass(frozen=True, slots=True, kw_only=True)
class LockReport:
    """One lock of a run: `source` and `path` as the user would write them (`path` None: printed), and what happened."""

    source: str
    path: str | None
    outcome: LockOutcome
    comparison: Comparison | None
    written: bool
    python_rule: str
    machines: ChosenMachines
    duration_s: float
    hint: str | None = None


def render_report(report: LockReport) -> str:
    """The summary of one lock: lines without a final newline, safe for a terminal."""
    resolution = report.outcome.resolution
    place = report.path or "standard output"
    state = "" if report.written or report.path is None else " (unchanged)"
    lines = [f"{report.source} → {place}{state}: {_count(len(resolution.pins), 'pin')} in {report.duration_s:.2f} s"]
    lines.append(f"  target: CPython {_python(report)} on {_tool(report).platform} (Python from {report.python_rule})")
    lines += [f"  {line}" for line in (*_machine_lines(report), *_change_lines(report))]
    if resolution.pins:
        lines.append(f"  from: {_index_counts(report.outcome)}")
    lines += [f"  {line}" for line in _remarks(report)]
    return escape_text("\n".join(lines))


def report_as_json(report: LockReport) -> dict[str, Any]:
    """The same facts for programs; `docs/command.md` describes the keys."""
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
    tool = report.outcome.lockfile.tool
    if tool is None:
        raise InternalError("a lock that was just made has no `[tool.pinfold]`")
    return tool


def _python(report: LockReport) -> str:
    return _tool(report).python


def _machine_lines(report: LockReport) -> list[str]:
    """The machine types with what decides, and where it comes from; then what other drivers would change."""
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
    """A line for each thing that other drivers would change: `with driver 580: torch 2.13.0+cu129 -> 2.15.0`."""
    drivers: dict[str, list[str]] = {}
    for change in changes:
        drivers.setdefault(_render_driver_change(change), []).append(change.driver)
    return [f"  with driver {' or '.join(names)}: {text}" for text, names in drivers.items()]


def _change_lines(report: LockReport) -> list[str]:
    comparison = report.comparison
    if comparison is None:
        return []
    changes = [
        *(f"+ {pin}" for pin in comparison.added),
        *(f"- {pin}" for pin in comparison.removed),
        *(f"~ {change}" for change in comparison.changed),
    ]
    if not changes:
        return ["changed: no pin"]
    shown = [f"  {line}" for line in changes[:_CHANGES_SHOWN]]
    if len(changes) > _CHANGES_SHOWN:
        shown.append(f"  … and {len(changes) - _CHANGES_SHOWN} more")
    counts = (("added", comparison.added), ("removed", comparison.removed), ("changed", comparison.changed))
    return ["changed: " + ", ".join(f"{len(found)} {word}" for word, found in counts if found), *shown]


def _index_counts(outcome: LockOutcome) -> str:
    """How many files come from where, most first; the default index by that name."""
    counts = Counter(_name_place(pin) for pin in outcome.resolution.pins)
    rows = sorted(counts.items(), key=lambda row: (-row[1], row[0]))
    return ", ".join(
        f"{number} × {'the default index' if place == outcome.default_index else place}" for place, number in rows
    )


def _name_place(pin: Pin) -> str:
    if pin.file.origin is not None:
        return "a direct reference"
    return pin.index or "find-links"


def _remarks(report: LockReport) -> list[str]:
    outcome = report.outcome
    pins = outcome.resolution.pins
    remarks = (
        [f"download: {_sizes(pins, is_for_any=isinstance(report.machines.accelerator, Unspecified))}"] if pins else []
    )
    if outcome.shadowed:
        names = ", ".join(f"{pin.name} ({pin.index})" for pin in outcome.shadowed)
        remarks.append(f"dependencies from an extra index that the default index has too: {names}")
    if trees := [pin for pin in pins if not pin.file.is_wheel]:
        remarks.append(f"the image must build {_count(len(trees), 'package')}:")
        remarks += [f"  {_describe_build(pin, _tool(report))}" for pin in trees]
    if built := [f"{pin.name} {pin.version}" for pin in pins if pin.built]:
        remarks.append(f"metadata from a build on this machine: {', '.join(built)}")
    return [*remarks, report.hint] if report.hint is not None else remarks


def _describe_build(pin: Pin, tool: ToolTable) -> str:
    """What a build is made from and with: `c 1.0 from its sdist, with setuptools 80.9.0`."""
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
    shown = change.changes[:_DRIVER_CHANGES_SHOWN]
    more = len(change.changes) - len(shown)
    rest = f", and {more} more" if more else ""
    guess = "" if change.source == "solved" else " (by the data: no index was asked for it)"
    return f"{', '.join(shown)}{rest}{guess}"


def _sizes(pins: Sequence[Pin], *, is_for_any: bool) -> str:
    """The bytes that an installation downloads, and torch's share, which is most of it where there is a torch."""
    total = sum(pin.file.size_bytes or 0 for pin in pins)
    torch = [pin for pin in pins if pin.name in _TORCH or pin.name.startswith(_TORCH_COMPANIONS)]
    if not any(pin.name == "torch" for pin in pins):
        return _megabytes(total)
    share = sum(pin.file.size_bytes or 0 for pin in torch)
    remedy = "; for any machine, `-m GPU-A100` locks for one" if is_for_any else ""
    return f"{_megabytes(total)}, of which torch and its CUDA libraries {_megabytes(share)}{remedy}"


def _megabytes(size_bytes: int) -> str:
    return f"{size_bytes / 1e9:.2f} GB" if size_bytes >= 1e9 else f"{size_bytes / 1e6:.1f} MB"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _pin_as_json(pin: Pin, tool: ToolTable) -> dict[str, Any]:
    return {
        "name": pin.name,
        "version": str(pin.version),
        "index": pin.index,
        "file": pin.file.filename,
        "size_bytes": pin.file.size_bytes,
        "sha256": pin.file.sha256,
        "built": pin.built,
        "build": None if pin.file.is_wheel else _build_as_json(tool.build.get(pin.name, BuildFacts())),
        "requested_by": [_requester_as_json(requester) for requester in pin.requesters],
    }


def _build_as_json(facts: BuildFacts) -> dict[str, Any]:
    return {"isolation": facts.isolation, "requirements": list(facts.requirements)}


def _requester_as_json(requester: Requester) -> dict[str, Any]:
    position = None if requester.position is None else str(requester.position)
    return {"position": position, "parent": requester.parent, "text": requester.text}


def _machine_as_json(machines: ChosenMachines, changes: Sequence[DriverChange]) -> dict[str, Any] | None:
    """The machine types of the lock; None where none was named."""
    if not machines.where:
        return None
    found: dict[str, Any] = {"types": list(machines.names), "from": machines.where}
    accelerator = machines.accelerator
    if isinstance(accelerator, Gpu):
        found["capabilities"] = [str(capability) for capability in sorted(accelerator.capabilities)]
        found["driver"] = {"version": str(accelerator.driver), "from": accelerator.driver_source}
        found["other_drivers"] = [
            {"driver": change.driver, "changes": list(change.changes), "from": change.source} for change in changes
        ]
    return found


def _changes_as_json(comparison: Comparison) -> dict[str, Any]:
    return {
        "added": [str(pin) for pin in comparison.added],
        "removed": [str(pin) for pin in comparison.removed],
        "changed": [str(change) for change in comparison.changed],
    }
