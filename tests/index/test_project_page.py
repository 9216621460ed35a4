from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.utils import NormalizedName
from packaging.version import Version

from resolver.index.distribution_file import DistributionFile, RawFile, build_raw_file
from resolver.index.location import Location
from resolver.index.page_building import build_project_page, parse_project_page
from resolver.index.project_page import ParsedPage, Rejection, dump_project_page, load_project_page, write_upload_times
from resolver.requirements.url import Url
from tests.index.targets import LINUX_311

ALPHA = NormalizedName("alpha")
INDEX = Location(url=Url(public="https://index.example/simple/"))
LINKS = Location(url=Url(public="https://links.example/all.html"), form="find-links")
HASH = "ab" * 32


def raw(
    filename: str, *, python: str | None = None, yanked: str | None = None, core_metadata: str | None = None
) -> RawFile:
    return build_raw_file(
        filename=filename,
        url=f"https://files.example/{filename.replace('+', '%2B')}",
        hashes={"sha256": HASH, "md5": "0a"},
        requires_python=python,
        yanked=yanked,
        core_metadata=core_metadata,
        size="12",
        upload_time="2024-01-02T03:04:05Z",
    )


def build(*files: RawFile | str, location: Location = INDEX) -> ParsedPage:
    entries = [raw(file) if isinstance(file, str) else file for file in files]
    return build_project_page(entries, name=ALPHA, location=location, target=LINUX_311)


def names(page: ParsedPage, row: int = 0) -> list[str]:
    return [file.filename for file in page.files(row)]


def test_rows_are_versions_newest_first() -> None:
    page = build("alpha-1.9.tar.gz", "alpha-1.10.tar.gz", "alpha-1.10rc1.tar.gz", "alpha-1!0.tar.gz")
    assert [str(version) for version in page.versions] == ["1!0", "1.10", "1.10rc1", "1.9"]


def test_files_of_a_row_are_ordered_by_tag_build_tag_and_name() -> None:
    files = [
        "alpha-1.0.zip",
        "alpha-1.0.tar.gz",
        "alpha-1.0-py3-none-any.whl",
        "alpha-1.0-1-py3-none-any.whl",
        "alpha-1.0-10-py3-none-any.whl",
        "Alpha-1.0-py3-none-any.whl",
        "alpha-1.0-py2.py3-none-any.whl",
        "alpha-1.0-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
        "alpha-1.0-cp38-abi3-manylinux_2_17_x86_64.whl",
    ]
    random.Random(4).shuffle(files)
    assert names(build(*files)) == [
        "alpha-1.0-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
        "alpha-1.0-cp38-abi3-manylinux_2_17_x86_64.whl",
        "alpha-1.0-10-py3-none-any.whl",
        "alpha-1.0-1-py3-none-any.whl",
        "Alpha-1.0-py3-none-any.whl",
        "alpha-1.0-py2.py3-none-any.whl",
        "alpha-1.0-py3-none-any.whl",
        "alpha-1.0.tar.gz",
        "alpha-1.0.zip",
    ]


def test_a_file_has_all_values_of_the_page() -> None:
    file = raw("alpha-1.0+cpu-2b-py3-none-any.whl", python=">=3.8", yanked="bad", core_metadata=HASH)
    assert build(file).files(0) == (
        DistributionFile(
            filename="alpha-1.0+cpu-2b-py3-none-any.whl",
            version=Version("1.0+cpu"),
            url="https://files.example/alpha-1.0%2Bcpu-2b-py3-none-any.whl",
            index="https://index.example/simple/",
            hashes=("md5:0a", f"sha256:{HASH}"),
            size_bytes=12,
            requires_python=">=3.8",
            yanked="bad",
            upload_time="2024-01-02T03:04:05Z",
            core_metadata=f"sha256={HASH}",
            tag_rank=LINUX_311.tag_ranks["py3-none-any"],
            build_tag=(2, "b"),
        ),
    )


def test_a_file_with_its_name_and_url_alone() -> None:
    bare = RawFile(None, "alpha-1.0.zip", None, "", None, None, "https://files.example/download?id=1", None)
    assert build(bare, location=LINKS).files(0) == (
        DistributionFile(
            filename="alpha-1.0.zip", version=Version("1.0"), url="https://files.example/download?id=1", index=None
        ),
    )


@pytest.mark.parametrize(
    ("listed", "kept"),
    [
        ("https://user:word@files.example/alpha-1.0.zip", "https://files.example/alpha-1.0.zip"),
        ("https://files.example/alpha-1.0.zip?token=word", "https://files.example/alpha-1.0.zip"),
        ("https://files.example/alpha-1.0.zip?part=1", "https://files.example/alpha-1.0.zip?part=1"),
        ("https://files.example/@team/alpha-1.0.zip", "https://files.example/@team/alpha-1.0.zip"),
    ],
)
def test_a_secret_in_the_url_of_a_file_is_not_kept(listed: str, kept: str) -> None:
    page = build(raw("alpha-1.0.zip")._replace(url=listed))
    assert [file.url for file in page.files(0)] == [kept]
    assert b"word" not in dump_project_page(page)


def test_yanked_without_reason_and_metadata_without_hash_survive() -> None:
    (file,) = build(raw("alpha-1.0.zip", yanked="", core_metadata="")).files(0)
    assert (file.yanked, file.core_metadata) == ("", "")


def test_equal_versions_are_one_row_and_keep_their_spelling() -> None:
    page = build("alpha-1.0.0.tar.gz", "alpha-1.0-py3-none-any.whl", "alpha-1-py2-none-any.whl")
    assert [str(version) for version in page.versions] == ["1"]
    assert [str(file.version) for file in page.files(0)] == ["1.0", "1.0.0"]


def test_each_mask_has_the_rows_with_its_property() -> None:
    page = build(
        "alpha-4.0-cp311-cp311-win_amd64.whl",
        "alpha-3.0+cpu-py3-none-any.whl",
        "alpha-2.0.dev1.tar.gz",
        raw("alpha-1.0.tar.gz", yanked=""),
        raw("alpha-1.0-py3-none-any.whl", yanked=""),
        raw("alpha-0.9.tar.gz"),
        raw("alpha-0.9-py3-none-any.whl", yanked="bad"),
    )
    assert [str(version) for version in page.versions] == ["4.0", "3.0+cpu", "2.0.dev1", "1.0", "0.9"]
    assert page.wheel_mask == 0b11010
    assert page.sdist_mask == 0b11100
    assert page.prerelease_mask == 0b00100
    assert page.yanked_mask == 0b01000
    assert page.partly_yanked_mask == 0b10000
    assert page.local_mask == 0b00010
    assert page.file_count == 7


def test_what_the_target_cannot_use_is_rejected_with_its_reason() -> None:
    page = build(
        "alpha-1.0-cp310-cp310-win_amd64.whl",
        raw("alpha-1.0.tar.gz", python=">=3.12"),
        "alpha-1.0-py3-none-.whl",
        "alpha-2004d.tar.gz",
        "beta-1.0.tar.gz",
        "alpha-1.0.exe",
    )
    assert page.rejections(0) == (
        Rejection(filename="alpha-1.0-cp310-cp310-win_amd64.whl", reason="tags", detail="cp310-cp310-win_amd64"),
        Rejection(
            filename="alpha-1.0-py3-none-.whl", reason="format", detail="the wheel tags `py3-none-` are malformed"
        ),
        Rejection(filename="alpha-1.0.tar.gz", reason="python", detail=">=3.12"),
    )
    assert page.unreadable == (
        Rejection(filename="alpha-2004d.tar.gz", reason="format", detail="the version `2004d` is not one of PEP 440"),
    )
    assert (page.files(0), page.wheel_mask, page.sdist_mask, page.file_count) == ((), 0, 0, 4)


@pytest.mark.parametrize(
    ("python", "usable"),
    [
        (">=3.8", True),
        ("<3.11", False),
        (">=3.11.1", False),
        (">=3.6.*", True),
        ("<3.11.*", False),
        ("nonsense", True),
        ("", True),
        ("!=3.11.*", False),
    ],
)
def test_requires_python_is_read_as_pip_reads_it(python: str, usable: bool) -> None:
    assert bool(build(raw("alpha-1.0.tar.gz", python=python)).files(0)) is usable


FILES = st.builds(
    raw,
    st.builds(
        "{}-{}{}".format,
        st.sampled_from(["alpha", "Alpha", "beta"]),
        st.sampled_from(["1", "1.0", "1.0.0", "2.0rc1", "2.0+cpu", "0.1.dev0", "nonsense", "3.0.post1"]),
        st.sampled_from(
            [
                "-py3-none-any.whl",
                "-1-py3-none-any.whl",
                "-cp311-cp311-win_amd64.whl",
                "-py3-none-.whl",
                ".tar.gz",
                ".zip",
            ]
        ),
    ),
    python=st.sampled_from([None, ">=3.8", ">=3.12"]),
    yanked=st.sampled_from([None, "", "because + of é"]),
    core_metadata=st.sampled_from([None, "", HASH]),
)


@settings(max_examples=200)
@given(st.lists(FILES, max_size=12), st.sampled_from([INDEX, LINKS]))
def test_a_loaded_page_gives_the_same_answers(files: list[RawFile], location: Location) -> None:
    page = build(*files, location=location)
    loaded = load_project_page(dump_project_page(page))
    assert loaded == page
    for field in ("name", "location", "index", "file_count", "wheel_mask", "sdist_mask", "unreadable"):
        assert getattr(loaded, field) == getattr(page, field)
    for field in ("prerelease_mask", "yanked_mask", "partly_yanked_mask", "local_mask"):
        assert getattr(loaded, field) == getattr(page, field)
    assert list(loaded.versions) == list(page.versions)
    for row in range(len(page.versions)):
        assert loaded.files(row) == page.files(row)
        assert loaded.rejections(row) == page.rejections(row)


@settings(max_examples=200)
@given(st.lists(FILES, max_size=12), st.randoms(use_true_random=False))
def test_the_order_of_a_page_does_not_matter(files: list[RawFile], randomness: random.Random) -> None:
    shuffled = list(files)
    randomness.shuffle(shuffled)
    assert dump_project_page(build(*shuffled)) == dump_project_page(build(*files))


def test_both_views_of_an_index_give_equal_rows() -> None:
    versions = ["1.0", "1.1", "2.0rc1"]
    filenames = [f"alpha-{version}{suffix}" for version in versions for suffix in (".tar.gz", "-py3-none-any.whl")]
    html = "".join(
        f'<a href="/files/{name}#sha256={HASH}" data-requires-python="&gt;=3.8">{name}</a>' for name in filenames
    )
    entries = [
        {"filename": name, "url": f"/files/{name}", "hashes": {"sha256": HASH}, "requires-python": ">=3.8"}
        for name in reversed(filenames)
    ]
    views = [
        (html.encode(), "text/html"),
        (json.dumps({"files": entries}).encode(), "application/vnd.pypi.simple.v1+json"),
    ]
    pages = [
        build(*parse_project_page(body, content_type=form, url="https://index.example/simple/alpha/", name=ALPHA))
        for body, form in views
    ]
    assert dump_project_page(pages[0]) == dump_project_page(pages[1])


def test_an_empty_page_survives() -> None:
    page = build()
    loaded = load_project_page(dump_project_page(page))
    assert (len(loaded.versions), loaded.wheel_mask, loaded.file_count) == (0, 0, 0)
    assert loaded == page


@given(st.data())
def test_a_damaged_dump_is_refused(data: st.DataObject) -> None:
    dump = bytearray(dump_project_page(build("alpha-1.0.tar.gz", "alpha-1.1-py3-none-any.whl")))
    place = data.draw(st.integers(0, len(dump) - 1))
    dump[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(ValueError):
        load_project_page(bytes(dump))


@pytest.mark.parametrize("cut", [0, 1, 10, 30, 100])
def test_a_cut_dump_is_refused(cut: int) -> None:
    with pytest.raises(ValueError) as caught:
        load_project_page(dump_project_page(build("alpha-1.0.tar.gz"))[:cut])
    assert str(caught.value) == "not a project page of this format, or damaged"


def test_loading_parses_no_version() -> None:
    page = load_project_page(dump_project_page(build("alpha-1.0.tar.gz", "alpha-2.0.tar.gz")))
    assert page.versions.texts() == ["2.0", "1.0"]
    assert page.versions[0] is page.versions[0]
    assert list(page.versions[1:]) == [Version("1.0")]


FILENAMES = st.builds(
    lambda name, version, rest: f"{name}-{version}{rest}",
    st.sampled_from(["alpha", "Alpha", "al_pha", "beta", "alpha-beta"]),
    st.sampled_from(["1.0", "1.0.0", "1", "01.0", "2.0rc1", "2.0-1", "1!1.0", "nonsense", "", "1.0" + ".0" * 60]),
    st.sampled_from(
        [
            "-py3-none-any.whl",
            "-cp311-cp311-win_amd64.whl",
            "-1-py3-none-any.whl",
            "-py3-none.whl",
            ".tar.gz",
            ".zip",
            ".txt",
        ]
    ),
)


def judge(page: ParsedPage) -> set[tuple[str, str, str]]:
    """Each file of a page with its version and the reason why it is not used, empty for a usable one."""
    judged = {(rejection.filename, "", rejection.reason) for rejection in page.unreadable}
    for row, version in enumerate(page.versions):
        judged |= {(file.filename, str(file.version.release), "") for file in page.files(row)}
        judged |= {(file.filename, "", file.reason) for file in page.rejections(row)}
        assert all(file.version == version for file in page.files(row))
    return judged


@settings(max_examples=300)
@given(st.lists(FILENAMES, max_size=12))
def test_a_file_is_judged_alike_alone_and_beside_others(filenames: list[str]) -> None:
    alone: set[tuple[str, str, str]] = set()
    for filename in filenames:
        alone |= judge(build(filename))
    assert judge(build(*filenames)) == alone
    assert build(*filenames).file_count == sum(build(filename).file_count for filename in filenames)


@given(st.lists(st.from_regex(r"([0-2]!)?[0-2](\.[0-2]){0,3}(a1|\.post1|\.dev1|\+a)?", fullmatch=True), max_size=8))
def test_versions_come_in_the_order_of_the_standard(texts: list[str]) -> None:
    page = build(*(f"alpha-{text}.tar.gz" for text in texts))
    assert list(page.versions) == sorted({Version(text) for text in texts}, reverse=True)


CUT_OFF = datetime(2026, 11, 1, tzinfo=UTC)
EARLY, LATE = "2026-10-31T23:59:59.999Z", "2026-11-01T00:00:00Z"


def find_late_rows(rows: Sequence[Sequence[str | None]], cutoff: datetime = CUT_OFF) -> tuple[int, int]:
    """The late rows of a page whose usable files have these upload times."""
    return replace(build(), upload_times=write_upload_times(rows)).late_rows(cutoff)


@pytest.mark.parametrize(
    ("times", "late", "mixed"),
    [
        ([EARLY], 0, 0),
        ([LATE], 1, 0),
        ([EARLY, LATE], 0, 1),
        ([LATE, LATE], 1, 0),
        ([None], 0, 1),
        ([LATE, None], 0, 1),
        ([EARLY, None], 0, 1),
        ([], 0, 0),
        (["2026-11-01T00:00:00.000Z"], 1, 0),
        (["2026-11-01T00:00:00.0001Z"], 1, 0),
    ],
)
def test_a_row_is_late_if_all_its_files_are(times: list[str | None], late: int, mixed: int) -> None:
    assert find_late_rows([times]) == (late, mixed)


def test_rows_are_identified_by_their_number() -> None:
    assert find_late_rows([[EARLY], [LATE], [], [None], [LATE, EARLY], [LATE]]) == (0b100010, 0b011000)


def test_a_cut_off_of_another_time_zone_is_the_same_instant() -> None:
    moved = CUT_OFF.astimezone(timezone(timedelta(hours=5)))
    assert find_late_rows([[EARLY], [LATE]], moved) == (0b10, 0)


def _render(instant: datetime, digits: int) -> str:
    fraction = f".{instant.microsecond:06d}"[: digits + 1] if digits else ""
    return f"{instant:%Y-%m-%dT%H:%M:%S}{fraction}Z"


INSTANTS = st.datetimes(
    min_value=datetime(2026, 10, 31, 23, 59, 59),
    max_value=datetime(2026, 11, 1, 0, 0, 2),
    timezones=st.just(UTC),
)
TIMES = st.none() | st.builds(_render, INSTANTS, st.integers(0, 6))


@given(st.lists(st.lists(TIMES, max_size=3), max_size=5), INSTANTS)
def test_the_answers_are_those_of_the_instants(rows: list[list[str | None]], cutoff: datetime) -> None:
    late, mixed = find_late_rows(rows, cutoff)
    for number, times in enumerate(rows):
        judged = {None if time is None else datetime.fromisoformat(time) >= cutoff for time in times}
        assert bool(late >> number & 1) is (judged == {True})
        assert bool(mixed >> number & 1) is (None in judged or len(judged) > 1)
