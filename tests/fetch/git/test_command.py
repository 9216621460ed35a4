"""How git runs: its variables, options and limits, and its end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from resolver.errors import FetchError
from resolver.fetch.git.command import _build_environment, _find_proxies
from resolver.fetch.git.repositories import GitRepositories, RepositoryRules
from resolver.requirements.url import parse_url
from tests.command import child_environment
from tests.fetch.git.git_fixtures import Recorder, find, recorder, repository, server
from tests.git_server import GitServer, Repository

__all__ = ["recorder", "repository", "server"]


PLANTED = (
    *("PINFOLD_TOKEN", "GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY", "SSH_AUTH_SOCK", "SSH_ASKPASS", "GIT_SSH_COMMAND"),
    *("GIT_PROXY_COMMAND", "GIT_EXTERNAL_DIFF", "GIT_DIR", "GIT_TRACE_CURL", "GIT_EXEC_PATH", "GIT_TEMPLATE_DIR"),
    *("GIT_CONFIG_COUNT", "GIT_CONFIG_PARAMETERS", "XDG_CONFIG_HOME", "LD_PRELOAD", "PYTHONPATH"),
)


def test_every_argument_of_the_users_follows_end_of_options(
    repository: Repository, server: GitServer, recorder: Recorder, tmp_path: Path
) -> None:
    commit_id = repository.commit()
    url = server.url("demo")
    with GitRepositories(cache_folder=tmp_path / "cache", environment=recorder.environment) as repositories:
        find(repositories, f"git+{url}@main")
        find(repositories, f"git+{url}@{commit_id[:7]}")
        with repositories.open_tree(parse_url(url), commit_id):
            pass
    with_url = [call for call in recorder.calls() if url in call]
    assert len(with_url) == 5
    assert all(" --end-of-options " in call.partition(url)[0] for call in with_url)


def test_git_sees_nothing_of_the_callers_environment_but_what_it_needs(
    repository: Repository, server: GitServer, recorder: Recorder, tmp_path: Path
) -> None:
    repository.commit()
    planted = dict.fromkeys(PLANTED, "planted")
    environment = {**recorder.environment, **planted}
    with GitRepositories(cache_folder=tmp_path / "cache", environment=environment) as repositories:
        find(repositories, f"git+{server.url('demo')}@main")
    assert "planted" not in recorder.text()
    for line in (
        "GIT_TERMINAL_PROMPT=0",
        "GIT_CONFIG_NOSYSTEM=1",
        "GIT_CONFIG_GLOBAL=/dev/null",
        "GIT_ALLOW_PROTOCOL=https:http",
    ):
        assert f"\n{line}\n" in recorder.text()


@pytest.mark.parametrize(
    ("scheme", "allowed"), [("https", "https"), ("ssh", "ssh"), ("file", "file"), ("git", "git"), ("", "none")]
)
def test_only_the_scheme_of_the_list_is_allowed(scheme: str, allowed: str, tmp_path: Path) -> None:
    told = _build_environment({"SSH_AUTH_SOCK": "/agent"}, scheme=scheme, home=tmp_path)
    assert told["GIT_ALLOW_PROTOCOL"] == allowed
    assert ("SSH_AUTH_SOCK" in told) is (scheme == "ssh")


def test_ssh_shows_no_prompt_and_reaches_the_users_agent(
    repository: Repository, recorder: Recorder, tmp_path: Path
) -> None:
    commit_id = repository.commit()
    log = tmp_path / "ssh.log"
    program = recorder.folder / "bin" / "ssh"
    program.write_text(f'#!/bin/sh\n{{ echo "$@"; env; }} >> {log}\nfor last; do :; done\neval "$last"\n')
    program.chmod(0o755)
    environment = {**recorder.environment, "SSH_AUTH_SOCK": "/agent", "GITHUB_TOKEN": "planted"}
    with GitRepositories(cache_folder=tmp_path / "cache", environment=environment) as repositories:
        text = f"git+ssh://git@git.example{repository.folder}"
        assert find(repositories, f"{text}@main").commit_id == commit_id
        with repositories.open_tree(parse_url(text[4:]), commit_id):
            pass
    assert "-o BatchMode=yes" in log.read_text().splitlines()[0]
    assert "git@git.example git-upload-pack" in log.read_text()
    assert "\nSSH_AUTH_SOCK=/agent\n" in log.read_text()
    assert "planted" not in log.read_text()


def test_neither_hooks_nor_monitors_nor_filters_run(
    repository: Repository, server: GitServer, recorder: Recorder, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    hooks = home / "hooks"
    hooks.mkdir(parents=True)
    ran = tmp_path / "ran"
    for name in ("post-checkout", "reference-transaction", "fsmonitor", "filter", "post-index-change"):
        (hooks / name).write_text(f"#!/bin/sh\necho {name} >> {ran}\ncat\n")
        (hooks / name).chmod(0o755)
    (home / ".gitconfig").write_text(
        f'[core]\n\thooksPath = {hooks}\n\tfsmonitor = {hooks}/fsmonitor\n[filter "x"]\n\tsmudge = {hooks}/filter\n'
        f"[init]\n\ttemplateDir = {home}\n"
    )
    commit_id = repository.commit({".gitattributes": "* filter=x\n", "a.txt": "a"})
    environment = {**recorder.environment, "HOME": str(home)}
    with (
        GitRepositories(cache_folder=tmp_path / "cache", environment=environment) as repositories,
        repositories.open_tree(parse_url(server.url("demo")), commit_id) as tree,
    ):
        assert (tree.root / "a.txt").read_text() == "a"
    assert not ran.exists()


@pytest.mark.parametrize(
    ("version", "first"),
    [
        ("git version 2.29.2", "`git` is too old for http://git.example/x: git version 2.29.2"),
        ("what?", "`git` is too old for http://git.example/x: what?"),
    ],
)
def test_old_git_is_an_error(tmp_path: Path, version: str, first: str) -> None:
    program = tmp_path / "bin" / "git"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho '{version}'\n")
    program.chmod(0o755)
    with (
        GitRepositories(cache_folder=tmp_path / "cache", environment={"PATH": str(program.parent)}) as repositories,
        pytest.raises(FetchError) as caught,
    ):
        find(repositories, "git+http://git.example/x@main")
    assert str(caught.value) == (
        f"{first}\n  because it is called with options that came with git 2.30\n  try: install a newer git"
    )


def test_missing_git_is_an_error(tmp_path: Path) -> None:
    with (
        GitRepositories(cache_folder=tmp_path / "cache", environment={"PATH": str(tmp_path)}) as repositories,
        pytest.raises(FetchError) as caught,
    ):
        find(repositories, "git+http://git.example/x@main")
    assert str(caught.value) == ("`git` is not installed, and http://git.example/x is a repository\n  try: install git")


def test_slow_server_is_an_error(repository: Repository, server: GitServer, tmp_path: Path) -> None:
    server.hang_at = "/info/refs"
    url = f"git+{server.url('demo')}@main"
    with (
        GitRepositories(cache_folder=tmp_path / "cache", rules=RepositoryRules(limit_s=0.3)) as repositories,
        pytest.raises(FetchError) as caught,
    ):
        find(repositories, url)
    assert str(caught.value) == f"`{url}` was not read within 0.3 s\n  try: again later, or a longer `--timeout`"


def test_close_ends_what_runs(repository: Repository, server: GitServer, tmp_path: Path) -> None:
    server.hang_at = "/info/refs"
    repositories = GitRepositories(cache_folder=tmp_path / "cache")
    errors: list[BaseException] = []

    def ask() -> None:
        try:
            find(repositories, f"git+{server.url('demo')}@main")
        except FetchError as error:
            errors.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    assert server.hanging.wait(20)
    repositories.close()
    thread.join(20)
    assert not thread.is_alive()
    assert len(errors) == 1
    with pytest.raises(FetchError, match="the package source is closed"):
        find(repositories, f"git+{server.url('demo')}@main")


_INTERRUPTED = """
import sys
from pathlib import Path
from resolver.fetch.git.repositories import GitRepositories, RepositoryRules
from resolver.requirements.url import parse_url
with GitRepositories(cache_folder=Path(sys.argv[2])) as repositories:
    with repositories.open_tree(parse_url(sys.argv[1]), sys.argv[3]):
        pass
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT cannot be sent to one process there")
def test_interrupt_ends_git_and_leaves_no_folder(repository: Repository, server: GitServer, tmp_path: Path) -> None:
    commit_id = repository.commit()
    server.hang_at = "/git-upload-pack"
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-c", _INTERRUPTED, server.url("demo"), str(tmp_path / "cache"), commit_id],
        env=child_environment(tmp_path, TMPDIR=str(temporary)),
        stderr=subprocess.PIPE,
        text=True,
    )
    assert server.hanging.wait(20)
    children = _find_children(process.pid)
    os.kill(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert errors.strip().endswith("KeyboardInterrupt")
    assert children
    deadline = time.monotonic() + 10
    while any(_is_alive(child) for child in children):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert list((tmp_path / "cache" / "git-v1" / "work").iterdir()) == []
    assert list(temporary.iterdir()) == []


def _find_children(pid: int) -> list[int]:
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    pairs = [tuple(map(int, line.split())) for line in listed.splitlines()]
    found = [pid]
    for _ in range(5):
        found += [child for child, parent in pairs if parent in found and child not in found]
    return found[1:]


def _is_alive(pid: int) -> bool:
    shown = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(shown.strip()) and not shown.startswith("Z")


@pytest.mark.parametrize(
    ("caller", "told"),
    [
        ({}, {}),
        ({"HTTPS_PROXY": "http://p.example:3128"}, {"https_proxy": "http://p.example:3128"}),
        ({"HTTPS_PROXY": "http://a.example", "https_proxy": "http://b.example"}, {"https_proxy": "http://b.example"}),
        ({"https_proxy": "me:pw@p.example:3128"}, {"https_proxy": "http://pinfold@p.example:3128"}),
        ({"NO_PROXY": ".example"}, {"no_proxy": ".example"}),
        ({"ALL_PROXY": ""}, {}),
        ({"FTP_PROXY": "http://p.example"}, {}),
    ],
)
def test_proxies_are_named_without_logins(caller: dict[str, str], told: dict[str, str]) -> None:
    both = {form: value for name, value in told.items() for form in (name, name.upper())}
    assert _find_proxies(caller).variables == both


def test_request_is_repeated_after_a_failure_of_a_moment(
    repository: Repository, server: GitServer, tmp_path: Path
) -> None:
    commit_id = repository.commit({"a.txt": "a"})
    server.answers = [503, 429]
    waited: list[float] = []
    with (
        GitRepositories(cache_folder=tmp_path / "cache", sleep=waited.append) as repositories,
        repositories.open_tree(parse_url(server.url("demo")), commit_id) as tree,
    ):
        assert (tree.root / "a.txt").read_text() == "a"
    assert waited == [0.5, 1.0]


def test_server_that_keeps_failing_is_an_error(repository: Repository, server: GitServer, tmp_path: Path) -> None:
    commit_id = repository.commit()
    server.refuse = 503
    with (
        GitRepositories(cache_folder=tmp_path / "cache", sleep=lambda seconds: None) as repositories,
        pytest.raises(FetchError) as caught,
        repositories.open_tree(parse_url(server.url("demo")), commit_id),
    ):
        pass
    assert "The requested URL returned error: 503" in str(caught.value)
    assert len(server.log) == 3
