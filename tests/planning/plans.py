"""Plans for tests: a list in memory, in a folder, at a fixed time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lockfiles.variable_bindings import VariableBindings, parse_binding
from resolver.planning.plan import LockPlan, RunContext, plan_lock
from resolver.settings.settings import Settings
from resolver.sources.source import ItemList, Source, StatedValue

__all__ = ["NOW", "make_plan"]

NOW = datetime(2026, 5, 10, tzinfo=UTC)


def make_plan(
    folder: Path,
    *items: str,
    settings: Settings = Settings(),
    settings_path: Path | None = None,
    arguments: Settings = Settings(),
    variables: Mapping[str, str] | None = None,
    bindings: Sequence[str] = (),
    **options: Any,
) -> LockPlan:
    """The plan for a list in a folder; `settings` are those of its `[tool.pinfold]`, `options` those of `plan_lock`.

    `bindings` are texts like `TOKEN=index.example`.
    """
    source = Source(
        name="requirements",
        stem="requirements",
        form=ItemList(items=items),
        path=None,
        folder=folder,
        python=StatedValue(value="3.11", where="`python`"),
        settings=settings,
        settings_path=settings_path,
    )
    run = RunContext(
        folder=folder,
        variables=variables or {},
        now=NOW,
        may_ask_host=False,
        bindings=VariableBindings(map(parse_binding, bindings)),
    )
    return plan_lock(source, arguments=arguments, run=run, **{"path": None, "old": None, **options})
