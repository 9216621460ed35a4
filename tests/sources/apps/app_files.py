"""An app as the tests give it: the bytes of a file that need not lie anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from resolver.sources.apps.app_file import App, AppEnvironment, AppReader
from resolver.sources.apps.fal.tables import AppTable
from resolver.sources.apps.interpreter.values import AppTarget

__all__ = ["read_app"]


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
