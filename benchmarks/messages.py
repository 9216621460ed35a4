"""What `lock`, uv and pip say about lists that do not lock, side by side, as a page of the documentation.

    python -m benchmarks.messages                         # prints the page
    python -m benchmarks.messages -o docs/explanations.md # writes it

In: `lists/messages.toml`, whose entries are a title, a list, perhaps a Python, and a verdict: which message tells a
reader best what to do, and why. The verdict is a reader's, so it is data beside the list and is read again when a
message changes. Out: a table of verdicts, then each list with the three messages, cut where one is long. All tools get
the same list, Python and cut-off and read their default index, whose host is replaced in the page.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.compare import ROOT
from benchmarks.tools import TOOLS, Question, ToolTimeoutError
from resolver.fetch.projects.pages import default_index_url

__all__ = ["BETTER", "FailingList", "main", "read_failing_lists", "render_page", "shorten"]

LISTS = ROOT / "benchmarks/lists/messages.toml"
CUT_OFF = "2026-11-01T00:00:00Z"
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
COMPARED = ("lock", "uv", "pip")
BETTER = ("pinfold", "uv", "pip", "equal")
LIMIT_S = 240
_MOST_LINES, _LONGEST = 14, 400
# What differs from run to run, or names this machine: the folder of the list, and pip's advertisements.
_NOISE = re.compile(r"\[notice\]|^WARNING: Running pip|^\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class FailingList:
    """A list that does not lock, and which message is better for its reader, with the reason."""

    title: str
    requirements: tuple[str, ...]
    python: str
    better: str
    why: str


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the page, or write it; 1 where a list locks after all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.messages", description=__doc__.partition("\n")[0])
    parser.add_argument("-o", "--output", type=Path, help="the file to write; without it the page is printed")
    parser.add_argument("--lists", type=Path, default=LISTS, help="the lists, as TOML")
    parser.add_argument("--cache", type=Path, help="keeps the tools' caches, so that another run takes less time")
    parser.add_argument("--only", default="", help="lists whose title holds this text")
    options = parser.parse_args(arguments)
    lists = [one for one in read_failing_lists(options.lists) if options.only in one.title]
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder) if options.cache is None else options.cache.resolve()
        messages = {one.title: _run_tools(one, Path(folder), cache) for one in lists}
    page = render_page(lists, messages)
    if options.output is None:
        print(page, end="")
    else:
        options.output.write_text(page, encoding="utf-8")
    locked = [title for title, said in messages.items() if said["lock"] == _LOCKS]
    for title in locked:
        print(f"locks: {title}", file=sys.stderr)
    return 1 if locked else 0


def read_failing_lists(path: Path) -> tuple[FailingList, ...]:
    """The entries of the file, in its order."""
    return tuple(
        FailingList(
            title=row["title"],
            requirements=tuple(row["list"]),
            python=row.get("python", PYTHON),
            better=row["better"],
            why=row["why"],
        )
        for row in tomllib.loads(path.read_text(encoding="utf-8"))["failing"]
    )


_LOCKS = "(it locks)"


def _run_tools(failing: FailingList, folder: Path, cache: Path) -> dict[str, str]:
    """What each tool says about a list, by its name."""
    source = folder / "requirements.txt"
    source.write_text("".join(f"{line}\n" for line in failing.requirements), encoding="utf-8")
    said = {}
    for name in COMPARED:
        question = Question(
            source=source,
            output=folder / f"pylock.{name}.toml",
            index_url=default_index_url().public,
            cut_off=CUT_OFF,
            cache=cache / name,
            python=failing.python,
            sdists=failing.python == PYTHON,
            limit_s=LIMIT_S,
        )
        try:
            # Tools of the benchmarks are quiet; pip then leaves out what the conflict is caused by.
            run = TOOLS[name].run(question, ("-v",) if name == "pip" else ())
        except ToolTimeoutError:
            said[name] = f"(no answer within {LIMIT_S} s)"
            continue
        first, *others = run.said.splitlines() or [""]
        _, cause, rest = run.printed.partition("The conflict is caused by:")
        said[name] = (
            _LOCKS if run.exit_code == 0 else shorten("\n".join([first, cause, *rest.splitlines(), *others]), folder)
        )
    return said


def shorten(said: str, folder: Path) -> str:
    """A message without what names this machine or the index, and without the middle of what is long."""
    text = said.replace(f"{folder}/", "").replace(default_index_url().public, "https://index.example/simple/")
    # Files of an index, and the folder of the running Python.
    text = re.sub(r"https://[^\s/]+/packages/\S*/", "https://files.example/", text)
    text = text.replace(sys.prefix, "…")
    text = re.sub(rf"https://{re.escape(default_index_url().public.split('/')[2])}", "https://index.example", text)
    lines = [line.rstrip() for line in text.splitlines() if not _NOISE.match(line)]
    lines = [line if len(line) <= _LONGEST else f"{line[:_LONGEST]} …" for line in lines]
    if len(lines) > _MOST_LINES:
        cut = len(lines) - _MOST_LINES
        lines = [*lines[: _MOST_LINES // 2], f"… {cut} more lines …", *lines[-(_MOST_LINES // 2) :]]
    return "\n".join(lines)


def render_page(lists: Sequence[FailingList], messages: Mapping[str, Mapping[str, str]]) -> str:
    """The page: how it was made, the verdicts, then each list with its messages."""
    counts = Counter(one.better for one in lists)
    parts = [
        "# Explanations compared",
        "",
        "Lists that do not lock, and what pinfold, uv and pip say about them. The column *better* names the message",
        "that tells a reader best what to do; it is a reader's judgement, given for the messages of this page.",
        "`python -m benchmarks.messages -o docs/explanations.md` makes it from `benchmarks/lists/messages.toml`.",
        f"uv runs as `uv pip compile`, pip as `pip install --dry-run`; nothing uploaded after {CUT_OFF[:10]} counts.",
        "Long messages are cut.",
        "",
        ", ".join(f"{name}: {counts[name]}" for name in BETTER if counts[name]) + f", of {len(lists)} lists.",
        "",
        "| list | better | why |",
        "|---|---|---|",
        *(f"| {one.title} | {one.better} | {one.why} |" for one in lists),
        "",
    ]
    for number, one in enumerate(lists, start=1):
        parts += [f"## {number}. {one.title}", "", "```", *one.requirements, "```", ""]
        if one.python != PYTHON:
            parts += [f"For Python {one.python}.", ""]
        for name in COMPARED:
            shown = "pinfold" if name == "lock" else name
            parts += [f"**{shown}**", "", "```", *messages[one.title][name].splitlines(), "```", ""]
    return "\n".join(parts)


if __name__ == "__main__":
    raise SystemExit(main())
