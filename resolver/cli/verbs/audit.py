"""The verb `audit`: problems of the pins of a lock today, on their indexes and in an OSV database.

In: lockfiles, and optionally a database of advisories in OSV format (https://ossf.github.io/osv-schema/). Out: one line
or JSON object for each finding, and exit code 1 if there is one.

The index of each pin is queried now: a file may have been yanked (PEP 592) or deleted, and a project quarantined,
archived or deprecated (PEP 792). `resolver.inspection.auditing` does the work; this module has the options and texts.

The verb `outdated` is here too: pins that their index has a newer release of, and branches that have moved. Only the
index of each pin and the repository of each commit are queried: whether the list admits the newer release is left to
`lock --upgrade`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from packaging.pylock import PackageVcs

from lockfiles._values import dataclass
from resolver.cli.host_options import add_access_options, read_access, read_lists
from resolver.cli.output import show_locks, show_text
from resolver.cli.verb_arguments import ChosenLock, add_lockfiles, build_verb_parser, read_lockfiles
from resolver.fetch.http.http_session import HttpSession
from resolver.fetch.projects.listings import read_advisories
from resolver.index.project_health import Advisory
from resolver.inspection.auditing import Finding, NewerRelease, audit_pins, fetch_pin_listings, find_newer
from resolver.locking.plan_secrets import open_session
from resolver.requirements.entry import VcsReference
from resolver.requirements.url import parse_url
from resolver.sources.settings_file import find_settings

__all__ = ["run_audit", "run_outdated"]

_DESCRIPTION = """\
Findings about the pins of a lock as of today: files that their index has yanked or lost, projects that it has
quarantined, archived or deprecated, and, with an OSV database, known vulnerabilities. Exit code 1: there is a
finding."""
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


def _audit(lock: ChosenLock, advisories: Sequence[Advisory], session: HttpSession) -> tuple[Finding, ...]:
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


_OUTDATED_DESCRIPTION = """\
Pins that have a newer release on their index, for the lock's Python, and branches and tags that name another commit
now. A pin that a listed one fixes exactly, as torch its CUDA libraries, is left out: it moves with that one. Whether
the list admits the newer ones, `lock -U` shows. Exit code 1: there is something newer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _OutdatedMoved:
    """A revision that is now another commit than in the lock.

    `revision` is a branch or tag, None the default branch; `locked` and `now` are commit ids.
    """

    name: str
    revision: str | None
    locked: str
    now: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _OutdatedOutdated:
    """One lock with everything in it that has something newer."""

    lock: ChosenLock
    newer: tuple[NewerRelease, ...]
    moved: tuple[_OutdatedMoved, ...]


def run_outdated(argv: Sequence[str], *, program: str) -> int:
    """The exit code of `lock outdated [LOCKFILE…]`: 0 where nothing is newer, else 1.

    Raises InputError for a lock that cannot be read, FetchError for an index or repository that does not answer.
    """
    values = _outdated_build_parser(program).parse_args(list(argv))
    folder = Path.cwd()
    locks = read_lockfiles(values.lockfile, folder=folder)
    with open_session(read_access(values), lists=read_lists(values, folder=folder)) as session:
        found = [_outdated_find_outdated(lock, session, with_prereleases=values.pre) for lock in locks]
    if values.as_json:
        show_locks([_outdated_as_json(one) for one in found])
    else:
        show_text("\n".join(line for one in found for line in _outdated_render(one, named=len(found) > 1)))
    return 1 if any(one.newer or one.moved for one in found) else 0


def _outdated_build_parser(program: str) -> argparse.ArgumentParser:
    """The parser of the verb; `program` is the name of the command in its help."""
    parser = build_verb_parser(program, "outdated", _OUTDATED_DESCRIPTION)
    add_lockfiles(parser)
    parser.add_argument("--pre", action="store_true", help="count pre-releases too")
    parser.add_argument("--json", dest="as_json", action="store_true", help="the same facts as JSON")
    add_access_options(parser)
    return parser


def _outdated_find_outdated(lock: ChosenLock, session: HttpSession, *, with_prereleases: bool) -> _OutdatedOutdated:
    """What is newer than the pins of one lock, for the Python of that lock.

    Pre-releases count only with `with_prereleases`.
    """
    listings = fetch_pin_listings(lock.lockfile, session)
    return _OutdatedOutdated(
        lock=lock,
        newer=find_newer(lock.lockfile, listings, with_prereleases=with_prereleases),
        moved=tuple(_outdated_iter_moved(lock, session)),
    )


def _outdated_iter_moved(lock: ChosenLock, session: HttpSession) -> Iterator[_OutdatedMoved]:
    """The branches and tags that have moved, in the order of the lock. A requested commit id never moves."""
    trees = [(package.name, package.vcs) for package in lock.lockfile.pylock.packages if package.vcs is not None]
    if not trees:
        return
    # Lazy: few locks have a commit. Without a cache, since the commit of now is needed.
    from resolver.fetch.git.repositories import GitRepositories, RepositoryRules

    policy = None if session.policy is None else session.policy.within(lock.path.absolute().parent)
    with GitRepositories(
        cache_folder=None,
        find_login=session.credentials.find_login,
        rules=RepositoryRules.of_session(session, policy=policy),
    ) as repositories:
        for name, vcs in trees:
            reference = _outdated_build_reference(vcs)
            if reference is None:
                continue
            now = repositories.find_commit(reference, text=f"{name} @ git+{reference.url}").commit_id
            if now != vcs.commit_id:
                yield _OutdatedMoved(name=name, revision=vcs.requested_revision, locked=vcs.commit_id, now=now)


def _outdated_build_reference(vcs: PackageVcs) -> VcsReference | None:
    """The VCS reference of the list (PEP 751 `[packages.vcs]`); None for a repository that the lock has by path."""
    if vcs.url is None:
        return None
    return VcsReference(url=parse_url(vcs.url), revision=vcs.requested_revision, subdirectory=vcs.subdirectory)


def _outdated_render(one: _OutdatedOutdated, *, named: bool) -> Iterator[str]:
    """One line for each newer release, then for each moved revision, or one line that nothing is newer.

    `named` puts the name of the lock before each line.
    """
    head = f"{one.lock.shown}: " if named else ""
    for newer in one.newer:
        yield f"{head}{newer.name} {newer.version} -> {newer.newest}"
    for moved in one.moved:
        revision = f"`{moved.revision}`" if moved.revision else "the default branch"
        yield f"{head}{moved.name}: {revision} is {moved.now[:12]} now, {moved.locked[:12]} is locked"
    if not one.newer and not one.moved:
        yield f"{head}nothing newer than its {len(one.lock.lockfile.pylock.packages)} pins"


def _outdated_as_json(one: _OutdatedOutdated) -> dict[str, Any]:
    """The same facts of one lock as data; both lists are empty where nothing is newer.

    `revision` null is the default branch. Commit ids are whole here, where the text has their first 12 digits.
    """
    return {
        "lockfile": one.lock.shown,
        "newer": [
            {"name": newer.name, "version": str(newer.version), "newest": str(newer.newest)} for newer in one.newer
        ],
        "moved": [
            {"name": moved.name, "revision": moved.revision, "locked": moved.locked, "now": moved.now}
            for moved in one.moved
        ],
    }
