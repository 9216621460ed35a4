"""A wheel of a source tree, from build requirements that lie here as wheels, under an interpreter that is given.

In: a tree, verified wheels, config settings, an instant. Out: the wheel. The backend is kept apart as for metadata.
That two builds of one tree give the same bytes is up to it: time, time zone and hash seed are the same for both.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from resolver.fetch.build_process import BuildFailedError, BuildProcesses
from resolver.fetch.build_room import Backend, open_build_environment
from resolver.fetch.source_tree import read_build_system

__all__ = ["build_wheel"]


def build_wheel(
    tree: Path,
    *,
    python: Path,
    requirement_wheels: Sequence[Path],
    into: Path,
    described: str,
    source_date_epoch: int,
    config_settings: Sequence[tuple[str, str]] = (),
    children: BuildProcesses | None = None,
) -> Path:
    """The wheel of the project at the top of a tree, in the folder `into`.

    `requirement_wheels` are installed as they are, whatever the tree asks for: those of an old lock, or all that is
    installed before a project without isolation. `described` names the tree in messages; `config_settings` may be
    secret. `source_date_epoch` is in seconds. Raises BuildFailedError with the backend's last words, MetadataError for
    a broken pyproject.toml.
    """
    build_system = read_build_system(tree, described=described)
    variables = {"SOURCE_DATE_EPOCH": str(source_date_epoch), "PYTHONHASHSEED": "0", "TZ": "UTC"}
    with open_build_environment(
        children=children or BuildProcesses(), python=python, variables=variables
    ) as environment:
        environment.install(requirement_wheels)
        backend = Backend(tree, build_system=build_system, environment=environment, config_settings=config_settings)
        _check_met(backend.find_requirements(), requirement_wheels)
        built = backend.build_wheel(environment.folder("wheel"))
        _check_name(built)
        return _move(built, into)


def _check_met(requirements: Sequence[str], wheels: Sequence[Path]) -> None:
    """Raises BuildFailedError for what the backend itself asks for and nobody has installed."""
    missing = list(_iter_missing(requirements, wheels))
    if missing:
        raise BuildFailedError(
            f"its backend asks for {', '.join(f'`{text}`' for text in missing)}, which is not among its build"
            " requirements\nadd it to `[build-system] requires` of the project, and lock again"
        )


def _iter_missing(requirements: Sequence[str], wheels: Sequence[Path]) -> Iterator[str]:
    parsed = (parse_wheel_filename(wheel.name)[:2] for wheel in wheels)
    installed = dict(parsed)
    for text in requirements:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            yield text
            continue
        # Whether a marker holds is known to the other interpreter, whose backend says if it lacks something.
        version = installed.get(canonicalize_name(requirement.name))
        is_met = version is not None and requirement.specifier.contains(version, prereleases=True)
        if not is_met and requirement.marker is None:
            yield text


def _check_name(wheel: Path) -> None:
    try:
        parse_wheel_filename(wheel.name)
    except InvalidWheelFilename as error:
        raise BuildFailedError(f"`build_wheel` gave `{wheel.name}`, which is no file name of a wheel") from error


def _move(wheel: Path, into: Path) -> Path:
    """Move a file to a folder, perhaps on another disk, where it appears at once or not at all."""
    new = into / f".{wheel.name}.new"
    try:
        shutil.copyfile(wheel, new)
        return new.replace(into / wheel.name)
    finally:
        new.unlink(missing_ok=True)
