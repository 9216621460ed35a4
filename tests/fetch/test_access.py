"""`Access(transport=…)`: a program's own transport in place of the network, for every stage and verb."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from lockfiles import dumps, write
from resolver import (
    Access,
    AuthenticationError,
    LockOutcome,
    Settings,
    ask_indexes,
    compare_installers,
    fetch_artifacts,
    hydrate,
    lock,
    open_session,
    verify_lockfile,
)
from tests.loopback import Request
from tests.servers import IndexServer, sdist, wheel

_BASE = "https://index.example"
_INDEX = f"{_BASE}/simple/"


class OwnIndex(httpx.BaseTransport):
    """Answers as an `IndexServer` does, without its socket; keeps the requests, and whether it was closed."""

    def __init__(self, server: IndexServer) -> None:
        self.requests: list[httpx.Request] = []
        self.is_closed = False
        self._server = server

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        sent = Request(method=request.method, target=request.url.path, headers=dict(request.headers))
        answer = self._server.respond(sent)
        body = answer.body.replace(self._server.base_url.encode(), _BASE.encode())
        return httpx.Response(answer.status, headers=answer.headers, content=body)

    def close(self) -> None:
        self.is_closed = True

    def list_paths(self) -> set[str]:
        return {request.url.path for request in self.requests}


@pytest.fixture
def own(server: IndexServer) -> OwnIndex:
    server.add("a", wheel("a", "1.0", ["b"]))
    server.add("b", wheel("b", "1.0"), wheel("b", "2.0"))
    return OwnIndex(server)


def lock_over(own: OwnIndex, *items: str, access: Access | None = None, index: str = _INDEX) -> LockOutcome:
    return lock(
        items or ["a"],
        python="3.11",
        settings=Settings(index_url=index),
        access=access or Access(transport=own),
    )


def test_lock_sends_all_requests_through_the_transport(own: OwnIndex, server: IndexServer) -> None:
    outcome = lock_over(own)

    assert [(package.name, str(package.version)) for package in outcome.lockfile.pylock.packages] == [
        ("a", "1.0"),
        ("b", "2.0"),
    ]
    assert {file.url for _, file in outcome.lockfile.iter_files()} == {
        f"{_BASE}/files/a-1.0-py3-none-any.whl",
        f"{_BASE}/files/b-2.0-py3-none-any.whl",
    }
    assert server.log == []


def test_ranges_and_whole_files_go_through_the_transport(own: OwnIndex, server: IndexServer) -> None:
    server.core_metadata, server.hashes = "none", False

    lock_over(own)

    kinds = {"range" if "range" in request.headers else request.method for request in own.requests}
    assert kinds >= {"range", "GET"}
    assert server.log == []


def test_pages_of_find_links_and_sdists_go_through_the_transport(own: OwnIndex, server: IndexServer) -> None:
    server.add("c", sdist("c", "1.0", static=True))

    outcome = lock_over(own, "--no-index", f"--find-links {_BASE}/links/", "c")

    assert [package.name for package in outcome.lockfile.pylock.packages] == ["c"]
    assert {"/links/", "/files/c-1.0.tar.gz"} <= own.list_paths()
    assert server.log == []


def test_no_page_is_read_in_a_forked_process(own: OwnIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> int:
        raise AssertionError("forked")

    monkeypatch.setattr(os, "fork", refuse, raising=False)

    assert lock_over(own, access=Access(transport=own, reader_count=2)).lockfile.pylock.packages


def test_transport_is_left_open_for_the_next_call(own: OwnIndex) -> None:
    access = Access(transport=own)

    assert dumps(lock_over(own, access=access).lockfile) == dumps(lock_over(own, access=access).lockfile)
    assert not own.is_closed


def test_secrets_reach_the_transport_and_no_cache(own: OwnIndex, tmp_path: Path) -> None:
    cache = tmp_path / "cache"

    lock_over(
        own,
        index=_INDEX.replace("https://", "https://me:canary-Zq9@"),
        access=Access(transport=own, cache_folder=cache),
    )

    assert all(request.headers.get("authorization", "").startswith("Basic ") for request in own.requests)
    assert all("canary" not in str(request.url) for request in own.requests)
    stored = [path.read_bytes() for path in cache.rglob("*") if path.is_file()]
    assert stored
    assert not any(b"canary-Zq9" in content for content in stored)


def test_cache_answers_in_place_of_the_transport(own: OwnIndex, tmp_path: Path) -> None:
    access = Access(transport=own, cache_folder=tmp_path / "cache")
    lock_over(own, access=access)
    own.requests.clear()

    lock_over(own, access=access)

    assert own.requests == []


@pytest.mark.parametrize(
    "verb",
    [
        lambda outcome, path, access: verify_lockfile(outcome.lockfile, path=path, shown=path.name, access=access),
        lambda outcome, path, access: compare_installers(outcome.lockfile, path=path, shown=path.name, access=access),
        lambda outcome, path, access: fetch_artifacts(
            outcome.lockfile, lock_folder=path.parent, to=path.parent / "wheels", access=access
        ),
        lambda outcome, path, access: _ask(outcome, access),
    ],
    ids=["verify", "compare-installers", "fetch", "outdated"],
)
def test_every_verb_that_reaches_out_uses_the_transport(
    verb: Callable[[LockOutcome, Path, Access], object], own: OwnIndex, server: IndexServer, tmp_path: Path
) -> None:
    outcome = lock_over(own)
    path = tmp_path / "pylock.toml"
    write(outcome.lockfile, path)
    own.requests.clear()

    assert verb(outcome, path, Access(transport=own)) is not None

    assert own.requests
    assert server.log == []


def _ask(outcome: LockOutcome, access: Access) -> object:
    with open_session(access) as session:
        return ask_indexes(outcome.lockfile, session)


def test_hydrate_needs_no_request(own: OwnIndex, tmp_path: Path) -> None:
    lockfile = lock_over(own).lockfile
    own.requests.clear()

    hydrate(lockfile, tmp_path / "pylock.build.toml", access=Access(transport=own))

    assert own.requests == []


def test_refusals_of_the_transport_are_errors_as_those_of_the_network() -> None:
    access = Access(transport=httpx.MockTransport(lambda request: httpx.Response(403)))

    with pytest.raises(AuthenticationError, match=r"^`index.example` refuses access: status 403 for "):
        lock(["a"], python="3.11", settings=Settings(index_url=_INDEX), access=access)
