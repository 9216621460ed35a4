"""Snapshots of indexes: the first answer counts for all, is requested once, and is found again."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lockfiles import dumps
from resolver import Access, Cancellation, LockTarget, PinfoldError, Session, Settings
from resolver.errors import FetchError, InputError, OfflineError, RunCancelledError
from resolver.fetch.http.responses import Response
from resolver.fetch.snapshot import SnapshotPages, SnapshotStore
from resolver.fetch.store import FOREVER, FolderStore
from tests.fetch.memory_store import MemoryStore
from tests.loopback import Answer
from tests.servers import IndexServer, wheel

URL = "https://index.example/simple/a/"
ROW = "rows\ncp311\nindex https://index.example/simple/\na"


@pytest.fixture
def server() -> Iterator[IndexServer]:
    with IndexServer() as server:
        server.cache_control = "max-age=0"
        server.add("anyio", wheel("anyio", "4.3.0", ["idna", "sniffio; python_version<'3.12'"]))
        server.add("idna", wheel("idna", "3.7"))
        server.add("sniffio", wheel("sniffio", "1.3"))
        yield server


def lock_in(session: Session, server: IndexServer, *requirements: str, python: str = "3.11") -> str:
    settings = Settings(index_url=server.index_url)
    return dumps(session.lock(list(requirements or ["anyio"]), python=python, settings=settings).lockfile)


def count_pages(server: IndexServer) -> dict[str, int]:
    paths = [path for path in server.paths() if path.startswith("/simple/")]
    return {path: paths.count(path) for path in paths}


def test_the_first_answer_counts_for_all_runs_of_a_snapshot(server: IndexServer, tmp_path: Path) -> None:
    with Session(store=str(tmp_path), snapshot="monday") as session:
        before = lock_in(session, server)
    server.add("anyio", wheel("anyio", "4.4.0", ["idna"]))
    server.add("new", wheel("new", "1.0"))
    with Session(store=str(tmp_path), snapshot="monday") as session:
        assert lock_in(session, server) == before
        # The pages are there for other targets and lists too.
        assert "4.3.0" in lock_in(session, server, "anyio", "idna", python="3.12")
    assert set(count_pages(server).values()) == {1}
    with Session(store=str(tmp_path), snapshot="tuesday") as session:
        assert lock_in(session, server) != before


def test_an_absence_is_an_answer(server: IndexServer, tmp_path: Path) -> None:
    for number in range(2):
        with Session(store=str(tmp_path), snapshot="monday") as session, pytest.raises(PinfoldError):
            lock_in(session, server, "late")
        if not number:
            server.add("late", wheel("late", "1.0"))
    assert count_pages(server)["/simple/late/"] == 1
    with Session(store=str(tmp_path), snapshot="tuesday") as session:
        assert "late" in lock_in(session, server, "late")


def test_an_error_is_no_answer(server: IndexServer, tmp_path: Path) -> None:
    for status in (403, 500):
        server.always["/simple/late/"] = Answer(status=status)
        session = Session(Access(timeout_s=0.2), store=str(tmp_path), snapshot="monday")
        with session, pytest.raises(PinfoldError):
            lock_in(session, server, "late")
    del server.always["/simple/late/"]
    server.add("late", wheel("late", "1.0"))
    with Session(store=str(tmp_path), snapshot="monday") as session:
        assert "late" in lock_in(session, server, "late")


def test_a_snapshot_is_repeated_offline(server: IndexServer, tmp_path: Path) -> None:
    with Session(store=str(tmp_path), snapshot="monday") as session:
        before = lock_in(session, server)
    server.add("anyio", wheel("anyio", "4.4.0"))
    with Session(store=str(tmp_path), snapshot="tuesday") as session:
        lock_in(session, server)
    server.log.clear()
    with Session(Access(offline=True), store=str(tmp_path), snapshot="monday") as session:
        assert lock_in(session, server) == before
    session = Session(Access(offline=True), store=str(tmp_path), snapshot="never")
    with session, pytest.raises(OfflineError):
        lock_in(session, server)
    assert server.paths() == []


def test_unchanged_pages_are_confirmed_once_and_not_stored_again(server: IndexServer, tmp_path: Path) -> None:
    with Session(store=str(tmp_path), snapshot="monday") as session:
        lock_in(session, server)
    server.log.clear()
    contents = list_contents(tmp_path)
    with Session(store=str(tmp_path), snapshot="tuesday") as session:
        lock_in(session, server)
        lock_in(session, server, "anyio", "idna")
    assert count_pages(server) == {"/simple/anyio/": 1, "/simple/idna/": 1, "/simple/sniffio/": 1}
    assert list_contents(tmp_path) == contents
    # A target that has no row yet finds the body that the first snapshot has.
    with Session(store=str(tmp_path), snapshot="tuesday") as session:
        lock_in(session, server, python="3.12")
    assert sum(count_pages(server).values()) == 3


def list_contents(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("store-v1/?/*") if b"content\n" in path.read_bytes()[:60])


def test_pages_without_validators_are_requested_once_too(server: IndexServer, tmp_path: Path) -> None:
    server.validators = False
    for snapshot in ("monday", "tuesday"):
        server.log.clear()
        for python in ("3.11", "3.12"):
            with Session(store=str(tmp_path), snapshot=snapshot) as session:
                lock_in(session, server, python=python)
        assert set(count_pages(server).values()) == {1}


def test_refreshing_runs_use_no_page_of_another_snapshot(server: IndexServer, tmp_path: Path) -> None:
    with Session(store=str(tmp_path), snapshot="monday") as session:
        before = lock_in(session, server)
    server.log.clear()
    with Session(Access(refresh=True), store=str(tmp_path), snapshot="tuesday") as session:
        assert lock_in(session, server) == before
        assert lock_in(session, server) == before
    assert set(count_pages(server).values()) == {1}
    assert all("if-none-match" not in request.headers for request in server.log)


def test_a_page_that_cannot_be_read_is_no_answer(server: IndexServer, tmp_path: Path) -> None:
    broken = Answer(headers={"Content-Type": "application/vnd.pypi.simple.v1+json"}, body=b'{"files": ')
    form = Answer(headers={"Content-Type": "text/html"}, body=b"<form><input type='password'></form>")
    with Session(store=str(tmp_path), snapshot="monday") as session:
        for answer in (broken, form):
            server.always["/simple/idna/"] = answer
            with pytest.raises(FetchError):
                lock_in(session, server)
            # Nobody waits for it: a thread that still ends gives its claim back, which would last for ten seconds.
            until = time.monotonic() + 5
            while list(tmp_path.rglob("*.claim")) and time.monotonic() < until:
                time.sleep(0.01)
            assert not list(tmp_path.rglob("*.claim"))
        del server.always["/simple/idna/"]
        assert "idna" in lock_in(session, server)


def test_pages_over_tls_are_requested_once(encrypted: tuple[IndexServer, Path], tmp_path: Path) -> None:
    server, _ = encrypted
    server.cache_control = "max-age=0"
    server.add("anyio", wheel("anyio", "4.3.0", ["idna", "absent; python_version<'3'"]))
    server.add("idna", wheel("idna", "3.7"))
    access = Access(trusted_hosts=("127.0.0.1",))
    locks = []
    for snapshot, python in (("monday", "3.11"), ("monday", "3.12"), ("monday", "3.11")):
        with Session(access, store=str(tmp_path / "store"), snapshot=snapshot) as session:
            locks.append(lock_in(session, server, python=python))
    assert locks[0] == locks[2]
    assert count_pages(server) == {"/simple/anyio/": 1, "/simple/idna/": 1}


def test_a_snapshot_needs_a_store() -> None:
    with pytest.raises(InputError, match="needs a store"):
        Session(snapshot="monday")


def test_many_targets_of_a_snapshot(server: IndexServer, tmp_path: Path) -> None:
    targets = [LockTarget(python=python) for python in ("3.11", "3.12", "3.13")]
    settings = Settings(index_url=server.index_url)
    with Session(store=str(tmp_path), snapshot="monday") as session:
        found = session.lock_many(["anyio"], targets, settings=settings)
    assert not [one for one in found if isinstance(one, PinfoldError)]
    assert set(count_pages(server).values()) == {1}


class Index:
    """Answers requests of `SnapshotPages`, and notes the validators."""

    def __init__(self, body: bytes | None = b"one", validator: str = '"1"') -> None:
        self.body = body
        self.validator = validator
        self.requests: list[str] = []

    def request(self, validator: str) -> Response:
        self.requests.append(validator)
        is_known = bool(validator) and validator == self.validator
        return Response(
            url=URL,
            content_type="text/html",
            body=None if is_known else self.body,
            fresh_until=0.0,
            validator=self.validator,
            is_absent=self.body is None,
        )


def wait_never(delay_s: float) -> None:
    raise AssertionError(delay_s)


def open_pages(store: MemoryStore, name: str = "monday") -> SnapshotPages:
    return SnapshotPages(SnapshotStore(store, name), wait=wait_never)


def fetch(pages: SnapshotPages, index: Index, known: str = "", login: str = "") -> Response:
    return pages.fetch(URL, known_validator=known, find_id=lambda url: login, request=index.request)


def keep(response: Response) -> Response:
    assert response.store is not None
    response.store()
    return response


def test_a_page_is_found_with_its_validator() -> None:
    store, index = MemoryStore(), Index()
    keep(fetch(open_pages(store), index))
    found = fetch(open_pages(store), Index(b"two", '"2"'))
    assert (found.body, found.validator, found.content_type, found.url) == (b"one", '"1"', "text/html", URL)
    assert fetch(open_pages(store), Index(b"two", '"2"'), known='"1"').body is None
    assert fetch(open_pages(store), Index(b"two", '"2"'), known='"0"').body == b"one"
    assert not store.claims


def test_pages_of_other_credentials_are_other_pages() -> None:
    store = MemoryStore()
    keep(fetch(open_pages(store), Index(), login="abc"))
    other = Index(b"public", '"2"')
    assert fetch(open_pages(store), other).body == b"public"
    assert fetch(open_pages(store), Index(b"two"), login="abc").body == b"one"


def test_a_page_that_is_dropped_is_requested_by_each() -> None:
    store, index = MemoryStore(), Index()
    response = fetch(open_pages(store), index)
    assert response.drop is not None
    response.drop()
    fetch(open_pages(store), index)
    fetch(open_pages(store), index)
    assert len(index.requests) == 3
    assert b"one" not in b"".join(store.values.values())


def test_content_that_the_store_has_lost_is_requested_anew() -> None:
    store, index = MemoryStore(), Index()
    keep(fetch(open_pages(store), index))
    for key in [key for key in store.values if key.startswith("content")]:
        del store.values[key]
    assert keep(fetch(open_pages(store), index)).body == b"one"
    assert index.requests == ["", ""]
    assert fetch(open_pages(store), index).body == b"one"
    assert len(index.requests) == 2


def test_pointers_of_other_programs_are_none() -> None:
    for value in (b"", b"{}", b"[1]", b"\xff", b"[" * 5000):
        store, index = MemoryStore(), Index()
        store.put(f"snapshot monday\npage\n{URL}", value, until=FOREVER)
        assert fetch(open_pages(store), index).body == b"one"


def test_a_failed_request_ends_the_claim() -> None:
    store = MemoryStore()

    def fail(validator: str) -> Response:
        raise FetchError("no answer", url=URL)

    with pytest.raises(FetchError):
        open_pages(store).fetch(URL, known_validator="", find_id=lambda url: "", request=fail)
    assert not store.claims


def test_a_run_that_ends_while_it_waits_leaves_the_claim_of_the_other() -> None:
    store, cancelled = MemoryStore(), Cancellation()
    SnapshotStore(store, "monday").claim(f"page\n{URL}", for_s=60.0)
    cancelled.cancel()
    pages = SnapshotPages(SnapshotStore(store, "monday"), wait=cancelled.wait)
    with pytest.raises(RunCancelledError):
        fetch(pages, Index())
    assert store.claims


def test_workers_wait_for_the_one_that_fetches(tmp_path: Path) -> None:
    index, begun, may_go = Index(), threading.Event(), threading.Event()
    found: list[bytes | None] = []

    def request(validator: str) -> Response:
        begun.set()
        assert may_go.wait(10)
        return index.request(validator)

    def work() -> None:
        pages = SnapshotPages(SnapshotStore(FolderStore(tmp_path), "monday"), wait=lambda delay_s: may_go.set())
        response = pages.fetch(URL, known_validator="", find_id=lambda url: "", request=request)
        if response.store is not None:
            response.store()
        found.append(response.body)

    first = threading.Thread(target=work)
    first.start()
    assert begun.wait(10)
    others = [threading.Thread(target=work) for _ in range(4)]
    for one in others:
        one.start()
    for one in (first, *others):
        one.join(20)
    assert found == [b"one"] * 5
    assert index.requests == [""]


def test_a_row_with_signatures_is_stale_in_its_snapshot_too() -> None:
    store = MemoryStore()
    rows = SnapshotStore(store, "monday")
    identity = rows.put(ROW, b"row", until=0.0)
    state = rows.find_state(ROW)
    assert state == (0.0, identity)
    found = rows.get(ROW)
    assert found is not None and found.state == state


def test_rows_of_the_latest_snapshot_are_stale_until_they_are_confirmed() -> None:
    store = MemoryStore()
    identity = SnapshotStore(store, "monday").put(ROW, b"row", until=1.0)
    rows = SnapshotStore(store, "tuesday")
    assert rows.find_state(ROW) == (0.0, identity)
    assert SnapshotStore(store, "tuesday", uses_latest=False).get(ROW) is None
    rows.expire(ROW, 5.0, identity=identity + 1)
    assert rows.find_state(ROW) == (0.0, identity)
    rows.expire(ROW, 5.0, identity=identity)
    found = rows.get(ROW)
    assert found is not None and found.state.until > 5.0 and bytes(found.value) == b"row"


def test_a_row_that_is_not_trusted_is_parsed_anew_by_the_next_snapshot() -> None:
    store = MemoryStore()
    rows = SnapshotStore(store, "monday")
    identity = rows.put(ROW, b"row", until=1.0)
    rows.expire(ROW, -1.0, identity=identity)
    assert rows.get(ROW) is not None
    assert SnapshotStore(store, "tuesday").get(ROW) is None


def test_other_values_are_those_of_the_store() -> None:
    store = MemoryStore()
    snapshot = SnapshotStore(store, "monday")
    identity = snapshot.put("answer\n1", b"text", until=3.0)
    snapshot.expire("answer\n1", 4.0, identity=identity)
    found = store.get("answer\n1")
    assert found is not None and (bytes(found.value), found.state) == (b"text", (4.0, identity))
    assert snapshot.find_state("answer\n1") == (4.0, identity)
    snapshot.prune()
