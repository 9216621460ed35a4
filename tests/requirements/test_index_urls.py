from __future__ import annotations

import ipaddress

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from resolver.requirements.index_urls import is_private_host

DOCUMENTATION = ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")


@pytest.mark.parametrize(
    "host",
    [
        *(
            "localhost",
            "LOCALHOST.",
            "a.localhost",
            "printer.local",
            "db.internal",
            "127.0.0.1",
            "127.1",
            "127.255.0.9",
        ),
        *("2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "0.0.0.0", "0", "10.0.0.1", "172.16.5.4", "192.168.1.1"),
        *("169.254.169.254", "100.64.0.1", "[::1]", "[::]", "[fe80::1]", "[fc00::1]", "[::ffff:10.0.0.1]", "224.0.0.1"),
        *("[fe80::1%25eth0]", "me@127.0.0.1", "127.0.0.1:8080"),
    ],
)
def test_host_on_this_machine_or_in_a_private_network_is_private(host: str) -> None:
    assert is_private_host(f"https://{host}/a.whl")


@pytest.mark.parametrize(
    "host", ["files.example", "8.8.8.8", "1.1.1.1:443", "[2606:4700::1111]", "10.example", "127.0.0.1.example", "local"]
)
def test_any_other_host_is_not(host: str) -> None:
    assert not is_private_host(f"https://{host}/a.whl")


@pytest.mark.parametrize("url", ["https:///a.whl", "https://[::1/a.whl", "file:///a.whl"])
def test_url_whose_host_cannot_be_told_is_private(url: str) -> None:
    assert is_private_host(url)


@given(st.ip_addresses(v=4))
def test_every_spelling_of_an_address_has_the_same_answer(address: ipaddress.IPv4Address) -> None:
    value, parts = int(address), address.packed
    spellings = [
        str(address),
        str(value),
        hex(value),
        ".".join(hex(part) for part in parts),
        ".".join(f"0{part:o}" for part in parts),
        f"{parts[0]}.{value & 0xFFFFFF}",
        f"{parts[0]}.{parts[1]}.{value & 0xFFFF}",
        f"[::ffff:{address}]",
    ]
    assert len({is_private_host(f"https://{spelling}/a.whl") for spelling in spellings}) == 1


@given(st.ip_addresses())
def test_address_that_is_not_global_is_private(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    # No machine has one of those that stand in documents.
    assume(not any(address in ipaddress.ip_network(network) for network in DOCUMENTATION))
    host = f"[{address}]" if address.version == 6 else str(address)
    assert is_private_host(f"https://{host}/a.whl") or address.is_global
