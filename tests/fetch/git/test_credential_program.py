"""The program that git starts for a login."""

from __future__ import annotations

import shlex
import subprocess

import pytest

from resolver.fetch.git.credential_server import RepositoryLogins, serve_logins
from resolver.fetch.git.repository import check_repository
from resolver.requirements.url import parse_url
from tests.fetch.git.git_fixtures import CANARY, login


@pytest.mark.parametrize(("verb", "is_answered"), [("get", True), ("store", False), ("erase", False)])
def test_credential_program_stores_and_forgets_nothing(verb: str, is_answered: bool) -> None:
    logins = RepositoryLogins(check_repository(parse_url("https://git.example/repo")), find_login=login())
    with serve_logins(logins) as options:
        words = shlex.split(options[1].removeprefix("credential.helper=!"))
        asked = "protocol=https\nhost=git.example\npath=repo\n\n"
        done = subprocess.run([*words, verb], input=asked, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == (f"username=me\npassword={CANARY}\n" if is_answered else "", "")
    assert logins.was_requested is is_answered


def test_credential_program_writes_nothing_without_a_server() -> None:
    logins = RepositoryLogins(check_repository(parse_url("https://git.example/repo")), find_login=login())
    with serve_logins(logins) as options:
        words = shlex.split(options[1].removeprefix("credential.helper=!"))
    done = subprocess.run([*words, "get"], input="protocol=https\n\n", capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")
