"""Hashes that the list gives: which files they let in, and `--require-hashes` (pip: Hash-checking Mode)."""

from __future__ import annotations

from resolver.errors import Fault, HashMismatchError, InputError
from resolver.index.origin import Commit, Folder
from resolver.index.package_source import PackageSource
from resolver.requirements.direct_reference import render_reference
from resolver.solve.problem import Problem
from resolver.solve.resolution import Pin, Resolution

__all__ = ["MissingHashesError", "check_contents", "check_required_hashes"]


class MissingHashesError(InputError):
    """Hashes are required, and some pins have none; `lines` are what the list would have to hold."""

    def __init__(self, lines: tuple[str, ...]) -> None:
        super().__init__(
            f"`--require-hashes` needs a hash for every package, and {len(lines)} of them have none",
            remedy="add these lines, once you have verified them",
            quoted=lines,
        )
        self.lines = lines


def check_required_hashes(problem: Problem, resolution: Resolution, source: PackageSource) -> None:
    """Raises MissingHashesError if a pin has no hash in the list, InputError if it is a tree, which has none."""
    trees = [pin for pin in resolution.pins if isinstance(pin.file.origin, Commit | Folder)]
    if trees:
        raise InputError.from_faults(_refuse_tree(pin, problem) for pin in trees)
    hashed = {root.name for root in (*problem.roots, *problem.constraints) if root.hashes}
    missing = [pin for pin in resolution.pins if pin.name not in hashed]
    if missing:
        raise MissingHashesError(tuple(_render_line(pin, problem, source) for pin in missing))


def check_contents(problem: Problem, resolution: Resolution) -> None:
    """Raises HashMismatchError where a file has none of the hashes that the list gives for its project.

    For a resolution with the hash of every file: a page that gives none let its files in unseen.
    """
    for pin in resolution.pins:
        allowed = problem.allowed_hashes(pin.name)
        if allowed is not None and allowed.isdisjoint(pin.file.hashes):
            listed = ", ".join(sorted(allowed)) or "none that all lines give"
            found = f"sha256:{pin.file.sha256}"
            raise HashMismatchError(
                f"`{pin.file.filename}` has none of the hashes that the list gives for `{pin.name}`",
                details=(
                    f"listed: {listed}",
                    f"found:  {found}",
                ),
                remedy="find out which of them is right",
                filename=pin.file.filename,
                expected=listed,
                found=found,
            )


def _refuse_tree(pin: Pin, problem: Problem) -> Fault:
    request = problem.direct[pin.name].request
    what = "a repository" if isinstance(pin.file.origin, Commit) else "a folder"
    return Fault(
        where=request.position,
        what=f"`{request.text}` is {what}, which has no hash, and `--require-hashes` needs one for every package",
        remedy="name a wheel or sdist of it",
    )


def _render_line(pin: Pin, problem: Problem, source: PackageSource) -> str:
    file = pin.file if pin.file.sha256 is not None else source.complete(pin.file)
    fixed = problem.direct.get(pin.name)
    what = f"{pin.name}=={pin.version}"
    if fixed is not None:
        what = f"{pin.name} @ {render_reference(fixed.request.reference)}"
    return f"{what} --hash=sha256:{file.sha256}"
