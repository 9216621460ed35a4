"""The recording of a run: what it reads, prints and writes, kept for `resolver.cli.records` to repeat it.

In: a run from its first import to its end. Out: one record, if all that the run depends on can be checked later.

Many modules read inputs, and one that forgot to tell would make a wrong answer later. So none of them tells: the
recording stands where Python itself meets the system. It sees each file that is opened and each folder that is listed
(audit events, PEP 578), each query about a path (`os.stat`, `os.lstat`, `os.readlink`), each variable that is looked up
in `os.environ`, and each program that is started, which makes no record. What the product adds is what only it knows:
the pages that a lock rests on, and that a run depends on the clock. A test compares the paths of a record with the
system calls of its run.
"""

from __future__ import annotations

import os
import sys
from _thread import get_ident

from resolver.cli.records import (
    HOST_FOLDERS,
    PATH_STATES,
    TOO_LARGE,
    PageRecord,
    RecordFolder,
    find_page,
    render_names,
    render_variable,
    system_lstat,
    system_readlink,
    system_stat,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path
    from typing import Any

    from resolver.index.package_source import PageEvidence

__all__ = ["Recording", "current_recording", "start_recording"]

_GIVING_UP = frozenset({"subprocess.Popen", "os.exec", "os.posix_spawn", "os.spawn", "os.system", "os.putenv"})
"""Events after which nobody knows what a run depends on."""
_KEPT_IN_CACHE = ("store-v1", "runs-v1", "git-v1", "http-v1.db", "http-v1.db-wal", "http-v1.db-shm", "keyring-hosts")
"""What the product keeps in its cache. Anything else there was put there by others, such as a list."""
_CODE = (".py", ".pyc", ".so", ".pyd", ".zip", ".pth")
"""The ends of files that Python opens to import."""


_recording: Recording | None = None


def current_recording() -> Recording | None:
    """The recording of this run, for what only the product knows; None where nothing is recorded."""
    return _recording


def start_recording(argv: Sequence[str]) -> None:
    """Record this run from now on. Call it before the modules of the product are imported."""
    global _recording  # noqa: PLW0603  (one run, one recording: the audit hook of a process cannot be removed)
    store = RecordFolder.open(argv)
    if store is not None:
        _recording = Recording(store)
        _recording.watch()


class Recording:
    """What a run reads and does. `give_up` ends it without a record; so does any input that cannot be checked later."""

    def __init__(self, store: RecordFolder) -> None:
        self._store = store
        self._is_over = False
        self._is_complete = False
        self._inputs: dict[tuple[bytes, str], bytes] = {}
        self._outputs: list[tuple[bytes, bytes, bytes]] = []
        self._pages: dict[str, PageRecord] = {}
        self._written: set[str] = set()
        self._busy: set[int] = set()
        program = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        self._own = (
            *(os.path.join(store.cache, name, "") for name in _KEPT_IN_CACHE),
            *(os.path.join(program, name, "") for name in ("resolver", "lockfiles")),
        )
        self._left_out = _list_left_out_folders()
        named = map(os.path.abspath, (os.curdir, *store.argv))
        if any(self._is_left_out(path) for path in named if path != store.cache):
            self.give_up()  # A list that lies in one of these folders.

    def give_up(self) -> None:
        """Keep no record of this run."""
        self._is_over = True

    def watch(self) -> None:
        """Watch files, folders and variables until the process ends."""
        sys.addaudithook(self._see_event)
        _replace_function("stat", self._wrap_query(system_stat, b"m"))
        _replace_function("lstat", self._wrap_query(system_lstat, b"l"))
        _replace_function("readlink", self._wrap_readlink(system_readlink))
        os.environ.__class__ = _watch_variables(self._see_variable, self._see_names)

    def note_message(self, text: str) -> None:
        """A line for standard error, as it is printed; `TIME_MARK` in it is the duration of the run."""
        self._outputs.append((b"e", text.encode("utf-8", "surrogatepass"), b""))

    def note_output(self, data: bytes) -> None:
        """Bytes for standard output; `TIME_MARK` as above."""
        self._outputs.append((b"o", data, b""))

    def note_lock(self, path: Path, data: bytes) -> None:
        """A lock that the run wrote, or left as it was because it had these bytes already."""
        target = os.path.realpath(path)
        self._written.add(target)
        self._outputs.append((b"w", target.encode("utf-8", "surrogatepass"), data))

    def complete(self, pages: Iterable[PageEvidence] | None = ()) -> None:
        """Allow the record: the locks rest on these pages, on files and variables, and on nothing else.

        None gives up. A run that never calls this makes no record; one of several steps calls it for each.
        """
        self._is_complete = True
        if pages is None:
            self.give_up()
            return
        # Lazy: a check has no pages.
        from resolver.fetch.store import find_version

        agent = f"pinfold/{find_version()}"
        for page in pages:
            known = self._pages.get(page.url)
            if known is not None and known.validator != page.validator:
                self.give_up()
                return
            rows = (*(() if known is None else known.rows), *self._note_rows(page))
            self._pages[page.url] = PageRecord(
                validator=page.validator,
                is_absent=page.is_absent,
                credential_id=page.credential_id,
                headers={**dict(page.headers), "User-Agent": agent},
                rows=rows,
            )

    def _note_rows(self, page: PageEvidence) -> Iterator[bytes]:
        """The files in the cache folder that keep a page, whose states become inputs of the record."""
        from struct import unpack_from

        from resolver.fetch.store import find_value_path  # Lazy, as above.

        for key, identity in page.rows:
            path = find_value_path(key)
            found = find_page(os.path.join(self._store.cache, path))
            if found is None:
                self.give_up()
                return
            checksum, size = unpack_from("<IQ", found[0], 8)
            if size << 32 | checksum != identity:
                self.give_up()  # Another run has replaced it.
            self._inputs[b"p", path] = found[0]
            yield path.encode()

    def finish(self, code: int) -> None:
        """Keep the record of a run that succeeded, unless a file changed while it was running."""
        # No event is recorded from here on.
        is_over, self._is_over = self._is_over, True
        if is_over or code or not self._is_complete:
            return
        mac = self._store.mac
        inputs = []
        # A copy: a thread that fetches ahead may still look at a file.
        for (tag, name), found in list(self._inputs.items()):
            # What was noted is the state at the first look.
            if tag in PATH_STATES and PATH_STATES[tag](name, mac) != found and not self._has_changed(tag, name):
                return
            inputs.append((tag, name.encode("utf-8", "surrogatepass"), found))
        inputs += [(b"q", url.encode(), page.render()) for url, page in self._pages.items()]
        self._store.write([*inputs, *self._outputs, (b"x", b"%d" % code, b"")])

    def _has_changed(self, tag: bytes, name: str) -> bool:
        """Whether the run itself changed the state of a path: that of a lock that it wrote, and of its folder."""
        place = os.path.realpath(name)
        return place in self._written or (tag == b"n" and place in map(os.path.dirname, self._written))

    def _see_event(self, event: str, arguments: tuple[Any, ...]) -> None:
        """The audit hook of the process."""
        if self._is_over:
            return
        if event == "open":
            path, mode, flags = arguments
            self._see_open(path, mode, flags)
        elif event in ("os.listdir", "os.scandir"):
            self._note_path(b"n", arguments[0])
        elif event in _GIVING_UP:
            self._is_over = True

    def _see_open(self, path: object, mode: object, flags: object) -> None:
        """A file that is opened to be read. What is opened to be written is an output."""
        is_written = isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR)
        # Bytecode is opened for each module, and is that of sources which the key of the record has.
        is_bytecode = isinstance(path, str) and path.endswith(".pyc")
        if not is_written and not is_bytecode:
            self._note_path(b"c", path)

    def _note_path(self, tag: bytes, path: Any) -> None:
        """The state of a path at this moment, if it is the first of its kind in this run."""
        if self._is_over or isinstance(path, int) or path is None:
            return
        own = get_ident()
        if own in self._busy:
            return
        self._busy.add(own)
        try:
            name = os.path.abspath(os.fsdecode(path))
            is_left_out = self._is_left_out(name) and not (tag == b"c" and self._is_foreign(name))
            if (tag, name) not in self._inputs and not is_left_out:
                self._inputs[tag, name] = found = PATH_STATES[tag](name, self._store.mac)
                self._is_over = self._is_over or found == TOO_LARGE
        except (TypeError, ValueError):
            pass  # A path that no system call takes: it cannot have been read.
        finally:
            self._busy.discard(own)

    def _is_left_out(self, name: str) -> bool:
        """Whether a path belongs to Python, the product or the cache: the key of a record has their states."""
        return name == self._store.cache or f"{name}{os.sep}".startswith(self._left_out + self._own)

    def _is_foreign(self, name: str) -> bool:
        """Whether a file in a folder that is left out may be anything that a list names, such as another list."""
        is_code = name.endswith(_CODE) or f".dist-info{os.sep}" in name
        return not is_code and not f"{name}{os.sep}".startswith(self._own)

    def _wrap_query(self, query: Callable[..., os.stat_result], tag: bytes) -> Callable[..., os.stat_result]:
        """`os.stat` or `os.lstat` that is recorded."""

        def watched(path: Any, *arguments: Any, **options: Any) -> os.stat_result:
            if not self._is_over:
                is_link = options.get("follow_symlinks", True) is False
                self._note_path(b"l" if is_link else tag, path)
            return query(path, *arguments, **options)

        return watched

    def _wrap_readlink(self, query: Callable[..., Any]) -> Callable[..., Any]:
        """`os.readlink` that is recorded."""

        def watched(path: Any, *arguments: Any, **options: Any) -> Any:
            self._note_path(b"r", path)
            return query(path, *arguments, **options)

        return watched

    def _see_variable(self, name: str, value: str | None) -> None:
        """A variable that is looked up, with its value or None."""
        if not self._is_over and (b"v", name) not in self._inputs:
            self._inputs[b"v", name] = render_variable(value, self._store.mac)

    def _see_names(self, names: Iterable[str]) -> None:
        """The names of all variables, when they are listed; the value of each is recorded when it is looked up."""
        if not self._is_over and (b"V", "") not in self._inputs:
            self._inputs[b"V", ""] = render_names(names, self._store.mac)


def _list_left_out_folders() -> tuple[str, ...]:
    """The folders of Python and of installed distributions, each with a separator at its end."""
    found = [
        os.path.dirname(os.__file__),
        *(os.path.join(sys.base_prefix, one) for one in ("bin", "lib", "Modules", "share")),
        *(one for one in sys.path if one.endswith(HOST_FOLDERS)),
    ]
    return tuple(f"{one}{os.sep}" for one in found)


def _replace_function(name: str, watched: Callable[..., Any]) -> None:
    """Put a function in the place of one of `os`, also in the sets by which modules find out what it supports."""
    for supported in (os.supports_dir_fd, os.supports_fd, os.supports_follow_symlinks, os.supports_effective_ids):
        if getattr(os, name) in supported:
            supported.add(watched)
    setattr(os, name, watched)


def _watch_variables(see: Callable[[str, str | None], None], see_names: Callable[[Iterable[str]], None]) -> type:
    """The class of an `os.environ` that tells which variables are looked up."""
    kind: Any = type(os.environ)

    class WatchedVariables(kind):  # type: ignore[misc]
        """`os.environ`, watched."""

        def __getitem__(self, name: str) -> str:
            try:
                value: str = super().__getitem__(name)
            except KeyError:
                see(name, None)
                raise
            see(name, value)
            return value

        def __iter__(self) -> Iterator[str]:
            names = list(super().__iter__())
            see_names(names)
            return iter(names)

    return WatchedVariables
