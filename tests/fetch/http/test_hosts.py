from __future__ import annotations

import pytest

from resolver.errors import FetchError
from resolver.fetch.http.hosts import HostGuard


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
def test_private_host_is_refused_without_asking_for_its_address(host: str) -> None:
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
