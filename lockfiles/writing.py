"""Writing a lockfile: a `Lockfile` in, the one TOML text that it has out; on disk all of it or nothing."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from packaging.pylock import is_valid_pylock_path

from lockfiles.errors import LockfileNameError
from lockfiles.file_replacement import replace_file
from lockfiles.lockfile import Lockfile, build_document
from lockfiles.reading import parse_document
from lockfiles.seal import with_seal

__all__ = ["dumps", "write"]


def dumps(lockfile: Lockfile) -> str:
    """The lock as TOML with PEP 751's key order, line feeds, and one at the end. Equal locks give equal text.

    Raises InvalidLockfileError for what `loads` would refuse, so that no secret can be written.
    """
    # Reading locks needs no writer: this import is saved on every path that writes nothing.
    import tomli_w

    document = build_document(lockfile)
    parse_document(document)
    return tomli_w.dumps(with_seal(document))


def write(lockfile: Lockfile, path: str | Path, *, check_name: bool = True) -> bool:
    """Whether the file changed: equal bytes leave it and its time stamps alone.

    The new file appears at once or not at all, keeps the permissions of the one before, and goes where a symbolic
    link points. Raises LockfileNameError for a name that PEP 751 does not allow, unless `check_name` is false.
    """
    path = Path(path)
    if check_name and not is_valid_pylock_path(path):
        raise LockfileNameError(path.name)
    data = dumps(lockfile).encode("utf-8")
    target = Path(os.path.realpath(path))
    try:
        if target.read_bytes() == data:
            return False
        mode = stat.S_IMODE(target.stat().st_mode)
    except FileNotFoundError:
        mode = None
    # A power cut must leave the old lock or the new one; a first lock has none to lose.
    replace_file(target, data, mode=mode, is_durable=mode is not None)
    return True
