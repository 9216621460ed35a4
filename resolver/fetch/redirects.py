"""Where a redirect leads: its public URL, and apart from it the complete one, which may hold a signature."""

from __future__ import annotations

from resolver.fetch import http_errors
from resolver.fetch.credentials import Credentials, split_login
from resolver.fetch.lean_httpx import httpx
from resolver.requirements.url import Secret

__all__ = ["find_target", "without_query"]


def find_target(url: httpx.URL, response: httpx.Response, credentials: Credentials) -> tuple[str, Secret | None]:
    """The public and the complete URL that a redirect leads to; None where both are the same.

    A query is never public: many hosts redirect to URLs that they have signed. User information is dropped. Raises
    FetchError for a target that is not encrypted where the URL was, and for none.
    """
    location = response.headers.get("location")
    if location is None:
        raise http_errors.broken_error(str(url), reason=f"status {response.status_code} comes without `Location`")
    target = url.join(location)
    public = credentials.hide(without_query(target))
    if url.scheme == "https" and target.scheme != "https":
        raise http_errors.downgrade_error(str(url), target=public)
    complete, _ = split_login(Secret(str(target)))
    return public, complete if target.query else None


def without_query(url: httpx.URL) -> str:
    """The URL without a signature that it may hold."""
    return str(url.copy_with(query=None, fragment=None, userinfo=b""))
