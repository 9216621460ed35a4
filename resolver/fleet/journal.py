"""Where a fleet writes: a folder, or a bucket by URL, with the locks and a journal of the tasks that are done.

In: names and bytes. Out: files that appear as a whole or not at all. A name is relative to the place, with slashes:

    SOURCE-FOLDER/pylock….toml      the locks
    .fleet/done/KEY.json            a task that is done: its rows, pins and evidence; also one without a solution
    .fleet/failed/KEY.json          a task that failed for a cause that passes (network): the next run tries again
    .fleet/begun/KEY.json           a task whose locks are being written: what each of them was before
    .fleet/fleet.json               what the last run was about: its snapshot, and whether it is complete
    .fleet/results.jsonl, summary.json   its result

The journal is these files. A worker writes that of its task after all locks of it; so a worker or driver that dies at
any moment leaves nothing to repair, and the next run finds what is done by one listing. Remote places go through
fsspec, whose object stores replace an object as a whole.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from lockfiles._documents import DocumentError, parse_json
from lockfiles._files import read_regular, remove_strays, replace_file
from resolver.errors import InputError, render_os_error
from resolver.requirements.url import redact

__all__ = ["DONE", "FAILED", "Journal", "Place", "open_place"]

DONE = "done"
FAILED = "failed"
_BEGUN = "begun"
_FOLDER = ".fleet"
_LIMIT_BYTES = 256 * 1024 * 1024


class Place(Protocol):
    """Files by name, below a folder or a URL. Raises InputError where it cannot be used."""

    def read(self, name: str) -> bytes | None:
        """The bytes of a file; None if there is none."""
        ...

    def write(self, name: str, data: bytes) -> None:
        """Write a file as a whole."""
        ...

    def remove(self, name: str) -> None:
        """Remove a file, if there is one."""
        ...

    def list_names(self, folder: str = "") -> Iterator[str]:
        """The names of all files below a folder, in no particular order."""
        ...


def open_place(text: str) -> Place:
    """The place that a path or URL names. Raises InputError for a URL of an unknown kind, or with a secret."""
    if text.startswith("file://"):
        text = text.removeprefix("file://")
    if "://" not in text:
        return _Folder(Path(text).absolute())
    if redact(text) != text:
        raise InputError(
            f"`{redact(text)}` holds a login, which would travel to other machines",
            remedy="the credentials that the library of the store finds on each machine",
        )
    return _Remote(text)


class _Folder:
    """A folder on this disk, or one that all machines mount."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._made: set[Path] = set()

    def read(self, name: str) -> bytes | None:
        """See `Place`."""
        try:
            return read_regular(self._root / name, limit_bytes=_LIMIT_BYTES)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise InputError(f"`{self._root / name}` cannot be read: {render_os_error(error)}") from error

    def write(self, name: str, data: bytes) -> None:
        """See `Place`."""
        path = self._root / name
        try:
            if path.parent not in self._made:
                path.parent.mkdir(parents=True, exist_ok=True)
                remove_strays(path.parent)
                self._made.add(path.parent)
            replace_file(path, data)
        except OSError as error:
            raise InputError(f"`{path}` cannot be written: {render_os_error(error)}") from error

    def remove(self, name: str) -> None:
        """See `Place`."""
        with suppress(OSError):
            (self._root / name).unlink()

    def list_names(self, folder: str = "") -> Iterator[str]:
        """See `Place`."""
        start = self._root / folder
        for place, _, names in os.walk(start):
            relative = Path(place).relative_to(self._root).as_posix()
            head = "" if relative == "." else f"{relative}/"
            yield from (f"{head}{name}" for name in names if not name.endswith(".tmp"))


class _Remote:
    """A bucket, or anything else that fsspec reaches. Its credentials are those of this machine."""

    def __init__(self, url: str) -> None:
        try:
            # Lazy: an optional library.
            self._files, root = import_module("fsspec.core").url_to_fs(url)
        except (ImportError, ValueError) as error:
            raise InputError(
                f"`{url}` cannot be used: {error}", remedy="`pip install '.[fleet]'` in a clone of pinfold"
            ) from error
        self._root = root.rstrip("/")
        self._url = url

    def read(self, name: str) -> bytes | None:
        """See `Place`."""
        try:
            data: bytes = self._files.cat_file(f"{self._root}/{name}")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._explain(error) from error
        return data

    def write(self, name: str, data: bytes) -> None:
        """See `Place`."""
        try:
            self._files.pipe_file(f"{self._root}/{name}", data)
        except OSError as error:
            raise self._explain(error) from error

    def remove(self, name: str) -> None:
        """See `Place`."""
        with suppress(OSError):
            self._files.rm_file(f"{self._root}/{name}")

    def list_names(self, folder: str = "") -> Iterator[str]:
        """See `Place`."""
        self._files.invalidate_cache()  # fsspec keeps listings, and workers write meanwhile.
        start = f"{self._root}/{folder}".rstrip("/")
        try:
            found = self._files.find(start)
        except FileNotFoundError:
            return
        except OSError as error:
            raise self._explain(error) from error
        skipped = len(self._root) + 1
        yield from (name[skipped:] for name in found)

    def _explain(self, error: OSError) -> InputError:
        """The error of a store, without its text, which may quote a request."""
        return InputError(f"`{self._url}` cannot be used: {type(error).__name__}")


class Journal:
    """The journal in a place."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def list_keys(self, state: str = DONE) -> frozenset[str]:
        """The keys of the tasks in a state."""
        names = self._place.list_names(f"{_FOLDER}/{state}")
        return frozenset(name.rpartition("/")[2].removesuffix(".json") for name in names)

    def read(self, key: str) -> dict[str, Any] | None:
        """The result of a task; None for one without, or with one that is damaged: it is done again."""
        for state in (DONE, FAILED):
            found = self.read_document(f"{state}/{key}.json")
            if found is not None:
                return found
        return None

    def begin(self, key: str, run: str, states: Mapping[str, str]) -> None:
        """Note the states of the locks of a task, by their names, before the first of them is written.

        An attempt that dies in between has changed some of them, and the next one would find these unchanged.
        """
        document = {"run": run, "rows": [{"lock": lock, "state": state} for lock, state in states.items()]}
        self._place.write(f"{_FOLDER}/{_BEGUN}/{key}.json", json.dumps(document).encode())

    def find_states(self, key: str, run: str) -> dict[str, str]:
        """The states that an earlier attempt of the same run has found; empty if there was none."""
        for state in (_BEGUN, DONE, FAILED):
            found = self.read_document(f"{state}/{key}.json")
            if found is not None and found.get("run") == run:
                return {row["lock"]: row["state"] for row in found["rows"]}
        return {}

    def write(self, key: str, data: bytes, *, state: str) -> None:
        """Keep the result of a task. One that is done counts, even if an earlier attempt failed."""
        self._place.write(f"{_FOLDER}/{state}/{key}.json", data)
        self._place.remove(f"{_FOLDER}/{_BEGUN}/{key}.json")

    def forget(self, key: str) -> None:
        """Remove the result of a task that another one has replaced."""
        for state in (DONE, FAILED):
            self._place.remove(f"{_FOLDER}/{state}/{key}.json")

    def read_document(self, name: str) -> dict[str, Any] | None:
        """A JSON object of the journal; None where there is none that can be read."""
        data = self._place.read(f"{_FOLDER}/{name}")
        try:
            document = None if data is None else parse_json(data)
        except DocumentError:
            return None
        return document if isinstance(document, dict) else None

    def write_document(self, name: str, data: bytes) -> None:
        """Write a file of the journal."""
        self._place.write(f"{_FOLDER}/{name}", data)
