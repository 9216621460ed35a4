from __future__ import annotations

import json
import sys
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from resolver.bill_of_materials import build_bill_of_materials
from resolver.errors import InputError
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
        "an SBOM needs the CycloneDX library, which is not installed\n  try: `pip install 'pinfold[sbom]'`"
    )
