"""The modules that an app imports, read from its source and never run."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from resolver.errors import SourceError, render_os_error

__all__ = ["read_imports"]

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
