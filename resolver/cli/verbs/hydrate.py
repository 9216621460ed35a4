"""The verb `lock hydrate`: a lock with fresh signatures and tokens in its URLs, for one build.

In: a lockfile, credentials of the builder, and the path of the output. Out: a file of mode 0600, and warnings on
standard error that it holds secrets. `resolver.artifacts.hydrating` completes the URLs and refuses places where git
would take the file along; this module has the options, and moves relative paths to the place of the output.

It sends no request to the hosts of the lock, so a wrong password shows only when something is installed.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from packaging.pylock import is_valid_pylock_path

from lockfiles import move_paths
from resolver.artifacts.hydrating import hydrate
from resolver.cli.host_options import add_credential_options, read_access, read_lists
from resolver.cli.output import find_relative_path, show_message
from resolver.cli.verb_arguments import build_verb_parser, find_lock_warnings, read_lockfiles
from resolver.errors import InputError

__all__ = ["run_hydrate"]

_DESCRIPTION = """\
Write the same lock with the complete URLs that your own credentials make of its public ones: for one build, which
deletes the file again. It is readable for its owner alone, and refused where git would take it along. Then:

  pip install --no-deps -r FILE
  uv pip install --no-deps -r FILE

LOCKFILE is the folder's only pylock*.toml unless it is named."""


def run_hydrate(argv: Sequence[str], *, program: str) -> int:
    """The exit code of `lock hydrate -o FILE [LOCKFILE]`: 0 also where no URL has credentials, which is warned of.

    Raises InputError for a lock that cannot be read, and for a place that would be unsafe.
    """
    values = _build_parser(program).parse_args(list(argv))
    folder = Path.cwd()
    output = folder / values.output
    (chosen,) = read_lockfiles([values.lockfile] if values.lockfile else _find_lock(folder, output), folder=folder)
    for warning in find_lock_warnings(chosen):
        show_message(f"warning: {warning}")
    _check_place(output, chosen.path)
    lockfile = move_paths(chosen.lockfile, find_relative_path(chosen.path.parent, output.parent))
    lists = read_lists(values, folder=folder)
    hydrated = hydrate(lockfile, output, access=read_access(values, announce=show_message), lists=lists)
    # A warning, not an error: a host may accept requests from some networks without a login.
    for host in hydrated.missing:
        show_message(f"warning: the lock says that `{host}` wants credentials, and none were found for it")
    # The file is written all the same: a build can use it without a special case.
    if not hydrated.replaced:
        show_message(f"warning: no URL of `{chosen.shown}` has credentials here: `{values.output}` is the same lock")
        return 0
    names = ", ".join(hydrated.replaced)
    show_message(
        f"warning: `{values.output}` holds secrets ({names}): delete it after the build, and keep it out of images"
    )
    return 0


def _build_parser(program: str) -> argparse.ArgumentParser:
    """The parser of the verb; `program` is the name of the command in its help."""
    parser = build_verb_parser(program, "hydrate", _DESCRIPTION, usage="[LOCKFILE] -o FILE [options]")
    parser.add_argument("lockfile", nargs="?", metavar="LOCKFILE")
    parser.add_argument("-o", "--output", metavar="FILE", required=True, help="pylock.NAME.toml, another than LOCKFILE")
    add_credential_options(parser)
    return parser


def _find_lock(folder: Path, output: Path) -> list[str]:
    """The name of the folder's only lock, without the output of an earlier run, which is a lock too.

    Empty where there is none or more than one: `read_lockfiles` then raises the error.
    """
    names = [path.name for path in folder.glob("pylock*.toml") if is_valid_pylock_path(path) and path != output]
    return names if len(names) == 1 else []


def _check_place(output: Path, lock: Path) -> None:
    """Raises InputError for an output whose name is not that of a PEP 751 lockfile, and for the lock itself."""
    if not is_valid_pylock_path(output):
        raise InputError(
            f"`{output.name}` is no name that installers take for a lock",
            remedy="`-o pylock.build.toml`, outside of the repository",
        )
    if output.exists() and output.samefile(lock):
        raise InputError(
            f"`{output.name}` is the lock itself, which holds no secrets", remedy="another name: `-o pylock.build.toml`"
        )
