"""Project pages of indexes and find-links locations for one target: from the row store, the cache, a server or disk.

The index that is asked where nobody names one: pip's built-in one, as the installed pip knows it.
"""

from __future__ import annotations

import re
import time
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.utils import NormalizedName

from lockfiles._files import hash_bytes
from resolver.errors import FetchError, InternalError
from resolver.fetch.http.http_errors import broken_error, closed_error
from resolver.fetch.http.local_files import LocalFolder, find_local_path, read_local_index, read_local_links
from resolver.fetch.http.responses import PAGE_LIMIT_BYTES, Response, iter_secret_links, may_hold_secrets, unpack_gzip
from resolver.fetch.http.session import Session
from resolver.fetch.projects.row_store import RowStore, StoredPage
from resolver.fetch.workers import Task
from resolver.index.location import Location
from resolver.index.project_page import ProjectPage, dump_project_page, load_project_page
from resolver.requirements.url import Url
from resolver.targets.target import Target

if TYPE_CHECKING:
    from resolver.fetch.projects.page_readers import PageReaders

__all__ = [
    "ProjectPages",
    "default_index_url",
]


_ANCHOR = re.compile(rb"<a\s", re.IGNORECASE)


class ProjectPages:
    """Answers for pages, each asked anew: callers keep what they get. May be used from many threads."""

    def __init__(self, *, target: Target, session: Session, rows: RowStore, reader_count: int = 0) -> None:
        """So many processes read pages, if any are new; see `PageReaders`."""
        self._target = target
        self._session = session
        self._rows = rows
        self._reader_count = reader_count
        self._readers: PageReaders | None = None
        self._links: dict[str, Task[_Body | None]] = {}
        self._stale: dict[tuple[NormalizedName, str], StoredPage] = {}
        self._identities: dict[tuple[NormalizedName, str], bytes] = {}
        self._with_secrets: set[str] = set()

    def find_stored(self, name: NormalizedName, location: Location) -> tuple[ProjectPage | None] | None:
        """The page (or None for a project that is not there) where the row store may answer unasked; else None.

        Offline, the row store may answer always. What is on disk is read again each time.
        """
        if find_local_path(location.url.public) is not None:
            return None
        row = None if self._session.refresh else self._rows.read(_place(location), name)
        if row is None:
            self._start_readers()
            return None
        if not self._session.offline and row.fresh_until <= time.time():
            self._stale[name, _place(location)] = row  # For `fetch`, which reads no row again.
            return None
        page = self._load(row)
        if page is None and row.payload:
            return None
        self._note(name, location, row.identity)
        return (page,)

    def close(self) -> None:
        """End the processes that read pages."""
        if self._readers is not None:
            self._readers.close()

    def _start_readers(self) -> None:
        """Once, and where a page is new: of those that are asked for again most have not changed."""
        if self._reader_count and self._readers is None and not self._session.offline:
            # Imported where it is needed: a warm run reads no page.
            from resolver.fetch.projects.page_readers import PageReaders

            self._readers = PageReaders(self._reader_count, target=self._target)

    def fetch(self, name: NormalizedName, location: Location) -> ProjectPage | None:
        """The page, by asking; None where the location lacks the project. Raises FetchError.

        `find_stored` is called before: the row that it found too old is what an unchanged answer stands for.
        """
        path = find_local_path(location.url.public)
        if path is not None:
            return self._read_local(path, name, location)
        row = self._stale.pop((name, _place(location)), None)
        page = self._load(row) if row is not None else None
        body = self._fetch_body(name, location, known_validator=row.validator if row is not None and page else "")
        if body is None:
            self._keep(name, location, StoredPage(fresh_until=0.0, validator="", payload=b""))
            return None
        payload = b"" if row is None else row.payload
        # Signatures of links are in no store: such a page is read each time.
        if row is None or page is None or row.validator != body.validator or may_hold_secrets(body.data):
            body, page, payload = self._build_or_ask_again(body, name, location)
        fresh_until = 0.0 if body.url in self._with_secrets else body.fresh_until
        self._keep(name, location, StoredPage(fresh_until=fresh_until, validator=body.validator, payload=payload))
        return page

    def _build_or_ask_again(
        self, body: _Body, name: NormalizedName, location: Location
    ) -> tuple[_Body, ProjectPage | None, bytes]:
        """The page, its dump, and what they are made of: a body that cannot be read may be an old one of the cache."""
        try:
            return body, *self._build_and_dump(body, name, location)
        except FetchError:
            again = None
            if location.form == "index" and not self._session.offline:
                again = self._fetch_body(name, location, known_validator="", past_cache=True)
            if again is None:
                raise
        return again, *self._build_and_dump(again, name, location)

    def _fetch_body(
        self, name: NormalizedName, location: Location, *, known_validator: str, past_cache: bool = False
    ) -> _Body | None:
        public = location.url.public
        if location.form == "index":
            return self._ask(f"{public.rstrip('/')}/{name}/", known_validator, past_cache=past_cache)
        # One page for all projects: asked for once a run.
        body = self._links.setdefault(public, Task(lambda: self._ask(public, ""))).result()
        if body is None and not location.may_be_missing:
            raise FetchError(f"there is no page at {public}, which is named for `--find-links`", url=public)
        return body

    def _ask(self, url: str, known_validator: str, *, past_cache: bool = False) -> _Body | None:
        answer = self._session.fetch_page(url, known_validator=known_validator, past_cache=past_cache)
        if answer is None:
            return None
        body = _Body(answer)
        if not body.validator and answer.body is not None:
            body.validator = f"sha256:{hash_bytes(body.unpack())}"
        return body

    def _read_local(self, path: Path, name: NormalizedName, location: Location) -> ProjectPage | None:
        local = read_local_index(path, name) if location.form == "index" else read_local_links(path)
        if isinstance(local, LocalFolder):
            # Imported where it is needed, as below.
            from resolver.index.page_building import build_find_links_files, build_project_page

            files = build_find_links_files(local.urls, name=name)
            if location.form == "find-links" and not files:
                return None
            return build_project_page(files, name=name, location=location, target=self._target)
        if local is None:
            return None
        answer = Response(url=local.url, content_type="text/html", body=local.body, fresh_until=0.0, validator="")
        return self._build(_Body(answer), name, location)

    def _build_and_dump(
        self, body: _Body, name: NormalizedName, location: Location
    ) -> tuple[ProjectPage | None, bytes]:
        """The page out of a body, and its dump, which is empty for None. Raises FetchError."""
        # A find-links page is read for many projects, and unpacked once.
        if self._readers is not None and location.form == "index":
            dump = self._readers.read(
                body.data,
                is_packed=body.is_packed,
                url=body.url,
                content_type=body.content_type,
                name=name,
                location=location,
            )
            if dump is not None:
                body.keep()
                return load_project_page(dump), dump
            if self._readers.is_closed:
                raise closed_error(body.url)
        page = self._build(body, name, location)
        return page, b"" if page is None else dump_project_page(page)

    def _build(self, body: _Body, name: NormalizedName, location: Location) -> ProjectPage | None:
        """The page out of a body; None for a find-links page without a file of the project. Raises FetchError."""
        # Imported where it is needed: a warm run reads stored rows and parses no page.
        from resolver.index.page_building import PageError, read_project_page

        content = body.unpack()
        try:
            if location.form == "find-links" or may_hold_secrets(content):
                return self._build_of_links(body, name, location)
            page = read_project_page(
                content, content_type=body.content_type, url=body.url, name=name, location=location, target=self._target
            )
        except PageError as error:
            raise broken_error(body.url, reason=str(error)) from error
        body.keep()
        return page

    def _build_of_links(self, body: _Body, name: NormalizedName, location: Location) -> ProjectPage | None:
        """The same of a page whose links are looked at one by one. Raises PageError."""
        # Imported where it is needed, as above.
        from resolver.index.page_building import build_project_page, parse_find_links_page, parse_project_page

        content = body.unpack()
        # A page without any link is looked at: it may be one to log in.
        if location.form == "find-links" and _ANCHOR.search(content) and not _mentions(content, name):
            return None
        parse = parse_project_page if location.form == "index" else parse_find_links_page
        files = parse(content, content_type=body.content_type, url=body.url, name=name)
        if may_hold_secrets(content):
            for url in iter_secret_links(files):
                self._with_secrets.add(body.url)
                self._session.add_link(url, source=f"a link of {body.url}")
        else:
            body.keep()
        if location.form == "find-links" and not files:
            return None
        return build_project_page(files, name=name, location=location, target=self._target)

    def _keep(self, name: NormalizedName, location: Location, page: StoredPage) -> None:
        self._note(name, location, self._rows.write(_place(location), name, page))

    def _note(self, name: NormalizedName, location: Location, identity: bytes) -> None:
        """Keep what was answered; two answers in one run have no identity."""
        key = (name, _place(location))
        if self._identities.setdefault(key, identity) != identity:
            self._identities[key] = b""

    def find_identity(self, name: NormalizedName, location: Location) -> tuple[str, bytes]:
        """The place of a page in the row store, and the identity of what was answered; empty for none."""
        place = _place(location)
        return place, self._identities.get((name, place), b"")

    def holds(self, name: str, place: str, identity: bytes, *, now: float) -> bool:
        """Whether the row store would answer what had that identity, unasked."""
        return self._rows.find_fresh_identity(place, name, now=now) == identity

    def _load(self, row: StoredPage) -> ProjectPage | None:
        if not row.payload:
            return None
        try:
            return load_project_page(row.payload)
        except ValueError:
            return None


class _Body:
    """An answer reduced to what is made of it. `data` is as it was sent."""

    __slots__ = ("_content", "_keep", "content_type", "data", "fresh_until", "is_packed", "url", "validator")

    def __init__(self, answer: Response) -> None:
        self.url = answer.url
        self.content_type = answer.content_type
        self.data = answer.body or b""
        self.is_packed = answer.is_packed
        self.fresh_until = answer.fresh_until
        self.validator = answer.validator
        self._content = None if answer.is_packed else self.data
        self._keep = answer.store

    def unpack(self) -> bytes:
        """The page itself. Raises FetchError where it is not packed as it says."""
        if self._content is None:
            self._content = unpack_gzip(self.data, limit_bytes=PAGE_LIMIT_BYTES)
        if self._content is None:
            raise broken_error(self.url, reason="it is not packed as it says")
        return self._content

    def keep(self) -> None:
        """Lay it down for the HTTP cache, once."""
        keep, self._keep = self._keep, None
        if keep is not None:
            keep()


def _place(location: Location) -> str:
    return f"{location.form} {location.url.public}"


def _mentions(body: bytes, name: str) -> bool:
    """Whether a file of the project may be on the page: large find-links pages are asked for hundreds of projects."""
    pattern = re.escape(name).replace(r"\-", "[-_.]+") + "-"
    return re.search(pattern.encode(), body, re.IGNORECASE) is not None


_MODULE = Path("_internal", "models", "index.py")


def default_index_url() -> Url:
    """The simple API of the public index. pip's configuration files and variables have no say in it.

    The one look into pip: it is where pip keeps the address, and no public interface tells it. The module is loaded by
    its file, without the packages around it: 1 ms instead of 24.
    """
    pip = find_spec("pip")
    for folder in (pip.submodule_search_locations or ()) if pip is not None else ():
        spec = spec_from_file_location("pinfold_pip_index", Path(folder) / _MODULE)
        if spec is not None and spec.loader is not None:
            module = module_from_spec(spec)
            spec.loader.exec_module(module)
            return Url(public=f"{module.PyPI.simple_url.rstrip('/')}/")
    raise InternalError("the installed pip does not tell its default index")
