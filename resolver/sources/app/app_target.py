"""What an app may ask about where it runs, answered for the target and not for this machine."""

from __future__ import annotations

from typing import NamedTuple

from packaging.markers import Environment

from lockfiles.value_classes import dataclass
from resolver.targets.python_version import PythonVersion

__all__ = ["AppTarget", "VersionInfo"]


class VersionInfo(NamedTuple):
    """`sys.version_info` of the target."""

    major: int
    minor: int
    micro: int
    releaselevel: str = "final"
    serial: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AppTarget:
    """What the target says to an app that asks."""

    python: PythonVersion
    environment: Environment
