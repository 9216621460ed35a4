from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.pylock import is_valid_pylock_path

from resolver.errors import SourceError
from resolver.sources.lock_places import check_collisions, lockfile_name


@pytest.mark.parametrize(
    ("stem", "machine", "several", "name"),
    [
        ("requirements", None, False, "pylock.toml"),
        ("requirements", "GPU-A100", False, "pylock.gpu-a100.toml"),
        ("requirements", "GPU-H100-or-GPU-A100", False, "pylock.gpu-h100-or-gpu-a100.toml"),
        ("text-to-image", "GPU-H100", True, "pylock.text-to-image-gpu-h100.toml"),
        ("requirements", None, True, "pylock.requirements.toml"),
        ("requirements.dev v2", None, True, "pylock.requirements-dev-v2.toml"),
        ("Überbild", None, True, "pylock.berbild.toml"),
    ],
)
def test_a_lock_is_named_after_its_source_and_machine(stem: str, machine: str | None, several: bool, name: str) -> None:
    assert lockfile_name(stem, machine, several=several) == name


@given(stem=st.text(min_size=1), machine=st.none() | st.text(min_size=1))
def test_every_name_is_one_that_installers_accept(stem: str, machine: str | None) -> None:
    try:
        name = lockfile_name(stem, machine, several=True)
    except SourceError:
        assert not any(char.isascii() and char.isalnum() for char in (stem + (machine or "")).lower())
    else:
        assert is_valid_pylock_path(Path(name))


def test_a_stem_that_leaves_no_name_is_refused() -> None:
    with pytest.raises(SourceError) as caught:
        lockfile_name("___", several=True)
    assert str(caught.value) == "`___` leaves no name for its lock\n  try: `-o pylock.NAME.toml`"


def test_two_sources_with_one_lock_are_refused() -> None:
    with pytest.raises(SourceError) as caught:
        check_collisions(
            [("a.txt", Path("pylock.a.toml")), ("b.txt", Path("pylock.b.toml")), ("a.in", Path("PYLOCK.a.toml"))]
        )
    assert str(caught.value) == (
        "`a.txt` and `a.in` would both be locked into `PYLOCK.a.toml`\n"
        "  try: lock them one by one with `-o`, or rename one of them"
    )


def test_locks_of_one_name_in_two_folders_do_not_collide() -> None:
    check_collisions([("a/r.txt", Path("a/pylock.toml")), ("b/r.txt", Path("b/pylock.toml"))])
