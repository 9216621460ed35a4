"""Which parts of a query are a token or a signature, by form: names of parameters in, names of forms out.

The forms are those of AWS (signature versions 2 and 4), Google Cloud Storage (2 and 4), Azure (shared access signature)
and CloudFront, and tokens as package hosts and forges take them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import unquote

from lockfiles.value_classes import dataclass

__all__ = ["QueryParts", "split_query"]

_TOKEN_PARAMETERS = frozenset(
    {"access_key", "access_token", "api_key", "apikey", "auth", "auth_token", "authorization", "client_secret"}
    | {"job_token", "passwd", "password", "private_token", "secret", "sig", "signature", "token"}
)
_AZURE_PARAMETERS = frozenset(
    {"saoid", "scid", "sdd", "se", "si", "sip", "ske", "skoid", "sks", "skt", "sktid", "skv", "sp", "spr"}
    | {"sr", "srt", "ss", "st", "suoid", "sv"}
)
# AWS signature version 4 (and the session token of version 2), and Google Cloud Storage version 4.
_SIGNATURE_PREFIXES = ("x-amz-", "x-goog-")
_SIGNATURE_FAMILIES = (
    ("awsaccesskeyid", frozenset({"awsaccesskeyid", "expires"}), "an AWS signature (version 2)"),
    ("googleaccessid", frozenset({"googleaccessid", "expires"}), "a Google Cloud Storage signature"),
    ("key-pair-id", frozenset({"key-pair-id", "policy", "expires", "hash-algorithm"}), "a CloudFront signature"),
    ("sig", _AZURE_PARAMETERS, "an Azure shared access signature"),
)
"""The mark of a form, the parameters that belong to its signature where the query has the mark, and its name."""
_PREFIX_FORMS = {"x-amz-": "an AWS signature (version 4)", "x-goog-": "a Google Cloud Storage signature"}


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryParts:
    """A query as its parts in order. `forms` are the names of what is secret in it, `private` those parts' places."""

    parts: tuple[str, ...]
    private: frozenset[int]
    forms: tuple[str, ...]


def split_query(query: str) -> QueryParts:
    """The parts of a query, and which of them are a token or belong to a signature that it carries."""
    parts = tuple(re.split("[&;]", query))
    names = [unquote(part.partition("=")[0]).lower() for part in parts]
    marks = frozenset(names)
    private = frozenset(place for place, name in enumerate(names) if _is_private(name, marks))
    return QueryParts(parts=parts, private=private, forms=tuple(_iter_forms(names, marks)) if private else ())


def _is_private(name: str, marks: frozenset[str]) -> bool:
    if name in _TOKEN_PARAMETERS or name.startswith(_SIGNATURE_PREFIXES):
        return True
    return any(mark in marks and name in family for mark, family, _ in _SIGNATURE_FAMILIES)


def _iter_forms(names: Iterable[str], marks: frozenset[str]) -> Iterable[str]:
    """The forms, each once; what belongs to a signature is no token of its own."""
    families = [(family | {"signature", mark}, form) for mark, family, form in _SIGNATURE_FAMILIES if mark in marks]
    found = [form for _, form in families]
    for name in names:
        prefix = next((prefix for prefix in _SIGNATURE_PREFIXES if name.startswith(prefix)), None)
        if prefix is not None:
            found.append(_PREFIX_FORMS[prefix])
        elif name in _TOKEN_PARAMETERS and not any(name in members for members, _ in families):
            found.append(f"a token in the query (`{name}`)")
    return dict.fromkeys(found)
