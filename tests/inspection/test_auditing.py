"""Pins are judged by the listings of their indexes and by advisories, without a request."""

from __future__ import annotations

from dataclasses import replace

import pytest
from packaging.utils import NormalizedName
from packaging.version import Version

from lockfiles import Lockfile
from resolver.index.distribution_file import RawFile
from resolver.index.project_health import ProjectStatus, parse_advisory
from resolver.inspection.auditing import Finding, Listed, NewerRelease, audit_pins, find_newer
from tests.lockfiles.samples import FILES, build_package, build_pylock, build_small_lock, build_tool

ANYIO, IDNA = NormalizedName("anyio"), NormalizedName("idna")
ACTIVE = ProjectStatus()
(ADVISORY,) = parse_advisory(
    {
        "id": "PYSEC-1",
        "aliases": ["CVE-1"],
        "summary": "bad",
        "affected": [
            {
                "package": {"ecosystem": "PyPI", "name": "idna"},
                "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "3.8"}]}],
            }
        ],
    }
)


def list_file(
    version: str,
    name: str = "anyio",
    sha256: str = "a" * 64,
    requires_python: str | None = None,
    yanked: str | None = None,
) -> RawFile:
    filename = f"{name}-{version}-py3-none-any.whl"
    return RawFile(
        core_metadata=None,
        filename=filename,
        sha256=sha256,
        requires_python=requires_python,
        size=None,
        upload_time=None,
        url=f"{FILES}/{filename}",
        yanked=yanked,
    )


def listed(*files: RawFile, status: ProjectStatus = ACTIVE) -> Listed:
    return Listed(files=files, status=status)


def test_a_pin_that_its_index_still_lists_has_no_finding() -> None:
    assert audit_pins(build_small_lock(), {ANYIO: listed(list_file("4.4.0"))}, ()) == ()


@pytest.mark.parametrize(
    ("listing", "kind", "detail"),
    [
        (None, "gone", "its index no longer has the project"),
        (listed(), "gone", "its index no longer lists `anyio-4.4.0-py3-none-any.whl`"),
        (listed(list_file("4.4.0", yanked="broken")), "yanked", "broken"),
        (listed(list_file("4.4.0"), status=ProjectStatus(status="archived", reason="done")), "archived", "done"),
        (listed(list_file("4.4.0"), status=ProjectStatus(status="frozen", reason="why")), "status", "frozen why"),
    ],
)
def test_what_an_index_lists_is_a_finding(listing: Listed | None, kind: str, detail: str) -> None:
    (finding,) = audit_pins(build_small_lock(), {ANYIO: listing}, ())
    assert (finding.name, finding.version, finding.kind, finding.detail) == (ANYIO, "4.4.0", kind, detail)


def test_a_file_that_the_index_spells_differently_is_known_by_its_hash() -> None:
    respelled = list_file("4.4.0")._replace(filename="AnyIO-4.4.0-py3-none-any.whl")
    assert audit_pins(build_small_lock(), {ANYIO: listed(respelled)}, ()) == ()


def test_an_advisory_is_a_finding_with_the_release_that_fixes_it() -> None:
    assert audit_pins(build_small_lock(), {}, [ADVISORY]) == (
        Finding(
            name=IDNA, version="3.7", kind="vulnerable", detail="bad", id="PYSEC-1", aliases=("CVE-1",), fixed="3.8"
        ),
    )


def test_a_newer_release_is_named_with_the_pin() -> None:
    files = [
        list_file("4.3"),
        list_file("4.5"),
        list_file("4.6", yanked=""),
        list_file("4.7", requires_python=">=3.12"),
    ]
    assert find_newer(build_small_lock(), {ANYIO: listed(*files), IDNA: None}) == (
        NewerRelease(name=ANYIO, version=Version("4.4.0"), newest=Version("4.5")),
    )


def test_a_prerelease_is_newer_only_if_it_is_wanted_or_the_pin_is_one() -> None:
    listing = {ANYIO: listed(list_file("4.5rc1"))}
    assert find_newer(build_small_lock(), listing) == ()
    assert [one.newest for one in find_newer(build_small_lock(), listing, with_prereleases=True)] == [Version("4.5rc1")]
    beta = Lockfile(pylock=build_pylock(build_package("anyio", "4.5b1")), tool=build_tool("anyio"))
    assert [one.newest for one in find_newer(beta, listing)] == [Version("4.5rc1")]


def test_another_build_of_the_same_release_is_not_newer() -> None:
    assert find_newer(build_small_lock(), {ANYIO: listed(list_file("4.4.0+cu124"))}) == ()


def test_a_lock_of_another_tool_is_compared_for_any_python() -> None:
    other = replace(build_small_lock(), tool=None)
    assert [one.newest for one in find_newer(other, {ANYIO: listed(list_file("4.7", requires_python=">=3.12"))})] == [
        Version("4.7")
    ]


def test_a_file_whose_name_cannot_be_parsed_is_no_release() -> None:
    assert find_newer(build_small_lock(), {ANYIO: listed(list_file("4.5")._replace(filename="notes.txt"))}) == ()
