"""Where a secret is joined to a request: below everything that logs or stores, right before the connection.

In: requests for public URLs. Out: requests with the complete URL or an `Authorization` header, which nobody but the
network sees. An error from below is raised anew, without the frames in which the secret stood.
"""

from __future__ import annotations

import ssl
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator

from resolver.fetch import http_errors
from resolver.fetch.credentials import Credentials, Destination, RequestCredentials, find_destination
from resolver.fetch.lean_httpx import httpx
from resolver.fetch.logins import Login

__all__ = ["COMPLETE", "IS_PAGE", "PUBLIC", "TRIED", "AuthorizingTransport"]

PUBLIC = "pinfold_public"
"""Request extension: the public URL as text. httpx escapes some of its characters."""
COMPLETE = "pinfold_complete"
"""Request extension: the `Secret` that holds the complete URL, for the target of a redirect."""
IS_PAGE = "pinfold_is_page"
"""Request extension: whether the answer may go into a cache."""
TRIED = "pinfold_tried"
"""Response extension: where the credentials that were sent are from; empty for none."""


class AuthorizingTransport(httpx.BaseTransport):
    """Joins credentials to requests. `may_send` says whether a place may be told them (see `HttpClient`).

    A login that was refused once is not sent again: hosts lock accounts. So the first request with a login goes alone.
    """

    def __init__(
        self, below: httpx.BaseTransport, credentials: Credentials, *, may_send: Callable[[Destination], bool]
    ) -> None:
        self._below = below
        self._credentials = credentials
        self._may_send = may_send
        self._states: dict[tuple[Destination, Login], _LoginState] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The answer to the request with what belongs to it."""
        url = request.extensions.get(PUBLIC) or str(request.url)
        complete = request.extensions.get(COMPLETE)
        credentials = self._credentials.find(url) if complete is None else RequestCredentials(url=complete, source="")
        response = self._pass(request, None) if credentials is None else self._send(request, url, credentials)
        if response.status_code == 401 and complete is None:
            other = self._credentials.ask_keyring(url)
            if other is not None and (credentials is None or other.login != credentials.login):
                response.close()
                return self._send(request, url, other)
        return response

    def close(self) -> None:
        """Close what lies below."""
        self._below.close()

    def _send(self, request: httpx.Request, url: str, credentials: RequestCredentials) -> httpx.Response:
        place = find_destination(url)
        if place is None or credentials.login is None:
            return self._join(request, url, credentials)
        state = self._states.setdefault((place, credentials.login), _LoginState())
        if state.is_good is None:
            with state.lock:
                if state.is_good is None:
                    response = self._join(request, url, credentials)
                    state.is_good = response.status_code != 401
                    return response
        if not state.is_good:
            return httpx.Response(401, extensions={TRIED: credentials.source})
        return self._join(request, url, credentials)

    def _join(self, request: httpx.Request, url: str, credentials: RequestCredentials) -> httpx.Response:
        place = find_destination(url)
        if place is not None and not self._may_send(place):
            raise http_errors.unencrypted_error(url, host=place.authority)
        response = self._pass(request, credentials)
        response.extensions = {**response.extensions, TRIED: credentials.source}
        assert isinstance(response.stream, httpx.SyncByteStream)
        response.stream = _FramelessStream(response.stream)
        return response

    def _pass(self, request: httpx.Request, credentials: RequestCredentials | None) -> httpx.Response:
        """The answer from below. Frames there know secrets, that of a proxy too: a fault leaves them behind."""
        fault, response = _ask(self._below, request, credentials)
        if fault is not None:
            raise fault
        assert response is not None
        return response


class _LoginState:
    __slots__ = ("is_good", "lock")

    def __init__(self) -> None:
        self.is_good: bool | None = None
        self.lock = threading.Lock()


def _ask(
    below: httpx.BaseTransport, request: httpx.Request, credentials: RequestCredentials | None
) -> tuple[Exception | None, httpx.Response | None]:
    """The answer, or the fault without its frames, in which the complete request stands."""
    try:
        return None, below.handle_request(request if credentials is None else _complete(request, credentials))
    except (httpx.TransportError, httpx.InvalidURL) as error:
        return _without_frames(error), None


def _complete(request: httpx.Request, credentials: RequestCredentials) -> httpx.Request:
    url = request.url if credentials.url is None else httpx.URL(credentials.url.open_for_transport())
    joined = httpx.Request(request.method, url, headers=request.headers, extensions=request.extensions)
    joined.headers["Host"] = request.headers["Host"]
    if credentials.login is not None:
        text = f"{credentials.login.user.open_for_transport()}:{credentials.login.password.open_for_transport()}"
        joined.headers["Authorization"] = f"Basic {b64encode(text.encode()).decode()}"
    return joined


class _FramelessStream(httpx.SyncByteStream):
    """A body whose errors come without the frames below."""

    def __init__(self, below: httpx.SyncByteStream) -> None:
        self._below = below

    def __iter__(self) -> Iterator[bytes]:
        chunks = iter(self._below)
        while True:
            fault, chunk = _next(chunks)
            if fault is not None:
                raise fault
            if chunk is None:
                return
            yield chunk

    def close(self) -> None:
        self._below.close()


def _next(chunks: Iterator[bytes]) -> tuple[Exception | None, bytes | None]:
    try:
        return None, next(chunks, None)
    except httpx.TransportError as error:
        return _without_frames(error), None


def _without_frames(error: httpx.TransportError | httpx.InvalidURL) -> Exception:
    """The same fault without its history. What a broken request says of itself may quote it."""
    is_local = isinstance(error, httpx.LocalProtocolError | httpx.UnsupportedProtocol | httpx.InvalidURL)
    text = "the request cannot be sent" if is_local else str(error)
    fault = type(error)(text)
    cause = error.__cause__ or error.__context__
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            # What tells a certificate that is not trusted from a host that hangs up.
            fault.__cause__ = ssl.SSLCertVerificationError(*cause.args)
        cause = cause.__cause__ or cause.__context__
    return fault
