"""`python -m tests.architecture [--details] [--walk LINE]`: the figures of the code, each with its limits."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from tests.architecture.limits import LIMITS, find_figures, read_sources


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures, or a walk; 1 where a figure is beyond the limit of today."""
    parser = argparse.ArgumentParser(prog="python -m tests.architecture", description="Print the figures of the code.")
    parser.add_argument("--details", action="store_true", help="list what counts towards each figure")
    parser.add_argument("--walk", metavar="LINE", help="print what this requirement line passes, such as torch==2.8.0")
    options = parser.parse_args(arguments)
    if options.walk is not None:
        # Lazy: the figures are measured without an import of the product.
        from tests.architecture.walk import render_walk, take_walk

        print(render_walk(take_walk(options.walk), details=options.details))
        return 0
    return _print_figures(details=options.details)


def _print_figures(*, details: bool) -> int:
    tree = read_sources()
    figures = find_figures(tree)
    print(f"{'':52}{'now':>8}{'limit':>8}{'goal':>8}")
    broken = 0
    for limit in LIMITS:
        figure = figures[limit.name]
        is_kept = limit.holds(figure.value, limit.today)
        broken += not is_kept
        note = "" if is_kept else "  beyond its limit"
        print(f"{limit.name:52}{figure.value:8g}{limit.today:8g}{limit.goal:8g}{note}")
        if details or not is_kept:
            print("".join(f"    {line}\n" for line in figure.details), end="")
    bare = len(tree.bare_packages())
    print(f"\nnot among the short ones: {bare} `__init__.py` files with a docstring at most")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
