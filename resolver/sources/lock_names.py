"""What a lock is called (PEP 751: `pylock.toml`, `pylock.<name>.toml`); no two locks of a run have one name."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from resolver.errors import SourceError

__all__ = ["check_collisions", "lockfile_name"]


def lockfile_name(stem: str, machine: str | None = None, *, several: bool = False) -> str:
    """The file name of a lock: `pylock.toml`, `pylock.gpu-a100.toml`, `pylock.text-to-image-gpu-h100.toml`.

    `stem` is the source's and takes part where `several` sources are locked into one folder; `machine` is the machine
    type, or several joined with `-or-`.
    """
    parts = [stem] if several else []
    parts += [machine] if machine else []
    name = re.sub(r"[^a-z0-9]+", "-", "-".join(parts).lower()).strip("-")
    if parts and not name:
        raise SourceError(f"`{'-'.join(parts)}` leaves no name for its lock", remedy="`-o pylock.NAME.toml`")
    return f"pylock.{name}.toml" if name else "pylock.toml"


def check_collisions(outputs: Iterable[tuple[str, Path]]) -> None:
    """Raises SourceError if two locks would lie in one file; letter case does not tell files apart.

    `outputs` are what is locked, by the names that messages call it (`app.py`, `app.py for GPU-A100`), with the files
    that it is to be locked into.
    """
    owners: dict[str, str] = {}
    for name, path in outputs:
        key = str(path.absolute()).casefold()
        if key in owners:
            raise SourceError(
                f"`{owners[key]}` and `{name}` would both be locked into `{path.name}`",
                remedy=_remedy(owners[key], name),
            )
        owners[key] = name


def _remedy(one: str, other: str) -> str:
    source, is_for_machine, _ = one.partition(" for ")
    if is_for_machine and other.startswith(f"{source} for "):
        return "`-o FOLDER`, or one `-m`; `-m A,B` is one lock for both"
    return "lock them one by one with `-o`, or rename one of them"
