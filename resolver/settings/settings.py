"""Settings of a lock: the table `[tool.pinfold]`, checked as a whole, and the command line merged over it.

In: the table as TOML gives it. Out: `Settings`, or a SettingsError with every fault; the command line makes `Settings`
too. `Settings.merge` joins both, and `Settings.complete` adds the defaults, which later stages read.

Files named here are read by later stages, relative to the folder of the table. Texts that may hold a URL are kept as
written, with its secret, and are not in the `repr`. URLs that only recognise an index (`families`,
`exclude-newer-exempt`) are public parts. How each key is read follows from the table `resolver.settings.options`.

`parse_exclude_newer` makes one instant of the cut-off, which may be a date, an instant or a duration; the caller gives
the clock. As in uv, a date includes that whole day, a duration counts days of 24 hours, and months and years are
refused because they have no fixed length. Unlike in uv, a date is in UTC and not in the time zone of the machine: the
same setting has to give the same lock everywhere.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from dataclasses import field, fields, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal, cast

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version

from lockfiles._values import compile_later, dataclass
from lockfiles.errors import parser_boundary
from lockfiles.table_reader import (
    Parser,
    TableFault,
    TableReader,
    Value,
    array_of,
    choice,
    filled_text,
    flag,
    keyed_table,
    parsed,
    project_name,
    text,
    version,
)
from resolver.errors import Fault, SettingsError
from resolver.requirements.entry import RequirementItems
from resolver.requirements.scopes import FlagScope, IndexFamily
from resolver.requirements.url import parse_url
from resolver.settings.options import OPTIONS, Kind, Merge, Option

__all__ = [
    "CompleteSettings",
    "DependencyMetadata",
    "GpuSetting",
    "IndexStrategy",
    "MachineSetting",
    "Mirror",
    "PlatformAdditions",
    "Settings",
    "parse_exclude_newer",
    "parse_settings",
]

IndexStrategy = Literal["first-index", "best-match"]
"""How several indexes supply one project: the first that has it alone, or the best version of all, as with pip."""
# By field, how the value of the command line and that of the table are merged.
_MERGES = {option.field: option.merge for option in OPTIONS}
# The compute capability of a GPU: `9.0`.
_LONGEST_PATTERN = 500
_MOST_REPETITIONS = 2
_CAPABILITY = compile_later(r"\d{1,2}\.\d")
# How messages name the setting.
_EXCLUDE_NEWER = "`exclude-newer`"
_DATE_FORM = compile_later(r"\d{4}-\d{2}-\d{2}")
# RFC 3339, also with a space for the `T`, and without an offset, which has a message of its own.
_INSTANT_FORM = compile_later(
    r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?P<offset>Z|[+-]\d{2}:\d{2})?", re.IGNORECASE
)

# Texts, which `re` compiles when they are first used: most runs name no duration.
_ISO_DURATION = (
    r"P(?:(?P<years>\d+)Y)?(?:(?P<months>\d+)M)?(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+)S)?)?"
)
_FRIENDLY_DURATION = r"(?:\d+\s*[a-z]+[\s,]*)+(?:\bago)?"
_FRIENDLY_PART = r"(?<!\d)(\d+)\s*([a-z]+)"
# The units of a duration, by their spellings in uv.
_UNITS = {
    **dict.fromkeys(("year", "years", "yr", "yrs", "y"), "years"),
    **dict.fromkeys(("month", "months", "mo", "mos"), "months"),
    **dict.fromkeys(("week", "weeks", "wk", "wks", "w"), "weeks"),
    **dict.fromkeys(("day", "days", "d"), "days"),
    **dict.fromkeys(("hour", "hours", "hr", "hrs", "h"), "hours"),
    **dict.fromkeys(("minute", "minutes", "min", "mins", "m"), "minutes"),
    **dict.fromkeys(("second", "seconds", "sec", "secs", "s"), "seconds"),
}
# Units without a fixed length, with the days that the remedy names for one of them.
_DAYS_OF_CALENDAR_UNIT = {"years": 365, "months": 30}


@dataclass(frozen=True, slots=True, kw_only=True)
class DependencyMetadata:
    """`[[tool.pinfold.dependency-metadata]]`: metadata that replaces that of a distribution file, without a build.

    `version` None means every version. `requires_dist` are requirements as written (PEP 508).
    """

    name: NormalizedName
    version: Version | None = None
    requires_dist: tuple[str, ...] = field(default=(), repr=False)
    requires_python: str | None = None
    provides_extra: tuple[NormalizedName, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineSetting:
    """`[[tool.pinfold.machines]]`: a machine type that the user defines.

    `gpu` names a GPU, None for a CPU machine. `driver` is the version of its GPU driver, None if unknown.
    """

    name: str
    gpu: str | None = None
    driver: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuSetting:
    """`[[tool.pinfold.gpus]]`: a GPU that the user defines.

    `capability` is its compute capability (`9.0`). `driver` is the lowest version that supports it, None for any.
    `host` is the processor of its machines, None for x86_64.
    """

    name: str
    capability: str
    driver: str | None = None
    host: Literal["x86_64", "aarch64"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """`[tool.pinfold.mirrors]`: URLs that begin with `prefix`, a public part, are requested from `url` instead."""

    prefix: str
    url: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformAdditions:
    """`[tool.pinfold.platform]`: what the platform installs beside an app's list.

    `profile` names additions that pinfold has built in; `requirements` are further ones, as written.
    """

    profile: str | None = None
    requirements: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings of a lock. None means unset, unlike an empty tuple or False.

    - The fields have the names of `resolver.settings.options` with `_` for `-`. Files and folders are as written.
    - `platform_adds` are the keys of a `platform` table other than its name.
    - `format_flags` are `--no-binary` and `--only-binary` of the command line as pairs of flag and value, because their
      order counts; `no_binary` and `only_binary` are those of the table.
    - `secrets` are patterns whose one group matches a token in the path of a URL.
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
    build_metadata: bool | None = None
    skip_failed_builds: bool | None = None
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
    public_queries: tuple[str, ...] | None = None
    output: str | None = None

    def merge(self, over: Settings) -> Settings:
        """These settings, those of a file, with `over` merged over them, those of the command line.

        A value that is set replaces the one of the file. Lists are joined with the command line first, as in uv, so
        that its indexes come before those of the file. `no-binary` and `only-binary` are read in order (pip: `:none:`
        removes the names before it), so there the file comes first. `requirements` are replaced.
        """
        merged: dict[str, Any] = {one.name: _merge_value(self, over, one.name) for one in fields(self)}
        return replace(self, **merged)

    def complete(self) -> CompleteSettings:
        """The settings of later stages, with the default of each one that is unset. No other place has defaults.

        Raises SettingsError for a text that is none of an option's choices, which only a program can have set.
        """
        self._check_choices()
        values: dict[str, Any] = {one.name: getattr(self, one.name) for one in fields(CompleteSettings)}
        return CompleteSettings(**{name: value for name, value in values.items() if value is not None})

    def _check_choices(self) -> None:
        """Raise SettingsError for each text that is none of the choices of its option."""
        faults = []
        for option in OPTIONS:
            value = getattr(self, option.field, None) if option.kind is Kind.CHOICE else None
            if value is not None and value not in option.choices:
                choices = " or ".join(f"`{one}`" for one in option.choices)
                faults.append(Fault(where="settings", what=f"`{option.name}` must be {choices}, not `{value}`"))
        if faults:
            raise SettingsError.from_faults(faults)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompleteSettings:
    """The settings that later stages read, with their defaults: see `Settings.complete`.

    None means that there is no default. The fields have the names and meanings of those of `Settings`.
    """

    platform: str | None = None
    driver: str | None = None
    index_strategy: IndexStrategy = "first-index"
    flag_scope: FlagScope | None = None
    exclude_newer: str | None = None
    exclude_newer_exempt: tuple[str, ...] = ()
    exclude: tuple[NormalizedName, ...] = ()
    no_build: bool = False
    build_anyway: bool = False
    build_metadata: bool = False
    skip_failed_builds: bool = False
    allow_build: tuple[NormalizedName, ...] = ()
    no_download: bool = False
    measure_kernels: bool = False
    families: tuple[IndexFamily, ...] = ()
    dependency_metadata: tuple[DependencyMetadata, ...] = ()
    machines: tuple[MachineSetting, ...] = ()
    gpus: tuple[GpuSetting, ...] = ()
    allow: tuple[NormalizedName, ...] = ()
    mirrors: tuple[Mirror, ...] = ()
    environment: tuple[str, ...] = ()
    secrets: tuple[re.Pattern[str], ...] = ()
    public_queries: tuple[str, ...] = ()


@parser_boundary(lambda reason: SettingsError(f"the settings: {reason}"))
def parse_settings(table: Mapping[str, object], *, where: str) -> Settings:
    """The settings of a table `[tool.pinfold]`; `where` names the table in messages.

    Raises SettingsError with all faults: unknown keys, wrong types, and texts that cannot be parsed.
    """
    # Every key is read before the first fault is raised.
    faults: list[TableFault] = []
    reader = TableReader(table, faults=faults)
    values: dict[str, Any] = {option.field: _read_option(reader, option) for option in OPTIONS if option.is_key}
    # One key gives two fields.
    values["platform"], values["platform_adds"] = values["platform"] or (None, None)
    settings = Settings(**values)
    reader.refuse_unknown_keys()
    if faults:
        raise SettingsError.from_faults(Fault(where=where, what=fault.what, remedy=fault.remedy) for fault in faults)
    return settings


def parse_exclude_newer(text: str, *, now: datetime) -> str:
    """The instant in UTC (RFC 3339: `2026-11-02T00:00:00Z`) from which on uploaded files are ignored.

    `text` is a date, an instant (RFC 3339), or a duration before `now`, which has a time zone: `7 days`, `24h`, `P7D`
    (ISO 8601). Raises SettingsError for any other text, and for a time outside the range of `datetime`.
    """
    text = text.strip()
    try:
        if _DATE_FORM.fullmatch(text):
            # The day itself is included.
            return _render_instant(datetime.fromisoformat(text).replace(tzinfo=UTC) + timedelta(days=1))
        if match := _INSTANT_FORM.fullmatch(text):
            return _parse_instant(text, has_offset=match["offset"] is not None)
        if (duration := _parse_duration(text)) is not None:
            return _render_instant(now.replace(microsecond=0) - duration)
    except (ValueError, OverflowError) as error:
        raise SettingsError(f"there is no such time as `{text}`", where=_EXCLUDE_NEWER) from error
    raise SettingsError(
        f"`{text}` is neither a date, an instant nor a duration",
        where=_EXCLUDE_NEWER,
        remedy="`2026-11-01`, `2026-11-01T12:00:00Z`, `7 days` or `P7D`",
    )


def _merge_value(settings: Settings, over: Settings, name: str) -> object:
    """The merged value of one field: see `Settings.merge`."""
    # `None` is unset, so an empty tuple replaces or joins like any other value.
    mine, nearer = getattr(settings, name), getattr(over, name)
    if nearer is None:
        return mine
    merge = _MERGES.get(name, Merge.REPLACED)
    if mine is None or merge is Merge.REPLACED:
        return nearer
    return mine + nearer if merge is Merge.FARTHER_FIRST else tuple(dict.fromkeys(nearer + mine))


def _read_option(reader: TableReader, option: Option) -> object:
    """The value of an option's key; None where it is missing or wrong."""
    match option.kind:
        case Kind.CHOICE:
            parse: Parser[object] = choice(*option.choices)
        case Kind.TABLE:
            parse = _TABLES[option.name]
        case _:
            parse = _PARSERS[option.kind]
    return reader.read(option.name, parse)


def _parse_time(value: Value) -> str | None:
    """Parser: a text, or a date or time of TOML as a text."""
    return value.raw.isoformat() if isinstance(value.raw, date) else filled_text(value)


def _parse_machines(value: Value) -> tuple[str, ...] | None:
    """Parser: an array of texts, or one text, which becomes a tuple of it alone."""
    if not isinstance(value.raw, str):
        return _TEXTS(value)
    word = filled_text(value)
    return None if word is None else (word,)


def _parse_items(value: Value) -> RequirementItems | None:
    """Parser: a list of items, or a list of layers if one of its items is an array."""
    if isinstance(value.raw, list) and any(isinstance(item, list) for item in value.raw):
        return array_of(_parse_layer)(value)
    return array_of(text)(value)


def _parse_layer(value: Value) -> tuple[str, ...] | None:
    """Parser: one layer, an array of texts. The fault for an item names the layers beside it."""
    if isinstance(value.raw, list):
        return array_of(text)(value)
    value.refuse_type("an array, as other layers are")
    return None


def _parse_urls(value: Value) -> tuple[str, ...] | None:
    """Parser: an array of URLs, of which the public parts are kept."""
    urls = _TEXTS(value)
    return None if urls is None else tuple(parse_url(url).public for url in urls)


def _check_requirement(word: str) -> str:
    """The text itself. Raises ValueError if it is no requirement, or its marker can never be evaluated."""
    marker = Requirement(word).marker
    # Lazy: few configurations hold requirements, and the parser of lists takes time to load.
    from resolver.requirements.requirement_text import find_marker_flaw

    if marker is not None and find_marker_flaw(marker):
        raise ValueError(word)
    return word


def _check_specifier(word: str) -> str:
    """The text itself. Raises InvalidSpecifier, a ValueError, if it is no version specifier (PEP 440)."""
    SpecifierSet(word)
    return word


def _check_capability(word: str) -> str:
    """The text itself. Raises ValueError if it is no compute capability."""
    if not _CAPABILITY.fullmatch(word):
        raise ValueError(word)
    return word


def _parse_pattern(word: str) -> re.Pattern[str]:
    """The pattern in a text. Raises ValueError if it is none, has no group or several, or may take very long.

    It is matched against the paths of URLs, which are bounded too (`resolver.requirements.paths`).
    """
    if len(word) > _LONGEST_PATTERN:
        raise ValueError(word)
    try:
        # Python warns of a `[[` or `--` in a set, which may mean something else one day.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pattern = re.compile(word)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(word) from error
    if pattern.groups != 1 or _may_be_slow(word):
        raise ValueError(word)
    return pattern


def _may_be_slow(pattern: str) -> bool:
    """Whether a pattern has more than two repetitions without an upper limit, or a repetition of a group.

    The time of matching is at most a power of the length of the text, whose exponent is the number of repetitions. A
    repetition within another would take exponential time.
    """
    # An escaped character and a set are one character each.
    plain = re.sub(r"\\.|\[\^?\]?[^\]]*\]", "x", pattern, flags=re.DOTALL)
    repetitions = re.findall(r"[*+]|\{[0-9]*,[0-9]*\}", plain)
    return len(repetitions) > _MOST_REPETITIONS or re.search(r"\)(?:[*+]|\{)", plain) is not None


def _parse_mirrors(value: Value) -> tuple[Mirror, ...] | None:
    """Parser: a table of URLs by prefix, in the order of the table."""
    if not isinstance(value.raw, dict):
        value.refuse_type("a table of strings")
        return None
    # The path of a fault has the number of the key, which may be a URL with a secret.
    places = [value.at(f"{value.path}[{number}]", url) for number, url in enumerate(value.raw.values())]
    # A mirror may be a path or hold a variable, so it is read as any text here.
    urls = list(map(text, places))
    found = zip(value.raw, urls, strict=True)
    return tuple(Mirror(prefix=parse_url(prefix).public, url=url) for prefix, url in found if url is not None)


def _parse_platform(value: Value) -> tuple[str | None, PlatformAdditions | None] | None:
    """Parser: the platform to lock for, and what the platform adds to a list.

    The platform is the value itself, or `name` in a table; None means the default.
    """
    if isinstance(value.raw, dict):
        return keyed_table(_read_platform)(value)
    return filled_text(value), None


def _read_platform(reader: TableReader) -> tuple[str | None, PlatformAdditions | None]:
    """The name and the additions of a `platform` table; None for additions that are not set."""
    # Without both keys, the table is another spelling of the name.
    name, profile = reader.read("name", filled_text), reader.read("profile", filled_text)
    requirements = reader.read("requirements", _REQUIREMENTS)
    if profile is None and requirements is None:
        return name, None
    return name, PlatformAdditions(profile=profile, requirements=requirements or ())


def _read_family(reader: TableReader) -> IndexFamily | None:
    """One family of indexes; None if a required key is missing or wrong."""
    reader.require("name", "names", "urls")
    name, names, urls = reader.read("name", filled_text), reader.read("names", _TEXTS), reader.read("urls", _parse_urls)
    exclusive = reader.read("exclusive", flag, False)
    if name is None or names is None or urls is None:
        return None
    # A pattern is normalized like a name (PEP 503), which leaves `*`, `?` and `[…]` as they are.
    patterns = tuple(re.sub(r"[-_.]+", "-", pattern).lower() for pattern in names)
    return IndexFamily(name=name, names=patterns, urls=urls, exclusive=exclusive)


def _read_machine(reader: TableReader) -> MachineSetting | None:
    """One machine type; None if its name is missing or wrong."""
    reader.require("name")
    name, gpu, driver = (reader.read(key, filled_text) for key in ("name", "gpu", "driver"))
    return None if name is None else MachineSetting(name=name, gpu=gpu, driver=driver)


def _read_gpu(reader: TableReader) -> GpuSetting | None:
    """One GPU; None if a required key is missing or wrong."""
    reader.require("name", "capability")
    name, driver = reader.read("name", filled_text), reader.read("driver", filled_text)
    capability = reader.read("capability", parsed(_check_capability, "compute capability (`9.0`)"))
    host = cast('Literal["x86_64", "aarch64"] | None', reader.read("host", choice("x86_64", "aarch64")))
    if name is None or capability is None:
        return None
    return GpuSetting(name=name, capability=capability, driver=driver, host=host)


def _read_secrets(reader: TableReader) -> tuple[re.Pattern[str], ...] | None:
    """The patterns of `[tool.pinfold.secrets]`, each with one group."""
    pattern = parsed(_parse_pattern, "regular expression with one group and at most two repetitions")
    return reader.read("patterns", array_of(pattern, of="strings"))


def _read_dependency_metadata(reader: TableReader) -> DependencyMetadata | None:
    """One table of metadata, with the keys of core metadata; None if its name is missing or wrong."""
    reader.require("name")
    name = reader.read("name", project_name)
    row_version = reader.read("version", version)
    requires_dist = reader.read("requires-dist", _REQUIREMENTS, ())
    requires_python = reader.read("requires-python", parsed(_check_specifier, "version specifier (PEP 440)"))
    provides_extra = reader.read("provides-extra", _NAMES, ())
    if name is None:
        return None
    return DependencyMetadata(
        name=name,
        version=row_version,
        requires_dist=requires_dist,
        requires_python=requires_python,
        provides_extra=provides_extra,
    )


# Defined here because they are made of the parsers above.
_TEXTS = array_of(text, of="strings")
_NAMES = array_of(project_name, of="strings")
_REQUIREMENTS = array_of(parsed(_check_requirement, "requirement (PEP 508)"), of="strings")
_PARSERS: Mapping[Kind, Parser[object]] = {
    Kind.TEXT: filled_text,
    Kind.FLAG: flag,
    Kind.TIME: _parse_time,
    Kind.TEXTS: _TEXTS,
    Kind.FORMATS: _TEXTS,
    Kind.NAMES: _NAMES,
    Kind.REQUIREMENTS: _REQUIREMENTS,
    Kind.URL_PREFIXES: _parse_urls,
    Kind.MACHINES: _parse_machines,
    Kind.ITEMS: _parse_items,
}
"""The parser of each kind of option, except choices and tables."""
_TABLES: Mapping[str, Parser[object]] = {
    "platform": _parse_platform,
    "machines": array_of(keyed_table(_read_machine), of="tables"),
    "gpus": array_of(keyed_table(_read_gpu), of="tables"),
    "families": array_of(keyed_table(_read_family), of="tables"),
    "mirrors": _parse_mirrors,
    "secrets": keyed_table(_read_secrets),
    "dependency-metadata": array_of(keyed_table(_read_dependency_metadata), of="tables"),
}
"""The parser of each option that is a table, or an array of tables."""


def _parse_instant(text: str, *, has_offset: bool) -> str:
    """An instant with its offset, in UTC. Raises SettingsError for one without an offset."""
    if not has_offset:
        raise SettingsError(f"`{text}` has no time zone", where=_EXCLUDE_NEWER, remedy=f"`{text}Z`")
    return _render_instant(datetime.fromisoformat(text.upper()))


def _parse_duration(text: str) -> timedelta | None:
    """The length of a duration; None for a text of another form.

    Raises SettingsError for months and years, with a number of days as the remedy.
    """
    # `P` alone, and a `T` at the end, match the pattern but are no durations.
    if (match := re.fullmatch(_ISO_DURATION, text, re.IGNORECASE)) and text[-1].upper() not in "PT":
        parts = [(int(number), unit) for unit, number in match.groupdict().items() if number is not None]
    elif re.fullmatch(_FRIENDLY_DURATION, text, re.IGNORECASE):
        named = re.findall(_FRIENDLY_PART, text, re.IGNORECASE)
        if any(unit.lower() not in _UNITS for _, unit in named):
            return None
        parts = [(int(number), _UNITS[unit.lower()]) for number, unit in named]
    else:
        return None
    for number, unit in parts:
        if days := _DAYS_OF_CALENDAR_UNIT.get(unit):
            raise SettingsError(
                f"`{text}` counts {unit}, which differ in length",
                where=_EXCLUDE_NEWER,
                remedy=f"`{number * days} days`",
            )
    return sum((timedelta(**{unit: number}) for number, unit in parts), timedelta())


def _render_instant(instant: datetime) -> str:
    """The instant in UTC, as RFC 3339 writes it."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
