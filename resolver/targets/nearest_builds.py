"""Why no build of a torch release runs on a machine, and the nearest that do. Data first, text last."""

from __future__ import annotations

from packaging.version import Version

from lockfiles.value_classes import dataclass
from resolver.targets.accelerators import Accelerator, Gpu
from resolver.targets.cuda import CudaVersion, Driver
from resolver.targets.kernels import NeedsDriver, NoKernels, Runs, Verdict
from resolver.targets.platforms import Platform
from resolver.targets.torch_builds import TorchBuild, find_release, iter_running_builds, list_verdicts

__all__ = ["NoRunningBuild", "explain_no_build"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NoRunningBuild:
    """A torch release of which no build runs on a target.

    `cuda` is the one build that was asked for, None for any. `verdicts` are its builds, lowest CUDA first, with what
    each lacks. `later` is the build of the first later release that runs, `earlier` that of the last earlier one; both
    are known to exist. `assumed_driver` is the driver where nobody named one. `is_certain` says that the release has no
    other build for the platform.
    """

    version: Version
    cuda: CudaVersion | None
    platform: Platform
    verdicts: tuple[tuple[TorchBuild, Verdict], ...]
    later: TorchBuild | None
    earlier: TorchBuild | None
    assumed_driver: Driver | None
    is_certain: bool

    def __str__(self) -> str:
        parts = [self._render_builds(), *self._render_reasons(), *self._render_nearest()]
        return "; ".join(part for part in parts if part)

    def _render_builds(self) -> str:
        if not self.verdicts:
            kind = "CUDA build" if self.cuda is None else f"{self.cuda.label} build"
            return f"torch {self.version} has no {kind} for `{self.platform}` that is known"
        if len(self.verdicts) == 1:
            build, verdict = self.verdicts[0]
            name = (
                f"torch {build}"
                if self.cuda is not None
                else f"torch {self.version} has one build, {build.label}, which"
            )
            return f"{name} {self._render_one(verdict, several=False)}"
        return f"torch {self.version} has builds for {', '.join(build.label for build, _ in self.verdicts)}"

    def _render_reasons(self) -> list[str]:
        """One text where all builds lack the same, else one for each group of builds; a single build has its own."""
        if len(self.verdicts) < 2:
            return []
        groups: dict[Verdict, list[str]] = {}
        for build, verdict in self.verdicts:
            groups.setdefault(verdict, []).append(build.label)
        if len(groups) == 1:
            return [self._render_all(next(iter(groups)))]
        texts = (
            f"{_join(labels)} {self._render_one(verdict, several=len(labels) > 1)}"
            for verdict, labels in groups.items()
        )
        return [", ".join(texts)]

    def _render_all(self, verdict: Verdict) -> str:
        if isinstance(verdict, NoKernels):
            return f"none has kernels for {verdict.place}"
        return f"all {self._render_one(verdict, several=True)}"

    def _render_one(self, verdict: Verdict, *, several: bool) -> str:
        text = str(verdict)
        if several:
            verb, _, rest = text.partition(" ")
            text = f"{_PLURALS.get(verb, verb)} {rest}"
        if isinstance(verdict, NeedsDriver) and self.assumed_driver is not None:
            text += f" ({self.assumed_driver} is assumed)"
        return text

    def _render_nearest(self) -> list[str]:
        lacks_kernels = bool(self.verdicts) and all(isinstance(one, NoKernels) for _, one in self.verdicts)
        does = "does" if lacks_kernels and len(self.verdicts) > 1 else "runs"
        if self.later is not None:
            return [f"the first that {does} is {self.later}"]
        return [f"the last that {does} is {self.earlier}"] if self.earlier is not None else []


_PLURALS = {"has": "have", "needs": "need", "is": "are"}


def explain_no_build(
    version: Version,
    platform: Platform,
    accelerator: Accelerator,
    *,
    cuda: CudaVersion | None = None,
    python_tag: str | None = None,
) -> NoRunningBuild | None:
    """Why a torch release does not run; None where a build does, or the release is unknown.

    `cuda` looks at the builds of that release of CUDA alone, for a version with a label. `python_tag` (`cp311`) keeps
    releases without wheels for it out of the nearest.
    """
    release = find_release(version)
    if release is None:
        return None
    verdicts = [one for one in list_verdicts(release, platform, accelerator) if cuda in (None, one[0].cuda)]
    if any(isinstance(verdict, Runs) for _, verdict in verdicts):
        return None
    running = [one for one in iter_running_builds(platform, accelerator, python_tag=python_tag) if one.verified]
    later = [one for one in running if one.version > release.version]
    nearest = [one for one in later if one.version == later[-1].version]
    is_assumed = isinstance(accelerator, Gpu) and accelerator.driver_source == "assumption"
    return NoRunningBuild(
        version=release.version,
        cuda=cuda,
        platform=platform,
        verdicts=tuple(verdicts),
        later=nearest[0] if nearest else None,
        earlier=next((one for one in running if one.version < release.version), None),
        assumed_driver=accelerator.driver if is_assumed and isinstance(accelerator, Gpu) else None,
        is_certain=release.is_complete_on(platform),
    )


def _join(labels: list[str]) -> str:
    return labels[0] if len(labels) == 1 else f"{', '.join(labels[:-1])} and {labels[-1]}"
