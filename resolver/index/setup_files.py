"""What the files of setuptools in an sdist state about its requirements, without running any of its code.

In: the files of an sdist that has no final metadata. Out: the `CoreMetadata` that setup.cfg, a literal setup.py, the
egg-info or an older PKG-INFO states, or None if only a build can tell. The answer is the same on every machine. A build
may contradict it, so a lock marks such a pin, and `lock fetch` compares it with what it builds.

A setup.py is parsed, and its one call of `setup` is read: arguments that are texts, lists and dicts of them, names that
the file binds once to such a value, their sums, and the lines of a file in the sdist. All else is not literal.

Standards: setuptools' configuration files and its `requires.txt`; PEP 508, PEP 643.
"""

from __future__ import annotations

import ast
import configparser
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from packaging.markers import InvalidMarker, Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from lockfiles._values import dataclass
from resolver.index.core_metadata import CoreMetadata, parse_core_metadata, without_credentials
from resolver.index.sdist_metadata import SdistFiles, add_conditions

__all__ = ["read_literal_metadata"]

_LONGEST = 1024 * 1024
"""The most characters or items that a value of a setup.py is read to: a literal can be doubled line by line."""

_READING_METHODS = frozenset({"copy", "format", "get", "items", "join", "keys", "read", "read_text", "readlines"}) | {
    *("split", "splitlines", "strip", "values"),
}
_READING_FUNCTIONS = frozenset({"dict", "len", "list", "open", "print", "set", "setup", "sorted", "str", "sum"})
"""The methods and functions that leave alone what they are called on or with."""


_PLAIN = frozenset({"author", "author_email", "classifiers", "data_files", "description", "download_url"}) | {
    *(
        "cmdclass",
        "distclass",
        "entry_points",
        "ext_modules",
        "include_package_data",
        "keywords",
        "license",
        "long_description",
    ),
    *("long_description_content_type", "maintainer", "maintainer_email", "name", "package_data", "package_dir"),
    *("packages", "platforms", "py_modules", "python_requires", "scripts", "test_suite", "tests_require", "url"),
    *("version", "zip_safe"),
}
"""Arguments of `setup` that bring no requirements. Others may: `pbr=True` reads them from a file of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stated:
    """The requirements that files of setuptools state: lines of `Requires-Dist`, extras, `Requires-Python`."""

    lines: tuple[str, ...]
    extras: tuple[NormalizedName, ...]
    python: str | None = None


class _NotLiteralError(ValueError):
    """A value that only running the file would give."""


def read_literal_metadata(files: SdistFiles, *, name: NormalizedName, version: Version) -> CoreMetadata | None:
    """The metadata that the files of an sdist state without being final; None if only a build can tell.

    In this order: setup.cfg with a literal setup.py, the egg-info of the machine that made the sdist, PKG-INFO with
    any `Requires-Dist`, a setup.py of plain distutils, which has no requirements. The sdist's own name and version are
    `name` and `version`. A build may give other requirements, so a lock marks them.
    """
    try:
        info = parse_core_metadata(files.pkg_info) if files.pkg_info is not None else None
    except ValueError:
        info = None  # Old sdists have all sorts of them.
    stated = _read_setup(files) or _read_egg_info(files)
    if stated is None and info is not None and info.requires_dist:
        stated = _Stated(lines=info.requires_dist, extras=info.provides_extra)
    if stated is None and _has_no_requirements(files):
        stated = _Stated(lines=(), extras=())
    if stated is None:
        return None
    return CoreMetadata(
        name=name,
        version=version,
        # No final form: see `is_static`.
        metadata_version="2.1",
        requires_dist=without_credentials(stated.lines),
        requires_python=(None if info is None else info.requires_python) or stated.python,
        provides_extra=stated.extras,
    )


def _read_egg_info(files: SdistFiles) -> _Stated | None:
    """What `*.egg-info` has, as setuptools wrote it where the sdist was made; None without one, or with several."""
    folders = {path.rpartition("/")[0] for path in files.others if ".egg-info/" in path}
    if len(folders) != 1:
        return None
    # setuptools writes no file for a project without requirements.
    sections: dict[str, list[str]] = {}
    section = ""
    for line in files.others.get(f"{folders.pop()}/requires.txt", b"").decode("utf-8", "replace").splitlines():
        if line.strip().startswith("[") and line.strip().endswith("]"):
            section = line.strip()[1:-1]
            sections.setdefault(section, [])
        else:
            sections.setdefault(section, []).append(line)
    try:
        return _build_stated(sections.pop("", []), sections)
    except _NotLiteralError:
        return None


def _has_no_requirements(files: SdistFiles) -> bool:
    """Whether the one call of `setup` has no place for requirements, and no other file describes the project."""
    found = _read_setup_py(files)
    return (
        bool(found)
        and files.pyproject is None
        and "install_requires" not in _read_setup_cfg(files)
        and found.keys() <= _PLAIN
    )


def _read_setup(files: SdistFiles) -> _Stated | None:
    """What setup.cfg and a literal setup.py state together; None unless they state `install_requires`.

    A key of setup.cfg replaces the argument of `setup`, as in setuptools.
    """
    found = {**_read_setup_py(files), **_read_setup_cfg(files)}
    requires, extras, python = (found.get(key) for key in ("install_requires", "extras_require", "python_requires"))
    # None is a value that is there and cannot be read.
    if requires is None or (extras is None and "extras_require" in found):
        return None
    try:
        return _build_stated(requires, extras or {}, python=python if isinstance(python, str) else None)
    except _NotLiteralError:
        return None


def _build_stated(requires: object, extras: object, *, python: str | None = None) -> _Stated:
    """The lines of `Requires-Dist` for requirements and the sections of extras. Raises _NotLiteralError.

    A section is named `extra`, `extra:marker` or `:marker`.
    """
    if not isinstance(extras, Mapping):
        raise _NotLiteralError
    lines, names = list(_iter_requirements(requires)), dict[NormalizedName, None]()
    for section, texts in extras.items():
        extra, _, marker = str(section).partition(":")
        conditions: list[str] = []
        try:
            conditions += [f"({Marker(marker)})"] if marker.strip() else []
        except InvalidMarker:
            raise _NotLiteralError from None
        if extra.strip():
            names[canonicalize_name(extra.strip())] = None
            conditions.append(f'extra == "{canonicalize_name(extra.strip())}"')
        lines += [add_conditions(text, *conditions) for text in _iter_requirements(texts)]
    return _Stated(lines=tuple(lines), extras=tuple(names), python=python)


def _iter_requirements(value: object) -> Iterator[str]:
    """The requirements of a text or of texts, without comments, as setuptools reads them. Raises _NotLiteralError."""
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list | tuple | set) or not all(isinstance(text, str) for text in texts):
        raise _NotLiteralError
    for line in (line for text in texts for line in text.splitlines()):
        requirement = re.sub(r"(?:^|(?<=\s))#.*", "", line).strip()
        if not requirement:
            continue
        try:
            Requirement(requirement)
        except InvalidRequirement:
            raise _NotLiteralError from None
        yield requirement


def _read_setup_cfg(files: SdistFiles) -> dict[str, Any]:
    """The keys of setup.cfg that state requirements; None for one that names a file that is not there, or code."""
    parser = configparser.RawConfigParser()
    parser.optionxform = str  # type: ignore[method-assign,assignment]  # as in setuptools
    try:
        parser.read_string(files.others.get("setup.cfg", b"").decode("utf-8", "replace"))
    except configparser.Error:
        return {"install_requires": None}
    options = {
        key.replace("-", "_"): value
        for key, value in (parser.items("options") if parser.has_section("options") else ())
    }
    found: dict[str, Any] = {}
    if "install_requires" in options:
        found["install_requires"] = _expand_files(options["install_requires"], files)
    if parser.has_section("options.extras_require"):
        extras = {key: _expand_files(value, files) for key, value in parser.items("options.extras_require")}
        found["extras_require"] = None if None in extras.values() else extras
    if "python_requires" in options:
        found["python_requires"] = options["python_requires"].strip()
    return found


def _expand_files(value: str, files: SdistFiles) -> list[str] | None:
    """The lines of a value of setup.cfg, or of the files that it names; None if they cannot be read."""
    if value.strip().startswith("attr:"):
        return None
    if not value.strip().startswith("file:"):
        return value.splitlines() if "\n" in value else value.split(";")
    lines: list[str] = []
    for path in re.split(r"[,\n]", value.strip().removeprefix("file:")):
        content = files.others.get(path.strip())
        if content is None:
            return None
        lines += content.decode("utf-8", "replace").splitlines()
    return lines


def _read_setup_py(files: SdistFiles) -> dict[str, Any]:
    """The arguments of the one call of `setup`; None for one that is not literal.

    The file is parsed, and never run.
    """
    unread: dict[str, Any] = {"install_requires": None, "extras_require": None}
    if "setup.py" not in files.others:
        return {}
    # Warnings about its syntax are for its authors.
    warnings.filterwarnings("ignore", module="setup.py of an sdist")
    try:
        tree = ast.parse(files.others["setup.py"], filename="setup.py of an sdist")
        literals = _Literals(tree, files)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return unread
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _find_called(node) == "setup"]
    if len(calls) != 1 or calls[0].args:
        return unread
    found: dict[str, Any] = {}
    for keyword in calls[0].keywords:
        value = literals.evaluate(keyword.value)
        if keyword.arg is not None:
            found[keyword.arg] = value
        elif isinstance(value, dict):
            found.update(value)
        else:
            found = {**unread, **found}
    return found


def _find_called(call: ast.Call) -> str:
    """The last name of the function of a call: `setup` for `setuptools.setup(…)`."""
    return getattr(call.func, "id", "") or getattr(call.func, "attr", "")


class _Literals:
    """The values of the names that a setup.py binds once, at its top level, to what can be read without running it."""

    def __init__(self, tree: ast.Module, files: SdistFiles) -> None:
        self._files = files
        self._values: dict[str, Any] = {}
        changing = _find_changing(tree)
        self._bind(tree.body, changing)

    def _bind(self, statements: Iterable[ast.stmt], changing: set[str]) -> None:
        """Add the names that statements bind, in their order, unless something else may change them."""
        for statement in statements:
            match statement:
                case ast.Assign(targets=[ast.Name(id=name)], value=value) if name not in changing:
                    self._values[name] = self.evaluate(value)
                case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value) if name not in changing:
                    self._values[name] = self.evaluate(value)
                case ast.With(items=[ast.withitem(context_expr=value, optional_vars=ast.Name(id=name))]):
                    self._values[name] = None if name in changing else self.evaluate(value)
                    self._bind(statement.body, changing)

    def evaluate(self, node: ast.expr) -> Any:
        """The value of an expression; None if it is not literal."""
        try:
            return self._evaluate(node)
        except (_NotLiteralError, TypeError, KeyError, RecursionError):
            return None

    def _evaluate(self, node: ast.expr) -> Any:
        """The value of an expression. Raises _NotLiteralError, TypeError, KeyError, RecursionError."""
        match node:
            case ast.Constant(value=str() as value):
                return value
            case ast.Name(id=name):
                return _check_literal(self._values.get(name))
            case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
                return _check_literal([value for item in items for value in self._evaluate_item(item)])
            case ast.Dict(keys=keys, values=values):
                return self._evaluate_dict(keys, values)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return _check_literal(self._evaluate(left) + self._evaluate(right))
            case ast.Subscript(value=value, slice=ast.Constant(value=str() as key), ctx=ast.Load()):
                return _check_literal(self._evaluate(value)[key])
            case ast.Call():
                return self._evaluate_call(node)
        raise _NotLiteralError

    def _evaluate_item(self, item: ast.expr) -> list[Any]:
        """The values of one item of a list: one, or those of another list after a star."""
        if not isinstance(item, ast.Starred):
            return [self._evaluate(item)]
        found = self._evaluate(item.value)
        if not isinstance(found, list):
            raise _NotLiteralError
        return found

    def _evaluate_dict(self, keys: list[ast.expr | None], values: list[ast.expr]) -> dict[str, Any]:
        """A dict with texts as keys. A value that is not literal is None, since most arguments do not matter."""
        found: dict[str, Any] = {}
        for key, value in zip(keys, values, strict=True):
            if key is None:
                found.update(self._evaluate(value))
            else:
                found[str(self._evaluate(key))] = self.evaluate(value)
        return found

    def _evaluate_call(self, call: ast.Call) -> Any:
        """The text or lines of a file of the sdist: `open(PATH).read().splitlines()` and its parts."""
        match call.func, call.args:
            case (ast.Name(id="open" | "Path"), [path, *_]):
                path_text = str(self._evaluate(path)).removeprefix("./")
                return self._files.others[path_text].decode("utf-8", "replace")
            case (ast.Attribute(value=value, attr="read" | "read_text" | "strip"), []):
                return self._evaluate(value)
            case (ast.Attribute(value=value, attr="readlines" | "splitlines"), []):
                return _check_literal(self._evaluate(value).splitlines())
            case (ast.Attribute(value=value, attr="split"), [ast.Constant(value="\n")]):
                return _check_literal(self._evaluate(value).splitlines())
        raise _NotLiteralError


def _check_literal(value: Any) -> Any:
    """The value. Raises _NotLiteralError for None and for one that is too long."""
    if value is None or len(value) > _LONGEST:
        raise _NotLiteralError
    return value


def _find_changing(tree: ast.Module) -> set[str]:
    """The names whose value a statement may change: bound twice, changed in place, or given to an unknown function."""
    bound: dict[str, int] = {}
    changing: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.arg(arg=name):
                bound[name] = bound.get(name, 0) + 1
            case ast.AugAssign(target=ast.Name(id=name)):
                changing.add(name)
            case ast.Subscript(value=value, ctx=ast.Store() | ast.Del()):
                changing |= _find_names(value)
            case ast.Attribute(value=value, attr=attribute) if attribute not in _READING_METHODS:
                changing |= _find_names(value)
            case ast.Call(args=args) if _find_called(node) not in _READING_FUNCTIONS | _READING_METHODS:
                changing.update(name for argument in args for name in _find_names(argument))
            case ast.For(iter=value):
                changing |= _find_names(value)
    return changing | {name for name, count in bound.items() if count > 1}


def _find_names(node: ast.expr) -> set[str]:
    """The names in an expression."""
    return {name.id for name in ast.walk(node) if isinstance(name, ast.Name)}
