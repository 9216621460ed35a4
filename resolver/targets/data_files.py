"""The data that ships with pinfold, read when something first asks for it and then kept.

Each file says what its keys mean; every row names its source. Reading all of them takes 6 ms, so no target pays for
what it does not ask: one without a machine reads `families.toml` alone.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

__all__ = ["DataFile", "read_data"]

DataFile = Literal[
    "build_tools", "cuda", "cuda_components", "families", "gpus", "labels", "machines", "metadata", "packages", "torch"
]


@cache
def read_data(name: DataFile) -> Mapping[str, Any]:
    """The tables of `data/{name}.toml`. Not to be changed: all callers share them."""
    # Not through importlib.resources, whose import takes longer than all the rest of this function.
    text = Path(__file__).with_name("data").joinpath(f"{name}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
