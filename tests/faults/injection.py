"""Processes of the command with a fault in them: `faults.c` is compiled once and loaded into each with LD_PRELOAD."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from tests.command import Run, child_environment

__all__ = ["ENTRY", "compile_faults", "iter_changes", "run_command"]

ENTRY = "import sys; sys.argv[0] = 'lock'; from resolver.cli import run; run()"
_SOURCE = Path(__file__).with_name("faults.c")
_KILLED = -9


def compile_faults(folder: Path) -> Path:
    """The library, made in a folder; skips the test where no C compiler is."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if sys.platform != "linux" or compiler is None:
        pytest.skip("needs a C compiler and LD_PRELOAD of Linux")
    library = folder / "faults.so"
    if not library.exists():
        new = folder / f"faults.{os.getpid()}.so"
        subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", new, _SOURCE, "-ldl"], check=True)
        new.replace(library)
    return library


def run_command(
    folder: Path, *argv: str, before: Sequence[str] = (), environment: Mapping[str, str] | None = None
) -> Run:
    """One run of the command; `before` are words in front of the interpreter, such as `setpriv`."""
    done = subprocess.run(
        [*before, sys.executable, "-c", ENTRY, *argv],
        cwd=folder,
        env=child_environment(folder, PYTHONDONTWRITEBYTECODE="1", **(environment or {})),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    return Run(code=done.returncode, out=done.stdout, err=done.stderr)


def iter_changes(
    run: Callable[[dict[str, str]], Run], *, library: Path, folder: Path, action: str, step: int
) -> Iterator[tuple[int, Run]]:
    """Runs in which the change of number 1, 1 + `step`, … of a file below `folder` meets the fault, until none does.

    `run` gets the variables of the fault. The number and the run are given out.
    """
    mark = folder.parent / "mark"
    number = 1
    while True:
        variables = {
            "LD_PRELOAD": str(library),
            "FAULT_FOLDER": str(folder),
            "FAULT_AT": str(number),
            "FAULT_ACTION": action,
            "FAULT_MARK": str(mark),
        }
        done = run(variables)
        if not mark.exists():
            assert done.code == 0, done.err
            return
        mark.unlink()
        assert (done.code == _KILLED) == (action == "kill"), done
        yield number, done
        number += step
