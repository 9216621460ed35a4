"""Runs an app file in a process of its own and reads what its apps say. Never done unless asked for.

The process has no more than an allow-list of the environment. Variables that `[tool.pinfold] environment` names are
there as placeholders, so their values never reach the app; they are mapped back here. The platform's own package and
what apps import with it are always stubs: the answer is that of the app, not of what happens to be installed here.

The declarations of a file that was run: what its apps said, at the lines where the file declares them.
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
    "TIME_LIMIT_S",
    "Evaluated",
    "declare_evaluated",
    "evaluate_file",
]


TIME_LIMIT_S = 30.0
_KEPT_VARIABLES = ("LANG", "LC_ALL", "LC_CTYPE", "PATH", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR", "TZ")
_STUBS = ("fal", "fal_client", "fal_serverless", "fastapi", "lockfiles", "pydantic", "starlette", "uvicorn")
_CHILD = Path(__file__).with_name("evaluation_child.py")
_UNSET = re.compile(r"'(\w+)'")

Evaluated = Mapping[str, Mapping[str, Any]]
"""What each app of a file says, by its name, as `resolver.sources.apps.fal.evaluation_child` describes it."""


def evaluate_file(
    path: Path,
    *,
    name: str,
    folders: Sequence[Path],
    target: AppTarget,
    variables: Mapping[str, str],
    time_limit_s: float = TIME_LIMIT_S,
) -> Evaluated:
    """What the apps of a file say when it is run for a target. `folders` are those of the app's own modules.

    `variables` are those that the app may see, as placeholders. Texts with variables in them are EnvironmentText, all
    others PlacedText at line 1. Raises SourceError.
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
        # An empty variable is as good as none for an app, and holds nothing to hide.
        environment |= {key: f"{marker}.{key}." if value else "" for key, value in sorted(variables.items())}
        environment |= {"HOME": home, "USERPROFILE": home}
        answer = _run(request, environment, folder=path.parent, name=name, time_limit_s=time_limit_s)
    if "error" in answer:
        raise _build_error(answer["error"], name, marker)
    decode = _Decoder(marker, FileLine(file=name, line=1))
    return {app: {key: decode.table(value) for key, value in said.items()} for app, said in answer["apps"].items()}


def _run(
    request: Mapping[str, Any], environment: Mapping[str, str], *, folder: Path, name: str, time_limit_s: float
) -> dict[str, Any]:
    """The answer of the process. Raises SourceError if there is none in time."""
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
    """Ends the process with all that it has started."""
    try:
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    except OSError:
        pass  # It has ended, and so has all that it started.
    process.communicate()


def _build_error(error: Mapping[str, Any], name: str, marker: str) -> SourceError:
    where = f"{name}:{error['line']}" if error["line"] else f"`{name}`"
    text = re.sub(rf"{marker}\.(\w+)\.", r"${\1}", redact(str(error["text"]))).partition("\n")[0]
    unset = _UNSET.fullmatch(text) if error["type"] == "KeyError" else None
    remedy = f'`environment = ["{unset[1]}"]` in [tool.pinfold], if that is a variable' if unset else ""
    return SourceError(f"the app was run, and raised {error['type']}: {text}", where=where, remedy=remedy)


class _Decoder:
    """Turns the values of an answer into those that the rest of pinfold reads."""

    def __init__(self, marker: str, place: FileLine) -> None:
        self._marker = re.compile(rf"{marker}\.(\w+)\.")
        self._broken = re.compile(marker, re.IGNORECASE)
        self._place = place

    def table(self, value: Any) -> Any:
        """A table with its values; other things as they are."""
        if isinstance(value, dict):
            return {str(key): self.value(one) for key, one in value.items()}
        return value

    def value(self, value: Any) -> Any:
        """A value."""
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
        parts = self._marker.split(text)
        if len(parts) == 1:
            if self._broken.search(text):
                raise SourceError("the app was run, and changed a variable of the environment", where=self._place.file)
            return PlacedText(text, self._place)
        made = [EnvironmentVariable(name=one) if number % 2 else one for number, one in enumerate(parts)]
        return EnvironmentText(parts=tuple(one for one in made if one != ""), place=self._place)


def declare_evaluated(evaluated: Evaluated, *, file: str, known: Sequence[Declaration]) -> tuple[Declaration, ...]:
    """The apps of a file that was run, by line. `known` are its declarations as far as they could be read."""
    read = {one.name: one for one in known}
    found = [_declare(name, said, FileLine(file=file, line=1), read.get(name)) for name, said in evaluated.items()]
    return tuple(sorted(found, key=lambda one: (one.place.line, one.name)))


def _declare(name: str, said: Mapping[str, Any], place: FileLine, known: Declaration | None) -> Declaration:
    place = place if known is None else known.place
    given: Mapping[str, Any] = said["given"]
    keywords: Mapping[str, Any] = said.get("keywords", {})
    form: AppClass | AppFunction
    if said["kind"] == "class":
        form = AppClass(
            python_attribute=_given("python_attribute", given, place, known),
            clashing=tuple((one, place) for one in CLASHING if one in keywords),
            has_own_machine="machine_type" in said["own"],
            has_own_gpus="num_gpus" in said["own"],
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
    """What an app said under a name, at the line where the file has it."""
    key = "python_version" if name == "python_attribute" else name
    if key not in given:
        return None
    read = None if known is None else _read_before(name, known)
    where = place if read is None else read.place
    return DeclaredValue(value=_move(given[key], where), place=where)


def _read_before(name: str, known: Declaration) -> DeclaredValue | None:
    """What was read of a value without running the file."""
    if name == "python_attribute":
        return known.form.python_attribute if isinstance(known.form, AppClass) else None
    found: DeclaredValue | None = getattr(known, {"local_python_modules": "local_modules"}.get(name, name))
    return found


def _move(value: Any, place: FileLine) -> Any:
    """A value with its texts at a place."""
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
