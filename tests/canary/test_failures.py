"""A list with all kinds of secrets that cannot be locked: none is in what is told, nor in any local of any frame.

Each fault is met twice: by the command at `-vv` with the root logger at DEBUG, and by the functions that programs call,
whose error is shown with its whole chain of causes and the values of every local.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.canary.hosts import Host
from tests.canary.planted import Canary
from tests.canary.secret_list import sign
from tests.canary.world import Run, World
from tests.distributions import make_sdist, make_wheel, sdist_filename, wheel_filename

LOGIN = f"robot:{Canary.DIRECT_LOGIN.text}"
ECHO = f"<Error><Message>you sent {Canary.SIGV4.text} and {Canary.DIRECT_LOGIN.text}</Message></Error>"


@pytest.fixture(autouse=True)
def truthful(world: World) -> Iterator[None]:
    """Every host tells the truth again afterwards, and the list is the whole one."""
    yield
    for host in world.hosts.all():
        host.reset()
    world.hosts.git.refuse = None
    world.hosts.renew()
    world.write_list()


def wheel_url(host: Host, name: str, *, login: str = "", query: str = "") -> str:
    return host.url(f"/files/{wheel_filename(name, '1.0')}{query}", login=login)


def refuse(host: Host, status: int, body: str = ECHO) -> None:
    host.answer = (status, body)


def expire(world: World) -> None:
    old = sign(world.hosts, Canary.SIGV4).replace("20990101T000000Z", "20240101T000000Z")
    world.write_list(change=lambda text: text.replace(sign(world.hosts, Canary.SIGV4), old))


def serve(host: Host, name: str, content: bytes) -> None:
    host.served[wheel_filename(name, "1.0")] = content


def break_backend(world: World) -> None:
    """An sdist whose backend tells all that it has and fails."""
    statement = (
        "import os, sys\n"
        "def get_requires_for_build_wheel(config_settings=None):\n"
        "    sys.exit(repr((config_settings, dict(os.environ), sys.argv)))\n"
    )
    content = make_sdist("built", "1.0", static=False, backend_statement=statement)
    place = sdist_filename("built", "1.0")
    world.hosts.command_line.served[place] = content
    listed = f"built @ {world.hosts.command_line.url(f'/files/{place}', login=f'robot:{Canary.COMMAND_LINE.text}')}"
    world.write_list(change=lambda text: text.replace('"built --config', f'"{listed} --config'))


def miss_commit(world: World) -> None:
    world.write_list(change=lambda text: text.replace("/git-token@main", "/git-token@gone"))


def take_variable(world: World) -> None:
    world.write_list(change=lambda text: text.replace("${CANARY_PATH}", "${CANARY_GONE}"))


def lose_repository(world: World) -> None:
    world.hosts.git.refuse_after_login = True
    world.hosts.git.refuse, world.hosts.git.refuse_body = 403, f"you sent robot:{Canary.GIT_TOKEN.text}"


NOT_ASKED_AGAIN = {"submodule that wants another login", "build that fails"}
"""What a cache has for good: these have one of their own."""


def replacing(old: str, new: str) -> Callable[[str], str]:
    return lambda text: text.replace(old, new)


def with_setting(line: str) -> Callable[[str], str]:
    return replacing("[tool.pinfold]\n", f"[tool.pinfold]\n{line}\n")


def name_twice(world: World) -> None:
    """Two direct URLs for one project."""
    world.write_list(f"direct-login @ {wheel_url(world.hosts.extra_login, 'direct-login', login=LOGIN)}")


def change_locked_file(world: World) -> None:
    assert world.lock().code == 0
    serve(world.hosts.extra_login, "extra-login", make_wheel("extra-login", "1.0", ["x"]))


FAULTS: dict[str, tuple[int, Callable[[World], object]]] = {
    "fault of a line": (2, lambda world: world.write_list(f"x @ https://{LOGIN}@files.example/a b.whl")),
    "unknown flag": (2, lambda world: world.write_list(f"--frobnicate=https://{LOGIN}@files.example/")),
    "flag without URL": (2, lambda world: world.write_list("--extra-index-url")),
    "login without scheme": (2, lambda world: world.write_list(f"x @ {LOGIN}@files.example/x-1.0-py3-none-any.whl")),
    "fault of the settings": (2, lambda world: world.write_list(change=lambda text: f"{text}[tool.pinfold.nothing]\n")),
    "unknown platform": (2, lambda world: world.write_list(change=with_setting('platform = "none"'))),
    "Python that is none": (
        2,
        lambda world: world.write_list(change=lambda text: text.replace('python = "3', 'python = "x')),
    ),
    "value of the wrong type": (2, lambda world: world.write_list(change=with_setting("no-build = 1"))),
    "no TOML": (2, lambda world: world.write_list(change=lambda text: f"{text}x = 'https://{LOGIN}@files.example\n")),
    "variable that is not set": (2, take_variable),
    "401 of an index": (4, lambda world: refuse(world.hosts.index_login, 401)),
    "403 of an index": (4, lambda world: refuse(world.hosts.extra_login, 403)),
    "401 of a token in the path": (4, lambda world: refuse(world.hosts.variable_path, 401)),
    "401 of a pattern": (4, lambda world: refuse(world.hosts.pattern, 401)),
    "401 where the keyring was asked": (4, lambda world: refuse(world.hosts.keyring, 401)),
    "401 of netrc behind the proxy": (4, lambda world: refuse(world.hosts.secure, 401)),
    "403 of a signed URL": (4, lambda world: refuse(world.hosts.signed[Canary.SIGV4], 403)),
    "403 of Azure": (4, lambda world: refuse(world.hosts.signed[Canary.AZURE], 403)),
    "500 of a direct wheel": (4, lambda world: refuse(world.hosts.direct_login, 500)),
    "404 of a direct wheel": (4, lambda world: refuse(world.hosts.direct_login, 404)),
    "answer that is cut": (4, lambda world: setattr(world.hosts.signed[Canary.GCS4], "is_cut", True)),
    "404 behind a redirect": (4, lambda world: world.hosts.redirect.projects.clear()),
    "expired signature": (4, expire),
    "no wheel": (3, lambda world: serve(world.hosts.direct_login, "direct-login", b"no wheel")),
    "another project": (
        3,
        lambda world: serve(world.hosts.signed[Canary.SIGV2], "sigv2", make_wheel("other", "1.0")),
    ),
    "another hash": (
        5,
        lambda world: serve(world.hosts.extra_login, "extra-login", make_wheel("extra-login", "1.0", ["x"])),
    ),
    "no solution": (3, lambda world: world.write_list("variable-path>1.0")),
    "two direct URLs": (2, name_twice),
    "wheel of another platform": (
        3,
        lambda world: world.write_list(
            f"x @ {world.hosts.direct_login.url('/files/x-1.0-cp39-cp39-win_amd64.whl', login=LOGIN)}"
        ),
    ),
    "build that fails": (3, break_backend),
    "commit that is missing": (2, miss_commit),
    "git that refuses": (4, lose_repository),
    "git that wants another login": (4, lambda world: setattr(world.hosts.git, "token", "other")),
    "submodule that wants another login": (4, lambda world: setattr(world.hosts.submodule, "token", "other")),
}


def meet(world: World, cache: Path, place: str = "pylock.failed.toml") -> tuple[Run, Run]:
    """The list locked by the command and by functions, at the same time."""
    with ThreadPoolExecutor() as pool:
        by_function = pool.submit(world.run, str(cache / "functions"), str(world.builder_credentials), form="API")
        run = world.lock("-vv", "--refresh", "--cache-dir", str(cache), "-o", place)
        return run, by_function.result()


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_tells_no_secret(world: World, fault: str) -> None:
    code, make = FAULTS[fault]
    redirected = dict(world.hosts.redirect.projects)
    make(world)
    cache = world.cache / "other" if fault in NOT_ASKED_AGAIN else world.cache
    place = [str(world.lockfile)] if fault == "another hash" else []
    run, by_function = meet(world, cache, *place)
    world.hosts.redirect.projects.update(redirected)
    assert run.code == code, run.err
    assert "Error" in by_function.err
    assert world.find_leaks() == []


def test_host_that_does_not_answer_in_time_is_told_without_secrets(world: World) -> None:
    world.variables["CANARY_READ_LIMIT_S"] = "0.2"
    world.hosts.signed[Canary.SIGV4].hang_at = "/files/"
    try:
        run, by_function = meet(world, world.cache / "late")
    finally:
        del world.variables["CANARY_READ_LIMIT_S"]
    assert (run.code, "no answer within 0.2 s" in run.err) == (4, True), run.err
    assert "FetchError" in by_function.err
    assert world.find_leaks() == []


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that not even root writes to")
@pytest.mark.parametrize("place", ["-o /proc/pylock.toml", "--cache-dir /proc/cache"])
def test_disk_that_takes_nothing_is_told_without_secrets(world: World, place: str) -> None:
    run = world.lock("-vv", *place.split())
    assert run.code == (2 if place.startswith("-o") else 0), run.err
    assert world.find_leaks() == []
