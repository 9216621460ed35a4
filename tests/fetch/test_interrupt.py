"""Ctrl-C, a deadline and a cancelled run in the middle of requests."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.command import child_environment
from tests.fetch.http.test_http_session import start
from tests.servers import Answer, IndexServer, wheel

_LOCK = """
import asyncio, os, sys, threading, time
from pathlib import Path
from resolver import Access, Cancellation, Settings, lock
from resolver.errors import RunCancelledError

cache, url, way, reader_count, *names = sys.argv[1:]
cancellation = Cancellation(after_s=1.0 if way == "deadline" else None)
access = Access(cache_folder=Path(cache), cancellation=cancellation, reader_count=int(reader_count))

def lock_all():
    lock(names, python="3.11", settings=Settings(index_url=url), access=access)

async def cancel_soon():
    work = asyncio.create_task(asyncio.to_thread(lock_all))
    await asyncio.sleep(1.0)
    cancellation.cancel()
    await work

try:
    lock_all() if way == "deadline" else asyncio.run(cancel_soon())
except RunCancelledError as error:
    print(error)

def find_left():
    threads = [thread.name for thread in threading.enumerate() if thread.name.startswith("pinfold")]
    return threads + Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()

ends_at = time.monotonic() + 10
while find_left() and time.monotonic() < ends_at:
    time.sleep(0.05)
print(find_left(), os.listdir(os.environ["TMPDIR"]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT cannot be sent to one process there")
def test_interrupt_ends_a_run_while_all_its_requests_hang(server: IndexServer, tmp_path: Path) -> None:
    names = [f"p{number}" for number in range(40)]
    for name in names:
        server.always[f"/simple/{name}/"] = Answer(delay_s=60.0)
    process = start(server, tmp_path / "cache", *names)
    while server.open_requests < 10:
        assert process.poll() is None
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert process.returncode in (-signal.SIGINT, 130)
    assert errors.strip().endswith("KeyboardInterrupt")


@pytest.mark.skipif(sys.platform != "linux", reason="child processes are found in /proc")
@pytest.mark.parametrize(
    ("way", "shown"),
    [
        ("deadline", "the run took longer than 1 s\n  try: a longer `--run-timeout`"),
        ("cancel", "the run was cancelled\n"),
    ],
)
def test_cancelled_run_leaves_nothing(server: IndexServer, tmp_path: Path, way: str, shown: str) -> None:
    server.add("a", wheel("a", "1.0", metadata=None))
    server.ranges = "ignored"
    # Some requests hang before their answer, others have begun: a whole wheel is read into a temporary folder.
    server.always["/files/a-1.0-py3-none-any.whl"] = Answer(body=bytes(1000), length=100_000)
    names = ["a", *(f"p{number}" for number in range(9))]
    for name in names[1:]:
        server.always[f"/simple/{name}/"] = Answer(delay_s=60.0)
    (tmp_path / "tmp").mkdir()
    arguments = [str(tmp_path / "cache"), server.index_url, way, "2", *names]
    done = subprocess.run(
        [sys.executable, "-c", _LOCK, *arguments],
        env=child_environment(tmp_path, TMPDIR=str(tmp_path / "tmp")),
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=True,
    )
    assert done.stdout.startswith(shown)
    assert done.stdout.splitlines()[-1] == "[] []"
