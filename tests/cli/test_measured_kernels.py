"""A release of torch that the data does not know, whose wheel tells by ranges which GPUs it is for."""

from __future__ import annotations

import io
import random
import zipfile

import pytest

from tests.command import Project
from tests.distributions import make_metadata
from tests.servers import ServedFile, wheel

LINUX = "cp311-cp311-manylinux_2_28_x86_64"
KERNELS = "75 80 86 90"


def torch(version: str, flags: bytes) -> ServedFile:
    """A wheel of 3 MB with the library that holds the flags, behind metadata of its own."""
    noise = random.Random(version).randbytes(1_500_000)
    metadata = make_metadata("torch", version, requires=["cuda-toolkit==13.2.1"])
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("torch/lib/libtorch_cuda.so", noise)
        archive.writestr("torch/lib/libtorch_python.so", noise[:300_000] + b"\0" + flags + b"\0" + noise)
        archive.writestr(f"torch-{version}.dist-info/METADATA", metadata)
    return ServedFile(filename=f"torch-{version}-{LINUX}.whl", content=content.getvalue(), metadata=metadata)


@pytest.fixture(autouse=True)
def index(project: Project) -> None:
    server = project.server
    server.add("cuda-toolkit", wheel("cuda-toolkit", "13.2.1"))
    server.add("torch", torch("2.90.0", b"sm_75 sm_80 sm_86 sm_90"), wheel("torch", "2.15.0", tags=LINUX))
    project.write("pyproject.toml", '[tool.pinfold]\nindex-url = "INDEX"\ndriver = "580"\n')
    project.write("requirements.txt", "torch\n")


def read_ranges(project: Project) -> list[str]:
    wanted = (request for request in project.server.log if request.path.endswith(f"torch-2.90.0-{LINUX}.whl"))
    return [request.headers["range"] for request in wanted]


def test_unknown_release_is_a_warning_that_names_the_flag(project: Project) -> None:
    run = project.lock("requirements.txt", "-m", "B200", "-q")

    assert (run.code, project.pins("pylock.gpu-b200.toml")["torch"]) == (0, "2.90.0")
    assert run.err == (
        "warning: `torch 2.90.0` is compiled for architectures that are not known: whether it has kernels for the GPU"
        " cannot be told\n"
        "  try: `--measure-kernels`, which reads that out of the wheel: some 10 MB of it\n"
    )
    assert read_ranges(project) == []


def test_measured_release_without_kernels_for_the_gpu_is_passed_over(project: Project) -> None:
    run = project.lock("requirements.txt", "-m", "B200", "--measure-kernels", "-q")

    assert (run.code, project.pins("pylock.gpu-b200.toml")["torch"]) == (0, "2.15.0")
    assert "warning" not in run.err


def test_measured_release_that_runs_is_locked_and_the_lock_says_what_was_read(project: Project) -> None:
    project.write("pyproject.toml", '[tool.pinfold]\nindex-url = "INDEX"\ndriver = "580"\nmeasure-kernels = true\n')

    run = project.lock("requirements.txt", "-m", "H100", "-q")

    assert (run.code, project.pins("pylock.gpu-h100.toml")["torch"]) == (0, "2.90.0")
    tool = project.load("pylock.gpu-h100.toml").tool
    assert tool is not None
    assert tool.accelerator["why"] == f"the default index's build of torch 2.90.0 runs, by its wheel: {KERNELS}"
    assert tool.settings["measure-kernels"] is True
    assert "warning" not in run.err


def test_wheel_is_read_by_ranges_up_to_the_flags_and_only_once(project: Project) -> None:
    project.lock("requirements.txt", "-m", "B200", "-m", "H100", "--measure-kernels", "-q")
    first = read_ranges(project)
    project.lock("requirements.txt", "-m", "A100", "--measure-kernels", "-q", "-U")

    spans = [
        tuple(map(int, text.removeprefix("bytes=").split("-"))) for text in first if not text.startswith("bytes=-")
    ]
    assert sum(last - start + 1 for start, last in spans) < 1_500_000
    assert read_ranges(project) == first


def test_host_without_ranges_leaves_the_warning(project: Project) -> None:
    project.server.ranges = "ignored"

    run = project.lock("requirements.txt", "-m", "H100", "--measure-kernels", "-q")

    assert run.code == 0
    assert run.err == (
        "warning: `torch 2.90.0` is compiled for architectures that are not known: whether it has kernels for the GPU"
        " cannot be told, and its wheel does not tell\n"
    )


def test_release_that_the_data_knows_is_not_read(project: Project) -> None:
    project.write("requirements.txt", "torch==2.15.0\n")

    assert project.lock("requirements.txt", "-m", "B200", "--measure-kernels", "-q").code == 0
    assert [request for request in project.server.log if "range" in request.headers] == []


def test_without_a_machine_nothing_is_measured(project: Project) -> None:
    assert project.lock("requirements.txt", "--measure-kernels", "-q").code == 0
    assert read_ranges(project) == []
