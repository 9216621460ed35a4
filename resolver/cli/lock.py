"""The verb `lock`: plan every source, then check each lock, or make and write it.

Each source is tried, whatever happens to the others; the highest exit code wins.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.utils import NormalizedName

from lockfiles import Lockfile
from resolver.checking import check_lockfile
from resolver.cli.arguments import LockArguments, render_options
from resolver.cli.terminal import escape_text, write_output
from resolver.errors import InputError, PinfoldError
from resolver.plan import LockPlan, place_locks, plan_lock, read_old_lock
from resolver.sources.reader import read_source
from resolver.sources.source import Source, StandardInput

if TYPE_CHECKING:
    from lockfiles import Comparison
    from resolver.workflow import Access, Upgrade

__all__ = ["run_lock"]

_DIFFERS = 1


def run_lock(arguments: LockArguments) -> int:
    """The exit code of `lock` with these arguments."""
    run = _Run(arguments)
    run.lock_all()
    return run.code


class _Run:
    """One run over all its sources. `code` is the exit code so far."""

    def __init__(self, arguments: LockArguments) -> None:
        self.code = 0
        self._arguments = arguments
        self._since = time.monotonic()
        self._folder = Path.cwd()
        self._locked_names: set[NormalizedName] = set()
        self._documents: dict[str | None, dict[str, object]] = {}

    def lock_all(self) -> None:
        """Reads all sources, then locks or checks each."""
        if self._arguments.verbose:
            _show_requests()
        for source, path in self._place_all():
            with self._errors_become_codes(source.name):
                self._lock_one(source, path)
        for name in sorted(set(self._arguments.upgrade_packages) - self._locked_names):
            _tell(f"warning: `--upgrade-package {name}` lets go of nothing: no old lock has it")
        if self._arguments.as_json:
            self._print_document()

    def _print_document(self) -> None:
        # Lazy: only --json needs it.
        import json

        order = [_name_source(argument) for argument in self._arguments.sources]
        locks = sorted(self._documents.items(), key=lambda row: order.index(row[0]) if row[0] in order else 0)
        document = {"schema": 1, "exit_code": self.code, "locks": [lock for _, lock in locks]}
        write_output(f"{json.dumps(document, indent=2)}\n".encode())

    def _place_all(self) -> list[tuple[Source, Path | None]]:
        """The sources that can be read, each with the place of its lock; none if two locks would share a place."""
        sources: list[Source] = []
        for argument in self._arguments.sources or (None,):
            with self._errors_become_codes(_name_source(argument)):
                sources.append(self._read(argument))
        unreadable = [name for name in self._documents if name is not None]
        paths: tuple[Path | None, ...] = ()
        with self._errors_become_codes(None):
            paths = place_locks(sources, self._arguments.settings, folder=self._folder, unreadable=unreadable)
        return list(zip(sources, paths, strict=False))

    def _read(self, argument: str | None) -> Source:
        arguments = self._arguments
        return read_source(argument, folder=self._folder, extras=arguments.extras, groups=arguments.groups)

    @contextmanager
    def _errors_become_codes(self, name: str | None) -> Iterator[None]:
        """The error of the source of that name (None: of all) is told, and the next source is tried."""
        try:
            yield
        except PinfoldError as error:
            _tell(f"error: {error}")
            self._documents[name] = {"source": name, "error": str(error), "exit_code": error.exit_code}
            self.code = max(self.code, error.exit_code)

    def _lock_one(self, source: Source, path: Path | None) -> None:
        arguments = self._arguments
        old = read_old_lock(path, folder=self._folder)
        self._locked_names.update(() if old is None else (package.name for package in old.pylock.packages))
        plan = plan_lock(
            source,
            arguments=arguments.settings,
            path=path,
            old=old,
            folder=self._folder,
            variables=os.environ,
            now=datetime.now(UTC),
            upgrade=arguments.upgrade,
            # A check asks what was written down; without a lock that was made here its answer needs no Python.
            may_ask_host=not arguments.check or old is None or old.tool is None,
        )
        if not arguments.check:
            self._make(plan)
        elif old is None:
            self._say_no(plan, ["there is no such file"])
        elif arguments.refresh and old.tool is not None:
            self._make(plan)
        else:
            self._check(plan, old)

    def _check(self, plan: LockPlan, old: Lockfile) -> None:
        """Compares the lock with the list and the settings, without a network."""
        differences = check_lockfile(
            old,
            canonical_layers=plan.layers,
            settings=plan.recorded_settings,
            target=plan.target,
            entries=plan.requirement_list.entries,
            constraints=plan.requirement_list.constraints,
            overridden=frozenset(entry.name for entry in plan.overrides if entry.name is not None),
            index_strategy=plan.settings.index_strategy or "first-index",
        )
        self._answer(plan, [str(difference) for difference in differences])

    def _make(self, plan: LockPlan) -> None:
        """Makes the lock; writes it, or under --check says how it would differ."""
        # Lazy: `--check` needs neither the solver nor the fetcher.
        from resolver.workflow import lock

        outcome = lock(plan, access=self._access(), upgrade=self._upgrade())
        comparison = _compare(plan.old, outcome.lockfile) if plan.old is not None else None
        for warning in outcome.warnings:
            _tell(f"warning: {warning}")
        if self._arguments.check:
            self._answer(plan, str(comparison).splitlines() if comparison else [])
            return
        written = _put(outcome.lockfile, plan.path, name=self._show(plan.path))
        if self._arguments.quiet and not self._arguments.as_json:
            return
        # Lazy: a quiet run reports nothing.
        from resolver.cli.summary import LockReport, render_report, report_as_json

        report = LockReport(
            source=plan.source.name,
            path=None if plan.path is None else self._show(plan.path),
            outcome=outcome,
            comparison=comparison,
            written=written,
            python_rule=plan.python_rule,
            duration_s=self._split_time(),
        )
        if self._arguments.as_json:
            self._documents[report.source] = report_as_json(report)
        if not self._arguments.quiet:
            print(render_report(report), file=sys.stderr)

    def _split_time(self) -> float:
        """Seconds since the lock before, or since the start: reading and parsing count too."""
        before, self._since = self._since, time.monotonic()
        return self._since - before

    def _access(self) -> Access:
        # Lazy, as above: the type comes with the workflow.
        from resolver.workflow import Access

        arguments = self._arguments
        return Access(
            cache_folder=_cache_folder(arguments),
            offline=arguments.offline,
            refresh=arguments.refresh,
            announce=None if arguments.quiet else _tell,
        )

    def _upgrade(self) -> Upgrade:
        from resolver.workflow import Upgrade

        return Upgrade(everything=self._arguments.upgrade, names=frozenset(self._arguments.upgrade_packages))

    def _answer(self, plan: LockPlan, differences: list[str]) -> None:
        if differences:
            self._say_no(plan, differences)
            return
        self._note(plan, [])
        if not self._arguments.quiet:
            _tell(f"{plan.source.name}: {self._show(plan.path)} fits")

    def _say_no(self, plan: LockPlan, differences: list[str]) -> None:
        self.code = max(self.code, _DIFFERS)
        place = self._show(plan.path)
        self._note(plan, differences)
        lines = "".join(f"\n  {line}" for line in differences)
        argument = "-" if isinstance(plan.source.form, StandardInput) else plan.source.name
        options = render_options(self._arguments.settings)
        _tell(f"{plan.source.name}: {place} does not fit{lines}\n  try: `lock {argument}{options}`")

    def _note(self, plan: LockPlan, differences: list[str]) -> None:
        name = plan.source.name
        self._documents[name] = {"source": name, "lockfile": self._show(plan.path), "differences": differences}

    def _show(self, path: Path | None) -> str:
        """A path as the user would write it from here."""
        if path is None:
            return "standard output"
        return path.relative_to(self._folder).as_posix() if path.is_relative_to(self._folder) else str(path)


def _compare(old: Lockfile, new: Lockfile) -> Comparison:
    # Lazy: only a relock has two locks.
    from lockfiles import compare

    return compare(old, new)


def _name_source(argument: str | None) -> str:
    """What messages call the source of an argument, as `read_source` does."""
    return {None: "pyproject.toml", "-": "standard input"}.get(argument, argument or "")


def _put(lockfile: Lockfile, path: Path | None, *, name: str) -> bool:
    """Writes the lock to its file, or prints it; whether the file has changed. Raises InputError with its `name`."""
    # Lazy: `--check` writes nothing.
    from lockfiles import dumps, write

    if path is None:
        # TOML is UTF-8 with line feeds, whatever the terminal is.
        write_output(dumps(lockfile).encode("utf-8"))
        return True
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return write(lockfile, path)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise InputError(f"`{name}` cannot be written: {reason}\n  try: another place, with `-o`") from error


def _cache_folder(arguments: LockArguments) -> Path:
    """`--cache-dir`, else `PINFOLD_CACHE_DIR`, else the user's cache folder."""
    named = arguments.cache_dir or os.environ.get("PINFOLD_CACHE_DIR")
    if named:
        return Path(named)
    # Lazy: a check and a run with --cache-dir need no answer from it.
    from platformdirs import user_cache_path

    return user_cache_path("pinfold", appauthor=False)


def _show_requests() -> None:
    """Our own records go to standard error; those of libraries could hold what we keep out of ours."""
    # Lazy: it takes 8 ms.
    from resolver.cli.request_log import show_requests

    show_requests()


def _tell(message: str) -> None:
    print(escape_text(message), file=sys.stderr, flush=True)
