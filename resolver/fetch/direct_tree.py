"""The metadata of a source tree that a list names: what the user or the data says of it, else what it says itself.

What a commit or an archive says never changes, so it is kept by commit id or hash, and a tree that was read before is
neither laid out nor built again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.utils import NormalizedName
from packaging.version import Version

from lockfiles.sha256 import hash_bytes
from resolver.fetch.builds import Builds
from resolver.fetch.host import is_host_compatible
from resolver.fetch.metadata_records import dump_core_metadata, dump_texts, load_core_metadata, load_texts
from resolver.fetch.record_store import RecordStore
from resolver.fetch.source_tree import TreeMetadata, read_build_system, read_tree_metadata
from resolver.index.core_metadata import CoreMetadata
from resolver.index.direct import DirectRequest
from resolver.index.pyproject_metadata import PyprojectError, parse_pyproject
from resolver.targets.sdist_metadata import find_sdist_metadata
from resolver.targets.target import Target

if TYPE_CHECKING:
    from resolver.settings import DependencyMetadata

__all__ = ["DirectTrees"]

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
