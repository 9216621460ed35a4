from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    NormalizedName,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import Version

from resolver.errors import Position
from resolver.index.distribution_file import (
    DirectRequest,
    FileName,
    FileNames,
    FixedSource,
    UnreadableNameError,
    is_distribution,
)
from resolver.index.project_page import parse_build_tag
from resolver.requirements.direct_reference import parse_reference

WHEEL = "https://files.example/alpha-1.0-py3-none-any.whl"


def request_wheel(**settings: str) -> DirectRequest:
    return DirectRequest(
        reference=parse_reference(WHEEL, variables={}).direct,
        position=Position(item=0),
        text=WHEEL,
        config_settings=tuple(settings.items()),
    )


def test_a_fixed_source_is_the_one_location_of_its_project() -> None:
    location = FixedSource(name=NormalizedName("alpha"), request=request_wheel()).location
    assert (location.form, location.url.public) == ("direct", WHEEL)


def test_config_settings_are_not_in_the_repr() -> None:
    assert "hidden" not in repr(request_wheel(token="hidden"))


ALPHA = NormalizedName("alpha-project")
NAMES = st.sampled_from(
    ["alpha_project", "Alpha.Project", "alpha__project", "alpha", "alpha_projects", "alpha-project", ""]
)
VERSIONS = st.sampled_from(
    ["1.0", "1.0.0", "1.0rc1", "1.0+cu124", "1.0_1", "2004d", "1.0.post1", "1!2.0", "", "v1", "1.0-1"]
)
BUILDS = st.sampled_from(["", "", "", "-1", "-2abc", "-x", "-"])
TAGS = st.sampled_from(
    [
        "py3-none-any",
        "py2.py3-none-any",
        "cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64",
        "py3-none",
        "a-b-c-d",
        "..-none-any",
    ]
)
SUFFIXES = st.sampled_from([".tar.gz", ".zip", ".tgz", ".tar.bz2", ".tar.xz", ".egg", ".exe", ".whl"])


@settings(max_examples=600)
@given(st.lists(st.tuples(NAMES, VERSIONS, BUILDS, TAGS), min_size=1, max_size=6))
def test_wheel_names_are_read_as_packaging_reads_them(wheels: list[tuple[str, str, str, str]]) -> None:
    names = FileNames(ALPHA)
    for name, version, build, tags in wheels:
        filename = f"{name}-{version}{build}-{tags}.whl"
        try:
            expected = parse_wheel_filename(filename)
        except InvalidWheelFilename:
            assert read(names, filename) is None
            continue
        found = read(names, filename)
        if expected[0] != ALPHA:
            assert found is None
        else:
            assert found is not None
            assert (found.version, parse_build_tag(found.build)) == expected[1:3]
            assert filename.endswith(f"-{found.tags}.whl")


@given(NAMES, VERSIONS, SUFFIXES)
def test_sdist_names_are_read_as_packaging_reads_them(name: str, version: str, suffix: str) -> None:
    filename = f"{name}-{version}{suffix}"
    try:
        expected = parse_sdist_filename(filename)
    except InvalidSdistFilename:
        return
    found = read(FileNames(ALPHA), filename)
    if expected[0] == ALPHA:
        assert found == FileName(expected[1], "", "")
    else:
        assert found is None


def read(names: FileNames, filename: str) -> FileName | None:
    try:
        return names.read(filename)
    except UnreadableNameError:
        return None


def test_the_error_for_a_dash_in_the_version_of_an_old_sdist_has_the_version() -> None:
    with pytest.raises(UnreadableNameError) as caught:
        FileNames(ALPHA).read("alpha-project-1.0-1.tar.gz")
    assert caught.value.version == Version("1.0.post1")
    assert str(caught.value) == "a file name must not have a dash in its version, as `1.0-1` has (PEP 625)"


@pytest.mark.parametrize("suffix", [".tar.gz", ".zip", ".tgz", ".tar.bz2", ".tar.xz"])
def test_every_sdist_suffix_is_read(suffix: str) -> None:
    assert FileNames(ALPHA).read(f"alpha_project-1.0{suffix}") == FileName(Version("1.0"), "", "")


@pytest.mark.parametrize(
    "filename",
    [
        "alpha_project-1.0-py3.8.egg",
        "alpha_project-1.0.win32.exe",
        "alpha_project-1.0.tar.gz.asc",
        "alpha_project-1.0.rpm",
    ],
)
def test_other_kinds_of_files_are_no_distributions(filename: str) -> None:
    assert not is_distribution(filename)
    assert FileNames(ALPHA).read(filename) is None


@pytest.mark.parametrize(
    "filename", ["beta-1.0.tar.gz", "alpha_project_extra-1.0-py3-none-any.whl", "alpha-project-extra-1.0.zip"]
)
def test_files_of_other_projects_are_none(filename: str) -> None:
    assert FileNames(ALPHA).read(filename) is None


@pytest.mark.parametrize(
    ("filename", "message"),
    [
        ("alpha_project-1.0.whl", "2 parts between dashes, not 5 or 6"),
        ("alpha_project-2004d-py3-none-any.whl", "the version `2004d` is not one of PEP 440"),
        ("alpha_project-1.0-x-py3-none-any.whl", "the build tag `x` does not begin with a digit"),
        ("alpha_project-1.0-py3-none-.whl", "the wheel tags `py3-none-` are malformed"),
        ("alpha__project-1.0-py3-none-any.whl", "the project name `alpha__project` is not escaped as PEP 427 says"),
        ("alpha_project-1.0.linux-x86_64.tar.gz", "the version `1.0.linux-x86_64` is not one of PEP 440"),
    ],
)
def test_the_error_for_a_malformed_name_contains_the_rule(filename: str, message: str) -> None:
    with pytest.raises(UnreadableNameError) as caught:
        FileNames(ALPHA).read(filename)
    assert str(caught.value) == message


@given(
    st.from_regex(r"[v0-9.a-z+]{1,12}", fullmatch=True)
    | st.sampled_from(["1.0", "01.0", "1.00", "2!1.0", "1.0\n", "٣"])
)
def test_plain_text_of_a_version_is_what_packaging_renders(text: str) -> None:
    names = FileNames(ALPHA)
    try:
        found = names.read(f"alpha_project-{text}.tar.gz")
    except UnreadableNameError:
        return
    if found is not None:
        assert names.find_plain_text(found.version) in (None, str(found.version))


def test_version_with_a_release_alone_has_a_plain_text() -> None:
    names = FileNames(ALPHA)
    texts = ("1", "1.20.3", "0.0", "2026.11.22")
    found = [names.read(f"alpha_project-{text}.tar.gz") for text in texts]
    assert tuple(names.find_plain_text(name.version) for name in found if name is not None) == texts
