"""What one distribution file needs under one target: from a table of the user's, a record, or the file itself.

In: a `DistributionFile`. Out: its `Dependencies` under the target, or what a build of it needs.

`find_stored` answers without a request; `fetch` reads METADATA of a wheel (`wheel_metadata`) or builds the metadata of
an sdist (`resolver.fetch.builds.sdists`). Two records are kept of each file: its core metadata, which any target can
use, and the dependencies under this target, so that a warm run evaluates no marker.

One module, because it has the one order of the sources of dependencies: a table of the user's first, then pinfold's own
data for sdists that cannot be built everywhere, then a record of a file that has a hash, then the file itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from packaging.utils import NormalizedName

from lockfiles._values import dataclass
from resolver.errors import HashMismatchError, MetadataError
from resolver.fetch.builds.permission import Builds
from resolver.fetch.http.http_session import HttpSession
from resolver.fetch.http.local_files import find_local_path
from resolver.fetch.projects.record_store import (
    dump_core_metadata,
    dump_dependencies,
    dump_texts,
    load_core_metadata,
    load_dependencies,
    load_texts,
)
from resolver.index.core_metadata import CoreMetadata, Dependencies, build_dependencies, parse_core_metadata
from resolver.index.distribution_file import DistributionFile
from resolver.targets.target import Target

if TYPE_CHECKING:
    from resolver.settings.settings import DependencyMetadata

__all__ = ["FileDependencies", "check_listed_hashes", "find_project", "has_two_hashes"]


def has_two_hashes(file: DistributionFile) -> bool:
    """Whether the page lists the file several times, with different SHA-256."""
    return sum(text.startswith("sha256:") for text in file.hashes) > 1


def check_listed_hashes(file: DistributionFile) -> None:
    """Raises HashMismatchError with two of the hashes, where a page lists the file with more than one SHA-256."""
    if not has_two_hashes(file):
        return
    first, second, *_ = (text for text in file.hashes if text.startswith("sha256:"))
    raise HashMismatchError(
        f"`{file.filename}` is listed with two hashes by {file.index or 'a page of links'}",
        details=(first, second),
        remedy="find out which of them is right",
        filename=file.filename,
        expected=first,
        found=second,
    )


def find_project(file: DistributionFile) -> NormalizedName:
    """The project in a file name (PEP 427, PEP 625); version and tags are not parsed, as `packaging` would."""
    # In an sdist the name may hold hyphens; the version follows the last one.
    name = file.filename.partition("-")[0] if file.is_wheel else file.filename.rpartition("-")[0]
    return NormalizedName(re.sub(r"[-_.]+", "-", name).lower())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fetched:
    """Core metadata, and whether a build gave it or the files of an sdist state it without being final."""

    metadata: CoreMetadata
    built: bool = False
    unverified: bool = False


class FileDependencies:
    """Finds and fetches the dependencies of files. May be used from many threads.

    Dependencies are not kept between calls: callers keep what they get. `tables` are the user's own metadata; the first
    that matches a file counts.
    """

    def __init__(
        self,
        *,
        target: Target,
        session: HttpSession,
        builds: Builds,
        tables: Sequence[DependencyMetadata],
    ) -> None:
        self._target = target
        self._session = session
        self._builds = builds
        self._tables = tuple(tables)
        self._records = session.open_records("metadata")
        # Build requirements by URL and proof, of the files that this run has looked into.
        self._build_requires: dict[tuple[str, str], tuple[str, ...]] = {}

    def find_stored(self, file: DistributionFile) -> Dependencies | None:
        """The dependencies from a table or a record; None where `fetch` must be called."""
        project = find_project(file)
        listed = self._find_in_tables(file, project)
        if listed is not None:
            return self._evaluate(listed, file, project, built=False)
        key = self._find_key(file)
        if key is None or not self._may_read(file) or has_two_hashes(file):
            return None
        record = self._records.find(project, self._name_record(project, key))
        found = load_dependencies(record) if record is not None else None
        return found if found is None or not found.built or self._may_build(project) else None

    def is_repeatable(self, file: DistributionFile) -> bool:
        """Whether the page that lists a file decides its dependencies: a file with a hash has the same ones for ever.

        Not so after a build: whether one is made depends on what a run allows.
        """
        found = self.find_stored(file)
        return found is not None and not found.built

    def fetch(self, file: DistributionFile) -> Dependencies:
        """The dependencies from the file itself, which are then kept.

        Raises FetchError, HashMismatchError, MetadataError.
        """
        check_listed_hashes(file)
        project, key = find_project(file), self._find_key(file)
        record = None if key is None or not self._may_read(file) else self._records.find(project, key)
        metadata = load_core_metadata(record) if record is not None else None
        fetched = self._fetch_metadata(file, project) if metadata is None else None
        if fetched is not None:
            metadata = fetched.metadata
            _check_identity(metadata, file, project)
        assert metadata is not None, "it is fetched where no record has it"
        built, unverified = fetched is not None and fetched.built, fetched is not None and fetched.unverified
        dependencies = self._evaluate(metadata, file, project, built=built, unverified=unverified)
        if key is not None:
            # Metadata of a build is for this target alone, and a record of core metadata counts as final.
            core = None if fetched is None or built or unverified else dump_core_metadata(metadata)
            self._keep(project, {key: core, self._name_record(project, key): dump_dependencies(dependencies)})
        return dependencies

    def needs_build(self, file: DistributionFile) -> bool:
        """Whether the dependencies of a file can only come from a build. It reads the file and builds nothing.

        Raises FetchError, HashMismatchError.
        """
        if file.is_wheel:
            return False
        stored = self.find_stored(file)
        if stored is not None:
            return stored.built
        from dataclasses import replace  # Lazy: few lists have sdists.

        without_builds = FileDependencies(
            target=self._target,
            session=self._session,
            builds=replace(self._builds, policy="never", allowed=frozenset()),
            tables=self._tables,
        )
        try:
            without_builds.fetch(file)
        except MetadataError as error:
            return error.needs_build
        return False

    def fetch_build_requires(self, file: DistributionFile) -> tuple[str, ...]:
        """The requirements of a build of an sdist, as texts (PEP 518).

        Those that its backend adds (PEP 517) are among them where this target has had a build. Raises FetchError,
        HashMismatchError, MetadataError.
        """
        place, project, key = (file.url, _find_proof(file)), find_project(file), self._find_key(file)
        if place not in self._build_requires and key is not None and self._may_read(file):
            # The requirements that a backend adds are for this target alone, and are looked up first.
            for name in (self._name_record(project, key), key):
                record = self._records.find(project, f"build {name}")
                stored = None if record is None else load_texts(record)
                if stored is not None:
                    self._build_requires.setdefault(place, stored)
        if place not in self._build_requires:
            # Lazy: a warm run reads no sdist.
            from resolver.fetch.builds.sdists import fetch_sdist_build_requires

            found = fetch_sdist_build_requires(file, project=project, session=self._session)
            self._keep_build_requires(file, project, found, built=False)
        return self._build_requires[place]

    def _find_in_tables(self, file: DistributionFile, project: NormalizedName) -> CoreMetadata | None:
        """The metadata that the user writes for a file, or that pinfold's data has for an sdist; None without both."""
        for table in self._tables:
            if table.name == project and table.version in (None, file.version):
                return CoreMetadata(
                    name=project,
                    version=file.version,
                    metadata_version="2.4",
                    requires_dist=table.requires_dist,
                    requires_python=table.requires_python,
                    provides_extra=table.provides_extra,
                )
        # A wheel has its metadata with it; the data is for sdists that only a build could read.
        return None if file.is_wheel else _find_in_data(file, project)

    def _fetch_metadata(self, file: DistributionFile, project: NormalizedName) -> _Fetched:
        """The core metadata of a file, and where it is from. Raises as `fetch`."""
        # Lazy, as the module of wheels: tarfile, tempfile and hashlib take 10 ms, which a warm run does not spend.
        if not file.is_wheel:
            from resolver.fetch.builds.sdists import fetch_sdist_metadata

            found = fetch_sdist_metadata(
                file, project=project, target=self._target, session=self._session, builds=self._builds
            )
            # Before anything is kept: the sdist may be that of another project.
            _check_identity(found.metadata, file, project)
            self._keep_build_requires(file, project, found.build_requires, built=found.built)
            return _Fetched(metadata=found.metadata, built=found.built, unverified=found.unverified)
        from resolver.fetch.projects.wheel_metadata import fetch_wheel_metadata

        content = fetch_wheel_metadata(file, project=project, session=self._session)
        try:
            return _Fetched(metadata=parse_core_metadata(content))
        except ValueError as error:
            raise _unreadable(file, project, error) from error

    def _evaluate(
        self,
        metadata: CoreMetadata,
        file: DistributionFile,
        project: NormalizedName,
        *,
        built: bool,
        unverified: bool = False,
    ) -> Dependencies:
        """The dependencies under the target. Raises MetadataError for a requirement that cannot be parsed."""
        try:
            return build_dependencies(
                metadata, environment=self._target.environment, built=built, unverified=unverified
            )
        except ValueError as error:
            raise _unreadable(file, project, error) from error

    def _name_record(self, project: NormalizedName, key: str) -> str:
        """The key of a record for this target, and for the config settings of its build where there are any."""
        if self._builds.preferred:
            key = f"build-metadata {key}"
        settings = self._builds.config_settings.get(project, ())
        if not settings:
            return f"{self._target.key} {key}"
        # Lazy: few projects have config settings, and hashing loads OpenSSL, which takes 4 ms.
        import json

        from lockfiles._files import hash_bytes

        return f"{self._target.key} {hash_bytes(json.dumps(settings).encode())} {key}"

    def _find_key(self, file: DistributionFile) -> str | None:
        """The key of a file's record; None for a file on disk without a hash: it may change, and is read quickly."""
        if file.sha256 is None and find_local_path(file.url) is not None:
            return None
        # The URL is part of the key: the hash is that of the file, and another host may offer other metadata beside it.
        found = self._session.credential_ids.find(file.url, page=file.page)
        return f"{file.url}#{_find_proof(file)}{f' {found}' if found else ''}"

    def _may_read(self, file: DistributionFile) -> bool:
        """Whether a record may be used for the file: online, a file without a hash may have been replaced since."""
        return not self._session.refresh and (self._session.offline or _find_proof(file) != "")

    def _may_build(self, project: NormalizedName) -> bool:
        """Whether the result of an earlier build may be used: only where this run would be allowed to build, too."""
        if project in self._builds.without_isolation:
            return False
        return self._builds.may_build(project, self._target)

    def _keep(self, project: NormalizedName, records: Mapping[str, bytes | None]) -> None:
        """Store the records that are new; the file of a project only grows. None is a text that cannot be stored."""
        find = self._records.find
        new = {key: data for key, data in records.items() if data is not None and find(project, key) != data}
        self._records.add(project, new)

    def _keep_build_requires(
        self, file: DistributionFile, project: NormalizedName, texts: tuple[str, ...], *, built: bool
    ) -> None:
        """Keep build requirements: for any target, or for this one where a backend was run for them."""
        self._build_requires[file.url, _find_proof(file)] = texts
        key = self._find_key(file)
        if key is not None:
            name = self._name_record(project, key) if built else key
            self._keep(project, {f"build {name}": dump_texts(texts)})


def _find_in_data(file: DistributionFile, project: NormalizedName) -> CoreMetadata | None:
    """The metadata that pinfold's data has for an sdist, or None."""
    # Lazy: few lists have a pin that is built.
    from resolver.targets.data_files import find_sdist_metadata

    found = find_sdist_metadata(project, file.version)
    if found is None:
        return None
    return CoreMetadata(
        name=project,
        version=file.version,
        metadata_version="2.4",
        requires_dist=found.requires_dist,
        requires_python=found.requires_python,
    )


def _find_proof(file: DistributionFile) -> str:
    """A hash that the page gives: of the file, otherwise of its PEP 658 file; empty for none."""
    return file.sha256 or file.core_metadata or ""


def _check_identity(metadata: CoreMetadata, file: DistributionFile, project: NormalizedName) -> None:
    """Raises MetadataError where metadata and file name have different projects or versions."""
    if metadata.name == project and metadata.version == file.version:
        return
    raise MetadataError(
        f"the metadata of `{file.filename}` is that of `{metadata.name}` {metadata.version}",
        project=project,
        filename=file.filename,
    )


def _unreadable(file: DistributionFile, project: str, error: ValueError) -> MetadataError:
    """The error for metadata that is broken; `error` is the reason of the parser."""
    return MetadataError(
        f"the metadata of `{file.filename}` cannot be read: {error}", project=project, filename=file.filename
    )
