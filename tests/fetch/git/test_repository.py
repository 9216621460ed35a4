"""URLs, revisions and subdirectories that git must not get, because it could run or read something else."""

from __future__ import annotations

from pathlib import Path

import pytest

from resolver.fetch.git.repositories import GitRepositories
from resolver.fetch.git.repository import GitReferenceError
from resolver.requirements.entry import VcsReference
from resolver.requirements.url import Url
from tests.fetch.git.git_fixtures import Recorder, recorder, repositories

__all__ = ["recorder", "repositories"]


COMMIT = "a" * 40


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
def test_url_that_cannot_be_read_is_an_error(repositories: GitRepositories, url: str, message: str) -> None:
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
