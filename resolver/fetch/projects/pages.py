"""Project pages of indexes and find-links locations for one target: from the row store, the cache, a server or disk.

In: a project and a location. Out: its `ProjectPage`, or None where the location lacks the project.

`find_stored` answers from the row store, as long as a page is fresh; `fetch` sends a request (or reads the disk),
parses the response, in another process where there are `PageReaders`, and stores the rows. A page whose validator has
not changed is not parsed again. A page that links with secrets is parsed in each run, its secrets go to the session's
credentials, and neither its body nor its freshness is stored.

One module, because one decision chooses between these sources. The default index is found here too
(`default_index_url`), from the installed pip.
"""

from __future__ import annotations

import re
import time
from dataclasses import replace
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from packaging.utils import NormalizedName

from lockfiles._files import hash_bytes
from lockfiles._values import compile_later
from resolver.errors import FetchError, InternalError
from resolver.fetch.http.credentials import find_destination
from resolver.fetch.http.freshness import LONGEST_LIFETIME_S, PAGE_LIMIT_BYTES, is_packed_beyond, unpack_gzip
from resolver.fetch.http.http_errors import broken_error, closed_error, login_page_error, too_large_error
from resolver.fetch.http.http_session import HttpSession
from resolver.fetch.http.local_files import LocalFolder, find_local_path, read_local_index, read_local_links
from resolver.fetch.http.responses import ACCEPT, Response, build_headers, iter_secret_links, may_hold_secrets
from resolver.fetch.projects.record_store import RowStore, StoredPage
from resolver.fetch.store import is_current
from resolver.fetch.workers import Task
from resolver.index.location import Location
from resolver.index.package_source import PageEvidence
from resolver.index.project_page import ParsedPage, ProjectPage, dump_project_page, load_project_page
from resolver.requirements.url import Url
from resolver.targets.target import Target

if TYPE_CHECKING:
    from resolver.fetch.projects.page_readers import PageReaders

__all__ = ["ProjectPages", "default_index_url"]

_ANCHOR = compile_later(rb"<a\s", re.IGNORECASE)
_SUFFIXES = (b".whl", b".tar.", b".tgz", b".zip")
_INDEX_MARKS = (b"links for ", b"pypi:repository-version")
_DISTRUSTED = -1.0
"""The `fresh_until` of a row that an earlier run could not use: not even the HTTP cache may answer for its page."""
_PIP_MODULE = Path("_internal", "models", "index.py")
"""The module of pip that has the URL of its default index."""


class ProjectPages:
    """Finds and fetches pages. Pages are not kept between calls: callers keep what they get.

    May be used from many threads. `reader_count` processes parse pages, from the first one that is new (`PageReaders`).
    """

    def __init__(self, *, target: Target, session: HttpSession, rows: RowStore, reader_count: int = 0) -> None:
        self._target = target
        self._session = session
        self._rows = rows
        self._reader_count = reader_count
        self._readers: PageReaders | None = None
        self._links: dict[tuple[str, bool], Task[_Body]] = {}
        # Rows that `find_stored` has found stale, for `fetch`, which then reads no row again.
        self._stale: dict[tuple[NormalizedName, str], tuple[StoredPage, int]] = {}
        self._identities: dict[tuple[str, str], int] = {}
        # By the same names and places, the validators of rows that a plain request can check.
        self._validators: dict[tuple[str, str], str] = {}
        # Requests of `check`, by URL; and the identities of rows that a server has confirmed in this run.
        self._asked: dict[str, Task[_Body]] = {}
        self._confirmed: dict[tuple[str, str], int] = {}
        self._with_secrets: set[str] = set()

    def find_stored(self, name: NormalizedName, location: Location) -> tuple[ProjectPage | None] | None:
        """The page in a tuple of one (None in it for an absent project) where the row store may answer; else None.

        Offline, the row store may always answer. Locations on disk are in no store.
        """
        if find_local_path(location.url.public) is not None:
            return None
        place = self._name_location(location)
        found = None if self._session.refresh else self._rows.read(place, name)
        if found is None:
            self._start_readers()
            return None
        row, identity = found
        is_fresh = self._session.offline or self._confirmed.get((name, place)) == identity
        if not is_fresh and not is_current(row.fresh_until, now=time.time()):
            self._stale[name, place] = found
            return None
        # An empty payload is an absent project; one that cannot be loaded is from another version.
        page = _load(row)
        if page is None and row.payload:
            return None
        self._note(name, place, identity, row)
        return (page,)

    def fetch(self, name: NormalizedName, location: Location) -> ProjectPage | None:
        """The page by a request, or from disk; None where the location lacks the project. Raises FetchError.

        Call `find_stored` first: the stale row that it found is used again if the page has not changed.
        """
        path = self._session.find_local(location.url.public)
        if path is not None:
            return self._read_local(path, name, location)
        known = self._stale.pop((name, self._name_location(location)), None)
        row = None if known is None else known[0]
        if row is not None and row.fresh_until == _DISTRUSTED:
            return self._fetch_anew(name, location)
        page = _load(row) if row is not None else None
        body = self._fetch_body(name, location, known_validator=row.validator if row is not None and page else "")
        if body.is_absent:
            self._store_absent(name, location, body, known)
            return None
        payload = b"" if row is None else row.payload
        # Signatures of links are in no store: such a page is parsed in each run.
        if row is None or page is None or row.validator != body.validator or body.may_hold_secrets():
            body, page, payload = self._build_or_fetch_again(body, name, location)
        else:
            body.store()
        self._store_payload(name, location, body, page, payload, known=known)
        return page

    def _fetch_anew(self, name: NormalizedName, location: Location) -> ProjectPage | None:
        """As `fetch`, past the cache: an earlier run could not use what the page says."""
        body = self._fetch_body(name, location, known_validator="", past_cache=True)
        if body.is_absent:
            self._store_absent(name, location, body)
            return None
        page, payload = self._build_and_dump(body, name, location)
        self._store_payload(name, location, body, page, payload)
        return page

    def distrust(self, name: NormalizedName, form: Literal["index", "find-links"], url: str) -> None:
        """Fetch the page of a project anew in the next run, however fresh it is, because a file of it cannot be used.

        Otherwise a page with a wrong hash or link would be used until it expires, although the server has been mended.
        """
        place = self._name_place(form, url)
        state = self._rows.find_state(place, name)
        if state is not None:
            self._rows.renew(place, name, _DISTRUSTED, identity=state.identity)

    def distrust_absence(self) -> None:
        """Ask in the next run for all pages that this run has found to be absent: a run without them has failed."""
        for (name, place), identity in list(self._identities.items()):
            found = self._rows.read(place, name) if identity else None
            if found is not None and found[1] == identity and not found[0].validator:
                self._rows.renew(place, name, 0.0, identity=identity)

    def find_identity(self, name: NormalizedName, location: Location) -> tuple[str, int]:
        """The name of a location in the row store, and the identity of the row that this run used; 0 for none."""
        place = self._name_location(location)
        return place, self._identities.get((name, place), 0)

    def find_evidence(self, name: str, place: str, identity: int, validator: str) -> PageEvidence | None:
        """The evidence of a row that this run used; None where a plain request cannot check it."""
        state = self._rows.find_state(place, name)
        form, url, credential_id = (*place.split(" "), "")[:3]
        page_url = _name_page_url(form, url, name)
        if state is None or state.identity != identity or not self._session.is_checkable(page_url):
            return None
        return PageEvidence(
            url=page_url,
            headers=tuple(build_headers(ACCEPT).items()),
            validator=validator,
            fresh_until=max(0.0, state.until),
            # A page of links that has no file of the project has no payload, but a validator.
            is_absent=not validator,
            credential_id=credential_id,
            rows=((self._rows.find_key(place, name), identity),),
        )

    def find_validator(self, name: str, place: str, identity: int) -> str | None:
        """The validator by which `check` can tell later that a row of this run holds; None where it cannot."""
        return self._validators.get((name, place)) if identity and self._identities[name, place] == identity else None

    def holds(self, name: str, place: str, identity: int, *, now: float) -> bool | None:
        """Whether the row store has a row of this identity; None where a request must tell if the page is the same.

        `place` is a name of `find_identity`. False for a row that other credentials than those of this run have
        fetched, and for a page that must be fetched anew.
        """
        form, _, rest = place.partition(" ")
        state = self._rows.find_state(place, name)
        if state is None or state.identity != identity or state.until == _DISTRUSTED:
            return False
        if self._name_place(form, rest.partition(" ")[0]) != place:
            return False
        if is_current(state.until, now=now):
            self._note(name, place, identity)
            return True
        return None

    def check(self, name: str, place: str, identity: int, validator: str) -> bool:
        """Whether the server still has the page of a row, which is then fresh again.

        Its response is kept: `fetch` uses it in place of a request of its own. Raises FetchError.
        """
        form, url = place.split(" ")[:2]
        page_url = _name_page_url(form, url, name)
        body = self._asked.setdefault(page_url, Task(lambda: self._request(page_url, validator))).result()
        if body.validator != validator or body.url != page_url:
            return False
        if not body.may_hold_secrets():
            body.store()
        self._rows.renew(place, name, min(body.fresh_until, time.time() + LONGEST_LIFETIME_S), identity=identity)
        self._confirmed[name, place] = identity
        self._note(name, place, identity)
        return True

    def close(self) -> None:
        """End the processes that parse pages."""
        if self._readers is not None:
            self._readers.close()

    def _start_readers(self) -> None:
        """Start the processes once, for the first page without a row: a row that is revalidated seldom has changed."""
        if self._reader_count and self._readers is None and not self._session.offline:
            # Lazy: a warm run parses no page.
            from resolver.fetch.projects.page_readers import PageReaders

            self._readers = PageReaders(self._reader_count, target=self._target, ending=self._session.ending)

    def _fetch_body(
        self, name: NormalizedName, location: Location, *, known_validator: str, past_cache: bool = False
    ) -> _Body:
        """The body of a page, or its absence. Raises FetchError."""
        public = location.url.public
        if location.form == "index":
            url = _name_page_url(location.form, public, name)
            return self._fetch_url(url, known_validator, past_cache=past_cache)
        # One page for all projects, which is fetched once a run.
        key = (public, past_cache)
        body = self._links.setdefault(key, Task(lambda: self._fetch_url(public, "", past_cache=past_cache))).result()
        if body.is_absent and not location.may_be_missing:
            raise FetchError(f"there is no page at {public}, which is named for `--find-links`", url=public)
        return body

    def _fetch_url(self, url: str, known_validator: str, *, past_cache: bool) -> _Body:
        """The body at a URL: that of `check`, if it is of use; else that of a new request. Raises FetchError."""
        asked = None if past_cache else self._asked.get(url)
        if asked is not None:
            body = asked.result()
            if body.has_content or body.is_absent or body.validator == known_validator:
                return body
        return self._request(url, known_validator, past_cache=past_cache)

    def _request(self, url: str, known_validator: str, *, past_cache: bool = False) -> _Body:
        """The response at a URL. If the server sent no validator, the hash of its body becomes one."""
        response = self._session.fetch_page(url, known_validator=known_validator, past_cache=past_cache)
        body = _Body(response)
        # An index without ETag and Last-Modified: an equal body then needs no second parsing.
        if not body.validator and response.body is not None:
            body.validator = f"sha256:{hash_bytes(body.unpack())}"
        return body

    def _build_or_fetch_again(
        self, body: _Body, name: NormalizedName, location: Location
    ) -> tuple[_Body, ProjectPage | None, bytes]:
        """The body, its page, and the page's dump. Raises FetchError.

        A body that cannot be read may be an old one from the cache, so it is fetched once more from the server.
        """
        try:
            return body, *self._build_and_dump(body, name, location)
        except FetchError:
            again = None
            if location.form == "index" and not self._session.offline:
                again = self._fetch_body(name, location, known_validator="", past_cache=True)
            if again is None or again.is_absent:
                raise
        return again, *self._build_and_dump(again, name, location)

    def _build_and_dump(
        self, body: _Body, name: NormalizedName, location: Location
    ) -> tuple[ProjectPage | None, bytes]:
        """The page from a body, and its dump, which is empty for None. Raises FetchError; then no snapshot has it."""
        try:
            return self._read_and_dump(body, name, location)
        except FetchError:
            body.drop()
            raise

    def _read_and_dump(self, body: _Body, name: NormalizedName, location: Location) -> tuple[ProjectPage | None, bytes]:
        """As `_build_and_dump`."""
        if "json" not in body.content_type and _is_login(body.unpack(), location):
            raise login_page_error(body.url, host=urlsplit(body.url).netloc)
        # Not for a find-links page: it is unpacked once and parsed for many projects.
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
                body.store()
                return _note_redirect(load_project_page(dump), dump, body.url, location)
            if self._readers.is_closed:
                raise closed_error(body.url)
        page = self._build(body, name, location)
        return (None, b"") if page is None else _note_redirect(page, b"", body.url, location)

    def _build(self, body: _Body, name: NormalizedName, location: Location) -> ProjectPage | None:
        """The page from a body; None for a find-links page without a file of the project. Raises FetchError."""
        # Lazy: a warm run reads stored rows and parses no page.
        from resolver.index.page_building import PageError, read_project_page

        content = body.unpack()
        try:
            if location.form == "find-links" or may_hold_secrets(content):
                return self._build_from_links(body, name, location)
            page = read_project_page(
                content, content_type=body.content_type, url=body.url, name=name, location=location, target=self._target
            )
        except PageError as error:
            raise broken_error(body.url, reason=str(error)) from error
        body.store()
        return page

    def _build_from_links(self, body: _Body, name: NormalizedName, location: Location) -> ProjectPage | None:
        """As `_build`, for a page whose links are parsed one by one. Raises PageError."""
        # Lazy, as in `_build`.
        from resolver.index.page_building import build_project_page, parse_find_links_page, parse_project_page

        content = body.unpack()
        # A page without any link is parsed, for the error: it may be a login form.
        if location.form == "find-links" and _ANCHOR.search(content) and not _mentions(content, name):
            return None
        parse = parse_project_page if location.form == "index" else parse_find_links_page
        files = parse(content, content_type=body.content_type, url=body.url, name=name)
        if may_hold_secrets(content):
            for url in iter_secret_links(files):
                self._with_secrets.add(body.url)
                self._session.add_link(url, source=f"a link of {body.url}")
            body.drop()
        else:
            body.store()
        if location.form == "find-links" and not files:
            return None
        return build_project_page(files, name=name, location=location, target=self._target)

    def _read_local(self, path: Path, name: NormalizedName, location: Location) -> ProjectPage | None:
        """The page of a location on disk; None where it lacks the project. Raises FetchError."""
        if location.form == "index":
            # Links: `path` itself was checked before.
            self._session.check_path(path / name / "index.html")
        local = read_local_index(path, name) if location.form == "index" else read_local_links(path)
        if isinstance(local, LocalFolder):
            # Lazy, as in `_build`.
            from resolver.index.page_building import build_find_links_files, build_project_page

            files = build_find_links_files(local.urls, name=name)
            if location.form == "find-links" and not files:
                return None
            return build_project_page(files, name=name, location=location, target=self._target)
        if local is None:
            return None
        response = Response(url=local.url, content_type="text/html", body=local.body, fresh_until=0.0, validator="")
        return self._build(_Body(response), name, location)

    def _store_payload(
        self,
        name: NormalizedName,
        location: Location,
        body: _Body,
        page: ProjectPage | None,
        payload: bytes | memoryview,
        *,
        known: tuple[StoredPage, int] | None = None,
    ) -> None:
        """Store the row of a page, unless it came from a host with credentials of its own.

        A page without a file of the project is fetched anew in the next run, as a missing one is.
        """
        if self._needs_other_login(body.url, location):
            return
        is_own = body.url == _name_page_url(location.form, location.url.public, name)
        longest = time.time() + LONGEST_LIFETIME_S
        fresh_until = 0.0 if body.url in self._with_secrets else min(body.fresh_until, longest)
        if page is not None and not page.file_count:
            fresh_until = _DISTRUSTED
        row = StoredPage(
            fresh_until=fresh_until,
            validator=body.validator,
            payload=payload,
            is_checkable=is_own and body.url not in self._with_secrets,
        )
        self._store(name, location, row, known)

    def _store_absent(
        self,
        name: NormalizedName,
        location: Location,
        body: _Body,
        known: tuple[StoredPage, int] | None = None,
    ) -> None:
        """Store that the location lacks a project."""
        fresh_until = min(body.fresh_until, time.time() + LONGEST_LIFETIME_S)
        self._store(name, location, StoredPage(fresh_until=fresh_until, validator="", payload=b""), known)

    def _store(
        self, name: NormalizedName, location: Location, page: StoredPage, known: tuple[StoredPage, int] | None
    ) -> None:
        """Store a row, which is then the one that this run used. One that is `known` only gets its new instant."""
        place = self._name_location(location)
        if known is not None and replace(known[0], fresh_until=page.fresh_until) == page:
            identity = known[1]
            self._rows.renew(place, name, page.fresh_until, identity=identity)
        else:
            identity = self._rows.write(place, name, page)
        self._note(name, place, identity, page)

    def _needs_other_login(self, url: str, location: Location) -> bool:
        """Whether a page came by a redirect from a host with credentials of its own: no row is kept under both."""
        ids = self._session.credential_ids
        found = ids.find(url)
        return bool(found) and found != ids.find(self._name_page(location.form, location.url.public))

    def _name_location(self, location: Location) -> str:
        """The name of a location in the row store, for the credentials that its pages are requested with."""
        return self._name_place(location.form, location.url.public)

    def _name_place(self, form: str, url: str) -> str:
        """As `_name_location`. A URL holds no space, and a path on disk has no credentials."""
        found = self._session.credential_ids.find(self._name_page(form, url))
        return f"{form} {url} {found}" if found else f"{form} {url}"

    def _name_page(self, form: str, url: str) -> str:
        """The URL whose credentials are those of all pages of a location: an index is a folder."""
        return f"{url.rstrip('/')}/" if form == "index" else url

    def _note(self, name: str, place: str, identity: int, row: StoredPage | None = None) -> None:
        """Keep the identity and validator of a row that was used; a page that changes during a run has none."""
        if row is not None and row.is_checkable:
            self._validators[name, place] = row.validator
        if self._identities.setdefault((name, place), identity) != identity:
            self._identities[name, place] = 0


class _Body:
    """The parts of a response that a page is made of. `data` is as it was sent: packed with gzip if `is_packed`."""

    __slots__ = (
        "_content",
        "_drop",
        "_store",
        "content_type",
        "data",
        "fresh_until",
        "has_content",
        "is_absent",
        "is_packed",
        "url",
        "validator",
    )

    def __init__(self, response: Response) -> None:
        self.url = response.url
        self.content_type = response.content_type
        self.data = response.body or b""
        self.has_content = response.body is not None
        self.is_absent = response.is_absent
        self.is_packed = response.is_packed
        self.fresh_until = response.fresh_until
        self.validator = response.validator
        self._content = None if response.is_packed else self.data
        self._store = response.store
        self._drop = response.drop

    def unpack(self) -> bytes:
        """The page itself. Raises FetchError where it is too large, or not packed as its `Content-Encoding` has it."""
        if self._content is None:
            self._content = unpack_gzip(self.data, limit_bytes=PAGE_LIMIT_BYTES)
        if self._content is None:
            if is_packed_beyond(self.data, limit_bytes=PAGE_LIMIT_BYTES):
                raise too_large_error(self.url, limit_bytes=PAGE_LIMIT_BYTES)
            raise broken_error(self.url, reason="it is not packed as it says")
        return self._content

    def may_hold_secrets(self) -> bool:
        """Whether the content may link with secrets; False without content. Raises as `unpack`."""
        return self.has_content and may_hold_secrets(self.unpack())

    def store(self) -> None:
        """Hand the response to the HTTP cache, once."""
        store, self._store = self._store, None
        if store is not None:
            store()

    def drop(self) -> None:
        """Keep the response nowhere, unless it is kept already."""
        if self._store is not None and self._drop is not None:
            self._drop()


def default_index_url() -> Url:
    """The simple API of the public index, as the installed pip has it built in.

    Configuration files and variables of pip do not change it. pip has no public interface for this URL; the module
    that holds it is loaded by its file, without the packages around it: 1 ms instead of 24. Raises InternalError where
    pip is missing.
    """
    pip = find_spec("pip")
    for folder in (pip.submodule_search_locations or ()) if pip is not None else ():
        spec = spec_from_file_location("pinfold_pip_index", Path(folder) / _PIP_MODULE)
        if spec is not None and spec.loader is not None:
            module = module_from_spec(spec)
            spec.loader.exec_module(module)
            return Url(public=f"{module.PyPI.simple_url.rstrip('/')}/")
    raise InternalError("the installed pip does not tell its default index")


def _name_page_url(form: str, url: str, name: str) -> str:
    """The URL of a page. PEP 503: that of a project is below the URL of the index; one of links is for all projects."""
    return f"{url.rstrip('/')}/{name}/" if form == "index" else url


def _note_redirect(page: ProjectPage, dump: bytes, url: str, location: Location) -> tuple[ProjectPage, bytes]:
    """The page and its dump, with the URL that the page came from where that is on another host than its location.

    That host has written the links: an index of a private network may redirect to a public one.
    """
    source, named = find_destination(url), find_destination(location.url.public)
    if source is not None and source != named and isinstance(page, ParsedPage):
        page, dump = replace(page, redirected_to=url), b""
    return page, dump or dump_project_page(page)


def _load(row: StoredPage) -> ProjectPage | None:
    """The page of a row; None for an absent project, and for a dump of another version."""
    if not row.payload:
        return None
    try:
        return load_project_page(row.payload)
    except ValueError:
        return None


def _is_login(content: bytes, location: Location) -> bool:
    """Whether an HTML page is one to log in: with a form, and without any link to a file.

    Any web page may be named for `--find-links`, so there the form must have a field for a password.
    """
    text = content.lower()
    if b"<form" not in text or any(suffix in text for suffix in _SUFFIXES):
        return False
    return b"password" in text or (location.form == "index" and not any(mark in text for mark in _INDEX_MARKS))


def _mentions(body: bytes, name: str) -> bool:
    """Whether a find-links page may list a file of the project. A large one is searched for hundreds of projects."""
    pattern = re.escape(name).replace(r"\-", "[-_.]+") + "-"
    return re.search(pattern.encode(), body, re.IGNORECASE) is not None
