"""Direct references to source trees: a folder of the user's, or a commit of a git repository.

In: a `DirectRequest`. Out: a `DirectDistribution` with the metadata of the tree, and its origin: the hash of a folder's
content, or a commit id. `DirectTrees` finds the metadata of any tree, archives included. It takes the first of: the
user's own tables, the data about projects that need a build, the records of an earlier run, and the tree itself.

A commit or an archive never changes, so its metadata is kept under the commit id or hash, and a tree that was read
before is neither laid out nor built again. A folder is read in each run.

It is a module of its own because archives and commits share these records and rules.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.utils import NormalizedName
from packaging.version import Version

from lockfiles._files import hash_bytes, read_regular
from resolver.errors import InputError
from resolver.fetch.builds.permission import Builds
from resolver.fetch.builds.sdists import TreeMetadata, read_build_system, read_tree_metadata
from resolver.fetch.direct.folder_content import hash_folder
from resolver.fetch.projects.record_store import (
    RecordStore,
    dump_core_metadata,
    dump_texts,
    load_core_metadata,
    load_texts,
)
from resolver.index.core_metadata import CoreMetadata
from resolver.index.distribution_file import Commit, DirectDistribution, DirectRequest, DistributionFile, Folder
from resolver.index.sdist_metadata import PyprojectError, parse_pyproject
from resolver.requirements.entry import VcsReference
from resolver.targets.data_files import find_sdist_metadata
from resolver.targets.target import Target

if TYPE_CHECKING:
    from resolver.fetch.git.repositories import GitRepositories
    from resolver.settings.settings import DependencyMetadata

__all__ = [
    "DirectTrees",
    "fetch_direct_commit",
    "read_direct_folder",
]


_METADATA_FILES = ("pyproject.toml", "setup.py", "setup.cfg", "PKG-INFO")
"""The files of a tree that are read without a build."""

_RECORDS = "direct"
"""The one record file of all trees. They are not filed by project, whose name may be unknown before the lookup."""


class DirectTrees:
    """Reads trees for one target. May be used from many threads.

    - `tables` are the user's own metadata, `[[tool.pinfold.dependency-metadata]]`.
    - `records` are those of trees.
    - `refresh` ignores the records of earlier runs, and replaces them.
    """

    def __init__(
        self,
        *,
        target: Target,
        builds: Builds,
        tables: Sequence[DependencyMetadata],
        records: RecordStore,
        refresh: bool,
    ) -> None:
        self.target = target
        self._builds = builds
        self._tables = tuple(tables)
        self._records = records
        self._refresh = refresh

    def read(
        self,
        tree: Path,
        request: DirectRequest,
        *,
        described: str,
        version: Version | None = None,
        proof: str | None = None,
    ) -> TreeMetadata:
        """The metadata of the project at the top of a tree.

        `described` names the tree in messages. `version` is the one in the name of its archive. `proof` identifies the
        content of the tree, as a key of the records; None for a tree that can change.

        Raises MetadataError, and the errors of fetching build requirements.
        """
        name, version = _read_identity(tree, request.name, version)
        given = None if name is None else self.find_given_metadata(name, version)
        if given is not None:
            requires = read_build_system(tree, described=described, project=name).requires
            return TreeMetadata(metadata=given, built=False, build_requires=requires)
        found = None if proof is None else self.recall(proof, request)
        if found is None:
            found = read_tree_metadata(
                tree,
                project=request.name,
                described=described,
                target=self.target,
                builds=self._builds,
                config_settings=request.config_settings,
                isolated=request.isolated,
            )
            if proof is not None:
                self._keep(proof, request, found)
        return found

    def recall(self, proof: str, request: DirectRequest) -> TreeMetadata | None:
        """The metadata recorded for a tree; None if it has to be read, or if this run may not use the record.

        A record that a build gave is used only where this run would build the tree, too. With tables of the user's,
        the tree is read: they are matched by the name and version in it.
        """
        if self._refresh or self._tables:
            return None
        # Metadata that the tree states is valid for each target; metadata of a build only for its own.
        for key, built in ((proof, False), (self._name_build(proof, request), True)):
            found = self._load(key, built=built)
            if found is not None and (not built or self._may_build(request, found.metadata.name)):
                return found
        return None

    def find_given_metadata(
        self, name: NormalizedName, version: Version | None, *, is_wheel: bool = False
    ) -> CoreMetadata | None:
        """The metadata of a project in the user's tables, else in the data about sdists that need a build; else None.

        `version` None means that the project does not state one: then the table has to. The data is not used for
        wheels (`is_wheel`), which state all of it.
        """
        for table in self._tables:
            known = version or table.version
            if table.name == name and known is not None and table.version in (None, known):
                return CoreMetadata(
                    name=name,
                    version=known,
                    metadata_version="2.4",
                    requires_dist=table.requires_dist,
                    requires_python=table.requires_python,
                    provides_extra=table.provides_extra,
                )
        return None if is_wheel or version is None else _find_in_data(name, version)

    def _load(self, key: str, *, built: bool) -> TreeMetadata | None:
        """The record under a key; None if there is none, or one that cannot be read."""
        metadata, requires = (self._records.find(_RECORDS, f"{part} {key}") for part in ("metadata", "build"))
        if metadata is None or requires is None:
            return None
        core, texts = load_core_metadata(metadata), load_texts(requires)
        if core is None or texts is None:
            return None
        return TreeMetadata(metadata=core, built=built, build_requires=texts)

    def _keep(self, proof: str, request: DirectRequest, found: TreeMetadata) -> None:
        """Record the metadata and the build requirements of a tree."""
        key = self._name_build(proof, request) if found.built else proof
        core, requires = dump_core_metadata(found.metadata), dump_texts(found.build_requires)
        if core is not None and requires is not None:
            self._records.add(_RECORDS, {f"metadata {key}": core, f"build {key}": requires})

    def _name_build(self, proof: str, request: DirectRequest) -> str:
        """The key of metadata that a build gave: it is valid for this target and these config settings alone.

        The settings may be secret, so the key holds only their hash.
        """
        settings = request.config_settings
        shown = f" {hash_bytes(json.dumps(settings).encode())}" if settings else ""
        return f"{self.target.key}{shown} {proof}"

    def _may_build(self, request: DirectRequest, name: NormalizedName) -> bool:
        """Whether this run would build the project for its metadata."""
        return request.isolated and self._builds.may_build(name, self.target)


def read_direct_folder(request: DirectRequest, path: Path, *, trees: DirectTrees) -> DirectDistribution:
    """The project in the folder, with the hash of its content. Raises InputError, MetadataError, ResolutionError."""
    # The hash comes first: a build may write into the folder.
    content = hash_folder(path)
    found = trees.read(path, request, described=request.text)
    origin = Folder(path=str(path), content=content, editable=request.editable)
    return _describe(found, path.as_uri(), origin)


def fetch_direct_commit(
    request: DirectRequest,
    reference: VcsReference,
    *,
    trees: DirectTrees,
    repositories: GitRepositories,
) -> DirectDistribution:
    """The project at a commit: that of the old lock if the request holds one, else the one that the revision names now.

    Raises InputError for a reference that the list has to change, FetchError if git fails, and MetadataError.
    """
    commit_id, warnings = _find_commit(request, reference, repositories)
    if request.editable:
        warnings += (f"`{request.text}` is locked as a commit, not as editable: an image has no work tree of it",)
    proof = f"git {reference.url} {commit_id} {reference.subdirectory or ''}"
    login = repositories.find_credential_id(reference.url)
    found = trees.recall(f"{proof} {login}" if login else proof, request)
    if found is None:
        with repositories.open_tree(reference.url, commit_id, subdirectory=reference.subdirectory) as tree:
            _check_links(tree.folder, root=tree.root, shown=request.text)
            # Found anew: the repository may have had a login from the keyring.
            login = repositories.find_credential_id(reference.url)
            # An incomplete tree is not recorded: its warnings would be missing from later runs.
            key = None if tree.warnings else f"{proof} {login}" if login else proof
            found = trees.read(tree.folder, request, described=request.text, proof=key)
            warnings += tree.warnings
    origin = Commit(
        url=reference.url.public,
        commit_id=commit_id,
        requested_revision=reference.revision,
        subdirectory=reference.subdirectory,
    )
    shown = tuple(f"{request.position}: {warning}" for warning in warnings)
    return _describe(found, f"git+{origin.url}", origin, warnings=shown)


def _check_links(folder: Path, *, root: Path, shown: str) -> None:
    """Raises InputError where a file that metadata is read from is a link out of the checkout at `root`."""
    for name in _METADATA_FILES:
        path = folder / name
        if path.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root)):
            raise InputError(
                f"`{shown}` cannot be used",
                why=f"its `{name}` is a link that leads out of the repository, to files of this machine",
            )


def _find_commit(
    request: DirectRequest, reference: VcsReference, repositories: GitRepositories
) -> tuple[str, tuple[str, ...]]:
    """The commit id of a request, and warnings about the way it was found."""
    if request.locked_commit is not None:
        return request.locked_commit, ()
    found = repositories.find_commit(reference, text=request.text)
    return found.commit_id, found.warnings


def _describe(
    found: TreeMetadata, url: str, origin: Folder | Commit, *, warnings: tuple[str, ...] = ()
) -> DirectDistribution:
    """The distribution of a tree. It has no file name, so its name is that of the project."""
    metadata = found.metadata
    return DirectDistribution(
        name=metadata.name,
        version=metadata.version,
        file=DistributionFile(filename=metadata.name, version=metadata.version, url=url, origin=origin),
        metadata=metadata,
        built=found.built,
        build_requires=found.build_requires,
        warnings=warnings,
    )


def _find_in_data(name: NormalizedName, version: Version) -> CoreMetadata | None:
    """The metadata of an sdist that needs a build, from the data that ships with pinfold; None if it is not there."""
    found = find_sdist_metadata(name, version)
    if found is None:
        return None
    return CoreMetadata(
        name=name,
        version=version,
        metadata_version="2.4",
        requires_dist=found.requires_dist,
        requires_python=found.requires_python,
    )


def _read_identity(
    tree: Path, name: NormalizedName | None, version: Version | None
) -> tuple[NormalizedName | None, Version | None]:
    """Name and version of the project: as given, else from pyproject.toml, else None."""
    try:
        pyproject = parse_pyproject(read_regular(tree / "pyproject.toml"))
    except (OSError, PyprojectError):
        return name, version  # The reader of the build system or the metadata raises the error.
    return name or pyproject.name, version or pyproject.version
