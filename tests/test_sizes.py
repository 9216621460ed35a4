from __future__ import annotations

from pathlib import Path

import pytest
from packaging.utils import NormalizedName

from lockfiles import Lockfile
from resolver.errors import SourceError
from resolver.index.wheel_contents import WheelContents, read_contents
from resolver.index.wheel_directory import Member
from resolver.sizes import find_unused, measure_pins
from resolver.sources.imports import read_imports
from tests.cli.test_reading_verbs import build_lock

LOG, WEB = NormalizedName("log"), NormalizedName("web")


def member(filename: str, size: int = 10) -> Member:
    return Member(filename=filename, start=0, stop=0, method=0, compressed_size=1, size=size, crc=0)


def test_modules_of_a_wheel_are_what_can_be_imported_from_the_top() -> None:
    names = (
        "pkg/__init__.py",
        "pkg/core.so",
        "single.py",
        "fast.cpython-311-x86_64-linux-gnu.so",
        "a-1.dist-info/RECORD",
    )
    more = ("a-1.data/purelib/other/__init__.py", "a-1.data/scripts/tool.py", "data/readme.txt", "bin/run")

    contents = read_contents(map(member, (*names, *more)))

    assert contents == WheelContents(unpacked_bytes=90, modules=("fast", "other", "pkg", "single"))


def test_pins_stand_by_layer_with_the_largest_first() -> None:
    rows = measure_pins(build_lock(), {WEB: WheelContents(unpacked_bytes=7, modules=("web",))})

    assert [(row.name, row.download_bytes, row.unpacked_bytes) for row in rows] == [
        ("http", 30_000_000, None),
        ("json", 1500, None),
        ("log", 1500, None),
        ("web", 1500, 7),
    ]


def test_item_that_the_app_does_not_import_is_unused() -> None:
    assert find_unused(build_lock(), {}, frozenset({"web"})) == (LOG,)


def test_modules_that_a_wheel_tells_count_instead_of_its_name() -> None:
    contents = {LOG: WheelContents(unpacked_bytes=1, modules=("logger",))}

    assert find_unused(build_lock(), contents, frozenset({"web", "logger"})) == ()
    assert find_unused(build_lock(), contents, frozenset({"web", "log"})) == (LOG,)


def test_lock_without_table_has_unused_pins_too() -> None:
    assert find_unused(Lockfile(pylock=build_lock().pylock), {}, frozenset({"log"})) == (WEB,)


def test_imports_are_read_from_functions_and_calls_as_well(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "import a.b\nfrom c.d import e\nfrom . import near\n"
        "def f():\n    import g\n    importlib.import_module('h.i')\n    __import__('j')\n    open('k')\n",
        encoding="utf-8",
    )
    (tmp_path / "venv").mkdir()
    (tmp_path / "venv" / "pyvenv.cfg").touch()
    (tmp_path / "venv" / "x.py").write_text("import x", encoding="utf-8")

    assert read_imports(tmp_path) == {"a", "c", "g", "h", "j"}


def test_file_that_is_no_python_is_named(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("def", encoding="utf-8")

    with pytest.raises(SourceError, match=r"app\.py` is no Python that can be read: "):
        read_imports(tmp_path / "app.py")
