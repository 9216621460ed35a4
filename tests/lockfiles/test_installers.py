"""What installers make of our locks: the real pip and uv, offline, over wheels made here."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.pylock import Package, PackageSdist, PackageWheel, Pylock
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version
from uv import find_uv_bin

from lockfiles import Lockfile, digest, dumps, loads, write
from lockfiles.lockfile import ToolTable
from tests.distributions import make_sdist, make_wheel, sdist_filename, wheel_filename

MINOR = f"{sys.version_info.major}.{sys.version_info.minor}"


def write_wheel(folder: Path, name: str, version: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / wheel_filename(name, version)
    path.write_bytes(make_wheel(name, version))
    return path


def build_lock(*wheels: Package, requires_python: str = f"=={MINOR}.*", marker: str | None = None) -> Lockfile:
    pylock = Pylock(
        lock_version=Version("1.0"),
        environments=[Marker(marker or f'sys_platform == "{sys.platform}" and implementation_name == "cpython"')],
        requires_python=SpecifierSet(requires_python),
        created_by="pinfold",
        packages=list(wheels),
    )
    names = tuple(package.name for package in wheels)
    tool = ToolTable(
        python=MINOR,
        platform="manylinux_2_35_x86_64",
        requirement_digest=f"sha256:{'d' * 64}",
        requirements=(names,),
        layers=(names,),
        requested_by={name: (f"layer 0: {name}",) for name in names},
    )
    return Lockfile(pylock=pylock, tool=tool)


def build_package(path: Path, *, relative_to: Path | None = None, sha256: str | None = None) -> Package:
    name, version, *_ = path.name.split("-")
    data = path.read_bytes()
    wheel = PackageWheel(
        name=path.name,
        url=None if relative_to else path.as_uri(),
        path=path.relative_to(relative_to).as_posix() if relative_to else None,
        size=len(data),
        hashes={"sha256": sha256 or hashlib.sha256(data).hexdigest()},
    )
    return Package(name=NormalizedName(name), version=Version(version), wheels=[wheel])


def run_installer(installer: str, lock: Path, target: Path) -> subprocess.CompletedProcess[str]:
    """A real installation into an empty folder, which no installed package can answer for."""
    if installer == "pip":
        command = [sys.executable, "-m", "pip", "--isolated", "--disable-pip-version-check", "install", "--no-index"]
        command += ["--no-deps", "--no-cache-dir", "--target", str(target), "-r", str(lock)]
    else:
        command = [
            find_uv_bin(),
            "pip",
            "install",
            "--offline",
            "--no-config",
            "--no-cache",
            "--python",
            sys.executable,
        ]
        command += ["--preview-features", "pylock", "--target", str(target), "-r", str(lock)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def read_installed(target: Path) -> list[str]:
    return sorted(path.name for path in target.glob("*.dist-info"))


@pytest.fixture(params=["pip", "uv"])
def installer(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_installers_take_wheels_by_url(installer: str, tmp_path: Path) -> None:
    wheels = [write_wheel(tmp_path / "files", name, "1.0") for name in ("alpha", "beta")]
    lock = tmp_path / "pylock.toml"
    write(build_lock(*(build_package(wheel) for wheel in wheels)), lock)
    run = run_installer(installer, lock, tmp_path / "target")
    assert run.returncode == 0, run.stderr
    assert read_installed(tmp_path / "target") == ["alpha-1.0.dist-info", "beta-1.0.dist-info"]


def test_installers_take_wheels_by_a_path_beside_the_lock(installer: str, tmp_path: Path) -> None:
    wheel = write_wheel(tmp_path / "files", "alpha", "1.0")
    lock = tmp_path / "pylock.gpu-a100.toml"
    write(build_lock(build_package(wheel, relative_to=tmp_path)), lock)
    run = run_installer(installer, lock, tmp_path / "target")
    assert run.returncode == 0, run.stderr
    assert read_installed(tmp_path / "target") == ["alpha-1.0.dist-info"]


def test_installers_refuse_another_python_minor(installer: str, tmp_path: Path) -> None:
    wheel = write_wheel(tmp_path / "files", "alpha", "1.0")
    lock = tmp_path / "pylock.toml"
    write(build_lock(build_package(wheel), requires_python="==3.8.*"), lock)
    run = run_installer(installer, lock, tmp_path / "target")
    assert "==3.8.*" in run.stderr
    assert read_installed(tmp_path / "target") == []


def test_installers_refuse_another_platform(installer: str, tmp_path: Path) -> None:
    wheel = write_wheel(tmp_path / "files", "alpha", "1.0")
    lock = tmp_path / "pylock.toml"
    write(build_lock(build_package(wheel), marker='sys_platform == "plan9"'), lock)
    run = run_installer(installer, lock, tmp_path / "target")
    assert "environment" in run.stderr
    assert read_installed(tmp_path / "target") == []


def test_installers_refuse_a_file_with_another_hash(installer: str, tmp_path: Path) -> None:
    wheel = write_wheel(tmp_path / "files", "alpha", "1.0")
    lock = tmp_path / "pylock.toml"
    write(build_lock(build_package(wheel, sha256="0" * 64)), lock)
    run = run_installer(installer, lock, tmp_path / "target")
    assert "hash" in run.stderr.lower()
    assert read_installed(tmp_path / "target") == []


def test_installers_build_an_sdist(installer: str, tmp_path: Path) -> None:
    path = tmp_path / sdist_filename("alpha", "1.0")
    path.write_bytes(make_sdist("alpha", "1.0"))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    sdist = PackageSdist(name=path.name, path=path.name, size=path.stat().st_size, hashes={"sha256": digest})
    lock = tmp_path / "pylock.toml"
    write(build_lock(Package(name=NormalizedName("alpha"), version=Version("1.0"), sdist=sdist)), lock)
    run = run_installer(installer, lock, tmp_path / "target")
    assert run.returncode == 0, run.stderr
    assert read_installed(tmp_path / "target") == ["alpha-1.0.dist-info"]


def run_locker(locker: str, folder: Path) -> str:
    """The lock that pip or uv itself writes for `alpha` in a folder of wheels."""
    lock = folder / "pylock.toml"
    if locker == "pip":
        command = [sys.executable, "-m", "pip", "--isolated", "--disable-pip-version-check", "lock", "--no-index"]
        command += ["--no-cache-dir", "--find-links", str(folder / "files"), "alpha", "-o", str(lock)]
        subprocess.run(command, capture_output=True, check=True)
    else:
        command = [find_uv_bin(), "pip", "compile", "-", "--offline", "--no-config", "--no-cache", "--no-index"]
        command += ["--python", sys.executable, "--find-links", "files", "--format", "pylock.toml", "-o", "pylock.toml"]
        subprocess.run(command, capture_output=True, check=True, input=b"alpha", cwd=folder)
    return lock.read_text()


def test_locks_that_installers_write_can_be_read_digested_and_written(installer: str, tmp_path: Path) -> None:
    write_wheel(tmp_path / "files", "alpha", "1.0")
    lock = loads(run_locker(installer, tmp_path))
    assert (lock.pylock.created_by, lock.tool) == (installer, None)
    assert [package.name for package in lock.pylock.packages] == ["alpha"]
    assert digest(loads(dumps(lock))) == digest(lock)
