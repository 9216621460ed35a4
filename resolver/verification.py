"""Whether a lock still says what its indexes say: its own question asked again, without believing any of its answers.

In: a lock. Out: the differences as texts, none for a lock that holds. Versions and commits are kept where they still
fit, but every URL, size, hash and dependency is read anew: an added package, a changed hash and a file on another host
show, whatever the requirement digest says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from lockfiles import Comparison, LockedPin, Lockfile, PinChange, compare
from lockfiles.value_classes import dataclass
from resolver.fetch.access import Access
from resolver.plan import LockPlan
from resolver.replanning import has_own_digest, plan_from_lock
from resolver.workflow import Locker

__all__ = ["Discrepancy", "verify_lockfile"]

_FOLDER_CONTENT = re.compile(r"tool\.pinfold\.build\.(?P<name>[^.]+)\.content")


@dataclass(frozen=True, slots=True, kw_only=True)
class Discrepancy:
    """One thing about a lock that does not hold. `name` is the pin's, None for what concerns the lock as a whole."""

    name: str | None
    text: str

    def __str__(self) -> str:
        return self.text


def verify_lockfile(
    lockfile: Lockfile,
    *,
    path: Path,
    shown: str,
    access: Access,
    lists: Sequence[LockPlan] = (),
) -> tuple[Discrepancy, ...]:
    """What does not hold of the lock at `path`, by name of the pin; empty where all of it does.

    `lists` bring credentials and fresh signatures for the same hosts. Raises InputError for a lock that does not say
    what it was made from, FetchError where a host does not answer, ResolutionError where its list has no solution.
    """
    plan = plan_from_lock(lockfile, path=path, shown=shown)
    # What the lock says of sizes and hashes is in question: it is no input.
    asked = replace(plan, old=None)
    with Locker([asked, *lists], access=access) as locker:
        fresh = locker.lock(asked).lockfile
    found = [] if has_own_digest(plan) else [_forged_digest(shown)]
    found += _iter_discrepancies(compare(lockfile, fresh))
    return tuple(found)


def _forged_digest(shown: str) -> Discrepancy:
    return Discrepancy(name=None, text=f"the requirement digest of `{shown}` is not that of the list it holds")


def _iter_discrepancies(comparison: Comparison) -> Iterator[Discrepancy]:
    found = [
        *(Discrepancy(name=pin.name, text=f"{pin} is locked, and nothing asks for it") for pin in comparison.removed),
        *(Discrepancy(name=pin.name, text=f"{pin} is not locked, and is asked for") for pin in comparison.added),
        *(Discrepancy(name=change.new.name, text=_describe(change)) for change in comparison.changed),
    ]
    yield from sorted(found, key=lambda one: (one.name or "", one.text))
    for change in comparison.target:
        yield Discrepancy(name=None, text=f"target {change}")
    for fact in comparison.other:
        if (folder := _FOLDER_CONTENT.fullmatch(fact.key)) is not None:
            name = folder["name"]
            yield Discrepancy(name=name, text=f"the folder of {name} has changed since it was locked")
        elif _is_of_builds(fact.key):
            where, locked, offered = fact.key.removeprefix("tool.pinfold."), fact.old or "none", fact.new or "none"
            yield Discrepancy(name=None, text=f"{where} is locked as {locked}, and is {offered}")


def _is_of_builds(key: str) -> bool:
    """Whether a fact decides what is installed to build something."""
    return key.startswith("tool.pinfold.build-wheels") or (
        key.startswith("tool.pinfold.build.") and key.endswith(".requirements")
    )


def _describe(change: PinChange) -> str:
    """What differs about a pin, the weightiest first: what is installed, then where it comes from."""
    old, new = change.old, change.new
    if old.version != new.version or old.source != new.source:
        return f"{old} is locked, which cannot be had as its list asks for it any more: {new} can"
    locked = {file.filename: file.sha256 for file in old.files}
    offered = {file.filename: file.sha256 for file in new.files}
    for filename in sorted(locked.keys() & offered.keys()):
        if locked[filename] != offered[filename]:
            return f"{old}: `{filename}` is locked with sha256 {locked[filename]}, and is {offered[filename]}"
    if locked.keys() != offered.keys():
        return f"{old}: {_list(old)} is locked, and {_list(new)} is the file to take"
    if old.index != new.index:
        return f"{old}: locked from {_place(old.index)}, and comes from {_place(new.index)}"
    return f"{old}: {_describe_rest(dict(old.rest), dict(new.rest))}"


def _describe_rest(old: Mapping[str, str], new: Mapping[str, str]) -> str:
    changed = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
    return "; ".join(f"{key} is locked as {old.get(key, 'none')}, and is {new.get(key, 'none')}" for key in changed)


def _list(pin: LockedPin) -> str:
    return ", ".join(f"`{file.filename}`" for file in pin.files) or "no file"


def _place(index: str | None) -> str:
    return f"`{index}`" if index is not None else "no index"
