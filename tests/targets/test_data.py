"""The shipped data: every key is known, every row has a source, and the files agree with one another."""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, get_args

import pytest
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from resolver.targets.accelerators import CudaVersion, Driver, parse_cuda, parse_driver
from resolver.targets.data_files import DataFile, read_data
from resolver.targets.kernels import parse_architectures

CONFIDENCES = {"measured", "official-doc", "official-code", "third-party", "inferred", "unverified"}
SOURCED = {"source": str, "confidence": str}

# For every array of rows: the keys that each row has, and those that it may have.
SCHEMAS: dict[tuple[DataFile, str], tuple[dict[str, type], dict[str, type]]] = {
    ("machines", "machine"): ({"name": str, **SOURCED}, {"gpu": str, "deprecated": str}),
    ("gpus", "gpu"): (
        {"name": str, "vendor": str, "architecture": str, "host": str, **SOURCED},
        {"aliases": list, "capability": str, "gfx": str, "driver": str, "driver-source": str, "jetson": bool},
    ),
    ("machines", "branch"): ({"name": str, "ended": bool, **SOURCED}, {"end": str}),
    ("cuda", "toolkit"): ({"cuda": str, **SOURCED}, {"driver": str}),
    ("cuda", "major"): ({"cuda": int, "driver": str, **SOURCED}, {}),
    ("cuda", "architecture"): ({"sm": int, **SOURCED}, {"first": str, "last": str}),
    ("cuda", "exception"): ({"sm": int, **SOURCED}, {"never": list, "only": list, "until": str}),
    ("cuda", "family"): ({"sm": list, **SOURCED}, {}),
    ("torch", "release"): (
        {
            "version": str,
            "python": str,
            "complete": list,
            "default": dict,
            "torchvision": list,
            "torchaudio": list,
            "source": str,
            "builds": list,
        },
        {"triton": str, "xformers": list},
    ),
    ("torch", "range"): ({"name": str, "versions": str, "torch": str, **SOURCED}, {}),
    ("packages", "package"): ({"names": list, "cuda": str, **SOURCED}, {"versions": str, "on": list}),
    ("packages", "variant"): ({"name": str, "write": str, "project": str, "cuda": str, **SOURCED}, {}),
    ("packages", "exclusive"): ({"names": list, **SOURCED}, {}),
    ("packages", "floor"): ({"names": list, "driver": str, "capability": str, **SOURCED}, {}),
    ("families", "absence"): ({"url": str, "status": int, **SOURCED}, {}),
    ("families", "warning"): ({"name": str, "text": str, "remedy": str, **SOURCED}, {}),
    ("build_tools", "backend"): ({"name": str, "versions": str, "requires": list, **SOURCED}, {}),
    ("metadata", "sdist"): ({"name": str, "versions": str, "requires": list, **SOURCED}, {"python": str}),
    ("labels", "label"): ({"form": str, "example": str, "source": str}, {}),
    ("labels", "segment"): ({"form": str, "example": str, "source": str}, {}),
    ("labels", "name"): ({"form": str, "example": str, "source": str}, {}),
}

# The keys of a file beside its arrays of rows.
OTHER_KEYS: dict[DataFile, set[str]] = {
    "build_tools": set(),
    "machines": {"default-driver"},
    "gpus": set(),
    "cuda": {"sources"},
    "cuda_components": {"same", "versions", "source", "confidence"},
    "torch": {
        "sources",
        "cxx11-abi",
        "cxx11-abi-earlier",
        "cxx11-abi-label",
        "cxx11-abi-source",
        "cpu-only",
        "cpu-only-source",
        "cpu-label",
        "cpu-label-source",
    },
    "packages": set(),
    "families": {"family"},
    "labels": set(),
    "metadata": set(),
    "names": {"source", "projects", "import", "not-projects", "leftovers"},
}


def iter_torch_builds() -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for release in read_data("torch")["release"]:
        for build in release["builds"]:
            yield release, build


def version_of(text: str) -> CudaVersion:
    cuda = parse_cuda(text)
    assert isinstance(cuda, CudaVersion)
    return cuda


@pytest.mark.parametrize(("file", "key"), SCHEMAS)
def test_every_row_has_the_keys_and_types_of_its_kind_and_a_source(file: DataFile, key: str) -> None:
    required, optional = SCHEMAS[file, key]
    for row in read_data(file)[key]:
        assert set(required) <= set(row) <= set(required) | set(optional), row
        for name, value in row.items():
            assert type(value) is (required | optional)[name], row
            assert value or name in {"complete", "jetson", "ended", "requires"}, row
        assert row.get("confidence", "measured") in CONFIDENCES, row


def test_names_that_hints_propose_are_normalized_projects_and_no_import_names() -> None:
    imports, projects = read_data("names")["import"], read_data("names")["projects"]
    names = [*imports, *imports.values(), *projects]
    assert [name for name in names if canonicalize_name(name) != name] == []
    assert set(imports).isdisjoint({*imports.values(), *projects})
    assert projects == sorted(set(projects))


@pytest.mark.parametrize("file", get_args(DataFile))
def test_no_file_has_another_key(file: DataFile) -> None:
    assert set(read_data(file)) == {key for name, key in SCHEMAS if name == file} | OTHER_KEYS[file]


@pytest.mark.parametrize("file", ["cuda", "torch"])
def test_every_source_is_listed_and_every_listed_one_is_used(file: DataFile) -> None:
    data = read_data(file)
    texts = [row["source"] for key, rows in data.items() if (file, key) in SCHEMAS for row in rows]
    texts += [build["source"] for _, build in iter_torch_builds()] if file == "torch" else []
    assert {source for text in texts for source in text.split(", ")} == set(data["sources"])


def test_every_torch_build_has_the_keys_and_types_of_its_kind_and_a_source() -> None:
    required = {"cuda": str, "sm": str, "verified": bool, **SOURCED}
    for release, build in iter_torch_builds():
        assert set(required) <= set(build) <= {*required, "on"}, (release["version"], build)
        assert all(type(build[name]) is kind for name, kind in required.items())
        assert build["confidence"] in CONFIDENCES
        assert build.get("on", "x86_64") in {"x86_64", "aarch64"}


def test_every_machine_has_a_gpu_row_or_none_at_all() -> None:
    gpus = {row["name"] for row in read_data("gpus")["gpu"]}
    assert {row["gpu"] for row in read_data("machines")["machine"] if "gpu" in row} <= gpus


def test_machines_and_gpus_are_named_once() -> None:
    machines = [row["name"] for row in read_data("machines")["machine"]]
    gpus = [name for row in read_data("gpus")["gpu"] for name in (row["name"], *row.get("aliases", ()))]
    assert len(set(machines)) == len(machines)
    assert len({name.lower() for name in gpus}) == len(gpus)


def test_a_gpu_row_has_the_keys_of_its_vendor() -> None:
    for row in read_data("gpus")["gpu"]:
        if row["vendor"] == "amd":
            assert row["gfx"].startswith("gfx")
            assert "capability" not in row and "driver" not in row
        else:
            assert row["vendor"] == "nvidia"
            assert re.fullmatch(r"\d{1,2}\.\d", row["capability"])
            parse_driver(row["driver"])
        assert row["host"] in {"x86_64", "aarch64"}


def test_a_gpu_without_its_own_driver_source_has_the_driver_of_the_first_toolkit_that_compiles_for_it() -> None:
    first = {
        f"{row['sm'] // 10}.{row['sm'] % 10}": row.get("first", "10.0") for row in read_data("cuda")["architecture"]
    }
    shipped: dict[str, Driver] = {}
    for row in read_data("cuda")["toolkit"]:
        if "driver" in row:
            shipped[str(version_of(row["cuda"]))] = parse_driver(row["driver"])
    for row in read_data("gpus")["gpu"]:
        if row["vendor"] == "nvidia" and "driver-source" not in row:
            assert parse_driver(row["driver"]) == shipped[first[row["capability"]]], row["name"]


def test_toolkits_and_their_drivers_descend() -> None:
    rows = read_data("cuda")["toolkit"]
    assert all(Version(newer["cuda"]) > Version(older["cuda"]) for newer, older in pairwise(rows))
    drivers = [parse_driver(row["driver"]).release for row in rows if "driver" in row]
    assert drivers == sorted(drivers, reverse=True)


def test_the_floor_of_a_major_release_is_in_the_branch_of_its_first_driver() -> None:
    for row in read_data("cuda")["major"]:
        own = [one for one in read_data("cuda")["toolkit"] if one["cuda"].startswith(f"{row['cuda']}.")]
        assert parse_driver(row["driver"]).release[0] == parse_driver(own[-1]["driver"]).release[0]


def test_no_torch_build_has_an_architecture_that_its_toolkit_cannot_compile_for() -> None:
    rows = {row["sm"]: row for row in read_data("cuda")["architecture"]}
    for release, build in iter_torch_builds():
        cuda = version_of(build["cuda"])
        for architecture in parse_architectures(build["sm"]):
            row = rows[architecture.number]
            where = (release["version"], build["cuda"], str(architecture))
            assert "first" not in row or version_of(row["first"]) <= cuda, where
            assert "last" not in row or cuda <= version_of(row["last"]), where


def test_torch_builds_are_listed_once_with_ascending_architectures() -> None:
    for release in read_data("torch")["release"]:
        keys = [(build["cuda"], build.get("on")) for build in release["builds"]]
        assert len(set(keys)) == len(keys), release["version"]
        for build in release["builds"]:
            code = [one.number for one in parse_architectures(build["sm"]) if not one.ptx]
            assert code == sorted(set(code)) and code, (release["version"], build)


def test_torch_releases_descend_and_all_but_the_two_newest_are_complete() -> None:
    rows = read_data("torch")["release"]
    versions = [Version(row["version"]) for row in rows]
    assert versions == sorted(set(versions), reverse=True)
    assert [row["complete"] for row in rows] == [[], []] + [["x86_64"]] * (len(rows) - 2)


def test_the_default_build_of_every_release_is_a_verified_row() -> None:
    for release in read_data("torch")["release"]:
        verified = {(build.get("on", "x86_64"), build["cuda"]) for build in release["builds"] if build["verified"]}
        for platform, cuda in release["default"].items():
            assert cuda == "cpu" or (platform, cuda) in verified, release["version"]


def test_a_build_is_unverified_exactly_where_its_source_is_weak() -> None:
    for release, build in iter_torch_builds():
        assert build["verified"] is (build["confidence"] in {"measured", "official-code"}), (release["version"], build)


def test_ranges_of_companions_are_specifiers_and_hold_the_versions_of_their_rows() -> None:
    for row in read_data("torch")["range"]:
        versions, torch = SpecifierSet(row["versions"]), SpecifierSet(row["torch"])
        for release in read_data("torch")["release"]:
            listed = [text for text in release.get(row["name"], ()) if versions.contains(text)]
            assert not listed or torch.contains(release["version"]), (row["name"], release["version"])


def test_companion_versions_are_versions_and_torchvision_never_goes_backwards() -> None:
    rows = read_data("torch")["release"]
    for row in rows:
        for name in ("torchvision", "torchaudio", "xformers"):
            versions = [Version(text) for text in row.get(name, ())]
            assert versions == sorted(set(versions)), (row["version"], name)
        assert SpecifierSet(row.get("triton", "")) is not None
        assert all(re.fullmatch(r"cp3\d{1,2}t?", tag) for tag in row["python"].split())
    newest = [max(map(Version, row["torchvision"])) for row in rows]
    assert newest == sorted(newest, reverse=True)


def test_package_rows_name_normalized_projects_and_known_cuda_releases() -> None:
    for row in read_data("packages")["package"]:
        assert all(canonicalize_name(name) == name for name in row["names"])
        assert set(row.get("on", ())) <= {"linux", "macos", "windows"}
        assert (
            row["cuda"] in {"any", "none", "torch", "torch-major", "torch-pin"} or parse_cuda(row["cuda"]) is not None
        )
        assert SpecifierSet(row.get("versions", "")) is not None


def test_exclusive_rows_name_projects_without_a_suffix_or_patterns_of_whole_names() -> None:
    names = [name for row in read_data("packages")["exclusive"] for name in row["names"]]
    assert len(set(names)) == len(names)
    assert all("*" in name or (canonicalize_name(name) == name and not re.search(r"-cu\d+$", name)) for name in names)


def test_component_versions_belong_to_one_toolkit_each_and_toolkits_exist() -> None:
    data = read_data("cuda_components")
    assert not set(data["same"]) & set(data["versions"])
    for name, toolkits in data["versions"].items():
        versions = [version for text in toolkits.values() for version in text.split()]
        assert len(set(versions)) == len(versions), name
        assert all(re.fullmatch(r"\d+(\.\d+)+", version) for version in versions), name
        assert all(isinstance(parse_cuda(toolkit), CudaVersion) for toolkit in toolkits)
