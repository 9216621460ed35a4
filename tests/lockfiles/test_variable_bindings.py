from __future__ import annotations

import pickle

import pytest

from lockfiles.variable_bindings import VariableBinding, VariableBindings, name_host, parse_binding


@pytest.mark.parametrize(
    ("binding", "allowed", "refused"),
    [
        (
            "TOKEN=index.example",
            ["https://index.example", "https://INDEX.example:443", "http://index.example", "ssh://index.example:22"],
            ["https://index.example:8443", "https://index.example.evil.example", "https://a.index.example"],
        ),
        ("TOKEN=index.example:8443", ["https://index.example:8443"], ["https://index.example"]),
        ("TOKEN=index.example:443", ["https://index.example"], ["http://index.example"]),
        ("TOKEN=[::1]:8080", ["http://[::1]:8080"], ["http://[::1]"]),
        ("TOKEN=${INDEX}", ["https://${INDEX}"], ["https://${OTHER}", "https://${INDEX}.evil.example"]),
    ],
)
def test_a_binding_is_for_one_host_and_port(binding: str, allowed: list[str], refused: list[str]) -> None:
    bindings = VariableBindings([parse_binding(binding)])
    for places, expected in ((allowed, True), (refused, False)):
        for place in places:
            scheme, _, authority = place.partition("://")
            assert bindings.allows("TOKEN", scheme=scheme, authority=authority) is expected, place
            assert not bindings.allows("OTHER", scheme=scheme, authority=authority)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "TOKEN",
            "TOKEN=",
            "=a.example",
            "TOKEN=*",
            "TOKEN=*.example",
            "TOKEN=https://a.example",
            "TOKEN=a.example/x",
        ),
        *("TOKEN=u@a.example", "token=a.example", "TOKEN=a b", "TOKEN=a:b", "TOKEN=a:", "TOKEN=:80", "TOKEN=$A"),
    ],
)
def test_a_text_without_one_host_is_no_binding(text: str) -> None:
    with pytest.raises(ValueError, match="is no binding of the form NAME=HOST"):
        parse_binding(text)


def test_a_binding_is_shown_as_it_is_parsed() -> None:
    assert str(parse_binding("TOKEN=Index.example:8443")) == "TOKEN=Index.example:8443"
    assert parse_binding(" TOKEN=${INDEX} ") == VariableBinding(variable="TOKEN", host="${INDEX}")


def test_more_bindings_are_loaded_only_where_the_first_ones_do_not_allow_a_variable() -> None:
    calls: list[int] = []

    def load() -> list[VariableBinding]:
        calls.append(1)
        return [parse_binding("LATE=a.example")]

    bindings = VariableBindings([parse_binding("EARLY=a.example")], load=load)
    assert bindings.allows("EARLY", scheme="https", authority="a.example")
    assert calls == []
    assert bindings.allows("LATE", scheme="https", authority="a.example")
    assert not bindings.allows("LATE", scheme="https", authority="b.example")
    assert calls == [1]


def test_joined_bindings_are_those_of_both_in_order() -> None:
    joined = VariableBindings([parse_binding("B=b.example")]) | [parse_binding("A=a.example")]
    assert [str(one) for one in joined] == ["A=a.example", "B=b.example"]


def test_bindings_are_equal_after_a_copy_with_those_that_are_loaded() -> None:
    bindings = VariableBindings([parse_binding("A=a.example")], load=lambda: [parse_binding("B=b.example")])
    copied = pickle.loads(pickle.dumps(bindings))
    assert (copied, hash(copied)) == (bindings, hash(bindings))
    assert [str(one) for one in copied] == ["A=a.example", "B=b.example"]
    assert copied != VariableBindings([parse_binding("A=a.example")])


def test_the_name_of_a_host_has_no_default_port() -> None:
    assert name_host("https", "Index.example:443") == "index.example"
    assert name_host("http", "index.example:443") == "index.example:443"
    assert name_host("https", "${HOST}:${PORT}") == "${HOST}:${PORT}"
