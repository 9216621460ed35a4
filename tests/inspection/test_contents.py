from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.utils import NormalizedName

from lockfiles import Lockfile
from resolver.errors import InputError, SourceError
from resolver.index.wheel_directory import Member, WheelContents, read_contents
from resolver.inspection.contents import build_bill_of_materials, find_unused, measure_pins
from resolver.sources.apps.app_folder import read_imports
from tests.cli.verb_runs import build_web_lock
from tests.lockfiles.samples import COMMIT, INDEX, build_full_lock, build_small_lock


def build(**changes: Any) -> dict[str, Any]:
    text = build_bill_of_materials(build_full_lock(), **{"name": "demo", "default_index": INDEX, **changes})
    found: dict[str, Any] = json.loads(text)
    return found


def test_document_follows_the_schema_of_cyclonedx() -> None:
    text = build_bill_of_materials(build_full_lock(), name="demo", default_index=INDEX)

    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None


def test_same_lock_gives_the_same_document() -> None:
    assert build() == build()
    assert "timestamp" not in build()["metadata"]


def test_another_lock_has_another_serial_number() -> None:
    other = json.loads(build_bill_of_materials(build_small_lock(), name="demo", default_index=INDEX))

    assert other["serialNumber"] != build()["serialNumber"]


def test_package_has_its_url_hash_and_layer() -> None:
    (found,) = (one for one in build()["components"] if one["name"] == "anyio")

    assert found["purl"] == "pkg:pypi/anyio@4.4.0"
    assert found["hashes"] == [{"alg": "SHA-256", "content": "a" * 64}]
    assert found["externalReferences"][0]["url"].endswith("/anyio-4.4.0-py3-none-any.whl")
    assert found["properties"] == [{"name": "pinfold:layer", "value": "0"}]


def test_package_of_another_index_names_it() -> None:
    (found,) = (one for one in build(default_index="https://other.example/")["components"] if one["name"] == "anyio")

    assert found["purl"] == "pkg:pypi/anyio@4.4.0?repository_url=https://index.example/simple/"


def test_commit_of_a_repository_is_its_version() -> None:
    (found,) = (one for one in build()["components"] if one["name"] == "app")

    assert found["version"] == COMMIT
    assert f"vcs_url=git%2Bhttps://git.example/team/app.git%40{COMMIT}" in found["purl"]
    assert found["purl"].endswith("#python")


def test_dependencies_are_those_of_the_lock() -> None:
    edges = {one["ref"]: one.get("dependsOn", []) for one in build()["dependencies"]}

    assert edges["anyio@4.4.0"] == ["idna@3.7"]
    (root,) = (below for ref, below in edges.items() if ref.startswith("demo@"))
    assert root == ["anyio@4.4.0", f"app@{COMMIT}", "plugin"]


def test_missing_library_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "cyclonedx"]:
        monkeypatch.setitem(sys.modules, name, None)

    with pytest.raises(InputError) as caught:
        build()

    assert str(caught.value) == (
        "an SBOM needs the CycloneDX library, which is not installed\n"
        "  try: `pip install 'cyclonedx-python-lib>=11,<12'`"
    )


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


def test_pins_are_sorted_by_layer_with_the_largest_first() -> None:
    rows = measure_pins(build_web_lock(), {WEB: WheelContents(unpacked_bytes=7, modules=("web",))})

    assert [(row.name, row.download_bytes, row.unpacked_bytes) for row in rows] == [
        ("http", 30_000_000, None),
        ("json", 1500, None),
        ("log", 1500, None),
        ("web", 1500, 7),
    ]


def test_item_that_the_app_does_not_import_is_unused() -> None:
    assert find_unused(build_web_lock(), {}, frozenset({"web"})) == (LOG,)


def test_modules_that_a_wheel_tells_count_instead_of_its_name() -> None:
    contents = {LOG: WheelContents(unpacked_bytes=1, modules=("logger",))}

    assert find_unused(build_web_lock(), contents, frozenset({"web", "logger"})) == ()
    assert find_unused(build_web_lock(), contents, frozenset({"web", "log"})) == (LOG,)


def test_lock_without_table_has_unused_pins_too() -> None:
    assert find_unused(Lockfile(pylock=build_web_lock().pylock), {}, frozenset({"log"})) == (WEB,)


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
