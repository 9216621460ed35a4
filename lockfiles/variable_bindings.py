"""Which variables of the environment may be sent to which hosts.

In: texts of the user, `NAME=HOST` or `NAME=HOST:PORT`. Out: `VariableBindings`, which decides for a variable and the
place that a URL leads to. A list, an app or a lock that somebody else has written binds nothing: otherwise it could
send any variable of the user to a host of its author.

A HOST without a port stands for the default port of the URL's scheme. There is no pattern, and no binding to all hosts.
A URL may have its host in a variable (`https://${INDEX}/simple/`): a binding has either the real host or the host as
written, `INDEX=${INDEX}`, which shows no value.

It is a module of `lockfiles` because an export of a lock needs it as well as a run that sends requests.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator

from lockfiles._values import compile_later, dataclass

__all__ = ["VariableBinding", "VariableBindings", "name_host", "parse_binding"]

_BINDING = compile_later(r"(?P<variable>[A-Z0-9_]+)=(?P<host>(?:\$\{[A-Z0-9_]+\}|[^\s*/?#@=\\${}\"'`])+)")
_AUTHORITY = compile_later(r"(?P<host>\[[^\]]*\]|[^:]*)(?::(?P<port>.*))?", re.DOTALL)
_UPPER = compile_later(r"\$\{[A-Z0-9_]+\}|[A-Z]+")
_DEFAULT_PORTS = {"https": "443", "http": "80", "ssh": "22"}


@dataclass(frozen=True, slots=True, kw_only=True)
class VariableBinding:
    """A variable that may be sent to a host; `host` may have a port behind a colon."""

    variable: str
    host: str

    def __str__(self) -> str:
        """The text that `--allow-variable` takes."""
        return f"{self.variable}={self.host}"


class VariableBindings:
    """The bindings of a user.

    `load` gives more of them. It is called once, when the others do not allow a variable: most runs need no file.
    """

    __slots__ = ("_known", "_load")

    def __init__(
        self,
        bindings: Iterable[VariableBinding] = (),
        *,
        load: Callable[[], Iterable[VariableBinding]] | None = None,
    ) -> None:
        self._known = frozenset(bindings)
        self._load = load

    def allows(self, variable: str, *, scheme: str, authority: str) -> bool:
        """Whether the variable may be sent to a place; `authority` is the host of a URL, and its port if written."""
        places = {_add_port(scheme, authority), name_host(scheme, authority).lower()}
        if self._has(variable, places):
            return True
        self._load_all()
        return self._has(variable, places)

    def __or__(self, others: Iterable[VariableBinding]) -> VariableBindings:
        """These bindings and others."""
        joined = VariableBindings(others, load=self._load)
        joined._known |= self._known
        return joined

    def __iter__(self) -> Iterator[VariableBinding]:
        """All bindings, sorted."""
        self._load_all()
        return iter(sorted(self._known, key=str))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, VariableBindings) and list(self) == list(other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return f"VariableBindings({', '.join(map(str, self))})"

    def __reduce__(self) -> tuple[type[VariableBindings], tuple[tuple[VariableBinding, ...]]]:
        # `load` may be a function of another module's, which cannot be pickled.
        return VariableBindings, (tuple(self),)

    def _has(self, variable: str, places: Collection[str]) -> bool:
        return any(one.variable == variable and one.host.lower() in places for one in self._known)

    def _load_all(self) -> None:
        load, self._load = self._load, None
        if load is not None:
            self._known |= frozenset(load())


def parse_binding(text: str) -> VariableBinding:
    """The binding that a text `NAME=HOST` is. Raises ValueError, whose message names the fault."""
    match = _BINDING.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"`{text}` is no binding of the form NAME=HOST or NAME=HOST:PORT")
    # In a host without brackets, a port follows a colon.
    host, port = _split_authority(match["host"].lower())
    if not host or port == "" or (port is not None and not re.fullmatch(r"\d{1,5}|\$\{[a-z0-9_]+\}", port)):
        raise ValueError(f"`{text}` is no binding of the form NAME=HOST or NAME=HOST:PORT")
    return VariableBinding(variable=match["variable"], host=match["host"])


def name_host(scheme: str, authority: str) -> str:
    """The host of a URL with its port as a user writes both: in lower case, without the default port of the scheme.

    The names of variables keep their case.
    """
    lowered = _UPPER.sub(lambda match: match[0] if match[0].startswith("$") else match[0].lower(), authority)
    host, port = _split_authority(lowered)
    return host if port in (None, "", _DEFAULT_PORTS.get(scheme)) else f"{host}:{port}"


def _add_port(scheme: str, authority: str) -> str:
    """The host with its port, which is the default port of the scheme where none is written."""
    host, port = _split_authority(authority.lower())
    return f"{host}:{port or _DEFAULT_PORTS.get(scheme, '')}"


def _split_authority(authority: str) -> tuple[str, str | None]:
    """Host and port; None for no port."""
    match = _AUTHORITY.fullmatch(authority)
    return (authority, None) if match is None else (match["host"], match["port"])
