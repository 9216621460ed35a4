"""The HTTP client over a transport whose responses a test gives."""

from __future__ import annotations

import gzip
import hashlib
import logging
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from resolver.errors import AuthenticationError, FetchError
from resolver.fetch.access import Access
from resolver.fetch.http.client import HttpClient
from resolver.fetch.http.responses import Response
from tests.servers import Answer, IndexServer, wheel

URL = "https://index.example/simple/a/"

Respond = Callable[[httpx.Request], httpx.Response]


class Asked:
    """A client over scripted answers, with the requests that it sent and the seconds that it waited."""

    def __init__(self, *answers: httpx.Response | Exception | Respond) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []
        self.waited_s: list[float] = []
        self.told: list[str] = []
        self.client = HttpClient(
            Access(transport=httpx.MockTransport(self._answer), announce=self.told.append),
            user_agent="pinfold/1.0",
            connections=4,
            sleep=self.waited_s.append,
        )

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer(request) if callable(answer) else answer

    def fetch(self, limit_bytes: int = 1000, *, url: str = URL) -> bytes | None:
        return self.fetch_whole(limit_bytes, url=url).body

    def fetch_whole(self, limit_bytes: int = 1000, *, url: str = URL) -> Response:
        return self.client.fetch(url, accept="text/html", limits=Access().begin(url, limit_bytes=limit_bytes))


def test_request_carries_accept_and_user_agent() -> None:
    asked = Asked(httpx.Response(200, content=b"x"))
    assert asked.fetch() == b"x"
    (request,) = asked.requests
    assert request.headers["accept"] == "text/html"
    assert request.headers["user-agent"] == "pinfold/1.0"
    assert request.headers["accept-encoding"] == "gzip, deflate"
    assert str(request.url) == URL


@pytest.mark.parametrize("status", [404, 410])
def test_missing_page_is_absent(status: int) -> None:
    assert Asked(httpx.Response(status)).fetch_whole().is_absent


def test_missing_page_is_known_to_be_missing_as_long_as_its_headers_say() -> None:
    headers = {"Cache-Control": "max-age=60"}
    page = Asked(httpx.Response(404, headers=headers)).fetch_whole()
    assert page.is_absent
    assert 0 < page.fresh_until - time.time() <= 60
    assert Asked(httpx.Response(404)).fetch_whole().fresh_until == 0.0
    elsewhere = httpx.Response(302, headers={"Location": "https://other.example/simple/a/"})
    assert Asked(elsewhere, httpx.Response(404, headers=headers)).fetch_whole().fresh_until == 0.0


def test_a_host_that_forbids_what_it_lacks_has_no_such_page() -> None:
    assert Asked(httpx.Response(403)).fetch_whole(url="https://download.pytorch.org/whl/cu128/a/").is_absent


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_request_is_repeated_after_a_transient_status_with_growing_delays(status: int) -> None:
    asked = Asked(httpx.Response(status), httpx.Response(status), httpx.Response(200, content=b"x"))
    assert asked.fetch() == b"x"
    assert asked.waited_s == [0.25, 0.5]


def test_retry_after_in_seconds_is_waited_for() -> None:
    asked = Asked(httpx.Response(429, headers={"Retry-After": "7"}), httpx.Response(200))
    asked.fetch()
    assert asked.waited_s == [7.0]


def test_wait_of_more_than_a_minute_is_an_error_that_names_it() -> None:
    asked = Asked(httpx.Response(503, headers={"Retry-After": "99999"}))
    with pytest.raises(FetchError) as caught:
        asked.fetch()
    assert str(caught.value) == f"status 503 for {URL}\n  try: again in 99999 s, the delay that the server names"
    assert asked.waited_s == []


def test_wait_that_a_user_would_notice_is_announced_once_a_host() -> None:
    limited = httpx.Response(429, headers={"Retry-After": "7"})
    asked = Asked(limited, limited, httpx.Response(200), limited, httpx.Response(200))
    asked.fetch()
    asked.fetch()
    assert asked.waited_s == [7.0, 7.0, 7.0]
    assert asked.told == ["waiting 7 s, as `index.example` asks (status 429)"]


def test_short_wait_is_not_announced() -> None:
    asked = Asked(httpx.Response(429, headers={"Retry-After": "1"}), httpx.Response(500), httpx.Response(200))
    asked.fetch()
    assert asked.waited_s == [1.0, 0.5]
    assert asked.told == []


def test_server_error_after_all_attempts_names_status_and_url() -> None:
    asked = Asked(*[httpx.Response(503) for _ in range(4)])
    with pytest.raises(FetchError) as caught:
        asked.fetch()
    assert str(caught.value) == (
        "status 503 for https://index.example/simple/a/ (4 times)\n  try: again later; the server is at fault"
    )
    assert caught.value.url == URL
    assert caught.value.exit_code == 4


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (401, "`index.example` wants a user and password: status 401 for https://index.example/simple/a/"),
        (403, "`index.example` refuses access: status 403 for https://index.example/simple/a/"),
    ],
)
def test_refused_access_names_the_host_and_is_not_requested_again(status: int, message: str) -> None:
    with pytest.raises(AuthenticationError) as caught:
        Asked(httpx.Response(status)).fetch()
    assert str(caught.value) == (
        f"{message}\n  because none are known for it: not in the list\n"
        "  try: write `https://${INDEX_USERNAME}:${INDEX_PASSWORD}@index.example/…`"
        " in the list (`--list` where a lock is read),"
        " or set `PINFOLD_INDEX_MY_URL`, `PINFOLD_INDEX_MY_USERNAME` and `PINFOLD_INDEX_MY_PASSWORD`,"
        " or name a file with `--credentials`"
    )


@pytest.mark.parametrize("host", ["download.pytorch.org", "download-r2.pytorch.org"])
def test_403_means_a_missing_page_on_hosts_that_answer_so(host: str) -> None:
    assert Asked(httpx.Response(403)).fetch_whole(url=f"https://{host}/whl/cu128/numpy/").is_absent


def test_401_is_an_error_on_any_host() -> None:
    with pytest.raises(AuthenticationError):
        Asked(httpx.Response(401)).client.fetch(
            "https://download.pytorch.org/whl/",
            accept="*/*",
            limits=Access().begin("https://download.pytorch.org/whl/", limit_bytes=1),
        )


def test_other_status_is_an_error_at_once() -> None:
    with pytest.raises(FetchError) as caught:
        Asked(httpx.Response(418)).fetch()
    assert str(caught.value) == "status 418 for https://index.example/simple/a/"


def test_request_is_repeated_after_a_dropped_connection() -> None:
    asked = Asked(httpx.RemoteProtocolError("Server disconnected"), httpx.ReadError("reset"), httpx.Response(200))
    assert asked.fetch() == b""
    assert asked.waited_s == [0.25, 0.5]


def test_host_that_keeps_hanging_up_is_an_error_with_the_reason() -> None:
    asked = Asked(*[httpx.ConnectError("[Errno 111] Connection refused") for _ in range(4)])
    with pytest.raises(FetchError) as caught:
        asked.fetch()
    assert str(caught.value) == (
        "no answer from https://index.example/simple/a/ (4 times)\n  because [Errno 111] Connection refused\n"
        "  try: check the host's name and the network, or set `HTTPS_PROXY` if this network needs a proxy"
    )


def test_time_out_after_all_attempts_names_the_limit() -> None:
    asked = Asked(*[httpx.ReadTimeout("timed out") for _ in range(4)])
    with pytest.raises(FetchError) as caught:
        asked.fetch()
    assert str(caught.value) == (
        "no answer within 30 s from https://index.example/simple/a/ (4 times)\n"
        "  try: again later, or set `HTTPS_PROXY` if this network needs a proxy"
    )


def test_untrusted_certificate_is_an_error_at_once_that_names_what_to_set() -> None:
    fault = httpx.ConnectError("certificate verify failed: self-signed certificate")
    fault.__cause__ = ssl.SSLCertVerificationError(1, "self-signed certificate")
    with pytest.raises(FetchError) as caught:
        Asked(fault).fetch()
    assert str(caught.value) == (
        "the certificate of `index.example` is not trusted: https://index.example/simple/a/\n"
        "  because certificate verify failed: self-signed certificate\n"
        "  try: set `SSL_CERT_FILE` to the CA certificates of your network, or `--trusted-host index.example`"
    )


def test_body_beyond_its_limit_is_an_error() -> None:
    with pytest.raises(FetchError) as caught:
        Asked(httpx.Response(200, content=b"x" * 11)).fetch(limit_bytes=10)
    assert str(caught.value) == "https://index.example/simple/a/ is larger than 10 bytes, the fixed limit for its kind"


def test_body_in_a_broken_encoding_is_an_error() -> None:
    answer = httpx.Response(200, headers={"Content-Encoding": "gzip"}, stream=httpx.ByteStream(b"no gzip"))
    with pytest.raises(FetchError) as caught:
        Asked(answer).fetch()
    assert str(caught.value).startswith("the answer of https://index.example/simple/a/ cannot be read\n  because ")


def test_redirect_is_followed_and_the_response_has_its_final_url() -> None:
    asked = Asked(httpx.Response(301, headers={"Location": "/other/a/"}), httpx.Response(200, content=b"x"))
    answer = asked.client.fetch(URL, accept="*/*", limits=Access().begin(URL, limit_bytes=10))
    assert answer is not None
    assert (answer.url, answer.body) == ("https://index.example/other/a/", b"x")


def test_redirect_to_an_unencrypted_host_is_refused_without_telling_its_query() -> None:
    redirect = httpx.Response(302, headers={"Location": "http://files.example/a?token=geheim"})
    with pytest.raises(FetchError) as caught:
        Asked(redirect).fetch()
    assert str(caught.value) == (
        "https://index.example/simple/a/ redirects to http://files.example/a, which is not encrypted\n"
        "  try: name an index that does not leave `https`"
    )


def test_endless_redirects_are_an_error() -> None:
    with pytest.raises(FetchError) as caught:
        Asked(*[httpx.Response(302, headers={"Location": "/b?sig=1"}) for _ in range(11)]).fetch()
    assert str(caught.value) == "more than 10 redirects, the last one to https://index.example/b"


def test_redirect_without_a_target_is_an_error() -> None:
    with pytest.raises(FetchError) as caught:
        Asked(httpx.Response(302)).fetch()
    assert str(caught.value) == (
        "the answer of https://index.example/simple/a/ cannot be read\n  because status 302 comes without `Location`"
    )


def test_body_cut_short_is_read_again() -> None:
    def cut() -> Iterator[bytes]:
        yield b"ha"
        raise httpx.RemoteProtocolError("peer closed connection")

    class Cut(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            return cut()

    asked = Asked(httpx.Response(200, stream=Cut()), httpx.Response(200, content=b"half"))
    assert asked.fetch() == b"half"


def test_download_hashes_and_writes_what_it_reads(tmp_path: Path) -> None:
    asked = Asked(httpx.Response(200, content=b"wheel"))
    download = asked.client.download(URL, into=tmp_path / "file", limit_bytes=10)
    assert download is not None
    assert (download.size_bytes, download.sha256) == (5, hashlib.sha256(b"wheel").hexdigest())
    assert (tmp_path / "file").read_bytes() == b"wheel"


def test_download_takes_the_bytes_as_they_lie_on_the_server(tmp_path: Path) -> None:
    # Some servers call a `.tar.gz` a tar with Content-Encoding gzip; its hash is that of the `.tar.gz`.
    packed = gzip.compress(b"sdist", mtime=0)
    asked = Asked(httpx.Response(200, headers={"Content-Encoding": "gzip"}, content=packed))
    download = asked.client.download(URL, into=tmp_path / "file", limit_bytes=100)
    assert download is not None
    assert (download.size_bytes, download.sha256) == (len(packed), hashlib.sha256(packed).hexdigest())
    assert (tmp_path / "file").read_bytes() == packed


def test_download_that_breaks_off_starts_anew(tmp_path: Path) -> None:
    asked = Asked(httpx.ReadError("reset"), httpx.Response(200, content=b"wheel"))
    asked.client.download(URL, into=tmp_path / "file", limit_bytes=10)
    assert (tmp_path / "file").read_bytes() == b"wheel"


def partial_answer(content_range: str, body: bytes) -> httpx.Response:
    return httpx.Response(206, headers={"Content-Range": content_range}, content=body)


def test_suffix_range_gives_the_end_of_the_file() -> None:
    asked = Asked(partial_answer("bytes 6-9/10", b"6789"))
    part = asked.client.fetch_range(URL, start=-4)
    assert part is not None
    assert (part.data, part.start, part.size) == (b"6789", 6, 10)
    assert asked.requests[0].headers["range"] == "bytes=-4"


def test_suffix_range_longer_than_the_file_gives_all_of_it() -> None:
    part = Asked(partial_answer("bytes 0-2/3", b"abc")).client.fetch_range(URL, start=-100)
    assert part is not None
    assert (part.data, part.start, part.size) == (b"abc", 0, 3)


def test_range_requests_the_bytes_without_the_stop() -> None:
    asked = Asked(partial_answer("bytes 2-4/10", b"234"))
    part = asked.client.fetch_range(URL, start=2, stop=5)
    assert part is not None
    assert part.data == b"234"
    assert asked.requests[0].headers["range"] == "bytes=2-4"


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, content=b"0123456789"),
        httpx.Response(416),
        httpx.Response(405),
        httpx.Response(501),
        partial_answer("bytes 3-5/10", b"345"),
        partial_answer("bytes 2-4/10", b"0123456789"),
        partial_answer("bytes 2-4/10", b"2"),
        partial_answer("bytes 2-4/*", b"234"),
        partial_answer("pages 2-4/10", b"234"),
        partial_answer("", b"234"),
    ],
    ids=["ignored", "416", "405", "501", "wrong start", "too long", "too short", "no size", "no bytes", "no range"],
)
def test_server_that_does_not_do_ranges_as_asked_gives_none(answer: httpx.Response) -> None:
    assert Asked(answer).client.fetch_range(URL, start=2, stop=5) is None


def test_size_comes_from_a_head_request() -> None:
    asked = Asked(httpx.Response(200, headers={"Content-Length": "12"}))
    assert asked.client.fetch_size(URL) == 12
    assert asked.requests[0].method == "HEAD"


@pytest.mark.parametrize("length", ["9" * 19, "9" * 5000, "-1", "many"])
def test_size_beyond_all_reason_is_unknown(length: str) -> None:
    assert Asked(httpx.Response(200, headers={"Content-Length": length})).client.fetch_size(URL) is None
    assert Asked(partial_answer(f"bytes 2-4/{length}", b"cde")).client.fetch_range(URL, start=2, stop=5) is None


def test_size_is_unknown_where_head_is_refused() -> None:
    assert Asked(httpx.Response(405)).client.fetch_size(URL) is None


def test_unreachable_host_is_an_error_over_the_real_network() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    client = HttpClient(Access(), user_agent="pinfold/1.0", connections=1, sleep=lambda seconds: None)
    with pytest.raises(FetchError, match=f"^no answer from http://127.0.0.1:{port}/ \\(4 times\\)\n  because "):
        client.fetch(
            f"http://127.0.0.1:{port}/", accept="*/*", limits=Access().begin(f"http://127.0.0.1:{port}/", limit_bytes=1)
        )
    client.close()


def test_signature_of_a_redirect_is_in_no_record_at_debug(
    server: IndexServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    target = f"{server.file_url('a-1.0-py3-none-any.whl')}?X-Amz-Signature=canary-Zq9"
    server.add("a", wheel("a", "1.0"))
    server.always["/moved"] = Answer(status=302, headers={"Location": target, "Set-Cookie": "session=canary-Zq9"})
    client = HttpClient(Access(), user_agent="pinfold/1.0", connections=1)
    assert client.download(f"{server.base_url}/moved", into=None, limit_bytes=1 << 20) is not None
    client.close()
    told = "\n".join(record.getMessage() for record in caplog.records)
    assert "receive_response_headers.complete return_value=…" in told
    assert "canary-Zq9" not in told
