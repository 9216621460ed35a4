"""An app of the example's fleet. Its list is read, and this file is never run."""

from __future__ import annotations

from typing import ClassVar


class App:
    """Stands for the platform's own base class."""

    requirements: ClassVar[list[str]]


class Chat(App):
    """Answers what is typed; the manifest says for which machine types it is locked."""

    requirements: ClassVar[list[str]] = ["requests>=2.32", "idna"]
