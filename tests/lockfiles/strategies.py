"""Any lock that we could have written, for property tests."""

from __future__ import annotations

from hypothesis import strategies as st
from packaging.pylock import Package, PackageDirectory, PackageSdist, PackageVcs, PackageWheel, Pylock
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version

from lockfiles import Lockfile
from lockfiles.lockfile import BuildFacts, BuildWheel, ToolTable

__all__ = ["locks"]

NAMES = tuple(NormalizedName(name) for name in ("anyio", "idna", "torch", "zope-interface", "a"))
VERSIONS = ("1.0", "2.0", "2.5.0+cu124", "1!3.0rc1")

names = st.sampled_from(NAMES)
hashes = st.sampled_from("abc").map(lambda digit: digit * 64)
digests = hashes.map(lambda text: f"sha256:{text}")
indexes = st.sampled_from(["https://index.example/simple/", "https://other.example/simple/", None])
# Text as a list may hold it: anything but what no TOML document of ours can have.
texts = st.text(
    st.characters(exclude_categories=("Cc", "Cf", "Cs", "Zl", "Zp")),
    max_size=8,
).filter(lambda text: "://" not in text)


@st.composite
def wheels(draw: st.DrawFn, name: NormalizedName, version: str) -> PackageWheel:
    tags = draw(st.sampled_from(["py3-none-any", "cp311-cp311-win_amd64"]))
    filename = f"{name.replace('-', '_')}-{version}-{tags}.whl"
    url = f"https://files.example/{filename}"
    return PackageWheel(name=filename, url=url, size=draw(st.integers(0, 9)), hashes={"sha256": draw(hashes)})


@st.composite
def packages(draw: st.DrawFn, name: NormalizedName) -> Package:
    index = draw(indexes)
    version = draw(st.sampled_from(VERSIONS))
    match draw(st.sampled_from(["wheel", "sdist", "tree", "folder"])):
        case "wheel":
            wheel = draw(wheels(name, version))
            return Package(name=name, version=Version(version), index=index, wheels=[wheel])
        case "sdist":
            filename = f"{name.replace('-', '_')}-{version}.tar.gz"
            sdist = PackageSdist(name=filename, path=f"files/{filename}", hashes={"sha256": draw(hashes)})
            return Package(name=name, version=Version(version), index=index, sdist=sdist)
        case "tree":
            tree = PackageVcs(type="git", url="https://git.example/a.git", commit_id=draw(hashes))
            return Package(name=name, vcs=tree)
        case _:
            editable = draw(st.sampled_from([True, False, None]))
            return Package(name=name, directory=PackageDirectory(path="../a", editable=editable))


@st.composite
def _build_wheels(draw: st.DrawFn) -> BuildWheel:
    name, version = draw(names), draw(st.sampled_from(VERSIONS))
    file = f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
    is_local = draw(st.booleans())
    return BuildWheel(
        name=name,
        version=Version(version),
        file=file,
        url=None if is_local else f"https://files.example/{file}",
        path=f"wheels/{file}" if is_local else None,
        index=draw(st.none() | st.just("https://index.example/simple/")),
        size=draw(st.integers(0, 9)),
        sha256=draw(digests).removeprefix("sha256:"),
    )


build_wheels = _build_wheels()


@st.composite
def tool_tables(draw: st.DrawFn, chosen: list[NormalizedName]) -> ToolTable:
    projects = st.sampled_from(chosen)
    build_facts = st.builds(
        BuildFacts,
        config_settings=st.lists(st.tuples(texts, digests), max_size=2).map(tuple),
        isolation=st.booleans(),
        requirements=st.lists(texts, max_size=2).map(lambda items: tuple(sorted(items))),
        content=st.none() | digests,
    )
    setting = texts | st.booleans() | st.integers(-9, 9) | st.lists(texts, max_size=2).map(tuple)
    return draw(
        st.builds(
            ToolTable,
            python=st.sampled_from(["3.11", "3.13t", "3.11.4"]),
            platform=st.sampled_from(["manylinux_2_35_x86_64", "win_amd64"]),
            accelerator=st.dictionaries(texts, texts, max_size=2),
            index_strategy=st.sampled_from(["first-index", "best-match"]),
            requirement_digest=digests,
            exclude_newer=st.none() | st.just("2026-01-31T00:00:00Z"),
            requirements=st.lists(st.lists(texts, max_size=3).map(tuple), max_size=2).map(tuple),
            layers=st.lists(st.lists(projects, max_size=3).map(tuple), max_size=2).map(tuple),
            credentials=st.sets(texts, max_size=2).map(lambda items: tuple(sorted(items))),
            built=st.sets(projects).map(lambda items: tuple(sorted(items))),
            settings=st.dictionaries(texts, setting, max_size=3),
            extras=st.dictionaries(projects, st.sets(names).map(lambda items: tuple(sorted(items))), max_size=2),
            requested_by=st.dictionaries(projects, st.lists(texts, max_size=2).map(tuple), max_size=2),
            build=st.dictionaries(projects, build_facts, max_size=2),
            build_wheels=st.lists(build_wheels, max_size=2, unique_by=lambda wheel: wheel.requirement).map(
                lambda items: tuple(sorted(items, key=lambda wheel: (wheel.name, wheel.version)))
            ),
        )
    )


@st.composite
def locks(draw: st.DrawFn) -> Lockfile:
    """A lock of up to five packages, sorted by name, with or without `[tool.pinfold]`."""
    chosen = sorted(draw(st.sets(names, max_size=5)))
    pylock = Pylock(
        lock_version=Version("1.0"),
        requires_python=draw(st.sampled_from([SpecifierSet("==3.11.*"), None])),
        created_by=draw(st.sampled_from(["pinfold", "pip"])),
        packages=[draw(packages(name)) for name in chosen],
    )
    return Lockfile(pylock=pylock, tool=draw(st.none() | tool_tables(chosen)) if chosen else None)
