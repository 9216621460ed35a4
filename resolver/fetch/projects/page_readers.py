"""Processes that read pages while this one asks for more: reading is two thirds of a cold run, all under one lock.

In: bodies as they were received. Out: pages as `dump_project_page` writes them. The processes are forked before this
one has a second thread, so that they have all that is imported, and the target. They write nothing, ask nobody and are
told no secret, so they may end at any moment. What one of them cannot read is read here, where errors are told.

Only on Linux: elsewhere a fork is not safe, and a new interpreter takes as long as it saves.
"""

from __future__ import annotations

import gc
import os
import queue
import signal
import struct
import threading
from contextlib import suppress
from typing import NoReturn

from packaging.utils import NormalizedName

from resolver.fetch.http.responses import PAGE_LIMIT_BYTES, may_hold_secrets, unpack_gzip
from resolver.index.location import Location
from resolver.index.page_building import PageError, read_project_page
from resolver.index.project_page import dump_project_page
from resolver.requirements.url import Url
from resolver.targets.target import Target

__all__ = ["PageReaders"]

_JOB = struct.Struct("<II")
"""Bytes of the texts, bytes of the body."""
_RESULT = struct.Struct("<?I")
"""Whether the page could be read, bytes of the dump."""
_PIPE_BYTES = 1 << 20
"""As many as anybody may ask for: most pages go through in one piece."""


class PageReaders:
    """Processes that read pages for one target. May be used from many threads at once.

    None are started where there are threads already, which a fork would leave behind in the middle of their work.
    """

    def __init__(self, count: int, *, target: Target) -> None:
        self._readers: list[_Reader] = []
        self._idle: queue.SimpleQueue[_Reader | None] = queue.SimpleQueue()
        for _ in range(count if threading.active_count() == 1 else 0):
            try:
                reader = _Reader(target, others=self._readers)
            except OSError:
                break
            self._readers.append(reader)
            self._idle.put(reader)
        if not self._readers:
            self._idle.put(None)
        self.is_closed = False

    def close(self) -> None:
        """End all of them at once, whatever they do."""
        self.is_closed = True
        for reader in self._readers:
            reader.end()

    def read(
        self, body: bytes, *, is_packed: bool, url: str, content_type: str, name: NormalizedName, location: Location
    ) -> bytes | None:
        """The dump of the page of a project on an index; None for what has to be read here."""
        reader = self._idle.get()
        try:
            if reader is None:
                return None
            texts = (url, content_type, "gzip" if is_packed else "", name, location.url.public)
            return reader.read("\n".join(texts).encode(), body)
        except (OSError, struct.error):
            reader = None  # It has ended, and who comes next is not to wait for it.
            return None
        finally:
            self._idle.put(reader)


class _Reader:
    """One process, and the pipes to and from it."""

    def __init__(self, target: Target, *, others: list[_Reader]) -> None:
        """Raises OSError where there can be no process."""
        jobs, self._jobs = _open_pipe()
        self._results, results = _open_pipe()
        self._lock = threading.Lock()
        # Ctrl-C is for this process alone; the other one has to leave it aside from its first moment. So it does with
        # what is handled as Ctrl-C is: it ends when this process has ended.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
        try:
            self._process = os.fork()
            if not self._process:
                _serve(jobs, results, target, unused=[self._jobs, self._results, *(other._jobs for other in others)])
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            os.close(jobs)
            os.close(results)

    def read(self, texts: bytes, body: bytes) -> bytes | None:
        """The dump; None where the page could not be read. Raises OSError where the process has ended."""
        with self._lock:
            _write(self._jobs, _JOB.pack(len(texts), len(body)) + texts + body)
            is_read, size = _RESULT.unpack(_read(self._results, _RESULT.size))
            return _read(self._results, size) if is_read else None

    def end(self) -> None:
        """End the process, whatever it does."""
        with suppress(OSError):
            os.kill(self._process, signal.SIGKILL)
            os.waitpid(self._process, 0)
        with self._lock:  # Whoever waits for an answer learns that there is none.
            os.close(self._jobs)
            os.close(self._results)
            self._jobs = self._results = -1


def _serve(jobs: int, results: int, target: Target, *, unused: list[int]) -> NoReturn:
    """The life of a reader: it ends when nobody can send a job any more, and never returns."""
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        gc.disable()
        for pipe in unused:
            os.close(pipe)
        while True:
            texts_size, body_size = _JOB.unpack(_read(jobs, _JOB.size))
            texts = _read(jobs, texts_size).decode().split("\n")
            dump = _read_page(texts, _read(jobs, body_size), target=target)
            _write(results, _RESULT.pack(dump is not None, len(dump or b"")) + (dump or b""))
    finally:
        # At once: nothing of what this process has from the other one is its own to flush, close or report.
        os._exit(0)


def _read_page(texts: list[str], body: bytes, *, target: Target) -> bytes | None:
    """The dump of a page; None for a body that cannot be read, or links with what may be a secret."""
    url, content_type, packing, name_text, public = texts
    name, location = NormalizedName(name_text), Location(url=Url(public=public))
    content = unpack_gzip(body, limit_bytes=PAGE_LIMIT_BYTES) if packing else body
    if content is None or may_hold_secrets(content):
        return None
    try:
        page = read_project_page(
            content, content_type=content_type, url=url, name=name, location=location, target=target
        )
    except PageError:
        return None
    return dump_project_page(page)


def _open_pipe() -> tuple[int, int]:
    """The ends to read from and to write to."""
    import fcntl

    ends = os.pipe()
    with suppress(OSError):
        fcntl.fcntl(ends[1], fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    return ends


def _write(pipe: int, data: bytes) -> None:
    """Write all. Raises OSError where nobody can read it."""
    with memoryview(data) as view:
        at = os.write(pipe, view)
        while at < len(data):
            at += os.write(pipe, view[at:])


def _read(pipe: int, size: int) -> bytes:
    """So many bytes. Raises OSError where no more can come."""
    data = b""
    while len(data) < size:
        more = os.read(pipe, size - len(data))
        if not more:
            raise BrokenPipeError
        data = data + more if data else more
    return data
