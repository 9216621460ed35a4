from __future__ import annotations

import platform as host
import re
import sys
import sysconfig
from unittest import mock

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from packaging import _manylinux
from packaging.markers import Marker, default_environment
from packaging.tags import sys_tags

from resolver.errors import TargetError
from resolver.targets.platforms import parse_platform
from resolver.targets.target import PythonVersion, Target, parse_python_version
from tests.targets.strategies import TARGETS


@pytest.mark.parametrize(
    ("text", "minor", "patch", "free_threaded"),
    [
        ("3.11", 11, 0, False),
        ("3.11.4", 11, 4, False),
        (" 3.8 ", 8, 0, False),
        ("3.13t", 13, 0, True),
        ("3.13.2t", 13, 2, True),
        ("3.14+freethreaded", 14, 0, True),
        ("cpython-3.12", 12, 0, False),
        ("CPython@3.12.1", 12, 1, False),
        ("python3.10", 10, 0, False),
        ("cp39", 9, 0, False),
        ("cp315t", 15, 0, True),
        ("312", 12, 0, False),
    ],
)
def test_each_form_of_a_version_is_read(text: str, minor: int, patch: int, free_threaded: bool) -> None:
    assert parse_python_version(text) == PythonVersion(minor=minor, patch=patch, free_threaded=free_threaded)


@given(
    minor=st.integers(13, 15),
    patch=st.integers(0, 40),
    patch_given=st.booleans(),
    free_threaded=st.booleans(),
)
def test_a_version_is_read_back_from_its_text(minor: int, patch: int, patch_given: bool, free_threaded: bool) -> None:
    version = PythonVersion(
        minor=minor, patch=patch if patch_given else 0, free_threaded=free_threaded, patch_given=patch_given
    )
    again = parse_python_version(str(version))
    assert (again, again.patch_given) == (version, patch_given)


def test_a_given_patch_of_zero_is_the_same_version_but_remembered() -> None:
    given_patch, short = parse_python_version("3.11.0"), parse_python_version("3.11")
    assert given_patch == short
    assert (str(given_patch), str(short)) == ("3.11.0", "3.11")


@pytest.mark.parametrize("text", ["", "3", "3.x", ">=3.11", "3.11.x", "pypy3.10", "3112", "3 11", "3.15.0rc1", "cp"])
def test_a_text_that_is_no_cpython_version_is_refused(text: str) -> None:
    with pytest.raises(TargetError) as caught:
        parse_python_version(text)
    assert str(caught.value) == (
        f"`{text}` is no CPython version\n  try: `3.11`, `3.11.4`, or `3.13t` for a free-threaded build"
    )


@pytest.mark.parametrize("text", ["2.7", "3.7", "3.16", "cp37", "4.0"])
def test_a_version_outside_the_supported_ones_is_refused(text: str) -> None:
    with pytest.raises(TargetError) as caught:
        parse_python_version(text)
    assert str(caught.value) == f"Python `{text}` is not supported: CPython 3.8 to 3.15 are"


def test_a_free_threaded_build_before_it_existed_is_refused() -> None:
    with pytest.raises(TargetError) as caught:
        parse_python_version("3.12t")
    assert str(caught.value) == (
        "Python `3.12t` does not exist: free-threaded builds start with 3.13 (PEP 703)\n  try: `3.12` or `3.13t`"
    )


WINDOWS_32 = parse_platform("win32")


def make_target(python: str, platform: str = "manylinux_2_35_x86_64") -> Target:
    return Target(python=parse_python_version(python), platform=parse_platform(platform))


def host_target() -> Target:
    libc, version = host.libc_ver()
    if sys.platform != "linux" or libc != "glibc" or host.machine() not in {"x86_64", "aarch64"}:
        pytest.skip("the host's own target is made here for Linux with glibc only")
    suffix = "t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""
    return make_target(f"{host.python_version()}{suffix}", f"manylinux_{version.replace('.', '_')}_{host.machine()}")


def test_the_tags_of_the_hosts_own_target_are_those_of_the_interpreter() -> None:
    assert host_target().tags == tuple(sys_tags())


def test_the_environment_of_the_hosts_own_target_is_that_of_the_interpreter() -> None:
    expected = dict(default_environment()) | {"platform_release": "", "platform_version": ""}
    assert dict(host_target().environment) == expected


@given(target=TARGETS)
def test_tag_ranks_hold_the_same_tags_in_the_same_order(target: Target) -> None:
    assert target.tag_ranks == {str(tag): rank for rank, tag in enumerate(target.tags)}


def platform_tags(platform: str) -> list[str]:
    """The platform tags of a target, best first, read from its tags for the interpreter's own ABI."""
    target = Target(python=PythonVersion(minor=11), platform=parse_platform(platform))
    return [tag.platform for tag in target.tags if tag.abi == "cp311"]


@given(arch=st.sampled_from(("x86_64", "aarch64")), minor=st.integers(17, 45))
def test_manylinux_tags_are_those_of_packaging_on_such_a_host(arch: str, minor: int) -> None:
    with (
        mock.patch.object(_manylinux, "_get_glibc_version", return_value=(2, minor)),
        mock.patch.object(_manylinux, "_have_compatible_abi", return_value=True),
        mock.patch.object(_manylinux, "_get_manylinux_module", return_value=None),
    ):
        expected = [f"linux_{arch}", *_manylinux.platform_tags([arch])]
    assert platform_tags(f"manylinux_2_{minor}_{arch}") == expected


def test_musllinux_tags_go_down_to_the_first() -> None:
    assert platform_tags("musllinux_1_2_x86_64") == [
        "linux_x86_64",
        "musllinux_1_2_x86_64",
        "musllinux_1_1_x86_64",
        "musllinux_1_0_x86_64",
    ]


def test_a_32_bit_windows_has_its_own_tag() -> None:
    assert platform_tags("i686-pc-windows-msvc") == ["win32"]


def test_a_wheel_for_the_target_itself_ranks_before_abi3_before_pure_python() -> None:
    ranks = make_target("3.11").tag_ranks
    tags = ("cp311-cp311-manylinux_2_17_x86_64", "cp38-abi3-manylinux_2_17_x86_64", "py3-none-any")
    assert [ranks[tag] for tag in tags] == sorted(ranks[tag] for tag in tags)


@pytest.mark.parametrize(
    "tag",
    ["cp312-cp312-win_amd64", "cp312-abi3-win_amd64", "cp310-cp310-win_amd64", "cp311-cp311-win32", "py312-none-any"],
)
def test_a_tag_of_another_python_abi_or_platform_has_no_rank(tag: str) -> None:
    assert tag not in make_target("3.11", "win_amd64").tag_ranks


def test_a_free_threaded_python_runs_abi3t_and_not_abi3() -> None:
    ranks = make_target("3.15t", "win_amd64").tag_ranks
    assert ranks["cp315-cp315t-win_amd64"] == 0
    assert "cp315-abi3t-win_amd64" in ranks
    assert "cp315-abi3-win_amd64" not in ranks
    assert "cp315-cp315-win_amd64" not in ranks


def test_derived_values_are_computed_once() -> None:
    target = make_target("3.11")
    assert target.tag_ranks is target.tag_ranks
    assert target.environment is target.environment


def test_the_patch_is_zero_unless_given_in_the_environment() -> None:
    assert make_target("3.11").environment["python_full_version"] == "3.11.0"
    assert make_target("3.11.9").environment["python_full_version"] == "3.11.9"


@pytest.mark.parametrize(
    ("platform", "os_name", "sys_platform", "system", "machine"),
    [
        ("manylinux_2_35_aarch64", "posix", "linux", "Linux", "aarch64"),
        ("musllinux_1_2_x86_64", "posix", "linux", "Linux", "x86_64"),
        ("macosx_13_0_arm64", "posix", "darwin", "Darwin", "arm64"),
        ("win_amd64", "nt", "win32", "Windows", "AMD64"),
        ("win_arm64", "nt", "win32", "Windows", "ARM64"),
        ("win32", "nt", "win32", "Windows", "x86"),
    ],
)
def test_the_environment_is_what_an_interpreter_reports_there(
    platform: str, os_name: str, sys_platform: str, system: str, machine: str
) -> None:
    environment = make_target("3.12", platform).environment
    assert environment == {
        "implementation_name": "cpython",
        "implementation_version": "3.12.0",
        "os_name": os_name,
        "platform_machine": machine,
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": system,
        "platform_version": "",
        "python_full_version": "3.12.0",
        "python_version": "3.12",
        "sys_platform": sys_platform,
    }


@given(target=TARGETS)
def test_every_comparison_of_a_platform_release_can_be_evaluated(target: Target) -> None:
    for operator in ("==", "!=", "<", "<=", ">", ">=", "in", "not in"):
        marker = Marker(f'platform_release {operator} "20.1" and platform_version {operator} "#1 SMP"')
        assert marker.evaluate(target.environment) in {True, False}


@given(target=TARGETS)
def test_the_environment_marker_is_true_in_its_own_environment(target: Target) -> None:
    assert Marker(target.environment_marker).evaluate(target.environment)


@given(target=TARGETS, other=TARGETS)
def test_the_environment_marker_is_false_on_another_system_or_architecture(target: Target, other: Target) -> None:
    def system(one: Target) -> tuple[str, str]:
        # A 32-bit Python on Windows reports the 64-bit machine that it runs on.
        machine = one.environment["platform_machine"].replace("x86", "AMD64") if one.platform == WINDOWS_32 else None
        return one.environment["sys_platform"], machine or one.environment["platform_machine"]

    assume(other.platform != WINDOWS_32 or target.platform == WINDOWS_32)
    holds = Marker(target.environment_marker).evaluate(other.environment)
    assert holds == (system(target) == system(other))


def test_the_environment_marker_is_false_on_another_implementation() -> None:
    target = make_target("3.11")
    assert not Marker(target.environment_marker).evaluate({**target.environment, "implementation_name": "pypy"})


def test_the_environment_marker_is_in_the_form_that_packaging_writes() -> None:
    marker = make_target("3.11").environment_marker
    assert marker == str(Marker(marker))
    assert marker == 'sys_platform == "linux" and platform_machine == "x86_64" and implementation_name == "cpython"'


def test_a_32_bit_windows_python_may_report_a_64_bit_machine() -> None:
    target = make_target("3.11", "win32")
    assert target.environment_marker == (
        'sys_platform == "win32" and (platform_machine == "x86" or platform_machine == "AMD64")'
        ' and implementation_name == "cpython"'
    )


def test_requires_python_is_the_minor_version() -> None:
    assert make_target("3.11.4").requires_python == "==3.11.*"


@pytest.mark.parametrize(
    ("python", "platform", "key"),
    [
        ("3.11", "manylinux_2_35_x86_64", "cp311-manylinux_2_35_x86_64"),
        ("3.11.4", "win32", "cp311.4-win32"),
        ("3.13t", "macos", "cp313t-macosx_13_0_arm64"),
        ("3.14.2t", "windows", "cp314t.2-win_amd64"),
    ],
)
def test_the_key_names_python_and_platform(python: str, platform: str, key: str) -> None:
    assert make_target(python, platform).key == key


@given(one=TARGETS, other=TARGETS)
def test_keys_are_equal_for_equal_targets_only(one: Target, other: Target) -> None:
    assert (one.key == other.key) == (one == other)
    assert re.fullmatch(r"[a-z0-9_.-]+", one.key)


def test_a_target_renders_its_python_platform_and_accelerator() -> None:
    assert str(make_target("3.13t", "musllinux_1_2_aarch64")) == "Python 3.13t on musllinux_1_2_aarch64"
