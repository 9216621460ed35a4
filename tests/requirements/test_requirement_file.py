from __future__ import annotations

import codecs

import pytest

from resolver.errors import ListError, SourceError
from resolver.requirements.requirement_file import decode_requirement_file
from resolver.requirements.requirement_list import parse_requirement_file


def report(text: str) -> str:
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
    assert report("six=1\n--pre=1\n-e https://f.example/six.zip\n") == (
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
            "  because pip drops all flags but `--hash` and `--config-settings` there, without a word\n"
            "  try: give each flag a line of its own",
        ),
        (
            "--pre six",
            "`six` stands after a flag that takes no more values\n"
            "  because pip drops it without a word\n"
            "  try: give it a line of its own",
        ),
        (
            "-f ./a -f ./b",
            "`--find-links` and another flag in one line\n"
            "  because pip reads only one of them, without a word\n"
            "  try: give each flag a line of its own",
        ),
        (
            "--hash=sha256:00",
            "`--hash` stands in a line without a requirement\n"
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
    assert report(f"\n{line}\n") == f"requirements.txt:2: {message}"


def test_a_marker_that_is_none_is_quoted_with_what_stands_before_it() -> None:
    assert report("six ; python_version = '3'").startswith(
        "requirements.txt:1: `python_version = '3'`, after `six;`, is no environment marker\n  because "
    )
