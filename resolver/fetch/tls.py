"""Which certificates are trusted: those that the user names, else those of `certifi`."""

from __future__ import annotations

import ssl

from resolver.fetch.proxies import find_certificates

__all__ = ["build_tls_context"]


def build_tls_context() -> ssl.SSLContext:
    """A context that checks certificates and host names. Raises OSError where the user's files cannot be read."""
    file, folder = find_certificates()
    if file is None and folder is None:
        # Imported where it is needed: who names certificates needs no others.
        import certifi

        file = certifi.where()
    return ssl.create_default_context(cafile=file, capath=folder)
