"""The default index is the one that the installed pip has built in."""

from __future__ import annotations

import subprocess
import sys

import pytest

from resolver.fetch.projects.pages import default_index_url


def test_it_is_the_one_that_pip_has_built_in() -> None:
    from pip._internal.models.index import PyPI

    assert default_index_url().public == f"{PyPI.simple_url}/"


def test_variables_of_pip_do_not_move_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://index.example/simple/")
    assert "index.example" not in default_index_url().public


def test_pip_itself_is_not_imported() -> None:
    code = (
        "import sys; from resolver.fetch.projects.pages import default_index_url as f; f(); print('pip' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
