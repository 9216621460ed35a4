"""The index of pins: what it answers, what it forgets, and its export."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.utils import NormalizedName

from resolver.errors import InputError
from resolver.fleet.pin_index import Holder, PinIndex, find_last_index, make_index_path, note_last_index
from resolver.index.distribution_file import RawFile
from resolver.index.project_health import parse_advisory

_INDEX = "https://index.example/simple/"
_TORCH = ("2.5.1+cu124", "2.6.0", "2.7.0rc1")


def build_result(
    key: str, source: str, pins: dict[str | None, list[tuple[str, str]]], *, pages: list[str] | None = None
) -> dict[str, Any]:
    """The result of a task with these pins by machine type."""
    distinct = sorted({pin for found in pins.values() for pin in found})
    return {
        "key": key,
        "run": "r",
        "source": source,
        "pins": [[name, version, _INDEX, f"{name}-{version}.whl", "0" * 64] for name, version in distinct],
        "rows": [
            {
                "source": source,
                "machine": machine,
                "lock": f"{source}/{machine}",
                "pin_numbers": [*map(distinct.index, found)],
            }
            for machine, found in pins.items()
        ],
        "pages": None if pages is None else [[url, '"1"\n\n', False] for url in pages],
    }


@pytest.fixture
def index(tmp_path: Path) -> Iterator[PinIndex]:
    """Three lists: `a` on two machines, `b` and `c` on one."""
    with PinIndex(tmp_path / "pins.sqlite", is_new=True) as found:
        torch = [("torch", version) for version in _TORCH]
        found.add(build_result("1", "a", {"M": [torch[0]], "GPU-A100": [torch[0], ("web", "1.0")]}, pages=["p", "q"]))
        found.add(build_result("2", "b", {None: [torch[1], ("web", "1.0")]}, pages=["q"]))
        found.add(build_result("3", "c", {None: [torch[2], ("tree", "0123abcd")]}))
        yield found


def hold(source: str, version: str, *machines: str, name: str = "torch", detail: str = "") -> Holder:
    return Holder(source=source, machines=machines, name=name, version=version, detail=detail)


@pytest.mark.parametrize(
    ("requirement", "sources"),
    [
        ("torch<2.6", ["a"]),
        ("torch>=2.6", ["b", "c"]),
        ("Torch", ["a", "b", "c"]),
        ("torch==2.5.1", ["a"]),
        ("torch>2.6", ["c"]),
        ("tree", ["c"]),
        ("tree>=0", []),
        ("nothing", []),
    ],
)
def test_requirement_names_the_sources_that_hold_what_it_admits(
    index: PinIndex, requirement: str, sources: list[str]
) -> None:
    assert [one.source for one in index.find_holders(requirement)] == sources


def test_holder_has_its_machine_types(index: PinIndex) -> None:
    assert index.find_holders("torch<2.6") == [hold("a", "2.5.1+cu124", "GPU-A100", "M")]
    assert index.find_holders("web") == [hold("a", "1.0", "GPU-A100", name="web"), hold("b", "1.0", name="web")]


def test_text_that_is_no_requirement_is_an_error(index: PinIndex) -> None:
    with pytest.raises(InputError, match="`torch<<2` is no requirement"):
        index.find_holders("torch<<2")


def test_advisory_names_the_sources_that_hold_what_it_concerns(index: PinIndex) -> None:
    ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.6.0"}]}]
    package = {"ecosystem": "PyPI", "name": "torch"}
    found = parse_advisory({"id": "X-1", "affected": [{"package": package, "ranges": ranges}]})

    assert index.find_vulnerable(found) == [hold("a", "2.5.1+cu124", "GPU-A100", "M", detail="X-1")]


def test_yanked_files_name_the_sources_that_hold_them(index: PinIndex) -> None:
    web = NormalizedName("web")
    file = RawFile(None, "web-1.0.whl", None, None, None, None, "https://files.example/web-1.0.whl", "broken")

    found = index.find_yanked({(web, _INDEX): [file]})

    assert (web, _INDEX) in index.list_projects()
    assert found == [
        hold("a", "1.0", "GPU-A100", name="web", detail="broken"),
        hold("b", "1.0", name="web", detail="broken"),
    ]


def test_tasks_rest_on_pages_or_on_what_is_not_known(index: PinIndex) -> None:
    numbers = {page.url: page.number for page in index.list_pages()}

    assert sorted(numbers) == ["p", "q"]
    assert index.find_resting([]) == {"3"}
    assert index.find_resting([numbers["p"]]) == {"1", "3"}
    assert index.find_resting(numbers.values()) == {"1", "2", "3"}


def test_only_the_wanted_tasks_are_kept_with_what_they_alone_held(index: PinIndex) -> None:
    assert index.keep_only(["2", "9"]) == ("1", "3")

    assert list(index.list_keys()) == ["2"]
    assert [one.source for one in index.find_holders("torch")] == ["b"]
    assert [page.url for page in index.list_pages()] == ["q"]
    assert index.count_projects() == {"torch": {"2.6.0": 1}, "web": {"1.0": 1}}
    assert list(index.list_locks()) == [("2", "b/None")]


def test_projects_are_counted_by_version(index: PinIndex) -> None:
    assert index.count_projects() == {
        "torch": {"2.5.1+cu124": 2, "2.6.0": 1, "2.7.0rc1": 1},
        "tree": {"0123abcd": 1},
        "web": {"1.0": 2},
    }


def test_rows_come_by_source_and_machine(index: PinIndex) -> None:
    assert [(row["source"], row["machine"]) for row in index.iter_rows()] == [
        ("a", "GPU-A100"),
        ("a", "M"),
        ("b", None),
        ("c", None),
    ]


def test_written_index_answers_in_another_process(tmp_path: Path) -> None:
    path = tmp_path / "pins.sqlite"
    with PinIndex(path, is_new=True) as writer:
        writer.add(build_result("1", "a", {None: [("web", "1.0")]}))

    with PinIndex(path) as reader:
        assert reader.find_holders("web") == [hold("a", "1.0", name="web")]
        with pytest.raises(Exception, match="readonly"):
            reader.add(build_result("2", "b", {}))


def test_damaged_index_is_made_again_by_a_run_and_refused_by_a_query(tmp_path: Path) -> None:
    path = tmp_path / "pins.sqlite"
    path.write_bytes(b"no database at all, " * 100)

    with pytest.raises(InputError, match="is no index of pins"):
        PinIndex(path)
    with PinIndex(path, is_new=True) as writer:
        assert writer.list_keys() == {}


def test_missing_index_is_an_error_with_the_way_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no index of pins(.|\n)*try: `lock fleet`"):
        PinIndex(tmp_path / "pins.sqlite")


def test_last_index_is_found_by_the_user_that_made_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with pytest.raises(InputError, match="no run of `lock fleet` has finished"):
        find_last_index()

    default = make_index_path("out", None)
    note_last_index(default)
    assert (default.parent, find_last_index()) == (tmp_path / "pinfold" / "fleet", default)
    chosen = make_index_path("out", tmp_path / "mine.sqlite")
    assert (chosen, find_last_index()) == (tmp_path / "mine.sqlite", default)
    note_last_index(chosen)
    assert find_last_index() == chosen


def test_index_that_no_run_has_finished_says_so(index: PinIndex) -> None:
    with pytest.raises(InputError, match=r"is not complete: no run(.|\n)*try: the same `lock fleet` again"):
        index.find_output()

    index.finish("locks")
    index.finish("others")

    assert (index.find_output(), index.count_sources()) == ("others", 3)


def test_equal_names_of_outputs_in_two_folders_have_an_index_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    found = set()
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        found |= {make_index_path("locks", None), make_index_path("s3://bucket/locks", None)}
    assert len(found) == 3


def test_parquet_has_a_row_for_each_pin_of_each_lock(index: PinIndex, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is no requirement of the tests")

    assert index.export_parquet(tmp_path / "pins.parquet") == 7

    rows = parquet.read_table(tmp_path / "pins.parquet").to_pylist()
    assert {(row["source"], row["machine"], row["name"], row["version"]) for row in rows} >= {
        ("a", "GPU-A100", "web", "1.0"),
        ("c", "", "tree", "0123abcd"),
    }
    assert len(rows) == 7
