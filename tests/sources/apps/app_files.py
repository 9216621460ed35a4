"""Apps as texts, for tests: read from bytes, without a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from textwrap import dedent

import pytest

from resolver.errors import SourceError
from resolver.sources.apps.app_file import App, AppEnvironment, AppReader
from resolver.sources.apps.fal.tables import AppTable
from resolver.sources.apps.interpreter.values import AppTarget

__all__ = ["find_fault", "read", "read_app", "read_list"]


def read_app(
    data: bytes,
    *,
    name: str,
    class_name: str | None,
    path: Path | None = None,
    target: AppTarget | None = None,
    environment: AppEnvironment | None = None,
    tables: Sequence[AppTable] = (),
) -> App:
    """The app in a file: the named one, or the only one for None. Without a `path` it is in the current folder."""
    reader = AppReader(
        data,
        name=name,
        path=path or Path(name),
        seen_from=Path.cwd(),
        environment=environment or AppEnvironment(),
        tables=tables,
    )
    return reader.read(class_name, target=target)


def read(text: str, class_name: str | None = None) -> App:
    """The app in `app.py` with this text, which may be indented."""
    return read_app(dedent(text).encode(), name="app.py", class_name=class_name)


def read_list(expression: str, before: str = "") -> object:
    """The items of an app whose list is an expression, below statements that come before the class."""
    return read(f"{before}\nclass A:\n    requirements = {expression}\n").items


def find_fault(text: str, class_name: str | None = None) -> str:
    """The whole message about an app that cannot be read."""
    with pytest.raises(SourceError) as caught:
        read(text, class_name)
    return str(caught.value)
