"""The file of a page; `test_browser.py` looks at it in a browser."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

import resolver.report
from resolver.report.report_data import render_json
from resolver.report.report_page import render_page, render_report
from tests.cli.verb_runs import build_web_lock
from tests.report.locks import build_hostile_report, report_on

FOLDER = Path(resolver.report.__file__).parent


class Elements(HTMLParser):
    """The tags of a page with their attributes, and the text of each script and style."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inner: dict[str, str] = {}
        self._open = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._open = "data" if ("type", "application/json") in attrs else tag

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open in ("script", "style", "data"):
            self.inner[self._open] = self.inner.get(self._open, "") + data


def test_page_has_the_document_unchanged() -> None:
    report = build_hostile_report()

    elements = Elements(render_report(report))

    assert json.loads(elements.inner["data"]) == json.loads(render_json(report))


def test_hostile_text_adds_no_element_and_changes_no_script() -> None:
    plain, hostile = (
        Elements(render_report(report_on(build_web_lock()))),
        Elements(render_report(build_hostile_report())),
    )

    assert plain.tags == hostile.tags
    assert plain.inner["script"] == hostile.inner["script"] == (FOLDER / "page.js").read_text(encoding="utf-8")
    assert not set("<>&") & set(hostile.inner["data"])
    assert hostile.inner["data"].isascii()


def test_policy_allows_the_style_and_the_script_alone() -> None:
    elements = Elements(render_report(report_on(build_web_lock())))

    (policy,) = (one["content"] for tag, one in elements.tags if one.get("http-equiv") == "Content-Security-Policy")

    assert policy is not None
    assert policy.split("; ") == [
        "default-src 'none'",
        f"script-src 'sha256-{hash_source(elements.inner['script'])}'",
        f"style-src 'sha256-{hash_source(elements.inner['style'])}'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
    ]


def hash_source(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def test_page_names_no_other_file_and_no_host() -> None:
    page = render_report(report_on())
    links = [one.get(name) for _, one in Elements(page).tags for name in ("src", "href") if name in one]

    assert links == ["data:,", "#view"]
    assert set(re.findall(r"https?://[\w.]+", page)) == {"http://www.w3.org"}


@pytest.mark.parametrize(
    "word",
    ["innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval(", "Function(", "href", "fetch(", "import("],
)
def test_script_makes_no_markup_no_link_and_no_request(word: str) -> None:
    assert word not in (FOLDER / "page.js").read_text(encoding="utf-8")


def test_same_report_gives_the_same_page() -> None:
    assert render_report(report_on(build_web_lock())) == render_report(report_on(build_web_lock()))


def test_any_document_of_the_schema_can_be_shown() -> None:
    document = '{"schema":1,"locks":[]}\n'

    assert json.loads(Elements(render_page(document)).inner["data"]) == {"schema": 1, "locks": []}
