"""Problems of the pins of a lock today: yanked files, the status of projects, advisories, newer releases.

In: a lock, what its indexes list now, and advisories. Out: findings and newer releases as values, sorted by project.
Standards: PEP 592 (yanked files), PEP 792 (status of projects), OSV (advisories).

It is a module of its own because it judges a lock without locking again: one request per project gives the listings,
and the judgement is a pure function of them, which a program can also apply to listings of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from packaging.pylock import Package, PackageSdist, PackageWheel
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import NormalizedName
from packaging.version import Version

from lockfiles import Lockfile
from lockfiles._values import dataclass
from lockfiles.graph import build_graph
from resolver.fetch.http.http_session import HttpSession
from resolver.fetch.projects.listings import fetch_listings
from resolver.index.core_metadata import admits_python
from resolver.index.distribution_file import FileNames, RawFile, UnreadableNameError
from resolver.index.project_health import Advisory, ProjectStatus, find_advisories

__all__ = [
    "Finding",
    "Listed",
    "NewerRelease",
    "audit_pins",
    "fetch_pin_listings",
    "find_newer",
]


FindingKind = Literal["vulnerable", "yanked", "gone", "quarantined", "archived", "deprecated", "status"]
"""`gone` is a file or project that its index no longer has, `status` a word that a later standard adds to PEP 792."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """What an index lists of one project: its files for any target, and its status."""

    files: tuple[RawFile, ...]
    status: ProjectStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One problem of a pin.

    `detail` is a reason or the summary of an advisory; it may be empty. `id`, `aliases` and `fixed` belong to an
    advisory: `fixed` is the lowest release that it does not concern, None where it names none.
    """

    name: NormalizedName
    version: str
    kind: FindingKind
    detail: str = ""
    id: str | None = None
    aliases: tuple[str, ...] = ()
    fixed: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewerRelease:
    """A pin whose index has a newer release. `newest` has a file that is not yanked and that fits the lock's Python."""

    name: NormalizedName
    version: Version
    newest: Version


def fetch_pin_listings(lockfile: Lockfile, session: HttpSession) -> dict[NormalizedName, Listed | None]:
    """What the index of each pin lists now; None where it no longer has the project.

       Pins without an index (direct references, find-links) are left out.
    Raises FetchError for an index that does not answer.
    """
    wanted = [(package.name, package.index) for package in lockfile.pylock.packages if package.index is not None]
    found = fetch_listings(wanted, session=session)
    return {
        name: None if listing is None else Listed(files=listing.files, status=listing.status)
        for (name, _), listing in found.items()
    }


def audit_pins(
    lockfile: Lockfile, listings: Mapping[NormalizedName, Listed | None], advisories: Iterable[Advisory]
) -> tuple[Finding, ...]:
    """The findings by name of the pin; those from its index come before advisories.

    `listings` are those of `fetch_pin_listings`: None is a project that is gone, and a pin without a key is judged by
    advisories alone.
    """
    pins = [(package.name, package.version) for package in lockfile.pylock.packages if package.version is not None]
    concerned = find_advisories(pins, advisories)
    findings: list[Finding] = []
    for package in lockfile.pylock.packages:
        if package.name in listings:
            findings += _iter_index_findings(package, listings[package.name])
        findings += (_build_vulnerable(package, advisory) for advisory in concerned.get(package.name, ()))
    return tuple(sorted(findings, key=lambda finding: finding.name))


def find_newer(
    lockfile: Lockfile, listings: Mapping[NormalizedName, Listed | None], *, with_prereleases: bool = False
) -> tuple[NewerRelease, ...]:
    """The pins that have a newer release on their index, by name.

    Pre-releases count with `with_prereleases`, and for a pin that is one itself. A pin that a listed one fixes exactly
    (`torch` its CUDA libraries) is left out: it moves with that one, and with nothing else.
    """
    found, python, fixed = [], _find_python(lockfile), _find_fixed(lockfile)
    for package in sorted(lockfile.pylock.packages, key=lambda package: package.name):
        listed = listings.get(package.name)
        if package.version is None or listed is None or package.name in fixed:
            continue
        candidates = set(_iter_versions(package.name, listed.files, python))
        if not (with_prereleases or package.version.is_prerelease):
            candidates = {version for version in candidates if not version.is_prerelease}
        newest = max(candidates, default=package.version)
        # A build with another local label (`+cu124`) is not newer.
        if Version(newest.public) > Version(package.version.public):
            found.append(NewerRelease(name=package.name, version=package.version, newest=newest))
    return tuple(found)


def _find_fixed(lockfile: Lockfile) -> frozenset[NormalizedName]:
    """The pins that a listed pin needs in one version, and those that these need in one version, and so on."""
    requests = build_graph(lockfile).requests
    listed = {name for name, of_pin in requests.items() if any(one.layer is not None for one in of_pin)}
    fixed: set[NormalizedName] = set()
    while True:
        holders = listed | fixed
        more = {
            name
            for name, of_pin in requests.items()
            if any(one.parent in holders and _is_exact(one.text) for one in of_pin)
        } - fixed
        if not more:
            return frozenset(fixed)
        fixed |= more


def _is_exact(text: str) -> bool:
    """Whether a requirement admits one version alone, apart from its local label."""
    try:
        specifiers = Requirement(text).specifier
    except InvalidRequirement:
        return False
    return any(one.operator in ("==", "===") and not one.version.endswith(".*") for one in specifiers)


def _iter_index_findings(package: Package, listed: Listed | None) -> Iterator[Finding]:
    """The findings about a pin from its index: status of the project first, then each file that is gone or yanked."""
    version = str(package.version)
    if listed is None:
        yield Finding(name=package.name, version=version, kind="gone", detail="its index no longer has the project")
        return
    if not listed.status.is_active:
        yield Finding(
            name=package.name,
            version=version,
            kind=_name_status(listed.status.status),
            detail=_describe_status(listed.status),
        )
    files = {file.filename: file for file in listed.files}
    # Other tools may spell the name of a file differently than the index does, so its hash identifies it as well.
    files_by_hash = {file.sha256: file for file in listed.files if file.sha256}
    for filename, sha256 in _iter_files(package):
        file = files.get(filename) or files_by_hash.get(sha256 or "")
        if file is None:
            detail = f"its index no longer lists `{filename}`"
            yield Finding(name=package.name, version=version, kind="gone", detail=detail)
        elif file.yanked is not None:
            yield Finding(name=package.name, version=version, kind="yanked", detail=file.yanked)


def _name_status(status: str) -> FindingKind:
    """The kind of finding for a status; `status` for one that PEP 792 does not define."""
    match status:
        case "quarantined":
            return "quarantined"
        case "archived":
            return "archived"
        case "deprecated":
            return "deprecated"
        case _:
            return "status"


def _describe_status(status: ProjectStatus) -> str:
    """The reason for a status; an unknown status is named, because its kind does not name it."""
    known = status.status in ("quarantined", "archived", "deprecated")
    return status.reason if known else f"{status.status} {status.reason}".strip()


def _iter_files(package: Package) -> Iterator[tuple[str, str | None]]:
    """Name and SHA-256 of each wheel and sdist; None for a file that another tool locked with other hashes."""
    files: list[PackageWheel | PackageSdist] = [*(package.wheels or ())]
    files += [package.sdist] if package.sdist is not None else []
    for file in files:
        yield file.filename, file.hashes.get("sha256")


def _build_vulnerable(package: Package, advisory: Advisory) -> Finding:
    """The finding for an advisory that concerns the version of the pin.

    The pin has a version: advisories concern versions, so a source tree has none.
    """
    assert package.version is not None
    fixed = advisory.fixed_after(package.version)
    return Finding(
        name=package.name,
        version=str(package.version),
        kind="vulnerable",
        detail=advisory.summary,
        id=advisory.id,
        aliases=advisory.aliases,
        fixed=None if fixed is None else str(fixed),
    )


def _iter_versions(name: NormalizedName, files: Iterable[RawFile], python: Version | None) -> Iterator[Version]:
    """The versions with a file that is not yanked and that the lock's Python can use.

    Wheel tags are not compared: another tool may have written the lock, and then its platform is not known. A file
    whose name cannot be parsed is no release.
    """
    names = FileNames(name)
    for file in files:
        if file.yanked is not None:
            continue
        if python is not None and file.requires_python and not admits_python(file.requires_python, str(python)):
            continue
        try:
            parts = names.read(file.filename)
        except UnreadableNameError:
            continue
        if parts is not None:
            yield parts.version


def _find_python(lockfile: Lockfile) -> Version | None:
    """The Python that the lock is for; None for a lock of another tool."""
    return None if lockfile.tool is None else Version(lockfile.tool.python.removesuffix("t"))
