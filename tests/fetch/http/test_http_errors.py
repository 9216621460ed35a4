"""The errors of requests: whole messages, and what they never show."""

from __future__ import annotations

from typing import Any

import pytest

from resolver.fetch.http.http_errors import authentication_error, missing_offline, proxy_error, status_error

URL = "https://index.example/simple/a/"


@pytest.mark.parametrize(
    ("status", "facts", "message"),
    [
        (
            401,
            {"searched": ("the list", "`~/.netrc`", "the keyring")},
            f"`index.example` wants a user and password: status 401 for {URL}\n"
            "  because none are known for it: not in the list, `~/.netrc` or the keyring\n"
            "  try: write `https://${INDEX_USERNAME}:${INDEX_PASSWORD}@index.example/…`"
            " in the list (`--list` where a lock is read), "
            "or set `PINFOLD_INDEX_MY_URL`, `PINFOLD_INDEX_MY_USERNAME` and `PINFOLD_INDEX_MY_PASSWORD`, "
            "or name a file with `--credentials`",
        ),
        (
            401,
            {"credentials_source": "the login of `~/.netrc`"},
            f"`index.example` refuses the login of `~/.netrc`: status 401 for {URL}\n"
            "  try: correct it; it may have expired",
        ),
        (
            403,
            {"credentials_source": "the signature of list.txt:1", "refusal": "its signature has expired"},
            f"`index.example` refuses the URL: status 403 for {URL}\n"
            "  because its signature has expired\n  try: sign the URL anew; the lock does not change by that",
        ),
    ],
)
def test_refused_access_names_sources_and_reasons(status: int, facts: dict[str, Any], message: str) -> None:
    error = authentication_error(URL, status=status, host="index.example", **facts)

    assert str(error) == message


def test_status_tells_attempts_and_when_to_try_again() -> None:
    assert str(status_error(URL, status=418, attempts=1)) == f"status 418 for {URL}"
    assert str(status_error(URL, status=503, attempts=4)) == (
        f"status 503 for {URL} (4 times)\n  try: again later; the server is at fault"
    )
    assert str(status_error(URL, status=429, attempts=1, wanted_delay_s=120.0)) == (
        f"status 429 for {URL}\n  try: again in 120 s, the delay that the server names"
    )


def test_proxy_is_named_by_its_scheme_alone() -> None:
    error = proxy_error(URL, proxy="socks5://user:canary@proxy.example")

    assert "the `socks5` proxy" in str(error)
    assert "canary" not in str(error)
    assert "proxy.example" not in str(error)


def test_missing_offline_names_what_is_missing_and_its_url() -> None:
    error = missing_offline(URL, what="the page")

    assert error.url == URL
    assert str(error) == f"the page is not in the cache: {URL}\n  try: run once without `--offline`"
