"""Every build of torch with every group of GPUs, by a table that was made apart from the product's data."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version

from resolver.targets.kernels import NoKernels, Runs
from resolver.targets.machine_types import parse_machine_types
from resolver.targets.platforms import DEFAULT_PLATFORM
from resolver.targets.torch_builds import find_release, list_verdicts, load_releases

TABLE: dict[str, Any] = tomllib.loads(Path(__file__).with_name("torch_gpu_matrix.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("row", TABLE["row"], ids=lambda row: f"{row['torch']}+{row['cuda']}")
def test_a_build_has_kernels_for_the_gpus_of_its_row_and_for_no_others(row: dict[str, Any]) -> None:
    release = find_release(Version(row["torch"]))
    assert release is not None
    assert set(row["runs"].split()) | set(row["lacks"].split()) == set(TABLE["groups"])
    for group, gpus in TABLE["groups"].items():
        for gpu in gpus:
            accelerator = parse_machine_types(gpu, driver="610").accelerator
            verdicts = {
                build.label: verdict for build, verdict in list_verdicts(release, DEFAULT_PLATFORM, accelerator)
            }
            expected = Runs if group in row["runs"].split() else NoKernels
            assert isinstance(verdicts[row["cuda"]], expected), (group, gpu)


@pytest.mark.parametrize("row", TABLE["row"], ids=lambda row: f"{row['torch']}+{row['cuda']}")
def test_the_default_index_has_the_builds_of_the_table(row: dict[str, Any]) -> None:
    release = find_release(Version(row["torch"]))
    assert release is not None
    builds = {build.label: build for build in release.builds_on(DEFAULT_PLATFORM)}
    assert builds[row["cuda"]].is_default is row["default"]


def test_the_table_and_the_data_hold_the_same_builds() -> None:
    known = {(str(one.version), build.label) for one in load_releases() for build in one.builds_on(DEFAULT_PLATFORM)}
    assert known == {(row["torch"], row["cuda"]) for row in TABLE["row"]}
