"""What tests of repositories share: a served folder with a repository, and what git processes get."""

from __future__ import annotations

import base64
import os
import shutil
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from resolver.fetch.git.repositories import FoundCommit, GitRepositories
from resolver.fetch.git.repository import GitReferenceError
from resolver.fetch.http.credentials import FindLogin, Login
from resolver.requirements.direct_reference import parse_reference
from resolver.requirements.entry import VcsReference
from resolver.requirements.url import Secret, Url, parse_url
from tests.git_server import GitServer, Repository, make_repository

CANARY = "ghp_c4n4ry/+tok3n=that~nobody?may#see"
QUOTED = "ghp_c4n4ry%2F%2Btok3n%3Dthat~nobody%3Fmay%23see"
PROXY_CANARY = "pr0xy-c4n4ry"


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return make_repository(tmp_path / "served" / "demo")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    (tmp_path / "served").mkdir(exist_ok=True)
    with GitServer(tmp_path / "served") as server:
        yield server


@pytest.fixture
def repositories(tmp_path: Path) -> Iterator[GitRepositories]:
    with GitRepositories(cache_folder=tmp_path / "cache") as repositories:
        yield repositories


@pytest.fixture(params=["file", "http"])
def tree_url(request: pytest.FixtureRequest, repository: Repository, server: GitServer) -> Url:
    return parse_url(repository.url if request.param == "file" else server.url("demo"))


def login(password: str = CANARY, user: str = "me") -> FindLogin:
    return lambda url: Login(user=Secret(user), password=Secret(password))


def refuse_tree(repositories: GitRepositories, url: Url, commit_id: str, subdirectory: str | None = None) -> str:
    """The message about a tree that cannot be had."""
    with (
        pytest.raises(GitReferenceError) as caught,
        repositories.open_tree(url, commit_id, subdirectory=subdirectory),
    ):
        pass
    return str(caught.value)


def find(repositories: GitRepositories, text: str, **variables: str) -> FoundCommit:
    """The commit of a requirement's text; messages show its public form."""
    reference = parse_reference(text, variables=variables).direct
    assert isinstance(reference, VcsReference)
    revision = f"@{reference.revision}" if reference.revision else ""
    return repositories.find_commit(reference, text=f"git+{reference.url}{revision}")


class Recorder:
    """A `git` in front of the real one, that notes arguments and environment of each call, and its own children's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "calls.log"
        program = shutil.which("git")
        assert program is not None
        wrapper = folder / "bin" / "git"
        wrapper.parent.mkdir(parents=True)
        note = f"{{ printf '%s\\n' CALL \"$@\"; printf '\\n'; env; }} >> '{self.log}'"
        wrapper.write_text(f"#!/bin/sh\n{note}\nexec '{program}' \"$@\"\n")
        wrapper.chmod(0o755)
        self.environment = {**os.environ, "PATH": f"{wrapper.parent}{os.pathsep}{os.environ['PATH']}"}

    def text(self) -> str:
        """All that was noted."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def calls(self) -> list[str]:
        """The commands that were called, without the options in front."""
        return [call.partition("\n\n")[0].strip().replace("\n", " ") for call in self.text().split("CALL\n")[1:]]


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    return Recorder(tmp_path / "recorder")


def read_descendants(pid: int) -> str:
    """Arguments and environment of all processes below one, at this moment; only Linux shows them."""
    if not sys.platform.startswith("linux"):
        pytest.skip("needs /proc")
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
    found: list[bytes] = []
    for child in parents:
        above = child
        while above in parents and above != pid:
            above = parents[above]
        if above == pid and child != pid:
            for name in ("cmdline", "environ"):
                try:
                    found.append((Path("/proc") / str(child) / name).read_bytes())
                except OSError:
                    continue
    return b"\n".join(found).replace(b"\0", b"\n").decode(errors="replace")


def forms(canary: str) -> list[bytes]:
    """The canary as it would stand in a file: plain, percent-encoded, in base64 at each of three offsets."""
    encoded = [base64.b64encode(b"x" * shift + canary.encode())[4:-4] for shift in range(3)]
    return [canary.encode(), quote(canary, safe="").encode(), *encoded]


def read_all(folder: Path) -> bytes:
    """The bytes of all files below a folder, and their names."""
    parts = []
    for path in sorted(folder.rglob("*")):
        parts.append(os.fsencode(path))
        if stat.S_ISREG(path.lstat().st_mode):
            parts.append(path.read_bytes())
    return b"\n".join(parts)


def assert_without(content: str | bytes, canary: str) -> None:
    """Fail if the content contains the canary in any form."""
    data = content.encode() if isinstance(content, str) else content
    for form in forms(canary):
        assert form not in data
