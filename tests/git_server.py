"""Repositories made on the fly, and `git http-backend` behind a small HTTP server on loopback.

    repository = make_repository(tmp_path / "demo")
    first = repository.commit({"pyproject.toml": "..."})
    repository.tag("v1.0")
    with GitServer(tmp_path) as server:
        server.url("demo")           # http://127.0.0.1:…/demo
        server.token = "geheim"      # basic authentication from here on; any user
        assert server.paths() == ["/demo/info/refs", …]

Every attribute may be changed while the server runs; the next request sees it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import ssl
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self

__all__ = ["GitRequest", "GitServer", "Repository", "lfs_pointer", "make_repository", "run_git"]

_TIME = "2024-01-02T03:04:05+00:00"


@dataclass(frozen=True, slots=True)
class Repository:
    """A work tree with its repository; commits have fixed authors and times, so that ids are the same everywhere."""

    folder: Path

    @property
    def url(self) -> str:
        """The `file:` URL of the repository."""
        return self.folder.as_uri()

    def git(self, *words: str, stdin: str = "") -> str:
        """What a git command in it writes."""
        return run_git(self.folder, *words, stdin=stdin)

    def commit(self, files: Mapping[str, str | bytes] | None = None, *, message: str = "Change") -> str:
        """Write files, commit everything, and give the commit id."""
        for name, content in (files or {}).items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        self.git("add", "--all", "--force")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")

    def tag(self, name: str, *, annotated: bool = False, at: str = "HEAD") -> str:
        """Put a tag on a commit, and give the id of the tag (of the tag object, if it is annotated)."""
        self.git("tag", *(("--annotate", "--message", name) if annotated else ()), "--", name, at)
        return self.git("rev-parse", f"refs/tags/{name}")

    def branch(self, name: str, *, at: str = "HEAD") -> None:
        """Put a branch on a commit."""
        self.git("branch", "--force", "--", name, at)

    def add_submodule(self, path: str, url: str, commit_id: str) -> None:
        """Note a submodule in `.gitmodules` and in the index, without reading it; commit afterwards."""
        for key, value in (("path", path), ("url", url)):
            self.git("config", "--file", ".gitmodules", f"submodule.{path}.{key}", value)
        self.git("add", ".gitmodules")
        (self.folder / path).mkdir(parents=True, exist_ok=True)
        self.git("update-index", "--add", "--cacheinfo", f"160000,{commit_id},{path}")

    def commit_index(self, message: str = "Change") -> str:
        """Commit what is in the index, and give the commit id."""
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")


def make_repository(folder: Path, *, branch: str = "main") -> Repository:
    """A new, empty repository that serves any commit by its id."""
    folder.mkdir(parents=True)
    repository = Repository(folder)
    repository.git("init", "--quiet", "--template=", f"--initial-branch={branch}")
    repository.git("config", "uploadpack.allowFilter", "true")
    return repository


def run_git(folder: Path, *words: str, stdin: str = "") -> str:
    """What a git command writes that sees nothing of this machine's configuration."""
    fixed = {"GIT_AUTHOR_DATE": _TIME, "GIT_COMMITTER_DATE": _TIME, "GIT_CONFIG_GLOBAL": os.devnull}
    for role in ("AUTHOR", "COMMITTER"):
        fixed |= {f"GIT_{role}_NAME": "A", f"GIT_{role}_EMAIL": "a@users.example"}
    done = subprocess.run(
        ["git", "-c", "protocol.file.allow=always", *words],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1", **fixed},
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class GitRequest:
    """One request that arrived, with the status that it got; `login` is what basic authentication gave."""

    method: str
    path: str
    query: str
    login: str | None
    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


class GitServer:
    """Smart HTTP for all repositories in a folder; a context manager.

    - `token`: the password that is asked for, None for none. `open_paths` are prefixes that need none.
    - `refuse`: a status for every request. `answers`: statuses used up one a request before the truth is told.
    - `redirects`: a prefix of paths, and the URL prefix that takes its place; `redirects_after_login` only for those
      whose login was right, as `refuse_after_login` says of `refuse`.
    - `dumb`: only plain files, as of a web server that knows nothing of git. `protocol`: the newest version spoken.
    - `proxy_login`: what it wants to be told as a proxy, `user:password`; it answers for every host itself.
    - `lfs`: contents by SHA-256 that `…/info/lfs/objects` has; `lfs_href` is another place to name for them.
    """

    def __init__(self, folder: Path, *, tls: ssl.SSLContext | None = None) -> None:
        self.folder = folder
        self.token: str | None = None
        self.open_paths: tuple[str, ...] = ()
        self.refuse: int | None = None
        self.refuse_body = ""
        self.answers: list[int] = []
        self.refuse_after_login = False
        self.redirects: dict[str, str] = {}
        self.redirects_after_login: dict[str, str] = {}
        self.dumb = False
        self.protocol = 2
        self.proxy_login: str | None = None
        self.lfs: dict[str, bytes] = {}
        self.lfs_href = ""
        self.hang = threading.Event()
        self.hanging = threading.Event()
        self.hang_at = ""
        self.log: list[GitRequest] = []
        self._server = _QuietServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"git": self}))
        self._scheme = "http" if tls is None else "https"
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.hang.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def base_url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self.port}"

    def url(self, name: str, *, login: str = "") -> str:
        """The URL of a repository in the folder, with user information if it is given."""
        return f"{self._scheme}://{login}{'@' if login else ''}127.0.0.1:{self.port}/{name}"

    def paths(self) -> list[str]:
        """The paths asked for so far, in order of arrival."""
        return [request.path for request in self.log]

    def logins(self) -> set[str]:
        """What was told as user and password."""
        return {request.login for request in self.log if request.login is not None}


class _QuietServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients that hang up are part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    git: GitServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self) -> None:
        self._respond()

    def do_POST(self) -> None:
        self._respond()

    def log_message(self, format: str, *args: object) -> None:
        """Keep standard error clean; `GitServer.log` has it all."""

    def _respond(self) -> None:
        path, _, query = self.path.partition("?")
        if path.startswith("http://"):
            # Asked as a proxy.
            path = "/" + path.split("/", 3)[3]
        body = self._read_body()
        status, headers, content = self._answer(path, query, body)
        login = self._login()
        self.git.log.append(
            GitRequest(
                method=self.command, path=path, query=query, login=login, status=status, headers=dict(self.headers)
            )
        )
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            body = b""
            while size := int(self.rfile.readline().strip() or b"0", 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _login(self, header: str = "Authorization") -> str | None:
        scheme, _, value = self.headers.get(header, "").partition(" ")
        if scheme.lower() != "basic":
            return None
        return base64.b64decode(value).decode()

    def _answer(self, path: str, query: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        git = self.git
        if git.proxy_login is not None and self._login("Proxy-Authorization") != git.proxy_login:
            return 407, {"Proxy-Authenticate": 'Basic realm="proxy"'}, b"no"
        if git.hang_at and git.hang_at in path:
            git.hanging.set()
            git.hang.wait(60)
        if git.answers:
            return git.answers.pop(0), {}, b""
        if (place := _redirect(git.redirects, path, query)) is not None:
            return 302, {"Location": place}, b""
        if git.refuse is not None and not git.refuse_after_login:
            return git.refuse, {"Content-Type": "text/plain"}, git.refuse_body.encode()
        if git.token is not None and not path.startswith(git.open_paths or ("//",)):
            login = self._login()
            if login is None or (login.partition(":")[2] != git.token and login != f"{git.token}:"):
                return 401, {"WWW-Authenticate": 'Basic realm="git"'}, b"no"
        if (place := _redirect(git.redirects_after_login, path, query)) is not None:
            return 302, {"Location": place}, b""
        if git.refuse is not None:
            return git.refuse, {"Content-Type": "text/plain"}, git.refuse_body.encode()
        if "/info/lfs/" in path or path.startswith("/lfs-files/"):
            return self._answer_lfs(path, body)
        if git.dumb:
            return self._answer_file(path)
        return self._answer_backend(path, query, body)

    def _answer_file(self, path: str) -> tuple[int, dict[str, str], bytes]:
        name, _, rest = path.lstrip("/").partition("/")
        file = self.git.folder / name / ".git" / rest
        if rest == "info/refs":
            run_git(self.git.folder / name, "update-server-info")
        if not file.is_file():
            return 404, {}, b""
        return 200, {"Content-Type": "application/octet-stream"}, file.read_bytes()

    def _answer_backend(self, path: str, query: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        name, _, rest = path.lstrip("/").removesuffix(".git").partition("/")
        name = name.removesuffix(".git")
        asked = self.headers.get("Git-Protocol", "") if self.git.protocol >= 2 else ""
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_PROJECT_ROOT": str(self.git.folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": f"/{name}/.git/{rest}",
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "REMOTE_ADDR": "127.0.0.1",
            "GIT_PROTOCOL": asked,
        }
        done = subprocess.run(["git", "http-backend"], env=environment, input=body, capture_output=True, check=False)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
        status = int(headers.pop("Status", "200").split()[0])
        return status, headers, content

    def _answer_lfs(self, path: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """The batch API of LFS, for downloads alone."""
        git = self.git
        if path.startswith("/lfs-files/"):
            content = git.lfs.get(path.rpartition("/")[2])
            return (404, {}, b"") if content is None else (200, {"Content-Type": "application/octet-stream"}, content)
        if not path.endswith("/objects/batch"):
            return 404, {"Content-Type": "application/vnd.git-lfs+json"}, b"{}"
        objects = []
        for wanted in json.loads(body)["objects"]:
            found: dict[str, object] = {"oid": wanted["oid"], "size": wanted["size"]}
            if wanted["oid"] in git.lfs:
                href = f"{git.lfs_href or git.base_url}/lfs-files/{wanted['oid']}"
                found["actions"] = {"download": {"href": href}}
            else:
                found["error"] = {"code": 404, "message": "no such object"}
            objects.append(found)
        answer = json.dumps({"transfer": "basic", "objects": objects}).encode()
        return 200, {"Content-Type": "application/vnd.git-lfs+json"}, answer


def _redirect(places: Mapping[str, str], path: str, query: str) -> str | None:
    for prefix, target in places.items():
        if path.startswith(prefix):
            return target + path.removeprefix(prefix) + (f"?{query}" if query else "")
    return None


def lfs_pointer(content: bytes) -> str:
    """The pointer file that stands for a content (git-lfs: specification)."""
    digest = hashlib.sha256(content).hexdigest()
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {len(content)}\n"
