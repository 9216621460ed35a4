"""What a URL, a revision, a subdirectory or a repository may not do: run programs, read elsewhere, ask questions."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from resolver.errors import FetchError
from resolver.fetch.git.command import _build_environment
from resolver.fetch.git.repositories import GitRepositories
from resolver.fetch.git.repository import GitReferenceError
from resolver.requirements.entry import VcsReference
from resolver.requirements.url import Url, parse_url
from tests.command import child_environment
from tests.fetch.git_fixtures import Recorder, find, recorder, repositories, repository, server
from tests.git_server import GitServer, Repository, make_repository

__all__ = ["recorder", "repositories", "repository", "server"]

COMMIT = "a" * 40
PLANTED = (
    *("PINFOLD_TOKEN", "GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY", "SSH_AUTH_SOCK", "SSH_ASKPASS", "GIT_SSH_COMMAND"),
    *("GIT_PROXY_COMMAND", "GIT_EXTERNAL_DIFF", "GIT_DIR", "GIT_TRACE_CURL", "GIT_EXEC_PATH", "GIT_TEMPLATE_DIR"),
    *("GIT_CONFIG_COUNT", "GIT_CONFIG_PARAMETERS", "XDG_CONFIG_HOME", "LD_PRELOAD", "PYTHONPATH"),
)


def refuse(
    repositories: GitRepositories, url: str, revision: str | None = None, subdirectory: str | None = None
) -> str:
    """The message about a reference, which is refused before anything is asked or run."""
    reference = VcsReference(url=Url(public=url), revision=revision, subdirectory=subdirectory)
    with pytest.raises(GitReferenceError) as caught:
        repositories.find_commit(reference, text="X")
    with (
        pytest.raises(GitReferenceError),
        repositories.open_tree(Url(public=url), revision or COMMIT, subdirectory=subdirectory),
    ):
        pass
    return str(caught.value)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("--upload-pack=touch /tmp/x", "it begins with `-`, as an option of git does"),
        ("ext::sh -c touch% /tmp/x", "it holds a space or a control character"),
        ("ext::touch", "`ext::` would have git run a program for it"),
        ("fd::7", "`fd::` would have git run a program for it"),
        ("https::https://git.example/x", "`https::` would have git run a program for it"),
        ("ftp://git.example/x", "`ftp` is none of `https`, `ssh`, `file`, `http`, `git`"),
        ("git+https://git.example/x", "`git+https` is none of `https`, `ssh`, `file`, `http`, `git`"),
        ("/srv/repository", "it is no URL"),
        ("git.example:org/x", "`git.example` is none of `https`, `ssh`, `file`, `http`, `git`"),
        ("https://git.example/x\n[core]", "it holds a space or a control character"),
        ("https://git.example/x\0", "it holds a space or a control character"),
        ("https://git.example/\x1b[2Jx", "it holds a space or a control character"),
        ("https:///x", "it names no host"),
        ("ssh://-oProxyCommand=touch/x", "`-oproxycommand=touch` is no name of a host"),
        ("ssh://-oProxyCommand=x@git.example/x", "its user is no plain login name"),
        ("ssh://git.example/-x", "its path begins with `-` or has a part `.` or `..`"),
        ("https://git.example/org/x/../../other/y", "its path begins with `-` or has a part `.` or `..`"),
        ("https://git.example/org/%2e%2e/y", "its path begins with `-` or has a part `.` or `..`"),
        ("file://server/share/x", "a `file:` URL names no other host"),
    ],
)
def test_url_that_is_none_of_a_repository_is_refused(recorder: Recorder, tmp_path: Path, url: str, why: str) -> None:
    with GitRepositories(cache_folder=tmp_path / "cache", environment=recorder.environment) as repositories:
        assert refuse(repositories, url) == f"`X` is refused\n  because {why}"
    assert recorder.text() == ""


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("https://git.example/", "`X` names no repository\n  because its path is empty or holds control characters"),
        (
            "https://git.example/a%0Ab",
            "`X` names no repository\n  because its path is empty or holds control characters",
        ),
        ("https://git.example:x/a", "`X` is no URL\n  because its host or port cannot be read"),
        ("https://[::1/a", "`X` is no URL\n  because its host or port cannot be read"),
        ("https://${HOST}/a", "`X` has a variable in its host that is not set"),
        (
            "https://git.example/${TOKEN}/a",
            "`X` has a variable in its path\n"
            "  because git would show its value to every process of this machine\n"
            "  try: put the secret before the host, as in `git+https://${TOKEN}@host/path`",
        ),
    ],
)
def test_url_that_cannot_be_read_is_told(repositories: GitRepositories, url: str, message: str) -> None:
    assert refuse(repositories, url) == message


@pytest.mark.parametrize(
    ("revision", "message"),
    [
        (
            "--upload-pack=x",
            "the revision of `X` is refused\n  because `--upload-pack=x` begins with `-`, as an option of git does",
        ),
        ("-x", "the revision of `X` is refused\n  because `-x` begins with `-`, as an option of git does"),
        ("a\nb", "the revision of `X` is refused\n  because `a\\nb` holds a space or a control character"),
        ("a\u202eb", "the revision of `X` is refused\n  because `a\\u202eb` holds a space or a control character"),
        ("a b", "the revision of `X` is refused\n  because `a b` holds a space or a control character"),
    ],
)
def test_revision_that_could_be_an_option_is_refused(
    repositories: GitRepositories, revision: str, message: str
) -> None:
    assert refuse(repositories, "https://git.example/x", revision) == message


@pytest.mark.parametrize(
    "revision",
    [
        "a..b",
        "a~1",
        "a^{commit}",
        "a:b",
        "a?",
        "a*",
        "a[b",
        "a\\b",
        "@",
        "a@{1}",
        "a/",
        "a.",
        ".a",
        "a/.b",
        "a.lock",
        "//a",
    ],
)
def test_revision_that_is_no_name_is_refused(repositories: GitRepositories, revision: str) -> None:
    assert refuse(repositories, "https://git.example/x", revision) == (
        f"the revision of `X` is no name that git allows: `{revision}`\n  try: name a branch, a tag or a commit"
    )


@pytest.mark.parametrize(
    ("subdirectory", "why"),
    [
        ("-x", "it begins with `-`"),
        ("a\nb", "it holds a control character or a backslash"),
        ("a\\..\\..\\b", "it holds a control character or a backslash"),
        ("../x", "it leads out of the repository"),
        ("a/../../x", "it leads out of the repository"),
        ("/etc", "it leads out of the repository"),
        ("C:/x", "it leads out of the repository"),
        (".git", "it is git's own folder"),
        ("a/.GIT/hooks", "it is git's own folder"),
    ],
)
def test_subdirectory_that_leads_elsewhere_is_refused(
    repositories: GitRepositories, subdirectory: str, why: str
) -> None:
    shown = subdirectory.replace("\n", "\\n")
    assert refuse(repositories, "https://git.example/x", COMMIT, subdirectory) == (
        f"the subdirectory of `X` is refused: `{shown}`\n  because {why}"
    )


@pytest.mark.parametrize("target", ["/etc", "../..", "../../elsewhere"])
def test_subdirectory_that_is_a_link_out_of_the_checkout_is_refused(
    repository: Repository, server: GitServer, repositories: GitRepositories, target: str
) -> None:
    (repository.folder / "link").symlink_to(target)
    commit_id = repository.commit()
    url = parse_url(server.url("demo"))
    with pytest.raises(GitReferenceError) as caught, repositories.open_tree(url, commit_id, subdirectory="link"):
        pass
    assert str(caught.value) == (
        f"the subdirectory of `git+{url}` is refused: `link`\n  because it is a link out of the repository"
    )


def test_subdirectory_that_is_a_link_into_gits_folder_is_refused(
    repository: Repository, server: GitServer, repositories: GitRepositories
) -> None:
    (repository.folder / "link").symlink_to(".git/refs")
    commit_id = repository.commit()
    with (
        pytest.raises(GitReferenceError) as caught,
        repositories.open_tree(parse_url(server.url("demo")), commit_id, subdirectory="link"),
    ):
        pass
    assert str(caught.value).endswith("is refused: `link`\n  because it is git's own folder")


def test_subdirectory_that_is_a_link_inside_of_the_checkout_is_followed(
    repository: Repository, server: GitServer, repositories: GitRepositories
) -> None:
    (repository.folder / "link").symlink_to("python")
    commit_id = repository.commit({"python/setup.py": ""})
    with repositories.open_tree(parse_url(server.url("demo")), commit_id, subdirectory="link") as tree:
        assert (tree.folder / "setup.py").is_file()


def test_subdirectory_that_is_not_there_is_told_with_those_that_hold_projects(
    repository: Repository, server: GitServer, repositories: GitRepositories
) -> None:
    commit_id = repository.commit({"python/setup.py": "", "libs/core/pyproject.toml": "", "docs/x": ""})
    url = parse_url(server.url("demo"))
    with pytest.raises(GitReferenceError) as caught, repositories.open_tree(url, commit_id, subdirectory="py"):
        pass
    assert str(caught.value) == (
        f"there is no folder `py` in `git+{url}`\n  try: `#subdirectory=libs/core` or `#subdirectory=python`"
    )


def test_every_word_of_the_users_stands_behind_end_of_options(
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


def test_ssh_asks_nobody_and_reaches_the_users_agent(
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


@pytest.mark.parametrize(
    ("words", "first"),
    [
        ("Host key verification failed.", "the host key of `git.example` is not known"),
        ("git@git.example: Permission denied (publickey).", "`git.example` refuses access to `{}`"),
        ("ssh: Could not resolve hostname git.example", "`git.example` cannot be reached for `{}`"),
    ],
)
def test_refusal_of_ssh_is_told(recorder: Recorder, tmp_path: Path, words: str, first: str) -> None:
    program = recorder.folder / "bin" / "ssh"
    program.write_text(f"#!/bin/sh\necho '{words}' >&2\nexit 255\n")
    program.chmod(0o755)
    text = "git+ssh://git@git.example/org/x@main"
    with (
        GitRepositories(cache_folder=tmp_path / "cache", environment=recorder.environment) as repositories,
        pytest.raises(FetchError) as caught,
    ):
        find(repositories, text)
    assert str(caught.value).splitlines()[0] == first.format(text)
    assert len(str(caught.value).splitlines()) == 3


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
    ("address", "why"),
    [
        ("ext::sh -c touch% x", "it holds a space or a control character"),
        ("ext::touch", "`ext::` would have git run a program for it"),
        ("--upload-pack=touch", "it begins with `-`, as an option of git does"),
        ("/etc/repository", "it is no URL"),
        ("-oProxyCommand=x@git.example:y", "it begins with `-`, as an option of git does"),
        ("https://git.example/a/../b", "its path begins with `-` or has a part `.` or `..`"),
    ],
)
def test_submodule_with_an_unsafe_address_is_refused(
    repository: Repository, server: GitServer, repositories: GitRepositories, address: str, why: str
) -> None:
    repository.add_submodule("inner", address, COMMIT)
    commit_id = repository.commit_index()
    url = parse_url(server.url("demo"))
    with pytest.raises(GitReferenceError) as caught, repositories.open_tree(url, commit_id):
        pass
    assert str(caught.value) == f"the submodule `inner` of `git+{url}` is refused\n  because {why}"


def test_variable_in_the_address_of_a_submodule_is_never_expanded(
    repository: Repository, server: GitServer, repositories: GitRepositories, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "planted")
    repository.add_submodule("inner", server.url("inner", login="${GITHUB_TOKEN}"), COMMIT)
    commit_id = repository.commit_index()
    url = parse_url(server.url("demo"))
    with pytest.raises(GitReferenceError) as caught, repositories.open_tree(url, commit_id):
        pass
    assert str(caught.value) == (
        f"the submodule `inner` of `git+{url}` is not followed\n"
        "  because its address holds a variable, which a list alone may"
    )


@pytest.mark.parametrize("from_disk", [False, True])
def test_submodule_on_disk_is_not_followed(
    repository: Repository, server: GitServer, repositories: GitRepositories, tmp_path: Path, from_disk: bool
) -> None:
    inner = make_repository(tmp_path / "served" / "inner")
    repository.add_submodule("inner", inner.url, inner.commit())
    commit_id = repository.commit_index()
    url = parse_url(repository.url if from_disk else server.url("demo"))
    with pytest.raises(GitReferenceError) as caught, repositories.open_tree(url, commit_id):
        pass
    assert str(caught.value) == (
        f"the submodule `inner` of `git+{url}` is not followed\n"
        f"  because a repository that is read by `{'file' if from_disk else 'http'}` may lead to `https` and `ssh`,"
        " not to `file`"
    )


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.2", "169.254.169.254", "10.0.0.1", "[::1]", "0x7f000001", "git.internal"]
)
def test_submodule_inside_of_the_network_is_not_followed(
    repository: Repository, server: GitServer, repositories: GitRepositories, host: str
) -> None:
    repository.add_submodule("inner", f"https://{host}/x", COMMIT)
    commit_id = repository.commit_index()
    url = parse_url(server.url("demo"))
    with pytest.raises(GitReferenceError) as caught, repositories.open_tree(url, commit_id):
        pass
    assert str(caught.value) == (
        f"the submodule `inner` of `git+{url}` is not followed\n"
        f"  because `{host.strip('[]')}` is an address inside of this machine or network"
    )


def test_submodule_behind_a_link_is_refused(
    repository: Repository, server: GitServer, repositories: GitRepositories, tmp_path: Path
) -> None:
    inner = make_repository(tmp_path / "served" / "inner")
    inner_id = inner.commit({"x": "x"})
    repository.add_submodule("a/inner", "../inner", inner_id)
    (repository.folder / "a" / "inner").rmdir()
    (repository.folder / "a" / "inner").symlink_to("/tmp")
    repository.git("update-index", "--force-remove", "a/inner")
    blob = repository.git("hash-object", "-w", "--stdin", stdin="/tmp")
    repository.git("update-index", "--add", "--cacheinfo", f"120000,{blob},a/inner")
    commit_id = repository.commit_index()
    with repositories.open_tree(parse_url(server.url("demo")), commit_id) as tree:
        # What is a link in the commit is no submodule, whatever `.gitmodules` says.
        assert (tree.root / "a" / "inner").is_symlink()
    assert "/inner/info/refs" not in server.paths()


def test_submodule_that_contains_itself_ends(
    repository: Repository, server: GitServer, repositories: GitRepositories, tmp_path: Path
) -> None:
    chain = [make_repository(tmp_path / "served" / f"r{number}") for number in range(12)]
    below = chain[-1].commit({"x": "x"})
    for number in reversed(range(11)):
        chain[number].add_submodule("s", f"../r{number + 1}", below)
        below = chain[number].commit_index()
    with (
        pytest.raises(GitReferenceError) as caught,
        repositories.open_tree(parse_url(server.url("r0")), below),
    ):
        pass
    assert str(caught.value).endswith("lie more than 10 deep in each other")


def test_cache_is_this_users_alone(repository: Repository, server: GitServer, tmp_path: Path) -> None:
    commit_id = repository.commit()
    with (
        GitRepositories(cache_folder=tmp_path / "cache") as repositories,
        repositories.open_tree(parse_url(server.url("demo")), commit_id) as tree,
    ):
        assert stat.S_IMODE(tree.root.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "cache" / "git-v1").stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("version", "first"),
    [
        ("git version 2.29.2", "`git` is too old for http://git.example/x: git version 2.29.2"),
        ("what?", "`git` is too old for http://git.example/x: what?"),
    ],
)
def test_old_git_is_told(tmp_path: Path, version: str, first: str) -> None:
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


def test_missing_git_is_told(tmp_path: Path) -> None:
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
        GitRepositories(cache_folder=tmp_path / "cache", limit_s=0.3) as repositories,
        pytest.raises(FetchError) as caught,
    ):
        find(repositories, url)
    assert str(caught.value) == f"`{url}` was not read within 0.3 s\n  try: again later"


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
from resolver.fetch.git.repositories import GitRepositories
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
