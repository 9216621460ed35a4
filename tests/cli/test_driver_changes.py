"""What the summary says of other drivers, for families other than torch: nothing is asked for it."""

from __future__ import annotations

import pytest

from tests.command import Project
from tests.servers import wheel

LINUX = "cp311-cp311-manylinux_2_28_x86_64"


@pytest.fixture(autouse=True)
def settings(project: Project) -> None:
    project.write("pyproject.toml", '[tool.pinfold]\nindex-url = "INDEX"\n')


def lock(project: Project, line: str, *argv: str) -> list[str]:
    """The lines about other drivers."""
    project.write("requirements.txt", f"{line}\n")
    run = project.lock("requirements.txt", "-m", "A100", *argv)
    assert run.code == 0, run.err
    return [line.strip() for line in run.err.splitlines() if "with driver" in line]


def test_version_of_another_family_is_told_from_the_data_and_the_page(project: Project) -> None:
    files = [wheel("onnxruntime-gpu", version, tags=LINUX) for version in ("1.26.0", "1.28.0", "1.31.1")]
    project.server.add("onnxruntime-gpu", *files)

    lines = lock(project, "onnxruntime-gpu<1.30")

    assert lines == [
        "with driver 580 or 595 or 620: onnxruntime-gpu 1.26.0 -> 1.28.0 (by the data: no index was read for it)",
    ]
    assert [path for path in project.server.paths("/files/") if "1.28.0" in path] == []


def test_family_with_indexes_of_its_own_is_told_with_what_its_default_build_needs(project: Project) -> None:
    project.server.add("vllm", wheel("vllm", "0.33.0", tags="cp38-abi3-manylinux_2_28_x86_64"))
    mirrors = '[tool.pinfold.mirrors]\n"https://wheels.vllm.ai/" = "INDEX/wheels/"\n'
    project.write("pyproject.toml", f'[tool.pinfold]\nindex-url = "INDEX"\n{mirrors}')

    assert lock(project, "vllm", "--driver", "580") == [
        "with driver 535 or 550 or 570 (at their end): the default index's vllm 0.33.0 needs driver 580 (by the data:"
        " no index was"
        " read for it)",
    ]
    assert project.server.paths("/simple/wheels/") == []


def test_name_that_is_for_one_major_release_has_no_solution_on_older_drivers(project: Project) -> None:
    project.server.add("cupy-cuda13x", wheel("cupy-cuda13x", "14.2.0", tags=LINUX))

    assert lock(project, "cupy-cuda13x", "--driver", "580") == [
        "with driver 535 or 550 or 570 (at their end): there is no solution"
    ]


def test_plugin_of_an_extra_has_no_solution_on_older_drivers(project: Project) -> None:
    project.server.add("jax", wheel("jax", "0.12.0", ['jax-cuda13-plugin; extra == "cuda13"'], extras=("cuda13",)))
    project.server.add("jax-cuda13-plugin", wheel("jax-cuda13-plugin", "0.12.0", tags=LINUX))

    assert lock(project, "jax[cuda13]", "--driver", "580") == [
        "with driver 535 or 550 or 570 (at their end): there is no solution"
    ]


def test_project_with_one_build_for_all_says_nothing(project: Project) -> None:
    project.server.add("bitsandbytes", wheel("bitsandbytes", "0.50.2", tags="py3-none-manylinux_2_28_x86_64"))

    assert lock(project, "bitsandbytes") == []
