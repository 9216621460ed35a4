"""The canaries: one of its own for each kind of secret, and each part of a signature.

In: nothing. Out: `Canary` members by name. A value says its kind, so that what is found says where it is from.
"""

from __future__ import annotations

from enum import Enum

from tests.canary.secret_search import STEM

__all__ = ["Canary"]


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
    QUERY_TOKEN = "query-token"
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
        """The secret itself. Some characters of it are percent-encoded in a URL."""
        return f"{STEM}-{self.value}-7f3a"
