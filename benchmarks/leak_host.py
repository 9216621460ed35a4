"""A private host on loopback: an index, files and a repository that nobody gets without the planted secret.

`PrivateHost` serves one wheel for each kind of secret, and refuses every request that lacks it. So a tool that locks a
list has certainly had the secret in its hands.
"""

from __future__ import annotations

import base64
import os
import subprocess
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlsplit

from tests.distributions import make_sdist, make_wheel, sdist_filename, wheel_filename

__all__ = ["KINDS", "Kind", "PrivateHost"]

_USER = "robot"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One way to write a secret into a list: the project that it opens, and the lines with `HOST` and `CANARY` in them.

    `index` is the index URL that those lines name, for tools that want it in a table of their own; `variable` is a name
    in the environment that holds the secret.
    """

    name: str
    project: str
    requirement: str
    index: str | None = None
    variable: str | None = None

    def lines(self, host: str, canary: str) -> str:
        """The requirement file."""
        flag = f"--index-url {self.index}\n" if self.index else ""
        return (flag + self.requirement + "\n").replace("HOST", host).replace("CANARY", canary)


_NOW = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
_AWS = f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date={_NOW}&X-Amz-Expires=3600&X-Amz-SignedHeaders=host"
KINDS = (
    Kind(name="index login", project="alpha", requirement="alpha", index=f"http://{_USER}:CANARY@HOST/basic/simple/"),
    Kind(name="index token", project="beta", requirement="beta", index="http://CANARY@HOST/user/simple/"),
    Kind(
        name="variable",
        project="gamma",
        requirement="gamma",
        index=f"http://{_USER}:${{LEAK_PASSWORD}}@HOST/basic/simple/",
        variable="LEAK_PASSWORD",
    ),
    Kind(
        name="direct login",
        project="delta",
        requirement=f"delta @ http://{_USER}:CANARY@HOST/basic/files/{wheel_filename('delta', '1.0')}",
    ),
    Kind(
        name="signed URL",
        project="epsilon",
        requirement=f"epsilon @ http://HOST/signed/{wheel_filename('epsilon', '1.0')}?{_AWS}&X-Amz-Signature=CANARY",
    ),
    Kind(
        name="query token",
        project="zeta",
        requirement=f"zeta @ http://HOST/token/{wheel_filename('zeta', '1.0')}?token=CANARY",
    ),
    Kind(name="git token", project="eta", requirement=f"eta @ git+http://{_USER}:CANARY@HOST/git/eta.git@v1"),
    Kind(
        name="build",
        project="theta",
        requirement="theta",
        index="http://HOST/open/simple/",
        variable="LEAK_SERVICE_TOKEN",
    ),
)
"""`build` is an sdist whose backend writes down its environment and home: a token there is none of its business."""


class PrivateHost:
    """The host, up between `__enter__` and `__exit__`; `dump` is where the backend of the sdist writes."""

    def __init__(self, folder: Path, canary: str) -> None:
        self.canary = canary
        self.dump = folder / "dump"
        self.dump.mkdir(parents=True)
        self.repositories = folder / "git"
        _make_repository(folder, self.repositories / "eta.git")
        self._files = {name: _build_file(name, self.dump) for name in (kind.project for kind in KINDS)}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _build_handler(self))

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self._server.server_port}"

    def find(self, path: str, authorization: str) -> tuple[int, bytes, str]:
        """Status, body and content type for a GET."""
        parts = urlsplit(path)
        place, _, rest = parts.path.lstrip("/").partition("/")
        query = parse_qs(parts.query)
        allowed = {
            "basic": authorization == _basic(f"{_USER}:{self.canary}"),
            "user": authorization in (_basic(f"{self.canary}:"), _basic(self.canary)),
            "signed": query.get("X-Amz-Signature") == [self.canary],
            "token": query.get("token") == [self.canary],
            "open": True,
        }
        if not allowed.get(place, False):
            return (401 if place in ("basic", "user") else 403), b"", "text/plain"
        name = rest.rstrip("/").rpartition("/")[2]
        if "simple/" in rest:
            if name not in self._files:
                return 404, b"", "text/plain"
            filename, _ = self._files[name]
            return 200, f'<a href="/{place}/files/{filename}">{filename}</a>'.encode(), "text/html"
        found = next((content for filename, content in self._files.values() if filename == name), None)
        return (404, b"", "text/plain") if found is None else (200, found, "application/octet-stream")

    def run_git(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        """The answer of `git http-backend` (CGI)."""
        if headers.get("authorization") != _basic(f"{_USER}:{self.canary}"):
            return 401, {"WWW-Authenticate": 'Basic realm="private"'}, b""
        parts = urlsplit(path)
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.repositories),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": parts.path.removeprefix("/git"),
            "QUERY_STRING": parts.query,
            "REQUEST_METHOD": method,
            "CONTENT_TYPE": headers.get("content-type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "GIT_PROTOCOL": headers.get("git-protocol", ""),
            "HTTP_CONTENT_ENCODING": headers.get("content-encoding", ""),
        }
        done = subprocess.run(["git", "http-backend"], input=body, capture_output=True, env=environment, check=False)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        told = dict(line.split(": ", 1) for line in head.decode().splitlines() if ": " in line)
        return int(told.pop("Status", "200").split()[0]), told, content


def _build_handler(host: PrivateHost) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.path.startswith("/git/"):
                self._answer_git(b"")
                return
            status, body, kind = host.find(self.path, self.headers.get("authorization", ""))
            headers = {"WWW-Authenticate": 'Basic realm="private"'} if status == 401 else {}
            self._send(status, {"Content-Type": kind, **headers}, body)

        def do_HEAD(self) -> None:
            # As with a real pre-signed URL: a signature for GET does not cover HEAD.
            self.send_response(403)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_POST(self) -> None:
            self._answer_git(self._read_body())

        def log_message(self, format: str, *args: object) -> None:
            pass

        def _read_body(self) -> bytes:
            if self.headers.get("transfer-encoding", "") != "chunked":
                return self.rfile.read(int(self.headers.get("content-length", "0")))
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

        def _answer_git(self, body: bytes) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            self._send(*host.run_git(self.command, self.path, headers, body))

        def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler


def _basic(text: str) -> str:
    return f"Basic {base64.b64encode(text.encode()).decode()}"


def _build_file(name: str, dump: Path) -> tuple[str, bytes]:
    if name != "theta":
        return wheel_filename(name, "1.0"), make_wheel(name, "1.0")
    statement = (
        "import sys\n"
        f"with open({str(dump / 'build.txt')!r}, 'a') as file:\n"
        "    print(sys.argv, dict(os.environ), file=file)\n"
        "    for folder in {os.path.expanduser('~'), os.environ.get('XDG_CONFIG_HOME', '/nonexistent')}:\n"
        "        for name in ('.netrc', '.pip/pip.conf', 'pip/pip.conf', '.config/pip/pip.conf'):\n"
        "            path = os.path.join(folder, name)\n"
        "            if os.path.exists(path):\n"
        "                print(path, open(path).read(), file=file)\n"
    )
    return sdist_filename(name, "1.0"), make_sdist(name, "1.0", static=False, backend_statement=statement)


def _make_repository(folder: Path, bare: Path) -> None:
    """A project without dependencies, tagged `v1`."""
    work = folder / "work"
    work.mkdir()
    (work / "eta.py").write_text("", encoding="utf-8")
    (work / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        '[project]\nname = "eta"\nversion = "1.0"\ndependencies = []\n',
        encoding="utf-8",
    )
    (work / "backend.py").write_text(_BACKEND, encoding="utf-8")
    git = ["git", "-C", str(work), "-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "first"], ["tag", "v1"]):
        subprocess.run([*git, *words], check=True)
    subprocess.run(["git", "clone", "-q", "--bare", str(work), str(bare)], check=True)
    subprocess.run(["git", "-C", str(bare), "config", "uploadpack.allowFilter", "true"], check=True)
    subprocess.run(["git", "-C", str(bare), "config", "uploadpack.allowAnySHA1InWant", "true"], check=True)


_BACKEND = """\
import os, zipfile

METADATA = "Metadata-Version: 2.4\\nName: eta\\nVersion: 1.0\\n"
WHEEL = "Wheel-Version: 1.0\\nGenerator: eta\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"


def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    folder = os.path.join(metadata_directory, "eta-1.0.dist-info")
    os.makedirs(folder)
    for name, text in (("METADATA", METADATA), ("WHEEL", WHEEL)):
        with open(os.path.join(folder, name), "w") as file:
            file.write(text)
    return "eta-1.0.dist-info"


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    name = "eta-1.0-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(wheel_directory, name), "w") as archive:
        archive.write("eta.py")
        archive.writestr("eta-1.0.dist-info/METADATA", METADATA)
        archive.writestr("eta-1.0.dist-info/WHEEL", WHEEL)
        archive.writestr("eta-1.0.dist-info/RECORD", "")
    return name
"""
