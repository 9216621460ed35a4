"""Records of whole runs of `lock`: an equal run prints and writes the same without solving, reading lists or importing.

In: the command line, and the files, variables and index pages of now. Out: the exit code of the recorded run, once its
messages are printed and its locks are written again; or None, and the run takes its usual way while a `Recording` keeps
what it reads.

A record names every input of its run, as `resolver.cli.recording` saw them, with its state: the content of a file, the
kind of what a path leads to, the names in a folder, the value of a variable, the identity of a page in the cache.

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
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import Any

__all__ = [
    "HOST_FOLDERS",
    "PATH_STATES",
    "TIME_MARK",
    "TOO_LARGE",
    "PageRecord",
    "RecordFolder",
    "Repeated",
    "find_page",
    "print_message",
    "render_names",
    "render_variable",
    "replay",
    "system_lstat",
    "system_readlink",
    "system_stat",
]

TIME_MARK = "\x00s"
"""Stands for the duration of a run in a recorded text."""

_FOLDER = "runs-v1"
_LONGEST_LIFETIME_S = 86_400.0
_INSTANT_AT = 20
_KEY_BYTES = 32
_MAGIC = b"pfrun1\n"
_MOST_VARIANTS = 4
"""Records of one command: before and after its lock exists, say, and on two branches."""
_MOST_COMMANDS = 128
_LARGEST_BYTES = 16 * 1024 * 1024
"""A run that reads a larger file, such as a wheel, makes no record: reading it again could take longer than the run."""
TOO_LARGE = b"too large"
HOST_FOLDERS = ("site-packages", "dist-packages")


class Repeated:
    """A run that was done again: its exit code, and what is not printed yet, from the first standard output on.

    Bytes are for standard output, texts are messages, in the order of the recorded run.
    """

    def __init__(self, code: int, output: list[bytes | str]) -> None:
        self.code = code
        self.output = output


def replay(argv: Sequence[str]) -> Repeated | None:
    """Do again what a recorded run with this command line did, if all that it read is unchanged.

    None where there is no such record, or an input differs, and nothing was printed or written then.
    """
    try:
        since = time.monotonic()
        store = RecordFolder.open(argv)
        if store is None or sys.stdout is None or sys.stderr is None:
            return None
        for items in store.iter_records():
            if _holds(items, store):
                return _act(items, since=since)
    except OverflowError:
        pass  # Python cannot read the clock, which the usual way reports.
    return None


class RecordFolder:
    """The records of one command line, in a folder of their own below that of the cache."""

    def __init__(self, argv: Sequence[str], cache: str, folder: str, mac: Callable[[bytes], bytes]) -> None:
        self.argv = argv
        self.cache = cache
        self.mac = mac
        self._folder = folder

    @classmethod
    def open(cls, argv: Sequence[str]) -> RecordFolder | None:
        """The folder for a command line; None for one that makes no record, and where none can be kept."""
        reads_stream = any(
            word == "-" and before not in _OUTPUTS for before, word in zip(("", *argv), argv, strict=False)
        )
        if reads_stream or any(word in _NEVER or word.startswith("-v") for word in argv):
            return None
        cache = _find_cache_folder(argv)
        if cache is None:
            return None
        try:
            key = _read_key(os.path.join(cache, _FOLDER))
            words = (*argv, "", os.getcwd(), *sys.path, _identify_product())
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

        from lockfiles._files import remove_strays, replace_file

        with suppress(OSError, OverflowError):
            # Later records sort later; two of one nanosecond replace each other.
            path = Path(self._folder, f"{time.time_ns():020}")
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            remove_strays(path.parent)
            replace_file(path, _pack(items, self.mac), mode=0o600)
            for old in sorted(path.parent.iterdir())[:-_MOST_VARIANTS]:
                old.unlink(missing_ok=True)
            _remove_oldest(path.parent.parent)


def _holds(items: list[tuple[bytes, bytes, bytes]], store: RecordFolder) -> bool:
    """Whether each input of a record is as it was. Pages that are not fresh are confirmed by their servers, last."""
    now = time.time()
    stale: set[bytes] = set()
    for tag, name, found in items:
        if tag in PATH_STATES:
            if PATH_STATES[tag](name.decode("utf-8", "surrogatepass"), store.mac) != found:
                return False
        elif tag == b"v":
            if render_variable(os.environ.get(name.decode("utf-8", "surrogatepass")), store.mac) != found:
                return False
        elif tag == b"V":
            if render_names(os.environ, store.mac) != found:
                return False
        elif tag == b"p":
            kept = find_page(os.path.join(store.cache, name.decode()))
            if kept is None or kept[0] != found:
                return False
            if not now < kept[1] <= now + _LONGEST_LIFETIME_S:
                stale.add(name)
    if not stale:
        return True
    pages = [(name.decode(), PageRecord.parse(found)) for tag, name, found in items if tag == b"q"]
    return _confirm([(url, page) for url, page in pages if not stale.isdisjoint(page.rows)], store)


def _confirm(pages: list[tuple[str, PageRecord]], store: RecordFolder) -> bool:
    """Whether the servers confirm pages that are not fresh, which are then fresh for all runs."""
    if any(page.credential_id for _, page in pages):
        return False  # Credentials are found in the usual way alone.
    # Lazy: a run whose pages are fresh sends no request.
    from resolver.fetch.http.freshness import find_conditions, find_renewed_freshness
    from resolver.fetch.http.wire import confirm_pages

    renewed: dict[int, float] = {}

    def judge(number: int, status: int, headers: Mapping[str, str], body: bytes | None) -> bool:
        fresh_until = find_renewed_freshness(pages[number][1], status, headers, body=body, now=time.time())
        if fresh_until is not None:
            renewed[number] = fresh_until
        return fresh_until is not None

    requests = [(url, {**page.headers, **find_conditions(page.validator)}) for url, page in pages]
    if not confirm_pages(requests, judge):
        return False
    for number, until in renewed.items():
        for row in pages[number][1].rows:
            _renew(os.path.join(store.cache, row.decode()), until)
    return True


class PageRecord:
    """What a record has of a page, beside its URL: what `PageEvidence` has, and the files of its rows in the cache."""

    def __init__(
        self,
        *,
        validator: str,
        is_absent: bool,
        credential_id: str,
        headers: Mapping[str, str],
        rows: tuple[bytes, ...],
    ) -> None:
        self.validator = validator
        self.is_absent = is_absent
        self.credential_id = credential_id
        self.headers = headers
        self.rows = rows

    @classmethod
    def parse(cls, data: bytes) -> PageRecord:
        """The value that `render` rendered."""
        validator, is_absent, credential_id, count, *rest = _split_fields(data)
        at = 2 * int(count)
        texts = [one.decode() for one in rest[:at]]
        return cls(
            validator=validator.decode(),
            is_absent=is_absent == b"1",
            credential_id=credential_id.decode(),
            headers=dict(zip(texts[::2], texts[1::2], strict=True)),
            rows=tuple(rest[at:]),
        )

    def render(self) -> bytes:
        """The value as bytes."""
        pairs = [text.encode() for pair in self.headers.items() for text in pair]
        head = (self.validator.encode(), b"%d" % self.is_absent, self.credential_id.encode(), b"%d" % len(self.headers))
        return _join_fields((*head, *pairs, *self.rows))


def find_page(path: str) -> tuple[bytes, float] | None:
    """What identifies the content of a stored page, and the instant up to which it may be used; None for no page.

    The form is that of `resolver.fetch.store.FolderStore`, which takes too long to import; a test compares both.
    """
    import zlib
    from struct import pack, unpack_from

    try:
        with open(path, "rb", buffering=0) as file:
            head = file.read(_INSTANT_AT + 12)
    except OSError:
        return None
    if len(head) < _INSTANT_AT + 12:
        return None
    until, stamp = unpack_from("<dI", head, _INSTANT_AT)
    # The instant has a checksum of its own, which is also one of the content.
    if stamp != zlib.crc32(pack("<dI", until, unpack_from("<I", head, 8)[0])):
        return None
    return head[:_INSTANT_AT], until


def _renew(path: str, until: float) -> None:
    """Write another instant into a stored page, in place, as `FolderStore.expire` does."""
    import zlib
    from struct import pack, unpack_from

    try:
        with open(path, "r+b", buffering=0) as file:
            checksum = unpack_from("<I", file.read(_INSTANT_AT), 8)[0]
            file.seek(_INSTANT_AT)
            file.write(pack("<dI", until, zlib.crc32(pack("<dI", until, checksum))))
    except OSError:
        pass  # The page is confirmed again in the next run.


def _act(items: list[tuple[bytes, bytes, bytes]], *, since: float) -> Repeated | None:
    """Write the locks of the recorded run and print its messages. None if a lock cannot be written.

    Locks come first: where one cannot be written, the usual way reports it.
    """
    for tag, name, data in items:
        if tag == b"w" and not _write_lock(name.decode("utf-8", "surrogatepass"), data):
            return None
    code = None
    duration = f"{time.monotonic() - since:.2f} s"
    output: list[bytes | str] = []
    for tag, name, _ in items:
        if tag == b"e":
            text = name.decode("utf-8", "surrogatepass").replace(TIME_MARK, duration)
            if output:
                output.append(text)  # It is not printed if the output before it cannot be.
            else:
                print_message(text)
        elif tag == b"o":
            output.append(name.replace(TIME_MARK.encode(), duration.removesuffix(" s").encode()))
        elif tag == b"x":
            code = int(name)
    return None if code is None else Repeated(code, output)


def print_message(text: str) -> None:
    """Print a line on standard error; one that cannot be written is dropped, as by `show_message`."""
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:
        # What is still buffered must not fail again at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def _write_lock(path: str, data: bytes) -> bool:
    """Write a lock as `lockfiles.write` does; whether it could be written. Equal bytes leave the file alone."""
    try:
        with open(path, "rb", buffering=0) as file:
            if file.read() == data:
                return True
    except OSError:
        pass
    try:
        _replace_lock(path, data)
    except OSError:
        return False
    return True


def _replace_lock(path: str, data: bytes) -> None:
    """Put a file in the place of a lock, as `lockfiles._files.replace_file` does, whose imports take longer than a run.

    The temporary file is locked, so that other runs do not take it for a stray one. Raises OSError.
    """
    mode = os.stat(path).st_mode & 0o7777 if os.path.exists(path) else None
    folder, name = os.path.split(path)
    temporary = os.path.join(folder, f".{name[:200]}.{os.urandom(6).hex()}.tmp")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    descriptor = os.open(temporary, flags, 0o666 if mode is None else mode)
    try:
        try:
            _lock_file(descriptor)
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
            if mode is not None:
                os.chmod(temporary, mode)
                os.fsync(descriptor)  # A power cut must leave the old lock or the new one.
            if os.name != "nt":
                os.replace(temporary, path)
        finally:
            os.close(descriptor)
        if os.name == "nt":
            os.replace(temporary, path)  # Windows renames no open file.
    except BaseException:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise


def _lock_file(descriptor: int) -> None:
    """Lock an open file until it is closed, where the system has such locks."""
    try:
        import fcntl
    except ImportError:
        return
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


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
    system = sys.platform
    if system.startswith("linux"):
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
        if folder.endswith(HOST_FOLDERS):
            parts += sorted(name for name in os.listdir(folder) if name.endswith(".dist-info"))
    return "\n".join(parts)


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
            found: Callable[[bytes], Any] = __import__(name).sha256
        except (ImportError, AttributeError):
            continue
        return found
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
    """The content of a record: magic, HMAC of the rest, and all fields."""
    rest = _join_fields(field for item in items for field in item)
    return _MAGIC + mac(rest) + rest


def _unpack(data: bytes, mac: Callable[[bytes], bytes]) -> list[tuple[bytes, bytes, bytes]] | None:
    """What `_pack` packed; None for any other bytes."""
    start = len(_MAGIC) + 32
    rest = data[start:]
    if data[: len(_MAGIC)] != _MAGIC or data[len(_MAGIC) : start] != mac(rest):
        return None
    fields = _split_fields(rest)
    return list(zip(fields[::3], fields[1::3], fields[2::3], strict=True))


def _join_fields(fields: Iterable[bytes]) -> bytes:
    """Fields as bytes, each with its length before it."""
    return b"".join(b"%d:%s," % (len(field), field) for field in fields)


def _split_fields(data: bytes) -> list[bytes]:
    """What `_join_fields` joined."""
    fields: list[bytes] = []
    at = 0
    while at < len(data):
        mark = data.index(b":", at)
        end = mark + 1 + int(data[at:mark])
        fields.append(data[mark + 1 : end])
        at = end + 1
    return fields


def render_variable(value: str | None, mac: Callable[[bytes], bytes]) -> bytes:
    """The state of a variable: empty where it is not set."""
    return b"" if value is None else mac(value.encode("utf-8", "surrogateescape"))


def render_names(names: Iterable[str], mac: Callable[[bytes], bytes]) -> bytes:
    """The state of the names of all variables."""
    return mac("\0".join(sorted(names)).encode("utf-8", "surrogateescape"))


def _find_content(name: str, mac: Callable[[bytes], bytes]) -> bytes:
    """The state of a file's content; empty for one that cannot be read."""
    try:
        descriptor = os.open(name, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except OSError:
        return b""
    try:
        parts: list[bytes] = []
        while part := os.read(descriptor, 1 << 20):
            parts.append(part)
            if len(parts) * len(parts[0]) > _LARGEST_BYTES:
                return TOO_LARGE
        return mac(b"".join(parts))
    except OSError:
        return b""
    finally:
        os.close(descriptor)


def _find_mode(name: str, mac: Callable[[bytes], bytes]) -> bytes:
    """Kind and permissions of what a path leads to; empty for nothing."""
    return _render_mode(system_stat, name)


def _find_own_mode(name: str, mac: Callable[[bytes], bytes]) -> bytes:
    """As `_find_mode`, for a link itself."""
    return _render_mode(system_lstat, name)


def _render_mode(query: Callable[[str], os.stat_result], name: str) -> bytes:
    try:
        return b"%o" % query(name).st_mode
    except (OSError, ValueError):
        return b""


def _find_link(name: str, mac: Callable[[bytes], bytes]) -> bytes:
    """Where a link leads; empty for anything else."""
    try:
        return os.fsencode(system_readlink(name))
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
system_stat, system_lstat, system_readlink = os.stat, os.lstat, os.readlink

PATH_STATES = {b"c": _find_content, b"m": _find_mode, b"l": _find_own_mode, b"r": _find_link, b"n": _find_names}
"""The state of a path, by what a run wanted to know of it."""

_OUTPUTS = ("-o", "--output")
_NEVER = frozenset(
    {"--offline", "--refresh", "--evaluate", "-v", "--verbose", "--help", "--help-all", "-h", "--version"}
)
"""Words of runs without a record, which are for once."""
