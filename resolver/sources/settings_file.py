"""The `pyproject.toml` whose `[tool.pinfold]` applies to a folder, how messages name files, and what a user allows.

In: a folder. Out: the settings that apply to it, and their file. The nearest file upwards that has the table applies,
alone: tables are not merged, and files without it are passed over. The search ends at the root of the repository (the
folder with `.git`), without one at the root of the disk.

In: the words of `--allow-variable`, the environment, and the file in which `lock allow` records what this user has
confirmed. Out: `VariableBindings`. No pyproject.toml has a part in them: it may be somebody else's.

A module of its own because every verb needs it, and because it is the only reader of a pyproject.toml: the values of
the table are parsed by `settings`, which touches no file.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from lockfiles._documents import DocumentError, parse_toml
from lockfiles._files import read_regular
from lockfiles.variable_bindings import VariableBinding, VariableBindings, parse_binding
from resolver.errors import InputError, PinfoldError, SettingsError, SourceError, render_os_error, without_traceback
from resolver.settings.settings import Settings, parse_settings

__all__ = [
    "confirm_bindings",
    "find_settings",
    "has_list",
    "iter_upwards",
    "name_path",
    "parse_bindings",
    "read_bindings",
    "read_pyproject",
    "read_settings",
]


# Every way to write the table in TOML without escapes in its name: `[tool.pinfold]`, below `[tool]`, in `tool = {…}`.
# A text, which `re` compiles at its first use: most files contain `tool.pinfold`, or nothing about pinfold.
_TABLE = rb"""tool["']?\s*\.\s*["']?pinfold|\[\s*["']?tool["']?\s*\]|tool["']?\s*="""


def find_settings(folder: Path, *, seen_from: Path) -> tuple[Settings, Path | None]:
    """The settings that apply to a folder, and their file; unset settings and None if there is no such file.

    Messages name the file by its path from `seen_from`. Raises SourceError, SettingsError.
    """
    for parent in iter_upwards(folder.absolute()):
        path = parent / "pyproject.toml"
        settings = read_settings(path, name=name_path(path, seen_from)) if path.is_file() else None
        if settings is not None:
            return settings, path
    return Settings(), None


def read_settings(path: Path, *, name: str) -> Settings | None:
    """The settings of a pyproject.toml; None if it has no `[tool.pinfold]`. `name` is the file in messages.

    Raises SourceError for a file that cannot be read, SettingsError for a fault in the table.
    """
    return without_traceback(lambda: _read_settings(path, name))


def read_pyproject(path: Path, *, name: str) -> dict[str, object]:
    """The whole content of a pyproject.toml. Raises SourceError if it cannot be read or is no TOML."""
    return without_traceback(lambda: _read_pyproject(path, name))


def has_list(path: Path) -> bool:
    """Whether a pyproject.toml has a list: `requirements` in [tool.pinfold], or dependencies in [project].

    A file at fault has none here: reading it as a list reports the fault.
    """
    try:
        settings, project = read_settings(path, name=path.name), read_pyproject(path, name=path.name).get("project")
    except PinfoldError:
        return False
    if settings is not None and settings.requirements is not None:
        return True
    return isinstance(project, dict) and bool(project.get("dependencies"))


def read_bindings(
    words: Sequence[str],
    *,
    source: Path | None,
    load: Callable[[], Iterable[VariableBinding]] = tuple,
    environ: Mapping[str, str] = os.environ,
) -> VariableBindings:
    """The bindings of a user: `words` of `--allow-variable`, the environment, and what `lock allow` has recorded.

    `source` is the file of the list, which may have bindings of its own. `load` gives more, such as those of a
    credentials file. Raises SettingsError for a text that is no binding.
    """
    # One variable holds several, since a workflow sets each variable once.
    named = re.split(r"[\s,]+", environ.get("PINFOLD_ALLOW_VARIABLE", "").strip(" ,\t\n"))
    found = (
        *parse_bindings(words, where="--allow-variable"),
        *parse_bindings(filter(None, named), where="PINFOLD_ALLOW_VARIABLE"),
    )

    def load_all() -> Iterator[VariableBinding]:
        yield from _read_confirmed(_find_record(), source)
        yield from load()

    return VariableBindings(found, load=load_all)


def parse_bindings(texts: Iterable[str], *, where: str) -> tuple[VariableBinding, ...]:
    """The bindings that texts are; `where` names their place. Raises SettingsError for a text that is none."""
    try:
        return tuple(map(parse_binding, texts))
    except ValueError as error:
        raise SettingsError(f"`{where}`: {error}", remedy="name one host, as in `TOKEN=index.example`") from None


def confirm_bindings(bindings: Iterable[VariableBinding], *, source: Path | None) -> Path:
    """Record that the list in the file `source`, or with None every list, may send these variables to these hosts.

    Returns the file of the record, which the user may edit. It has names of variables and hosts, and no value. Raises
    InputError where it cannot be written.
    """
    record = _find_record()
    place = "" if source is None else str(source.resolve())
    known = {(one, place) for one in _read_confirmed(record, source, is_exact=True)}
    rows = [[one.variable, one.host, place] for one in bindings if (one, place) not in known]
    data = "".join(f"{json.dumps(row)}\n" for row in rows).encode()
    try:
        record.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # One write at the end of the file, so that two runs do not lose each other's rows.
        descriptor = os.open(record, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, data)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise InputError(f"`{record}` cannot be written: {render_os_error(error)}") from error
    return record


def _find_record() -> Path:
    """The file of `lock allow`, in the state folder of the user."""
    # Lazy: only a list with a variable that nothing else binds needs it.
    from platformdirs import user_state_path

    return user_state_path("pinfold", appauthor=False) / "allowed-variables"


def _read_confirmed(record: Path, source: Path | None, *, is_exact: bool = False) -> Iterator[VariableBinding]:
    """What is recorded for the file `source` and, unless `is_exact`, for every file. Other lines are skipped."""
    own = "" if source is None else str(source.resolve())
    places = {own} if is_exact else {own, ""}
    try:
        lines = record.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return
    for line in lines:
        with suppress(ValueError, TypeError):
            variable, host, place = json.loads(line)
            if place in places:
                yield parse_binding(f"{variable}={host}")


def name_path(path: Path, seen_from: Path) -> str:
    """The path from a folder, for messages; the path itself if it is on another drive (Windows)."""
    try:
        return Path(os.path.relpath(path, seen_from)).as_posix()
    except ValueError:
        return path.as_posix()


def iter_upwards(folder: Path) -> Iterator[Path]:
    """The folder and those above it, up to the root of its repository or else of the disk."""
    for parent in (folder, *folder.parents):
        yield parent
        if (parent / ".git").exists():
            return


def _read_settings(path: Path, name: str) -> Settings | None:
    """The body of `read_settings`, whose error must not show the content of the file in a traceback."""
    if not _may_have_table(_read_bytes(path, name)):
        # Not even parsed: the file configures other tools, and a fault in it does not concern a lock.
        return None
    tool = read_pyproject(path, name=name).get("tool", {})
    table = tool.get("pinfold") if isinstance(tool, dict) else None
    if table is None:
        return None
    if not isinstance(table, dict):
        raise SourceError("`tool.pinfold` must be a table", where=name)
    return parse_settings(table, where=f"{name} [tool.pinfold]")


def _may_have_table(data: bytes) -> bool:
    """Whether a file may contain `[tool.pinfold]`. Parsing the file of a project takes 1 ms and more."""
    return b"tool.pinfold" in data or (b"pinfold" in data and re.search(_TABLE, data) is not None)


def _read_pyproject(path: Path, name: str) -> dict[str, object]:
    """The body of `read_pyproject`, as above."""
    try:
        return parse_toml(_read_bytes(path, name))
    except DocumentError as error:
        place = f" (at line {error.line}, column {error.column})" if error.line is not None else ""
        raise SourceError(f"`{name}` is no TOML: {error.what}{place}") from error


def _read_bytes(path: Path, name: str) -> bytes:
    try:
        return read_regular(path)
    except OSError as error:
        raise SourceError(f"`{name}` cannot be read: {render_os_error(error)}") from error
