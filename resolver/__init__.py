"""Lock an ordered pip requirement list for a target: the names that programs use.

`lock` takes a list, an `Access` and `Settings`, and returns a `LockOutcome` with the lock and its warnings, or raises a
`PinfoldError`. What only some programs need is by topic in the rooms below:

- `resolver.errors`: each kind of PinfoldError;
- `resolver.solve`: why a list has no solution, as values;
- `resolver.locking`: a list in a file, step by step: `read_source`, `plan_lock`, `lock_plan`;
- `resolver.artifacts`: `fetch_artifacts` and `hydrate` download what a lock names and check each hash;
- `resolver.inspection`: whether a lock still holds, what it weighs, what is newer, what is known to be vulnerable;
- `resolver.report`: a page about several locks;
- `resolver.index.events`: what happens during a run, as it happens.

The lock itself is a `lockfiles.Lockfile`, which the package `lockfiles` reads, writes and compares without any of this.

A module is imported when one of its names is first used (PEP 562), because all of them together take longer to import
than a warm lock takes to check.
"""

from __future__ import annotations

TYPE_CHECKING = False  # What type checkers take for True. `typing` has the same name, and takes 3 ms to import.
if TYPE_CHECKING:
    # `A as A` exports a name to type checkers, which cannot read the table below.
    from resolver.errors import PinfoldError as PinfoldError
    from resolver.fetch.access import Access as Access
    from resolver.fetch.access import Cancellation as Cancellation
    from resolver.fetch.access import LoginOptions as LoginOptions
    from resolver.locking.locker import LockOutcome as LockOutcome
    from resolver.locking.old_lock import Upgrade as Upgrade
    from resolver.session import LockTarget as LockTarget
    from resolver.session import Session as Session
    from resolver.session import lock as lock
    from resolver.settings.settings import Settings as Settings
    from resolver.targets.target import Target as Target

_NAMES_BY_MODULE = {
    "resolver.errors": ("PinfoldError",),
    "resolver.fetch.access": ("Access", "Cancellation", "LoginOptions"),
    "resolver.locking.locker": ("LockOutcome",),
    "resolver.locking.old_lock": ("Upgrade",),
    "resolver.session": ("LockTarget", "Session", "lock"),
    "resolver.settings.settings": ("Settings",),
    "resolver.targets.target": ("Target",),
}

__all__ = sorted(name for names in _NAMES_BY_MODULE.values() for name in names)  # noqa: PLE0605 - a list all the same


def _find(name: str) -> object:
    """The public name, imported from its module and kept for the next access.

    `lockfiles._values.lazy_names` does the same for the rooms; here its import would be most of a repeated run.
    Raises AttributeError for a name that is not public, so that `hasattr` and `from … import` work as usual.
    """
    for module, names in _NAMES_BY_MODULE.items():
        if name in names:
            from importlib import import_module  # Lazy: a run that is repeated from its record needs no name.

            value: object = getattr(import_module(module), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """All public names, also those that are not imported yet: for completion and `help`."""
    return sorted({*globals(), *__all__})


if not TYPE_CHECKING:
    # Type checkers would take every name for public.
    __getattr__ = _find
