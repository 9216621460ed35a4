"""Whether a host is on this machine or in a private network: metadata from elsewhere must not lead there.

In: a host or the text of a URL. Out: yes or no, by the host as it is written; the address of a name is not looked up.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

__all__ = ["is_loopback", "is_private_host"]

_NUMBER = re.compile(r"0x[0-9a-f]+|[0-9]+")
_DOCUMENTATION = tuple(
    map(ipaddress.ip_network, ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32"))
)
"""Networks that no machine has (RFC 5737, RFC 3849): filtering proxies answer with them in place of public hosts."""
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")
"""IPv6 addresses that stand for an IPv4 address in their last 32 bits (RFC 6052)."""


def is_private_host(url: str) -> bool:
    """Whether the URL's host is a loopback, link-local, private or otherwise special address, or a name of one."""
    try:
        host = (urlsplit(url).hostname or "").rstrip(".").lower()
    except ValueError:
        return True  # What cannot be read is not followed.
    if not host or host == "localhost" or host.endswith((".localhost", ".local", ".internal")):
        return True
    address = _parse_address(host)
    if address is None:
        return False
    address = _find_inner(address)
    is_public = address.is_global or any(address in network for network in _DOCUMENTATION)
    return address.is_multicast or not is_public


def is_loopback(host: str) -> bool:
    """Whether the host is this machine, by its name or its address as written."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _find_inner(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The IPv4 address that an IPv6 address stands for, else the address."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _TRANSLATED:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address


def _parse_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that a host is, in any of the spellings that the C library reads (`127.1`, `0x7f000001`)."""
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        pass
    parts = host.split(".")
    if len(parts) > 4 or not all(_NUMBER.fullmatch(part) for part in parts):
        return None
    *first, last = (_read_number(part) for part in parts)
    value = sum(part << 8 * (3 - place) for place, part in enumerate(first)) + last
    return ipaddress.IPv4Address(value % (1 << 32))


def _read_number(text: str) -> int:
    if text.startswith("0x"):
        return int(text, 16)
    is_octal = text.startswith("0") and not set(text) & set("89")
    return int(text, 8) if is_octal else int(text)
