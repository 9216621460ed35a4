"""The errors of requests, one function a kind: each returns the error to raise, with the public URL, why and a remedy.

In: the public URL of a request and the facts of its failure. Out: a `FetchError` or one of its subclasses.

One module, because both clients, the page source and the offline mode must report the same failure with the same words,
and because it is easy to check here that no message holds a secret: the parameters are public URLs, hosts and the names
of sources.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from resolver.errors import AuthenticationError, FetchError, OfflineError

__all__ = [
    "answer_timeout_error",
    "authentication_error",
    "broken_error",
    "certificates_error",
    "closed_error",
    "downgrade_error",
    "link_error",
    "login_page_error",
    "missing_offline",
    "no_answer_error",
    "proxy_error",
    "status_error",
    "timeout_error",
    "tls_error",
    "too_large_error",
    "too_many_error",
    "unencrypted_error",
]


def authentication_error(
    url: str,
    *,
    status: int,
    host: str,
    credentials_source: str = "",
    searched: Sequence[str] = (),
    refusal: str = "",
) -> AuthenticationError:
    """For 401 and 403.

    `credentials_source` names where the credentials that were sent come from, `searched` the places that were searched
    for credentials; neither is ever a value. `refusal` is the host's reason to refuse a signature (`its signature has
    expired`).
    """
    if refusal:
        what, why = "refuses the URL", refusal
        remedy = "sign the URL anew; the lock does not change by that"
    elif credentials_source:
        what, why = f"refuses {credentials_source}", ""
        remedy = "request access from its owner, or correct it" if status == 403 else "correct it; it may have expired"
    else:
        what = "wants a user and password" if status == 401 else "refuses access"
        why = f"none are known for it: {_list_names(searched)}" if searched else ""
        remedy = _render_login_remedy(url, host)
    return AuthenticationError(f"`{host}` {what}: status {status} for {url}", why=why, remedy=remedy, url=url)


def _render_login_remedy(url: str, host: str) -> str:
    """How to give a login for the place of a public URL, in a form that can be pasted.

    `USER` is no name for the variable: a shell sets it to the name of the account. The variables of `PINFOLD_INDEX_…`,
    with any name in the middle, and the file serve verbs that read a lock as well.
    """
    match = re.match(r"([a-z]+)://([^/?#]+)", url)
    scheme, authority = match.groups() if match else ("https", host)
    return (
        f"write `{scheme}://${{INDEX_USERNAME}}:${{INDEX_PASSWORD}}@{authority}/…`"
        " in the list (`--list` where a lock is read),"
        " or set `PINFOLD_INDEX_MY_URL`, `PINFOLD_INDEX_MY_USERNAME` and `PINFOLD_INDEX_MY_PASSWORD`,"
        " or name a file with `--credentials`"
    )


def login_page_error(url: str, *, host: str) -> AuthenticationError:
    """For a page to log in that comes with status 200 in place of the one that was requested."""
    return AuthenticationError(
        f"`{host}` sends a page to log in instead of {url}",
        why="it links to no file, and has a form",
        remedy=f"{_render_login_remedy(url, host)}; a sign-in in the browser does not help",
        url=url,
    )


def unencrypted_error(url: str, *, host: str) -> FetchError:
    """For credentials that would go over the network in plain text. `host` is as `--trusted-host` takes it."""
    return FetchError(
        f"the credentials for `{host}` are not sent without encryption: {url}",
        remedy=f"`https://`, or `--trusted-host {host}` if the network is trusted",
        url=url,
    )


def proxy_error(url: str, *, proxy: str) -> FetchError:
    """For a proxy of another protocol than HTTP.

    `proxy` may hold a password: the message has only its scheme.
    """
    scheme = proxy.partition("://")[0]
    return FetchError(
        f"the `{scheme}` proxy that the environment names for {url} cannot be used",
        remedy="name an `http://` proxy in `HTTPS_PROXY` and `HTTP_PROXY`",
        url=url,
    )


def status_error(url: str, *, status: int, attempts: int, wanted_delay_s: float = 0.0) -> FetchError:
    """For any other bad status, after so many `attempts`.

    `wanted_delay_s` is a `Retry-After` that is too long to wait, 0 for none.
    """
    times = f" ({attempts} times)" if attempts > 1 else ""
    remedy = "again later; the server is at fault" if status >= 500 else ""
    if status == 429:
        remedy = "again later; the server limits the number of requests"
    if wanted_delay_s:
        remedy = f"again in {wanted_delay_s:.0f} s, the delay that the server names"
    return FetchError(f"status {status} for {url}{times}", remedy=remedy, url=url)


def timeout_error(url: str, *, limit_s: float, attempts: int) -> FetchError:
    """For a host that took more than `limit_s` seconds to connect or to send the next bytes."""
    return FetchError(
        f"no answer within {limit_s:g} s from {url} ({attempts} times)",
        remedy="again later, or set `HTTPS_PROXY` if this network needs a proxy",
        url=url,
    )


def answer_timeout_error(url: str, *, limit_s: float) -> FetchError:
    """For an answer that took longer than all of it may, whether or not bytes were still coming."""
    return FetchError(
        f"no whole answer within {limit_s:g} s, the time for one answer, from {url}",
        remedy="again later, or a longer `--timeout`",
        url=url,
    )


def too_many_error(url: str, *, what: str, limit: int) -> FetchError:
    """For more interim responses (`what`) than the fixed limit."""
    return FetchError(f"more than {limit} {what} from {url}, a fixed limit", url=url)


def no_answer_error(url: str, *, reason: str, attempts: int) -> FetchError:
    """For a host that cannot be reached, or closes the connection.

    `reason` is the text of the system or library.
    """
    times = f" ({attempts} times)" if attempts > 1 else ""
    return FetchError(
        f"no answer from {url}{times}",
        why=reason,
        remedy="check the host's name and the network, or set `HTTPS_PROXY` if this network needs a proxy",
        url=url,
    )


def tls_error(url: str, *, reason: str, host: str) -> FetchError:
    """For a certificate of a host that is not trusted."""
    return FetchError(
        f"the certificate of `{host}` is not trusted: {url}",
        why=reason,
        remedy=f"set `SSL_CERT_FILE` to the CA certificates of your network, or `--trusted-host {host}`",
        url=url,
    )


def certificates_error(url: str, *, path: str, reason: str) -> FetchError:
    """For the user's own CA certificates that cannot be read; `reason` is empty where they hold no certificate."""
    return FetchError(
        f"the CA certificates in {path} cannot be read",
        why=reason or "they are no certificates",
        remedy="correct `SSL_CERT_FILE`, `SSL_CERT_DIR` or `REQUESTS_CA_BUNDLE`",
        url=url,
    )


def downgrade_error(url: str, *, target: str) -> FetchError:
    """For a redirect from https to http."""
    return FetchError(
        f"{url} redirects to {target}, which is not encrypted",
        remedy="name an index that does not leave `https`",
        url=url,
    )


def link_error(url: str, *, verb: str, target: str, what: str, why: str = "", host: str = "") -> FetchError:
    """For a page or host that `links` or `redirects` (`verb`) where it may not; `what` is what the target is.

    `host` is as `--allow-host` takes it, empty where no option allows the target.
    """
    return FetchError(
        f"{url} {verb} to {target}, which is {what}",
        why=why,
        remedy=f"`--allow-host {host}` if it is meant to be" if host else "",
        url=url,
    )


def too_large_error(url: str, *, limit_bytes: int) -> FetchError:
    """For a body beyond its limit."""
    return FetchError(f"{url} is larger than {_render_size(limit_bytes)}, the fixed limit for its kind", url=url)


def broken_error(url: str, *, reason: str) -> FetchError:
    """For a response that cannot be read: of an unknown form, or sent against the rules of HTTP."""
    return FetchError(f"the answer of {url} cannot be read", why=reason, url=url)


def closed_error(url: str) -> FetchError:
    """For a query to a package source that is closed."""
    return FetchError("the package source is closed", url=url)


def missing_offline(url: str, *, what: str) -> OfflineError:
    """For data that the cache lacks under `--offline`; `what` names it in the message (`the page`)."""
    return OfflineError(f"{what} is not in the cache: {url}", remedy="run once without `--offline`", url=url)


def _render_size(size_bytes: int) -> str:
    """A limit in the largest unit that gives a whole number."""
    for unit, factor in (("GiB", 1024**3), ("MiB", 1024**2), ("KiB", 1024)):
        if size_bytes >= factor and size_bytes % factor == 0:
            return f"{size_bytes // factor} {unit}"
    return f"{size_bytes} bytes"


def _list_names(names: Sequence[str]) -> str:
    """`not in a, b or c`, as a part of a sentence; at least one name."""
    return f"not in {', '.join(names[:-1])} or {names[-1]}" if len(names) > 1 else f"not in {names[0]}"
