"""The interpreter that builds for a target: the running one, or another of this machine that has the target's Python.

In: a target, and perhaps a path. Out: the path of an interpreter that was asked what it is. Wheels that are built for
another Python or platform would not install, so nothing else will do.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from lockfiles.value_classes import dataclass
from resolver.errors import InputError
from resolver.fetch.host import describe_host, is_host_compatible, is_host_platform
from resolver.targets.target import Target

__all__ = ["find_interpreter"]

_QUESTION = """\
import json, platform, sys, sysconfig
print(json.dumps({
    "name": sys.implementation.name,
    "version": "%d.%d" % sys.version_info[:2],
    "threads": "t" if sysconfig.get_config_var("Py_GIL_DISABLED") else "",
}))
"""
_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """What an interpreter says of itself."""

    name: str
    version: str

    def __str__(self) -> str:
        return f"{'Python' if self.name == 'cpython' else self.name} {self.version}"


def find_interpreter(target: Target, *, named: Path | None = None) -> Path:
    """The interpreter for builds: the one that is named, the running one, or `pythonX.Y` of PATH.

    Raises InputError that says what is missing: the platform is another, or there is no such Python.
    """
    if not is_host_platform(target):
        raise InputError(
            f"a build for {target} cannot be made here, on {describe_host()}",
            remedy="fetch on a machine like the target, or lock wheels alone: `lock --only-binary :all:`",
        )
    wanted = f"{target.python.short}{'t' if target.python.free_threaded else ''}"
    if named is not None:
        return _check_named(named, wanted)
    if is_host_compatible(target):
        return Path(sys.executable)
    found = shutil.which(f"python{wanted}")
    answer = None if found is None else _ask(Path(found))
    if found is not None and answer is not None and (answer.name, answer.version) == ("cpython", wanted):
        return Path(found)
    is_what = "" if answer is None else f": the `python{wanted}` of PATH is {answer}"
    raise InputError(
        f"the lock is for Python {wanted}, which what it builds has to be built with, and there is none here{is_what}",
        remedy="install it, or name one with `--python-executable`",
    )


def _check_named(path: Path, wanted: str) -> Path:
    answer = _ask(path)
    if answer is None:
        raise InputError(f"`{path}` is no Python that can be run", remedy="another `--python-executable`")
    if (answer.name, answer.version) != ("cpython", wanted):
        raise InputError(
            f"`{path}` is {answer}, and the lock is for Python {wanted}", remedy="name one of that version"
        )
    return path


def _ask(path: Path) -> _Answer | None:
    """What the interpreter is; None where it cannot be run."""
    try:
        done = subprocess.run(
            [str(path), "-I", "-c", _QUESTION],
            env=_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT_S,
            check=True,
        )
        said = json.loads(done.stdout)
        return _Answer(name=said["name"], version=f"{said['version']}{said['threads']}")
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError):
        return None


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.upper() in _VARIABLES}


_VARIABLES = {"HOME", "LANG", "PATH", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR", "USERPROFILE", "LD_LIBRARY_PATH"} | {
    *("PYENV_ROOT", "PYENV_VERSION", "DYLD_LIBRARY_PATH"),
}
