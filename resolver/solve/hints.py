"""What may mend a list without a solution, from facts: names, versions, builds, wheel tags, and locations in the list.

In: a collision of an explanation. Out: remedies that are not tried yet, the best first: `resolver.solve.remedies` tries
those that have changes. Where a remedy names an index of the list, that index was read and has a version that fits; a
request that fails gives none. Remedies about names and versions that are often confused come from the shipped data.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from difflib import get_close_matches
from functools import cache
from typing import Literal

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.tags import parse_tag
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from resolver.errors import PinfoldError, Position
from resolver.index.core_metadata import admits_python
from resolver.index.location import Location
from resolver.solve.demand import BUILT_FOR_GPU, is_readable, is_virtual, parse_dependency
from resolver.solve.explanation import (
    Change,
    ChosenOption,
    CollidingRequirement,
    Collision,
    EarlierFlag,
    Obstacle,
    Remedy,
    UnusableVersion,
    WrittenLine,
    order_clauses,
)
from resolver.solve.problem import Problem
from resolver.solve.project_table import ListedPage, ProjectTable, build_project_table, iter_rows
from resolver.solve.search.universe import RuledOut, Universe
from resolver.targets.accelerators import Capability, Cpu, Gpu
from resolver.targets.data_files import read_data
from resolver.targets.families import is_torch_companion, list_build_locations
from resolver.targets.machine_types import load_machines
from resolver.targets.platforms import DEFAULT_PLATFORM, Glibc, Linux
from resolver.targets.target import Target, find_oldest_glibc, find_systems, is_for_gil, list_minors
from resolver.targets.torch_builds import find_release

__all__ = ["iter_proposals", "iter_pythons"]

_LIKENESS = 0.8
"""The least similarity of a misspelt name, as difflib measures it: `numpi` and `numpy` have 0.8."""
_BUILT_IN = frozenset(map(canonicalize_name, {*sys.stdlib_module_names, "asynchat", "distutils", "imp", "smtpd"}))
"""The modules of Python, with those that the oldest Python of this program still knew."""

_SHORTEST_GUESSED = 4
"""The fewest letters of a misspelt name: every shorter one is near to many projects."""

_SYSTEM_NAMES = {"win32": "Windows", "darwin": "macOS", "linux": "Linux"}
_MOST_MACHINES = 3
_MINORS = range(8, 16)
"""The minor releases of CPython 3 that a remedy may name."""


def iter_proposals(problem: Problem, collision: Collision, universe: Universe | None) -> Iterator[Remedy]:
    """Remedies for a collision. `universe` is None where a list is refused before its search. Makes requests.

    Their order is that of how sure they are: names first, since a name that does not exist is wrong in any case, then
    versions and builds, locations, what the target lacks, another machine, and `allow` last.
    """
    yield from _iter_name_hints(problem, collision, universe)
    yield from _iter_label_hints(problem, collision)
    yield from _iter_companion_hints(collision)
    if universe is not None:
        if collision.obstacle is Obstacle.DIFFERENT_BUILDS and universe.rules is not None:
            for text in universe.rules.iter_wheel_hints(collision.project, collision.colliding):
                for one in text.split(", or "):
                    yield Remedy(texts=(one,), changes=_read_pin_of_torch(problem, one))
        places = tuple(_iter_location_hints(universe, collision))
        yield from places
        yield from _iter_family_hints(collision)
        yield from _iter_index_hints(collision)
        yield from _iter_yanked_hints(collision)
        if not places:
            yield from _iter_python_hints(universe, collision)
            yield from _iter_marker_hints(universe, collision)
            yield from _iter_platform_hints(universe, collision)
        yield from _iter_format_hints(collision)
        yield from _iter_date_hints(universe, collision)
        yield from _iter_hash_hints(universe, collision)
        yield from _iter_build_hints(universe, collision)
        yield from _iter_direct_hints(universe, collision)
    yield from _iter_machine_hints(problem, collision)
    yield from _iter_allow_hints(problem, collision, universe)


def _read_pin_of_torch(problem: Problem, text: str) -> tuple[Change, ...]:
    """The change of a remedy that begins with a pin of torch, where a line of the list requires torch."""
    pin = text.split("`")[1] if text.startswith("`torch==") else ""
    lines = [root for root in problem.roots if root.name == "torch" and not root.extras and root.specifier]
    return (WrittenLine(position=lines[0].position, text=pin),) if pin and len(lines) == 1 else ()


def _iter_name_hints(problem: Problem, collision: Collision, universe: Universe | None) -> Iterator[Remedy]:
    """For a name that no location has: the project that an import name or a misspelt name may mean."""
    if collision.obstacle is not Obstacle.NOT_FOUND or universe is None:
        return
    if collision.requirements[0].links:
        link = collision.requirements[0].links[-1]
        known = read_data("names")["import"].get(collision.project)
        known = known or _find_near_name(collision.project, _known_names())
        if known is not None:
            text = f"another version of `{link.name}`: `{collision.project}`, which `{link.name} {link.version}` needs,"
            yield Remedy(texts=(f"{text} may mean `{known}`",))
        return
    name, data = collision.project, read_data("names")
    if advice := _find_advice(collision):
        yield Remedy(texts=(advice,))
        return
    lines = [Requirement(one.text) for one in collision.requirements if not one.links and is_readable(one.text)]
    project = data["import"].get(name)
    if project is not None:
        # The versions of an import name are none of the project's.
        versions = [f"`{order_clauses(str(line))}`" for line in lines if line.specifier]
        what = f", without the version, in place of {versions[0]}" if versions else f" in place of `{name}`"
        text = f"`{project}`{what}: that is the import name"
    else:
        listed = {root.name for root in problem.roots if universe.table(root.name).listings}
        project = _find_near_name(name, _known_names() | listed)
        text = f"`{project}` in place of `{name}`, if the name is misspelt"
    if project is not None:
        written = tuple(
            WrittenLine(position=one.position, text=_rename(one.text, project, keeps=name not in data["import"]))
            for one in collision.requirements
            if not one.links and is_readable(one.text)
        )
        yield Remedy(texts=(text,), changes=written)


def _find_advice(collision: Collision) -> str:
    """What to do about a name that is no project, or a line of no use; empty for any other."""
    name, data = collision.project, read_data("names")
    pin = data["leftovers"].get(name)
    if pin is not None and {_read_pin(one) for one in collision.requirements} == {Version(pin)}:
        return f"remove `{name}=={pin}`: a leftover of `pip freeze` on Debian and Ubuntu"
    is_built_in = f"remove `{name}`: it is a part of Python, and is imported without being installed"
    return str(data["not-projects"].get(name, is_built_in if name in _BUILT_IN else ""))


def _rename(text: str, project: str, *, keeps: bool) -> str:
    """The requirement on another project, which keeps the versions or leaves them out."""
    requirement = Requirement(text)
    requirement.name = project
    requirement.specifier = requirement.specifier if keeps else SpecifierSet()
    return order_clauses(str(requirement))


@cache
def _known_names() -> frozenset[str]:
    """The projects of the shipped data."""
    names = set(read_data("names")["projects"])
    for row in read_data("packages")["package"]:
        names.update(row["names"])
    for row in read_data("families")["family"]:
        names.update(name for name in row["names"] if "*" not in name)
    return frozenset(names)


def _find_near_name(name: str, known: frozenset[str] | set[str]) -> str | None:
    """The known name that a misspelt name may mean: other separators, letters or words swapped, or a similar name."""
    if len(name) < _SHORTEST_GUESSED:
        return None
    letters = name.replace("-", "")
    same = sorted(other for other in known if other.replace("-", "") == letters)
    swapped = (name[:at] + name[at + 1] + name[at] + name[at + 2 :] for at in range(len(name) - 1))
    same = same or sorted(known.intersection(swapped))
    words = sorted(name.split("-"))
    same = same or sorted(other for other in known if sorted(other.split("-")) == words)
    similar = same or get_close_matches(name, sorted(known), n=1, cutoff=_LIKENESS)
    return similar[0] if similar and similar[0] != name else None


def _iter_label_hints(problem: Problem, collision: Collision) -> Iterator[Remedy]:
    """The index of a build with a CUDA label (`torch==2.4.0+cu124`) that no location in scope has.

    The URL comes from the data about families. A machine type names the same index, where the list is for none yet.
    """
    if collision.obstacle is not Obstacle.NO_VERSION or not is_torch_companion(collision.project):
        return
    version = _find_exact(collision)
    label = None if version is None else version.local
    if label is None or not (label == "cpu" or label.startswith("cu")):
        return
    urls = [place.template for place in list_build_locations(collision.project) if place.fields == {"cuda"}]
    url = urls[0].replace("{cuda}", label) if urls else ""
    if url and url not in collision.supply.locations:
        layer = _layer_of(collision.requirements[0].position)
        lines = [one.position for one in problem.roots if one.name == "torch" or is_torch_companion(one.name)]
        before = next(one for one in lines if _layer_of(one) == layer)
        text = f"--extra-index-url {url}"
        yield Remedy(
            texts=(f"add `{text}` before {before}: the index of builds with the label `+{label}`",),
            changes=(EarlierFlag(text=text, url=url, position=None, before=before),),
        )
        if problem.build_indexes is None and label != "cpu":
            yield Remedy(texts=("`-m` with the type of the machine's GPU, which names the index of each build",))


def _iter_companion_hints(collision: Collision) -> Iterator[Remedy]:
    """The version that goes with a release of torch.

    Its number was given to a companion (`torchvision==2.5.1`), or the list pins torch and a companion for another one.
    """
    if collision.project == "torch" and collision.obstacle is Obstacle.EXCLUDE_EACH_OTHER:
        yield from _iter_pinned_companions(collision)
        return
    version = _find_exact(collision)
    if version is None or collision.obstacle is not Obstacle.NO_VERSION:
        return
    release = find_release(Version(version.public))
    versions = () if release is None else release.companions.get(collision.project, ())
    for one in sorted(versions)[:-3:-1]:
        yield _pin_companion(collision.requirements[0], collision.project, one, Version(version.public))


def _iter_pinned_companions(collision: Collision) -> Iterator[Remedy]:
    """The companions that go with the torch that the list pins, where those of the list need another one.

    `torch==2.5.1`, `torchvision==0.19.0` is the usual case: the two number their releases differently.
    """
    pins = [pin for one in collision.requirements if (pin := _read_pin(one)) is not None]
    release = find_release(Version(pins[0].public)) if len(pins) == 1 else None
    for requirement in collision.requirements:
        if release is not None and len(requirement.links) == 1:
            name = requirement.links[0].name
            for version in sorted(release.companions.get(name, ()))[:-3:-1]:
                yield _pin_companion(requirement, name, version, release.version)


def _pin_companion(requirement: CollidingRequirement, name: str, version: Version, torch: Version) -> Remedy:
    """A line with the version of a companion that goes with a release of torch."""
    changes: tuple[Change, ...] = ()
    if is_readable(requirement.text):
        written = Requirement(requirement.text)
        written.specifier = SpecifierSet(f"=={version}")
        changes = (WrittenLine(position=requirement.position, text=str(written)),)
    return Remedy(texts=(f"`{name}=={version}`, which goes with torch {torch}",), changes=changes)


def _find_exact(collision: Collision) -> Version | None:
    """The version of the `==` of the one line of the list that collides; None for any other collision."""
    return _read_pin(collision.requirements[0]) if len(collision.requirements) == 1 else None


def _read_pin(requirement: CollidingRequirement) -> Version | None:
    """The version that a line of the list pins exactly; None for any other line."""
    if requirement.links or not is_readable(requirement.text):
        return None
    pins = [one.version for one in parse_dependency(requirement.text).specifier if one.operator in ("==", "===")]
    try:
        return Version(pins[0]) if len(pins) == 1 else None
    except InvalidVersion:  # `==3.*`, or the free text of `===`
        return None


def _iter_python_hints(universe: Universe, collision: Collision) -> Iterator[Remedy]:
    """The Python for which the newest version that fits has files."""
    nearest = collision.supply.nearest
    row = universe.table(collision.project).find_row(nearest[0].version) if nearest else None
    if collision.obstacle is not Obstacle.UNUSABLE or row is None or (collision.project, row) in universe.ruled_out:
        return
    yield from iter_pythons(universe.table(collision.project), row, universe.problem.target)


def iter_pythons(table: ProjectTable, row: int, target: Target) -> Iterator[Remedy]:
    """The nearest Python release for which a version has wheels for this platform; none if the target's is among them.

    A newer one goes before an older one that is as near. What metadata say of Python counts as well.
    """
    minors = list_minors([one.detail for one in table.rejections(row) if one.reason == "tags"], target)
    for one in table.rejections(row):
        if one.reason == "python":
            minors |= {minor for minor in _MINORS if admits_python(one.detail, f"3.{minor}.0")}
    if target.python.free_threaded and any(is_for_gil(one.detail, target) for one in table.rejections(row)):
        minors.add(target.python.minor)
    minors &= set(_MINORS)
    what = "wheels" if all(one.filename.endswith(".whl") for one in table.rejections(row)) else "files"
    if minors and (target.python.free_threaded or target.python.minor not in minors):
        minor = min(minors, key=lambda minor: (abs(minor - target.python.minor), -minor))
        yield Remedy(
            texts=(f"`--python 3.{minor}`, for which `{table.name} {table.versions[row]}` has {what}",),
            changes=(ChosenOption(name="--python", value=f"3.{minor}"),),
        )


def _iter_marker_hints(universe: Universe, collision: Collision) -> Iterator[Remedy]:
    """The marker for a project with wheels for other operating systems alone, such as pywin32.

    Only for a line of its own without a marker, and not where an sdist could be built for this system.
    """
    requirement = collision.requirements[0]
    if collision.obstacle is not Obstacle.UNUSABLE or len(collision.requirements) != 1:
        return
    table = universe.table(collision.project)
    rows = list(iter_rows(_find_matching(universe, collision, table)))
    rejections = [one for row in rows for one in table.rejections(row)]
    if any(table.files(row) for row in rows) or any(one.reason == "format" for one in rejections):
        return
    own = universe.problem.target.environment["sys_platform"]
    systems = find_systems([one.detail for one in rejections if one.reason == "tags"])
    if systems and not systems & {own, None} and ";" not in requirement.text and is_readable(requirement.text):
        marker = f'== "{min(map(str, systems))}"' if len(systems) == 1 else f'!= "{own}"'
        text = f"{order_clauses(requirement.text)}; sys_platform {marker}"
        only = _SYSTEM_NAMES.get(min(map(str, systems)), "that system")
        meaning = f"it is needed only on {only}" if len(systems) == 1 else "this system can do without it"
        yield Remedy(
            texts=(f"`{text}`, if {meaning}",), changes=(WrittenLine(position=requirement.position, text=text),)
        )


def _find_matching(universe: Universe, collision: Collision, table: ProjectTable) -> int:
    """The rows that the lines of the list and the dependencies of a collision admit."""
    rows = table.all_rows
    for specifier in (*universe.listed_specifiers(collision.project), *_iter_needed(collision)):
        rows &= table.mask(specifier)
    return rows


def _iter_platform_hints(universe: Universe, collision: Collision) -> Iterator[Remedy]:
    """The Linux with the oldest glibc that has wheels of the newest version that fits.

    Where the target has musl (Alpine) or an older glibc, another base image is what helps most.
    """
    target, nearest = universe.problem.target, collision.supply.nearest
    row = universe.table(collision.project).find_row(nearest[0].version) if nearest else None
    if collision.obstacle is not Obstacle.UNUSABLE or row is None or not isinstance(target.platform, Linux):
        return
    rejections = universe.table(collision.project).rejections(row)
    fitting = {(tag.interpreter, tag.abi) for tag in target.tags}
    each = [tag for one in rejections if one.reason == "tags" for tag in parse_tag(one.detail)]
    names = [tag.platform for tag in each if (tag.interpreter, tag.abi) in fitting]
    arch = target.platform.arch
    other: Literal["x86_64", "aarch64"] = "aarch64" if arch == "x86_64" else "x86_64"
    # A machine type fixes the processor.
    is_free = not (isinstance(target.accelerator, Gpu) or universe.table(collision.project).files(row))
    if is_free and names and all("linux" in name and name.endswith(f"_{other}") for name in names):
        platform = str(replace(target.platform, arch=other))
        yield Remedy(
            texts=(f"`--platform {platform}`, if it will run there",),
            changes=(ChosenOption(name="--platform", value=platform),),
        )
    glibc = find_oldest_glibc(
        [name for name in names if name.startswith("manylinux") and name.endswith(f"_{arch}")], arch
    )
    if glibc:
        # In place of musl the default: what the project needs may want a newer glibc than its own wheels.
        is_musl = not isinstance(target.platform.libc, Glibc)
        platform = (
            str(replace(DEFAULT_PLATFORM, arch=arch)) if is_musl else f"manylinux_{glibc.replace('.', '_')}_{arch}"
        )
        yield Remedy(
            texts=(f"`--platform {platform}`, an image with glibc such as Debian or Ubuntu",),
            changes=(ChosenOption(name="--platform", value=platform),),
        )


def _iter_format_hints(collision: Collision) -> Iterator[Remedy]:
    """The flag that rules out wheels or sdists, which takes exceptions by name.

    It is not tried: the flag may come from the settings or from the command line, and an sdist may need a build. What a
    build requires comes in wheels alone, and no flag of the list changes that.
    """
    if any(one.position.source.startswith("[build-system]") for one in collision.requirements):
        return
    name, nearest = collision.project, collision.supply.nearest
    if any("the list allows wheels only" in reason for version in nearest for reason in version.reasons):
        yield Remedy(texts=(f"`--no-binary {name}` after `--only-binary`, which then admits the sdist of `{name}`",))
    elif any("the list forbids wheels" in reason for version in nearest for reason in version.reasons):
        yield Remedy(texts=(f"`--only-binary {name}` after `--no-binary`, which then admits the wheels of `{name}`",))


def _iter_date_hints(universe: Universe, collision: Collision) -> Iterator[Remedy]:
    """The first day whose `--exclude-newer` admits a version that fits."""
    if collision.obstacle is not Obstacle.UNUSABLE or universe.problem.exclude_newer is None:
        return
    table = universe.table(collision.project)
    rows = _find_matching(universe, collision, table)
    times = [
        file.upload_time
        for row in iter_rows(rows)
        for listing, page_row in table.places(row)
        for file in listing.page.files(page_row)
        if file.upload_time is not None and file.upload_time >= universe.problem.exclude_newer
    ]
    if times:
        day = (datetime.fromisoformat(min(times)) + timedelta(days=1)).date().isoformat()
        yield Remedy(
            texts=(f"`--exclude-newer {day}`, the first day with a version that fits",),
            changes=(ChosenOption(name="--exclude-newer", value=f"{day}T00:00:00Z"),),
        )


def _iter_hash_hints(universe: Universe, collision: Collision) -> Iterator[Remedy]:
    """The hash that the index gives for a file, where the list has other ones: it may be that of another version.

    It is shown and never written into the list, since a file that was replaced has another hash as well.
    """
    nearest = collision.supply.nearest
    row = universe.table(collision.project).find_row(nearest[0].version) if nearest else None
    if collision.obstacle is not Obstacle.UNUSABLE or row is None:
        return
    table = universe.table(collision.project)
    refused = {one.filename for one in table.rejections(row) if one.reason == "hash"}
    files = [
        file
        for listing, page_row in table.places(row)
        for file in listing.page.files(page_row)
        if file.filename in refused and file.sha256 is not None
    ]
    if files:
        hashed = f"`{files[0].filename}` has `--hash=sha256:{files[0].sha256}`"
        yield Remedy(texts=(f"check the version and its hashes: on the index {hashed}",))


def _iter_location_hints(universe: Universe, collision: Collision) -> Iterator[Remedy]:
    """Locations that were not read and have a version that all requirements admit."""
    name = collision.project
    if is_virtual(name):
        return
    table = universe.table(name)
    asked = {location.url for location in (*table.missing, *(listing.location for listing in table.listings))}
    for location in universe.problem.locations(name):
        if location.url not in asked and _offers(universe, collision, location):
            yield _build_strategy_remedy(table, location)
    for location in universe.problem.later_locations(name):
        if location.url not in asked and _offers(universe, collision, location):
            yield _build_flag_remedy(universe, collision, location)


def _build_strategy_remedy(table: ProjectTable, location: Location) -> Remedy:
    """The strategy under which a later location counts too: then any location may supply any project."""
    first = ", ".join(str(listing.location.url) for listing in table.listings)
    is_of_family = any(listing.location.is_of_family for listing in table.listings)
    change = f"remove the flag of {first}" if is_of_family else "change their order"
    either = f"{change}, or " if is_of_family or not location.is_default else ""
    reason = "is for its family and hides" if is_of_family else "comes first and hides"
    text = (
        f'{either}`index-strategy = "best-match"` in `[tool.pinfold]`, if you trust both: {first} {reason}'
        f" the `{table.name}` of {location.url}"
    )
    return Remedy(texts=(text,), changes=(ChosenOption(name="index-strategy", value="best-match"),), is_weakening=True)


def _build_flag_remedy(universe: Universe, collision: Collision, location: Location) -> Remedy:
    """The place of a flag that makes a location serve the collision's first requirement, in whose layer it must be."""
    flag = universe.problem.named_at.get(location.named_url)
    requirement = collision.requirements[0]
    name = "--extra-index-url" if location.form == "index" else "--find-links"
    text = f"{name} {location.named_url}"
    why = f"it has `{collision.project}`"
    if flag is not None and _layer_of(flag) == _layer_of(requirement.position):
        why += ", but serves only the lines after it"
        action = f"move `{text}` from {flag} to before {requirement.position}"
    else:
        why += ", but only another list uses it" if flag is not None else ""
        flag, action = None, f"add `{text}` before {requirement.position}"
    change = EarlierFlag(text=text, url=location.named_url, position=flag, before=requirement.position)
    return Remedy(texts=(f"{action}: {why}",), changes=(change,))


def _layer_of(position: Position) -> int | None:
    """The layer of a list that a position is in, through all files."""
    while position.included_by is not None:
        position = position.included_by
    return position.layer


def _offers(universe: Universe, collision: Collision, location: Location) -> bool:
    """Whether a location has a version that all requirements of the collision admit and the target can use."""
    try:
        page = universe.source.project_page(collision.project, location)
        if page is None:
            return False
        listing = ListedPage(location=location, page=page, rank=0)
        table = build_project_table(collision.project, universe.problem, (listing,))
        rows = table.all_rows
        for specifier in (*universe.listed_specifiers(collision.project), *_iter_needed(collision)):
            rows &= table.mask(specifier)
        return any(_runs(universe, table, row) for row in iter_rows(table.usable(rows)))
    except PinfoldError:
        return False


def _runs(universe: Universe, table: ProjectTable, row: int) -> bool:
    """Whether the target's accelerator runs a build, as far as its name, version and index determine it."""
    location = table.places(row)[0][0].location
    return universe.rules is None or universe.rules.runs(table.name, table.versions[row], location)


def _iter_needed(collision: Collision) -> Iterator[SpecifierSet]:
    """The specifiers of the dependencies in the collision."""
    for requirement in collision.requirements:
        if requirement.links and is_readable(requirement.links[-1].needs):
            yield parse_dependency(requirement.links[-1].needs).specifier


def _iter_index_hints(collision: Collision) -> Iterator[Remedy]:
    """For a project without any location to look in."""
    supply = collision.supply
    if collision.obstacle is Obstacle.NOT_FOUND and not (supply.missing or supply.exclusive):
        yield Remedy(texts=("leave out `--no-index`, or name an index or a folder of wheels with `--find-links`",))


def _iter_family_hints(collision: Collision) -> Iterator[Remedy]:
    """The index of the project's exclusive family, if there is exactly one."""
    supply = collision.supply
    urls = [url for family in supply.exclusive for url in family.urls]
    if not supply.locations and not supply.missing and len(urls) == 1 and "{" not in urls[0]:
        yield Remedy(texts=(f"`--extra-index-url {urls[0]}`",))


def _iter_yanked_hints(collision: Collision) -> Iterator[Remedy]:
    """The exact pin of a yanked version: an index may serve it to those who name it (PEP 592)."""
    nearest = collision.supply.nearest
    if collision.obstacle is Obstacle.UNUSABLE and nearest and len(collision.requirements) == 1:
        reasons, requirement = nearest[0].reasons, collision.requirements[0]
        if len(reasons) == 1 and reasons[0].startswith("yanked") and not requirement.links:
            text = f"{collision.project}=={nearest[0].version}"
            yield Remedy(
                texts=(f"`{text}`, if the yanked version is meant",),
                changes=(WrittenLine(position=requirement.position, text=text),),
            )


def _iter_machine_hints(problem: Problem, collision: Collision) -> Iterator[Remedy]:
    """Machine types on which the required builds may run: an older GPU, or a GPU where the target has none."""
    accelerator = problem.target.accelerator
    if isinstance(accelerator, Cpu):
        if any(BUILT_FOR_GPU in version.reasons for version in collision.supply.nearest):
            yield Remedy(
                texts=("`-m GPU-A100` or another machine with a GPU, if it is meant for one",),
                changes=(ChosenOption(name="-m", value="GPU-A100"),),
            )
        return
    if not isinstance(accelerator, Gpu) or collision.project != "torch" or not collision.supply.builds:
        return
    own = max(accelerator.capabilities)
    older: dict[Capability, str] = {}
    for machine in load_machines():
        if machine.gpu is not None and machine.gpu.capability < own:
            older.setdefault(machine.gpu.capability, machine.name)
    for name in [older[capability] for capability in sorted(older, reverse=True)[:_MOST_MACHINES]]:
        yield Remedy(texts=(f"`-m {name}`, if it will run there",), changes=(ChosenOption(name="-m", value=name),))


def _iter_allow_hints(problem: Problem, collision: Collision, universe: Universe | None) -> Iterator[Remedy]:
    """`allow`, which locks builds that the data calls unfit for the machine: the user may know better."""
    name = collision.project
    is_for_gpu = any(BUILT_FOR_GPU in version.reasons for version in collision.supply.nearest)
    if universe is not None and not is_virtual(name) and not is_for_gpu:
        # Without an index of the list, what does not run is a fact about the builds that everybody has.
        if not collision.supply.builds or all(one.location.is_default for one in universe.table(name).listings):
            return
    elif not is_for_gpu or problem.build_indexes is None:
        return
    yield Remedy(
        texts=(f'`allow = ["{name}"]` in `[tool.pinfold]`, which turns off the check that its builds run',),
        changes=(ChosenOption(name="allow", value=name),),
        is_weakening=True,
    )


def _iter_direct_hints(universe: Universe, collision: Collision) -> Iterator[Remedy]:
    """The direct URL that metadata requires: it is followed only if the list names it as well."""
    for version in collision.supply.nearest:
        known = _find_ruled_out(universe, collision, version)
        if known is not None and known.reason == "direct-url" and "`" in known.detail:
            yield Remedy(texts=(f"name it in the list: `{known.detail.split('`')[1]}`",))
            return


def _iter_build_hints(universe: Universe, collision: Collision) -> Iterator[Remedy]:
    """For an sdist that may not be built: a build, or its metadata in the settings."""
    for version in collision.supply.nearest:
        known = _find_ruled_out(universe, collision, version)
        if known is not None and known.reason == "build":
            text = (
                f"leave out `--no-build`, or write what `{collision.project} {version.version}` needs into a"
                " `[[tool.pinfold.dependency-metadata]]` table of pyproject.toml"
            )
            yield Remedy(texts=(text,))
            return


def _find_ruled_out(universe: Universe, collision: Collision, version: UnusableVersion) -> RuledOut | None:
    """Why the search ruled a version out; None where its files did."""
    row = universe.table(collision.project).find_row(version.version)
    return None if row is None else universe.ruled_out.get((collision.project, row))
