"""What a lock is for: Python version × platform × accelerator. Nothing here is read from the host.

In: values that a user named (`resolver.targets.python_version`, `resolver.targets.platforms` parse them). Out: wheel
tags and a complete marker environment, which every later stage uses instead of asking the interpreter it runs on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from packaging.tags import Tag

from resolver.targets.platforms import Platform
from resolver.targets.python_version import PythonVersion

__all__ = ["Accelerator", "Target", "Unspecified"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unspecified:
    """No machine was named: builds are chosen as if any would run."""


Accelerator = Unspecified
"""The union of accelerators; cpu and gpu join it with machine types."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """A CPython version on a platform with an accelerator. Targets are equal when they can run the same files."""

    python: PythonVersion
    platform: Platform
    accelerator: Accelerator = Unspecified()
