"""Ctrl-C in the middle of requests."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.fetch.http.test_session import start
from tests.servers import Answer, IndexServer


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
