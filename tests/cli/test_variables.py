"""What a variable in a URL stands for is never shown."""

from __future__ import annotations

import pytest

from tests.command import Project


def test_variable_in_the_path_of_an_index_is_2_and_not_shown(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOK", "hunter2")
    project.write("requirements.txt", "--index-url https://index.example/${TOK}/simple/\na\n")

    run = project.lock("requirements.txt", "--json")

    assert (run.code, run.err) == (
        2,
        "error: requirements.txt:2: `https://index.example/${TOK}/simple/` is asked with credentials or a signature,"
        " which is not supported yet\n  because a variable in a URL, but for its host, is taken for a credential\n"
        "  try: name an index that can be read without them\n",
    )
    assert "hunter2" not in run.out
    assert not project.cache.exists()
