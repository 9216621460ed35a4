"""An OSV database: a folder or zip archive of advisories on disk, or such an archive by URL."""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from resolver.advisories import Advisory, parse_advisory
from resolver.errors import InputError, render_os_error
from resolver.fetch.session import Session
from resolver.requirements.url import parse_url

__all__ = ["read_advisories"]

_DOCUMENT_LIMIT_BYTES = 16 * 1024 * 1024


def read_advisories(place: str, *, session: Session) -> tuple[Advisory, ...]:
    """All advisories of a database, in the order of its files.

    Raises InputError for what is neither folder nor archive, FetchError for a URL that does not answer.
    """
    if "://" not in place:
        return tuple(_iter_local(Path(place)))
    url = parse_url(place)
    session.add_url(url)
    with tempfile.TemporaryDirectory(prefix="pinfold-") as folder:
        path = Path(folder) / "advisories.zip"
        if session.download(url.public, into=path) is None:
            raise InputError(f"there is no OSV database at `{url}`")
        return tuple(_iter_archive(path, shown=url.public))


def _iter_local(path: Path) -> Iterator[Advisory]:
    if path.is_dir():
        for file in sorted(path.rglob("*.json")):
            try:
                data = file.read_bytes()
            except OSError as error:
                raise InputError(f"`{file}` cannot be read: {render_os_error(error)}") from error
            yield from _parse(data, shown=str(file))
    elif path.is_file():
        yield from _iter_archive(path, shown=str(path))
    else:
        raise InputError(
            f"there is no OSV database `{path}`", remedy="a folder of advisories in JSON, or a zip of them"
        )


def _iter_archive(path: Path, *, shown: str) -> Iterator[Advisory]:
    try:
        with zipfile.ZipFile(path) as archive:
            for member in sorted(archive.infolist(), key=lambda one: one.filename):
                if member.filename.endswith(".json") and member.file_size <= _DOCUMENT_LIMIT_BYTES:
                    yield from _parse(archive.read(member), shown=f"{shown}: {member.filename}")
    except (zipfile.BadZipFile, OSError) as error:
        raise InputError(f"`{shown}` is no zip archive of advisories: {error}") from error


def _parse(data: bytes, *, shown: str) -> tuple[Advisory, ...]:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InputError(f"`{shown}` is no advisory: {error}") from error
    # Some archives hold several documents a file.
    documents = document if isinstance(document, list) else [document]
    return tuple(advisory for one in documents for advisory in parse_advisory(one))
