"""The tasks of a fleet: one list with the files that it is made of, its machine types and settings, and its key.

In: the lists of a manifest and their files on this disk. Out: a `FleetTask` for each, which any machine can lock
without that disk, or a `RefusedList`: a list that cannot travel is a result of the run, not its end.

A task holds the file of its list, the files that those include, the pyproject.toml and `.python-version` files above
it up to the root of its repository, and the files that reading an app opens. Nothing else of the disk travels: a folder
that a list names (`-e .`) is not there for a worker.

No secret travels. A file or setting with a literal one is refused, by the forms that the verb `secrets` knows; `${VAR}`
travels as its name, and each worker has its own values. The environment of the driver is not read for lists.

The key of a task is a digest of all that its locks depend on: files, settings, machine types, snapshot and product.
"""

from __future__ import annotations

import json
import os
import posixpath
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, field, replace
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from lockfiles._files import hash_bytes, read_regular
from lockfiles._values import compile_later, dataclass
from lockfiles.secret_forms import FoundSecret, find_secrets
from lockfiles.variable_bindings import VariableBinding
from resolver.errors import Fault, InputError, PinfoldError, SourceError, render_os_error
from resolver.fleet.manifest import FleetList, Inline, Manifest
from resolver.requirements.requirement_file import decode_requirement_file
from resolver.requirements.url import VARIABLE
from resolver.settings.settings import Settings
from resolver.sources.reader import read_source
from resolver.sources.settings_file import find_settings, iter_upwards, name_path, read_bindings
from resolver.sources.source import AppFile, ItemList, RequirementFile, Source

__all__ = ["FleetTask", "RefusedList", "TaskBuilder", "build_inline_source", "identify_code"]

_PACKAGE = Path(__file__).parents[1]
_UNINVOLVED = ("resolver/artifacts/", "resolver/cli/", "resolver/fleet/", "resolver/inspection/")
"""Code that shows or uses locks, and makes none."""

_LARGEST_BYTES = 4 * 1024 * 1024
"""The most bytes of one task: a list of hundreds of projects with all hashes has a tenth of that."""
_ABOVE = ("pyproject.toml", ".python-version")
_APP_SUFFIXES = frozenset({".in", ".json", ".py", ".toml", ".txt"})
_MOST_KEPT = 512
"""Files that several lists include are kept in memory; beyond this many they are read again."""
_NAMED_LOGIN = compile_later(r"://[^\s/@:\"']{1,100}(?=:\$\{[A-Z0-9_]+\}@)")
# `-r FILE`, `-rFILE`, `--requirement=FILE`, the same for constraints, and both as two items of a list.
_INCLUSION = compile_later(r"^[ \t]*+(?:-[rc]|--(?:req|con)[a-z-]*+)[ \t=]*+\n?([^\n]++)", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetTask:
    """One list to lock for all its machine types, complete without the disk of the driver.

    - `name`, `machines`, `settings` and `requirements` are those of `FleetList`.
    - `files` are names, relative to a root, with their bytes; `folder` is that of the manifest below the same root.
    - `bindings` are hosts that variables may be sent to; `variables` are those that URLs of the list name.
    - `snapshot` names the state of the indexes that the list is locked in; `key` identifies the task in the journal.
      `content` is the digest of all other things that the key depends on but the code.
    - `states_python` is whether settings or files state a Python. A list that reads a variable of the worker may do so.
    """

    key: str
    content: str
    name: str
    machines: tuple[str, ...]
    settings: Settings = field(repr=False)
    requirements: Inline | None = field(repr=False)
    files: tuple[tuple[str, bytes], ...] = field(repr=False)
    folder: str
    snapshot: str
    bindings: tuple[VariableBinding, ...] = ()
    variables: tuple[str, ...] = ()
    states_python: bool = True

    def move(self, snapshot: str) -> FleetTask:
        """The task in another state of the indexes."""
        return replace(self, snapshot=snapshot, key=_build_key(self.content, snapshot))


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedList:
    """A list that cannot be sent, with the error that is its result. `key` is that of its name and error."""

    key: str
    name: str
    machines: tuple[str, ...]
    error: PinfoldError


class TaskBuilder:
    """Builds the tasks of one manifest.

    `snapshots` name the state of the indexes for some lists, `snapshot` for all others: parts of the keys, beside the
    code. `allowed` are the words of `--allow-variable`.

    Files that several lists include, and settings that several lists have, are read, hashed and searched for secrets
    once: a driver has half a millisecond for each of ten thousand lists.
    """

    def __init__(
        self, manifest: Manifest, *, snapshot: str, snapshots: Mapping[str, str], allowed: Sequence[str] = ()
    ) -> None:
        self._folder = manifest.folder
        self._snapshot = snapshot
        self._snapshots = snapshots
        self._allowed = allowed
        *_, top = iter_upwards(manifest.folder)
        self._root = top if (top / ".git").exists() else manifest.folder
        self._kept: dict[Path, _File] = {}
        self._described: dict[int, tuple[Mapping[str, Any], tuple[str, ...]]] = {}

    def build_all(self, lists: Iterable[FleetList]) -> Iterator[FleetTask | RefusedList]:
        """The task of each list, or why it cannot be sent."""
        return map(self.build, lists)

    def build(self, one: FleetList) -> FleetTask | RefusedList:
        """The task of a list, or why it cannot be sent."""
        try:
            return self._build(one, self._describe(one.settings))
        except PinfoldError as error:
            key = _build_key(_digest("refused", one.name, one.machines, str(error)), "")
            return RefusedList(key=key, name=one.name, machines=one.machines, error=error)

    def _describe(self, settings: Settings) -> tuple[Mapping[str, Any], tuple[str, ...]]:
        """The settings as JSON values, and the variables that they name. Raises InputError for a literal secret."""
        # Many lists have one value of settings, which lives as long as the manifest.
        if id(settings) not in self._described:
            _check_settings(settings)
            values = _list_values(settings)
            self._described[id(settings)] = values, tuple(VARIABLE.findall(json.dumps(values)))
        return self._described[id(settings)]

    def _build(self, one: FleetList, described: tuple[Mapping[str, Any], tuple[str, ...]]) -> FleetTask:
        """The body of `build`."""
        settings, in_settings = described
        files, states_python = self._collect(one)
        size_bytes = sum(len(file.data) for file in files.values())
        if size_bytes > _LARGEST_BYTES:
            raise SourceError(f"its files have {size_bytes} bytes, and a list has at most {_LARGEST_BYTES}")
        inline = _render_inline(one.requirements)
        own = _File.of(inline.encode("utf-8", "surrogatepass"), where=one.where)
        faults = [fault for file in (own, *files.values()) for fault in file.faults]
        if faults:
            raise SourceError.from_faults(faults)
        variables = {*own.variables, *in_settings, *(name for file in files.values() for name in file.variables)}
        digests = sorted((name, file.digest) for name, file in files.items())
        folder = name_path(self._folder, self._root)
        content = _digest(one.name, one.machines, settings, inline, digests, folder)
        snapshot = self._snapshots.get(one.name, self._snapshot)
        return FleetTask(
            key=_build_key(content, snapshot),
            content=content,
            name=one.name,
            machines=one.machines,
            settings=one.settings,
            requirements=one.requirements,
            files=tuple((name, file.data) for name, file in sorted(files.items())),
            folder=folder,
            snapshot=snapshot,
            bindings=self._find_bindings(one) if variables else (),
            variables=tuple(sorted(variables)),
            states_python=states_python,
        )

    def _find_bindings(self, one: FleetList) -> tuple[VariableBinding, ...]:
        """What the user of the driver allows this list: names of variables and hosts.

        Only a list that names a variable needs them, which saves reading the file of bindings for all others.
        """
        path = self._folder / one.name.partition("::")[0]
        return tuple(read_bindings(self._allowed, source=path if one.requirements is None else None))

    def _collect(self, one: FleetList) -> tuple[dict[str, _File], bool]:
        """The files of a list by their names from the root, and whether they or its settings state a Python.

        Raises SourceError where the list itself is not there.
        """
        found: dict[str, _File] = {}
        texts: list[str] = []
        start = self._folder / one.name.partition("::")[0]
        if one.requirements is None:
            self._add(found, start, is_shared=False)
            source = self._read(one.name, found)
            states_python = source is None or source.python is not None
            texts += [] if source is None else [_render_source(source)]
            parent = start.parent
        else:
            texts.append(_render_inline(one.requirements))
            parent, states_python = start, False
        self._add_above(found, parent)
        self._add_inclusions(found, texts, parent)
        settings = one.settings
        self._add_named(found, settings, self._folder)
        own, path = _find_own_settings(parent, self._root)
        self._add_named(found, own, self._folder if path is None else path.parent)
        states_python = states_python or settings.python is not None or own.python is not None
        return found, states_python or any(posixpath.basename(name) == ".python-version" for name in found)

    def _read(self, name: str, found: dict[str, _File]) -> Source | None:
        """The list of a file, with the files that reading it has opened; None where a worker reports what is wrong.

        What an app opens (a text beside it, a module that it imports) is known only by reading it. Variables have no
        values here: those of the driver are none of the list's.
        """
        opened: list[str] = []
        try:
            with _trace_opens(opened):
                source = read_source(name, folder=self._folder, variables={})
        except PinfoldError:
            source = None  # It may need a variable of the worker, and the file is there.
        for path in map(Path, opened):
            self._add(found, path)
        is_app = source is None or (isinstance(source.form, AppFile) and source.form.target_dependent is not None)
        if is_app and name.partition("::")[0].endswith((".py", ".toml")):
            # Which files it reads depends on the target, or on a variable.
            folder = (self._folder / name.partition("::")[0]).parent
            for path in sorted(folder.iterdir()):
                if path.suffix in _APP_SUFFIXES and path.is_file():
                    self._add(found, path)
        return source

    def _add_above(self, found: dict[str, _File], folder: Path) -> None:
        """Add the files that decide settings and Python, of the folder and those above it.

        The nearest pyproject.toml has the settings, and any above may have the Python; `lock` looks no higher than the
        root of the repository.
        """
        for parent in iter_upwards(folder):
            for name in _ABOVE:
                if (parent / name).is_file():
                    self._add(found, parent / name)
            if parent == self._root:
                return

    def _add_named(self, found: dict[str, _File], settings: Settings, folder: Path) -> None:
        """Add the requirement files that settings name."""
        for name in (*(settings.constraint or ()), *(settings.override or ()), *(settings.build_constraint or ())):
            self._add_included(found, folder / name)

    def _add_inclusions(self, found: dict[str, _File], texts: Sequence[str], folder: Path) -> None:
        """Add the requirement files that texts include, and those that these include."""
        for text in texts:
            for reference in _INCLUSION.findall(text):
                self._add_included(found, folder / reference.partition(" #")[0].strip(" \t\"'"))

    def _add_included(self, found: dict[str, _File], path: Path) -> None:
        """Add a requirement file with those that it includes."""
        path = Path(os.path.normpath(path))
        if path.is_file() and self._name(path) not in found and (file := self._add(found, path)) is not None:
            self._add_inclusions(found, [_decode(file.data)], path.parent)

    def _add(self, found: dict[str, _File], path: Path, *, is_shared: bool = True) -> _File | None:
        """Add a file below the root; None for any other, which a worker will not find."""
        name = self._name(path)
        if name is None:
            return None
        if name not in found:
            found[name] = self._load(path, name, is_shared=is_shared)
        return found[name]

    def _load(self, path: Path, name: str, *, is_shared: bool) -> _File:
        """A file with what was found in it. Raises SourceError where it cannot be read."""
        if path in self._kept:
            return self._kept[path]
        try:
            file = _File.of(read_regular(path), where=name)
        except OSError as error:
            raise SourceError(f"`{name}` cannot be read: {render_os_error(error)}") from error
        if is_shared and len(self._kept) < _MOST_KEPT:
            self._kept[path] = file
        return file

    def _name(self, path: Path) -> str | None:
        """The name of a file from the root; None for one that lies elsewhere."""
        path = Path(os.path.normpath(self._root / path))
        return path.relative_to(self._root).as_posix() if path.is_relative_to(self._root) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """A file of a task: its bytes and their digest, the variables in it, and a fault for each literal secret."""

    data: bytes = field(repr=False)
    digest: str
    variables: tuple[str, ...]
    faults: tuple[Fault, ...]

    @classmethod
    def of(cls, data: bytes, *, where: str) -> _File:
        """The file with these bytes. `where` is its name in faults."""
        text = data.decode("utf-8", "replace")
        faults = (
            Fault(
                where=f"{where}:{found.line}",
                what=f"{found}, which no list of a fleet may hold",
                why="it would travel to other machines",
                remedy="`${NAME}` in its place: each worker has its own values",
            )
            for found in _find_literals(text)
        )
        return cls(
            data=data,
            digest=hash_bytes(data),
            variables=tuple(name for line in text.splitlines() if "://" in line for name in VARIABLE.findall(line)),
            faults=tuple(faults),
        )


def build_inline_source(task: FleetTask, folder: Path) -> Source:
    """The source of an inline list, whose folder is that of its name.

    Its lock is `NAME/pylock….toml`, and its settings those of the pyproject.toml files above that folder, as for a
    requirements.txt there.
    """
    assert task.requirements is not None
    own = folder / task.name
    settings, settings_path = find_settings(own, seen_from=folder)
    form: RequirementFile | ItemList
    if isinstance(task.requirements, str):
        form = RequirementFile(text=task.requirements)
    else:
        form = ItemList(items=task.requirements)
    return Source(
        name=posixpath.join(task.name, "requirements"),
        stem="",
        form=form,
        path=None,
        folder=own,
        settings=settings,
        settings_path=settings_path,
    )


@cache
def identify_code() -> str:
    """A digest of the code and data that decide the bytes of a lock: equal on all machines with one installation.

    A version number would do for releases alone; a checkout that was edited has the number of the last one. Another
    digest means other keys, so an upgrade of pinfold locks every list again.
    """
    folders = (_PACKAGE, _PACKAGE.parent / "lockfiles")
    files = [path for folder in folders for path in folder.rglob("*") if path.suffix in (".py", ".toml")]
    names = sorted((path.relative_to(_PACKAGE.parent).as_posix(), path) for path in files)
    kept = [(name, hash_bytes(path.read_bytes())) for name, path in names if not name.startswith(_UNINVOLVED)]
    return _digest(kept, [(name, version(name)) for name in ("packaging", "resolvelib")])


@contextmanager
def _trace_opens(opened: list[str]) -> Iterator[None]:
    """Note the paths of files that are opened meanwhile.

    An audit hook sees every file, whichever function opens it. It costs each open of the process some microseconds,
    and only a driver has one.
    """
    global _hook_is_set, _traced  # noqa: PLW0603  (an audit hook cannot be removed, so one stays)
    if not _hook_is_set:
        sys.addaudithook(_see_event)
        _hook_is_set = True
    _traced = opened
    try:
        yield
    finally:
        _traced = None


_hook_is_set = False
_traced: list[str] | None = None


def _see_event(event: str, arguments: tuple[Any, ...]) -> None:
    """The audit hook (PEP 578)."""
    if _traced is not None and event == "open" and isinstance(arguments[0], str | os.PathLike):
        path = os.fspath(arguments[0])
        if isinstance(path, str) and not path.endswith((".pyc", ".so")):
            _traced.append(os.path.abspath(path))  # noqa: PTH100  (a link stays one)


def _check_settings(settings: Settings) -> None:
    """Raise InputError for settings with a literal secret."""
    faults = [
        Fault(
            where=f"`{key.replace('_', '-')}`",
            what=f"{found}, which no setting of a fleet may hold",
            remedy="`${NAME}` in its place: each worker has its own values",
        )
        for key, value in _list_values(settings).items()
        for found in _find_literals(json.dumps(value))
    ]
    if faults:
        raise InputError.from_faults(faults)


def _find_literals(text: str) -> tuple[FoundSecret, ...]:
    """The literal secrets of a text. The name before a password that is a variable is none."""
    return find_secrets(_NAMED_LOGIN.sub("://${USER}", text)) if "://" in text else find_secrets(text)


def _find_own_settings(folder: Path, root: Path) -> tuple[Settings, Path | None]:
    """The settings of the nearest pyproject.toml; unset ones where it is at fault, which a worker reports."""
    try:
        return find_settings(folder, seen_from=root)
    except PinfoldError:
        return Settings(), None


def _list_values(settings: Settings) -> Mapping[str, Any]:
    """The settings that are set, as JSON values: for the key, and for what is looked for in them."""
    plain = json.loads(json.dumps(asdict(settings), default=_as_plain))
    return {key: value for key, value in plain.items() if value is not None}


def _as_plain(value: object) -> object:
    """The JSON value of a part of settings that JSON does not have."""
    return value.pattern if isinstance(value, re.Pattern) else str(value)


def _render_inline(requirements: Inline | None) -> str:
    """The text of an inline list, for its key and for what is looked for in it."""
    if requirements is None or isinstance(requirements, str):
        return requirements or ""
    return "\n".join(one if isinstance(one, str) else "\n".join(("", *one)) for one in requirements)


def _render_source(source: Source) -> str:
    """The text in which inclusions are looked for: that of a requirement file, or the items of another list."""
    return source.text if source.text is not None else "\n".join(map("\n".join, source.layers or ()))


def _decode(data: bytes) -> str:
    """The text of a requirement file; empty where it cannot be decoded, which a worker reports."""
    try:
        return decode_requirement_file(data)
    except SourceError:
        return ""


def _build_key(content: str, snapshot: str) -> str:
    """The key of a task."""
    return _digest(content, snapshot, identify_code())


def _digest(*parts: object) -> str:
    """The digest of values that JSON has."""
    return hash_bytes(_dump(parts).encode("utf-8", "surrogatepass"))


_dump = partial(json.dumps, sort_keys=True, separators=(",", ":"))
