import platform
import sys
from pathlib import Path

import pytest

from resolver.errors import SourceError, TargetError
from resolver.sources.source import StatedValue
from resolver.sources.target_choice import choose_python

RUNNING = f"3.{sys.version_info.minor}" + ("" if getattr(sys, "_is_gil_enabled", lambda: True)() else "t")
APP = StatedValue(value="3.9", where="app.py:4")
SETTING = StatedValue(value="3.10", where="`python` in pyproject.toml [tool.pinfold]")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    return tmp_path


def choose(
    folder: Path,
    *,
    flag: str | None = None,
    app: StatedValue[str] | None = None,
    setting: StatedValue[str] | None = None,
    locked: str | None = None,
    environ: dict[str, str] | None = None,
    allow_host: bool = True,
) -> tuple[str, str]:
    version, rule = choose_python(
        flag=flag,
        app=app,
        setting=setting,
        locked=locked,
        folder=folder,
        environ=environ or {},
        allow_host=allow_host,
    )
    return str(version), rule


def make_environment(folder: Path, text: str) -> dict[str, str]:
    (folder / "venv").mkdir()
    (folder / "venv" / "pyvenv.cfg").write_text(text)
    return {"VIRTUAL_ENV": str(folder / "venv")}


def test_each_rule_answers_before_those_after_it(folder: Path) -> None:
    (folder / ".python-version").write_text("3.13\n")
    environ = make_environment(folder, "version = 3.14.1\n")
    answers = [
        choose(folder, flag="3.8", app=APP, setting=SETTING, locked="3.11", environ=environ),
        choose(folder, app=APP, setting=SETTING, locked="3.11", environ=environ),
        choose(folder, setting=SETTING, locked="3.11", environ=environ),
        choose(folder, locked="3.11", environ=environ),
        choose(folder, environ=environ),
    ]
    (folder / ".python-version").unlink()
    answers += [choose(folder, environ=environ), choose(folder)]
    assert answers == [
        ("3.8", "`--python`"),
        ("3.9", "app.py:4"),
        ("3.10", "`python` in pyproject.toml [tool.pinfold]"),
        ("3.11", "the lock being renewed"),
        ("3.13", "`.python-version`"),
        ("3.14", "the active virtual environment"),
        (RUNNING, "the running Python"),
    ]


def test_a_given_patch_is_kept(folder: Path) -> None:
    assert choose(folder, flag="3.11.4") == ("3.11.4", "`--python`")


def test_python_version_files_are_looked_for_up_to_the_repository(folder: Path) -> None:
    (folder / "a" / "b").mkdir(parents=True)
    (folder / ".python-version").write_text("# ours\n\n3.12.1  # for now\n3.11\n")
    assert choose(folder / "a" / "b") == ("3.12.1", "`../../.python-version`")


def test_an_empty_python_version_file_is_passed_over(folder: Path) -> None:
    (folder / "inner").mkdir()
    (folder / "inner" / ".python-version").write_text("# none\n")
    (folder / ".python-version").write_text("3.12\n")
    assert choose(folder / "inner") == ("3.12", "`../.python-version`")


def test_a_python_version_file_above_the_repository_does_not_count(folder: Path) -> None:
    (folder / "inner" / ".git").mkdir(parents=True)
    (folder / ".python-version").write_text("3.8")
    assert choose(folder / "inner") == (RUNNING, "the running Python")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("home = /usr/bin\nversion = 3.12.3\n", "3.12"),
        ("implementation = CPython\nversion_info = 3.12.3.final.0\n", "3.12"),
        ("implementation=CPython\nversion_info=3.12\n", "3.12"),
    ],
)
def test_a_virtual_environment_gives_its_minor_version(folder: Path, text: str, expected: str) -> None:
    assert choose(folder, environ=make_environment(folder, text)) == (expected, "the active virtual environment")


def test_a_free_threaded_virtual_environment_is_known_by_its_folder(folder: Path) -> None:
    environ = make_environment(folder, "version = 3.14.0\n")
    (folder / "venv" / "lib" / "python3.14t").mkdir(parents=True)
    assert choose(folder, environ=environ) == ("3.14t", "the active virtual environment")


@pytest.mark.parametrize("text", ["", "version = 2.7.18\n", "implementation = PyPy\nversion = 3.10.1\n"])
def test_a_virtual_environment_that_does_not_tell_is_passed_over(folder: Path, text: str) -> None:
    assert choose(folder, environ=make_environment(folder, text)) == (RUNNING, "the running Python")


def test_an_environment_without_a_configuration_is_passed_over(folder: Path) -> None:
    assert choose(folder, environ={"VIRTUAL_ENV": str(folder / "none")}) == (RUNNING, "the running Python")


def test_the_host_can_be_kept_out(folder: Path) -> None:
    environ = make_environment(folder, "version = 3.12.3\n")
    assert choose(folder, locked="3.11", environ=environ, allow_host=False) == ("3.11", "the lock being renewed")
    with pytest.raises(SourceError) as caught:
        choose(folder, environ=environ, allow_host=False)
    assert str(caught.value) == (
        "no Python version is set, and the running one is not used here\n"
        '  try: `python = "3.11"` in [tool.pinfold], a `.python-version` file, or `--python 3.11`'
    )


def test_a_version_that_is_not_supported_is_named_with_its_place(folder: Path) -> None:
    (folder / ".python-version").write_text("pypy3.10\n")
    with pytest.raises(TargetError) as caught:
        choose(folder)
    assert str(caught.value) == (
        "`.python-version`: `pypy3.10` is no CPython version\n"
        "  try: `3.11`, `3.11.4`, or `3.13t` for a free-threaded build"
    )


def test_a_python_that_is_not_cpython_is_no_answer(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "python_implementation", lambda: "PyPy")
    with pytest.raises(SourceError) as caught:
        choose(folder)
    assert str(caught.value) == "the running Python is PyPy, and locks are for CPython\n  try: `--python 3.11`"
