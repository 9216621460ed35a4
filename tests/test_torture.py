"""docs/reliability.md has the classes and cases of the code, and the tests that docs/security.md names exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.torture import PAGE, collect_classes, parse_rows

_ROOT = Path(__file__).parents[1]
_SECURITY = _ROOT / "docs" / "security.md"
_NODE = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")


def test_the_page_has_every_class_with_its_number_of_cases() -> None:
    rows = parse_rows(PAGE.read_text(encoding="utf-8"))
    assert {name: row[0] for name, row in rows.items()} == {one.name: one.cases for one in collect_classes()}, (
        "run `python -m tests.torture --write`"
    )


def test_no_more_is_mended_than_was_found() -> None:
    for name, (_, found, mended, _) in parse_rows(PAGE.read_text(encoding="utf-8")).items():
        assert int(mended) <= int(found), name


def test_classes_have_different_names_and_cases() -> None:
    classes = collect_classes()
    assert len({one.name for one in classes}) == len(classes)
    assert all(one.cases for one in classes)


def list_nodes() -> list[tuple[str, str]]:
    """The tests that the table of docs/security.md names: file and function, which is empty for a whole file."""
    table = _SECURITY.read_text(encoding="utf-8").partition("## Who trusts whom")[2].partition("\n## ")[0]
    return [(path, name) for path, name in _NODE.findall(table)]


def test_the_table_of_trust_names_tests() -> None:
    table = _SECURITY.read_text(encoding="utf-8").partition("## Who trusts whom")[2].partition("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ") and not line.startswith("| who")]
    assert rows
    assert [row for row in rows if not _NODE.search(row)] == []


@pytest.mark.parametrize(("path", "name"), list_nodes())
def test_a_test_that_the_table_of_trust_names_exists(path: str, name: str) -> None:
    text = (_ROOT / path).read_text(encoding="utf-8")
    assert not name or re.search(rf"^(def {name}\(|{name} = )", text, re.MULTILINE)
