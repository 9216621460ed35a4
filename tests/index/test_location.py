from __future__ import annotations

from packaging.utils import NormalizedName

from resolver.index.location import Location, order_locations
from resolver.requirements.scopes import IndexFamily, Scope
from resolver.requirements.url import Url

DEFAULT = Url(public="https://index.example/simple/")
TORCH = Url(public="https://wheels.example/whl/cu124")
OTHER = Url(public="https://extra.example/simple/")
LINKS = Url(public="https://links.example/wheels.html")
FAMILY = IndexFamily(name="torch", names=("torch", "torch-*"), urls=("https://wheels.example/whl/{cuda}",))
ACME = IndexFamily(name="acme", names=("acme-*",), urls=("https://acme.example/",), exclusive=True)
ACME_INDEX = Url(public="https://acme.example/simple/")


def order(name: str, scope: Scope, *, strategy: str = "first-index", default: Url | None = DEFAULT) -> list[str]:
    locations = order_locations(
        NormalizedName(name),
        scope,
        default_index=default,
        families=(FAMILY, ACME),
        strategy="best-match" if strategy == "best-match" else "first-index",
    )
    return [describe(location) for location in locations]


def describe(location: Location) -> str:
    outside = f" outside {location.outside_family}" if location.outside_family else ""
    return f"{location.form} {location.url}{outside}"


def test_find_links_then_extra_indexes_then_index_urls_then_the_default() -> None:
    scope = Scope(extra_indexes=(OTHER,), indexes=(Url(public="https://main.example/simple/"),), find_links=(LINKS,))
    assert order("numpy", scope) == [
        "find-links https://links.example/wheels.html",
        "index https://extra.example/simple/",
        "index https://main.example/simple/",
        "index https://index.example/simple/",
    ]


def test_a_family_index_keeps_its_place_for_its_own_names() -> None:
    assert order("torch", Scope(extra_indexes=(TORCH, OTHER))) == [
        "index https://wheels.example/whl/cu124",
        "index https://extra.example/simple/",
        "index https://index.example/simple/",
    ]


def test_a_family_index_moves_behind_all_others_for_a_name_outside_the_family() -> None:
    assert order("numpy", Scope(extra_indexes=(TORCH, OTHER))) == [
        "index https://extra.example/simple/",
        "index https://index.example/simple/",
        "index https://wheels.example/whl/cu124 outside torch",
    ]


def test_a_family_index_comes_first_for_its_own_names_whatever_flag_names_it() -> None:
    first, *others = order("torch", Scope(indexes=(TORCH,), extra_indexes=(OTHER, DEFAULT), default_index=False))
    assert first == "index https://wheels.example/whl/cu124"
    assert others == ["index https://extra.example/simple/", "index https://index.example/simple/"]
    assert order("torch", Scope(extra_indexes=(OTHER,), find_links=(LINKS,)), default=TORCH) == [
        "index https://wheels.example/whl/cu124",
        "find-links https://links.example/wheels.html",
        "index https://extra.example/simple/",
    ]


def test_a_page_of_a_family_comes_before_other_pages_for_its_own_names() -> None:
    page = Url(public="https://wheels.example/whl/cu124/torch_stable.html")
    assert order("torch", Scope(find_links=(LINKS, page))) == [
        "find-links https://wheels.example/whl/cu124/torch_stable.html",
        "find-links https://links.example/wheels.html",
        "index https://index.example/simple/",
    ]


def test_a_family_index_named_as_the_only_index_url_moves_behind_extra_indexes_for_other_names() -> None:
    scope = Scope(indexes=(TORCH,), extra_indexes=(DEFAULT,), default_index=False)
    assert order("numpy", scope) == [
        "index https://index.example/simple/",
        "index https://wheels.example/whl/cu124 outside torch",
    ]


def test_a_family_index_alone_serves_every_name() -> None:
    assert order("numpy", Scope(indexes=(TORCH,), default_index=False)) == [
        "index https://wheels.example/whl/cu124 outside torch"
    ]


def test_best_match_asks_all_in_list_order() -> None:
    assert order("numpy", Scope(extra_indexes=(TORCH, OTHER)), strategy="best-match") == [
        "index https://wheels.example/whl/cu124",
        "index https://extra.example/simple/",
        "index https://index.example/simple/",
    ]


def test_names_of_an_exclusive_family_come_from_nowhere_else() -> None:
    scope = Scope(extra_indexes=(OTHER, ACME_INDEX), find_links=(LINKS,))
    for strategy in ("first-index", "best-match"):
        assert order("acme-core", scope, strategy=strategy) == ["index https://acme.example/simple/"]
    assert order("acme-core", Scope()) == []


def test_a_scope_without_the_default_index_has_no_location_for_it() -> None:
    assert order("numpy", Scope(default_index=False)) == []
    assert order("numpy", Scope(), default=None) == []


def test_a_url_named_twice_is_one_location() -> None:
    assert order("numpy", Scope(extra_indexes=(Url(public="https://index.example/simple"),))) == [
        "index https://index.example/simple"
    ]
