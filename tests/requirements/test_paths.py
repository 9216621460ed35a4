"""Paths of direct references, rewritten for a look at the disk or for a lock.

Tokens in the paths of URLs, found by patterns of the user.
"""

from __future__ import annotations

import re

import pytest

from lockfiles.variable_bindings import VariableBindings, parse_binding
from resolver.requirements.canonical import canonical_layers
from resolver.requirements.entry import Entry, LocalPath
from resolver.requirements.paths import PathTokens, rewrite_paths
from resolver.requirements.requirement_list import parse_requirement_list
from resolver.requirements.url import find_illegal_character, parse_url

BOUND = VariableBindings([parse_binding("T=index.example")])


def test_rewritten_paths_show_in_scopes_and_in_canonical_tokens() -> None:
    parsed = parse_requirement_list(["-f", "wheels", "six", "-f", "https://f.example/links.html", "torch"])
    rewritten = rewrite_paths(
        parsed, location=lambda path: f"deep/{path}", reference=lambda _, path: path.path, text=None
    )
    assert [[url.public for url in entry.scope.find_links] for entry in rewritten.entries] == [
        ["deep/wheels"],
        ["deep/wheels", "https://f.example/links.html"],
    ]
    assert canonical_layers(rewritten) == (
        ("--find-links", "deep/wheels", "six", "--find-links", "https://f.example/links.html", "torch"),
    )


def test_rewritten_references_show_in_entries_and_their_texts() -> None:
    parsed = parse_requirement_list(
        ["six", "-c", "c.txt", "-e", "./own[extra]"], read_file=lambda *_: ("c.txt", "fix @ ./fix")
    )

    def rewrite(*, shown: bool) -> list[tuple[object, str]]:
        rewritten = rewrite_paths(
            parsed,
            location=lambda path: path,
            reference=lambda _, path: f"/absolute/{path.path}",
            text=(lambda _, path: f"./shown/{path.path}") if shown else None,
        )
        return [(entry.direct, entry.text) for entry in (*rewritten.entries, *rewritten.constraints)]

    own, fix = LocalPath(path="/absolute/./own"), LocalPath(path="/absolute/./fix")
    assert rewrite(shown=True) == [(None, "six"), (own, "./shown/./own[extra]"), (fix, "fix @ ./shown/./fix")]
    assert rewrite(shown=False) == [(None, "six"), (own, "./own[extra]"), (fix, "fix @ ./fix")]


def absolute(entry: Entry, path: LocalPath) -> str:
    return f"/there/{path.path}"


def test_paths_of_entries_and_constraints_are_rewritten() -> None:
    parsed = parse_requirement_list(["./wheels/a-1.0-py3-none-any.whl", "b", "https://files.example/c-1.0.tar.gz"])

    entries = rewrite_paths(parsed, location=str, reference=absolute, text=None).layers[0].entries

    assert [entry.direct.path for entry in entries if isinstance(entry.direct, LocalPath)] == [
        f"/there/{entry.direct.path}" for entry in parsed.entries if isinstance(entry.direct, LocalPath)
    ]
    assert entries[1:] == parsed.layers[0].entries[1:]
    assert [entry.text for entry in entries] == [entry.text for entry in parsed.entries]


def test_texts_follow_their_paths_where_they_are_shown() -> None:
    parsed = parse_requirement_list(["./wheels/a-1.0-py3-none-any.whl"])

    (entry,) = rewrite_paths(parsed, location=str, reference=absolute, text=absolute).layers[0].entries

    assert isinstance(entry.direct, LocalPath)
    assert entry.direct.path in entry.text


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


VALUES = {
    "T": "canary",
    "INDEX": "index.example",
    "BASE": "https://u:canary@corp.example/base",
    "HOST": "https://corp.example",
    "LOGIN": "https://canary@",
    "PORT": "8443",
    "SLASHED": "/canary",
    "NESTED": "https://${T}@corp.example/",
}


@pytest.mark.parametrize(
    ("text", "complete"),
    [
        ("https://${T}@index.example/", "https://canary@index.example/"),
        ("https://${T}@INDEX.example:443/", "https://canary@index.example:443/"),
        ("https://index.example/${T}/", "https://index.example/canary/"),
        ("https://index.example/?token=${T}", "https://index.example/?token=canary"),
        ("${BASE}/x.whl", "https://u:canary@corp.example/base/x.whl"),
    ],
)
def test_a_bound_variable_is_expanded_for_its_host(text: str, complete: str) -> None:
    url = parse_url(text, variables=PathTokens((), VALUES, bindings=BOUND))
    assert url.secret is not None
    assert (url.secret.open_for_transport(), url.unbound) == (complete, ())
    assert "canary" not in f"{url} {url.public} {url!r}"


@pytest.mark.parametrize(
    ("text", "unbound", "destination"),
    [
        ("https://${T}@evil.example/", ("T",), "evil.example"),
        ("https://${T}@index.example:8443/", ("T",), "index.example:8443"),
        ("https://${T}@evil.example#@index.example/", ("T",), "evil.example"),
        ("https://${T}@evil.example\\@x.index.example/", ("T",), "x.index.example"),
        ("https://evil.example/${T}/?x=${PORT}", ("T", "PORT"), "evil.example"),
        ("https://${T}.evil.example/", ("T",), "${T}.evil.example"),
        ("https://index.example:${PORT}/", ("PORT",), "index.example:${PORT}"),
        ("https://${T}@${INDEX}/", ("INDEX",), "${INDEX}"),
        ("${HOST}.evil.example/", ("HOST",), "${HOST}.evil.example"),
        ("${HOST}@evil.example/", ("HOST",), "${HOST}@evil.example"),
        ("${LOGIN}evil.example/", ("LOGIN",), "${LOGIN}evil.example"),
        ("${BASE}/${T}/x.whl", ("T",), "corp.example"),
        ("${NESTED}x.whl", ("T",), "corp.example"),
        ("https:/${SLASHED}@evil.example/", ("SLASHED",), "https:"),
        ("file://${T}.evil.example/share", ("T",), "${T}.evil.example"),
    ],
)
def test_a_variable_stays_text_for_every_other_host(text: str, unbound: tuple[str, ...], destination: str) -> None:
    url = parse_url(text, variables=PathTokens((), VALUES, bindings=BOUND))
    assert (url.secret, url.unbound, url.destination) == (None, unbound, destination)
    assert "canary" not in f"{url} {url.public} {url!r}"


def test_a_variable_in_a_path_on_disk_needs_no_binding() -> None:
    variables = PathTokens((), {"FOLDER": "/wheels"}, bindings=BOUND)
    assert parse_url("file://${FOLDER}/x.whl", variables=variables).unbound == ("FOLDER",)
    assert parse_url("file:///a${FOLDER}/x.whl", variables=variables).public == "file:///a/wheels/x.whl"
    assert parse_url("${FOLDER}/x.whl", variables=variables).public == "/wheels/x.whl"


def test_a_token_that_a_pattern_finds_is_sent_where_the_list_has_it() -> None:
    tokens = PathTokens([re.compile("/t/([^/]+)")], {}, bindings=VariableBindings())
    url = parse_url(tokens.hide("https://files.example/t/hunter2/x.whl"), variables=tokens)
    assert url.secret is not None
    assert (url.secret.open_for_transport(), url.unbound) == ("https://files.example/t/hunter2/x.whl", ())


def test_a_value_that_ends_the_host_is_a_flaw_of_the_url() -> None:
    variables = PathTokens((), {"T": "a/b"}, bindings=BOUND)
    url = parse_url("https://u:${T}@index.example/", variables=variables)
    assert find_illegal_character(url) == "a `/`, `?` or `#` in its credentials"
