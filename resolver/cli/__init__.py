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
    # Lazy: programs import this package for its modules.
    from resolver.cli.records import replay

    try:
        repeated = replay(sys.argv[1:])
    except KeyboardInterrupt:
        os._exit(130)
    if repeated is not None and not repeated.output:
        os._exit(repeated.code)
    if repeated is None:
        from resolver.cli.recording import start_recording

        start_recording(sys.argv[1:])

    from resolver.cli.main import print_repeated, run_unrecorded

    if repeated is not None:
        print_repeated(repeated)
    run_unrecorded()
