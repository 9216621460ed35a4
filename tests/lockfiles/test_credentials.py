from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockfiles.credentials import find_secret_part
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
    ["token", "Signature", "sig", "X-Amz-Credential", "AWSAccessKeyId", "Policy", "auth", "se", "password", "%73ig"]
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
