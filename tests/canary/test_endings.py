"""A run that is ended half-way, by Ctrl-C or for good: nothing that it had begun holds a secret."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.canary.hosts import Host
from tests.canary.planted import Canary
from tests.canary.world import World
from tests.distributions import make_sdist, sdist_filename

ENDINGS = [signal.SIGINT, signal.SIGKILL]
IsThere = Callable[[], bool]


@pytest.fixture(autouse=True)
def truthful(world: World) -> Iterator[None]:
    """Every host answers again afterwards."""
    yield
    for host in world.hosts.all():
        host.reset()
    for git in (world.hosts.git, world.hosts.submodule):
        git.hang_at = ""
        git.go_on.set()
        git.go_on.clear()
        git.hanging.clear()


def hang(host: Host, part: str) -> IsThere:
    """Lets a host wait with its answer for good; whether somebody has asked."""
    host.hang_at = part
    return host.hanging.is_set


def hang_at_git(world: World) -> IsThere:
    world.hosts.git.hang_at = "/git-upload-pack"
    return world.hosts.git.hanging.is_set


def hang_at_submodule(world: World) -> IsThere:
    world.hosts.submodule.hang_at = "submodule"
    return world.hosts.submodule.hanging.is_set


def hang_in_build(world: World) -> IsThere:
    """A backend that waits with its config settings at hand; whether it does."""
    place = world.root / "waiting"
    statement = (
        "import time\n"
        "def get_requires_for_build_wheel(config_settings=None):\n"
        f"    assert len(config_settings['key']) == {len(Canary.CONFIG_SETTING.text)}\n"
        f"    open({str(place)!r} + '.new', 'w').write(str(os.getpid()))\n"
        f"    os.rename({str(place)!r} + '.new', {str(place)!r})\n"
        "    time.sleep(60)\n"
    )
    host = world.hosts.command_line
    content = make_sdist("waiting", "1.0", static=False, backend_statement=statement)
    host.served[sdist_filename("waiting", "1.0")] = content
    url = host.url(f"/files/{sdist_filename('waiting', '1.0')}", login=f"robot:{Canary.COMMAND_LINE.text}")
    world.write_list(f"waiting @ {url} --config-settings=key={Canary.CONFIG_SETTING.text}")
    return place.exists


POINTS: dict[str, Callable[[World], IsThere]] = {
    "a page of an index": lambda world: hang(world.hosts.keyring, "/simple/"),
    "a page behind a token in its path": lambda world: hang(world.hosts.variable_path, "/simple/"),
    "a page behind the proxy": lambda world: hang(world.hosts.secure, "/simple/"),
    "a signed wheel": lambda world: hang(world.hosts.signed[Canary.SIGV4], "/files/"),
    "a redirected wheel": lambda world: hang(world.hosts.redirect, "token="),
    "a commit": hang_at_git,
    "a submodule": hang_at_submodule,
    "a build": hang_in_build,
}


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("point", POINTS)
def test_lock_that_is_ended_leaves_nothing(world: World, point: str, ending: signal.Signals) -> None:
    is_there = POINTS[point](world)
    cache = world.cache / f"{point}-{ending.name}"
    try:
        run = world.end_when(is_there, ending, *world.lock_words("-vv", "--cache-dir", str(cache)))
    finally:
        end_backend(world.root / "waiting")
        world.write_list()
    assert run.code == (130 if ending == signal.SIGINT else -signal.SIGKILL), run.err
    assert not world.lockfile.exists()
    assert world.find_leaks() == []


@pytest.mark.parametrize("ending", ENDINGS)
def test_fetch_that_is_ended_leaves_nothing(locked: World, ending: signal.Signals) -> None:
    is_there = hang(locked.hosts.signed[Canary.AZURE], "/files/")
    words = ("fetch", "pylock.toml", "--to", f"wheels-{ending.name}", "--build", "--list", "pyproject.toml")
    reach = ("--credentials", str(locked.builder_credentials), "--allow-host", "127.0.0.1")
    run = locked.end_when(is_there, ending, *words, *reach)
    assert run.code == (130 if ending == signal.SIGINT else -signal.SIGKILL), run.err
    assert locked.find_leaks() == []


def end_backend(place: Path) -> None:
    """End a backend that outlived its caller."""
    if place.exists():
        with suppress(ProcessLookupError):
            os.kill(int(place.read_text()), signal.SIGKILL)
        place.unlink()
