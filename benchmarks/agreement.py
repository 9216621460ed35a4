"""Whether `lock` pins what uv and pip pin: the same lists, target and cut-off, compared project by project.

    python -m benchmarks.agreement benchmarks/lists/agreement.toml
    python -m benchmarks.agreement requirements.txt --tools lock,pip
    python -m benchmarks.agreement benchmarks/lists/orders.toml --pip --orders 3 --sdists --python 3.12 \\
        --store ~/replay --limit-s 180

Each tool gets the same question once, and the first is held against each of the others. Where this machine has an
interpreter of the list's Python, all get its patch release, since pip evaluates markers for no other; a Python that is
not here is a question for `lock` and uv alone. Exit code 1 says that some list differs. Two tools that both
find no solution agree; a tool that takes longer than `--limit-s` gave no answer.

With `--orders 3` each list is asked for as written, reversed and sorted, since a resolver decides in list order. For
listed projects that `lock` pins to an older version than the other tool, the report gives the days between the two
upload times. With `--store` the tools read the index through a replay on loopback that offers metadata files (PEP 658):
behind an index without them pip downloads every wheel that it considers.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import httpx
from packaging.requirements import Requirement
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    NormalizedName,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import Version

from benchmarks.replay_index import running_index
from benchmarks.tools import TOOLS, NoSolution, Pins, Question, ToolError, ToolTimeoutError, render_difference
from resolver.fetch.projects.pages import default_index_url

__all__ = ["RequirementList", "iter_orders", "main", "read_lists"]

PYTHON = "3.11"
CUT_OFF = "2026-11-01T00:00:00Z"
FAR_BEHIND_DAYS = 120
SLOW_S, QUICK_S = 60, 20


@dataclass(frozen=True, slots=True, kw_only=True)
class RequirementList:
    """A list to resolve: its name in the report, its items in order, and its Python, None for that of the run."""

    name: str
    requirements: tuple[str, ...]
    python: str | None = None


def read_lists(path: Path) -> list[RequirementList]:
    """The lists in a TOML file of `[[list]]` tables, or the one list that a requirements file is."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".toml":
        tables = tomllib.loads(text)["list"]
        return [
            RequirementList(name=table["name"], requirements=tuple(table["requirements"]), python=table.get("python"))
            for table in tables
        ]
    lines = [line.split(" #")[0].strip() for line in text.splitlines()]
    items = tuple(line for line in lines if line and not line.startswith("#"))
    return [RequirementList(name=path.stem, requirements=items)]


def iter_orders(entry: RequirementList, count: int) -> Iterator[RequirementList]:
    """The list as written, reversed and sorted, up to `count` of them, each order once."""
    written = entry.requirements
    orders = {"": written, "reversed": written[::-1], "sorted": tuple(sorted(written, key=str.lower))}
    seen: set[tuple[str, ...]] = set()
    for label, items in [*orders.items()][:count]:
        if items not in seen:
            seen.add(items)
            yield replace(entry, name=f"{entry.name}, {label}" if label else entry.name, requirements=items)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a tool gave for a list, and how long it took."""

    result: Pins | NoSolution | ToolError
    seconds: float


@dataclass(slots=True)
class Counts:
    """What the comparison of two tools came to: verdicts, equal and all pins, listed projects far behind."""

    verdicts: Counter[str] = field(default_factory=Counter)
    equal_pins: int = 0
    pins: int = 0
    behind: list[str] = field(default_factory=list)
    slow: list[str] = field(default_factory=list)


def main(arguments: list[str] | None = None) -> int:
    """Print one line a list and one a difference; 1 if there is any, 2 for a list that is not there."""
    options = _parse_arguments(arguments)
    lists = [entry for path in options.lists for entry in read_lists(path)]
    if unknown := sorted(set(options.only or ()) - {entry.name for entry in lists}):
        # Comparing nothing would look like agreement.
        print(f"no list is called {', '.join(unknown)}", file=sys.stderr)
        return 2
    chosen = [
        order
        for entry in lists
        if not options.only or entry.name in options.only
        for order in iter_orders(entry, options.orders)
    ]
    print("; ".join(TOOLS[name].fetch_version() for name in options.tools))
    with _index(options) as options.index_url:
        return _report(chosen, options)


def _index(options: argparse.Namespace) -> contextlib.AbstractContextManager[str]:
    """The URL to give to the tools, for the length of the run."""
    upstream = options.index_url or default_index_url().public
    if options.store is None:
        return contextlib.nullcontext(upstream)
    stack = contextlib.ExitStack()
    index = stack.enter_context(running_index(options.store, record=True, upstream=upstream))

    @contextlib.contextmanager
    def close_after() -> Iterator[str]:
        with stack:
            yield index.url

    return close_after()


def _report(chosen: Sequence[RequirementList], options: argparse.Namespace) -> int:
    """Print each comparison as it is done, then the counts of each pair of tools."""
    counts: dict[str, Counts] = defaultdict(Counts)
    seconds: Counter[str] = Counter()
    differing = 0
    with ThreadPoolExecutor(options.jobs) as pool:
        # In turn the second tool is first, so that neither always finds the index warmed by the other.
        answers = pool.map(lambda item: _resolve_all(item[1], options, turned=item[0] % 2 == 1), enumerate(chosen))
        for entry, by_tool in zip(chosen, answers, strict=True):
            differing += not _compare(entry, by_tool, options, counts)
            seconds.update({name: answer.seconds for name, answer in by_tool.items()})
    print(f"{len(chosen) - differing} of {len(chosen)} lists agree")
    print(", ".join(f"{name}: {seconds[name]:.0f} s in all" for name in options.tools))
    for other, found in counts.items():
        print(f"{options.tools[0]} and {other}: {sum(found.verdicts.values())} lists")
        print(*(f"    {number} {verdict}" for verdict, number in found.verdicts.most_common()), sep="\n")
        print(f"    {found.equal_pins} of {found.pins} pins equal")
        title = f"    {len(found.behind)} listed projects more than {FAR_BEHIND_DAYS} days behind {other}"
        print(title, *found.behind, sep="\n        ")
        title = f"    {len(found.slow)} lists over {SLOW_S} s where {other} takes under {QUICK_S} s"
        print(title, *found.slow, sep="\n        ")
    return 1 if differing else 0


def _parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="agreement", description=__doc__.split("\n")[0])
    parser.add_argument("lists", type=Path, nargs="+", help="TOML file of lists, or requirements files")
    parser.add_argument("--tools", default="lock,uv", help=f"two or more of {','.join(TOOLS)}; the first is compared")
    parser.add_argument("--pip", action="store_true", help="compare with pip too")
    parser.add_argument("--only", action="append", help="name of a list; may be repeated")
    parser.add_argument("--orders", type=int, choices=(1, 2, 3), default=1, help="as written, reversed, sorted")
    parser.add_argument("--python", default=PYTHON, help=f"minor release, where a list has none; default: {PYTHON}")
    parser.add_argument("--sdists", action="store_true", help="allow sdists, which tools may build")
    parser.add_argument("--index-url", help="simple API; default: pip's built-in one")
    parser.add_argument("--cut-off", default=CUT_OFF, help="nothing uploaded later is a candidate")
    parser.add_argument("--cache", type=Path, help="folder of caches to keep; default: a fresh one")
    parser.add_argument("--store", type=Path, help="folder of a replay index to read through and to add to")
    parser.add_argument("--limit-s", type=float, help="seconds that a tool may take for one list")
    parser.add_argument("--jobs", type=int, default=1, help="lists at a time; default: 1, for timing")
    options = parser.parse_args(arguments)
    options.tools = [*options.tools.split(","), *(["pip"] if options.pip else [])]
    return options


def _resolve_all(entry: RequirementList, options: argparse.Namespace, *, turned: bool) -> dict[str, Answer]:
    """Each tool's answer to the same question."""
    first, second, *rest = options.tools
    minor = entry.python or options.python
    interpreter = _find_interpreter(minor)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "requirements.txt"
        source.write_text("\n".join(entry.requirements) + "\n", encoding="utf-8")
        question = Question(
            source=source,
            output=Path(folder) / "pylock.toml",
            index_url=options.index_url,
            cut_off=options.cut_off,
            cache=(options.cache or Path(folder)).absolute(),
            python=interpreter[0] if interpreter else minor,
            interpreter=interpreter[1] if interpreter else None,
            sdists=options.sdists,
            limit_s=options.limit_s,
        )
        order = [second, first, *rest] if turned else [first, second, *rest]
        order = [name for name in order if interpreter or not TOOLS[name].needs_interpreter]
        return {name: _resolve(name, replace(question, cache=question.cache / f"cache-{name}")) for name in order}


@functools.cache
def _find_interpreter(minor: str) -> tuple[str, str] | None:
    """The full version and the path of this machine's Python of a minor release, None where it has none."""
    command = shutil.which(f"python{minor}")
    if command is None:
        return None
    code = "import platform, sys; print(platform.python_version(), sys.executable)"
    finished = subprocess.run([command, "-c", code], capture_output=True, text=True, check=False)
    version, _, executable = finished.stdout.strip().partition(" ")
    return (version, executable) if finished.returncode == 0 else None


def _resolve(name: str, question: Question) -> Answer:
    start = time.monotonic()
    result: Pins | NoSolution | ToolError
    try:
        result = TOOLS[name].resolve(question)
    except ToolError as error:
        result = error
    return Answer(result=result, seconds=time.monotonic() - start)


def _compare(
    entry: RequirementList, answers: dict[str, Answer], options: argparse.Namespace, counts: dict[str, Counts]
) -> bool:
    subject, *others = options.tools
    times = ", ".join(f"{name} {answers[name].seconds:.1f} s" for name in options.tools if name in answers)
    print(f"{entry.name} ({entry.python or options.python}; {times})", flush=True)
    agrees = True
    for other in others:
        if not {subject, other} <= answers.keys():
            print(f"    {subject} and {other} are not compared: no interpreter of this Python")
            continue
        found = counts[other]
        lines = _render_comparison(entry, answers, options, found, names=(subject, other))
        print(f"    {subject} and {other} {lines[0]}", *lines[1:], sep="\n        ", flush=True)
        agrees = agrees and len(lines) == 1
        if answers[subject].seconds > SLOW_S and answers[other].seconds < QUICK_S:
            found.slow.append(f"{entry.name}: {times}")
    return agrees


def _render_comparison(
    entry: RequirementList,
    answers: dict[str, Answer],
    options: argparse.Namespace,
    counts: Counts,
    *,
    names: tuple[str, str],
) -> list[str]:
    """The verdict, and one line a difference."""
    match answers[names[0]].result, answers[names[1]].result:
        case (NoSolution(), NoSolution()):
            counts.verdicts["without solution for both"] += 1
            return ["agree that there is no solution"]
        case (dict() as left, dict() as right):
            counts.verdicts["solved by both"] += 1
            counts.equal_pins += sum(left.get(name) == version for name, version in right.items())
            counts.pins += len(right)
            lines = render_difference(left, right, names=names)
            lines += _find_behind(entry, left, right, options, counts)
            return (
                [f"differ in {len(lines)} of {len({*left, *right})} pins", *lines]
                if lines
                else [f"agree on {len(left)} pins"]
            )
        case (left, right):
            failed = {
                name: result for name, result in zip(names, (left, right), strict=True) if type(result) is not dict
            }
            counts.verdicts[", ".join(f"{name} {_describe(result)}" for name, result in failed.items())] += 1
            said = [line for result in failed.values() for line in _read_said(result).splitlines()]
            return [f"differ: {', '.join(f'{name} {_describe(result)}' for name, result in failed.items())}", *said]
    raise AssertionError("every pair of answers is one of these")


def _describe(result: Pins | NoSolution | ToolError) -> str:
    """How a tool that gave no pins ended."""
    if isinstance(result, NoSolution):
        return "finds no solution"
    return "takes too long" if isinstance(result, ToolTimeoutError) else "fails"


def _read_said(result: Pins | NoSolution | ToolError) -> str:
    return result.said if isinstance(result, NoSolution) else str(result)


def _find_behind(
    entry: RequirementList, left: Pins, right: Pins, options: argparse.Namespace, counts: Counts
) -> Iterator[str]:
    """A line for each listed project whose pin is far older than the other tool's."""
    for name in dict.fromkeys(canonicalize_name(Requirement(text).name) for text in entry.requirements):
        mine, other = left.get(name), right.get(name)
        if mine is None or other is None or mine >= other:
            continue
        times = _fetch_upload_times(options.index_url, name)
        if mine in times and other in times and (days := (times[other] - times[mine]).days) > FAR_BEHIND_DAYS:
            counts.behind.append(f"{entry.name}: {name} {mine}, {days} days before {other}")
            yield f"{name} is {days} days behind"


@functools.cache
def _fetch_upload_times(index_url: str, name: NormalizedName) -> dict[Version, datetime]:
    """When each version's first file was uploaded (PEP 700); empty where the index does not tell."""
    response = httpx.get(
        f"{index_url.rstrip('/')}/{name}/",
        headers={"Accept": "application/vnd.pypi.simple.v1+json"},
        follow_redirects=True,
        timeout=60,
    )
    times: dict[Version, datetime] = {}
    for file in response.json()["files"] if response.is_success else ():
        filename = file["filename"]
        try:
            parse = parse_wheel_filename if filename.endswith(".whl") else parse_sdist_filename
            version = parse(filename)[1]
        except (InvalidSdistFilename, InvalidWheelFilename):
            continue
        if "upload-time" in file:
            uploaded = datetime.fromisoformat(file["upload-time"])
            times[version] = min(times.get(version, uploaded), uploaded)
    return times


if __name__ == "__main__":
    sys.exit(main())
