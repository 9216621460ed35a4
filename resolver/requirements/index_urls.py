"""URLs that requests are sent to: the form of an index or find-links location, and whether a host is private.

In: the value of `--index-url`, `--extra-index-url` or `--find-links`, or the URL of a setting. Out: `Url`, or a refusal
that names the right flag for a page of links given as an index, or an index given as a page of links.

In: the text of a URL or a host. Out: whether it is this machine or in a private network, where metadata of public hosts
must not lead. Only the written host is examined: nothing is looked up in DNS, and no request is sent.
"""

from __future__ import annotations

import ipaddress
import posixpath
import re
from collections.abc import Iterator, Mapping
from urllib.parse import unquote, urljoin, urlsplit

from lockfiles._values import compile_later
from lockfiles.errors import parser_boundary
from resolver.errors import Position
from resolver.requirements.flags import FaultCollector, FlagUse, Refusal
from resolver.requirements.url import VARIABLE, Url, find_illegal_character, parse_url

__all__ = [
    "check_characters",
    "check_host",
    "is_link_local",
    "is_loopback",
    "is_private_host",
    "parse_index_url",
    "parse_location",
]

# Two letters at least: `C:` is a drive of Windows.
_SCHEME = compile_later(r"[A-Za-z][A-Za-z0-9+.-]+:")
_PAGE_OR_FILE = compile_later(r"\.(html?|whl|zip|tar\.gz|tgz)$", re.IGNORECASE)
# An index of PyTorch, whose URL does not end in `/simple` as those of most indexes do.
_PYTORCH_INDEX = compile_later(
    r"https?://download\.pytorch\.org/whl/(?:(?:nightly|test)/)?(?:cu\d+|cpu|xpu|rocm[\d.]+)/?", re.IGNORECASE
)
# A release on GitHub, by its page or the folder of its files: the repository, the tag.
_RELEASE_FOLDER = compile_later(
    r"(https?://github\.[^/]+/[^/?]+)(/[^/?]+)?/releases/(?:download|tag)/([^/?]+(?:/[^/?]+)*?)/?", re.IGNORECASE
)
_ADDRESS_NUMBER = compile_later(r"0x[0-9a-f]+|[0-9]+")
_DOCUMENTATION_NETWORKS = tuple(
    map(ipaddress.ip_network, ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32"))
)
"""Networks for documentation (RFC 5737, RFC 3849), which count as public.

No machine has such an address, but filtering proxies resolve public hosts to them.
"""
_IPV4_NETWORKS = tuple(map(ipaddress.IPv6Network, ("64:ff9b::/96", "::/96", "::ffff:0:0/96", "::ffff:0:0:0/96")))
"""IPv6 addresses that hold an IPv4 address in their last 32 bits (RFC 6052, RFC 4291, RFC 2765)."""
_ISATAP_MARKS = frozenset({0x00005EFE, 0x02005EFE})
"""The 32 bits before the IPv4 address at the end of an ISATAP address (RFC 5214)."""
_6TO4_NETWORK = ipaddress.IPv6Network("2002::/16")
_LOCAL_NAT64_NETWORK = ipaddress.IPv6Network("64:ff9b:1::/48")
"""Addresses whose translation is the network's own matter (RFC 8215)."""
_LINK_LOCAL_NETWORKS = tuple(map(ipaddress.ip_network, ("169.254.0.0/16", "fe80::/10", "fec0::/10")))
_METADATA_ADDRESSES = frozenset(
    map(ipaddress.ip_address, ("100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254"))
)
"""Metadata services of clouds that are not at a link-local address. They give credentials of the machine."""
_METADATA_NAMES = frozenset(
    {"metadata.google.internal", "metadata.goog", "instance-data.ec2.internal", "instance-data"}
)
_LOCAL_NAMES = frozenset({"localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback", "broadcasthost"})
_LOCAL_ENDINGS = (".localhost", ".local", ".internal", ".localdomain")


@parser_boundary(lambda reason: Refusal(f"the URL: {reason}"), own=Refusal)
def parse_location(use: FlagUse, variables: Mapping[str, str]) -> Url:
    """The URL that a flag names. A relative path or URL in a file starts at the folder of that file.

    Raises Refusal for a value that is no URL, or that belongs to another flag.
    """
    value = use.value
    if re.search(r"\s", value) and _SCHEME.match(value):
        raise Refusal(f"the value of `{use.flag.name}` holds a space", remedy="write `%20` for a space in a URL")
    # `user:password@host/…`: it must not be read as a path, which messages would show.
    if re.match(r"[^\s/@\\:]*+:[^\s/@]*+@", value):
        raise Refusal(f"`{value}` looks like a URL without its scheme", remedy="begin it with `https://`")
    if "://" in value and not _SCHEME.match(value) and not value.startswith("${"):
        raise Refusal(f"`{value}` is a path that holds a URL", remedy="write the URL alone")
    if use.folder and not _SCHEME.match(value) and not value.startswith("${"):
        base = f"{use.folder}/"
        value = urljoin(base, value) if "://" in base else posixpath.normpath(posixpath.join(base, value))
    url = parse_url(value, variables=variables)
    _check_request_form(url)
    if use.flag.name == "--find-links":
        _check_find_links(url)
    else:
        _check_index(url, use)
    return url


def parse_index_url(text: str, *, position: Position, variables: Mapping[str, str]) -> Url:
    """The URL of an index that a setting names. Raises ListError, with `position` as the place of the fault."""
    # Unlike a flag, a setting may name a page of links: only the form of the URL is checked.
    url = parse_url(text, variables=variables)
    faults = FaultCollector()
    try:
        _check_request_form(url)
    except Refusal as refusal:
        faults.add(position, refusal)
    faults.raise_if_any()
    return url


def check_characters(url: Url) -> None:
    """Raise Refusal for a URL with a character that could end a line or token where the URL is written.

    Paths on disk may hold any character.
    """
    if "://" in url.public and not url.public.startswith("file:") and (flaw := find_illegal_character(url)):
        raise Refusal(f"`{url}` holds {flaw}", remedy="percent-encode it, if it belongs there")


def check_host(url: Url) -> None:
    """Raise Refusal for a URL with an invalid host or port. One with an unset variable is left to later stages."""
    if not VARIABLE.search(url.public) and (why := _find_host_flaw(url.public)):
        raise Refusal(f"`{url}` is no URL", why=why, remedy="write it in full, as in `https://host/path`")


def is_private_host(url: str) -> bool:
    """Whether the URL's host is a loopback, link-local, private or other special address, or a name for one.

    A URL that cannot be parsed counts as private, so that no request follows it.
    """
    host = _read_host(url)
    if not host or host in _LOCAL_NAMES or host.endswith(_LOCAL_ENDINGS) or is_link_local(url):
        return True
    address = _parse_address(host)
    return address is not None and any(_is_private_address(one) for one in _iter_addresses(address))


def is_link_local(url: str) -> bool:
    """Whether the URL's host is a link-local address, or an address or name of a cloud's metadata service.

    Such a host gives credentials to whatever program of this machine sends a request, so no page leads there, not even
    that of a private index.
    """
    host = _read_host(url)
    address = _parse_address(host) if host else None
    if address is None:
        return host in _METADATA_NAMES
    return any(
        one in _METADATA_ADDRESSES or any(one in network for network in _LINK_LOCAL_NETWORKS)
        for one in _iter_addresses(address)
    )


def is_loopback(host: str) -> bool:
    """Whether the host is this machine, by its name or its address as written."""
    # No other spellings here: this decides where credentials may go without TLS, so an unusual one counts as remote.
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _check_request_form(url: Url) -> None:
    """Raise Refusal for a URL that cannot be requested. Paths and unset variables are left to later stages."""
    check_characters(url)
    if VARIABLE.search(url.public) or not (scheme := _SCHEME.match(url.public)):
        return
    if scheme[0].lower() not in ("https:", "http:", "file:"):
        raise Refusal(
            f"`{url}` cannot be requested",
            why=f"`{scheme[0]}` is none of `https:`, `http:` and `file:`",
            remedy="begin it with `https://`, if it is the name of a host" if "://" not in url.public else "",
        )
    if scheme[0].lower() != "file:" and (why := _find_host_flaw(url.public)):
        raise Refusal(f"`{url}` is no URL", why=why, remedy="write it in full, as in `https://host/simple/`")


def _find_host_flaw(text: str) -> str:
    """What is wrong with the host or port of a URL; empty for a valid one."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return "its host is no name and no IP address"
    try:
        if parts.port == 0:
            return "a port is a number from 1 to 65535"
    except ValueError:
        return "a port is a number from 1 to 65535"
    return "" if parts.hostname else "it names no host"


def _check_index(url: Url, use: FlagUse) -> None:
    """Raise Refusal for a URL whose path ends like a page of links or a file."""
    if match := _PAGE_OR_FILE.search(_find_path(url)):
        form = "a page of links" if match[1].lower().startswith("htm") else "a file"
        raise Refusal(
            f"`{url}` is {form}, not an index",
            why=f"`{use.flag.name}` takes the URL under which each project has a page of its own",
            remedy=f"write `--find-links {url}`",
        )


def _check_find_links(url: Url) -> None:
    """Raise Refusal for a URL that has the form of an index."""
    _check_release_folder(url)
    if _find_path(url).rstrip("/").endswith("/simple") or _PYTORCH_INDEX.fullmatch(url.public):
        raise Refusal(
            f"`{url}` is an index, not a page of links",
            why="`--find-links` takes a page or folder that lists files themselves",
            remedy=f"write `--extra-index-url {url}`",
        )


def _check_release_folder(url: Url) -> None:
    """Raise Refusal for the folder of a GitHub release, which lists no files: GitHub has another page for that."""
    match = _RELEASE_FOLDER.fullmatch(url.public)
    if match is not None:
        raise Refusal(
            f"`{url}` lists no files",
            why="GitHub gives single assets there, and has their list on another page",
            remedy=f"write `--find-links {match[1]}{match[2] or '/PROJECT'}/releases/expanded_assets/{match[3]}`",
        )


def _find_path(url: Url) -> str:
    """The path of a URL; the whole text if it cannot be parsed."""
    try:
        return urlsplit(url.public).path
    except ValueError:
        return url.public


def _read_host(url: str) -> str:
    """The host of a URL as the system would look it up; empty for a URL without one.

    Other digits than those of ASCII and other full stops are mapped to ASCII, as IDNA (UTS 46) does, and escapes are
    decoded, as curl does.
    """
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return ""
    if "%" in host and ":" not in host:
        host = unquote(host)
    if not host.isascii():
        # Lazy: nearly all hosts are ASCII.
        import unicodedata

        host = re.sub("[\u3002\uff0e\uff61]", ".", unicodedata.normalize("NFKC", host))
    return host.rstrip(".").lower()


def _is_private_address(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether an address is none of the public network; those of documents count as public.

    So do those of 6to4, which hold an IPv4 address that is judged by itself: Python 3.13 calls them private.
    """
    is_public = address.is_global or any(address in network for network in _DOCUMENTATION_NETWORKS)
    is_public = is_public or address in _6TO4_NETWORK
    return address.is_multicast or not is_public or address in _LOCAL_NAT64_NETWORK


def _parse_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that a host is, in any spelling that `inet_aton` of the C library accepts (`127.1`, `0x7f000001`).

    None for a name. The spellings matter because the system would connect to such a host.
    """
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        pass
    parts = host.split(".")
    if len(parts) > 4 or not all(_ADDRESS_NUMBER.fullmatch(part) for part in parts):
        return None
    # The last part fills all bytes that are left: `127.1` is `127.0.0.1`.
    *first, last = (_parse_address_number(part) for part in parts)
    value = sum(part << 8 * (3 - place) for place, part in enumerate(first)) + last
    return ipaddress.IPv4Address(value % (1 << 32))


def _parse_address_number(text: str) -> int:
    """A part of an IPv4 address: hexadecimal after `0x`, octal after `0`, else decimal, as in C."""
    if text.startswith("0x"):
        return int(text, 16)
    is_octal = text.startswith("0") and not set(text) & set("89")
    return int(text, 8) if is_octal else int(text)


def _iter_addresses(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> Iterator[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    """The addresses that a request may reach: the IPv4 address inside an IPv6 address, else the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        yield address
        return
    last = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    # `::` and `::1` are addresses of their own.
    if int(address) > 1 and any(address in network for network in _IPV4_NETWORKS):
        yield last
        return
    if (int(address) >> 32) & 0xFFFFFFFF in _ISATAP_MARKS:
        yield last
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo
    yield address
