"""The root of the tree of errors, what an error consists of, and the errors of lockfiles.

    PinfoldError                        `what`, `where`, `why`, `remedy`; also the base of the errors of `resolver`
    └── LockfileError                   `where` is a document path such as `packages[3].wheels[0].hashes`
        ├── LockfileSyntaxError         the text is no TOML, or no UTF-8: `line` and `column`
        ├── UnsupportedLockfileError    a lock-version or [tool.pinfold] schema that this version does not know
        ├── InvalidLockfileError        the document contradicts PEP 751 or what pinfold demands beyond it
        ├── LockfileNameError           a file name that PEP 751 does not allow: `name`
        └── ExportError                 the requested form cannot express the lock, or there is no such layer

A file that cannot be opened or written is the operating system's own OSError.

The texts of errors are lower case, without a final full stop, with literals in backticks, and never hold a secret:
they name a part of a URL, not its value.

The path of a value inside a TOML document, as messages and comparisons name it: `tool.pinfold.build."a.b"`.
"""

from __future__ import annotations

import re
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from lockfiles._values import dataclass

__all__ = [
    "ExportError",
    "Fault",
    "InvalidLockfileError",
    "LockfileError",
    "LockfileNameError",
    "LockfileSyntaxError",
    "PinfoldError",
    "UnsupportedLockfileError",
    "join_key",
]


if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Self, TypedDict, Unpack

    class Parts(TypedDict, total=False):
        """What an error may have beside `what`: the keyword arguments of every PinfoldError."""

        where: object
        involved: tuple[str, ...]
        why: str
        details: tuple[str, ...]
        remedy: str
        other_remedies: tuple[str, ...]
        quoted: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is wrong: what, where, why, and one action that mends it.

    `where` is any value whose text names the place: a position in a list, a document path, a file; empty where there
    is none. `why` and `remedy` are empty where nothing certain is known. `involved` are the lines of a list that take
    part in a conflict, each with its place; `details` are further facts, a line each; `other_remedies` are actions that
    help as well; `quoted` are lines that the remedy tells to write.
    """

    what: str
    where: object = ""
    involved: tuple[str, ...] = ()
    why: str = ""
    details: tuple[str, ...] = ()
    remedy: str = ""
    other_remedies: tuple[str, ...] = ()
    quoted: tuple[str, ...] = ()

    def __str__(self) -> str:
        # A line break in a part must not make a text of a list or a server look like a line of ours.
        return "\n".join(line.replace("\n", "\\n") for line in self._iter_lines())

    @property
    def headline(self) -> str:
        """The place and what is wrong, on one line."""
        return next(self._iter_lines()).replace("\n", "\\n")

    def at(self, where: object) -> Fault:
        """The same fault with an outer place before its own."""
        inner = str(self.where)
        return replace(self, where=f"{where}: {inner}" if inner else where)

    def _iter_lines(self) -> Iterator[str]:
        where = str(self.where)
        yield f"{where}: {self.what}" if where else self.what
        yield from (f"  {line}" for line in self.involved)
        if self.why:
            yield f"  because {self.why}"
        yield from (f"  {line}" for line in self.details)
        if self.remedy:
            yield f"  try: {self.remedy}"
        yield from (f"  try: {remedy}" for remedy in self.other_remedies)
        yield from (f"    {line}" for line in self.quoted)


class PinfoldError(Exception):
    """Base of all errors that pinfold raises on purpose; `str()` renders its faults.

    `faults` has one fault for most errors, and all of them where a document or list is checked as a whole. `what`,
    `where` and `why` are those of the first fault, `remedy` is the first one that a fault has. Errors survive pickle
    and deepcopy with all their attributes.
    """

    exit_code: ClassVar[int] = 6

    def __init__(self, what: str, **parts: Unpack[Parts]) -> None:
        super().__init__(what)
        self.faults: tuple[Fault, ...] = (Fault(what=what, **parts),)

    @classmethod
    def from_faults(cls, faults: Iterable[Fault], **attributes: Any) -> Self:
        """The error that reports these faults, at least one; `attributes` are those that its class adds."""
        found = tuple(faults)
        error = cls(found[0].what, **attributes)
        error.faults = found
        return error

    @property
    def what(self) -> str:
        """What is wrong."""
        return self.faults[0].what

    @property
    def where(self) -> object:
        """The place, as a value whose text names it; empty where there is none."""
        return self.faults[0].where

    @property
    def why(self) -> str:
        """The fact that explains it; empty where none is certain."""
        return self.faults[0].why

    @property
    def remedy(self) -> str:
        """One action that mends it; empty where none is certain."""
        return next((fault.remedy for fault in self.faults if fault.remedy), "")

    def at(self, where: object) -> Self:
        """The same error with an outer place before the place of its first fault."""
        error = copy(self)
        error.faults = (self.faults[0].at(where), *self.faults[1:])
        return error

    def __str__(self) -> str:
        return "\n".join(str(fault) for fault in self.faults)

    def __reduce__(self) -> tuple[Any, ...]:
        # The one of BaseException calls the class with `args`, which fails for one with keyword arguments.
        return _restore, (type(self), self.args, self.__dict__.copy())


def _restore(kind: type[PinfoldError], args: tuple[object, ...], attributes: dict[str, Any]) -> PinfoldError:
    """A copy of an error, for pickle and copy."""
    error = kind.__new__(kind, *args)
    error.__dict__.update(attributes)
    return error


class LockfileError(PinfoldError):
    """Base of all errors of this package; `faults` holds every fault that was found, in document order."""

    exit_code = 2


class LockfileSyntaxError(LockfileError):
    """The text is no TOML. `line` and `column` count from 1, and are None where the parser does not tell them."""

    def __init__(self, what: str, *, line: int | None, column: int | None, **parts: Unpack[Parts]) -> None:
        super().__init__(what, **parts)
        self.line = line
        self.column = column


class UnsupportedLockfileError(LockfileError):
    """A later lock-version or `[tool.pinfold]` schema, whose meaning this version cannot know."""


class InvalidLockfileError(LockfileError):
    """The document says something that PEP 751 forbids, or that is not safe to install from."""


class LockfileNameError(LockfileError):
    """The file is not called `pylock.toml` or `pylock.<name>.toml`; `name` is what it is called."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"`{name}` is no name for a lockfile, since PEP 751 knows `pylock.toml` and `pylock.<name>.toml`, "
            "where `<name>` holds no dot"
        )
        self.name = name


class ExportError(LockfileError):
    """The lock holds something that the form asked for cannot say, or has no such layer."""


_BARE_KEY = re.compile("[A-Za-z0-9_-]+")


def join_key(path: str, key: str) -> str:
    """The path of `key` in the table at `path`; a key that is not bare stands in quotes, in ASCII."""
    if _BARE_KEY.fullmatch(key):
        text = key
    else:
        # Lazy: a warm run needs no JSON, whose import takes 3 ms.
        import json

        text = json.dumps(key)
    return f"{path}.{text}" if path else text
