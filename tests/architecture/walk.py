"""The walk of one requirement line: which functions of the product it passes on its way to the lock.

The line is locked by the command, in this process, in an empty folder, with an empty cache and no old lock, from a
loopback index that has the one wheel that it asks for. A function is passed where an argument (`self` too) or the
returned value is a text of which one whole line is the requirement line or the project's name, or holds such a text
within two levels of containers and fields. A URL or a file name that contains the project's name does not count, and
neither do comprehensions, lambdas and the bodies of modules. The modules of a walk are those that define its functions.

Take a walk in a fresh process: a function whose result is cached in memory is not called again. In 0.1.0, before the
modules were grouped into rooms, `torch==2.8.0` passed 71 modules and 267 functions.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from packaging.requirements import Requirement

from resolver.cli.main import main
from tests.architecture.limits import PACKAGES, ROOT
from tests.servers import IndexServer, wheel

__all__ = ["Walk", "holds_text", "render_walk", "take_walk"]

_FOLDERS = tuple(f"{ROOT / package}{os.sep}" for package in PACKAGES)
_LEVELS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """The functions that a line passes, in the order in which it reaches them: each its module and qualified name."""

    line: str
    functions: tuple[tuple[str, str], ...]

    @property
    def modules(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(module for module, _ in self.functions))


def take_walk(line: str) -> Walk:
    """Lock one line, which pins a version with `==`, and follow it."""
    requirement = Requirement(line)
    (specifier,) = requirement.specifier
    recorder = _Recorder(frozenset({line, requirement.name}))
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        Path(".git").mkdir()
        with IndexServer({requirement.name: [wheel(requirement.name, specifier.version)]}) as server:
            Path("requirements.txt").write_text(f"--index-url {server.index_url}\n{line}\n", encoding="utf-8")
            output = io.StringIO()
            with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output), recorder:
                code = main(["requirements.txt", "--python", "3.11", "--cache-dir", "cache"])
    if code != 0:
        raise ValueError(f"`{line}` cannot be locked:\n{output.getvalue()}")
    return Walk(line=line, functions=tuple(recorder.passed))


def render_walk(walk: Walk, *, details: bool = False) -> str:
    """How many modules and functions there are; with `details` each of them."""
    counted = f"{walk.line} passes {len(walk.modules)} modules and {len(walk.functions)} functions"
    if not details:
        return counted
    return "\n".join([counted, *(f"    {module}: {name}" for module, name in walk.functions)])


def holds_text(value: object, texts: frozenset[str], *, levels: int) -> bool:
    """Whether a value is one of these texts, as a whole line, or holds one within so many levels."""
    if isinstance(value, bytes):
        value = value.decode(errors="replace")
    if isinstance(value, str):
        return any(line.strip() in texts for line in value.splitlines())
    return levels > 0 and any(holds_text(part, texts, levels=levels - 1) for part in _iter_parts(value))


def _iter_parts(value: object) -> Iterator[object]:
    """What is in a container, or in the fields of a value of ours or of packaging; no code of the value is called."""
    if isinstance(value, dict):
        yield from list(value)
        yield from list(value.values())
    elif isinstance(value, list | tuple | set | frozenset):
        yield from list(value)
    elif type(value).__module__.partition(".")[0] in (*PACKAGES, "packaging"):
        for kind in type(value).__mro__:
            slots = kind.__dict__.get("__slots__", ())
            for name in (slots,) if isinstance(slots, str) else slots:
                # A slot may be empty while its value is built.
                with contextlib.suppress(AttributeError):
                    yield object.__getattribute__(value, name)
        fields: Mapping[str, object] = getattr(value, "__dict__", {})
        yield from list(fields.values())


class _Recorder:
    """Notes each function of the product that gets or gives a value with one of the texts; a context manager."""

    def __init__(self, texts: frozenset[str]) -> None:
        self.passed: dict[tuple[str, str], None] = {}
        self._texts = texts

    def __enter__(self) -> None:
        threading.setprofile(self._note)
        sys.setprofile(self._note)

    def __exit__(self, *error: object) -> None:
        sys.setprofile(None)
        threading.setprofile(None)

    def _note(self, frame: FrameType, event: str, returned: object) -> None:
        code = frame.f_code
        if event not in ("call", "return") or not code.co_filename.startswith(_FOLDERS):
            return
        place = (_name_module(code.co_filename), code.co_qualname)
        if place in self.passed or code.co_name.startswith("<"):
            return
        values = [returned]
        if event == "call":
            count = code.co_argcount + code.co_kwonlyargcount
            values = [frame.f_locals.get(name) for name in code.co_varnames[:count]]
        if any(holds_text(value, self._texts, levels=_LEVELS) for value in values):
            self.passed[place] = None


def _name_module(filename: str) -> str:
    parts = Path(filename).relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
