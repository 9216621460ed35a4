"""Every app that was found in public repositories: what is read from its form equals what was recorded of it."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from resolver.errors import Position, SourceError
from resolver.sources.apps.app_file import App, AppReader
from resolver.sources.apps.interpreter.values import AppTarget
from resolver.targets.platforms import DEFAULT_PLATFORM
from resolver.targets.target import build_marker_environment, parse_python_version

APPS = Path(__file__).parents[2] / "data" / "apps"
ROWS: list[dict[str, Any]] = tomllib.loads((APPS / "recorded.toml").read_text(encoding="utf-8"))["app"]


def with_outcome(*outcomes: str) -> list[Any]:
    return [pytest.param(row, id=row["folder"]) for row in ROWS if row["outcome"] in outcomes]


def target(python: str = "3.11") -> AppTarget:
    version = parse_python_version(python)
    return AppTarget(python=version, environment=build_marker_environment(version, DEFAULT_PLATFORM))


def open_app(row: dict[str, Any]) -> AppReader:
    path = APPS / "recorded" / row["folder"] / "app.py"
    return AppReader(path.read_bytes(), name="app.py", path=path, seen_from=path.parent)


def read(row: dict[str, Any], python: str = "3.11") -> App:
    return open_app(row).read(row["app"], target=target(python))


def as_lists(items: Any) -> list[Any]:
    return [list(item) if isinstance(item, tuple) else item for item in items]


def machine_types(app: App) -> list[str] | None:
    return None if app.machine_types is None else list(app.machine_types.value)


def test_all_recorded_apps_are_here() -> None:
    assert len(ROWS) == 65
    assert [row["folder"] for row in ROWS] == sorted(path.name for path in (APPS / "recorded").iterdir())


@pytest.mark.parametrize("row", with_outcome("list"))
def test_the_list_of_a_recorded_app_is_the_recorded_one(row: dict[str, Any]) -> None:
    app = read(row)
    assert as_lists(app.items) == row["requirements"]
    assert machine_types(app) == row["machine_type"]
    assert (None if app.python is None else app.python.value) == row.get("python")
    assert (None if app.num_gpus is None else app.num_gpus.value) == row.get("num_gpus")
    assert bool(app.outside) == row.get("outside", False)


@pytest.mark.parametrize("row", with_outcome("list"))
def test_each_item_of_a_recorded_app_stands_in_the_line_of_its_position(row: dict[str, Any]) -> None:
    folder = APPS / "recorded" / row["folder"]
    app = read(row)
    pairs: list[Any] = list(zip(app.items, app.positions, strict=True))
    if any(isinstance(item, tuple) for item, _ in pairs):
        pairs = [pair for items, places in pairs for pair in zip(items, places, strict=True)]
    for item, place in pairs:
        assert isinstance(place, Position)
        line = (folder / place.source).read_text().splitlines()[(place.line or 0) - 1]
        assert item in line or "{" in line


@pytest.mark.parametrize("row", with_outcome("list"))
def test_a_recorded_app_is_the_only_one_of_its_file(row: dict[str, Any]) -> None:
    assert open_app(row).read(None, target=target()) == read(row)


@pytest.mark.parametrize("row", with_outcome("no-list"))
def test_a_recorded_app_without_a_list_says_so_and_names_its_image(row: dict[str, Any]) -> None:
    app = read(row)
    assert (app.has_list, app.items) == (False, ())
    assert machine_types(app) == row["machine_type"]
    assert [text.partition(": ")[2] for text in app.outside] == ["what the `image` installs is outside the lock"]


@pytest.mark.parametrize("row", with_outcome("fails"))
def test_a_recorded_app_that_the_platform_refuses_is_refused(row: dict[str, Any]) -> None:
    (declared,) = open_app(row).list_apps()
    assert declared.machine_type is not None
    assert [declared.machine_type.value] == row["machine_type"]
    with pytest.raises(SourceError) as caught:
        read(row)
    line = declared.machine_type.place.line
    assert str(caught.value) == (
        f"app.py:{line}: the platform raises TypeError for class `{row['app']}`\n"
        "  because it takes `machine_type` as an attribute, not as a keyword of the class\n"
        "  try: `machine_type = …` in the body of the class"
    )


@pytest.mark.parametrize("row", with_outcome("needs-execution"))
def test_a_recorded_app_whose_list_only_a_run_tells_says_so(row: dict[str, Any]) -> None:
    with pytest.raises(SourceError) as caught:
        read(row)
    assert str(caught.value) == (
        "app.py:13: `requirements` is not understood: `get_requirements(BASE_LIST, MORE)`\n"
        "  because `wandml.services.fal.utils.get_requirements` is not read here\n"
        "  try: write it out, put the list into a requirements.txt, or run the file with `--evaluate`"
    )


@pytest.mark.parametrize("row", with_outcome("unreadable"))
def test_a_recorded_template_is_no_python(row: dict[str, Any]) -> None:
    with pytest.raises(SourceError) as caught:
        open_app(row)
    assert "cannot read this" in str(caught.value)


@pytest.mark.parametrize("minor", [10, 11, 12])
def test_the_recorded_wheel_picker_picks_the_wheel_of_the_target(minor: int) -> None:
    row = next(row for row in ROWS if row["app"] == "VLM2Vec")
    (wheel,) = (item for item in read(row, f"3.{minor}").items if isinstance(item, str) and "flash-attn" in item)
    assert wheel.endswith(f"-cp3{minor}-cp3{minor}-linux_x86_64.whl")


def test_the_recorded_wheel_picker_has_no_wheel_for_another_python() -> None:
    row = next(row for row in ROWS if row["app"] == "VLM2Vec")
    with pytest.raises(SourceError) as caught:
        read(row, "3.13")
    assert str(caught.value).splitlines()[:2] == [
        "app.py:16: `requirements[28]` is not understood: `ValueError(f'there is no wheel for Python 3.{minor}')`",
        "  because it is raised for this target",
    ]
