from __future__ import annotations

from dataclasses import replace

from packaging.pylock import PackageVcs
from packaging.version import Version

from lockfiles import Lockfile, compare
from lockfiles.comparison import FactChange, LineChange
from tests.lockfiles.samples import (
    build_full_lock,
    build_package,
    build_pylock,
    build_small_lock,
    build_tool,
    build_wheel,
)


def lock_of(*pins: tuple[str, str]) -> Lockfile:
    names = [name for name, _ in pins]
    return Lockfile(pylock=build_pylock(*(build_package(*pin) for pin in pins)), tool=build_tool(*names))


def test_equal_locks_have_an_empty_comparison() -> None:
    comparison = compare(build_full_lock(), build_full_lock())
    assert not comparison
    assert str(comparison) == ""


def test_pins_are_told_by_name_with_what_happened_to_them() -> None:
    old = lock_of(("anyio", "4.3.0"), ("idna", "3.7"), ("sniffio", "1.3.1"))
    new = lock_of(("anyio", "4.4.0"), ("httpcore", "1.0.5"), ("idna", "3.7"))
    comparison = compare(old, new)
    assert [str(pin) for pin in comparison.added] == ["httpcore 1.0.5"]
    assert [str(pin) for pin in comparison.removed] == ["sniffio 1.3.1"]
    assert [(change.old.version, change.new.version) for change in comparison.changed] == [
        (Version("4.3.0"), Version("4.4.0"))
    ]
    assert [(change.name, change.facts != ()) for change in comparison.changed] == [("anyio", True)]
    assert str(comparison).splitlines()[:3] == ["~ anyio 4.3.0 -> 4.4.0", "+ httpcore 1.0.5", "- sniffio 1.3.1"]


def test_another_hash_of_the_same_file_shows_both() -> None:
    old = Lockfile(pylock=build_pylock(build_package("anyio", "4.4.0")))
    new = Lockfile(pylock=build_pylock(build_package("anyio", "4.4.0", sha256="b" * 64)))
    assert str(compare(old, new)) == (
        f"~ anyio 4.4.0: `anyio-4.4.0-py3-none-any.whl` had sha256 {'a' * 64}, now {'b' * 64}"
    )


def test_another_file_of_the_same_version_shows_both() -> None:
    package = build_package("anyio", "4.4.0")
    wheel = replace(build_wheel("anyio", "4.4.0"), name="anyio-4.4.0-cp311-cp311-win_amd64.whl")
    old, new = (Lockfile(pylock=build_pylock(item)) for item in (package, replace(package, wheels=[wheel])))
    assert str(compare(old, new)) == (
        "~ anyio 4.4.0: anyio-4.4.0-py3-none-any.whl -> anyio-4.4.0-cp311-cp311-win_amd64.whl"
    )


def test_another_index_shows_both() -> None:
    old = Lockfile(pylock=build_pylock(build_package("anyio", "4.4.0")))
    new = Lockfile(pylock=build_pylock(build_package("anyio", "4.4.0", index="https://other.example/simple/")))
    assert str(compare(old, new)) == (
        "~ anyio 4.4.0: index https://index.example/simple/ -> https://other.example/simple/"
    )


def test_a_branch_that_moved_shows_both_commits() -> None:
    old = build_full_lock()
    tree = PackageVcs(type="git", url="https://git.example/team/app.git", commit_id="f" * 40, subdirectory="python")
    packages = [replace(item, vcs=tree) if item.name == "app" else item for item in old.pylock.packages]
    new = replace(old, pylock=replace(old.pylock, packages=packages))
    assert str(compare(old, new)) == f"~ app 0123456789abcdef0123456789abcdef01234567 -> {'f' * 40}"


def test_another_target_is_told_apart_from_pins() -> None:
    old = build_small_lock()
    assert old.tool is not None
    new = replace(old, tool=replace(old.tool, python="3.12", platform="win_amd64"))
    comparison = compare(old, new)
    assert comparison.target == (
        FactChange(key="tool.pinfold.platform", old="manylinux_2_35_x86_64", new="win_amd64"),
        FactChange(key="tool.pinfold.python", old="3.11", new="3.12"),
    )
    assert str(comparison) == (
        'target tool.pinfold.platform: "manylinux_2_35_x86_64" -> "win_amd64"\n'
        'target tool.pinfold.python: "3.11" -> "3.12"'
    )


def test_another_setting_is_told_with_both_values() -> None:
    old = build_small_lock()
    assert old.tool is not None
    new = replace(old, tool=replace(old.tool, settings={"pre": True}, index_strategy="best-match"))
    assert compare(old, new).settings == (
        FactChange(key="tool.pinfold.index-strategy", old="first-index", new="best-match"),
        FactChange(key="tool.pinfold.settings.pre", old=None, new=True),
    )
    assert str(compare(old, new)) == (
        'setting tool.pinfold.index-strategy: "first-index" -> "best-match"\n'
        "setting tool.pinfold.settings.pre: none -> true"
    )


def test_lines_of_the_list_are_told_with_their_flags() -> None:
    old = build_small_lock()
    assert old.tool is not None
    requirements = (("--extra-index-url", "https://other.example/simple/", "anyio"),)
    new = replace(old, tool=replace(old.tool, requirements=requirements))
    comparison = compare(old, new)
    assert comparison.requirements == (
        LineChange(layer=0, text="idna", is_added=False),
        LineChange(layer=0, text="--extra-index-url https://other.example/simple/", is_added=True),
    )
    assert str(comparison) == "list - idna\nlist + --extra-index-url https://other.example/simple/"


def test_lines_in_another_order_are_a_difference() -> None:
    old = build_small_lock()
    assert old.tool is not None
    new = replace(old, tool=replace(old.tool, requirements=(("idna", "anyio"),)))
    assert str(compare(old, new)) == "also tool.pinfold.requirements"


def test_what_concerns_no_pin_is_one_line() -> None:
    old = build_small_lock()
    assert old.tool is not None
    new = replace(old, tool=replace(old.tool, requested_by={}, requirement_digest=f"sha256:{'0' * 64}"))
    assert str(compare(old, new)) == ("also tool.pinfold.requirement-digest, who asked for 2 pins")


def test_a_list_and_a_number_stay_what_they_are() -> None:
    old = build_small_lock()
    assert old.tool is not None
    new, other = (
        replace(old, tool=replace(old.tool, settings={"no-binary": value})) for value in (("anyio", "idna"), True)
    )
    assert compare(old, new).settings == (
        FactChange(key="tool.pinfold.settings.no-binary", old=None, new=("anyio", "idna")),
    )
    assert str(compare(new, other)) == 'setting tool.pinfold.settings.no-binary: ["anyio", "idna"] -> true'
    assert hash(compare(old, new)) != hash(compare(old, other))


def test_a_lock_of_another_tool_can_be_compared() -> None:
    old = replace(build_small_lock(), tool=None)
    comparison = compare(old, build_small_lock())
    assert not comparison.changed
    assert [line.text for line in comparison.requirements] == ["anyio", "idna"]


def test_a_file_that_only_moved_shows_both_urls() -> None:
    package = build_package("anyio", "4.4.0")
    wheel = build_wheel("anyio", "4.4.0", url="https://mirror.example/anyio-4.4.0-py3-none-any.whl")
    old, new = (Lockfile(pylock=build_pylock(item)) for item in (package, replace(package, wheels=[wheel])))
    assert str(compare(old, new)) == (
        '~ anyio 4.4.0: wheels[0].url: "https://files.example/packages/anyio-4.4.0-py3-none-any.whl" -> '
        '"https://mirror.example/anyio-4.4.0-py3-none-any.whl"'
    )
