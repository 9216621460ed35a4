"""The program that runs an app file: started by `resolver.sources.apps.fal.evaluation`, alone, with `-I`.

In: one JSON document on standard input: the file, what it may import beside, the target, and which variables of the
environment stand for themselves. Out: one JSON document on what standard output was: what the classes and functions of
the file say. Whatever the app prints goes to standard error. This file imports the standard library alone.
"""

from __future__ import annotations

# What apps import most is loaded before the target is shown: its modules ask `sys` themselves, and must get the truth.
import abc  # noqa: F401
import collections
import glob  # noqa: F401
import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import platform
import runpy
import subprocess  # noqa: F401
import sys
import traceback
import types
from typing import Any

_RUN_NAME = "<run_path>"
_READ = ("requirements", "machine_type", "num_gpus", "python_version", "image", "local_python_modules")


class Placeholder(str):
    """A variable of the environment, which only stands for itself: the app sees neither its value nor its length."""

    __slots__ = ()

    def __hash__(self) -> int:
        return str.__hash__(self)

    def __bool__(self) -> bool:
        return True


def _refuse(self: object, *_: object) -> Any:
    raise TypeError("the value of a variable of the environment decides here, and it is not shown to the app")


for _name in (
    *("__contains__", "__eq__", "__ge__", "__gt__", "__int__", "__le__", "__len__", "__lt__", "__ne__"),
    *("endswith", "isdigit", "lower", "split", "startswith", "upper"),
):
    setattr(Placeholder, _name, _refuse)


class AppBase:
    """Stands for the platform's `App`: keeps the keywords of classes as the platform merges them."""

    _pinfold_keywords: dict[str, Any] = {}  # noqa: RUF012  (a class's own is made anew for each)

    def __init_subclass__(cls, **keywords: Any) -> None:
        inherited = cls._pinfold_keywords
        merged = {**inherited, **keywords}
        merged.update({key: getattr(cls, key) for key in inherited if getattr(cls, key, None) is not None})
        cls._pinfold_keywords = merged


class Decorated:
    """A function under `@fal.function(…)`."""

    def __init__(self, function: Any, options: dict[str, Any]) -> None:
        self.function = function
        self.options = options

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        return self.function(*arguments, **keywords)

    def __getattr__(self, name: str) -> Any:
        return Stub(name)


class StubBase:
    """What a class derives from that derives from a stub."""

    def __init_subclass__(cls, **_: Any) -> None:
        return None


class Stub:
    """Anything of a package that is not there: can be called, looked into, decorate and be derived from."""

    def __init__(self, name: str) -> None:
        self.__name__ = name

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Stub(f"{self.__name__}.{name}")

    def __call__(self, *arguments: Any, **_: Any) -> Any:
        if len(arguments) == 1 and isinstance(arguments[0], types.FunctionType | type):
            return arguments[0]
        return Stub(f"{self.__name__}()")

    def __getitem__(self, _: Any) -> Any:
        return self

    def __or__(self, _: Any) -> Any:
        return self

    __ror__ = __or__

    def __mro_entries__(self, _: Any) -> tuple[type, ...]:
        return (StubBase,)


def _function(*arguments: Any, **options: Any) -> Any:
    """Stands for the platform's `function`."""
    if len(arguments) == 1 and isinstance(arguments[0], types.FunctionType):
        return Decorated(arguments[0], options)
    return lambda function: Decorated(function, options)


class LockedRequirements(list[str]):
    """Stands for the list of a lock."""

    path = ""


def _locked(path: Any, *_: Any, **__: Any) -> LockedRequirements:
    made = LockedRequirements()
    made.path = str(path)
    return made


class StubModule(types.ModuleType):
    """A module of a package that is not there, or must not be asked."""

    __path__: list[str] = []  # noqa: RUF012  (read by the import system, and left empty)
    __all__: list[str] = []  # noqa: RUF012  (so that `import *` finds nothing)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        known = {"App": AppBase, "function": _function, "isolated": _function}
        root = self.__name__.partition(".")[0]
        if root == "lockfiles":
            return {"requirements": _locked}.get(name, Stub(name))
        return known.get(name) or Stub(f"{self.__name__}.{name}")


class StubFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds stubs for packages by their first name."""

    def __init__(self, roots: frozenset[str]) -> None:
        self._roots = roots

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        if fullname.partition(".")[0] not in self._roots:
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        return StubModule(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        return None


def main() -> None:
    """Runs the file of the request and writes the answer."""
    request = json.loads(sys.stdin.buffer.read())
    answer_to = os.dup(1)
    os.dup2(2, 1)
    sys.path += request["folders"]
    sys.meta_path.insert(0, StubFinder(frozenset(request["stubs"])))
    _show_variables(request["marker"])
    _show_target(request["target"])
    try:
        names = runpy.run_path(request["path"], run_name=_RUN_NAME)
        answer = {"apps": {name: found for name, value in names.items() if (found := _describe(value)) is not None}}
    except BaseException as error:  # noqa: BLE001  (whatever an app raises, `SystemExit` too, is what it answers)
        answer = {"error": _describe_error(error, request["path"])}
    os.write(answer_to, json.dumps(answer).encode())
    os._exit(0)


def _show_variables(marker: str) -> None:
    """Makes variables that stand for themselves refuse to be compared."""
    kind: Any = type(os.environ)
    plain = kind.__getitem__

    def read(environ: Any, key: str) -> str:
        value: str = plain(environ, key)
        return Placeholder(value) if value.startswith(marker) else value

    kind.__getitem__ = read


def _show_target(target: dict[str, Any]) -> None:
    """Makes `sys` and `platform` tell of the target."""
    version_info = collections.namedtuple("version_info", "major minor micro releaselevel serial")
    major, minor, micro = target["python"]
    vars(sys)["version_info"] = version_info(major, minor, micro, "final", 0)
    sys.version = f"{major}.{minor}.{micro} (main)"
    sys.hexversion = (major << 24) | (minor << 16) | (micro << 8) | 0xF0
    sys.platform = target["sys_platform"]
    answers = {
        "machine": target["platform_machine"],
        "node": "",
        "processor": target["platform_machine"],
        "python_implementation": "CPython",
        "python_version": f"{major}.{minor}.{micro}",
        "release": "",
        "system": target["platform_system"],
        "version": "",
    }
    for name, value in answers.items():
        setattr(platform, name, lambda value=value: value)
    platform.python_version_tuple = lambda: (str(major), str(minor), str(micro))


def _describe(value: Any) -> dict[str, Any] | None:
    """What an app says; None for what is no app."""
    if isinstance(value, type) and issubclass(value, AppBase) and value.__module__ == _RUN_NAME:
        given = {name: getattr(value, name) for name in _READ if hasattr(value, name)}
        own = [name for name in _READ if name in value.__dict__]
        keywords = value._pinfold_keywords
        return {
            "kind": "class",
            "given": {name: _encode(one) for name, one in given.items()},
            "own": own,
            "keywords": {name: _encode(one) for name, one in keywords.items()},
        }
    if isinstance(value, Decorated) and value.function.__module__ == _RUN_NAME:
        return {"kind": "function", "given": {name: _encode(one) for name, one in value.options.items()}}
    return None


def _encode(value: Any) -> Any:
    """A value in JSON; what has no place there by its kind."""
    if isinstance(value, LockedRequirements):
        return {"locked": value.path}
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, list):
        return [_encode(one) for one in value]
    if isinstance(value, tuple):
        return {"tuple": [_encode(one) for one in value]}
    return {"kind": type(value).__name__}


def _describe_error(error: BaseException, path: str) -> dict[str, Any]:
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
    return {
        "line": frames[-1].lineno if frames else None,
        "type": type(error).__name__,
        "text": str(error)[:300],
    }


if __name__ == "__main__":
    main()
