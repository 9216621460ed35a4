"""What a platform installs beside a list: where it joins the list, and where it does not."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from resolver.errors import Position, SettingsError
from resolver.requirements.canonical import canonical_layers
from resolver.requirements.entry import RequirementList
from resolver.requirements.flags import RequirementUse
from resolver.requirements.requirement_list import parse_requirement_file, parse_requirement_list
from resolver.settings.settings import PlatformAdditions, Settings
from resolver.sources.apps.fal import tables
from resolver.sources.apps.fal.tables import find_platform_hint, list_platform_additions
from resolver.sources.source import AppFile, RequirementFile, Source

ADDED = RequirementUse(position=Position(source="[tool.pinfold.platform] requirements", item=0), text="uvicorn")


def parse(items: list[str] | list[list[str]]) -> RequirementList:
    return parse_requirement_list(items, additions=[ADDED])


def scopes(requirement_list: RequirementList) -> dict[str, tuple[str, ...]]:
    return {entry.text: tuple(url.public for url in entry.scope.extra_indexes) for entry in requirement_list.entries}


def test_an_addition_is_the_last_requirement_of_a_flat_list() -> None:
    assert canonical_layers(parse(["torch", "numpy"])) == (("torch", "numpy", "uvicorn"),)


def test_an_addition_sees_all_indexes_of_a_flat_list_and_takes_none_away() -> None:
    items = ["torch", "--extra-index-url", "https://a.example/", "numpy", "--extra-index-url", "https://b.example/"]
    with_addition, without = scopes(parse(items)), scopes(parse_requirement_list(items))
    assert with_addition.pop("uvicorn") == ("https://a.example/", "https://b.example/")
    assert with_addition == without
    taken = [one.entry.text for one in parse(items).taken_indexes]
    assert taken == [one.entry.text for one in parse_requirement_list(items).taken_indexes] == ["torch"]


def test_an_addition_goes_behind_the_hash_of_the_last_requirement() -> None:
    digest = f"sha256:{'0' * 64}"
    text = f"torch --hash={digest}\n-f https://files.example/\n"
    entries = parse_requirement_file(text, additions=[ADDED]).entries
    assert [(entry.text, entry.hashes) for entry in entries] == [("torch", (digest,)), ("uvicorn", ())]


def test_an_addition_goes_behind_the_files_that_a_list_includes() -> None:
    included = "numpy\n--extra-index-url https://a.example/\n"
    requirement_list = parse_requirement_list(
        ["torch", "-r", "more.txt"], additions=[ADDED], read_file=lambda reference, including: (reference, included)
    )
    assert [entry.text for entry in requirement_list.entries] == ["torch", "numpy", "uvicorn"]
    assert scopes(requirement_list) == {"torch": (), "numpy": ("https://a.example/",), "uvicorn": ()}


def test_additions_are_a_layer_of_their_own_behind_layers() -> None:
    requirement_list = parse([["torch", "--extra-index-url", "https://a.example/"], ["numpy"]])
    assert canonical_layers(requirement_list) == (
        ("--extra-index-url", "https://a.example/", "torch"),
        ("numpy",),
        ("uvicorn",),
    )
    assert scopes(requirement_list)["uvicorn"] == ()


def test_an_empty_list_has_the_additions_alone() -> None:
    assert canonical_layers(parse([])) == (("uvicorn",),)


def build_source(adds: PlatformAdditions | None, *, is_app: bool = True, adds_requirements: bool = True) -> Source:
    form = AppFile(class_name="A", line=1, items=()) if is_app else RequirementFile(text="")
    return Source(
        name="app.py",
        stem="a",
        form=form,
        path=None,
        folder=Path(),
        adds_requirements=adds_requirements,
        settings=Settings(platform_adds=adds),
    )


def test_nothing_is_added_unasked() -> None:
    assert list_platform_additions(build_source(None)) == ()


def test_the_profile_comes_before_requirements_of_the_settings() -> None:
    additions = list_platform_additions(
        build_source(PlatformAdditions(profile="fal", requirements=("pydantic==2.13.4",)))
    )
    assert [str(one.position) for one in additions[:2]] == [
        "[tool.pinfold.platform] profile[0]",
        "[tool.pinfold.platform] profile[1]",
    ]
    assert (str(additions[-1].position), additions[-1].text) == (
        "[tool.pinfold.platform] requirements[0]",
        "pydantic==2.13.4",
    )


def test_nothing_is_added_to_a_function_that_serves_nothing() -> None:
    adds = PlatformAdditions(requirements=("uvicorn",))
    assert list_platform_additions(build_source(adds, adds_requirements=False)) == ()


def test_an_unknown_profile_is_refused() -> None:
    with pytest.raises(SettingsError) as caught:
        list_platform_additions(build_source(PlatformAdditions(profile="acme")))
    assert str(caught.value) == (
        "[tool.pinfold.platform]: there is no profile `acme`\n  try: `fal`, or `requirements = […]`"
    )


def test_every_row_of_every_profile_is_a_requirement() -> None:
    profiles = tomllib.loads((Path(tables.__file__).with_name("data") / "platforms.toml").read_text(encoding="utf-8"))
    sources = [build_source(PlatformAdditions(profile=profile)) for profile in profiles]
    names = [Requirement(use.text).name for source in sources for use in list_platform_additions(source)]
    assert {"fastapi", "pydantic", "uvicorn"} <= set(names)
    assert len(names) == len(set(names))


def test_an_app_is_offered_what_its_platform_adds() -> None:
    assert find_platform_hint(build_source(None)) == (
        "not in the lock: what the platform adds to every app (fastapi, pydantic, tblib …); with"
        ' `profile = "fal"` in [tool.pinfold.platform] it is'
    )


@pytest.mark.parametrize(
    "source",
    [
        build_source(PlatformAdditions(profile="fal")),
        build_source(None, is_app=False),
        build_source(None, adds_requirements=False),
    ],
)
def test_nothing_is_offered_where_it_is_there_or_does_not_apply(source: Source) -> None:
    assert find_platform_hint(source) is None
