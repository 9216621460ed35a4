"""How hosts are reached: proxies, certificates, and the guard of private networks."""

from __future__ import annotations

import contextlib
import socket
import sys
from pathlib import Path

import pytest

from resolver.errors import FetchError, RunCancelledError
from resolver.fetch.access import Access, Cancellation
from resolver.fetch.http.hosts import HostGuard, find_certificates, find_proxy, open_socket
from tests.fetch.http.test_transports import VARIABLES


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def never() -> tuple[str, ...]:
    raise AssertionError("nobody may be asked")


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "0x7f000001",
        "2130706433",
        "localhost",
        "x.localhost",
        "[::1]",
        "[::ffff:10.0.0.1]",
        "[fe80::1]",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.0.1",
        "169.254.169.254",
        "0.0.0.0",
        "metadata.google.internal",
    ],
)
def test_private_host_is_refused_without_a_lookup_of_its_address(host: str) -> None:
    with pytest.raises(FetchError):
        HostGuard().check(f"https://{host}/a.whl", find_addresses=never)


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "::1", "fd00::1", "169.254.169.254"])
def test_public_name_of_a_private_address_is_refused(address: str) -> None:
    with pytest.raises(FetchError) as caught:
        HostGuard().check("https://files.example/a.whl", find_addresses=lambda: ("93.184.215.14", address))
    assert str(caught.value) == (
        "`files.example` is this machine or in a private network, and a lock does not decide who is asked there:"
        f" https://files.example/a.whl\n  because its name stands for {address}\n"
        "  try: `--allow-host files.example` if it is meant to be"
    )


def test_public_host_passes() -> None:
    HostGuard().check("https://files.example/a.whl", find_addresses=lambda: ("93.184.215.14", "2606:2800::1"))


@pytest.mark.parametrize("allowed", ["10.0.0.1", "10.0.0.1:8443", " 10.0.0.1 "])
def test_allowed_host_passes(allowed: str) -> None:
    HostGuard([allowed]).check("https://10.0.0.1:8443/a.whl", find_addresses=never)


@pytest.mark.parametrize("allowed", ["10.0.0.2", "10.0.0.1:443", "0.0.0.1", "*"])
def test_another_allowed_host_does_not_help(allowed: str) -> None:
    with pytest.raises(FetchError):
        HostGuard([allowed]).check("https://10.0.0.1:8443/a.whl", find_addresses=never)


@pytest.mark.parametrize("url", ["https:///a.whl", "ext::sh -c x", "git@git.example:o/r", "https://[::1/a.whl"])
def test_url_without_a_host_is_refused_whatever_is_allowed(url: str) -> None:
    with pytest.raises(FetchError) as caught:
        HostGuard([""]).check(url, find_addresses=never)
    assert str(caught.value) == f"`{url}` is no URL that can be asked for: it names no host"


@pytest.mark.parametrize(
    ("variables", "proxy"),
    [
        ({}, None),
        ({"HTTPS_PROXY": "http://proxy.example:3128"}, "http://proxy.example:3128"),
        ({"https_proxy": "proxy.example:3128"}, "http://proxy.example:3128"),
        ({"ALL_PROXY": "http://proxy.example"}, "http://proxy.example"),
        ({"HTTP_PROXY": "http://proxy.example"}, None),
        ({"HTTPS_PROXY": "http://proxy.example", "NO_PROXY": "other.example"}, "http://proxy.example"),
        ({"HTTPS_PROXY": "http://proxy.example", "NO_PROXY": ".example"}, None),
        ({"HTTPS_PROXY": "http://proxy.example", "NO_PROXY": "*"}, None),
        ({"HTTPS_PROXY": ""}, None),
    ],
)
def test_proxy_follows_the_variables(
    variables: dict[str, str], proxy: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    found = find_proxy("https", "index.example", None)
    assert (None if found is None else str(found)) == proxy


def test_certificates_follow_the_variables_and_not_pip(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PIP_CERT", "pip.pem")
    assert find_certificates() == (None, None)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path))
    assert find_certificates() == (None, str(tmp_path))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "bundle.pem")
    assert find_certificates() == ("bundle.pem", None)
    monkeypatch.setenv("SSL_CERT_FILE", "file.pem")
    monkeypatch.setenv("SSL_CERT_DIR", "folder")
    assert find_certificates() == ("file.pem", "folder")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a full queue of connections refuses the next one")
@pytest.mark.parametrize("ends_by", ["run", "answer"])
def test_connecting_to_a_host_that_never_accepts_ends_with_the_run(ends_by: str) -> None:
    access = Access(timeout_s=0.5) if ends_by == "answer" else Access(cancellation=Cancellation(after_s=0.5))
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, contextlib.ExitStack() as waiting:
        port = listener.getsockname()[1]
        for _ in range(3):
            one = waiting.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        expected = FetchError if ends_by == "answer" else RunCancelledError
        with pytest.raises(expected):
            open_socket(("127.0.0.1",), port, limits=access.begin("http://index.example/", limit_bytes=1))
