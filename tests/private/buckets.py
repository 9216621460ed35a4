"""An S3 server on loopback that verifies the signatures of URLs: moto keeps the objects, botocore does the sums.

moto answers any signature, so in front of it stands what recomputes each of them, for GET as for any other method.
"""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from botocore.auth import HmacV1QueryAuth, S3SigV4QueryAuth  # type: ignore[import-untyped]  # it has no types
from botocore.awsrequest import AWSRequest  # type: ignore[import-untyped]  # as above
from botocore.credentials import Credentials  # type: ignore[import-untyped]  # as above

from tests.loopback import Answer, LoopbackServer, Request, find_part

__all__ = ["Bucket", "MotoServer"]

_REGION = "us-east-1"
_OWN = "AWS4-HMAC-SHA256 Credential=k/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=s"
"""For moto, which wants to see a signature and believes any."""
_EXPIRED = "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
_WRONG = "<Error><Code>SignatureDoesNotMatch</Code><Message>The signature does not match.</Message></Error>"
_UNSIGNED = "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"


class MotoServer:
    """moto as a process of its own."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def __enter__(self) -> Self:
        for _ in range(600):
            try:
                status, _, _ = self.send("PUT", "/wheels")
            except OSError:
                time.sleep(0.05)
                continue
            assert status == 200
            return self
        raise AssertionError("moto does not start")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def send(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of the answer to one request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body=body, headers={"Authorization": _OWN, **(headers or {})})
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()


class Bucket(LoopbackServer):
    """Objects that only a signed URL gives; a context manager.

    `faults` are used up one an object sent: `drop`, `cut`, `longer`, `other range`, `refused range`.
    """

    def __init__(self, moto: MotoServer, objects: Iterable[tuple[str, bytes]]) -> None:
        super().__init__()
        self.credentials = Credentials("canary-Zq9-key", "canary-Zq9-signing-key")
        self.contents = dict(objects)
        self.faults: list[str] = []
        self._moto = moto
        for name, content in self.contents.items():
            moto.send("PUT", f"/wheels/{quote(name)}", content)

    def url(self, name: str) -> str:
        """The URL of an object, unsigned."""
        return f"{self.base_url}/wheels/{quote(name)}"

    def sign(
        self, name: str, *, version: Literal["2", "4"] = "4", lifetime_s: int = 7200, age_s: int = 0, token: str = ""
    ) -> str:
        """The URL of an object for GET, made `age_s` seconds ago; `token` is that of temporary credentials."""
        made = datetime.now(UTC) - timedelta(seconds=age_s)
        credentials = Credentials(self.credentials.access_key, self.credentials.secret_key, token or None)
        if version == "2":
            end = str(int(made.timestamp()) + lifetime_s)
            query = {"AWSAccessKeyId": credentials.access_key, "Expires": end}
            signature = _sign_version_2("GET", self.url(name), end, credentials)
            return f"{self.url(name)}?{urlencode({**query, 'Signature': signature})}"
        query = {
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Credential": f"{credentials.access_key}/{made:%Y%m%d}/{_REGION}/s3/aws4_request",
            "X-Amz-Date": f"{made:%Y%m%dT%H%M%SZ}",
            "X-Amz-Expires": str(lifetime_s),
            "X-Amz-SignedHeaders": "host",
            **({"X-Amz-Security-Token": token} if token else {}),
        }
        unsigned = f"{self.url(name)}?{urlencode(query)}"
        return f"{unsigned}&X-Amz-Signature={_sign_version_4('GET', unsigned, credentials)}"

    @property
    def downloads(self) -> list[str]:
        """The objects that were sent whole."""
        whole = [request for request in self.log if request.method == "GET" and "range" not in request.headers]
        return [request.path for request in whole if request.status == 200]

    def respond(self, request: Request) -> Answer:
        """The object, or why not, or what the next fault makes of the object."""
        refusal = self._find_refusal(request.method, f"http://{request.headers['host']}{request.target}")
        if refusal or "authorization" in request.headers:
            told = (refusal or _UNSIGNED).encode()
            return Answer(status=403, headers={"Content-Type": "application/xml"}, body=told)
        status, headers, body = self._moto.send("GET", request.path)
        headers = {name: headers[name] for name in ("Content-Type", "ETag") if name in headers}
        if status == 200 and (part := request.headers.get("range")) is not None:
            # moto counts wrong where more is asked for from the end than there is.
            start, stop = find_part(part, size_bytes=len(body))
            status, headers = 206, {"Content-Range": f"bytes {start}-{stop - 1}/{len(body)}"}
            body = body[start:stop]
        answer = Answer(status=status, headers=headers, body=body)
        return _spoil(answer, self.faults.pop(0)) if self.faults and status in (200, 206) else answer

    def _find_refusal(self, method: str, url: str) -> str:
        pairs = parse_qsl(urlsplit(url).query)
        query = dict(pairs)
        base = url.partition("?")[0]
        now = datetime.now(UTC).timestamp()
        if "AWSAccessKeyId" in query:
            if int(query["Expires"]) < now:
                return _EXPIRED
            expected = _sign_version_2(method, base, query["Expires"], self.credentials)
            return "" if query["Signature"] == expected else _WRONG
        if "X-Amz-Signature" not in query:
            return _UNSIGNED
        made = datetime.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        if made.timestamp() + int(query["X-Amz-Expires"]) < now:
            return _EXPIRED
        unsigned = urlencode([(name, value) for name, value in pairs if name != "X-Amz-Signature"])
        expected = _sign_version_4(method, f"{base}?{unsigned}", self.credentials)
        return "" if query["X-Amz-Signature"] == expected else _WRONG


def _spoil(answer: Answer, fault: str) -> Answer:
    """An answer with a fault in it; the faults of a range leave a whole object as it is."""
    length = len(answer.body)
    match fault:
        case "drop":
            return replace(answer, drop=True)
        case "cut":
            return replace(answer, cut=True)
        case "longer":
            return replace(answer, length=length + 7)
        case "other range" if answer.status == 206:
            return replace(answer, headers={**answer.headers, "Content-Range": f"bytes 1-{length}/{length + 9}"})
        case "refused range" if answer.status == 206:
            return Answer(status=416)
    return answer


def _sign_version_2(method: str, url: str, end: str, credentials: Any) -> str:
    signer = HmacV1QueryAuth(credentials)
    # Otherwise it is now and so many seconds: here the end is given.
    signer._get_date = lambda: end
    return str(signer.get_signature(method, urlsplit(url), {}, expires=end))


def _sign_version_4(method: str, url: str, credentials: Any) -> str:
    request = AWSRequest(method=method, url=url, headers={"host": urlsplit(url).netloc})
    request.context["timestamp"] = dict(parse_qsl(urlsplit(url).query))["X-Amz-Date"]
    signer = S3SigV4QueryAuth(credentials, "s3", _REGION)
    return str(signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request))
