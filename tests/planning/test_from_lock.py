"""A plan from a lock has the list, settings and target of the lock, and trusts it with nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from packaging.utils import NormalizedName

from lockfiles import Lockfile
from lockfiles.lockfile import SettingValue
from resolver.errors import InputError
from resolver.fetch.lock_policy import LockPolicy
from resolver.locking.document import RecordedInputs, build_lockfile
from resolver.planning.from_lock import has_own_digest, parse_list, plan_from_lock
from resolver.targets.accelerators import UNSPECIFIED, Accelerator, Cpu, Gpu
from resolver.targets.machine_types import parse_machine_types
from resolver.targets.target import Target, parse_python_version
from tests.lock_samples import REQUIREMENTS, TARGET, build_resolution


def build_lock(*lines: str, target: Target = TARGET, settings: dict[str, SettingValue] | None = None) -> Lockfile:
    inputs = RecordedInputs(layers=(lines,), settings=settings or {})
    return build_lockfile(build_resolution(), target=target, requirement_list=REQUIREMENTS, inputs=inputs)


def test_the_plan_has_the_list_target_and_pins_of_the_lock(tmp_path: Path) -> None:
    lock = build_lock("anyio", "idna<4")
    plan = plan_from_lock(lock, path=tmp_path / "pylock.toml", shown="pylock.toml", policy=LockPolicy())
    assert [entry.text for entry in plan.requirement_list.entries] == ["anyio", "idna<4"]
    assert plan.layers == (("anyio", "idna<4"),)
    assert plan.target == TARGET
    assert plan.kept == plan.old == lock
    assert has_own_digest(plan)


@pytest.mark.parametrize("accelerator", [UNSPECIFIED, Cpu(), parse_machine_types(["GPU-A100"]).accelerator])
def test_the_plan_has_the_accelerator_of_the_lock(tmp_path: Path, accelerator: Accelerator) -> None:
    target = Target(python=parse_python_version("3.11"), platform=TARGET.platform, accelerator=accelerator)
    plan = plan_from_lock(
        build_lock("anyio", target=target), path=tmp_path / "pylock.toml", shown="pylock.toml", policy=LockPolicy()
    )
    assert plan.target == target
    assert isinstance(plan.target.accelerator, Gpu) == isinstance(accelerator, Gpu)


def test_settings_are_those_of_the_lock(tmp_path: Path) -> None:
    lock = build_lock("anyio", settings={"no-build": True, "exclude": ("idna",), "overrides": ("anyio<5",)})
    plan = plan_from_lock(lock, path=tmp_path / "pylock.toml", shown="pylock.toml", policy=LockPolicy())
    assert plan.settings.no_build
    assert plan.settings.exclude == (NormalizedName("idna"),)
    assert [entry.text for entry in plan.overrides] == ["anyio<5"]


def test_dependency_metadata_is_replaced_by_the_locked_dependencies(tmp_path: Path) -> None:
    lock = build_lock("anyio", settings={"dependency-metadata": (f"anyio * sha256:{'0' * 64}",)})
    plan = plan_from_lock(lock, path=tmp_path / "pylock.toml", shown="pylock.toml", policy=LockPolicy())
    ((name, requires),) = [(row.name, row.requires_dist) for row in plan.settings.dependency_metadata]
    assert (name, requires) == ("anyio", ("idna",))


def test_variables_of_a_lock_are_not_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "hunter2")
    lock = build_lock("--extra-index-url=https://${TOKEN}@evil.example/simple", "anyio")
    plan = plan_from_lock(lock, path=tmp_path / "pylock.toml", shown="pylock.toml", policy=LockPolicy())
    (location,) = plan.requirement_list.named_locations
    assert "TOKEN" in location.url.text
    assert location.url.secret is None


def test_a_lock_trusts_no_host(tmp_path: Path) -> None:
    found = parse_list(build_lock("--trusted-host=evil.example", "anyio"), path=tmp_path / "pylock.toml")
    assert found.trusted_hosts == ()


def test_paths_of_a_lock_start_from_its_folder(tmp_path: Path) -> None:
    found = parse_list(build_lock("own @ ./own"), path=tmp_path / "pylock.toml")
    (entry,) = found.entries
    assert getattr(entry.direct, "path", None) == str(tmp_path / "own")


def test_a_lock_of_another_tool_is_refused(tmp_path: Path) -> None:
    lock = Lockfile(pylock=build_lock("anyio").pylock)
    with pytest.raises(InputError) as caught:
        plan_from_lock(lock, path=tmp_path / "pylock.toml", shown="pylock.toml", policy=LockPolicy())
    assert str(caught.value) == "`pylock.toml` does not say what it was made from: another tool wrote it"
    assert parse_list(lock, path=tmp_path / "pylock.toml").entries == ()
