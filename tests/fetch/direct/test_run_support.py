"""The parts that direct references and builds of a run share: made on first use, ended together."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from resolver.fetch.access import Access
from resolver.fetch.builds.build_process import BuildFailedError
from resolver.fetch.direct.run_support import BuildResources
from resolver.fetch.http.http_session import HttpSession


@pytest.fixture
def resources() -> Iterator[BuildResources]:
    session = HttpSession(Access())
    resources = BuildResources(session=session, folder=None)
    yield resources
    resources.close()
    session.close()


def test_builds_share_their_processes(resources: BuildResources) -> None:
    assert resources.children() is resources.children()


def test_no_build_starts_after_the_end(resources: BuildResources, tmp_path: Path) -> None:
    children = resources.children()
    resources.close()
    with pytest.raises(BuildFailedError, match=r"^it was ended together with the run$"):
        children.run([sys.executable, "-c", ""], folder=tmp_path, environment={}, log=tmp_path / "log")


def test_run_without_builds_and_references_loads_none_of_their_code() -> None:
    code = "import sys, resolver.fetch.direct.run_support; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    heavy = {"direct.direct_archive", "direct.direct_tree", "git.command", "builds.build_process", "builds.sdists"}
    assert {f"resolver.fetch.{name}" for name in heavy} & set(loaded) == set()
    assert {"tarfile", "tempfile"} & set(loaded) == set()
