"""What docs/apps.md shows is what the command says."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from resolver.errors import SourceError
from resolver.settings.settings import parse_settings
from tests.sources.apps.app_files import read_app

PAGE = (Path(__file__).parents[3] / "docs" / "apps.md").read_text(encoding="utf-8")


def test_the_fault_that_is_shown_is_the_one_that_is_told() -> None:
    lines = ["import fal", "from acme_tools import newest", *[""] * 6, "class Chat(fal.App):", "    requirements = ["]
    lines += ['        "torch",', '        "numpy",', '        newest("acme"),', "    ]", ""]
    with pytest.raises(SourceError) as caught:
        read_app("\n".join(lines).encode(), name="app.py", class_name=None)
    assert f"```text\nerror: {caught.value}\n```" in PAGE


def test_the_settings_that_are_shown_are_read() -> None:
    blocks = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert len(blocks) == 2

    for block in blocks:
        assert parse_settings(tomllib.loads(block)["tool"]["pinfold"], where="docs/apps.md")


def test_the_app_that_is_shown_before_is_read() -> None:
    before, after = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert read_app(f"import fal\n{before}".encode(), name="app.py", class_name=None).items[0] == "torch==2.8.0"
    app = read_app(f"import fal\n{after}".encode(), name="app.py", class_name=None)
    assert app.locked is not None
    assert (app.locked.path, app.machine_types and app.machine_types.value) == ("pylock.gpu-a100.toml", ("GPU-A100",))
