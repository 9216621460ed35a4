"""Processes that parse project pages while this process sends requests.

In: the bodies of pages as they were received. Out: pages as `dump_project_page` writes them. Parsing takes two thirds
of a cold run, and threads would parse one after the other under the interpreter's lock.

The processes are forked, so that they have all imported modules and the target at once, and before this one has a
second thread. They write no file, send no request and get no secret, so they may be killed at any moment. A page that
they cannot read is read again in this process, which raises the error.

A module of its own, because it is the one place that forks. It is used on Linux alone: elsewhere a fork is not safe,
and a new interpreter takes as long to start as it saves.
"""

from __future__ import annotations

import gc
import os
import queue
import select
import signal
import struct
import threading
from contextlib import suppress
from typing import NoReturn

from packaging.utils import NormalizedName

from resolver.fetch.access import Cancellation
from resolver.fetch.http.freshness import PAGE_LIMIT_BYTES, unpack_gzip
from resolver.fetch.http.responses import may_hold_secrets
from resolver.fetch.http.wire import SLICE_S
from resolver.index.location import Location
from resolver.index.page_building import PageError, read_project_page
from resolver.index.project_page import dump_project_page
from resolver.requirements.url import Url
from resolver.targets.target import Target

__all__ = ["PageReaders"]

_JOB = struct.Struct("<II")
"""The head of a job: bytes of the texts, bytes of the body."""
_RESULT = struct.Struct("<?I")
"""The head of a result: whether the page could be read, bytes of the dump."""
_PIPE_BYTES = 1 << 20
"""The most that Linux gives a user without privileges: most pages go through in one piece."""


class PageReaders:
    """Processes that read pages for one target. May be used from many threads at once.

    None are started where there are threads already: a fork would copy the locks that they hold. Then `read` returns
    None for every page.
    """

    def __init__(self, count: int, *, target: Target, ending: Cancellation) -> None:
        self._readers: list[_Reader] = []
        # None in place of a reader that has ended, so that no thread waits for it.
        self._idle: queue.SimpleQueue[_Reader | None] = queue.SimpleQueue()
        for _ in range(count if threading.active_count() == 1 else 0):
            try:
                reader = _Reader(target, others=self._readers, ending=ending)
            except OSError:
                break
            self._readers.append(reader)
            self._idle.put(reader)
        if not self._readers:
            self._idle.put(None)
        self.is_closed = False

    def close(self) -> None:
        """End all processes at once, in the middle of a page too."""
        self.is_closed = True
        for reader in self._readers:
            reader.end()

    def read(
        self, body: bytes, *, is_packed: bool, url: str, content_type: str, name: NormalizedName, location: Location
    ) -> bytes | None:
        """The dump of the page of a project on an index; None for a page that this process has to read.

        `url` is that of the response, after redirects. Waits for an idle process. Raises RunCancelledError.
        """
        reader = self._idle.get()
        try:
            if reader is None:
                return None
            texts = (url, content_type, "gzip" if is_packed else "", name, location.url.public)
            return reader.read("\n".join(texts).encode(), body)
        except (OSError, struct.error):
            reader = None  # The process has ended.
            return None
        finally:
            self._idle.put(reader)


class _Reader:
    """One process, and the pipes to and from it."""

    def __init__(self, target: Target, *, others: list[_Reader], ending: Cancellation) -> None:
        """Raises OSError where no process can be started."""
        self._ending = ending
        jobs, self._jobs = _open_pipe()
        self._results, results = _open_pipe()
        self._lock = threading.Lock()
        # Ctrl-C goes to all processes of a terminal. Only this one handles it, and the signals that are handled alike;
        # the new one ignores Ctrl-C from its first moment and ends when this process has ended.
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
            waiting = select.poll()
            waiting.register(self._results, select.POLLIN)
            while not waiting.poll(SLICE_S * 1000):
                self._ending.check()
            is_read, size = _RESULT.unpack(_read(self._results, _RESULT.size))
            return _read(self._results, size) if is_read else None

    def end(self) -> None:
        """End the process, in the middle of a page too."""
        with suppress(OSError):
            os.kill(self._process, signal.SIGKILL)
            os.waitpid(self._process, 0)
        # A thread that waits for a result holds the lock until the end of its pipe.
        with self._lock:
            os.close(self._jobs)
            os.close(self._results)
            self._jobs = self._results = -1


def _serve(jobs: int, results: int, target: Target, *, unused: list[int]) -> NoReturn:
    """Read pages in a new process until no process can send a job any more; then end this one."""
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
        # Without cleaning up: files, pools and buffers in memory belong to the process that was forked.
        os._exit(0)


def _read_page(texts: list[str], body: bytes, *, target: Target) -> bytes | None:
    """The dump of a page; None for a body that cannot be read, or that may link with a secret."""
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
    """The ends of a pipe to read from and to write to."""
    # Lazy: Windows has no such module.
    import fcntl

    ends = os.pipe()
    with suppress(OSError):
        fcntl.fcntl(ends[1], fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    return ends


def _write(pipe: int, data: bytes) -> None:
    """Write all bytes. Raises OSError where the other end is closed."""
    with memoryview(data) as view:
        at = os.write(pipe, view)
        while at < len(data):
            at += os.write(pipe, view[at:])


def _read(pipe: int, size: int) -> bytes:
    """The next `size` bytes. Raises OSError where the other end is closed before."""
    data = b""
    while len(data) < size:
        more = os.read(pipe, size - len(data))
        if not more:
            raise BrokenPipeError
        data = data + more if data else more
    return data
