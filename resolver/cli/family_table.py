"""`lock machines TYPE PROJECT` for projects other than torch: what the data knows of their builds, as text and as JSON.

In: a machine choice and a project's name. Out: a table with a line for each row of the data, or an InputError that says
which projects have rows.
"""

from __future__ import annotations

from typing import Any

from packaging.utils import canonicalize_name

from lockfiles.value_classes import dataclass
from resolver.errors import InputError
from resolver.targets.accelerators import Gpu
from resolver.targets.families import find_name_warning
from resolver.targets.family_builds import FamilyBuild, list_family_builds, list_known_projects, list_templates
from resolver.targets.platforms import Platform

__all__ = ["FamilyTable", "family_as_json", "iter_family_lines", "read_family"]

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
