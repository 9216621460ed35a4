"""The errors that users see when git fails: one for each cause, with what was tried and what would help.

In: a failed command, with the end of its output and the outcome of its queries for a login. Out: FetchError or
AuthenticationError, with git's own last lines as the reason.

It is a module of its own because the causes differ only in the texts of git's output, which are all matched here.
"""

from __future__ import annotations

import re

from lockfiles._values import compile_later
from resolver.errors import AuthenticationError, FetchError
from resolver.fetch.git.command import GitCommandError
from resolver.fetch.git.repository import Repository

__all__ = ["explain_git_failure", "is_refused_request", "is_unknown_object"]

# The texts of git, curl, ssh and common hosts, by cause. The exit status of git is 128 for all of them.
_DENIED = compile_later(
    r"authentication failed|could not read (?:username|password)|terminal prompts disabled"
    r"|returned error: (?:401|403)|permission denied \(|access denied|invalid username or (?:password|token)",
    re.IGNORECASE,
)
# The status 407 of a proxy, as curl words it for a request and for a tunnel.
_PROXY_DENIED = compile_later(r"returned error: 407|response 407|proxy authentication required", re.IGNORECASE)
# Hosts also send 404 for a repository that the login may not see, so a message cannot exclude a missing login.
_ABSENT = compile_later(
    r"repository .*not found|returned error: (?:404|410)|does not appear to be a git repository|does not exist",
    re.IGNORECASE,
)
# The network below HTTP and ssh: names, routes, connections, time limits.
_UNREACHED = compile_later(
    r"could not resolve|failed to connect|couldn't connect|connection (?:refused|timed out|reset|closed)"
    r"|network is unreachable|operation timed out|operation too slow|no route to host|name or service not known",
    re.IGNORECASE,
)


_REDIRECTED = compile_later(r"returned error: 30[1278]")


def is_refused_request(failed: GitCommandError) -> bool:
    """Whether the server refuses this form of request, and may accept another one.

    It refuses a commit that no branch or tag names, or a shallow history, as servers without git's own protocol do.
    """
    text = failed.text.lower()
    return "unadvertised object" in text or "dumb http transport" in text or "does not support shallow" in text


def is_unknown_object(failed: GitCommandError) -> bool:
    """Whether the server has no such commit."""
    return "not our ref" in failed.text or "couldn't find remote ref" in failed.text


def explain_git_failure(failed: GitCommandError, repository: Repository, *, shown: str) -> FetchError:
    """The error to raise for a command that reached out to a repository.

    `shown` names what it was for, in backquotes. The first cause that matches decides: the output of a failure at the
    host key or at the proxy may go on with a failed login.
    """
    return (
        _explain_waiting(failed, repository, shown=shown)
        or _explain_denial(failed, repository, shown=shown)
        or _explain_connection(failed, repository, shown=shown)
        or _explain_absence(failed, repository, shown=shown)
        or FetchError(f"git cannot read {shown}", url=repository.url.public, why=_join_lines(failed))
    )


def _join_lines(failed: GitCommandError) -> str:
    """Git's last lines, as the reason of an error."""
    return "; ".join(failed.lines)


def _explain_waiting(failed: GitCommandError, repository: Repository, *, shown: str) -> FetchError | None:
    """The error for a command that took too long, or that would have shown a prompt for the key of a host."""
    url = repository.url.public
    if failed.timed_out_s is not None:
        what = f"{shown} was not read within {failed.timed_out_s:g} s"
        return FetchError(what, url=url, why=_join_lines(failed), remedy="again later, or a longer `--timeout`")
    if "Host key verification failed" in failed.text:
        return FetchError(
            f"the host key of `{repository.place}` is not known",
            url=url,
            why="ssh cannot prompt for it here",
            remedy=f"connect once with `ssh {repository.host}`, and compare its key with the one its owner publishes",
        )
    return None


def _explain_denial(failed: GitCommandError, repository: Repository, *, shown: str) -> FetchError | None:
    """The error for a login that was missing, was not found, or was refused, by the proxy or by the host."""
    url = repository.url.public
    if failed.logins is not None and failed.logins.error is not None:
        return AuthenticationError.from_faults(failed.logins.error.faults, url=url)
    if _PROXY_DENIED.search(failed.text):
        return FetchError(
            f"the proxy refuses the way to `{repository.place}`",
            url=url,
            why=_join_lines(failed),
            remedy="check user and password in `HTTPS_PROXY` or `HTTP_PROXY`",
        )
    return _explain_login(failed, repository, shown=shown) if _DENIED.search(failed.text) else None


def _explain_connection(failed: GitCommandError, repository: Repository, *, shown: str) -> FetchError | None:
    """The error for a certificate, an owner on disk, or a connection that git does not accept or get."""
    url, why = repository.url.public, _join_lines(failed)
    if _REDIRECTED.search(failed.text):
        return FetchError(
            f"`{repository.place}` redirects requests for {shown}",
            url=url,
            why="git follows no redirect of a repository that a lock names, since it may lead into a private network",
            remedy="name the repository in the list as its host does, often with `.git` at the end, and lock again",
        )
    if "SSL certificate" in failed.text or "certificate verif" in failed.text.lower():
        return FetchError(
            f"the certificate of `{repository.place}` is not trusted: {shown}",
            url=url,
            why=why,
            remedy="set `SSL_CERT_FILE` to the CA certificates of your network",
        )
    if "dubious ownership" in failed.text:
        return FetchError(f"{shown} belongs to another user", url=url, why=why, remedy="clone it, and name the clone")
    if _UNREACHED.search(failed.text):
        return FetchError(
            f"`{repository.place}` cannot be reached for {shown}",
            url=url,
            why=why,
            remedy="check its name, or set `HTTPS_PROXY` if this network needs a proxy"
            if repository.scheme in ("https", "http")
            else "check its name and your network",
        )
    return None


def _explain_absence(failed: GitCommandError, repository: Repository, *, shown: str) -> FetchError | None:
    """The error for a repository that does not exist, according to the host."""
    if not _ABSENT.search(failed.text):
        return None
    hint = "check the URL; a host may also answer this where a login is missing"
    return FetchError(
        f"there is no repository {shown}",
        url=repository.url.public,
        why=_join_lines(failed),
        remedy=hint if repository.host else "check the path",
    )


def _explain_login(failed: GitCommandError, repository: Repository, *, shown: str) -> AuthenticationError:
    """The error for a login that the host requires or refuses.

    It depends on what became of ours: ssh has keys instead, a variable of the URL is not set, a login was held back, a
    login was refused, or none was found.
    """
    place, url, logins = repository.place, repository.url.public, failed.logins
    if repository.scheme == "ssh":
        what, why = f"`{place}` refuses access to {shown}", _join_lines(failed)
        remedy = "add your key to `ssh-agent` (`ssh-add`), and check that it may read the repository"
    elif repository.variables:
        names = ", ".join(f"`{name}`" for name in repository.variables)
        what, why = f"`{place}` wants a user and password for {shown}", f"{names} is not set"
        remedy = f"set {names} to a token that may read the repository"
    elif logins is not None and logins.unusable:
        what = f"`{place}` wants a user and password for {shown}, and the one at hand was not sent"
        why, remedy = logins.unusable, logins.unusable_remedy
    elif logins is not None and logins.was_given:
        what, why = f"`{place}` does not accept the login for {shown}", _join_lines(failed)
        remedy = "renew the token, and check that it may read the repository"
    else:
        what = f"`{place}` wants a user and password for {shown}"
        why = "none are known for it; a host may also answer this where there is no such repository"
        remedy = (
            f"write `git+{repository.scheme}://${{TOKEN}}@{place}/{repository.path}` and set `TOKEN`,"
            " or name a file with `--credentials`"
        )
    return AuthenticationError(what, why=why, remedy=remedy, url=url)
