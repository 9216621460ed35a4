"""The PyTorch indexes and the default index in memory, as `pytorch_indexes.toml` has them, with stale copies."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.solve.memory_source import DEFAULT_INDEX, Release

__all__ = ["PYTORCH", "build_pytorch_indexes"]

PYTORCH = "https://download.pytorch.org/whl/"
_WHEELS = ("cp311-cp311-manylinux_2_28_x86_64", "cp311-cp311-manylinux_2_28_aarch64")


def build_pytorch_indexes(without: Collection[str] = ()) -> dict[str, list[Release]]:
    """Releases by index URL; `without` are folders of the PyTorch host that have no torch."""
    text = Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")
    rows = tomllib.loads(text)["release"]
    indexes: dict[str, list[Release]] = {DEFAULT_INDEX: [*_iter_others("3.20.0", "2.0.0")]}
    for row in rows:
        indexes[DEFAULT_INDEX] += _iter_release(row, "", (row["pin"],))
        for label in row["builds"].split():
            if label not in without:
                stale = [*_iter_others("3.9.0", "1.20.0")]
                indexes.setdefault(f"{PYTORCH}{label}", stale).extend(_iter_release(row, f"+{label}", ()))
    return {url: list({(one.name, one.version): one for one in found}.values()) for url, found in indexes.items()}


def _iter_release(row: Mapping[str, Any], label: str, pins: tuple[str, ...]) -> Iterator[Release]:
    torch, triton = row["version"], row["triton"]
    yield _release("torch", torch + label, "filelock", f"triton=={triton}", *pins)
    exact = Version(row["torchvision"]) < Version("0.29.1")
    yield _release("torchvision", row["torchvision"] + label, "numpy", f"torch=={torch}" if exact else "torch>=2.14")
    own = Version(row["torchaudio"]) < Version("2.11")
    yield _release("torchaudio", row["torchaudio"] + label, *([f"torch=={torch}"] if own else []))
    yield _release("triton", triton)
    for pin in pins:
        name, _, version = pin.partition("==")
        yield _release(name, version)


def _iter_others(filelock: str, numpy: str) -> Iterator[Release]:
    yield _release("filelock", filelock)
    yield _release("numpy", numpy)


def _release(name: str, version: str, *requires: str) -> Release:
    return Release(name=canonicalize_name(name), version=version, requires=requires, wheels=_WHEELS)
