"""The facts of a report: what is in each lock, how heavy it is, who asked for it, and what has changed.

In: locks with their names, and what is known of their files beyond the lock (sizes on disk, licences). Out: a `Report`,
a tree of frozen values that `render_json` writes as one JSON document. `report.schema.json`, beside this module,
describes the document; any program may read it, and the page of `report_page` shows nothing else.

Pure, and the same for the same locks: no time, no host, no path of this machine. URLs are reduced to their public part
once more, although a lock that was read holds no secret: a caller may have built its values otherwise.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, field
from typing import Any

from packaging.pylock import Package
from packaging.utils import NormalizedName

from lockfiles import Comparison, Lockfile, compare, digest
from lockfiles._values import dataclass
from lockfiles.comparison import LockedPin
from lockfiles.graph import LockGraph, assign_layers, build_graph, find_dominators, size_bytes
from lockfiles.lockfile import join_lines
from resolver.errors import TargetError
from resolver.index.wheel_directory import WheelContents
from resolver.requirements.url import redact
from resolver.targets.accelerators import Cuda, CudaVersion
from resolver.targets.known_cuda import find_known_cuda
from resolver.targets.labels import BuildLabel, parse_index_label, parse_name_label, parse_version_label
from resolver.targets.machine_types import list_gpus
from resolver.targets.platforms import Platform, parse_platform

__all__ = [
    "SCHEMA",
    "ChangeFacts",
    "FormerFacts",
    "LockFacts",
    "PinFacts",
    "Report",
    "ReportSource",
    "RequestFacts",
    "ValueChange",
    "build_report",
    "render_json",
]

SCHEMA = 1
"""The number of the form of the document. Keys are added under the same number; none changes its meaning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSource:
    """A lock to report on.

    - `name` is what the page calls it. A page is sent to others, so a path should be relative.
    - `former` is the lock that it is compared with, and the name of that.
    - `contents` are the size on disk and the licence, which a lock does not hold, by project, as `fetch_contents` finds
      them. Those of a project without an entry are not known.
    """

    name: str
    lockfile: Lockfile
    former: tuple[str, Lockfile] | None = None
    contents: Mapping[NormalizedName, WheelContents | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFacts:
    """A request for a pin: by a line of the list in a layer, or by the pin `name`; both are None for a constraint.

    `asked` is the requirement as the lock records it (`[tool.pinfold.requested-by]`), empty where it does not.
    """

    layer: int | None
    name: str | None
    asked: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PinFacts:
    """One pin. None is a fact that is not known.

    - `origin` is `index`, `archive`, `vcs`, `directory` or, for a file without an index, `file`; `place` is the URL or
      path of that; `revision` the commit id, or the branch or tag that was asked for with it.
    - `cuda` is what the build is for (`cu128`, `cu12`, `cpu`), as its `cuda_source` tells: the label of the `version`,
      the `index`, the `name` of the project, or pinfold's own `data`.
    - `brings_bytes` is the download size of the pin and of all that only it leads to: what the image loses with it.
    - `item` is the item of the list that alone leads to the pin; None where several do.
    """

    name: str
    version: str | None
    layer: int
    origin: str
    place: str | None
    revision: str | None
    files: tuple[str, ...]
    marker: str | None
    extras: tuple[str, ...]
    is_built: bool
    cuda: str | None
    cuda_source: str | None
    licence: str | None
    download_bytes: int | None
    unpacked_bytes: int | None
    brings_bytes: int
    item: str | None
    requested_by: tuple[RequestFacts, ...]
    dependencies: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeFacts:
    """A pin that only one of two locks has, or that differs.

    `old` and `new` are its version, or the commit or folder of a source tree; None where a lock does not have the pin.
    The sizes are those of the downloads. `text` is the line of `lock diff`, which also tells of changed files.
    """

    name: str
    old: str | None
    new: str | None
    old_bytes: int | None
    new_bytes: int | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueChange:
    """A value outside the pins that differs, as TOML writes it; None where a lock does not have it."""

    key: str
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FormerFacts:
    """The lock that came before, and what differs in the new one.

    - `digest` equals that of the new lock if both install the same.
    - `added`, `removed` and `changed` are pins by name.
    - `values` are differences in target and settings; `lines_added` and `lines_removed` those of the list.
    """

    lockfile: str
    digest: str
    pin_count: int
    download_bytes: int
    added: tuple[ChangeFacts, ...]
    removed: tuple[ChangeFacts, ...]
    changed: tuple[ChangeFacts, ...]
    values: tuple[ValueChange, ...]
    lines_added: tuple[str, ...]
    lines_removed: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LockFacts:
    """One lock. None is a fact that is not known.

    - `python` is a version, or the `requires-python` of a lock of another tool, which has no target.
    - `accelerator` is the table of that name in the lock (docs/lockfile.md), empty without a machine type.
    - `gpus` are the GPUs in pinfold's data with a capability of the `accelerator`; a lock has no names of machines.
    - `torch` is the version of torch, and `cuda` what it is built for: the lock records that for a machine type, and
      else it is what `PinFacts.cuda` has.
    - `download_bytes` and `unpacked_bytes` leave out pins of unknown size; the latter is None where all are unknown.
    - `items` are the projects that the list names, layer by layer; without a list the pins that no other one needs.
    - `requirements` are the lines of the list by layer.
    """

    lockfile: str
    digest: str
    created_by: str
    is_edited: bool
    source: str | None
    python: str | None
    platform: str | None
    accelerator: Mapping[str, str]
    gpus: tuple[str, ...]
    exclude_newer: str | None
    torch: str | None
    cuda: str | None
    download_bytes: int
    unpacked_bytes: int | None
    items: tuple[str, ...]
    requirements: tuple[tuple[str, ...], ...]
    pins: tuple[PinFacts, ...]
    former: FormerFacts | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The facts of all locks, in the order in which they were given."""

    locks: tuple[LockFacts, ...]
    schema: int = SCHEMA


def build_report(sources: Sequence[ReportSource], *, default_index: str | None = None) -> Report:
    """The report on some locks. `default_index` is the URL of their default index; None is that of pip."""
    if default_index is None:
        # Lazy: the command names it, and a page of given locks needs nothing else of this room.
        from resolver.fetch.projects.pages import default_index_url

        default_index = default_index_url().public
    return Report(locks=tuple(_build_lock(source, default_index) for source in sources))


def render_json(report: Report, *, indent: int | None = None) -> str:
    """The report as one JSON document in ASCII, with a final newline; `report.schema.json` describes it.

    `indent` is that of each level; with None the document is one line.
    """
    return json.dumps(_redact(asdict(report)), indent=indent, separators=None if indent else (",", ":")) + "\n"


def _redact(value: Any) -> Any:
    """The value with the URLs in all of its texts reduced to their public part."""
    match value:
        case str():
            return redact(value) if "://" in value else value
        case dict():
            return {key: _redact(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_redact(inner) for inner in value]
        case _:
            return value


def _build_lock(source: ReportSource, default_index: str) -> LockFacts:
    """The facts of one lock."""
    lockfile, tool = source.lockfile, source.lockfile.tool
    graph = build_graph(lockfile)
    pins = tuple(_iter_pins(source, graph, default_index))
    torch = next((pin for pin in pins if pin.name == "torch"), None)
    accelerator = dict(sorted(tool.accelerator.items())) if tool is not None else {}
    python = lockfile.pylock.requires_python
    unpacked = [pin.unpacked_bytes for pin in pins if pin.unpacked_bytes is not None]
    return LockFacts(
        lockfile=source.name,
        digest=digest(lockfile),
        created_by=lockfile.pylock.created_by,
        is_edited=lockfile.is_edited,
        source=None if tool is None else tool.source,
        python=tool.python if tool is not None else str(python) if python is not None else None,
        platform=None if tool is None else tool.platform,
        accelerator=accelerator,
        gpus=tuple(gpu for one in accelerator.get("capability", "").split() for gpu in list_gpus(one)),
        exclude_newer=None if tool is None else tool.exclude_newer,
        torch=None if torch is None else torch.version,
        cuda=None if torch is None else accelerator.get("cuda") or torch.cuda,
        download_bytes=sum(pin.download_bytes or 0 for pin in pins),
        unpacked_bytes=sum(unpacked) if unpacked else None,
        items=tuple(graph.roots),
        requirements=() if tool is None else tuple(join_lines(layer) for layer in tool.requirements),
        pins=pins,
        former=None if source.former is None else _build_former(*source.former, lockfile),
    )


def _iter_pins(source: ReportSource, graph: LockGraph, default_index: str) -> Iterator[PinFacts]:
    """The pins by name; a lock of another tool may have several of one name, which markers keep apart."""
    tool = source.lockfile.tool
    platform = None if tool is None else _find_platform(tool.platform)
    layers, brings, items = assign_layers(source.lockfile), *_weigh(graph)
    for name, packages in graph.packages.items():
        contents = source.contents.get(name)
        for package in packages:
            origin, place, revision = _find_origin(package)
            cuda, cuda_source = _find_cuda(package, platform, default_index)
            yield PinFacts(
                name=name,
                version=None if package.version is None else str(package.version),
                layer=layers[name],
                origin=origin,
                place=place,
                revision=revision,
                files=tuple(sorted(_iter_file_names(package))),
                marker=None if package.marker is None else str(package.marker),
                extras=() if tool is None else tuple(sorted(tool.extras.get(name, ()))),
                is_built=tool is not None and name in tool.built,
                cuda=cuda,
                cuda_source=cuda_source,
                licence=None if contents is None else contents.licence,
                download_bytes=size_bytes(package),
                unpacked_bytes=None if contents is None else contents.unpacked_bytes,
                brings_bytes=brings[name],
                item=items[name],
                requested_by=tuple(
                    RequestFacts(layer=request.layer, name=request.parent, asked=request.text)
                    for request in graph.requests[name]
                ),
                dependencies=tuple(graph.dependencies[name]),
            )


def _weigh(graph: LockGraph) -> tuple[dict[NormalizedName, int], dict[NormalizedName, NormalizedName | None]]:
    """By pin, `PinFacts.brings_bytes` and `PinFacts.item`.

    Both follow from the dominators of a pin: what is on every path from the list to it. An item of the list is on every
    path to a pin exactly if the pin is there for that item alone.
    """
    dominators = find_dominators(graph)
    listed = set(graph.roots)
    brings = {name: sum(size_bytes(package) or 0 for package in graph.packages[name]) for name in dominators}
    items: dict[NormalizedName, NormalizedName | None] = {}
    # A dominator comes before all that it dominates: what it is itself is known first, what it brings last.
    for name, above in dominators.items():
        items[name] = (name if name in listed else None) if above is None else items[above]
    for name in reversed(dominators):
        above = dominators[name]
        if above is not None:
            brings[above] += brings[name]
    return brings, items


def _find_origin(package: Package) -> tuple[str, str | None, str | None]:
    """`origin`, `place` and `revision` of a pin."""
    if (vcs := package.vcs) is not None:
        asked = f" ({vcs.requested_revision})" if vcs.requested_revision else ""
        return "vcs", vcs.url or vcs.path, f"{vcs.commit_id}{asked}"
    if package.directory is not None:
        return "directory", package.directory.path, None
    if package.archive is not None:
        return "archive", package.archive.url or package.archive.path, None
    if package.index is not None:
        return "index", package.index, None
    files = (*(package.wheels or ()), package.sdist)
    return "file", next((file.url or file.path for file in files if file is not None), None), None


def _iter_file_names(package: Package) -> Iterator[str]:
    """The names of the files of a pin; an archive has that of its URL or path, without a query."""
    for file in (*(package.wheels or ()), package.sdist, package.archive):
        if file is not None:
            place = (file.url or file.path or "").partition("#")[0].partition("?")[0]
            yield getattr(file, "name", None) or place.rpartition("/")[2]


def _find_platform(text: str) -> Platform | None:
    """The platform of a lock; None for one that a later version has written."""
    try:
        return parse_platform(text)
    except TargetError:
        return None


def _find_cuda(package: Package, platform: Platform | None, default_index: str) -> tuple[str | None, str | None]:
    """`cuda` and `cuda_source` of a pin, from the first that tells.

    A label of the version is the build's own. The default index has builds of several CUDA releases, so that its URL
    tells nothing. pinfold's data knows which build of torch and its companions an index without labels has.
    """
    if package.version is not None and (text := _render_build(parse_version_label(package.version))):
        return text, "version"
    is_default = package.index == default_index
    if not is_default and (text := _render_build(parse_index_label(package.index or ""))):
        return text, "index"
    if text := _render_build(parse_name_label(package.name)):
        return text, "name"
    if package.version is None or platform is None:
        return None, None
    known = find_known_cuda(
        package.name,
        package.version,
        index_url=package.index or "",
        is_default_index=is_default,
        platform=platform,
    )
    return (None, None) if known is None or known.cuda is None else (_render_cuda(known.cuda), "data")


def _render_build(label: BuildLabel | None) -> str | None:
    """What a label says that the build computes on: `cu128`, `cu12`, `cpu`, `rocm`; None if it does not."""
    if label is None:
        return None
    return label.backend if label.cuda is None else _render_cuda(label.cuda)


def _render_cuda(cuda: Cuda) -> str:
    """A release as the label of its builds; `cu12` where only the major release is known."""
    return cuda.label if isinstance(cuda, CudaVersion) else f"cu{cuda.major}"


def _build_former(name: str, old: Lockfile, new: Lockfile) -> FormerFacts:
    """The old lock, and what differs in the new one."""
    found = compare(old, new)
    sizes = [size_bytes(package) for package in old.pylock.packages]
    return FormerFacts(
        lockfile=name,
        digest=digest(old),
        pin_count=len(sizes),
        download_bytes=sum(size or 0 for size in sizes),
        added=tuple(_build_change(None, pin, old, new, f"{pin}") for pin in found.added),
        removed=tuple(_build_change(pin, None, old, new, f"{pin}") for pin in found.removed),
        changed=tuple(_build_change(change.old, change.new, old, new, f"{change}") for change in found.changed),
        values=tuple(_iter_values(found)),
        lines_added=tuple(line.text for line in found.requirements if line.is_added),
        lines_removed=tuple(line.text for line in found.requirements if not line.is_added),
    )


def _build_change(
    before: LockedPin | None, after: LockedPin | None, old: Lockfile, new: Lockfile, text: str
) -> ChangeFacts:
    """The change of one pin; `before` is None for an added one, `after` for a removed one."""
    pin = after or before
    assert pin is not None, "a change is about a pin of one lock at least"
    return ChangeFacts(
        name=pin.name,
        old=None if before is None else before.identifier,
        new=None if after is None else after.identifier,
        old_bytes=None if before is None else _find_size(before, old),
        new_bytes=None if after is None else _find_size(after, new),
        text=text,
    )


def _find_size(pin: LockedPin, lockfile: Lockfile) -> int | None:
    """The download size of the first package with the name and version of a pin."""
    for package in lockfile.pylock.packages:
        if (package.name, package.version) == (pin.name, pin.version):
            return size_bytes(package)
    return None


def _iter_values(found: Comparison) -> Iterator[ValueChange]:
    """What differs of the target and the settings."""
    for change in (*found.target, *found.settings):
        old, new = change.render()
        yield ValueChange(
            key=change.key, old=None if change.old is None else old, new=None if change.new is None else new
        )
