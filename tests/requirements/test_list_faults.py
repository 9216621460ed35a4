from __future__ import annotations

import pytest
from packaging.specifiers import SpecifierSet

from resolver.requirements.requirement_list import parse_requirement_list
from resolver.requirements.scopes import ScopeRules
from tests.requirements.lists import CU124, A, B, files, report


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


def test_equal_pins_are_compared_with_each_other_once(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[SpecifierSet] = []
    combine = SpecifierSet.__and__

    def count(one: SpecifierSet, other: SpecifierSet) -> SpecifierSet:
        compared.append(other)
        return combine(one, other)

    monkeypatch.setattr(SpecifierSet, "__and__", count)

    parse_requirement_list(["a==1", "a==1.0.0", "a==1.*", *["a==1"] * 50])

    assert len(compared) <= 3


def test_files_that_fan_out_without_end_are_a_fault_soon() -> None:
    tree = {f"{level}.txt": f"-r {level + 1}.txt\n" * 2 for level in range(40)} | {"40.txt": "numpy\n"}

    first, *others = report(["-r", "0.txt"], read_file=files(tree)).splitlines()

    assert first.endswith(": the list includes files more than 1000 times")
    assert others == ["  because a file counts each time that it is included", "  try: include each file once"]


def test_file_nested_too_deep_is_named_without_all_that_lead_to_it() -> None:
    chain = {f"{level}.txt": f"-r {level + 1}.txt" for level in range(60)}

    assert report(["-r", "0.txt"], read_file=files(chain)) == (
        "50.txt:1 (from 49.txt:1 (from 48.txt:1 (from 47.txt:1 (from … 47 more … (from requirements[0]))))):"
        " files are nested more than 50 deep\n"
        "  try: remove some of the inclusions"
    )


@pytest.mark.parametrize(
    ("flag", "value", "name"),
    [("--no-binary", ":foo:", ":foo:"), ("--only-binary", "a b", "a b"), ("--no-binary", "numpy,x-", "x-")],
)
def test_format_flag_takes_names_only(flag: str, value: str, name: str) -> None:
    assert report(["numpy", f"{flag}={value}"]) == (
        f"requirements[1]: `{flag} {value}` holds `{name}`, which is no project name\n"
        "  because it takes names with commas between them, `:all:` or `:none:`"
    )


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("ftp://x/", "`ftp://x/` cannot be asked\n  because `ftp:` is none of `https:`, `http:` and `file:`"),
        (
            "localhost:8080/x",
            "`localhost:8080/x` cannot be asked\n"
            "  because `localhost:` is none of `https:`, `http:` and `file:`\n"
            "  try: begin it with `https://`, if it is the name of a host",
        ),
        (
            "http://",
            "`http://` is no URL\n  because it names no host\n  try: write it in full, as in `https://host/simple/`",
        ),
        (
            "https:/x/y",
            "`https:/x/y` is no URL\n  because it names no host\n  try: write it in full, as in `https://host/simple/`",
        ),
        (
            "http://x:99999/",
            "`http://x:99999/` is no URL\n"
            "  because a port is a number from 1 to 65535\n"
            "  try: write it in full, as in `https://host/simple/`",
        ),
        (
            "http://[::1/",
            "`http://[::1/` is no URL\n"
            "  because its host is no name and no IP address\n"
            "  try: write it in full, as in `https://host/simple/`",
        ),
    ],
)
def test_url_that_nobody_can_be_asked_for_is_a_fault(url: str, message: str) -> None:
    for flag in ("-i", "--extra-index-url", "-f"):
        assert report(["numpy", flag, url], rules=ScopeRules(flag_scope="list")) == f"requirements[1]: {message}"


@pytest.mark.parametrize("url", ["https://[::1]:80/x", "file:///x", "./x", "C:/x", "https://${H}:${P}/x", "${URL}"])
def test_url_that_may_be_asked_for_is_none(url: str) -> None:
    parsed = parse_requirement_list(["numpy", "--extra-index-url", url])
    assert [str(location.position) for location in parsed.named_locations] == ["requirements[1]"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a==", "no version follows `==`"),
        ("a>=1,<", "no version follows `<`"),
        ("a=>1", "`=>` is no operator"),
        ("a[x]=>1", "`=>` is no operator"),
        ("a~=1", "`~=` needs a version of two numbers or more, as in `~=1.0`"),
        ("a[x", "a bracket is not closed"),
        ("a]", "a bracket is not opened"),
        ("==1", "it does not begin with the name of a project"),
    ],
)
def test_usual_mistakes_in_a_requirement_are_told_in_plain_words(text: str, why: str) -> None:
    assert report([text]) == f"requirements[0]: `{text}` is no requirement\n  because {why}"
