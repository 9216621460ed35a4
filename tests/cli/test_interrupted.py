"""A run that is cut off: what was there before is there afterwards, and nothing half-written beside it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from tests.command import Project, start_process
from tests.loopback import Answer, Request
from tests.servers import IndexServer, wheel

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals that one process sends another")


@pytest.fixture(autouse=True)
def locked(project: Project) -> None:
    project.server.cache_control = None
    project.server.add("a", wheel("a", "1.0", ["b"]))
    project.server.add("b", wheel("b", "1.0"))
    project.write_list("a")
    assert project.lock("requirements.txt").code == 0
    project.server.add("b", wheel("b", "2.0"))
    project.server.log.clear()
    project.server.latency_s = 30.0


def start(project: Project, *argv: str) -> subprocess.Popen[str]:
    """A run that has sent its first request and waits for the answer."""
    asked = wait_for_request(project.server)
    words = ["requirements.txt", "-U", "--refresh", "--python", "3.11", "--cache-dir", str(project.cache), *argv]
    process = start_process(words, project.folder)
    while not asked():
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    return process


def wait_for_request(server: IndexServer) -> Callable[[], bool]:
    """Whether a request has arrived since: answers are delayed, and so is the server's log."""
    arrived: list[str] = []
    respond = server.respond

    def noted(request: Request) -> Answer:
        arrived.append(request.path)
        return respond(request)

    server.respond = noted  # type: ignore[method-assign]  # What the server answers stays what it is.
    return lambda: bool(arrived)


def test_interrupted_run_exits_with_130_and_leaves_the_old_lock(project: Project) -> None:
    before, files = project.read(), project.files()
    process = start(project)

    process.send_signal(signal.SIGINT)
    # Long before the server would have answered.
    out, err = process.communicate(timeout=15)

    assert (process.returncode, out) == (130, "")
    assert err == "interrupted: nothing was written that is not whole\n"
    assert (project.read(), project.files()) == (before, files)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_run_that_is_told_to_end_does_as_when_interrupted(project: Project, number: signal.Signals) -> None:
    before, files = project.read(), project.files()
    process = start(project)

    process.send_signal(number)
    out, err = process.communicate(timeout=15)

    assert (process.returncode, out, err) == (130, "", "interrupted: nothing was written that is not whole\n")
    assert (project.read(), project.files()) == (before, files)


def test_interrupted_first_run_leaves_no_file(project: Project) -> None:
    (project.folder / "pylock.toml").unlink()
    process = start(project)

    process.send_signal(signal.SIGINT)

    assert process.wait(timeout=15) == 130
    process.communicate()
    assert project.files() == ["requirements.txt"]


def test_interrupted_run_prints_no_half_document(project: Project) -> None:
    process = start(project, "--json")

    process.send_signal(signal.SIGINT)

    assert process.communicate(timeout=15)[0] == ""
    assert process.returncode == 130


def test_killed_run_leaves_the_old_lock(project: Project) -> None:
    before, files = project.read(), project.files()
    process = start(project)

    process.kill()

    assert process.wait(timeout=15) == -signal.SIGKILL
    process.communicate()
    assert (project.read(), project.files()) == (before, files)


def test_run_after_a_killed_one_works_with_its_cache(project: Project) -> None:
    process = start(project)
    process.kill()
    process.communicate(timeout=15)
    project.server.latency_s = 0.0

    assert project.lock("requirements.txt", "-U").code == 0
    assert project.pins() == {"a": "1.0", "b": "2.0"}


def test_reader_that_goes_away_is_no_bug(project: Project) -> None:
    project.server.latency_s = 0.0
    words = ["requirements.txt", "-o", "-", "-q", "--python", "3.11", "--cache-dir", str(project.cache)]
    process = start_process(words, project.folder)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()

    with process.stderr as stream:
        assert stream.read() == ""
    assert process.wait(timeout=30) == 141
