"""Machine types on the public index: a list that people have, a refusal, and an index that nobody can reach."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from packaging.utils import NormalizedName

from resolver.fetch.access import Access
from resolver.fetch.index_source import open_package_source
from resolver.fetch.projects.pages import default_index_url
from resolver.index.location import Location
from resolver.targets.kernels import parse_architectures
from resolver.targets.target import Target, parse_python_version
from resolver.targets.torch_builds import load_releases
from tests.command import Project

pytestmark = pytest.mark.network

EXAMPLE = Path(__file__).parents[2] / "examples" / "text_to_image"


def test_example_list_is_locked_for_its_machine_type_from_the_default_index_alone(project: Project) -> None:
    shutil.copytree(EXAMPLE, project.folder, dirs_exist_ok=True)

    run = project.lock("app.py", "-m", "GPU-A100")

    assert run.code == 0, run.err
    lockfile = project.load("pylock.app-gpu-a100.toml")
    assert project.pins("pylock.app-gpu-a100.toml")["torch"] == "2.8.0"
    assert lockfile.tool is not None
    assert (lockfile.tool.accelerator["cuda"], lockfile.tool.accelerator["why"]) == (
        "cu128",
        "the default index's build of torch 2.8.0 runs",
    )
    assert len({package.index for package in lockfile.pylock.packages}) == 1


def test_release_without_kernels_for_the_gpu_is_refused(project: Project) -> None:
    project.write("requirements.txt", "torch==2.4.0\n")

    run = project.lock("requirements.txt", "-m", "GPU-B200")

    assert run.code == 3
    assert (
        "  because torch 2.4.0 has builds for cu118, cu121, cu124; none has kernels for sm_100 (GPU-B200); the first"
        " that does is 2.7.0+cu128\n"
    ) in run.err


def test_index_of_builds_that_cannot_be_reached_is_an_error_with_the_lines_to_paste(project: Project) -> None:
    project.write(
        "pyproject.toml",
        '[tool.pinfold.mirrors]\n"https://download.pytorch.org/whl/" = "https://mirror.invalid/whl/"\n',
    )
    project.write("requirements.txt", "torch\n")

    run = project.lock("requirements.txt", "-m", "M")

    assert run.code == 4
    first, *_, third, second, last = run.err.splitlines()
    assert first.startswith("error: https://mirror.invalid/whl/cpu is needed for `torch ")
    assert first.endswith("+cpu`: no other index in scope has cpu builds")
    assert [third, second, last] == [
        "  try: name a mirror in pyproject.toml",
        "    [tool.pinfold.mirrors]",
        '    "https://download.pytorch.org/whl/" = "https://mirror.example/whl/"',
    ]


def test_newest_release_of_torch_is_measured_out_of_its_wheel(project: Project) -> None:
    """What the data says of the newest release that it knows is what its wheel says."""
    release = load_releases()[0]
    target = Target(python=parse_python_version("3.11"))
    location = Location(url=default_index_url(), is_default=True)
    with open_package_source(Access(), target=target) as source:
        page = source.project_page(NormalizedName("torch"), location)
        assert page is not None
        row = list(page.versions).index(release.version)
        measured = parse_architectures(source.kernels(page.files(row)[0]))

    default = next(build for build in release.builds_on(target.platform) if build.is_default)
    assert default.compiled.architectures == measured
