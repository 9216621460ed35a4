"""The events of a run, as a program that listens gets them."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.utils import NormalizedName
from packaging.version import Version

from resolver import Access, Settings, lock
from resolver.index.events import (
    BuildBegan,
    BuildEnded,
    Decided,
    Event,
    Recalled,
    Received,
    Rejected,
    RequestBegan,
    RequestEnded,
    observe_build,
    with_records,
)
from tests.command import Project, child_environment
from tests.servers import Answer, IndexServer, wheel


def list_events(index: IndexServer, *items: str, cache: Path | None = None) -> list[Event]:
    """What a listener gets while the list is locked."""
    found: list[Event] = []
    lock(
        items,
        python="3.11",
        settings=Settings(index_url=index.index_url),
        access=Access(observe=found.append, cache_folder=cache),
    )
    return found


def test_requests_bytes_and_decisions_are_events(project: Project) -> None:
    index = project.server
    index.add("solo", wheel("solo", "1.0"))

    events = list_events(index, "solo")

    page, metadata = f"{index.index_url}solo/", index.file_url("solo-1.0-py3-none-any.whl.metadata")
    plain = [event for event in events if not isinstance(event, Received)]
    assert sorted(map(repr, plain)) == sorted(
        map(
            repr,
            [
                RequestBegan(url=page),
                RequestEnded(url=page, is_page=True),
                RequestBegan(url=metadata),
                RequestEnded(url=metadata),
                Decided(name=plain[-1].name, version=Version("1.0"), round=0),  # type: ignore[union-attr]
            ],
        )
    )
    received = {event.url for event in events if isinstance(event, Received)}
    assert received == {page, metadata}


def test_a_version_that_is_ruled_out_has_the_demands_against_it(project: Project) -> None:
    index = project.server
    index.add("low", wheel("low", "1.0", ["base<2"]), wheel("low", "0.9"))
    index.add("base", wheel("base", "1.0"), wheel("base", "2.0"))

    events = list_events(index, "base>=2", "low")

    ruled_out = [event for event in events if isinstance(event, Rejected)]
    assert [(event.name, str(event.version)) for event in ruled_out] == [("low", "1.0")]
    assert ruled_out[0].demands == (("base<2", "low"),)


def test_pins_of_the_cache_are_an_event_and_no_search_follows(project: Project) -> None:
    index = project.server
    index.add("solo", wheel("solo", "1.0"))
    list_events(index, "solo", cache=project.cache)

    assert list_events(index, "solo", cache=project.cache) == [Recalled(pins=1)]


def test_a_build_has_an_end_where_it_fails() -> None:
    found: list[Event] = []
    with pytest.raises(ValueError), observe_build(found.append, "c-1.0.tar.gz"):
        raise ValueError
    assert found == [BuildBegan(described="c-1.0.tar.gz"), BuildEnded(described="c-1.0.tar.gz")]


def test_an_error_of_a_listener_ends_the_run(project: Project) -> None:
    class StoppedError(Exception):
        pass

    def stop(event: Event) -> None:
        raise StoppedError

    project.server.add("solo", wheel("solo", "1.0"))
    with pytest.raises(StoppedError):
        lock(
            ["solo"],
            python="3.11",
            settings=Settings(index_url=project.server.index_url),
            access=Access(observe=stop),
        )


def test_no_event_has_a_secret_of_the_list_or_of_a_link(project: Project) -> None:
    index = project.server
    index.add("solo", wheel("solo", "1.0"))
    with_login = index.index_url.replace("http://", "http://user:canary-login@")
    path = "/files/solo-1.0-py3-none-any.whl.metadata"
    index.faults[path] = [Answer(status=302, headers={"Location": f"{path}?X-Amz-Signature=canary-signature"})]
    found: list[Event] = []

    lock([f"--index-url {with_login}", "solo"], python="3.11", access=Access(observe=found.append))

    assert {type(event) for event in found} >= {RequestBegan, Received, RequestEnded, Decided}
    assert any("authorization" in request.headers for request in index.log)
    assert "canary" not in repr(found)


def record_run(index: IndexServer, caplog: pytest.LogCaptureFixture, items: list[str], level: int) -> list[str]:
    """The records of one run, from this level on, with the names of their loggers."""
    caplog.set_level(level, logger="pinfold")
    caplog.clear()
    lock(items, python="3.11", settings=Settings(index_url=index.index_url))
    return [f"{one.name} {one.levelname} {one.getMessage()}" for one in caplog.records]


def test_a_run_writes_records_for_a_program_that_shows_them(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    index = project.server
    index.add("solo", wheel("solo", "1.0", yanked="broken"))

    found = record_run(index, caplog, ["solo==1.0"], logging.DEBUG)

    assert found[-2].startswith("pinfold.lock WARNING `solo 1.0` ")
    assert found[-1] == "pinfold.lock INFO locked 1 pins of 'requirements' for Python 3.11 on manylinux_2_35_x86_64"
    assert sorted(found[:-2]) == [
        f"pinfold.http INFO GET {index.file_url('solo-1.0-py3-none-any.whl.metadata')}: 200",
        f"pinfold.http INFO GET {index.index_url}solo/: 200",
        "pinfold.search DEBUG takes solo 1.0",
    ]


def test_a_listener_gets_what_is_recorded_too(caplog: pytest.LogCaptureFixture) -> None:
    name, version = NormalizedName("solo"), Version("1.0")
    events: list[Event] = [
        Rejected(name=name, version=version, demands=(("solo<1", None), ("solo>1", NormalizedName("other")))),
        Recalled(pins=3),
        BuildBegan(described="c-1.0.tar.gz\nx"),
        BuildEnded(described="c-1.0.tar.gz"),
        RequestBegan(url="https://index.example/"),
    ]
    found: list[Event] = []
    caplog.set_level(logging.DEBUG, logger="pinfold")

    listen = with_records(found.append)
    assert listen is not None
    for event in events:
        listen(event)

    assert found == events
    assert [one.getMessage() for one in caplog.records] == [
        "solo 1.0 does not fit: 'solo<1 (the list); solo>1 (other)'",
        "takes the 3 pins of an earlier run",
        "builds 'c-1.0.tar.gz\\nx' for its metadata",
        "has built 'c-1.0.tar.gz'",
    ]


def test_a_run_without_a_shown_record_has_the_listener_of_the_program_alone() -> None:
    found: list[Event] = []
    listen = found.append
    assert with_records(None) is None
    assert with_records(listen) is listen


def test_no_record_has_a_secret_of_the_list_or_of_a_link(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    index = project.server
    index.add("solo", wheel("solo", "1.0"), wheel("solo", "2.0", ["missing"]))
    with_login = index.index_url.replace("http://", "http://user:canary-login@")
    path = "/files/solo-2.0-py3-none-any.whl.metadata"
    index.faults[path] = [Answer(status=302, headers={"Location": f"{path}?X-Amz-Signature=canary-signature"})]

    found = record_run(index, caplog, [f"--index-url {with_login}", "solo"], logging.DEBUG)

    assert any(line.startswith("pinfold.search DEBUG solo 2.0 does not fit") for line in found)
    assert any("authorization" in request.headers for request in index.log)
    assert "canary" not in "".join(repr(one.__dict__) for one in caplog.records)


def test_logging_is_not_imported_and_a_warning_is_not_printed() -> None:
    code = (
        "import sys; from resolver.index.events import find_logger\n"
        "sys.modules.pop('logging', None)\n"
        "print(find_logger('lock'), 'logging' in sys.modules)\n"
        "import logging; find_logger('lock').warning('it is so')\n"
        "logging.basicConfig(); find_logger('lock').warning('now it is shown')\n"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], env=child_environment(Path()), capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("None False\n", "WARNING:pinfold.lock:now it is shown\n")
