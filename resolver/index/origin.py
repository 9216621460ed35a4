"""Where a distribution comes from that no index lists: an archive, a commit of a repository, a folder on disk.

In: what a direct reference turned out to be. Out: values that a `DistributionFile` carries, from which the lock makes
PEP 751's `wheels`, `sdist`, `archive`, `vcs` or `directory`. All texts are public.
"""

from __future__ import annotations

from lockfiles.value_classes import dataclass

__all__ = ["Archive", "Commit", "Folder", "Origin"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """A wheel or sdist by URL or path; `subdirectory` is where the project lies inside an sdist."""

    subdirectory: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """A commit of a git repository. `url` is without `git+`; `commit_id` is complete; `requested_revision` as asked."""

    url: str
    commit_id: str
    requested_revision: str | None = None
    subdirectory: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A source tree on disk. `path` is absolute; `content` is the `sha256:hex` of its files (see docs/lockfile.md)."""

    path: str
    content: str
    editable: bool = False


Origin = Archive | Commit | Folder
