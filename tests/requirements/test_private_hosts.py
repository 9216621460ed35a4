from __future__ import annotations

import pytest

from resolver.requirements.private_hosts import is_private_host


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
