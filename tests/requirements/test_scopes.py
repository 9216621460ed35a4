from __future__ import annotations

import pytest
from packaging.utils import canonicalize_name

from resolver.requirements.requirement_list import parse_requirement_file, parse_requirement_list
from resolver.requirements.scopes import (
    DEFAULT_SCOPE,
    FlagScope,
    IndexFamily,
    Scope,
    ScopeRules,
    find_family,
    is_family_name,
)
from resolver.requirements.url import Url
from tests.requirements.lists import CU124, A, B, extras, files, report
from tests.requirements.lists import TORCH as TORCH_SPELLING

TORCH = IndexFamily(
    name="torch", names=("torch", "nvidia-*"), urls=("https://download.pytorch.org/whl/{cuda}", "https://m.example/pt/")
)
GEOMETRIC = IndexFamily(
    name="geometric", names=("torch-scatter",), urls=("https://d.example/whl/torch-{torch}+{cuda}.html",)
)


@pytest.mark.parametrize(
    ("url", "family"),
    [
        ("https://download.pytorch.org/whl/cu124", TORCH),
        ("https://download.pytorch.org/whl/cu124/", TORCH),
        ("https://${TOKEN}@download.pytorch.org/whl/cu124/", TORCH),
        ("https://m.example/pt", TORCH),
        ("https://m.example/pt/cu124/simple/", TORCH),
        ("https://d.example/whl/torch-2.5.0+cu124.html", GEOMETRIC),
        ("https://m.example/ptx", None),
        ("https://download.pytorch.org/whl/", None),
        ("https://index.example/https://download.pytorch.org/whl/cu124", None),
    ],
)
def test_an_index_belongs_to_the_family_whose_prefix_it_has(url: str, family: IndexFamily | None) -> None:
    assert find_family(Url(public=url), (TORCH, GEOMETRIC)) == family


def test_a_project_belongs_to_a_family_by_pattern() -> None:
    assert is_family_name(canonicalize_name("nvidia_cublas_cu12"), TORCH)
    assert not is_family_name(canonicalize_name("torchvision"), TORCH)


def test_a_placeholder_stands_for_one_segment_only() -> None:
    assert find_family(Url(public="https://d.example/whl/torch-2/5+cu124.html"), [GEOMETRIC]) is None


def test_an_empty_list_is_one_empty_layer_that_sees_the_default_index() -> None:
    parsed = parse_requirement_list([])
    assert [layer.entries for layer in parsed.layers] == [()]
    assert parsed.dependency_scope.default_index


def test_extra_index_applies_to_the_entries_after_it() -> None:
    parsed = parse_requirement_list(["numpy", "--extra-index-url", A, "scipy", "--extra-index-url", B, "torch"])
    assert extras(parsed) == {"numpy": [], "scipy": [A], "torch": [A, B]}


def test_a_trailing_run_of_flags_serves_its_whole_layer() -> None:
    parsed = parse_requirement_list(["numpy", "scipy", "--pre", "--extra-index-url", A, "-f", "https://f.example/"])
    assert extras(parsed) == {"numpy": [A], "scipy": [A]}
    assert [entry.scope.find_links for entry in parsed.entries] == [(Url(public="https://f.example/"),)] * 2


def test_positional_flags_come_before_trailing_ones() -> None:
    parsed = parse_requirement_list(["numpy", "--extra-index-url", A, "scipy", "--extra-index-url", B])
    assert extras(parsed) == {"numpy": [B], "scipy": [A, B]}


def test_an_extra_index_ends_with_its_layer() -> None:
    parsed = parse_requirement_list([["--extra-index-url", A, "numpy"], ["scipy"]])
    assert extras(parsed) == {"numpy": [A], "scipy": []}


def test_flag_scope_list_lets_every_flag_serve_its_whole_layer() -> None:
    parsed = parse_requirement_list(
        [["numpy", "--extra-index-url", A, "scipy"], ["torch"]],
        rules=ScopeRules(flag_scope="list", families=(TORCH_SPELLING,)),
    )
    assert extras(parsed) == {"numpy": [A], "scipy": [A], "torch": []}
    assert parsed.taken_indexes == ()


def test_index_url_replaces_the_default_for_its_whole_layer() -> None:
    parsed = parse_requirement_list([["numpy", "-i", A, "scipy"], ["torch"]])
    assert [entry.scope.indexes for entry in parsed.entries] == [(Url(public=A),), (Url(public=A),), ()]
    assert [entry.scope.default_index for entry in parsed.entries] == [False, False, True]


def test_dependencies_see_extra_indexes_then_index_urls_then_the_default_of_a_bare_layer() -> None:
    parsed = parse_requirement_list([["numpy", "-i", A], ["--extra-index-url", B, "scipy"]])
    scope = parsed.dependency_scope
    assert (scope.extra_indexes, scope.indexes, scope.default_index) == ((Url(public=B),), (Url(public=A),), True)


def test_dependencies_do_not_see_the_default_where_every_layer_has_its_own_index_or_none() -> None:
    parsed = parse_requirement_list([["numpy", "-i", A], ["scipy", "--no-index", "-f", "./wheels"]])
    assert not parsed.dependency_scope.default_index


def test_a_project_named_twice_has_the_union_of_its_scopes_in_list_order() -> None:
    parsed = parse_requirement_list(["torch", "--extra-index-url", A, "Torch>=2", "--extra-index-url", B, "torch<3"])
    assert [[url.public for url in entry.scope.extra_indexes] for entry in parsed.entries] == [[A, B]] * 3
    assert [[url.public for url in entry.own_scope.extra_indexes] for entry in parsed.entries] == [[], [A], [A, B]]


def test_a_constraint_adds_its_scope_to_its_project() -> None:
    parsed = parse_requirement_list(
        ["torch", "--extra-index-url", A, "-c", "c.txt", "numpy"], read_file=files({"c.txt": "torch<3"})
    )
    assert extras(parsed) == {"torch": [A], "numpy": [A]}
    assert [[url.public for url in entry.scope.extra_indexes] for entry in parsed.constraints] == [[A]]


def test_a_project_that_only_a_constraint_names_has_the_scope_of_dependencies() -> None:
    parsed = parse_requirement_list(
        ["-c", "c.txt", "scipy", "--extra-index-url", A, "numpy"], read_file=files({"c.txt": "torch<3"})
    )
    assert parsed.constraints[0].scope == parsed.dependency_scope


def test_flags_of_the_command_line_stand_before_item_0_of_every_layer() -> None:
    parsed = parse_requirement_list([["numpy"], ["--extra-index-url", B, "scipy"]], leading=["--extra-index-url", A])
    assert extras(parsed) == {"numpy": [A], "scipy": [A, B]}


def test_a_fault_of_the_command_line_names_it() -> None:
    assert report(["numpy"], leading=["--pre", "-i"]) == (
        "command line[1]: `-i` has no value\n  try: write `--index-url=URL`"
    )


def test_a_constraint_of_the_command_line_is_read_once() -> None:
    parsed = parse_requirement_list(
        [["numpy"], ["scipy"]], leading=["-c", "c.txt"], read_file=files({"c.txt": "torch<3"})
    )
    assert [str(entry.position) for entry in parsed.constraints] == ["c.txt:1 (from command line[0])"]


def test_an_item_after_a_trailing_flag_takes_its_location_from_the_items_before_it() -> None:
    items = ["torch==2.6.0", "--extra-index-url", CU124, "-f", "https://f.example/", "numpy"]
    taken = parse_requirement_list(items, rules=ScopeRules(families=(TORCH_SPELLING,))).taken_indexes
    assert [(one.entry.text, one.index.public, one.position.item, one.is_index) for one in taken] == [
        ("torch==2.6.0", CU124, 1, True),
        ("torch==2.6.0", "https://f.example/", 3, False),
    ]


@pytest.mark.parametrize("flag_scope", ["position", "list"])
def test_a_flag_scope_that_is_set_takes_nothing_silently(flag_scope: FlagScope) -> None:
    items = ["torch", "--extra-index-url", CU124, "numpy"]
    assert parse_requirement_list(items, rules=ScopeRules(flag_scope=flag_scope)).taken_indexes == ()


def test_an_index_taken_from_a_project_outside_its_family_is_noted_too() -> None:
    parsed = parse_requirement_list(
        ["requests", "--extra-index-url", CU124, "numpy"], rules=ScopeRules(families=(TORCH_SPELLING,))
    )
    taken = parsed.taken_indexes
    assert [(one.entry.text, one.index.public, one.position.item) for one in taken] == [("requests", CU124, 1)]


def test_a_project_that_gets_the_index_by_a_later_item_has_lost_nothing() -> None:
    parsed = parse_requirement_list(
        ["torch", "--extra-index-url", CU124, "torch>=2"], rules=ScopeRules(families=(TORCH_SPELLING,))
    )
    assert parsed.taken_indexes == ()


def test_in_a_requirement_file_every_flag_serves_the_whole_run_through_inclusions_both_ways() -> None:
    texts = {"more.txt": f"scipy\n--extra-index-url {B}\n-r last.txt\n", "last.txt": "pandas\n-f https://f.example/\n"}
    parsed = parse_requirement_file(f"numpy\n--extra-index-url {A}\n-r more.txt\ntorch\n", read_file=files(texts))
    assert extras(parsed) == {"numpy": [A, B], "scipy": [A, B], "pandas": [A, B], "torch": [A, B]}
    assert {entry.scope.find_links for entry in parsed.entries} == {(Url(public="https://f.example/"),)}


def test_flag_scope_position_holds_in_requirement_files_too() -> None:
    parsed = parse_requirement_file(
        "numpy\n-r more.txt\ntorch\n",
        read_file=files({"more.txt": f"scipy\n--extra-index-url {A}\npandas\n"}),
        rules=ScopeRules(flag_scope="position"),
    )
    assert extras(parsed) == {"numpy": [], "scipy": [], "pandas": [A], "torch": [A]}


def test_a_file_in_a_list_has_its_own_flags_and_those_before_it_and_at_the_end() -> None:
    texts = {"a.txt": f"scipy\n--extra-index-url {A}\npandas\n", "b.txt": "six"}
    items = ["numpy", "--extra-index-url", B, "-r", "a.txt", "torch", "-r", "b.txt", "--extra-index-url", CU124]
    assert extras(parse_requirement_list(items, read_file=files(texts))) == {
        "numpy": [CU124],
        "scipy": [B, A, CU124],
        "pandas": [B, A, CU124],
        "torch": [B, CU124],
        "six": [B, CU124],
    }


def test_an_index_url_and_no_index_of_a_file_in_a_list_serve_that_file_alone() -> None:
    texts = {"a.txt": f"-i {A}\nscipy", "b.txt": "--no-index\n-f ./wheels\nsix"}
    parsed = parse_requirement_list(["numpy", "-r", "a.txt", "-r", "b.txt", "torch"], read_file=files(texts))
    scopes = {entry.text: entry.scope for entry in parsed.entries}
    assert (scopes["numpy"], scopes["torch"]) == (DEFAULT_SCOPE, DEFAULT_SCOPE)
    assert scopes["scipy"] == Scope(indexes=(Url(public=A),), default_index=False)
    assert scopes["six"] == Scope(find_links=(Url(public="./wheels"),), default_index=False)
    assert parsed.dependency_scope == Scope(indexes=(Url(public=A),), find_links=(Url(public="./wheels"),))


def test_flag_scope_list_lets_the_flags_of_a_file_serve_the_other_items() -> None:
    parsed = parse_requirement_list(
        ["numpy", "-r", "a.txt"],
        read_file=files({"a.txt": f"scipy\n--extra-index-url {A}"}),
        rules=ScopeRules(flag_scope="list"),
    )
    assert extras(parsed) == {"numpy": [A], "scipy": [A]}


def test_a_constraint_file_contributes_no_flags() -> None:
    texts = {"c.txt": f"--extra-index-url {A}\n--pre\nnumpy<2\n-r r.txt\n", "r.txt": f"-f {B}\nsix\n"}
    parsed = parse_requirement_list(["numpy", "-c", "c.txt"], read_file=files(texts))
    assert (extras(parsed), parsed.pre, parsed.named_locations) == ({"numpy": [], "six": []}, False, ())
    assert parsed.warnings == (
        "c.txt:1 (from requirements[1]): `--extra-index-url` has no effect, because a constraint file"
        " contributes no flags",
        "c.txt:2 (from requirements[1]): `--pre` has no effect, because a constraint file contributes no flags",
        "r.txt:1 (from c.txt:4 (from requirements[1])): `--find-links` has no effect, because a constraint file"
        " contributes no flags",
    )
