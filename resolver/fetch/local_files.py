"""Indexes and find-links locations on disk (`file:` URLs, plain paths), as the pages that a server would have sent."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from resolver.errors import FetchError

__all__ = ["LocalPage", "describe_file", "find_local_path", "list_folder", "read_local_index", "read_local_links"]

_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+:")
_ARCHIVES = (".whl", ".tar.gz", ".zip", ".tar.bz2", ".tar.xz", ".tgz", ".tar")
_JSON = "application/vnd.pypi.simple.v1+json"
_HTML = "text/html"
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalPage:
    """A page from disk in the terms of HTTP; `url` is what its links are relative to."""

    url: str
    content_type: str
    body: bytes


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


def read_local_index(index: Path, name: str) -> LocalPage | None:
    """A project's page of a folder laid out as PEP 503 says (`name/index.html`, or just its files); None without it."""
    folder = index / name
    page = folder / "index.html"
    if page.is_file():
        return LocalPage(url=page.absolute().as_uri(), content_type=_HTML, body=_read(page))
    if folder.is_dir():
        return list_folder(folder, name)
    if not index.is_dir():
        raise FetchError(f"there is no folder {index}, which is named as an index", url=index.absolute().as_uri())
    return None


def read_local_links(path: Path) -> LocalPage:
    """A find-links location on disk: a folder of files, or one HTML page."""
    if path.is_dir():
        return list_folder(path, "links")
    if path.is_file():
        return LocalPage(url=path.absolute().as_uri(), content_type=_HTML, body=_read(path))
    raise FetchError(
        f"there is no file or folder {path}, which is named for `--find-links`", url=path.absolute().as_uri()
    )


def list_folder(folder: Path, name: str) -> LocalPage:
    """The distribution files of a folder as a JSON page (PEP 691), in name order, with sizes and without hashes."""
    import json  # Imported where it is needed: only folders without a page come here.

    try:
        with os.scandir(folder) as entries:
            found = sorted((e.name, e.stat().st_size) for e in entries if e.name.endswith(_ARCHIVES) and e.is_file())
    except OSError as error:
        raise FetchError(
            f"{folder} cannot be read\n  because {error.strerror}", url=folder.absolute().as_uri()
        ) from error
    base = folder.absolute()
    files = [{"filename": n, "url": (base / n).as_uri(), "size": size, "hashes": {}} for n, size in found]
    body = json.dumps({"meta": {"api-version": "1.1"}, "name": name, "versions": [], "files": files}).encode()
    return LocalPage(url=f"{base.as_uri()}/", content_type=_JSON, body=body)


def describe_file(path: Path) -> tuple[int, str]:
    """Size in bytes and SHA-256 in hex. Raises FetchError where the file cannot be read."""
    digest, size = hashlib.sha256(), 0
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
                size += len(chunk)
    except OSError as error:
        raise FetchError(f"{path} cannot be read\n  because {error.strerror}", url=path.absolute().as_uri()) from error
    return size, digest.hexdigest()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise FetchError(f"{path} cannot be read\n  because {error.strerror}", url=path.absolute().as_uri()) from error
