from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.pylock import is_valid_pylock_path

from resolver.errors import SourceError
from resolver.settings.settings import Settings
from resolver.sources.lock_places import find_other_owner, name_lock, place_locks, record_source
from resolver.sources.source import RequirementFile, Source, StandardInput

FOLDER = Path("/lists")


def build_source(name: str) -> Source:
    path = FOLDER / name
    form = RequirementFile(text="")
    return Source(name=name, stem=path.stem, form=form, path=path, folder=path.parent)


def place(*jobs: tuple[Source, str | None], output: str | None = None) -> list[str | None]:
    """The places as seen from the folder; None is standard output."""
    paths = place_locks(jobs, Settings(output=output), folder=FOLDER)
    return [None if path is None else path.relative_to(FOLDER).as_posix() for path in paths]


@pytest.mark.parametrize(
    ("source", "machine", "name"),
    [
        ("requirements.txt", None, "pylock.toml"),
        ("requirements.txt", "GPU-A100", "pylock.gpu-a100.toml"),
        ("requirements.txt", "GPU-H100-or-GPU-A100", "pylock.gpu-h100-or-gpu-a100.toml"),
        ("pyproject.toml", None, "pylock.toml"),
        ("pyproject.toml::paint", "XL", "pylock.pyproject-paint-xl.toml"),
        ("requirements.in", None, "pylock.requirements.toml"),
        ("requirements-dev.txt", None, "pylock.requirements-dev.toml"),
        ("requirements.dev v2.txt", None, "pylock.requirements-dev-v2.toml"),
        ("text_to_image.py", "GPU-H100", "pylock.text-to-image-gpu-h100.toml"),
        ("app.py::TextToImage", None, "pylock.app-text-to-image.toml"),
        ("app.py::SDXLTurbo", "GPU-H100", "pylock.app-sdxl-turbo-gpu-h100.toml"),
        ("Überbild.txt", None, "pylock.berbild.toml"),
    ],
)
def test_a_lock_is_named_after_its_source_and_machine(source: str, machine: str | None, name: str) -> None:
    file, _, _ = source.partition("::")
    one = replace(build_source(file), name=source)
    assert place((one, machine)) == [name]
    assert place((build_source("other.txt"), None), (one, machine))[1] == name
    assert place((one, machine), output="locks") == [f"locks/{name}"]


@given(stem=st.text(min_size=1), machine=st.none() | st.text(min_size=1))
def test_every_name_is_one_that_installers_accept(stem: str, machine: str | None) -> None:
    try:
        name = name_lock(stem, machine)
    except SourceError:
        assert not any(char.isascii() and char.isalnum() for char in (stem + (machine or "")).lower())
    else:
        assert is_valid_pylock_path(Path(name))


def test_a_stem_that_leaves_no_name_is_refused() -> None:
    with pytest.raises(SourceError) as caught:
        place((build_source("___.txt"), None))
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
        place((build_source("a/requirements.txt"), None), (build_source("A/requirements.txt"), None))
    assert (
        str(caught.value).splitlines()[0]
        == "`a/requirements.txt` and `A/requirements.txt` would both be locked into `pylock.toml`"
    )


def test_two_machine_types_with_one_lock_are_refused() -> None:
    source = build_source("requirements.txt")
    with pytest.raises(SourceError) as caught:
        place((source, "A B"), (source, "A-B"))
    assert str(caught.value) == (
        "`requirements.txt for A B` and `requirements.txt for A-B` would both be locked into `pylock.a-b.toml`\n"
        "  try: `-o FOLDER`, or one `-m`; `-m A,B` is one lock for both"
    )


def test_locks_of_one_name_in_two_folders_do_not_collide() -> None:
    sources = (build_source("a/requirements.txt"), None), (build_source("b/requirements.txt"), None)
    assert place(*sources) == ["a/pylock.toml", "b/pylock.toml"]


def test_a_place_that_ends_with_toml_is_a_file_and_any_other_a_folder() -> None:
    source = build_source("requirements.txt")
    assert place((source, None), output="pylock.gpu.toml") == ["pylock.gpu.toml"]
    assert place((source, "GPU-A100"), output="locks") == ["locks/pylock.gpu-a100.toml"]
    assert place((source, None), output="-") == [None]


@pytest.mark.parametrize(
    ("output", "near"),
    [
        ("train/nbi.toml", "train/pylock.nbi.toml"),
        ("../my locks/pylock.a.b.toml", "'../my locks/pylock.a-b.toml'"),
        ("/locks/nbi.toml", "/locks/pylock.nbi.toml"),
    ],
)
def test_name_for_a_lock_is_proposed_in_its_folder(output: str, near: str) -> None:
    with pytest.raises(SourceError) as caught:
        place((build_source("requirements.txt"), None), output=output)

    assert str(caught.value).endswith(f"\n  try: `-o {near}`")


def test_a_source_is_recorded_relative_to_its_lock() -> None:
    source = replace(build_source("lists/app.py"), name="lists/app.py::Chat")
    assert record_source(source, FOLDER / "locks/pylock.toml", folder=FOLDER) == "../lists/app.py::Chat"
    assert record_source(source, None, folder=FOLDER) == "app.py::Chat"


def test_a_source_without_a_file_is_recorded_as_standard_input_or_not_at_all() -> None:
    program = replace(build_source("a.txt"), path=None)
    assert record_source(program, FOLDER / "pylock.toml", folder=FOLDER) is None
    piped = replace(program, form=StandardInput(text=""))
    assert record_source(piped, FOLDER / "pylock.toml", folder=FOLDER) == "-"


@pytest.mark.parametrize(
    ("recorded", "own", "owner"),
    [
        (None, "a.txt", None),
        ("a.txt", "a.txt", None),
        ("gone.txt", "a.txt", None),
        ("-", "a.txt", None),
        ("b.txt", "a.txt", "b.txt"),
        ("b.txt", None, "b.txt"),
        ("b.txt", "-", "b.txt"),
        ("app.py", "app.py::Chat", None),
        ("app.py::Chat", "./app.py", None),
        ("app.py::Chat", "app.py::Paint", "app.py::Chat"),
        ("app.py::Gone", "app.py::Paint", None),
    ],
)
def test_a_lock_is_owned_by_another_source_that_exists(
    tmp_path: Path, recorded: str | None, own: str | None, owner: str | None
) -> None:
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).touch()
    (tmp_path / "app.py").write_text("class Chat: pass\nclass Paint: pass\n")
    assert find_other_owner(recorded, own, lock_folder=tmp_path) == owner
