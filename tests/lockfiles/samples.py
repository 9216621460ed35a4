"""Locks that tests start from: one that uses every part of PEP 751 that we write, and edits of its text."""

from __future__ import annotations

from packaging.markers import Marker
from packaging.pylock import Package, PackageDirectory, PackageSdist, PackageVcs, PackageWheel, Pylock
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version

from lockfiles import Lockfile
from lockfiles.lockfile import BuildFacts, BuildWheel, ToolTable

INDEX = "https://index.example/simple/"
FILES = "https://files.example/packages"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def build_wheel(name: str, version: str, *, sha256: str = "a" * 64, url: str | None = None) -> PackageWheel:
    filename = f"{name}-{version}-py3-none-any.whl"
    return PackageWheel(name=filename, url=url or f"{FILES}/{filename}", size=1000, hashes={"sha256": sha256})


def build_package(name: str, version: str, *, sha256: str = "a" * 64, index: str | None = INDEX) -> Package:
    wheel = build_wheel(name, version, sha256=sha256)
    return Package(name=NormalizedName(name), version=Version(version), index=index, wheels=[wheel])


def build_pylock(*packages: Package) -> Pylock:
    return Pylock(
        lock_version=Version("1.0"),
        environments=[Marker('sys_platform == "linux" and platform_machine == "x86_64"')],
        requires_python=SpecifierSet("==3.11.*"),
        created_by="pinfold",
        packages=list(packages),
    )


def build_tool(*names: str) -> ToolTable:
    projects = tuple(NormalizedName(name) for name in names)
    return ToolTable(
        python="3.11",
        platform="manylinux_2_35_x86_64",
        requirement_digest=f"sha256:{'d' * 64}",
        requirements=(names,),
        layers=(projects,),
        requested_by={name: (f"layer 0: {name}",) for name in projects},
    )


def build_small_lock() -> Lockfile:
    """Two wheels, as pinfold locks them."""
    return Lockfile(
        pylock=build_pylock(build_package("anyio", "4.4.0"), build_package("idna", "3.7", sha256="b" * 64)),
        tool=build_tool("anyio", "idna"),
    )


def build_full_lock() -> Lockfile:
    """A wheel with a dependency, an sdist, a git tree and a folder, with every key of `[tool.pinfold]`."""
    name = NormalizedName
    wheel = Package(
        name=name("anyio"),
        version=Version("4.4.0"),
        dependencies=[{"name": "idna"}],
        index=INDEX,
        wheels=[build_wheel("anyio", "4.4.0")],
    )
    sdist = PackageSdist(
        name="idna-3.7.tar.gz", url=f"{FILES}/idna-3.7.tar.gz", size=189575, hashes={"sha256": "b" * 64}
    )
    tree = PackageVcs(
        type="git",
        url="https://git.example/team/app.git",
        requested_revision="main",
        commit_id=COMMIT,
        subdirectory="python",
    )
    folder = PackageDirectory(path="../plugin", editable=True)
    pylock = build_pylock(
        wheel,
        Package(name=name("idna"), version=Version("3.7"), index=INDEX, sdist=sdist),
        Package(name=name("app"), vcs=tree),
        Package(name=name("plugin"), directory=folder),
    )
    tool = ToolTable(
        python="3.11",
        platform="manylinux_2_35_x86_64",
        accelerator={"kind": "gpu"},
        index_strategy="best-match",
        source="lists/app.py::Chat",
        requirement_digest=f"sha256:{'d' * 64}",
        exclude_newer="2026-01-31T00:00:00Z",
        requirements=(("anyio[trio]>=4", "app @ git+https://git.example/team/app.git@main"), ("-e", "./plugin")),
        layers=((name("anyio"), name("app")), (name("plugin"),)),
        credentials=("files.example", "git.example"),
        built=(name("idna"), name("app")),
        settings={"pre": True, "no-binary": ("idna",), "flag-scope": "list", "limit": 3},
        extras={name("anyio"): (name("trio"),)},
        requested_by={
            name("anyio"): ("layer 0: anyio[trio]>=4",),
            name("app"): ("layer 0: app @ git+https://git.example/team/app.git@main",),
            name("idna"): ("anyio: idna>=2.8",),
            name("plugin"): ("layer 1: ./plugin",),
        },
        build={
            name("idna"): BuildFacts(
                config_settings=(("--global-option", f"sha256:{'e' * 64}"),), requirements=("flit-core==3.9.0",)
            ),
            name("app"): BuildFacts(isolation=False),
            name("plugin"): BuildFacts(content=f"sha256:{'c' * 64}"),
        },
        build_wheels=(
            BuildWheel(
                name=name("flit-core"),
                version=Version("3.9.0"),
                file="flit_core-3.9.0-py3-none-any.whl",
                url=f"{FILES}/flit_core-3.9.0-py3-none-any.whl",
                index=INDEX,
                size=63141,
                sha256="f" * 64,
            ),
        ),
    )
    return Lockfile(pylock=pylock, tool=tool)
