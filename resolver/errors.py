"""Every error that the resolver raises on purpose, with the exit code that the command gives for it.

    PinfoldError                    exit code
    ├── InputError                  2   list, settings, source or target: what the user wrote
    │   ├── ListError                   a requirement list, with all its faults at once
    │   ├── SettingsError               [tool.pinfold], PINFOLD_* or command-line settings
    │   ├── SourceError                 a file that holds a list: app.py, requirements.txt, pyproject.toml
    │   ├── TargetError                 Python version, platform, accelerator
    │   ├── UnboundVariableError        a variable of the environment that may not be sent to a host
    │   ├── GitReferenceError           a reference to a repository (`resolver.fetch.git.repository`)
    │   └── MissingHashesError          pins without the hashes that are required (`resolver.solve.build_problem`)
    ├── LockfileError               2   a lockfile: see `lockfiles.errors`
    ├── ResolutionError             3   no solution
    │   ├── NoSolutionError             the conflict as data (`resolver.solve.diagnosis`)
    │   └── MetadataError               the core metadata of a distribution file cannot be fetched, built or read
    ├── FetchError                  4   network or authentication
    │   ├── AuthenticationError         401 or 403
    │   └── OfflineError                needed, but not in the cache under --offline
    ├── RunCancelledError           4   the run was cancelled, or took longer than it may
    ├── HashMismatchError           5   content differs from what was promised or locked
    └── InternalError               6   a bug in pinfold

Every error has the parts `what`, `where`, `why` and `remedy`, and `faults` where several are reported at once;
`str()` renders them, programs read the attributes. The base class lives in `lockfiles.errors`, which imports nothing of
the resolver. `Position`, the place of a fault in a list or file, is here because most errors have one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from lockfiles._values import dataclass
from lockfiles.errors import Fault, LockfileError, PinfoldError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Unpack

    from lockfiles.errors import Parts
    from lockfiles.variable_bindings import VariableBinding

__all__ = [
    "AuthenticationError",
    "Fault",
    "FetchError",
    "HashMismatchError",
    "InputError",
    "InternalError",
    "ListError",
    "LockfileError",
    "MetadataError",
    "OfflineError",
    "PinfoldError",
    "Position",
    "ResolutionError",
    "RunCancelledError",
    "SettingsError",
    "SourceError",
    "TargetError",
    "UnboundVariableError",
    "render_os_error",
    "without_traceback",
]

_MOST_SHOWN = 6
"""The most files of a chain of inclusions that a message names; the middle of a longer chain is left out."""

_Result = TypeVar("_Result")


class InputError(PinfoldError):
    """A list, a setting, a source or a target that the user wrote cannot be used."""

    exit_code = 2


class ListError(InputError):
    """All faults of one requirement list, in list order; the `where` of each is a Position."""


class SettingsError(InputError):
    """A setting is unknown, of the wrong type, or contradicts another."""


class SourceError(InputError):
    """A source of a list cannot be read, or its content has no meaning for pinfold."""


class TargetError(InputError):
    """A Python version, platform or machine that is unknown or cannot exist."""


class UnboundVariableError(InputError):
    """A URL names variables of the environment that nothing of the user binds to its host.

    `bindings` are those that are missing, in the order of the faults; `variable` and `host` are the first one's.
    """

    def __init__(self, what: str, *, bindings: tuple[VariableBinding, ...], **parts: Unpack[Parts]) -> None:
        super().__init__(what, **parts)
        self.bindings = bindings

    @property
    def variable(self) -> str:
        """The name of the first variable."""
        return self.bindings[0].variable

    @property
    def host(self) -> str:
        """The host that it is not bound to, with a port that is not the default one."""
        return self.bindings[0].host


class ResolutionError(PinfoldError):
    """The list has no solution for the target."""

    exit_code = 3


class MetadataError(ResolutionError):
    """The core metadata of a distribution file cannot be fetched, built or read.

    `project` and `filename` name the file. `needs_build` is true if only a build would give the metadata. `reason`
    joins what and why on one line, for messages that list several reasons.
    """

    def __init__(
        self,
        what: str,
        *,
        project: str,
        filename: str,
        needs_build: bool = False,
        reason: str | None = None,
        **parts: Unpack[Parts],
    ) -> None:
        super().__init__(what, **parts)
        self.reason = reason or (f"{what}, because {self.why}" if self.why else what)
        self.project = project
        self.filename = filename
        self.needs_build = needs_build


class FetchError(PinfoldError):
    """A request failed, or its response cannot be used.

    `url` is the public part of the URL. It is `where` too, unless a place in the list is known.
    """

    exit_code = 4

    def __init__(self, what: str, *, url: str, **parts: Unpack[Parts]) -> None:
        super().__init__(what, **parts)
        self.url = url

    @property
    def where(self) -> object:
        """The place in the list; the URL if none is known."""
        return self.faults[0].where or self.url


class AuthenticationError(FetchError):
    """A host answered 401 or 403, or sent a page to log in."""


class OfflineError(FetchError):
    """Something that is needed is not in the cache, and `--offline` forbids a request for it."""


class RunCancelledError(PinfoldError):
    """A program has cancelled the run, or it took longer than its limit. It is no FetchError: no other way is tried.

    `is_overdue` is whether it took too long, rather than that somebody cancelled it or closed its session.
    """

    exit_code = 4

    def __init__(self, what: str, *, is_overdue: bool = False, **parts: Unpack[Parts]) -> None:
        super().__init__(what, **parts)
        self.is_overdue = is_overdue


class HashMismatchError(PinfoldError):
    """A file has another hash than its index or a lock names.

    `expected` and `found` are hashes as `algorithm:hex` or hex alone, as the place that names the first one writes it.
    """

    exit_code = 5

    def __init__(self, what: str, *, filename: str, expected: str, found: str, **parts: Unpack[Parts]) -> None:
        super().__init__(what, **parts)
        self.filename = filename
        self.expected = expected
        self.found = found


class InternalError(PinfoldError):
    """A state that the code rules out: a bug in pinfold that users should report."""


def render_os_error(error: OSError) -> str:
    """The reason of the operating system, in the style of our messages: `no such file or directory`."""
    return (error.strerror or type(error).__name__).lower()


def without_traceback(work: Callable[[], _Result]) -> _Result:
    """The result of `work()`. A PinfoldError is raised again without its traceback, cause and context.

    For code whose locals are whole files: logging tools report the locals of all frames, and with them the secrets of
    a list.
    """
    try:
        return work()
    except PinfoldError as error:
        fault = error.with_traceback(None)
    fault.__cause__ = fault.__context__ = None
    raise fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A place in a list or file.

    `source` is `requirements` for a list that a program gives, else the file's name as the user wrote it, or
    `command line`. `layer` and `item` count from 0, `line` from 1; a known line is shown instead of the numbers.
    `included_by` is the place of the `-r` or `-c` that includes this file.
    """

    source: str = "requirements"
    item: int | None = None
    layer: int | None = None
    line: int | None = None
    included_by: Position | None = None

    def __str__(self) -> str:
        """`b.txt:2 (from a.txt:1)`: the place, then the inclusions that lead to it."""
        places = [self]
        while (outer := places[-1].included_by) is not None:
            places.append(outer)
        texts = [place._render_own() for place in places]
        if len(texts) > _MOST_SHOWN:
            texts[_MOST_SHOWN - 2 : -1] = [f"… {len(texts) - _MOST_SHOWN + 1} more …"]
        return " (from ".join(texts) + ")" * (len(texts) - 1)

    def _render_own(self) -> str:
        """The place without its inclusions: `app.py:12`, `requirements[0][4]`."""
        text = self.source
        if self.line is not None:
            return f"{text}:{self.line}"
        if self.layer is not None:
            text += f"[{self.layer}]"
        if self.item is not None:
            text += f"[{self.item}]"
        return text
