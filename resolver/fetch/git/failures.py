"""What it means that git failed: one error a cause, with what was tried and what would help.

In: the output of a failed command and the questions for a login that it asked. Out: FetchError or
AuthenticationError, with git's own last lines as the reason.
"""

from __future__ import annotations

import re

from resolver.errors import AuthenticationError, FetchError
from resolver.fetch.git.command import GitFailed
from resolver.fetch.git.repository import Repository

__all__ = ["explain_git_failure", "is_refused_request", "is_unknown_object"]

_DENIED = re.compile(
    r"authentication failed|could not read (?:username|password)|terminal prompts disabled"
    r"|returned error: (?:401|403)|permission denied \(|access denied|invalid username or (?:password|token)",
    re.IGNORECASE,
)
_PROXY_DENIED = re.compile(r"returned error: 407|response 407|proxy authentication required", re.IGNORECASE)
_ABSENT = re.compile(
    r"repository .*not found|returned error: (?:404|410)|does not appear to be a git repository|does not exist",
    re.IGNORECASE,
)
_UNREACHED = re.compile(
    r"could not resolve|failed to connect|couldn't connect|connection (?:refused|timed out|reset|closed)"
    r"|network is unreachable|operation timed out|operation too slow|no route to host|name or service not known",
    re.IGNORECASE,
)


def is_refused_request(failed: GitFailed) -> bool:
    """Whether the server can answer, but not this way: a commit that no reference names, or no shallow history."""
    text = failed.text.lower()
    return "unadvertised object" in text or "dumb http transport" in text or "does not support shallow" in text


def is_unknown_object(failed: GitFailed) -> bool:
    """Whether the server says that it has no such commit."""
    return "not our ref" in failed.text or "couldn't find remote ref" in failed.text


def explain_git_failure(failed: GitFailed, repository: Repository, *, shown: str) -> FetchError:
    """The error to raise for a command that talked to a repository."""
    why = "; ".join(failed.lines)
    url = repository.url.public
    if failed.timed_out_s is not None:
        return FetchError(
            f"{shown} was not read within {failed.timed_out_s:g} s", url=url, why=why, remedy="again later"
        )
    if "Host key verification failed" in failed.text:
        return FetchError(
            f"the host key of `{repository.place}` is not known",
            url=url,
            why="nobody is asked whether to trust it",
            remedy=f"connect once with `ssh {repository.host}`, and compare its key with the one its owner publishes",
        )
    if failed.logins is not None and failed.logins.error is not None:
        error = failed.logins.error
        return AuthenticationError.from_faults(error.faults, url=url)
    if _PROXY_DENIED.search(failed.text):
        return FetchError(
            f"the proxy refuses the way to `{repository.place}`",
            url=url,
            why=why,
            remedy="check user and password in `HTTPS_PROXY` or `HTTP_PROXY`",
        )
    if _DENIED.search(failed.text):
        return _explain_denial(failed, repository, shown=shown)
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
    if _ABSENT.search(failed.text):
        hint = "check the URL; a host may say so as well where a login is missing"
        return FetchError(
            f"there is no repository {shown}", url=url, why=why, remedy=hint if repository.host else "check the path"
        )
    return FetchError(f"git cannot read {shown}", url=url, why=why)


def _explain_denial(failed: GitFailed, repository: Repository, *, shown: str) -> AuthenticationError:
    """What was tried, and what to set."""
    place, url = repository.place, repository.url.public
    if repository.scheme == "ssh":
        return AuthenticationError(
            f"`{place}` refuses access to {shown}",
            why="; ".join(failed.lines),
            remedy="add your key to `ssh-agent` (`ssh-add`), and check that it may read the repository",
            url=url,
        )
    logins = failed.logins
    if repository.variables:
        names = ", ".join(f"`{name}`" for name in repository.variables)
        return AuthenticationError(
            f"`{place}` wants a user and password for {shown}",
            why=f"{names} is not set",
            remedy=f"set {names} to a token that may read the repository",
            url=url,
        )
    if logins is not None and logins.unusable:
        return AuthenticationError(
            f"`{place}` wants a user and password for {shown}, and the one at hand was not sent",
            why=logins.unusable,
            remedy=logins.unusable_remedy,
            url=url,
        )
    if logins is not None and logins.answered:
        what = f"`{place}` does not accept the login for {shown}"
        return AuthenticationError(what, why="; ".join(failed.lines), remedy=_RENEW, url=url)
    what = f"`{place}` wants a user and password for {shown}"
    why = "none are known for it; a host may say so as well where there is no such repository"
    remedy = (
        f"write `git+{repository.scheme}://${{TOKEN}}@{place}/{repository.path}` and set `TOKEN`,"
        " or name a file with `--credentials`"
    )
    return AuthenticationError(what, why=why, remedy=remedy, url=url)


_RENEW = "renew the token, and check that it may read the repository"
