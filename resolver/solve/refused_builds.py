"""Releases of torch of which no build runs on the target: refused before any request, and explained.

In: a problem, or the rows of torch that a failed search asked for. Out: lines for an error, with the numbers: which
builds there are, what each lacks, and the nearest that run.
"""

from __future__ import annotations

from packaging.version import InvalidVersion, Version

from resolver.solve.acceleration import TORCH_NAME, Acceleration
from resolver.solve.problem import Problem, Root
from resolver.solve.project_table import ProjectTable, iter_rows
from resolver.targets.accelerators import Gpu
from resolver.targets.cuda import CudaVersion
from resolver.targets.labels import parse_version_label
from resolver.targets.nearest_builds import NoRunningBuild, explain_no_build

__all__ = ["explain_rows", "list_refused"]

_SHOWN_RELEASES = 3


def list_refused(problem: Problem, acceleration: Acceleration) -> tuple[tuple[Root, str], ...]:
    """The roots that pin a torch of which the data has every build and none runs, each with the reason.

    An index of the user's may have other builds, so there it is asked.
    """
    if TORCH_NAME in acceleration.allow or any(root.name == TORCH_NAME for root in problem.overrides):
        return ()
    if not all(location.is_default for location in problem.locations(TORCH_NAME)):
        return ()
    return tuple((root, str(why)) for root in problem.roots if (why := _find_refusal(root, acceleration)) is not None)


def explain_rows(acceleration: Acceleration, table: ProjectTable, matching: int) -> tuple[str, ...]:
    """What the releases of torch that were asked for lack, newest first; nothing where some row is out otherwise."""
    rows = list(iter_rows(matching))
    if table.name != TORCH_NAME or not all(table.reason(row) for row in rows):
        return ()
    versions = dict.fromkeys(Version(table.versions[row].public) for row in rows)
    labels = {_label_cuda(table.versions[row]) for row in rows}
    cuda = labels.pop() if len(labels) == 1 else None
    found = [_explain(version, acceleration, cuda) for version in list(versions)[:_SHOWN_RELEASES]]
    return tuple(str(one) for one in found) if None not in found else ()


def _find_refusal(root: Root, acceleration: Acceleration) -> NoRunningBuild | None:
    pins = [part for part in root.specifier if part.operator in ("==", "===") and not part.version.endswith(".*")]
    if root.name != TORCH_NAME or not pins:
        return None
    try:
        version = Version(pins[0].version)
    except InvalidVersion:  # `===` compares text.
        return None
    cuda = _label_cuda(version)
    if version.local is not None and cuda is None:
        return None
    found = _explain(Version(version.public), acceleration, cuda)
    return found if found is not None and found.is_certain else None


def _explain(version: Version, acceleration: Acceleration, cuda: CudaVersion | None) -> NoRunningBuild | None:
    target = acceleration.target
    if not isinstance(target.accelerator, Gpu):
        return None
    tag = f"cp{target.python.major}{target.python.minor}"
    return explain_no_build(version, target.platform, target.accelerator, cuda=cuda, python_tag=tag)


def _label_cuda(version: Version) -> CudaVersion | None:
    label = parse_version_label(version)
    return label.cuda if label is not None and isinstance(label.cuda, CudaVersion) else None
