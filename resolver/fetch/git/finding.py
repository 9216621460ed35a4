"""The commit that a reference names: found in the list of references, without a clone where that is enough.

In: a checked revision (branch, tag, full or short commit id; None for the default branch), and a repository. Out:
`FoundCommit`, or an error that names similar revisions. Revisions are resolved as git does it (git: gitrevisions), but
one that is both a branch and a tag is an error. Results are kept in the cache, for runs without network.

It is a module of its own because a lock needs the commit of each reference, but the tree of few: the commit of a branch
or tag takes one request.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from lockfiles._files import hash_bytes
from lockfiles._values import compile_later, dataclass
from resolver.errors import Fault, OfflineError
from resolver.fetch.git.command import Git, GitCommandError, RemoteRepository
from resolver.fetch.git.commit_store import CommitStore
from resolver.fetch.git.failures import explain_git_failure
from resolver.fetch.git.repository import GitReferenceError
from resolver.fetch.store import write_cache_file

__all__ = ["CommitFinder", "FoundCommit", "is_full_id"]


_FULL_ID = compile_later(r"[0-9a-fA-F]{40}(?:[0-9a-fA-F]{24})?")
_SHORT_ID = compile_later(r"[0-9a-fA-F]{4,63}")
_LINE = compile_later(r"([0-9a-f]{40}(?:[0-9a-f]{24})?|ref: [^\t\n]+)\t([^\t\n]+)")
_LISTING_LIMIT_S = 120.0
# How many names a message shows: of similar ones, and of all names.
_MOST_NAMES = 3
_MOST_SHOWN = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundCommit:
    """The commit that a reference names."""

    commit_id: str

    requested_revision: str | None
    """The revision in the list; None if it has none (PEP 751 `packages.vcs.requested-revision`)."""

    warnings: tuple[str, ...] = ()
    """Whole messages, without the position in the list."""


class CommitFinder:
    """Finds commits in repositories.

    Results are kept in the folder `memory`. `offline` uses those alone. `announce` gets a line before a long fetch.
    """

    def __init__(
        self, git: Git, store: CommitStore, *, memory: Path, offline: bool, announce: Callable[[str], None]
    ) -> None:
        self._git = git
        self._store = store
        self._memory = memory
        self._offline = offline
        self._announce = announce

    def find(self, remote: RemoteRepository, revision: str | None, *, shown: str) -> FoundCommit:
        """The commit of a checked revision; None is the default branch. `shown` names the repository in messages.

        A full commit id is not looked up. Raises GitReferenceError, FetchError.
        """
        if revision is not None and is_full_id(revision):
            return FoundCommit(commit_id=revision.lower(), requested_revision=revision)
        if self._offline:
            named = self._recall(remote, revision, shown=shown)
        elif revision is None or revision == "HEAD":
            named = self._find_default(remote, shown=shown)
        else:
            named = _NamedCommit(branch=None, commit_id=self._find_revision(remote, revision, shown=shown))
        self._remember(remote, revision, named)
        warnings = (_warn_of_default(named, shown),) if revision is None or revision == "HEAD" else ()
        return FoundCommit(commit_id=named.commit_id, requested_revision=revision, warnings=warnings)

    def _find_default(self, remote: RemoteRepository, *, shown: str) -> _NamedCommit:
        """The default branch. Raises GitReferenceError for a repository without one."""
        named = _find_head(self._list(remote, "HEAD", shown=shown))
        if named is not None:
            return named
        listing = self._list(remote, shown=shown, only=("--heads",))
        names = [name.removeprefix("refs/heads/") for name in listing][:_MOST_SHOWN]
        if not names:
            raise GitReferenceError(f"{shown} is empty", why="it has no commit")
        raise GitReferenceError(
            f"{shown} has no default branch",
            why="its HEAD names a branch that is not there",
            remedy="name one of its branches: " + ", ".join(f"`@{name}`" for name in names),
        )

    def _find_revision(self, remote: RemoteRepository, revision: str, *, shown: str) -> str:
        """The commit of a branch, tag or short id. Raises GitReferenceError if there is none, or more than one."""
        names = _candidate_names(revision)
        # `NAME^{}` is the commit of an annotated tag.
        listing = self._list(remote, *names, *(f"{name}^{{}}" for name in names), shown=shown)
        commit_id = _choose_commit(listing, revision, shown=shown)
        if commit_id is not None:
            return commit_id
        # For a short id, and for the names in the error.
        everything = self._list(remote, shown=shown, only=("--heads", "--tags"))
        if _is_short_id(revision) and everything:
            commit_id = self._find_short(remote, revision, like=next(iter(everything.values())), shown=shown)
            if commit_id is not None:
                return commit_id
        raise _missing_revision(everything, revision, shown=shown)

    def _list(self, remote: RemoteRepository, *patterns: str, shown: str, only: tuple[str, ...] = ()) -> dict[str, str]:
        """The references of a repository that match the patterns (see `_parse_listing`). Raises FetchError.

        With version 2 of git's protocol, a server sends only the matching ones, of possibly thousands.
        """
        arguments = ["ls-remote", "--quiet", "--symref", *only, "--end-of-options", remote.repository.clean_url]
        try:
            text = self._git.run_remote(remote, *arguments, *patterns, limit_s=_LISTING_LIMIT_S)
        except GitCommandError as failed:
            raise explain_git_failure(failed, remote.repository, shown=shown) from None
        return _parse_listing(text)

    def _find_short(self, remote: RemoteRepository, revision: str, *, like: str, shown: str) -> str | None:
        """The commit whose id begins with `revision`, among those of all branches and tags; None if there is none.

        It fetches all commits, without their files: no server looks up a short id. Raises GitReferenceError for two.
        """
        self._announce(f"reading the commits of {shown}")
        with self._store.temporary_folder() as folder:
            made = folder / "repository"
            try:
                self._store.fetch_commits(remote, made, like=like)
            except GitCommandError as failed:
                raise explain_git_failure(failed, remote.repository, shown=shown) from None
            listed = self._git.run("--git-dir", str(made), "rev-list", "--all")
            begun = sorted(commit_id for commit_id in listed.split() if commit_id.startswith(revision.lower()))
        if len(begun) <= 1:
            return begun[0] if begun else None
        more = f" and {len(begun) - _MOST_SHOWN} more" if len(begun) > _MOST_SHOWN else ""
        raise GitReferenceError(
            f"`{revision}` is ambiguous in {shown}",
            why=f"{len(begun)} commits begin so: " + ", ".join(f"`{text}`" for text in begun[:_MOST_SHOWN]) + more,
            remedy="write the whole commit id",
        )

    def _recall(self, remote: RemoteRepository, revision: str | None, *, shown: str) -> _NamedCommit:
        """The result of an earlier run. Raises OfflineError if there is none."""
        try:
            known = json.loads(self._path(remote, revision).read_bytes())
        except (OSError, ValueError):
            known = None
        if isinstance(known, dict) and is_full_id(str(known.get("commit"))):
            branch = known.get("branch")
            return _NamedCommit(branch=str(branch) if branch else None, commit_id=str(known["commit"]))
        what = f"the commit of `{revision}`" if revision else "the commit of the default branch"
        raise OfflineError(
            f"{what} is not in the cache: {shown}",
            remedy="run once without `--offline`",
            url=remote.repository.url.public,
        )

    def _remember(self, remote: RemoteRepository, revision: str | None, named: _NamedCommit) -> None:
        """Keep a result for runs without network."""
        if not self._offline:
            data = json.dumps({"commit": named.commit_id, "branch": named.branch}).encode()
            write_cache_file(self._path(remote, revision), data)

    def _path(self, remote: RemoteRepository, revision: str | None) -> Path:
        """The file of a result."""
        name = hash_bytes((revision or "").encode())[:32]
        return self._memory / remote.key / name


def is_full_id(revision: str) -> bool:
    """Whether the text is a complete commit id (SHA-1 or SHA-256)."""
    return _FULL_ID.fullmatch(revision) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class _NamedCommit:
    """What a revision names: its commit, and the short name of the default branch if HEAD names one."""

    branch: str | None
    commit_id: str


def _is_short_id(revision: str) -> bool:
    """Whether the text could be the beginning of a commit id."""
    return _SHORT_ID.fullmatch(revision) is not None and not is_full_id(revision)


def _parse_listing(text: str) -> dict[str, str]:
    """The output of `git ls-remote --symref` as object ids by reference name.

    A symbolic reference adds `ref: TARGET` under its name with a leading `=`. An annotated tag has the id of its
    commit, which git lists as `NAME^{}`. Lines with unprintable characters are skipped.
    """
    found: dict[str, str] = {}
    for line in text.split("\n"):
        match = _LINE.fullmatch(line)
        if match is None or not match[2].isprintable() or not match[1].isprintable():
            continue
        value, name = match[1], match[2]
        found[f"={name}" if value.startswith("ref: ") else name] = value
    for name in [name for name in found if name.endswith("^{}")]:
        found[name.removesuffix("^{}")] = found.pop(name)
    return found


def _find_head(listing: dict[str, str]) -> _NamedCommit | None:
    """The default branch; None for a repository without commits."""
    commit_id = listing.get("HEAD")
    if commit_id is None:
        return None
    target = listing.get("=HEAD", "").removeprefix("ref: ")
    return _NamedCommit(branch=target.removeprefix("refs/heads/") or None, commit_id=commit_id)


def _candidate_names(revision: str) -> tuple[str, ...]:
    """The full reference names of a revision, in git's order of precedence (git: gitrevisions)."""
    if revision.startswith("refs/"):
        return (revision,)
    return (f"refs/tags/{revision}", f"refs/heads/{revision}", f"refs/{revision}")


def _choose_commit(listing: dict[str, str], revision: str, *, shown: str) -> str | None:
    """The commit of a revision; None if no reference has its name.

    Raises GitReferenceError for a branch and a tag of this name at different commits: git takes the tag.
    """
    found = {name: listing[name] for name in _candidate_names(revision) if name in listing}
    if len(set(found.values())) <= 1:
        return next(iter(found.values()), None)
    described = " and ".join(f"{_describe(name)} at commit `{commit_id}`" for name, commit_id in found.items())
    names = " or ".join(f"`@{name}`" for name in found)
    raise GitReferenceError(
        f"`{revision}` is ambiguous in {shown}", why=f"it is both {described}", remedy=f"write {names} for it"
    )


def _missing_revision(listing: dict[str, str], revision: str, *, shown: str) -> GitReferenceError:
    """The error for a revision that a repository lacks; its remedy names similar ones."""
    names = [name for name in listing if name.startswith(("refs/heads/", "refs/tags/"))]
    near = _find_near(revision, names)
    branches, tags = (sum(name.startswith(f"refs/{kind}/") for name in names) for kind in ("heads", "tags"))
    searched = (
        f"none of its {branches} {'branch' if branches == 1 else 'branches'}"
        f" and {tags} {'tag' if tags == 1 else 'tags'} has that name"
    )
    if _is_short_id(revision):
        searched += ", and no commit begins so"
    return GitReferenceError(
        f"there is no `{revision}` in {shown}",
        why=searched,
        remedy=" or ".join(f"`@{name}`" for name in near) if near else "",
    )


def _find_near(revision: str, names: Iterable[str]) -> list[str]:
    """Up to three short names of branches and tags that resemble the revision, nearest first.

    If none does, all names of a repository that has no more than three; else none. The rules, in order: the same name
    in another case or with a `v` (`1.0` and `v1.0`), names that end in it, and names with similar letters.
    """
    wanted = re.sub(r"^refs/(heads|tags)/", "", revision)
    shorts = sorted({re.sub(r"^refs/(heads|tags)/", "", name) for name in names})
    lower = wanted.lower().removeprefix("origin/")
    same = [name for name in shorts if name.lower() in (lower, f"v{lower}", lower.removeprefix("v"))]
    if same:
        return same[:_MOST_NAMES]
    ending = [name for name in shorts if name.lower().endswith((f"/{lower}", f"-{lower}", f"-v{lower}"))]
    close = difflib.get_close_matches(wanted, shorts, n=_MOST_NAMES, cutoff=0.6)
    return list(dict.fromkeys([*ending, *close]))[:_MOST_NAMES] or (shorts if len(shorts) <= _MOST_NAMES else [])


def _describe(name: str) -> str:
    """A reference as messages name it."""
    for prefix, what in (("refs/heads/", "a branch"), ("refs/tags/", "a tag")):
        if name.startswith(prefix):
            return what
    return f"`{name}`"


def _warn_of_default(named: _NamedCommit, shown: str) -> str:
    """The warning about a reference whose commit will change with the default branch."""
    taken = f"its default branch `{named.branch}`" if named.branch else "its HEAD"
    fault = Fault(
        what=f"{shown} names no revision",
        why=f"of that {taken} was taken, which is at commit `{named.commit_id}` now",
        remedy=f"name a tag, or the commit: `@{named.commit_id}`",
    )
    return str(fault)
