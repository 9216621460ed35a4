"""Project pages from a real index on loopback: requests, stored pages and errors; and the default index of pip."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.utils import NormalizedName

from resolver.errors import AuthenticationError, FetchError, OfflineError
from resolver.fetch.http.http_session import HttpSession
from resolver.fetch.projects.pages import default_index_url
from resolver.index.location import Location
from resolver.index.project_page import ProjectPage
from resolver.requirements.url import Url
from resolver.targets.target import PythonVersion, Target
from tests.fetch.conftest import A, B, OpenSource, index, links
from tests.servers import Answer, IndexServer, sdist, wheel


def filenames(page: ProjectPage | None) -> list[str]:
    assert page is not None
    return [file.filename for row in range(len(page.versions)) for file in page.files(row)]


@pytest.mark.parametrize("view", ["json", "html"])
def test_page_lists_the_files_of_the_project_newest_first(
    server: IndexServer, open_source: OpenSource, view: str
) -> None:
    server.add("a", wheel("a", "1.0"), sdist("a", "2.0"), wheel("a", "2.0"))
    server.view = "json" if view == "json" else "html"
    with open_source() as source:
        page = source.project_page(A, index(server))
    assert filenames(page) == ["a-2.0-py3-none-any.whl", "a-2.0.tar.gz", "a-1.0-py3-none-any.whl"]
    assert page is not None
    assert page.files(0)[0].index == server.index_url
    assert page.files(0)[0].sha256 == server.projects["a"][2].listed_sha256


def test_missing_project_is_none(server: IndexServer, open_source: OpenSource) -> None:
    with open_source() as source:
        assert source.project_page(A, index(server)) is None


def test_page_is_requested_once_a_run(server: IndexServer, open_source: OpenSource) -> None:
    server.add("a", wheel("a", "1.0"))
    server.cache_control = None
    with open_source(cache_folder=None) as source:
        source.prefetch_pages(A, [index(server)], until_found=True)
        assert source.project_page(A, index(server)) is source.project_page(A, index(server))
    assert server.paths() == ["/simple/a/"]


def test_fresh_page_is_not_requested_again(server: IndexServer, open_source: OpenSource) -> None:
    server.add("a", wheel("a", "1.0"))
    for _ in range(2):
        with open_source() as source:
            assert filenames(source.project_page(A, index(server))) == ["a-1.0-py3-none-any.whl"]
    assert server.paths() == ["/simple/a/"]


def test_fresh_page_serves_another_target_from_the_http_cache(server: IndexServer, open_source: OpenSource) -> None:
    server.add("a", wheel("a", "1.0", tags="cp311-cp311-win_amd64"), wheel("a", "1.0", tags="cp312-abi3-any"))
    for minor in (11, 12):
        with open_source(target=Target(python=PythonVersion(minor=minor))) as source:
            source.project_page(A, index(server))
    assert server.paths() == ["/simple/a/"]


def test_stale_page_is_revalidated(server: IndexServer, open_source: OpenSource) -> None:
    server.add("a", wheel("a", "1.0"))
    server.cache_control = "no-cache"
    for _ in range(3):
        with open_source() as source:
            assert filenames(source.project_page(A, index(server))) == ["a-1.0-py3-none-any.whl"]
    assert [request.status for request in server.log] == [200, 304, 304]


def test_stale_page_is_revalidated_without_an_http_library(
    server: IndexServer, open_source: OpenSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.add("a", wheel("a", "1.0"))
    server.cache_control = "no-cache"
    with open_source() as source:
        source.project_page(A, index(server))
    monkeypatch.setattr(HttpSession, "_build_client", lambda session: pytest.fail("the HTTP client was made"))
    server.cache_control = "max-age=600"
    for _ in range(2):
        with open_source() as source:
            assert filenames(source.project_page(A, index(server))) == ["a-1.0-py3-none-any.whl"]
    # The 304 says how long the page is fresh from now on.
    assert [request.status for request in server.log] == [200, 304]


def test_page_is_not_fresh_by_an_answer_that_names_no_rule(server: IndexServer, open_source: OpenSource) -> None:
    server.add("a", wheel("a", "1.0"))
    server.cache_control = "no-cache"
    for _ in range(3):
        with open_source() as source:
            source.project_page(A, index(server))
        server.faults["/simple/a/"] = [Answer(status=304, headers={"Expires": "Fri, 01 Jan 2100 00:00:00 GMT"})]
    assert [request.status for request in server.log] == [200, 304, 304]


def test_changed_page_replaces_that_of_the_http_cache(server: IndexServer, open_source: OpenSource) -> None:
    server.add("a", wheel("a", "1.0"))
    server.cache_control = "no-cache"
    # The second target takes the page out of the HTTP cache, which has it from then on.
    for minor in (11, 12):
        with open_source(target=Target(python=PythonVersion(minor=minor))) as source:
            source.project_page(A, index(server))
    server.add("a", wheel("a", "2.0"))
    server.cache_control = "max-age=600"
    for minor in (11, 13):
        with open_source(target=Target(python=PythonVersion(minor=minor))) as source:
            assert len(filenames(source.project_page(A, index(server)))) == 2
    assert [request.status for request in server.log] == [200, 304, 200]


def test_answer_about_another_page_is_not_taken_for_this_one(server: IndexServer, open_source: OpenSource) -> None:
    server.add("a", wheel("a", "1.0"))
    server.cache_control = "no-cache"
    with open_source() as source:
        source.project_page(A, index(server))
    server.add("a", wheel("a", "2.0"))
    server.faults["/simple/a/"] = [Answer(status=304, headers={"ETag": '"of another"'})]
    with open_source() as source:
        assert len(filenames(source.project_page(A, index(server)))) == 2


def test_changed_page_is_read_anew(server: IndexServer, open_source: OpenSource) -> None:
    server.add("a", wheel("a", "1.0"))
    server.cache_control = "no-cache"
    with open_source() as source:
        source.project_page(A, index(server))
    server.add("a", wheel("a", "2.0"))
    for _ in range(2):
        with open_source() as source:
            page = source.project_page(A, index(server))
        assert filenames(page) == ["a-2.0-py3-none-any.whl", "a-1.0-py3-none-any.whl"]
    assert [request.status for request in server.log] == [200, 200, 304]


@pytest.mark.parametrize("cache_control", [None, "no-store"])
def test_page_without_validators_and_freshness_is_requested_in_each_run(
    server: IndexServer, open_source: OpenSource, cache_control: str | None
) -> None:
    server.add("a", wheel("a", "1.0"))
    server.cache_control, server.validators = cache_control, False
    for version in ("2.0", "3.0"):
        with open_source() as source:
            source.project_page(A, index(server))
        server.add("a", wheel("a", version))
    with open_source() as source:
        assert len(filenames(source.project_page(A, index(server)))) == 3
    assert [request.status for request in server.log] == [200, 200, 200]


def test_refresh_ignores_what_is_cached_and_stores_the_answer(server: IndexServer, open_source: OpenSource) -> None:
    server.add("a", wheel("a", "1.0"))
    with open_source() as source:
        source.project_page(A, index(server))
    server.add("a", wheel("a", "2.0"))
    with open_source(refresh=True) as source:
        assert len(filenames(source.project_page(A, index(server)))) == 2
    assert [request.headers.get("if-none-match") for request in server.log] == [None, None]
    for target in (PythonVersion(minor=11), PythonVersion(minor=12)):
        with open_source(target=Target(python=target)) as source:
            assert len(filenames(source.project_page(A, index(server)))) == 2
    assert len(server.log) == 2


def test_offline_uses_a_page_however_old(server: IndexServer, open_source: OpenSource) -> None:
    server.add("a", wheel("a", "1.0"))
    server.cache_control = "no-cache"
    with open_source() as source:
        source.project_page(A, index(server))
        assert source.project_page(B, index(server)) is None
    with open_source(offline=True) as source:
        assert filenames(source.project_page(A, index(server))) == ["a-1.0-py3-none-any.whl"]
        assert source.project_page(B, index(server)) is None
    assert len(server.log) == 2


def test_offline_reads_the_http_cache_for_another_target(server: IndexServer, open_source: OpenSource) -> None:
    server.add("a", wheel("a", "1.0"))
    server.cache_control = "no-cache"
    with open_source() as source:
        source.project_page(A, index(server))
    with open_source(offline=True, target=Target(python=PythonVersion(minor=12))) as source:
        assert filenames(source.project_page(A, index(server))) == ["a-1.0-py3-none-any.whl"]
    assert len(server.log) == 1


@pytest.mark.parametrize("warm", [True, False])
def test_offline_names_the_page_that_is_missing(server: IndexServer, open_source: OpenSource, warm: bool) -> None:
    server.add("b", wheel("b", "1.0"))
    if warm:
        with open_source() as source:
            source.project_page(B, index(server))
    with open_source(offline=True) as source, pytest.raises(OfflineError) as caught:
        source.project_page(A, index(server))
    assert str(caught.value) == (
        f"the page is not in the cache: {server.index_url}a/\n  try: run once without `--offline`"
    )


def test_server_error_never_enters_the_cache(server: IndexServer, open_source: OpenSource) -> None:
    server.add("a", wheel("a", "1.0"))
    server.always["/simple/a/"] = Answer(status=503, headers={"Cache-Control": "max-age=600"})
    with open_source() as source, pytest.raises(FetchError, match=r"^status 503 for "):
        source.project_page(A, index(server))
    assert len(server.log) == 5  # A plain request, and the four attempts of the HTTP client.
    server.always.clear()
    with open_source() as source:
        assert filenames(source.project_page(A, index(server))) == ["a-1.0-py3-none-any.whl"]


@pytest.mark.parametrize("fault", [Answer(drop=True), Answer(status=502), Answer(body=b"x" * 100, cut=True)])
def test_passing_fault_of_the_server_is_not_noticed(
    server: IndexServer, open_source: OpenSource, fault: Answer
) -> None:
    server.add("a", wheel("a", "1.0"))
    server.faults["/simple/a/"] = [fault, fault]
    for _ in range(2):
        with open_source() as source:
            assert filenames(source.project_page(A, index(server))) == ["a-1.0-py3-none-any.whl"]
    assert len(server.log) == 3


def test_unauthorized_page_is_an_error_that_names_the_host(server: IndexServer, open_source: OpenSource) -> None:
    server.always["/simple/a/"] = Answer(status=401)
    with open_source() as source, pytest.raises(AuthenticationError) as caught:
        source.project_page(A, index(server))
    assert str(caught.value) == (
        f"`127.0.0.1` wants a user and password: status 401 for {server.index_url}a/\n"
        "  because none are known for it: not in the list\n"
        f"  try: write `http://${{INDEX_USERNAME}}:${{INDEX_PASSWORD}}@{server.authority}/…`"
        " in the list (`--list` where a lock is read), or set `PINFOLD_INDEX_MY_URL`, `PINFOLD_INDEX_MY_USERNAME` and"
        " `PINFOLD_INDEX_MY_PASSWORD`, or name a file with `--credentials`"
    )


def test_unreadable_page_is_an_error(server: IndexServer, open_source: OpenSource) -> None:
    server.always["/simple/a/"] = Answer(
        body=b"{no json", headers={"Content-Type": "application/vnd.pypi.simple.v1+json"}
    )
    with open_source() as source, pytest.raises(FetchError) as caught:
        source.project_page(A, index(server))
    assert str(caught.value).startswith(f"the answer of {server.index_url}a/ cannot be read\n  because ")


def test_damaged_stores_are_replaced_by_requests(server: IndexServer, open_source: OpenSource, tmp_path: Path) -> None:
    server.add("a", wheel("a", "1.0"))
    with open_source() as source:
        source.project_page(A, index(server))
    for file in tmp_path.rglob("*"):
        if file.is_file():
            file.write_bytes(b"\0" * 5000)
    with open_source() as source:
        assert filenames(source.project_page(A, index(server))) == ["a-1.0-py3-none-any.whl"]
    assert len(server.log) == 2
    with open_source(target=Target(python=PythonVersion(minor=12))) as source:
        source.project_page(A, index(server))
    assert len(server.log) == 2


def test_cache_folder_is_for_its_owner_only(server: IndexServer, open_source: OpenSource, tmp_path: Path) -> None:
    with open_source() as source:
        source.project_page(A, index(server))
    assert stat.S_IMODE((tmp_path / "cache").stat().st_mode) == 0o700


def test_cache_folder_that_cannot_be_made_is_no_error(
    server: IndexServer, open_source: OpenSource, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    server.add("a", wheel("a", "1.0"))
    with open_source(cache_folder=tmp_path / "file" / "cache") as source:
        assert filenames(source.project_page(A, index(server))) == ["a-1.0-py3-none-any.whl"]


def test_find_links_page_is_requested_once_for_all_projects(server: IndexServer, open_source: OpenSource) -> None:
    server.add("a", wheel("a", "1.0"))
    server.add("b", wheel("b", "1.0"))
    server.cache_control = None
    with open_source() as source:
        assert filenames(source.project_page(A, links(server.links_url))) == ["a-1.0-py3-none-any.whl"]
        page = source.project_page(B, links(server.links_url))
    assert filenames(page) == ["b-1.0-py3-none-any.whl"]
    assert page is not None
    assert page.files(0)[0].index is None
    assert server.paths() == ["/links/"]


def test_find_links_page_without_the_project_is_none(server: IndexServer, open_source: OpenSource) -> None:
    server.add("a", wheel("a", "1.0"))
    with open_source() as source:
        assert source.project_page(B, links(server.links_url)) is None


def test_find_links_page_that_does_not_exist_is_an_error(server: IndexServer, open_source: OpenSource) -> None:
    url = f"{server.base_url}/files/none.html"
    with open_source() as source, pytest.raises(FetchError) as caught:
        source.project_page(A, links(url))
    assert str(caught.value) == f"there is no page at {url}, which is named for `--find-links`"


def test_find_links_folder_lists_its_files(open_source: OpenSource, tmp_path: Path) -> None:
    folder = tmp_path / "wheel house"
    folder.mkdir()
    file = wheel("a", "1.0+cu124")
    (folder / file.filename).write_bytes(file.content)
    (folder / "notes.txt").write_text("a")
    for url in (str(folder), folder.as_uri()):
        with open_source() as source:
            page = source.project_page(A, links(url))
            assert page is not None
            completed = source.complete(page.files(0)[0])
            assert source.project_page(B, links(url)) is None
        assert completed.url == f"{folder.as_uri()}/{file.filename.replace('+', '%2B')}"
        assert (completed.sha256, completed.size_bytes) == (file.listed_sha256, len(file.content))


def test_find_links_folder_that_is_missing_is_an_error(open_source: OpenSource, tmp_path: Path) -> None:
    with open_source() as source, pytest.raises(FetchError) as caught:
        source.project_page(A, links(str(tmp_path / "none")))
    assert str(caught.value) == f"there is no file or folder {tmp_path / 'none'}, which is named for `--find-links`"


def test_index_on_disk_is_read_with_and_without_pages(open_source: OpenSource, tmp_path: Path) -> None:
    file = wheel("a", "1.0")
    for name in ("a", "b"):
        (tmp_path / "simple" / name).mkdir(parents=True)
    (tmp_path / "simple" / "a" / "index.html").write_text(f'<a href="../../{file.filename}">{file.filename}</a>')
    other = wheel("b", "1.0")
    (tmp_path / "simple" / "b" / other.filename).write_bytes(other.content)
    place = Location(url=Url(public=f"{(tmp_path / 'simple').as_uri()}/"))
    with open_source() as source:
        first, second = source.project_page(A, place), source.project_page(B, place)
        assert source.project_page(NormalizedName("c"), place) is None
    assert filenames(first) == [file.filename]
    assert first is not None
    assert first.files(0)[0].url == (tmp_path / file.filename).as_uri()
    assert filenames(second) == [other.filename]


_KEPT = {"Content-Type": "application/vnd.pypi.simple.v1+json", "Cache-Control": "max-age=600"}


def test_page_that_was_unreadable_is_requested_again_by_the_next_run(
    server: IndexServer, open_source: OpenSource
) -> None:
    server.add("a", wheel("a", "1.0"))
    server.always["/simple/a/"] = Answer(headers=_KEPT, body=b'{"files": [')
    with open_source() as source, pytest.raises(FetchError, match="not JSON"):
        source.project_page(A, index(server))
    server.always.clear()

    for _ in range(2):
        with open_source() as source:
            page = source.project_page(A, index(server))
            assert page is not None
            assert [str(version) for version in page.versions] == ["1.0"]


@pytest.mark.parametrize("location", ["/simple/a/", "/links/"])
def test_page_that_is_none_of_an_index_is_an_error(server: IndexServer, open_source: OpenSource, location: str) -> None:
    server.always[location] = Answer(headers={"Content-Type": "text/html"}, body=b"<html><div>Sign in</div></html>")
    place = index(server) if location == "/simple/a/" else links(server.links_url)
    with open_source() as source, pytest.raises(FetchError) as caught:
        source.project_page(A, place)
    assert str(caught.value) == (
        f"the answer of {server.base_url}{location} cannot be read\n"
        "  because it holds no link, and nothing marks it as an empty page of an index: it may be one to log in"
    )


@pytest.mark.parametrize("location", ["index", "find-links"])
def test_page_to_log_in_with_links_is_an_error_with_advice(
    server: IndexServer, open_source: OpenSource, location: str, tmp_path: Path
) -> None:
    body = b'<html><form action="/in"><input name=u><input type=PassWord></form><a href="/forgot">forgot?</a></html>'
    server.always["/login"] = Answer(headers={"Content-Type": "text/html"}, body=body)
    for path in ("/simple/a/", "/links/"):
        server.always[path] = Answer(status=302, headers={"Location": "/login"})
    place = index(server) if location == "index" else links(server.links_url)
    with open_source() as source, pytest.raises(AuthenticationError) as caught:
        source.project_page(A, place)
    assert str(caught.value) == (
        f"`{server.authority}` sends a page to log in instead of {server.base_url}/login\n"
        "  because it links to no file, and has a form\n"
        f"  try: write `http://${{INDEX_USERNAME}}:${{INDEX_PASSWORD}}@{server.authority}/…`"
        " in the list (`--list` where a lock is read), or set `PINFOLD_INDEX_MY_URL`, `PINFOLD_INDEX_MY_USERNAME` and"
        " `PINFOLD_INDEX_MY_PASSWORD`, or name a file with `--credentials`; a sign-in in the browser does not help"
    )
    assert caught.value.exit_code == 4


@pytest.mark.parametrize(
    "body",
    [b"<h1>Links for a</h1><form><input name=search></form>", b'<form>password</form><a href="a-1.0.tar.gz">x</a>'],
)
def test_page_of_an_index_may_have_a_form(server: IndexServer, open_source: OpenSource, body: bytes) -> None:
    server.always["/simple/a/"] = Answer(headers={"Content-Type": "text/html"}, body=body)
    with open_source() as source:
        assert source.project_page(A, index(server)) is not None


@pytest.mark.parametrize("separator", [":", ": "])
def test_page_of_another_project_is_refused(server: IndexServer, open_source: OpenSource, separator: str) -> None:
    server.add("a", wheel("a", "1.0"))
    page = {
        "meta": {"api-version": "1.0"},
        "name": "B.b",
        "files": [{"filename": "a-1.0.tar.gz", "url": "x", "hashes": {}}],
    }
    body = json.dumps(page, separators=(",", separator)).encode()
    server.always["/simple/a/"] = Answer(headers={"Content-Type": "application/vnd.pypi.simple.v1+json"}, body=body)
    with open_source() as source, pytest.raises(FetchError, match=r"it is the page of `B\.b`, not of `a`"):
        source.project_page(A, index(server))
    server.always.clear()
    with open_source() as source:
        assert source.project_page(A, index(server)) is not None


def test_page_that_stays_unreadable_is_requested_twice_a_run(server: IndexServer, open_source: OpenSource) -> None:
    server.always["/simple/a/"] = Answer(headers={**_KEPT, "Cache-Control": "no-store"}, body=b"[]")
    with open_source() as source, pytest.raises(FetchError, match="not a JSON object"):
        source.project_page(A, index(server))

    assert server.paths() == ["/simple/a/", "/simple/a/"]


def test_default_index_is_the_one_that_pip_has_built_in() -> None:
    from pip._internal.models.index import PyPI

    assert default_index_url().public == f"{PyPI.simple_url}/"


def test_variables_of_pip_do_not_change_the_default_index(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://index.example/simple/")
    assert "index.example" not in default_index_url().public


def test_default_index_is_found_without_an_import_of_pip() -> None:
    code = (
        "import sys; from resolver.fetch.projects.pages import default_index_url as f; f(); print('pip' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_default_index_is_the_simple_api_of_the_installed_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://index.example/simple/")
    url = default_index_url().public
    assert url.startswith("https://")
    assert url.endswith("/simple/")
    assert "index.example" not in url
