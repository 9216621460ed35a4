"""Settings of a lock: what `[tool.pinfold]` may say, checked as a whole.

In: the table as TOML gives it. Out: `Settings`, which the command line fills as well; `merge` lays one over the other.
Pure: files named here are read by later stages, relative to the folder that the table stands in. Texts that can hold a
URL are as written, so with its secret, and stay out of `repr`; URLs that only serve to recognise an index (`families`,
`exclude-newer-exempt`) are public parts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import field, fields, replace
from typing import Any, Literal, assert_never, cast

from packaging.utils import NormalizedName
from packaging.version import Version

from lockfiles.value_classes import dataclass
from resolver.errors import SettingsError
from resolver.options import OPTIONS, Kind, Merge, Option
from resolver.requirements.scopes import IndexFamily
from resolver.requirements.url import parse_url
from resolver.toml_table import TableReader

__all__ = [
    "DependencyMetadata",
    "FlagScope",
    "GpuSetting",
    "IndexStrategy",
    "MachineSetting",
    "Mirror",
    "PlatformAdditions",
    "RequirementItems",
    "Settings",
    "parse_settings",
]

IndexStrategy = Literal["first-index", "best-match"]
FlagScope = Literal["position", "list"]
RequirementItems = tuple[str, ...] | tuple[tuple[str, ...], ...]
"""A list of items, or a list of layers."""

_CAPABILITY = re.compile(r"\d{1,2}\.\d")
_MERGES = {option.field: option.merge for option in OPTIONS}


@dataclass(frozen=True, slots=True, kw_only=True)
class DependencyMetadata:
    """`[[tool.pinfold.dependency-metadata]]`: metadata to believe without a build. No `version` means every version."""

    name: NormalizedName
    version: Version | None = None
    requires_dist: tuple[str, ...] = field(default=(), repr=False)
    requires_python: str | None = None
    provides_extra: tuple[NormalizedName, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineSetting:
    """`[[tool.pinfold.machines]]`: a machine type of the user's. `gpu` names a GPU; None is a CPU machine."""

    name: str
    gpu: str | None = None
    driver: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuSetting:
    """`[[tool.pinfold.gpus]]`: a GPU of the user's. `driver` is the lowest that knows it."""

    name: str
    capability: str
    driver: str | None = None
    host: Literal["x86_64", "aarch64"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """`[tool.pinfold.mirrors]`: URLs that begin with `prefix` (a public part) are asked for at `url` instead."""

    prefix: str
    url: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformAdditions:
    """`[tool.pinfold.platform]`: what the platform installs beside an app's list. `profile` names data of ours."""

    profile: str | None = None
    requirements: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All that can be set for a lock. None is unset, which an empty tuple or False is not.

    Names are those of `resolver.options` with `_` for `-`. Files and folders are as written. `platform_adds` are the
    other keys of a `platform` table. `format_flags` are `--no-binary` and `--only-binary` of the command line, where
    their order counts; `no_binary` and `only_binary` are the keys.
    """

    requirements: RequirementItems | None = field(default=None, repr=False)
    python: str | None = None
    platform: str | None = None
    platform_adds: PlatformAdditions | None = None
    index_url: str | None = field(default=None, repr=False)
    extra_index_url: tuple[str, ...] | None = field(default=None, repr=False)
    find_links: tuple[str, ...] | None = field(default=None, repr=False)
    no_index: bool | None = None
    index_strategy: IndexStrategy | None = None
    flag_scope: FlagScope | None = None
    exclude_newer: str | None = None
    exclude_newer_exempt: tuple[str, ...] | None = None
    constraint: tuple[str, ...] | None = field(default=None, repr=False)
    override: tuple[str, ...] | None = field(default=None, repr=False)
    build_constraint: tuple[str, ...] | None = field(default=None, repr=False)
    constraint_dependencies: tuple[str, ...] | None = field(default=None, repr=False)
    override_dependencies: tuple[str, ...] | None = field(default=None, repr=False)
    build_constraint_dependencies: tuple[str, ...] | None = field(default=None, repr=False)
    exclude: tuple[NormalizedName, ...] | None = None
    pre: bool | None = None
    prefer_binary: bool | None = None
    no_deps: bool | None = None
    no_binary: tuple[str, ...] | None = None
    only_binary: tuple[str, ...] | None = None
    format_flags: tuple[tuple[str, str], ...] | None = None
    no_build: bool | None = None
    build_anyway: bool | None = None
    allow_build: tuple[NormalizedName, ...] | None = None
    no_build_isolation: bool | None = None
    no_download: bool | None = None
    measure_kernels: bool | None = None
    families: tuple[IndexFamily, ...] | None = None
    dependency_metadata: tuple[DependencyMetadata, ...] | None = None
    machine_type: tuple[str, ...] | None = None
    driver: str | None = None
    machines: tuple[MachineSetting, ...] | None = None
    gpus: tuple[GpuSetting, ...] | None = None
    allow: tuple[NormalizedName, ...] | None = None
    mirrors: tuple[Mirror, ...] | None = None
    osv: str | None = field(default=None, repr=False)
    environment: tuple[str, ...] | None = None
    secrets: tuple[re.Pattern[str], ...] | None = None
    output: str | None = None

    def merge(self, over: Settings) -> Settings:
        """These settings with `over` laid on top: the command line over the file.

        A value that is set replaces this one. Lists join, what is nearer first, as in uv: an index of the command line
        is asked before one of the file. `no-binary` and `only-binary` are read in order (pip: `:none:` empties what
        stands before it), so there the file is first. `requirements` are replaced.
        """
        merged: dict[str, Any] = {one.name: _merge_value(self, over, one.name) for one in fields(self)}
        return replace(self, **merged)


def parse_settings(table: Mapping[str, object], *, where: str) -> Settings:
    """The settings of a `[tool.pinfold]` table; `where` names it in messages. Raises SettingsError with all faults."""
    faults: list[str] = []
    reader = TableReader(table, prefix="", faults=faults)
    values: dict[str, Any] = {option.field: _read_option(reader, option) for option in OPTIONS if option.is_key}
    values["platform"], values["platform_adds"] = values["platform"]
    settings = Settings(**values)
    reader.report_unknown_keys()
    if faults:
        raise SettingsError("\n".join(f"{where}: {fault}" for fault in faults))
    return settings


def _merge_value(settings: Settings, over: Settings, name: str) -> object:
    mine, nearer = getattr(settings, name), getattr(over, name)
    if nearer is None:
        return mine
    merge = _MERGES.get(name, Merge.REPLACED)
    if mine is None or merge is Merge.REPLACED:
        return nearer
    return mine + nearer if merge is Merge.FARTHER_FIRST else tuple(dict.fromkeys(nearer + mine))


def _strip_secrets(urls: tuple[str, ...] | None) -> tuple[str, ...] | None:
    return None if urls is None else tuple(parse_url(url).public for url in urls)


def _read_option(reader: TableReader, option: Option) -> object:
    """The value of an option's key; None where it is missing or wrong."""
    key = option.name
    match option.kind:
        case Kind.TEXT:
            return reader.read_text(key)
        case Kind.FLAG:
            return reader.read_flag(key)
        case Kind.CHOICE:
            return reader.read_choice(key, option.choices)
        case Kind.TIME:
            return reader.read_time(key)
        case Kind.TEXTS | Kind.FORMATS:
            return reader.read_texts(key)
        case Kind.NAMES:
            return reader.read_names(key)
        case Kind.REQUIREMENTS:
            return reader.read_requirements(key)
        case Kind.URL_PREFIXES:
            return _strip_secrets(reader.read_texts(key))
        case Kind.MACHINES:
            return reader.read_text_or_texts(key)
        case Kind.ITEMS:
            return reader.read_items(key)
        case Kind.TABLE:
            return _TABLES[key](reader)
        case _:
            assert_never(option.kind)


def _read_platform(reader: TableReader) -> tuple[str | None, PlatformAdditions | None]:
    """The platform to lock for, which is the key itself or `name` in a table of it, and what the platform adds."""
    if not reader.has_table("platform"):
        return reader.read_text("platform"), None
    return reader.read_table("platform", _read_platform_table) or (None, None)


def _read_platform_table(reader: TableReader) -> tuple[str | None, PlatformAdditions | None]:
    name, profile = reader.read_text("name"), reader.read_text("profile")
    requirements = reader.read_requirements("requirements")
    if profile is None and requirements is None:
        return name, None
    return name, PlatformAdditions(profile=profile, requirements=requirements or ())


def _read_family(reader: TableReader) -> IndexFamily | None:
    reader.require("name", "names", "urls")
    name, names = reader.read_text("name"), reader.read_texts("names")
    urls = _strip_secrets(reader.read_texts("urls"))
    exclusive = reader.read_flag("exclusive") or False
    if name is None or names is None or urls is None:
        return None
    # A pattern is normalized as a name is, which leaves `*`, `?` and `[…]` as they are (PEP 503).
    patterns = tuple(re.sub(r"[-_.]+", "-", pattern).lower() for pattern in names)
    return IndexFamily(name=name, names=patterns, urls=urls, exclusive=exclusive)


def _read_machine(reader: TableReader) -> MachineSetting | None:
    reader.require("name")
    name, gpu, driver = reader.read_text("name"), reader.read_text("gpu"), reader.read_text("driver")
    return None if name is None else MachineSetting(name=name, gpu=gpu, driver=driver)


def _read_gpu(reader: TableReader) -> GpuSetting | None:
    reader.require("name", "capability")
    name, driver = reader.read_text("name"), reader.read_text("driver")
    capability = reader.read_form("capability", _CAPABILITY, "compute capability (`9.0`)")
    host = cast('Literal["x86_64", "aarch64"] | None', reader.read_choice("host", ("x86_64", "aarch64")))
    if name is None or capability is None:
        return None
    return GpuSetting(name=name, capability=capability, driver=driver, host=host)


def _read_secrets(reader: TableReader) -> tuple[re.Pattern[str], ...] | None:
    """Patterns for tokens in the paths of URLs, each with one group."""
    return reader.read_patterns("patterns")


def _read_mirrors(table: Mapping[str, str] | None) -> tuple[Mirror, ...] | None:
    if table is None:
        return None
    return tuple(Mirror(prefix=parse_url(prefix).public, url=url) for prefix, url in table.items())


def _read_dependency_metadata(reader: TableReader) -> DependencyMetadata | None:
    reader.require("name")
    name = reader.read_name("name")
    version = reader.read_version("version")
    requires_dist = reader.read_requirements("requires-dist") or ()
    requires_python = reader.read_specifier("requires-python")
    provides_extra = reader.read_names("provides-extra") or ()
    if name is None:
        return None
    return DependencyMetadata(
        name=name,
        version=version,
        requires_dist=requires_dist,
        requires_python=requires_python,
        provides_extra=provides_extra,
    )


_TABLES: Mapping[str, Callable[[TableReader], object]] = {
    "platform": _read_platform,
    "machines": lambda reader: reader.read_tables("machines", _read_machine),
    "gpus": lambda reader: reader.read_tables("gpus", _read_gpu),
    "families": lambda reader: reader.read_tables("families", _read_family),
    "mirrors": lambda reader: _read_mirrors(reader.read_text_table("mirrors")),
    "secrets": lambda reader: reader.read_table("secrets", _read_secrets),
    "dependency-metadata": lambda reader: reader.read_tables("dependency-metadata", _read_dependency_metadata),
}
"""How the options that are tables are read."""
