"""Rows and the summary of a result."""

from __future__ import annotations

from lockfiles import digest
from resolver.errors import FetchError, HashMismatchError, InputError, PinfoldError, ResolutionError
from resolver.fleet.results import (
    SCHEMA,
    Failure,
    Row,
    Summary,
    build_failed_row,
    build_row,
    list_pins,
    render_count,
    sort_rows,
)
from tests.cli.verb_runs import build_web_lock


def build(source: str, machine: str | None, state: str = "new") -> Row:
    return build_row(
        build_web_lock(), source=source, machine=machine, state=state, lock="pylock.toml", sha256="00", warnings=("w",)
    )


def fail(error: Exception, **options: str) -> Row:
    return build_failed_row(error, source="b", machine="M", **options)


def test_row_of_a_lock_has_its_figures() -> None:
    row = build("a/requirements.txt", "M")

    assert row["schema"] == SCHEMA
    assert (row["pins"], row["download_bytes"]) == (4, 30_000_000 + 3 * 1500)
    assert row["digest"] == digest(build_web_lock())
    assert (row["python"], row["warnings"], row["cause"], row["error"]) == ("3.11", ["w"], None, None)


def test_rows_of_locks_and_of_failures_have_the_same_keys() -> None:
    assert sorted(build("a", None)) == sorted(fail(InputError("x")))


def test_cause_follows_from_the_error() -> None:
    errors: list[PinfoldError] = [
        InputError("x"),
        ResolutionError("x"),
        FetchError("x", url="https://index.example/"),
        HashMismatchError("x", filename="f", expected="1", found="2"),
    ]

    assert [fail(error)["cause"] for error in errors] == ["input", "no-solution", "network", "hash-mismatch"]
    assert fail(ValueError("x"))["cause"] == "bug"
    assert fail(InputError("x"), cause="killed")["cause"] == "killed"


def test_failed_row_has_the_parts_of_its_error_without_the_folder_of_the_worker() -> None:
    error = InputError("`/tmp/w/a.txt` is wrong", where="/tmp/w/a.txt:2", why="it is in /tmp/w", remedy="another one")

    found = fail(error, root="/tmp/w")["error"]

    assert found == {
        "what": "`a.txt` is wrong",
        "where": "a.txt:2",
        "why": "it is in .",
        "remedy": "another one",
        "text": "a.txt:2: `a.txt` is wrong\n  because it is in .\n  try: another one",
    }


def test_pins_have_version_index_file_and_hash() -> None:
    name, version, index, file, sha256 = sorted(list_pins(build_web_lock()))[0]

    assert (name, version, index, file) == ("http", "2.0", "https://index.example/simple/", "http-2.0-py3-none-any.whl")
    assert len(sha256) == 64


def test_summary_counts_states_causes_and_machines() -> None:
    summary = Summary()
    for row in (build("a", "M"), build("a", "GPU-A100", "unchanged"), fail(InputError("x")), build("c", None)):
        summary.add(row)

    document = summary.render(run={"name": "r"}, projects={"web": {"1.0": 3}})

    assert summary.failed == 1
    assert (document["sources"], document["rows"]) == (3, 4)
    assert document["states"] == {"failed": 1, "new": 2, "unchanged": 1}
    assert document["causes"] == {"input": 1}
    assert document["download_bytes"] == 3 * 30_004_500
    assert document["machines"]["M"] == {"locked": 1, "failed": 1, "pins": 4, "download_bytes": 30_004_500}
    assert sorted(document["machines"]) == ["GPU-A100", "M", "of the list"]
    assert (document["run"], document["projects"]) == ({"name": "r"}, {"web": {"1.0": 3}})


def test_rows_are_sorted_by_source_and_machine() -> None:
    rows = [build("b", None), build("a", "M"), build("a", "GPU-A100")]

    assert [(row["source"], row["machine"]) for row in sort_rows(rows)] == [("a", "GPU-A100"), ("a", "M"), ("b", None)]


def test_failures_count_each_list_once_and_join_equal_ones() -> None:
    summary = Summary()
    for source, machine, what in [("a", "A", "x\ny"), ("a", "B", "z"), ("b", "A", "x"), ("c", "A", "z")]:
        summary.add(build_failed_row(InputError(what), source=source, machine=machine))

    assert summary.failures == (Failure(what="x", source="a", lists=2), Failure(what="z", source="c", lists=1))


def test_count_has_its_noun_in_the_singular_for_one_alone() -> None:
    assert [render_count(number, "list") for number in (0, 1, 2)] == ["0 lists", "1 list", "2 lists"]
