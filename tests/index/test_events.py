"""The events of a run, as a program that listens gets them."""

from __future__ import annotations

from pathlib import Path

import pytest
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
)
from tests.command import Project
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
