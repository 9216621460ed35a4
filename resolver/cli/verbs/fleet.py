"""The verb `fleet`: lock many lists with many processes, and ask which of them hold a pin.

In: a manifest or a folder, and an output. Out: locks, a result and an index of pins (`resolver.fleet.run`); one line of
progress on a terminal, and a summary. `lock fleet which` answers from the index alone.

    lock fleet apps -o locks -m GPU-A100                  a folder, with processes of this machine
    lock fleet apps.jsonl -o s3://bucket/locks --scheduler tcp://scheduler:8786 --store redis://redis:6379/0
    lock fleet apps.jsonl -o s3://bucket/locks … --changed
    lock fleet which 'torch<2.6'

All options of `lock` that say how a list is locked are options here too, because its own parser reads them. Those that
concern one run beside its list (`--check`, an interpreter to ask, annotations for a workflow) are refused.

Exit codes: 0 if all rows are locked, 3 if one failed, and the code of the error that ended the run before or between.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lockfiles import loads
from resolver.cli.output import render_bytes, show_json, show_message, show_text, write_file
from resolver.cli.parser import LockArguments, parse_lock_arguments
from resolver.cli.recording import current_recording
from resolver.cli.verb_arguments import SafeParser, build_verb_parser, parse_number
from resolver.errors import InputError
from resolver.fleet.journal import open_place
from resolver.fleet.pin_index import Holder, PinIndex, find_last_index
from resolver.fleet.results import Failure, render_count
from resolver.fleet.run import FleetOptions, FleetProgress, FleetResult, lock_fleet
from resolver.fleet.worker import WorkerOptions
from resolver.settings.settings import Settings

__all__ = ["run_fleet"]

_DESCRIPTION = """\
Lock many lists with many processes: the lists of a folder, of a TOML manifest, or of JSON lines. Locks are written to
DIR/SOURCE-FOLDER/, and a run that is repeated does only what is not done. Options of `lock` (-m, --python, -i, -U,
--cache-dir, --offline, --allow-variable …) are read too, and serve every list. Exit code 0 if all are locked, 3 if a
list failed, whose error is a row of DIR/.fleet/results.jsonl.

`lock fleet which REQUIREMENT` names the lists that hold a pin: `lock help fleet which`."""
_WHICH = """\
The lists that hold a pin which REQUIREMENT admits (`torch<2.6`), that an advisory concerns, or that its
index has yanked since. Answered from the index of pins of the last run that has finished, without reading a lock. Exit
code 1 if there is none."""
_REFUSED = ("check", "evaluate", "extras", "groups", "annotates", "credentials", "python_executable", "run_timeout")
"""Fields of `LockArguments` that mean nothing for a list that another machine locks."""
_TICKS = 10
_MOST_REPORTED = 200
_MOST_FAILURES = 5


def run_fleet(argv: Sequence[str], *, program: str) -> int:
    """The exit code of `lock fleet MANIFEST -o DIR`, or of `lock fleet which`."""
    recording = current_recording()
    if recording is not None:
        recording.give_up()  # Other processes have a part in the run.
    if argv and argv[0] == "which":
        return _run_which(argv[1:], program)
    return _run_locks(argv, program)


def _run_locks(argv: Sequence[str], program: str) -> int:
    """Lock the lists, and show the result.

    Standard output has the summary as JSON with `--json`, and nothing else: the locks are files, which workers write.
    """
    parser = _build_parser(program)
    if parser.is_shown:
        parser.parse_args()  # What completes words knows the options of a fleet alone: those of `lock` are many.
    values, rest = parser.parse_known_args(list(argv))
    arguments = parse_lock_arguments(rest, program=f"{program} fleet")
    options = _build_options(values, arguments)
    show = None if arguments.quiet or arguments.as_json else _Display()
    result = lock_fleet(options, observe=show)
    if show is not None:
        show.end()
    if values.report is not None:
        page, shown = _render_report(options.output)
        write_file(values.report, page.encode())
    if arguments.as_json:
        show_json(result.summary)
    elif not arguments.quiet:
        show_message(_render(result, options))
        if values.report is not None:
            show_message(f"  report: {values.report}, with {render_count(shown, 'lock')}; lists that failed have none")
    return result.exit_code


def _build_parser(program: str) -> SafeParser:
    """The parser of the options that `lock` does not have."""
    parser = build_verb_parser(
        program, "fleet", _DESCRIPTION, usage="MANIFEST -o DIR [--scheduler ADDRESS] [--store URL] [options of lock]"
    )
    parser.add_argument(
        "--scheduler", metavar="ADDRESS", help="of dask.distributed; default: processes of this machine"
    )
    parser.add_argument(
        "--workers", metavar="N", type=_parse_count, help="processes of this machine; default: a processor each"
    )
    parser.add_argument(
        "--store", metavar="URL", help="what the workers share of the indexes: redis://…, s3://…, a folder"
    )
    parser.add_argument(
        "--snapshot", metavar="NAME", help="see the indexes as they were under this name; default: as they are"
    )
    parser.add_argument("--changed", action="store_true", help="lock again what rests on pages that have changed")
    parser.add_argument("--index", metavar="FILE", type=Path, help="the index of pins; default: in your state folder")
    parser.add_argument(
        "--report", metavar="FILE", type=Path, help=f"a page about the locks of the result, at most {_MOST_REPORTED}"
    )
    return parser


def _parse_count(text: str) -> int:
    return parse_number(text, lowest=1)


def _build_options(values: argparse.Namespace, arguments: LockArguments) -> FleetOptions:
    """The options of the run. Raises InputError.

    The manifest takes the place of the source, so that `lock` with its options and `lock fleet` read the same words.
    """
    output, settings = arguments.settings.output, arguments.settings
    if len(arguments.sources) != 1:
        raise InputError("a fleet has one manifest", remedy="`lock fleet MANIFEST -o DIR`, or a folder for MANIFEST")
    if output is None or output == "-" or output.endswith(".toml"):
        raise InputError("a fleet needs a folder or a URL to write to", remedy="`-o DIR`")
    if values.changed and values.snapshot is not None:
        raise InputError("`--changed` compares with the indexes as they are, and `--snapshot` names an earlier state")
    for field in _REFUSED:
        if getattr(arguments, field):
            raise InputError(f"`--{field.replace('_', '-')}` has no meaning for a fleet")
    return FleetOptions(
        manifest=Path(arguments.sources[0]),
        output=output,
        index=values.index,
        scheduler=values.scheduler,
        workers=values.workers,
        snapshot=values.snapshot,
        changed=values.changed,
        upgrade=arguments.upgrade,
        arguments=_without_output(settings),
        machines=arguments.machines,
        allowed_variables=arguments.allowed_variables,
        worker=_build_worker(values, arguments),
    )


def _without_output(settings: Settings) -> Settings:
    """The settings of the lists: the output is that of the run."""
    return replace(settings, output=None)


def _build_worker(values: argparse.Namespace, arguments: LockArguments) -> WorkerOptions:
    """The options of all tasks. The folder of the cache is that of each worker's own disk, by the same path."""
    options = WorkerOptions(
        output="",
        run="",
        cache=None if arguments.cache_dir is None else str(Path(arguments.cache_dir).absolute()),
        store=values.store,
        offline=arguments.offline,
        refresh=arguments.refresh,
        allowed_hosts=arguments.allowed_hosts,
        trusted_hosts=arguments.trusted_hosts,
    )
    if arguments.timeout is None:
        return options
    return replace(options, timeout_s=arguments.timeout)


class _Display:
    """Shows `FleetProgress`: a line that is replaced on a terminal, or a line for each tenth in a log.

    What the workers do at a moment is shown by Dask's dashboard.
    """

    def __init__(self) -> None:
        self._is_terminal = sys.stderr is not None and sys.stderr.isatty()
        self._shown = -1

    def __call__(self, progress: FleetProgress) -> None:
        if progress.is_stopping:
            self.end()
            show_message("stopping…")
            return
        text = f"{progress.done} of {render_count(progress.total, 'list')}"
        text += f", {render_count(progress.failed, 'row')} failed" if progress.failed else ""
        if self._is_terminal:
            print(f"\r{text}\x1b[K", end="", file=sys.stderr, flush=True)
            return
        tenth = progress.done * _TICKS // progress.total
        if tenth > self._shown:
            self._shown = tenth
            show_message(text)

    def end(self) -> None:
        """Remove the line."""
        if self._is_terminal:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _render(result: FleetResult, options: FleetOptions) -> str:
    """The summary of a run: counts by state, by cause and by machine type, what failed, and where all else is.

    There may be thousands of failures, so the first ones are shown; all messages are rows of the result.
    """
    summary = result.summary
    states = dict(summary["states"])
    failed = states.pop("failed", 0)
    counts = [f"{states[one]} {one}" for one in ("new", "changed", "unchanged") if one in states]
    locks = render_count(sum(states.values()), "lock") + (f" ({', '.join(counts)})" if counts else "")
    lines = [f"{render_count(summary['sources'], 'list')}: {locks}" + (f", {failed} failed" if failed else "")]
    lines.append(f"  {render_count(result.sent, 'list')} done in this run, {result.kept} kept from earlier ones")
    lines.append(f"  locks total {render_bytes(summary['download_bytes'])} to download")
    lines += [f"  failed by {cause}: {count}" for cause, count in summary["causes"].items()]
    lines += _list_failures(result.failures)
    lines += [_render_machine(name, one) for name, one in summary["machines"].items()]
    lines.append(f"  rows: {options.output.rstrip('/')}/.fleet/results.jsonl; pins: {result.index}")
    return "\n".join(lines)


def _list_failures(failures: Sequence[Failure]) -> list[str]:
    """A line for each of the first failures, and one for the number of lists with others."""
    lines = []
    for one in failures[:_MOST_FAILURES]:
        more = f" and {render_count(one.lists - 1, 'more list')}" if one.lists > 1 else ""
        lines.append(f"    {one.source}{more}: {one.what}")
    rest = sum(one.lists for one in failures[_MOST_FAILURES:])
    return [*lines, f"    … and {rest} more in results.jsonl"] if rest else lines


def _render_machine(name: str, one: Mapping[str, Any]) -> str:
    """The line of one machine type."""
    failed = f", {one['failed']} failed" if one["failed"] else ""
    pins = render_count(one["pins"], "pin")
    return f"  {name}: {one['locked']} locked{failed}, {pins}, {render_bytes(one['download_bytes'])}"


def _render_report(output: str) -> tuple[str, int]:
    """The page of `lock report` about the locks of the result, side by side, and their number.

    A page holds every pin of its locks, so it shows the first ones: changed ones, then new ones, then others.
    """
    # Lazy: few runs have a page.
    from resolver.fetch.projects.pages import default_index_url
    from resolver.report.report_data import ReportSource, build_report
    from resolver.report.report_page import render_report

    place = open_place(output)
    rows = [json.loads(line) for line in (place.read(".fleet/results.jsonl") or b"").splitlines()]
    locked = [row for row in rows if row["state"] != "failed"]
    locked.sort(key=lambda row: ("changed", "new", "unchanged").index(row["state"]))
    sources = []
    for row in locked[:_MOST_REPORTED]:
        data = place.read(row["lock"])
        if data is not None:
            name = row["source"] if row["machine"] is None else f"{row['source']} ({row['machine']})"
            sources.append(ReportSource(name=name, lockfile=loads(data.decode())))
    return render_report(build_report(sources, default_index=default_index_url().public)), len(sources)


def _run_which(argv: Sequence[str], program: str) -> int:
    """The lists that hold what is looked for; exit code 1 if there is none.

    Several REQUIREMENTs and options name the lists that any of them finds; each pin of a list is named once.
    """
    parser = build_verb_parser(program, "fleet which", _WHICH)
    parser.add_argument("requirement", nargs="*", metavar="REQUIREMENT", help="`torch<2.6`, `'requests'`")
    parser.add_argument("--vulnerable", metavar="OSV", help="a folder or zip of advisories, or its URL")
    parser.add_argument("--yanked", action="store_true", help="files that their index has yanked since")
    parser.add_argument("--index", metavar="FILE", type=Path, help="default: that of your last run that has finished")
    parser.add_argument("--parquet", metavar="FILE", type=Path, help="write every pin of every lock to FILE")
    parser.add_argument("--json", dest="as_json", action="store_true", help="the same facts as JSON")
    parser.add_argument("--allow-host", metavar="HOST", action="append", default=[], help="HOST may be a private one")
    values = parser.parse_args(list(argv))
    if not (values.requirement or values.vulnerable or values.yanked or values.parquet):
        parser.error("name a REQUIREMENT, --vulnerable, --yanked or --parquet")
    with PinIndex(values.index or find_last_index()) as index:
        output, count = index.find_output(), index.count_sources()
        if values.parquet is not None:
            show_message(f"{index.export_parquet(values.parquet)} pins in `{values.parquet}`")
        found = _find(index, values)
    if values.as_json:
        show_json({"schema": 1, "holders": [_as_json(one) for one in found]})
    else:
        show_text("\n".join(map(_render_holder, found)))
    if found or not (values.requirement or values.vulnerable or values.yanked):
        return 0
    show_message(f"no list of the {count} in `{output}` holds such a pin")
    return 1


def _find(index: PinIndex, values: argparse.Namespace) -> list[Holder]:
    """What is looked for, by source.

    Only `--vulnerable` with a URL and `--yanked` reach hosts; what they ask is read as the verb `audit` reads it, with
    the same options for private hosts.
    """
    found = [holder for text in values.requirement for holder in index.find_holders(text)]
    if values.vulnerable is not None or values.yanked:
        # Lazy: a query for a requirement reaches no host.
        from resolver.cli.host_options import read_access
        from resolver.fetch.projects.listings import fetch_listings, read_advisories
        from resolver.locking.plan_secrets import open_session

        with open_session(read_access(values)) as session:
            if values.vulnerable is not None:
                found += index.find_vulnerable(read_advisories(values.vulnerable, session=session))
            if values.yanked:
                listings = fetch_listings(index.list_projects(), session=session)
                found += index.find_yanked({key: one.files for key, one in listings.items() if one is not None})
    return sorted(dict.fromkeys(found), key=lambda one: (one.source, one.name, one.version))


def _render_holder(one: Holder) -> str:
    """`apps/chat/app.py: torch 2.5.1 on GPU-A100, GPU-H100 (GHSA-…)`.

    One line for a version of a project in a list, so that the output can be counted and cut.
    """
    machines = f" on {', '.join(one.machines)}" if one.machines else ""
    detail = f" ({one.detail})" if one.detail else ""
    return f"{one.source}: {one.name} {one.version}{machines}{detail}"


def _as_json(one: Holder) -> dict[str, object]:
    """A holder as data."""
    return {
        "source": one.source,
        "machines": list(one.machines),
        "name": one.name,
        "version": one.version,
        "detail": one.detail,
    }
