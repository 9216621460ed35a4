"""App files written for this purpose, each with what it gives as TOML in its `#:` lines."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from resolver.errors import Position, SourceError
from resolver.sources.apps.app_file import App, AppEnvironment, AppReader
from resolver.sources.apps.interpreter.values import AppTarget
from resolver.targets.platforms import DEFAULT_PLATFORM
from resolver.targets.target import build_marker_environment, parse_python_version

FOLDER = Path(__file__).parents[2] / "data" / "apps" / "written"
FILES = sorted(path for path in FOLDER.glob("*.py") if "#: " in path.read_text(encoding="utf-8"))


def expected(path: Path) -> dict[str, Any]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return tomllib.loads(
        "\n".join(line.removeprefix("#:").removeprefix(" ") for line in lines if line.startswith("#:"))
    )


def open_app(path: Path) -> AppReader:
    given = expected(path)
    environment = AppEnvironment(names=frozenset(given.get("allowed", ())), values=given.get("environment", {}))
    return AppReader(path.read_bytes(), name="written.py", path=path, seen_from=FOLDER, environment=environment)


def read(path: Path) -> App:
    python = parse_python_version("3.11")
    target = AppTarget(python=python, environment=build_marker_environment(python, DEFAULT_PLATFORM))
    return open_app(path).read(expected(path).get("app"), target=target)


def files(*, with_error: bool) -> list[Any]:
    return [pytest.param(path, id=path.stem) for path in FILES if ("error" in expected(path)) is with_error]


def test_there_are_at_least_forty_files() -> None:
    assert len(FILES) >= 40


@pytest.mark.parametrize("path", files(with_error=False))
def test_a_written_app_gives_what_it_says(path: Path) -> None:
    wanted, app = expected(path), read(path)
    assert [list(item) if isinstance(item, tuple) else item for item in app.items] == wanted["requirements"]
    assert (app.machine_types and list(app.machine_types.value)) == wanted.get("machine_type")
    assert (app.python and app.python.value) == wanted.get("python")
    assert (app.num_gpus and app.num_gpus.value) == wanted.get("num_gpus")
    assert list(app.warnings) == wanted.get("warnings", [])
    assert list(app.outside) == wanted.get("outside", [])
    if "default_machine" in wanted:
        assert app.default_machine is not None
        assert list(app.default_machine.value) == [wanted["default_machine"]]


@pytest.mark.parametrize("path", [one for one in FILES if "lines" in expected(one)], ids=lambda path: path.stem)
def test_the_items_of_a_written_app_have_their_lines(path: Path) -> None:
    wanted, app = expected(path), read(path)
    places = [place for place in app.positions if isinstance(place, Position)]
    assert [place.line for place in places] == wanted["lines"]
    if "files" in wanted:
        assert [place.source for place in places] == wanted["files"]


@pytest.mark.parametrize("path", files(with_error=True))
def test_a_written_app_that_is_not_understood_says_where_and_why(path: Path) -> None:
    with pytest.raises(SourceError) as caught:
        read(path)
    assert str(caught.value).startswith(expected(path)["error"])


@pytest.mark.parametrize("path", files(with_error=False))
def test_a_written_app_is_late_only_if_the_target_decides_its_list(path: Path) -> None:
    app = open_app(path).read(expected(path).get("app"))
    assert app.needs_target is expected(path).get("late", False)
    assert app.needs_target or app.items == read(path).items
