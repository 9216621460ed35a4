"""Indexes and find-links locations on disk (`file:` URLs, plain paths), as the pages that a server would have sent."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from lockfiles._values import dataclass
from resolver.errors import FetchError

if TYPE_CHECKING:
    from resolver.fetch.http.responses import Download

__all__ = [
    "LocalFolder",
    "LocalPage",
    "describe_file",
    "find_local_path",
    "list_folder",
    "read_local_index",
    "read_local_links",
]

_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+:")
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalPage:
    """An HTML page from disk; `url` is what its links are relative to."""

    url: str
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalFolder:
    """A folder in place of a page: the `file:` URLs of its files."""

    urls: tuple[str, ...]


def find_local_path(url: str) -> Path | None:
    """The path that a `file:` URL or plain path names; None for a URL of any other scheme."""
    if url[:5].lower() == "file:":
        # Imported where it is needed: it takes 10 ms, and most lists have no local location.
        from urllib.parse import urlsplit
        from urllib.request import url2pathname

        parts = urlsplit(url)
        host = "" if parts.netloc in ("", "localhost") else f"//{parts.netloc}"
        return Path(url2pathname(f"{host}{parts.path}"))
    # `C:\wheels` is a path; a scheme has at least two letters.
    return None if _SCHEME.match(url) else Path(url)


def read_local_index(index: Path, name: str) -> LocalPage | LocalFolder | None:
    """A project's page of a folder laid out as PEP 503 says (`name/index.html`, or just its files); None without it."""
    folder = index / name
    page = folder / "index.html"
    if page.is_file():
        return LocalPage(url=page.absolute().as_uri(), body=_read(page))
    if folder.is_dir():
        return list_folder(folder)
    if not index.is_dir():
        raise FetchError(f"there is no folder {index}, which is named as an index", url=index.absolute().as_uri())
    return None


def read_local_links(path: Path) -> LocalPage | LocalFolder:
    """A find-links location on disk: a folder of files, or one HTML page."""
    if path.is_dir():
        return list_folder(path)
    if path.is_file():
        return LocalPage(url=path.absolute().as_uri(), body=_read(path))
    raise FetchError(
        f"there is no file or folder {path}, which is named for `--find-links`", url=path.absolute().as_uri()
    )


def list_folder(folder: Path) -> LocalFolder:
    """The files of a folder, in name order."""
    base = folder.absolute()
    try:
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries if entry.is_file())
    except OSError as error:
        raise FetchError(f"{folder} cannot be read", why=f"{error.strerror}", url=base.as_uri()) from error
    return LocalFolder(urls=tuple((base / name).as_uri() for name in names))


def describe_file(path: Path, *, algorithms: Iterable[str] = ()) -> Download:
    """Size and hashes, as of a download. Raises FetchError where the file cannot be read."""
    # Imported where it is needed: OpenSSL takes 4 ms, which a warm run has no use for.
    from resolver.fetch.http.responses import hash_chunks

    try:
        with path.open("rb") as file:
            return hash_chunks(iter(lambda: file.read(_CHUNK_BYTES), b""), algorithms=algorithms)
    except OSError as error:
        raise FetchError(f"{path} cannot be read", why=f"{error.strerror}", url=path.absolute().as_uri()) from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise FetchError(f"{path} cannot be read", why=f"{error.strerror}", url=path.absolute().as_uri()) from error
