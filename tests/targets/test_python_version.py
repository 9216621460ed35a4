import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.errors import TargetError
from resolver.targets.python_version import PythonVersion, parse_python_version


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
def test_what_names_no_cpython_version_is_refused(text: str) -> None:
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
