"""The store: values come back as they were put or not at all, whatever other processes and disks do to its files."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

import resolver
from resolver.fetch.http.freshness import LONGEST_LIFETIME_S
from resolver.fetch.store import FOREVER, FolderStore, find_product, is_current

KEY = "rows\ntarget\nindex https://index.example/simple/\na"


def list_files(folder: Path) -> list[Path]:
    return sorted(path for path in (folder / "store-v1").rglob("*") if path.is_file())


def stored_file(folder: Path) -> Path:
    (file,) = list_files(folder)
    return file


def test_value_is_found_as_it_was_put(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "new")
    assert (store.get(KEY), store.find_state(KEY)) == (None, None)
    identity = store.put(KEY, b"value", until=12.5)
    for one in (store, FolderStore(tmp_path / "new")):
        entry = one.get(KEY)
        assert entry is not None
        assert (bytes(entry.value), entry.state) == (b"value", (12.5, identity))
        assert one.find_state(KEY) == (12.5, identity)
    assert store.get(f"{KEY}b") is None


def test_empty_value_is_a_value(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    store.put(KEY, b"", until=FOREVER)
    entry = store.get(KEY)
    assert entry is not None and (bytes(entry.value), entry.state.until) == (b"", FOREVER)


def test_expiry_changes_the_instant_alone(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    identity = store.put(KEY, b"value", until=1.0)
    inode = stored_file(tmp_path).stat().st_ino
    store.expire(KEY, 99.0, identity=identity)
    store.expire(KEY, 5.0, identity=identity + 1)
    entry = store.get(KEY)
    assert entry is not None and (bytes(entry.value), entry.state) == (b"value", (99.0, identity))
    assert stored_file(tmp_path).stat().st_ino == inode
    store.expire("absent", 1.0, identity=identity)


def test_every_damaged_byte_makes_a_miss(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    store.put(KEY, b"value", until=1.0)
    file = stored_file(tmp_path)
    intact = file.read_bytes()
    for place in range(len(intact)):
        file.write_bytes(intact[:place] + bytes([intact[place] ^ 0x41]) + intact[place + 1 :])
        assert store.get(KEY) is None, place


def test_every_shortened_file_is_a_miss(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    store.put(KEY, b"value", until=1.0)
    file = stored_file(tmp_path)
    intact = file.read_bytes()
    for length in range(len(intact)):
        file.write_bytes(intact[:length])
        assert store.get(KEY) is None, length
    file.write_bytes(intact + b"more")
    assert store.get(KEY) is None


def test_value_under_the_name_of_another_key_is_a_miss(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    store.put(KEY, b"value", until=1.0)
    first = stored_file(tmp_path)
    store.put("other", b"other", until=1.0)
    (other,) = (path for path in list_files(tmp_path) if path != first)
    other.write_bytes(first.read_bytes())
    assert store.get("other") is None


def test_folder_that_cannot_be_written_keeps_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    store = FolderStore(tmp_path / "file")
    store.put(KEY, b"value", until=1.0)
    assert store.get(KEY) is None
    assert store.claim(KEY, for_s=10.0) == 0.0
    store.release(KEY)
    store.expire(KEY, 1.0, identity=1)
    store.prune()


def test_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    FolderStore(tmp_path).put(KEY, b"value", until=1.0)
    file = stored_file(tmp_path)
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (file, file.parent, file.parent.parent)]
    assert modes == [0o600, 0o700, 0o700]


def test_claim_holds_until_it_is_released_or_old(tmp_path: Path) -> None:
    one, other = FolderStore(tmp_path), FolderStore(tmp_path)
    assert one.claim(KEY, for_s=100.0) == 0.0
    assert 90.0 < other.claim(KEY, for_s=100.0) <= 100.0
    assert other.claim("another", for_s=100.0) == 0.0
    one.release(KEY)
    assert other.claim(KEY, for_s=100.0) == 0.0
    (path,) = (path for path in list_files(tmp_path) if path.name.startswith(one._find_path(KEY)[-40:]))
    os.utime(path, (time.time() - 101, time.time() - 101))
    assert one.claim(KEY, for_s=100.0) == 0.0
    assert other.claim(KEY, for_s=100.0) > 0.0
    os.utime(path, (time.time() + 1000, time.time() + 1000))
    assert one.claim(KEY, for_s=100.0) == 0.0


def test_values_that_were_used_last_long_ago_are_removed(tmp_path: Path) -> None:
    store, now = FolderStore(tmp_path, limit_bytes=16 * 10_000), time.time()
    for number in range(400):
        store.put(f"{number}", bytes(1000), until=FOREVER)
    for number in range(400):
        os.utime(store._find_path(f"{number}"), (now - 3 * 86_400 - number, now - 3 * 86_400 - number))
    for number in range(350, 400):
        assert store.get(f"{number}") is not None  # Notes their use.
    store.prune()
    kept = {number for number in range(400) if store.find_state(f"{number}") is not None}
    assert sum(path.stat().st_size for path in list_files(tmp_path)) <= 16 * 10_000
    assert len(kept) > 100
    assert kept >= set(range(350, 400))


def test_run_that_writes_nothing_removes_nothing(tmp_path: Path) -> None:
    FolderStore(tmp_path).put(KEY, bytes(1000), until=FOREVER)
    store = FolderStore(tmp_path, limit_bytes=16)
    assert store.get(KEY) is not None
    store.prune()
    assert store.get(KEY) is not None
    store.put(KEY, bytes(1000), until=FOREVER)
    store.prune()
    assert store.get(KEY) is None


def test_files_of_killed_processes_are_removed(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    store.put(KEY, b"value", until=FOREVER)
    folder = stored_file(tmp_path).parent
    for name in ("x.0123.tmp", "x.claim", "y.0123.tmp"):
        (folder / name).write_bytes(b"")
        if name[0] == "x":
            os.utime(folder / name, (0, 0))
    store.prune()
    assert {path.name for path in folder.iterdir()} == {stored_name(store), "y.0123.tmp"}


def stored_name(store: FolderStore) -> str:
    return Path(store._find_path(KEY)).name


def test_caches_of_earlier_versions_are_removed_once(tmp_path: Path) -> None:
    for name in ("pages-v1", "metadata-v2", "answers-v1", "git-v1"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_bytes(b"old")
    (tmp_path / "responses-v1.log").write_bytes(b"old")
    FolderStore(tmp_path).put(KEY, b"value", until=FOREVER)
    assert {path.name for path in tmp_path.iterdir()} == {"git-v1", "store-v1"}


WRITER = """
import sys
from pathlib import Path
from resolver.fetch.store import FolderStore
store, mark = FolderStore(Path(sys.argv[1]), limit_bytes=16 * 20_000), sys.argv[2].encode()
print("ready", flush=True)
number = 0
while True:
    number += 1
    key = f"{number % 20}"
    value = mark * (number % 3000 + 1)
    identity = store.put(key, value, until=float(number))
    store.expire(key, number + 0.5, identity=identity)
    if not number % 50:
        store.prune()
"""


def test_processes_that_are_killed_leave_whole_values(tmp_path: Path) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), mark], stdout=subprocess.PIPE) for mark in "abc"
    ]
    try:
        for writer in writers:
            assert writer.stdout is not None and writer.stdout.readline() == b"ready\n"
        store = FolderStore(tmp_path)
        seen: set[tuple[int, bytes]] = set()
        ends_at = time.monotonic() + 20.0
        while len(seen) < 60 and time.monotonic() < ends_at:
            for key in range(20):
                entry = store.get(f"{key}")
                if entry is not None:
                    value = bytes(entry.value)
                    assert value == value[:1] * len(value) and value[:1] in b"abc"
                    seen.add((key, value[:1]))
    finally:
        for writer in writers:
            writer.kill()
            writer.wait()
            assert writer.stdout is not None
            writer.stdout.close()
    assert len(seen) == 60
    for key in range(20):
        entry = store.get(f"{key}")
        assert entry is None or len(set(bytes(entry.value))) == 1


def test_product_changes_with_every_room_that_decides_an_answer_and_no_other() -> None:
    product = find_product()
    assert product is not None
    folder = Path(resolver.__file__).parent
    rooms = {
        Path(line.split(" ")[0]).relative_to(folder).parts[0]
        for line in product.splitlines()
        if line.startswith(f"{folder}{os.sep}")
    }
    assert rooms >= {"fetch", "index", "locking", "requirements", "solve", "targets"}
    assert not rooms & {"artifacts", "cli", "sources"}


@pytest.mark.parametrize(
    ("until", "expected"), [(1000.0 + LONGEST_LIFETIME_S, True), (1001.0 + LONGEST_LIFETIME_S, False), (1000.0, False)]
)
def test_page_that_would_be_fresh_for_longer_than_a_day_is_of_a_wrong_clock(until: float, expected: bool) -> None:
    assert is_current(until, now=1000.0) is expected
