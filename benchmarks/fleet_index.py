"""A made-up index and the lists of a made-up fleet, the same ones for the same numbers.

    python -m benchmarks.fleet_index --projects 240

serves the index on loopback until its input ends, and prints its address. The projects depend on each other with
ranges, so that a list of eight items has some thirty pins and a search has something to decide; every page offers the
metadata of its files.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.servers import IndexServer, wheel

__all__ = ["main", "write_lists", "write_variants"]

_LISTS = Path(__file__).parent / "lists"
_VERSIONS = 8
_ITEMS = 8
_MOST_DEPENDENCIES = 2
_REACH = 60
"""A project depends on some of this many before it."""


def write_lists(folder: Path, count: int, *, index_url: str, projects: int) -> None:
    """Write the lists of a fleet: `app-0000/requirements.txt` and so on, below the root of a repository."""
    (folder / ".git").mkdir(parents=True, exist_ok=True)
    for number in range(count):
        choice = random.Random(f"list {number}")
        names = sorted(choice.sample(range(projects), _ITEMS))
        items = [f"made-up-{name}{choice.choice(('', '>=2', '>=1,<8', '!=3.0'))}" for name in names]
        app = folder / f"app-{number:05}"
        app.mkdir(exist_ok=True)
        (app / "requirements.txt").write_text("\n".join((f"--index-url {index_url}", *items, "")), encoding="utf-8")


def write_variants(folder: Path, count: int, *, index_url: str, names: Sequence[str]) -> None:
    """Write lists that are real ones (`benchmarks/lists`) without one line, as many as are asked for."""
    (folder / ".git").mkdir(parents=True, exist_ok=True)
    texts = [(_LISTS / f"{name}.txt").read_text(encoding="utf-8").splitlines() for name in names]
    lists = [[line for line in text if line and not line.startswith("#")] for text in texts]
    for number in range(count):
        lines = list(lists[number % len(lists)])
        if number >= len(lists) and len(lines) > 1:
            del lines[number // len(lists) % len(lines)]
        app = folder / f"app-{number:05}"
        app.mkdir(exist_ok=True)
        (app / "requirements.txt").write_text("\n".join((f"--index-url {index_url}", *lines, "")), encoding="utf-8")


def fill(server: IndexServer, projects: int) -> None:
    """Add the projects of the index."""
    for number in range(projects):
        files = []
        for version in range(1, _VERSIONS + 1):
            choice = random.Random(f"project {number} {version}")
            below = range(max(0, number - _REACH), number)
            chosen = sorted(choice.sample(below, min(len(below), choice.randint(0, _MOST_DEPENDENCIES))))
            # No upper limit excludes the newest versions of all: every list has a solution.
            requires = [f"made-up-{name}>={choice.randint(1, 4)}" for name in chosen]
            files.append(wheel(f"made-up-{number}", f"{version}.0", requires))
        server.add(f"made-up-{number}", *files)


def main(arguments: list[str] | None = None) -> int:
    """Serve until the input ends. Each line of it is answered with the counts of requests so far, as JSON."""
    parser = argparse.ArgumentParser(prog="fleet_index", description=__doc__.split("\n")[0])
    parser.add_argument("--projects", type=int, default=240)
    parser.add_argument("--max-age-s", type=int, default=600)
    options = parser.parse_args(arguments)
    with IndexServer() as server:
        server.cache_control = f"max-age={options.max_age_s}"
        fill(server, options.projects)
        print(server.index_url, flush=True)
        for _ in sys.stdin:
            pages = [path for path in server.paths() if path.startswith("/simple/")]
            counts = {"requests": len(server.log), "pages": len(pages), "distinct_pages": len(set(pages))}
            print(json.dumps(counts), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
