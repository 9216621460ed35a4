"""An environment is compared with a lock; what disagrees is named by project."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.pylock import Package, PackageVcs
from packaging.utils import NormalizedName

from lockfiles import Lockfile
from resolver.errors import InputError
from resolver.inspection.verification import Installed, compare_installed, read_environment
from tests.lockfiles.samples import COMMIT, build_pylock, build_small_lock

ANYIO, IDNA = NormalizedName("anyio"), NormalizedName("idna")


def install(folder: Path, name: str, version: str, *, direct_url: object = None) -> None:
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", encoding="utf-8")
    if direct_url is not None:
        (info / "direct_url.json").write_text(json.dumps(direct_url), encoding="utf-8")


def differences(*installed: Installed, lockfile: Lockfile | None = None) -> list[str]:
    return [str(one) for one in compare_installed(lockfile or build_small_lock(), installed)]


def test_projects_of_a_virtual_environment_are_read_by_name(tmp_path: Path) -> None:
    place = tmp_path / "lib" / "python3.11" / "site-packages"
    install(place, "idna", "3.7")
    install(place, "AnyIO", "4.4.0", direct_url={"vcs_info": {"vcs": "git", "commit_id": COMMIT}})
    assert read_environment(tmp_path) == (
        Installed(name=ANYIO, version="4.4.0", commit_id=COMMIT),
        Installed(name=IDNA, version="3.7"),
    )


def test_a_folder_of_packages_is_read(tmp_path: Path) -> None:
    install(tmp_path, "idna", "3.7", direct_url={"url": "https://files.example/idna.whl", "archive_info": {}})
    assert read_environment(tmp_path) == (Installed(name=IDNA, version="3.7"),)


def test_a_folder_that_is_no_environment_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no virtual environment, and no folder of installed packages"):
        read_environment(tmp_path)


def test_metadata_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "idna-3.7.dist-info").mkdir()
    with pytest.raises(InputError, match=r"idna-3\.7\.dist-info` has no metadata that can be read"):
        read_environment(tmp_path)


def test_versions_are_compared_as_versions() -> None:
    assert differences(Installed(name=ANYIO, version="4.4"), Installed(name=IDNA, version="3.7.0")) == []


def test_each_difference_is_one_line_by_name() -> None:
    assert differences(
        Installed(name=IDNA, version="3.8"),
        Installed(name=NormalizedName("zope"), version="1.0"),
        Installed(name=NormalizedName("pip"), version="24.0"),
        Installed(name=NormalizedName("setuptools"), version="65.0"),
    ) == [
        "anyio 4.4.0 is locked, and not installed",
        "idna 3.7 is locked, and 3.8 is installed",
        "zope 1.0 is installed, and not locked",
    ]


def test_a_commit_is_compared_where_the_installer_recorded_one() -> None:
    vcs = PackageVcs(type="git", url="https://git.example/app.git", commit_id="a" * 40)
    lock = Lockfile(pylock=build_pylock(Package(name=NormalizedName("app"), vcs=vcs)))
    app = NormalizedName("app")
    assert differences(Installed(name=app, version="1.0"), lockfile=lock) == []
    assert differences(Installed(name=app, version="1.0", commit_id=COMMIT), lockfile=lock) == [
        f"app {'a' * 40} is locked, and {COMMIT} is installed"
    ]
    assert differences(lockfile=lock) == [f"app {'a' * 40} is locked, and not installed"]


def test_comparing_an_environment_loads_no_solver_and_no_network() -> None:
    program = "import sys, resolver.inspection.verification; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    modules = set(done.stdout.split())
    assert not any(name.startswith(("resolver.locking", "resolver.solve", "resolver.fetch")) for name in modules)
    assert modules.isdisjoint({"httpx", "resolvelib"})
