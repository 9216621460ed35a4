"""Whether a wheel that a list names fits the target, told before anybody is asked for it.

In: references to wheels, by the names of their files. Out: nothing, or an error that says which tags a wheel has, what
the target is, and which wheel of an index would fit.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from urllib.parse import unquote

from packaging.utils import NormalizedName, parse_wheel_filename
from packaging.version import Version

from resolver.errors import Fault, FetchError, ResolutionError
from resolver.index.direct import DirectRequest
from resolver.index.distribution_file import DistributionFile
from resolver.index.location import Location
from resolver.index.package_source import PackageSource
from resolver.requirements.entry import ArchiveUrl, DirectReference, LocalPath, VcsReference
from resolver.targets.target import Target

__all__ = ["LocateProject", "check_wheels_fit"]

LocateProject = Callable[[NormalizedName], Sequence[Location]]
"""Where a project could be asked for, first one first."""

_SHOWN_TAGS = 3


def check_wheels_fit(
    requests: Iterable[DirectRequest], *, target: Target, source: PackageSource, locate: LocateProject
) -> None:
    """Raises ResolutionError that tells of all wheels which the target cannot use."""
    faults = [
        _build_fault(request, filename, target=target, source=source, locate=locate)
        for request in requests
        if (filename := _find_wheel(request.reference)) is not None and not _find_tags(filename, target)
    ]
    if faults:
        raise ResolutionError.from_faults(faults)


def _find_wheel(reference: DirectReference) -> str | None:
    """The file name of a wheel; None for anything else."""
    match reference:
        case ArchiveUrl(url=url):
            filename = unquote(re.split("[?#]", url.public)[0].rpartition("/")[2])
        case LocalPath(path=path):
            filename = re.split(r"[\\/]", path)[-1]
        case VcsReference():
            return None
    return filename if filename.endswith(".whl") else None


def _find_tags(filename: str, target: Target) -> list[str]:
    """The tags of a wheel that the target can use."""
    return [text for text in map(str, parse_wheel_filename(filename)[3]) if text in target.tag_ranks]


def _build_fault(
    request: DirectRequest, filename: str, *, target: Target, source: PackageSource, locate: LocateProject
) -> Fault:
    name, version, _, tags = parse_wheel_filename(filename)
    texts = sorted(map(str, tags))
    more = len(texts) - _SHOWN_TAGS
    shown = ", ".join(f"`{text}`" for text in texts[:_SHOWN_TAGS]) + (f" and {more} more" if more > 0 else "")
    remedy = ""
    found = _find_fitting(name, version, source, locate(name))
    if found is not None:
        file, location = found
        remedy = f"`{name}=={file.version}`, of which {location.url} has `{file.filename}`"
    return Fault(
        where=request.position,
        what=f"`{request.text}` cannot be used on {target}",
        why=f"the wheel is for {shown}",
        remedy=remedy,
    )


def _find_fitting(
    name: NormalizedName, version: Version, source: PackageSource, locations: Sequence[Location]
) -> tuple[DistributionFile, Location] | None:
    """The best wheel of the version that fits, or of the newest release that has one, and where it is."""
    for location in locations:
        try:
            page = source.project_page(name, location)
        except FetchError:
            return None  # A hint is not worth another error.
        if page is None:
            continue
        rows = [
            row for row in range(len(page.versions)) if page.wheel_mask >> row & 1 and not page.yanked_mask >> row & 1
        ]
        rows.sort(key=lambda row: (page.versions[row] != version, page.prerelease_mask >> row & 1, row))
        return (page.files(rows[0])[0], location) if rows else None
    return None
