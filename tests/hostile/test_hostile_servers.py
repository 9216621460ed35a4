"""Hostile servers: how runs end, whom they ask, and what is left of it once a server means no harm any more."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from resolver import Access, PinfoldError, lock
from tests.command import Project
from tests.hostile.servers_cases import (
    CASES,
    LIST,
    SECRET,
    RawRequest,
    RawServer,
    ServerCase,
    answer_honestly,
    respond,
)

PUBLIC = "http://index.example"


@pytest.fixture
def stranger() -> Iterator[RawServer]:
    with RawServer(lambda request: b"HTTP/1.1 404 X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n") as running:
        yield running


class PublicName(httpx.BaseTransport):
    """Sends requests for `index.example` to a server on loopback; `others` are the hosts of all other requests."""

    def __init__(self, server: RawServer) -> None:
        self.others: list[str] = []
        self._server = server

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.host != "index.example":
            self.others.append(request.url.host)
            return httpx.Response(404)
        connection = http.client.HTTPConnection("127.0.0.1", self._server.port, timeout=20)
        try:
            connection.request("GET", request.url.raw_path.decode(), headers=dict(request.headers))
            answer = connection.getresponse()
            return httpx.Response(answer.status, headers=answer.getheaders(), content=answer.read())
        finally:
            connection.close()


def run_case(case: ServerCase, project: Project, server: RawServer) -> tuple[int, str, str]:
    """The exit code, the message and the lock of a run against a server."""
    (project.folder / "pylock.toml").unlink(missing_ok=True)
    if case.is_public:
        return _run_public(project, server)
    login = f"deploy:{SECRET}@" if case.has_login else ""
    index = server.base_url.replace("//", f"//{login}")
    project.write("requirements.txt", "\n".join((f"--index-url {index}/simple/", *LIST)))
    run = project.lock("requirements.txt", *(() if case.timeout_s is None else ("--timeout", str(case.timeout_s))))
    lockfile = project.folder / "pylock.toml"
    return run.code, run.out + run.err, lockfile.read_text("utf-8") if lockfile.exists() else ""


def _run_public(project: Project, server: RawServer) -> tuple[int, str, str]:
    transport = PublicName(server)
    access = Access(cache_folder=project.cache, transport=transport)
    try:
        outcome = lock([f"--index-url {PUBLIC}/simple/", *LIST], python="3.11", access=access, folder=project.folder)
    except PinfoldError as error:
        assert transport.others == []
        return error.exit_code, str(error), ""
    assert transport.others == []
    return 0, "", "\n".join(f"{one.name} {one.version}" for one in outcome.lockfile.pylock.packages)


def logins(log: list[RawRequest]) -> list[str]:
    """The credentials and cookies of requests."""
    names = ("authorization", "cookie", "proxy-authorization")
    return [request.headers[name] for request in log for name in names if name in request.headers]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_hostile_server(case: ServerCase, project: Project, stranger: RawServer, tmp_path: Path) -> None:
    with RawServer(respond(case), stranger=stranger.base_url) as server:
        code, message, lockfile = run_case(case, project, server)

        assert code == case.code, message
        # The end of a run, its reason, and whom it is about.
        host = "index.example" if case.is_public else "127.0.0.1"
        assert code == 0 or host in message or "acme" in message
        for text in case.says:
            assert text in message
        assert SECRET not in message
        # Whom it asked, how often, and who was told a login.
        hostile = [request for request in server.log if request.path in case.answers]
        assert 0 < len(hostile) <= case.most_requests, hostile
        assert {request.method for request in server.log} <= {"GET", "HEAD"}
        assert (len(stranger.log) > 0) == case.asks_stranger
        assert logins(stranger.log) == []
        assert case.has_login or logins(server.log) == []

        # What is kept of it: the server means no harm any more, and the lock is that of an empty cache.
        server.respond = answer_honestly
        again = run_case(case, project, server)
        project.cache = tmp_path / "empty"
        fresh = run_case(case, project, server)
        assert (again[0], again[2]) == (fresh[0], fresh[2])
        assert fresh[0] == 0, fresh[1]
        assert "acme" in fresh[2]
        assert "lib" in fresh[2]
        # What did no harm has changed nothing.
        assert lockfile in ("", fresh[2])


def test_nothing_secret_is_in_the_cache(project: Project, stranger: RawServer) -> None:
    for case in CASES:
        if case.kind == "credentials":
            with RawServer(respond(case), stranger=stranger.base_url) as server:
                run_case(case, project, server)
    files = [path for path in project.cache.rglob("*") if path.is_file()]
    assert files
    assert [path.name for path in files if SECRET.encode() in path.read_bytes()] == []


def test_cases_have_names_of_their_own() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 40
