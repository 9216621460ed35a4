"""Hostile servers: what each of them does, and how a run must end.

`CASES` has one `ServerCase` for each behaviour. A server is an honest index of two projects (`acme` needs `lib`)
but for the answers of its case, which are bytes: what a library for HTTP would never send can be sent here, too.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import socket
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

from tests.distributions import make_metadata, make_wheel
from tests.loopback import RawListener, find_part

__all__ = ["CASES", "FILES", "LIST", "SECRET", "RawRequest", "RawServer", "ServerCase", "answer_honestly", "respond"]

SECRET = "canary-hostile-Zx5"
LIST = ("acme",)
FILES = {
    "acme-1.0-py3-none-any.whl": make_wheel("acme", "1.0", ["lib>=1"]),
    "lib-2.0-py3-none-any.whl": make_wheel("lib", "2.0"),
}
METADATA = {
    "acme-1.0-py3-none-any.whl": make_metadata("acme", "1.0", requires=["lib>=1"]),
    "lib-2.0-py3-none-any.whl": make_metadata("lib", "2.0"),
}
JSON_TYPE = "application/vnd.pypi.simple.v1+json"
PAGE = "/simple/acme/"
WHEEL = "/files/acme-1.0-py3-none-any.whl"
PEP658 = f"{WHEEL}.metadata"
LINK_LOCAL = "169.254.169.254"


@dataclass(frozen=True, slots=True, kw_only=True)
class RawRequest:
    """A request as it arrived; header names are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str] = field(repr=False)
    stranger: str
    """The base URL of another server, which no page of an honest index names."""

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]


Respond = Callable[[RawRequest], "bytes | Iterator[bytes]"]
"""The bytes of an answer; of one that takes time or has no end, one part after the other."""


class RawServer(RawListener):
    """A server on loopback that sends the bytes of `respond`; a context manager. `log` has all requests.

    It closes the connection then, but for an answer with `Connection: keep-alive`.
    """

    def __init__(self, respond: Respond, *, stranger: str = "") -> None:
        super().__init__()
        self.respond = respond
        self.log: list[RawRequest] = []
        self._stranger = stranger

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.settimeout(20)
            while request := self._read(connection):
                self.log.append(request)
                answer = self.respond(request)
                for part in (answer,) if isinstance(answer, bytes) else answer:
                    connection.sendall(part)
                if not isinstance(answer, bytes) or b"\r\nConnection: keep-alive\r\n" not in answer:
                    connection.shutdown(socket.SHUT_WR)
                    return

    def _read(self, connection: socket.socket) -> RawRequest | None:
        """The next request, or None after the last one."""
        data = b""
        while b"\r\n\r\n" not in data:
            more = connection.recv(65536)
            if not more:
                return None
            data += more
        line, *lines = data.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
        method, target, _ = line.split(" ", 2)
        headers = {name.lower(): value.strip() for name, _, value in (one.partition(":") for one in lines)}
        return RawRequest(method=method, target=target, headers=headers, stranger=self._stranger)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ServerCase:
    """A behaviour of a server, and the end of a run against it.

    - `answers` are what it sends for a path, in place of the honest answer.
    - `code` is the exit code; `says` are texts of the message.
    - `most_requests` is the largest number of requests that the server may get.
    - `is_public` gives the server the public name `index.example`; its requests then go through `Access.transport`.
    - `has_login` writes a login for the server into the list.
    - `asks_stranger` is whether a redirect to another host of the same network may be followed, without the login.
    - `timeout_s` is the value of `--timeout`.
    """

    name: str
    kind: Literal["redirect", "link", "credentials", "protocol", "page", "file"]
    answers: Mapping[str, Respond | bytes] = field(repr=False)
    code: int
    says: tuple[str, ...] = ()
    most_requests: int = 4
    is_public: bool = False
    has_login: bool = False
    asks_stranger: bool = False
    timeout_s: int | None = None


def respond(case: ServerCase) -> Respond:
    """What the server of a case answers."""

    def answer(request: RawRequest) -> bytes | Iterator[bytes]:
        found = case.answers.get(request.path)
        if found is None:
            return answer_honestly(request)
        return found if isinstance(found, bytes) else found(request)

    return answer


def answer_honestly(request: RawRequest) -> bytes:
    """The answer of an index that means no harm."""
    name = request.path.removeprefix("/simple/").strip("/")
    if request.path.startswith("/simple/"):
        files = [file for file in FILES if file.startswith(f"{name}-")]
        return json_page(name, *map(describe, files)) if files else http(404)
    filename = request.path.rpartition("/")[2]
    if filename.endswith(".metadata"):
        return http(200, METADATA[filename.removesuffix(".metadata")])
    part = request.headers.get("range")
    if part is None:
        return http(200, FILES[filename])
    start, stop = find_part(part, size_bytes=len(FILES[filename]))
    return http(206, FILES[filename][start:stop], f"Content-Range: bytes {start}-{stop - 1}/{len(FILES[filename])}")


def http(status: int, body: bytes = b"", *headers: str, length: int | None = None) -> bytes:
    """An answer with its length, which may be a wrong one."""
    lines = [f"HTTP/1.1 {status} X", *headers, f"Content-Length: {len(body) if length is None else length}"]
    return "\r\n".join((*lines, "Connection: close", "", "")).encode("latin-1") + body


def redirect(target: str, *headers: str, status: int = 302) -> Respond:
    """A redirect; `{stranger}` in the target is the other server."""
    return lambda request: http(status, b"", f"Location: {target.format(stranger=request.stranger)}", *headers)


def describe(filename: str, /, **more: object) -> dict[str, object]:
    """A file as a page lists it; `more` are further or other keys, None for one that is left out."""
    entry: dict[str, object] = {
        "filename": filename,
        "url": f"/files/{filename}",
        "hashes": {"sha256": hashlib.sha256(FILES[filename]).hexdigest()},
        "size": len(FILES[filename]),
        "core-metadata": {"sha256": hashlib.sha256(METADATA[filename]).hexdigest()},
        **more,
    }
    return {key: value for key, value in entry.items() if value is not None}


def json_page(name: str, *files: object, headers: tuple[str, ...] = ()) -> bytes:
    """A page that is fresh for ten minutes: nothing but its fault keeps it out of the cache."""
    page = {"meta": {"api-version": "1.1"}, "name": name, "versions": [], "files": files}
    kept = ("Cache-Control: max-age=600", 'ETag: "1"', *headers)
    return http(200, json.dumps(page).encode(), f"Content-Type: {JSON_TYPE}", *kept)


def acme(**more: object) -> bytes:
    """The page of acme with other facts about its file."""
    return json_page("acme", describe("acme-1.0-py3-none-any.whl", **more))


def html_page(body: str, *headers: str) -> bytes:
    kept = ("Cache-Control: max-age=600", 'ETag: "1"', *headers)
    return http(200, f"<!DOCTYPE html><html>{body}</html>".encode(), "Content-Type: text/html; charset=utf-8", *kept)


def _link(base: str) -> str:
    """A page of links that start at a base."""
    name = "acme-1.0-py3-none-any.whl"
    return f'<head><base href="{base}"></head><body><a href="{name}" data-core-metadata="true">{name}</a></body>'


def _raw(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode("latin-1")


def _metadata(name: str, version: str) -> dict[str, Respond | bytes]:
    """A page without hashes of metadata, and the metadata of another project or version beside it."""
    return {PAGE: acme(**{"core-metadata": True}), PEP658: http(200, make_metadata(name, version))}


def _changing(request: RawRequest) -> bytes:
    """A file that grows with each request for a part of it."""
    content = FILES["acme-1.0-py3-none-any.whl"] + bytes(len(request.headers.get("range", "")) + 40_000)
    start, stop = find_part(request.headers.get("range", "bytes=0-"), size_bytes=len(content))
    return http(206, content[start:stop], f"Content-Range: bytes {start}-{stop - 1}/{len(content)}")


def _keep(answer: bytes) -> bytes:
    """The answer on a connection that stays open."""
    return answer.replace(b"Connection: close", b"Connection: keep-alive", 1)


def _answer_twice(request: RawRequest) -> bytes:
    """The page of acme, and in the same segment an answer to each request that could be next."""
    page = json_page("lib", describe("lib-2.0-py3-none-any.whl", url=f"{request.stranger}/lib-2.0-py3-none-any.whl"))
    metadata = http(200, make_metadata("acme", "1.0", requires=["lib<1"]))
    return _keep(answer_honestly(request)) + _keep(metadata) + _keep(page)


def _drip(request: RawRequest) -> Iterator[bytes]:
    """The page of acme, whose body comes a byte at a time."""
    head, _, body = answer_honestly(request).partition(b"\r\n\r\n")
    yield head + b"\r\n\r\n"
    for start in range(len(body)):
        yield body[start : start + 1]
        time.sleep(0.2)


def _hint(request: RawRequest) -> Iterator[bytes]:
    """Interim answers without an end."""
    while True:
        yield b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"


def _pack_much(request: RawRequest) -> bytes:
    """A page whose 100 kB unpack to more than any page may have."""
    body = b'{"meta": {"api-version": "1.1"}, "name": "acme", "versions": [], "files": [' + b" " * (65 << 20) + b"]}"
    return http(200, gzip.compress(body), "Content-Encoding: gzip", f"Content-Type: {JSON_TYPE}")


def _chunked(request: RawRequest) -> bytes:
    """The honest page, in chunks."""
    body = answer_honestly(request).partition(b"\r\n\r\n")[2]
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {JSON_TYPE}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    chunks = (body[start : start + 100] for start in range(0, len(body), 100))
    return head.encode() + b"".join(b"%x\r\n%s\r\n" % (len(one), one) for one in chunks) + b"0\r\n\r\n"


def _wheel_with_two_metadata() -> bytes:
    """A wheel of acme with a second METADATA, which asks for another project."""
    content = io.BytesIO(FILES["acme-1.0-py3-none-any.whl"])
    with zipfile.ZipFile(content, "a") as archive:
        archive.writestr("other-1.0.dist-info/METADATA", make_metadata("other", "1.0", requires=["evil"]))
    return content.getvalue()


TWO_METADATA = _wheel_with_two_metadata()
NO_METADATA = {"core-metadata": None}

CASES = (
    # Where redirects lead.
    ServerCase(
        name="redirect to itself",
        kind="redirect",
        answers={PAGE: redirect(PAGE)},
        code=4,
        most_requests=12,
        says=("more than 10 redirects",),
    ),
    ServerCase(
        name="redirect to another URL each time",
        kind="redirect",
        code=4,
        most_requests=12,
        answers={
            PAGE: lambda request: http(302, b"", f"Location: {PAGE}?{len(request.target)}{'x' * len(request.target)}")
        },
        says=("more than 10 redirects",),
    ),
    ServerCase(
        name="redirect to a metadata service",
        kind="redirect",
        code=4,
        answers={PAGE: redirect(f"http://{LINK_LOCAL}/latest/meta-data/")},
        says=("link-local", f"--allow-host {LINK_LOCAL}"),
    ),
    ServerCase(
        name="redirect to a metadata service in decimal",
        kind="redirect",
        code=4,
        answers={PAGE: redirect("http://2852039166/latest/")},
        says=("link-local", "--allow-host 2852039166"),
    ),
    ServerCase(
        name="redirect to a link-local IPv6 address",
        kind="redirect",
        code=4,
        answers={PAGE: redirect("http://[fe80::1]/")},
        says=("link-local",),
    ),
    ServerCase(
        name="redirect to a metadata service by NAT64",
        kind="redirect",
        code=4,
        answers={PAGE: redirect("http://[64:ff9b::a9fe:a9fe]/")},
        says=("link-local",),
    ),
    ServerCase(
        name="redirect to the name of a metadata service",
        kind="redirect",
        code=4,
        answers={PAGE: redirect("http://metadata.google.internal/computeMetadata/v1/")},
        says=("link-local",),
    ),
    ServerCase(
        name="redirect of metadata to a metadata service",
        kind="redirect",
        code=4,
        answers={PEP658: redirect(f"http://{LINK_LOCAL}/")},
        says=("link-local",),
        most_requests=6,
    ),
    ServerCase(
        name="redirect to a file",
        kind="redirect",
        code=4,
        answers={PAGE: redirect("file:///etc/passwd")},
        says=("a file of this machine",),
    ),
    ServerCase(
        name="redirect to another scheme",
        kind="redirect",
        code=4,
        answers={PAGE: redirect("ftp://127.0.0.1/x")},
    ),
    ServerCase(
        name="redirect without a target", kind="redirect", code=4, answers={PAGE: http(302)}, says=("`Location`",)
    ),
    ServerCase(
        name="redirect to a broken URL",
        kind="redirect",
        code=4,
        most_requests=6,
        answers={PAGE: redirect("http://[")},
    ),
    ServerCase(
        name="public redirect to this machine",
        kind="redirect",
        is_public=True,
        code=4,
        answers={PAGE: redirect("{stranger}/simple/acme/")},
        says=("private network", "--allow-host 127.0.0.1"),
    ),
    ServerCase(
        name="public redirect to localhost",
        kind="redirect",
        is_public=True,
        code=4,
        answers={PAGE: redirect("http://LOCALHOST.:80/simple/acme/")},
        says=("private network",),
    ),
    ServerCase(
        name="public redirect of a file to a private network",
        kind="redirect",
        is_public=True,
        code=4,
        answers={PEP658: redirect("http://192.168.0.1/")},
        says=("private network",),
        most_requests=6,
    ),
    # Where links lead.
    ServerCase(
        name="link to a metadata service",
        kind="link",
        code=4,
        answers={PAGE: acme(url=f"http://{LINK_LOCAL}/acme-1.0-py3-none-any.whl")},
        says=("links to", "link-local"),
    ),
    ServerCase(
        name="base of a metadata service",
        kind="link",
        code=4,
        answers={PAGE: html_page(_link(f"http://{LINK_LOCAL}/"))},
        says=("links to", "link-local"),
    ),
    ServerCase(
        name="link to a file",
        kind="link",
        code=4,
        answers={PAGE: acme(url="file:///wheels/acme-1.0-py3-none-any.whl")},
        says=("a file of this machine",),
    ),
    ServerCase(
        name="base of a folder",
        kind="link",
        code=4,
        answers={PAGE: html_page(_link("file:///wheels/"))},
        says=("a file of this machine",),
    ),
    ServerCase(
        name="public link to this machine",
        kind="link",
        is_public=True,
        code=4,
        answers={PAGE: lambda request: acme(url=f"{request.stranger}/acme-1.0-py3-none-any.whl")},
        says=("links to", "--allow-host 127.0.0.1"),
    ),
    ServerCase(
        name="public base of a private network",
        kind="link",
        is_public=True,
        code=4,
        answers={PAGE: html_page(_link("http://0x0a000001/"))},
        says=("links to", "private network"),
    ),
    ServerCase(
        name="public link to an IPv6 form of this machine",
        kind="link",
        is_public=True,
        code=4,
        answers={PAGE: acme(url="http://[2002:7f00:1::]/acme-1.0-py3-none-any.whl")},
        says=("links to",),
    ),
    # Who gets a login.
    ServerCase(
        name="redirect of a login to another host",
        kind="credentials",
        code=3,
        has_login=True,
        asks_stranger=True,
        answers={PAGE: redirect("{stranger}/simple/acme/")},
    ),
    ServerCase(
        name="redirect to a URL with a login",
        kind="credentials",
        code=3,
        asks_stranger=True,
        answers={PAGE: lambda request: http(302, b"", f"Location: {request.stranger.replace('//', '//a:b@')}/x/")},
    ),
    ServerCase(
        name="refusal of a login",
        kind="credentials",
        code=4,
        has_login=True,
        most_requests=1,
        answers={PAGE: http(401, b"", 'WWW-Authenticate: Basic realm="another"')},
        says=("refuses",),
    ),
    ServerCase(
        name="wish for a login of another kind",
        kind="credentials",
        code=4,
        answers={PAGE: http(401, b"", "WWW-Authenticate: Negotiate", "WWW-Authenticate: Digest realm=x, nonce=y")},
        says=("wants a user and password",),
    ),
    ServerCase(
        name="wish for a login of a proxy",
        kind="credentials",
        code=4,
        has_login=True,
        answers={PAGE: http(407, b"", 'Proxy-Authenticate: Basic realm="a"')},
        says=("status 407",),
    ),
    ServerCase(
        name="refusal that repeats the login",
        kind="credentials",
        code=4,
        has_login=True,
        answers={PAGE: lambda request: http(403, request.headers.get("authorization", "").encode())},
        says=("403",),
    ),
    ServerCase(
        name="cookie",
        kind="credentials",
        code=0,
        answers={PAGE: json_page("acme", describe("acme-1.0-py3-none-any.whl"), headers=(f"Set-Cookie: a={SECRET}",))},
    ),
    # What is not HTTP.
    ServerCase(name="no answer", kind="protocol", code=4, answers={PAGE: b""}, says=("no answer",), most_requests=6),
    ServerCase(
        name="HTTP/0.9",
        kind="protocol",
        code=4,
        answers={PAGE: b"<html><a href=x>x</a></html>"},
        most_requests=6,
    ),
    ServerCase(
        name="HTTP/9.9",
        kind="protocol",
        code=4,
        answers={PAGE: _raw("HTTP/9.9 200 OK\nContent-Length: 0\n\n")},
        most_requests=6,
    ),
    ServerCase(
        name="status 099",
        kind="protocol",
        code=4,
        answers={PAGE: _raw("HTTP/1.1 099 X\nContent-Length: 0\n\n")},
        most_requests=6,
    ),
    ServerCase(
        name="status 999",
        kind="protocol",
        code=4,
        answers={PAGE: _raw("HTTP/1.1 999 X\nContent-Length: 0\n\n")},
        most_requests=6,
    ),
    ServerCase(
        name="upgrade",
        kind="protocol",
        code=4,
        most_requests=6,
        answers={PAGE: _raw("HTTP/1.1 101 X\nUpgrade: TLS/1.0, HTTP/1.1\nConnection: Upgrade\n\n")},
    ),
    ServerCase(
        name="TLS in place of HTTP",
        kind="protocol",
        code=4,
        answers={PAGE: b"\x15\x03\x01\x00\x02\x02\x28"},
        most_requests=6,
    ),
    ServerCase(
        name="body that is cut",
        kind="protocol",
        code=4,
        answers={PAGE: http(200, b"{", length=50)},
        most_requests=6,
    ),
    ServerCase(
        name="two lengths",
        kind="protocol",
        code=4,
        most_requests=6,
        answers={PAGE: _raw("HTTP/1.1 200 OK\nContent-Length: 2\nContent-Length: 3\n\n{} ")},
    ),
    ServerCase(
        name="negative length",
        kind="protocol",
        code=4,
        answers={PAGE: http(200, b"{}", length=-1)},
        most_requests=6,
    ),
    ServerCase(
        name="chunks of no size",
        kind="protocol",
        code=4,
        most_requests=6,
        answers={PAGE: _raw("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\nzz\n{}\n0\n\n")},
    ),
    ServerCase(
        name="chunk of a negative size",
        kind="protocol",
        code=4,
        most_requests=6,
        answers={PAGE: _raw("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n-2\n{}\n0\n\n")},
    ),
    ServerCase(
        name="chunks that end too soon",
        kind="protocol",
        code=4,
        most_requests=6,
        answers={PAGE: _raw("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n5\n{}")},
    ),
    ServerCase(
        name="two answers to one request",
        kind="protocol",
        code=4,
        answers={PAGE: http(200, b"", f"Content-Type: {JSON_TYPE}") + acme()},
    ),
    ServerCase(
        name="endless header",
        kind="protocol",
        code=4,
        most_requests=6,
        answers={PAGE: _raw("HTTP/1.1 200 OK\nX: ") + b"x" * 300_000},
    ),
    ServerCase(
        name="header without a name",
        kind="protocol",
        code=4,
        most_requests=6,
        answers={PAGE: _raw("HTTP/1.1 200 OK\n: x\nContent-Length: 0\n\n")},
    ),
    ServerCase(
        name="very long wait",
        kind="protocol",
        code=4,
        answers={PAGE: http(429, b"", "Retry-After: 99999999")},
        says=("99999999 s",),
        most_requests=2,
    ),
    ServerCase(
        name="overload without an end",
        kind="protocol",
        code=4,
        answers={PAGE: http(503, b"", "Retry-After: soon")},
        says=("status 503",),
        most_requests=5,  # One of the plain engine, and four of the client that repeats.
    ),
    ServerCase(
        name="unknown coding",
        kind="protocol",
        code=4,
        most_requests=6,
        answers={PAGE: http(200, b"abc", "Content-Encoding: x-own", f"Content-Type: {JSON_TYPE}")},
    ),
    ServerCase(
        name="body that is not packed as announced",
        kind="protocol",
        code=4,
        most_requests=6,
        answers={PAGE: http(200, b"abc", "Content-Encoding: gzip", f"Content-Type: {JSON_TYPE}")},
    ),
    ServerCase(
        name="packed body that is cut",
        kind="protocol",
        code=4,
        most_requests=6,
        answers={PAGE: http(200, gzip.compress(acme())[:-9], "Content-Encoding: gzip", f"Content-Type: {JSON_TYPE}")},
    ),
    ServerCase(
        name="part in place of a page",
        kind="protocol",
        code=4,
        answers={PAGE: http(206, b'{"files": []}', f"Content-Type: {JSON_TYPE}", "Content-Range: bytes 0-12/99")},
        says=("status 206 answers a request for all",),
    ),
    ServerCase(
        name="interim answers without an end",
        kind="protocol",
        code=4,
        answers={PAGE: _hint},
        says=("more than 16 interim responses",),
    ),
    ServerCase(
        name="gzip bomb",
        kind="protocol",
        code=4,
        answers={PAGE: _pack_much},
        says=("64 MiB",),
    ),
    ServerCase(
        name="a byte at a time",
        kind="protocol",
        code=4,
        answers={PAGE: _drip},
        timeout_s=1,
        says=("no whole answer within 1 s",),
    ),
    ServerCase(name="chunks", kind="protocol", code=0, answers={PAGE: _chunked}),
    ServerCase(
        name="answers to the next requests in the segment of the first",
        kind="protocol",
        code=0,
        answers={PAGE: _answer_twice},
    ),
    # Pages that lie.
    ServerCase(
        name="page of another name",
        kind="page",
        code=4,
        answers={PAGE: json_page("lib", describe("acme-1.0-py3-none-any.whl"))},
        says=("it is the page of `lib`, not of `acme`",),
    ),
    ServerCase(
        name="login page with links",
        kind="page",
        code=4,
        answers={
            PAGE: html_page('<body><form action="/in"><input type="password"></form><a href="/help">help</a></body>')
        },
        says=("sends a page to log in",),
    ),
    ServerCase(
        name="login page",
        kind="page",
        code=4,
        answers={PAGE: html_page('<body><h1>Sign in</h1><form action="/login"><input name="user"></form></body>')},
    ),
    ServerCase(
        name="JSON of another form",
        kind="page",
        code=4,
        answers={PAGE: http(200, b"[1]", f"Content-Type: {JSON_TYPE}")},
    ),
    ServerCase(
        name="JSON that is cut",
        kind="page",
        code=4,
        answers={PAGE: http(200, b'{"a', f"Content-Type: {JSON_TYPE}")},
    ),
    ServerCase(
        name="page of a later API",
        kind="page",
        code=4,
        answers={PAGE: http(200, b'{"meta": {"api-version": "9.0"}, "files": []}', f"Content-Type: {JSON_TYPE}")},
    ),
    ServerCase(
        name="page of another type",
        kind="page",
        code=4,
        answers={PAGE: http(200, b"acme", "Content-Type: image/png")},
    ),
    ServerCase(
        name="page without any file",
        kind="page",
        code=3,
        answers={PAGE: json_page("acme")},
    ),
    ServerCase(
        name="files of another project",
        kind="page",
        code=3,
        answers={PAGE: json_page("acme", describe("lib-2.0-py3-none-any.whl"))},
    ),
    ServerCase(
        name="redirect to the page of another project",
        kind="page",
        code=4,
        says=("it is the page of `lib`, not of `acme`",),
        answers={PAGE: redirect("/simple/lib/")},
    ),
    ServerCase(
        name="one file with two hashes",
        kind="page",
        code=5,
        answers={
            PAGE: json_page(
                "acme",
                describe("acme-1.0-py3-none-any.whl"),
                describe("acme-1.0-py3-none-any.whl", hashes={"sha256": "0" * 64}),
            )
        },
    ),
    # Files that are not what their page promises.
    ServerCase(
        name="metadata of another project",
        kind="file",
        code=3,
        answers=_metadata("other", "1.0"),
        most_requests=8,
    ),
    ServerCase(
        name="metadata of another version",
        kind="file",
        code=3,
        answers=_metadata("acme", "2.0"),
        most_requests=8,
    ),
    ServerCase(
        name="metadata of another hash",
        kind="file",
        code=5,
        answers={PEP658: http(200, b"Name: acme\nVersion: 1.0\n")},
        most_requests=8,
        says=("acme-1.0-py3-none-any.whl",),
    ),
    ServerCase(
        name="wheel of another hash",
        kind="file",
        code=5,
        most_requests=8,
        answers={PAGE: acme(hashes={"sha256": "0" * 64}, **NO_METADATA)},
        says=("acme-1.0-py3-none-any.whl",),
    ),
    ServerCase(
        name="wheel that is none",
        kind="file",
        code=5,
        most_requests=8,
        answers={PAGE: acme(**NO_METADATA), WHEEL: http(200, b"no zip" * 10)},
    ),
    ServerCase(
        name="wheel with two METADATA",
        kind="file",
        code=3,
        most_requests=8,
        answers={
            PAGE: acme(
                size=len(TWO_METADATA), hashes={"sha256": hashlib.sha256(TWO_METADATA).hexdigest()}, **NO_METADATA
            ),
            WHEEL: http(200, TWO_METADATA),
        },
        says=("acme-1.0-py3-none-any.whl",),
    ),
    ServerCase(
        name="whole file in place of a part",
        kind="file",
        code=0,
        answers={PAGE: acme(**NO_METADATA), WHEEL: http(200, FILES["acme-1.0-py3-none-any.whl"])},
        most_requests=8,
    ),
    ServerCase(
        name="part of other bytes",
        kind="file",
        code=0,
        most_requests=8,
        answers={
            PAGE: acme(**NO_METADATA),
            WHEEL: lambda request: (
                http(206, b"x" * 10, "Content-Range: bytes 5-14/9999")
                if "range" in request.headers
                else http(200, FILES["acme-1.0-py3-none-any.whl"])
            ),
        },
    ),
    ServerCase(
        name="file that changes while it is read",
        kind="file",
        code=4,
        most_requests=12,
        answers={PAGE: acme(size=None, hashes={}, **NO_METADATA), WHEEL: _changing},
    ),
    ServerCase(
        name="status 200 for a file that is a page",
        kind="file",
        code=3,
        most_requests=12,
        answers={PAGE: acme(hashes={}, size=None, **NO_METADATA), WHEEL: html_page("<body>gone</body>")},
    ),
    ServerCase(name="negative size", kind="page", code=0, answers={PAGE: acme(size=-5)}),
    ServerCase(name="size of a million digits", kind="page", code=0, answers={PAGE: acme(size=10**4000)}),
    ServerCase(
        name="headers that are no text",
        kind="protocol",
        code=0,
        answers={PAGE: json_page("acme", describe("acme-1.0-py3-none-any.whl"), headers=("X-Name: \u00e9\u00ff",))},
    ),
    ServerCase(
        name="status 304 without a condition",
        kind="protocol",
        code=4,
        answers={PAGE: http(304, b"")},
        most_requests=6,
    ),
    ServerCase(
        name="file name that is a path",
        kind="page",
        code=3,
        answers={
            PAGE: json_page("acme", describe("acme-1.0-py3-none-any.whl", filename="../../acme-1.0-py3-none-any.whl"))
        },
    ),
    ServerCase(
        name="two types",
        kind="protocol",
        code=4,
        answers={PAGE: html_page("<body>x</body>", f"Content-Type: {JSON_TYPE}")},
    ),
    ServerCase(
        name="many headers",
        kind="protocol",
        code=4,
        most_requests=6,
        answers={PAGE: _raw("HTTP/1.1 200 OK\n") + b"X: y\r\n" * 100_000},
    ),
    ServerCase(
        name="line break in a target",
        kind="redirect",
        code=3,
        answers={PAGE: http(302, b"", "Location: /simple/lib/%0d%0aX-Injected:%20yes")},
    ),
)
