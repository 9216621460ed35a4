"""What happens during a run, as values: the events that a program may listen to.

In: nothing. Out: `Observe`, which `Access.observe` holds, and the values that it gets. Requests and builds are made in
`resolver.fetch`, decisions in `resolver.solve`; this room is below both. Texts and widths are left to the listener:
`resolver.cli.progress` makes lines of a terminal out of events.

A listener is called from any thread, often, and in the middle of the work: it should take microseconds, and what it
raises ends the run. A run without one makes no event. URLs are public ones, without credentials and queries that may be
secret. Names, versions and demands come from lists and indexes, so a terminal needs them escaped.

The same facts are records of `logging`, for programs that show those: `pinfold.search` and `pinfold.build` here,
`pinfold.lock` in `resolver.locking`, `pinfold.http` in `resolver.fetch`. Nothing here imports `logging`, which takes
3 ms: a program that shows records has imported it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from packaging.utils import NormalizedName
from packaging.version import Version

from lockfiles._values import dataclass

if TYPE_CHECKING:
    from logging import Logger

__all__ = [
    "BuildBegan",
    "BuildEnded",
    "Decided",
    "Event",
    "FileBegan",
    "Observe",
    "Recalled",
    "Received",
    "Rejected",
    "RequestBegan",
    "RequestEnded",
    "find_logger",
    "observe_build",
    "with_records",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestBegan:
    """A request for this URL begins: a page, a metadata file, or a distribution file or a part of it."""

    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """So many more bytes of the answer for this URL have arrived."""

    url: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestEnded:
    """A request has ended, with an answer or without one. `is_page` is true for project pages and find-links pages."""

    url: str
    is_page: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FileBegan:
    """A whole file is read for its hash, metadata or kernels. `size_bytes` is None where the host does not give it."""

    filename: str
    size_bytes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildBegan:
    """A build for metadata begins, of an sdist (its file name) or of a source tree."""

    described: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildEnded:
    """That build has ended, with metadata or without."""

    described: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """The search takes this version for now. `round` counts the steps of this search."""

    name: NormalizedName
    version: Version
    round: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """The search has found that a version does not go with its decisions so far.

    `demands` are those that collide, each with the project that makes it; None is the list.
    """

    name: NormalizedName
    version: Version
    demands: tuple[tuple[str, NormalizedName | None], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalled:
    """The pins are those of an earlier run: since then no page and no metadata behind them has changed."""

    pins: int


Event = RequestBegan | Received | RequestEnded | FileBegan | BuildBegan | BuildEnded | Decided | Rejected | Recalled
Observe = Callable[[Event], None]
"""A listener."""
_DEBUG = 10
"""`logging.DEBUG`."""


@contextmanager
def observe_build(observe: Observe | None, described: str) -> Iterator[None]:
    """A context for one build, whose beginning and end the listener gets."""
    if observe is not None:
        observe(BuildBegan(described=described))
    try:
        yield
    finally:
        if observe is not None:
            observe(BuildEnded(described=described))


def find_logger(name: str) -> Logger | None:
    """The logger `pinfold.NAME`; None where nothing has imported `logging`, so that no record can be shown."""
    logging = sys.modules.get("logging")
    if logging is None:
        return None
    root = logging.getLogger("pinfold")
    if not root.handlers:
        # Without a handler Python prints warnings on standard error, where the program may not want them.
        root.addHandler(logging.NullHandler())
    logger: Logger = logging.getLogger(f"pinfold.{name}")
    return logger


def with_records(observe: Observe | None) -> Observe | None:
    """The listener, which also writes records if a logger is on for them; the same listener if none is.

    Requests are left out: `pinfold.http` has them with their answers.
    """
    search, build = find_logger("search"), find_logger("build")
    if search is None or build is None or not (search.isEnabledFor(_DEBUG) or build.isEnabledFor(_DEBUG)):
        return observe

    def listen(event: Event) -> None:
        match event:
            case Decided(name=name, version=version):
                search.debug("takes %s %s", name, version)
            case Rejected(name=name, version=version, demands=demands):
                asked = "; ".join(f"{text} ({asker or 'the list'})" for text, asker in demands)
                search.debug("%s %s does not fit: %r", name, version, asked)
            case Recalled(pins=pins):
                search.debug("takes the %d pins of an earlier run", pins)
            case BuildBegan(described=described):
                build.debug("builds %r for its metadata", described)
            case BuildEnded(described=described):
                build.debug("has built %r", described)
            case _:
                pass
        if observe is not None:
            observe(event)

    return listen
