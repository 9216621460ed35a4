"""Stores of many machines, against a real Redis server and the S3 API: values come back whole or not at all."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import fsspec  # type: ignore[import-untyped]  # it has no annotations
import pytest
from fsspec.implementations.memory import MemoryFileSystem  # type: ignore[import-untyped]  # as above

from lockfiles import dumps
from resolver import Session, Settings
from resolver.errors import InputError
from resolver.fetch.shared_stores import MemoryStore, RemoteStore, open_address
from resolver.fetch.store import FOREVER, FolderStore
from tests.private.buckets import MotoServer
from tests.private.leaks import spell
from tests.servers import Answer, IndexServer, wheel

KEY = "rows\ntarget\nindex https://index.example/simple/\na"
LIMIT_BYTES = 10**9
SECRET = "canary-Vt4-password"


@pytest.fixture(scope="module")
def redis_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("needs the program `redis-server`")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path_factory.mktemp("redis"))]
    process = subprocess.Popen([program, *options], stdout=subprocess.DEVNULL)
    try:
        wait_for(port)
        yield port
    finally:
        process.kill()
        process.wait()


def wait_for(port: int) -> None:
    for _ in range(600):
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError("redis-server does not start")


@pytest.fixture(scope="module")
def s3() -> Iterator[MotoServer]:
    with MotoServer() as server:
        yield server


@pytest.fixture(params=["folder", "memory://", "redis", "s3"])
def address(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "redis":
        port = request.getfixturevalue("redis_port")
        connect(port).flushall()
        return f"redis://127.0.0.1:{port}/0"
    if request.param == "s3":
        server = request.getfixturevalue("s3")
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.port}")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        return f"s3://wheels/{tmp_path.name}"
    return str(tmp_path) if request.param == "folder" else f"memory://{tmp_path.name}"


def connect(port: int) -> Any:
    import redis

    return redis.Redis(port=port)


def open_store(address: str) -> FolderStore | RemoteStore:
    return open_address(address, limit_bytes=LIMIT_BYTES)


def test_value_is_found_as_it_was_put(address: str) -> None:
    store = open_store(address)
    assert (store.get(KEY), store.find_state(KEY)) == (None, None)
    identity = store.put(KEY, b"value", until=12.5)
    for one in (store, open_store(address)):
        entry = one.get(KEY)
        assert entry is not None
        assert (bytes(entry.value), entry.state) == (b"value", (12.5, identity))
        assert one.find_state(KEY) == (12.5, identity)
    assert store.put(KEY, b"", until=FOREVER) != identity
    entry = store.get(KEY)
    assert entry is not None and bytes(entry.value) == b""
    store.prune()


def test_expiry_changes_the_instant_alone(address: str) -> None:
    store = open_store(address)
    identity = store.put(KEY, b"value", until=1.0)
    store.expire(KEY, 99.0, identity=identity)
    store.expire(KEY, 5.0, identity=identity + 1)
    entry = store.get(KEY)
    assert entry is not None and (bytes(entry.value), entry.state) == (b"value", (99.0, identity))
    store.expire("absent", 1.0, identity=identity)
    assert store.get("absent") is None


def test_one_worker_has_a_claim(address: str) -> None:
    one, other = open_store(address), open_store(address)
    assert one.claim(KEY, for_s=60.0) == 0.0
    assert 0.0 < other.claim(KEY, for_s=60.0) <= 60.0
    one.release(KEY)
    assert other.claim(KEY, for_s=60.0) == 0.0
    other.release(KEY)
    other.release(KEY)


def test_a_claim_of_a_killed_worker_ends(address: str) -> None:
    one, other = open_store(address), open_store(address)
    one.claim(KEY, for_s=1.0)
    ends_at = time.monotonic() + 30.0
    while other.claim(KEY, for_s=1.0) > 0.0:
        assert time.monotonic() < ends_at
    assert one.claim(KEY, for_s=1.0) > 0.0


class PlainFiles(MemoryFileSystem):  # type: ignore[misc]  # it has no annotations
    """A file system that knows no exclusive writes."""

    protocol = "plain"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **options: Any) -> None:
        if mode == "create":
            raise NotImplementedError(mode)  # As file systems of fsspec say that they lack it.
        super().pipe_file(path, value, **options)


def test_claims_are_made_without_exclusive_writes_too() -> None:
    fsspec.register_implementation("plain", PlainFiles, clobber=True)
    one, other = open_store("plain://place"), open_store("plain://place")
    assert one.claim(KEY, for_s=60.0) == 0.0
    assert 0.0 < other.claim(KEY, for_s=60.0) <= 60.0
    one.release(KEY)
    assert other.claim(KEY, for_s=60.0) == 0.0
    identity = one.put(KEY, b"value", until=1.0)
    assert other.find_state(KEY) == (1.0, identity)


class Changing:
    """`Values` in memory that a test may damage; with `error`, each call fails."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}
        self.error: Exception | None = None
        self.calls = 0

    def read(self, name: str, *, size_bytes: int | None = None) -> bytes | None:
        self._count()
        data = self.values.get(name)
        return None if data is None else data[:size_bytes]

    def write(self, name: str, data: bytes) -> None:
        self._count()
        self.values[name] = data

    def overwrite(self, name: str, at: int, data: bytes) -> None:
        self._count()
        whole = self.values[name]
        self.values[name] = whole[:at] + data + whole[at + len(data) :]

    def create(self, name: str, *, for_s: float) -> float:
        self._count()
        if name in self.values:
            return for_s
        self.values[name] = b""
        return 0.0

    def remove(self, name: str) -> None:
        self._count()
        self.values.pop(name, None)

    def _count(self) -> None:
        self.calls += 1
        if self.error is not None:
            raise self.error


def damage(data: bytes) -> Iterator[bytes]:
    """Each cut of some bytes, and each with a changed byte."""
    for at in range(len(data)):
        yield data[:at]
        yield data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
    yield data + b"x"


def test_a_damaged_value_is_none() -> None:
    values = Changing()
    store = RemoteStore(values)
    store.put(KEY, b"value", until=12.5)
    ((name, whole),) = values.values.items()
    for damaged in damage(whole):
        values.values[name] = damaged
        assert store.get(KEY) is None, damaged
    other = Changing()
    RemoteStore(other).put("other key", b"value", until=12.5)
    values.values[name] = next(iter(other.values.values()))
    assert store.get(KEY) is None


def test_a_server_that_fails_is_left_alone_for_a_while() -> None:
    values, now = Changing(), [0.0]
    store = RemoteStore(values, clock=lambda: now[0])
    identity = store.put(KEY, b"value", until=1.0)
    values.error = ValueError("of a library")
    calls = values.calls
    assert store.get(KEY) is None
    assert (store.find_state(KEY), store.claim(KEY, for_s=9.0)) == (None, 0.0)
    store.release(KEY)
    store.expire(KEY, 2.0, identity=identity)
    assert store.put(KEY, b"value", until=1.0) == identity
    assert values.calls == calls + 1
    values.error, now[0] = None, 60.0
    assert store.get(KEY) is not None


@pytest.mark.parametrize(
    "text",
    [
        "redis://:canary@cache.example",
        "redis://canary@cache.example",
        "rediss://user:canary@cache.example/0",
        "redis://${NAME}:canary@cache.example",
        "unix:///run/redis?password=canary",
    ],
)
def test_a_login_in_an_address_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="holds a login") as caught:
        open_address(text, limit_bytes=LIMIT_BYTES, variables={"NAME": "x"})
    assert "canary" not in str(caught.value)


def test_variables_of_an_address_are_those_of_the_process(redis_port: int) -> None:
    address = f"redis://:${{CACHE_LOGIN}}@127.0.0.1:{redis_port}"
    with pytest.raises(InputError, match="needs `CACHE_LOGIN`"):
        open_address(address, limit_bytes=LIMIT_BYTES, variables={})
    client = connect(redis_port)
    client.config_set("requirepass", SECRET)
    try:
        found = []
        for login in (SECRET, "other"):
            store = open_address(address, limit_bytes=LIMIT_BYTES, variables={"CACHE_LOGIN": login})
            store.put(KEY, b"value", until=1.0)
            found.append(store.get(KEY) is not None)
        assert found == [True, False]
    finally:
        client.auth(SECRET)
        client.config_set("requirepass", "")


def test_an_address_of_an_unknown_kind_is_refused() -> None:
    with pytest.raises(InputError, match="cannot open the store"):
        open_store("nothing://place")


def test_a_file_url_is_a_folder(tmp_path: Path) -> None:
    assert open_store(f"file://{tmp_path}") == open_store(str(tmp_path))


class TestMemory:
    """`MemoryStore`, above a folder."""

    def open(self, folder: Path, *, limit_bytes: int = 10_000) -> tuple[MemoryStore, FolderStore]:
        below = FolderStore(folder)
        return MemoryStore(below, limit_bytes=limit_bytes), below

    def test_values_are_found_without_the_store(self, tmp_path: Path) -> None:
        memory, below = self.open(tmp_path)
        below.put("content\n1", b"one", until=FOREVER)
        assert memory.get("content\n1") is not None
        memory.put("content\n2", b"two", until=FOREVER)
        shutil.rmtree(tmp_path)
        for key, value in (("content\n1", b"one"), ("content\n2", b"two")):
            found = memory.get(key)
            assert found is not None and bytes(found.value) == value
            assert memory.find_state(key) == found.state

    def test_values_that_were_used_first_are_removed_beyond_the_limit(self, tmp_path: Path) -> None:
        memory, _ = self.open(tmp_path)
        for number in range(200):
            memory.put(f"content\n{number}", bytes(1000), until=FOREVER)
            memory.get("content\n0")
            assert memory.size_bytes <= 10_000
        shutil.rmtree(tmp_path)
        assert memory.get("content\n0") is not None and memory.get("content\n199") is not None
        assert memory.get("content\n1") is None
        memory.put("large", bytes(10_000), until=FOREVER)
        shutil.rmtree(tmp_path)
        assert memory.get("large") is None
        memory.clear()
        assert (memory.size_bytes, memory.get("content\n0")) == (0, None)

    def test_a_value_that_another_process_has_changed_is_read_again(self, tmp_path: Path) -> None:
        memory, below = self.open(tmp_path)
        memory.put(KEY, b"old", until=1.0)
        identity = below.put(KEY, b"new", until=2.0)
        assert memory.find_state(KEY) == (2.0, identity)
        found = memory.get(KEY)
        assert found is not None and bytes(found.value) == b"new"

    def test_an_instant_is_changed_in_both(self, tmp_path: Path) -> None:
        memory, below = self.open(tmp_path)
        identity = memory.put(KEY, b"value", until=1.0)
        memory.expire(KEY, 7.0, identity=identity)
        memory.expire(KEY, 9.0, identity=identity + 1)
        found = memory.get(KEY)
        assert found is not None and found.state.until == 7.0
        assert below.find_state(KEY) == (7.0, identity)


@pytest.fixture
def server() -> Iterator[IndexServer]:
    with IndexServer() as server:
        server.cache_control = "max-age=0"
        server.add("anyio", wheel("anyio", "4.3.0", ["idna"]))
        server.add("idna", wheel("idna", "3.7"))
        yield server


def lock_in(session: Session, server: IndexServer, *, login: str = "") -> str:
    scheme, mark, rest = server.index_url.partition("://")
    settings = Settings(index_url=f"{scheme}{mark}{login}{rest}")
    return dumps(session.lock(["anyio"], python="3.11", settings=settings).lockfile)


def test_sessions_share_a_store(address: str, server: IndexServer) -> None:
    with Session(store=address, snapshot="monday") as session:
        before = lock_in(session, server)
    server.add("anyio", wheel("anyio", "4.4.0", ["idna"]))
    server.log.clear()
    with Session(store=address, snapshot="monday") as session:
        assert lock_in(session, server) == before
    assert server.paths() == []
    with Session(store=address) as session:
        assert "4.4.0" in lock_in(session, server)


def test_a_store_that_fails_changes_no_answer(
    address: str, server: IndexServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Session() as session:
        expected = lock_in(session, server)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free.getsockname()[1]}")
        for broken in ("redis://127.0.0.1:1", "/dev/null/folder", "s3://wheels/x"):
            with Session(store=broken, snapshot="monday") as session:
                assert lock_in(session, server) == expected


def read_all(address: str) -> bytes:
    """All names and values of a store."""
    scheme = address.partition("://")[0]
    if scheme == "redis":
        client = connect(int(address.rpartition(":")[2].partition("/")[0]))
        return b"\n".join(part for key in client.scan_iter() for part in (key, client.get(key) or b""))
    if scheme not in ("memory", "s3"):
        # The salt of the folder is beside the store.
        paths = [path for path in Path(address).rglob("*") if path.is_file()]
        return b"\n".join(part for path in paths for part in (str(path).encode(), path.read_bytes()))
    files, root = fsspec.core.url_to_fs(address, skip_instance_cache=True)
    return b"\n".join(part for path in files.find(root) for part in (path.encode(), files.cat_file(path)))


def test_a_store_holds_no_credentials(address: str, server: IndexServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PINFOLD_STORE_SALT", "canary-salt-of-the-fleet")

    def count_pages(login: str, *, snapshot: str | None = "monday") -> int:
        server.log.clear()
        with Session(store=address, snapshot=snapshot) as session:
            lock_in(session, server, login=login)
        return len(server.paths("/simple/"))

    assert count_pages(f"deploy:{SECRET}@") == 2
    # Who has the same login finds the pages, on another machine too; who has another one does not.
    assert count_pages(f"deploy:{SECRET}@") == 0
    assert count_pages("deploy:other@") == 2
    assert count_pages("") == 2
    assert count_pages(f"deploy:{SECRET}@", snapshot=None) > 0
    monkeypatch.setenv("PINFOLD_STORE_SALT", "another-salt")
    assert count_pages(f"deploy:{SECRET}@") == 2
    held = read_all(address)
    assert b"anyio" in held
    for canary in (SECRET, "canary-salt-of-the-fleet"):
        assert not [spelling for spelling in spell(canary) if spelling in held]


def test_a_store_holds_no_signed_link(address: str, server: IndexServer) -> None:
    signed = f"X-Amz-Credential=k%2F20990101%2Fx%2Fs3%2Faws4_request&X-Amz-Signature={SECRET}&X-Amz-Expires=60"
    file = server.projects["idna"][0]
    link = f'<a href="{server.base_url}/files/{file.filename}?{signed}#sha256={file.listed_sha256}">{file.filename}</a>'
    server.always["/simple/idna/"] = Answer(headers={"Content-Type": "text/html"}, body=link.encode())
    locks = []
    for _ in range(2):
        with Session(store=address, snapshot="monday") as session:
            locks.append(lock_in(session, server))
    assert locks[0] == locks[1] and "idna" in locks[0]
    held = read_all(address)
    assert b"idna" in held
    assert not [spelling for spelling in spell(SECRET) if spelling in held]
    # Each lock requests it: the links of an earlier run may have ended.
    assert server.paths().count("/simple/idna/") == 2
    assert server.paths().count("/simple/anyio/") == 1
