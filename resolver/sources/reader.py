"""The list that a SOURCE on the command line names, and the requirement files that a list includes.

In: an argument and the folder of the run. Out: a `Source`. The name of the file decides how it is read: `*.txt` and
`*.in` as requirement files, `*.py` as apps, `pyproject.toml` by its tables, `-` as a requirement file from standard
input. Without an argument it is the list of `[tool.pinfold]` in the folder.

Requirement files that a list includes (`-r`, `-c`) are read for the parser, which touches no file. Their names are
relative to the folder of the run, like those on the command line, so that messages can be followed.

A module of its own as the entrance from names to lists: all other readers get the file that they read.
"""

from __future__ import annotations

import os
import posixpath
import re
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from packaging.requirements import InvalidRequirement, Requirement

from lockfiles._files import FILE_LIMIT_BYTES, read_regular
from lockfiles._values import compile_later
from lockfiles.variable_bindings import VariableBinding, VariableBindings
from resolver.errors import Fault, SourceError, UnboundVariableError, render_os_error, without_traceback
from resolver.requirements.requirement_file import decode_requirement_file
from resolver.requirements.url import redact
from resolver.sources.settings_file import find_settings, read_pyproject, read_settings
from resolver.sources.source import Form, PyprojectList, RequirementFile, Source, StandardInput

__all__ = [
    "APPS",
    "RequirementFiles",
    "list_app_variables",
    "list_possible_sources",
    "read_source",
]

APPS = "apps"
"""What a binding has in the place of a host for a variable whose value an app may see."""
_STANDARD_INPUT = "standard input"
_REQUIREMENT_SUFFIXES = {".txt", ".in"}
_MOST_SUGGESTIONS = 5
# A URL, and not the drive of a Windows path: a scheme has two letters at least.
_SCHEME = compile_later(r"[A-Za-z][A-Za-z0-9+.-]+:")
_PIPED = "`lock -` reads a list from standard input: `command | lock -`"
"""The remedy for a pipe, such as `<(command)` of a shell."""


class RequirementFiles:
    """Reads the requirement files that a list includes. `folder` is that of the run."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, reference: str, including: str) -> tuple[str, str]:
        """The name and the text of a file that `-r` or `-c` names (pip: relative to the including file).

        Raises OSError, and SourceError for a URL, for a pipe, and for a file that cannot be decoded.
        """
        name = self._name(reference, including)
        path = self._folder / name
        if path.is_fifo():
            raise SourceError("it is a pipe, not a file", remedy=_PIPED)
        return name, decode_requirement_file(read_regular(path))

    def _name(self, reference: str, including: str) -> str:
        """The path of a reference from the folder of the run. Raises SourceError for a URL other than `file:`."""
        if reference.lower().startswith("file:"):
            return unquote(urlsplit(reference).path)
        if _SCHEME.match(reference):
            raise SourceError("it is a URL, and what a URL serves can change: keep a copy beside the list")
        return posixpath.normpath(posixpath.join(posixpath.dirname(including.replace("\\", "/")), reference))


def read_source(
    argument: str | None,
    *,
    folder: Path,
    extras: Sequence[str] = (),
    groups: Sequence[str] = (),
    standard_input: BinaryIO | None = None,
    variables: Mapping[str, str] | None = None,
    is_run: bool = False,
    find_bindings: Callable[[Path], VariableBindings] | None = None,
) -> Source:
    """The list that an argument names, relative to `folder`; for None that of `[tool.pinfold]` in the folder.

    `extras` and `groups` choose from a pyproject.toml without such a list. `standard_input` is that of the process
    unless given. An app sees the `variables` that `environment` in [tool.pinfold] names; None is the environment of the
    process, of which it sees those that the user has bound to `APPS`: `find_bindings` has the user's bindings for the
    file of the app. With `is_run` an app file is run instead of read. Raises SourceError, SettingsError, and
    UnboundVariableError.
    """
    source = without_traceback(
        lambda: _read_argument(
            argument,
            folder=folder,
            extras=extras,
            groups=groups,
            standard_input=standard_input,
            variables=variables,
            is_run=is_run,
        )
    )
    if variables is None and (named := list_app_variables(source)):
        bindings = None if find_bindings is None or source.path is None else find_bindings(source.path)
        _check_app_variables(source, [one for one in named if bindings is None or not _allows(bindings, one)])
    return source


def list_app_variables(source: Source) -> tuple[VariableBinding, ...]:
    """The variables of the environment whose values an app has seen, bound to `APPS`; empty for any other source."""
    if "::" not in source.name and not source.name.endswith(".py"):
        return ()
    names = sorted(name for name in source.settings.complete().environment if os.environ.get(name))
    return tuple(VariableBinding(variable=name, host=APPS) for name in names)


def _allows(bindings: VariableBindings, wanted: VariableBinding) -> bool:
    return bindings.allows(wanted.variable, scheme="", authority=wanted.host)


def _check_app_variables(source: Source, unbound: Sequence[VariableBinding]) -> None:
    """Raise UnboundVariableError for variables whose values an app may not see.

    An app can write a value into any URL or name, changed so that nothing shows what it was.
    """
    if unbound:
        faults = (
            Fault(
                where="[tool.pinfold] environment",
                what=f"`{one.variable}` may not be given to `{source.name}`",
                why="an app can send what it sees to any host",
                remedy=f"`--allow-variable {one}`, or once for this file: `lock allow {source.name}`",
            )
            for one in unbound
        )
        raise UnboundVariableError.from_faults(faults, bindings=tuple(unbound))


def list_possible_sources(folder: Path) -> tuple[str, ...]:
    """The files of a folder that look like lists, sorted.

    They are suggested in messages, and are candidates for the owner of a lock.
    """
    names = {path.name for path in folder.glob("*.txt") if "require" in path.name.lower()}
    names |= {path.name for path in folder.glob("*.in") if path.name != "MANIFEST.in"}
    names |= {path.name for path in folder.glob("*.py") if path.is_file() and _looks_like_app(path)}
    return tuple(sorted(names | {path.name for path in folder.glob("pyproject.toml") if _has_dependencies(path)}))


def _read_argument(
    argument: str | None,
    *,
    folder: Path,
    extras: Sequence[str],
    groups: Sequence[str],
    standard_input: BinaryIO | None,
    variables: Mapping[str, str] | None,
    is_run: bool,
) -> Source:
    """The body of `read_source`, whose error must not show the content of a file in a traceback.

    The order of the checks decides which error a wrong argument gets.
    """
    known = os.environ if variables is None else variables
    if argument is None:
        return _read_default(folder, extras, groups)
    if argument == "-":
        return _read_standard_input(folder, standard_input or getattr(sys.stdin, "buffer", None))
    _check_argument(argument)
    file, _, app_name = argument.partition("::")
    path = folder / file
    _check_file(path, file, folder)
    if path.name == "pyproject.toml" and app_name:
        # Lazy: no other form of a list needs `ast`.
        from resolver.sources.apps.app_source import read_table_source

        return read_table_source(path, name=argument, folder=folder, variables=known, is_run=is_run)
    if path.name == "pyproject.toml":
        return _read_pyproject(path, argument, folder, extras, groups)
    if extras or groups:
        raise SourceError(f"`--extra` and `--group` choose from a pyproject.toml, which `{argument}` is not")
    if path.suffix == ".py":
        return _read_app(path, argument, folder, known, is_run=is_run)
    if path.suffix in _REQUIREMENT_SUFFIXES and not app_name:
        return _read_requirement_file(path, argument, folder)
    raise _refuse_unknown(path, argument)


def _check_argument(argument: str) -> None:
    """Raises SourceError for a text that names no file which a lock could be made from."""
    if not argument:
        raise SourceError("a SOURCE is empty", remedy="the name of a file, or `-` for standard input")
    if not argument.isprintable() and any("\ud800" <= character <= "\udfff" for character in argument):
        raise SourceError(
            f"the name `{argument}` is no UTF-8, and a lock has the name of its list in it", remedy="rename the file"
        )
    if "://" in argument:
        raise SourceError(f"`{redact(argument)}` is a URL, and a list is read from a file", remedy="download it first")


def _read_default(folder: Path, extras: Sequence[str], groups: Sequence[str]) -> Source:
    """The list of `[tool.pinfold]` in the folder. Raises SourceError that suggests other files."""
    path = folder / "pyproject.toml"
    settings = read_settings(path, name=path.name) if path.is_file() else None
    if settings is not None and settings.requirements is not None:
        return _read_pyproject(path, path.name, folder, extras, groups)
    possible = list_possible_sources(folder)
    where = (
        "`pyproject.toml` has no `requirements` in [tool.pinfold]" if path.is_file() else "there is no pyproject.toml"
    )
    remedy = f"`lock {possible[0]}`" if possible else "`lock FILE` with a requirements.txt or an app.py"
    raise SourceError(f"no SOURCE is named, and {where}", details=_suggest(possible), remedy=remedy)


def _read_standard_input(folder: Path, stream: BinaryIO | None) -> Source:
    """Standard input as a requirement file. `stream` is None if the process has none.

    Its locks are named `stdin`, and its relative paths start at the folder of the run.
    """
    # A process can be started with standard input closed.
    if stream is None:
        raise SourceError(f"{_STANDARD_INPUT} cannot be read: it is closed")
    text = _decode(_read_stream(stream), _STANDARD_INPUT)
    return _build_source(StandardInput(text=text), name=_STANDARD_INPUT, stem="stdin", path=None, folder=folder)


def _read_requirement_file(path: Path, name: str, folder: Path) -> Source:
    """A requirement file as its text; the parser reads it later."""
    form = RequirementFile(text=_decode(_read_bytes(path, name), name))
    return _build_source(form, name=name, stem=path.stem, path=path, folder=folder)


def _read_app(path: Path, name: str, folder: Path, variables: Mapping[str, str], *, is_run: bool) -> Source:
    """An app file, read or run."""
    # Lazy, as above.
    from resolver.sources.apps.app_source import read_app_source

    return read_app_source(path, _read_bytes(path, name), name=name, folder=folder, variables=variables, is_run=is_run)


def _read_pyproject(path: Path, name: str, folder: Path, extras: Sequence[str], groups: Sequence[str]) -> Source:
    """The list of a pyproject.toml: that of `[tool.pinfold]`, or else that of `[project]` with extras and groups.

    Its locks are named after the project.
    """
    pyproject = read_pyproject(path, name=name)
    settings = read_settings(path, name=name)
    if settings is not None and settings.requirements is not None:
        if extras or groups:
            raise SourceError(
                f"`--extra` and `--group` choose from [project], but `{name}` has `requirements` in [tool.pinfold]"
            )
        form = PyprojectList(table="[tool.pinfold]", items=settings.requirements)
    else:
        # Lazy: no other form of a list needs `packaging.dependency_groups`.
        from resolver.sources.pyproject import list_project_dependencies

        items = list_project_dependencies(pyproject, name=name, extras=extras, groups=groups)
        form = PyprojectList(table="[project]", items=items)
    project = pyproject.get("project")
    project_name = project.get("name") if isinstance(project, dict) else None
    stem = project_name if isinstance(project_name, str) else "pyproject"
    return _build_source(form, name=name, stem=stem, path=path, folder=folder)


def _build_source(form: Form, *, name: str, stem: str, path: Path | None, folder: Path) -> Source:
    """The source with its settings. `folder` is that of the run.

    Relative paths in a list start at its own folder, settings apply from there upwards.
    """
    own_folder = folder if path is None else path.parent
    settings, settings_path = find_settings(own_folder, seen_from=folder)
    return Source(
        name=name,
        stem=stem,
        form=form,
        path=path,
        folder=own_folder,
        # The list of `[tool.pinfold]` is a list of its own, not a setting of this one.
        settings=replace(settings, requirements=None),
        settings_path=settings_path,
    )


def _check_file(path: Path, name: str, folder: Path) -> None:
    """Raises SourceError for a folder, and for a name without a file, with files that could be meant."""
    # `os.path` takes any text; methods of Path raise for a name that is too long.
    if os.path.isdir(path):  # noqa: PTH112  (see above)
        possible = list_possible_sources(path)
        inside = tuple((Path(name) / one).as_posix() for one in possible)
        raise SourceError(f"`{name}` is a folder, not a list", details=_suggest(inside))
    if not os.path.lexists(path):
        # Lazy: a run without faults has no use for it.
        from difflib import get_close_matches

        close = get_close_matches(path.name, _list_names(path.parent), n=1, cutoff=0.7)
        possible = (str(Path(name).parent / close[0]),) if close else list_possible_sources(folder)
        remedy = f"a requirement goes through standard input: `echo {shlex.quote(name)} | lock -`"
        raise SourceError(
            f"there is no file `{name}`",
            details=_suggest(possible),
            remedy=remedy if _looks_like_requirement(name) else "",
        )


def _suggest(names: tuple[str, ...]) -> tuple[str, ...]:
    """The line of an error that names files which could be meant; empty without any."""
    return (f"files that could be meant: {_join(names)}",) if names else ()


def _refuse_unknown(path: Path, argument: str) -> SourceError:
    """The error for a file that is no list by its name.

    A class of another file and a lock get errors of their own.
    """
    if "::" in argument:
        return SourceError(f"`{argument}` names a class, but `{path.name}` is no Python file")
    if re.fullmatch(r"pylock\.([^.]+\.)?toml", path.name):
        return SourceError(f"`{argument}` is a lock, not a list", remedy="the file that it was made from")
    if path.is_fifo():
        return SourceError(f"`{argument}` cannot be read: it is a pipe, not a file", remedy=_PIPED)
    return SourceError(
        f"`{argument}` is no kind of file that holds a list",
        why="those are `*.txt` and `*.in` (requirement files), `*.py` (apps) and `pyproject.toml`",
    )


def _looks_like_requirement(name: str) -> bool:
    """Whether an argument is a requirement rather than the name of a file.

    `requirements.txt` would be a valid name of a project, so known suffixes come first.
    """
    try:
        return Path(name).suffix not in _REQUIREMENT_SUFFIXES | {".py", ".toml"} and Requirement(name).url is None
    except InvalidRequirement:
        return False


def _looks_like_app(path: Path) -> bool:
    """Whether a Python file seems to assign `requirements` in a class. A look at the bytes, for suggestions."""
    try:
        return re.search(rb"^\s+requirements\s*[:=]", read_regular(path), re.MULTILINE) is not None
    except OSError:
        return False


def _has_dependencies(path: Path) -> bool:
    """Whether a pyproject.toml has a list of a project.

    A file at fault has none: reading it as a list reports the fault.
    """
    try:
        project = read_pyproject(path, name=path.name).get("project")
    except SourceError:
        return False
    return isinstance(project, dict) and "dependencies" in project


def _list_names(folder: Path) -> list[str]:
    """All names in a folder, sorted, for the nearest one to a wrong name; empty if there is no folder."""
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def _read_bytes(path: Path, name: str) -> bytes:
    """The bytes of a file. Raises SourceError."""
    try:
        return read_regular(path)
    except OSError as error:
        remedy = _PIPED if path.is_fifo() else ""
        raise SourceError(f"`{name}` cannot be read: {render_os_error(error)}", remedy=remedy) from error


def _read_stream(stream: BinaryIO) -> bytes:
    """All of standard input. Raises SourceError for more than a list may have."""
    data = stream.read(FILE_LIMIT_BYTES + 1)
    if len(data) > FILE_LIMIT_BYTES:
        raise SourceError(
            f"{_STANDARD_INPUT} is larger than {FILE_LIMIT_BYTES >> 20} MiB, the most that a list may have"
        )
    return data


def _decode(data: bytes, name: str) -> str:
    """The text of a requirement file, by its byte order mark or encoding comment, as pip decodes it.

    Raises SourceError with the name of the file.
    """
    try:
        return decode_requirement_file(data)
    except SourceError as error:
        raise SourceError(f"`{name}` cannot be read: {error.what}", remedy=error.remedy) from error


def _join(names: Sequence[str]) -> str:
    """At most five names, and the number of the others."""
    shown = ", ".join(f"`{name}`" for name in names[:_MOST_SUGGESTIONS])
    return shown if len(names) <= _MOST_SUGGESTIONS else f"{shown} and {len(names) - _MOST_SUGGESTIONS} more"
