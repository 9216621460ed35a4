from __future__ import annotations

import pytest

from resolver.requirements.private_hosts import is_private_host


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.1", "0x7f000001", "2130706433", "0177.0.0.1", "localhost", "a.localhost", "localhost."),
        *("10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"),
        *("[::1]", "[::]", "[fe80::1]", "[fd00::1]", "[::ffff:10.0.0.1]", "[64:ff9b::a00:1]"),
        *("printer.local", "metadata.google.internal", ""),
    ],
)
def test_hosts_of_this_machine_and_its_network_are_private(host: str) -> None:
    assert is_private_host(f"https://{host}/a.whl")


@pytest.mark.parametrize(
    "host",
    ["files.example", "8.8.8.8", "[2606:4700::1]", "203.0.113.80", "[64:ff9b::808:808]", "10.0.0.1.files.example"],
)
def test_hosts_of_the_public_network_are_not(host: str) -> None:
    assert not is_private_host(f"https://{host}:8443/a.whl")


def test_url_that_cannot_be_read_counts_as_private() -> None:
    assert is_private_host("https://[broken/")
