"""The builds of a lock: their order, what their key covers, and the record of what was built."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from packaging.utils import NormalizedName

from lockfiles import Lockfile
from lockfiles.lockfile import BuildFacts
from resolver.artifacts.build_sources import BuiltWheel, SourceBuild, list_builds, read_records, write_records
from resolver.artifacts.wanted import list_wanted
from resolver.errors import InputError
from tests.lockfiles.samples import COMMIT, build_full_lock

ANYIO, APP, IDNA, PLUGIN = (NormalizedName(name) for name in ("anyio", "app", "idna", "plugin"))


def list_all(lockfile: Lockfile) -> dict[NormalizedName, SourceBuild]:
    return {build.package.name: build for build in list_builds(lockfile, list_wanted(lockfile, folder=Path()))}


def edit_build(lockfile: Lockfile, name: NormalizedName, facts: BuildFacts | None) -> Lockfile:
    assert lockfile.tool is not None
    build = {other: kept for other, kept in lockfile.tool.build.items() if other != name}
    if facts is not None:
        build[name] = facts
    return replace(lockfile, tool=replace(lockfile.tool, build=build))


def test_builds_are_in_the_order_of_layers_then_names() -> None:
    builds = list_all(build_full_lock())
    assert list(builds) == [APP, IDNA, PLUGIN]
    assert [build.layer for build in builds.values()] == [0, 0, 1]


def test_sources_are_described_by_file_commit_or_folder() -> None:
    assert [build.described for build in list_all(build_full_lock()).values()] == [
        f"git+https://git.example/team/app.git@{COMMIT}",
        "idna-3.7.tar.gz",
        "../plugin",
    ]


def test_build_without_isolation_comes_after_the_layers_before_it() -> None:
    lockfile = edit_build(build_full_lock(), PLUGIN, BuildFacts(isolation=False))
    builds = list_all(lockfile)
    assert builds[PLUGIN].after == frozenset({ANYIO, APP, IDNA})
    assert builds[APP].after == frozenset()
    assert builds[IDNA].after is None


def test_key_changes_with_settings_of_its_own_build_alone() -> None:
    before = list_all(build_full_lock())
    after = list_all(edit_build(build_full_lock(), IDNA, BuildFacts(requirements=("flit-core==3.9.0",))))
    assert [name for name in before if before[name].key != after[name].key] == [IDNA]


def test_source_without_locked_build_requirements_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        list_all(edit_build(build_full_lock(), PLUGIN, None))
    assert "`plugin`: its build requirements are not locked; `lock` does that" in str(caught.value)


def test_records_are_read_back(tmp_path: Path) -> None:
    wheel = BuiltWheel(key="a" * 64, filename="app-1.0-py3-none-any.whl", sha256="b" * 64)
    write_records(tmp_path / "built.json", {APP: wheel})
    assert read_records(tmp_path / "built.json") == {APP: wheel}


@pytest.mark.parametrize("text", ["", "[]", "{", '{"app": {"key": "a"}}', '{"app": 1}'])
def test_records_that_cannot_be_read_are_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "built.json").write_text(text)
    assert read_records(tmp_path / "built.json") == {}
    assert read_records(tmp_path / "missing.json") == {}
