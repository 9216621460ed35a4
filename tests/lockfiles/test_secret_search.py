from __future__ import annotations

import pytest

from lockfiles.secret_search import FoundSecret, find_secrets

CANARY = "c4n4ryV4lue"


@pytest.mark.parametrize(
    ("line", "what", "host"),
    [
        (f"--index-url https://user:{CANARY}@index.example/simple/", "user information", "index.example"),
        (f"app @ git+https://{CANARY}@git.example/team/app.git", "user information", "git.example"),
        (f"https://files.example/a.whl?X-Amz-Signature={CANARY}", "query parameter `x-amz-signature`", "files.example"),
        (f"https://files.example/a.whl?sv=1&sig={CANARY}", "query parameter `sig`", "files.example"),
        (f"https://files.example/a.whl?token={CANARY}", "query parameter `token`", "files.example"),
        (f"ssh://git:{CANARY}@git.example/a.git", "user information", "git.example"),
    ],
)
def test_secret_of_a_url_is_named_by_form_and_host(line: str, what: str, host: str) -> None:
    assert find_secrets(f"numpy\n{line}\n") == (FoundSecret(line=2, what=what, host=host),)


@pytest.mark.parametrize(
    ("token", "what"),
    [
        (f"ghp_{'a1' * 18}", "a GitHub token"),
        (f"github_pat_{'a1' * 36}", "a GitHub token"),
        (f"glpat-{'a1' * 10}", "a GitLab token"),
        (f"hf_{'aB' * 17}", "a Hugging Face token"),
        (f"AKIA{'A1' * 8}", "an AWS access key"),
    ],
)
def test_token_outside_a_url_is_known_by_its_beginning(token: str, what: str) -> None:
    assert find_secrets(f'TOKEN = "{token}"') == (FoundSecret(line=1, what=what),)


@pytest.mark.parametrize(
    "line",
    [
        "--index-url https://${USER}:${PASSWORD}@index.example/simple/",
        "app @ git+https://${GITHUB_TOKEN}@git.example/team/app.git",
        'f"git+https://{token}@git.example/team/app.git"',
        'f"https://files.example/a.whl?token={token}"',
        "https://<token>@git.example/team/app.git",
        "git+ssh://git@git.example/team/app.git",
        "https://files.example/a.whl?version=2",
        "huggingface-hub[hf-transfer]",
        "mail: someone@host.example",
    ],
)
def test_placeholders_and_public_parts_are_no_secrets(line: str) -> None:
    assert find_secrets(line) == ()


def test_token_in_a_url_is_told_once() -> None:
    assert len(find_secrets(f"https://ghp_{'a1' * 18}@git.example/a.git")) == 1


def test_what_is_told_never_holds_the_secret() -> None:
    (found,) = find_secrets(f"https://user:{CANARY}@index.example/")
    assert CANARY not in f"{found} {found!r}"


def test_line_of_data_without_an_end_holds_the_url_behind_it() -> None:
    (found,) = find_secrets(f"{'x' * 1_000_000}https://me:hunter2@index.example/")

    assert str(found) == "user information in a URL of `index.example`"
