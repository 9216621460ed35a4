from __future__ import annotations

import pytest
from packaging.specifiers import SpecifierSet

from resolver.requirements.requirement_list import parse_requirement_file, parse_requirement_list
from resolver.requirements.url import Url
from tests.requirements.lists import CU124, A, B, files, report


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
            ["https://files.example/six.zip#sha256=00"],
            "requirements[0]: `#sha256=00` can match no file\n"
            "  because sha256 has 64 hexadecimal digits, and this has 2",
        ),
        (
            ["-f", "https://github.com/org/project/releases/download/v1.0/"],
            "requirements[0]: `https://github.com/org/project/releases/download/v1.0/` lists no files\n"
            "  because GitHub gives single assets there, and has their list on another page\n"
            "  try: write `--find-links https://github.com/org/project/releases/expanded_assets/v1.0`",
        ),
        (
            ["mypackage", "--find-links", "https://github.com/your-org/releases/download/v1.0.0/"],
            "requirements[1]: `https://github.com/your-org/releases/download/v1.0.0/` lists no files\n"
            "  because GitHub gives single assets there, and has their list on another page\n"
            "  try: write `--find-links https://github.com/your-org/PROJECT/releases/expanded_assets/v1.0.0`",
        ),
        (
            ["-f", "https://github.com/org/project/releases/tag/v1.0"],
            "requirements[0]: `https://github.com/org/project/releases/tag/v1.0` lists no files\n"
            "  because GitHub gives single assets there, and has their list on another page\n"
            "  try: write `--find-links https://github.com/org/project/releases/expanded_assets/v1.0`",
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
            "  because in a requirement file pip ignores it there\n"
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


def test_equal_pins_are_compared_with_each_other_once(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[SpecifierSet] = []
    combine = SpecifierSet.__and__

    def count(one: SpecifierSet, other: SpecifierSet) -> SpecifierSet:
        compared.append(other)
        return combine(one, other)

    monkeypatch.setattr(SpecifierSet, "__and__", count)

    parse_requirement_list(["a==1", "a==1.0.0", "a==1.*", *["a==1"] * 50])

    assert len(compared) <= 3
