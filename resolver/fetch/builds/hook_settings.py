"""A script that runs another one with config settings from standard input, for the process of a build backend.

In: the settings as JSON on standard input; the script of `pyproject_hooks` and its arguments in `sys.argv`. Out: that
script has run, and its hook has got the settings. They may be secret, so they are in no command line and no file.
`pyproject_hooks` has no way for that: its script reads the arguments of a hook with `json.load`, which is replaced here
until it has read them.

It is a short module of its own because the interpreter of a build runs it by its path: it imports nothing of pinfold,
and runs under any Python 3.
"""

import json
import os
import runpy
import sys
from pathlib import Path
from typing import Any

_SETTINGS = "config_settings"


def run_with_settings() -> None:
    """Run the script that the first argument names, as if the interpreter had been started with it.

    The script must not see this file: `sys.argv` and `sys.path` are what they would be without it. Ends the process
    with a message if the script never read the arguments of a hook, so that no settings are dropped unnoticed.
    """
    settings = json.load(sys.stdin)
    original = json.load
    given: list[bool] = []

    def load(file: Any, **options: Any) -> Any:
        """`json.load`, which adds the settings to the first arguments of a hook, and then removes itself."""
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
    json.load = load  # type: ignore[assignment]  # the same call, without the names of its keywords
    runpy.run_path(sys.argv[0], run_name="__main__")
    if not given:
        sys.exit("the config settings did not reach the backend")


if __name__ == "__main__":
    run_with_settings()
