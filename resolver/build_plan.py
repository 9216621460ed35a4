"""What a plan says about builds: where their requirements come from, with which settings, and which are not isolated.

In: a `LockPlan`. Out: values for `fetch` and for the search of build requirements.
"""

from __future__ import annotations

from packaging.utils import NormalizedName

from resolver.build_requirements import BuildScope
from resolver.plan import LockPlan
from resolver.requirements.url import Url

__all__ = ["build_scope", "find_config_settings", "find_without_isolation"]


def build_scope(plan: LockPlan, default_index: Url | None) -> BuildScope:
    """Build requirements come from where any name would that only dependencies mention."""
    return BuildScope(
        scope=plan.requirement_list.dependency_scope,
        default_index=default_index,
        families=plan.families,
        strategy=plan.settings.index_strategy,
        constraints=plan.build_constraints,
        exclude_newer=plan.exclude_newer,
        exclude_newer_exempt=frozenset(plan.settings.exclude_newer_exempt),
    )


def find_config_settings(plan: LockPlan) -> dict[NormalizedName, tuple[tuple[str, str], ...]]:
    """The `--config-settings` of the list, by project; they may be secret."""
    found: dict[NormalizedName, tuple[tuple[str, str], ...]] = {}
    for entry in plan.requirement_list.entries:
        if entry.name is not None and entry.config_settings:
            found[entry.name] = (*found.get(entry.name, ()), *entry.config_settings)
    return found


def find_without_isolation(plan: LockPlan) -> frozenset[NormalizedName]:
    """The projects that a layer with `--no-build-isolation` lists."""
    layers = (layer for layer in plan.requirement_list.layers if layer.no_build_isolation)
    return frozenset(entry.name for layer in layers for entry in layer.entries if entry.name is not None)
