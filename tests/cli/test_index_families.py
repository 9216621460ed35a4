"""Indexes of families as a user names them, end to end: the default index and a family's index are loopback servers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.command import Project
from tests.servers import IndexServer, wheel

FAMILY = '[[tool.pinfold.families]]\nname = "PyTorch"\nnames = ["torch", "torchvision"]\nurls = ["VENDOR"]\n'


@pytest.fixture
def vendor() -> Iterator[IndexServer]:
    """The index of a family, with a stale copy of another project."""
    with IndexServer() as server:
        server.add("torch", wheel("torch", "2.6.0+cpu", ["filelock"]))
        server.add("filelock", wheel("filelock", "3.0"))
        yield server


@pytest.fixture
def project_with_torch(project: Project) -> Project:
    """A project whose index has another build of torch and the current filelock."""
    project.server.add("torch", wheel("torch", "2.6.0", ["filelock"]), wheel("torch", "2.7.0", ["filelock"]))
    project.server.add("filelock", wheel("filelock", "3.20.0"))
    return project


@pytest.mark.parametrize(
    "flags",
    [
        ("--index-url VENDOR/simple/", "--extra-index-url INDEX"),
        ("--index-url INDEX", "--extra-index-url VENDOR/simple/"),
        ("--index-url INDEX", "--find-links VENDOR/links/"),
        ("--no-index", "--find-links INDEX/../links/", "--find-links VENDOR/links/"),
    ],
    ids=["index-url", "extra-index-url", "find-links", "find-links alone"],
)
def test_index_of_a_family_serves_its_family_first_and_others_last(
    project_with_torch: Project, vendor: IndexServer, flags: tuple[str, ...]
) -> None:
    project = project_with_torch
    project.write("pyproject.toml", FAMILY.replace("VENDOR", vendor.base_url))
    lines = [
        flag.replace("VENDOR", vendor.base_url).replace("INDEX/../", f"{project.server.base_url}/") for flag in flags
    ]
    project.write("requirements.txt", "\n".join((*lines, "torch", "")))

    run = project.lock("requirements.txt", "-q")

    assert (run.code, run.err) == (0, "")
    assert project.pins() == {"filelock": "3.20.0", "torch": "2.6.0+cpu"}
