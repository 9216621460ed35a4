"""A program that uses the public names as the documentation shows them. mypy and pyright check it; nothing runs it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, assert_type

from packaging.utils import NormalizedName
from packaging.version import Version

from lockfiles import Comparison, Lockfile, LockfileError, compare, digest, loads, read, requirements, write
from lockfiles.comparison import FactChange, LockedPin, PinChange
from lockfiles.graph import LockGraph, build_graph
from lockfiles.lockfile import ToolTable
from lockfiles.variable_bindings import parse_binding
from resolver import (
    Access,
    Cancellation,
    LockOutcome,
    LoginOptions,
    PinfoldError,
    Settings,
    Target,
    Upgrade,
    lock,
)
from resolver.artifacts import FetchOutcome, fetch_artifacts
from resolver.errors import Fault, ListError, UnboundVariableError
from resolver.index.events import Decided, Event
from resolver.inspection import Listed, NewerRelease, fetch_pin_listings, find_newer, open_session
from resolver.solve import Collision, NoSolutionError


def choose(target: Target) -> str | None:
    """An item of a list that depends on the target."""
    return "idna<4" if target.python.minor < 13 else None


def listen(event: Event) -> None:
    """A listener."""
    if isinstance(event, Decided):
        assert_type(event.version, Version)


def lock_twice(path: Path) -> bool:
    """Lock a list, and tell what has changed."""
    access = Access(
        cache_folder=Path("cache"),
        logins=LoginOptions(file=Path("netrc")),
        cancellation=Cancellation(after_s=10),
        variable_bindings=(parse_binding("TOKEN=index.example"),),
        observe=listen,
    )
    outcome = lock(["anyio", choose], python="3.11", settings=Settings(pre=True), access=access)
    assert_type(outcome, LockOutcome)
    assert_type(outcome.lockfile, Lockfile)
    assert_type(outcome.warnings, tuple[str, ...])
    old = read(path)
    renewed = lock([["anyio"], ["idna"]], python="3.11", machine_type=["GPU-H100", "GPU-A100"], old=old)
    lock(["anyio"], python="3.11", upgrade=Upgrade(names=frozenset({NormalizedName("anyio")})))
    comparison = compare(old, renewed.lockfile)
    assert_type(comparison, Comparison)
    assert_type(comparison.added, tuple[LockedPin, ...])
    assert_type(comparison.changed, tuple[PinChange, ...])
    assert_type(comparison.settings, tuple[FactChange, ...])
    for change in comparison.changed:
        assert_type(change.name, NormalizedName)
        assert_type(change.new.version, Version | None)
    assert_type(digest(renewed.lockfile), str)
    return assert_type(write(renewed.lockfile, path), bool)


def explain(items: list[str]) -> str:
    """What is wrong with a list."""
    try:
        lock(items, python="3.11")
    except ListError as error:
        assert_type(error.faults, tuple[Fault, ...])
    except UnboundVariableError as error:
        return error.variable
    except NoSolutionError as error:
        assert_type(error.explanation.collisions, tuple[Collision, ...])
        return error.explanation.collisions[0].project
    except PinfoldError as error:
        assert_type(error.exit_code, int)
        return error.what
    return ""


def inspect(text: str) -> None:
    """Read a lock, and look at it."""
    try:
        lockfile = loads(text)
    except LockfileError as error:
        raise SystemExit(str(error)) from error
    assert_type(lockfile.tool, ToolTable | None)
    assert_type(build_graph(lockfile), LockGraph)
    with open_session(Access()) as session:
        listings = fetch_pin_listings(lockfile, session)
    assert_type(listings, dict[NormalizedName, Listed | None])
    assert_type(find_newer(lockfile, listings), tuple[NewerRelease, ...])
    fetched = fetch_artifacts(lockfile, lock_folder=Path(), to=Path("wheels"), access=Access())
    assert_type(fetched, FetchOutcome)
    items: Any = requirements("pylock.toml")
    print(items)
