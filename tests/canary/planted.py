"""The canaries: one of its own for each kind of secret, and each part of a signature.

In: nothing. Out: `Canary` members by name. A value says its kind, so that what is found says where it is from.
"""

from __future__ import annotations

from enum import Enum

from tests.canary.secret_search import STEM

__all__ = ["Canary", "rotate"]

_generations = [0]


class Canary(Enum):
    """A kind of secret; `text` is its value."""

    INDEX_LOGIN = "index-login"
    USER_TOKEN = "user-token"
    VARIABLE_USER = "variable-user"
    VARIABLE_PATH = "variable-path"
    EXTRA_LOGIN = "extra-login"
    LINKS_LOGIN = "links-login"
    DIRECT_LOGIN = "direct-login"
    SIGV4 = "sigv4"
    SIGV2 = "sigv2"
    GCS4 = "gcs4"
    GCS2 = "gcs2"
    AZURE = "azure"
    CLOUDFRONT = "cloudfront"
    ALIBABA4 = "alibaba4"
    ALIBABA1 = "alibaba1"
    TENCENT = "tencent"
    HUAWEI = "huawei"
    AKAMAI = "akamai"
    AKAMAI_EDGE = "akamai-edge"
    AKAMAI_TOKEN = "akamai-token"
    CLOUDFLARE = "cloudflare"
    QUERY_TOKEN = "query-token"
    QUERY_SIG = "query-sig"
    QUERY_KEY = "query-key"
    WEB_TOKEN = "web-token"
    DOWNLOAD_TOKEN = "download-token"
    SECURE_LINK = "secure-link"
    SECURE_END = "secure-end"
    RANDOM_QUERY = "random-query"
    SIGNED_LINK = "signed-link"
    REDIRECT = "redirect"
    GIT_TOKEN = "git-token"
    SUBMODULE = "submodule"
    NETRC = "netrc"
    CREDENTIALS_FILE = "credentials-file"
    VARIABLES = "pinfold-variables"
    PROXY = "proxy"
    CONFIG_SETTING = "config-setting"
    KEYRING = "keyring"
    PATTERN = "pattern"
    COMMAND_LINE = "command-line"
    AMBIENT_AWS = "ambient-aws"
    AMBIENT_GITHUB = "ambient-github"

    @property
    def text(self) -> str:
        """The secret itself; another one after `rotate`. A setting of a build stays: it decides what is built."""
        generation = 0 if self is Canary.CONFIG_SETTING else _generations[-1]
        return f"{STEM}-{self.value}-{generation}"


def rotate() -> None:
    """Give every canary a new value."""
    _generations.append(_generations[-1] + 1)
