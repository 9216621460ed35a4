"""The transports: httpx without its command line, connections through proxies, and certificates."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from resolver.errors import FetchError
from resolver.fetch.access import Access
from resolver.fetch.http.client import HttpClient
from tests.private.leaks import spell
from tests.servers import Answer, IndexServer

_PROGRAM = """
import sys
from resolver.fetch.http.transports import httpx
print(sorted({"httpx._main", "click", "rich"} & sys.modules.keys()), callable(httpx.main))
"""


eager = pytest.mark.skipif(httpx.__name__ != "httpx", reason="httpx2 loads its command line where it is used")


@eager
def test_httpx_is_imported_without_its_command_line() -> None:
    run = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True)
    assert run.stdout == "[] True\n"


@eager
def test_an_httpx_that_was_imported_before_stays_as_it_is() -> None:
    program = "import httpx; before = httpx.main\n" + _PROGRAM + "print(httpx.main is before)"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == "True"


VARIABLES = (
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
)


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def client() -> Iterator[HttpClient]:
    client = build_client()
    yield client
    client.close()


def build_client(*, trusted_hosts: tuple[str, ...] = ()) -> HttpClient:
    return HttpClient(
        Access(trusted_hosts=trusted_hosts), user_agent="pinfold/1.0", connections=2, sleep=lambda seconds: None
    )


def fetch(client: HttpClient, url: str) -> bytes | None:
    answer = client.fetch(url, accept="*/*", limits=Access().begin(url, limit_bytes=100))
    return None if answer is None else answer.body


def test_request_goes_through_the_proxy_of_its_scheme(
    server: IndexServer, client: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", server.base_url)
    server.always["http://index.example/simple/a/"] = Answer(body=b"through the proxy")
    assert fetch(client, "http://index.example/simple/a/") == b"through the proxy"


def test_host_in_no_proxy_is_asked_directly(
    server: IndexServer, client: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server.always["/simple/a/"] = Answer(body=b"direct")
    assert fetch(client, f"{server.index_url}a/") == b"direct"


def test_proxy_of_another_kind_is_an_error_that_hides_its_password(
    client: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://user:geheim@proxy.example:1080")
    with pytest.raises(FetchError) as caught:
        fetch(client, "http://index.example/")
    assert str(caught.value) == (
        "the `socks5` proxy that the environment names for http://index.example/ cannot be used\n"
        "  try: name an `http://` proxy in `HTTPS_PROXY` and `HTTP_PROXY`"
    )
    assert caught.value.__cause__ is None


def test_proxy_that_refuses_is_an_error(
    server: IndexServer, client: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", server.base_url)
    with pytest.raises(FetchError) as caught:
        fetch(client, "https://index.example/")
    assert str(caught.value).startswith("no answer from https://index.example/\n  because the proxy: 501 ")


def test_certificate_file_that_is_missing_is_an_error(
    client: HttpClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    with pytest.raises(FetchError) as caught:
        fetch(client, "https://index.example/")
    assert str(caught.value) == (
        f"the CA certificates in {tmp_path / 'none.pem'} cannot be read\n"
        f"  because {os.strerror(errno.ENOENT)}\n"
        "  try: correct `SSL_CERT_FILE`, `SSL_CERT_DIR` or `REQUESTS_CA_BUNDLE`"
    )


def test_unknown_certificate_is_an_error(encrypted: tuple[IndexServer, Path], client: HttpClient) -> None:
    server, _ = encrypted
    with pytest.raises(FetchError) as caught:
        fetch(client, f"{server.base_url}/")
    first, second, third = str(caught.value).splitlines()
    assert first == f"the certificate of `127.0.0.1` is not trusted: {server.base_url}/"
    assert second.startswith("  because ")
    assert third == ("  try: set `SSL_CERT_FILE` to the CA certificates of your network, or `--trusted-host 127.0.0.1`")
    assert server.log == []


def test_certificate_named_by_a_variable_is_trusted(
    encrypted: tuple[IndexServer, Path], client: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, certificate = encrypted
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert fetch(client, f"{server.base_url}/") == b"encrypted"


@pytest.mark.parametrize("with_port", [False, True])
def test_trusted_host_needs_no_certificate(encrypted: tuple[IndexServer, Path], with_port: bool) -> None:
    server, _ = encrypted
    host = server.base_url.removeprefix("https://")
    client = build_client(trusted_hosts=(host if with_port else host.partition(":")[0],))
    assert fetch(client, f"{server.base_url}/") == b"encrypted"
    client.close()


def test_name_of_a_host_is_looked_up_once_for_all_connections(
    server: IndexServer, client: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    lookups: list[str] = []
    look_up = socket.getaddrinfo

    def count(host: str, *rest: Any, **options: Any) -> Any:
        lookups.append(host)
        return look_up(host, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", count)
    server.always["/a"] = Answer(body=b"x", cut=True)
    server.always["/b"] = Answer(body=b"x")
    url = server.base_url.replace("127.0.0.1", "localhost")
    assert fetch(client, f"{url}/b") == b"x"
    with pytest.raises(FetchError):
        fetch(client, f"{url}/a")
    assert fetch(client, f"{url}/b") == b"x"
    assert lookups == ["localhost"]


def test_name_of_no_host_is_an_error(client: HttpClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*rest: Any, **options: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    with pytest.raises(FetchError) as caught:
        fetch(client, "http://index.example/")
    assert str(caught.value) == (
        "no answer from http://index.example/ (4 times)\n  because [Errno -2] Name or service not known\n"
        "  try: check the host's name and the network, or set `HTTPS_PROXY` if this network needs a proxy"
    )


def test_password_of_a_proxy_is_in_no_frame_of_an_error(
    server: IndexServer, client: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", server.base_url.replace("//", "//user:canary-Zq9@"))
    with pytest.raises(FetchError) as caught:
        fetch(client, "https://index.example/")
    shown = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert "because the proxy: 501 " in shown
    assert not any(spelling.decode() in shown for spelling in spell("canary-Zq9"))
