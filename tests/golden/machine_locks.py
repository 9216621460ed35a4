"""Golden locks for machine types: which there are, and what is locked today.

    python -m tests.golden.machine_locks

writes all of them anew. Look at what changed, and say why in the commit.
"""

from __future__ import annotations

import hashlib
import random
import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from packaging.utils import NormalizedName, parse_wheel_filename

from lockfiles import dumps
from resolver.index.location import Location
from resolver.locking.direct_references import find_direct
from resolver.locking.direct_source import SourceWithDirect
from resolver.locking.document import RecordedInputs, build_lockfile
from resolver.requirements.canonical import canonical_layers
from resolver.requirements.direct_reference import render_reference
from resolver.requirements.entry import RequirementList
from resolver.requirements.requirement_list import parse_requirement_list
from resolver.requirements.scopes import ScopeRules
from resolver.requirements.url import Url
from resolver.solve.build_problem import IndexOptions, build_problem
from resolver.solve.solving import solve
from resolver.targets.families import load_families
from resolver.targets.machine_types import choose_platform, parse_machine_types
from resolver.targets.target import Target, parse_python_version
from tests.golden.indexes import build_indexes
from tests.solve.memory_source import DEFAULT_INDEX, MemorySource, Release

__all__ = ["FOLDER", "GoldenLock", "iter_golden_locks", "iter_refused", "iter_unsolvable", "make_lock"]

FOLDER = Path(__file__).parents[1] / "data" / "golden" / "machines"


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenLock:
    """A list on a machine with a driver, and the file that its lock is equal to.

    `direct` are projects that the list has by URL, with what their wheels require. `error` is the message where there
    is no lock.
    """

    items: tuple[str | tuple[str, ...], ...]
    machine: str
    driver: str | None = None
    file: str = ""
    direct: tuple[tuple[str, tuple[str, ...]], ...] = ()
    error: str = ""

    def __str__(self) -> str:
        return f"{self.file} for {self.machine} with driver {self.driver or 'assumed'}"


def iter_golden_locks() -> Iterator[GoldenLock]:
    """All locks of `table.toml`, one for each machine and driver."""
    for row in _read_table()["lock"]:
        for machine in row["machines"]:
            for driver, file in row["files"].items():
                named = None if driver == "assumed" else driver
                yield GoldenLock(items=_items(row), machine=machine, driver=named, file=file, direct=_direct(row))


def iter_unsolvable() -> Iterator[GoldenLock]:
    """Lists of `table.toml` without a solution."""
    for row in _read_table()["unsolvable"]:
        yield GoldenLock(items=_items(row), machine=row["machine"], direct=_direct(row), error=row["error"])


def iter_refused() -> Iterator[tuple[str, str, str]]:
    """Machine, driver and message of what does not exist."""
    for row in _read_table()["refused"]:
        for driver in row["drivers"]:
            yield row["machine"], driver, row["error"].replace("DRIVER", driver)


def _read_table() -> dict[str, Any]:
    return tomllib.loads((FOLDER / "table.toml").read_text(encoding="utf-8"))


def make_lock(golden: GoldenLock, *, seed: int | None = None) -> tuple[str, tuple[str, ...]]:
    """The text of the lock as it comes out today, and the indexes that were asked, sorted.

    `seed` shuffles the files of every index.
    """
    choice = parse_machine_types(golden.machine, driver=golden.driver)
    target = Target(
        python=parse_python_version("3.11"),
        platform=choose_platform(choice, None),
        accelerator=choice.accelerator,
    )
    families = load_families()
    requirement_list = parse_requirement_list(golden.items, rules=ScopeRules(families=families))
    direct = dict(_iter_direct(requirement_list, golden))
    source = MemorySource(releases=_shuffled(seed), target=target, direct_releases=direct)
    found = find_direct(
        requirement_list,
        overrides=(),
        excludes=(),
        target=target,
        source=source,
        locked_commits={},
        locate=_locate,
    )
    requirement_list = found.requirement_list
    problem = build_problem(
        requirement_list,
        target=target,
        indexes=IndexOptions(default_index=Url(public=DEFAULT_INDEX), families=families),
        direct=found.fixed,
    )
    resolution = solve(problem, SourceWithDirect(source, found.fixed, target=target, locate=_locate))
    pins = tuple(replace(pin, file=source.complete(pin.file)) for pin in resolution.pins)
    lockfile = build_lockfile(
        replace(resolution, pins=pins),
        target=target,
        requirement_list=requirement_list,
        inputs=RecordedInputs(layers=canonical_layers(requirement_list), settings={}),
    )
    return dumps(lockfile), tuple(sorted({url for _, url in (*source.asked_pages, *source.ahead_pages)}))


def _items(row: dict[str, Any]) -> tuple[str | tuple[str, ...], ...]:
    return tuple(tuple(item) if isinstance(item, list) else item for item in row["list"])


def _direct(row: dict[str, Any]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple((name, tuple(requires)) for name, requires in row.get("direct", {}).items())


def _locate(name: NormalizedName) -> tuple[Location, ...]:
    del name
    return (Location(url=Url(public=DEFAULT_INDEX), is_default=True),)


def _iter_direct(requirement_list: RequirementList, golden: GoldenLock) -> Iterator[tuple[str, Release]]:
    """What the wheels of the list are, by their URL."""
    requires = dict(golden.direct)
    for entry in requirement_list.entries:
        if entry.direct is not None:
            reference = render_reference(entry.direct)
            name, version, _, _ = parse_wheel_filename(unquote(reference.rpartition("/")[2]))
            digest = hashlib.sha256(f"{name} {version}".encode()).hexdigest()
            yield (
                reference,
                Release(name=name, version=str(version), requires=requires[name], hashes=(f"sha256:{digest}",)),
            )


@cache
def _read_indexes() -> dict[str, list[Release]]:
    return build_indexes()


def _shuffled(seed: int | None) -> dict[str, list[Release]]:
    if seed is None:
        return _read_indexes()
    chance = random.Random(seed)
    return {url: chance.sample(releases, k=len(releases)) for url, releases in _read_indexes().items()}


def _main(argv: Sequence[str]) -> int:
    """Write all files, or with `--check` name those that differ."""
    made = {golden.file: make_lock(golden)[0] for golden in iter_golden_locks()}
    if argv == ["--check"]:
        differing = [name for name, text in made.items() if text != (FOLDER / name).read_text(encoding="utf-8")]
        print("\n".join(differing))
        return bool(differing)
    for name, text in made.items():
        (FOLDER / name).write_text(text, encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
