"""The apps below a folder, each as the SOURCE that names it, in an order that no disk decides.

The modules that an app imports, read from its source and never run.
"""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from resolver.errors import SourceError, render_os_error
from resolver.sources.apps.app_file import find_apps
from resolver.sources.apps.fal.declarations import AppFunction, Declaration
from resolver.sources.apps.fal.tables import AppTable, find_tables, read_tables
from resolver.sources.apps.interpreter.files import AppFiles
from resolver.sources.settings_file import name_path, read_pyproject

__all__ = [
    "expand_folders",
    "iter_own_files",
    "iter_own_folders",
    "list_app_sources",
    "read_imports",
]


_LEFT_OUT = frozenset({"__pycache__", "node_modules", "site-packages", "__pypackages__"})
_LARGEST_BYTES = 2_000_000
_MARKS = (b"App", b"function", b"isolated")
_CLASS = re.compile(rb"^class\s+\w+\s*\(\s*(\w+)", re.MULTILINE)
_IMPORT = re.compile(rb"^(?:from\s+(\.*)([\w.]*)\s+import\s+(\([^)]*\)|[^\n]*)|import\s+([^\n]*))", re.MULTILINE)
_DEEPEST_BASE = 5


def expand_folders(arguments: Sequence[str], *, folder: Path) -> tuple[str, ...]:
    """The SOURCEs with each folder replaced by the apps below it; one without apps stays, to be told about."""
    expanded: list[str] = []
    for argument in arguments:
        # `os.path` takes any text; methods of Path raise for a name that is too long.
        is_folder = bool(argument) and os.path.isdir(folder / argument)  # noqa: PTH112  (see above)
        expanded += (list_app_sources(folder / argument, seen_from=folder) if is_folder else ()) or (argument,)
    return tuple(dict.fromkeys(expanded))


def list_app_sources(folder: Path, *, seen_from: Path, is_deep: bool = True) -> tuple[str, ...]:
    """The apps below a folder that have a list, as `apps/paint.py` or, of several in a file, `apps/paint.py::Name`.

    An app of a pyproject.toml with a `python_entry_point` is `apps/pyproject.toml::name`. A file that looks like an app
    and cannot be read is listed too: whoever locks it is told why. Virtual environments, hidden folders and packages
    that were installed are left out; links to folders are not followed. Unless `is_deep`, so are all folders in it.
    """
    found: list[str] = []
    tables: dict[Path, tuple[AppTable, ...]] = {}
    files = iter_own_files(folder) if is_deep else (path for path in folder.iterdir() if path.is_file())
    kept = (path for path in files if path.suffix == ".py" or path.name == "pyproject.toml")
    for path in sorted(kept, key=lambda one: one.relative_to(folder).as_posix()):
        name = name_path(path, seen_from)
        if path.name == "pyproject.toml":
            found += _list_entry_points(path, name)
        else:
            if path.parent not in tables:
                tables[path.parent] = _find_tables(path.parent, seen_from)
            found += _list_apps(path, name, seen_from, tables[path.parent])
    return tuple(found)


def iter_own_folders(folder: Path) -> Iterator[Path]:
    """The folder and those below it that hold what is the user's own, as `list_app_sources` looks at them."""
    for place, folders, _ in os.walk(folder):
        folders[:] = sorted(one for one in folders if _is_ours(Path(place) / one))
        yield Path(place)


def iter_own_files(folder: Path) -> Iterator[Path]:
    """All files in these folders but hidden ones."""
    for place in iter_own_folders(folder):
        with os.scandir(place) as entries:
            for entry in entries:
                if not entry.name.startswith(".") and not entry.is_dir():
                    yield place / entry.name


def _is_ours(folder: Path) -> bool:
    name = folder.name
    return not (name.startswith(".") or name in _LEFT_OUT or (folder / "pyvenv.cfg").exists())


def _find_tables(folder: Path, seen_from: Path) -> tuple[AppTable, ...]:
    try:
        return find_tables(folder, seen_from=seen_from)
    except SourceError:
        return ()


def _list_apps(path: Path, name: str, seen_from: Path, tables: Sequence[AppTable]) -> list[str]:
    try:
        if path.name.startswith(".") or not path.is_file() or path.stat().st_size > _LARGEST_BYTES:
            return []
        data = path.read_bytes()
    except OSError:
        return [name]
    has_list = b"requirements" in data and any(mark in data for mark in _MARKS)
    given = [one for one in tables if one.requirements and one.ref is not None and one.ref.resolve() == path.resolve()]
    if not has_list and not given and not _may_inherit_app(path, data, AppFiles(path, seen_from=seen_from)):
        return []
    try:
        declared = find_apps(data, name=name, path=path, seen_from=seen_from)
    except SourceError:
        # Its own run tells what is wrong, if it seems to be an app at all.
        return [name] if b"fal" in data else []
    apps = [app for app in declared if app.requirements is not None or _has_list(app, given)]
    is_plain = len(apps) == 1 and (apps[0].requirements is not None or len(declared) == 1)
    return [name] if is_plain else [f"{name}::{app.name}" for app in apps]


def _has_list(app: Declaration, given: Sequence[AppTable]) -> bool:
    """Whether a table gives an app its list: a function alone takes one from there."""
    return isinstance(app.form, AppFunction) and any(one.ref_name in (app.name, None) for one in given)


def _may_inherit_app(path: Path, data: bytes, files: AppFiles, depth: int = 0) -> bool:
    """Whether a class derives from one of a module of the app's own that has to do with the platform; a quick look."""
    bases = set(_CLASS.findall(data))
    if not bases or depth >= _DEEPEST_BASE:
        return False
    for dots, dotted, names, modules in _IMPORT.findall(data):
        if not bases & set(re.findall(rb"\w+", names or modules)):
            continue
        found = files.find_module((dotted or modules.split()[0]).decode(), level=len(dots), beside=path)
        if found is None or found.resolve() == path.resolve():
            continue
        try:
            other = found.read_bytes()
        except OSError:
            continue
        if (b"fal" in other and b"App" in other) or _may_inherit_app(found, other, files, depth + 1):
            return True
    return False


def _list_entry_points(path: Path, name: str) -> list[str]:
    try:
        tool = read_pyproject(path, name=name).get("tool")
        tables = read_tables(tool.get("fal", {}) if isinstance(tool, dict) else {}, path=path, name=name)
    except SourceError:
        return []
    return [f"{name}::{table.name}" for table in tables if table.entry_point is not None and table.requirements]


_SKIPPED = frozenset({"node_modules", "__pycache__", "site-packages"})
_COMMENT_LIMIT = 100


def read_imports(path: Path) -> frozenset[str]:
    """The top-level names that a file imports, or all Python files below a folder; also inside of functions.

    Names that stand as text are counted too, as `importlib.import_module("x.y")` takes them. Raises SourceError.
    """
    files = sorted(_iter_files(path)) if path.is_dir() else [path]
    return frozenset(name for file in files for name in _iter_names(_parse(file)))


def _iter_files(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.name.startswith(".") or path.name in _SKIPPED or path.is_symlink() or (path / "pyvenv.cfg").exists():
            continue
        if path.is_dir():
            yield from _iter_files(path)
        elif path.suffix == ".py":
            yield path


def _parse(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_bytes(), filename=str(path))
    except OSError as error:
        raise SourceError(f"`{path}` cannot be read: {render_os_error(error)}") from error
    except (SyntaxError, ValueError, RecursionError) as error:
        raise SourceError(f"`{path}` is no Python that can be read: {error}") from error


def _iter_names(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (one.name.partition(".")[0] for one in names)
            case ast.ImportFrom(module=str(module), level=0):
                yield module.partition(".")[0]
            case ast.Call(args=[ast.Constant(value=str(text)), *_]) if _is_import(node.func):
                if re.fullmatch(r"[A-Za-z_][\w.]*", text[:_COMMENT_LIMIT]):
                    yield text.partition(".")[0]


def _is_import(function: ast.expr) -> bool:
    """Whether the call is `importlib.import_module`, `import_module` or `__import__`."""
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name in ("import_module", "__import__")
