"""Which credential belongs to which request."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from resolver.errors import AuthenticationError, FetchError
from resolver.fetch.access import Access
from resolver.fetch.http.client import HttpClient
from resolver.fetch.http.credentials import Credentials, Login
from resolver.requirements.url import Secret, parse_url

SIGNED = "https://bucket.example/a%2Bb.whl?X-Amz-Signature=canary&X-Amz-Date=20260101T000000Z"


class Asked:
    """A client over a transport that answers as a test decides, and keeps the requests."""

    def __init__(
        self, *urls: str, answer: Callable[[httpx.Request], httpx.Response] | None = None, **more: Any
    ) -> None:
        variables = more.pop("variables", {})
        self.requests: list[httpx.Request] = []
        self.credentials = Credentials(query_keyring=more.pop("query_keyring", None))
        for url in urls:
            self.credentials.add(parse_url(url, variables=variables), source="list.txt:1")
        self._answer = answer or (lambda request: httpx.Response(200))
        self.client = HttpClient(
            Access(transport=httpx.MockTransport(self._respond), **more),
            user_agent="pinfold/1.0",
            connections=1,
            credentials=self.credentials,
            sleep=lambda seconds: None,
        )

    def _respond(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self._answer(request)

    def fetch(self, url: str) -> bytes | None:
        answer = self.client.fetch(url, accept="*/*", limits=Access().begin(url, limit_bytes=1000))
        return None if answer is None else answer.body

    @property
    def logins(self) -> list[str | None]:
        """What was sent as user and password."""
        return [read_login(request) for request in self.requests]


def read_login(request: httpx.Request) -> str | None:
    told = request.headers.get("authorization")
    return None if told is None else base64.b64decode(told.removeprefix("Basic ")).decode()


@pytest.mark.parametrize(
    ("url", "login"),
    [
        ("https://index.example/simple/a/", "u:p"),
        ("https://index.example/files/a.whl", "u:p"),
        ("https://index.example:443/simple/a/", "u:p"),
        ("https://INDEX.example/simple/a/", "u:p"),
        ("https://index.example:8443/simple/a/", None),
        ("https://files.index.example/a.whl", None),
        ("https://other.example/simple/a/", None),
    ],
)
def test_login_goes_to_its_scheme_host_and_port(url: str, login: str | None) -> None:
    asked = Asked("https://u:p@index.example/simple/")
    asked.fetch(url)
    assert asked.logins == [login]


def test_login_for_http_does_not_serve_https() -> None:
    asked = Asked("http://u:p@localhost/simple/")
    asked.fetch("https://localhost/simple/a/")
    assert asked.logins == [None]


def test_nearest_path_has_the_login_of_a_request() -> None:
    asked = Asked("https://a:1@index.example/a/simple/", "https://b:2@index.example/b/simple/")
    for path in ("b/simple/x/", "a/files/x.whl", "b/files/x.whl"):
        asked.fetch(f"https://index.example/{path}")
    assert asked.logins == ["b:2", "a:1", "b:2"]


@pytest.mark.parametrize(
    ("url", "login"),
    [
        ("https://git.example/org/repo", ("u", "p")),
        ("https://git.example/org/repo.git", ("u", "p")),
        ("https://git.example/org/repo.git/info/lfs", ("u", "p")),
        ("https://git.example/org/repo-two", None),
        ("https://git.example/org", None),
        ("https://git.example/other/repo", None),
    ],
)
def test_login_of_a_repository_serves_that_repository_alone(url: str, login: tuple[str, str] | None) -> None:
    credentials = Credentials()
    credentials.add(parse_url("https://u:p@git.example/org/repo"), is_bound=True)
    found = credentials.find_login(url)
    told = None if found is None else (found.user.open_for_transport(), found.password.open_for_transport())
    assert told == login


def test_token_alone_is_the_user_and_escapes_are_decoded() -> None:
    asked = Asked("https://to%40ken@index.example/simple/")
    asked.fetch("https://index.example/simple/a/")
    assert asked.logins == ["to@ken:"]


@pytest.mark.parametrize("url", ["https://bucket.example/a%2Bb.whl", "https://bucket.example/a+b.whl"])
def test_signed_url_is_asked_as_it_was_signed(url: str) -> None:
    asked = Asked(SIGNED)
    asked.fetch(url)
    assert [str(request.url) for request in asked.requests] == [SIGNED]
    assert asked.logins == [None]


def test_signature_serves_no_other_url_of_its_host() -> None:
    asked = Asked(SIGNED)
    asked.fetch("https://bucket.example/other.whl")
    assert str(asked.requests[0].url) == "https://bucket.example/other.whl"


def test_size_of_a_signed_file_is_asked_with_get() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(206, headers={"Content-Range": "bytes 0-0/7"}, content=b"x")

    asked = Asked(SIGNED, answer=answer)
    assert asked.client.fetch_size("https://bucket.example/a%2Bb.whl") == 7
    assert [request.method for request in asked.requests] == ["GET"]


def test_token_in_a_path_is_put_in_its_place_below_that_path_only() -> None:
    asked = Asked("https://index.example/${TOKEN}/simple/", variables={"TOKEN": "canary"})
    asked.fetch("https://index.example/${TOKEN}/simple/a/")
    asked.fetch("https://index.example/x/${TOKEN}/a/")
    asked.fetch("https://other.example/${TOKEN}/simple/a/")
    assert [request.url.path for request in asked.requests] == [
        "/canary/simple/a/",
        "/x/${TOKEN}/a/",
        "/${TOKEN}/simple/a/",
    ]


def test_page_that_quotes_the_token_of_its_path_comes_without_it() -> None:
    asked = Asked(
        "https://index.example/${TOKEN}/simple/",
        variables={"TOKEN": "ca%6Eary"},
        answer=lambda request: httpx.Response(200, content=b"https://index.example/ca%6Eary/a canary"),
    )
    assert asked.fetch("https://index.example/${TOKEN}/simple/a/") == b"https://index.example/${TOKEN}/a ${TOKEN}"


@pytest.mark.parametrize(
    ("target", "login"),
    [
        ("/files/a.whl", "u:p"),
        ("https://index.example/a.whl?X-Amz-Signature=s", None),
        ("https://other.example/a.whl", None),
        ("https://index.example:8443/a.whl", None),
    ],
)
def test_redirect_to_another_place_loses_the_login(target: str, login: str | None) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200 if request.url.path.endswith(".whl") else 302, headers={"Location": target})

    asked = Asked("https://u:p@index.example/simple/", answer=answer)
    asked.fetch("https://index.example/simple/a/")
    assert asked.logins == ["u:p", login]
    assert asked.requests[1].url == httpx.URL("https://index.example/simple/a/").join(target)


def test_login_is_not_sent_without_encryption() -> None:
    asked = Asked("http://u:canary@index.example/simple/")
    with pytest.raises(FetchError) as caught:
        asked.fetch("http://index.example/simple/a/")
    assert str(caught.value) == (
        "the credentials for `index.example` are not sent without encryption: http://index.example/simple/a/\n"
        "  try: `https://`, or `--trusted-host index.example` if the network is trusted"
    )
    assert asked.requests == []


@pytest.mark.parametrize(
    ("url", "trusted"),
    [
        ("http://u:p@index.example/simple/", ("index.example",)),
        ("http://u:p@index.example:8080/simple/", ("index.example:8080",)),
        ("http://u:p@127.0.0.1:8080/simple/", ()),
        ("http://u:p@localhost/simple/", ()),
        ("http://u:p@[::1]:8080/simple/", ()),
    ],
)
def test_login_is_sent_to_this_machine_and_to_trusted_hosts(url: str, trusted: tuple[str, ...]) -> None:
    asked = Asked(url, trusted_hosts=trusted)
    asked.fetch(parse_url(url).public)
    assert asked.logins == ["u:p"]


def test_login_for_this_machine_passes_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with pytest.raises(FetchError, match="are not sent without encryption"):
        Asked("http://u:p@localhost/simple/").fetch("http://localhost/simple/a/")


def test_login_that_was_refused_is_not_sent_again() -> None:
    asked = Asked("https://u:p@index.example/simple/", answer=lambda request: httpx.Response(401))
    for name in ("a", "b"):
        with pytest.raises(AuthenticationError) as caught:
            asked.fetch(f"https://index.example/simple/{name}/")
        assert str(caught.value) == (
            "`index.example` refuses the user and password of list.txt:1: status 401 for"
            f" https://index.example/simple/{name}/\n  try: correct it; it may have expired"
        )
    assert len(asked.requests) == 1


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"<Code>AccessDenied</Code><Message>Request has expired</Message>", "its signature has expired"),
        (
            b"<Code>ExpiredToken</Code>",
            "the temporary credentials that it was signed with have expired",
        ),
        (b"<Message>Signature not valid in the specified time frame</Message>", "its signature has expired"),
        (b"<Details>Request signature expired at: 2026</Details>", "its signature has expired"),
    ],
)
def test_error_of_an_expired_signature_names_the_reason(body: bytes, why: str) -> None:
    asked = Asked(SIGNED, answer=lambda request: httpx.Response(403, content=body))
    with pytest.raises(AuthenticationError) as caught:
        asked.fetch("https://bucket.example/a%2Bb.whl")
    assert str(caught.value) == (
        "`bucket.example` refuses the URL: status 403 for https://bucket.example/a%2Bb.whl\n"
        f"  because {why}\n  try: sign the URL anew; the lock does not change by that"
    )


def test_keyring_is_asked_after_a_401_and_once() -> None:
    asked_for: list[tuple[str, ...]] = []

    def query_keyring(services: Any, known: Login | None) -> Login:
        asked_for.append(tuple(services))
        return Login(user=Secret("u"), password=Secret("p"))

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200 if read_login(request) == "u:p" else 401)

    asked = Asked("https://index.example/simple/", answer=answer, query_keyring=query_keyring)
    asked.fetch("https://index.example/simple/a/")
    asked.fetch("https://index.example/simple/b/")
    assert asked.logins == [None, "u:p", "u:p"]
    assert asked_for == [("https://index.example/simple/", "index.example")]


def test_fault_of_the_connection_comes_without_the_frames_that_knew_the_secret() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.LocalProtocolError(f"illegal target {request.url}")

    asked = Asked(SIGNED, answer=answer)
    with pytest.raises(FetchError) as caught:
        asked.fetch("https://bucket.example/a%2Bb.whl")
    error: BaseException | None = caught.value
    while error is not None:
        frame = error.__traceback__
        while frame is not None:
            if "resolver" in frame.tb_frame.f_code.co_filename:
                assert "canary" not in repr(frame.tb_frame.f_locals)
            frame = frame.tb_next
        assert "canary" not in repr(error) + str(error)
        error = error.__cause__ or error.__context__


def test_redirect_from_a_public_host_to_a_private_one_is_refused() -> None:
    asked = Asked(answer=lambda request: httpx.Response(302, headers={"Location": "https://169.254.169.254/meta"}))
    with pytest.raises(FetchError) as caught:
        asked.fetch("https://index.example/simple/a/")
    assert str(caught.value) == (
        "https://index.example/simple/a/ redirects to https://169.254.169.254/meta, which is a link-local address"
        " or metadata service\n  try: `--allow-host 169.254.169.254` if it is meant to be"
    )
    assert len(asked.requests) == 1


@pytest.mark.parametrize(
    ("start", "named", "allowed"),
    [
        ("https://index.example/", (), ("10.0.0.1",)),
        ("https://index.example/", ("https://10.0.0.1/files/",), ()),
        ("https://10.0.0.2/", (), ()),
    ],
)
def test_redirect_to_a_private_host_that_is_allowed_named_or_beside_is_followed(
    start: str, named: tuple[str, ...], allowed: tuple[str, ...]
) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        found = request.url.host == "10.0.0.1"
        return (
            httpx.Response(200, content=b"x")
            if found
            else httpx.Response(302, headers={"Location": "https://10.0.0.1/"})
        )

    assert Asked(*named, answer=answer, allowed_hosts=allowed).fetch(start) == b"x"
