"""Size and SHA-256 of several files: all are asked for at once, each once."""

from __future__ import annotations

import threading

import pytest
from packaging.utils import NormalizedName

from resolver.errors import FetchError
from resolver.index.distribution_file import DistributionFile
from resolver.index.package_source import PackageSource
from tests.command import Project
from tests.fetch.conftest import A, OpenSource, index
from tests.loopback import Request
from tests.servers import Answer, IndexServer, wheel

NAMES = ("a", "b", "c")
WAIT_S = 3.0


def fill(server: IndexServer) -> None:
    server.sizes = False
    for name in NAMES:
        server.add(name, wheel(name, "1.0"))


def hold_until_all_have_come(server: IndexServer) -> None:
    """Answer no question about a wheel before there is one about each; whoever asks one by one gets none."""
    barrier, respond = threading.Barrier(len(NAMES)), server.respond

    def held(request: Request) -> Answer:
        if request.path.endswith(".whl"):
            try:
                barrier.wait(WAIT_S)
            except threading.BrokenBarrierError:
                return Answer(status=418)
        return respond(request)

    server.respond = held  # type: ignore[method-assign]  # What the server answers stays what it is.


def files(source: PackageSource, server: IndexServer) -> list[DistributionFile]:
    pages = [source.project_page(NormalizedName(name), index(server)) for name in NAMES]
    return [page.files(0)[0] for page in pages if page is not None]


def wheels_asked_for(server: IndexServer) -> list[str]:
    return sorted(path for path in server.paths("/files/") if path.endswith(".whl"))


def test_files_are_completed_at_once(server: IndexServer, open_source: OpenSource) -> None:
    fill(server)
    hold_until_all_have_come(server)
    with open_source() as source:
        listed = files(source, server)
        source.prefetch_completion(listed)
        sizes = [source.complete(file).size_bytes for file in listed]
    assert sizes == [len(server.projects[name][0].content) for name in NAMES]


def test_file_that_is_complete_is_not_asked_about(server: IndexServer, open_source: OpenSource) -> None:
    server.add("a", wheel("a", "1.0"))
    with open_source() as source:
        page = source.project_page(A, index(server))
        assert page is not None
        source.prefetch_completion(page.files(0))
        assert source.complete(page.files(0)[0]) == page.files(0)[0]
    assert wheels_asked_for(server) == []


def test_file_is_asked_about_once_however_often_it_is_completed(server: IndexServer, open_source: OpenSource) -> None:
    fill(server)
    with open_source() as source:
        listed = files(source, server)
        source.prefetch_completion(listed)
        assert [source.complete(file) for file in listed] == [source.complete(file) for file in listed]
    assert wheels_asked_for(server) == [f"/files/{name}-1.0-py3-none-any.whl" for name in NAMES]


def test_failure_is_told_when_the_file_is_completed(server: IndexServer, open_source: OpenSource) -> None:
    fill(server)
    server.always["/files/b-1.0-py3-none-any.whl"] = Answer(status=418)
    with open_source() as source:
        listed = files(source, server)
        source.prefetch_completion(listed)
        assert source.complete(listed[0]).size_bytes == len(server.projects["a"][0].content)
        with pytest.raises(FetchError, match=r"^status 418 for "):
            source.complete(listed[1])


def test_lock_asks_for_the_sizes_of_all_pins_at_once(project: Project) -> None:
    fill(project.server)
    hold_until_all_have_come(project.server)
    project.write_list(*NAMES)
    assert project.lock("requirements.txt").code == 0
    assert wheels_asked_for(project.server) == [f"/files/{name}-1.0-py3-none-any.whl" for name in NAMES]
