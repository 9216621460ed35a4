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
        strategy=plan.settings.index_strategy or "first-index",
        constraints=plan.build_constraints,
        exclude_newer=plan.exclude_newer,
        exclude_newer_exempt=frozenset(plan.settings.exclude_newer_exempt or ()),
    )


def find_config_settings(plan: LockPlan) -> dict[NormalizedName, tuple[tuple[str, str], ...]]:
    """The `--config-settings` of the list, by project; they may be secret."""
    found: dict[NormalizedName, tuple[tuple[str, str], ...]] = {}
    for entry in plan.requirement_list.entries:
        if entry.name is not None and entry.config_settings:
            found[entry.name] = (*found.get(entry.name, ()), *entry.config_settings)
    return found


def find_without_isolation(plan: LockPlan) -> frozenset[NormalizedName]:
    """The projects that only layers with `--no-build-isolation` list."""
    layers = plan.requirement_list.layers
    listed = {(entry.name, layers[entry.layer].no_build_isolation) for entry in plan.requirement_list.entries}
    return frozenset(name for name, is_apart in listed if name is not None and is_apart and (name, False) not in listed)
