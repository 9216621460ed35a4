"""The faults that `test_faults.py` makes in real processes, by the classes of docs/reliability.md.

A case has a name and a kind, as those of `tests.hostile`; `python -m tests.torture` counts them.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CASES", "Fault", "name_cases"]


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. `kind` is a class of docs/reliability.md."""

    name: str
    kind: str


_NAMES = {
    "full or closed streams": (
        "lock",
        "lock --verbose",
        "lock --json",
        "check",
        "missing list",
        "unknown option",
        "tree",
        "help",
        "version",
    ),
    "kills": ("lock", "relock", "fetch", "hydrate", "export"),
    "kills at random moments": ("lock", "fetch"),
    "disk full": ("list of wheels", "list with an sdist", "fetch"),
    "several runs on one folder": ("six first runs", "six upgrades"),
    "cache of another version": ("random bytes", "empty", "last bit changed", "folders", "first half"),
    "cache without permission": ("read-only", "folder of another user", "read-only project"),
    "clock": ("1970", "2065", "2185", "2261", "beyond 2262", "2126"),
    "network": ("proxy that dies", "proxy that is gone", "IPv6 that hangs", "name without address", "name in a URL"),
}

CASES = tuple(Fault(name, kind) for kind, names in _NAMES.items() for name in names)


def name_cases(kind: str) -> tuple[str, ...]:
    """The names of the cases of a class, in order: the parameters of its test."""
    return _NAMES[kind]
