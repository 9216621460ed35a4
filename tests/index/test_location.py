from __future__ import annotations

from packaging.utils import NormalizedName

from resolver.index.location import FamilyIndexes, Location, order_locations
from resolver.requirements.scopes import IndexFamily, Scope
from resolver.requirements.url import Url, parse_url
from resolver.settings.settings import Mirror
from resolver.targets.accelerators import CudaVersion

DEFAULT = Url(public="https://index.example/simple/")
TORCH = Url(public="https://wheels.example/whl/cu124")
OTHER = Url(public="https://extra.example/simple/")
LINKS = Url(public="https://links.example/wheels.html")
FAMILY = IndexFamily(name="torch", names=("torch", "torch-*"), urls=("https://wheels.example/whl/{cuda}",))
ACME = IndexFamily(name="acme", names=("acme-*",), urls=("https://acme.example/",), exclusive=True)
ACME_INDEX = Url(public="https://acme.example/simple/")
MIRROR = Mirror(prefix="https://wheels.example/whl/", url="https://mirror.example/")


def order(
    name: str,
    scope: Scope,
    *,
    strategy: str = "first-index",
    default: Url | None = DEFAULT,
    mirrors: tuple[Mirror, ...] = (),
) -> list[str]:
    locations = order_locations(
        NormalizedName(name),
        scope,
        default_index=default,
        families=(FAMILY, ACME),
        strategy="best-match" if strategy == "best-match" else "first-index",
        mirrors=mirrors,
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


def test_a_mirror_takes_the_place_of_an_index_of_the_list_and_has_its_family() -> None:
    scope = Scope(extra_indexes=(OTHER, TORCH))
    assert order("torch", scope, mirrors=(MIRROR,)) == [
        "index https://mirror.example/cu124",
        "index https://extra.example/simple/",
        "index https://index.example/simple/",
    ]
    assert order("numpy", scope, mirrors=(MIRROR,))[-1] == "index https://mirror.example/cu124 outside torch"


def test_a_mirror_takes_the_place_of_a_page_and_of_an_index_url() -> None:
    page = Url(public="https://wheels.example/whl/torch_stable.html")
    scope = Scope(find_links=(page,), indexes=(TORCH,), default_index=False)
    assert order("numpy", scope, mirrors=(MIRROR,)) == [
        "find-links https://mirror.example/torch_stable.html outside torch",
        "index https://mirror.example/cu124 outside torch",
    ]


def test_a_mirror_in_the_list_serves_the_family_first_and_keeps_its_place_for_other_names() -> None:
    scope = Scope(extra_indexes=(OTHER, Url(public="https://mirror.example/cu124")))
    assert order("torch", scope, mirrors=(MIRROR,))[0] == "index https://mirror.example/cu124"
    assert order("numpy", scope, mirrors=(MIRROR,)) == [
        "index https://extra.example/simple/",
        "index https://mirror.example/cu124",
        "index https://index.example/simple/",
    ]


def test_two_urls_with_one_mirror_are_one_location() -> None:
    mirrors = tuple(
        Mirror(prefix=f"https://wheels.example/whl/{label}", url="https://mirror.example/")
        for label in ("cu124", "cpu")
    )
    scope = Scope(extra_indexes=(TORCH, Url(public="https://wheels.example/whl/cpu")), default_index=False)
    assert order("torch", scope, mirrors=mirrors) == ["index https://mirror.example/"]


def test_the_credentials_of_a_url_are_not_those_of_its_mirror() -> None:
    scope = Scope(extra_indexes=(parse_url("https://user:word@wheels.example/whl/cu124"),), default_index=False)
    (location,) = order_locations(
        NormalizedName("torch"),
        scope,
        default_index=None,
        families=(FAMILY,),
        strategy="first-index",
        mirrors=(MIRROR,),
    )
    assert (location.url.public, location.url.secret) == ("https://mirror.example/cu124", None)
    assert location.named_url == "https://wheels.example/whl/cu124"


def find_own(*families: IndexFamily, mirrors: tuple[Mirror, ...] = ()) -> list[str]:
    indexes = FamilyIndexes(families=families, mirrors=mirrors).find(NormalizedName("torch"), CudaVersion(12, 4))
    return [index.location.url.public for index in indexes]


def test_a_mirror_takes_the_place_of_an_index_of_the_users_family() -> None:
    assert find_own(FAMILY, mirrors=(MIRROR,)) == ["https://mirror.example/cu124"]


def test_builds_of_an_exclusive_family_come_from_its_own_indexes_alone() -> None:
    exclusive = IndexFamily(name="own", names=("torch",), urls=("https://own.example/simple/",), exclusive=True)
    assert find_own(exclusive) == []
    assert find_own(FAMILY, exclusive) == []
    assert find_own() == ["https://download.pytorch.org/whl/cu124"]
