"""A session: many locks over one access, one store and one memory, from many threads.

In: an `Access`, and lists with the targets to lock them for. Out: for each a `LockOutcome`, the one that a run of its
own would have given, byte for byte.

`lock`, the entry point for programs, is a session of one. A service or a worker of a fleet keeps a session open: what
one lock has read, the next does not read again. A session holds no secret of a list, so it can be pickled: a copy has
the access without its listeners, the address of the store and the name of the snapshot.

It is a module of its own because it joins the stages of a lock (`locking.locker`) with what outlives one: the store,
the snapshot, the limits of threads and memory.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar, cast

from lockfiles import Lockfile
from lockfiles._values import dataclass
from resolver.errors import InputError, PinfoldError, RunCancelledError
from resolver.fetch.access import Access, Cancellation, find_bindings
from resolver.fetch.store import FolderStore, SharedStore
from resolver.locking.locker import Locker, LockOutcome
from resolver.locking.old_lock import KEEP_ALL, Upgrade
from resolver.planning.plan import LockPlan, RunContext, plan_lock
from resolver.requirements.entry import RequirementItems
from resolver.settings.settings import Settings
from resolver.sources.source import ItemList, Source, StatedValue
from resolver.targets.platforms import Platform
from resolver.targets.target import PythonVersion, Target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resolver.fetch.shared_stores import MemoryStore
    from resolver.fetch.store import Store
    from resolver.index.package_source import PageEvidence

    NotePages = Callable[[tuple[PageEvidence, ...] | None], None]
    """Gets evidence: see `Locker.list_pages`."""

__all__ = ["DEFAULT_MEMORY_BYTES", "Item", "LockTarget", "Session", "lock", "lock_plan"]

Item = str | Callable[[Target], str | None]
"""A requirement or flag, or a function that gives one for a target."""

DEFAULT_MEMORY_BYTES = 256 * 1024**2
"""What a session keeps in memory between locks."""
_LOCKS_AT_ONCE = 8
_SALT_BYTES = 32
_TURN_S = 0.1
"""How often a lock that waits for its turn looks whether it was cancelled."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class LockTarget:
    """What `lock_many` locks a list for. The fields are those parameters of `lock`."""

    python: PythonVersion | str
    platform: Platform | str | None = None
    machine_type: str | tuple[str, ...] | None = None
    old: Lockfile | None = None


class Session:
    """Locks lists over one access; a context manager. May be used from many threads: eight locks run at once.

    - `store` is the address of what is kept between runs: a folder, `redis://…`, `s3://bucket/prefix` or another URL of
      fsspec. None is the cache folder of `access`, if it has one.
    - `snapshot` names a state of the indexes: the first answer for a page, or its absence, counts for all sessions with
      the same store and name. None lets each lock see pages as they are.
    - `memory_limit_bytes` is the most that is kept in memory between locks.

    Raises InputError for an address that cannot be used. What private indexes have answered is shared by processes with
    the same credentials and the same variable `PINFOLD_STORE_SALT`, which is for stores of many machines.
    """

    def __init__(
        self,
        access: Access = Access(),
        *,
        store: str | None = None,
        snapshot: str | None = None,
        memory_limit_bytes: int = DEFAULT_MEMORY_BYTES,
    ) -> None:
        self._given = access
        self._address = store
        self._snapshot = snapshot
        self._memory_limit_bytes = memory_limit_bytes
        self._memory: MemoryStore | None = None
        self._access = self._share(access)
        self._turns = threading.BoundedSemaphore(_LOCKS_AT_ONCE)
        self._closing = Cancellation()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __reduce__(self) -> tuple[object, ...]:
        if self._given.transport is not None:
            raise TypeError("a session whose access has a transport of its own cannot be pickled")
        access = replace(self._given, announce=None, observe=None)
        return (_open_again, (access, self._address, self._snapshot, self._memory_limit_bytes))

    def close(self) -> None:
        """End the locks that run, with RunCancelledError, and free what the session keeps in memory."""
        self._closing.cancel()
        if self._memory is not None:
            self._memory.clear()

    def _share(self, access: Access) -> Access:
        """The access with the store of this session, its memory and its snapshot. Raises InputError."""
        address = self._address or (None if access.cache_folder is None else str(access.cache_folder))
        if address is None and self._snapshot is not None:
            raise InputError("a snapshot needs a store", remedy="Session(access, store=…, snapshot=…)")
        if address is None or (self._memory_limit_bytes == 0 and address != self._address and self._snapshot is None):
            return access
        # Lazy: the verb `lock` and a session of one need no store that is shared.
        from resolver.fetch.shared_stores import MemoryStore, open_address
        from resolver.fetch.snapshot import SnapshotStore

        below = open_address(address, limit_bytes=access.cache_limit_bytes)
        self._memory = MemoryStore(below, limit_bytes=self._memory_limit_bytes)
        store: Store = self._memory
        if self._snapshot is not None:
            uses_latest = not (access.offline or access.refresh)
            store = SnapshotStore(store, self._snapshot, uses_latest=uses_latest)
        folder = access.cache_folder
        if folder is None and isinstance(below, FolderStore):
            folder = Path(address.removeprefix("file://"))
        salt = os.environ.get("PINFOLD_STORE_SALT", "").encode()
        if not salt and folder is None:
            salt = os.urandom(_SALT_BYTES)  # A folder has a salt of its own.
        shared = SharedStore(store=store, salt=salt, is_snapshot=self._snapshot is not None)
        return replace(access, shared=shared, cache_folder=folder)

    def lock(
        self,
        requirements: Sequence[Item | Sequence[Item]],
        *,
        python: PythonVersion | str,
        platform: Platform | str | None = None,
        machine_type: str | Sequence[str] | None = None,
        settings: Settings = Settings(),
        old: Lockfile | None = None,
        upgrade: Upgrade = KEEP_ALL,
        folder: Path | None = None,
        cancellation: Cancellation | None = None,
    ) -> LockOutcome:
        """A lock for the list, as `resolver.lock` makes it, with the same parameters and errors.

        `cancellation` ends this lock alone, at its deadline or from another thread, with RunCancelledError.
        """
        target = LockTarget(python=python, platform=platform, machine_type=_freeze(machine_type), old=old)
        with self._running(cancellation) as access:
            plan = _plan_target(requirements, target, settings=settings, upgrade=upgrade, folder=folder, access=access)
            with Locker([plan], access=access, upgrade=upgrade) as locker:
                return locker.lock(plan)

    def lock_plan(
        self, plan: LockPlan, *, upgrade: Upgrade = KEEP_ALL, cancellation: Cancellation | None = None
    ) -> LockOutcome:
        """A lock for one plan, as `resolver.lock_plan` makes it. Raises the errors of `Locker.lock`."""
        with self._running(cancellation) as access, Locker([plan], access=access, upgrade=upgrade) as locker:
            return locker.lock(plan)

    def lock_many(
        self,
        requirements: Sequence[Item | Sequence[Item]],
        targets: Iterable[LockTarget],
        *,
        settings: Settings = Settings(),
        upgrade: Upgrade = KEEP_ALL,
        folder: Path | None = None,
        cancellation: Cancellation | None = None,
    ) -> tuple[LockOutcome | PinfoldError, ...]:
        """For each target, in order, its lock or the error that `lock` would have raised for it.

        Pages and metadata are read once for all targets of one Python and platform, and equal problems solved once.
        Raises RunCancelledError where the run is cancelled or takes too long.
        """
        with self._running(cancellation) as access:
            plan_one = partial(
                _plan_target, requirements, settings=settings, upgrade=upgrade, folder=folder, access=access
            )
            plans = [_try(partial(plan_one, target)) for target in targets]
            found = self._lock_each(plans, access, upgrade)
        for one in found:
            # About all of the locks, and not about one of the targets.
            if isinstance(one, RunCancelledError):
                raise one
        return found

    def lock_plans(
        self,
        plans: Sequence[LockPlan],
        *,
        upgrade: Upgrade = KEEP_ALL,
        cancellation: Cancellation | None = None,
        note_pages: NotePages | None = None,
    ) -> tuple[LockOutcome | PinfoldError, ...]:
        """As `lock_many`, for plans of one list. `note_pages` gets the pages that the results rest on.

        A run that is cancelled, or takes too long, is an error of each plan.
        """
        with self._running(cancellation) as access:
            return self._lock_each(plans, access, upgrade, note_pages)

    def _lock_each(
        self,
        plans: Sequence[LockPlan | PinfoldError],
        access: Access,
        upgrade: Upgrade,
        note_pages: NotePages | None = None,
    ) -> tuple[LockOutcome | PinfoldError, ...]:
        """For each plan its lock or error; an error in place of a plan is its own result."""
        good = [plan for plan in plans if not isinstance(plan, PinfoldError)]
        with Locker(good, access=access, upgrade=upgrade) as locker:
            found = tuple(
                plan if isinstance(plan, PinfoldError) else _try(partial(locker.lock, plan)) for plan in plans
            )
            if note_pages is not None:
                note_pages(locker.list_pages())
            return found

    @contextmanager
    def _running(self, cancellation: Cancellation | None) -> Iterator[Access]:
        """A context for one lock, or for those of one list: the access, which ends with the session and on request."""
        wanted = (self._closing, self._access.cancellation, cancellation)
        ending = Cancellation.join(*(one for one in wanted if one is not None))
        while not self._turns.acquire(timeout=_TURN_S):
            ending.check()
        try:
            ending.check()
            yield replace(self._access, cancellation=ending)
        finally:
            self._turns.release()


def lock(
    requirements: Sequence[Item | Sequence[Item]],
    *,
    python: PythonVersion | str,
    platform: Platform | str | None = None,
    machine_type: str | Sequence[str] | None = None,
    settings: Settings = Settings(),
    old: Lockfile | None = None,
    upgrade: Upgrade = KEEP_ALL,
    access: Access = Access(),
    folder: Path | None = None,
) -> LockOutcome:
    """A lock for the list, or for its layers; nothing is written.

    - An item is text, or a function that is called once with the target and gives text, or None for no item.
    - `python` is like `3.11`, `platform` like `manylinux_2_35_x86_64`. None is the platform of `settings`, and
      `manylinux_2_35_x86_64` where they have none.
    - `machine_type` is like `GPU-A100`, or a fallback list; None is the one of `settings`.
    - `settings` are those of a `[tool.pinfold]`: an `index_url` replaces the default index.
    - Pins of `old` that still fit are kept, but for those that `upgrade` releases.
    - `access` is the way to the indexes; by default no cache is kept.
    - `folder` is the folder of the lock, to which paths in the list and the settings are relative; files on its disk
      are locked by relative path. None is the current folder.

    Messages call the list `requirements`, as in `requirements[4]`. Raises PinfoldError; its subclasses distinguish bad
    input, no solution, network errors and hash mismatches.
    """
    with Session(access, memory_limit_bytes=0) as session:
        return session.lock(
            requirements,
            python=python,
            platform=platform,
            machine_type=machine_type,
            settings=settings,
            old=old,
            upgrade=upgrade,
            folder=folder,
        )


def lock_plan(plan: LockPlan, *, access: Access, upgrade: Upgrade = KEEP_ALL) -> LockOutcome:
    """A new lock for one plan. Raises the errors of `Locker.lock`."""
    with Session(access, memory_limit_bytes=0) as session:
        return session.lock_plan(plan, upgrade=upgrade)


def _open_again(access: Access, store: str | None, snapshot: str | None, memory_limit_bytes: int) -> Session:
    """The session that a pickle describes."""
    return Session(access, store=store, snapshot=snapshot, memory_limit_bytes=memory_limit_bytes)


def _plan_target(
    requirements: object,
    target: LockTarget,
    *,
    settings: Settings,
    upgrade: Upgrade,
    folder: Path | None,
    access: Access,
) -> LockPlan:
    """The plan of a list of a program for one target. Raises InputError."""
    folder = folder or Path.cwd()
    return plan_lock(
        _build_source(requirements, target, folder=folder, settings=settings),
        arguments=Settings(platform=None if target.platform is None else str(target.platform)),
        path=None,
        old=target.old,
        run=_build_run(folder, access),
        upgrade=upgrade.everything,
    )


def _build_run(folder: Path, access: Access) -> RunContext:
    """The facts of a run for the list of a program, whose variables go to the hosts that `access` names."""
    bindings = find_bindings(access)
    now = datetime.now(UTC)
    return RunContext(folder=folder, variables=os.environ, now=now, may_ask_host=False, bindings=bindings)


def _build_source(requirements: object, target: LockTarget, *, folder: Path, settings: Settings) -> Source:
    """The list of a program as a source, with the arguments of `lock` as the places that messages name."""
    machine_type = target.machine_type
    names = (machine_type,) if isinstance(machine_type, str) else tuple(machine_type or ())
    return Source(
        name="requirements",
        stem="requirements",
        form=ItemList(items=_freeze_items(requirements)),
        path=None,
        folder=folder,
        python=StatedValue(value=str(target.python), where="`python`"),
        machine_types=None if machine_type is None else StatedValue(value=names, where="`machine_type`"),
        settings=settings,
    )


def _freeze_items(requirements: object) -> RequirementItems:
    """The items as tuples. A value of another type is returned unchanged: the parser reports what is wrong with it."""
    if isinstance(requirements, str) or not isinstance(requirements, Sequence):
        return cast("RequirementItems", requirements)
    return tuple(
        tuple(item) if isinstance(item, Sequence) and not isinstance(item, str) else item for item in requirements
    )


def _freeze(machine_type: str | Sequence[str] | None) -> str | tuple[str, ...] | None:
    """A machine type or a fallback list as a value that does not change."""
    return machine_type if machine_type is None or isinstance(machine_type, str) else tuple(machine_type)


def _try(work: Callable[[], _T]) -> _T | PinfoldError:
    """The result of some work, or its error."""
    try:
        return work()
    except PinfoldError as error:
        return error
