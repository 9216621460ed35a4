"""Which list writes a lock, and which locks changed files concern: told from the files alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from packaging.pylock import Package
from packaging.utils import NormalizedName
from packaging.version import Version

from lockfiles import Lockfile, read, write
from resolver.sources.lock_owners import find_owned_locks, iter_concerned_locks
from tests.lockfiles.samples import build_pylock, build_tool, build_wheel

APP = "import fal\n\n\nclass A(fal.App):\n    requirements = [{items}]\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    return tmp_path


def put(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def put_lock(root: Path, name: str, *requirements: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    packages = [
        Package(name=NormalizedName(one), version=Version("1.0"), wheels=[build_wheel(one, "1.0")])
        for one in requirements
    ]
    write(Lockfile(pylock=build_pylock(*packages), tool=build_tool(*requirements)), path)


def owners(root: Path, folder: str = ".") -> list[tuple[str, str | None, str | None]]:
    return [(one.path.name, one.source, one.machine) for one in find_owned_locks(root / folder, seen_from=root)]


def concerned(root: Path, *changed: str) -> list[str]:
    return sorted(one.path.relative_to(root).as_posix() for one in iter_concerned_locks(map(Path, changed), root=root))


def test_of_two_lists_the_one_that_the_lock_was_made_from_owns_it(root: Path) -> None:
    put(root, "requirements.txt", "web\nlog>=1  # edited since\n")
    put(root, "requirements-dev.txt", "-r requirements.txt\ntests\nlint\n")
    put_lock(root, "pylock.toml", "web", "log")

    assert owners(root) == [("pylock.toml", "requirements.txt", None)]


def test_list_that_was_written_anew_still_owns_the_lock_by_its_usual_name(root: Path) -> None:
    put(root, "requirements.txt", "other\n")
    put(root, "requirements-dev.txt", "tests\n")
    put_lock(root, "pylock.toml", "web")

    assert owners(root) == [("pylock.toml", "requirements.txt", None)]


def test_list_with_a_name_of_its_own_is_known_by_what_it_says(root: Path) -> None:
    put(root, "lists/base.txt", "web\n")
    put(root, "lists/notes.txt", "What the web is for.\n")
    put_lock(root, "lists/pylock.toml", "web")

    assert owners(root, "lists") == [("pylock.toml", "lists/base.txt", None)]


def test_text_that_is_no_list_owns_nothing(root: Path) -> None:
    put(root, "LICENSE.txt", "Permission is hereby granted\n")
    put_lock(root, "pylock.toml", "web")

    assert owners(root) == [("pylock.toml", None, None)]


def test_name_that_is_no_machine_type_stands_for_none(root: Path) -> None:
    put(root, "requirements.txt", "web\n")
    for name in ("gpu-a100", "gpu-h100-or-gpu-a100", "production"):
        put_lock(root, f"pylock.{name}.toml", "web")

    assert owners(root) == [
        ("pylock.gpu-a100.toml", "requirements.txt", "gpu-a100"),
        ("pylock.gpu-h100-or-gpu-a100.toml", "requirements.txt", "gpu-h100,gpu-a100"),
        ("pylock.production.toml", "requirements.txt", None),
    ]


@pytest.mark.parametrize("output", ["locks", "../locks", "../locks/pylock.web.toml"])
def test_lock_in_a_folder_that_the_settings_name_has_its_list(root: Path, output: str) -> None:
    put(root, "web/pyproject.toml", f'[tool.pinfold]\noutput = "{output}"\n')
    put(root, "web/lists/requirements.txt", "web\n")
    name = "pylock.web.toml" if output.endswith(".toml") else "pylock.toml"
    folder = "web/locks" if output == "locks" else "locks"
    put_lock(root, f"{folder}/{name}", "web")

    assert owners(root, folder) == [(name, "web/lists/requirements.txt", None)]
    assert concerned(root, "web/lists/requirements.txt") == [f"{folder}/{name}"]
    assert concerned(root, "web/pyproject.toml") == [f"{folder}/{name}"]


def test_lock_in_another_folder_that_an_app_installs_has_its_app(root: Path) -> None:
    call = (
        'import lockfiles\n\n\nclass A(App):\n    requirements = lockfiles.requirements("../locks/pylock.web.toml")\n'
    )
    put(root, "web/app.py", f"from fal import App\n{call}")
    put(root, "web/requirements.txt", "web\n")
    put_lock(root, "locks/pylock.web.toml", "web")

    assert owners(root, "locks") == [("pylock.web.toml", "web/app.py", None)]


def test_list_that_another_folder_includes_concerns_the_lock_there(root: Path) -> None:
    put(root, "common/base.txt", "log\n")
    put(root, "common/more.txt", "-r base.txt\n")
    put(root, "web/requirements.txt", "-r ../common/more.txt\nweb\n")
    put_lock(root, "web/pylock.toml", "web", "log")
    put(root, "other/base.txt", "db\n")
    put(root, "other/requirements.txt", "-r base.txt\n")
    put_lock(root, "other/pylock.toml", "db")

    assert concerned(root, "common/base.txt") == ["web/pylock.toml"]


def test_module_that_an_app_of_another_folder_reads_concerns_its_lock(root: Path) -> None:
    put(root, "common/lists.py", 'COMMON = ["log"]\n')
    put(root, "web/app.py", f"from common.lists import COMMON\n{APP.format(items='*COMMON')}")
    put_lock(root, "web/pylock.toml", "log")
    put(root, "other/app.py", APP.format(items='"db"'))
    put_lock(root, "other/pylock.toml", "db")

    assert concerned(root, "common/lists.py") == ["web/pylock.toml"]


def test_settings_concern_all_lists_that_they_apply_to(root: Path) -> None:
    put(root, "pyproject.toml", '[tool.pinfold]\npython = "3.11"\n')
    put(root, "own/pyproject.toml", '[tool.pinfold]\npython = "3.12"\n')
    for name in ("own", "web"):
        put(root, f"{name}/requirements.txt", f"{name}\n")
        put_lock(root, f"{name}/pylock.toml", name)

    assert concerned(root, "pyproject.toml") == ["web/pylock.toml"]


def test_file_that_nothing_names_concerns_the_locks_beside_and_above_it(root: Path) -> None:
    for name in ("", "web/", "other/"):
        put(root, f"{name}requirements.txt", "web\n")
        put_lock(root, f"{name}pylock.toml", "web")
    put(root, "web/tool.py", "")

    assert concerned(root, "web/tool.py") == ["pylock.toml", "web/pylock.toml"]


def test_lock_belongs_to_the_source_that_it_records(root: Path) -> None:
    put(root, "requirements.txt", "web\n")
    put(root, "requirements-dev.txt", "web\n")
    put(root, "apps/app.py", APP.format(items='"web"'))
    for name, source in (
        ("pylock.toml", "requirements-dev.txt"),
        ("pylock.gpu-a100.toml", "requirements.txt"),
        ("pylock.app-gpu-h100-or-gpu-a100.toml", "apps/app.py::A"),
        ("pylock.production.toml", "apps/app.py"),
        ("pylock.old.toml", "gone.txt"),
    ):
        put_lock(root, name, "web")
        lock = read(root / name)
        assert lock.tool is not None
        write(replace(lock, tool=replace(lock.tool, source=source)), root / name)

    assert owners(root) == [
        ("pylock.app-gpu-h100-or-gpu-a100.toml", "apps/app.py::A", None),
        ("pylock.gpu-a100.toml", "requirements.txt", "gpu-a100"),
        ("pylock.old.toml", None, None),
        ("pylock.production.toml", "apps/app.py", None),
        ("pylock.toml", "requirements-dev.txt", None),
    ]


def test_source_outside_of_the_repository_owns_no_lock(root: Path) -> None:
    put(root.parent, "outside.txt", "web\n")
    put(root, "requirements.txt", "web\n")
    put_lock(root, "pylock.toml", "web")
    lock = read(root / "pylock.toml")
    assert lock.tool is not None
    write(replace(lock, tool=replace(lock.tool, source="../outside.txt")), root / "pylock.toml")

    assert owners(root) == [("pylock.toml", "requirements.txt", None)]
