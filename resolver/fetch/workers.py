"""Background work: one task for each key, run by a few daemon threads or by the thread that needs its result.

In: functions to run, under a key. Out: `Task` values, each with one result or one error. A task that no worker has
begun when its result is needed runs in the thread that needs it, so a needed result never waits behind prefetches.

It is a module of its own because `concurrent.futures` has neither property that a run relies on, and takes 8 ms to
import: threads start with the first scheduled task (a warm run starts none), and they are daemons (Ctrl-C waits for
none). Downloads (`resolver.artifacts`) and the package source share it.

Callbacks of prefetches are here too: `PageBarrier` joins several page tasks, `CallbackQueue` flattens recursion.
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
    """Work that runs at most once; its result or its error is kept. May be used from many threads.

    A run makes one for each page and file, most of which are done when they are made: hence the slots.
    """

    __slots__ = ("_begun", "_callbacks", "_done", "_error", "_lock", "_result", "_work")

    def __init__(self, work: Callable[[], _T]) -> None:
        self._work: Callable[[], _T] | None = work
        self._lock = threading.Lock()
        # Made by the first thread that has to wait: most tasks are done by then, and an event is slow to make.
        self._done: threading.Event | None = None
        self._begun = False
        self._result: _T | None = None
        self._error: BaseException | None = None
        # None once there is a result or an error.
        self._callbacks: list[Callable[[Task[_T]], None]] | None = []

    @classmethod
    def of(cls, result: _T) -> Task[_T]:
        """A task that is done and has this result."""
        task = cls(lambda: result)
        task.run()
        return task

    @property
    def is_done(self) -> bool:
        """Whether there is a result or an error."""
        return self._callbacks is None

    @property
    def has_failed(self) -> bool:
        """Whether the work ended with an error; False while it has not ended."""
        return self._error is not None

    def run(self) -> None:
        """Do the work, unless a thread has begun it already.

        An `Exception` is kept for `result`. Others, such as KeyboardInterrupt, are kept and raised here as well.
        """
        with self._lock:
            if self._begun:
                return
            self._begun = True
            work, self._work = self._work, None
        assert work is not None
        try:
            self._result = work()
        except BaseException as error:  # Kept: each call of `result` raises it.
            self._error = error
            self._finish()
            if not isinstance(error, Exception):
                raise
        else:
            self._finish()

    def cancel(self, error: BaseException) -> None:
        """End the task with this error, unless a thread has begun it."""
        with self._lock:
            if self._begun:
                return
            self._begun = True
            self._work = None
        self._error = error
        self._finish()

    def result(self) -> _T:
        """The result: runs the work in this thread if no other has begun it, else waits. Raises the work's error."""
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
        return self._result  # type: ignore[return-value]  # None only where T includes None

    def then(self, callback: Callable[[Task[_T]], None]) -> None:
        """Call `callback` with this task when it is done: immediately if it is, else in the thread that ends it."""
        with self._lock:
            if self._callbacks is not None:
                self._callbacks.append(callback)
                return
        callback(self)

    def _finish(self) -> None:
        """Mark the task as done, wake the waiting threads, and run the callbacks in the order of their addition."""
        with self._lock:
            callbacks, self._callbacks = self._callbacks, None
            waiter = self._done
        if waiter is not None:
            waiter.set()
        for callback in callbacks or ():
            callback(self)


class Workers:
    """Up to `count` threads that run scheduled tasks in order, and the one task of each key."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._condition = threading.Condition()
        self._queue: deque[Task[Any]] = deque()
        self._tasks: dict[Hashable, Task[Any]] = {}
        self._threads: list[threading.Thread] = []
        # Threads that wait for a task, and threads that run one.
        self._idle = 0
        self._busy = 0
        self._closed = False
        self._then: Callable[[], None] = lambda: None

    def find(self, key: Hashable) -> Task[Any] | None:
        """The task of a key, or None."""
        return self._tasks.get(key)

    def find_or_add(self, key: Hashable, task: Task[_T]) -> Task[_T]:
        """The task of a key: this one, or the one added first. It does not run until it is scheduled or needed."""
        return self._tasks.setdefault(key, task)

    def schedule(self, task: Task[Any]) -> None:
        """Queue the task for a worker thread, and start one if all are busy. Does nothing after `close`."""
        with self._condition:
            if self._closed or task.is_done:
                return
            self._queue.append(task)
            # A thread is started only if no waiting one is left for this task.
            if len(self._queue) <= self._idle:
                self._condition.notify()
            elif len(self._threads) < self._count:
                thread = threading.Thread(target=self._work, name=f"pinfold-{len(self._threads)}", daemon=True)
                self._threads.append(thread)
                thread.start()

    def close(self, error: BaseException, *, then: Callable[[], None] = lambda: None) -> None:
        """Cancel the queued tasks with `error`, and call `then` when no worker runs a task any more.

        It returns without waiting: `then` is called here if all workers are idle, else by the last busy one.
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
        """Run tasks until the workers are closed: the body of each thread."""
        while (task := self._take()) is not None:
            task.run()
            with self._condition:
                self._busy -= 1
                last = self._closed and not self._busy
            if last:
                self._then()

    def _take(self) -> Task[Any] | None:
        """The next task, after waiting for one; None once closed."""
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
    """Calls `then` once, when all page tasks are done, with the pages found in the order of the tasks.

    It does not call `then` if a task has failed: the error is raised where that page is needed.
    """

    def __init__(
        self, tasks: Sequence[Task[ProjectPage | None]], then: Callable[[Sequence[ProjectPage]], None]
    ) -> None:
        self._tasks = tasks
        self._then = then
        self._lock = threading.Lock()
        self._left = len(tasks)

    def start(self) -> None:
        """Count the tasks as they end; `then` may be called before this returns."""
        for task in self._tasks:
            task.then(self._count)

    def _count(self, task: Task[ProjectPage | None]) -> None:
        """Note one ended task, and call `then` after the last."""
        with self._lock:
            self._left -= 1
            if self._left:
                return
        if not any(task.has_failed for task in self._tasks):
            self._then([page for page in (task.result() for task in self._tasks) if page is not None])


class CallbackQueue(threading.local):
    """Runs callbacks one after the other in each thread, instead of one inside another.

    A callback of a prefetch starts the next prefetch. Where all pages are stored, each ends at once, and the chain
    would exceed the recursion limit.
    """

    def __init__(self) -> None:
        # None while no callback of this thread runs.
        self._waiting: deque[Callable[[], None]] | None = None

    def call(self, then: Callable[[_T], None], value: _T) -> None:
        """Call `then(value)`: now, or after the running callback of this thread has returned."""
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
