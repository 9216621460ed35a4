"""How hosts are reached: proxies, certificates, and the guard of private networks."""

from __future__ import annotations

import contextlib
import socket
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from resolver.errors import FetchError, RunCancelledError
from resolver.fetch.access import Access, Cancellation
from resolver.fetch.http.hosts import Addresses, HostGuard, LinkPolicy, find_proxy, open_socket
from resolver.fetch.http.wire import find_certificates
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
        "`files.example` is this machine or in a private network, and a lock alone may not cause requests to it:"
        f" https://files.example/a.whl\n  because its name resolves to {address}\n"
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


PUBLIC, INSIDE = "https://index.example/simple/", "https://10.0.0.2/simple/"


def check(url: str, page: str, **options: Any) -> None:
    """Check a link; public names have a public address unless `addresses` gives another."""
    addresses = options.pop("addresses", {})
    policy = LinkPolicy(
        options.pop("allowed", ()), find_addresses=lambda url: addresses.get(urlsplit(url).hostname, ()), **options
    )
    policy.check_link(url, page=page, sleep=lambda seconds: None)
    policy.check_redirect(url, source=page)


@pytest.mark.parametrize(
    ("url", "page"),
    [
        ("https://files.example/a.whl", PUBLIC),
        ("https://files.example/a.whl", INSIDE),
        ("http://10.0.0.2:8080/a.whl", INSIDE),
        ("https://192.168.0.1/a.whl", INSIDE),
        ("https://192.168.0.1/a.whl", "wheels/index.html"),
        ("file:///wheels/a.whl", "file:///wheels/index.html"),
    ],
)
def test_link_is_followed(url: str, page: str) -> None:
    check(url, page)


@pytest.mark.parametrize(
    ("url", "page", "what"),
    [
        ("http://127.1/a.whl", PUBLIC, "this machine or in a private network"),
        ("https://[2002:7f00:1::]/a.whl", PUBLIC, "this machine or in a private network"),
        ("http://169.254.169.254/a.whl", PUBLIC, "a link-local address or metadata service"),
        ("http://2852039166/a.whl", INSIDE, "a link-local address or metadata service"),
        ("http://[fe80::1]/a.whl", "wheels/index.html", "a link-local address or metadata service"),
        ("http://metadata.google.internal/a.whl", INSIDE, "a link-local address or metadata service"),
        ("http://10.0.0.3:99999/a.whl", PUBLIC, "this machine or in a private network"),
        ("http://[::1/a.whl", PUBLIC, "this machine or in a private network"),
    ],
)
def test_link_to_a_host_that_the_page_may_not_lead_to_is_refused(url: str, page: str, what: str) -> None:
    with pytest.raises(FetchError) as caught:
        check(url, page)
    assert str(caught.value).partition("\n")[0] == f"{page} links to {url}, which is {what}"


@pytest.mark.parametrize("page", [PUBLIC, INSIDE])
def test_link_to_a_file_is_refused_whatever_host_the_page_is_on(page: str) -> None:
    with pytest.raises(FetchError) as caught:
        check("file:///etc/a.whl", page)
    assert str(caught.value) == f"{page} links to file:///etc/a.whl, which is a file of this machine"


def test_refused_link_names_page_address_and_option() -> None:
    with pytest.raises(FetchError) as caught:
        check("https://files.example:8443/a.whl", PUBLIC, addresses={"files.example": ("93.184.215.14", "127.0.0.1")})
    assert str(caught.value) == (
        f"{PUBLIC} links to https://files.example:8443/a.whl, which is this machine or in a private network\n"
        "  because its name resolves to 93.184.215.14, 127.0.0.1\n"
        "  try: `--allow-host files.example` if it is meant to be"
    )


def test_page_with_a_public_name_is_judged_by_its_address() -> None:
    inside = {"index.example": ("10.0.0.1",), "files.example": ("10.0.0.2",)}
    check("https://files.example/a.whl", PUBLIC, addresses=inside)
    check("https://10.0.0.9/a.whl", PUBLIC, addresses=inside)
    with pytest.raises(FetchError):
        check("https://files.example/a.whl", PUBLIC, addresses={**inside, "files.example": ("169.254.169.254",)})
    with pytest.raises(FetchError):
        check("https://files.example/a.whl", PUBLIC, addresses={**inside, "index.example": ("93.184.215.14",)})


@pytest.mark.parametrize("url", ["http://10.0.0.1/a.whl", "http://169.254.169.254/a.whl"])
def test_host_that_is_allowed_or_named_is_followed(url: str) -> None:
    host = urlsplit(url).hostname or ""
    check(url, PUBLIC, allowed=(host,))
    check(url, PUBLIC, is_named=lambda named: named == url)
    with pytest.raises(FetchError):
        check(url, PUBLIC, allowed=(f"{host}:1",), is_named=lambda named: named == PUBLIC)


def test_lookup_that_fails_is_repeated_and_then_an_error() -> None:
    waits: list[float] = []

    def fail(url: str) -> tuple[str, ...]:
        raise OSError("Name or service not known")

    with pytest.raises(FetchError) as caught:
        LinkPolicy(find_addresses=fail).check_link("https://files.example/", page=PUBLIC, sleep=waits.append)
    assert str(caught.value).startswith(
        "no answer from https://files.example/ (4 times)\n  because Name or service not known\n  try: "
    )
    assert len(waits) == 3


def test_name_has_the_addresses_of_its_first_lookup(monkeypatch: pytest.MonkeyPatch) -> None:
    # A name server that answers with a public address first, and with that of this machine afterwards.
    answers = iter(("93.184.215.14", "127.0.0.1"))
    asked = []

    def look_up(host: str, *_: object, **__: object) -> list[tuple[object, ...]]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), 0))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    addresses = Addresses()
    assert addresses.find_for("https://files.example/a.whl") == ("93.184.215.14",)
    assert addresses.find("files.example") == ("93.184.215.14",)
    assert asked == ["files.example"]


def test_name_with_other_letters_is_looked_up_as_it_is_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *_, **__: [(0, 0, 0, "", (host, 0))])
    assert Addresses().find_for("https://stra\u00dfe.example/") == ("xn--strae-oqa.example",)


def test_behind_a_proxy_no_name_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setattr(socket, "getaddrinfo", never)
    assert Addresses().find_for("https://files.example/a.whl") == ()


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
