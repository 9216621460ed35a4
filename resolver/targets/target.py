"""What a lock is for: Python version × platform × accelerator. Nothing here is read from the host.

In: values that a user named (`resolver.targets.python_version`, `resolver.targets.platforms` and
`resolver.targets.machines` parse them). Out: wheel
tags and a complete marker environment, which every later stage uses instead of asking the interpreter it runs on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import assert_never, cast

from packaging.markers import Marker
from packaging.tags import Tag

from resolver.targets.accelerators import UNSPECIFIED, Accelerator, Cpu, Gpu, Unspecified
from resolver.targets.environment import build_marker_environment, render_environment_marker
from resolver.targets.platforms import DEFAULT_PLATFORM, Platform
from resolver.targets.python_version import PythonVersion
from resolver.targets.wheel_tags import build_tags, iter_tag_texts

__all__ = ["Accelerator", "Cpu", "Gpu", "Target", "Unspecified"]


@dataclass(frozen=True, kw_only=True)
class Target:
    """A CPython version on a platform with an accelerator. Targets are equal when they can run the same files.

    What follows from the three is computed when first asked for, and kept on the instance.
    """

    python: PythonVersion
    platform: Platform = DEFAULT_PLATFORM
    accelerator: Accelerator = UNSPECIFIED

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
        return MappingProxyType(cast("dict[str, str]", build_marker_environment(self.python, self.platform)))

    def admits(self, marker: Marker | None) -> bool:
        """Whether a marker of a list holds there: no extra is active, and no marker always holds."""
        return marker is None or marker.evaluate({**self.environment, "extra": ""})

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
        """A stable name for files, of `[a-z0-9_.-]`, equal for equal targets.

        `cp311-manylinux_2_35_x86_64`, `cp313t.2-win_amd64-cpu`, `cp311-manylinux_2_35_x86_64-sm80.sm90-cuda12.8`.
        """
        return self.interpreter_key + _render_accelerator_key(self.accelerator)

    @cached_property
    def interpreter_key(self) -> str:
        """The part of the key that says which files can be installed and what markers are true: no accelerator.

        The patch is in it unless 0: markers can ask for it.
        """
        patch = f".{self.python.patch}" if self.python.patch else ""
        return f"{self.python.abi}{patch}-{self.platform}"

    def __getstate__(self) -> dict[str, object]:
        # For pickle and copy: without what is computed, of which the read-only mapping cannot be pickled.
        return {"python": self.python, "platform": self.platform, "accelerator": self.accelerator}

    def __str__(self) -> str:
        return f"Python {self.python} on {self.platform}{_render_accelerator(self.accelerator)}"


def _render_accelerator_key(accelerator: Accelerator) -> str:
    match accelerator:
        case Unspecified():
            return ""
        case Cpu():
            return "-cpu"
        case Gpu(capabilities=capabilities, cuda=cuda):
            numbers = ".".join(f"sm{capability.number}" for capability in sorted(capabilities))
            # Between a major's floor and its first driver, a driver runs that major but has an older native release.
            newer = f".{cuda.newest_major}x" if cuda.newest_major != cuda.native.major else ""
            return f"-{numbers}-cuda{cuda.native}{newer}"
        case _:
            assert_never(accelerator)


def _render_accelerator(accelerator: Accelerator) -> str:
    match accelerator:
        case Unspecified():
            return ""
        case Cpu():
            return " without a GPU"
        case Gpu(machines=machines, driver=driver):
            return f" for {' or '.join(name for name, _ in machines)} with driver {driver}"
        case _:
            assert_never(accelerator)
