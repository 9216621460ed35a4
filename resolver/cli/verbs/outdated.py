"""The verb `outdated`: pins that their index has a newer release of, and branches that have moved.

In: lockfiles. Out: one line or JSON object for each newer release or commit, and exit code 1 if there is one.

Only the index of each pin and the repository of each commit are queried: whether the list admits the newer release is
left to `lock --upgrade`. `resolver.inspection.auditing` compares the releases; the commits are compared here, since git
is needed for them alone.
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
from resolver.fetch.http.session import Session
from resolver.inspection.auditing import NewerRelease, fetch_pin_listings, find_newer
from resolver.locking.plan_secrets import open_session
from resolver.requirements.entry import VcsReference
from resolver.requirements.url import parse_url

__all__ = ["run_outdated"]

_DESCRIPTION = """\
Pins that their index has a newer release of for the lock's Python, and branches and tags that name another commit now.
A pin that a listed one fixes exactly, as torch its CUDA libraries, is left out: it moves with that one. The list may
not admit the others: `lock -U` tells. Exit code 1 says that there is something newer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Moved:
    """A revision that is now another commit than in the lock.

    `revision` is a branch or tag, None the default branch; `locked` and `now` are commit ids.
    """

    name: str
    revision: str | None
    locked: str
    now: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outdated:
    """One lock with everything in it that has something newer."""

    lock: ChosenLock
    newer: tuple[NewerRelease, ...]
    moved: tuple[_Moved, ...]


def run_outdated(argv: Sequence[str], *, program: str) -> int:
    """The exit code of `lock outdated [LOCKFILE…]`: 0 where nothing is newer, else 1.

    Raises InputError for a lock that cannot be read, FetchError for an index or repository that does not answer.
    """
    values = _build_parser(program).parse_args(list(argv))
    folder = Path.cwd()
    locks = read_lockfiles(values.lockfile, folder=folder)
    with open_session(read_access(values), lists=read_lists(values, folder=folder)) as session:
        found = [_find_outdated(lock, session, with_prereleases=values.pre) for lock in locks]
    if values.as_json:
        show_locks([_as_json(one) for one in found])
    else:
        show_text("\n".join(line for one in found for line in _render(one, named=len(found) > 1)))
    return 1 if any(one.newer or one.moved for one in found) else 0


def _build_parser(program: str) -> argparse.ArgumentParser:
    """The parser of the verb; `program` is the name of the command in its help."""
    parser = build_verb_parser(program, "outdated", _DESCRIPTION)
    add_lockfiles(parser)
    parser.add_argument("--pre", action="store_true", help="count pre-releases too")
    parser.add_argument("--json", dest="as_json", action="store_true", help="the same facts as JSON")
    add_access_options(parser)
    return parser


def _find_outdated(lock: ChosenLock, session: Session, *, with_prereleases: bool) -> _Outdated:
    """What is newer than the pins of one lock, for the Python of that lock.

    Pre-releases count only with `with_prereleases`.
    """
    listings = fetch_pin_listings(lock.lockfile, session)
    return _Outdated(
        lock=lock,
        newer=find_newer(lock.lockfile, listings, with_prereleases=with_prereleases),
        moved=tuple(_iter_moved(lock, session)),
    )


def _iter_moved(lock: ChosenLock, session: Session) -> Iterator[_Moved]:
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
            reference = _build_reference(vcs)
            if reference is None:
                continue
            now = repositories.find_commit(reference, text=f"{name} @ git+{reference.url}").commit_id
            if now != vcs.commit_id:
                yield _Moved(name=name, revision=vcs.requested_revision, locked=vcs.commit_id, now=now)


def _build_reference(vcs: PackageVcs) -> VcsReference | None:
    """The VCS reference of the list (PEP 751 `[packages.vcs]`); None for a repository that the lock has by path."""
    if vcs.url is None:
        return None
    return VcsReference(url=parse_url(vcs.url), revision=vcs.requested_revision, subdirectory=vcs.subdirectory)


def _render(one: _Outdated, *, named: bool) -> Iterator[str]:
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


def _as_json(one: _Outdated) -> dict[str, Any]:
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
