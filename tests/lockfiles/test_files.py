from __future__ import annotations

import errno
import hashlib
import os
import socket
import stat
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockfiles._files import (
    hash_bytes,
    hash_file,
    open_regular,
    read_regular,
    remove_strays,
    replace_file,
    temporary_file,
)


@given(st.binary(max_size=300))
def test_the_hash_is_that_of_hashlib(data: bytes) -> None:
    assert hash_bytes(data) == hashlib.sha256(data).hexdigest()


def test_the_hash_of_a_file_is_that_of_its_content(tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(b"pinfold" * 100_000)
    assert hash_file(path) == hash_bytes(path.read_bytes())


def test_a_replaced_file_has_the_new_content_and_the_given_mode(tmp_path: Path) -> None:
    path = tmp_path / "pylock.toml"
    path.write_bytes(b"old")
    replace_file(path, b"new", mode=0o640, is_durable=True)
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert list(tmp_path.iterdir()) == [path]


def test_a_replacement_that_fails_leaves_no_file_beside_the_target(tmp_path: Path) -> None:
    target = tmp_path / "folder"
    target.mkdir()
    (target / "file").touch()
    with pytest.raises(OSError, match="irectory"):
        replace_file(target, b"new")
    assert list(tmp_path.iterdir()) == [target]


def _make_socket(path: Path) -> None:
    # The path of a socket may have about 100 characters, which that of the test may exceed.
    before = Path.cwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(path.name)
    finally:
        os.chdir(before)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda path: path.mkdir(), os.strerror(errno.EISDIR)),
        (os.mkfifo, "it is a pipe, not a file"),
        (lambda path: path.symlink_to("/dev/zero"), "it is a device, not a file"),
        (_make_socket, "it is a socket, not a file"),
    ],
)
def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path, make: Callable[[Path], None], why: str) -> None:
    make(tmp_path / "it")
    for read in (open_regular, read_regular, hash_file):
        with pytest.raises(OSError, match=why) as caught:
            read(tmp_path / "it")
        assert caught.value.strerror == why


def test_a_link_to_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "link").symlink_to("file")
    assert read_regular(tmp_path / "link") == b"content"


def test_a_file_above_the_limit_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(OSError, match="larger than 8388608 bytes") as caught:
        read_regular(path)
    assert caught.value.errno == errno.EFBIG
    path.write_bytes(b"12345")
    assert read_regular(path, limit_bytes=5) == b"12345"
    with pytest.raises(OSError, match="larger than"):
        read_regular(path, limit_bytes=4)


@pytest.mark.parametrize("name", ["a\0b", "\ud800"])
def test_a_path_that_no_system_has_is_an_error_of_the_system(name: str) -> None:
    with pytest.raises(OSError, match="no path may have"):
        read_regular(Path(name))


def leave_stray(folder: Path, name: str) -> Path:
    """What a process leaves that is killed while it writes: a temporary file without a lock."""
    stray = folder / f".{name}.0123456789ab.tmp"
    stray.write_bytes(b"half")
    return stray


def test_a_temporary_file_of_a_killed_process_is_removed(tmp_path: Path) -> None:
    leave_stray(tmp_path, "pylock.toml")
    remove_strays(tmp_path, "pylock.toml")
    assert list(tmp_path.iterdir()) == []


def test_a_temporary_file_of_another_file_is_left_alone(tmp_path: Path) -> None:
    stray = leave_stray(tmp_path, "pylock.other.toml")
    remove_strays(tmp_path, "pylock.toml")
    assert list(tmp_path.iterdir()) == [stray]


def test_all_temporary_files_are_removed_where_no_file_is_named_and_nothing_else_is(tmp_path: Path) -> None:
    leave_stray(tmp_path, "a")
    leave_stray(tmp_path, "b")
    kept = [tmp_path / ".a.tmp", tmp_path / "a.0123456789ab.tmp", tmp_path / ".a.0123456789AB.tmp"]
    for path in kept:
        path.touch()
    remove_strays(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted(kept)


def test_a_link_with_the_name_of_a_temporary_file_is_left_alone(tmp_path: Path) -> None:
    link = tmp_path / ".a.0123456789ab.tmp"
    link.symlink_to(tmp_path / "nothing")
    remove_strays(tmp_path)
    assert link.is_symlink()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows locks no files here")
def test_a_temporary_file_in_use_is_left_alone(tmp_path: Path) -> None:
    with temporary_file(tmp_path / "a") as temporary:
        remove_strays(tmp_path)
        assert list(tmp_path.iterdir()) == [temporary]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows locks no files here")
def test_a_file_that_another_process_takes_for_a_stray_one_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl  # Not on Windows.

    true_open = os.open
    taken: list[str] = []

    def open_and_take(path: Path, *rest: int) -> int:
        """Open a new file, which the other process locks and removes before this one can lock it."""
        descriptor = true_open(path, *rest)
        if not taken:
            taken.append(path.name)
            other = true_open(path, os.O_WRONLY)
            fcntl.flock(other, fcntl.LOCK_EX)
            path.unlink()
            threading.Timer(0.05, os.close, (other,)).start()
        return descriptor

    monkeypatch.setattr(os, "open", open_and_take)
    replace_file(tmp_path / "a", b"1")

    assert len(taken) == 1
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a", b"1")]


def test_a_folder_that_is_not_there_has_no_strays(tmp_path: Path) -> None:
    remove_strays(tmp_path / "nothing")
