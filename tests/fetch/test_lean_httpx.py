from __future__ import annotations

import subprocess
import sys

_PROGRAM = """
import sys
from resolver.fetch.lean_httpx import httpx
print(sorted({"httpx._main", "click", "rich"} & sys.modules.keys()), callable(httpx.main))
"""


def test_httpx_is_imported_without_its_command_line() -> None:
    run = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True)
    assert run.stdout == "[] True\n"


def test_an_httpx_that_was_imported_before_stays_as_it_is() -> None:
    program = "import httpx; before = httpx.main\n" + _PROGRAM + "print(httpx.main is before)"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == "True"
