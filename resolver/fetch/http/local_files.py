"""Indexes and find-links locations on disk (`file:` URLs and plain paths), in the form of responses of a server.

In: a URL or path that the list names. Out: the HTML page that a server would have sent (`LocalPage`), the `file:` URLs
of a folder (`LocalFolder`), or size and hashes of a file; a FetchError where a folder or file that the user names is
missing or cannot be read.

A module of its own, because no request is made here and nothing of a client is imported: local files are read again in
each run and are in no cache.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from lockfiles._files import open_regular, read_regular
from lockfiles._values import compile_later, dataclass
from resolver.errors import FetchError

if TYPE_CHECKING:
    from resolver.fetch.http.responses import Download

__all__ = ["LocalFolder", "describe_file", "find_local_path", "read_local_index", "read_local_links"]

_SCHEME = compile_later(r"[a-zA-Z][a-zA-Z0-9+.-]+:")
"""Two letters or more: `C:\\wheels` is a path."""
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalPage:
    """An HTML page from disk; `url` is what its links are relative to."""

    url: str
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalFolder:
    """A folder that is used as a page: the `file:` URLs of its files, in the order of their names."""

    urls: tuple[str, ...]


def find_local_path(url: str) -> Path | None:
    """The path that a `file:` URL or plain path names; None for a URL of any other scheme."""
    # RFC 8089: the host of a `file:` URL is empty or `localhost`; any other is a network share of Windows.
    if url[:5].lower() == "file:":
        # Lazy: it takes 10 ms, and most lists have no local location.
        from urllib.parse import urlsplit
        from urllib.request import url2pathname

        parts = urlsplit(url)
        host = "" if parts.netloc in ("", "localhost") else f"//{parts.netloc}"
        return Path(url2pathname(f"{host}{parts.path}"))
    return None if _SCHEME.match(url) else Path(url)


def read_local_index(index: Path, name: str) -> LocalPage | LocalFolder | None:
    """The page of a project in a folder laid out as PEP 503 describes: `name/index.html`, or just the files of `name/`.

    None where the index lacks the project. Raises FetchError where there is no such index, or the page is unreadable.
    """
    folder = index / name
    page = folder / "index.html"
    if page.is_file():
        return LocalPage(url=page.absolute().as_uri(), body=_read(page))
    if folder.is_dir():
        return _list_folder(folder)
    if not index.is_dir():
        raise FetchError(f"there is no folder {index}, which is named as an index", url=index.absolute().as_uri())
    return None


def read_local_links(path: Path) -> LocalPage | LocalFolder:
    """A find-links location on disk: a folder of files, or one HTML page. Raises FetchError where it is neither."""
    if path.is_dir():
        return _list_folder(path)
    if path.is_file():
        return LocalPage(url=path.absolute().as_uri(), body=_read(path))
    raise FetchError(
        f"there is no file or folder {path}, which is named for `--find-links`", url=path.absolute().as_uri()
    )


def describe_file(path: Path, *, algorithms: Iterable[str] = ()) -> Download:
    """Size and hashes of a file, as of a download. Raises FetchError where the file cannot be read."""
    # Lazy: a warm run hashes no file.
    from resolver.fetch.http.responses import hash_chunks

    try:
        with open_regular(path) as file:
            return hash_chunks(iter(lambda: file.read(_CHUNK_BYTES), b""), algorithms=algorithms)
    except OSError as error:
        raise _unreadable(path, error) from error


def _list_folder(folder: Path) -> LocalFolder:
    """The files of a folder, without its subfolders. Raises FetchError where it cannot be read."""
    base = folder.absolute()
    try:
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries if entry.is_file())
    except OSError as error:
        raise _unreadable(folder, error) from error
    return LocalFolder(urls=tuple((base / name).as_uri() for name in names))


def _read(path: Path) -> bytes:
    """The content of a file. Raises FetchError where it cannot be read."""
    # Lazy, as in `describe_file`: few lists have a page on disk.
    from resolver.fetch.http.freshness import PAGE_LIMIT_BYTES

    try:
        return read_regular(path, limit_bytes=PAGE_LIMIT_BYTES)
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> FetchError:
    """The error for a file or folder that cannot be read."""
    return FetchError(f"{path} cannot be read", why=f"{error.strerror}", url=path.absolute().as_uri())
