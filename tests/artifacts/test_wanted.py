from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from packaging.pylock import Package, PackageArchive, PackageSdist, PackageWheel
from packaging.utils import NormalizedName
from packaging.version import Version

from lockfiles import Lockfile
from resolver.artifacts.wanted import find_name_fault, list_wanted
from resolver.errors import InputError
from tests.lockfiles.samples import build_full_lock, build_package, build_pylock


@pytest.mark.parametrize(
    "name",
    [
        "torch-2.6.0+cu124-cp311-cp311-linux_x86_64.whl",
        "a-1!2.0-py2.py3-none-any.whl",
        "docopt-0.6.2.tar.gz",
        "console-1.0.zip",
    ],
)
def test_names_of_wheels_and_sdists_are_sound(name: str) -> None:
    assert find_name_fault(name) == ""


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("", "it is no name"),
        ("..", "it is no name"),
        ("../a-1.0.tar.gz", "it is a path"),
        ("..\\a-1.0.tar.gz", "it is a path"),
        ("/etc/a-1.0.tar.gz", "it is a path"),
        ("C:a-1.0.tar.gz", "it holds characters that no wheel or sdist has in its name"),
        ("a-1.0.tar.gz\n", "it holds characters that no wheel or sdist has in its name"),
        ("a\x00-1.0.tar.gz", "it holds characters that no wheel or sdist has in its name"),
        ("a 1.0.tar.gz", "it holds characters that no wheel or sdist has in its name"),
        ("a\u202e-1.0.tar.gz", "it holds characters that no wheel or sdist has in its name"),
        ("-a-1.0.tar.gz", "it begins with `-`"),
        (".a-1.0.tar.gz", "it begins with `.`"),
        ("NUL.tar.gz", "it is the name of a device on Windows"),
        ("com1.zip", "it is the name of a device on Windows"),
        ("a" * 200 + "-1.0.tar.gz", "it has 211 characters, and 200 is the limit"),
        ("requirements.txt", "it ends like neither a wheel nor an sdist"),
    ],
)
def test_other_names_are_refused_and_why(name: str, fault: str) -> None:
    assert find_name_fault(name) == fault


A, B = "a" * 64, "b" * 64


def build_lock(*packages: Package) -> Lockfile:
    return Lockfile(pylock=build_pylock(*packages))


def build_named(name: str, filename: str, *, url: str = "https://files.example/x", sha256: str = A) -> Package:
    wheel = PackageWheel(name=filename, url=url, hashes={"sha256": sha256})
    return Package(name=NormalizedName(name), version=Version("1.0"), wheels=[wheel])


def faults(lock: Lockfile) -> list[str]:
    with pytest.raises(InputError) as caught:
        list_wanted(lock, folder=Path("locks"))
    first, *others = str(caught.value).splitlines()
    assert first == "the lock cannot be used here"
    return [line.strip() for line in others]


def test_files_and_trees_of_a_lock_are_told_apart() -> None:
    wanted = list_wanted(build_full_lock(), folder=Path("locks"))
    assert [file.filename for file in wanted.wheels] == ["anyio-4.4.0-py3-none-any.whl"]
    assert [(package.name, file is not None) for package, file in wanted.sources] == [
        ("idna", True),
        ("app", False),
        ("plugin", False),
    ]


def test_sdist_beside_wheels_is_not_wanted() -> None:
    sdist = PackageSdist(name="a-1.0.tar.gz", url="https://files.example/a-1.0.tar.gz", hashes={"sha256": B})
    wanted = list_wanted(build_lock(replace(build_package("a", "1.0"), sdist=sdist)), folder=Path())
    assert [file.filename for file in wanted.wheels] == ["a-1.0-py3-none-any.whl"]


def test_path_starts_from_the_folder_of_the_lock() -> None:
    wheel = PackageWheel(path="../w/a-1.0-py3-none-any.whl", hashes={"sha256": A})
    package = Package(name=NormalizedName("a"), version=Version("1.0"), wheels=[wheel])
    (file,) = list_wanted(build_lock(package), folder=Path("locks")).wheels
    assert file.place == Path("locks/../w/a-1.0-py3-none-any.whl")


def test_archive_gets_a_name_of_ours() -> None:
    archive = PackageArchive(url="https://files.example/archive/main.zip?x=../y", hashes={"sha256": A})
    ((_, file),) = list_wanted(build_lock(Package(name=NormalizedName("a"), archive=archive)), folder=Path()).sources
    assert file is not None
    assert file.filename == "a-aaaaaaaaaaaaaaaa.zip"


def test_unsafe_names_and_schemes_are_refused_all_at_once() -> None:
    lock = build_lock(
        build_named("a", "..\\..\\a.whl"),
        build_named("b", "con.whl"),
        build_named("c", "c-1.0-py3-none-any.whl", url="ftp://files.example/c-1.0-py3-none-any.whl"),
    )
    assert faults(lock) == [
        "a: `..\\..\\a.whl` can be no file here: it is a path",
        "b: `con.whl` can be no file here: it is the name of a device on Windows",
        "c: `c-1.0-py3-none-any.whl` has a URL that begins with none of `https:`, `http:`, `file:`",
    ]


def test_two_files_of_one_name_are_refused_whatever_their_case() -> None:
    lock = build_lock(build_named("a", "x-1-py3-none-any.whl"), build_named("b", "X-1-py3-none-any.whl", sha256=B))
    assert faults(lock) == ["b: `X-1-py3-none-any.whl` is also a file of a with another sha256"]
