"""Background work: one task a key, however often and from wherever it is asked for.

A task that somebody needs now, but that no worker has begun, is done by whoever needs it: demand never waits behind
speculation. Threads are daemons and start on first need, so a warm run starts none and Ctrl-C waits for none.
`concurrent.futures` has neither property, and takes 8 ms to import.

Callbacks of questions that are asked ahead: of several pages at once, and one after the other in each thread.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from functools import partial
from typing import Any, Generic, TypeVar

from resolver.index.project_page import ProjectPage

__all__ = [
    "CallbackQueue",
    "PageBarrier",
    "Task",
    "Workers",
]


_T = TypeVar("_T")


class Task(Generic[_T]):
    """Work that is done at most once; its result or its error is kept."""

    __slots__ = ("_begun", "_callbacks", "_done", "_error", "_lock", "_result", "_work")

    def __init__(self, work: Callable[[], _T]) -> None:
        self._work: Callable[[], _T] | None = work
        self._lock = threading.Lock()
        self._done: threading.Event | None = None
        self._begun = False
        self._result: _T | None = None
        self._error: BaseException | None = None
        self._callbacks: list[Callable[[Task[_T]], None]] | None = []

    @classmethod
    def of(cls, result: _T) -> Task[_T]:
        """A task that is done."""
        task = cls(lambda: result)
        task.run()
        return task

    @property
    def is_done(self) -> bool:
        """Whether there is a result or an error."""
        return self._callbacks is None

    @property
    def has_failed(self) -> bool:
        """Whether it ended with an error."""
        return self._error is not None

    def run(self) -> None:
        """Do the work unless somebody has begun it."""
        with self._lock:
            if self._begun:
                return
            self._begun = True
            work, self._work = self._work, None
        assert work is not None
        try:
            self._result = work()
        except BaseException as error:  # Kept, and raised wherever the result is asked for.
            self._error = error
            self._finish()
            if not isinstance(error, Exception):
                raise
        else:
            self._finish()

    def cancel(self, error: BaseException) -> None:
        """Let a task that nobody has begun end with this error."""
        with self._lock:
            if self._begun:
                return
            self._begun = True
            self._work = None
        self._error = error
        self._finish()

    def result(self) -> _T:
        """The result, waiting for it or doing the work here; raises what the work raised."""
        if not self._begun:
            self.run()
        if self._callbacks is not None:
            with self._lock:
                waiter = self._done = self._done or threading.Event()
                finished = self._callbacks is None
            if not finished:
                waiter.wait()
        if self._error is not None:
            raise self._error
        return self._result  # type: ignore[return-value]  # None only where T has it

    def then(self, callback: Callable[[Task[_T]], None]) -> None:
        """Call back once it is done: now, if it is."""
        with self._lock:
            if self._callbacks is not None:
                self._callbacks.append(callback)
                return
        callback(self)

    def _finish(self) -> None:
        with self._lock:
            callbacks, self._callbacks = self._callbacks, None
            waiter = self._done
        if waiter is not None:
            waiter.set()
        for callback in callbacks or ():
            callback(self)


class Workers:
    """Threads that do tasks in the order in which they were asked for, and a memory of all tasks by key."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._condition = threading.Condition()
        self._queue: deque[Task[Any]] = deque()
        self._tasks: dict[Hashable, Task[Any]] = {}
        self._threads: list[threading.Thread] = []
        self._idle = 0
        self._busy = 0
        self._closed = False
        self._then: Callable[[], None] = lambda: None

    def find(self, key: Hashable) -> Task[Any] | None:
        """The task of a key, or None."""
        return self._tasks.get(key)

    def find_or_add(self, key: Hashable, task: Task[_T]) -> Task[_T]:
        """The task of a key: this one, or the one that was first. Nobody does it before it is scheduled or needed."""
        return self._tasks.setdefault(key, task)

    def schedule(self, task: Task[Any]) -> None:
        """Have a thread do the task, when its turn comes."""
        with self._condition:
            if self._closed or task.is_done:
                return
            self._queue.append(task)
            if len(self._queue) <= self._idle:
                self._condition.notify()
            elif len(self._threads) < self._count:
                thread = threading.Thread(target=self._work, name=f"pinfold-{len(self._threads)}", daemon=True)
                self._threads.append(thread)
                thread.start()

    def close(self, error: BaseException, *, then: Callable[[], None] = lambda: None) -> None:
        """Cancel what nobody has begun, and call `then` once nothing is under way: now, or from the last thread.

        Nobody waits for a speculation that is no longer needed.
        """
        with self._condition:
            if self._closed:
                return
            self._closed = True
            queued = list(self._queue)
            self._queue.clear()
            self._then = then
            busy = self._busy
            self._condition.notify_all()
        for task in queued:
            task.cancel(error)
        if not busy:
            then()

    def join(self, timeout_s: float) -> bool:
        """Whether all threads have ended within the time; call after `close`."""
        deadline = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _work(self) -> None:
        while (task := self._take()) is not None:
            task.run()
            with self._condition:
                self._busy -= 1
                last = self._closed and not self._busy
            if last:
                self._then()

    def _take(self) -> Task[Any] | None:
        """The next task, waiting for one; None once closed."""
        with self._condition:
            while not self._queue:
                if self._closed:
                    return None
                self._idle += 1
                self._condition.wait()
                self._idle -= 1
            self._busy += 1
            return self._queue.popleft()


class PageBarrier:
    """Calls back once when all of some page tasks are done, with the pages found, in order."""

    def __init__(
        self, tasks: Sequence[Task[ProjectPage | None]], then: Callable[[Sequence[ProjectPage]], None]
    ) -> None:
        self._tasks = tasks
        self._then = then
        self._lock = threading.Lock()
        self._left = len(tasks)

    def start(self) -> None:
        for task in self._tasks:
            task.then(self._count)

    def _count(self, task: Task[ProjectPage | None]) -> None:
        with self._lock:
            self._left -= 1
            if self._left:
                return
        if not any(task.has_failed for task in self._tasks):
            self._then([page for page in (task.result() for task in self._tasks) if page is not None])


class CallbackQueue(threading.local):
    """Calls one after the other, in order, instead of one inside the other: chains of stored answers can be long."""

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], None]] | None = None

    def call(self, then: Callable[[_T], None], value: _T) -> None:
        call = partial(then, value)
        if self._waiting is not None:
            self._waiting.append(call)
            return
        self._waiting = deque([call])
        try:
            while self._waiting:
                self._waiting.popleft()()
        finally:
            self._waiting = None
