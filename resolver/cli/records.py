"""Records of whole runs of `lock`: an equal run prints and writes the same without solving, reading lists or importing.

In: the command line, and the files, variables and index pages of now. Out: the exit code of the recorded run, once its
messages are printed and its locks are written again; or None, and the run takes its usual way while a `Recording` keeps
what it reads.

A record is only as good as its list of inputs, and many modules read some. So none of them tells what it reads: the
recording stands where Python itself meets the system. It sees each file that is opened and each folder that is listed
(audit events, PEP 578), each query about a path (`os.stat`, `os.lstat`, `os.readlink`), each variable that is looked up
in `os.environ`, and each program that is started, which makes no record. What the product adds is what only it knows:
the pages that a lock rests on, and that a run depends on the clock. A test runs lists of every form and compares what
is recorded with what the system saw.

Contents, variables and the command line are kept as HMACs under a key of the cache folder, so a record holds no secret;
messages were redacted before they were printed. This module is loaded in every run, and imports nothing at the top but
`os` and `sys`: bare Python starts in 9 ms, and `typing`, `re` or `pathlib` take 3 to 6 ms each.
"""

from __future__ import annotations

import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path
    from typing import Any

__all__ = ["TIME_MARK", "Recording", "current_recording", "replay", "start_recording"]

TIME_MARK = "\x00s"
"""Stands for the duration of a run in a recorded text."""

_FOLDER = "runs-v1"
_KEY_BYTES = 32
_MAGIC = b"pfrun1\n"
_MOST_VARIANTS = 4
"""Records of one command: before and after its lock exists, say, and on two branches."""
_MOST_COMMANDS = 256
_HOST_FOLDERS = ("site-packages", "dist-packages")

_recording: Recording | None = None


def current_recording() -> Recording | None:
    """The recording of this run, for what only the product knows; None where nothing is recorded."""
    return _recording


def replay(argv: Sequence[str]) -> int | None:
    """Do again what a recorded run with this command line did, if all that it read is unchanged; its exit code.

    None where there is no such record, or an input differs, and nothing was printed or written then.
    """
    since = time.monotonic()
    store = _RecordFolder.open(argv)
    if store is None or sys.stdout is None or sys.stderr is None:
        return None
    for items in store.iter_records():
        if _holds(items, store):
            return _act(items, since=since)
    return None


def start_recording(argv: Sequence[str]) -> None:
    """Record this run from now on. Call it before the modules of the product are imported."""
    global _recording  # noqa: PLW0603  (one run, one recording: the audit hook of a process cannot be removed)
    store = _RecordFolder.open(argv)
    if store is not None:
        _recording = Recording(store)
        _recording.watch()


class Recording:
    """What a run reads and does. `give_up` ends it without a record; so does any input that cannot be checked later."""

    def __init__(self, store: _RecordFolder) -> None:
        self._store = store
        self._is_over = False
        self._inputs: dict[tuple[bytes, str], bytes] = {}
        self._outputs: list[tuple[bytes, bytes, bytes]] = []
        self._written: set[str] = set()
        self._busy: set[int] = set()
        self._left_out = (f"{store.cache}{os.sep}", *_list_left_out_folders())
        named = map(os.path.abspath, (os.curdir, *store.argv))
        if any(self._is_left_out(path) for path in named if path != store.cache):
            self.give_up()  # A list that lies in one of these folders.

    def give_up(self) -> None:
        """Keep no record of this run."""
        self._is_over = True

    def watch(self) -> None:
        """Watch files, folders and variables until the process ends."""
        sys.addaudithook(self._see_event)
        _replace_function("stat", self._wrap_query(_stat, b"m"))
        _replace_function("lstat", self._wrap_query(_lstat, b"l"))
        _replace_function("readlink", self._wrap_readlink(_readlink))
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

    def note_pages(self, pages: Iterable[tuple[str, bytes]] | None) -> None:
        """The pages that the locks rest on: the file of each in the cache folder, and its identity. None: not known."""
        if pages is None:
            self.give_up()
            return
        for place, identity in pages:
            self._inputs[b"p", place] = identity

    def finish(self, code: int) -> None:
        """Keep the record of a run that succeeded, unless a file changed while it was running."""
        # No event is recorded from here on.
        is_over, self._is_over = self._is_over, True
        if is_over or code:
            return
        mac = self._store.mac
        inputs = []
        for (tag, name), found in self._inputs.items():
            # What was noted is the state at the first look.
            if tag in _PATH_STATES and _PATH_STATES[tag](name, mac) != found and not self._has_changed(tag, name):
                return
            inputs.append((tag, name.encode("utf-8", "surrogatepass"), found))
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
        if not is_written:
            self._note_path(b"c", path)

    def _note_path(self, tag: bytes, path: object) -> None:
        """The state of a path at this moment, if it is the first of its kind in this run."""
        import _thread

        if self._is_over or isinstance(path, int) or path is None:
            return
        own = _thread.get_ident()
        if own in self._busy:
            return
        self._busy.add(own)
        try:
            name = os.path.abspath(os.fsdecode(path))
            if (tag, name) not in self._inputs and not self._is_left_out(name):
                self._inputs[tag, name] = _PATH_STATES[tag](name, self._store.mac)
        except (TypeError, ValueError):
            pass  # A path that no system call takes: it cannot have been read.
        finally:
            self._busy.discard(own)

    def _is_left_out(self, name: str) -> bool:
        """Whether a path belongs to Python, the product or the cache: the key of a record has their states."""
        return f"{name}{os.sep}".startswith(self._left_out)

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
            self._inputs[b"v", name] = _render_variable(value, self._store.mac)

    def _see_names(self, names: Iterable[str]) -> None:
        """The names of all variables, when they are listed; the value of each is recorded when it is looked up."""
        if not self._is_over and (b"V", "") not in self._inputs:
            self._inputs[b"V", ""] = _render_names(names, self._store.mac)


class _RecordFolder:
    """The records of one command line, in a folder of their own below that of the cache."""

    def __init__(self, argv: Sequence[str], cache: str, folder: str, mac: Callable[[bytes], bytes]) -> None:
        self.argv = argv
        self.cache = cache
        self.mac = mac
        self._folder = folder

    @classmethod
    def open(cls, argv: Sequence[str]) -> _RecordFolder | None:
        """The folder for a command line; None for one that makes no record, and where none can be kept."""
        if any(word in _NEVER or word.startswith("-v") for word in argv) or argv[:1] == ["hook"]:
            return None
        cache = _find_cache_folder(argv)
        if cache is None:
            return None
        try:
            key = _read_key(os.path.join(cache, _FOLDER))
            words = (*argv, "", os.getcwd(), _identify_product())
        except OSError:
            return None
        mac = _build_mac(key)
        name = mac(b"\0".join(word.encode("utf-8", "surrogatepass") for word in words)).hex()[:32]
        return cls(argv, cache, os.path.join(cache, _FOLDER, name), mac)

    def iter_records(self) -> Iterator[list[tuple[bytes, bytes, bytes]]]:
        """The records of the command, the latest first. Damaged ones are left out."""
        try:
            names = sorted(os.listdir(self._folder), reverse=True)
        except OSError:
            return
        for name in names:
            try:
                with open(os.path.join(self._folder, name), "rb", buffering=0) as file:
                    data = file.read()
            except OSError:
                continue
            items = _unpack(data, self.mac)
            if items is not None:
                yield items

    def write(self, items: list[tuple[bytes, bytes, bytes]]) -> None:
        """Keep one more record, and remove the oldest. A folder that cannot be written keeps none."""
        from contextlib import suppress
        from pathlib import Path

        from lockfiles._files import replace_file

        # Later records sort later; two of one nanosecond replace each other.
        path = Path(self._folder, f"{time.time_ns():020}")
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            replace_file(path, _pack(items, self.mac), mode=0o600)
            for old in sorted(path.parent.iterdir())[:-_MOST_VARIANTS]:
                old.unlink(missing_ok=True)
            _remove_oldest(path.parent.parent)


def _holds(items: list[tuple[bytes, bytes, bytes]], store: _RecordFolder) -> bool:
    """Whether each input of a record is as it was."""
    now = time.time()
    for tag, name, found in items:
        if tag in _PATH_STATES:
            if _PATH_STATES[tag](name.decode("utf-8", "surrogatepass"), store.mac) != found:
                return False
        elif tag == b"v":
            if _render_variable(os.environ.get(name.decode("utf-8", "surrogatepass")), store.mac) != found:
                return False
        elif tag == b"V":
            if _render_names(os.environ, store.mac) != found:
                return False
        elif tag == b"p" and not _is_fresh(os.path.join(store.cache, name.decode()), found, now=now):
            return False
    return True


def _act(items: list[tuple[bytes, bytes, bytes]], *, since: float) -> int | None:
    """Print and write what the recorded run did, in its order; the exit code. None if a lock cannot be written.

    Locks come first: where one cannot be written, the usual way reports it.
    """
    for tag, name, data in items:
        if tag == b"w" and not _write_lock(name.decode("utf-8", "surrogatepass"), data):
            return None
    code = None
    duration = f"{time.monotonic() - since:.2f} s"
    for tag, name, _ in items:
        if tag == b"e":
            _print_message(name.decode("utf-8", "surrogatepass").replace(TIME_MARK, duration))
        elif tag == b"o":
            # Lazy: most runs print nothing on standard output, and its faults are reported by these modules.
            from resolver.cli.main import guard
            from resolver.cli.output import write_output

            data = name.replace(TIME_MARK.encode(), duration.removesuffix(" s").encode())
            failed = guard(lambda data=data: write_output(data) or 0)
            if failed:
                return failed
        elif tag == b"x":
            code = int(name)
    return code


def _print_message(text: str) -> None:
    """Print a line on standard error; one that cannot be written is dropped, as by `show_message`."""
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:
        # Lazy: only for a stream that has failed.
        from resolver.cli.output import drop_output

        drop_output(sys.stderr)


def _write_lock(path: str, data: bytes) -> bool:
    """Write a lock as `lockfiles.write` does; whether it could be written. Equal bytes leave the file alone."""
    try:
        with open(path, "rb", buffering=0) as file:
            if file.read() == data:
                return True
    except OSError:
        pass
    from pathlib import Path

    from lockfiles._files import remove_strays, replace_file

    target = Path(path)
    try:
        remove_strays(target.parent, target.name)
        mode = os.stat(path).st_mode & 0o7777 if os.path.exists(path) else None
        replace_file(target, data, mode=mode, is_durable=mode is not None)
    except OSError:
        return False
    return True


def _is_fresh(path: str, identity: bytes, *, now: float) -> bool:
    """Whether the row of a page is the one of this identity, and may be used without a request."""
    from resolver.fetch.projects.row_store import is_fresh

    try:
        with open(path, "rb", buffering=0) as file:
            header = file.read(len(identity))
    except OSError:
        return False
    return header == identity and is_fresh(header, now=now)


def _find_cache_folder(argv: Sequence[str]) -> str | None:
    """The cache folder of a command line, as the verb `lock` chooses it."""
    named = os.environ.get("PINFOLD_CACHE_DIR")
    for place, word in enumerate(argv):
        if word == "--cache-dir" and place + 1 < len(argv):
            named = argv[place + 1]
        elif word.startswith("--cache-dir="):
            named = word.partition("=")[2]
    if named:
        return os.path.abspath(named)
    if sys.platform.startswith("linux"):
        base = os.environ.get("XDG_CACHE_HOME", "").strip() or os.path.join(os.path.expanduser("~"), ".cache")
        return os.path.join(os.path.expanduser(base), "pinfold")
    # Lazy: elsewhere the rules are those of the platform, which `platformdirs` knows.
    from platformdirs import user_cache_path

    return str(user_cache_path("pinfold", appauthor=False))


def _identify_product() -> str:
    """A text that changes with Python, this program, its data, and every installed distribution. Raises OSError.

    Names, sizes and times of files are used in place of their content.
    """
    parts = [sys.version, sys.executable]
    own = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    waiting = [os.path.join(own, "resolver"), os.path.join(own, "lockfiles")]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in sorted(entries, key=lambda one: one.name):
                if entry.name == "__pycache__":
                    continue
                if entry.is_dir():
                    waiting.append(entry.path)
                else:
                    found = entry.stat()
                    parts.append(f"{entry.path} {found.st_size} {found.st_mtime_ns}")
    for folder in sys.path:
        if folder.endswith(_HOST_FOLDERS):
            parts += sorted(name for name in os.listdir(folder) if name.endswith(".dist-info"))
    return "\n".join(parts)


def _list_left_out_folders() -> tuple[str, ...]:
    """The folders of Python, of installed distributions and of the product, each with a separator at its end."""
    own = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    found = [
        os.path.dirname(os.__file__),
        *(os.path.join(sys.base_prefix, one) for one in ("bin", "lib", "Modules", "share")),
        *(one for one in sys.path if one.endswith(_HOST_FOLDERS)),
        *(os.path.join(own, one) for one in ("resolver", "lockfiles")),
    ]
    return tuple(f"{one}{os.sep}" for one in found)


def _read_key(folder: str) -> bytes:
    """The key of the HMACs, made if need be. Raises OSError where the folder cannot be written."""
    path = os.path.join(folder, "key")
    try:
        with open(path, "rb", buffering=0) as file:
            key = file.read()
        if len(key) == _KEY_BYTES:
            return key
    except FileNotFoundError:
        pass
    from pathlib import Path

    from lockfiles._files import replace_file

    os.makedirs(folder, mode=0o700, exist_ok=True)
    replace_file(Path(path), os.urandom(_KEY_BYTES), mode=0o600)
    # Another process may have written one at the same moment: the last one counts for both.
    with open(path, "rb", buffering=0) as file:
        return file.read()


def _build_mac(key: bytes) -> Callable[[bytes], bytes]:
    """HMAC-SHA-256 under a key (RFC 2104), without OpenSSL, which `hmac` loads in 2.5 ms."""
    sha256 = _find_sha256()
    block = key.ljust(64, b"\0")
    inner, outer = (sha256(bytes(byte ^ pad for byte in block)) for pad in (0x36, 0x5C))

    def mac(data: bytes) -> bytes:
        first, last = inner.copy(), outer.copy()
        first.update(data)
        last.update(first.digest())
        return bytes(last.digest())

    return mac


def _find_sha256() -> Callable[[bytes], Any]:
    """The constructor of SHA-256: that of CPython 3.12 and later, of CPython 3.11, or of any Python."""
    for name in ("_sha2", "_sha256", "hashlib"):
        try:
            return __import__(name).sha256
        except (ImportError, AttributeError):
            continue
    raise ImportError("this Python has no SHA-256")


def _remove_oldest(folder: Path) -> None:
    """Remove the records of the commands that were run longest ago, beyond the limit."""
    commands = [one for one in folder.iterdir() if one.is_dir()]
    if len(commands) > _MOST_COMMANDS:
        for old in sorted(commands, key=lambda one: one.stat().st_mtime)[:-_MOST_COMMANDS]:
            for path in old.iterdir():
                path.unlink(missing_ok=True)
            old.rmdir()


def _pack(items: Iterable[tuple[bytes, bytes, bytes]], mac: Callable[[bytes], bytes]) -> bytes:
    """The content of a record: magic, HMAC of the rest, and each field with its length before it."""
    rest = b"".join(b"%d:%s," % (len(field), field) for item in items for field in item)
    return _MAGIC + mac(rest) + rest


def _unpack(data: bytes, mac: Callable[[bytes], bytes]) -> list[tuple[bytes, bytes, bytes]] | None:
    """What `_pack` packed; None for any other bytes."""
    start = len(_MAGIC) + 32
    rest = data[start:]
    if data[: len(_MAGIC)] != _MAGIC or data[len(_MAGIC) : start] != mac(rest):
        return None
    fields: list[bytes] = []
    at = 0
    while at < len(rest):
        mark = rest.index(b":", at)
        end = mark + 1 + int(rest[at:mark])
        fields.append(rest[mark + 1 : end])
        at = end + 1
    return list(zip(fields[::3], fields[1::3], fields[2::3], strict=True))


def _replace_function(name: str, watched: Callable[..., Any]) -> None:
    """Put a function in the place of one of `os`, also in the sets by which modules find out what it supports."""
    for supported in (os.supports_dir_fd, os.supports_fd, os.supports_follow_symlinks, os.supports_effective_ids):
        if getattr(os, name) in supported:
            supported.add(watched)
    setattr(os, name, watched)


def _render_variable(value: str | None, mac: Callable[[bytes], bytes]) -> bytes:
    """The state of a variable: empty where it is not set."""
    return b"" if value is None else mac(value.encode("utf-8", "surrogateescape"))


def _render_names(names: Iterable[str], mac: Callable[[bytes], bytes]) -> bytes:
    """The state of the names of all variables."""
    return mac("\0".join(sorted(names)).encode("utf-8", "surrogateescape"))


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


def _find_content(name: str, mac: Callable[[bytes], bytes]) -> bytes:
    """The state of a file's content; empty for one that cannot be read."""
    try:
        descriptor = os.open(name, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except OSError:
        return b""
    try:
        parts = []
        while part := os.read(descriptor, 1 << 20):
            parts.append(part)
        return mac(b"".join(parts))
    except OSError:
        return b""
    finally:
        os.close(descriptor)


def _find_mode(name: str, mac: Callable[[bytes], bytes]) -> bytes:
    """Kind and permissions of what a path leads to; empty for nothing."""
    return _render_mode(_stat, name)


def _find_own_mode(name: str, mac: Callable[[bytes], bytes]) -> bytes:
    """As `_find_mode`, for a link itself."""
    return _render_mode(_lstat, name)


def _render_mode(query: Callable[[str], os.stat_result], name: str) -> bytes:
    try:
        return b"%o" % query(name).st_mode
    except (OSError, ValueError):
        return b""


def _find_link(name: str, mac: Callable[[bytes], bytes]) -> bytes:
    """Where a link leads; empty for anything else."""
    try:
        return os.fsencode(_readlink(name))
    except (OSError, ValueError):
        return b""


def _find_names(name: str, mac: Callable[[bytes], bytes]) -> bytes:
    """The state of the names in a folder, with their kinds; empty for one that cannot be read."""
    try:
        with os.scandir(name) as entries:
            found = sorted(f"{one.name}\0{one.is_dir()}\0{one.is_symlink()}" for one in entries)
    except (OSError, ValueError):
        return b""
    return mac("\0\0".join(found).encode("utf-8", "surrogateescape"))


# The functions of the system, before a recording wraps them.
_stat, _lstat, _readlink = os.stat, os.lstat, os.readlink

_PATH_STATES = {b"c": _find_content, b"m": _find_mode, b"l": _find_own_mode, b"r": _find_link, b"n": _find_names}
"""The state of a path, by what a run wanted to know of it."""

_GIVING_UP = frozenset({"subprocess.Popen", "os.exec", "os.posix_spawn", "os.spawn", "os.system", "os.putenv"})
"""Events after which nobody knows what a run depends on."""
_NEVER = frozenset({"-", "--offline", "--refresh", "--evaluate", "-v", "--verbose", "--help", "-h", "--version"})
"""Words of runs without a record: their input is a stream, or they are for once."""
