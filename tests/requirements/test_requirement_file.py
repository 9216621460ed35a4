from __future__ import annotations

import codecs

import pytest

from lockfiles.variable_bindings import VariableBindings, parse_binding
from resolver.errors import ListError, SourceError
from resolver.requirements.paths import PathTokens
from resolver.requirements.requirement_file import decode_requirement_file
from resolver.requirements.requirement_list import parse_requirement_file, parse_requirement_list
from tests.requirements.lists import A, extras, files, report


def report_file(text: str) -> str:
    with pytest.raises(ListError) as caught:
        parse_requirement_file(text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("é".encode(), "é"),
        (codecs.BOM_UTF8 + "é".encode(), "é"),
        (codecs.BOM_UTF16_LE + "é".encode("utf-16-le"), "é"),
        (codecs.BOM_UTF16_BE + "é".encode("utf-16-be"), "é"),
        (codecs.BOM_UTF32_LE + "é".encode("utf-32-le"), "é"),
        (codecs.BOM_UTF32_BE + "é".encode("utf-32-be"), "é"),
        ("# -*- coding: latin-1 -*-\né".encode("latin-1"), "# -*- coding: latin-1 -*-\né"),
        ("six\n# coding=cp1252\n€".encode("cp1252"), "six\n# coding=cp1252\n€"),
        (b"", ""),
    ],
)
def test_a_file_is_decoded_by_mark_or_comment_or_as_utf_8(data: bytes, text: str) -> None:
    assert decode_requirement_file(data) == text


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            b"six\n\xff",
            "the file is no utf-8 text\n"
            "  try: save it as UTF-8, or name its encoding in the first line: `# -*- coding: latin-1 -*-`",
        ),
        (
            b"\n\n# coding: latin-1\n\xff",
            "the file is no utf-8 text\n"
            "  try: save it as UTF-8, or name its encoding in the first line: `# -*- coding: latin-1 -*-`",
        ),
        (b"# coding: klingon\nsix", "`klingon`, which the file names as its encoding, is no text encoding"),
        (b"# coding: base64\nsix", "`base64`, which the file names as its encoding, is no text encoding"),
    ],
)
def test_a_file_that_cannot_be_decoded_is_refused_whatever_the_locale(data: bytes, message: str) -> None:
    with pytest.raises(SourceError) as caught:
        decode_requirement_file(data)
    assert str(caught.value) == message


def test_a_continued_line_has_the_number_of_its_first_line() -> None:
    parsed = parse_requirement_file("\n# x\nsix \\\n  >=1 \\\n  ,<2\n\ntorch")
    assert [str(entry.position) for entry in parsed.entries] == ["requirements.txt:3", "requirements.txt:7"]
    assert parsed.entries[0].text == "six<2,>=1"


def test_a_line_break_of_any_form_ends_a_line() -> None:
    assert [entry.text for entry in parse_requirement_file("a\r\nb\rc\n").entries] == ["a", "b", "c"]


def test_all_faults_of_a_file_come_in_one_report() -> None:
    assert report_file("six=1\n--pre=1\n-e https://f.example/six.zip\n") == (
        "requirements.txt:1: `six=1` is no requirement\n"
        "  because `=` is no operator\n"
        "  try: write `six==1`\n"
        "requirements.txt:2: `--pre` takes no value\n"
        "  try: write `--pre` alone\n"
        "requirements.txt:3: `https://f.example/six.zip` cannot be editable\n"
        "  because only a folder or a repository can\n"
        "  try: leave `-e` out"
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "six --index-url https://user:hunter2@index.example/",
            "`--index-url` after a requirement in the same line\n"
            "  because pip ignores all flags but `--hash` and `--config-settings` there\n"
            "  try: give each flag a line of its own",
        ),
        (
            "--pre six",
            "`six` follows a flag that takes no more values\n"
            "  because pip ignores it silently\n"
            "  try: give it a line of its own",
        ),
        (
            "-f ./a -f ./b",
            "`--find-links` and another flag in one line\n"
            "  because pip reads only one of them, and ignores the others\n"
            "  try: give each flag a line of its own",
        ),
        (
            "--hash=sha256:00",
            "`--hash` is on a line without a requirement\n"
            "  because it belongs to one requirement\n"
            "  try: put it at the end of the line of its requirement",
        ),
        (
            "-e ./six --hash=sha256:00",
            "`--hash` after an editable requirement\n  because a source tree has no hash, and pip drops it",
        ),
        (
            "six --hash=sha256:00",
            "`--hash=sha256:00` can match no file\n  because sha256 has 64 hexadecimal digits, and this has 2",
        ),
        (
            "six --hash=md5:00",
            "`--hash=md5:00` is no hash\n"
            "  because pip takes `sha256`, `sha384` and `sha512`, each followed by `:` and hexadecimal digits",
        ),
        (
            "six --config-settings=hunter2",
            "`--config-settings` has no value of the form KEY=VALUE\n  try: write `KEY=VALUE`",
        ),
        (
            "--no-deps",
            "`--no-deps` has no place in a requirement file\n"
            "  because pip refuses it there\n"
            "  try: give `--no-deps` in the list or on the command line",
        ),
        (
            "--pr",
            "`--pr` is ambiguous\n  because it could be `--pre`, `--prefer-binary`\n  try: write the flag in full",
        ),
        (
            "--use-feature x",
            "`--use-feature` is no flag that a list may hold\n"
            "  try: leave it out; features of pip have no meaning for a lock",
        ),
        ("--index-url --pre", "`--index-url` has no value\n  try: write `--index-url URL`"),
        ("--index-url 'https://", "a quotation mark is not closed\n  try: close it"),
        (
            "six @ https://f.example/requests-2.0-py3-none-any.whl",
            "`six @ https://f.example/requests-2.0-py3-none-any.whl` names a wheel of another project\n"
            "  because the wheel's file name says `requests`\n"
            "  try: write `requests @ …`, or the URL of a wheel of `six`",
        ),
        (
            "https://f.example/my file.zip",
            "`https://f.example/my file.zip` holds a space\n"
            "  because a URL ends there\n"
            "  try: write `%20` for a space in a URL, and ` ; ` before a marker",
        ),
        (
            "-i user:hunter2@index.example/simple",
            "`…@index.example/simple` looks like a URL without its scheme\n  try: begin it with `https://`",
        ),
    ],
)
def test_a_fault_of_a_line_says_what_why_and_how_to_mend_it(line: str, message: str) -> None:
    assert report_file(f"\n{line}\n") == f"requirements.txt:2: {message}"


def test_a_marker_that_is_none_is_quoted_with_what_stands_before_it() -> None:
    assert report_file("six ; python_version = '3'").startswith(
        "requirements.txt:1: `python_version = '3'`, after `six;`, is no environment marker\n  because "
    )


def test_an_included_file_stands_in_the_place_of_its_flag() -> None:
    parsed = parse_requirement_list(
        ["numpy", "-r", "more.txt", "torch"], read_file=files({"more.txt": f"scipy\n--extra-index-url {A}\npandas\n"})
    )
    assert extras(parsed) == {"numpy": [], "scipy": [A], "pandas": [A], "torch": []}
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
    ("line", "text"),
    [
        ("-e ./x ; python_version < '3.13'", './x ; python_version < "3.13"'),
        ('--editable ./x; sys_platform == "linux"', './x ; sys_platform == "linux"'),
        ("--editable=./x;python_version<'3.13' --config-settings=a=b", './x ; python_version < "3.13"'),
        ("""-e "./x ; python_version < '3.13'" """, './x ; python_version < "3.13"'),
        (
            "-e git+https://h.example/r@v1#egg=x ; os_name == 'posix'",
            'x @ git+https://h.example/r@v1 ; os_name == "posix"',
        ),
        ("-e ./x ;", "./x"),
    ],
)
def test_an_editable_may_have_a_marker(line: str, text: str) -> None:
    (entry,) = parse_requirement_file(line).entries
    assert (entry.text, entry.editable) == (text, True)


@pytest.mark.parametrize(
    "line",
    [
        "acme[${TOKEN}]",
        "acme [a,${TOKEN}] @ https://h.example/acme-1.0-py3-none-any.whl",
        "--trusted-host ${TOKEN}",
        "--trusted-host='${TOKEN}'",
        "--no-binary=${TOKEN}",
        "--only-binary x,${TOKEN}",
    ],
)
def test_value_of_a_variable_in_an_extra_or_after_a_naming_flag_is_neither_locked_nor_shown(line: str) -> None:
    variables = PathTokens((), {"TOKEN": "canary"}, bindings=VariableBindings())

    with pytest.raises(ListError) as caught:
        parse_requirement_file(line, variables=variables)

    assert "is not expanded: `" in str(caught.value)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("line", ["acme" + "[" * 70_000, "six\\\n" * 30_000, "-f https://h.example/" + "a" * 70_000])
def test_line_longer_than_any_real_one_is_refused_without_being_quoted(line: str) -> None:
    message = report_file(line)

    assert "characters" in message
    assert len(message) < 200


def test_line_with_many_hashes_is_read() -> None:
    line = "six==1.16.0 " + " ".join(f"--hash=sha256:{number:064x}" for number in range(500))

    (entry,) = parse_requirement_file(line).entries

    assert entry.text == "six==1.16.0"


def test_item_longer_than_any_real_one_is_refused_without_being_quoted() -> None:
    assert report(["acme" + "[" * 70_000]).splitlines()[0] == "requirements[0]: a requirement of 70004 characters"


@pytest.mark.parametrize(
    "line",
    [
        "acme==${TOKEN}",
        'acme; python_version < "${TOKEN}"',
        "acme==1 --hash=sha256:${TOKEN}",
        "acme == 1.${TOKEN} --pre",
    ],
)
def test_value_of_a_variable_that_would_be_locked_needs_a_binding(line: str) -> None:
    variables = PathTokens((), {"TOKEN": "3"}, bindings=VariableBindings())

    with pytest.raises(ListError, match="`--allow-variable TOKEN=lock`"):
        parse_requirement_file(line, variables=variables)


def test_value_of_a_variable_is_locked_with_a_binding_and_in_a_path_without_one() -> None:
    bound = VariableBindings([parse_binding("MINOR=lock")])
    variables = PathTokens((), {"MINOR": "3", "ROOT": "wheels"}, bindings=bound)

    versions, path = parse_requirement_file("acme==1.${MINOR}\n-e ./${ROOT}/x\n", variables=variables).entries

    assert (versions.text, path.text) == ("acme==1.3", "./wheels/x")
