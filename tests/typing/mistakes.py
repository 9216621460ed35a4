"""Mistakes that a type checker finds, one in each line that ends in `# wrong`; `test_typing.py` compares the lines."""

from __future__ import annotations

import lockfiles
import resolver
from lockfiles.comparison import PinChange
from resolver import Access, Settings, inspection, lock


def make_mistakes(change: PinChange) -> None:
    lock(["anyio"])  # wrong
    lock(["anyio"], python=3.11)  # wrong
    lock(["anyio"], "3.11")  # wrong
    lock("anyio", python="3.11", settings={"pre": True})  # wrong
    lock(["anyio"], python="3.11").lock  # wrong
    Access(cache="folder")  # wrong
    Settings(pre="yes")  # wrong
    change.new.version.major  # wrong
    change.new.version = None  # wrong
    resolver.read_source  # wrong
    lockfiles.build_graph  # wrong
    inspection.lock_plan  # wrong
