"""The URL of an index or a find-links location, with the two told apart by their look.

In: the value of `--index-url`, `--extra-index-url` or `--find-links`. Out: `Url`, or a refusal where a page of links
is given as an index, or an index as a page of links.

Whether a host is on this machine or in a private network: metadata from elsewhere must not lead there.

In: a host or the text of a URL. Out: yes or no, by the host as it is written; the address of a name is not looked up.
"""

from __future__ import annotations

import ipaddress
import posixpath
import re
from collections.abc import Mapping
from urllib.parse import urljoin, urlsplit

from resolver.errors import Position
from resolver.requirements.flags import FaultCollector, FlagUse, Refusal
from resolver.requirements.url import VARIABLE, Url, find_illegal_character, parse_url

__all__ = [
    "check_characters",
    "check_host",
    "is_loopback",
    "is_private_host",
    "parse_index_url",
    "parse_location",
]


_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
_PAGE_OR_FILE = re.compile(r"\.(html?|whl|zip|tar\.gz|tgz)$", re.IGNORECASE)
_PYTORCH_INDEX = re.compile(
    r"https?://download\.pytorch\.org/whl/(?:(?:nightly|test)/)?(?:cu\d+|cpu|xpu|rocm[\d.]+)/?", re.IGNORECASE
)
_RELEASE_FOLDER = re.compile(
    r"(https?://github\.[^/]+/[^/?]+)(/[^/?]+)?/releases/(?:download|tag)/([^/?]+(?:/[^/?]+)*?)/?", re.IGNORECASE
)


def parse_location(use: FlagUse, variables: Mapping[str, str]) -> Url:
    """The URL that a flag names. A relative one in a file is taken from the folder of that file."""
    value = use.value
    if re.search(r"\s", value) and _SCHEME.match(value):
        raise Refusal(f"the value of `{use.flag.name}` holds a space", remedy="write `%20` for a space in a URL")
    if re.match(r"[^\s/@\\]*:[^\s/@]*@", value):
        raise Refusal(f"`{value}` looks like a URL without its scheme", remedy="begin it with `https://`")
    if "://" in value and not _SCHEME.match(value) and not value.startswith("${"):
        raise Refusal(f"`{value}` is a path that holds a URL", remedy="write the URL alone")
    if use.folder and not _SCHEME.match(value) and not value.startswith("${"):
        base = f"{use.folder}/"
        value = urljoin(base, value) if "://" in base else posixpath.normpath(posixpath.join(base, value))
    url = parse_url(value, variables=variables)
    _check_form(url)
    if use.flag.name == "--find-links":
        _check_find_links(url)
    else:
        _check_index(url, use)
    return url


def parse_index_url(text: str, *, position: Position, variables: Mapping[str, str]) -> Url:
    """The URL of an index that a setting names. Raises ListError."""
    url = parse_url(text, variables=variables)
    faults = FaultCollector()
    try:
        _check_form(url)
    except Refusal as refusal:
        faults.add(position, refusal)
    faults.raise_if_any()
    return url


def check_characters(url: Url) -> None:
    """Refuse a URL that could add a line to whatever it is written to. Paths on disk may hold any character."""
    if "://" in url.public and not url.public.startswith("file:") and (flaw := find_illegal_character(url)):
        raise Refusal(f"`{url}` holds {flaw}", remedy="percent-encode it, if it belongs there")


def check_host(url: Url) -> None:
    """Refuse a URL whose host or port is none. One with a variable that is not set is for later stages."""
    if not VARIABLE.search(url.public) and (why := _find_flaw(url.public)):
        raise Refusal(f"`{url}` is no URL", why=why, remedy="write it in full, as in `https://host/path`")


def _check_form(url: Url) -> None:
    """Refuse a URL that nobody can be asked for. Paths, and variables that are not set, are for later stages."""
    check_characters(url)
    if VARIABLE.search(url.public) or not (scheme := _SCHEME.match(url.public)):
        return
    if scheme[0].lower() not in ("https:", "http:", "file:"):
        raise Refusal(
            f"`{url}` cannot be asked",
            why=f"`{scheme[0]}` is none of `https:`, `http:` and `file:`",
            remedy="begin it with `https://`, if it is the name of a host" if "://" not in url.public else "",
        )
    if scheme[0].lower() != "file:" and (why := _find_flaw(url.public)):
        raise Refusal(f"`{url}` is no URL", why=why, remedy="write it in full, as in `https://host/simple/`")


def _find_flaw(text: str) -> str:
    """What is wrong with the host of a URL; empty where nothing is."""
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
    if match := _PAGE_OR_FILE.search(_path(url)):
        form = "a page of links" if match[1].lower().startswith("htm") else "a file"
        raise Refusal(
            f"`{url}` is {form}, not an index",
            why=f"`{use.flag.name}` takes the URL under which each project has a page of its own",
            remedy=f"write `--find-links {url}`",
        )


def _check_find_links(url: Url) -> None:
    _check_release_folder(url)
    if _path(url).rstrip("/").endswith("/simple") or _PYTORCH_INDEX.fullmatch(url.public):
        raise Refusal(
            f"`{url}` is an index, not a page of links",
            why="`--find-links` takes a page or folder that lists files themselves",
            remedy=f"write `--extra-index-url {url}`",
        )


def _check_release_folder(url: Url) -> None:
    """Refuse what lists nothing: the assets of a GitHub release are links on a page of their own."""
    match = _RELEASE_FOLDER.fullmatch(url.public)
    if match is not None:
        raise Refusal(
            f"`{url}` lists no files",
            why="GitHub gives single assets there, and has their list on another page",
            remedy=f"write `--find-links {match[1]}{match[2] or '/PROJECT'}/releases/expanded_assets/{match[3]}`",
        )


def _path(url: Url) -> str:
    try:
        return urlsplit(url.public).path
    except ValueError:
        return url.public


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
