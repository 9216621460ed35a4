"""What becomes of each lock of a run: the exit code, what standard error is told, the document that `--json` prints."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from resolver.cli.arguments import LockArguments
from resolver.cli.output import describe_error
from resolver.cli.terminal import escape_text, write_output
from resolver.errors import PinfoldError
from resolver.plan import LockPlan

__all__ = ["LockKey", "LockOutcomes", "key_of", "tell"]

LockKey = tuple[str | None, str | None]
"""What the document of a lock goes by: the name of its source (None: of all), and the label of its machine types."""


class LockOutcomes:
    """The outcomes of one run. `code` is the exit code so far: the highest wins."""

    def __init__(self, arguments: LockArguments) -> None:
        self.code = 0
        self._arguments = arguments
        self._documents: dict[LockKey, dict[str, object]] = {}
        self._order: list[LockKey] = []
        self._warned: set[str] = set()

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources that have an outcome already."""
        return tuple(dict.fromkeys(name for name, _ in self._documents if name is not None))

    def expect(self, key: LockKey) -> None:
        """Let the document of this key, if there will be one, stand behind those expected before."""
        self._order.append(key)

    def note(self, key: LockKey, document: dict[str, object], *, code: int = 0) -> None:
        """Keep what has become of a lock."""
        self._documents[key] = document
        self.code = max(self.code, code)

    @contextmanager
    def attempt(self, key: LockKey) -> Iterator[None]:
        """The error of one lock (or of all) is told, and the next one is tried."""
        try:
            yield
        except PinfoldError as error:
            name, machine = key
            where = "" if machine is None or len(self._arguments.machines) < 2 else f"for {machine}: "
            tell(f"error: {where}{error}")
            if self._arguments.annotates:
                # Lazy: only a workflow of GitHub reads annotations.
                from resolver.cli.check_annotations import annotate_error

                annotate_error(error, name)
            document: dict[str, object] = {
                "source": name,
                **({} if machine is None else {"machine_types": machine}),
                **describe_error(error),
            }
            self.note(key, document, code=error.exit_code)

    def warn(self, warnings: Sequence[str]) -> None:
        """Tells each warning once a run: locks of one list have most of theirs in common."""
        for warning in warnings:
            if warning not in self._warned:
                self._warned.add(warning)
                tell(f"warning: {warning}")

    def print_document(self) -> None:
        """Prints the documents in the order of the sources and machine types."""
        # Lazy: only --json needs it.
        import json

        order = {key: place for place, key in enumerate(self._order)}
        locks = sorted(self._documents.items(), key=lambda row: order.get(row[0], 0))
        document = {"schema": 1, "exit_code": self.code, "locks": [lock for _, lock in locks]}
        write_output(f"{json.dumps(document, indent=2)}\n".encode())


def key_of(plan: LockPlan) -> LockKey:
    """The key of a plan's lock."""
    return plan.source.name, plan.machines.label


def tell(message: str) -> None:
    """Prints a message on standard error."""
    print(escape_text(message), file=sys.stderr, flush=True)
