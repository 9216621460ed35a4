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

import hashlib
import json
import os
import ssl
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from tests.loopback import Answer, LoopbackServer, Request

__all__ = ["GitServer", "Repository", "lfs_pointer", "make_repository", "run_git"]

_Told = tuple[int, dict[str, str], bytes]
"""Status, headers and body of an answer."""
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


class GitServer(LoopbackServer):
    """Smart HTTP for all repositories in a folder; a context manager.

    - `token`: the password that is asked for, None for none. `open_paths` are prefixes that need none.
    - `refuse`: a status for every request. `answers`: statuses used up one a request before the truth is told.
    - `redirects`: a prefix of paths, and the URL prefix that takes its place; `redirects_after_login` only for those
      whose login was right, as `refuse_after_login` says of `refuse`.
    - `dumb`: only plain files, as of a web server that knows nothing of git. `protocol`: the newest version spoken.
    - `proxy_login`: what it wants to be told as a proxy, `user:password`; it answers for every host itself.
    - `lfs`: contents by SHA-256 that `…/info/lfs/objects` has; `lfs_href` is another place to name for them.
    """

    methods = frozenset({"GET", "POST"})

    def __init__(self, folder: Path, *, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(tls=tls)
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

    def url(self, name: str, *, login: str = "") -> str:
        """The URL of a repository in the folder, with user information if it is given."""
        return f"{self._scheme}://{login}{'@' if login else ''}127.0.0.1:{self.port}/{name}"

    def logins(self) -> set[str]:
        """What was told as user and password."""
        return {request.login for request in self.log if request.login is not None}

    def respond(self, request: Request) -> Answer:
        """What git is told; refusals first."""
        status, headers, body = self._answer(_leave_out_host(request))
        return Answer(status=status, headers=headers, body=body)

    def note(self, request: Request, answer: Answer) -> None:
        """Log a request to a proxy by the path of its URL."""
        super().note(_leave_out_host(request), answer)

    def _answer(self, request: Request) -> _Told:
        path, query = request.path, request.query
        if self.proxy_login is not None and request.find_login("proxy-authorization") != self.proxy_login:
            return 407, {"Proxy-Authenticate": 'Basic realm="proxy"'}, b"no"
        if self.answers:
            return self.answers.pop(0), {}, b""
        if (place := _redirect(self.redirects, path, query)) is not None:
            return 302, {"Location": place}, b""
        if self.refuse is not None and not self.refuse_after_login:
            return self.refuse, {"Content-Type": "text/plain"}, self.refuse_body.encode()
        if self.token is not None and not path.startswith(self.open_paths or ("//",)):
            login = request.login
            if login is None or (login.partition(":")[2] != self.token and login != f"{self.token}:"):
                return 401, {"WWW-Authenticate": 'Basic realm="git"'}, b"no"
        if (place := _redirect(self.redirects_after_login, path, query)) is not None:
            return 302, {"Location": place}, b""
        if self.refuse is not None:
            return self.refuse, {"Content-Type": "text/plain"}, self.refuse_body.encode()
        if "/info/lfs/" in path or path.startswith("/lfs-files/"):
            return self._answer_lfs(path, request.body)
        if self.dumb:
            return self._answer_file(path)
        return self._answer_backend(request)

    def _answer_file(self, path: str) -> _Told:
        name, _, rest = path.lstrip("/").partition("/")
        file = self.folder / name / ".git" / rest
        if rest == "info/refs":
            run_git(self.folder / name, "update-server-info")
        if not file.is_file():
            return 404, {}, b""
        return 200, {"Content-Type": "application/octet-stream"}, file.read_bytes()

    def _answer_backend(self, request: Request) -> _Told:
        name, _, rest = request.path.lstrip("/").removesuffix(".git").partition("/")
        name = name.removesuffix(".git")
        asked = request.headers.get("git-protocol", "") if self.protocol >= 2 else ""
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_PROJECT_ROOT": str(self.folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": f"/{name}/.git/{rest}",
            "QUERY_STRING": request.query,
            "REQUEST_METHOD": request.method,
            "CONTENT_TYPE": request.headers.get("content-type", ""),
            "CONTENT_LENGTH": str(len(request.body)),
            "HTTP_CONTENT_ENCODING": request.headers.get("content-encoding", ""),
            "REMOTE_ADDR": "127.0.0.1",
            "GIT_PROTOCOL": asked,
        }
        done = subprocess.run(
            ["git", "http-backend"], env=environment, input=request.body, capture_output=True, check=False
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
        status = int(headers.pop("Status", "200").split()[0])
        return status, headers, content

    def _answer_lfs(self, path: str, body: bytes) -> _Told:
        """The batch API of LFS, for downloads alone."""
        if path.startswith("/lfs-files/"):
            content = self.lfs.get(path.rpartition("/")[2])
            return (404, {}, b"") if content is None else (200, {"Content-Type": "application/octet-stream"}, content)
        if not path.endswith("/objects/batch"):
            return 404, {"Content-Type": "application/vnd.git-lfs+json"}, b"{}"
        objects = []
        for wanted in json.loads(body)["objects"]:
            found: dict[str, object] = {"oid": wanted["oid"], "size": wanted["size"]}
            if wanted["oid"] in self.lfs:
                href = f"{self.lfs_href or self.base_url}/lfs-files/{wanted['oid']}"
                found["actions"] = {"download": {"href": href}}
            else:
                found["error"] = {"code": 404, "message": "no such object"}
            objects.append(found)
        answer = json.dumps({"transfer": "basic", "objects": objects}).encode()
        return 200, {"Content-Type": "application/vnd.git-lfs+json"}, answer


def _leave_out_host(request: Request) -> Request:
    """A request to a proxy as the host itself would get it."""
    if not request.target.startswith("http://"):
        return request
    return replace(request, target="/" + request.target.split("/", 3)[3])


def _redirect(places: Mapping[str, str], path: str, query: str) -> str | None:
    for prefix, target in places.items():
        if path.startswith(prefix):
            return target + path.removeprefix(prefix) + (f"?{query}" if query else "")
    return None


def lfs_pointer(content: bytes) -> str:
    """The pointer file that stands for a content (git-lfs: specification)."""
    digest = hashlib.sha256(content).hexdigest()
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {len(content)}\n"
