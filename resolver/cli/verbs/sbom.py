"""The verb `sbom`: a lock as a software bill of materials (CycloneDX 1.6).

In: a lockfile. Out: a JSON document. `resolver.inspection.contents` builds it; this module has the options and writes
the file. It is short because each verb has a module: `resolver.cli.main` imports it by the name of the verb.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from resolver.cli.output import write_file, write_output
from resolver.cli.verb_arguments import build_verb_parser, read_lockfiles
from resolver.fetch.projects.pages import default_index_url
from resolver.inspection.contents import build_bill_of_materials

__all__ = ["run_sbom"]

_DESCRIPTION = """\
A lock as a software bill of materials in CycloneDX 1.6 JSON, on standard output or into a file. The same lock gives the
same document. Needs the extra: pip install 'cyclonedx-python-lib>=11,<12'."""


def run_sbom(argv: Sequence[str], *, program: str) -> int:
    """The exit code of `lock sbom [LOCKFILE]`.

    Raises InputError for a lock or file that cannot be read or written, and where the CycloneDX library is missing.
    """
    parser = build_verb_parser(program, "sbom", _DESCRIPTION)
    parser.add_argument("lockfile", nargs="?", metavar="LOCKFILE", help="default: the folder's only lock")
    parser.add_argument("-o", "--output", metavar="FILE", default="-", help="default: standard output")
    parser.add_argument("--name", metavar="NAME", help="what is described; default: the folder's name")
    values = parser.parse_args(list(argv))
    (lock,) = read_lockfiles([values.lockfile] if values.lockfile else [], folder=Path.cwd())
    # A lock has no name of its own for what it describes; its folder is mostly that of the app.
    name = values.name or lock.path.resolve().parent.name or "app"
    text = build_bill_of_materials(lock.lockfile, name=name, default_index=default_index_url().public)
    if values.output == "-":
        write_output(text.encode())
    else:
        write_file(Path(values.output), text.encode())
    return 0
