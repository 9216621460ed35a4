"""A small list with its resolution, as tests of locking and checking start from."""

from __future__ import annotations

import re

from packaging.markers import Marker
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version

from lockfiles.lockfile import SettingValue
from resolver.errors import Position
from resolver.index.distribution_file import DistributionFile
from resolver.requirements.entry import Entry, Layer, RequirementList
from resolver.solve.resolution import Pin, Requester, Resolution
from resolver.targets.target import Target, parse_python_version

INDEX = "https://index.example/simple/"
FILES = "https://files.example"

TARGET = Target(python=parse_python_version("3.11"))


def build_entry(
    text: str,
    *,
    item: int,
    layer: int = 0,
    specifier: str = "",
    extras: tuple[str, ...] = (),
    marker: str | None = None,
    config_settings: tuple[tuple[str, str], ...] = (),
) -> Entry:
    return Entry(
        position=Position(layer=layer, item=item),
        text=text,
        name=NormalizedName(re.split("[^a-z0-9-]", text, maxsplit=1)[0]),
        extras=frozenset(NormalizedName(extra) for extra in extras),
        specifier=SpecifierSet(specifier),
        marker=Marker(marker) if marker is not None else None,
        config_settings=config_settings,
        layer=layer,
    )


def build_file(
    filename: str,
    version: str,
    *,
    url: str | None = None,
    sha256: str | None = "a" * 64,
    size_bytes: int | None = 100,
) -> DistributionFile:
    return DistributionFile(
        filename=filename,
        version=Version(version),
        url=url or f"{FILES}/{filename}",
        index=INDEX,
        hashes=(f"md5:{'0' * 32}", f"sha256:{sha256}") if sha256 is not None else (),
        size_bytes=size_bytes,
        upload_time="2026-01-01T00:00:00Z",
    )


def build_pin(
    file: DistributionFile,
    *requesters: Requester,
    extras: tuple[str, ...] = (),
    dependencies: tuple[str, ...] = (),
    index: str | None = INDEX,
    built: bool = False,
) -> Pin:
    return Pin(
        name=NormalizedName(file.filename.split("-")[0]),
        version=file.version,
        file=file,
        extras=frozenset(NormalizedName(extra) for extra in extras),
        dependencies=tuple(NormalizedName(name) for name in dependencies),
        requesters=requesters,
        index=index,
        built=built,
    )


def asked_by_list(entry: Entry) -> Requester:
    return Requester(position=entry.position, parent=None, text=entry.text)


def asked_by_pin(parent: str, text: str) -> Requester:
    return Requester(position=None, parent=NormalizedName(parent), text=text)


ANYIO = build_entry("anyio[trio]>=4", item=0, specifier=">=4", extras=("trio",))
WINDOWS_ONLY = build_entry("colorama", item=1, marker='sys_platform == "win32"')
IDNA = build_entry("idna", item=0, layer=1, config_settings=(("--fast", "${SECRET}"),))

REQUIREMENTS = RequirementList(
    layers=(
        Layer(entries=(ANYIO, WINDOWS_ONLY)),
        Layer(entries=(IDNA,), no_build_isolation=True),
    )
)
CANONICAL = (
    ("anyio[trio]>=4", 'colorama ; sys_platform == "win32"'),
    ("--no-build-isolation", "idna"),
)
SETTINGS: dict[str, SettingValue] = {"flag-scope": "list", "no-build": False}


def build_resolution() -> Resolution:
    anyio = build_pin(
        build_file("anyio-4.4.0-py3-none-any.whl", "4.4.0"),
        asked_by_list(ANYIO),
        extras=("trio",),
        dependencies=("idna",),
    )
    idna = build_pin(
        build_file("idna-3.7.tar.gz", "3.7", sha256="b" * 64),
        asked_by_list(IDNA),
        asked_by_pin("anyio", "idna>=2.8"),
        built=True,
    )
    return Resolution(pins=(anyio, idna))
