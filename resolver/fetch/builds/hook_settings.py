"""Runs another script with config settings from standard input: they may be secret, so are in no argv and no file.

Started by its path in the interpreter of a build, with the script of `pyproject_hooks` and its arguments. That reads
the arguments of a hook with `json.load`, which this lets see the settings. Nothing of pinfold is imported: any Python
runs it.
"""

import json
import os
import runpy
import sys
from pathlib import Path
from typing import Any

_SETTINGS = "config_settings"


def run_with_settings() -> None:
    """Run the script that the first argument names, as if it had been started itself."""
    settings = json.load(sys.stdin)
    original = json.load
    given: list[bool] = []

    def load(file: Any, **options: Any) -> Any:
        document = original(file, **options)
        arguments = document.get("kwargs") if isinstance(document, dict) else None
        if not given and isinstance(arguments, dict) and _SETTINGS in arguments:
            arguments[_SETTINGS] = settings
            given.append(True)
            json.load = original
        return document

    here = os.path.realpath(Path(__file__).parent)
    sys.path[:] = [path for path in sys.path if os.path.realpath(path) != here]
    del sys.argv[0]
    json.load = load  # type: ignore[assignment]  # It takes what the original takes.
    runpy.run_path(sys.argv[0], run_name="__main__")
    if not given:
        sys.exit("the config settings did not reach the backend")


if __name__ == "__main__":
    run_with_settings()
