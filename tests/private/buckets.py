"""An S3 server on loopback that verifies the signatures of URLs: moto keeps the objects, botocore does the sums.

moto answers any signature, so in front of it stands what recomputes each of them, for GET as for any other method.
"""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from botocore.auth import HmacV1QueryAuth, S3SigV4QueryAuth  # type: ignore[import-untyped]  # it has no types
from botocore.awsrequest import AWSRequest  # type: ignore[import-untyped]  # as above
from botocore.credentials import Credentials  # type: ignore[import-untyped]  # as above

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


class Bucket:
    """Objects that only a signed URL gives; a context manager. `log` has method, path, range and status of requests.

    `faults` are used up one an object sent: `drop`, `cut`, `longer`, `other range`, `refused range`.
    """

    def __init__(self, moto: MotoServer, objects: Iterable[tuple[str, bytes]]) -> None:
        self.log: list[tuple[str, str, str | None, int]] = []
        self.credentials = Credentials("canary-Zq9-key", "canary-Zq9-signing-key")
        self.contents = dict(objects)
        self.faults: list[str] = []
        self._moto = moto
        for name, content in self.contents.items():
            moto.send("PUT", f"/wheels/{quote(name)}", content)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"bucket": self}))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def url(self, name: str) -> str:
        """The URL of an object, unsigned."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/wheels/{quote(name)}"

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
        return [path for method, path, part, status in self.log if method == "GET" and part is None and status == 200]

    def answer(self, method: str, target: str, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        """The object, or why not."""
        refusal = self._find_refusal(method, f"http://{headers['Host']}{target}")
        path, part = urlsplit(target).path, headers.get("Range")
        if refusal or "Authorization" in headers:
            status, answered, body = 403, {"Content-Type": "application/xml"}, (refusal or _UNSIGNED).encode()
        else:
            status, answered, body = self._moto.send("GET", path)
            if part is not None and status == 200:
                status, answered, body = _cut(body, part)
        self.log.append((method, path, part, status))
        return status, answered, body

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


def _cut(body: bytes, part: str) -> tuple[int, dict[str, str], bytes]:
    """The part of an object; moto counts wrong where more is asked for from the end than there is."""
    first, _, last = part.removeprefix("bytes=").partition("-")
    start = int(first) if first else max(0, len(body) - int(last))
    stop = min(int(last) + 1, len(body)) if first and last else len(body)
    return 206, {"Content-Range": f"bytes {start}-{stop - 1}/{len(body)}"}, body[start:stop]


class _Handler(BaseHTTPRequestHandler):
    bucket: Bucket
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self) -> None:
        self._respond()

    def do_HEAD(self) -> None:
        self._respond()

    def log_message(self, format: str, *args: object) -> None:
        """Keep standard error clean; `Bucket.log` has it all."""

    def _respond(self) -> None:
        status, headers, body = self.bucket.answer(self.command, self.path, dict(self.headers.items()))
        fault = self.bucket.faults.pop(0) if self.bucket.faults and status in (200, 206) else ""
        length = len(body)
        match fault:
            case "drop":
                self.close_connection = True
                return
            case "cut":
                body, self.close_connection = body[: length // 2], True
            case "longer":
                length, self.close_connection = length + 7, True
            case "other range" if status == 206:
                headers["Content-Range"] = f"bytes 1-{length}/{length + 9}"
            case "refused range" if status == 206:
                status, headers, body, length = 416, {}, b"", 0
        self.send_response(status)
        for name in ("Content-Type", "Content-Range", "ETag"):
            if name in headers:
                self.send_header(name, headers[name])
        self.send_header("Content-Length", str(length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
