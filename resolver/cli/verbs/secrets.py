"""The verbs `secrets` and `allow`: which secrets files have, and which variables a file may send to its hosts.

`secrets`: literal tokens and signatures in lists, apps and locks, by file and line, without their value. In: files and
folders. Out: one line or JSON object for each secret, and exit code 1 if there is one.
`lockfiles.secret_forms` finds secrets in a text; this module chooses the files and reads them in their encoding.

No list or app is imported or parsed, so an app with a syntax error is searched too. A named file is read whatever its
name. Of a folder, files with the suffixes that `lock` reads as lists, apps and locks are read, and each file that one
of these includes with `-r` or `-c`; other files have other forms of secrets.

`allow`: sources, as `lock` takes them. Out: the user's record of the variables that each of them may send, and to which
hosts. It is a command and no prompt, so that no run in CI or a hook waits for an answer.
"""

from __future__ import annotations

import os
import re
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from io import BytesIO
from pathlib import Path

from lockfiles._files import read_regular
from lockfiles._values import compile_later
from lockfiles.secret_forms import FoundSecret, find_secrets
from resolver.cli.output import show_json, show_text
from resolver.cli.verb_arguments import build_verb_parser
from resolver.errors import InputError, render_os_error
from resolver.sources.settings_file import find_settings

__all__ = ["run_allow", "run_secrets"]

_BINDING = compile_later(r"[A-Z0-9_]+=.*", re.DOTALL)
_ALLOW_DESCRIPTION = """\
Allows the variables that a list names in its URLs to be sent to the hosts of these URLs, from now on and for this file:

  lock allow requirements.txt        all variables of the file, each with its host
  lock allow TOKEN=index.example     one variable, for every list

A list that names another variable or another host has to be allowed again. The options are those of `lock`."""

_DESCRIPTION = """\
Looks for literal tokens, passwords and signatures in lists, apps and locks, and names file, line and form of each. Of a
folder the lists, apps and locks in it are read."""
_REMEDY = "write `${NAME}` in its place, and set that variable where the list is locked and where the lock is installed"
_READ_IN_FOLDERS = compile_later(r"pylock(\..+)?\.toml|pyproject\.toml|.*\.(py|txt|in)", re.DOTALL)
_INCLUDED = compile_later(r"""^\s*['"]?(?:-r|-c|--requirement|--constraint)[\s=]*['"]?([^\s'"#]+)""", re.MULTILINE)
"""The file that a line includes, whatever its name (pip: Requirements File Format)."""
_SKIPPED = frozenset({"node_modules", "__pycache__", "site-packages"})
"""Folders with the code of other projects."""
_LIMIT_BYTES = 64_000_000
"""A larger file is refused rather than skipped, because a skipped file would count as clean."""


def run_secrets(argv: Sequence[str], *, program: str) -> int:
    """The exit code of `lock secrets PATH…`: 0 where none is found, else 1.

    Raises InputError for a path that cannot be read, so that a misspelled name does not count as clean.
    """
    parser = build_verb_parser(program, "secrets", _DESCRIPTION)
    parser.add_argument("path", nargs="+", metavar="PATH", help="a file, or a folder with everything below it")
    parser.add_argument("--json", dest="as_json", action="store_true", help="the same facts as JSON")
    values = parser.parse_args(list(argv))
    found = [
        (str(path), secret)
        for path in _iter_files(values.path)
        for secret in find_secrets(_read(path), patterns=_find_patterns(path.parent.resolve()))
    ]
    # The remedy once, not with each line: it is the same for all.
    if values.as_json:
        show_json({"schema": 1, "findings": [_as_json(name, secret) for name, secret in found]})
    else:
        lines = [f"{name}:{secret.line}: {secret}" for name, secret in found]
        show_text("\n".join([*lines, f"try: {_REMEDY}"] if lines else []))
    return 1 if found else 0


def run_allow(argv: Sequence[str], *, program: str) -> int:
    """The exit code of `lock allow SOURCE… | NAME=HOST…`, with the options of `lock`.

    The list is read as `lock` reads it, and no request is sent. Raises SettingsError for a text that is no binding, and
    InputError for a record that cannot be written.
    """
    # Lazy: `secrets` needs none of them.
    from resolver.cli.lock_planning import LockOutcomes, LockPlanning
    from resolver.cli.parser import parse_lock_arguments
    from resolver.locking.plan_secrets import find_unbound
    from resolver.sources.reader import list_app_variables
    from resolver.sources.settings_file import confirm_bindings, parse_bindings

    if not argv or {"-h", "--help"}.intersection(argv):
        parser = build_verb_parser(program, "allow", _ALLOW_DESCRIPTION, usage="SOURCE… | NAME=HOST…")
        parser.add_argument("source", nargs="+", metavar="SOURCE", help="a list as `lock` takes it, or NAME=HOST")
        parser.parse_args(list(argv))
    texts = [word for word in argv if _BINDING.fullmatch(word)]
    for binding in parse_bindings(texts, where="lock allow"):
        record = confirm_bindings([binding], source=None)
        show_text(f"every list: `{binding.variable}` may be sent to `{binding.host}` ({record})")
    words = [word for word in argv if not _BINDING.fullmatch(word)]
    arguments = parse_lock_arguments(words, program=program)
    if texts and not arguments.sources:
        return 0
    arguments = replace(arguments, allowed_variables=tuple(_iter_app_bindings(arguments.sources)))
    outcomes = LockOutcomes(arguments)
    for plan in LockPlanning(arguments, outcomes, folder=Path.cwd()).plan_all():
        name = plan.source.name
        if plan.source.path is None:
            raise InputError(f"`{name}` is no file, so nothing can be recorded for it", remedy="`lock allow NAME=HOST`")
        unbound = (*list_app_variables(plan.source), *find_unbound(plan))
        record = confirm_bindings(unbound, source=plan.source.path)
        for one in unbound:
            show_text(f"{name}: `{one.variable}` may be sent to `{one.host}` ({record})")
        if not unbound:
            show_text(f"{name}: names no variable that is set and not allowed already")
    return outcomes.code


def _iter_app_bindings(sources: Sequence[str]) -> Iterator[str]:
    """The texts that let the apps of these sources be read: `NAME=apps` for each variable that their settings name."""
    # Lazy, as above.
    from resolver.sources.reader import APPS

    for source in sources:
        path = Path.cwd() / source.partition("::")[0]
        settings, _ = find_settings(path if path.is_dir() else path.parent, seen_from=Path.cwd())
        yield from (f"{name}={APPS}" for name in settings.environment or ())


def _iter_files(names: Sequence[str]) -> Iterator[Path]:
    """The named files and those of the named folders, each once and followed by the files that it includes."""
    seen: set[str] = set()
    for name in names:
        path = Path(name)
        waiting = [*_iter_folder(path)] if path.is_dir() else [path]
        while waiting:
            file = waiting.pop(0)
            # Unlike `Path.resolve`, this takes a link that leads to itself.
            if (real := os.path.realpath(file)) not in seen:
                seen.add(real)
                yield file
                waiting[:0] = _list_included(file)


def _list_included(file: Path) -> list[Path]:
    """The files that a list includes and that exist; `lock` reports those that do not."""
    if file.suffix not in (".txt", ".in"):
        return []
    included = (
        Path(os.path.normpath(file.parent / match[1]))
        for match in _INCLUDED.finditer(_read(file))
        if "://" not in match[1]
    )
    return [path for path in included if path.is_file()]


@cache
def _find_patterns(folder: Path) -> tuple[re.Pattern[str], ...]:
    """The patterns of `[tool.pinfold.secrets]` for tokens in paths of URLs, from the configuration of a folder."""
    return find_settings(folder, seen_from=Path.cwd())[0].secrets or ()


def _iter_folder(folder: Path) -> Iterator[Path]:
    """The lists, apps and locks below a folder, sorted. Links are not followed: they could lead into a circle."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name in _SKIPPED or path.is_symlink():
            continue
        if path.is_dir():
            # A virtual environment has the code of other projects.
            if not (path / "pyvenv.cfg").exists():
                yield from _iter_folder(path)
        elif _READ_IN_FOLDERS.fullmatch(path.name):
            yield path


def _read(path: Path) -> str:
    """The text of a file. Bytes that its encoding does not have are replaced; secrets are ASCII.

    Raises InputError for a file that cannot be read or is too large.
    """
    try:
        data = read_regular(path, limit_bytes=_LIMIT_BYTES)
    except OSError as error:
        raise InputError(f"`{path}` cannot be read: {render_os_error(error)}") from error
    try:
        return data.decode(_find_encoding(data), "replace")
    except (UnicodeError, LookupError):
        # Codecs such as `idna` have errors of their own, and `hex` is none of texts.
        return data.decode("utf-8", "replace")


def _find_encoding(data: bytes) -> str:
    """The encoding of a byte order mark or of a PEP 263 line (`# -*- coding: … -*-`), else UTF-8."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    try:
        return tokenize.detect_encoding(BytesIO(data).readline)[0]
    except SyntaxError:
        return "utf-8"


def _as_json(name: str, secret: FoundSecret) -> dict[str, object]:
    """One secret as data, without its value. `host` is that of its URL, if it is in one."""
    return {"path": name, "line": secret.line, "what": secret.what, "host": secret.host}
