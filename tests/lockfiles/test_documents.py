from __future__ import annotations

import json
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockfiles._documents import VALUE_LIMIT, DocumentError, parse_json, parse_toml


@pytest.mark.parametrize(
    ("data", "what", "place"),
    [
        (b"a = [", "invalid value", (1, 6)),
        (b"a = 1\nb = \xff", "it is no UTF-8 text", (2, 5)),
        (b"\xef\xbb\xbfa = 1", "invalid statement", (1, 1)),
        (b"a = " + b"[" * 100_000, "it is nested too deep", (None, None)),
        (b"a = " + b"{a=" * 100_000, "it is nested too deep", (None, None)),
        (b"a = " + b"1" * 5000, "it holds a number that is too long to be read", (None, None)),
        (b"b = 1\na" + b".a" * 200_000 + b" = 1", "a key of more than 32 parts", (2, 1)),
        (b"[" + b"'a' . " * 200_000 + b"a]", "a key of more than 32 parts", (1, 2)),
        (b"[[a" + b'."a"' * 33 + b"]]", "a key of more than 32 parts", (1, 3)),
    ],
)
def test_toml_that_cannot_be_read_is_one_error(data: bytes, what: str, place: tuple[int | None, int | None]) -> None:
    with pytest.raises(DocumentError) as caught:
        parse_toml(data)
    assert (caught.value.what, (caught.value.line, caught.value.column)) == (what, place)


def test_dots_that_are_no_key_do_not_count() -> None:
    text = f"a = \"{'x.' * 100}\"\nb = [{'1.5,' * 100}]\n{'.'.join('k' * 32)} = 1\nc = '{'x.' * 100}'"
    assert parse_toml(text) == tomllib.loads(text)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"{", "Expecting property name enclosed in double quotes"),
        (b"\xff", "it is no UTF-8 text"),
        (b"[" * 200_000, "it is nested too deep"),
        (b'{"a":' * 200_000, "it is nested too deep"),
        (b"1" * 5000, "it holds a number that is too long to be read"),
        (b"[" + b"0," * VALUE_LIMIT + b"0]", f"it has more than {VALUE_LIMIT} values"),
    ],
)
def test_json_that_cannot_be_read_is_one_error(data: bytes, what: str) -> None:
    with pytest.raises(DocumentError) as caught:
        parse_json(data)
    if data != b"{":
        assert caught.value.what == what


def test_long_texts_in_json_are_not_values() -> None:
    assert parse_json(json.dumps(["x" * (VALUE_LIMIT + 1)])) == ["x" * (VALUE_LIMIT + 1)]


@given(st.text(st.sampled_from("ab.=[]{}\"'\n #\\1-T:"), max_size=80))
def test_toml_is_read_as_tomllib_reads_it(text: str) -> None:
    try:
        expected = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        with pytest.raises(DocumentError):
            parse_toml(text)
    else:
        assert repr(parse_toml(text)) == repr(expected)
