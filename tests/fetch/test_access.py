"""`Access(transport=…)`: a program's own transport in place of the network, for every stage and verb.

Where logins are kept apart from lists: files, variables, netrc and the keyring's command.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from lockfiles import dumps
from lockfiles import write as write_imported
from resolver import Access, LockOutcome, Settings, lock
from resolver.artifacts import fetch_artifacts, hydrate
from resolver.errors import AuthenticationError, SettingsError
from resolver.fetch.access import LoginOptions, open_credentials
from resolver.fetch.http.credentials import Credentials, Login
from resolver.fetch.http.login_stores import query_keyring
from resolver.inspection import fetch_pin_listings, open_session, verify_lockfile
from resolver.requirements.url import Secret, parse_url
from tests.loopback import Request
from tests.servers import IndexServer, sdist, wheel

_BASE = "https://index.example"
_INDEX = f"{_BASE}/simple/"


class OwnIndex(httpx.BaseTransport):
    """Answers as an `IndexServer` does, without its socket; keeps the requests, and whether it was closed."""

    def __init__(self, server: IndexServer) -> None:
        self.requests: list[httpx.Request] = []
        self.is_closed = False
        self._server = server

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        sent = Request(method=request.method, target=request.url.path, headers=dict(request.headers))
        answer = self._server.respond(sent)
        body = answer.body.replace(self._server.base_url.encode(), _BASE.encode())
        return httpx.Response(answer.status, headers=answer.headers, content=body)

    def close(self) -> None:
        self.is_closed = True

    def list_paths(self) -> set[str]:
        return {request.url.path for request in self.requests}


@pytest.fixture
def own(server: IndexServer) -> OwnIndex:
    server.add("a", wheel("a", "1.0", ["b"]))
    server.add("b", wheel("b", "1.0"), wheel("b", "2.0"))
    return OwnIndex(server)


def lock_over(own: OwnIndex, *items: str, access: Access | None = None, index: str = _INDEX) -> LockOutcome:
    return lock(
        items or ["a"],
        python="3.11",
        settings=Settings(index_url=index),
        access=access or Access(transport=own),
    )


def test_lock_sends_all_requests_through_the_transport(own: OwnIndex, server: IndexServer) -> None:
    outcome = lock_over(own)

    assert [(package.name, str(package.version)) for package in outcome.lockfile.pylock.packages] == [
        ("a", "1.0"),
        ("b", "2.0"),
    ]
    assert {file.url for _, file in outcome.lockfile.iter_files()} == {
        f"{_BASE}/files/a-1.0-py3-none-any.whl",
        f"{_BASE}/files/b-2.0-py3-none-any.whl",
    }
    assert server.log == []


def test_ranges_and_whole_files_go_through_the_transport(own: OwnIndex, server: IndexServer) -> None:
    server.core_metadata, server.hashes = "none", False

    lock_over(own)

    kinds = {"range" if "range" in request.headers else request.method for request in own.requests}
    assert kinds >= {"range", "GET"}
    assert server.log == []


def test_pages_of_find_links_and_sdists_go_through_the_transport(own: OwnIndex, server: IndexServer) -> None:
    server.add("c", sdist("c", "1.0", static=True))

    outcome = lock_over(own, "--no-index", f"--find-links {_BASE}/links/", "c")

    assert [package.name for package in outcome.lockfile.pylock.packages] == ["c"]
    assert {"/links/", "/files/c-1.0.tar.gz"} <= own.list_paths()
    assert server.log == []


def test_no_page_is_read_in_a_forked_process(own: OwnIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> int:
        raise AssertionError("forked")

    monkeypatch.setattr(os, "fork", refuse, raising=False)

    assert lock_over(own, access=Access(transport=own, reader_count=2)).lockfile.pylock.packages


def test_transport_is_left_open_for_the_next_call(own: OwnIndex) -> None:
    access = Access(transport=own)

    assert dumps(lock_over(own, access=access).lockfile) == dumps(lock_over(own, access=access).lockfile)
    assert not own.is_closed


def test_secrets_reach_the_transport_and_no_cache(own: OwnIndex, tmp_path: Path) -> None:
    cache = tmp_path / "cache"

    lock_over(
        own,
        index=_INDEX.replace("https://", "https://me:canary-Zq9@"),
        access=Access(transport=own, cache_folder=cache),
    )

    assert all(request.headers.get("authorization", "").startswith("Basic ") for request in own.requests)
    assert all("canary" not in str(request.url) for request in own.requests)
    stored = [path.read_bytes() for path in cache.rglob("*") if path.is_file()]
    assert stored
    assert not any(b"canary-Zq9" in content for content in stored)


def test_cache_answers_in_place_of_the_transport(own: OwnIndex, tmp_path: Path) -> None:
    access = Access(transport=own, cache_folder=tmp_path / "cache")
    lock_over(own, access=access)
    own.requests.clear()

    lock_over(own, access=access)

    assert own.requests == []


@pytest.mark.parametrize(
    "verb",
    [
        lambda outcome, path, access: verify_lockfile(outcome.lockfile, path=path, shown=path.name, access=access),
        lambda outcome, path, access: fetch_artifacts(
            outcome.lockfile, lock_folder=path.parent, to=path.parent / "wheels", access=access
        ),
        lambda outcome, path, access: _ask(outcome, access),
    ],
    ids=["verify", "fetch", "outdated"],
)
def test_every_verb_that_reaches_out_uses_the_transport(
    verb: Callable[[LockOutcome, Path, Access], object], own: OwnIndex, server: IndexServer, tmp_path: Path
) -> None:
    outcome = lock_over(own)
    path = tmp_path / "pylock.toml"
    write_imported(outcome.lockfile, path)
    own.requests.clear()

    assert verb(outcome, path, Access(transport=own)) is not None

    assert own.requests
    assert server.log == []


def _ask(outcome: LockOutcome, access: Access) -> object:
    with open_session(access) as session:
        return fetch_pin_listings(outcome.lockfile, session)


def test_hydrate_needs_no_request(own: OwnIndex, tmp_path: Path) -> None:
    lockfile = lock_over(own).lockfile
    own.requests.clear()

    hydrate(lockfile, tmp_path / "pylock.build.toml", access=Access(transport=own))

    assert own.requests == []


def test_refusals_of_the_transport_are_errors_as_those_of_the_network() -> None:
    access = Access(transport=httpx.MockTransport(lambda request: httpx.Response(403)))

    with pytest.raises(AuthenticationError, match=r"^`index.example` refuses access: status 403 for "):
        lock(["a"], python="3.11", settings=Settings(index_url=_INDEX), access=access)


QUIET = {"NETRC": os.devnull}


def open_login(login: Login | None) -> tuple[str, str] | None:
    return None if login is None else (login.user.open_for_transport(), login.password.open_for_transport())


def find(credentials: Credentials, url: str) -> tuple[str, str] | None:
    grant = credentials.find(url)
    return None if grant is None else open_login(grant.login)


def write(path: Path, text: str, *, mode: int = 0o600) -> LoginOptions:
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return LoginOptions(file=path, keyring="disabled")


def test_file_of_tables_gives_logins_by_url(tmp_path: Path) -> None:
    options = write(
        tmp_path / "ci.toml",
        '[[credentials]]\nurl = "https://a.example/simple/"\nusername = "u"\npassword = "p"\n'
        '[[credentials]]\nurl = "https://b.example:8443/"\npassword-variable = "TOKEN"\n'
        '[[credentials]]\nurl = "https://${TOKEN}@c.example/"\n',
    )
    credentials = open_credentials(options, environ={**QUIET, "TOKEN": "t"})
    assert find(credentials, "https://a.example/files/x.whl") == ("u", "p")
    assert find(credentials, "https://b.example:8443/x") == ("", "t")
    assert find(credentials, "https://b.example/x") is None
    assert find(credentials, "https://c.example/x") == ("t", "")
    assert credentials.warnings == ()


def test_file_may_hold_signed_urls(tmp_path: Path) -> None:
    options = write(tmp_path / "ci.toml", '[[credentials]]\nurl = "https://b.example/a.whl?X-Amz-Signature=s"\n')
    grant = open_credentials(options, environ=QUIET).find("https://b.example/a.whl")
    assert grant is not None and grant.url is not None
    assert grant.url.open_for_transport() == "https://b.example/a.whl?X-Amz-Signature=s"


def test_file_may_be_a_netrc(tmp_path: Path) -> None:
    options = write(tmp_path / "netrc", "machine a.example login u password p\ndefault login d password d\n")
    credentials = open_credentials(options, environ=QUIET)
    assert find(credentials, "https://a.example/x") == ("u", "p")
    assert find(credentials, "https://other.example/x") is None


def test_file_that_others_can_read_is_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "ci.toml"
    options = write(path, "", mode=0o644)
    assert open_credentials(options, environ=QUIET).warnings == (
        f"the credentials in `{path}` can be read by others\n  try: `chmod 600 {path}`",
    )


def test_faults_of_a_file_are_told_together_without_what_stands_in_it(tmp_path: Path) -> None:
    path = tmp_path / "ci.toml"
    text = (
        '[[credentials]]\nusername = "canary"\npassword = 12345\n'
        '[[credentials]]\nurl = "index.example"\n'
        '[[credentials]]\nurl = "https://a.example/"\npassword = "canary"\npassword-variable = "X"\n'
        '[[credentials]]\nurl = "https://b.example/"\npassword-variable = "UNSET"\npasswort = "canary"\n'
    )
    with pytest.raises(SettingsError) as caught:
        open_credentials(write(path, text), environ=QUIET)
    assert str(caught.value).replace(str(path), "FILE") == (
        "`FILE`: `credentials[0].url` is missing\n"
        "`FILE`: `credentials[0].password` must be a string that is not empty\n"
        "`FILE`: `url` is `index.example`, which names no host\n  try: begin it with `https://`\n"
        "`FILE`: `https://a.example/` has `password` and `password-variable`\n  try: leave out one of them\n"
        "`FILE`: `https://b.example/` needs a variable that is not set: `UNSET`\n"
        "`FILE`: unknown key `credentials[3].passwort`\n  try: `password`"
    )


@pytest.mark.parametrize("text", ["machine a.example login u passwort canary", "canary = ", "= canary"])
def test_file_that_is_neither_is_an_error_without_its_text(tmp_path: Path, text: str) -> None:
    path = tmp_path / "ci.toml"
    with pytest.raises(SettingsError) as caught:
        open_credentials(write(path, text), environ=QUIET)
    assert str(caught.value).replace(str(path), "FILE") == (
        "the credentials in `FILE` are neither TOML nor netrc\n"
        "  try: a table `[[credentials]]` with `url`, `username` and `password` for each host"
    )
    assert caught.value.__cause__ is None


def test_missing_file_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "ci.toml"
    with pytest.raises(SettingsError) as caught:
        open_credentials(LoginOptions(file=path), environ=QUIET)
    assert str(caught.value) == f"the credentials in `{path}` cannot be read: no such file or directory"


def test_variable_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "ci.toml"
    write(path, '[[credentials]]\nurl = "https://a.example/"\nusername = "u"\npassword = "p"\n')
    credentials = open_credentials(environ={**QUIET, "PINFOLD_CREDENTIALS_FILE": str(path)})
    assert find(credentials, "https://a.example/") == ("u", "p")


def test_variables_give_the_login_of_an_index() -> None:
    environ = {
        **QUIET,
        "PINFOLD_INDEX_ACME_URL": "https://a.example/simple/",
        "PINFOLD_INDEX_ACME_USERNAME": "u",
        "PINFOLD_INDEX_ACME_PASSWORD": "p",
        "PINFOLD_INDEX_OTHER_URL": "https://v:q@b.example/",
    }
    credentials = open_credentials(environ=environ)
    assert find(credentials, "https://a.example/simple/x/") == ("u", "p")
    assert find(credentials, "https://b.example/simple/x/") == ("v", "q")


def test_variables_of_no_host_are_a_warning() -> None:
    credentials = open_credentials(environ={**QUIET, "PINFOLD_INDEX_ACME_PASSWORD": "canary"})
    assert credentials.warnings == (
        "`PINFOLD_INDEX_ACME_…` belongs to no host\n"
        "  try: set `PINFOLD_INDEX_ACME_URL` to the URL of its index, with `https://`",
    )


@pytest.mark.parametrize(
    ("url", "login"),
    [
        ("https://a.example/x", ("u", "p")),
        ("https://a.example:443/x", ("u", "p")),
        ("https://a.example:8443/x", None),
        ("http://a.example/x", None),
        ("https://other.example/x", None),
        ("https://default/x", None),
    ],
)
def test_netrc_serves_the_default_port_of_https_and_never_by_default(
    tmp_path: Path, url: str, login: tuple[str, str] | None
) -> None:
    path = tmp_path / "netrc"
    path.write_text("machine a.example login u password p\ndefault login d password d\n")
    assert find(open_credentials(environ={"NETRC": str(path)}), url) == login


def test_netrc_that_cannot_be_read_serves_nobody_and_is_named(tmp_path: Path) -> None:
    path = tmp_path / "netrc"
    path.write_text("machine a.example login u passwort canary\n")
    credentials = open_credentials(LoginOptions(keyring="disabled"), environ={"NETRC": str(path)})
    assert find(credentials, "https://a.example/") is None
    assert credentials.name_sources() == ("the list", f"`{path}` (which cannot be read)")


def test_the_list_comes_first_and_a_user_without_password_is_completed(tmp_path: Path) -> None:
    path = tmp_path / "netrc"
    path.write_text("machine a.example login u password p\n")
    for listed, expected in (("w:q", ("w", "q")), ("u", ("u", "p")), ("other", ("other", ""))):
        credentials = open_credentials(environ={"NETRC": str(path)})
        credentials.add(parse_url(f"https://{listed}@a.example/"))
        assert find(credentials, "https://a.example/x") == expected


KEYRING = """#!{python}
import json, os, sys
with open({log!r}, "a") as file:
    seen = [name for name in os.environ if name.startswith(("PINFOLD", "LISTED"))]
    file.write(json.dumps([sys.argv[1:], seen]) + "\\n")
words = sys.argv[1:]
if words == ["get", "https://a.example/simple/", "oauth2accesstoken"]:
    print("canary-one")
elif words[:1] == ["--mode"] and words[-1] == "a.example":
    print(json.dumps({{"username": "u", "password": "canary-two"}}))
else:
    sys.exit(1)
"""


@pytest.fixture
def keyring_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A command `keyring` on PATH, and the log of what it was asked."""
    command, log = tmp_path / "bin" / "keyring", tmp_path / "log"
    command.parent.mkdir()
    command.write_text(KEYRING.format(python=sys.executable, log=str(log)))
    command.chmod(0o755)
    monkeypatch.setenv("PATH", str(command.parent))
    monkeypatch.setenv("PINFOLD_INDEX_X_PASSWORD", "canary-three")
    monkeypatch.setenv("LISTED_TOKEN", "canary-four")
    return log


SERVICES = ("https://a.example/simple/", "a.example")


@pytest.mark.parametrize(
    ("known", "login"),
    [
        (None, ("u", "canary-two")),
        ("u", ("u", "canary-two")),
        ("oauth2accesstoken", ("oauth2accesstoken", "canary-one")),
        ("secret-token", None),
    ],
)
def test_keyring_gives_a_login_and_is_told_no_secret(
    keyring_log: Path, known: str | None, login: tuple[str, str] | None
) -> None:
    user = None if known is None else Login(user=Secret(known), password=Secret(""))
    assert open_login(query_keyring(SERVICES, user, hidden=["LISTED_TOKEN"])) == login
    told = keyring_log.read_text()
    assert "secret-token" not in told
    assert all(json.loads(line)[1] == [] for line in told.splitlines())


def test_keyring_that_must_be_there_and_is_not_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SettingsError) as caught:
        open_credentials(LoginOptions(keyring="subprocess"), environ=QUIET)
    assert str(caught.value) == ("`--keyring-provider subprocess` needs the command `keyring`, which is not on PATH")
    assert query_keyring(SERVICES, None) is None


@pytest.mark.parametrize(
    ("url", "remark"),
    [
        ("https://index.example/simple/", ""),
        (
            "https://index.example:8443/simple/",
            " (a netrc file has no ports, so its logins go to port 443 of https alone)",
        ),
        ("http://index.example/simple/", " (a netrc file has no ports, so its logins go to port 443 of https alone)"),
    ],
)
def test_places_of_a_login_tell_where_a_netrc_does_not_apply(tmp_path: Path, url: str, remark: str) -> None:
    path = tmp_path / "netrc"
    credentials = open_credentials(LoginOptions(keyring="disabled"), environ={"NETRC": str(path)})
    assert credentials.name_sources(url) == ("the list", f"`{path}`{remark}")
