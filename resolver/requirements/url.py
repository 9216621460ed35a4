"""A URL with its secret apart: split the moment it is parsed, so that nothing downstream can leak it.

In: URL text as a list or setting holds it. Out: `Url`, whose every rendering is its public part. Credentials and
signatures are recognised by form; only the transport in `resolver.fetch` opens a `Secret`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Secret", "Url"]


class Secret:
    """Text that no `repr`, `str`, `pickle` or log shows. `open_for_transport()` is the only way to its value."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def open_for_transport(self) -> str:
        """The secret text; for the transport alone."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __reduce__(self) -> str:
        raise TypeError("a secret cannot be pickled")


@dataclass(frozen=True, slots=True, kw_only=True)
class Url:
    """A URL: `public` is safe to print, store and compare; `secret` is user information or a signature, if any."""

    public: str
    secret: Secret | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return self.public
