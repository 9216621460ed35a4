from __future__ import annotations

import tomllib
from collections.abc import Callable
from textwrap import dedent

import pytest

from lockfiles.errors import Fault
from lockfiles.table_reader import (
    Parser,
    TableFault,
    TableReader,
    Wording,
    array_of,
    choice,
    filled_text,
    flag,
    keyed_table,
    parsed,
    project_name,
    table_of,
    text,
    version,
)


def read(document: str, use: Callable[[TableReader], object], *, path: str = "") -> tuple[object, list[TableFault]]:
    faults: list[TableFault] = []
    reader = TableReader(tomllib.loads(dedent(document)), path=path, faults=faults)
    return use(reader), faults


def read_key(document: str, parse: Parser[object]) -> tuple[object, list[str]]:
    value, faults = read(document, lambda reader: reader.read("key", parse))
    return value, [str(Fault(what=fault.what, remedy=fault.remedy)) for fault in faults]


def test_a_missing_key_is_the_default() -> None:
    assert read("", lambda reader: (reader.read("a", text), reader.read("b", text, "c"))) == ((None, "c"), [])


@pytest.mark.parametrize(
    ("document", "parse", "value"),
    [
        ('key = ""', text, ""),
        ('key = "a"', filled_text, "a"),
        ("key = false", flag, False),
        ('key = "b"', choice("a", "b"), "b"),
        ('key = "A_b"', project_name, "a-b"),
        ('key = ["a", "b"]', array_of(text), ("a", "b")),
        ("key = [[true], []]", array_of(array_of(flag)), ((True,), ())),
        ('[key]\na = "b"', table_of(text), {"a": "b"}),
        ('[key]\nA_b = "c"', table_of(text, key=project_name), {"a-b": "c"}),
        ('[key]\na = "b"', keyed_table(lambda reader: reader.read("a", text)), "b"),
    ],
)
def test_value_is_what_its_parser_makes_of_it(document: str, parse: Parser[object], value: object) -> None:
    assert read_key(document, parse) == (value, [])


@pytest.mark.parametrize(
    ("document", "parse", "faults"),
    [
        ("key = true", text, ["`key` must be a string, not a boolean"]),
        ("key = 3.11", text, ['`key` must be a string, not a float\n  try: `key = "3.11"`']),
        ("key = 2026-11-01", text, ["`key` must be a string, not a date or time"]),
        ('key = " "', filled_text, ["`key` is empty\n  try: leave it out"]),
        ("key = 1", flag, ["`key` must be true or false, not an integer"]),
        ('key = "c"', choice("a", "b"), ["`key` must be `a` or `b`, not `c`"]),
        ('key = "https://u:hush@a.example/"', version, ["`key` is no version (PEP 440)"]),
        ('key = "x"', parsed(int, "number"), ["`key` is no number"]),
        ('key = "a"', array_of(text, of="strings"), ["`key` must be an array of strings, not a string"]),
        (
            'key = [1, "a", {}]',
            array_of(text),
            ["`key[0]` must be a string, not an integer", "`key[2]` must be a string, not a table"],
        ),
        (
            '[key]\n"a.b" = 1\nc = []',
            table_of(text),
            ['`key."a.b"` must be a string, not an integer', "`key.c` must be a string, not an array"],
        ),
        (
            '[key]\nalpa = "a"',
            keyed_table(lambda reader: reader.read("alpha", text)),
            ["unknown key `key.alpa`\n  try: `alpha`"],
        ),
    ],
)
def test_fault_names_its_place_and_all_of_them_are_found(
    document: str, parse: Parser[object], faults: list[str]
) -> None:
    assert read_key(document, parse) == (None, faults)


def test_faults_of_tables_inside_tables_have_the_whole_path() -> None:
    def read_row(row: TableReader) -> object:
        row.require("name")
        row.read("name", text)
        return row.read("names", array_of(project_name))

    document = '[[rows]]\nname = "a"\nnames = ["b c"]\n[[rows]]\nother = 1'
    _, faults = read(document, lambda reader: reader.read("rows", array_of(keyed_table(read_row))), path="tool.x")
    assert faults == [
        TableFault(path="tool.x.rows[0].names[0]", what="`tool.x.rows[0].names[0]` is no project name"),
        TableFault(path="tool.x.rows[1].name", what="`tool.x.rows[1].name` is missing"),
        TableFault(path="tool.x.rows[1].other", what="unknown key `tool.x.rows[1].other`"),
    ]


def test_wording_reaches_every_fault() -> None:
    class Short(Wording):
        def describe_type(self, path: str, expected: str, found: object) -> str:
            return expected

    faults: list[TableFault] = []
    reader = TableReader({"a": [{"b": 1}]}, faults=faults, wording=Short())
    reader.read("a", array_of(keyed_table(lambda row: row.read("b", flag))))
    assert faults == [TableFault(path="a[0].b", what="true or false")]
