"""Callbacks of questions that are asked ahead: of several pages at once, and one after the other in each thread."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from resolver.fetch.workers import Task
from resolver.index.project_page import ProjectPage

__all__ = ["CallbackQueue", "PageBarrier"]

_T = TypeVar("_T")


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
