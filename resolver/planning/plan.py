"""The plan of each lock of a run, made before any request: list, target, settings, and old lock in one value.

In: a source (where a list was found), the settings of the command line, and the run's folder, variables and clock. Out:
a `LockPlan`. All texts of the source are parsed here, all relative paths are resolved, and all defaults are filled in,
so that no later stage reads a file of the list or a default of its own.

It is a module of its own because `lock` and `lock --check` must read a list in the same way: both start from this plan.
`--check` has to start fast, so this module imports neither the solver nor `fetch`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from lockfiles import Lockfile, LockfileError, read
from lockfiles._values import dataclass
from lockfiles.lockfile import SettingValue
from lockfiles.variable_bindings import VariableBinding, VariableBindings
from resolver.errors import InputError, Position, render_os_error, without_traceback
from resolver.planning.recorded_settings import RecordedSettings, digest_metadata, record_settings
from resolver.requirements.canonical import canonical_layers
from resolver.requirements.entry import ArchiveUrl, Entry, LocalPath, RequirementList
from resolver.requirements.index_urls import parse_index_url
from resolver.requirements.paths import PathTokens, hide_items, hide_statement, is_url, rewrite_entry, rewrite_paths
from resolver.requirements.requirement_list import parse_requirement_file, parse_requirement_list
from resolver.requirements.scopes import IndexFamily, ScopeRules
from resolver.requirements.url import Url, parse_url
from resolver.settings.settings import CompleteSettings, Mirror, Settings, parse_exclude_newer
from resolver.sources.apps.fal.tables import list_platform_additions
from resolver.sources.lock_places import record_source
from resolver.sources.reader import RequirementFiles
from resolver.sources.settings_file import name_path
from resolver.sources.source import AppFile, ItemList, Source, StatedValue, call_items, leading_flags
from resolver.sources.target_choice import ChosenMachines, choose_machines, choose_python
from resolver.targets.families import apply_mirrors, find_mirror, load_families
from resolver.targets.platforms import Platform, parse_platform
from resolver.targets.target import Target

if TYPE_CHECKING:
    from resolver.fetch.lock_policy import LockPolicy

__all__ = ["LockPlan", "RunContext", "depends_on_clock", "plan_lock", "read_old_lock", "share_old_locks"]

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)

_COMMAND_LINE = "command line"
_TABLE = "[tool.pinfold]"


@dataclass(frozen=True, slots=True, kw_only=True)
class LockPlan:
    """Everything about one lock that needs no network.

    - `path` is where the lock is written, None for standard output; `old` is the lock there now.
    - `requirement_list` has absolute paths; the texts of its entries, which messages show, have paths from the source's
      folder. `layers` are its canonical texts for the lock, with paths from the lock's folder.
    - `python_rule` names the place that decided the Python version, for the summary.
    - `recorded_settings` are those that the lock records because they influence it.
    - `default_index` is the configured one, None for the built-in default. `families` are the user's, then the shipped.
    - `exclude_newer` is an instant in RFC 3339 UTC; None where no date limits the candidates.
    - `mirrors` are URLs by the prefix that each replaces.
    - `machines` are the machine types behind the target's accelerator.
    - `kept` is the lock whose pins are kept where they fit: `old`, or that of an equal target (see `share_old_locks`).
    - `warnings` are about the source; those about the list are in `requirement_list`.
    - `remedy_for_unset` is the advice for a variable without a value.
    - `recorded_source` is the source as the lock records it, None for the list of a program.
    - `policy` limits what the plan may cause: that of the lock that it was made from, None for a list of the user.
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
    recorded_source: str | None = None
    policy: LockPolicy | None = None

    @property
    def public_mirrors(self) -> tuple[Mirror, ...]:
        """The mirrors with public URLs: the transport finds their secrets by host."""
        return tuple(Mirror(prefix=prefix, url=url.public) for prefix, url in self.mirrors.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext:
    """The facts of the run that a plan depends on: the current folder, the environment variables, and the time.

    `bindings` are the hosts that the variables may be sent to, beside those of URLs on the command line.

    `may_ask_host` is whether the Python that runs pinfold may decide which Python is locked for, if nothing else does.
    """

    folder: Path
    variables: Mapping[str, str] = field(repr=False)
    now: datetime
    may_ask_host: bool = True
    bindings: VariableBindings = VariableBindings()


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
    """The plan for one source and one target.

    - `arguments` are the settings of the command line, whose paths are relative to the current folder.
    - `path` is where the lock will be, None for standard output; `old` is the lock there now.
    - `upgrade` is whether everything is upgraded: then a relative `exclude-newer` starts from now.
    - `machines` are the machine types of the target; None means those that source and settings name.

    Raises InputError (ListError, SettingsError, TargetError …).
    """
    settings = _merge_settings(source, arguments, run)
    chosen = _choose_target(source, settings, old, run, machines)
    source = _fit_to_target(source, chosen.target)
    lists = _read_lists(source, settings, path=path, folder=run.folder)
    exclude_newer = _find_cut_off(settings.complete, old, now=run.now, upgrade=upgrade)
    plan = _build_plan(source, settings, chosen, lists, path=path, old=old, exclude_newer=exclude_newer)
    return replace(plan, recorded_source=record_source(source, path, folder=run.folder))


def share_old_locks(plans: Sequence[LockPlan]) -> tuple[LockPlan, ...]:
    """The plans in their order, where plans of one list for equal targets keep the pins of one old lock, the first.

    So machine types that run the same builds have locks with the same pins, even if some of them had no lock before.
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
    """The lock at `path` now; None if there is none, or for standard output.

    Raises InputError for one that cannot be read or parsed, with its path as seen from `folder`.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _PlanSettings:
    """The settings of a plan in the forms that its stages need.

    `configured` are those of the source's file, with paths from the current folder; `complete` are both merged, with
    defaults. `variables` expand `${VAR}`, and hide secrets that are written out in a path. `platform` is None where the
    machine types decide.
    """

    configured: Settings
    arguments: Settings
    complete: CompleteSettings
    variables: PathTokens
    platform: Platform | None
    families: tuple[IndexFamily, ...]


def _merge_settings(source: Source, arguments: Settings, run: RunContext) -> _PlanSettings:
    """The settings of source and command line. Raises SettingsError and TargetError."""
    configured = _with_paths_seen_from(run.folder, source.settings, source.settings_path)
    complete = configured.merge(arguments).complete()
    return _PlanSettings(
        configured=configured,
        arguments=arguments,
        complete=complete,
        # Before all parsing: their repr is redacted, so tracebacks with locals do not leak them.
        variables=PathTokens(
            complete.secrets,
            run.variables,
            public_queries=complete.public_queries,
            bindings=run.bindings | _iter_command_line_bindings(arguments, run.variables),
        ),
        platform=None if complete.platform is None else parse_platform(complete.platform),
        families=(*complete.families, *load_families()),
    )


def _iter_command_line_bindings(arguments: Settings, variables: Mapping[str, str]) -> Iterator[VariableBinding]:
    """The bindings of the URLs on the command line: who types `https://${TOKEN}@host/` sends it to this host."""
    unbound = PathTokens((), variables, bindings=VariableBindings())
    named = () if arguments.index_url is None else (arguments.index_url,)
    for text in (*named, *(arguments.extra_index_url or ()), *(arguments.find_links or ())):
        url = parse_url(text, variables=unbound)
        yield from (VariableBinding(variable=name, host=url.destination) for name in url.unbound)


def _with_paths_seen_from(folder: Path, settings: Settings, settings_path: Path | None) -> Settings:
    """The settings of a file with paths from the current folder; in the file they are relative to it."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _ChosenTarget:
    """The target of a plan, the rule that decided its Python, and the machine types behind its accelerator."""

    target: Target
    python_rule: str
    machines: ChosenMachines


def _choose_target(
    source: Source, settings: _PlanSettings, old: Lockfile | None, run: RunContext, machines: ChosenMachines | None
) -> _ChosenTarget:
    """The target of a plan. `machines` are given, or None for those that source and settings name.

    Raises SourceError where no rule decides the Python, TargetError for a target that is not supported.
    """
    configured = source.settings.python
    python, python_rule = choose_python(
        flag=settings.arguments.python,
        app=source.python,
        setting=None if configured is None else StatedValue(value=configured, where=_TABLE),
        locked=None if old is None or old.tool is None else old.tool.python,
        folder=source.folder,
        environ=settings.variables,
        allow_host=run.may_ask_host,
    )
    machines = machines or choose_machines(source, arguments=settings.arguments)
    platform = machines.choose_platform(settings.platform)
    target = Target(python=python, platform=platform, accelerator=machines.accelerator)
    return _ChosenTarget(target=target, python_rule=python_rule, machines=machines)


def _fit_to_target(source: Source, target: Target) -> Source:
    """The source with its items for the target, where it has functions as items or an app file that depends on it."""
    if isinstance(source.form, ItemList):
        return call_items(source, target)
    dependent = source.form.target_dependent if isinstance(source.form, AppFile) else None
    return source if dependent is None else dependent.read(source, python=target.python, platform=target.platform)


@dataclass(frozen=True, slots=True, kw_only=True)
class _PlanLists:
    """The lists of a plan, parsed; see the fields of `LockPlan`."""

    requirement_list: RequirementList
    layers: tuple[tuple[str, ...], ...]
    overrides: tuple[Entry, ...]
    build_constraints: tuple[str, ...]


def _read_lists(source: Source, settings: _PlanSettings, *, path: Path | None, folder: Path) -> _PlanLists:
    """All lists of a plan, with paths in the forms that solver, lock and messages need.

    Raises ListError with all faults of a list at once, and the errors of reading requirement files.
    """
    parser = _ListParser(source, settings, folder=folder)
    # A lock that is printed has the paths of a lock beside its list.
    lock_folder = (source.folder if path is None else folder / path.parent).resolve()
    paths = _ReferencePaths(source=source, folder=folder, lock_folder=lock_folder)
    # A traceback with locals would leak the literal secrets of a list.
    parsed = without_traceback(parser.read_list)
    overrides = without_traceback(lambda: parser.read_entries("override"))
    build_constraints = without_traceback(lambda: parser.read_entries("build-constraint"))
    recorded = rewrite_paths(
        parsed,
        location=lambda text: name_path((folder / text).resolve(), lock_folder),
        reference=paths.show_from_lock,
        text=paths.show_from_lock,
    )
    return _PlanLists(
        requirement_list=rewrite_paths(
            parsed,
            location=lambda text: str((folder / text).resolve()),
            reference=paths.find,
            text=paths.show_from_source,
        ),
        layers=canonical_layers(recorded),
        overrides=tuple(rewrite_entry(one, reference=paths.find, text=paths.show_from_lock) for one in overrides),
        build_constraints=tuple(entry.text for entry in build_constraints),
    )


class _ListParser:
    """Parses the lists of one plan, all with the same files, variables and families."""

    def __init__(self, source: Source, settings: _PlanSettings, *, folder: Path) -> None:
        self._source = source
        self._settings = settings
        self._variables = settings.variables
        self._folder = folder

    def read_list(self) -> RequirementList:
        """The source's own list, after the flags of settings and command line, with what the platform adds."""
        source, hide = self._source, self._variables.hide
        flags = leading_flags(self._settings.configured, self._settings.arguments)
        leading = [hide_statement(one, hide) for one in flags]
        rules = ScopeRules(flag_scope=self._settings.complete.flag_scope, families=self._settings.families)
        additions = [replace(one, text=hide(one.text)) for one in list_platform_additions(source)]
        if source.text is not None:
            return parse_requirement_file(
                hide(source.text),
                source=source.list_name or source.name,
                leading=leading,
                read_file=self._read_file,
                variables=self._variables,
                rules=rules,
                additions=additions,
            )
        return parse_requirement_list(
            hide_items(source.items or (), hide),
            source=source.list_name or source.name,
            leading=leading,
            read_file=self._read_file,
            variables=self._variables,
            rules=rules,
            positions=source.positions,
            additions=additions,
        )

    def read_entries(self, key: str) -> tuple[Entry, ...]:
        """The entries of a setting that names requirement files, such as `override`.

        First come those of the command line's files, then those of configured files that the command line does not
        name as well, then the requirements of `KEY-dependencies`. All are in layer 0.
        """
        field_name = key.replace("-", "_")
        configured = self._settings.configured
        on_command_line = getattr(self._settings.arguments, field_name) or ()
        in_table = tuple(one for one in getattr(configured, field_name) or () if one not in on_command_line)
        lists = [
            parse_requirement_list(
                [f"--requirement={file}" for file in files],
                source=source,
                read_file=self._read_file,
                variables=self._variables,
            )
            for source, files in ((_COMMAND_LINE, on_command_line), (f"{_TABLE} {key}", in_table))
        ]
        inline = [self._variables.hide(text) for text in getattr(configured, f"{field_name}_dependencies") or ()]
        lists.append(parse_requirement_list(inline, source=f"{_TABLE} {key}-dependencies", variables=self._variables))
        return tuple(replace(entry, layer=0) for one in lists for entry in one.entries)

    def _read_file(self, reference: str, including: str) -> tuple[str, str]:
        """Name and text of the file that `-r` or `-c` names in the file `including`.

        Literal secrets in the text are replaced by tokens before it is parsed. Raises OSError and SourceError.
        """
        name, text = RequirementFiles(self._folder).read(reference, including)
        return name, self._variables.hide(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class _ReferencePaths:
    """Resolves the paths of direct references: each is relative to the file or folder of its list.

    `folder` is the current folder, to which file names in positions are relative; `lock_folder` is that of the lock.
    """

    source: Source
    folder: Path
    lock_folder: Path

    def find(self, entry: Entry, reference: LocalPath) -> str:
        """The absolute path."""
        return os.path.normpath(self._find_folder(entry) / reference.path)

    def show_from_source(self, entry: Entry, reference: LocalPath) -> str:
        """The path from the source's folder, for messages."""
        return _see_from(self._root, self.find(entry, reference))

    def show_from_lock(self, entry: Entry, reference: LocalPath) -> str:
        """The path from the lock's folder, for the lock: it can be read without knowing where its list is."""
        return _see_from(self.lock_folder, self.find(entry, reference))

    @property
    def _root(self) -> Path:
        return self.source.folder.resolve()

    def _find_folder(self, entry: Entry) -> Path:
        """The folder of the file that the entry is written in; the source's folder for an entry of no file."""
        position, settings_path = entry.position, self.source.settings_path
        is_in_file = position.included_by is not None or self.source.text is not None
        if is_in_file and position.line is not None:
            return (self.folder / position.source).parent.resolve()
        if settings_path is not None and position.source.startswith(_TABLE):
            return settings_path.parent.resolve()
        return self._root


def _see_from(folder: Path, path: str) -> str:
    """The path from a folder, with `./` before it where it could be read as the name of a project."""
    seen = name_path(Path(path), folder)
    return seen if seen.startswith(("/", ".")) or re.match("[A-Za-z]:", seen) else f"./{seen}"


def _read_default_index(settings: _PlanSettings) -> Url | None:
    """The `index-url` of the configuration; None where the command line replaces it, which is a flag of the list."""
    if settings.configured.index_url is None or settings.arguments.index_url is not None:
        return None
    variables = settings.variables
    position = Position(source=f"{_TABLE} index-url")
    return parse_index_url(variables.hide(settings.configured.index_url), position=position, variables=variables)


def _read_mirrors(settings: _PlanSettings) -> dict[str, Url]:
    """The URLs of mirrors by the prefix that each replaces.

    They are used in the place of URLs of the list and of shipped indexes, on hosts that a network may not reach.
    """
    variables = settings.variables
    return {one.prefix: parse_url(variables.hide(one.url), variables=variables) for one in settings.complete.mirrors}


def _mirror_archives(lists: _PlanLists, mirrors: Mapping[str, Url]) -> _PlanLists:
    """The lists with the wheels and sdists that they name by URL taken from mirrors; texts stay as the user wrote them.

    Indexes and find-links locations keep the URLs of the list until they are located, since their families are known by
    them.
    """
    if not mirrors:
        return lists
    public = [Mirror(prefix=prefix, url=url.public) for prefix, url in mirrors.items()]

    def mirrored(entry: Entry) -> Entry:
        if not isinstance(entry.direct, ArchiveUrl) or find_mirror(entry.direct.url.public, public) is None:
            return entry
        return replace(
            entry, direct=replace(entry.direct, url=parse_url(apply_mirrors(entry.direct.url.public, public)))
        )

    old = lists.requirement_list
    requirement_list = replace(
        old,
        layers=tuple(replace(layer, entries=tuple(map(mirrored, layer.entries))) for layer in old.layers),
        constraints=tuple(map(mirrored, old.constraints)),
    )
    return replace(lists, requirement_list=requirement_list, overrides=tuple(map(mirrored, lists.overrides)))


def _find_cut_off(settings: CompleteSettings, old: Lockfile | None, *, now: datetime, upgrade: bool) -> str | None:
    """The instant of `exclude-newer`, in RFC 3339 UTC; None where the setting is not set.

    A text such as `7 days` keeps the instant of the old lock as long as the setting has the same text: otherwise each
    relock would change the lock.
    """
    text = settings.exclude_newer
    if text is None:
        return None
    return _find_kept_cut_off(text, None if upgrade else old) or parse_exclude_newer(text, now=now)


def _find_kept_cut_off(text: str, old: Lockfile | None) -> str | None:
    """The instant that the old lock has for this text of the setting; None where it has another, or none."""
    tool = None if old is None else old.tool
    return tool.exclude_newer if tool is not None and tool.settings.get("exclude-newer") == text else None


def depends_on_clock(plan: LockPlan, *, upgrade: bool) -> bool:
    """Whether another moment would give another plan: `exclude-newer` is a span that starts now."""
    text = plan.settings.exclude_newer
    if text is None or _find_kept_cut_off(text, None if upgrade else plan.old) is not None:
        return False
    return parse_exclude_newer(text, now=_EPOCH) != plan.exclude_newer


def _build_plan(
    source: Source,
    settings: _PlanSettings,
    chosen: _ChosenTarget,
    lists: _PlanLists,
    *,
    path: Path | None,
    old: Lockfile | None,
    exclude_newer: str | None,
) -> LockPlan:
    """The plan from the results of all stages, with the URLs of its settings parsed.

    Raises ListError for a configured `index-url` that is no URL.
    """
    default_index, mirrors = _read_default_index(settings), _read_mirrors(settings)
    lists = _mirror_archives(lists, mirrors)
    return LockPlan(
        source=source,
        path=path,
        settings=settings.complete,
        target=chosen.target,
        python_rule=chosen.python_rule,
        requirement_list=lists.requirement_list,
        layers=lists.layers,
        overrides=lists.overrides,
        build_constraints=lists.build_constraints,
        recorded_settings=_record_settings(settings.complete, lists, default_index, mirrors),
        default_index=default_index,
        mirrors=mirrors,
        families=settings.families,
        exclude_newer=exclude_newer,
        old=old,
        kept=old,
        machines=chosen.machines,
        warnings=(*source.warnings, *chosen.machines.warnings),
    )


def _record_settings(
    settings: CompleteSettings, lists: _PlanLists, default_index: Url | None, mirrors: Mapping[str, Url]
) -> dict[str, SettingValue]:
    """The settings that can change the resolution and are in no list, as the lock records them."""
    return record_settings(
        RecordedSettings(
            build_constraints=lists.build_constraints,
            build_metadata=settings.build_metadata,
            dependency_metadata=tuple(map(digest_metadata, settings.dependency_metadata)),
            exclude=settings.exclude,
            exclude_newer=settings.exclude_newer,
            exclude_newer_exempt=settings.exclude_newer_exempt,
            allow=settings.allow,
            # It has an effect together with `no-build` only.
            allow_build=settings.allow_build if settings.no_build else (),
            families=settings.families,
            flag_scope=settings.flag_scope or "position",
            index_url=None if default_index is None else default_index.text,
            measure_kernels=settings.measure_kernels,
            mirrors=tuple(Mirror(prefix=prefix, url=f"{url}") for prefix, url in mirrors.items()),
            no_build=settings.no_build,
            overrides=tuple(entry.text for entry in lists.overrides),
        )
    )
