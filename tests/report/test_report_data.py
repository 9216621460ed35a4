from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # its types are a package of their own
from packaging.utils import NormalizedName

import resolver.report
from lockfiles import Lockfile
from resolver.fetch.projects.pages import default_index_url
from resolver.index.wheel_directory import WheelContents
from resolver.report.report_data import PinFacts, Report, ReportSource, build_report, render_json
from tests.cli.verb_runs import build_web_lock
from tests.lockfiles.samples import COMMIT, INDEX, build_full_lock, build_package, build_pylock, build_small_lock
from tests.report.locks import GOLDEN, build_hostile_report, build_large_lock, report_on

SCHEMA: dict[str, Any] = json.loads(Path(resolver.report.__file__).with_name("report.schema.json").read_text())


def pins_of(report: Report) -> dict[str, PinFacts]:
    return {pin.name: pin for pin in report.locks[0].pins}


@pytest.mark.parametrize(
    "report",
    [
        report_on(
            GOLDEN / "torch.sm_90.driver-580.toml", GOLDEN / "torch.cpu.toml", old=GOLDEN / "torch-2.4.0.sm_80.toml"
        ),
        report_on(build_full_lock(), old=build_small_lock()),
        report_on(Lockfile(pylock=build_pylock(build_package("anyio", "1.0")))),
        report_on(),
        build_hostile_report(),
    ],
    ids=["golden", "every key", "another tool", "none", "hostile"],
)
def test_document_follows_the_schema_and_has_its_keys_alone(report: Report) -> None:
    document = json.loads(render_json(report))

    Draft202012Validator.check_schema(SCHEMA)
    Draft202012Validator(SCHEMA).validate(document)
    assert list(iter_unknown_keys(document, SCHEMA)) == []


def iter_unknown_keys(value: Any, schema: dict[str, Any]) -> Iterator[str]:
    """The keys of objects that the schema does not describe."""
    if "$ref" in schema:
        schema = SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]]
    if isinstance(value, list):
        for item in value:
            yield from iter_unknown_keys(item, schema["items"])
    elif isinstance(value, dict) and "anyOf" in schema:
        yield from iter_unknown_keys(value, schema["anyOf"][1])
    elif isinstance(value, dict) and "properties" in schema:
        yield from (key for key in value if key not in schema["properties"])
        for key in value.keys() & schema["properties"].keys():
            yield from iter_unknown_keys(value[key], schema["properties"][key])


def test_pin_brings_what_only_it_leads_to() -> None:
    pins = pins_of(report_on(build_web_lock()))

    assert {name: (pin.brings_bytes, pin.item) for name, pin in pins.items()} == {
        "http": (30_000_000, "web"),
        "json": (1500, None),
        "log": (1500, "log"),
        "web": (30_001_500, "web"),
    }


def test_lock_has_the_sums_and_the_list() -> None:
    (lock,) = report_on(build_web_lock()).locks

    assert (lock.download_bytes, lock.unpacked_bytes) == (30_004_500, None)
    assert (lock.items, lock.requirements) == (("log", "web"), (("web", "log"),))


def test_requests_name_the_line_and_the_pins() -> None:
    pins = pins_of(report_on(build_web_lock()))

    assert [(one.layer, one.name, one.asked) for one in pins["json"].requested_by] == [
        (None, "http", "json"),
        (None, "log", "json>=2"),
    ]
    assert [(one.layer, one.name, one.asked) for one in pins["web"].requested_by] == [(0, None, "web~=1.0")]


@pytest.mark.parametrize(
    ("name", "version", "index", "expected"),
    [
        ("torch", "2.8.0+cu126", INDEX, ("cu126", "version")),
        ("torch", "2.8.0+cpu", INDEX, ("cpu", "version")),
        ("torch", "2.8.0", "https://mirror.example/whl/cu129", ("cu129", "index")),
        ("nvidia-cublas-cu12", "12.8.4.1", INDEX, ("cu12", "name")),
        ("torch", "2.8.0", INDEX, ("cu128", "data")),
        ("torch", "2.8.0", "https://other.example/simple/", (None, None)),
        ("idna", "3.7", INDEX, (None, None)),
    ],
)
def test_cuda_is_that_of_the_version_the_index_the_name_or_the_data(
    name: str, version: str, index: str, expected: tuple[str | None, str | None]
) -> None:
    tool = build_small_lock().tool
    lock = Lockfile(pylock=build_pylock(build_package(name, version, index=index)), tool=tool)

    (pin,) = report_on(lock).locks[0].pins

    assert (pin.cuda, pin.cuda_source) == expected


def test_torch_of_the_lock_has_the_cuda_that_the_lock_records() -> None:
    (lock,) = report_on(GOLDEN / "torch.sm_90.driver-580.toml").locks

    assert (lock.torch, lock.cuda) == ("2.15.0", "cu132")
    assert lock.accelerator["capability"] == "9.0"
    assert lock.gpus == ("H100", "H200", "H20", "GH200")


def test_origin_of_a_pin_is_its_index_repository_or_folder() -> None:
    pins = pins_of(report_on(build_full_lock()))

    assert (pins["anyio"].origin, pins["anyio"].place) == ("index", INDEX)
    assert (pins["app"].origin, pins["app"].revision) == ("vcs", f"{COMMIT} (main)")
    assert (pins["plugin"].origin, pins["plugin"].place) == ("directory", "../plugin")
    assert pins["idna"].files == ("idna-3.7.tar.gz",)


def test_former_lock_gives_changes_with_sizes() -> None:
    former = report_on(build_web_lock(http="2.1"), old=build_web_lock()).locks[0].former

    assert former is not None
    assert [(one.name, one.old, one.new, one.old_bytes, one.new_bytes) for one in former.changed] == [
        ("http", "2.0", "2.1", 30_000_000, 30_000_000)
    ]
    assert (former.added, former.removed, former.pin_count) == ((), (), 4)


def test_facts_beyond_the_lock_are_those_given() -> None:
    name = NormalizedName("web")
    contents = {name: WheelContents(unpacked_bytes=9000, modules=("web",), licence="MIT"), NormalizedName("http"): None}
    source = ReportSource(name="pylock.toml", lockfile=build_web_lock(), contents=contents)

    report = build_report([source], default_index=INDEX)

    pins = pins_of(report)
    assert (pins["web"].licence, pins["web"].unpacked_bytes, report.locks[0].unpacked_bytes) == ("MIT", 9000, 9000)
    assert (pins["http"].licence, pins["http"].unpacked_bytes) == (None, None)


def test_order_of_packages_changes_nothing() -> None:
    lock = build_large_lock(60)
    shuffled = replace(lock, pylock=replace(lock.pylock, packages=lock.pylock.packages[::-1]))

    assert render_json(report_on(lock)) == render_json(report_on(shuffled))


def test_secret_of_a_url_is_left_out_of_the_document() -> None:
    lock = build_small_lock()
    packages = [
        replace(one, index="https://robot:hunter2@index.example/simple/?token=hunter2") for one in lock.pylock.packages
    ]

    text = render_json(report_on(replace(lock, pylock=replace(lock.pylock, packages=packages))))

    assert "index.example/simple/" in text
    assert "hunter2" not in text


def test_the_default_index_is_that_of_pip() -> None:
    sources = [ReportSource(name="pylock.toml", lockfile=build_small_lock())]
    assert build_report(sources) == build_report(sources, default_index=default_index_url().public)
