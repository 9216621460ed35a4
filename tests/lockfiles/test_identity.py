"""Digests and seals. A change to a golden digest invalidates every image that was built from a lock."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from packaging.pylock import Package, PackageDirectory, PackageVcs, PackageWheel
from packaging.utils import NormalizedName
from packaging.version import Version

from lockfiles import Lockfile, digest, dumps, loads, read, write
from lockfiles.errors import InvalidLockfileError
from lockfiles.identity import has_broken_seal, with_seal
from lockfiles.lockfile import BuildFacts, ToolTable
from tests.lockfiles.samples import COMMIT, build_full_lock, build_package, build_pylock, build_small_lock, build_tool
from tests.lockfiles.strategies import VERSIONS, locks

few = settings(max_examples=60)
SMALL = "pinfold-v1:sha256:8bcfc25178daacea067a1d5cb4be747b1bfbeea848b1fd2c69f363032eeddec7"
FULL = "pinfold-v1:sha256:0201c839e8e2c3aa428fccff9e9f35d2b877faf7774ca82e848beb6f3d45a204"
FOREIGN = "pinfold-v1:sha256:6bdf1e80c5c6e8461e9b43ad3ec689120267f3e06c786188afcfbbf5d5b70e0f"


def change_tool(lock: Lockfile, change: Callable[[ToolTable], ToolTable]) -> Lockfile:
    assert lock.tool is not None
    return replace(lock, tool=change(lock.tool))


def change_package(lock: Lockfile, name: str, **fields: Any) -> Lockfile:
    packages = [replace(package, **fields) if package.name == name else package for package in lock.pylock.packages]
    return replace(lock, pylock=replace(lock.pylock, packages=packages))


def change_wheel(lock: Lockfile, name: str, **fields: Any) -> Lockfile:
    package = next(package for package in lock.pylock.packages if package.name == name)
    assert package.wheels is not None
    return change_package(lock, name, wheels=[replace(package.wheels[0], **fields)])


def test_the_digest_of_two_wheels() -> None:
    assert digest(build_small_lock()) == SMALL


def test_the_digest_of_every_kind_of_source() -> None:
    assert digest(build_full_lock()) == FULL


def test_the_digest_of_a_lock_that_another_tool_wrote() -> None:
    assert digest(replace(build_full_lock(), tool=None)) == FOREIGN


def test_the_serialisation_is_the_documented_one() -> None:
    document = {
        "format": "pinfold-v1",
        "python": "3.11",
        "platform": "manylinux_2_35_x86_64",
        "layers": [["anyio", "idna"]],
        "packages": [
            {"name": "anyio", "version": "4.4.0", "wheels": ["a" * 64]},
            {"name": "idna", "version": "3.7", "wheels": ["b" * 64]},
        ],
    }
    data = json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
    assert digest(build_small_lock()) == f"pinfold-v1:sha256:{hashlib.sha256(data).hexdigest()}"


def test_a_lock_that_was_written_and_read_has_the_same_digest() -> None:
    assert digest(loads(dumps(build_full_lock()))) == FULL


@pytest.mark.parametrize(
    "change",
    [
        lambda tool: replace(tool, accelerator={"machine": "GPU-H100", "driver": "570"}),
        lambda tool: replace(tool, index_strategy="first-index"),
        lambda tool: replace(tool, requirement_digest=f"sha256:{'0' * 64}"),
        lambda tool: replace(tool, exclude_newer=None),
        lambda tool: replace(tool, requirements=(("other",),)),
        lambda tool: replace(tool, credentials=()),
        lambda tool: replace(tool, built=()),
        lambda tool: replace(tool, settings={}),
        lambda tool: replace(tool, requested_by={}),
        lambda tool: replace(tool, python="3.11.4"),
    ],
)
def test_what_installs_the_same_has_the_same_digest(change: Callable[[ToolTable], ToolTable]) -> None:
    assert digest(change_tool(build_full_lock(), change)) == FULL


@pytest.mark.parametrize(
    "fields",
    [
        {"url": "https://mirror.example/x/anyio-4.4.0-py3-none-any.whl"},
        {"size": 7},
        {"hashes": {"sha256": "a" * 64, "sha512": "b" * 128}},
    ],
)
def test_where_a_file_lies_does_not_count(fields: dict[str, Any]) -> None:
    assert digest(change_wheel(build_small_lock(), "anyio", **fields)) == SMALL


def test_index_and_dependencies_do_not_count() -> None:
    assert digest(change_package(build_small_lock(), "anyio", index=None, dependencies=[{"name": "idna"}])) == SMALL


def test_where_a_git_tree_lies_and_what_was_asked_for_does_not_count() -> None:
    tree = PackageVcs(
        type="git", url="https://fork.example/a.git", requested_revision="v1", commit_id=COMMIT, subdirectory="python"
    )
    assert digest(change_package(build_full_lock(), "app", vcs=tree)) == FULL


def test_where_a_folder_with_known_content_lies_does_not_count() -> None:
    folder = PackageDirectory(path="elsewhere", editable=True)
    assert digest(change_package(build_full_lock(), "plugin", directory=folder)) == FULL


def change_build(name: str, facts: BuildFacts) -> Callable[[Lockfile], Lockfile]:
    def change(lock: Lockfile) -> Lockfile:
        return change_tool(lock, lambda tool: replace(tool, build={**tool.build, NormalizedName(name): facts}))

    return change


@pytest.mark.parametrize(
    "change",
    [
        lambda lock: change_tool(lock, lambda tool: replace(tool, python="3.12")),
        lambda lock: change_tool(lock, lambda tool: replace(tool, python="3.11t")),
        lambda lock: change_tool(lock, lambda tool: replace(tool, platform="musllinux_1_2_x86_64")),
        lambda lock: change_tool(lock, lambda tool: replace(tool, layers=tool.layers[::-1])),
        lambda lock: change_tool(lock, lambda tool: replace(tool, layers=(tool.layers[0][::-1], tool.layers[1]))),
        lambda lock: change_tool(lock, lambda tool: replace(tool, layers=((*tool.layers[0], *tool.layers[1]),))),
        lambda lock: change_wheel(lock, "anyio", hashes={"sha256": "0" * 64}),
        lambda lock: change_package(
            lock, "app", vcs=PackageVcs(type="git", url="https://a.example/", commit_id="0" * 40, subdirectory="python")
        ),
        lambda lock: change_package(
            lock, "app", vcs=PackageVcs(type="git", url="https://a.example/", commit_id=COMMIT)
        ),
        lambda lock: change_package(lock, "plugin", directory=PackageDirectory(path="../plugin")),
        lambda lock: change_package(
            lock, "plugin", directory=PackageDirectory(path="../plugin", editable=True, subdirectory="x")
        ),
        change_build("plugin", BuildFacts(content=f"sha256:{'0' * 64}")),
        change_build("idna", BuildFacts()),
        lambda lock: change_tool(
            lock,
            lambda tool: replace(tool, build_wheels=(replace(tool.build_wheels[0], sha256="0" * 64),)),
        ),
        lambda lock: change_tool(lock, lambda tool: replace(tool, build_wheels=())),
        change_build("app", BuildFacts(isolation=True)),
        change_build("app", BuildFacts(isolation=False, requirements=("hatchling==1.25.0",))),
        change_build("app", BuildFacts(isolation=False, config_settings=(("a", f"sha256:{'0' * 64}"),))),
    ],
)
def test_what_installs_something_else_has_another_digest(change: Callable[[Lockfile], Lockfile]) -> None:
    changed = change(build_full_lock())
    assert digest(changed) != FULL
    assert digest(loads(dumps(changed))) == digest(changed)


def test_place_of_what_a_build_installs_does_not_count() -> None:
    def move(tool: ToolTable) -> ToolTable:
        wheel = replace(tool.build_wheels[0], url=None, path="wheels/flit_core-3.9.0-py3-none-any.whl", index=None)
        return replace(tool, build_wheels=(wheel,))

    assert digest(change_tool(build_full_lock(), move)) == FULL


def test_build_facts_of_a_wheel_do_not_count() -> None:
    facts = {NormalizedName("anyio"): BuildFacts(isolation=False)}
    assert digest(change_tool(build_small_lock(), lambda tool: replace(tool, build=facts))) == SMALL


def test_a_missing_build_entry_means_a_plain_build() -> None:
    lock = change_build("idna", BuildFacts())(build_full_lock())
    bare = change_tool(
        lock, lambda tool: replace(tool, build={name: f for name, f in tool.build.items() if name != "idna"})
    )
    assert digest(bare) == digest(lock)


def test_a_foreign_lock_counts_what_decides_where_it_installs() -> None:
    lock = Lockfile(pylock=build_pylock(build_package("anyio", "4.4.0")))
    others = (
        replace(lock, pylock=replace(lock.pylock, requires_python=None)),
        replace(lock, pylock=replace(lock.pylock, environments=None)),
        replace(lock, pylock=replace(lock.pylock, dependency_groups=["dev"])),
        Lockfile(pylock=lock.pylock, tool=build_tool("anyio")),
    )
    assert len({digest(lock), *(digest(other) for other in others)}) == 5


def test_a_second_wheel_of_a_foreign_lock_counts_in_any_order() -> None:
    package = build_package("anyio", "4.4.0")
    assert package.wheels is not None
    second = PackageWheel(
        name="anyio-4.4.0-cp311-cp311-win_amd64.whl", url="https://files.example/a.whl", hashes={"sha256": "c" * 64}
    )
    pair = [
        Lockfile(pylock=build_pylock(replace(package, wheels=wheels)))
        for wheels in ([package.wheels[0], second], [second, package.wheels[0]])
    ]
    assert digest(pair[0]) == digest(pair[1])
    assert digest(pair[0]) != digest(Lockfile(pylock=build_pylock(package)))


own_locks = locks().filter(lambda lock: lock.tool is not None and bool(lock.pylock.packages))


def rename(lock: Lockfile, data: st.DataObject) -> Lockfile:
    with TemporaryDirectory() as folder:
        path = Path(folder) / data.draw(st.sampled_from(["pylock.toml", "pylock.gpu-a100.toml", "pylock.x.toml"]))
        write(lock, path)
        return read(path)


def reorder(lock: Lockfile, data: st.DataObject) -> Lockfile:
    """Packages, wheels, hashes and dependencies in another order: none of them has one that means something."""

    def turn(package: Package) -> Package:
        wheels = None if package.wheels is None else data.draw(st.permutations(package.wheels))
        needed = None if package.dependencies is None else data.draw(st.permutations(package.dependencies))
        return replace(package, wheels=wheels, dependencies=needed)

    packages = [turn(package) for package in data.draw(st.permutations(lock.pylock.packages))]
    return replace(lock, pylock=replace(lock.pylock, packages=packages))


def rotate(lock: Lockfile, data: st.DataObject) -> Lockfile:
    """Other placeholders in the list, other hosts that need credentials, files from a mirror."""
    token = data.draw(st.sampled_from(["${OLD}", "${NEW}"]))

    def move(package: Package) -> Package:
        wheels = None if package.wheels is None else [_mirror(wheel, token) for wheel in package.wheels]
        index = None if package.index is None else f"https://{token}@mirror.example/simple/"
        return replace(package, wheels=wheels, index=index)

    changed = replace(lock, pylock=replace(lock.pylock, packages=[move(one) for one in lock.pylock.packages]))
    line = ("--index-url", f"https://{token}@index.example/simple/")
    return change_tool(
        changed, lambda tool: replace(tool, credentials=("mirror.example",), requirements=(line, *tool.requirements))
    )


def _mirror(wheel: PackageWheel, token: str) -> PackageWheel:
    return PackageWheel(name=wheel.name, url=f"https://mirror.example/{token}/{wheel.name}", hashes=wheel.hashes)


def refresh(lock: Lockfile, data: st.DataObject) -> Lockfile:
    """What the data says of machines and drivers, and every digest that depends on it."""
    facts = data.draw(
        st.dictionaries(st.sampled_from(["driver", "driver-source", "cuda", "why"]), st.text("0123.", max_size=5))
    )
    digest_text = f"sha256:{data.draw(st.sampled_from('abc')) * 64}"
    return change_tool(lock, lambda tool: replace(tool, accelerator=facts, requirement_digest=digest_text))


@few
@given(own_locks, st.data(), st.lists(st.sampled_from([rename, reorder, rotate, refresh]), min_size=1, max_size=4))
def test_no_change_that_installs_the_same_changes_the_digest(
    lock: Lockfile, data: st.DataObject, changes: list[Callable[[Lockfile, st.DataObject], Lockfile]]
) -> None:
    changed = lock
    for change in sorted(changes, key=lambda one: one is not rename):
        changed = change(changed, data)
    assert digest(changed) == digest(lock)


def change_version(lock: Lockfile, data: st.DataObject) -> Lockfile:
    package = data.draw(st.sampled_from([one for one in lock.pylock.packages if one.version is not None]))
    version = data.draw(st.sampled_from([Version(text) for text in VERSIONS if Version(text) != package.version]))
    return change_package(lock, package.name, version=version)


def change_python(lock: Lockfile, data: st.DataObject) -> Lockfile:
    return change_tool(lock, lambda tool: replace(tool, python=data.draw(st.sampled_from(["3.10", "3.12", "3.11t"]))))


def change_platform(lock: Lockfile, data: st.DataObject) -> Lockfile:
    return change_tool(
        lock,
        lambda tool: replace(tool, platform=data.draw(st.sampled_from(["macosx_14_0_arm64", "musllinux_1_2_x86_64"]))),
    )


def change_layers(lock: Lockfile, data: st.DataObject) -> Lockfile:
    """One name more, in a layer that is there or in one of its own."""
    assert lock.tool is not None
    name = data.draw(st.sampled_from([package.name for package in lock.pylock.packages]))
    layers = [*lock.tool.layers, ()]
    place = data.draw(st.integers(0, len(layers) - 1))
    layers[place] = (*layers[place], name)
    return change_tool(lock, lambda tool: replace(tool, layers=tuple(layer for layer in layers if layer)))


@few
@given(own_locks, st.data(), st.sampled_from([change_version, change_python, change_platform, change_layers]))
def test_every_change_that_installs_something_else_changes_the_digest(
    lock: Lockfile, data: st.DataObject, change: Callable[[Lockfile, st.DataObject], Lockfile]
) -> None:
    assume(change is not change_version or any(package.version is not None for package in lock.pylock.packages))
    changed = change(lock, data)
    assert digest(changed) != digest(lock)
    assert digest(refresh(rotate(reorder(changed, data), data), data)) == digest(changed)


def test_lock_as_it_was_written_is_not_edited(tmp_path: Path) -> None:
    write(build_full_lock(), tmp_path / "pylock.toml")

    assert not read(tmp_path / "pylock.toml").is_edited


@pytest.mark.parametrize(
    ("old", "new"),
    [("a" * 64, "c" * 64), ("4.4.0", "4.5.0"), ("layer 0: anyio", "layer 0: idna"), ("size = 1000", "size = 1001")],
)
def test_any_edit_breaks_the_seal(old: str, new: str) -> None:
    assert loads(dumps(build_small_lock()).replace(old, new)).is_edited


def test_layout_and_comments_do_not_matter() -> None:
    text = dumps(build_small_lock())
    head, table, rest = text.partition("[tool.pinfold]\n")

    assert not loads(f"# a comment\n{head}\n\n{table}\n# another\n{rest}").is_edited


def test_lock_without_a_seal_has_none_to_break() -> None:
    lines = [line for line in dumps(build_small_lock()).splitlines() if not line.startswith("contents = ")]

    assert not loads("\n".join(lines)).is_edited


def test_seal_does_not_cover_itself() -> None:
    document = tomllib.loads(dumps(build_small_lock()))

    assert document["tool"]["pinfold"]["contents"].startswith("sha256:")
    assert with_seal(document) == document
    assert not has_broken_seal(document)


def test_seal_that_is_no_hash_is_a_fault() -> None:
    text = dumps(build_small_lock()).replace('contents = "sha256:', 'contents = "md5:')

    with pytest.raises(InvalidLockfileError, match=r"tool\.pinfold\.contents"):
        loads(text)


def test_edited_lock_is_equal_to_one_with_the_same_content() -> None:
    edited = loads(dumps(build_small_lock()).replace("4.4.0", "4.5.0"))

    assert loads(dumps(edited)) == edited
    assert not loads(dumps(edited)).is_edited
