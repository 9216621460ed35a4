"""The sources of a lock that have to be built: which, in which order, and each as a folder that its build may change.

In: a lockfile and the files that it names, and what an earlier run has built. Out: `SourceBuild`s in build order, and
for each a `BuildTree`: an unpacked sdist, a copy of a folder, or the checkout of a commit. The tree is deleted when its
build has ended.

The key of a `SourceBuild` covers everything in a lock that decides the outcome of the build. A source whose key has not
changed is built once for a wheelhouse; `read_records` and `write_records` keep the keys between runs.

This is a module of its own because it runs no code of a source. `resolver.artifacts.building` does that, and only after
the content was compared with the hash in the lock, where the lock has one.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.pylock import Package, PackageDirectory, PackageVcs
from packaging.utils import NormalizedName

from lockfiles import Lockfile
from lockfiles._documents import parse_json
from lockfiles._files import hash_bytes, read_regular, replace_file
from lockfiles._values import dataclass
from lockfiles.graph import assign_layers
from lockfiles.lockfile import BuildFacts
from resolver.artifacts.wanted import Wanted, WantedFile
from resolver.errors import HashMismatchError, InputError, render_os_error
from resolver.fetch.builds.sdists import unpack_sdist
from resolver.fetch.direct.folder_content import hash_folder, list_folder_files
from resolver.index.sdist_metadata import SdistArchiveError
from resolver.requirements.url import parse_url

if TYPE_CHECKING:
    from resolver.fetch.git.repositories import GitRepositories
    from resolver.fetch.lock_policy import LockPolicy

__all__ = [
    "BuildTree",
    "BuildTrees",
    "BuiltWheel",
    "SourceBuild",
    "list_builds",
    "read_records",
    "write_records",
]

_EPOCH_S = 315_532_800
"""1980-01-01, the first moment that a ZIP archive can store. Sources without a date are built as of this moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceBuild:
    """A source to build.

    - `file` is its sdist or archive, None for a commit and a folder.
    - `requirements` are the wheels of its build environment.
    - `after` is None for a build with isolation. Without isolation it has the projects that are installed beforehand.
    - `layer` is the layer of the list that the source belongs to, from 0.
    - `key` is a SHA-256 in hex: two builds with the same key have the same outcome as far as a lock decides it.
    """

    package: Package
    file: WantedFile | None
    facts: BuildFacts
    requirements: tuple[WantedFile, ...]
    after: frozenset[NormalizedName] | None
    layer: int
    key: str

    @property
    def described(self) -> str:
        """The source for messages, without secrets: a file name, `git+URL@COMMIT`, or the path of a folder."""
        package = self.package
        if self.file is not None:
            return self.file.filename
        if package.vcs is not None:
            return f"git+{package.vcs.url or package.vcs.path}@{package.vcs.commit_id}"
        return package.directory.path if package.directory is not None else package.name


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltWheel:
    """A wheel that was built. `key` is that of its `SourceBuild`, `sha256` that of the wheel itself."""

    key: str
    filename: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildTree:
    """A source as files on disk.

    `folder` is the project in it (its `subdirectory`, if it has one). `epoch_s` becomes `SOURCE_DATE_EPOCH` of the
    build. `warnings` are whole messages, for example about submodules.
    """

    folder: Path
    epoch_s: int = _EPOCH_S
    warnings: tuple[str, ...] = ()


class BuildTrees:
    """Makes build trees.

    `lock_folder` is where the relative paths of the lock start; `stash` is the folder with the downloaded sdists;
    `policy` is that of the lock, which `repositories` follow too.
    """

    def __init__(self, *, lock_folder: Path, stash: Path, repositories: GitRepositories, policy: LockPolicy) -> None:
        self._lock_folder = lock_folder
        self._stash = stash
        self._repositories = repositories
        self._policy = policy

    @contextmanager
    def open(self, build: SourceBuild) -> Iterator[BuildTree]:
        """The tree of a source, deleted at the end. Raises InputError, FetchError, HashMismatchError."""
        package = build.package
        if package.vcs is not None:
            with self._open_commit(build, package.vcs) as tree:
                yield tree
            return
        with tempfile.TemporaryDirectory(prefix="pinfold-", ignore_cleanup_errors=True) as name:
            # A build backend that resolves links would otherwise see another path than ours.
            folder = Path(name).resolve()
            if package.directory is not None:
                yield BuildTree(folder=self._copy(build, package.directory, folder))
            else:
                yield BuildTree(folder=self._unpack(build, folder))

    @contextmanager
    def _open_commit(self, build: SourceBuild, vcs: PackageVcs) -> Iterator[BuildTree]:
        """The checkout of a commit; its date is the date of the build."""
        if vcs.type != "git" or vcs.url is None:
            raise InputError(f"`{build.package.name}` comes from a repository that is not read: `{vcs.type}`")
        with self._repositories.open_tree(parse_url(vcs.url), vcs.commit_id, subdirectory=vcs.subdirectory) as tree:
            yield BuildTree(folder=tree.folder, epoch_s=max(_EPOCH_S, tree.commit_time_s), warnings=tree.warnings)

    def _copy(self, build: SourceBuild, directory: PackageDirectory, into: Path) -> Path:
        """The project in a copy of its folder: a build writes into its tree, and must not change the original.

        Raises InputError for a folder that cannot be read, HashMismatchError where the copy is not what was locked.
        The copy is hashed, not the original: the original may change while it is read.
        """
        source, shown = self._lock_folder / directory.path, f"`{directory.path}` ({build.package.name})"
        self._policy.check_tree(source)
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
                details=(f"locked: {expected}", f"found:  {found}"),
                remedy="`lock`, which locks it as it is now",
                filename=directory.path,
                expected=expected,
                found=found,
            )
        return _find_project(copy, directory.subdirectory, build)

    def _unpack(self, build: SourceBuild, into: Path) -> Path:
        """The project in its unpacked sdist or archive, whose hash the download has checked."""
        assert build.file is not None
        try:
            tree = unpack_sdist(self._stash / build.file.filename, into)
        except SdistArchiveError as error:
            raise InputError(str(error)) from error
        archive = build.package.archive
        return _find_project(tree, None if archive is None else archive.subdirectory, build)


def list_builds(lockfile: Lockfile, wanted: Wanted) -> tuple[SourceBuild, ...]:
    """The sources of a lock in the order in which they can be built: by layer, then by name.

    Raises InputError with all faults where the lock lacks what a build needs.
    """
    layers = assign_layers(lockfile)
    faults: list[str] = []
    builds = [
        _read_build(lockfile, package, file, wanted, layers, faults)
        for package, file in sorted(wanted.sources, key=lambda source: (layers[source[0].name], source[0].name))
    ]
    if faults:
        raise InputError("the lock does not say how to build all of its sources", details=tuple(faults))
    return tuple(builds)


def read_records(path: Path) -> dict[NormalizedName, BuiltWheel]:
    """What an earlier run has built, by project; empty where the file is missing or broken, so all is built again."""
    try:
        rows = parse_json(read_regular(path))
        return {
            NormalizedName(name): BuiltWheel(key=row["key"], filename=row["file"], sha256=row["sha256"])
            for name, row in rows.items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def write_records(path: Path, records: Mapping[NormalizedName, BuiltWheel]) -> None:
    """Write what was built, for `read_records` of the next run. The file is replaced as a whole."""
    rows = {
        name: {"key": wheel.key, "file": wheel.filename, "sha256": wheel.sha256}
        for name, wheel in sorted(records.items())  # Sorted, so that equal wheelhouses have equal files.
    }
    replace_file(path, json.dumps(rows, indent=1).encode())


def _read_build(
    lockfile: Lockfile,
    package: Package,
    file: WantedFile | None,
    wanted: Wanted,
    layers: Mapping[NormalizedName, int],
    faults: list[str],
) -> SourceBuild:
    """The build of one source. What the lock lacks for it is appended to `faults`.

    Without isolation a build sees the projects of earlier layers, so those are part of its key.
    """
    tool, name = lockfile.tool, package.name
    facts = BuildFacts() if tool is None else tool.build.get(name, BuildFacts())
    if tool is None or name not in tool.build:
        faults.append(f"`{name}`: its build requirements are not locked; `lock` does that")
    for text in facts.requirements:
        if text not in wanted.build_wheels:
            faults.append(f"`{name}`: its build requirement `{text}` has no file; `lock` finds one")
    requirements = tuple(wanted.build_wheels[text] for text in facts.requirements if text in wanted.build_wheels)
    after = frozenset(other for other, layer in layers.items() if layer < layers[name])
    return SourceBuild(
        package=package,
        file=file,
        facts=facts,
        requirements=requirements,
        after=None if facts.isolation else after,
        layer=layers[name],
        key=_build_key(lockfile, package, facts, requirements, () if facts.isolation else after),
    )


def _build_key(
    lockfile: Lockfile,
    package: Package,
    facts: BuildFacts,
    requirements: Sequence[WantedFile],
    after: Iterable[NormalizedName],
) -> str:
    """The SHA-256, in hex, of all that decides the outcome of a build, as far as a lock decides it.

    The keys lie in wheelhouses: a change of this document makes every wheelhouse build its sources again.
    """
    tool, vcs, directory, archive = lockfile.tool, package.vcs, package.directory, package.archive
    installed = {one.name: one for one in lockfile.pylock.packages if one.name in frozenset(after)}
    document = {
        "target": [] if tool is None else [tool.python, tool.platform],
        "source": [
            None if vcs is None else [vcs.commit_id, vcs.subdirectory],
            None if directory is None else [facts.content, directory.path, directory.subdirectory],
            None if archive is None else [archive.hashes["sha256"], archive.subdirectory],
            None if package.sdist is None else package.sdist.hashes["sha256"],
        ],
        "config-settings": [list(pair) for pair in facts.config_settings],
        "requirements": sorted(file.sha256 for file in requirements),
        "installed": [
            [name, str(one.version), *sorted(wheel.hashes["sha256"] for wheel in one.wheels or ())]
            for name, one in sorted(installed.items())
        ],
    }
    return hash_bytes(json.dumps(document, sort_keys=True).encode())


def _copy_history(source: Path, copy: Path) -> None:
    """Copy the git repository of a folder too where its build derives the version from tags (setuptools-scm)."""
    # Lazy: it belongs to the git part, which few folders need.
    from resolver.fetch.git.commit_trees import wants_history

    repository = source / ".git"
    if repository.is_dir() and wants_history(source):
        # Without hooks: git could run them during the build.
        shutil.copytree(repository, copy / ".git", symlinks=True, ignore=shutil.ignore_patterns("hooks"))


def _find_project(tree: Path, subdirectory: str | None, build: SourceBuild) -> Path:
    """The folder of the project in a tree, with links resolved.

    Raises InputError where it is missing, or where a link leads out of the tree.
    """
    folder = Path(os.path.realpath(tree / (subdirectory or "")))
    if not folder.is_relative_to(os.path.realpath(tree)) or not folder.is_dir():
        raise InputError(f"`{build.described}` has no folder `{subdirectory}`")
    return folder
