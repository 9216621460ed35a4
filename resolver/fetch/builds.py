"""Whether and how source trees may be built: the options, apart from the code that builds, which few runs load."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Literal

from packaging.utils import NormalizedName

from lockfiles.value_classes import dataclass
from resolver.index.distribution_file import DistributionFile

if TYPE_CHECKING:
    from pathlib import Path

    from resolver.fetch.build_process import BuildProcesses

__all__ = ["BuildPolicy", "Builds", "ConfigSettings", "FindBuildWheels"]

BuildPolicy = Literal["never", "if-compatible", "anyway"]

ConfigSettings = Mapping[NormalizedName, tuple[tuple[str, str], ...]]
"""`--config-settings` by project, in list order; they may be secret."""

FindBuildWheels = Callable[[Sequence[str]], Sequence[DistributionFile]]
"""The wheels that meet requirements, and all that these need, for the interpreter that runs this, with their SHA-256.

Raises ResolutionError where there are none, FetchError, HashMismatchError.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Builds:
    """Whether a build may tell what a project needs, and what it is given.

    - `if-compatible` builds only where this machine could be the target; so are `allowed` built under `never`.
    - `find_wheels` decides on build requirements, and `fetch_wheel` gives the verified file of one. Both run in this
      process, which has credentials and runs no build code. They may be called from many threads.
    - `children` are the processes of builds, for whoever has to end them; made when the first build begins.
    - `config_settings` (they may be secret) are those of the list, by project; `without_isolation` are the projects of
      layers with `--no-build-isolation`, which are not built here.
    """

    policy: BuildPolicy
    find_wheels: FindBuildWheels
    fetch_wheel: Callable[[DistributionFile], Path]
    children: Callable[[], BuildProcesses]
    config_settings: ConfigSettings = field(default_factory=dict, repr=False)
    without_isolation: frozenset[NormalizedName] = frozenset()
    allowed: frozenset[NormalizedName] = frozenset()

    def policy_for(self, project: NormalizedName | None) -> BuildPolicy:
        """The policy for one project: a name that may be built is, where this machine could be the target."""
        return "if-compatible" if self.policy == "never" and project in self.allowed else self.policy
