"""The stores in which users keep logins, read without a run around them; `tests/fetch/test_access.py` has the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from resolver.errors import SettingsError
from resolver.fetch.http.credentials import Login, find_destination
from resolver.fetch.http.login_stores import CredentialsFile, query_keyring, read_credentials_file, require_keyring


def read(path: Path, text: str, *, mode: int = 0o600, **variables: str) -> CredentialsFile:
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return read_credentials_file(path, variables=variables)


def find(content: CredentialsFile, url: str) -> Login | None:
    place = find_destination(url)
    assert place is not None
    found = content.logins.find(place)
    return None if found is None else found.login


def test_signed_url_is_kept_whole_and_gives_no_login(tmp_path: Path) -> None:
    content = read(tmp_path / "ci.toml", '[[credentials]]\nurl = "https://u:p@a.example/x?sig=s"\n')

    assert [url.public for url in content.urls] == ["https://a.example/x"]
    assert find(content, "https://a.example/x") is None


def test_netrc_gives_logins_for_the_default_port_of_https_alone(tmp_path: Path) -> None:
    content = read(tmp_path / "netrc", "machine a.example login u password p\n")

    login = find(content, "https://a.example/x")
    assert login is not None
    assert (login.user.open_for_transport(), login.password.open_for_transport()) == ("u", "p")
    assert find(content, "https://a.example:8443/x") is None
    assert find(content, "http://a.example/x") is None


def test_file_that_its_group_can_read_is_one_warning(tmp_path: Path) -> None:
    assert len(read(tmp_path / "ci.toml", "", mode=0o640).warnings) == 1
    assert read(tmp_path / "ci.toml", "").warnings == ()


def test_password_in_a_file_and_in_a_variable_is_a_fault_that_shows_neither(tmp_path: Path) -> None:
    text = '[[credentials]]\nurl = "https://a.example/"\npassword = "canary"\npassword-variable = "TOKEN"\n'
    with pytest.raises(SettingsError) as caught:
        read(tmp_path / "ci.toml", text, TOKEN="canary")

    assert "has `password` and `password-variable`" in str(caught.value)
    assert "canary" not in str(caught.value)


def test_machine_without_a_keyring_has_no_login_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert query_keyring(["a.example"], None) is None
    with pytest.raises(SettingsError, match="needs the command `keyring`"):
        require_keyring()
