"""A lock with the URLs that a builder's credentials make of its own: for one build, never to be kept.

In: a lockfile and credentials. Out: `Hydrated`, whose text installers take as they take the lock, and a file that only
its owner can read. URLs are replaced; nothing else about the lock changes.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from lockfiles import Lockfile, dumps
from lockfiles.file_replacement import replace_file
from lockfiles.value_classes import dataclass
from resolver.artifacts.ignored_places import refuse_commitable
from resolver.errors import InputError, render_os_error, without_traceback
from resolver.fetch.credentials import Credentials, find_destination
from resolver.fetch.logins import Login
from resolver.requirements.url import Secret

__all__ = ["Hydrated", "complete_urls", "write_secret_file"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hydrated:
    """A lock with complete URLs, as TOML.

    `replaced` are the packages that have one, and such that builds install. `missing` are hosts that want credentials,
    as the lock hints, and for which there are none.
    """

    text: Secret
    replaced: tuple[str, ...]
    missing: tuple[str, ...]


def complete_urls(lockfile: Lockfile, credentials: Credentials) -> Hydrated:
    """The lock with what the credentials have for its URLs: a signature, a token, a user and password."""
    import tomli_w  # Lazy: reading locks needs no writer.

    document = tomllib.loads(dumps(lockfile))
    replaced: list[str] = []
    served: set[str] = set()
    wheels = document.get("tool", {}).get("pinfold", {}).get("build-wheels", [])
    sources = [(package["name"], source) for package in document["packages"] for source in _iter_sources(package)]
    for name, source in (*sources, *((wheel["name"], wheel) for wheel in wheels if "url" in wheel)):
        complete = _complete(source["url"], credentials)
        if complete is not None:
            served.add(_authority(source["url"]))
            source["url"] = complete
            replaced.append(name)
    hinted = () if lockfile.tool is None else lockfile.tool.credentials
    return Hydrated(
        text=Secret(tomli_w.dumps(document)),
        replaced=tuple(dict.fromkeys(replaced)),
        missing=tuple(sorted({hint for hint in hinted if hint.partition(" ")[0] not in served})),
    )


def write_secret_file(path: Path, text: Secret) -> None:
    """Put the text into a file of mode 0600, which appears at once or not at all.

    Raises InputError where it cannot be written, and where git could take it along.
    """
    refuse_commitable(path)
    # The frames of an error would hold the text.
    without_traceback(lambda: _put(path, text))


def _put(path: Path, text: Secret) -> None:
    try:
        replace_file(path, text.open_for_transport().encode(), mode=0o600)
    except OSError as error:
        raise InputError(
            f"`{path.name}` cannot be written: {render_os_error(error)}", remedy="another place, with `-o`"
        ) from None


def _iter_sources(package: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The tables of a package that have a URL of a file or a repository."""
    tables = [*package.get("wheels", ()), *(package[key] for key in ("sdist", "archive", "vcs") if key in package)]
    for table in tables:
        if "url" in table:
            yield table


def _complete(url: str, credentials: Credentials) -> str | None:
    """The URL with all that belongs to it, None where nothing does."""
    grant = credentials.find(url)
    if grant is None:
        return None
    complete = url if grant.url is None else grant.url.open_for_transport()
    return complete if grant.login is None else _with_login(complete, grant.login)


def _with_login(url: str, login: Login) -> str:
    parts = urlsplit(url)
    user = quote(login.user.open_for_transport(), safe="")
    password = quote(login.password.open_for_transport(), safe="")
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{user}{':' if password else ''}{password}@{host}"))


def _authority(url: str) -> str:
    place = find_destination(url)
    return "" if place is None else place.authority
