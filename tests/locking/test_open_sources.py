"""Plans with equal answers share a package source; no source is opened before a plan needs it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from resolver import Access
from resolver.fetch.http.credentials import Credentials
from resolver.locking.open_sources import PackageSources
from resolver.locking.plan_secrets import build_credentials
from resolver.settings.settings import Settings
from resolver.targets.accelerators import Cpu
from resolver.targets.target import parse_python_version
from tests.planning.plans import make_plan


@contextmanager
def open_sources() -> Iterator[PackageSources]:
    credentials: Credentials = build_credentials([])
    sources = PackageSources(access=Access(), credentials=credentials, known_hashes={})
    try:
        yield sources
    finally:
        sources.close()


def test_plans_that_differ_in_machine_and_list_alone_share_a_source(tmp_path: Path) -> None:
    plan, other = make_plan(tmp_path, "numpy"), make_plan(tmp_path, "scipy")
    on_cpu = replace(other, target=replace(other.target, accelerator=Cpu()))
    with open_sources() as sources:
        assert sources.open(plan, None) is sources.open(on_cpu, None)


@pytest.mark.parametrize(
    "items",
    [
        ("numpy", "--trusted-host=index.example"),
        ("--extra-index-url=https://extra.example/simple", "numpy"),
        ("--no-build-isolation", "numpy"),
        ("numpy --config-settings=a=b",),
    ],
)
def test_a_list_that_changes_answers_has_a_source_of_its_own(tmp_path: Path, items: tuple[str, ...]) -> None:
    with open_sources() as sources:
        first = sources.open(make_plan(tmp_path, "numpy"), None)
        assert sources.open(make_plan(tmp_path, *items), None) is not first


def test_another_python_or_build_policy_has_a_source_of_its_own(tmp_path: Path) -> None:
    plan = make_plan(tmp_path, "numpy")
    newer = replace(plan, target=replace(plan.target, python=parse_python_version("3.12")))
    without_builds = make_plan(tmp_path, "numpy", settings=Settings(no_build=True))
    with open_sources() as sources:
        opened = [sources.open(one, None) for one in (plan, newer, without_builds)]
        assert len({id(one) for one in opened}) == 3
