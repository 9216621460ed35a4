"""Runs an app file in a process of its own and reads the values of its apps. Done for `--evaluate` alone.

In: the file, a target, and the variables that the app may see. Out: the values of each app, and then declarations of
them at the lines where the file declares them.

The process has no more than an allow-list of the environment. Variables that `[tool.pinfold] environment` names are
there as placeholders, so their values never reach the app; they are mapped back here. The package of the platform and
packages that apps import with it are always replaced by stubs: the result depends on the app, not on what is installed
here.

A module of its own because it starts processes, which no other part of the room does.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lockfiles._values import compile_later
from resolver.errors import SourceError
from resolver.requirements.url import redact
from resolver.sources.apps.fal.declarations import CLASHING, AppClass, AppFunction, Declaration, DeclaredValue
from resolver.sources.apps.interpreter.values import (
    AppTarget,
    Builtin,
    EnvironmentText,
    EnvironmentVariable,
    FileLine,
    ListValue,
    LockedList,
    PlacedText,
)

__all__ = [
    "declare_evaluated",
    "evaluate_file",
]

# Imports of the file included. No function of an app is called.
_TIME_LIMIT_S = 30.0
# What Python and the programs that it may start need to run at all.
_KEPT_VARIABLES = ("LANG", "LC_ALL", "LC_CTYPE", "PATH", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR", "TZ")
# Always stubs, even if they are installed: what the platform brings along, and `lockfiles`, whose list is a lock's.
_STUBS = ("fal", "fal_client", "fal_serverless", "fastapi", "lockfiles", "pydantic", "starlette", "uvicorn")
_CHILD = Path(__file__).with_name("evaluation_child.py")
# The text of the KeyError that `os.environ["NAME"]` raises.
_UNSET = compile_later(r"'(\w+)'")

_AppValues = Mapping[str, Mapping[str, Any]]
"""The values of each app of a file by its name, in the form of `_describe` in `evaluation_child`."""


def evaluate_file(
    path: Path,
    *,
    name: str,
    folders: Sequence[Path],
    target: AppTarget,
    variables: Mapping[str, str],
    time_limit_s: float = _TIME_LIMIT_S,
) -> _AppValues:
    """The values of the apps of a file when it is run for a target. `folders` are those of the app's own modules.

    `variables` are those that the app may see, as placeholders. Texts with variables in them become EnvironmentText,
    all others PlacedText at line 1. Raises SourceError if the app raises, changes a variable or takes too long.
    """
    marker = f"pinfold{os.urandom(8).hex()}"
    request = {
        "path": str(path),
        "folders": [str(folder) for folder in folders],
        "stubs": _STUBS,
        "marker": marker,
        "target": {
            "python": [target.python.major, target.python.minor, target.python.patch],
            "sys_platform": target.environment["sys_platform"],
            "platform_machine": target.environment["platform_machine"],
            "platform_system": target.environment["platform_system"],
        },
    }
    with tempfile.TemporaryDirectory(prefix="pinfold-") as home:
        environment = {key: os.environ[key] for key in _KEPT_VARIABLES if key in os.environ}
        # Apps test variables for being empty, and an empty one holds no secret: it keeps its value.
        environment |= {key: f"{marker}.{key}." if value else "" for key, value in sorted(variables.items())}
        # An app that reads or writes below its home folder meets an empty one.
        environment |= {"HOME": home, "USERPROFILE": home}
        answer = _run(request, environment, folder=path.parent, name=name, time_limit_s=time_limit_s)
    if "error" in answer:
        raise _build_error(answer["error"], name, marker)
    decoder = _Decoder(marker, FileLine(file=name, line=1))
    return {app: {key: decoder.table(one) for key, one in values.items()} for app, values in answer["apps"].items()}


def _run(
    request: Mapping[str, Any], environment: Mapping[str, str], *, folder: Path, name: str, time_limit_s: float
) -> dict[str, Any]:
    """The answer of the process, decoded from JSON. Raises SourceError if there is none in time.

    `-I` keeps the environment and the current folder out of `sys.path`. Standard error is discarded: apps print to it,
    and it may hold secrets.
    """
    process = subprocess.Popen(
        [sys.executable, "-I", "-X", "utf8", str(_CHILD)],
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        answer, _ = process.communicate(json.dumps(request).encode(), timeout=time_limit_s)
    except subprocess.TimeoutExpired as error:
        raise SourceError(f"`{name}` was run, and did not end in {time_limit_s:g} s") from error
    finally:
        _end(process)
    try:
        found: dict[str, Any] = json.loads(answer)
    except ValueError as error:
        raise SourceError(f"`{name}` was run, and ended without an answer (exit code {process.returncode})") from error
    return found


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kills the process and all processes that it has started, which share its session (POSIX)."""
    try:
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    except OSError:
        # The process and all that it has started have ended.
        pass
    # Closes the pipes and collects the exit code, so that no zombie is left.
    process.communicate()


def _build_error(error: Mapping[str, Any], name: str, marker: str) -> SourceError:
    """The error for an app that raised, with placeholders written as `${NAME}` and secrets in URLs redacted."""
    where = f"{name}:{error['line']}" if error["line"] else f"`{name}`"
    text = re.sub(rf"{marker}\.(\w+)\.", r"${\1}", redact(str(error["text"]))).partition("\n")[0]
    unset = _UNSET.fullmatch(text) if error["type"] == "KeyError" else None
    remedy = f'`environment = ["{unset[1]}"]` in [tool.pinfold], if that is a variable' if unset else ""
    return SourceError(f"the app was run, and raised {error['type']}: {text}", where=where, remedy=remedy)


class _Decoder:
    """Turns the JSON of the process into the values of the interpreter.

    A placeholder is `MARKER.NAME.`, where the marker is random, so no text of an app contains it by chance.
    """

    def __init__(self, marker: str, place: FileLine) -> None:
        """`place` is the place of all texts until `declare_evaluated` moves them."""
        self._marker = re.compile(rf"{marker}\.(\w+)\.")
        self._broken = re.compile(marker, re.IGNORECASE)
        self._place = place

    def table(self, value: Any) -> Any:
        """A table with its values decoded; the kind of an app and a list of names stay as they are."""
        if isinstance(value, dict):
            return {str(key): self.value(one) for key, one in value.items()}
        return value

    def value(self, value: Any) -> Any:
        """A value as the interpreter has it. Kinds without a JSON form become a Builtin of their name."""
        match value:
            case str():
                return self._text(value)
            case list():
                return ListValue(self.value(one) for one in value)
            case {"tuple": items}:
                return tuple(self.value(one) for one in items)
            case {"locked": path}:
                return LockedList(path=str(path), place=self._place)
            case {"kind": kind}:
                return Builtin(name=str(kind))
            case _:
                return value

    def _text(self, text: str) -> PlacedText | EnvironmentText:
        """A text with its placeholders as variables.

        Raises SourceError for a marker without its whole placeholder: the app has cut or changed it.
        """
        parts = self._marker.split(text)
        if len(parts) == 1:
            if self._broken.search(text):
                raise SourceError("the app was run, and changed a variable of the environment", where=self._place.file)
            return PlacedText(text, self._place)
        made = [EnvironmentVariable(name=one) if number % 2 else one for number, one in enumerate(parts)]
        return EnvironmentText(parts=tuple(one for one in made if one != ""), place=self._place)


def declare_evaluated(evaluated: _AppValues, *, file: str, known: Sequence[Declaration]) -> tuple[Declaration, ...]:
    """The apps of a file that was run, by line. `known` are its declarations as far as they could be read.

    A run gives values without lines, reading gives lines and not every value. A declaration needs both.
    """
    known_by_name = {one.name: one for one in known}
    start = FileLine(file=file, line=1)
    found = [_declare(name, values, start, known_by_name.get(name)) for name, values in evaluated.items()]
    return tuple(sorted(found, key=lambda one: (one.place.line, one.name)))


def _declare(name: str, values: Mapping[str, Any], start: FileLine, known: Declaration | None) -> Declaration:
    """One app with its values from the run and its lines from `known`.

    An app that reading has not found is at line 1 of the file.
    """
    place = start if known is None else known.place
    given: Mapping[str, Any] = values["given"]
    keywords: Mapping[str, Any] = values.get("keywords", {})
    form: AppClass | AppFunction
    if values["kind"] == "class":
        form = AppClass(
            python_attribute=_given("python_attribute", given, place, known),
            clashing=tuple((one, place) for one in CLASHING if one in keywords),
            has_own_machine="machine_type" in values["own"],
            has_own_gpus="num_gpus" in values["own"],
        )
        python = _given("python_version", keywords, place, known)
    else:
        form = AppFunction(serves=given.get("serve") is True)
        python = _given("python_version", given, place, known)
    return Declaration(
        name=name,
        place=place,
        form=form,
        requirements=_given("requirements", given, place, known),
        machine_type=_given("machine_type", given, place, known),
        num_gpus=_given("num_gpus", given, place, known),
        python_version=python,
        image=_given("image", given, place, known) or _given("image", keywords, place, known),
        local_modules=_given("local_python_modules", given, place, known),
    )


def _given(name: str, given: Mapping[str, Any], place: FileLine, known: Declaration | None) -> DeclaredValue | None:
    """A value that an app gives under a name, at the line where the file has it; None if it gives none."""
    key = "python_version" if name == "python_attribute" else name
    if key not in given:
        return None
    known_value = None if known is None else _find_known_value(name, known)
    where = place if known_value is None else known_value.place
    return DeclaredValue(value=_move(given[key], where), place=where)


def _find_known_value(name: str, known: Declaration) -> DeclaredValue | None:
    """The value of the same name that was read without running the file; None if there is none.

    Reading keeps `local_python_modules` and the ignored attribute `python_version` under other names.
    """
    if name == "python_attribute":
        return known.form.python_attribute if isinstance(known.form, AppClass) else None
    found: DeclaredValue | None = getattr(known, {"local_python_modules": "local_modules"}.get(name, name))
    return found


def _move(value: Any, place: FileLine) -> Any:
    """The same value with all its texts at another place."""
    match value:
        case PlacedText():
            return PlacedText(value, place)
        case EnvironmentText() | LockedList():
            return replace(value, place=place)
        case list():
            return ListValue(_move(one, place) for one in value)
        case tuple():
            return tuple(_move(one, place) for one in value)
        case _:
            return value
