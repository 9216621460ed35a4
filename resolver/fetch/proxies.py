"""Which proxy a request goes through, from the usual environment variables and nothing else.

The registry of Windows and the system settings of macOS are not read: the same environment gives the same way out.
"""

from __future__ import annotations

import os

from resolver.requirements.url import Url, parse_url

__all__ = ["find_certificates", "find_proxy"]


def find_proxy(scheme: str, host: str, port: int | None) -> Url | None:
    """The proxy for a host: `HTTP_PROXY`, `HTTPS_PROXY` or `ALL_PROXY`, unless `NO_PROXY` names the host."""
    if not any(name.lower().endswith("_proxy") and value for name, value in os.environ.items()):
        return None
    # Imported only when some proxy is set: it takes 20 ms.
    # typeshed does not list it; both are what `urllib` itself uses for the environment alone.
    import urllib.request

    proxies = urllib.request.getproxies_environment()
    authority = f"{host}:{port}" if port else host
    if urllib.request.proxy_bypass_environment(authority, proxies):  # type: ignore[attr-defined]  # typeshed lacks it
        return None
    proxy = proxies.get(scheme) or proxies.get("all")
    return None if proxy is None else parse_url(proxy if "://" in proxy else f"http://{proxy}")


def find_certificates() -> tuple[str | None, str | None]:
    """The file and the folder of CA certificates that the user names, each None where none is named.

    `SSL_CERT_FILE`, then `REQUESTS_CA_BUNDLE` (a file or a folder), and `SSL_CERT_DIR`. pip's own variable is not read.
    """
    bundle = os.environ.get("SSL_CERT_FILE") or os.environ.get("REQUESTS_CA_BUNDLE") or None
    folder = os.environ.get("SSL_CERT_DIR") or None
    if bundle is not None and os.path.isdir(bundle):  # noqa: PTH112 - pathlib is not needed for one question
        return None, bundle
    return bundle, folder
