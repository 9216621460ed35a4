"""The ids of credentials, which are parts of the keys of all caches: one cache serves one set of credentials.

In: the URL of a request or file, the page that lists it, and the credentials of the run. Out: an id, empty where the
request carries no secret. What one login has fetched is found under its id alone: a run without it, or with another
one, sees none of it, online or offline.

An id is an HMAC of the secrets under a salt. The salt is random, of one cache folder, and in a file that only its owner
can read (`credential-salt`, mode 0600). So an id tells nothing about a password, not even whether two folders know the
same one. Where the folder cannot be written, the salt is that of this run, which then finds nothing of earlier ones.

A login of the keyring is known only once a host has answered with 401. The hosts for which that happened are kept
(`keyring-hosts`): for these, the keyring is queried before their caches are.

One module, because pages, rows, records and repositories must all tell credentials apart in the same way. A run without
credentials reads no salt and imports nothing for it.
"""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path

from lockfiles._files import replace_file
from resolver.fetch.http.credentials import Credentials, find_destination

__all__ = ["CredentialIds"]

_SALT_FILE = "credential-salt"
_KEYRING_FILE = "keyring-hosts"
_SALT_BYTES = 32
_ID_DIGITS = 32


class CredentialIds:
    """Finds the ids of requests. May be used from many threads.

    `folder` is that of the cache; None keeps no salt. `salt` replaces that of the folder, where many machines have one.
    """

    def __init__(self, credentials: Credentials, folder: Path | None, *, salt: bytes = b"") -> None:
        self._credentials = credentials
        self._folder = folder
        self._lock = threading.Lock()
        self._salt = salt
        self._keyring_hosts: set[str] | None = None
        self._may_have: dict[tuple[str, tuple[int, ...]], bool] = {}

    def find(self, url: str, *, page: str = "") -> str:
        """The id of a request for a public URL; `page` is the public URL of the page that lists it, if there is one.

        A file has the id of its page too: who may not read the page must not read what is known of its files. The id
        can change once, when a 401 has led to the keyring: find it anew before something is stored.
        """
        urls = (url, page) if page else (url,)
        if not any(map(self._may_identify, urls)):
            return ""
        identity = [self._identify(one) for one in urls]
        if not any(identity):
            return ""
        # Lazy: most runs have no credentials.
        import hmac
        import json

        return hmac.digest(self._find_salt(), json.dumps(identity).encode(), "sha256").hex()[:_ID_DIGITS]

    def _may_identify(self, url: str) -> bool:
        """Whether a URL may have an identity; found once for each host: a run has hundreds of files of a few hosts."""
        scheme, mark, rest = url.partition("://")
        key = (f"{scheme}{mark}{rest.partition('/')[0]}/", self._credentials.generation)
        found = self._may_have.get(key)
        if found is None:
            place = find_destination(key[0])
            found = self._credentials.may_identify(key[0]) or (
                place is not None
                and self._credentials.has_keyring
                and f"{place.scheme}://{place.authority}" in self._read_keyring_hosts()
            )
            self._may_have[key] = found
        return found

    def _identify(self, url: str) -> list[str]:
        """The texts of the secrets that a request carries, which only become an HMAC."""
        place = find_destination(url)
        if self._folder is not None and place is not None and self._credentials.has_keyring:
            host = f"{place.scheme}://{place.authority}"
            if host in self._read_keyring_hosts():
                self._credentials.query_keyring(url)
            elif self._credentials.is_from_keyring(url):
                self._keep_keyring_host(host, self._folder / _KEYRING_FILE)
        return [secret.open_for_transport() for secret in self._credentials.find_identity(url)]

    def _find_salt(self) -> bytes:
        """The salt of the folder, made if need be; of this run where the folder keeps none."""
        with self._lock:
            if not self._salt:
                self._salt = os.urandom(_SALT_BYTES) if self._folder is None else _read_salt(self._folder / _SALT_FILE)
            return self._salt

    def _read_keyring_hosts(self) -> set[str]:
        """The hosts whose login came from the keyring, read once."""
        with self._lock:
            if self._keyring_hosts is None:
                self._keyring_hosts = set()
                if self._folder is not None:
                    with suppress(OSError, ValueError):
                        self._keyring_hosts.update((self._folder / _KEYRING_FILE).read_text("utf-8").split())
            return self._keyring_hosts

    def _keep_keyring_host(self, host: str, path: Path) -> None:
        """Keep one more host, of which this run has a login from the keyring."""
        with self._lock:
            known = self._keyring_hosts or set()
            known.add(host)
            with suppress(OSError):
                replace_file(path, "".join(f"{one}\n" for one in sorted(known)).encode(), mode=0o600)


def _read_salt(path: Path) -> bytes:
    """The salt in a file, which is written if it is missing or damaged."""
    with suppress(OSError):
        salt = path.read_bytes()
        if len(salt) == _SALT_BYTES:
            return salt
    salt = os.urandom(_SALT_BYTES)
    with suppress(OSError):
        replace_file(path, salt, mode=0o600)
        # Another process may have written one at the same moment: the last one counts for both.
        written = path.read_bytes()
        return written if len(written) == _SALT_BYTES else salt
    return salt
