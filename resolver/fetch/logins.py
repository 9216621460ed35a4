"""A user and password for one URL, as whoever opens a connection asks for them."""

from __future__ import annotations

from collections.abc import Callable

from lockfiles.value_classes import dataclass
from resolver.requirements.url import Secret

__all__ = ["FindLogin", "Login"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """What a host is told; `user` may be empty, and a token alone is the password or the user, as its source had it."""

    user: Secret
    password: Secret


FindLogin = Callable[[str], Login | None]
"""The login for a public URL: its scheme, host, port and path decide; None where there is none."""
