from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.utils import NormalizedName

from resolver.index.distribution_file import FileNames, PageError, RawFile, UnreadableNameError
from resolver.index.json_page import parse_json_page, scan_json_page
from resolver.index.location import Location
from resolver.index.page_building import PageBuilder, read_project_page
from resolver.index.project_page import dump_project_page
from resolver.requirements.url import Url
from tests.index.page_entries import entry
from tests.index.targets import LINUX_311

URL = "https://index.example/simple/alpha/"
ALPHA = NormalizedName("alpha")
LOCATION = Location(url=Url(public="https://index.example/simple/"))
JSON = "application/vnd.pypi.simple.v1+json"
HASHES = st.sampled_from(["ab" * 32, "0" * 64, "AB" * 32, "short", 'x"' * 32])
METADATA = st.sampled_from([{"sha256": "cd" * 32}, {"sha256": "no"}, {}, False, True, None, "odd"])
TEXTS = st.sampled_from(["", ">=3.8", ">=3.8,<4", "with space", 'quote"', "back\\slash", "é", "\x7f", "a\nb", "],{"])
FILES = st.fixed_dictionaries(
    {
        "filename": st.sampled_from(["alpha-1.0-py3-none-any.whl", "alpha-1.0.tar.gz", "odd name.zip"]) | TEXTS,
        "hashes": st.builds(lambda digest: {"sha256": digest}, HASHES) | st.sampled_from([{}, {"md5": "0a"}, 1]),
        "url": st.sampled_from(
            ["https://files.example/a.whl", "../a.whl", "https://files.example/a b", "https://files.example/a#x"]
        ),
    },
    optional={
        "core-metadata": METADATA,
        "data-dist-info-metadata": METADATA,
        "provenance": st.sampled_from([None, "https://index.example/p", 1]),
        "requires-python": st.none() | TEXTS,
        "size": st.sampled_from([0, 1, 12345, 10**18 - 1, 10**18, -1, 1.5, None, True]),
        "upload-time": st.sampled_from(["2024-01-02T03:04:05.1Z", "2024-01-02T03:04:05+01:00", "yesterday", ""]),
        "yanked": st.sampled_from([False, True, None, "", "bad", 'bad "']),
        "unknown": st.just([1]),
    },
)
PAIRS = st.tuples(
    st.sampled_from(["alternate-locations", "meta", "name", "versions", "other"]),
    st.sampled_from([[], {"api-version": "1.1"}, "x", {"files": [1]}, {"files": []}]),
)


def usual(number: int = 1) -> dict[str, Any]:
    digest = f"{number:064x}"
    return {
        "core-metadata": {"sha256": digest},
        "data-dist-info-metadata": {"sha256": digest},
        "filename": f"alpha-{number}-py3-none-any.whl",
        "hashes": {"sha256": digest},
        "provenance": None,
        "requires-python": ">=3.8",
        "size": number,
        "upload-time": "2024-01-02T03:04:05.678901Z",
        "url": f"https://files.example/alpha-{number}-py3-none-any.whl",
        "yanked": False,
    }


def dump(page: dict[str, Any], *, compact: bool = True) -> bytes:
    return json.dumps(page, separators=(",", ":") if compact else None, sort_keys=True).encode()


def read(body: bytes) -> tuple[RawFile, ...] | str:
    """The files, or the error without its numbers, which are offsets."""
    try:
        return parse_json_page(body, url=URL)
    except PageError as error:
        return re.sub(r"[0-9]+", "", str(error))


def read_with_json(body: bytes) -> tuple[RawFile, ...] | str:
    """The result for the same page in a layout that cannot be scanned."""
    return read(hide(body))


def hide(body: bytes) -> bytes:
    """The same page in a layout that cannot be scanned."""
    return body.replace(b'"files":', b'"files" :')


@settings(max_examples=800)
@given(st.lists(st.just(usual()) | FILES, max_size=4), st.lists(PAIRS, max_size=3), st.booleans(), st.booleans())
def test_the_scan_and_json_read_the_same(
    files: list[dict[str, Any]], pairs: list[tuple[str, Any]], first: bool, compact: bool
) -> None:
    entries = [usual(), *files] if first else files
    body = dump({**dict(pairs), "files": entries}, compact=compact)
    assert read(body) == read_with_json(body)


@settings(max_examples=300)
@given(st.data())
def test_a_damaged_page_is_read_as_json_reads_it(data: st.DataObject) -> None:
    page = {"files": [usual(1), usual(2)], "meta": {"api-version": "1.4"}, "name": "alpha"}
    body = bytearray(dump(page, compact=data.draw(st.booleans())))
    place = data.draw(st.integers(0, len(body) - 1))
    body[place] = data.draw(st.sampled_from(list(b'"{}[],: \\x0aZ\x00\xff')))
    assert read(bytes(body)) == read_with_json(bytes(body))


WHEELS = st.builds(
    lambda name, version, tags: f"{name}-{version}-{tags}.whl",
    st.sampled_from(["alpha", "Alpha", "beta"]),
    st.sampled_from(["1.0", "1.0.0", "2.0rc1", "nonsense"]),
    st.sampled_from(["py3-none-any", "cp311-cp311-win_amd64", "cp39-cp39-macosx_11_0_arm64", "1-py3-none-any", "py3"]),
)
KINDS = st.fixed_dictionaries(
    {
        "filename": WHEELS,
        "url": st.sampled_from(["https://files.example/a.whl", "../a.whl", "file:///a.whl", "ftp://files.example/a"]),
        "yanked": st.sampled_from([False, True, "bad"]),
        "requires-python": st.sampled_from([None, ">=3.8", "<3"]),
    }
)


def read_page(body: bytes) -> bytes | str:
    """The dump of the page, or the error."""
    try:
        page = read_project_page(body, content_type=JSON, url=URL, name=ALPHA, location=LOCATION, target=LINUX_311)
    except PageError as error:
        return str(error)
    return dump_project_page(page)


@settings(max_examples=300)
@given(st.lists(KINDS, max_size=12))
def test_a_page_whose_files_are_taken_by_name_is_the_same(files: list[dict[str, Any]]) -> None:
    body = dump({"files": [usual(), *({**usual(number), **file} for number, file in enumerate(files))]})
    assert read_page(body) == read_page(hide(body))


def test_files_for_other_machines_are_taken_by_name() -> None:
    names = [f"alpha-{number}-cp311-cp311-{tag}.whl" for number in range(3) for tag in ("win32", "win_amd64")]
    taken: list[str] = []
    builder = PageBuilder(name=ALPHA, target=LINUX_311)

    def take(file: RawFile) -> None:
        taken.append(file.filename)
        builder.add(file)

    body = dump({"files": [{**usual(), "filename": name} for name in names]})
    assert scan_json_page(body, url=URL, take=take, take_other=take, rejects=builder.rejects)
    # The first of each version and of each tag are read.
    assert taken == [names[0], names[1], names[2], names[4]]
    page = builder.build(LOCATION)
    assert page.file_count == 6
    assert sorted(rejection.filename for row in range(3) for rejection in page.rejections(row)) == names


def scan(body: bytes) -> list[tuple[str, RawFile]] | None:
    """The files that are scanned, each with its reader; None for a page that cannot be scanned."""
    found: list[tuple[str, RawFile]] = []
    is_scanned = scan_json_page(
        body,
        url=URL,
        take=lambda file: found.append(("scan", file)),
        take_other=lambda file: found.append(("json", file)),
    )
    return found if is_scanned else None


@pytest.mark.parametrize("compact", [True, False])
def test_the_usual_layout_is_scanned(compact: bool) -> None:
    page = {"files": [usual(1), usual(2)], "meta": {"api-version": "1.4"}, "name": "alpha"}
    found = scan(dump(page, compact=compact))
    assert found is not None
    assert [(reader, file.filename) for reader, file in found] == [
        ("scan", "alpha-1-py3-none-any.whl"),
        ("scan", "alpha-2-py3-none-any.whl"),
    ]


def test_the_page_around_the_scanned_files_is_read() -> None:
    with pytest.raises(PageError, match=r"^version 2\.0 of the simple API is not known, only 1$"):
        scan(dump({"files": [usual(1), usual(2)], "meta": {"api-version": "2.0"}, "name": "alpha"}))


def test_the_usual_layout_without_metadata_is_scanned() -> None:
    keys = ("filename", "hashes", "requires-python", "size", "upload-time", "url", "yanked")
    found = scan(dump({"files": [{key: usual()[key] for key in keys}], "name": "alpha"}))
    assert found is not None
    assert found[0][1].core_metadata is None


@pytest.mark.parametrize("compact", [True, False])
def test_a_file_that_is_not_as_the_rest_is_built_alone(compact: bool) -> None:
    odd = {**usual(2), "yanked": True}
    found = scan(dump({"files": [usual(1), odd, usual(3)]}, compact=compact))
    assert found is not None
    assert [(reader, file.filename) for reader, file in found] == [
        ("scan", "alpha-1-py3-none-any.whl"),
        ("json", "alpha-2-py3-none-any.whl"),
        ("scan", "alpha-3-py3-none-any.whl"),
    ]


@pytest.mark.parametrize(
    "body",
    [
        dump({"files": []}),
        dump({"files": [usual()]}, compact=False).replace(b": ", b":"),
        json.dumps({"files": [usual()]}, indent=1).encode(),
        dump({"files": [usual()]})[:-2],
        dump({"a": {"files": [usual()]}, "files": []}),
        dump({"a": {"files": [usual()]}}),
        b"[" + dump({"files": [usual()]}) + b"]",
        dump({"files": [usual()]}).replace(b"00000001", b"0000000x", 1),
        dump({"files": [usual()]}).replace(b"]", b",]"),
    ],
)
def test_any_other_layout_is_left_to_json(body: bytes) -> None:
    assert scan(body) is None


_MEASURE = """
import re, sys
from pathlib import Path
from resolver.index.json_page import PageError, parse_json_page
body = sys.stdin.buffer.read()
try:
    parse_json_page(body, url="https://index.example/")
except PageError as error:
    peak = re.search("VmHWM:[^0-9]*([0-9]+) kB", Path("/proc/self/status").read_text())
    print(error, int(peak[1]) // 1024, sep="\\n")
"""


def _read_measured(unit: str, count: int) -> tuple[str, int]:
    """The error of a page with a value `count` times among its files, and the most memory that reading took, in MiB."""
    page = f'{{"meta":{{"api-version":"1.0"}},"files":[{unit * count}0]}}'
    done = subprocess.run([sys.executable, "-c", _MEASURE], input=page.encode(), stdout=subprocess.PIPE, check=True)
    why, mebibytes = done.stdout.decode().splitlines()
    return why, int(mebibytes)


_measured = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is read from /proc")


@_measured
@pytest.mark.parametrize("unit", ["[],", "{},", '{"":0},', "0,", '"",', '{"a":[{}]},'])
def test_a_page_of_tiny_values_is_refused_before_it_takes_memory(unit: str) -> None:
    why, mebibytes = _read_measured(unit, 16 * 2**20 // len(unit))
    assert why.endswith("it has more than 2000000 values")
    assert mebibytes < 150  # The interpreter, its modules, and the page itself.


@_measured
def test_a_page_with_as_many_values_as_allowed_takes_bounded_memory() -> None:
    why, mebibytes = _read_measured('{"a":{}},', 660_000)
    assert why == "`files[0]` has no `filename`"
    assert mebibytes < 600


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        ("9999-12-31T23:59:59-10:00", None),
        ("0001-01-01T00:00:00+10:00", None),
        ("0000-01-01T00:00:00Z", None),
        ("9999-99-99T00:00:00Z", None),
        ("2025-02-29T00:00:00Z", None),
        ("2025-04-31T00:00:00Z", None),
        ("2025-01-01T24:01:00Z", None),
        ("2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z"),
        ("2600-01-01", "2600-01-01T00:00:00Z"),
    ],
)
def test_a_time_that_the_calendar_does_not_have_is_none(time: str, expected: str | None) -> None:
    fields = entry(**{"hashes": {"sha256": "ab" * 32}, "upload-time": time})
    page = json.dumps({"files": [dict(sorted(fields.items()))]}, separators=(",", ":")).encode()
    assert parse_json_page(page, url=URL)[0].upload_time == expected


@pytest.mark.parametrize("character", ["\u202e", "\u2066", "\n", "\0", "\x1b", "\x7f", "\ud800", "\u200b"])
@pytest.mark.parametrize(
    "name", ["alpha-1.0{}.tar.gz", "alpha-1.0-1{}-py3-none-any.whl", "al{}pha-1.0-py3-none-any.whl"]
)
def test_a_name_with_characters_that_cannot_be_printed_is_refused(name: str, character: str) -> None:
    page = json.dumps({"files": [entry(filename=name.format(character))]}).encode()
    (file,) = parse_json_page(page, url=URL)
    assert file.filename == name.format("\ufffd")
    with pytest.raises(UnreadableNameError, match="cannot be printed"):
        FileNames(NormalizedName("alpha")).read(file.filename)
