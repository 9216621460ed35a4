"""Lists that are locked for machines, with the PyTorch indexes in memory."""

from __future__ import annotations

from collections.abc import Collection

from packaging.version import Version

from resolver.requirements.requirement_list import parse_requirement_list
from resolver.requirements.url import Url
from resolver.solve.build_problem import IndexOptions, build_problem
from resolver.solve.resolution import Resolution
from resolver.solve.solving import solve
from resolver.targets.families import load_families
from resolver.targets.machine_types import choose_platform, parse_machine_types
from resolver.targets.target import Target, parse_python_version
from tests.solve.memory_source import DEFAULT_INDEX, MemorySource
from tests.solve.pytorch_indexes import build_pytorch_indexes

__all__ = ["build_indexes", "build_target", "lock", "pins"]


def build_target(machine: str, driver: str) -> Target:
    choice = parse_machine_types(machine, driver=driver)
    platform = choose_platform(choice, None)
    return Target(python=parse_python_version("3.11"), platform=platform, accelerator=choice.accelerator)


def build_indexes() -> IndexOptions:
    return IndexOptions(default_index=Url(public=DEFAULT_INDEX), families=load_families())


def lock(texts: list[str], target: Target, without: Collection[str] = ()) -> tuple[Resolution, set[str]]:
    """The solution, and the URLs of the indexes that were read; `without` are PyTorch folders that have no torch."""
    source = MemorySource(releases=build_pytorch_indexes(without), target=target)
    problem = build_problem(
        parse_requirement_list(texts),
        target=target,
        indexes=build_indexes(),
    )
    return solve(problem, source), {url for _, url in (*source.asked_pages, *source.ahead_pages)}


def pins(resolution: Resolution) -> dict[str, Version]:
    return {pin.name: pin.version for pin in resolution.pins}
