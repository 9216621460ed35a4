"""A scenario: list + index + target → pins, or the whole message. The format is described in `scenarios/README.md`."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from resolver.errors import PinfoldError
from resolver.index.distribution_file import FixedSource
from resolver.index.location import Location
from resolver.index.package_source import PackageSource
from resolver.locking.direct_references import find_direct
from resolver.locking.direct_source import SourceWithDirect
from resolver.requirements.entry import Entry, RequirementList
from resolver.requirements.requirement_list import parse_requirement_list
from resolver.requirements.scopes import IndexFamily, ScopeRules
from resolver.requirements.url import Url
from resolver.settings.settings import Mirror
from resolver.solve.build_problem import IndexOptions, SolverOptions, build_problem
from resolver.solve.diagnosis import NoSolutionError
from resolver.solve.explanation import Explanation
from resolver.solve.problem import Problem
from resolver.solve.resolution import Resolution
from resolver.solve.solving import solve
from resolver.targets.families import load_families
from resolver.targets.machine_types import choose_platform, parse_machine_types
from resolver.targets.platforms import parse_platform
from resolver.targets.target import Target, parse_python_version
from tests.solve.memory_source import DEFAULT_INDEX, MemorySource, Release
from tests.solve.pytorch_indexes import build_pytorch_indexes

__all__ = ["Answer", "Scenario", "find_explanation", "iter_scenarios", "run_scenario"]

_FOLDER = Path(__file__).parent / "scenarios"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One table of a scenario file, under the name `file: sentence`."""

    name: str
    table: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a scenario is compared with, in the words of its file."""

    pins: dict[str, str] | None = None
    files: dict[str, str] = field(default_factory=dict)
    requesters: dict[str, list[str]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    error: str | None = None
    asked: list[str] = field(default_factory=list)
    asked_indexes: list[str] = field(default_factory=list)


def iter_scenarios() -> Iterator[Scenario]:
    """All scenarios, files and tables in order."""
    for path in sorted(_FOLDER.glob("*.toml")):
        for name, table in tomllib.loads(path.read_text(encoding="utf-8")).items():
            yield Scenario(name=f"{path.stem}: {name}", table=table)


def run_scenario(scenario: Scenario, *, eager: bool = True) -> Answer:
    """What the solver answers."""
    table = scenario.table
    target = _build_target(table.get("target", {}))
    source = _build_source(table, target, eager=eager)
    try:
        resolution = solve(*_pose(table, target, source), open_source=lambda other: _open(table, other, source))
    except PinfoldError as error:
        return Answer(error=str(error), asked=source.asked_dependencies, asked_indexes=_list_asked_indexes(source))
    return _describe(resolution, source)


def find_explanation(scenario: Scenario) -> Explanation | None:
    """The explanation of a scenario without a solution; None for any other."""
    table = scenario.table
    target = _build_target(table.get("target", {}))
    source = _build_source(table, target)
    try:
        solve(*_pose(table, target, source), open_source=lambda other: _open(table, other, source))
    except NoSolutionError as error:
        return error.explanation
    except PinfoldError:
        return None
    return None


def _build_source(table: Mapping[str, Any], target: Target, *, eager: bool = True) -> MemorySource:
    return MemorySource(
        releases=_build_releases(table),
        target=target,
        failing=frozenset(table.get("failing", ())),
        eager=eager,
        direct_releases=_build_direct(table),
        measured={version: str(text) for version, text in table.get("kernels", {}).items()},
    )


def _pose(table: Mapping[str, Any], target: Target, source: MemorySource) -> tuple[Problem, PackageSource]:
    """The problem, and the source that answers it: direct references are looked at first, as in a run."""
    requirement_list = _parse_list(table)
    overrides = parse_requirement_list(table.get("overrides", []), source="overrides").entries
    if "direct" not in table:
        return _build_problem(table, target, requirement_list, overrides), source

    def locate(name: NormalizedName) -> tuple[Location, ...]:
        return (Location(url=Url(public=DEFAULT_INDEX), is_default=True),)

    found = find_direct(
        requirement_list,
        overrides=overrides,
        excludes=[canonicalize_name(name) for name in table.get("excludes", ())],
        target=target,
        source=source,
        locked_commits={},
        locate=locate,
    )
    problem = _build_problem(table, target, found.requirement_list, overrides, found.fixed)
    return problem, SourceWithDirect(source, found.fixed, target=target, locate=locate)


def _open(table: Mapping[str, Any], target: Target, source: MemorySource) -> PackageSource:
    """The source of a target, to try remedies."""
    return _pose(table, target, source.for_target(target))[1]


def _describe(resolution: Resolution, source: MemorySource) -> Answer:
    return Answer(
        pins={pin.name: str(pin.version) for pin in resolution.pins},
        files={pin.name: pin.file.url for pin in resolution.pins},
        requesters={
            pin.name: [f"{requester.position or requester.parent}: {requester.text}" for requester in pin.requesters]
            for pin in resolution.pins
        },
        warnings=list(resolution.warnings),
        asked=source.asked_dependencies,
        asked_indexes=_list_asked_indexes(source),
    )


def _list_asked_indexes(source: MemorySource) -> list[str]:
    """Every index of which a page was asked for, ahead of need or not, sorted."""
    return sorted({url for _, url in (*source.asked_pages, *source.ahead_pages)})


def _build_target(table: Mapping[str, str]) -> Target:
    choice = parse_machine_types(table.get("machine", ""), driver=table.get("driver"))
    platform = parse_platform(table["platform"]) if "platform" in table else None
    return Target(
        python=parse_python_version(table.get("python", "3.11")),
        platform=choose_platform(choice, platform),
        accelerator=choice.accelerator,
    )


def _build_releases(table: Mapping[str, Any]) -> dict[str, list[Release]]:
    pytorch = table.get("pytorch")
    releases = {} if pytorch is None else build_pytorch_indexes(pytorch.get("without", ()))
    for url, files in _iter_indexes(table):
        releases.setdefault(url, []).extend(_iter_releases(files))
    return releases


def _iter_indexes(table: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield DEFAULT_INDEX, table.get("index", {})
    yield from table.get("indexes", {}).items()


def _iter_releases(files: Mapping[str, Any]) -> Iterator[Release]:
    for words, value in files.items():
        name, version, *rest = words.split()
        assert len(rest) < 2, words
        fields = {"requires": value} if isinstance(value, list) else dict(value)
        if rest:
            fields["wheels"], fields["sdist"] = ([], True) if rest == ["sdist"] else (rest, False)
        fields = {key: tuple(item) if isinstance(item, list) else item for key, item in fields.items()}
        yield Release(name=canonicalize_name(name), version=version, **fields)


def _build_direct(table: Mapping[str, Any]) -> dict[str, Release]:
    """What direct references lead to: `"name version reference" = [requirement, …]`, or a table."""
    found: dict[str, Release] = {}
    for words, value in table.get("direct", {}).items():
        name, version, reference = words.split()
        fields = {"requires": value} if isinstance(value, list) else dict(value)
        fields = {key: tuple(item) if isinstance(item, list) else item for key, item in fields.items()}
        found[reference] = Release(name=canonicalize_name(name), version=version, **fields)
    return found


def _parse_list(table: Mapping[str, Any]) -> RequirementList:
    return parse_requirement_list(
        table["list"],
        leading=table.get("leading", ()),
        read_file=lambda reference, _: (reference, table["text-files"][reference]),
        rules=ScopeRules(flag_scope=table.get("options", {}).get("flag-scope"), families=tuple(_build_families(table))),
    )


def _build_families(table: Mapping[str, Any]) -> list[IndexFamily]:
    shipped = load_families() if "machine" in table.get("target", {}) else ()
    return [
        IndexFamily(
            name=name,
            names=tuple(family["names"]),
            urls=tuple(family["urls"]),
            exclusive=family.get("exclusive", False),
        )
        for name, family in table.get("families", {}).items()
    ] + list(shipped)


def _build_problem(
    table: Mapping[str, Any],
    target: Target,
    requirement_list: RequirementList,
    overrides: Sequence[Entry],
    direct: Mapping[NormalizedName, FixedSource] | None = None,
) -> Problem:
    options, families = table.get("options", {}), _build_families(table)
    return build_problem(
        requirement_list,
        direct=direct,
        target=target,
        indexes=IndexOptions(
            default_index=Url(public=DEFAULT_INDEX),
            families=families,
            strategy=options.get("index-strategy", "first-index"),
            mirrors=[Mirror(prefix=prefix, url=url) for prefix, url in table.get("mirrors", {}).items()],
            uses_family_indexes=not options.get("index-configured", False),
        ),
        options=SolverOptions(
            overrides=overrides,
            excludes=[canonicalize_name(name) for name in table.get("excludes", ())],
            exclude_newer=options.get("exclude-newer"),
            exclude_newer_exempt=options.get("exclude-newer-exempt", ()),
            no_build=options.get("no-build", False),
            allow=[canonicalize_name(name) for name in options.get("allow", ())],
            measures_kernels="kernels" in table,
        ),
        preferences={NormalizedName(name): Version(text) for name, text in table.get("old-lock", {}).items()},
    )
