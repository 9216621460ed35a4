"""What is known of locked projects today: all files and the status on their index, and advisories about them.

In: projects with their indexes, or the place of an OSV database (a folder or zip archive of advisories on disk, or such
an archive by URL). Out: `ProjectListing` values and `Advisory` values.

A module apart from `pages`, because a lock reads the files for one target, from a cache if it may, and the verbs
`audit` and `fetch` need every file of a project as the server lists it now. It is imported by them alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from packaging.utils import NormalizedName

from lockfiles._documents import DocumentError, parse_json
from lockfiles._files import read_regular
from lockfiles._values import dataclass
from resolver.errors import FetchError, InputError, render_os_error
from resolver.fetch.http.http_session import HttpSession
from resolver.fetch.http.responses import iter_secret_links
from resolver.index.distribution_file import PageError, RawFile
from resolver.index.page_building import parse_project_page
from resolver.index.project_health import Advisory, ProjectStatus, parse_advisory, read_project_status
from resolver.requirements.url import parse_url

__all__ = ["fetch_listings", "find_signed_link", "read_advisories"]

_THREADS = 16
_DOCUMENT_LIMIT_BYTES = 16 * 1024 * 1024
"""The largest advisory that is read from an archive; members beyond it are left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectListing:
    """The page of a project. `files` are in page order, for any target; `status` is that of PEP 792."""

    name: NormalizedName
    index: str
    files: tuple[RawFile, ...]
    status: ProjectStatus


def fetch_listings(
    wanted: Iterable[tuple[NormalizedName, str]], *, session: HttpSession
) -> dict[tuple[NormalizedName, str], ProjectListing | None]:
    """The listing of each project on each index (its public URL), as the server has it now; None where it has none.

    Raises FetchError for an index that does not answer, or whose page cannot be read.
    """
    keys = list(dict.fromkeys(wanted))
    with ThreadPoolExecutor(_THREADS) as pool:
        return dict(zip(keys, pool.map(partial(_fetch, session=session), keys), strict=True))


def find_signed_link(name: NormalizedName, index: str, url: str, *, session: HttpSession) -> bool:
    """Whether the page of an index links to a file with a signature, which the session then joins to its requests.

    A lock has the links of such an index without their signatures. Raises FetchError.
    """
    listing = _fetch((name, index), session=session)
    for link in iter_secret_links(() if listing is None else listing.files):
        session.add_link(link, source=f"a link of {index}")
    return session.credentials.is_signed(url)


def read_advisories(place: str, *, session: HttpSession) -> tuple[Advisory, ...]:
    """All advisories of a database, in the order of its files. A folder is read with all its subfolders.

    Raises InputError for what is neither folder nor archive, FetchError for a URL that does not answer.
    """
    if "://" not in place:
        return tuple(_iter_local(Path(place)))
    # Lazy: `fetch` imports this module for its listings, and reads no database.
    import tempfile

    url = parse_url(place)
    session.add_url(url)
    with tempfile.TemporaryDirectory(prefix="pinfold-") as folder:
        path = Path(folder) / "advisories.zip"
        if session.download(url.public, into=path) is None:
            raise InputError(f"there is no OSV database at `{url}`")
        return tuple(_iter_archive(path, shown=url.public))


def _fetch(key: tuple[NormalizedName, str], *, session: HttpSession) -> ProjectListing | None:
    """The listing of a project on an index, past the cache; None where the index lacks it. Raises FetchError."""
    name, index = key
    url = f"{index.rstrip('/')}/{name}/"
    response = session.fetch_page(url, past_cache=True)
    if response.is_absent:
        return None
    body = response.body or b""
    try:
        files = parse_project_page(body, content_type=response.content_type, url=response.url, name=name)
    except PageError as error:
        raise FetchError(f"the page of `{name}` cannot be read: {url}", why=str(error), url=url) from error
    return ProjectListing(
        name=name, index=index, files=files, status=read_project_status(body, content_type=response.content_type)
    )


def _iter_local(path: Path) -> Iterator[Advisory]:
    """The advisories of a folder or archive on disk. Raises InputError."""
    if path.is_dir():
        for file in sorted(path.rglob("*.json")):
            try:
                data = read_regular(file, limit_bytes=_DOCUMENT_LIMIT_BYTES)
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
    """The advisories of a zip archive; `shown` is its place in messages. Raises InputError."""
    # Lazy, as `tempfile` above.
    import zipfile

    try:
        with zipfile.ZipFile(path) as archive:
            for member in sorted(archive.infolist(), key=lambda one: one.filename):
                if member.filename.endswith(".json") and member.file_size <= _DOCUMENT_LIMIT_BYTES:
                    yield from _parse(archive.read(member), shown=f"{shown}: {member.filename}")
    except (zipfile.BadZipFile, OSError) as error:
        raise InputError(f"`{shown}` is no zip archive of advisories: {error}") from error


def _parse(data: bytes, *, shown: str) -> tuple[Advisory, ...]:
    """The advisories of a JSON document (OSV schema). Raises InputError for what is not JSON."""
    try:
        document = parse_json(data)
    except DocumentError as error:
        raise InputError(f"`{shown}` is no advisory: {error}") from error
    # Some archives hold several documents a file.
    documents = document if isinstance(document, list) else [document]
    return tuple(advisory for one in documents for advisory in parse_advisory(one))
