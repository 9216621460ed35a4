"""The source of a build as a folder that the build may change: an unpacked sdist, a copy of a folder, a checkout.

In: what a lock says about a source, and its file if it has one. Out: a folder that is gone afterwards. What the lock
has a hash of is compared with it before anything of it runs.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from packaging.pylock import PackageDirectory, PackageVcs

from lockfiles.value_classes import dataclass
from resolver.artifacts.sources import SourceBuild
from resolver.errors import HashMismatchError, InputError, render_os_error
from resolver.fetch.folder_content import hash_folder, list_folder_files
from resolver.fetch.host_guard import HostGuard
from resolver.fetch.unpacking import unpack_sdist
from resolver.index.sdist_archive import SdistArchiveError
from resolver.requirements.url import parse_url

if TYPE_CHECKING:
    from resolver.fetch.git.repositories import GitRepositories

__all__ = ["LaidOut", "SourceTrees"]

_EPOCH_S = 315_532_800
"""1980-01-01, the first moment that a wheel's archive can name: what has no date of its own is built as of then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaidOut:
    """A source tree: the folder of the project in it, `SOURCE_DATE_EPOCH` of its build, and warnings."""

    folder: Path
    epoch_s: int = _EPOCH_S
    warnings: tuple[str, ...] = ()


class SourceTrees:
    """Lays out source trees. `lock_folder` is where relative paths start; `stash` is where sdists lie."""

    def __init__(self, *, lock_folder: Path, stash: Path, repositories: GitRepositories, guard: HostGuard) -> None:
        self._lock_folder = lock_folder
        self._stash = stash
        self._repositories = repositories
        self._guard = guard

    @contextmanager
    def open(self, build: SourceBuild) -> Iterator[LaidOut]:
        """The tree of a source. Raises InputError, FetchError, HashMismatchError."""
        package = build.package
        if package.vcs is not None:
            with self._open_commit(build, package.vcs) as found:
                yield found
            return
        with tempfile.TemporaryDirectory(prefix="pinfold-", ignore_cleanup_errors=True) as name:
            # Links on the way there would be other folders to a backend that resolves them.
            folder = Path(name).resolve()
            if package.directory is not None:
                yield LaidOut(folder=self._copy(build, package.directory, folder))
            else:
                yield LaidOut(folder=self._unpack(build, folder))

    @contextmanager
    def _open_commit(self, build: SourceBuild, vcs: PackageVcs) -> Iterator[LaidOut]:
        if vcs.type != "git" or vcs.url is None:
            raise InputError(f"`{build.package.name}` comes from a repository that is not read: `{vcs.type}`")
        url = parse_url(vcs.url)
        if urlsplit(url.public).scheme != "file":
            self._guard.check(url.public)
        with self._repositories.open_tree(url, vcs.commit_id, subdirectory=vcs.subdirectory) as tree:
            yield LaidOut(folder=tree.folder, epoch_s=max(_EPOCH_S, tree.commit_time_s), warnings=tree.warnings)

    def _copy(self, build: SourceBuild, directory: PackageDirectory, into: Path) -> Path:
        source, shown = self._lock_folder / directory.path, f"`{directory.path}` ({build.package.name})"
        if not source.is_dir():
            raise InputError(
                f"there is no folder {shown} where the lock has it",
                remedy="put it there; a path in a lock starts from the folder that the lock lies in",
            )
        copy = into / source.resolve().name
        try:
            for path in list_folder_files(source):
                (copy / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source / path, copy / path, follow_symlinks=False)
            found = hash_folder(copy)
            _copy_history(source, copy)
        except OSError as error:
            raise InputError(f"the folder {shown} cannot be read: {render_os_error(error)}") from error
        expected = build.facts.content
        if expected is not None and found != expected:
            raise HashMismatchError(
                f"the folder {shown} is not what was locked",
                details=(
                    f"locked: {expected}",
                    f"found:  {found}",
                ),
                remedy="`lock`, which locks it as it is now",
                filename=directory.path,
                expected=expected,
                found=found,
            )
        return _inside(copy, directory.subdirectory, build)

    def _unpack(self, build: SourceBuild, into: Path) -> Path:
        assert build.file is not None
        try:
            tree = unpack_sdist(self._stash / build.file.filename, into)
        except SdistArchiveError as error:
            raise InputError(str(error)) from error
        archive = build.package.archive
        return _inside(tree, None if archive is None else archive.subdirectory, build)


def _copy_history(source: Path, copy: Path) -> None:
    """The repository of a folder whose build makes up its version from tags."""
    # Lazy: it is of the git part, which few folders need.
    from resolver.fetch.git.checkout import wants_history

    repository = source / ".git"
    if repository.is_dir() and wants_history(source):
        shutil.copytree(repository, copy / ".git", symlinks=True, ignore=shutil.ignore_patterns("hooks"))


def _inside(tree: Path, subdirectory: str | None, build: SourceBuild) -> Path:
    """The folder of the project, which links must not lead out of the tree. Raises InputError."""
    folder = Path(os.path.realpath(tree / (subdirectory or "")))
    if not folder.is_relative_to(os.path.realpath(tree)) or not folder.is_dir():
        raise InputError(f"`{build.described}` has no folder `{subdirectory}`")
    return folder
