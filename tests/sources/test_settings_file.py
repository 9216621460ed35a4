"""Which pyproject.toml applies, and how its faults are reported."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest

from resolver.errors import SettingsError, SourceError
from resolver.settings.settings import Settings
from resolver.sources.reader import read_source
from resolver.sources.settings_file import find_settings, iter_upwards, name_path, read_plain_file, read_settings
from tests.foreign_words import find_words_in_a_sentence

UNFINISHED = find_words_in_a_sentence(lambda: tomllib.loads("[tool.pinfold]\npre = ["))
"""The message of tomllib for a file that ends within an array."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    return tmp_path


def find_fault(argument: str | None, folder: Path) -> str:
    with pytest.raises(SourceError) as caught:
        read_source(argument, folder=folder)
    return str(caught.value)


def test_the_nearest_table_up_to_the_repository_applies(folder: Path) -> None:
    inner = folder / "apps" / "paint"
    inner.mkdir(parents=True)
    (inner / "requirements.txt").write_text("torch")
    (folder / "pyproject.toml").write_text('[tool.pinfold]\npython = "3.12"\nrequirements = ["other"]\n')
    (folder / "apps" / "pyproject.toml").write_text('[project]\nname = "x"\n')
    source = read_source("apps/paint/requirements.txt", folder=folder)
    assert (source.settings, source.settings_path) == (Settings(python="3.12"), folder / "pyproject.toml")
    (folder / "apps" / "pyproject.toml").write_text("[tool.pinfold]\npre = true\n")
    assert read_source("apps/paint/requirements.txt", folder=folder).settings == Settings(pre=True)


def test_a_table_above_the_repository_does_not_apply(folder: Path) -> None:
    inner = folder / "inner"
    (inner / ".git").mkdir(parents=True)
    (inner / "requirements.txt").write_text("torch")
    (folder / "pyproject.toml").write_text('[tool.pinfold]\npython = "3.12"\n')
    assert read_source("requirements.txt", folder=inner).settings_path is None


def test_a_pyproject_of_somebody_else_is_not_even_parsed(folder: Path) -> None:
    (folder / "requirements.txt").write_text("torch")
    (folder / "pyproject.toml").write_text("this is no TOML")
    assert read_source("requirements.txt", folder=folder).settings_path is None


def test_a_fault_of_the_settings_names_their_file(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "requirements.txt").write_text("torch")
    (folder / "pyproject.toml").write_text("[tool.pinfold]\npyhton = '3.12'\n")
    with pytest.raises(SettingsError) as caught:
        read_source("requirements.txt", folder=folder / "sub")
    assert str(caught.value) == "../pyproject.toml [tool.pinfold]: unknown key `pyhton`\n  try: `python`"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"[tool.pinfold]\npre = [", f"`pyproject.toml` is no TOML: {UNFINISHED}"),
        (b"[tool.pinfold]\npre = '\xff'", "`pyproject.toml` is no UTF-8 text, which TOML must be"),
        (b"[tool]\npinfold = 1", "pyproject.toml: `tool.pinfold` must be a table"),
    ],
)
def test_a_broken_pyproject_is_named(folder: Path, data: bytes, message: str) -> None:
    (folder / "pyproject.toml").write_bytes(data)
    assert find_fault(None, folder) == message


@pytest.mark.parametrize(
    "table",
    [
        '[tool.pinfold]\nrequirements = ["a"]\n',
        '[ "tool" . "pinfold" ]\nrequirements = ["a"]\n',
        '[tool]\npinfold.requirements = ["a"]\n',
        '[tool]\npinfold = { requirements = ["a"] }\n',
        'tool.pinfold.requirements = ["a"]\n',
        'tool = { pinfold = { requirements = ["a"] } }\n',
    ],
)
def test_table_is_found_however_toml_lets_it_be_written(tmp_path: Path, table: str) -> None:
    (tmp_path / "pyproject.toml").write_text(table, encoding="utf-8")

    assert read_source(None, folder=tmp_path).items == ("a",)


def test_a_folder_without_settings_has_unset_ones(folder: Path) -> None:
    assert find_settings(folder, seen_from=folder) == (Settings(), None)


def test_a_file_without_the_table_has_no_settings(folder: Path) -> None:
    (folder / "pyproject.toml").write_text('[tool.other]\ntext = "pinfold"\n')
    assert read_settings(folder / "pyproject.toml", name="pyproject.toml") is None


def test_the_way_upwards_ends_at_the_root_of_the_repository(folder: Path) -> None:
    inner = folder / "a" / "b"
    assert list(iter_upwards(inner)) == [inner, folder / "a", folder]
    assert name_path(folder / "pyproject.toml", inner) == "../../pyproject.toml"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes and devices in the file system")
def test_pipe_and_device_are_no_lists(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    (folder / "device").symlink_to("/dev/zero")
    for name in ("pipe", "device"):
        with pytest.raises(OSError, match="not a regular file"):
            read_plain_file(folder / name)


def test_file_of_more_than_64_mib_is_no_list(folder: Path) -> None:
    with (folder / "large").open("wb") as file:
        file.truncate((64 << 20) + 1)
    with pytest.raises(OSError, match="larger than 64 MiB"):
        read_plain_file(folder / "large")
