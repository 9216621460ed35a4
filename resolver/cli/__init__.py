"""The `lock` command: options, output, and one module a verb.

`run` is its entry point: an equal run to a recorded one is done again from its record (`resolver.cli.records`), and
only another one imports the rest.
"""

from __future__ import annotations

import os
import sys

__all__ = ["run"]


def run() -> None:
    """The console script. Ends the process with the exit code of the run."""
    from resolver.cli.records import replay, start_recording  # Lazy: programs import this package for its modules.

    try:
        code = replay(sys.argv[1:])
    except KeyboardInterrupt:
        os._exit(130)
    if code is not None:
        os._exit(code)
    start_recording(sys.argv[1:])

    from resolver.cli.main import run as run_unrecorded

    run_unrecorded()
