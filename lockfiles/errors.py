"""The root of the tree of errors, what an error consists of, and the errors of lockfiles.

    PinfoldError                        `what`, `where`, `why`, `remedy`; also the base of the errors of `resolver`
    └── LockfileError                   `where` is a document path such as `packages[3].wheels[0].hashes`
        ├── LockfileSyntaxError         the text is no TOML, or no UTF-8: `line` and `column`
        ├── UnsupportedLockfileError    a lock-version or [tool.pinfold] schema that this version does not support
        ├── InvalidLockfileError        the document contradicts PEP 751 or what pinfold demands beyond it
        ├── LockfileNameError           a file name that PEP 751 does not allow: `name`
        └── ExportError                 the requested form cannot express the lock, or there is no such layer

A file that cannot be opened or written is the operating system's own OSError.

The texts of errors are lower case, without a final full stop, with literals in backticks, and never hold a secret:
they name a part of a URL, not its value. The tree lives in this package, the lower one, so that a program can catch
`PinfoldError` for both.
"""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from functools import wraps
from typing import TYPE_CHECKING, Any, ClassVar, ParamSpec, TypeVar

from lockfiles._values import compile_later, dataclass

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
    "parser_boundary",
]

_P = ParamSpec("_P")
_T = TypeVar("_T")

if TYPE_CHECKING:
    # For type checkers alone: annotations are not evaluated at run time.
    from collections.abc import Callable, Iterable, Iterator
    from typing import Self, TypedDict, Unpack

    class Parts(TypedDict, total=False):
        """The keyword arguments of every PinfoldError: the parts of its fault beside `what`."""

        where: object
        involved: tuple[str, ...]
        why: str
        details: tuple[str, ...]
        remedy: str
        other_remedies: tuple[str, ...]
        quoted: tuple[str, ...]


_BARE_KEY = compile_later("[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is wrong: what, where, why, and one action that corrects it.

    - `where` is any value whose text names the place: a position in a list, a document path, a file; empty if there is
      no place.
    - `why` and `remedy` are empty if nothing certain is known.
    - `involved` are the lines of a list that take part in a conflict, each with its place.
    - `details` are further facts, `other_remedies` further actions; `quoted` are lines to write as the remedy advises.
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
        # Texts from lists and servers may hold a line break, which must not start a line of this message.
        return "\n".join(line.replace("\n", "\\n") for line in self._iter_lines())

    @property
    def headline(self) -> str:
        """The place and what is wrong, on one line."""
        return next(self._iter_lines()).replace("\n", "\\n")

    def at(self, where: object) -> Fault:
        """The same fault with `where` before its own place: a file before the line in it."""
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

    `faults` holds one fault for most errors, and all faults where a document or list is checked as a whole. `what`,
    `where` and `why` belong to the first fault; `remedy` is the first one that any fault has. `exit_code` is the one
    that the command gives. Errors survive pickle and deepcopy with all their attributes.
    """

    exit_code: ClassVar[int] = 6

    def __init__(self, what: str, **parts: Unpack[Parts]) -> None:
        super().__init__(what)
        self.faults: tuple[Fault, ...] = (Fault(what=what, **parts),)

    @classmethod
    def from_faults(cls, faults: Iterable[Fault], **attributes: Any) -> Self:
        """The error that reports these faults, of which there is at least one.

        `attributes` are the keyword arguments that the class adds to those of PinfoldError.
        """
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
        """The place, as a value whose text names it; empty if there is no place."""
        return self.faults[0].where

    @property
    def why(self) -> str:
        """The fact that explains it; empty if none is certain."""
        return self.faults[0].why

    @property
    def remedy(self) -> str:
        """One action that corrects it; empty if none is certain."""
        return next((fault.remedy for fault in self.faults if fault.remedy), "")

    def at(self, where: object) -> Self:
        """The same error with an outer place before the place of its first fault."""
        error = copy(self)
        error.faults = (self.faults[0].at(where), *self.faults[1:])
        return error

    def __str__(self) -> str:
        return "\n".join(str(fault) for fault in self.faults)

    def __reduce__(self) -> tuple[Any, ...]:
        # BaseException would call the class with `args`, which fails for classes with keyword arguments.
        return _restore, (type(self), self.args, self.__dict__.copy())


def _restore(kind: type[PinfoldError], args: tuple[object, ...], attributes: dict[str, Any]) -> PinfoldError:
    """A copy of an error without a call of its `__init__`: `pickle` and `copy` call this function by its name."""
    error = kind.__new__(kind, *args)
    error.__dict__.update(attributes)
    return error


class LockfileError(PinfoldError):
    """Base of all errors of this package; `faults` holds every fault that was found, in document order."""

    exit_code = 2


class LockfileSyntaxError(LockfileError):
    """The text is no TOML. `line` and `column` count from 1, and are None if the parser does not give them."""

    def __init__(self, what: str, *, line: int | None, column: int | None, **parts: Unpack[Parts]) -> None:
        super().__init__(what, **parts)
        self.line = line
        self.column = column


class UnsupportedLockfileError(LockfileError):
    """A later lock-version or `[tool.pinfold]` schema, which this version does not support."""


class InvalidLockfileError(LockfileError):
    """The document holds something that PEP 751 forbids, or that is not safe to install from."""


class LockfileNameError(LockfileError):
    """The file is not called `pylock.toml` or `pylock.<name>.toml`; `name` is what it is called."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"`{name}` is no name for a lockfile, since PEP 751 knows `pylock.toml` and `pylock.<name>.toml`, "
            "where `<name>` holds no dot"
        )
        self.name = name


class ExportError(LockfileError):
    """The requested form cannot express the lock, or the lock has no such layer."""


def parser_boundary(
    refuse: Callable[[str], Exception], *, own: type[Exception] | None = None
) -> Callable[[Callable[_P, _T]], Callable[_P, _T]]:
    """A decorator for the function that a parser is called by: no exception of another library leaves it.

    Input of others can make the standard library and packaging raise anything: RecursionError, OverflowError,
    UnicodeError. Such an exception becomes the cause of `refuse(reason)`, an error of the parser's own, so that the
    message says which input cannot be read, and the cause where. The reason has no text of the exception, which may
    quote a secret. Exceptions of the type `own`, every PinfoldError and every OSError pass through.
    """

    passing: tuple[type[Exception], ...] = (PinfoldError, OSError) if own is None else (PinfoldError, OSError, own)

    def decorate(parse: Callable[_P, _T]) -> Callable[_P, _T]:
        @wraps(parse)
        def parse_bounded(*args: _P.args, **kwargs: _P.kwargs) -> _T:
            try:
                return parse(*args, **kwargs)
            except passing:
                raise
            except Exception as error:  # That is the purpose: see above.
                is_depth = isinstance(error, RecursionError | MemoryError)
                reason = "it is nested too deep" if is_depth else f"it cannot be read ({type(error).__name__})"
                raise refuse(reason) from error

        return parse_bounded

    return decorate


def join_key(path: str, key: str) -> str:
    """The path of `key` in the table at `path`, as messages and comparisons name it: `tool.pinfold.build."a.b"`.

    A key that is not bare (TOML: Keys) is quoted, in ASCII. An empty `path` is the document itself.
    """
    if _BARE_KEY.fullmatch(key):
        text = key
    else:
        # Lazy: a warm run needs no JSON, whose import takes 3 ms.
        import json

        text = json.dumps(key)
    return f"{path}.{text}" if path else text
