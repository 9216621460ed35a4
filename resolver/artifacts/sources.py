"""What has to be built of a lock: each source with its requirements, settings and a key that says whether it was.

In: the sources of a lock, the config settings of a list, and what an earlier run has built. Out: `SourceBuild`s. The
key covers all that decides the outcome, so an unchanged source is built once for a wheelhouse.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from packaging.pylock import Package
from packaging.utils import NormalizedName

from lockfiles import BuildFacts, Lockfile
from lockfiles.file_replacement import replace_file
from lockfiles.graph import assign_layers
from lockfiles.sha256 import hash_bytes
from lockfiles.value_classes import dataclass
from resolver.artifacts.wanted import Wanted, WantedFile
from resolver.errors import InputError

__all__ = ["BuiltWheel", "Settings", "SourceBuild", "list_builds", "read_records", "write_records"]

Settings = Mapping[NormalizedName, tuple[tuple[str, str], ...]]
"""`--config-settings` by project, in list order; they may be secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceBuild:
    """A source to build. `file` is its sdist or archive, None for a commit and a folder.

    `requirements` are the wheels of its environment. `after` are the projects that are installed before it where it is
    built without isolation, None where it is built with it; `layer` is its own layer.
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
        """The source for messages, in public."""
        package = self.package
        if self.file is not None:
            return self.file.filename
        if package.vcs is not None:
            return f"git+{package.vcs.url or package.vcs.path}@{package.vcs.commit_id}"
        return package.directory.path if package.directory is not None else package.name


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltWheel:
    """A wheel that was built, by the key of its build."""

    key: str
    filename: str
    sha256: str


def list_builds(lockfile: Lockfile, wanted: Wanted) -> tuple[SourceBuild, ...]:
    """The sources of a lock in the order in which they can be built: by layer, then by name.

    Raises InputError where the lock does not say what a build needs.
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


def _read_build(
    lockfile: Lockfile,
    package: Package,
    file: WantedFile | None,
    wanted: Wanted,
    layers: Mapping[NormalizedName, int],
    faults: list[str],
) -> SourceBuild:
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
    """The SHA-256 of all that decides the outcome of a build, as far as a lock decides it."""
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


def read_records(path: Path) -> dict[NormalizedName, BuiltWheel]:
    """What an earlier run has built, by project; empty where that cannot be read."""
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        return {
            NormalizedName(name): BuiltWheel(key=row["key"], filename=row["file"], sha256=row["sha256"])
            for name, row in rows.items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def write_records(path: Path, records: Mapping[NormalizedName, BuiltWheel]) -> None:
    """Keep what was built for the next run."""
    rows = {
        name: {"key": wheel.key, "file": wheel.filename, "sha256": wheel.sha256}
        for name, wheel in sorted(records.items())
    }
    replace_file(path, json.dumps(rows, indent=1).encode())
