"""The forms of a manifest, and that all its faults come at once with their positions."""

from __future__ import annotations

from pathlib import Path

import pytest

from resolver.errors import InputError
from resolver.fleet.manifest import Manifest, read_manifest
from resolver.settings.settings import Settings

_APP = 'class {name}(App):\n    requirements = ["web"]\n'


def write(folder: Path, **files: str) -> Path:
    """Files by their names, in which `__` stands for a slash."""
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_py", ".py").replace("_txt", ".txt").replace("_toml", ".toml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def read(path: Path, *machines: str) -> Manifest:
    return read_manifest(path, arguments=Settings(), machines=machines)


def read_faults(path: Path) -> list[str]:
    with pytest.raises(InputError) as caught:
        read(path)
    return [fault.headline for fault in caught.value.faults]


def test_folder_has_its_apps_and_its_plain_lists(tmp_path: Path) -> None:
    write(
        tmp_path,
        a__app_py=_APP.format(name="One"),
        b__two_py=_APP.format(name="One") + _APP.format(name="Two"),
        c__requirements_txt="web\n",
        c__constraints_txt="web<2\n",
        d__pyproject_toml='[tool.pinfold]\nrequirements = ["web"]\n',
        e__pyproject_toml='[tool.pinfold]\npython = "3.11"\n',
        f__plain_py="x = 1\n",
    )

    names = [one.name for one in read(tmp_path).lists]

    assert names == ["a/app.py", "b/two.py::One", "b/two.py::Two", "c/requirements.txt", "d/pyproject.toml"]


def test_table_joins_globs_machine_types_and_settings(tmp_path: Path) -> None:
    write(
        tmp_path,
        x__app_py=_APP.format(name="One"),
        x__helper_py="x = 1\n",
        y__requirements_txt="web\n",
        z__requirements_txt="web\n",
        fleet_toml="""
machine-types = ["M"]
settings = { python = "3.11", exclude = ["log"] }
[[lists]]
sources = ["*/*.py"]
[[lists]]
sources = ["**/requirements.txt"]
exclude = ["z/*"]
machine-types = ["GPU-A100", "GPU-H100,GPU-A100"]
settings = { python = "3.12" }
""",
    )

    one, two = read(tmp_path / "fleet.toml").lists

    assert (one.name, one.where, one.machines, one.settings.python) == (
        "x/app.py",
        "fleet.toml: lists[0]",
        ("M",),
        "3.11",
    )
    assert (two.name, two.machines) == ("y/requirements.txt", ("GPU-A100", "GPU-H100,GPU-A100"))
    assert (two.settings.python, two.settings.exclude) == ("3.12", ("log",))


def test_lines_are_rows_of_a_database(tmp_path: Path) -> None:
    path = tmp_path / "apps.jsonl"
    path.write_text(
        '{"name": "apps/chat", "requirements": ["web", "log"], "machine-types": ["M"]}\n\n'
        '{"name": "apps/text", "requirements": "web\\nlog\\n"}\n'
        '{"name": "apps/layers", "requirements": [["web"], ["log"]], "settings": {"python": "3.12"}}\n'
        '{"source": "x/requirements.txt"}\n',
        encoding="utf-8",
    )

    chat, text, layers, source = read(path).lists

    assert (chat.name, chat.where, chat.requirements, chat.machines) == (
        "apps/chat",
        "apps.jsonl:1",
        ("web", "log"),
        ("M",),
    )
    assert text.requirements == "web\nlog\n"
    assert (layers.requirements, layers.settings.python) == ((("web",), ("log",)), "3.12")
    assert (source.name, source.where, source.requirements) == ("x/requirements.txt", "apps.jsonl:5", None)


def test_machine_types_and_settings_of_the_command_line_win(tmp_path: Path) -> None:
    path = tmp_path / "apps.jsonl"
    path.write_text('{"name": "a", "requirements": [], "machine-types": ["M"], "settings": {"python": "3.12"}}\n')

    found = read_manifest(path, arguments=Settings(python="3.11"), machines=("GPU-A100",)).lists[0]

    assert (found.machines, found.settings.python) == (("GPU-A100",), "3.11")


def test_all_faults_of_a_table_come_at_once(tmp_path: Path) -> None:
    write(
        tmp_path,
        a__requirements_txt="web\n",
        fleet_toml="""
machine-type = ["M"]
settings = { pythn = "3.11" }
[[lists]]
sources = ["a/*.txt", "nothing/*.txt", "../other.txt"]
machine-types = ["GPU-H1000"]
[[lists]]
exclude = [3]
[[lists]]
sources = ["a/requirements.txt"]
settings = { output = "x" }
""",
    )

    assert read_faults(tmp_path / "fleet.toml") == [
        "fleet.toml: `lists[1].sources` is missing",
        "fleet.toml: `lists[1].exclude[0]` must be a string, not an integer",
        "fleet.toml: unknown key `machine-type`",
        "fleet.toml settings: unknown key `pythn`",
        "fleet.toml: lists[0].sources[1]: `nothing/*.txt` matches no list",
        "fleet.toml: lists[0].sources[2]: `../other.txt` leads out of the folder of the manifest",
        "fleet.toml: lists[2].settings: `output` has no meaning in a fleet",
        "fleet.toml: lists[0]: unknown machine type `GPU-H1000`",
        "fleet.toml: lists[2]: `a/requirements.txt` is named by fleet.toml: lists[0] already",
    ]


def test_all_faults_of_lines_come_at_once(tmp_path: Path) -> None:
    path = tmp_path / "apps.jsonl"
    path.write_text(
        '{"name": "a", "requirements": ["web"]}\n'
        "{nothing\n"
        "[1]\n"
        '{"name": "../b", "requirements": []}\n'
        '{"name": "c"}\n'
        '{"source": "d.txt", "requirements": []}\n'
        '{"machine-types": ["M"]}\n'
        '{"name": "a/", "requirements": ["web"], "machine-types": ["M", "V1"]}\n',
        encoding="utf-8",
    )

    assert read_faults(path) == [
        "apps.jsonl:2: no JSON: Expecting property name enclosed in double quotes",
        "apps.jsonl:3: expected an object",
        "apps.jsonl:4: `../b` leads out of the folder of the manifest",
        "apps.jsonl:5: `requirements` is missing",
        "apps.jsonl:6: `requirements` belongs to a `name`, not to a `source`",
        "apps.jsonl:7: expected `source`, or `name` with `requirements`",
        "apps.jsonl:8: unknown machine type `V1`",
        "apps.jsonl:8: `a/` is named by apps.jsonl:1 already",
    ]


def test_machine_types_of_the_configuration_of_the_manifest_are_known(tmp_path: Path) -> None:
    path = tmp_path / "apps.jsonl"
    machines = '"settings": {"machines": [{"name": "BIG", "gpu": "H100"}]}, "machine-types": ["BIG"]'
    path.write_text(f'{{"name": "a", "requirements": [], {machines}}}\n')

    assert read(path).lists[0].machines == ("BIG",)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("fleet.toml", "a = [\n", "fleet.toml:2: no manifest: invalid value"),
        ("fleet.toml", "lists = []\n", "has no list"),
        ("empty.jsonl", "\n", "has no list"),
    ],
)
def test_manifest_without_a_list_is_an_error(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)

    assert [message in fault for fault in read_faults(tmp_path / name)] == [True]


def test_missing_manifest_is_an_error(tmp_path: Path) -> None:
    assert read_faults(tmp_path / "fleet.toml") == [
        f"`{tmp_path}/fleet.toml` cannot be read: no such file or directory"
    ]
