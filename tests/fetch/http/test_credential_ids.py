"""The ids of credentials: what makes two requests the same to a cache."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from resolver.fetch.http.credential_ids import CredentialIds
from resolver.fetch.http.credentials import Credentials, Login
from resolver.requirements.url import Secret, parse_url

PAGE = "https://index.example/simple/"
FILE = "https://index.example/files/a-1.0-py3-none-any.whl"


def find(folder: Path | None, written: str, url: str = PAGE, *, page: str = "", **variables: str) -> str:
    """The id of a request of someone whose list has the URL `written`."""
    credentials = Credentials()
    if written:
        credentials.add(parse_url(written, variables=variables))
    return CredentialIds(credentials, folder).find(url, page=page)


def test_request_without_credentials_has_no_id_and_makes_no_salt(tmp_path: Path) -> None:
    assert find(tmp_path, PAGE) == ""
    assert find(tmp_path, "https://deploy:secret@other.example/simple/") == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://deploy:secret@index.example/simple/", "https://deploy:else@index.example/simple/"),
        ("https://deploy:secret@index.example/simple/", "https://else:secret@index.example/simple/"),
        ("https://a:bc@index.example/simple/", "https://ab:c@index.example/simple/"),
        ("https://deploy:secret@index.example/simple/", PAGE),
    ],
)
def test_other_logins_have_other_ids(tmp_path: Path, one: str, other: str) -> None:
    assert find(tmp_path, one) == find(tmp_path, one) != find(tmp_path, other)


def test_token_in_a_path_is_a_part_of_the_id(tmp_path: Path) -> None:
    written = "https://index.example/${TOKEN}/simple/"
    first = find(tmp_path, written, written, TOKEN="one")
    assert first == find(tmp_path, written, f"{written}a/", TOKEN="one") != ""
    assert first != find(tmp_path, written, written, TOKEN="two")


def test_file_has_the_id_of_its_page_too(tmp_path: Path) -> None:
    written, elsewhere = "https://deploy:secret@index.example/simple/", "https://files.example/a.whl"
    assert find(tmp_path, written, elsewhere) == ""
    assert find(tmp_path, written, elsewhere, page=PAGE) != ""
    assert find(tmp_path, written, elsewhere, page=PAGE) != find(tmp_path, written, FILE, page=PAGE)


@pytest.mark.parametrize(
    ("signed", "anew", "other"),
    [
        (
            "X-Amz-Credential=AKIA1%2F20260101%2Feu%2Fs3%2Faws4_request&X-Amz-Signature=aa",
            "X-Amz-Credential=AKIA1%2F20260202%2Feu%2Fs3%2Faws4_request&X-Amz-Signature=bb",
            "X-Amz-Credential=AKIA2%2F20260101%2Feu%2Fs3%2Faws4_request&X-Amz-Signature=aa",
        ),
        (
            "Expires=1&Key-Pair-Id=K1&Signature=aa",
            "Expires=2&Key-Pair-Id=K1&Signature=bb",
            "Expires=1&Key-Pair-Id=K2&Signature=aa",
        ),
    ],
)
def test_signed_url_has_the_id_of_the_key_that_signed(tmp_path: Path, signed: str, anew: str, other: str) -> None:
    first = find(tmp_path, f"{FILE}?{signed}", FILE)
    assert first == find(tmp_path, f"{FILE}?{anew}", FILE) != ""
    assert first != find(tmp_path, f"{FILE}?{other}", FILE)
    assert first != find(tmp_path, FILE, FILE)


def test_signature_that_names_no_key_is_the_whole_query(tmp_path: Path) -> None:
    first = find(tmp_path, f"{FILE}?sv=2020&sig=aa", FILE)
    assert first != find(tmp_path, f"{FILE}?sv=2020&sig=bb", FILE)


def test_signature_of_a_link_belongs_to_its_page(tmp_path: Path) -> None:
    credentials = Credentials()
    credentials.add(parse_url("https://deploy:secret@index.example/simple/"))
    ids = CredentialIds(credentials, tmp_path)
    before = ids.find(FILE, page=PAGE)
    credentials.add_link(parse_url(f"{FILE}?X-Amz-Credential=AKIA1&X-Amz-Signature=aa"), source="a link")
    assert ids.find(FILE, page=PAGE) == before


def test_salt_is_of_one_folder_and_its_owner_alone(tmp_path: Path) -> None:
    written = "https://deploy:secret@index.example/simple/"
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    first, second = (find(folder, written) for folder in folders)
    assert first != second
    salts = [(folder / "credential-salt") for folder in folders]
    assert [salt.stat().st_mode & 0o777 for salt in salts] == [0o600, 0o600]
    salts[0].write_bytes(b"damaged")
    assert find(folders[0], written) != first
    assert len(salts[0].read_bytes()) == 32
    assert find(None, written) != find(None, written)


def test_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert find(tmp_path / "file", "https://deploy:secret@index.example/simple/") != ""


def test_keyring_is_queried_before_the_cache_once_a_host_has_wanted_it(tmp_path: Path) -> None:
    asked: list[tuple[str, ...]] = []

    def query(services: Sequence[str], known: Login | None) -> Login | None:
        asked.append(tuple(services))
        return Login(user=Secret("deploy"), password=Secret("secret"))

    credentials = Credentials(query_keyring=query)
    ids = CredentialIds(credentials, tmp_path)
    assert (ids.find(PAGE), asked) == ("", [])
    # A 401.
    credentials.query_keyring(PAGE)
    kept = ids.find(PAGE)
    assert kept != ""

    asked.clear()
    assert CredentialIds(Credentials(query_keyring=query), tmp_path).find(PAGE) == kept
    assert len(asked) == 1
    assert CredentialIds(Credentials(query_keyring=query), tmp_path).find("https://other.example/simple/") == ""
    assert len(asked) == 1
    assert CredentialIds(Credentials(), tmp_path).find(PAGE) == ""
    assert (tmp_path / "keyring-hosts").read_text("utf-8") == "https://index.example\n"
