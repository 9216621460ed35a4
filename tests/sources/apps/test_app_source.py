"""Apps as sources: what an app file and the tables of its pyproject.toml give together."""

from __future__ import annotations

from pathlib import Path

import pytest

from resolver.errors import SourceError
from resolver.sources.reader import read_source
from resolver.sources.source import RequirementFile, Source, StatedValue

APP = 'import fal\n\n\nclass Paint(fal.App):\n    requirements = ["torch"]\n'
LOCKED = 'import lockfiles\n\n\nclass Paint:\n    requirements = lockfiles.requirements("pylock.toml")\n'
WHERE = "pyproject.toml [tool.fal.apps.paint]"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    return tmp_path


def read(folder: Path, table: str, name: str) -> Source:
    (folder / "app.py").write_text(APP)
    (folder / "pyproject.toml").write_text(f"[tool.fal.apps.paint]\n{table}")
    return read_source(name, folder=folder, variables={})


def find_fault(folder: Path, table: str, name: str) -> str:
    with pytest.raises(SourceError) as caught:
        read(folder, table, name)
    return str(caught.value)


def test_an_entry_point_has_its_table_alone(folder: Path) -> None:
    (folder / "pyproject.toml").write_text(
        '[tool.fal.apps.paint]\npython_entry_point = "pkg.mod:Paint"\nrequirements = [["torch"], ["numpy"]]\n'
        'machine_type = ["GPU-A100", "GPU-H100"]\npython_version = "3.11"\n'
    )
    source = read_source("pyproject.toml::paint", folder=folder, variables={})
    assert source.layers == (("torch",), ("numpy",))
    assert source.machine_types == StatedValue(value=("GPU-A100", "GPU-H100"), where=WHERE)
    assert source.python == StatedValue(value="3.11", where=WHERE)
    assert (source.name, source.stem, source.folder) == ("pyproject.toml::paint", "paint", folder)


def test_an_entry_point_without_a_list_has_nothing_to_lock(folder: Path) -> None:
    (folder / "pyproject.toml").write_text('[tool.fal.apps.paint]\npython_entry_point = "pkg.mod:Paint"\n')
    with pytest.raises(SourceError) as caught:
        read_source("pyproject.toml::paint", folder=folder, variables={})
    assert str(caught.value) == f"{WHERE}: there is no `requirements`, so there is nothing to lock"


def test_an_app_of_a_table_can_be_named_by_it(folder: Path) -> None:
    source = read(folder, 'ref = "app.py::Paint"\nmachine_type = "L"', "pyproject.toml::paint")
    assert (source.name, source.stem, source.items) == ("pyproject.toml::paint", "paint", ("torch",))
    assert source.machine_types == StatedValue(value=("L",), where=WHERE)


def test_a_name_that_no_table_has_is_refused(folder: Path) -> None:
    assert find_fault(folder, 'ref = "app.py"', "pyproject.toml::point") == (
        "`pyproject.toml` has no `[tool.fal.apps.point]`\n  try: `pyproject.toml::paint`"
    )


def test_an_entry_point_has_the_machine_that_the_platform_takes_for_it(folder: Path) -> None:
    source = read(folder, 'python_entry_point = "a:B"\nrequirements = ["a"]\nimage = {}\n', "pyproject.toml::paint")
    assert source.default_machine == StatedValue(
        value=("XS",), where="the platform's default for a `python_entry_point`"
    )
    assert source.warnings == (f"{WHERE}: what the `image` installs is outside the lock",)


def test_a_ref_to_a_file_that_is_not_there_is_a_fault_of_the_table(folder: Path) -> None:
    assert find_fault(folder, 'ref = "other.py"', "pyproject.toml::paint").startswith(
        f"{WHERE}: `ref` leads to a file that cannot be read: "
    )


def test_an_app_that_installs_a_lock_has_the_list_beside_it(folder: Path) -> None:
    (folder / "app.py").write_text(LOCKED)
    (folder / "requirements.txt").write_text("torch")
    source = read_source("app.py", folder=folder, variables={})
    assert source.form == RequirementFile(text="torch")
    assert (source.list_name, source.lock_path) == ("requirements.txt", folder / "pylock.toml")


@pytest.mark.parametrize(
    ("names", "what", "remedy"),
    [
        ((), "no list", "a requirements.txt beside the app"),
        (
            ("requirements.txt", "requirements.in"),
            "2 lists, `requirements.txt` and `requirements.in`,",
            "one of them alone",
        ),
    ],
)
def test_an_app_that_installs_a_lock_needs_one_list(
    folder: Path, names: tuple[str, ...], what: str, remedy: str
) -> None:
    (folder / "app.py").write_text(LOCKED)
    for name in names:
        (folder / name).write_text("torch")
    with pytest.raises(SourceError) as caught:
        read_source("app.py", folder=folder, variables={})
    assert str(caught.value) == (
        f"app.py:5: `requirements` is what a lock holds, and {what} can be what the lock is made from\n  try: {remedy}"
    )
