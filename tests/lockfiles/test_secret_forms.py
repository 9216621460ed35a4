from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockfiles.secret_forms import FoundSecret, find_secret_part, find_secrets
from resolver.requirements.url import parse_url


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("https://user:pass@files.example/a.whl", "user information"),
        ("HTTPS://user:pass@files.example/a.whl", "user information"),
        ("https://ghp_token@git.example/a.git", "user information"),
        ("https://${USER}:pass@files.example/a.whl", "user information"),
        ("https://x${USER}@files.example/a.whl", "user information"),
        ("a @ git+ssh://git:pass@git.example/a.git", "user information"),
        ("see https://files.example/ and https://a:b@files.example/", "user information"),
        ("https://files.example/a.whl?AWSAccessKeyId=a&Signature=b", "query parameter `awsaccesskeyid`"),
        ("https://files.example/a.whl?X-Goog-Signature=b", "query parameter `x-goog-signature`"),
        ("https://files.example/a.whl?sv=2022&sig=b", "query parameter `sig`"),
        ("https://files.example/a.whl?Key-Pair-Id=a", "query parameter `key-pair-id`"),
        ("https://files.example/a.whl?job_token=a${B}", "query parameter `job_token`"),
        ("https://files.example/a.whl?OSSAccessKeyId=a&Signature=b", "query parameter `ossaccesskeyid`"),
        ("https://files.example/a.whl?x-oss-signature=b", "query parameter `x-oss-signature`"),
        ("https://files.example/a.whl?q-sign-algorithm=sha1&q-signature=b", "query parameter `q-sign-algorithm`"),
        ("https://files.example/a.whl?AccessKeyId=a", "query parameter `accesskeyid`"),
        ("https://files.example/a.whl?hdnts=exp=1~hmac=b", "query parameter `hdnts`"),
        ("https://files.example/a.whl?hdnea=exp=1~hmac=b", "query parameter `hdnea`"),
        ("https://files.example/a.whl?__token__=exp=1~hmac=b", "query parameter `__token__`"),
        ("https://files.example/a.whl?verify=1700000000-b", "query parameter `verify`"),
        ("https://files.example/a.whl?jwt=b", "query parameter `jwt`"),
        ("https://files.example/a.whl?key=b", "query parameter `key`"),
        ("https://files.example/a.whl?st=b", "query parameter `st`"),
        ("https://files.example/a.whl?se=b", "query parameter `se`"),
        ("https://files.example/a.whl?download_token=b", "query parameter `download_token`"),
        ("https://files.example/a.whl?a=b#access_token=c", "query parameter `access_token`"),
    ],
)
def test_secret_parts_are_named(text: str, part: str) -> None:
    assert find_secret_part(text) == part


@pytest.mark.parametrize(
    "text",
    [
        "anyio>=4",
        "user:pass@host",
        "https://files.example/a@b.whl",
        "https://files.example/a.whl?version=1&name=token",
        "https://files.example/a.whl?token=",
        "https://files.example/a.whl?verify=true",
        "https://files.example/a.whl?expires=1700000000",
        "https://files.example/a.whl#sha256=abc",
        "https://${USER}:${TOKEN}@files.example/a.whl",
        "https://${USER}${SUFFIX}@files.example/a.whl",
        "https://files.example/a.whl?token=${TOKEN}",
        "git+ssh://git@git.example/a.git",
        "ssh://git@git.example/a.git",
    ],
)
def test_what_is_public_is_let_through(text: str) -> None:
    assert find_secret_part(text) is None


words = st.text("abcXYZ019-_.%", max_size=6)
keys = words | st.sampled_from(
    (
        *("token", "Signature", "sig", "X-Amz-Credential", "AWSAccessKeyId", "Policy", "auth", "se", "password"),
        *("%73ig", "q-ak", "q-sign-time", "x-oss-date", "OSSAccessKeyId", "verify", "%76erify", "hdnts", "key"),
        "expires",
    )
)


@settings(max_examples=300)
@given(
    st.sampled_from(["https", "git+ssh", "file", "git+https"]),
    words | st.builds("{}:{}".format, words, words),
    st.lists(st.tuples(keys, words), max_size=4),
    words,
)
def test_the_public_part_of_any_url_can_be_locked(
    scheme: str, user: str, parameters: list[tuple[str, str]], fragment: str
) -> None:
    query = "&".join(f"{key}={value}" for key, value in parameters)
    url = parse_url(f"{scheme}://{user}@files.example/a.whl?{query}#{fragment}")
    assert find_secret_part(url.public) is None


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
