"""How much each pin of a lock weighs, and which items of the list nobody seems to need.

In: a lock, what its wheels unpack to, what an app imports. Out: a row a pin. Pure.

A lock as a software bill of materials in CycloneDX's JSON, made by its own library (the extra `sbom`).

In: a `Lockfile`. Out: text that is the same for the same lock: no time stamp, and a serial number made of its digest.
Standards: CycloneDX 1.6, Package URL (type `pypi` for what an index has).
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from packaging.pylock import Package
from packaging.utils import NormalizedName

from lockfiles import Lockfile, digest
from lockfiles._values import dataclass
from lockfiles.graph import assign_layers, build_graph, size_bytes
from resolver.errors import InputError
from resolver.index.wheel_directory import WheelContents

if TYPE_CHECKING:
    from cyclonedx.model import ExternalReference, HashType
    from cyclonedx.model.component import Component

__all__ = [
    "PinSize",
    "build_bill_of_materials",
    "find_unused",
    "measure_pins",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class PinSize:
    """One pin. `download_bytes` and `unpacked_bytes` are None where nobody says; `layer` is the first that needs it."""

    name: NormalizedName
    version: str | None
    layer: int
    download_bytes: int | None
    unpacked_bytes: int | None


def measure_pins(lockfile: Lockfile, contents: Mapping[NormalizedName, WheelContents | None]) -> tuple[PinSize, ...]:
    """The pins by layer, largest download first; `contents` are by project name."""
    layers = assign_layers(lockfile)
    rows = [
        PinSize(
            name=package.name,
            version=None if package.version is None else str(package.version),
            layer=layers[package.name],
            download_bytes=size_bytes(package),
            unpacked_bytes=None if (found := contents.get(package.name)) is None else found.unpacked_bytes,
        )
        for package in lockfile.pylock.packages
    ]
    return tuple(sorted(rows, key=lambda row: (row.layer, -(row.download_bytes or 0), row.name)))


def find_unused(
    lockfile: Lockfile, contents: Mapping[NormalizedName, WheelContents | None], imports: frozenset[str]
) -> tuple[NormalizedName, ...]:
    """Items of the list, by name, that no other pin asks for and whose modules the app does not import.

    Where a wheel tells its modules, those count; else the project's name in the form of a module's.
    """
    graph = build_graph(lockfile)
    unused = []
    for name in graph.roots:
        found = contents.get(name)
        modules = (name.replace("-", "_"),) if found is None else found.modules
        if not graph.dependents[name] and not imports.intersection(modules):
            unused.append(name)
    return tuple(sorted(unused))


_NAMESPACE = uuid.UUID("6f1ab5a8-5e36-5a4e-8f0f-3f5b1d0e8a56")
"""Of the serial numbers (RFC 9562, version 5); any constant will do."""


def build_bill_of_materials(lockfile: Lockfile, *, name: str, default_index: str) -> str:
    """The CycloneDX document of a lock, as JSON with a final newline.

    `name` is what the image or app is called; packages of another index than `default_index` name theirs. Raises
    InputError where the library is not installed.
    """
    try:
        from cyclonedx.model.bom import Bom, BomMetaData
        from cyclonedx.model.component import Component, ComponentType
        from cyclonedx.output import make_outputter
        from cyclonedx.schema import OutputFormat, SchemaVersion
    except ImportError as error:
        raise InputError(
            "an SBOM needs the CycloneDX library, which is not installed",
            remedy="`pip install 'cyclonedx-python-lib>=11,<12'`",
        ) from error
    key = digest(lockfile)
    root = Component(name=name, version=key, type=ComponentType.APPLICATION, bom_ref=f"{name}@{key}")
    layers = assign_layers(lockfile)
    components = {
        package.name: _build_component(package, layers[package.name], default_index)
        for package in lockfile.pylock.packages
    }
    document = Bom(
        components=components.values(),
        metadata=BomMetaData(component=root),
        serial_number=uuid.uuid5(_NAMESPACE, key),
    )
    graph = build_graph(lockfile)
    document.register_dependency(root, [components[listed] for listed in graph.roots])
    for pin, component in components.items():
        document.register_dependency(component, [components[needed] for needed in graph.dependencies[pin]])
    text = make_outputter(document, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string()
    return _without_moment(text)


def _without_moment(text: str) -> str:
    """The document without the time it was made at, in a fixed layout."""
    document: dict[str, Any] = json.loads(text)
    document["metadata"].pop("timestamp", None)
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _build_component(package: Package, layer: int, default_index: str) -> Component:
    # Lazy: the library belongs to an extra.
    from cyclonedx.model import Property
    from cyclonedx.model.component import Component, ComponentType
    from packageurl import PackageURL

    version = None if package.version is None else str(package.version)
    if package.vcs is not None:
        version = package.vcs.commit_id
    qualifiers = dict(_iter_qualifiers(package, default_index))
    subpath = package.vcs.subdirectory if package.vcs is not None else None
    purl = PackageURL(type="pypi", name=package.name, version=version, qualifiers=qualifiers, subpath=subpath)
    return Component(
        name=package.name,
        version=version,
        type=ComponentType.LIBRARY,
        bom_ref=_refer(package.name, version),
        purl=purl,
        hashes=list(_iter_hashes(package)),
        external_references=list(_iter_references(package)),
        properties=[Property(name="pinfold:layer", value=str(layer))],
    )


def _refer(name: NormalizedName, version: str | None) -> str:
    return f"{name}@{version}" if version else name


def _iter_qualifiers(package: Package, default_index: str) -> Iterator[tuple[str, str]]:
    if package.index is not None and package.index != default_index:
        yield "repository_url", package.index
    if package.vcs is not None and package.vcs.url is not None:
        yield "vcs_url", f"git+{package.vcs.url}@{package.vcs.commit_id}"
    elif package.index is None and (url := _find_url(package)) is not None:
        yield "download_url", url


def _iter_hashes(package: Package) -> Iterator[HashType]:
    # Lazy, as above.
    from cyclonedx.model import HashAlgorithm, HashType

    files = (*(package.wheels or ()), package.sdist, package.archive)
    digests = sorted({file.hashes["sha256"] for file in files if file is not None and "sha256" in file.hashes})
    yield from (HashType(alg=HashAlgorithm.SHA_256, content=text) for text in digests)


def _iter_references(package: Package) -> Iterator[ExternalReference]:
    # Lazy, as above.
    from cyclonedx.model import ExternalReference, ExternalReferenceType, XsUri

    url = _find_url(package)
    if url is not None:
        yield ExternalReference(type=ExternalReferenceType.DISTRIBUTION, url=XsUri(url))
    if package.vcs is not None and package.vcs.url is not None:
        yield ExternalReference(type=ExternalReferenceType.VCS, url=XsUri(package.vcs.url))


def _find_url(package: Package) -> str | None:
    files = (*(package.wheels or ()), package.sdist, package.archive)
    return next((file.url for file in files if file is not None and file.url is not None), None)
