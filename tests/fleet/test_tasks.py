"""Tasks: what travels with a list, what does not, and what its key depends on."""

from __future__ import annotations

import pickle
from collections.abc import Callable

import pytest

from resolver.errors import InputError
from resolver.fleet.tasks import FleetTask, RefusedList
from resolver.settings.settings import Settings
from tests.fleet.conftest import Fleet

_CANARY = "canary-9f2e77"


def test_requirement_file_travels_with_what_it_includes(fleet: Fleet) -> None:
    fleet.write("a/requirements.txt", "-r ../base.txt", "--constraint=../limits.txt", "web # -r no.txt")
    fleet.project.write("apps/base.txt", "-rdeep.txt\n")
    fleet.project.write("apps/deep.txt", "log\n")
    fleet.project.write("apps/limits.txt", "web<2\n")
    fleet.project.write("apps/other.txt", "web\n")
    fleet.project.write("pyproject.toml", '[tool.pinfold]\npython = "3.11"\nconstraint = ["apps/more.txt"]\n')
    fleet.project.write("apps/more.txt", "log<2\n")
    fleet.project.write("apps/a/.python-version", "3.12\n")

    task = fleet.build_one("a/requirements.txt")

    names = ["a/.python-version", "a/requirements.txt", "base.txt", "deep.txt", "limits.txt", "more.txt"]
    assert [name for name, _ in task.files] == [*(f"apps/{name}" for name in names), "pyproject.toml"]
    assert task.folder == "apps"


def test_app_travels_with_the_modules_and_files_that_reading_it_opens(fleet: Fleet) -> None:
    fleet.project.write(
        "apps/a/app.py",
        "from pathlib import Path\nfrom shared import BASE\n"
        "class Chat(App):\n    requirements = [*BASE, *Path('more.txt').read_text().splitlines()]\n",
    )
    fleet.project.write("apps/shared.py", 'BASE = ["web"]\n')
    fleet.project.write("apps/a/more.txt", "log\n")
    fleet.project.write("apps/a/unused.py", "x = 1\n")

    task = fleet.build_one("a/app.py")

    assert [name for name, _ in task.files] == ["apps/a/app.py", "apps/a/more.txt", "apps/shared.py"]


def test_key_is_equal_for_equal_tasks_alone(fleet: Fleet) -> None:
    fleet.write("a/requirements.txt", "-r ../base.txt")
    fleet.project.write("apps/base.txt", "web\n")
    fleet.write("b/requirements.txt", "web")
    before = fleet.build_one("a/requirements.txt").key

    assert fleet.build_one("a/requirements.txt").key == before
    changed = [
        fleet.build_one("a/requirements.txt", machines=("M",)).key,
        fleet.build_one("a/requirements.txt", settings=Settings(python="3.12")).key,
        fleet.build_one("a/requirements.txt", snapshot="t").key,
        fleet.build_one("a/requirements.txt", snapshots={"a/requirements.txt": "t2"}).key,
        fleet.build_one("b/requirements.txt").key,
    ]
    fleet.project.write("apps/base.txt", "web<2\n")
    changed.append(fleet.build_one("a/requirements.txt").key)
    assert len({before, *changed}) == 7


def _in_list(fleet: Fleet) -> None:
    fleet.write("a/requirements.txt", f"--extra-index-url https://me:{_CANARY}@other.example/simple/", "web")


def _in_inclusion(fleet: Fleet) -> None:
    fleet.write("a/requirements.txt", "-r base.txt")
    fleet.project.write("apps/a/base.txt", f"web @ https://files.example/web-1.0-py3-none-any.whl?token={_CANARY}\n")


def _in_settings_file(fleet: Fleet) -> None:
    fleet.write("a/requirements.txt", "web")
    fleet.project.write("pyproject.toml", f'[tool.pinfold]\nfind-links = ["https://{_CANARY}:x@other.example/"]\n')


@pytest.mark.parametrize("write", [_in_list, _in_inclusion, _in_settings_file], ids=lambda one: one.__name__)
def test_literal_secret_does_not_travel(fleet: Fleet, write: Callable[[Fleet], None]) -> None:
    write(fleet)

    refused = fleet.build()["a/requirements.txt"]

    assert isinstance(refused, RefusedList)
    assert "which no list of a fleet may hold" in str(refused.error)
    assert "try: `${NAME}` in its place: each worker has its own values" in str(refused.error)
    assert _CANARY.encode() not in pickle.dumps(refused)


def test_literal_secret_of_the_command_line_does_not_travel(fleet: Fleet) -> None:
    fleet.write("a/requirements.txt", "web")
    settings = Settings(python="3.11", index_url=f"https://me:{_CANARY}@other.example/simple/")

    refused = fleet.build(settings=settings)["a/requirements.txt"]

    assert isinstance(refused, RefusedList)
    assert isinstance(refused.error, InputError)
    assert "`index-url`: user information in a URL of `other.example`" in str(refused.error)
    assert _CANARY.encode() not in pickle.dumps(refused)


def test_variable_travels_as_its_name_with_the_hosts_that_the_user_allows(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet.write("a/requirements.txt", "--extra-index-url https://me:${TOKEN}@other.example/simple/", "web")
    monkeypatch.setenv("TOKEN", _CANARY)

    task = fleet.build_one("a/requirements.txt", allowed=("TOKEN=other.example",))

    assert task.variables == ("TOKEN",)
    assert [str(one) for one in task.bindings] == ["TOKEN=other.example"]
    assert _CANARY.encode() not in pickle.dumps(task)


def test_app_that_names_a_variable_of_workers_is_left_to_them(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    fleet.project.write("pyproject.toml", '[tool.pinfold]\nenvironment = ["FLAVOUR"]\n')
    fleet.project.write("apps/a/app.py", 'import os\nclass Chat(App):\n    requirements = [os.environ["FLAVOUR"]]\n')
    fleet.project.write("apps/a/beside.txt", "web\n")
    monkeypatch.setenv("FLAVOUR", _CANARY)

    task = fleet.build_one("a/app.py")

    assert [name for name, _ in task.files] == ["apps/a/app.py", "apps/a/beside.txt", "pyproject.toml"]
    assert _CANARY.encode() not in pickle.dumps(task)


def test_list_without_a_file_is_refused_and_the_others_are_not(fleet: Fleet) -> None:
    path = fleet.project.write("apps/fleet.jsonl", '{"source": "gone.txt"}\n{"name": "b", "requirements": ["web"]}\n')
    fleet.folder = path

    gone, other = fleet.build().values()

    assert isinstance(gone, RefusedList)
    assert str(gone.error) == "`apps/gone.txt` cannot be read: no such file or directory"
    assert isinstance(other, FleetTask)


def test_too_large_list_is_refused(fleet: Fleet) -> None:
    fleet.write("a/requirements.txt", "#" * 5_000_000)

    refused = fleet.build()["a/requirements.txt"]

    assert isinstance(refused, RefusedList)
    assert "a list has at most 4194304" in str(refused.error)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a/requirements.txt", ""),
        (".python-version", "3.11\n"),
        ("a/pyproject.toml", '[tool.pinfold]\npython = "3.11"\n'),
    ],
)
def test_task_knows_whether_its_files_state_a_python(fleet: Fleet, name: str, text: str) -> None:
    fleet.write("a/requirements.txt", "web")
    if text:
        fleet.project.write(f"apps/{name}", text)

    assert fleet.build_one("a/requirements.txt", settings=Settings()).states_python is bool(text)
