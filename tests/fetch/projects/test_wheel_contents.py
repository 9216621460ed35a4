from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from resolver.fetch.projects.wheel_contents import find_architectures
from resolver.targets.kernels import parse_architectures

FLAGS = b"sm_75 sm_80 sm_90a compute_120"
DATA = b"\0sm_75\0 sm_70 sm_75!\0 x\0" + FLAGS + b"\0rest"


@given(st.integers(min_value=1, max_value=len(DATA)))
def test_flags_are_found_however_the_library_is_cut(size: int) -> None:
    assert find_architectures(DATA[at : at + size] for at in range(0, len(DATA), size)) == "75 80 90a ptx120"


def test_single_name_is_no_list_of_flags() -> None:
    assert find_architectures([b"\0sm_75\0 nothing"]) == ""


def test_reading_ends_once_the_flags_are_found() -> None:
    chunks = iter([DATA, b"more"])
    find_architectures(chunks)
    assert next(chunks) == b"more"


def test_what_is_found_is_what_the_data_has() -> None:
    assert [str(one) for one in parse_architectures(find_architectures([DATA]))] == FLAGS.decode().split()
