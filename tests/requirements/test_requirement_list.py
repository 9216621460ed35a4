from __future__ import annotations

import pytest

from resolver.requirements.requirement_list import parse_requirement_file, parse_requirement_list
from resolver.requirements.url import Url
from tests.requirements.lists import A, extras, files, report


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


def test_list_wide_flags_are_gathered_over_all_layers() -> None:
    parsed = parse_requirement_list(
        [
            ["--pre", "--only-binary", ":all:", "numpy"],
            ["--prefer-binary", "--no-binary=Foo_Bar", "--trusted-host", "a.example", "--require-hashes"],
        ]
    )
    assert (parsed.pre, parsed.prefer_binary, parsed.require_hashes) == (True, True, True)
    assert parsed.trusted_hosts == ("a.example",)
    assert parsed.format_control.only_binary == {":all:"}
    assert parsed.format_control.no_binary == {"foo-bar"}


def test_no_deps_and_no_build_isolation_serve_their_layer() -> None:
    parsed = parse_requirement_list([["flash-attn", "--no-build-isolation"], ["numpy", "--no-deps"], ["scipy"]])
    assert [(layer.no_build_isolation, layer.no_deps) for layer in parsed.layers] == [
        (True, False),
        (False, True),
        (False, False),
    ]


def test_an_included_file_stands_in_the_place_of_its_flag() -> None:
    parsed = parse_requirement_list(
        ["numpy", "-r", "more.txt", "torch"], read_file=files({"more.txt": f"scipy\n--extra-index-url {A}\npandas\n"})
    )
    assert extras(parsed) == {"numpy": [], "scipy": [], "pandas": [A], "torch": [A]}
    assert str(parsed.entries[2].position) == "more.txt:3 (from requirements[1])"


def test_read_file_is_told_who_includes() -> None:
    asked = []

    def read(reference: str, including: str) -> tuple[str, str]:
        asked.append((reference, including))
        return f"sub/{reference}", "-c c.txt\n" if reference == "r.txt" else "six<2\n"

    parse_requirement_file("-r r.txt\n", source="requirements.txt", read_file=read)
    assert asked == [("r.txt", "requirements.txt"), ("c.txt", "sub/r.txt")]


def test_a_cycle_of_files_is_reported() -> None:
    texts = {"a.txt": "-r b.txt", "b.txt": "six\n-r a.txt"}
    assert report(["-r", "a.txt"], read_file=files(texts)) == (
        "b.txt:2 (from a.txt:1 (from requirements[0])): `a.txt` includes itself\n"
        "  because `a.txt` includes `b.txt` includes `a.txt`\n"
        "  try: remove one of the two"
    )


def test_the_same_file_twice_is_no_cycle() -> None:
    texts = {"base.txt": "six", "a.txt": "-r base.txt"}
    parsed = parse_requirement_file("-r a.txt\n-r base.txt", read_file=files(texts))
    assert [entry.text for entry in parsed.entries] == ["six", "six"]


def test_a_file_that_cannot_be_read_is_a_fault_at_its_flag() -> None:
    assert report(["-r", "missing.txt"], read_file=files({})) == (
        "requirements[0]: `missing.txt` cannot be read\n  because no such file or directory\n  try: correct its name"
    )


def test_requirements_inside_a_constraint_file_are_requirements_as_with_pip() -> None:
    texts = {"c.txt": "-r r.txt\nsix<2", "r.txt": "numpy"}
    parsed = parse_requirement_list(["-c", "c.txt"], read_file=files(texts))
    assert [entry.text for entry in parsed.entries] == ["numpy"]
    assert [entry.text for entry in parsed.constraints] == ["six<2"]


def test_a_relative_find_links_in_a_file_is_relative_to_that_file() -> None:
    parsed = parse_requirement_file("-f wheels\n-f ../more/\nnumpy", source="deep/er/requirements.txt")
    assert [url.public for url in parsed.entries[0].scope.find_links] == ["deep/er/wheels", "deep/more"]


def test_variables_are_expanded_in_files_and_in_urls_of_items() -> None:
    variables = {"VERSION": "2.0", "HOST": "a.example"}
    from_file = parse_requirement_file("numpy==${VERSION}\n-i https://${HOST}/simple/", variables=variables)
    assert from_file.entries[0].text == "numpy==2.0"
    assert from_file.layers[0].scope.indexes == (Url(public=A),)
    from_items = parse_requirement_list(["numpy", "-i", "https://${HOST}/simple/"], variables=variables)
    assert from_items.layers[0].scope.indexes == (Url(public=A),)


def test_an_unset_variable_stays_as_text() -> None:
    parsed = parse_requirement_list(["-i", "https://${TOKEN}@a.example/simple/"])
    assert str(parsed.layers[0].scope.indexes[0]) == "https://${TOKEN}@a.example/simple/"
