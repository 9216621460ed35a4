"""The verbs `layers` and `digest`: how an image can install a lock in several layers, and the cache keys of a builder.

In: lockfiles. Out: for each layer the packages, the download size and a digest, which is the cache key of that layer.
Apps with the same heavy packages have layers of the same digest, so that hosts store and fetch those once. `digest`
gives the key of a whole lock: `lockfiles.digest` computes it, and docs/lockfile.md describes what it covers.

`lockfiles.graph.split_layers` computes the split; `lock export --layer N` writes one layer of the list as a lock.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lockfiles import digest
from lockfiles.graph import ImageLayer, split_layers
from resolver.cli.output import render_bytes, show_locks, show_text
from resolver.cli.verb_arguments import ChosenLock, add_lockfiles, build_verb_parser, read_lockfiles

__all__ = ["run_digest", "run_layers"]

_DESCRIPTION = """\
A split of the lock into image layers, in installation order: the layers of the list where it has several, else what is
big first, so that apps with the same heavy packages share its layer. The digest of a layer is its cache key."""
_DIGEST_DESCRIPTION = """\
One line a lock: the digest of what it installs, the same whatever the file is called, wherever its files come from and
whoever asked for them."""
_REASONS = {
    "listed": "a layer of the list",
    "heavy": "big packages",
    "light": "all other packages",
    "own": "source trees and direct URLs",
}
"""Why packages share a layer, by `ImageLayer.reason`."""


def run_layers(argv: Sequence[str], *, program: str) -> int:
    """The exit code of `lock layers [LOCKFILE…]`, which is always 0.

    Raises InputError for a lock that cannot be read.
    """
    parser = build_verb_parser(program, "layers", _DESCRIPTION, keeps_lines=False)
    add_lockfiles(parser)
    parser.add_argument("--json", dest="as_json", action="store_true", help="the same as JSON, for builders")
    values = parser.parse_args(list(argv))
    locks = read_lockfiles(values.lockfile, folder=Path.cwd())
    if values.as_json:
        show_locks([_as_json(lock) for lock in locks])
    else:
        show_text("\n\n".join(_render(lock, named=len(locks) > 1) for lock in locks))
    return 0


def run_digest(argv: Sequence[str], *, program: str) -> int:
    """The exit code of `lock digest [LOCKFILE…]`.

    The output for one lock is the digest alone, for use in scripts; for several it is that of `sha256sum`.
    """
    parser = build_verb_parser(program, "digest", _DIGEST_DESCRIPTION, keeps_lines=False)
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


def _render(lock: ChosenLock, *, named: bool) -> str:
    """Three lines for each layer: reason and size, digest, packages.

    `named` puts the name of the lock above.
    """
    layers = split_layers(lock.lockfile)
    lines = [f"{lock.shown}:"] if named else []
    for number, layer in enumerate(layers):
        lines.append(f"layer {number}: {_REASONS[layer.reason]}, {render_bytes(layer.size_bytes)} to download")
        lines.append(f"  {layer.digest}")
        lines.append(f"  {', '.join(layer.names)}")
    return "\n".join(lines)


def _as_json(lock: ChosenLock) -> dict[str, Any]:
    """The layers of one lock as data, in installation order, with the digest of the whole lock."""
    return {
        "lockfile": lock.shown,
        "digest": digest(lock.lockfile),
        "layers": [_layer_as_json(layer) for layer in split_layers(lock.lockfile)],
    }


def _layer_as_json(layer: ImageLayer) -> dict[str, Any]:
    """One layer as data. `size_bytes` is what its installation downloads."""
    return {
        "reason": layer.reason,
        "digest": layer.digest,
        "size_bytes": layer.size_bytes,
        "packages": list(layer.names),
    }
