from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from packaging.utils import NormalizedName
from packaging.version import Version

from lockfiles import Lockfile
from lockfiles.comparison import LineChange
from resolver.locking.document import RecordedInputs, build_lockfile
from resolver.planning.check import PinMissing, check_lockfile, requirement_digest
from resolver.requirements.entry import Entry
from resolver.targets.platforms import parse_platform
from resolver.targets.target import Target, parse_python_version
from tests.lock_samples import ANYIO, CANONICAL, IDNA, REQUIREMENTS, SETTINGS, TARGET, build_entry, build_resolution


def build_lock() -> Lockfile:
    return build_lockfile(
        build_resolution(),
        target=TARGET,
        requirement_list=REQUIREMENTS,
        inputs=RecordedInputs(layers=CANONICAL, settings=SETTINGS),
    )


def differences(lockfile: Lockfile | None = None, **changes: Any) -> list[str]:
    arguments: dict[str, Any] = {
        "canonical_layers": CANONICAL,
        "settings": SETTINGS,
        "target": TARGET,
        "entries": REQUIREMENTS.entries,
        **changes,
    }
    return [str(difference) for difference in check_lockfile(lockfile or build_lock(), **arguments)]


def with_entries(*entries: Entry) -> Sequence[Entry]:
    return (*REQUIREMENTS.entries, *entries)


def test_an_unchanged_list_fits() -> None:
    assert differences() == []


def test_an_added_line_is_shown() -> None:
    layers = ((*CANONICAL[0], "httpx<1"), CANONICAL[1])
    entry = build_entry("httpx<1", item=2, specifier="<1")
    assert differences(canonical_layers=layers, entries=with_entries(entry)) == [
        "+ httpx<1",
        "requirements[0][2]: `httpx<1` has no pin in the lock",
    ]


def test_a_removed_line_is_shown() -> None:
    layers = (CANONICAL[0][:1], CANONICAL[1])
    assert differences(canonical_layers=layers, entries=(ANYIO, IDNA)) == ['- colorama ; sys_platform == "win32"']


def test_a_changed_line_is_removed_and_added() -> None:
    layers = (("anyio[trio]>=5", *CANONICAL[0][1:]), CANONICAL[1])
    entry = build_entry("anyio[trio]>=5", item=0, specifier=">=5", extras=("trio",))
    assert differences(canonical_layers=layers, entries=(entry, IDNA)) == [
        "- anyio[trio]>=4",
        "+ anyio[trio]>=5",
        "requirements[0][0]: `anyio[trio]>=5` is not satisfied by anyio 4.4.0",
    ]


def test_a_moved_line_is_removed_and_added() -> None:
    layers = (CANONICAL[0][::-1], CANONICAL[1])
    assert differences(canonical_layers=layers) == [
        '+ colorama ; sys_platform == "win32"',
        '- colorama ; sys_platform == "win32"',
    ]


def test_a_flag_is_shown_with_its_value() -> None:
    layers = (("--index-url", "https://index.example/simple/", *CANONICAL[0]), CANONICAL[1])
    assert differences(canonical_layers=layers) == ["+ --index-url https://index.example/simple/"]


def test_differences_are_data_first() -> None:
    layers = (*CANONICAL[:1], (*CANONICAL[1], "httpx"))
    entry = build_entry("httpx", item=1, layer=1)
    found = check_lockfile(
        build_lock(), canonical_layers=layers, settings=SETTINGS, target=TARGET, entries=with_entries(entry)
    )
    assert found == (
        LineChange(layer=1, text="httpx", is_added=True),
        PinMissing(position=entry.position, text="httpx", name=NormalizedName("httpx")),
    )


def test_another_number_of_layers_is_shown() -> None:
    layers = ((*CANONICAL[0], *CANONICAL[1]),)
    assert differences(canonical_layers=layers) == [
        "layers: 2 -> 1",
        "+ --no-build-isolation",
        "+ idna",
        "- --no-build-isolation",
        "- idna",
    ]


def test_another_target_is_shown() -> None:
    target = Target(python=parse_python_version("3.12"), platform=parse_platform("musllinux_1_2_aarch64"))
    assert differences(target=target) == [
        "Python: 3.11 -> 3.12",
        "platform: manylinux_2_35_x86_64 -> musllinux_1_2_aarch64",
    ]


def test_an_equal_target_in_other_words_fits() -> None:
    assert differences(target=Target(python=parse_python_version("3.11.0"))) == []


def test_other_settings_are_shown_with_both_values() -> None:
    assert differences(settings={"no-build": True, "no-binary": ("a", "b")}, index_strategy="best-match") == [
        "setting `flag-scope`: `list` -> not set",
        "setting `index-strategy`: `first-index` -> `best-match`",
        "setting `no-binary`: not set -> `a b`",
        "setting `no-build`: false -> true",
    ]


def test_an_entry_with_a_false_marker_needs_no_pin() -> None:
    entry = build_entry("pywin32", item=9, marker='sys_platform == "win32"')
    assert differences(entries=with_entries(entry)) == []


def test_a_constraint_binds_only_what_is_locked() -> None:
    constraints = (
        build_entry("httpx<1", item=0, specifier="<1"),
        build_entry("idna<3", item=1, specifier="<3"),
    )
    assert differences(constraints=constraints) == ["requirements[0][1]: `idna<3` is not satisfied by idna 3.7"]


def test_an_overridden_project_need_not_satisfy_its_entry() -> None:
    entry = build_entry("idna<3", item=9, specifier="<3")
    assert IDNA.name is not None
    assert differences(entries=with_entries(entry), overridden=frozenset({IDNA.name})) == []


def test_a_locked_prerelease_satisfies_its_entry() -> None:
    lock = build_lock()
    idna = replace(lock.pylock.packages[1], version=Version("4.0rc1"))
    lock = replace(lock, pylock=replace(lock.pylock, packages=[lock.pylock.packages[0], idna]))
    assert differences(lock, entries=with_entries(build_entry("idna>=3.7", item=9, specifier=">=3.7"))) == []


def test_extras_that_were_not_requested_are_shown() -> None:
    entry = build_entry("anyio[test,doc]", item=9, extras=("test", "doc", "trio"))
    assert differences(entries=with_entries(entry)) == [
        "requirements[0][9]: `anyio[test,doc]` asks for `doc`, `test`, which the lock does not have for anyio 4.4.0"
    ]


def test_a_lock_of_another_tool_is_named_with_its_tool() -> None:
    lock = build_lock()
    foreign = Lockfile(pylock=replace(lock.pylock, created_by="pip"))
    assert differences(foreign) == ["the lock was written by `pip` and holds no `[tool.pinfold]` to compare with"]


def test_the_requirement_digest_depends_on_list_settings_and_target() -> None:
    digests = {
        requirement_digest(CANONICAL, SETTINGS, TARGET),
        requirement_digest(CANONICAL[::-1], SETTINGS, TARGET),
        requirement_digest(CANONICAL, {}, TARGET),
        requirement_digest(CANONICAL, SETTINGS, Target(python=parse_python_version("3.11.4"))),
    }
    assert len(digests) == 4


def test_the_requirement_digest_does_not_depend_on_the_order_of_settings() -> None:
    turned = dict(reversed(SETTINGS.items()))
    assert requirement_digest(CANONICAL, turned, TARGET) == requirement_digest(CANONICAL, SETTINGS, TARGET)


def test_importing_it_loads_no_solver_no_index_and_no_network() -> None:
    program = "import sys, resolver.planning.check; print(*sys.modules)"
    loaded = set(
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    )
    unwanted = {
        "resolvelib",
        "httpx",
        "hishel",
        "rich",
        "tomli_w",
        "resolver.solve",
        "resolver.index",
        "resolver.locking.document",
    }
    assert loaded & unwanted == set()
