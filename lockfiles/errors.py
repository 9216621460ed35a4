"""Every error that this package raises on purpose.

    LockfileError                   base; `faults`, and the first one's document path as `path`
    ├── LockfileSyntaxError         the text is no TOML, or no UTF-8: `line` and `column`
    ├── UnsupportedLockfileError    a lock-version or [tool.pinfold] schema that this version does not know
    ├── InvalidLockfileError        the document contradicts PEP 751 or what pinfold demands beyond it
    ├── LockfileNameError           a file name that PEP 751 does not allow
    └── ExportError                 the lock has something that the form asked for cannot say, or no such layer

A file that cannot be opened or written is the operating system's own OSError.
"""

from __future__ import annotations

from collections.abc import Sequence

from lockfiles.value_classes import dataclass

__all__ = [
    "ExportError",
    "InvalidLockfileError",
    "LockfileError",
    "LockfileFault",
    "LockfileNameError",
    "LockfileSyntaxError",
    "UnsupportedLockfileError",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class LockfileFault:
    """One fault of a lockfile: its document path and what is wrong.

    `path` is like `packages[3].wheels[0].hashes`, and empty for the whole document. `message`
    never holds a secret: it names a part of a URL, not its value.
    """

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class LockfileError(Exception):
    """Base of all errors of this package. `faults` holds every fault that was found, in document order."""

    def __init__(self, faults: Sequence[LockfileFault]) -> None:
        super().__init__(tuple(faults))
        self.faults = tuple(faults)

    @property
    def path(self) -> str:
        """The document path of the first fault; empty where the whole file is meant."""
        return self.faults[0].path

    def __str__(self) -> str:
        return "\n".join(str(fault) for fault in self.faults)


class LockfileSyntaxError(LockfileError):
    """The text is no TOML. `line` and `column` count from 1, and are None where the parser does not say."""

    def __init__(self, message: str, *, line: int | None, column: int | None) -> None:
        super().__init__((LockfileFault(path="", message=message),))
        self.line = line
        self.column = column


class UnsupportedLockfileError(LockfileError):
    """A later lock-version or `[tool.pinfold]` schema, whose meaning this version cannot know."""


class InvalidLockfileError(LockfileError):
    """The document says something that PEP 751 forbids, or that is not safe to install from."""


class LockfileNameError(LockfileError):
    """The file is not called `pylock.toml` or `pylock.<name>.toml`; `name` is what it is called."""

    def __init__(self, name: str) -> None:
        message = (
            f"`{name}` is no name for a lockfile, since PEP 751 knows `pylock.toml` and `pylock.<name>.toml`, "
            "where `<name>` holds no dot"
        )
        super().__init__((LockfileFault(path="", message=message),))
        self.name = name


class ExportError(LockfileError):
    """The lock holds something that the form asked for cannot say, or has no such layer."""
