"""The verb `sizes`: what a lock weighs by pin and layer, several locks side by side, and which items look unneeded.

In: lockfiles, and with `--app` the Python files of an app. Out: tables on standard output, or a JSON document.

Download sizes are in the lock. Sizes on disk and the names of modules are in the directory at the end of each wheel
(ZIP: central directory), which a range request of some kilobytes reads: only `--unpacked` and `--app` need a network.
`resolver.inspection.contents` measures and compares; this module fetches the directories and renders the tables.

The verbs `layers` and `digest` are here too: how an image can install a lock in several layers, and the cache keys of a
builder. Apps with the same heavy packages have layers of the same digest, so that hosts store and fetch those once.
`lockfiles.graph.split_layers` computes the split, `lockfiles.digest` the key of a whole lock.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from packaging.utils import NormalizedName

from lockfiles import digest
from lockfiles._values import dataclass
from lockfiles.graph import ImageLayer, split_layers
from resolver.cli.host_options import add_access_options, read_access, read_lists
from resolver.cli.output import render_bytes, show_locks, show_text
from resolver.cli.verb_arguments import ChosenLock, add_lockfiles, build_verb_parser, read_lockfiles
from resolver.index.wheel_directory import WheelContents
from resolver.inspection.contents import PinSize, find_unused, measure_pins

__all__ = ["run_digest", "run_layers", "run_sizes"]

_DESCRIPTION = """\
What a lock weighs: the download size of each pin, largest first in each layer. `--unpacked` reads the directory of each
wheel for its size on disk (some kB a wheel). `--app` names list items that the app does not import and no other pin
needs; it reads those directories too, for the modules in them. Several locks are shown side by side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sized:
    """One lock with the size of each pin: by layer, and in each layer the largest first.

    `unused` are list items that the app does not seem to need; None without `--app`.
    """

    lock: ChosenLock
    rows: tuple[PinSize, ...]
    unused: tuple[NormalizedName, ...] | None


_ABOUT_LAYERS = """\
A split of the lock into image layers, in installation order: the layers of the list where it has several, else what is
big first, so that apps with the same heavy packages share its layer. The digest of a layer is its cache key."""
_ABOUT_DIGEST = """\
One line a lock: the digest of what it installs, the same whatever the file is called, wherever its files come from and
whatever asked for them."""
_LAYER_REASONS = {
    "listed": "a layer of the list",
    "heavy": "big packages",
    "light": "all other packages",
    "own": "source trees and direct URLs",
}
"""Why packages share a layer, by `ImageLayer.reason`."""


def run_sizes(argv: Sequence[str], *, program: str) -> int:
    """The exit code of `lock sizes [LOCKFILE…]`, which is always 0: an unused item is a guess, not a fault.

    Raises InputError for a lock or app that cannot be read, FetchError for a host that does not answer.
    """
    values = _build_parser(program).parse_args(list(argv))
    locks = read_lockfiles(values.lockfile, folder=Path.cwd())
    imports = None if values.app is None else _read_imports(Path(values.app))
    sized = [_measure(lock, values, imports) for lock in locks]
    if values.as_json:
        show_locks([_as_json(one) for one in sized])
    elif len(sized) == 1:
        show_text("\n".join(_render_one(sized[0], unpacked=values.unpacked)))
    else:
        show_text("\n".join(_render_side_by_side(sized)))
    return 0


def _build_parser(program: str) -> argparse.ArgumentParser:
    """The parser of the verb; `program` is the name of the command in its help."""
    parser = build_verb_parser(program, "sizes", _DESCRIPTION)
    add_lockfiles(parser)
    parser.add_argument("--unpacked", action="store_true", help="read each wheel's directory for its size on disk")
    parser.add_argument("--app", metavar="PATH", help="a file or folder whose imports tell what is needed")
    parser.add_argument("--json", dest="as_json", action="store_true", help="the same facts as JSON")
    add_access_options(parser)
    return parser


def _read_imports(path: Path) -> frozenset[str]:
    """The modules that a Python file, or those of a folder, import. Raises InputError."""
    # Lazy: only --app parses Python.
    from resolver.sources.apps.app_folder import read_imports

    return read_imports(path)


def _measure(lock: ChosenLock, values: argparse.Namespace, imports: frozenset[str] | None) -> _Sized:
    """The sizes of one lock, and its unused items if there are `imports` of an app to compare with."""
    contents = fetch_directories(lock, values) if values.unpacked or imports is not None else {}
    return _Sized(
        lock=lock,
        rows=measure_pins(lock.lockfile, contents),
        unused=None if imports is None else find_unused(lock.lockfile, contents, imports),
    )


def fetch_directories(lock: ChosenLock, values: argparse.Namespace) -> Mapping[NormalizedName, WheelContents | None]:
    """What the first wheel of each pin unpacks to, by project; None for one that cannot be read.

    Sources have no directory, so their size on disk stays unknown.
    """
    # Lazy: without the options that lead here no request is sent.
    from resolver.fetch.projects.wheel_contents import fetch_contents
    from resolver.locking.plan_secrets import open_session

    wheels = {package.name: package.wheels[0] for package in lock.lockfile.pylock.packages if package.wheels}
    folder, lists = lock.path.absolute().parent, read_lists(values, folder=Path.cwd())
    with open_session(read_access(values), lists=lists, lock_folder=folder) as session:
        return fetch_contents(wheels, folder=folder, session=session)


def _render_one(sized: _Sized, *, unpacked: bool) -> Iterator[str]:
    """The table of one lock: a line for each pin by layer, then the total, then unused items."""
    width = max((len(_title(row)) for row in sized.rows), default=0)
    numbers = sorted({row.layer for row in sized.rows})
    for number in numbers:
        rows = [row for row in sized.rows if row.layer == number]
        if len(numbers) > 1:
            yield f"layer {number}:"
        yield from (_render_row(_title(row), row.download_bytes, row.unpacked_bytes, width, unpacked) for row in rows)
    # Unknown sizes are shown as `?` in their own line, and left out of the total.
    total = _sum(row.download_bytes for row in sized.rows), _sum(row.unpacked_bytes for row in sized.rows)
    yield _render_row(f"{len(sized.rows)} pins", *total, width, unpacked)
    yield from _render_unused(sized)


def _render_row(title: str, download: int | None, unpacked_bytes: int | None, width: int, unpacked: bool) -> str:
    line = f"{title:{width}}  {render_bytes(download):>8}"
    return f"{line}  {render_bytes(unpacked_bytes):>8} unpacked" if unpacked else line


def _render_side_by_side(sized: Sequence[_Sized]) -> Iterator[str]:
    """The table of several locks: a line for each project, with its version and size in each lock.

    The order is by the largest size in any lock, so that the reasons for a difference come first.
    """
    found = [{row.name: row for row in one.rows} for one in sized]
    names = sorted(
        {name for rows in found for name in rows},
        key=lambda name: (-max(rows[name].download_bytes or 0 for rows in found if name in rows), name),
    )
    table = [["", *(one.lock.shown for one in sized)]]
    table += [[name, *(_cell(rows.get(name)) for rows in found)] for name in names]
    table.append(["total", *(render_bytes(_sum(row.download_bytes for row in one.rows)) for one in sized)])
    widths = [max(len(line[column]) for line in table) for column in range(len(table[0]))]
    for line in table:
        yield "  ".join(f"{cell:{width}}" for cell, width in zip(line, widths, strict=True)).rstrip()
    for one in sized:
        yield from _render_unused(one)


def _cell(row: PinSize | None) -> str:
    """Version and size of a project in one lock; a dash where the lock does not have it."""
    return "–" if row is None else f"{row.version or 'source tree'} {render_bytes(row.download_bytes)}"


def _render_unused(sized: _Sized) -> Iterator[str]:
    """One line about unused items, or none.

    It is a guess: an app can import a module by its name in a text.
    """
    if sized.unused:
        names = ", ".join(f"`{name}`" for name in sized.unused)
        yield f"{sized.lock.shown}: not imported by the app, and needed by no other pin: {names}"


def _title(row: PinSize) -> str:
    """`numpy 2.1.0`; a source tree has no version in a lock."""
    return f"{row.name} {row.version}" if row.version is not None else row.name


def _sum(sizes: Iterator[int | None]) -> int:
    """The sum in bytes of the known sizes; a total with unknown sizes in it is a lower bound."""
    return sum(size for size in sizes if size is not None)


def _as_json(sized: _Sized) -> dict[str, Any]:
    """The sizes of one lock as data, in bytes; null for an unknown size, and for `unused` without `--app`."""
    return {
        "lockfile": sized.lock.shown,
        "download_bytes": _sum(row.download_bytes for row in sized.rows),
        "packages": [
            {
                "name": row.name,
                "version": row.version,
                "layer": row.layer,
                "download_bytes": row.download_bytes,
                "unpacked_bytes": row.unpacked_bytes,
            }
            for row in sized.rows
        ],
        "unused": None if sized.unused is None else list(sized.unused),
    }


def run_layers(argv: Sequence[str], *, program: str) -> int:
    """The exit code of `lock layers [LOCKFILE…]`, which is always 0.

    Raises InputError for a lock that cannot be read.
    """
    parser = build_verb_parser(program, "layers", _ABOUT_LAYERS, keeps_lines=False)
    add_lockfiles(parser)
    parser.add_argument("--json", dest="as_json", action="store_true", help="the same as JSON, for builders")
    values = parser.parse_args(list(argv))
    locks = read_lockfiles(values.lockfile, folder=Path.cwd())
    if values.as_json:
        show_locks([_list_layers(lock) for lock in locks])
    else:
        show_text("\n\n".join(_render_layers(lock, named=len(locks) > 1) for lock in locks))
    return 0


def run_digest(argv: Sequence[str], *, program: str) -> int:
    """The exit code of `lock digest [LOCKFILE…]`.

    The output for one lock is the digest alone, for use in scripts; for several it is that of `sha256sum`.
    """
    parser = build_verb_parser(program, "digest", _ABOUT_DIGEST, keeps_lines=False)
    add_lockfiles(parser)
    parser.add_argument("--json", dest="as_json", action="store_true", help="the same as JSON")
    values = parser.parse_args(list(argv))
    locks = read_lockfiles(values.lockfile, folder=Path.cwd())
    digests = [(lock.shown, digest(lock.lockfile)) for lock in locks]
    if values.as_json:
        show_locks([{"lockfile": shown, "digest": text} for shown, text in digests])
    elif len(digests) == 1:
        show_text(digests[0][1])
    else:
        show_text("\n".join(f"{text}  {shown}" for shown, text in digests))
    return 0


def _render_layers(lock: ChosenLock, *, named: bool) -> str:
    """Three lines for each layer: reason and size, digest, packages.

    `named` puts the name of the lock above.
    """
    layers = split_layers(lock.lockfile)
    lines = [f"{lock.shown}:"] if named else []
    for number, layer in enumerate(layers):
        lines.append(f"layer {number}: {_LAYER_REASONS[layer.reason]}, {render_bytes(layer.size_bytes)} to download")
        lines.append(f"  {layer.digest}")
        lines.append(f"  {', '.join(layer.names)}")
    return "\n".join(lines)


def _list_layers(lock: ChosenLock) -> dict[str, Any]:
    """The layers of one lock as data, in installation order, with the digest of the whole lock."""
    return {
        "lockfile": lock.shown,
        "digest": digest(lock.lockfile),
        "layers": [_describe_layer(layer) for layer in split_layers(lock.lockfile)],
    }


def _describe_layer(layer: ImageLayer) -> dict[str, Any]:
    """One layer as data. `size_bytes` is what its installation downloads."""
    return {
        "reason": layer.reason,
        "digest": layer.digest,
        "size_bytes": layer.size_bytes,
        "packages": list(layer.names),
    }
