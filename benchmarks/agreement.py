"""Whether `lock` pins what uv and pip pin: the same lists, target and cut-off, compared project by project.

    python -m benchmarks.agreement benchmarks/lists/agreement.toml
    python -m benchmarks.agreement requirements.txt --tools lock,pip

The first tool is held against each of the others; against pip, `lock` uses `best-match`, and the patch release is that
of the running Python, since pip evaluates markers for no other. Exit code 1 says that some list differs. Two tools that
both find no solution agree.
"""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

from benchmarks.tools import TOOLS, NoSolution, Pins, Question, ToolError, render_difference
from resolver.fetch.projects.pages import default_index_url

__all__ = ["RequirementList", "main", "read_lists"]

PYTHON = "3.11"
CUT_OFF = "2026-11-01T00:00:00Z"


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


def main(arguments: list[str] | None = None) -> int:
    """Print one line a list and one a difference; 1 if there is any, 2 for a list that is not there."""
    options = _parse_arguments(arguments)
    lists = [entry for path in options.lists for entry in read_lists(path)]
    if unknown := sorted(set(options.only or ()) - {entry.name for entry in lists}):
        # Comparing nothing would look like agreement.
        print(f"no list is called {', '.join(unknown)}", file=sys.stderr)
        return 2
    chosen = [entry for entry in lists if not options.only or entry.name in options.only]
    differing = [entry.name for entry in chosen if not _compare(entry, options)]
    print(f"{len(chosen) - len(differing)} of {len(chosen)} lists agree")
    return 1 if differing else 0


def _parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="agreement", description=__doc__.split("\n")[0])
    parser.add_argument("lists", type=Path, nargs="+", help="TOML file of lists, or requirements files")
    parser.add_argument("--tools", default="lock,uv", help=f"two or more of {','.join(TOOLS)}; the first is compared")
    parser.add_argument("--pip", action="store_true", help="compare with pip too")
    parser.add_argument("--only", action="append", help="name of a list; may be repeated")
    parser.add_argument("--index-url", help="simple API; default: pip's built-in one")
    parser.add_argument("--cut-off", default=CUT_OFF, help="nothing uploaded later is a candidate")
    parser.add_argument("--cache", type=Path, help="folder of caches to keep; default: a fresh one")
    options = parser.parse_args(arguments)
    options.index_url = options.index_url or default_index_url().public
    options.tools = [*options.tools.split(","), *(["pip"] if options.pip else [])]
    return options


def _compare(entry: RequirementList, options: argparse.Namespace) -> bool:
    subject, *others = options.tools
    agrees = True
    for other in others:
        lines = _render_comparison(entry, options, names=(subject, other))
        print(f"{entry.name}: {subject} and {other} {lines[0]}", *lines[1:], sep="\n    ", flush=True)
        agrees = agrees and len(lines) == 1
    return agrees


def _render_comparison(entry: RequirementList, options: argparse.Namespace, *, names: tuple[str, str]) -> list[str]:
    """The verdict, and one line a difference."""
    try:
        answers = [_resolve(entry, name, options, like_pip="pip" in names) for name in names]
    except ToolError as error:
        return ["cannot be compared", *str(error).splitlines()]
    match answers:
        case [NoSolution(), NoSolution()]:
            return ["agree that there is no solution"]
        case [NoSolution(said=said), _]:
            return [f"differ: only {names[1]} finds a solution", *said.splitlines()]
        case [_, NoSolution(said=said)]:
            return [f"differ: only {names[0]} finds a solution", *said.splitlines()]
        case [dict() as left, dict() as right]:
            lines = render_difference(left, right, names=names)
            return [f"differ in {len(lines)} of {len(right)} pins", *lines] if lines else [f"agree on {len(left)} pins"]
    raise AssertionError("an answer is pins or that there are none")


def _resolve(entry: RequirementList, tool: str, options: argparse.Namespace, *, like_pip: bool) -> Pins | NoSolution:
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "requirements.txt"
        source.write_text("\n".join(entry.requirements) + "\n", encoding="utf-8")
        question = Question(
            source=source,
            output=Path(folder) / "pylock.toml",
            index_url=options.index_url,
            cut_off=options.cut_off,
            cache=(options.cache or Path(folder)).absolute() / f"cache-{tool}",
            python=platform.python_version() if like_pip else PYTHON,
            best_match=like_pip,
        )
        return TOOLS[tool].resolve(question)


if __name__ == "__main__":
    sys.exit(main())
