"""The index of pins of a fleet: which lists hold what, answered without reading a lock.

In: the results of tasks, as the journal has them. Out: an SQLite file, and from it the sources that hold a pin, those
whose evidence has changed, the rows of a result, and tables for other tools (Parquet).

    tasks     key, source, whether its evidence is complete
    locks     of a task: machine, and its row of the result as JSON
    pins      name, version, index, file name, SHA-256: each once, though thousands of locks hold it
    held      which lock holds which pin, ordered by pin: a query reads only the rows of its answer
    pages     public URL, validator and absence of each page that a search has read: the evidence
    rests     which task rests on which page
    finished  the output of the run that has finished with this index; no row before the first one has

The file holds public URLs alone, as locks do. A damaged or missing one is made again from the journal.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import InvalidVersion, Version

from lockfiles._values import dataclass
from resolver.errors import InputError, render_os_error
from resolver.fleet.results import Row
from resolver.index.distribution_file import RawFile
from resolver.index.project_health import Advisory

__all__ = ["Holder", "Page", "PinIndex", "find_last_index", "make_index_path", "note_last_index"]

_SCHEMA_VERSION = 2
_SCHEMA = """
CREATE TABLE tasks (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, source TEXT NOT NULL,
    is_complete INTEGER NOT NULL);
CREATE TABLE locks (id INTEGER PRIMARY KEY, task INTEGER NOT NULL, source TEXT NOT NULL, machine TEXT, lock TEXT,
    row TEXT NOT NULL);
CREATE TABLE pins (id INTEGER PRIMARY KEY, name TEXT NOT NULL, version TEXT NOT NULL, location TEXT NOT NULL,
    file TEXT NOT NULL, sha256 TEXT NOT NULL, UNIQUE (name, version, location, file, sha256));
CREATE TABLE held (pin INTEGER NOT NULL, lock INTEGER NOT NULL, PRIMARY KEY (pin, lock)) WITHOUT ROWID;
CREATE TABLE pages (id INTEGER PRIMARY KEY, url TEXT NOT NULL, validator TEXT NOT NULL, is_absent INTEGER NOT NULL,
    UNIQUE (url, validator, is_absent));
CREATE TABLE rests (page INTEGER NOT NULL, task INTEGER NOT NULL, PRIMARY KEY (page, task)) WITHOUT ROWID;
CREATE TABLE finished (output TEXT NOT NULL);
CREATE INDEX locks_of_task ON locks (task);
"""
_WAIT_S = 60
"""The longest wait for another run that writes the same index."""
_MOST_NUMBERS = 100_000
"""Numbers of pins and pages that are kept in memory while results are added: some 30 MB."""
_LAST = "last-index"
"""The file of the user's state folder that has the path of the index of the last run that has finished."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A source that holds a pin. `machines` are labels, empty for the machine types of the list itself."""

    source: str
    machines: tuple[str, ...]
    name: str
    version: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page that searches have read, as evidence: see `PageEvidence`."""

    number: int
    url: str
    validator: str
    is_absent: bool


class PinIndex:
    """An index in a file; a context manager. `is_new` makes the file where there is none, or an unusable one.

    A query opens the file for reading alone, also while a run writes it, and sees the state of its last commit. Rows of
    a table with 2.7 million pins of 80,000 locks take 48 MB, because a pin that many locks hold is there once.

    Without `is_new`, raises InputError for a file that is not there, or is no index.
    """

    def __init__(self, path: Path, *, is_new: bool = False) -> None:
        self._path = path
        if is_new:
            _make(path)
        elif not path.is_file():
            raise InputError(f"there is no index of pins `{path}`", remedy="`lock fleet`, which makes it, or `--index`")
        address = str(path) if is_new else f"{path.absolute().as_uri()}?mode=ro"
        self._database = sqlite3.connect(address, uri=not is_new, timeout=_WAIT_S)
        self._is_new = is_new
        self._numbers: dict[tuple[str, tuple[object, ...]], int] = {}
        try:
            self._prepare()
        except BaseException:
            self._database.close()
            raise

    def _prepare(self) -> None:
        """Raises InputError for a file that is no index of this version."""
        try:
            found = self._database.execute("PRAGMA user_version").fetchone()[0]
        except sqlite3.DatabaseError as error:
            raise InputError(f"`{self._path}` is no index of pins: {error}") from error
        if self._is_new:
            # The journal has all of it: a power cut may lose the index, the death of a process does not.
            self._database.execute("PRAGMA synchronous = OFF")
            self._database.execute("PRAGMA cache_size = -65536")
        if found != _SCHEMA_VERSION:
            raise InputError(f"`{self._path}` is the index of another version of pinfold", remedy="`lock fleet`")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_new and error is None:
            self._database.commit()
        self._database.close()

    def list_keys(self) -> dict[str, str]:
        """The sources of the tasks in the index by their keys."""
        return dict(self._database.execute("SELECT key, source FROM tasks").fetchall())

    def add(self, result: Mapping[str, Any]) -> None:
        """Add the result of a task: the document that a worker has written into the journal.

        The pins of its rows are numbers into one list (`pin_numbers`), since the machine types of a list share most.
        """
        run = self._database.execute
        pages = result["pages"]
        task = run(
            "INSERT INTO tasks (key, source, is_complete) VALUES (?, ?, ?)",
            (result["key"], result["source"], pages is not None),
        ).lastrowid
        numbers = [self._intern_pin(pin) for pin in result["pins"]]
        for row in result["rows"]:
            held = row.pop("pin_numbers", ())
            lock = run(
                "INSERT INTO locks (task, source, machine, lock, row) VALUES (?, ?, ?, ?, ?)",
                (task, row["source"], row["machine"], row["lock"], json.dumps(row, separators=(",", ":"))),
            ).lastrowid
            pairs = ((numbers[one], lock) for one in held)
            self._database.executemany("INSERT OR IGNORE INTO held (pin, lock) VALUES (?, ?)", pairs)
        rests = ((self._intern_page(*page), task) for page in pages or ())
        self._database.executemany("INSERT OR IGNORE INTO rests (page, task) VALUES (?, ?)", rests)

    def list_locks(self) -> Iterator[tuple[str, str]]:
        """The key of the task and the name in the output of each lock."""
        yield from self._database.execute(
            "SELECT key, lock FROM locks JOIN tasks ON tasks.id = task WHERE lock IS NOT NULL"
        )

    def finish(self, output: str) -> None:
        """Note that a run with this output has finished, so that all of its lists are here."""
        self._database.execute("DELETE FROM finished")
        self._database.execute("INSERT INTO finished VALUES (?)", (output,))

    def find_output(self) -> str:
        """The output of the run that has finished with this index. Raises InputError where none has.

        Later runs replace the locks of a list once new ones are written, so from the first one on an index has all.
        """
        found = self._database.execute("SELECT output FROM finished").fetchone()
        if found is None:
            raise InputError(
                f"the index of pins `{self._path}` is not complete: no run of `lock fleet` with it has finished",
                remedy="the same `lock fleet` again, which goes on where it ended",
            )
        return str(found[0])

    def count_sources(self) -> int:
        """The number of lists, with those that failed."""
        return int(self._database.execute("SELECT count(DISTINCT source) FROM tasks").fetchone()[0])

    def commit(self) -> None:
        """Keep what was added so far, even if the process ends."""
        self._database.commit()

    def keep_only(self, keys: Iterable[str]) -> tuple[str, ...]:
        """Remove all tasks but those of these keys; the keys that were removed.

        Pins and pages that only they had go with them, so that the index does not grow with the age of a fleet.
        """
        run = self._database.execute
        run("CREATE TEMP TABLE IF NOT EXISTS wanted (key TEXT PRIMARY KEY)")
        run("DELETE FROM wanted")
        self._database.executemany("INSERT OR IGNORE INTO wanted VALUES (?)", ((key,) for key in keys))
        self._numbers.clear()
        stale = run("SELECT id, key FROM tasks WHERE key NOT IN (SELECT key FROM wanted)").fetchall()
        if not stale:
            return ()
        gone = "SELECT id FROM tasks WHERE key NOT IN (SELECT key FROM wanted)"
        run(f"DELETE FROM held WHERE lock IN (SELECT id FROM locks WHERE task IN ({gone}))")
        run(f"DELETE FROM locks WHERE task IN ({gone})")
        run(f"DELETE FROM rests WHERE task IN ({gone})")
        run("DELETE FROM tasks WHERE key NOT IN (SELECT key FROM wanted)")
        run("DELETE FROM pins WHERE id NOT IN (SELECT DISTINCT pin FROM held)")
        run("DELETE FROM pages WHERE id NOT IN (SELECT DISTINCT page FROM rests)")
        return tuple(key for _, key in stale)

    def find_holders(self, requirement: str) -> list[Holder]:
        """The sources with a pin that a requirement (`torch<2.6`) admits, by source. Raises InputError.

        Pre-releases are admitted: a lock that holds one holds it. A source tree, which has no version, is admitted by a
        name alone.
        """
        try:
            wanted = Requirement(requirement)
        except InvalidRequirement as error:
            raise InputError(f"`{requirement}` is no requirement", remedy="`NAME`, or `'NAME<2.6'`") from error
        name = canonicalize_name(wanted.name)
        pins = [
            (number, "")
            for number, version in self._database.execute("SELECT id, version FROM pins WHERE name = ?", (name,))
            if not wanted.specifier or _admits(wanted.specifier, version)
        ]
        return self._list_holders(pins)

    def find_vulnerable(self, advisories: Iterable[Advisory]) -> list[Holder]:
        """The sources with a pin that an advisory concerns, with the identifiers of the advisories.

        Each pin is judged once, however many locks hold it: a version of a project is vulnerable everywhere.
        """
        by_name: dict[str, list[Advisory]] = {}
        for one in advisories:
            by_name.setdefault(one.project, []).append(one)
        pins = []
        for number, name, text in self._database.execute("SELECT id, name, version FROM pins"):
            concerned = {one.id for one in by_name.get(name, ()) if _concerns(one, text)}
            if concerned:
                pins.append((number, ", ".join(sorted(concerned))))
        return self._list_holders(pins)

    def list_projects(self) -> list[tuple[NormalizedName, str]]:
        """Each project with each index that a pin came from."""
        rows = self._database.execute("SELECT DISTINCT name, location FROM pins WHERE location != '' ORDER BY 1, 2")
        return [(NormalizedName(name), location) for name, location in rows]

    def find_yanked(self, files: Mapping[tuple[NormalizedName, str], Sequence[RawFile]]) -> list[Holder]:
        """The sources with a file that its index has yanked, with the reason. `files` are those of `list_projects`."""
        yanked = {
            (name, location, file.filename): file.yanked
            for (name, location), found in files.items()
            for file in found
            if file.yanked is not None
        }
        rows = self._database.execute("SELECT id, name, location, file FROM pins")
        pins = [(row[0], yanked[row[1:]]) for row in rows if row[1:] in yanked]
        return self._list_holders(pins)

    def list_pages(self) -> list[Page]:
        """All pages of the evidence, by URL."""
        rows = self._database.execute("SELECT id, url, validator, is_absent FROM pages ORDER BY url, validator")
        return [Page(number=row[0], url=row[1], validator=row[2], is_absent=bool(row[3])) for row in rows]

    def find_resting(self, pages: Iterable[int]) -> frozenset[str]:
        """The keys of the tasks that rest on one of these pages, and of those whose evidence is not complete.

        A list without a solution has evidence too: the pages of which one may bring the missing version.
        """
        keys = {key for (key,) in self._database.execute("SELECT key FROM tasks WHERE NOT is_complete")}
        for number in pages:
            rows = self._database.execute(
                "SELECT key FROM rests JOIN tasks ON tasks.id = rests.task WHERE page = ?", (number,)
            )
            keys.update(key for (key,) in rows)
        return frozenset(keys)

    def iter_rows(self) -> Iterator[Row]:
        """The rows of the result, by source and machine."""
        for (text,) in self._database.execute("SELECT row FROM locks ORDER BY source, coalesce(machine, '')"):
            yield json.loads(text)

    def count_projects(self) -> dict[str, dict[str, int]]:
        """The number of locks by project and version.

        Counted by pin first: joined row by row, 2.7 million rows would take seconds.
        """
        found: dict[str, dict[str, int]] = {}
        rows = self._database.execute(
            "SELECT name, version, sum(n) FROM (SELECT pin, count(*) AS n FROM held GROUP BY pin)"
            " JOIN pins ON pins.id = pin GROUP BY name, version ORDER BY name, version"
        )
        for name, version, count in rows:
            found.setdefault(name, {})[version] = count
        return found

    def export_parquet(self, path: Path) -> int:
        """Write a row for each pin of each lock to a Parquet file; their number. Raises InputError without pyarrow.

        Columns are dictionaries, and rows are written a hundred thousand at a time, so memory does not depend on them.
        """
        try:
            arrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
        except ImportError as error:
            raise InputError("Parquet needs pyarrow", remedy="`pip install pyarrow`") from error
        columns = ("source", "machine", "name", "version", "index", "file", "sha256")
        schema = arrow.schema([(column, arrow.dictionary(arrow.int32(), arrow.string())) for column in columns])
        rows = self._database.execute(
            "SELECT source, coalesce(machine, ''), name, version, location, file, sha256 FROM held"
            " JOIN pins ON pins.id = held.pin JOIN locks ON locks.id = held.lock"
        )
        count = 0
        with closing(parquet.ParquetWriter(path, schema)) as writer:
            while batch := rows.fetchmany(100_000):
                arrays = [arrow.array(one).dictionary_encode() for one in zip(*batch, strict=True)]
                writer.write_table(arrow.Table.from_arrays(arrays, schema=schema))
                count += len(batch)
        return count

    def _list_holders(self, pins: Iterable[tuple[int, str]]) -> list[Holder]:
        """The sources that hold one of these pins, each with a detail.

        `held` is ordered by pin, so that each query reads a run of neighbouring rows.
        """
        found = []
        for number, detail in pins:
            rows = self._database.execute(
                "SELECT locks.source, group_concat(coalesce(machine, ''), char(10)), pins.name, pins.version FROM held"
                " JOIN locks ON locks.id = held.lock JOIN pins ON pins.id = held.pin"
                " WHERE held.pin = ? GROUP BY locks.source",
                (number,),
            )
            found += [
                Holder(
                    source=source,
                    machines=tuple(sorted(filter(None, machines.split("\n")))),
                    name=name,
                    version=version,
                    detail=detail,
                )
                for source, machines, name, version in rows
            ]
        return sorted(found, key=lambda one: (one.source, one.name, one.version, one.machines))

    def _intern_pin(self, pin: Sequence[str]) -> int:
        """The number of a pin."""
        return self._intern("pins", "name, version, location, file, sha256", tuple(pin))

    def _intern_page(self, url: str, validator: str, is_absent: bool) -> int:
        """The number of a page."""
        return self._intern("pages", "url, validator, is_absent", (url, validator, int(is_absent)))

    def _intern(self, table: str, columns: str, values: tuple[object, ...]) -> int:
        """The number of a row, which is added if it is new."""
        if (table, values) not in self._numbers:
            if len(self._numbers) >= _MOST_NUMBERS:
                self._numbers.clear()
            self._numbers[table, values] = self._find_number(table, columns, values)
        return self._numbers[table, values]

    def _find_number(self, table: str, columns: str, values: tuple[object, ...]) -> int:
        """As `_intern`, from the database."""
        places = " AND ".join(f"{column} = ?" for column in columns.split(", "))
        found = self._database.execute(f"SELECT id FROM {table} WHERE {places}", values).fetchone()
        if found is not None:
            return int(found[0])
        marks = ", ".join("?" * len(values))
        added = self._database.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", values).lastrowid
        return int(added or 0)


def find_last_index() -> Path:
    """The index of the last run of this user that has finished, whichever fleet it was about.

    Raises InputError if there was none.
    """
    with suppress(OSError):
        return Path((_find_state_folder() / _LAST).read_text(encoding="utf-8").strip())
    raise InputError("no run of `lock fleet` has finished and left an index of pins", remedy="`--index FILE`")


def make_index_path(output: str, chosen: Path | None) -> Path:
    """The index for a run with this output, in a folder that is there; `chosen` is that of `--index`.

    Raises InputError where the state folder of the user cannot be written.
    """
    from lockfiles._files import hash_bytes  # Lazy: a query needs none.

    state = _find_state_folder()
    place = output if "://" in output else str(Path(output).absolute())
    path = (chosen or state / f"{hash_bytes(place.encode())[:16]}.sqlite").absolute()
    try:
        if chosen is None:
            state.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        remedy = "`--index FILE`" if chosen is None else "a file in a folder that can be written"
        raise InputError(f"`{path.parent}` cannot be written: {render_os_error(error)}", remedy=remedy) from error
    return path


def note_last_index(path: Path) -> None:
    """Make this index the default of `which`, where the state folder of the user can be written."""
    state = _find_state_folder()
    with suppress(OSError):
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        (state / _LAST).write_text(f"{path}\n", encoding="utf-8")


def _find_state_folder() -> Path:
    """The folder of fleets in the state folder of the user."""
    from platformdirs import user_state_path  # Lazy: a query of a named index needs none.

    return user_state_path("pinfold", appauthor=False) / "fleet"


def _make(path: Path) -> None:
    """Make an empty index where there is none that can be used."""
    try:
        with closing(sqlite3.connect(path)) as database:
            if database.execute("PRAGMA user_version").fetchone()[0] == _SCHEMA_VERSION:
                return
    except sqlite3.DatabaseError:
        pass
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as database:
        # The index is made of the journal: after a power cut it is made again, and no write has to wait for the disk.
        database.executescript(f"{_SCHEMA}; PRAGMA user_version = {_SCHEMA_VERSION};")


def _admits(specifier: SpecifierSet, text: str) -> bool:
    """Whether a specifier admits a version; never a source tree, which has none."""
    try:
        return specifier.contains(Version(text), prereleases=True)
    except InvalidVersion:
        return False


def _concerns(advisory: Advisory, text: str) -> bool:
    """Whether an advisory concerns a version; never a source tree, which has none."""
    try:
        return advisory.concerns(Version(text))
    except InvalidVersion:
        return False
