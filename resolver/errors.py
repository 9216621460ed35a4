"""Every error that the resolver raises on purpose, with the exit code that the command gives for it.

    PinfoldError                    exit code
    ├── InputError                  2   list, settings, source or target: what the user wrote
    │   ├── ListError                   a requirement list, with all its faults at once
    │   ├── SettingsError               [tool.pinfold], PINFOLD_* or command-line settings
    │   ├── SourceError                 a file that holds a list: app.py, requirements.txt, pyproject.toml
    │   └── TargetError                 Python version, platform, accelerator
    ├── ResolutionError             3   no solution
    │   └── MetadataError               the core metadata of a distribution file cannot be had or read
    ├── FetchError                  4   network or authentication
    │   ├── AuthenticationError         401 or 403
    │   └── OfflineError                needed, but not in the cache under --offline
    ├── HashMismatchError           5   content differs from what was promised or locked
    └── InternalError               6   a bug in pinfold

`str()` renders what is wrong, where, why, and how to fix it; programs read the attributes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from lockfiles.value_classes import dataclass

if TYPE_CHECKING:
    from resolver.requirements.position import Position

__all__ = [
    "AuthenticationError",
    "Fault",
    "FetchError",
    "HashMismatchError",
    "InputError",
    "InternalError",
    "ListError",
    "MetadataError",
    "OfflineError",
    "PinfoldError",
    "ResolutionError",
    "SettingsError",
    "SourceError",
    "TargetError",
    "render_os_error",
]


class PinfoldError(Exception):
    """Base of all errors of the resolver."""

    exit_code: ClassVar[int] = 6


class InputError(PinfoldError):
    """What the user wrote cannot be used as it stands."""

    exit_code = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault of a list: where, what, why, and one action that mends it.

    Texts are lower case, without a final full stop, with literals in backticks, and never hold a secret.
    `why` and `remedy` are empty where there is nothing certain to say.
    """

    position: Position
    what: str
    why: str = ""
    remedy: str = ""

    def __str__(self) -> str:
        lines = [f"{self.position}: {self.what}"]
        if self.why:
            lines.append(f"  because {self.why}")
        if self.remedy:
            lines.append(f"  try: {self.remedy}")
        # What a list holds must not pass for a line of ours.
        return "\n".join(line.replace("\n", "\\n") for line in lines)


class ListError(InputError):
    """All faults of one requirement list, in list order."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__(faults)
        self.faults = faults

    def __str__(self) -> str:
        return "\n".join(str(fault) for fault in self.faults)


class SettingsError(InputError):
    """A setting is unknown, of the wrong type, or contradicts another."""


class SourceError(InputError):
    """A source of a list cannot be read, or holds what is not understood."""


class TargetError(InputError):
    """A Python version, platform or machine that is unknown or cannot exist."""


class ResolutionError(PinfoldError):
    """The list has no solution for the target."""

    exit_code = 3


class MetadataError(ResolutionError):
    """The core metadata of a distribution file cannot be had or read.

    `project` and `filename` name the file; `needs_build` is true where only a build would give the metadata. `reason`
    is the message in one line without remedy, for where it is one of several.
    """

    def __init__(
        self, message: str, *, project: str, filename: str, needs_build: bool = False, reason: str | None = None
    ) -> None:
        super().__init__(message)
        self.reason = reason or message
        self.project = project
        self.filename = filename
        self.needs_build = needs_build


class FetchError(PinfoldError):
    """An index or file host did not give what was asked of it. `url` is the public part of the URL."""

    exit_code = 4

    def __init__(self, message: str, *, url: str) -> None:
        super().__init__(message)
        self.url = url


class AuthenticationError(FetchError):
    """A host answered 401 or 403."""


class OfflineError(FetchError):
    """Something needed is not in the cache, and `--offline` forbids asking for it."""


class HashMismatchError(PinfoldError):
    """Content has another hash than its index promised or the old lock holds."""

    exit_code = 5

    def __init__(self, message: str, *, filename: str, expected: str, found: str) -> None:
        super().__init__(message)
        self.filename = filename
        self.expected = expected
        self.found = found


class InternalError(PinfoldError):
    """A state that cannot be: a bug in pinfold, worth a report."""


def render_os_error(error: OSError) -> str:
    """Why the system refused, in the words of a message: `no such file or directory`."""
    return (error.strerror or type(error).__name__).lower()
