from __future__ import annotations

import pytest

from resolver.requirements.requirement_list import parse_requirement_list
from resolver.requirements.url import Url
from tests.requirements.lists import A, extras


@pytest.mark.parametrize(
    "items",
    [
        ["--extra-index-url", A, "numpy"],
        [f"--extra-index-url={A}", "numpy"],
        [f"--extra-index-url {A}", "numpy"],
    ],
)
def test_a_flag_and_its_value_are_two_items_or_one(items: list[str]) -> None:
    assert extras(parse_requirement_list(items)) == {"numpy": [A]}


def test_hashes_and_build_settings_belong_to_the_requirement_before_them() -> None:
    digest = "A" * 64
    parsed = parse_requirement_list(
        [f"numpy==2.0 --hash=sha256:{digest}", "scipy", "--hash", f"sha256:{digest}", "-C", "--build-option=--fast"]
    )
    assert [entry.hashes for entry in parsed.entries] == [(f"sha256:{'a' * 64}",)] * 2
    assert parsed.entries[1].config_settings == (("--build-option", "--fast"),)


def test_no_deps_and_no_build_isolation_serve_their_layer() -> None:
    parsed = parse_requirement_list([["flash-attn", "--no-build-isolation"], ["numpy", "--no-deps"], ["scipy"]])
    assert [(layer.no_build_isolation, layer.no_deps) for layer in parsed.layers] == [
        (True, False),
        (False, True),
        (False, False),
    ]


def test_items_of_a_flat_list_have_positions_without_layer() -> None:
    parsed = parse_requirement_list(["numpy", "--pre", "scipy"])
    assert [str(entry.position) for entry in parsed.entries] == ["requirements[0]", "requirements[2]"]


def test_items_of_layers_have_positions_with_layer() -> None:
    parsed = parse_requirement_list([["numpy"], ["scipy", "torch"]], source="app.py")
    assert [str(entry.position) for entry in parsed.entries] == ["app.py[0][0]", "app.py[1][0]", "app.py[1][1]"]
    assert [entry.layer for entry in parsed.entries] == [0, 1, 1]


def test_no_index_leaves_find_links_only_and_says_what_it_silences() -> None:
    parsed = parse_requirement_list(["numpy", "--extra-index-url", A, "--no-index", "-f", "./wheels"])
    scope = parsed.entries[0].scope
    assert (scope.extra_indexes, scope.default_index, scope.find_links) == ((), False, (Url(public="./wheels"),))
    assert parsed.warnings == (
        "requirements[1]: `--extra-index-url` has no effect, because its layer has `--no-index`",
    )


def test_the_same_index_url_twice_is_no_fault() -> None:
    parsed = parse_requirement_list(["-i", A, "numpy", f"--index-url={A}"])
    assert parsed.layers[0].scope.indexes == (Url(public=A),)
