"""`lock tree` on a lock that was written to disk."""

from __future__ import annotations

from tests.cli.verb_runs import run_verb
from tests.command import Project


def test_tree_shows_pins_under_the_list_with_sizes(locked: Project) -> None:
    assert run_verb(locked, "tree").out == (
        "log 1.0 (1.50 kB)\n"
        "└── json 3.0 (asks json>=2, 1.50 kB)\n"
        "web 1.0 (1.50 kB)\n"
        "└── http 2.0 (asks http>=1, 30.0 MB)\n"
        "    └── json 3.0 (1.50 kB)\n"
        "4 pins, 30.0 MB to download\n"
    )


def test_tree_turned_over_ends_at_the_list(locked: Project) -> None:
    assert run_verb(locked, "tree", "--invert").out == (
        "json 3.0 (1.50 kB)\n"
        "├── http 2.0 (asks json, 30.0 MB)\n"
        "│   └── web 1.0 (asks http>=1, 1.50 kB)\n"
        "└── log 1.0 (asks json>=2, 1.50 kB)\n"
        "4 pins, 30.0 MB to download\n"
    )


def test_tree_ends_at_a_depth(locked: Project) -> None:
    assert run_verb(locked, "tree", "--depth", "0").out == (
        "log 1.0 (1.50 kB)\nweb 1.0 (1.50 kB)\n4 pins, 30.0 MB to download\n"
    )
