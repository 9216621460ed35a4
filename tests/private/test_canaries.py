"""No secret is left anywhere: not by a lock, a fetch, an export, a failure, nor by a run that is killed."""

from __future__ import annotations

import logging
import os
import re
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lockfiles import digest
from resolver.errors import PinfoldError
from resolver.plan import plan_lock
from resolver.settings import Settings
from resolver.sources.reader import read_source
from resolver.workflow import Access, Locker
from tests.cli.verbs import run_verb
from tests.command import Project, Run, start_process
from tests.git_server import GitServer
from tests.private.buckets import Bucket
from tests.private.canaries import Planted
from tests.private.children import ChildWatcher
from tests.private.leaks import find_leaks, spell
from tests.servers import Answer, IndexServer

MINOR = f"{sys.version_info.major}.{sys.version_info.minor}"
LOCK = ("--python", MINOR, "-o", "pylock.toml")


@pytest.fixture
def planted(project: Project, bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Planted]:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    (tmp_path / "served").mkdir()
    with IndexServer() as other, GitServer(tmp_path / "served") as git:
        yield Planted(project, other, bucket, git, tmp_path / "own")


def search(project: Project, planted: Planted, *texts: str | bytes) -> list[str]:
    """Where any of the secrets was found."""
    folders = [project.folder, project.cache, Path(os.environ["TMPDIR"])]
    secrets = {**planted.rotated, **planted.values}
    found = find_leaks(folders, secrets.values())
    for kind, value in secrets.items():
        for text in texts:
            data = text.encode() if isinstance(text, str) else text
            if any(spelling in data for spelling in spell(value)):
                found.append(f"{kind} in {data[:60]!r}…")
    return found


def lock(project: Project, planted: Planted, *words: str) -> Run:
    return project.lock(str(planted.list), *LOCK, *words)


def test_no_secret_of_any_kind_is_left_by_locking_fetching_and_exporting(
    project: Project, planted: Planted, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    assert len(planted.values) >= 14
    reaching = ("--list", str(planted.list), "--allow-host", "127.0.0.1")
    with ChildWatcher() as children:
        runs = [lock(project, planted)]
        first = (project.folder / "pylock.toml").read_bytes(), digest(project.load())
        planted.write_list()
        runs.append(lock(project, planted, "--refresh"))
        runs += [
            run_verb(project, "fetch", "--to", "wheels", *reaching),
            run_verb(project, "hydrate", "-o", str(planted.own / "pylock.hydrated.toml"), *reaching[:2]),
            run_verb(project, "export", "--format", "requirements", "-o", "exported.txt"),
        ]

    assert [(run.code, run.err if run.code else "") for run in runs] == [(0, "")] * len(runs)
    assert ((project.folder / "pylock.toml").read_bytes(), digest(project.load())) == first
    assert children.seen or not Path("/proc/self/environ").exists()
    records = "\n".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.records)
    told = [text for run in runs for text in (run.out, run.err)]
    assert "httpcore" in records
    assert search(project, planted, records, children.text, planted.dump.read_bytes(), *told) == []
    assert planted.values["git"] in (planted.own / "pylock.hydrated.toml").read_text()


def test_rotating_every_secret_changes_no_byte_and_downloads_nothing(
    project: Project, planted: Planted, bucket: Bucket
) -> None:
    assert lock(project, planted).code == 0
    before = (project.folder / "pylock.toml").read_bytes(), digest(project.load())
    planted.rotate()
    bucket.log.clear()
    project.server.log.clear()

    run = lock(project, planted, "--refresh")

    assert run.code == 0, run.err
    assert ((project.folder / "pylock.toml").read_bytes(), digest(project.load())) == before
    wheels = re.compile("/files/.*[.]whl")
    asked = [request for request in project.server.log if wheels.fullmatch(request.path)]
    assert asked and bucket.log
    assert [request.path for request in asked if "range" not in request.headers] == []
    assert bucket.downloads == []
    assert search(project, planted, run.out, run.err) == []


@pytest.mark.parametrize("stage", ["page", "file", "git", "solution", "list", "build"])
def test_no_secret_is_told_by_a_failure(project: Project, planted: Planted, stage: str) -> None:
    match stage:
        case "page":
            project.server.always["/simple/plain/"] = Answer(status=401)
        case "file":
            planted.write_list(
                f"{project.server.base_url}/nothing-1.0-py3-none-any.whl?token={planted.values['azure']}"
            )
        case "git":
            planted.write_list()
            planted._git.token = "another"
        case "solution":
            planted.write_list("plain>1.0")
        case "list":
            planted.write_list(f"https://me:{planted.values['index']}@files.example/a b.whl", "-e nothing")
        case "build":
            planted.write_list(f"git+{project.server.base_url.replace('//', '//me:' + planted.values['git'] + '@')}/x")

    run = project.lock_in_process(
        str(planted.list), *LOCK, "-v", **{name: os.environ[name] for name in os.environ if _is_planted(name)}
    )

    assert run.code in (2, 3, 4), run.err
    assert search(project, planted, run.out, run.err, _format_failure(project, planted)) == []


def test_no_secret_is_left_by_a_run_that_is_killed(project: Project, planted: Planted) -> None:
    project.server.latency_s = 0.2
    environment = {name: os.environ[name] for name in os.environ if _is_planted(name)}
    words = [str(planted.list), *LOCK, "-v", "--cache-dir", str(project.cache)]
    process = start_process(words, project.folder, environment=environment)
    deadline = time.monotonic() + 30
    while len(project.server.log) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    out, err = process.communicate(timeout=30)

    assert process.returncode == -signal.SIGKILL, err
    assert search(project, planted, out, err) == []


def _is_planted(name: str) -> bool:
    return name.startswith(("CANARY", "PINFOLD", "HTTPS_PROXY", "NO_PROXY", "NETRC", "TMPDIR", "AWS_"))


def _format_failure(project: Project, planted: Planted) -> str:
    """The traceback of the same failure, with the locals of all frames."""
    try:
        source = read_source(str(planted.list), folder=project.folder)
        plan = plan_lock(
            source,
            arguments=Settings(python=MINOR),
            path=None,
            old=None,
            folder=project.folder,
            variables=os.environ,
            now=datetime.now(UTC),
        )
        with Locker([plan], access=Access(cache_folder=project.cache)) as locker:
            locker.lock(plan)
    except PinfoldError as error:
        return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    raise AssertionError("it does not fail")
