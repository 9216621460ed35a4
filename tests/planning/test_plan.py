"""A plan resolves paths, fills in defaults, and keeps what the old lock decided."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from packaging.utils import NormalizedName

from lockfiles import Lockfile, write
from resolver.errors import InputError
from resolver.locking.document import RecordedInputs, build_lockfile
from resolver.planning.plan import read_old_lock, share_old_locks
from resolver.settings.settings import Settings
from tests.lock_samples import REQUIREMENTS, SETTINGS, TARGET, build_resolution
from tests.planning.plans import make_plan


def build_old(exclude_newer: str | None = None, setting: str | None = None) -> Lockfile:
    settings = SETTINGS if setting is None else {**SETTINGS, "exclude-newer": setting}
    inputs = RecordedInputs(layers=(), settings=settings, exclude_newer=exclude_newer)
    return build_lockfile(build_resolution(), target=TARGET, requirement_list=REQUIREMENTS, inputs=inputs)


def test_a_path_is_absolute_for_the_solver_and_relative_to_the_lock_for_the_lock(tmp_path: Path) -> None:
    plan = make_plan(tmp_path, "own @ ./own", path=tmp_path / "locks" / "pylock.toml")
    (entry,) = plan.requirement_list.entries
    assert getattr(entry.direct, "path", None) == str(tmp_path / "own")
    assert plan.layers == (("own @ ../own",),)


def test_a_constraint_file_of_the_settings_is_relative_to_their_file(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "overrides.txt").write_text("numpy<2\n")
    settings = Settings(override=("overrides.txt",))
    plan = make_plan(tmp_path, "numpy", settings=settings, settings_path=tmp_path / "inner" / "pyproject.toml")
    assert [entry.text for entry in plan.overrides] == ["numpy<2"]
    assert plan.recorded_settings == {"overrides": ("numpy<2",)}


def test_a_file_that_command_line_and_settings_name_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "overrides.txt").write_text("numpy<2\n")
    named = Settings(override=("overrides.txt",))
    plan = make_plan(tmp_path, "numpy", settings=named, arguments=named)
    assert [entry.text for entry in plan.overrides] == ["numpy<2"]


def test_index_url_of_the_command_line_replaces_that_of_the_settings(tmp_path: Path) -> None:
    settings = Settings(index_url="https://${TOKEN}@index.example/simple")
    plan = make_plan(tmp_path, "numpy", settings=settings, variables={"TOKEN": "hunter2"})
    assert plan.default_index is not None
    assert plan.default_index.public == "https://index.example/simple"
    assert plan.recorded_settings["index-url"] == plan.default_index.text
    assert "hunter2" not in repr(plan)
    other = make_plan(tmp_path, "numpy", settings=settings, arguments=Settings(index_url="https://o.example/simple"))
    assert other.default_index is None


@pytest.mark.parametrize(
    ("old", "upgrade", "instant"),
    [
        (None, False, "2026-05-03T00:00:00Z"),
        (build_old("2026-01-01T00:00:00Z", "7 days"), False, "2026-01-01T00:00:00Z"),
        (build_old("2026-01-01T00:00:00Z", "7 days"), True, "2026-05-03T00:00:00Z"),
        (build_old("2026-01-01T00:00:00Z", "9 days"), False, "2026-05-03T00:00:00Z"),
    ],
)
def test_a_relative_cut_off_keeps_the_instant_of_the_old_lock(
    tmp_path: Path, old: Lockfile | None, upgrade: bool, instant: str
) -> None:
    settings = Settings(exclude_newer="7 days")
    plan = make_plan(tmp_path, "numpy", settings=settings, old=old, upgrade=upgrade)
    assert plan.exclude_newer == instant


def test_plans_of_one_list_for_equal_targets_keep_the_pins_of_one_old_lock(tmp_path: Path) -> None:
    without = make_plan(tmp_path, "numpy")
    old = build_old()
    first, second = share_old_locks([without, replace(without, old=old, kept=old, exclude_newer="instant")])
    assert (first.kept, first.old, first.exclude_newer) == (old, None, "instant")
    assert second.kept == old


def test_plans_of_other_lists_share_nothing(tmp_path: Path) -> None:
    plan, other = make_plan(tmp_path, "numpy"), make_plan(tmp_path, "scipy")
    old = build_old()
    first, _ = share_old_locks([plan, replace(other, old=old, kept=old)])
    assert first.kept is None


def test_there_is_no_old_lock_where_there_is_no_file(tmp_path: Path) -> None:
    assert read_old_lock(None, folder=tmp_path) is None
    assert read_old_lock(tmp_path / "pylock.toml", folder=tmp_path) is None


def test_an_old_lock_is_read(tmp_path: Path) -> None:
    path = tmp_path / "pylock.toml"
    write(build_old(), path)
    old = read_old_lock(path, folder=tmp_path)
    assert old is not None
    assert [package.name for package in old.pylock.packages] == [NormalizedName("anyio"), NormalizedName("idna")]


def test_an_old_lock_that_cannot_be_read_is_named_from_the_current_folder(tmp_path: Path) -> None:
    (tmp_path / "pylock.toml").mkdir()
    with pytest.raises(InputError) as caught:
        read_old_lock(tmp_path / "pylock.toml", folder=tmp_path)
    assert str(caught.value) == (
        "the old lock `pylock.toml` cannot be read: is a directory\n  try: mend it, or delete it to lock afresh"
    )
