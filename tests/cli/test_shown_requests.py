"""`-vv`: each request as a line, without what a terminal would obey."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from resolver.cli.output import show_requests


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    logger = logging.getLogger("pinfold.http")
    before = logger.handlers, logger.level, logger.propagate
    yield
    logger.handlers, logger.level, logger.propagate = before


def test_record_of_ours_is_one_line_with_its_control_characters_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    show_requests()
    logging.getLogger("pinfold.http").info("GET https://index.example/\x1b[2J\nsecond")
    assert capsys.readouterr().err == "GET https://index.example/\\x1b[2J\\nsecond\n"


def test_record_of_another_of_our_loggers_is_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    show_requests()
    logging.getLogger("pinfold.lock").info("locked 3 pins")
    assert capsys.readouterr().err == ""


def test_record_of_a_library_is_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    show_requests()
    logging.getLogger("httpx").info("GET https://user:secret@index.example/")
    assert capsys.readouterr().err == ""
