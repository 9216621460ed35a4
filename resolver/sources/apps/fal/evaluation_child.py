"""The program that runs an app file: started by `resolver.sources.apps.fal.evaluation`, alone, with `-I`.

In: one JSON document on standard input: the file, the folders that it may import from, the packages to replace by
stubs, the target, and the marker of placeholders. Out: one JSON document on standard output: the values of the classes
and functions of the file, or the error that it raised. Output of the app goes to standard error.

It is a module of its own because it is a program: it imports the standard library alone, so that an app meets nothing
of pinfold, and its stand-ins for the platform (`AppBase`, `Decorated`) behave as the client of the platform does.
"""

from __future__ import annotations

# Modules that apps often import are loaded before `sys` describes the target: they read `sys.platform` while they
# are loaded, and must find this machine there.
import abc  # noqa: F401  (see above)
import collections
import glob  # noqa: F401  (see above)
import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import platform
import runpy
import subprocess  # noqa: F401  (see above)
import sys
import traceback
import types
from typing import Any

# The `__name__` of the app file, as `runpy.run_path` sets it by default: not `__main__`, so its program does not run.
_RUN_NAME = "<run_path>"
# The values of an app that decide a lock.
_READ = ("requirements", "machine_type", "num_gpus", "python_version", "image", "local_python_modules")


class Placeholder(str):
    """A variable of the environment without its value: the app sees neither its value nor its length.

    It can be put into texts, and any operation that would reveal the value raises TypeError.
    """

    __slots__ = ()

    def __hash__(self) -> int:
        return str.__hash__(self)

    def __bool__(self) -> bool:
        """True: an unset or empty variable has no placeholder."""
        return True


def _refuse(self: object, *_: object) -> Any:
    """The method of a Placeholder for everything that would reveal its value. Raises TypeError."""
    raise TypeError("the value of a variable of the environment decides here, and it is not shown to the app")


# Every operation whose result would depend on the value.
for _name in (
    *("__contains__", "__eq__", "__ge__", "__gt__", "__int__", "__le__", "__len__", "__lt__", "__ne__"),
    *("endswith", "isdigit", "lower", "split", "startswith", "upper"),
):
    setattr(Placeholder, _name, _refuse)


class AppBase:
    """Stands for the platform's `App`: keeps the keywords of classes as the platform merges them."""

    _pinfold_keywords: dict[str, Any] = {}  # noqa: RUF012  (a class's own is made anew for each)

    def __init_subclass__(cls, **keywords: Any) -> None:
        # As in the client: keywords of the bases count, and an attribute replaces an inherited keyword of its name.
        inherited = cls._pinfold_keywords
        merged = {**inherited, **keywords}
        merged.update({key: getattr(cls, key) for key in inherited if getattr(cls, key, None) is not None})
        cls._pinfold_keywords = merged


class Decorated:
    """A function under `@fal.function(…)`, with the arguments of its decorator. It can still be called."""

    def __init__(self, function: Any, options: dict[str, Any]) -> None:
        self.function = function
        self.options = options

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        """The result of the function itself: module-level code of an app may call it."""
        return self.function(*arguments, **keywords)

    def __getattr__(self, name: str) -> Any:
        """A stub: decorated functions have methods of the platform, such as `on` and `submit`."""
        return Stub(name)


class StubBase:
    """The base of a class that derives from a stub. It takes any keyword of the class."""

    def __init_subclass__(cls, **_: Any) -> None:
        return None


class Stub:
    """Anything of a package that is replaced: can be called, looked into, used as a decorator and derived from.

    A call with one function or class returns it unchanged, so a decorator of a stub leaves the app visible.
    """

    def __init__(self, name: str) -> None:
        self.__name__ = name

    def __getattr__(self, name: str) -> Any:
        """Another stub. Special methods do not exist, since Python and copying look them up."""
        if name.startswith("__"):
            raise AttributeError(name)
        return Stub(f"{self.__name__}.{name}")

    def __call__(self, *arguments: Any, **_: Any) -> Any:
        """The only argument if it is a function or class, else another stub."""
        if len(arguments) == 1 and isinstance(arguments[0], types.FunctionType | type):
            return arguments[0]
        return Stub(f"{self.__name__}()")

    def __getitem__(self, _: Any) -> Any:
        """The stub itself: annotations and generic bases subscript types."""
        return self

    def __or__(self, _: Any) -> Any:
        """The stub itself: annotations join types with `|`."""
        return self

    __ror__ = __or__

    def __mro_entries__(self, _: Any) -> tuple[type, ...]:
        """The class to derive from in place of the stub (PEP 560)."""
        return (StubBase,)


def _function(*arguments: Any, **options: Any) -> Any:
    """Stands for the platform's `function`, with and without arguments."""
    if len(arguments) == 1 and isinstance(arguments[0], types.FunctionType):
        return Decorated(arguments[0], options)
    return lambda function: Decorated(function, options)


class LockedRequirements(list[str]):
    """Stands for the list of a lock: empty, with the path of the lock."""

    path = ""


def _locked(path: Any, *_: Any, **__: Any) -> LockedRequirements:
    """Stands for `lockfiles.requirements`, without reading the lock."""
    made = LockedRequirements()
    made.path = str(path)
    return made


class StubModule(types.ModuleType):
    """A module of a package that is replaced. Each name in it is a stub, or replaces a part of the platform."""

    __path__: list[str] = []  # noqa: RUF012  (read by the import system, and left empty)
    __all__: list[str] = []  # noqa: RUF012  (so that `import *` finds nothing)

    def __getattr__(self, name: str) -> Any:
        """The stand-in for a name of the platform, or a stub. Special names do not exist."""
        if name.startswith("__"):
            raise AttributeError(name)
        known = {"App": AppBase, "function": _function, "isolated": _function}
        root = self.__name__.partition(".")[0]
        if root == "lockfiles":
            return {"requirements": _locked}.get(name, Stub(name))
        return known.get(name) or Stub(f"{self.__name__}.{name}")


class StubFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds stubs for packages by their first name.

    It comes first in `sys.meta_path`, so packages that are installed here are not found.
    """

    def __init__(self, roots: frozenset[str]) -> None:
        self._roots = roots

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        """The stub of a package that is replaced; None leaves a module to the other finders."""
        if fullname.partition(".")[0] not in self._roots:
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        return StubModule(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        """Runs nothing: a stub has no code."""


def main() -> None:
    """Runs the file of the request and writes the answer."""
    request = json.loads(sys.stdin.buffer.read())
    # The answer keeps the real standard output, and prints of the app go to standard error.
    answer_to = os.dup(1)
    os.dup2(2, 1)
    sys.path += request["folders"]
    sys.meta_path.insert(0, StubFinder(frozenset(request["stubs"])))
    _show_variables(request["marker"])
    _show_target(request["target"])
    try:
        names = runpy.run_path(request["path"], run_name=_RUN_NAME)
        answer = {"apps": {name: found for name, value in names.items() if (found := _describe(value)) is not None}}
    except BaseException as error:  # noqa: BLE001  (any exception of an app is its result, `SystemExit` too)
        answer = {"error": _describe_error(error, request["path"])}
    os.write(answer_to, json.dumps(answer).encode())
    # Without cleaning up: threads and exit handlers of the app would keep the process alive or print.
    os._exit(0)


def _show_variables(marker: str) -> None:
    """Makes `os.environ` return a Placeholder for each variable whose value begins with the marker."""
    kind: Any = type(os.environ)
    plain = kind.__getitem__

    # `get`, `items` and `os.getenv` all call it.
    def read(environ: Any, key: str) -> str:
        value: str = plain(environ, key)
        return Placeholder(value) if value.startswith(marker) else value

    kind.__getitem__ = read


def _show_target(target: dict[str, Any]) -> None:
    """Makes `sys` and `platform` describe the target.

    `release` and `version` are empty: the kernel of the image is not known, and no lock should depend on it.
    """
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
    """The values of an app for the answer; None for a value that is no app of this file.

    `given` are attributes (inherited ones too) or arguments of a decorator, `own` the names that the class itself sets,
    `keywords` those of the class as the platform merges them.
    """
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
    """A value in JSON. A tuple, the list of a lock and a value without a JSON form become tables that name them."""
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
    """An exception for the answer: its type, its text in brief, and the last line of the app file that it passed."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
    return {
        "line": frames[-1].lineno if frames else None,
        "type": type(error).__name__,
        "text": str(error)[:300],
    }


if __name__ == "__main__":
    main()
