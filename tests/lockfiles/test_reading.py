from __future__ import annotations

import os
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lockfiles import Lockfile, dumps, loads, read, write
from lockfiles.errors import LockfileNameError
from tests.lockfiles.samples import build_full_lock, build_package, build_pylock, build_small_lock, build_tool

SMALL = """\
lock-version = "1.0"
environments = [
    "sys_platform == \\"linux\\" and platform_machine == \\"x86_64\\"",
]
requires-python = "==3.11.*"
created-by = "pinfold"

[[packages]]
name = "anyio"
version = "4.4.0"
index = "https://index.example/simple/"

[[packages.wheels]]
name = "anyio-4.4.0-py3-none-any.whl"
url = "https://files.example/packages/anyio-4.4.0-py3-none-any.whl"
size = 1000

[packages.wheels.hashes]
sha256 = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

[[packages]]
name = "idna"
version = "3.7"
index = "https://index.example/simple/"

[[packages.wheels]]
name = "idna-3.7-py3-none-any.whl"
url = "https://files.example/packages/idna-3.7-py3-none-any.whl"
size = 1000

[packages.wheels.hashes]
sha256 = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

[tool.pinfold]
schema = 1
python = "3.11"
platform = "manylinux_2_35_x86_64"
index-strategy = "first-index"
requirement-digest = "sha256:dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
contents = "sha256:9c11ebf3efc696c975811f64108e7397c515e76b5baa4425e253e415d8792f1e"
requirements = [
    [
        "anyio",
        "idna",
    ],
]
layers = [
    [
        "anyio",
        "idna",
    ],
]

[tool.pinfold.requested-by]
anyio = [
    "layer 0: anyio",
]
idna = [
    "layer 0: idna",
]
"""


def test_a_lock_has_one_text() -> None:
    assert dumps(build_small_lock()) == SMALL


def test_the_order_of_packages_and_hashes_does_not_matter() -> None:
    anyio, idna = build_package("anyio", "4.4.0"), build_package("idna", "3.7", sha256="b" * 64)
    assert dumps(Lockfile(pylock=build_pylock(idna, anyio), tool=build_tool("anyio", "idna"))) == SMALL


def test_the_order_of_mappings_in_the_tool_table_does_not_matter() -> None:
    lock = build_full_lock()
    assert lock.tool is not None
    turned: dict[str, Any] = {
        key: dict(reversed(getattr(lock.tool, key).items())) for key in ("settings", "requested_by", "extras", "build")
    }
    tool = replace(lock.tool, credentials=lock.tool.credentials[::-1], built=lock.tool.built[::-1], **turned)
    assert dumps(Lockfile(pylock=lock.pylock, tool=tool)) == dumps(lock)


def test_hash_seeds_do_not_change_the_text() -> None:
    program = "import lockfiles, tests.lockfiles.samples as samples; print(lockfiles.dumps(samples.build_full_lock()))"
    texts = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed, "LC_ALL": locale, "TZ": zone},
            capture_output=True,
            check=True,
            cwd=Path(__file__).parents[2],
        ).stdout
        for seed, locale, zone in (("1", "C", "UTC"), ("2", "C.UTF-8", "Asia/Tokyo"))
    }
    assert texts == {(dumps(build_full_lock()) + "\n").encode()}


def test_an_empty_lock_can_be_written_and_read(tmp_path: Path) -> None:
    lock = Lockfile(pylock=build_pylock(), tool=build_tool())
    write(lock, tmp_path / "pylock.toml")
    assert read(tmp_path / "pylock.toml") == lock


def test_a_new_file_is_written_whole(tmp_path: Path) -> None:
    path = tmp_path / "pylock.toml"
    assert write(build_small_lock(), path) is True
    assert path.read_bytes() == SMALL.encode()
    assert [entry.name for entry in tmp_path.iterdir()] == ["pylock.toml"]


def test_a_new_file_has_the_permissions_that_the_umask_gives(tmp_path: Path) -> None:
    write(build_small_lock(), tmp_path / "pylock.toml")
    (tmp_path / "other").touch()
    assert (tmp_path / "pylock.toml").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_equal_bytes_leave_the_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "pylock.toml"
    write(build_small_lock(), path)
    os.utime(path, ns=(1, 1))
    before = path.stat()
    assert write(build_small_lock(), path) is False
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == (before.st_mtime_ns, before.st_ino)


def test_a_changed_file_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "pylock.toml"
    path.write_text("old")
    path.chmod(0o640)
    assert write(build_small_lock(), path) is True
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_new_text_is_on_disk_before_it_takes_the_place_of_an_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "pylock.toml"
    write(build_small_lock(), path)
    old, seen = path.read_bytes(), []
    monkeypatch.setattr(os, "fsync", lambda number: seen.append((os.fstat(number).st_size, path.read_bytes())))
    write(build_full_lock(), path)

    assert seen == [(len(path.read_bytes()), old)]


def test_a_symbolic_link_stays_and_its_target_is_replaced(tmp_path: Path) -> None:
    target = tmp_path / "locks" / "real.toml"
    target.parent.mkdir()
    target.write_text("old")
    link = tmp_path / "pylock.toml"
    link.symlink_to(target)
    write(build_small_lock(), link)
    assert link.is_symlink()
    assert target.read_text() == SMALL


def test_a_dangling_symbolic_link_gets_its_target(tmp_path: Path) -> None:
    link = tmp_path / "pylock.toml"
    link.symlink_to(tmp_path / "real.toml")
    assert write(build_small_lock(), link) is True
    assert (tmp_path / "real.toml").read_text() == SMALL


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_a_failure_leaves_the_old_file_and_no_other(
    error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "pylock.toml"
    path.write_text("old")

    def fail(source: Path, target: Path) -> None:
        raise error

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(type(error)):
        write(build_small_lock(), path)
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["pylock.toml"]


@pytest.mark.parametrize("name", ["lock.toml", "pylock.a.b.toml", "pylock.toml.txt", "Pylock.toml"])
def test_a_name_that_installers_would_not_take_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(LockfileNameError) as caught:
        write(build_small_lock(), tmp_path / name)
    assert str(caught.value) == (
        f"`{name}` is no name for a lockfile, since PEP 751 knows `pylock.toml` and `pylock.<name>.toml`, "
        "where `<name>` holds no dot"
    )
    assert list(tmp_path.iterdir()) == []


def test_any_name_is_written_when_asked_to(tmp_path: Path) -> None:
    assert write(build_small_lock(), tmp_path / "any.name", check_name=False) is True
    assert read(tmp_path / "any.name") == build_small_lock()


def test_a_missing_folder_is_the_operating_systems_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write(build_small_lock(), tmp_path / "none" / "pylock.toml")


def test_a_written_lock_reads_back_as_the_same_text() -> None:
    for lock in (build_small_lock(), build_full_lock()):
        text = dumps(lock)
        assert dumps(loads(text)) == text


def test_a_small_lock_reads_back_as_an_equal_value() -> None:
    lock = build_small_lock()
    assert loads(dumps(lock)) == lock


def test_every_key_of_the_tool_table_reads_back() -> None:
    lock = build_full_lock()
    assert lock.tool is not None
    read_back = loads(dumps(lock)).tool
    assert read_back is not None
    fields = ("accelerator", "extras", "settings", "requested_by", "build", "layers", "requirements", "credentials")
    assert {key: getattr(read_back, key) for key in fields} == {key: getattr(lock.tool, key) for key in fields}


def test_a_lock_without_our_table_reads_with_no_tool() -> None:
    lock = loads('lock-version = "1.0"\ncreated-by = "pip"\npackages = []\n')
    assert isinstance(lock, Lockfile)
    assert lock.tool is None
