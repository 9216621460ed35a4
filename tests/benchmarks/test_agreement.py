"""The comparison of answers with those of other tools."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.agreement import main


def test_name_of_no_list_is_an_error_and_not_agreement(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lists = tmp_path / "small.txt"
    lists.write_text("a\n", encoding="utf-8")

    assert main([str(lists), "--only", "smal"]) == 2
    assert capsys.readouterr().err == "no list is called smal\n"
