"""Which pyproject.toml applies, and how its faults are reported."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from lockfiles.variable_bindings import VariableBindings, parse_binding
from resolver.errors import SettingsError, SourceError
from resolver.settings.settings import Settings
from resolver.sources.reader import read_source
from resolver.sources.settings_file import (
    confirm_bindings,
    find_settings,
    iter_upwards,
    name_path,
    read_bindings,
    read_settings,
)
from tests.foreign_words import find_words_in_a_sentence

UNFINISHED = find_words_in_a_sentence(lambda: tomllib.loads("[tool.pinfold]\npre = [")).partition(" (")[0]
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
        (b"[tool.pinfold]\npre = [", f"`pyproject.toml` is no TOML: {UNFINISHED} (at line 2, column 8)"),
        (b"[tool.pinfold]\npre = '\xff'", "`pyproject.toml` is no TOML: it is no UTF-8 text (at line 2, column 8)"),
        (b"[tool.pinfold]\npre = " + b"[" * 5000, "`pyproject.toml` is no TOML: it is nested too deep"),
        (
            b"[tool.pinfold]\npre = " + b"1" * 5000,
            "`pyproject.toml` is no TOML: it holds a number that is too long to be read",
        ),
        (
            b"[tool.pinfold]\nx" + b".x" * 99 + b" = 1",
            "`pyproject.toml` is no TOML: a key of more than 32 parts (at line 2, column 1)",
        ),
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


def list_bindings(bindings: VariableBindings) -> list[str]:
    return [str(one) for one in bindings]


def test_bindings_come_from_words_environment_and_file() -> None:
    bindings = read_bindings(
        ["A=a.example"],
        source=None,
        load=lambda: [parse_binding("D=d.example")],
        environ={"PINFOLD_ALLOW_VARIABLE": " B=b.example,C=c.example:8443\nB=other.example "},
    )
    assert list_bindings(bindings) == [
        "A=a.example",
        "B=b.example",
        "B=other.example",
        "C=c.example:8443",
        "D=d.example",
    ]


@pytest.mark.parametrize(("words", "environ"), [(["A=*"], {}), ([], {"PINFOLD_ALLOW_VARIABLE": "A=a.example B"})])
def test_a_text_that_is_no_binding_is_refused(words: list[str], environ: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="is no binding of the form NAME=HOST"):
        read_bindings(words, source=None, environ=environ)


def test_a_confirmation_is_for_one_file_or_for_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    one, other = tmp_path / "one.txt", tmp_path / "other.txt"
    record = confirm_bindings([parse_binding("A=a.example")], source=one)
    confirm_bindings([parse_binding("A=a.example"), parse_binding("B=b.example")], source=one)
    confirm_bindings([parse_binding("C=c.example")], source=None)

    assert list_bindings(read_bindings([], source=one, environ={})) == ["A=a.example", "B=b.example", "C=c.example"]
    assert list_bindings(read_bindings([], source=other, environ={})) == ["C=c.example"]
    assert list_bindings(read_bindings([], source=None, environ={})) == ["C=c.example"]
    assert len(record.read_text(encoding="utf-8").splitlines()) == 3


def test_lines_of_another_form_confirm_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    record = confirm_bindings([parse_binding("A=a.example")], source=None)
    with record.open("a", encoding="utf-8") as file:
        file.write('nothing\n{}\n["B", "*", ""]\n["C", "c.example"]\n[null, 2, ""]\nnull\n')
    assert list_bindings(read_bindings([], source=None, environ={})) == ["A=a.example"]
