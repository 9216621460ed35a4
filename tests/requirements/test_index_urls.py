from __future__ import annotations

import ipaddress

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from resolver.requirements.index_urls import is_link_local, is_private_host
from resolver.requirements.requirement_list import parse_requirement_file, parse_requirement_list
from resolver.requirements.scopes import ScopeRules
from tests.requirements.lists import report

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
        *(
            "[fe80::1%25eth0]",
            "me@127.0.0.1",
            "127.0.0.1:8080",
            "[::127.0.0.1]",
            "[2002:7f00:1::]",
            "[64:ff9b::7f00:1]",
        ),
        *(
            "[64:ff9b:1::1]",
            "[2001:0:4136:e378:8000:63bf:80ff:fffe]",
            "[2001:db8::5efe:10.0.0.1]",
            "[::ffff:0:10.0.0.1]",
        ),
        *(
            "１２７.0.0.1",
            "127。0。0。1",
            "①②⑦.0.0.1",
            "%31%32%37.0.0.1",
            "ｌocalhost",
            "ip6-localhost",
            "a.localdomain",
        ),
        *("168.63.129.16", "100.100.100.200", "instance-data"),
    ],
)
def test_host_on_this_machine_or_in_a_private_network_is_private(host: str) -> None:
    assert is_private_host(f"https://{host}/a.whl")


@pytest.mark.parametrize(
    "host",
    [
        *("files.example", "8.8.8.8", "1.1.1.1:443", "[2606:4700::1111]", "10.example", "127.0.0.1.example", "local"),
        *("[2002:808:808::1]", "[64:ff9b::808:808]", "[::ffff:8.8.8.8]", "bücher.example"),
    ],
)
def test_any_other_host_is_not(host: str) -> None:
    assert not is_private_host(f"https://{host}/a.whl")


@pytest.mark.parametrize(
    "host",
    [
        *("169.254.169.254", "169.254.1", "2852039166", "0xa9fea9fe", "[fe80::1]", "[::ffff:169.254.169.254]"),
        *(
            "[2002:a9fe:a9fe::]",
            "[64:ff9b::a9fe:a9fe]",
            "metadata.google.internal.",
            "[fd00:ec2::254]",
            "100.100.100.200",
        ),
    ],
)
def test_link_local_addresses_and_metadata_services_are_told_apart_in_every_spelling(host: str) -> None:
    assert is_link_local(f"http://{host}/latest/meta-data/")
    assert is_private_host(f"http://{host}/latest/meta-data/")


@pytest.mark.parametrize("host", ["127.0.0.1", "10.0.0.1", "[::1]", "[fd00::1]", "8.8.8.8", "files.example"])
def test_other_hosts_are_not_link_local(host: str) -> None:
    assert not is_link_local(f"http://{host}/a.whl")


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


@given(st.ip_addresses(v=4))
def test_every_ipv6_form_of_an_ipv4_address_has_its_answer(address: ipaddress.IPv4Address) -> None:
    hex_parts = f"{int(address) >> 16:x}:{int(address) & 0xFFFF:x}"
    forms = [f"::ffff:{address}", f"::ffff:0:{address}", f"64:ff9b::{address}", f"2002:{hex_parts}::1"]
    if int(address) > 1:
        forms.append(f"::{address}")
    for judge in (is_private_host, is_link_local):
        answers = {judge(f"https://{host}/a.whl") for host in (str(address), *(f"[{form}]" for form in forms))}
        assert len(answers) == 1


def test_a_relative_find_links_in_a_file_is_relative_to_that_file() -> None:
    parsed = parse_requirement_file("-f wheels\n-f ../more/\nnumpy", source="deep/er/requirements.txt")
    assert [url.public for url in parsed.entries[0].scope.find_links] == ["deep/er/wheels", "deep/more"]


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("ftp://x/", "`ftp://x/` cannot be requested\n  because `ftp:` is none of `https:`, `http:` and `file:`"),
        (
            "localhost:8080/x",
            "`localhost:8080/x` cannot be requested\n"
            "  because `localhost:` is none of `https:`, `http:` and `file:`\n"
            "  try: begin it with `https://`, if it is the name of a host",
        ),
        (
            "http://",
            "`http://` is no URL\n  because it names no host\n  try: write it in full, as in `https://host/simple/`",
        ),
        (
            "https:/x/y",
            "`https:/x/y` is no URL\n  because it names no host\n  try: write it in full, as in `https://host/simple/`",
        ),
        (
            "http://x:99999/",
            "`http://x:99999/` is no URL\n"
            "  because a port is a number from 1 to 65535\n"
            "  try: write it in full, as in `https://host/simple/`",
        ),
        (
            "http://[::1/",
            "`http://[::1/` is no URL\n"
            "  because its host is no name and no IP address\n"
            "  try: write it in full, as in `https://host/simple/`",
        ),
    ],
)
def test_url_that_nobody_can_be_asked_for_is_a_fault(url: str, message: str) -> None:
    for flag in ("-i", "--extra-index-url", "-f"):
        assert report(["numpy", flag, url], rules=ScopeRules(flag_scope="list")) == f"requirements[1]: {message}"


@pytest.mark.parametrize("url", ["https://[::1]:80/x", "file:///x", "./x", "C:/x", "https://${H}:${P}/x", "${URL}"])
def test_url_that_may_be_asked_for_is_none(url: str) -> None:
    parsed = parse_requirement_list(["numpy", "--extra-index-url", url])
    assert [str(location.position) for location in parsed.named_locations] == ["requirements[1]"]
