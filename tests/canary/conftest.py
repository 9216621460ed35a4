"""One world for all canaries of a module, whose list is locked already."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from tests.canary.world import World, open_world


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Hosts and folders; nothing is locked yet."""
    if not sys.platform.startswith("linux"):
        pytest.skip("what children are told is read from /proc")
    with open_world(tmp_path_factory.mktemp("canaries")) as world:
        yield world


@pytest.fixture(scope="module")
def locked(world: World) -> World:
    """The world with its lock, and with whatever locking has left."""
    run = world.lock("-vv")
    assert run.code == 0, run.err
    return world
