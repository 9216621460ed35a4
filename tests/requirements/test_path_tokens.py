"""Tokens in the paths of URLs, found by patterns of the user."""

from __future__ import annotations

import re

import pytest

from resolver.requirements.path_tokens import PathTokens
from resolver.requirements.url import parse_url

PATTERNS = (re.compile(r"/t/([a-z0-9]+)/"), re.compile(r"/key-([a-z0-9]+)"))


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("https://i.example/t/abc1/simple/", "https://i.example/t/${SECRET_1}/simple/"),
        ("--index-url https://i.example/t/abc1/", "--index-url https://i.example/t/${SECRET_1}/"),
        (
            "a @ https://i.example/t/abc1/key-x9/a.whl ; x",
            "a @ https://i.example/t/${SECRET_1}/key-${SECRET_2}/a.whl ; x",
        ),
        (
            "https://i.example/t/a/x https://i.example/t/a/y",
            "https://i.example/t/${SECRET_1}/x https://i.example/t/${SECRET_1}/y",
        ),
        ("https://i.example/t/${TOKEN}/", "https://i.example/t/${TOKEN}/"),
        ("./t/abc1/ and a==1", "./t/abc1/ and a==1"),
        ("https://i.example/x?/t/abc1/", "https://i.example/x?/t/abc1/"),
    ],
)
def test_what_a_pattern_finds_in_the_path_of_a_url_becomes_a_variable(text: str, hidden: str) -> None:
    assert PathTokens(PATTERNS, {}).hide(text) == hidden


def test_the_variable_has_the_token_and_others_stay() -> None:
    tokens = PathTokens(PATTERNS, {"A": "1", "BASE": "https://i.example/t/abc1"})
    url = parse_url(tokens.hide("https://i.example/t/abc1/simple/"), variables=tokens)
    assert url.secret is not None
    assert (url.public, url.secret.open_for_transport()) == (
        "https://i.example/t/${SECRET_1}/simple/",
        "https://i.example/t/abc1/simple/",
    )
    assert (tokens["A"], dict(tokens)["SECRET_1"], len(tokens)) == ("1", "abc1", 3)
    assert "abc1" not in repr(tokens)


def test_token_in_a_variable_that_holds_a_url_is_found_too() -> None:
    tokens = PathTokens(PATTERNS, {"BASE": "https://i.example/t/abc1/simple"})
    url = parse_url("${BASE}/a/", variables=tokens)
    assert url.secret is not None
    assert (url.public, url.secret.open_for_transport()) == (
        "https://i.example/t/${SECRET_1}/simple/a/",
        "https://i.example/t/abc1/simple/a/",
    )


def test_without_patterns_nothing_changes() -> None:
    tokens = PathTokens((), {"A": "https://i.example/t/abc1/"})
    assert (tokens.hide("https://i.example/t/abc1/"), dict(tokens)) == (
        "https://i.example/t/abc1/",
        {"A": "https://i.example/t/abc1/"},
    )
