"""The verb `digest`: the cache key of each lock, for builders that compare and store images by it.

In: lockfiles. Out: a line or JSON object for each. `lockfiles.digest` computes the digest; docs/lockfile.md describes
what it covers. The module is short because each verb has one: `resolver.cli.main` imports it by the name of the verb.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lockfiles import digest
from resolver.cli.output import show_locks, show_text
from resolver.cli.verb_arguments import add_lockfiles, build_verb_parser, read_lockfiles

__all__ = ["run_digest"]

_DESCRIPTION = """\
One line a lock: the digest of what it installs, the same whatever the file is called, wherever its files come from and
whoever asked for them."""


def run_digest(argv: Sequence[str], *, program: str) -> int:
    """The exit code of `lock digest [LOCKFILE…]`.

    The output for one lock is the digest alone, for use in scripts; for several it is that of `sha256sum`.
    """
    parser = build_verb_parser(program, "digest", _DESCRIPTION, keeps_lines=False)
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
