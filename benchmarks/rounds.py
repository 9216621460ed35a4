"""How many versions `lock` decides on, beside uv, for some lists.

    python -m benchmarks.rounds --store STORE benchmarks/lists/web.txt

Every decision counts, those that are taken back too. uv's are the lines of `uv -v` with `Selecting:`. Neither number
depends on the machine.
"""

from __future__ import annotations

import argparse
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

import resolver
from benchmarks.compare import CUT_OFF, LISTS
from benchmarks.replay_index import running_index
from benchmarks.tools import TOOLS, Question
from resolver.index.events import Decided

__all__ = ["main"]

_PYTHON = platform.python_version()
_PLATFORM = "manylinux_2_35_x86_64"


def main(arguments: list[str] | None = None) -> int:
    """Print a line for each list."""
    parser = argparse.ArgumentParser(
        prog="rounds", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("lists", type=Path, nargs="*", default=LISTS, help="requirements files")
    parser.add_argument("--store", type=Path, required=True, help="folder of recorded answers")
    options = parser.parse_args(arguments)
    print("| list | pins | decisions of lock | of uv |\n|---|---|---|---|")
    with running_index(options.store) as index:
        for source in options.lists:
            pins, decisions = _count_own(source.resolve(), index.url)
            print(f"| {source.stem} | {pins} | {decisions} | {_count_of_uv(source.resolve(), index.url)} |", flush=True)
    return 0


def _count_own(source: Path, index_url: str) -> tuple[int, int]:
    """The pins of a list and the decisions until they stood."""
    events: list[object] = []
    settings = resolver.Settings(index_url=index_url, only_binary=(":all:",), exclude_newer=CUT_OFF)
    outcome = resolver.lock(
        [f"-r {source.name}"],
        python=_PYTHON,
        platform=_PLATFORM,
        settings=settings,
        access=resolver.Access(observe=events.append),
        folder=source.parent,
    )
    return len(outcome.lockfile.pylock.packages), sum(isinstance(event, Decided) for event in events)


def _count_of_uv(source: Path, index_url: str) -> int:
    with tempfile.TemporaryDirectory() as folder:
        question = Question(
            source=source,
            output=Path(folder, "pylock.toml"),
            index_url=index_url,
            cut_off=CUT_OFF,
            cache=Path(folder, "cache"),
            python=_PYTHON,
        )
        command = [word for word in TOOLS["uv"].build_command(question) if word != "-q"]
        finished = subprocess.run([*command, "-v"], cwd=folder, capture_output=True, text=True, check=True)
    return sum(" Selecting: " in line for line in finished.stderr.splitlines())


if __name__ == "__main__":
    sys.exit(main())
