"""The result of a fleet as data: a row for each list and machine type, and a summary of all rows.

In: outcomes and errors of locks. Out: JSON values. A report is made of this data alone; nothing here knows a page.

A row (`results.jsonl`, one a line; `schema` 1):

    source, machine     the list, and the label of its machine types (null: those of the list itself)
    state               `new`, `changed`, `unchanged` (compared with the lock that was there) or `failed`
    lock, sha256, digest    name below the output, hash of its bytes, cache key of its image; null if failed
    python, accelerator what it was locked for
    pins, download_bytes    how many, and the sum of their sizes (null where a size is unknown)
    warnings            texts
    cause               of a failed row: `input`, `no-solution`, `network`, `hash-mismatch`, `output`, `killed`, `bug`
    error               of a failed row: `what`, `where` (a file and line, a URL), `why`, `remedy`, each null
                        where there is none, and `text`, the whole message
    seconds             how long the task of the list took
    key                 of the task in the journal

The summary (`summary.json`) counts rows by state and cause, and has bytes, machines side by side, and pins by project.
Rows are sorted by source and machine, so that equal results are equal files, but for `seconds`.

Causes are few, for a platform acts on them: it shows `input` and `no-solution` to the owner of the app, waits after
`network`, `output` and `killed`, and alarms at `hash-mismatch` (a file has changed at its host) and `bug`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from packaging.pylock import Package

from lockfiles import Lockfile
from lockfiles._values import dataclass
from resolver.errors import (
    FetchError,
    HashMismatchError,
    InputError,
    InternalError,
    LockfileError,
    PinfoldError,
    ResolutionError,
    RunCancelledError,
)
from resolver.solve.diagnosis import NoSolutionError

__all__ = [
    "PASSING_CAUSES",
    "SCHEMA",
    "Failure",
    "HeldPin",
    "Row",
    "Summary",
    "build_failed_row",
    "build_row",
    "list_pins",
    "render_count",
    "sort_rows",
]

SCHEMA = 1
Row = dict[str, Any]
"""See above."""
HeldPin = tuple[str, str, str, str, str]
"""Name, version (a commit id or a hash for a source tree), index, file name and SHA-256; empty where there is none."""

PASSING_CAUSES = frozenset({"network", "output", "killed", "bug"})
"""Causes after which the next run tries again, although nothing of its inputs has changed."""

_CAUSES: tuple[tuple[type[PinfoldError], str], ...] = (
    (InternalError, "bug"),
    (HashMismatchError, "hash-mismatch"),
    (RunCancelledError, "network"),
    (FetchError, "network"),
    (ResolutionError, "no-solution"),
    (LockfileError, "input"),
    (InputError, "input"),
)


def build_row(
    lockfile: Lockfile, *, source: str, machine: str | None, state: str, lock: str, sha256: str, warnings: Sequence[str]
) -> Row:
    """The row of a lock, without what belongs to its task."""
    from lockfiles import digest  # Lazy: the driver makes no such row.

    packages = lockfile.pylock.packages
    sizes = [_find_size(package) for package in packages]
    tool = lockfile.tool
    return {
        "schema": SCHEMA,
        "source": source,
        "machine": machine,
        "state": state,
        "lock": lock,
        "sha256": sha256,
        "digest": digest(lockfile),
        "python": None if tool is None else tool.python,
        "accelerator": {} if tool is None else dict(tool.accelerator),
        "pins": len(packages),
        "download_bytes": None if None in sizes else sum(filter(None, sizes)),
        "warnings": list(warnings),
        "cause": None,
        "error": None,
    }


def build_failed_row(
    error: Exception, *, source: str, machine: str | None, root: str = "", cause: str | None = None
) -> Row:
    """The row of a list, or one of its machine types, that could not be locked.

    `cause` None is that of the error. `root` is the folder of a worker, which the texts leave out. Of an exception that
    is no PinfoldError only the type and the line of code are shown: its text may quote anything.
    """
    if isinstance(error, PinfoldError):
        cause = cause or next((name for kind, name in _CAUSES if isinstance(error, kind)), "bug")
        parts = {"what": error.what, "where": _find_place(error), "why": error.why, "remedy": error.remedy}
        text = str(error)
    else:
        cause, parts = (
            "bug",
            {"what": f"a bug in pinfold: {_describe_bug(error)}", "where": "", "why": "", "remedy": ""},
        )
        text = parts["what"]
    shown = {key: (_hide(value, root) or None) for key, value in parts.items()}
    return {
        "schema": SCHEMA,
        "source": source,
        "machine": machine,
        "state": "failed",
        **dict.fromkeys(("lock", "sha256", "digest", "python")),
        "accelerator": {},
        "pins": 0,
        "download_bytes": None,
        "warnings": [],
        "cause": cause,
        "error": {**shown, "text": _hide(text, root)},
    }


def list_pins(lockfile: Lockfile) -> tuple[HeldPin, ...]:
    """The pins of a lock, in its order."""
    return tuple(map(_build_pin, lockfile.pylock.packages))


def sort_rows(rows: Iterable[Row]) -> list[Row]:
    """The rows by source and machine."""
    return sorted(rows, key=lambda row: (row["source"], row["machine"] or ""))


def render_count(number: int, noun: str) -> str:
    """A number with its noun, which takes a plain `s` in the plural."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What is wrong with one or more lists, in one line; `source` is the first of them."""

    what: str
    source: str
    lists: int


@dataclass(slots=True)
class _Machine:
    """Figures of one machine type."""

    locked: int = 0
    failed: int = 0
    pins: int = 0
    download_bytes: int = 0


class Summary:
    """Counts rows as they come, one after the other, so that no list of all rows is needed.

    A list with two machine types is one source and two rows; each machine type has figures of its own, so that types
    can be compared: what fails on one alone, and what it downloads.
    """

    def __init__(self) -> None:
        self._states: Counter[str] = Counter()
        self._causes: Counter[str] = Counter()
        self._failed_sources: set[str] = set()
        self._failures: dict[str, list[str]] = {}
        self._machines: dict[str, _Machine] = {}
        self._sources: set[str] = set()
        self._bytes = 0

    @property
    def failed(self) -> int:
        """The number of failed rows."""
        return self._states["failed"]

    @property
    def states(self) -> Mapping[str, int]:
        """The numbers of rows by state."""
        return dict(sorted(self._states.items()))

    @property
    def causes(self) -> Mapping[str, int]:
        """The numbers of failed rows by cause."""
        return dict(sorted(self._causes.items()))

    @property
    def failures(self) -> tuple[Failure, ...]:
        """What is wrong with the lists that failed, by the first row of each; lists with equal texts are one."""
        return tuple(
            Failure(what=what, source=sources[0], lists=len(sources)) for what, sources in self._failures.items()
        )

    def add(self, row: Row) -> None:
        """Count one row."""
        self._sources.add(row["source"])
        self._states[row["state"]] += 1
        machine = self._machines.setdefault(row["machine"] or "", _Machine())
        if row["state"] == "failed":
            self._causes[row["cause"]] += 1
            if row["source"] not in self._failed_sources:  # Its machine types mostly fail alike.
                self._failed_sources.add(row["source"])
                self._failures.setdefault(row["error"]["what"].partition("\n")[0], []).append(row["source"])
            machine.failed += 1
            return
        size_bytes = row["download_bytes"] or 0
        machine.locked += 1
        machine.pins += row["pins"]
        machine.download_bytes += size_bytes
        self._bytes += size_bytes

    def render(self, *, run: Mapping[str, Any], projects: Mapping[str, Mapping[str, int]]) -> dict[str, Any]:
        """The summary. `run` are facts of the run, `projects` the numbers of locks by project and version."""
        return {
            "schema": SCHEMA,
            "run": dict(run),
            "sources": len(self._sources),
            "rows": sum(self._states.values()),
            "states": self.states,
            "causes": self.causes,
            "download_bytes": self._bytes,
            "machines": {
                name or "of the list": {
                    "locked": one.locked,
                    "failed": one.failed,
                    "pins": one.pins,
                    "download_bytes": one.download_bytes,
                }
                for name, one in sorted(self._machines.items())
            },
            "projects": {name: dict(versions) for name, versions in projects.items()},
        }


def _find_size(package: Package) -> int | None:
    """The bytes of what an installation downloads; None where the lock does not have them.

    A lock of pinfold has one wheel for a pin, or one sdist.
    """
    files = [*(package.wheels or ())[:1], *((package.sdist,) if package.sdist is not None else ())]
    if files:
        return cast("int | None", files[0].size)
    return package.archive.size if package.archive is not None else None


def _build_pin(package: Package) -> HeldPin:
    """The pin of a package. A source tree has its commit, or the hash of its archive, in the place of a version."""
    files = [*(package.wheels or ())[:1], *((package.sdist,) if package.sdist is not None else ())]
    name, sha256 = (files[0].filename, files[0].hashes.get("sha256", "")) if files else ("", "")
    version = "" if package.version is None else str(package.version)
    if not version and package.vcs is not None:
        version = package.vcs.commit_id
    if not version and package.archive is not None:
        version = package.archive.hashes.get("sha256", "")
    return package.name, version, package.index or "", name, sha256


def _find_place(error: PinfoldError) -> str:
    """The place of an error; of a list without a solution that of the first line that takes part in it."""
    if error.where or not isinstance(error, NoSolutionError):
        return str(error.where)
    requirements = (one for collision in error.explanation.collisions for one in collision.requirements)
    return next((str(one.position) for one in requirements), "")


def _describe_bug(error: Exception) -> str:
    """The type of an exception, and the line that raised it."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return type(error).__name__
    place = trace.tb_frame.f_code.co_filename.replace("\\", "/").rpartition("/resolver/")[2]
    return f"{type(error).__name__} in {place}:{trace.tb_lineno}"


def _hide(text: str, root: str) -> str:
    """The text without the folder of a worker."""
    return text.replace(f"{root}/", "").replace(root, ".") if root else text
