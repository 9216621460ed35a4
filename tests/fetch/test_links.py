"""Where the links of a page may lead: nothing is requested from a host that the page may not lead to."""

from __future__ import annotations

import socket
from dataclasses import replace
from typing import Any, Literal

import httpx
import pytest
from packaging.version import Version

from resolver.errors import FetchError
from resolver.index.distribution_file import DistributionFile
from resolver.index.location import Location
from resolver.requirements.url import Url
from tests.fetch.conftest import A, OpenSource
from tests.servers import IndexServer, wheel

WHEEL = wheel("a", "1.0", ["b"])
PUBLIC = "https://index.example/simple/"


class Index:
    """A page of one wheel, whose links start at `base`; a transport that keeps the hosts of its requests."""

    def __init__(self, base: str) -> None:
        self.asked: list[str] = []
        self.transport = httpx.MockTransport(self._answer)
        self._page = (
            f'<!DOCTYPE html><html><head><base href="{base}/"></head><body>'
            f'<a href="{WHEEL.filename}" data-core-metadata="true">{WHEEL.filename}</a></body></html>'
        )

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.host)
        if request.url.path.endswith(".metadata"):
            return httpx.Response(200, content=WHEEL.metadata)
        return httpx.Response(200, headers={"Content-Type": "text/html"}, text=self._page)


@pytest.mark.parametrize("target", ["http://127.0.0.1:8080", "http://2130706433", "http://[::ffff:169.254.169.254]"])
@pytest.mark.parametrize("form", ["index", "find-links"])
def test_public_page_leads_to_no_private_host(
    open_source: OpenSource, target: str, form: Literal["index", "find-links"]
) -> None:
    own = Index(target)
    with open_source(transport=own.transport) as source:
        page = source.project_page(A, Location(url=Url(public=PUBLIC), form=form))
        assert page is not None
        (file,) = page.files(0)
        complete = replace(file, size_bytes=1, hashes=(f"sha256:{'0' * 64}",))
        sdist = replace(file, filename="a-1.0.tar.gz", url=f"{target}/a-1.0.tar.gz")
        queries = ((source.dependencies, file), (source.dependencies, replace(file, core_metadata=None)))
        more = ((source.dependencies, sdist), (source.build_requires, sdist), (source.kernels, file))
        for query, wanted in (*queries, *more, (source.complete, file), (source.complete, complete)):
            with pytest.raises(FetchError) as caught:
                query(wanted)
            assert str(caught.value).startswith(f"{PUBLIC} links to {target}/, which is ")
            assert "try: `--allow-host " in str(caught.value)
    assert set(own.asked) == {"index.example"}


@pytest.mark.parametrize(
    ("location", "allowed"), [("http://10.0.0.2/simple/", ()), (PUBLIC, ("10.0.0.3",)), (PUBLIC, ("10.0.0.3:80",))]
)
def test_private_page_may_lead_to_a_private_host_and_any_page_to_one_that_is_allowed(
    open_source: OpenSource, location: str, allowed: tuple[str, ...]
) -> None:
    own = Index("http://10.0.0.3/files")
    with open_source(transport=own.transport, allowed_hosts=allowed) as source:
        page = source.project_page(A, Location(url=Url(public=location)))
        assert page is not None
        assert source.dependencies(page.files(0)[0]).requires == ("b",)


@pytest.mark.parametrize("reader_count", [0, 1])
def test_page_to_which_a_private_index_redirects_is_judged_by_its_own_host(
    open_source: OpenSource, reader_count: int
) -> None:
    own = Index("http://10.0.0.3/files")

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == "10.0.0.2":
            return httpx.Response(302, headers={"Location": f"{PUBLIC}a/"})
        return own.transport.handle_request(request)

    location = Location(url=Url(public="http://10.0.0.2/simple/"))
    # The second run reads the stored page.
    for _ in range(2):
        with open_source(transport=httpx.MockTransport(answer), reader_count=reader_count) as source:
            page = source.project_page(A, location)
            assert page is not None
            with pytest.raises(FetchError) as caught:
                source.dependencies(page.files(0)[0])
            assert str(caught.value).startswith(f"{PUBLIC}a/ links to http://10.0.0.3/, which is ")
    assert set(own.asked) == {"index.example"}


def test_no_page_leads_to_a_file(open_source: OpenSource) -> None:
    own = Index("file:///wheels")
    with open_source(transport=own.transport) as source, pytest.raises(FetchError) as caught:
        source.project_page(A, Location(url=Url(public="http://10.0.0.2/simple/")))
    assert "a file of this machine" in str(caught.value)


@pytest.mark.parametrize("address", ["127.0.0.1", "::ffff:127.0.0.1", "169.254.169.254"])
def test_link_to_a_name_of_a_private_address_opens_no_connection(
    server: IndexServer, open_source: OpenSource, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    server.add("a", WHEEL)
    look_up = socket.getaddrinfo
    # The index has an address of documents, which counts as public; the host of the files is inside.
    answers = {"index.example": "198.51.100.1", "files.example": address}

    def answer(host: str, *words: Any, **named: Any) -> Any:
        found = answers.get(host)
        return look_up(host, *words, **named) if found is None else [(0, 0, 0, "", (found, 0))]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    file = DistributionFile(
        filename=WHEEL.filename,
        version=Version("1.0"),
        url=f"http://files.example:{server.port}/files/{WHEEL.filename}",
        core_metadata="",
        link_source="http://index.example/simple/",
    )
    with open_source() as source, pytest.raises(FetchError) as caught:
        source.dependencies(file)
    assert f"because its name resolves to {address}" in str(caught.value)
    assert server.log == []
