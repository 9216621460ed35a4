"""The targets that the tests of this stage use."""

from __future__ import annotations

from resolver.targets.platforms import DEFAULT_PLATFORM
from resolver.targets.target import PythonVersion, Target

LINUX_311 = Target(python=PythonVersion(major=3, minor=11, patch=0), platform=DEFAULT_PLATFORM)
