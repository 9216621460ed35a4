"""What a repository lists, and which commit a revision of it names. Nothing here talks to anybody.

In: the output of `git ls-remote`. Out: a commit id, or an error that names what is near.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from lockfiles.value_classes import dataclass
from resolver.fetch.git.messages import GitReferenceError

__all__ = [
    "Head",
    "candidate_names",
    "choose_commit",
    "find_head",
    "is_full_id",
    "is_short_id",
    "missing_revision",
    "parse_listing",
]

_FULL_ID = re.compile(r"[0-9a-fA-F]{40}(?:[0-9a-fA-F]{24})?")
_SHORT_ID = re.compile(r"[0-9a-fA-F]{4,63}")
_LINE = re.compile(r"([0-9a-f]{40}(?:[0-9a-f]{24})?|ref: [^\t\n]+)\t([^\t\n]+)")
_MOST_NAMES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The default branch: its short name, None where HEAD is no branch, and its commit."""

    branch: str | None
    commit_id: str


def is_full_id(revision: str) -> bool:
    """Whether the text is a complete commit id (SHA-1 or SHA-256)."""
    return _FULL_ID.fullmatch(revision) is not None


def is_short_id(revision: str) -> bool:
    """Whether the text could be the beginning of a commit id."""
    return _SHORT_ID.fullmatch(revision) is not None and not is_full_id(revision)


def parse_listing(text: str) -> dict[str, str]:
    """Object ids by reference name; a symbolic reference has `ref: NAME` under its name with a leading `=`.

    An annotated tag stands for the commit that it names: `git ls-remote` adds that as `NAME^{}`.
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


def find_head(listing: dict[str, str]) -> Head | None:
    """The default branch; None for a repository without commits."""
    commit_id = listing.get("HEAD")
    if commit_id is None:
        return None
    target = listing.get("=HEAD", "").removeprefix("ref: ")
    return Head(branch=target.removeprefix("refs/heads/") or None, commit_id=commit_id)


def candidate_names(revision: str) -> tuple[str, ...]:
    """The full names that a revision may stand for, tags first (git: gitrevisions)."""
    if revision.startswith("refs/"):
        return (revision,)
    return (f"refs/tags/{revision}", f"refs/heads/{revision}", f"refs/{revision}")


def choose_commit(listing: dict[str, str], revision: str, *, shown: str) -> str | None:
    """The commit of a revision; None where nothing has its name. Raises GitReferenceError for two that differ."""
    found = {name: listing[name] for name in candidate_names(revision) if name in listing}
    if len(set(found.values())) <= 1:
        return next(iter(found.values()), None)
    described = " and ".join(f"{_describe(name)} at commit `{commit_id}`" for name, commit_id in found.items())
    names = " or ".join(f"`@{name}`" for name in found)
    raise GitReferenceError(
        f"`{revision}` is ambiguous in {shown}", why=f"it is both {described}", remedy=f"write {names} for it"
    )


def missing_revision(listing: dict[str, str], revision: str, *, shown: str) -> GitReferenceError:
    """The error for a revision that a repository has not, with what it has that is near."""
    names = [name for name in listing if name.startswith(("refs/heads/", "refs/tags/"))]
    near = find_near(revision, names)
    branches, tags = (sum(name.startswith(f"refs/{kind}/") for name in names) for kind in ("heads", "tags"))
    searched = (
        f"none of its {branches} {'branch' if branches == 1 else 'branches'}"
        f" and {tags} {'tag' if tags == 1 else 'tags'} has that name"
    )
    if is_short_id(revision):
        searched += ", and no commit begins so"
    return GitReferenceError(
        f"there is no `{revision}` in {shown}",
        why=searched,
        remedy=" or ".join(f"`@{name}`" for name in near) if near else "",
    )


def find_near(revision: str, names: Iterable[str]) -> list[str]:
    """Up to three short names of branches and tags that look like the revision, nearest first; else all, if no more."""
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
    for prefix, what in (("refs/heads/", "a branch"), ("refs/tags/", "a tag")):
        if name.startswith(prefix):
            return what
    return f"`{name}`"
