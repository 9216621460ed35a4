from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from resolver.errors import ListError
from resolver.requirements.entry import RequirementList
from resolver.requirements.position import Position
from resolver.requirements.requirement_list import parse_requirement_file, parse_requirement_list
from resolver.requirements.scopes import IndexFamily
from resolver.requirements.url import Url

A = "https://a.example/simple/"
B = "https://b.example/simple/"
CU124 = "https://download.pytorch.org/whl/cu124"
TORCH = IndexFamily(
    name="torch", names=("torch", "torchvision", "nvidia-*"), urls=("https://download.pytorch.org/whl/{cuda}",)
)


def files(texts: Mapping[str, str]) -> Callable[[str, str], tuple[str, str]]:
    def read(reference: str, including: str) -> tuple[str, str]:
        if reference not in texts:
            raise FileNotFoundError(2, "No such file or directory")
        return reference, texts[reference]

    return read


def extras(parsed: RequirementList) -> dict[str, list[str]]:
    return {entry.text: [url.public for url in entry.scope.extra_indexes] for entry in parsed.entries}


def report(items: object, **keywords: object) -> str:
    with pytest.raises(ListError) as caught:
        parse_requirement_list(items, **keywords)  # type: ignore[arg-type]  # Faulty lists are the point.
    return str(caught.value)


# Positions and scopes


def test_items_of_a_flat_list_have_positions_without_layer() -> None:
    parsed = parse_requirement_list(["numpy", "--pre", "scipy"])
    assert [str(entry.position) for entry in parsed.entries] == ["requirements[0]", "requirements[2]"]


def test_items_of_layers_have_positions_with_layer() -> None:
    parsed = parse_requirement_list([["numpy"], ["scipy", "torch"]], source="app.py")
    assert [str(entry.position) for entry in parsed.entries] == ["app.py[0][0]", "app.py[1][0]", "app.py[1][1]"]
    assert [entry.layer for entry in parsed.entries] == [0, 1, 1]


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
        [["numpy", "--extra-index-url", A, "scipy"], ["torch"]], flag_scope="list", families=(TORCH,)
    )
    assert extras(parsed) == {"numpy": [A], "scipy": [A], "torch": []}
    assert parsed.taken_indexes == ()


def test_index_url_replaces_the_default_for_its_whole_layer() -> None:
    parsed = parse_requirement_list([["numpy", "-i", A, "scipy"], ["torch"]])
    assert [entry.scope.indexes for entry in parsed.entries] == [(Url(public=A),), (Url(public=A),), ()]
    assert [entry.scope.default_index for entry in parsed.entries] == [False, False, True]


def test_the_same_index_url_twice_is_no_fault() -> None:
    parsed = parse_requirement_list(["-i", A, "numpy", f"--index-url={A}"])
    assert parsed.layers[0].scope.indexes == (Url(public=A),)


def test_dependencies_see_extra_indexes_then_index_urls_then_the_default_of_a_bare_layer() -> None:
    parsed = parse_requirement_list([["numpy", "-i", A], ["--extra-index-url", B, "scipy"]])
    scope = parsed.dependency_scope
    assert (scope.extra_indexes, scope.indexes, scope.default_index) == ((Url(public=B),), (Url(public=A),), True)


def test_dependencies_do_not_see_the_default_where_every_layer_has_its_own_index_or_none() -> None:
    parsed = parse_requirement_list([["numpy", "-i", A], ["scipy", "--no-index", "-f", "./wheels"]])
    assert not parsed.dependency_scope.default_index


def test_no_index_leaves_find_links_only_and_says_what_it_silences() -> None:
    parsed = parse_requirement_list(["numpy", "--extra-index-url", A, "--no-index", "-f", "./wheels"])
    scope = parsed.entries[0].scope
    assert (scope.extra_indexes, scope.default_index, scope.find_links) == ((), False, (Url(public="./wheels"),))
    assert parsed.warnings == (
        "requirements[1]: `--extra-index-url` has no effect, because its layer has `--no-index`",
    )


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


# Nothing moves silently


def test_an_item_after_a_trailing_flag_that_takes_a_family_index_away_is_a_fault() -> None:
    assert report(["torch==2.6.0", "--extra-index-url", CU124, "numpy"], families=(TORCH,)) == (
        f"requirements[1]: `--extra-index-url {CU124}` does not serve `torch==2.6.0` at requirements[0]\n"
        "  because a flag serves the requirements after it, and this one is for the family of that project\n"
        '  try: move the flag above requirements[0], or set `flag-scope = "list"`'
    )


def test_an_index_taken_from_another_project_is_noted_for_a_warning() -> None:
    parsed = parse_requirement_list(["requests", "--extra-index-url", CU124, "numpy"], families=(TORCH,))
    taken = parsed.taken_indexes
    assert [(one.entry.text, one.index.public, one.position.item) for one in taken] == [("requests", CU124, 1)]


def test_a_project_that_gets_the_index_by_a_later_item_has_lost_nothing() -> None:
    parsed = parse_requirement_list(["torch", "--extra-index-url", CU124, "torch>=2"], families=(TORCH,))
    assert parsed.taken_indexes == ()


# Forms


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


# Files


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
    with pytest.raises(ListError) as caught:
        parse_requirement_file(texts["a.txt"], source="a.txt", read_file=files(texts))
    assert str(caught.value) == (
        "b.txt:2 (from a.txt:1): `a.txt` includes itself\n"
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
    assert parsed.layers[0].scope.indexes[0].public == "https://${TOKEN}@a.example/simple/"


# Faults


def test_all_faults_of_a_list_come_in_one_report_in_list_order() -> None:
    assert report(["numpy==1", "", "# torch", "numpy==2", "-U", "--index-url"]) == (
        "requirements[1]: an empty item\n"
        "  because an installer refuses an empty argument\n"
        "  try: remove it\n"
        "requirements[2]: a comment as an item\n"
        "  because items are arguments, which know no comments\n"
        "  try: remove it\n"
        "requirements[3]: `numpy==2` contradicts `numpy==1` at requirements[0]\n"
        "  because no file of the project can be both\n"
        "  try: keep one of the two\n"
        "requirements[4]: `-U` is no flag that a list may hold\n"
        "  try: leave it out; `lock --upgrade` lets go of the pins of an old lock\n"
        "requirements[5]: `--index-url` has no value\n"
        "  try: write `--index-url=URL`"
    )


@pytest.mark.parametrize(
    ("items", "message"),
    [
        (
            ["-i", A, "--index-url", B],
            f"requirements[2]: a second `--index-url`, `{B}`\n"
            f"  because requirements[0] names `{A}`, and a layer has one\n"
            "  try: make one of them an `--extra-index-url`",
        ),
        (
            ["--extra-index-url", "https://a.example/whl/links.html"],
            "requirements[0]: `https://a.example/whl/links.html` is a page of links, not an index\n"
            "  because `--extra-index-url` takes the URL under which each project has a page of its own\n"
            "  try: write `--find-links https://a.example/whl/links.html`",
        ),
        (
            ["-f", CU124],
            f"requirements[0]: `{CU124}` is an index, not a page of links\n"
            "  because `--find-links` takes a page or folder that lists files themselves\n"
            f"  try: write `--extra-index-url {CU124}`",
        ),
        (
            ["https://files.example/mypackage-1.0.0.whl"],
            "requirements[0]: `mypackage-1.0.0.whl` is no wheel file name\n"
            "  because a wheel is named name-version-python-abi-platform.whl\n"
            "  try: use the name that the wheel was built with, such as `mypackage-1.0.0-py3-none-any.whl`",
        ),
        (
            ["--extra-index-ulr", A],
            "requirements[0]: `--extra-index-ulr` is no flag that a list may hold\n"
            "  try: `--extra-index-url` is the nearest known flag",
        ),
        (["--pre=1"], "requirements[0]: `--pre` takes no value\n  try: write `--pre` alone, as an item of its own"),
        (
            ["foo bar"],
            "requirements[0]: `foo bar` holds 2 requirements\n  try: make `foo` and `bar` items or lines of their own",
        ),
        (
            ["foo, bar>=1"],
            "requirements[0]: `foo, bar>=1` holds 2 requirements\n"
            "  try: make `foo` and `bar>=1` items or lines of their own",
        ),
        (
            [f"foo --index-url {A}"],
            "requirements[0]: `--index-url` after a requirement in the same item\n"
            "  because in a requirement file pip drops it there, without a word\n"
            "  try: make it an item of its own",
        ),
        (
            ["foo", ["bar"]],
            "requirements[1]: a list among strings\n"
            "  because a list holds either items or layers\n"
            "  try: put every item into a layer: `[[…], […]]`",
        ),
        (
            ["foo", None],
            "requirements[1]: an item of type `NoneType`\n  try: give text: a requirement or a flag",
        ),
        ("foo", "requirements: a list of type `str`\n  try: give a list of strings, or of such lists"),
        (
            ["--hash=sha256:00", "foo"],
            "requirements[0]: `--hash` follows no requirement\n"
            "  because it belongs to the requirement right before it\n"
            "  try: move it behind its requirement",
        ),
        (
            ["foo @ https://u:hunter2@f.example/foo-1.0.zip", "foo @ https://f.example/foo-2.0.zip"],
            "requirements[1]: `foo @ https://f.example/foo-2.0.zip` contradicts "
            "`foo @ https://f.example/foo-1.0.zip` at requirements[0]\n"
            "  because no file of the project can be both\n"
            "  try: keep one of the two",
        ),
        (
            ["foo=1.0"],
            "requirements[0]: `foo=1.0` is no requirement\n  because `=` is no operator\n  try: write `foo==1.0`",
        ),
        (["foo@1.0"], "requirements[0]: `1.0`, after `foo @`, is no URL and no path\n  try: write `foo==1.0`"),
        (
            ["git@github.example:o/r.git"],
            "requirements[0]: `git@github.example:o/r.git` is no requirement\n"
            "  because a repository needs `git+` in front\n"
            "  try: write `git+ssh://git@github.example/o/r.git`",
        ),
        (
            ["-r", "r.txt"],
            "requirements[0]: `--requirement r.txt`\n  because there is no folder to read files from here",
        ),
    ],
)
def test_a_fault_says_what_where_why_and_how_to_mend_it(items: object, message: str) -> None:
    assert report(items) == message


def test_pins_that_markers_keep_apart_do_not_contradict() -> None:
    parsed = parse_requirement_list(
        [
            "numpy==1.26; python_version < '3.12'",
            "numpy==2.0; python_version >= '3.12'",
            "torch==2.6.0",
            "torch==2.6.0+cu124",
        ]
    )
    assert len(parsed.entries) == 4


def test_a_constraint_that_contradicts_a_pin_is_a_fault() -> None:
    assert report(["numpy==1.26", "-c", "c.txt"], read_file=files({"c.txt": "\nnumpy==2.0"})) == (
        "c.txt:2 (from requirements[1]): `numpy==2.0` contradicts `numpy==1.26` at requirements[0]\n"
        "  because no file of the project can be both\n"
        "  try: keep one of the two"
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("foo[bar]", "`foo[bar]` is no constraint\n  because a constraint has no extras\n  try: leave the extras out"),
        (
            "https://f.example/main.zip",
            "`https://f.example/main.zip` is no constraint\n"
            "  because it does not say its name\n"
            "  try: write `name @ https://f.example/main.zip`",
        ),
    ],
)
def test_a_constraint_names_a_project_and_nothing_else(line: str, message: str) -> None:
    assert report(["-c", "c.txt"], read_file=files({"c.txt": line})) == f"c.txt:1 (from requirements[0]): {message}"


def test_positions_compare_as_values() -> None:
    assert parse_requirement_list(["six"]).entries[0].position == Position(source="requirements", item=0)
