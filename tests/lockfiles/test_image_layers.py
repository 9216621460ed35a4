from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from packaging.pylock import Package, PackageDirectory
from packaging.utils import NormalizedName
from packaging.version import Version

from lockfiles import Lockfile
from lockfiles.image_layers import split_layers
from tests.lockfiles.samples import INDEX, build_pylock, build_tool, build_wheel

MB = 1_000_000


def package(name: str, size: int, *needs: str, sha256: str = "a" * 64) -> Package:
    return Package(
        name=NormalizedName(name),
        version=Version("1.0"),
        index=INDEX,
        dependencies=[{"name": one} for one in needs] or None,
        wheels=[replace(build_wheel(name, "1.0", sha256=sha256), size=size)],
    )


def build_lock(*packages: Package, layers: Sequence[Sequence[str]] = ()) -> Lockfile:
    names = tuple(package.name for package in packages)
    tool = build_tool(*names)
    if layers:
        tool = replace(tool, layers=tuple(tuple(NormalizedName(name) for name in layer) for layer in layers))
    return Lockfile(pylock=build_pylock(*packages), tool=tool)


TORCH = (package("torch", 800 * MB, "cublas", "sympy"), package("cublas", 400 * MB), package("sympy", 6 * MB))


def split(lock: Lockfile) -> list[tuple[str, tuple[str, ...], int]]:
    return [(layer.reason, layer.names, layer.size_bytes) for layer in split_layers(lock)]


def test_heavy_packages_that_need_each_other_come_first() -> None:
    lock = build_lock(*TORCH, package("opencv", 60 * MB), package("tqdm", MB))
    assert split(lock) == [
        ("heavy", ("cublas", "torch"), 1200 * MB),
        ("heavy", ("opencv",), 60 * MB),
        ("light", ("sympy", "tqdm"), 7 * MB),
    ]


def test_the_layers_of_a_list_are_the_split() -> None:
    lock = build_lock(*TORCH, package("tqdm", MB), layers=[["torch"], ["tqdm"]])
    assert split(lock) == [
        ("listed", ("cublas", "sympy", "torch"), 1206 * MB),
        ("listed", ("tqdm",), MB),
    ]


def test_source_trees_come_last() -> None:
    tree = Package(name=NormalizedName("app"), directory=PackageDirectory(path="."))
    assert split(build_lock(tree, package("tqdm", MB))) == [("light", ("tqdm",), MB), ("own", ("app",), 0)]


def test_apps_with_the_same_heavy_packages_share_their_layer() -> None:
    one, other = (split_layers(build_lock(*TORCH, package(name, MB))) for name in ("tqdm", "rich"))
    assert one[0].digest == other[0].digest
    assert one[1].digest != other[1].digest


def test_another_file_of_a_package_changes_its_layer_alone() -> None:
    one = split_layers(build_lock(*TORCH, package("tqdm", MB)))
    other = split_layers(build_lock(*TORCH, package("tqdm", MB, sha256="b" * 64)))
    assert [a.digest == b.digest for a, b in zip(one, other, strict=True)] == [True, False]


def test_the_order_of_packages_does_not_matter() -> None:
    packages = (*TORCH, package("opencv", 60 * MB), package("tqdm", MB))
    assert split_layers(build_lock(*packages)) == split_layers(build_lock(*reversed(packages)))
