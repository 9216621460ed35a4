"""What a lock is for: Python version × platform × accelerator. Nothing here is read from the host.

In: values that a user named (`resolver.targets.python_version`, `resolver.targets.platforms` parse them). Out: wheel
tags and a complete marker environment, which every later stage uses instead of asking the interpreter it runs on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import cast

from packaging.tags import Tag

from resolver.targets.environment import build_environment, render_environment_marker
from resolver.targets.platforms import DEFAULT_PLATFORM, Platform
from resolver.targets.python_version import PythonVersion
from resolver.targets.wheel_tags import build_tags, iter_tag_texts

__all__ = ["Accelerator", "Target", "Unspecified"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unspecified:
    """No machine was named: builds are chosen as if any would run."""


Accelerator = Unspecified
"""The union of accelerators; cpu and gpu join it with machine types."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """A CPython version on a platform with an accelerator. Targets are equal when they can run the same files.

    What follows from the three is computed when first asked for, and kept on the instance.
    """

    python: PythonVersion
    platform: Platform = DEFAULT_PLATFORM
    accelerator: Accelerator = Unspecified()

    @cached_property
    def tags(self) -> tuple[Tag, ...]:
        """The wheel tags that run there, best first, in the order of `packaging.tags.sys_tags`."""
        return build_tags(self.python, self.platform)

    @cached_property
    def tag_ranks(self) -> Mapping[str, int]:
        """The place of each wheel tag, 0 best, by its text (`cp311-cp311-manylinux_2_17_x86_64`)."""
        texts = iter_tag_texts(self.python, self.platform)
        return {text: rank for rank, text in enumerate(texts)}

    @cached_property
    def environment(self) -> Mapping[str, str]:
        """The complete PEP 508 marker environment, read-only."""
        return MappingProxyType(cast("dict[str, str]", build_environment(self.python, self.platform)))

    @cached_property
    def requires_python(self) -> str:
        """The specifier for PEP 751 `requires-python`: `==3.11.*`."""
        return f"=={self.python.short}.*"

    @cached_property
    def environment_marker(self) -> str:
        """The marker for PEP 751 `environments`; what it cannot say is in `render_environment_marker`."""
        return render_environment_marker(self.platform)

    @cached_property
    def key(self) -> str:
        """A stable name for files, of `[a-z0-9_.-]`: `cp311-manylinux_2_35_x86_64`, `cp313t.2-win_amd64`.

        The patch is in it unless 0: markers can ask for it.
        """
        patch = f".{self.python.patch}" if self.python.patch else ""
        return f"{self.python.abi}{patch}-{self.platform}"

    def __str__(self) -> str:
        return f"Python {self.python} on {self.platform}"
