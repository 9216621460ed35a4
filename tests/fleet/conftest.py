"""A folder of lists, an index that serves them, and an output: what every test of a fleet starts with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import fsspec  # type: ignore[import-untyped]  # It has no types.
import pytest
from moto.server import ThreadedMotoServer

from resolver.fleet.cluster import open_client
from resolver.fleet.manifest import read_manifest
from resolver.fleet.run import FleetOptions
from resolver.fleet.tasks import FleetTask, TaskBuilder
from resolver.fleet.worker import WorkerOptions
from resolver.settings.settings import Settings
from tests.command import Project
from tests.servers import wheel

MACHINES = ("GPU-A100", "M")


class Fleet:
    """The lists below `apps` of a project, whose index has `web` (needs `http`), `http` and `log`."""

    def __init__(self, project: Project, tmp_path: Path, scheduler: str) -> None:
        self.project = project
        self.scheduler = scheduler
        self.folder = project.folder / "apps"
        self.output = tmp_path / "out"
        self.server = project.server
        self.server.add("web", wheel("web", "1.0", ["http>=1"]), wheel("web", "2.0", ["http>=2"]))
        self.server.add("http", wheel("http", "1.0"), wheel("http", "2.0"))
        self.server.add("log", wheel("log", "1.0"))
        self.worker = WorkerOptions(output=str(self.output), run="first", cache=str(project.cache))

    def write(self, name: str, *lines: str) -> None:
        """A requirement file of the fleet, whose default index is the server."""
        self.project.write(f"apps/{name}", "\n".join(("--index-url INDEX", *lines, "")))

    def build(
        self, *, settings: Settings | None = None, machines: tuple[str, ...] = (), **options: Any
    ) -> dict[str, Any]:
        """The task of each list by its name."""
        manifest = read_manifest(self.folder, arguments=settings or Settings(python="3.11"), machines=machines)
        builder = TaskBuilder(manifest, **{"snapshot": "s", "snapshots": {}, **options})
        return {one.name: one for one in builder.build_all(manifest.lists)}

    def build_one(self, name: str, **options: Any) -> FleetTask:
        """The task of one list, which is not refused."""
        task = self.build(**options)[name]
        assert isinstance(task, FleetTask)
        return task

    def options(self, **changes: Any) -> FleetOptions:
        """The options of a run with the two processes that all tests of a module share."""
        given = FleetOptions(
            manifest=self.folder,
            output=str(self.output),
            arguments=Settings(python="3.11"),
            machines=MACHINES,
            worker=replace(self.worker, output="", run=""),
            scheduler=self.scheduler,
        )
        return replace(given, **changes)

    def read_locks(self, output: Path | None = None) -> dict[str, bytes]:
        """The bytes of all locks in an output by name."""
        folder = output or self.output
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("pylock*.toml"))}


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """The address of a scheduler with two worker processes."""
    with open_client(None, workers=2) as client:
        yield client.scheduler.address


@pytest.fixture(scope="session")
def bucket() -> Iterator[str]:
    """The URL of a bucket of moto's server, which s3fs finds by the variables that it reads on every machine."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    patch = pytest.MonkeyPatch()
    patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    patch.setenv("AWS_ACCESS_KEY_ID", "test")
    patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    files = fsspec.filesystem("s3", skip_instance_cache=True)
    files.mkdir("locks")
    yield "s3://locks/fleet"
    server.stop()
    patch.undo()


@pytest.fixture
def fleet(project: Project, tmp_path: Path, scheduler: str, monkeypatch: pytest.MonkeyPatch) -> Fleet:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return Fleet(project, tmp_path, scheduler)
