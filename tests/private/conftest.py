"""A private index and the command, which knows nothing of this machine's user."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.private.indexes import PrivateIndex
from tests.servers import wheel

USER, PASSWORD = "deploy", "canary-Zq9-password"


@pytest.fixture
def private(tmp_path: Path) -> Iterator[PrivateIndex]:
    files = [wheel("acme", "1.0", ["acme-core>=1"]), wheel("acme_core", "1.2")]
    with PrivateIndex(tmp_path / "private", files, users={USER: PASSWORD}) as index:
        yield index
