from __future__ import annotations

import json
from typing import Any

import pytest
from packaging.utils import NormalizedName
from packaging.version import Version

from resolver.index.project_health import ProjectStatus, find_advisories, parse_advisory, read_project_status

JSON_TYPE = "application/vnd.pypi.simple.v1+json"
HTML_TYPE = "text/html; charset=utf-8"


def test_status_of_a_json_page_has_its_reason() -> None:
    body = json.dumps({"project-status": {"status": "Archived", "reason": " moved "}}).encode()

    assert read_project_status(body, content_type=JSON_TYPE) == ProjectStatus(status="archived", reason="moved")


def test_the_status_of_an_html_page_is_in_its_meta_elements() -> None:
    body = (
        b'<html><head><meta name="pypi:project-status" content="quarantined">'
        b'<meta name="pypi:project-status-reason" content="malware"></head></html>'
    )

    assert read_project_status(body, content_type=HTML_TYPE) == ProjectStatus(status="quarantined", reason="malware")


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b'{"files": []}', JSON_TYPE),
        (b'{"project-status": null}', JSON_TYPE),
        (b'{"project-status": {"status": 3}}', JSON_TYPE),
        (b'{"project-status" broken', JSON_TYPE),
        (b"<html></html>", HTML_TYPE),
        (b"<html></html>", "text/html; charset=nonsense"),
    ],
)
def test_a_page_without_a_status_is_that_of_an_active_project(body: bytes, content_type: str) -> None:
    assert read_project_status(body, content_type=content_type).is_active


NAME = NormalizedName("thing")


def document(events: list[dict[str, str]] | None = None, **changes: Any) -> dict[str, Any]:
    affected: dict[str, Any] = {"package": {"ecosystem": "PyPI", "name": "Thing"}, "versions": ["0.9"]}
    affected["ranges"] = [{"type": "ECOSYSTEM", "events": events or []}]
    return {"id": "PYSEC-1", "summary": "bad", "aliases": ["CVE-2", "CVE-1"], "affected": [affected], **changes}


@pytest.mark.parametrize(
    ("events", "inside", "outside"),
    [
        ([{"introduced": "0"}, {"fixed": "2.0"}], ["0.1", "1.9", "2.0rc1"], ["2.0", "3"]),
        ([{"introduced": "1.0"}, {"last_affected": "1.5"}], ["1.0", "1.5"], ["0.8", "1.5.1"]),
        ([{"introduced": "1.0"}], ["1.0", "9"], ["0.8"]),
        (
            [{"introduced": "1"}, {"fixed": "2"}, {"introduced": "3"}, {"fixed": "4"}],
            ["1", "3.5", "1.5+cu124"],
            ["2", "4", "4+cu124"],
        ),
        ([], ["0.9"], ["0.8"]),
    ],
)
def test_ranges_are_ordered_as_versions_are(
    events: list[dict[str, str]], inside: list[str], outside: list[str]
) -> None:
    (advisory,) = parse_advisory(document(events))

    assert [text for text in inside if not advisory.concerns(Version(text))] == []
    assert [text for text in outside if advisory.concerns(Version(text))] == []


def test_entries_of_a_document_on_one_project_count_together() -> None:
    first, second = document([{"introduced": "1"}, {"fixed": "2"}]), document([{"introduced": "3"}, {"fixed": "4"}])
    both = document(affected=[*first["affected"], *second["affected"]])

    (advisory,) = parse_advisory(both)

    assert [text for text in ("1.5", "2.5", "3.5", "4") if advisory.concerns(Version(text))] == ["1.5", "3.5"]
    pins = [(NAME, Version("1.5"))]
    assert find_advisories(pins, parse_advisory(both)) == {NAME: (advisory,)}
    assert advisory.fixed_after(Version("1.5")) == Version("2")


def test_an_advisory_has_the_next_fixed_release() -> None:
    (advisory,) = parse_advisory(document([{"introduced": "1"}, {"fixed": "2"}, {"introduced": "3"}, {"fixed": "4"}]))

    assert advisory.fixed_after(Version("1.5")) == Version("2")
    assert advisory.fixed_after(Version("3.5")) == Version("4")
    assert advisory.fixed_after(Version("5")) is None


@pytest.mark.parametrize(
    "broken",
    [
        None,
        [],
        {},
        {"id": "X"},
        {"id": "X", "affected": 3},
        document(withdrawn="2026-01-01T00:00:00Z"),
        {"id": "X", "affected": [{"package": {"ecosystem": "npm", "name": "thing"}}]},
    ],
)
def test_withdrawn_foreign_and_malformed_advisories_are_skipped(broken: object) -> None:
    assert parse_advisory(broken) == ()


def test_advisories_that_are_aliases_of_each_other_are_listed_once() -> None:
    one = parse_advisory(document(id="GHSA-1", aliases=["PYSEC-1"]))
    other = parse_advisory(document(id="PYSEC-1", aliases=["GHSA-1"]))

    found = find_advisories([(NAME, Version("0.9"))], (*one, *other))

    assert [advisory.id for advisory in found[NAME]] == ["GHSA-1"]


def test_pin_that_is_not_affected_has_no_entry() -> None:
    assert find_advisories([(NAME, Version("1.0"))], parse_advisory(document())) == {}
