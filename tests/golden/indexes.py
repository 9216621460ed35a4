"""The indexes that golden locks are made from, in memory: the default index and the PyTorch indexes, as they are.

Releases and builds are those of `tests/solve/pytorch_indexes.toml`; what the default index's wheels of torch require is
in `torch_requirements.toml`. Of builds on other indexes nobody has read that: they pin the runtime of their toolkit.
Every PyTorch index has copies of what its builds need, some of them stale, as the real ones do.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from tests.solve.memory_source import DEFAULT_INDEX, Release
from tests.solve.pytorch_indexes import PYTORCH

__all__ = ["build_indexes"]

_FOLDER = Path(__file__).parent
_NEEDS = ("filelock", "typing-extensions>=4.10.0", "sympy", "networkx", "jinja2", "fsspec")
_CURRENT = (
    "filelock==3.20.0",
    "fsspec==2026.9.0",
    "jinja2==3.1.6",
    "markupsafe==3.0.3",
    "mpmath==1.3.0",
    "networkx==3.6",
    "sympy==1.14.0",
    "typing-extensions==4.15.0",
)
_STALE = (
    "filelock==3.13.1",
    "fsspec==2024.6.1",
    "jinja2==3.1.4",
    "markupsafe==2.1.5",
    "mpmath==1.3.0",
    "networkx==3.3",
    "numpy==2.1.2",
    "pillow==11.0.0",
    "sympy==1.13.1",
    "typing-extensions==4.12.2",
)
_REQUIRES = {"jinja2": ("markupsafe>=2.0",), "sympy": ("mpmath<1.4,>=1.1.0",)}
_RUNTIMES = {
    "cu118": "nvidia-cuda-runtime-cu11==11.8.89",
    "cu121": "nvidia-cuda-runtime-cu12==12.1.105",
    "cu124": "nvidia-cuda-runtime-cu12==12.4.127",
    "cu126": "nvidia-cuda-runtime-cu12==12.6.77",
    "cu128": "nvidia-cuda-runtime-cu12==12.8.90",
    "cu129": "nvidia-cuda-runtime-cu12==12.9.79",
    "cu130": "cuda-toolkit[cudart]==13.0.2",
    "cu132": "cuda-toolkit[cudart]==13.2.1",
}


def build_indexes() -> dict[str, list[Release]]:
    """Releases by index URL; none twice."""
    found: dict[str, list[Release]] = {DEFAULT_INDEX: [*_iter_pure(_CURRENT), *_iter_real_lists()]}
    found[DEFAULT_INDEX] += map(_build_component, map(Requirement, _RUNTIMES.values()))
    requirements = _read(_FOLDER / "torch_requirements.toml")
    for row in _read(_FOLDER.parent / "solve" / "pytorch_indexes.toml")["release"]:
        found[DEFAULT_INDEX] += _iter_builds(row, "", tuple(requirements[row["version"]]))
        for label in row["builds"].split():
            # Of the CUDA that the default index's build has, the requirements are its own.
            is_default = label == f"cu{row['default']}"
            needs = requirements[row["version"]] if is_default else [one for one in [_RUNTIMES.get(label)] if one]
            found.setdefault(f"{PYTORCH}{label}", [*_iter_pure(_STALE)]).extend(
                _iter_builds(row, f"+{label}", (*needs, *([] if is_default else [f"triton=={row['triton']}"])))
            )
    return {url: [*_iter_once(releases)] for url, releases in found.items()}


def _iter_once(releases: list[Release]) -> Iterator[Release]:
    """Each version once, with hashes of its own: a copy on another index has the same."""
    for one in {(one.name, one.version): one for one in releases}.values():
        digest = hashlib.sha256(f"{one.name} {one.version}".encode()).hexdigest()
        yield replace(one, hashes=(f"sha256:{digest}",))


def _read(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


def _iter_pure(pins: tuple[str, ...]) -> Iterator[Release]:
    for pin in pins:
        name, _, version = pin.partition("==")
        yield Release(name=canonicalize_name(name), version=version, requires=_REQUIRES.get(name, ()))


def _iter_real_lists() -> Iterator[Release]:
    """Other projects that real lists ask for."""
    for name, row in _read(_FOLDER / "other_projects.toml").items():
        for version in row["versions"]:
            yield Release(
                name=canonicalize_name(name),
                version=version,
                requires=tuple(row.get("requires", ())),
                extras=tuple(row.get("extras", ())),
                wheels=tuple(row.get("wheels", ("py3-none-any",))),
            )


def _iter_builds(row: Mapping[str, Any], label: str, needs: tuple[str, ...]) -> Iterator[Release]:
    """A release of torch with what goes with it, and every component that it requires in one version."""
    torch, wheels = row["version"], _name_wheels(row["version"], label)
    vision = f"torch=={torch}" if Version(row["torchvision"]) < Version("0.29.1") else "torch>=2.14"
    audio = (f"torch=={torch}",) if Version(row["torchaudio"]) < Version("2.11") else ()
    yield _release("torch", torch + label, (*_NEEDS, *needs), wheels)
    yield _release("torchvision", row["torchvision"] + label, ("numpy", vision, "pillow!=8.3.*,>=5.3.0"), wheels)
    yield _release("torchaudio", row["torchaudio"] + label, audio, wheels)
    yield _release("triton", row["triton"], (), ("cp311-cp311-manylinux_2_27_x86_64.manylinux_2_28_x86_64",))
    yield from map(_build_component, (one for one in map(Requirement, needs) if one.name != "triton"))


def _build_component(wanted: Requirement) -> Release:
    version = min(wanted.specifier, key=lambda part: part.operator != "==")
    exact = {"cuda-bindings": "13.0.3"}.get(wanted.name, version.version)
    return Release(
        name=canonicalize_name(wanted.name),
        version=exact,
        extras=tuple(sorted(wanted.extras)),
        wheels=("py3-none-any",) if wanted.extras else ("py3-none-manylinux_2_27_x86_64",),
    )


def _name_wheels(torch: str, label: str) -> tuple[str, ...]:
    """Tags of real file names: up to 2.6 the default index's say `manylinux1`, those of other indexes `linux`."""
    is_old = Version(torch) < Version("2.7")
    platform = "manylinux_2_28_x86_64" if not is_old else "linux_x86_64" if label else "manylinux1_x86_64"
    return tuple(f"{python}-{python}-{platform}" for python in ("cp310", "cp311", "cp312"))


def _release(name: str, version: str, requires: tuple[str, ...], wheels: tuple[str, ...]) -> Release:
    return Release(name=NormalizedName(name), version=version, requires=requires, wheels=wheels)
