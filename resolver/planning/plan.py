"""What one run is to do, decided before any network: for each source its list, target, settings, lock and old lock.

In: sources, machine types and settings of the command line. Out: one `LockPlan` a lock. `lock` and `lock --check` share
it, so that both mean the same; it imports neither the solver nor `fetch`.

The lists of one plan as values: what the source, its settings and the command line name, parsed alike.

In: a source, settings, variables. Out: requirement lists and entries, and where the paths of direct references lead.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime
from pathlib import Path

from lockfiles import Lockfile, LockfileError, SettingValue, read
from lockfiles._values import dataclass
from resolver.errors import InputError, Position, render_os_error, without_traceback
from resolver.planning.recorded_settings import RecordedSettings, digest_metadata, record_settings
from resolver.requirements.canonical import canonical_layers
from resolver.requirements.entry import Entry, LocalPath, RequirementList
from resolver.requirements.flags import Statement
from resolver.requirements.index_urls import parse_index_url
from resolver.requirements.paths import PathTokens, hide_items, hide_statement, is_url, rewrite_entry, rewrite_paths
from resolver.requirements.requirement_list import parse_requirement_file, parse_requirement_list
from resolver.requirements.scopes import FlagScope, IndexFamily, ScopeRules
from resolver.requirements.url import Url, parse_url
from resolver.settings.settings import CompleteSettings, Mirror, Settings, parse_exclude_newer
from resolver.sources.apps.fal.tables import list_platform_additions
from resolver.sources.reader import RequirementFiles
from resolver.sources.settings_file import name_path
from resolver.sources.source import AppFile, ItemList, Source, StatedValue, call_items, leading_flags
from resolver.sources.target_choice import ChosenMachines, choose_machines, choose_python
from resolver.targets.families import load_families
from resolver.targets.platforms import parse_platform
from resolver.targets.target import PythonVersion, Target

__all__ = [
    "ListParser",
    "LockPlan",
    "ReferencePaths",
    "RunContext",
    "plan_lock",
    "read_old_lock",
    "share_old_locks",
]


_COMMAND_LINE = "command line"
_TABLE = "[tool.pinfold]"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferencePaths:
    """Where the paths of direct references lead: each is relative to the file or folder of its list.

    `folder` is the current one, from which the names of files are given, and `lock_folder` that of the lock.
    """

    source: Source
    folder: Path
    lock_folder: Path

    def find(self, entry: Entry, reference: LocalPath) -> str:
        """The absolute path."""
        return os.path.normpath(self._find_folder(entry) / reference.path)

    def show_from_source(self, entry: Entry, reference: LocalPath) -> str:
        """The path from the source's folder on, for messages."""
        return _see_from(self._root, self.find(entry, reference))

    def show_from_lock(self, entry: Entry, reference: LocalPath) -> str:
        """The path from the lock's folder on, for the lock, which can be read without knowing where its list is."""
        return _see_from(self.lock_folder, self.find(entry, reference))

    @property
    def _root(self) -> Path:
        return self.source.folder.resolve()

    def _find_folder(self, entry: Entry) -> Path:
        position, settings_path = entry.position, self.source.settings_path
        is_in_file = position.included_by is not None or self.source.text is not None
        if is_in_file and position.line is not None:
            return (self.folder / position.source).parent.resolve()
        if settings_path is not None and position.source.startswith(_TABLE):
            return settings_path.parent.resolve()
        return self._root


def _see_from(folder: Path, path: str) -> str:
    """The path from a folder on, in a form that no project has as its name."""
    seen = name_path(Path(path), folder)
    return seen if seen.startswith(("/", ".")) or re.match("[A-Za-z]:", seen) else f"./{seen}"


class ListParser:
    """Parses the lists of one plan, all with the same files, variables and families."""

    def __init__(
        self,
        *,
        source: Source,
        flag_scope: FlagScope,
        families: Sequence[IndexFamily],
        variables: PathTokens,
        folder: Path,
    ) -> None:
        self._source = source
        self._flag_scope = flag_scope
        self._families = families
        self._variables = variables
        self._folder = folder

    def read_list(self, leading: Sequence[str | Statement]) -> RequirementList:
        """The source's own list, with what stands before it."""
        read_file, hide = self._read_file, self._variables.hide
        leading = [hide_statement(one, hide) for one in leading]
        rules = ScopeRules(flag_scope=self._flag_scope, families=tuple(self._families))
        additions = [replace(one, text=hide(one.text)) for one in list_platform_additions(self._source)]
        if self._source.text is not None:
            return parse_requirement_file(
                hide(self._source.text),
                source=self._source.list_name or self._source.name,
                leading=leading,
                read_file=read_file,
                variables=self._variables,
                rules=rules,
                additions=additions,
            )
        return parse_requirement_list(
            hide_items(self._source.items or (), hide),
            source=self._source.list_name or self._source.name,
            leading=leading,
            read_file=read_file,
            variables=self._variables,
            rules=rules,
            positions=self._source.positions,
            additions=additions,
        )

    def _read_file(self, reference: str, including: str) -> tuple[str, str]:
        name, text = RequirementFiles(self._folder).read(reference, including)
        return name, self._variables.hide(text)

    def read_entries(self, key: str, configured: Settings, arguments: Settings) -> tuple[Entry, ...]:
        """The entries of the requirement files under a key, what is nearer first, then those of `KEY-dependencies`."""
        field = key.replace("-", "_")
        said = getattr(arguments, field) or ()
        files = [(_COMMAND_LINE, said)]
        files.append((f"{_TABLE} {key}", tuple(one for one in getattr(configured, field) or () if one not in said)))
        lists = [
            parse_requirement_list(
                [f"--requirement={file}" for file in names],
                source=source,
                read_file=self._read_file,
                variables=self._variables,
            )
            for source, names in files
        ]
        inline = [self._variables.hide(text) for text in getattr(configured, f"{field}_dependencies") or ()]
        lists.append(parse_requirement_list(inline, source=f"{_TABLE} {key}-dependencies", variables=self._variables))
        entries = tuple(entry for one in lists for entry in one.entries)
        return tuple(replace(entry, layer=0) for entry in entries)


@dataclass(frozen=True, slots=True, kw_only=True)
class LockPlan:
    """Everything about one lock that needs no network.

    - `path` is where the lock lies, None for standard output; `old` is the lock there now.
    - `requirement_list` has absolute paths; `layers` are its canonical texts, with paths from the lock's folder on;
      the texts of its entries have them from the source's folder on.
    - `recorded_settings` are those that the lock records because they influence it.
    - `default_index` is the configured one, None for the built-in default. `families` stand with the user's first.
    - `exclude_newer` is an instant; a duration's stays that of the old lock until an upgrade.
    - `mirrors` are what stands in for the URLs that begin with their key.
    - `machines` are the machine types behind the target's accelerator.
    - `kept` is the lock whose pins are kept where they fit: `old`, or an equal target's (see `share_old_locks`).
    - `warnings` are about the source; those of the list are the list's.
    - `remedy_for_unset` says what to do about a variable without a value.
    """

    source: Source
    path: Path | None
    settings: CompleteSettings
    target: Target
    python_rule: str
    requirement_list: RequirementList
    layers: tuple[tuple[str, ...], ...]
    overrides: tuple[Entry, ...]
    build_constraints: tuple[str, ...]
    recorded_settings: Mapping[str, SettingValue]
    default_index: Url | None
    mirrors: Mapping[str, Url]
    families: tuple[IndexFamily, ...]
    exclude_newer: str | None
    old: Lockfile | None
    kept: Lockfile | None
    machines: ChosenMachines
    warnings: tuple[str, ...] = ()
    remedy_for_unset: str = "set it in the environment"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext:
    """What a plan takes from the run that makes it: the current folder, the environment variables, and the time.

    With `may_ask_host` false the running Python is no answer to which Python to lock for.
    """

    folder: Path
    variables: Mapping[str, str] = field(repr=False)
    now: datetime
    may_ask_host: bool = True


def plan_lock(
    source: Source,
    *,
    arguments: Settings,
    path: Path | None,
    old: Lockfile | None,
    run: RunContext,
    upgrade: bool = False,
    machines: ChosenMachines | None = None,
) -> LockPlan:
    """The plan for one source on some machines; None is what source and settings say.

    `arguments` are the settings of the command line, whose paths are relative to the current folder. Raises InputError
    (ListError, SettingsError, TargetError …).
    """
    folder = run.folder
    configured = _with_paths_seen_from(folder, source.settings, source.settings_path)
    settings = configured.merge(arguments).complete()
    # First of all: the repr of these variables is redacted, so that tracebacks with locals do not leak them.
    variables = PathTokens(settings.secrets, run.variables)
    platform = None if settings.platform is None else parse_platform(settings.platform)
    families = (*settings.families, *load_families())
    python, python_rule = _choose_python(source, arguments, old, variables, may_ask_host=run.may_ask_host)
    machines = machines or choose_machines(source, arguments=arguments)
    platform = machines.choose_platform(platform)
    target = Target(python=python, platform=platform, accelerator=machines.accelerator)
    source = _fit_to_target(source, target)
    parse = ListParser(
        source=source, flag_scope=settings.flag_scope, families=families, variables=variables, folder=folder
    )
    # A lock that is printed has the paths of one beside its list.
    lock_folder = (source.folder if path is None else folder / path.parent).resolve()
    paths = ReferencePaths(source=source, folder=folder, lock_folder=lock_folder)
    listed = without_traceback(lambda: parse.read_list(leading_flags(configured, arguments)))
    stored = rewrite_paths(
        listed,
        location=lambda text: name_path((folder / text).resolve(), lock_folder),
        reference=paths.show_from_lock,
        text=paths.show_from_lock,
    )
    overrides = tuple(
        rewrite_entry(entry, reference=paths.find, text=paths.show_from_lock)
        for entry in without_traceback(lambda: parse.read_entries("override", configured, arguments))
    )
    build_constraints = without_traceback(lambda: parse.read_entries("build-constraint", configured, arguments))
    build_texts = tuple(entry.text for entry in build_constraints)
    default_index = _default_index(configured, arguments, variables)
    mirrors = {one.prefix: parse_url(variables.hide(one.url), variables=variables) for one in settings.mirrors}
    return LockPlan(
        source=source,
        path=path,
        settings=settings,
        target=target,
        python_rule=python_rule,
        requirement_list=rewrite_paths(
            listed,
            location=lambda text: str((folder / text).resolve()),
            reference=paths.find,
            text=paths.show_from_source,
        ),
        layers=canonical_layers(stored),
        overrides=overrides,
        build_constraints=build_texts,
        recorded_settings=record_settings(_collect_recorded(settings, overrides, build_texts, default_index, mirrors)),
        default_index=default_index,
        mirrors=mirrors,
        families=families,
        exclude_newer=_cut_off(settings, old, now=run.now, upgrade=upgrade),
        old=old,
        kept=old,
        machines=machines,
        warnings=(*source.warnings, *machines.warnings),
    )


def share_old_locks(plans: Sequence[LockPlan]) -> tuple[LockPlan, ...]:
    """The plans, those of one list for equal targets with what the first old lock among them says.

    So machine types that run the same builds have locks with the same pins, whichever of them had a lock before.
    """
    first: dict[tuple[Source, Target], LockPlan] = {}
    for plan in plans:
        if plan.old is not None:
            first.setdefault((plan.source, plan.target), plan)
    leaders = (first.get((plan.source, plan.target), plan) for plan in plans)
    return tuple(
        replace(plan, kept=leader.kept, exclude_newer=leader.exclude_newer)
        for plan, leader in zip(plans, leaders, strict=True)
    )


def read_old_lock(path: Path | None, *, folder: Path) -> Lockfile | None:
    """The lock that lies there now; None if there is none.

    Raises InputError for one that cannot be read, named as seen from `folder`.
    """
    if path is None or not path.exists():
        return None
    try:
        return read(path)
    except LockfileError as error:
        why, *others = map(str, error.faults)
    except OSError as error:
        why, others = render_os_error(error), []
    shown = name_path(path, folder)
    raise InputError(
        f"the old lock `{shown}` cannot be read: {why}",
        details=tuple(others),
        remedy="mend it, or delete it to lock afresh",
    )


def _choose_python(
    source: Source, arguments: Settings, old: Lockfile | None, variables: Mapping[str, str], *, may_ask_host: bool
) -> tuple[PythonVersion, str]:
    configured = source.settings.python
    setting = None if configured is None else StatedValue(value=configured, where="[tool.pinfold]")
    return choose_python(
        flag=arguments.python,
        app=source.python,
        setting=setting,
        locked=None if old is None or old.tool is None else old.tool.python,
        folder=source.folder,
        environ=variables,
        allow_host=may_ask_host,
    )


def _fit_to_target(source: Source, target: Target) -> Source:
    """The source with the items of the target, where the target decides them."""
    if isinstance(source.form, ItemList):
        return call_items(source, target)
    dependent = source.form.target_dependent if isinstance(source.form, AppFile) else None
    return source if dependent is None else dependent.read(source, python=target.python, platform=target.platform)


def _with_paths_seen_from(folder: Path, settings: Settings, settings_path: Path | None) -> Settings:
    """Settings of a file, whose relative paths are relative to it, as if they stood on the command line."""
    if settings_path is None:
        return settings
    own_folder = settings_path.parent

    def rewritten(paths: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if paths is None:
            return None
        return tuple(path if is_url(path) else name_path(own_folder / path, folder) for path in paths)

    return replace(
        settings,
        constraint=rewritten(settings.constraint),
        override=rewritten(settings.override),
        build_constraint=rewritten(settings.build_constraint),
        find_links=rewritten(settings.find_links),
    )


def _default_index(configured: Settings, arguments: Settings, variables: PathTokens) -> Url | None:
    if configured.index_url is None or arguments.index_url is not None:
        return None
    position = Position(source="[tool.pinfold] index-url")
    return parse_index_url(variables.hide(configured.index_url), position=position, variables=variables)


def _cut_off(settings: CompleteSettings, old: Lockfile | None, *, now: datetime, upgrade: bool) -> str | None:
    """The instant of `exclude-newer`. The old lock's stays as long as the same text is asked for."""
    text = settings.exclude_newer
    if text is None:
        return None
    tool = old.tool if old is not None and not upgrade else None
    if tool is not None and tool.exclude_newer is not None and tool.settings.get("exclude-newer") == text:
        return tool.exclude_newer
    return parse_exclude_newer(text, now=now)


def _collect_recorded(
    settings: CompleteSettings,
    overrides: Sequence[Entry],
    build_constraints: Sequence[str],
    default_index: Url | None,
    mirrors: Mapping[str, Url],
) -> RecordedSettings:
    """The settings that can change the answer and stand in no list."""
    return RecordedSettings(
        build_constraints=tuple(build_constraints),
        dependency_metadata=tuple(map(digest_metadata, settings.dependency_metadata)),
        exclude=settings.exclude,
        exclude_newer=settings.exclude_newer,
        exclude_newer_exempt=settings.exclude_newer_exempt,
        allow=settings.allow,
        allow_build=settings.allow_build if settings.no_build else (),
        families=settings.families,
        flag_scope=settings.flag_scope,
        index_url=None if default_index is None else default_index.text,
        measure_kernels=settings.measure_kernels,
        mirrors=tuple(Mirror(prefix=prefix, url=f"{url}") for prefix, url in mirrors.items()),
        no_build=settings.no_build,
        overrides=tuple(entry.text for entry in overrides),
    )
