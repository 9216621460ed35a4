from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.pylock import is_valid_pylock_path

from resolver.errors import SourceError
from resolver.settings.settings import Settings
from resolver.sources.lock_places import place_locks
from resolver.sources.source import RequirementFile, Source

FOLDER = Path("/lists")


def build_source(name: str, stem: str | None = None) -> Source:
    path = FOLDER / name
    form = RequirementFile(text="")
    return Source(name=name, stem=path.stem if stem is None else stem, form=form, path=path, folder=path.parent)


def place(*jobs: tuple[Source, str | None], output: str | None = None) -> list[str | None]:
    """The places as seen from the folder; None is standard output."""
    paths = place_locks(jobs, Settings(output=output), folder=FOLDER)
    return [None if path is None else path.relative_to(FOLDER).as_posix() for path in paths]


def name_lock(stem: str, machine: str | None, *, several: bool) -> str | None:
    """The name of a lock, if `several` sources share a folder."""
    others = [(build_source("x.txt", "other" if stem != "other" else "another"), None)] if several else []
    return place((build_source("r.txt", stem), machine), *others)[0]


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
    assert name_lock(stem, machine, several=several) == name


@given(stem=st.text(min_size=1), machine=st.none() | st.text(min_size=1))
def test_every_name_is_one_that_installers_accept(stem: str, machine: str | None) -> None:
    sources = [(build_source("a.txt", stem), machine), (build_source("b.txt", "the-other"), None)]
    try:
        paths = place_locks(sources, Settings(), folder=FOLDER)
    except SourceError as error:
        text = stem + (machine or "")
        has_no_name = not any(char.isascii() and char.isalnum() for char in text.lower())
        assert has_no_name or "would both be locked into" in str(error)
    else:
        assert paths[0] is not None
        assert is_valid_pylock_path(paths[0])


def test_a_stem_that_leaves_no_name_is_refused() -> None:
    with pytest.raises(SourceError) as caught:
        name_lock("___", None, several=True)
    assert str(caught.value) == "`___` leaves no name for its lock\n  try: `-o pylock.NAME.toml`"


def test_two_sources_with_one_lock_are_refused() -> None:
    with pytest.raises(SourceError) as caught:
        place((build_source("a.txt"), None), (build_source("b.txt"), None), (build_source("a.in"), None))
    assert str(caught.value) == (
        "`a.txt` and `a.in` would both be locked into `pylock.a.toml`\n"
        "  try: lock them one by one with `-o`, or rename one of them"
    )


def test_letter_case_does_not_tell_locks_apart() -> None:
    with pytest.raises(SourceError) as caught:
        place((build_source("a/r.txt"), None), (build_source("A/r.txt"), None))
    assert str(caught.value).splitlines()[0] == "`a/r.txt` and `A/r.txt` would both be locked into `pylock.toml`"


def test_two_machine_types_with_one_lock_are_refused() -> None:
    source = build_source("r.txt")
    with pytest.raises(SourceError) as caught:
        place((source, "A B"), (source, "A-B"))
    assert str(caught.value) == (
        "`r.txt for A B` and `r.txt for A-B` would both be locked into `pylock.a-b.toml`\n"
        "  try: `-o FOLDER`, or one `-m`; `-m A,B` is one lock for both"
    )


def test_locks_of_one_name_in_two_folders_do_not_collide() -> None:
    sources = (build_source("a/r.txt"), None), (build_source("b/r.txt"), None)
    assert place(*sources) == ["a/pylock.toml", "b/pylock.toml"]


def test_a_place_that_ends_with_toml_is_a_file_and_any_other_a_folder() -> None:
    source = build_source("r.txt")
    assert place((source, None), output="pylock.gpu.toml") == ["pylock.gpu.toml"]
    assert place((source, "GPU-A100"), output="locks") == ["locks/pylock.gpu-a100.toml"]
    assert place((source, None), output="-") == [None]
