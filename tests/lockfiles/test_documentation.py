from __future__ import annotations

import re
from pathlib import Path

from lockfiles import digest, dumps, loads

PAGE = (Path(__file__).parents[2] / "docs" / "lockfile.md").read_text(encoding="utf-8")


def find_example() -> str:
    match = re.search(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert match is not None
    return match.group(1)


def test_the_example_is_what_we_write() -> None:
    assert dumps(loads(find_example())) == find_example()


def test_the_digest_of_the_example_is_right() -> None:
    assert f"`{digest(loads(find_example()))}`" in PAGE


def test_every_key_of_the_tool_table_is_documented() -> None:
    source = (Path(__file__).parents[2] / "lockfiles" / "lockfile.py").read_text(encoding="utf-8")
    keys = re.findall(r'^        "([a-z-]+)":', source, re.MULTILINE)
    assert len(keys) == 30
    assert [key for key in keys if f"| `{key}` |" not in PAGE] == []
