"""The architectures that a build of torch was compiled for, found in the library that knows them.

In: the bytes of `libtorch_python.so` as they come, in chunks. Out: text as the data has it (`75 80 ptx120`). It holds
the flags that it was compiled with, which `torch.cuda.get_arch_list()` splits: no GPU and no import is needed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["LIBRARY", "find_architectures"]

LIBRARY = "/libtorch_python.so"
"""How the name of the library ends in a wheel."""

_FLAGS = re.compile(rb"(?<![0-9a-z_])(?:(?:sm|compute)_\d{2,3}[af]?(?: |(?=\0)))+(?=\0)")
"""`sm_75 sm_80 compute_120`, ended by a zero byte."""
_OVERLAP_BYTES = 4096


def find_architectures(chunks: Iterable[bytes]) -> str:
    """The longest list of flags, as `75 80 ptx120`; reading ends once one is found. Empty without any."""
    rest = b""
    for chunk in chunks:
        window = rest + chunk
        found = max(_FLAGS.findall(window), key=len, default=b"")
        if b" " in found:
            return found.decode("ascii").replace("sm_", "").replace("compute_", "ptx").strip()
        rest = window[-_OVERLAP_BYTES:]
    return ""
