"""The verb `export`: a lock in another form.

In: a lockfile. Out: text on standard output or in a file, and notes or warnings on standard error.

- `requirements`, `list` and `pylock` are a requirement file, a requirement list, and the lock or one layer as a lock of
  its own; `lockfiles.exporting` renders them.
- `hydrated` is the same lock with fresh signatures and tokens in its URLs, for one build, into a file of mode 0600.
  `resolver.artifacts.hydrating` completes the URLs and refuses places where git would take the file along. No request
  is sent to the hosts of the lock, so a wrong password shows only when something is installed.
- `sbom` is a software bill of materials (CycloneDX 1.6), which `resolver.inspection.contents` builds.

This module has the options, and moves relative paths to the place of the output.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from packaging.pylock import is_valid_pylock_path

from lockfiles import Lockfile, LockfileError, dumps
from lockfiles.exporting import export_list, export_requirements, find_notes, move_paths, select_layer
from lockfiles.variable_bindings import VariableBindings
from resolver.cli.host_options import add_credential_options, find_user_bindings, read_access, read_lists
from resolver.cli.output import find_relative_path, show_message, write_file, write_output
from resolver.cli.verb_arguments import ChosenLock, build_verb_parser, find_lock_warnings, read_lockfiles
from resolver.errors import InputError, render_os_error

__all__ = ["run_export"]

_DESCRIPTION = """\
Write a lock in another form. The first three have every dependency in them and are installed with --no-deps:

  requirements  a requirement file for pip and uv, with hashes
  list          argv items of an installer: --no-deps, then name @ url#sha256=… for each package
  pylock        the lock itself; with --layer, that layer alone
  hydrated      the lock with the complete URLs that your credentials make of its public ones, for one build, which
                deletes the file again: readable for its owner alone, and refused where git would take it along
  sbom          a software bill of materials, CycloneDX 1.6; needs: pip install 'cyclonedx-python-lib>=11,<12'

LOCKFILE is the folder's only pylock*.toml unless it is named."""
_FORMATS = ("requirements", "list", "pylock", "hydrated", "sbom")


def run_export(argv: Sequence[str], *, program: str) -> int:
    """The exit code of `lock export --format FORMAT [LOCKFILE]`.

    Raises InputError for a lock that cannot be read or a file that cannot be written, LockfileError for a lock that
    does not have the layer, or that the form cannot express.
    """
    values = _build_parser(program).parse_args(list(argv))
    _check_combinations(values)
    if values.format == "hydrated":
        return _hydrate(values)
    if values.format == "sbom":
        return _write_bill(values)
    folder = Path.cwd()
    (chosen,) = read_lockfiles([values.lockfile] if values.lockfile else [], folder=folder)
    output = None if values.output in (None, "-") else folder / values.output
    # The paths of the lock are relative to its folder; those of the output must be relative to the output's folder.
    lockfile = move_paths(
        chosen.lockfile, find_relative_path(chosen.path.parent, folder if output is None else output.parent)
    )
    bindings = _find_bindings(values, folder=folder)
    try:
        text = _render(lockfile, values, bindings)
        # A lock as a lock loses nothing.
        notes = () if values.format == "pylock" else find_notes(lockfile, layer=values.layer, bindings=bindings)
    except LockfileError as error:
        raise error.at(chosen.shown) from error
    _write(text, output, chosen)
    for warning in find_lock_warnings(chosen):
        show_message(f"warning: {warning}")
    for note in notes:
        show_message(f"note: {note}")
    return 0


def _build_parser(program: str) -> argparse.ArgumentParser:
    """The parser of the verb; `program` is the name of the command in its help."""
    usage = f"[LOCKFILE] --format {'|'.join(_FORMATS)} [--layer N] [-o FILE]"
    parser = build_verb_parser(program, "export", _DESCRIPTION, usage=usage)
    parser.add_argument("lockfile", nargs="?", metavar="LOCKFILE")
    parser.add_argument("--format", required=True, choices=_FORMATS, help="see above")
    parser.add_argument(
        "--layer", type=int, metavar="N", help="one layer of the list, from 0, with what it needs and none before has"
    )
    parser.add_argument("-o", "--output", metavar="FILE", help="instead of standard output")
    parser.add_argument(
        "--json", dest="as_json", action="store_true", help="the list as a JSON array; else one item a line"
    )
    parser.add_argument("--name", metavar="NAME", help="what the sbom describes; default: the folder's name")
    add_credential_options(parser)
    return parser


def _check_combinations(values: argparse.Namespace) -> None:
    """Raise InputError for an option of another form: to ignore it would hide a mistake."""
    if values.as_json and values.format != "list":
        raise InputError("`--json` is for `--format list` alone")
    if values.name is not None and values.format != "sbom":
        raise InputError("`--name` is for `--format sbom` alone")
    if values.layer is not None and values.format in ("hydrated", "sbom"):
        raise InputError(f"`--layer` is not for `--format {values.format}`, which is about the whole lock")
    if values.format == "hydrated" and values.output in (None, "-"):
        raise InputError(
            "a lock with secrets goes to a file that its owner alone can read",
            remedy="name it: `-o pylock.build.toml`, outside of the repository",
        )


def _find_bindings(values: argparse.Namespace, *, folder: Path) -> VariableBindings:
    """The variables that the export may have, with their hosts: those of `--list`, and what the user allows.

    A list that is named for an export needs no confirmation of its own: nothing is sent, and it is read by its builder.
    """
    bindings = find_user_bindings(values.allow_variable, credentials=values.credentials, source=None)
    if values.source is None:
        return bindings
    # Lazy: few exports name a list.
    from resolver.locking.plan_secrets import find_named_bindings

    return bindings | (one for plan in read_lists(values, folder=folder) for one in find_named_bindings(plan))


def _render(lockfile: Lockfile, values: argparse.Namespace, bindings: VariableBindings) -> str:
    """The text of the chosen form, with a newline at the end.

    `requirements` is in pip's Requirements File Format; `list` has the items that an installer gets as arguments.
    """
    if values.format == "requirements":
        return export_requirements(lockfile, layer=values.layer, bindings=bindings)
    if values.format == "pylock":
        return dumps(lockfile if values.layer is None else select_layer(lockfile, values.layer))
    items = export_list(lockfile, layer=values.layer, bindings=bindings)
    if not values.as_json:
        return "".join(f"{item}\n" for item in items)
    # Lazy: only --json needs it.
    import json

    return f"{json.dumps(items, indent=2)}\n"


def _write(text: str, output: Path | None, chosen: ChosenLock) -> None:
    """Print the text, or write it to a file.

    Raises InputError where it cannot be written, and where the file is the lock itself.
    """
    if output is None:
        write_output(text.encode())
        return
    # The lock would lose what the other form cannot have.
    try:
        if output.exists() and output.samefile(chosen.path):
            raise InputError(f"`{chosen.shown}` would be replaced by its own export", remedy="another place, with `-o`")
    except OSError as error:
        raise InputError(f"`{output.name}` cannot be written: {render_os_error(error)}") from error
    write_file(output, text.encode(), shown=output.name)


def _hydrate(values: argparse.Namespace) -> int:
    """The exit code of `--format hydrated`: 0 also where no URL has credentials, which is warned of.

    Raises InputError for a lock that cannot be read, and for a place that would be unsafe.
    """
    # Lazy, as below: each form has parts of its own.
    from resolver.artifacts.hydrating import hydrate

    folder = Path.cwd()
    output = folder / values.output
    (chosen,) = read_lockfiles([values.lockfile] if values.lockfile else _find_only_lock(folder, output), folder=folder)
    for warning in find_lock_warnings(chosen):
        show_message(f"warning: {warning}")
    _check_hydrated_place(output, chosen.path)
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


def _find_only_lock(folder: Path, output: Path) -> list[str]:
    """The name of the folder's only lock, without the output of an earlier run, which is a lock too.

    Empty where there is none or more than one: `read_lockfiles` then raises the error.
    """
    names = [path.name for path in folder.glob("pylock*.toml") if is_valid_pylock_path(path) and path != output]
    return names if len(names) == 1 else []


def _check_hydrated_place(output: Path, lock: Path) -> None:
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


def _write_bill(values: argparse.Namespace) -> int:
    """The exit code of `--format sbom`.

    Raises InputError for a lock or file that cannot be read or written, and where the CycloneDX library is missing.
    """
    from resolver.fetch.projects.pages import default_index_url
    from resolver.inspection.contents import build_bill_of_materials

    (lock,) = read_lockfiles([values.lockfile] if values.lockfile else [], folder=Path.cwd())
    # A lock has no name of its own for what it describes; its folder is mostly that of the app.
    name = values.name or lock.path.resolve().parent.name or "app"
    text = build_bill_of_materials(lock.lockfile, name=name, default_index=default_index_url().public)
    if values.output in (None, "-"):
        write_output(text.encode())
    else:
        write_file(Path(values.output), text.encode())
    return 0
