"""Whether `lock` pins what uv and pip pin: the same lists, target and cut-off, compared project by project.

    python -m benchmarks.agreement benchmarks/lists/agreement.toml
    python -m benchmarks.agreement requirements.txt --tools lock,pip
    python -m benchmarks.agreement benchmarks/lists/orders.toml --orders 3 --sdists --python 3.12

The first tool is held against each of the others; against pip, `lock` uses `best-match`, and the patch release is that
of the running Python, since pip evaluates markers for no other. Exit code 1 says that some list differs. Two tools that
both find no solution agree.

With `--orders 3` each list is asked for as written, reversed and sorted, since a resolver decides in list order. For
listed projects that `lock` pins to an older version than the other tool, the report gives the days between the two
upload times; the last lines count lists that only one tool solves, equal pins, and listed projects far behind.
"""

from __future__ import annotations

import argparse
import functools
import platform
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Iterator
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

from benchmarks.tools import TOOLS, NoSolution, Pins, Question, ToolError, render_difference
from resolver.fetch.projects.pages import default_index_url

__all__ = ["RequirementList", "main", "read_lists"]

PYTHON = "3.11"
CUT_OFF = "2026-11-01T00:00:00Z"
FAR_BEHIND_DAYS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class RequirementList:
    """A list to resolve: its name in the report and its items in order."""

    name: str
    requirements: tuple[str, ...]


def read_lists(path: Path) -> list[RequirementList]:
    """The lists in a TOML file of `[[list]]` tables, or the one list that a requirements file is."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".toml":
        tables = tomllib.loads(text)["list"]
        return [RequirementList(name=table["name"], requirements=tuple(table["requirements"])) for table in tables]
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


@dataclass(slots=True)
class Counts:
    """What the lists came to: verdicts by their first word, equal and all pins, listed projects far behind."""

    verdicts: Counter[str] = field(default_factory=Counter)
    equal_pins: int = 0
    pins: int = 0
    behind: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)


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
    counts = Counts()
    differing = [entry.name for entry in chosen if not _compare(entry, options, counts)]
    print(f"{len(chosen) - len(differing)} of {len(chosen)} lists agree")
    print(", ".join(f"{number} {verdict}" for verdict, number in counts.verdicts.most_common()))
    print(f"{counts.equal_pins} of {counts.pins} pins equal")
    print(", ".join(f"{tool}: {seconds:.0f} s in all" for tool, seconds in counts.seconds.items()))
    print(f"{len(counts.behind)} listed projects more than {FAR_BEHIND_DAYS} days behind", *counts.behind, sep="\n    ")
    return 1 if differing else 0


def _parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="agreement", description=__doc__.split("\n")[0])
    parser.add_argument("lists", type=Path, nargs="+", help="TOML file of lists, or requirements files")
    parser.add_argument("--tools", default="lock,uv", help=f"two or more of {','.join(TOOLS)}; the first is compared")
    parser.add_argument("--pip", action="store_true", help="compare with pip too")
    parser.add_argument("--only", action="append", help="name of a list; may be repeated")
    parser.add_argument("--orders", type=int, choices=(1, 2, 3), default=1, help="as written, reversed, sorted")
    parser.add_argument("--python", default=PYTHON, help=f"minor release to lock for; default: {PYTHON}")
    parser.add_argument("--sdists", action="store_true", help="allow sdists, which tools may build")
    parser.add_argument("--index-url", help="simple API; default: pip's built-in one")
    parser.add_argument("--cut-off", default=CUT_OFF, help="nothing uploaded later is a candidate")
    parser.add_argument("--cache", type=Path, help="folder of caches to keep; default: a fresh one")
    options = parser.parse_args(arguments)
    options.index_url = options.index_url or default_index_url().public
    options.tools = [*options.tools.split(","), *(["pip"] if options.pip else [])]
    return options


def _compare(entry: RequirementList, options: argparse.Namespace, counts: Counts) -> bool:
    subject, *others = options.tools
    agrees = True
    for other in others:
        lines = _render_comparison(entry, options, counts, names=(subject, other))
        print(f"{entry.name}: {subject} and {other} {lines[0]}", *lines[1:], sep="\n    ", flush=True)
        agrees = agrees and len(lines) == 1
    return agrees


def _render_comparison(
    entry: RequirementList, options: argparse.Namespace, counts: Counts, *, names: tuple[str, str]
) -> list[str]:
    """The verdict, and one line a difference."""
    try:
        answers = [_resolve(entry, name, options, counts, like_pip="pip" in names) for name in names]
    except ToolError as error:
        counts.verdicts["not comparable"] += 1
        return ["cannot be compared", *str(error).splitlines()]
    match answers:
        case [NoSolution(), NoSolution()]:
            counts.verdicts["without solution for both"] += 1
            return ["agree that there is no solution"]
        case [NoSolution(said=said), _]:
            counts.verdicts[f"solved by {names[1]} only"] += 1
            return [f"differ: only {names[1]} finds a solution", *said.splitlines()]
        case [_, NoSolution(said=said)]:
            counts.verdicts[f"solved by {names[0]} only"] += 1
            return [f"differ: only {names[0]} finds a solution", *said.splitlines()]
        case [dict() as left, dict() as right]:
            counts.verdicts["solved by both"] += 1
            counts.equal_pins += sum(left.get(name) == version for name, version in right.items())
            counts.pins += len(right)
            lines = render_difference(left, right, names=names)
            lines += _find_behind(entry, left, right, options, counts)
            return [f"differ in {len(lines)} of {len(right)} pins", *lines] if lines else [f"agree on {len(left)} pins"]
    raise AssertionError("an answer is pins or that there are none")


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


def _resolve(
    entry: RequirementList, tool: str, options: argparse.Namespace, counts: Counts, *, like_pip: bool
) -> Pins | NoSolution:
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "requirements.txt"
        source.write_text("\n".join(entry.requirements) + "\n", encoding="utf-8")
        question = Question(
            source=source,
            output=Path(folder) / "pylock.toml",
            index_url=options.index_url,
            cut_off=options.cut_off,
            cache=(options.cache or Path(folder)).absolute() / f"cache-{tool}",
            python=platform.python_version() if like_pip else options.python,
            best_match=like_pip,
            sdists=options.sdists,
        )
        start = time.monotonic()
        try:
            return TOOLS[tool].resolve(question)
        finally:
            counts.seconds[tool] = counts.seconds.get(tool, 0.0) + time.monotonic() - start


if __name__ == "__main__":
    sys.exit(main())
