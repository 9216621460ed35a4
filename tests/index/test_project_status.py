from __future__ import annotations

import json

import pytest

from resolver.index.project_status import ProjectStatus, read_project_status

JSON_TYPE = "application/vnd.pypi.simple.v1+json"
HTML_TYPE = "text/html; charset=utf-8"


def test_status_of_a_json_page_has_its_reason() -> None:
    body = json.dumps({"project-status": {"status": "Archived", "reason": " moved "}}).encode()

    assert read_project_status(body, content_type=JSON_TYPE) == ProjectStatus(status="archived", reason="moved")


def test_status_of_an_html_page_stands_in_its_meta_elements() -> None:
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
def test_page_that_says_nothing_is_of_an_active_project(body: bytes, content_type: str) -> None:
    assert read_project_status(body, content_type=content_type).is_active
