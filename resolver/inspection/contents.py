"""What a lock contains: the size of each pin, pins that seem unused, and a software bill of materials.

In: a lock; for the sizes also what its wheels unpack to, and what an app imports. Out: a row for each pin, names of
projects, or the text of a CycloneDX document. All of it is pure and the same for the same lock.

It is a module of its own because these are reports for people and for scanners: nothing here judges a lock, and nothing
is requested. Standards: CycloneDX 1.6 (written by its own library, the extra `sbom`), Package URL (type `pypi`).
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

_NAMESPACE = uuid.UUID("6f1ab5a8-5e36-5a4e-8f0f-3f5b1d0e8a56")
"""The namespace of serial numbers (RFC 9562, version 5), a random constant of this project."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PinSize:
    """The size of one pin.

    `version` is None for a source tree. `layer` is the number of the first layer that needs the pin. `download_bytes`
    is None where the lock has no size, `unpacked_bytes` where the contents of the file are not known.
    """

    name: NormalizedName
    version: str | None
    layer: int
    download_bytes: int | None
    unpacked_bytes: int | None


def measure_pins(lockfile: Lockfile, contents: Mapping[NormalizedName, WheelContents | None]) -> tuple[PinSize, ...]:
    """The pins by layer, largest download first. `contents` are those of the wheels that were read, by project."""
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
    """Items of the list, by name, that no other pin requires and whose modules the app does not import.

    `imports` are the top-level modules that the app imports. The modules of a project are those of its wheel; where
    that was not read, its name is taken as the name of its module. Plugins and command-line tools show up here although
    they are used, so the result is a hint.
    """
    graph = build_graph(lockfile)
    unused = []
    for name in graph.roots:
        found = contents.get(name)
        modules = (name.replace("-", "_"),) if found is None else found.modules
        if not graph.dependents[name] and not imports.intersection(modules):
            unused.append(name)
    return tuple(sorted(unused))


def build_bill_of_materials(lockfile: Lockfile, *, name: str, default_index: str) -> str:
    """The CycloneDX document of a lock, as JSON with a final newline.

    `name` is that of the image or app; packages of another index than `default_index` record their index. There is no
    time stamp, and the serial number is derived from the lock's digest. Raises InputError where the library is not
    installed.
    """
    # Lazy: the library belongs to an extra.
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
    return _remove_timestamp(text)


def _remove_timestamp(text: str) -> str:
    """The document without the time at which the library wrote it, in a fixed layout."""
    # CycloneDX makes the time stamp optional, but its library always writes one.
    document: dict[str, Any] = json.loads(text)
    document["metadata"].pop("timestamp", None)
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _build_component(package: Package, layer: int, default_index: str) -> Component:
    """The CycloneDX component of a package.

    A package from a repository has its commit id as version, since a lock has no version for it.
    """
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
    """The `bom-ref` of a component, which dependencies refer to."""
    return f"{name}@{version}" if version else name


def _iter_qualifiers(package: Package, default_index: str) -> Iterator[tuple[str, str]]:
    """The qualifiers of a Package URL: where the package comes from, if that is not the default index."""
    if package.index is not None and package.index != default_index:
        yield "repository_url", package.index
    if package.vcs is not None and package.vcs.url is not None:
        yield "vcs_url", f"git+{package.vcs.url}@{package.vcs.commit_id}"
    elif package.index is None and (url := _find_url(package)) is not None:
        yield "download_url", url


def _iter_hashes(package: Package) -> Iterator[HashType]:
    """The SHA-256 of each file of the package, sorted."""
    # Lazy, as above.
    from cyclonedx.model import HashAlgorithm, HashType

    files = (*(package.wheels or ()), package.sdist, package.archive)
    digests = sorted({file.hashes["sha256"] for file in files if file is not None and "sha256" in file.hashes})
    yield from (HashType(alg=HashAlgorithm.SHA_256, content=text) for text in digests)


def _iter_references(package: Package) -> Iterator[ExternalReference]:
    """The URLs that the package is downloaded from."""
    # Lazy, as above.
    from cyclonedx.model import ExternalReference, ExternalReferenceType, XsUri

    url = _find_url(package)
    if url is not None:
        yield ExternalReference(type=ExternalReferenceType.DISTRIBUTION, url=XsUri(url))
    if package.vcs is not None and package.vcs.url is not None:
        yield ExternalReference(type=ExternalReferenceType.VCS, url=XsUri(package.vcs.url))


def _find_url(package: Package) -> str | None:
    """The URL of the first file that has one; None for a source tree and for files on disk."""
    files = (*(package.wheels or ()), package.sdist, package.archive)
    return next((file.url for file in files if file is not None and file.url is not None), None)
