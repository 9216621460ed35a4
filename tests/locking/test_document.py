from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest
from packaging.pylock import PackageSdist

from lockfiles import Lockfile, dumps, loads
from lockfiles.identity import with_seal
from lockfiles.lockfile import build_document
from resolver.errors import InternalError
from resolver.index.distribution_file import DistributionFile
from resolver.locking.document import RecordedInputs, build_lockfile
from resolver.requirements.entry import RequirementList
from resolver.solve.resolution import Resolution
from resolver.targets.target import Target, parse_python_version
from tests.lock_samples import (
    CANONICAL,
    FILES,
    IDNA,
    REQUIREMENTS,
    SETTINGS,
    TARGET,
    asked_by_list,
    asked_by_pin,
    build_entry,
    build_file,
    build_pin,
    build_resolution,
)

TEXT = f"""\
lock-version = "1.0"
environments = [
    "sys_platform == \\"linux\\" and platform_machine == \\"x86_64\\" and implementation_name == \\"cpython\\"",
]
requires-python = "==3.11.*"
created-by = "pinfold"

[[packages]]
name = "anyio"
version = "4.4.0"
dependencies = [
    {{ name = "idna" }},
]
index = "https://index.example/simple/"

[[packages.wheels]]
name = "anyio-4.4.0-py3-none-any.whl"
url = "https://files.example/anyio-4.4.0-py3-none-any.whl"
size = 100

[packages.wheels.hashes]
sha256 = "{"a" * 64}"

[[packages]]
name = "idna"
version = "3.7"
index = "https://index.example/simple/"

[packages.sdist]
name = "idna-3.7.tar.gz"
url = "https://files.example/idna-3.7.tar.gz"
size = 100

[packages.sdist.hashes]
sha256 = "{"b" * 64}"

[tool.pinfold]
schema = 1
python = "3.11"
platform = "manylinux_2_35_x86_64"
index-strategy = "best-match"
requirement-digest = "DIGEST"
contents = "SEAL"
exclude-newer = "2026-01-31T00:00:00Z"
requirements = [
    [
        "anyio[trio]>=4",
        "colorama ; sys_platform == \\"win32\\"",
    ],
    [
        "--no-build-isolation",
        "idna",
    ],
]
layers = [
    [
        "anyio",
    ],
    [
        "idna",
    ],
]
built = [
    "idna",
]

[tool.pinfold.settings]
flag-scope = "list"
no-build = false

[tool.pinfold.extras]
anyio = [
    "trio",
]

[tool.pinfold.requested-by]
anyio = [
    "layer 0: anyio[trio]>=4",
]
idna = [
    "layer 1: idna",
    "anyio: idna>=2.8",
]

[tool.pinfold.build.idna]
isolation = false
requirements = []
config-settings = [
    [
        "--fast",
        "sha256:{hashlib.sha256(b"${SECRET}").hexdigest()}",
    ],
]
"""


def lock(
    resolution: Resolution | None = None, requirement_list: RequirementList = REQUIREMENTS, **fields: Any
) -> Lockfile:
    inputs = RecordedInputs(layers=CANONICAL, settings=SETTINGS)
    arguments: dict[str, Any] = {"target": TARGET, "inputs": inputs, **fields}
    return build_lockfile(resolution or build_resolution(), requirement_list=requirement_list, **arguments)


def lock_file(file: DistributionFile, **fields: Any) -> Any:
    """The one wheel or sdist that is locked for `file`."""
    locked = lock(
        Resolution(pins=(build_pin(file),)),
        RequirementList(layers=()),
        inputs=RecordedInputs(layers=(), settings=SETTINGS),
        **fields,
    )
    ((_, found),) = locked.iter_files()
    return found


def test_a_resolution_becomes_this_text() -> None:
    locked = lock(
        inputs=RecordedInputs(
            layers=CANONICAL, settings=SETTINGS, index_strategy="best-match", exclude_newer="2026-01-31T00:00:00Z"
        )
    )
    assert locked.tool is not None
    seal = with_seal(build_document(locked))["tool"]["pinfold"]["contents"]
    assert dumps(locked) == TEXT.replace("DIGEST", locked.tool.requirement_digest).replace("SEAL", seal)


def test_the_requirement_digest_is_golden() -> None:
    tool = lock().tool
    assert tool is not None
    assert tool.requirement_digest == "sha256:7b7e23a0ff938b4c0242927bceebab67cbc3aea1633177153ecde8572eed4159"


def test_what_was_built_reads_back_equal() -> None:
    locked = lock()
    assert loads(dumps(locked)) == locked


def test_the_order_of_pins_does_not_matter() -> None:
    resolution = build_resolution()
    assert dumps(lock(Resolution(pins=resolution.pins[::-1]))) == dumps(lock(resolution))


def test_the_lowest_patch_is_left_out_however_it_was_written() -> None:
    texts = {dumps(lock(target=Target(python=parse_python_version(text)))) for text in ("3.11", "3.11.0")}
    assert len(texts) == 1


def test_a_patch_and_a_free_threaded_build_are_kept() -> None:
    tools = [lock(target=Target(python=parse_python_version(text))).tool for text in ("3.11.4", "3.13t", "3.13.2t")]
    assert [tool.python for tool in tools if tool is not None] == ["3.11.4", "3.13t", "3.13.2t"]


def test_an_entry_whose_marker_is_false_is_in_no_layer() -> None:
    tool = lock().tool
    assert tool is not None
    assert tool.layers == (("anyio",), ("idna",))


def test_a_project_that_a_layer_names_twice_is_in_it_once() -> None:
    first, second = build_entry("anyio>=4", item=0), build_entry("anyio<5", item=1)
    layer = replace(REQUIREMENTS.layers[0], entries=(first, second))
    pin = build_pin(build_file("anyio-4.4.0-py3-none-any.whl", "4.4.0"), asked_by_list(first), asked_by_list(second))
    tool = lock(Resolution(pins=(pin,)), RequirementList(layers=(layer,))).tool
    assert tool is not None
    assert tool.layers == (("anyio",),)
    assert tool.requested_by == {"anyio": ("layer 0: anyio>=4", "layer 0: anyio<5")}


def test_parents_are_sorted_and_named_once() -> None:
    requesters = (asked_by_pin("zope", "idna"), asked_by_pin("anyio", "idna>=2.8"), asked_by_pin("zope", "idna"))
    pin = build_pin(build_file("idna-3.7-py3-none-any.whl", "3.7"), *requesters)
    tool = lock(Resolution(pins=(pin,)), RequirementList(layers=())).tool
    assert tool is not None
    assert tool.requested_by == {"idna": ("anyio: idna>=2.8", "zope: idna")}


def test_a_wheel_has_no_build_facts() -> None:
    tool = lock().tool
    assert tool is not None
    assert list(tool.build) == ["idna"]


@pytest.mark.parametrize(("parent", "isolation"), [("anyio", True), ("idna", False)])
def test_the_first_layer_that_needs_an_sdist_of_dependencies_decides_its_isolation(
    parent: str, isolation: bool
) -> None:
    sdist = build_pin(build_file("sniffio-1.3.tar.gz", "1.3"), asked_by_pin(parent, "sniffio"))
    pins = [
        replace(pin, dependencies=(*pin.dependencies, sdist.name)) if pin.name == parent else pin
        for pin in build_resolution().pins
    ]
    if parent == "idna":
        pins = [replace(pin, dependencies=()) if pin.name == "anyio" else pin for pin in pins]
    tool = lock(Resolution(pins=(*pins, sdist))).tool
    assert tool is not None
    assert tool.build[sdist.name].isolation is isolation


def test_config_settings_never_reach_the_lock() -> None:
    entry = replace(IDNA, config_settings=(("token", "hunter2"),))
    requirements = RequirementList(layers=(REQUIREMENTS.layers[0], replace(REQUIREMENTS.layers[1], entries=(entry,))))
    assert "hunter2" not in dumps(lock(requirement_list=requirements))


def test_a_file_below_the_lock_is_locked_by_relative_path() -> None:
    file = build_file(
        "anyio-4.4.0-py3-none-any.whl", "4.4.0", url="file:///srv/app/my%20wheels/anyio-4.4.0-py3-none-any.whl"
    )
    wheel = lock_file(file, base_url="file:///srv/app/")
    assert (wheel.url, wheel.path) == (None, "my wheels/anyio-4.4.0-py3-none-any.whl")


def test_a_file_beside_the_folder_of_the_lock_is_locked_by_relative_path() -> None:
    url = "file:///srv/apple/anyio-4.4.0-py3-none-any.whl"
    wheel = lock_file(build_file("anyio-4.4.0-py3-none-any.whl", "4.4.0", url=url), base_url="file:///srv/app/")
    assert (wheel.url, wheel.path) == (None, "../apple/anyio-4.4.0-py3-none-any.whl")


def test_a_file_on_another_drive_is_locked_by_url() -> None:
    url = "file:///D:/wheels/anyio-4.4.0-py3-none-any.whl"
    wheel = lock_file(build_file("anyio-4.4.0-py3-none-any.whl", "4.4.0", url=url), base_url="file:///C:/app/")
    assert (wheel.url, wheel.path) == (url, None)


def test_the_file_name_is_given_where_the_url_ends_in_another() -> None:
    url = f"{FILES}/download?id=7"
    wheel = lock_file(build_file("anyio-4.4.0-py3-none-any.whl", "4.4.0", url=url))
    assert (wheel.name, wheel.filename) == ("anyio-4.4.0-py3-none-any.whl", "anyio-4.4.0-py3-none-any.whl")


def test_an_sdist_is_locked_as_sdist_with_sha256_only() -> None:
    sdist = lock_file(build_file("idna-3.7.tar.gz", "3.7", sha256="b" * 64))
    assert isinstance(sdist, PackageSdist)
    assert sdist.hashes == {"sha256": "b" * 64}
    assert sdist.upload_time is None


@pytest.mark.parametrize(("fields", "missing"), [({"sha256": None}, "sha256"), ({"size_bytes": None}, "size")])
def test_a_file_that_was_not_completed_is_a_bug(fields: dict[str, Any], missing: str) -> None:
    with pytest.raises(InternalError) as caught:
        lock_file(build_file("anyio-4.4.0-py3-none-any.whl", "4.4.0", **fields))
    assert str(caught.value) == f"`anyio-4.4.0-py3-none-any.whl` reached the lock without {missing}"


def test_a_pin_from_find_links_has_no_index() -> None:
    pin = build_pin(build_file("idna-3.7-py3-none-any.whl", "3.7"), asked_by_pin("a", "idna"), index=None)
    locked = lock(Resolution(pins=(pin,)), RequirementList(layers=()))
    assert locked.pylock.packages[0].index is None


def test_an_index_on_disk_is_not_named() -> None:
    pin = replace(build_resolution().pins[0], index="file:///srv/index/simple/")
    package = lock(Resolution(pins=(pin,))).pylock.packages[0]
    assert package.index is None
