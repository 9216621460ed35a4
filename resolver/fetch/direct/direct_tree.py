"""The metadata of a source tree that a list names: what the user or the data says of it, else what it says itself.

What a commit or an archive says never changes, so it is kept by commit id or hash, and a tree that was read before is
neither laid out nor built again.

A folder of the user's that a list names: what it holds, and what it needs.

A commit of a git repository that a list names by branch, tag or id: which one it is, and what it needs.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.utils import NormalizedName
from packaging.version import Version

from lockfiles._files import hash_bytes
from resolver.fetch.builds.permission import Builds, is_host_compatible
from resolver.fetch.builds.sdists import TreeMetadata, read_build_system, read_tree_metadata
from resolver.fetch.direct.folder_content import hash_folder
from resolver.fetch.git.repositories import GitRepositories
from resolver.fetch.projects.record_store import (
    RecordStore,
    dump_core_metadata,
    dump_texts,
    load_core_metadata,
    load_texts,
)
from resolver.index.core_metadata import CoreMetadata
from resolver.index.direct_distribution import DirectDistribution, DirectRequest
from resolver.index.distribution_file import Commit, DistributionFile, Folder
from resolver.index.sdist_metadata import PyprojectError, parse_pyproject
from resolver.requirements.entry import VcsReference
from resolver.targets.data_files import find_sdist_metadata
from resolver.targets.target import Target

if TYPE_CHECKING:
    from resolver.settings.settings import DependencyMetadata

__all__ = [
    "DirectTrees",
    "fetch_direct_commit",
    "read_direct_folder",
]


_RECORDS = "direct"
"""The file of all records: the name of a project may be what is looked for."""


class DirectTrees:
    """Reads trees for one target; may be used from many threads. `tables` are the user's own metadata.

    `folder` is that of the cache, None where nothing is kept; with `refresh` nothing that was kept is believed.
    """

    def __init__(
        self,
        *,
        target: Target,
        builds: Builds,
        tables: Sequence[DependencyMetadata],
        folder: Path | None,
        refresh: bool,
    ) -> None:
        self.target = target
        self._builds = builds
        self._tables = tuple(tables)
        self._records = RecordStore(None if folder is None else folder / "trees-v1")
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
        """The metadata of the project in a tree. Raises MetadataError, and what fetching build requirements raises.

        `version` is what the name of its archive says; `proof` a text that no other tree has, None for one that can
        change.
        """
        name, version = _read_identity(tree, request.name, version)
        told = None if name is None else self.find_given_metadata(name, version)
        if told is not None:
            requires = read_build_system(tree, described=described, project=name).requires
            return TreeMetadata(metadata=told, built=False, build_requires=requires)
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
        """What a tree was found to be before; None where it has to be read, or may not be believed."""
        if self._refresh or self._tables:
            return None
        for key, built in ((proof, False), (self._name_build(proof, request), True)):
            found = self._load(key, built=built)
            if found is not None and (not built or self._may_build(request, found.metadata.name)):
                return found
        return None

    def find_given_metadata(
        self, name: NormalizedName, version: Version | None, *, is_wheel: bool = False
    ) -> CoreMetadata | None:
        """What `[[tool.pinfold.dependency-metadata]]` says of a project, or the data of one that is built; else None.

        A version is needed: that of the table where the project does not tell its own.
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
        metadata, requires = (self._records.find(_RECORDS, f"{part} {key}") for part in ("metadata", "build"))
        if metadata is None or requires is None:
            return None
        core, texts = load_core_metadata(metadata), load_texts(requires)
        if core is None or texts is None:
            return None
        return TreeMetadata(metadata=core, built=built, build_requires=texts)

    def _keep(self, proof: str, request: DirectRequest, found: TreeMetadata) -> None:
        key = self._name_build(proof, request) if found.built else proof
        core, requires = dump_core_metadata(found.metadata), dump_texts(found.build_requires)
        if core is not None and requires is not None:
            self._records.add(_RECORDS, {f"metadata {key}": core, f"build {key}": requires})

    def _name_build(self, proof: str, request: DirectRequest) -> str:
        """The key of what a build told: it holds for this target and these config settings alone."""
        settings = request.config_settings
        shown = f" {hash_bytes(json.dumps(settings).encode())}" if settings else ""
        return f"{self.target.key}{shown} {proof}"

    def _may_build(self, request: DirectRequest, name: NormalizedName) -> bool:
        policy = self._builds.policy_for(name)
        return request.isolated and (
            policy == "anyway" or (policy == "if-compatible" and is_host_compatible(self.target))
        )


def _find_in_data(name: NormalizedName, version: Version) -> CoreMetadata | None:
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
    """Name and version as far as the list, the archive's name and pyproject.toml tell them."""
    try:
        pyproject = parse_pyproject((tree / "pyproject.toml").read_bytes())
    except (OSError, PyprojectError):
        return name, version  # Whoever reads it for more says what is wrong.
    return name or pyproject.name, version or pyproject.version


def read_direct_folder(request: DirectRequest, path: Path, *, trees: DirectTrees) -> DirectDistribution:
    """The project in the folder, with the hash of its content. Raises InputError, MetadataError, ResolutionError."""
    content = hash_folder(path)
    found = trees.read(path, request, described=request.text)
    metadata = found.metadata
    file = DistributionFile(
        filename=metadata.name,
        version=metadata.version,
        url=path.as_uri(),
        origin=Folder(path=str(path), content=content, editable=request.editable),
    )
    return DirectDistribution(
        name=metadata.name,
        version=metadata.version,
        file=file,
        metadata=metadata,
        built=found.built,
        build_requires=found.build_requires,
    )


def fetch_direct_commit(
    request: DirectRequest,
    reference: VcsReference,
    *,
    trees: DirectTrees,
    repositories: GitRepositories,
) -> DirectDistribution:
    """The project at the commit: the one that an old lock holds, else what the revision names now.

    Raises InputError for a reference that the list should word otherwise, FetchError where git gets no answer, and
    MetadataError.
    """
    commit_id, warnings = _find_commit(request, reference, repositories)
    if request.editable:
        warnings += (f"`{request.text}` is locked as a commit, not as editable: an image has no work tree of it",)
    proof = f"git {reference.url} {commit_id} {reference.subdirectory or ''}"
    found = trees.recall(proof, request)
    if found is None:
        with repositories.open_tree(reference.url, commit_id, subdirectory=reference.subdirectory) as tree:
            # What it lacks is told in every run.
            kept = None if tree.warnings else proof
            found = trees.read(tree.folder, request, described=request.text, proof=kept)
            warnings += tree.warnings
    origin = Commit(
        url=reference.url.public,
        commit_id=commit_id,
        requested_revision=reference.revision,
        subdirectory=reference.subdirectory,
    )
    return _describe(request, found, origin, warnings)


def _find_commit(
    request: DirectRequest, reference: VcsReference, repositories: GitRepositories
) -> tuple[str, tuple[str, ...]]:
    if request.locked_commit is not None:
        return request.locked_commit, ()
    found = repositories.find_commit(reference, text=request.text)
    return found.commit_id, found.warnings


def _describe(
    request: DirectRequest, found: TreeMetadata, origin: Commit, warnings: tuple[str, ...]
) -> DirectDistribution:
    metadata = found.metadata
    return DirectDistribution(
        name=metadata.name,
        version=metadata.version,
        file=DistributionFile(filename=metadata.name, version=metadata.version, url=f"git+{origin.url}", origin=origin),
        metadata=metadata,
        built=found.built,
        build_requires=found.build_requires,
        warnings=tuple(f"{request.position}: {warning}" for warning in warnings),
    )
