import pytest
from hypothesis import given

from resolver.errors import TargetError
from resolver.targets.platforms import DEFAULT_PLATFORM, Platform, parse_platform
from tests.targets.strategies import PLATFORMS


@given(platform=PLATFORMS)
def test_a_platform_is_read_back_from_its_text(platform: Platform) -> None:
    assert parse_platform(str(platform)) == platform


@pytest.mark.parametrize(
    ("name", "platform"),
    [
        ("linux", "manylinux_2_28_x86_64"),
        ("macos", "macosx_13_0_arm64"),
        ("windows", "win_amd64"),
        ("x86_64-unknown-linux-gnu", "manylinux_2_28_x86_64"),
        ("aarch64-unknown-linux-gnu", "manylinux_2_28_aarch64"),
        ("x86_64-manylinux_2_28", "manylinux_2_28_x86_64"),
        ("aarch64-manylinux2014", "manylinux_2_17_aarch64"),
        ("x86_64-unknown-linux-musl", "musllinux_1_2_x86_64"),
        ("aarch64-unknown-linux-musl", "musllinux_1_2_aarch64"),
        ("aarch64-apple-darwin", "macosx_13_0_arm64"),
        ("x86_64-apple-darwin", "macosx_13_0_x86_64"),
        ("x86_64-pc-windows-msvc", "win_amd64"),
        ("aarch64-pc-windows-msvc", "win_arm64"),
        ("i686-pc-windows-msvc", "win32"),
    ],
)
def test_a_platform_name_of_uv_means_what_it_means_to_uv(name: str, platform: str) -> None:
    assert str(parse_platform(name)) == platform


@pytest.mark.parametrize(
    ("name", "platform"),
    [
        ("manylinux1_x86_64", "manylinux_2_5_x86_64"),
        ("manylinux2010_x86_64", "manylinux_2_12_x86_64"),
        ("manylinux2014_aarch64", "manylinux_2_17_aarch64"),
        (" Manylinux_2_35_X86_64 ", "manylinux_2_35_x86_64"),
        ("macosx_13_3_arm64", "macosx_13_0_arm64"),
        ("macosx_10_15_x86_64", "macosx_10_15_x86_64"),
    ],
)
def test_other_spellings_of_a_wheel_tag_give_its_canonical_text(name: str, platform: str) -> None:
    assert str(parse_platform(name)) == platform


def test_the_default_platform_is_linux_with_a_current_glibc() -> None:
    assert str(DEFAULT_PLATFORM) == "manylinux_2_35_x86_64"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("windwos", "unknown platform `windwos`\n  try: `windows`"),
        (
            "manylinux_2_35_x86",
            "unknown platform `manylinux_2_35_x86`\n  try: `manylinux_2_35_x86_64` or `manylinux_2_28_x86_64`",
        ),
        ("linux/amd64", "unknown platform `linux/amd64`\n  try: `manylinux_2_35_x86_64`"),
        ("linux_aarch64", "unknown platform `linux_aarch64`\n  try: `manylinux_2_35_aarch64`"),
        (
            "amiga",
            "unknown platform `amiga`\n"
            "  try: `manylinux_2_35_x86_64` or `musllinux_1_2_x86_64` or `macosx_13_0_arm64` or `win_amd64`",
        ),
        (
            "riscv64-unknown-linux",
            "platform `riscv64-unknown-linux` is not supported: Linux on x86_64 and aarch64, macOS on x86_64 and arm64,"
            " and Windows on amd64, arm64 and x86 are",
        ),
        (
            "manylinux_2_5_aarch64",
            "platform `manylinux_2_5_aarch64` does not exist: aarch64 wheels are for glibc 2.17 and later 2.x",
        ),
        (
            "manylinux_3_1_x86_64",
            "platform `manylinux_3_1_x86_64` does not exist: x86_64 wheels are for glibc 2.5 and later 2.x",
        ),
        ("musllinux_2_0_x86_64", "platform `musllinux_2_0_x86_64` does not exist: musllinux wheels are for musl 1.x"),
        ("macosx_10_9_arm64", "platform `macosx_10_9_arm64` does not exist: macOS on arm64 starts with 11.0"),
    ],
)
def test_the_error_for_an_impossible_platform_has_a_reason_or_a_suggestion(name: str, message: str) -> None:
    with pytest.raises(TargetError) as caught:
        parse_platform(name)
    assert str(caught.value) == message
