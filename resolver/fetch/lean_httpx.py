"""httpx without its command line, which brings click, rich and pygments where they are installed: 75 ms, not 120.

httpx imports that of itself and does without where it fails; whoever has imported httpx before keeps what is there.
"""

from __future__ import annotations

import sys

__all__ = ["httpx"]

_COMMAND_LINE = "httpx._main"

_is_first = "httpx" not in sys.modules and _COMMAND_LINE not in sys.modules
if _is_first:
    sys.modules[_COMMAND_LINE] = None  # type: ignore[assignment]  # how Python says that a module is not to be had
try:
    import httpx
finally:
    if _is_first:
        del sys.modules[_COMMAND_LINE]
