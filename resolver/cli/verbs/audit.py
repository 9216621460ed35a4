"""The verb `audit`: problems of the pins of a lock today, on their indexes and in an OSV database.

In: lockfiles, and optionally a database of advisories in OSV format (https://ossf.github.io/osv-schema/). Out: one line
or JSON object for each finding, and exit code 1 if there is one.

The index of each pin is queried now: a file may have been yanked (PEP 592) or deleted, and a project quarantined,
archived or deprecated (PEP 792). `resolver.inspection.auditing` does the work; this module has the options and texts.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from resolver.cli.host_options import add_access_options, read_access, read_lists
from resolver.cli.output import show_locks, show_text
from resolver.cli.verb_arguments import ChosenLock, add_lockfiles, build_verb_parser, read_lockfiles
from resolver.fetch.http.session import Session
from resolver.fetch.projects.listings import read_advisories
from resolver.index.project_health import Advisory
from resolver.inspection.auditing import Finding, audit_pins, fetch_pin_listings
from resolver.locking.plan_secrets import open_session
from resolver.sources.settings_file import find_settings

__all__ = ["run_audit"]

_DESCRIPTION = """\
Findings about the pins of a lock as of today: files that their index has yanked or lost, projects that it has
quarantined, archived or deprecated, and, with an OSV database, known vulnerabilities. Exit code 1 says that there is
something."""
_KINDS = {
    "vulnerable": "has a known vulnerability",
    "yanked": "is yanked",
    "gone": "is gone",
    "quarantined": "is of a quarantined project",
    "archived": "is of an archived project",
    "deprecated": "is of a deprecated project",
    "status": "is of a project that its index calls",
}
"""The text between a pin and the details of a finding. `status` is one that PEP 792 does not define."""


def run_audit(argv: Sequence[str], *, program: str) -> int:
    """The exit code of `lock audit [LOCKFILE…]`: 0 where nothing is found, else 1.

    Raises InputError for a lock or database that cannot be read, FetchError for an index that does not answer.
    """
    values = _build_parser(program).parse_args(list(argv))
    folder = Path.cwd()
    locks = read_lockfiles(values.lockfile, folder=folder)
    database = values.osv or _find_database(folder)
    # One session for all locks: pages that they share are fetched once.
    with open_session(read_access(values), lists=read_lists(values, folder=folder)) as session:
        advisories = () if database is None else read_advisories(database, session=session)
        found = [(lock, _audit(lock, advisories, session)) for lock in locks]
    if values.as_json:
        show_locks([_as_json(lock, findings, has_advisories=database is not None) for lock, findings in found])
    else:
        show_text(_render(found, has_advisories=database is not None))
    return 1 if any(findings for _, findings in found) else 0


def _build_parser(program: str) -> argparse.ArgumentParser:
    """The parser of the verb; `program` is the name of the command in its help."""
    parser = build_verb_parser(program, "audit", _DESCRIPTION)
    add_lockfiles(parser)
    parser.add_argument(
        "--osv", metavar="PLACE", help="a folder, a zip archive or its URL; default: `osv` of [tool.pinfold]"
    )
    parser.add_argument("--json", dest="as_json", action="store_true", help="the same facts as JSON")
    add_access_options(parser)
    return parser


def _find_database(folder: Path) -> str | None:
    """The `osv` of the configuration, a URL or a path; None without one.

    A path in the configuration is relative to its file, not to the folder of the run.
    """
    settings, path = find_settings(folder, seen_from=folder)
    if settings.osv is None or path is None or "://" in settings.osv:
        return settings.osv
    return str(path.parent / settings.osv)


def _audit(lock: ChosenLock, advisories: Sequence[Advisory], session: Session) -> tuple[Finding, ...]:
    """The findings about one lock. Raises FetchError where one of its indexes does not answer."""
    return audit_pins(lock.lockfile, fetch_pin_listings(lock.lockfile, session), advisories)


def _render(found: Sequence[tuple[ChosenLock, tuple[Finding, ...]]], *, has_advisories: bool) -> str:
    """One line for each finding, with the name of its lock where there are several locks.

    The last line is a note where no database was read.
    """
    lines = []
    for lock, findings in found:
        head = f"{lock.shown}: " if len(found) > 1 else ""
        lines += [f"{head}{_render_finding(finding)}" for finding in findings]
        if not findings:
            lines.append(f"{head}no findings for {len(lock.lockfile.pylock.packages)} pins")
    if not has_advisories:
        lines.append("vulnerabilities were not looked for: `--osv`, or `osv` in [tool.pinfold], names a database")
    return "\n".join(lines)


def _render_finding(finding: Finding) -> str:
    """`jinja2 2.10 has a known vulnerability: GHSA-…, CVE-…: summary (fixed in 2.10.1)`, as far as it is known."""
    text = f"{finding.name} {finding.version} {_KINDS[finding.kind]}"
    if finding.kind == "status":
        return f"{text} {finding.detail}"
    if finding.id is not None:
        text += f": {', '.join((finding.id, *finding.aliases))}"
    if finding.detail:
        text += f": {finding.detail}"
    return f"{text} (fixed in {finding.fixed})" if finding.fixed else text


def _as_json(lock: ChosenLock, findings: Sequence[Finding], *, has_advisories: bool) -> dict[str, Any]:
    """The findings about one lock as data. Every key is always there; an unknown fact is null or empty.

    `advisories` is false where vulnerabilities were not looked for. An empty list does not mean then that there are
    none.
    """
    return {
        "lockfile": lock.shown,
        "advisories": has_advisories,
        "findings": [
            {
                "name": finding.name,
                "version": finding.version,
                "kind": finding.kind,
                "detail": finding.detail,
                "id": finding.id,
                "aliases": list(finding.aliases),
                "fixed": finding.fixed,
            }
            for finding in findings
        ],
    }
