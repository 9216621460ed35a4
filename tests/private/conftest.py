"""A private index and the command, which knows nothing of this machine's user."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.private.buckets import Bucket, MotoServer
from tests.private.indexes import PrivateIndex
from tests.servers import wheel

USER, PASSWORD = "deploy", "canary-Zq9-password"


@pytest.fixture
def private(tmp_path: Path) -> Iterator[PrivateIndex]:
    files = [wheel("acme", "1.0", ["acme-core>=1"]), wheel("acme_core", "1.2")]
    with PrivateIndex(tmp_path / "private", files, users={USER: PASSWORD}) as index:
        yield index


@pytest.fixture(scope="session")
def moto() -> Iterator[MotoServer]:
    with MotoServer() as server:
        yield server


@pytest.fixture
def bucket(moto: MotoServer) -> Iterator[Bucket]:
    files = [wheel("acme", "1.0", ["acme-core>=1"]), wheel("acme_core", "1.2+cu124")]
    with Bucket(moto, [(file.filename, file.content) for file in files]) as bucket:
        yield bucket
