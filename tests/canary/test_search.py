"""The search itself: what it is for is found wherever it could be."""

from __future__ import annotations

import base64
import gzip
import io
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.canary.children import ProcessWatch, write_wrapper
from tests.canary.planted import Canary
from tests.canary.secret_search import STEM, find_canaries, search_files

CANARY = Canary.SIGV4.text.encode()


def pack_into_wheel(data: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", data)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        CANARY,
        b"SQLite format 3\x00\x01" + CANARY + b"\x00\xff",
        quote(CANARY, safe="").encode(),
        "".join(f"%{byte:02x}" for byte in CANARY).encode(),
        *(base64.b64encode(b"u" * shift + CANARY) for shift in range(6)),
        base64.urlsafe_b64encode(b"robot:" + CANARY),
        b"head" + gzip.compress(b"x" * 999 + CANARY, mtime=0),
        *(b"head" + zlib.compress(CANARY, level) for level in (0, 1, 6, 9)),
        gzip.compress(base64.b64encode(b"ab" + CANARY), mtime=0),
        pack_into_wheel(b"x" * 99 + CANARY),
        CANARY.decode().encode("utf-16"),
    ],
)
def test_canary_is_found_however_it_is_written(data: bytes) -> None:
    assert find_canaries(data) != []


def test_names_of_files_and_targets_of_links_are_searched(tmp_path: Path) -> None:
    (tmp_path / STEM).write_text("")
    (tmp_path / "link").symlink_to(f"../{STEM}")
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "list.txt").write_text(STEM)
    found = search_files([tmp_path], but=[tmp_path / "own"])
    assert [text.partition(": ")[0] for text in found] == [f"{tmp_path.name}/{STEM}", f"{tmp_path.name}/link"]


def test_all_canaries_are_different_and_begin_alike() -> None:
    assert len({canary.text for canary in Canary}) == len(Canary) > 20
    assert all(canary.text.startswith(STEM) for canary in Canary)


def test_argv_and_environment_of_what_children_start_are_noted(tmp_path: Path) -> None:
    inner = "import time; time.sleep(0.3)"
    words = f"[sys.executable, '-c', {inner!r}, 'c-argument']"
    outer = f"import subprocess, sys; subprocess.run({words}, env={{'A': 'c-variable'}})"
    root = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {outer!r}])"
    with subprocess.Popen([sys.executable, "-c", root]) as process:
        watch = ProcessWatch(process.pid, tmp_path / "record")
        process.wait()
        watch.stop()
    noted = (tmp_path / "record").read_text()
    assert "c-argument\n" in noted
    assert "A=c-variable\n" in noted


def test_program_in_front_notes_what_it_is_told_and_becomes_the_real_one(tmp_path: Path) -> None:
    write_wrapper(tmp_path / "bin", tmp_path, "git")
    done = subprocess.run(
        [tmp_path / "bin" / "git", "--version"],
        env={"PATH": "/usr/bin:/bin", "B": "c"},
        capture_output=True,
        check=True,
    )
    assert done.stdout.startswith(b"git version")
    noted = "".join(path.read_text() for path in tmp_path.glob("git-*.txt"))
    assert "--version\n" in noted
    assert "B=c\n" in noted
