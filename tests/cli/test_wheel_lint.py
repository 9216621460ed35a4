"""Wheels that say which torch they are for, end to end: named directly by URL and by path, and from find-links."""

from __future__ import annotations

import pytest

from tests.command import Project
from tests.distributions import make_wheel
from tests.servers import wheel

LINUX = "cp311-cp311-manylinux_2_28_x86_64"
FLASH = "flash_attn-2.7.0.post1+cu12torch2.5cxx11abiFALSE-cp311-cp311-linux_x86_64.whl"


@pytest.fixture(autouse=True)
def index(project: Project) -> None:
    project.server.add("filelock", wheel("filelock", "3.20.0"))
    project.server.add("einops", wheel("einops", "0.8.1"))
    project.server.add("torch", *(wheel("torch", version, ["filelock"], tags=LINUX) for version in ("2.5.1", "2.6.0")))
    project.write("pyproject.toml", '[tool.pinfold]\nindex-url = "INDEX"\n')


def add_flash(project: Project, label: str = "cu12torch2.5cxx11abiFALSE", python: str = "cp311") -> str:
    """The URL of a wheel of flash-attn on the server."""
    version = f"2.7.0.post1+{label}"
    served = wheel("flash-attn", version, ["torch", "einops"], tags=f"{python}-{python}-linux_x86_64")
    project.server.add("flash-attn", served)
    return project.server.file_url(served.filename)


def test_wheel_for_another_torch_named_by_url_is_no_solution(project: Project) -> None:
    project.write("requirements.txt", f"torch==2.6.0\n{add_flash(project)}\n")

    run = project.lock("requirements.txt", "-m", "H100", "-q")

    assert run.code == 3
    assert run.err == (
        "error: no solution for Python 3.11 on manylinux_2_35_x86_64 for GPU-H100 with driver 570.133.20: the"
        " required builds do not go together\n"
        "  requirements.txt:1: `torch==2.6.0`\n"
        f"  requirements.txt:2: `flash-attn @ https://index.example/files/{FLASH}`, `flash-attn"
        " 2.7.0.post1+cu12torch2.5cxx11abifalse` needs `torch 2.5.1 or 2.5.0`\n"
        f"  because `{FLASH}` is built for torch 2.5 and CUDA 12, without the C++11 ABI; the lock would have torch"
        " 2.6.0 for CUDA 12.4, without the C++11 ABI\n"
        "  try: `torch==2.5.1` (tested: it locks)\n"
        "  try: a wheel for torch 2.6.0:"
        " `flash_attn-2.7.0.post1+cu12torch2.6cxx11abiFALSE-cp311-cp311-linux_x86_64.whl`\n"
    )
    assert "pylock.gpu-h100.toml" not in project.files()


def test_wheel_for_another_torch_on_disk_is_no_solution_without_a_machine_too(project: Project) -> None:
    content = make_wheel("flash-attn", "2.7.0.post1+cu12torch2.5cxx11abiFALSE", tags="cp311-cp311-linux_x86_64")
    (project.folder / FLASH).write_bytes(content)
    project.write("requirements.txt", f"torch==2.6.0\n./{FLASH}\n")

    run = project.lock("requirements.txt", "-q")

    assert run.code == 3
    lines = run.err.splitlines()
    assert lines[0].endswith(": the required builds do not go together")
    assert lines[3:] == [
        f"  because `{FLASH}` is built for torch 2.5 and CUDA 12, without the C++11 ABI; the lock would have torch"
        " 2.6.0 for CUDA 12.4, without the C++11 ABI",
        "  try: `torch==2.5.1` (tested: it locks)",
        "  try: a wheel for torch 2.6.0:"
        " `flash_attn-2.7.0.post1+cu12torch2.6cxx11abiFALSE-cp311-cp311-linux_x86_64.whl`",
    ]


def test_wheel_for_a_torch_that_the_gpu_does_not_run_is_refused_for_that(project: Project) -> None:
    project.server.add("torch", wheel("torch", "2.8.0", ["filelock"], tags=LINUX))
    project.write("requirements.txt", f"torch>=2.5\nflash-attn @ {add_flash(project)}\n")

    run = project.lock("requirements.txt", "-m", "B200", "--driver", "580", "-q")

    assert run.code == 3
    assert (
        f"because `{FLASH}` is built for torch 2.5 and CUDA 12, without the C++11 ABI; torch 2.5.1 has builds for"
        " cu118, cu121, cu124; none has kernels for sm_100 (GPU-B200)" in run.err
    )
    assert "the lock would have" not in run.err


def test_wheel_with_another_abi_than_torch_is_no_solution(project: Project) -> None:
    url = add_flash(project, "cu12torch2.5cxx11abiTRUE")
    project.write("requirements.txt", f"torch==2.5.1\nflash-attn @ {url}\n")

    run = project.lock("requirements.txt", "-q")

    assert run.code == 3
    assert (
        " is built for torch 2.5 and CUDA 12, with the C++11 ABI; the lock would have torch 2.5.1 for CUDA 12.4,"
        " without the C++11 ABI\n" in run.err
    )


def test_wheel_for_another_python_is_refused(project: Project) -> None:
    url = add_flash(project, python="cp310")
    project.write("requirements.txt", f"torch==2.5.1\n{url}\n")

    run = project.lock("requirements.txt", "-q")

    assert run.code == 3
    assert "cp310-cp310-linux_x86_64" in run.err


@pytest.mark.parametrize("machine", [[], ["-m", "H100", "-o", "pylock.toml"]])
def test_wheel_decides_which_release_of_torch_is_locked(project: Project, machine: list[str]) -> None:
    project.write("requirements.txt", f"torch\n{add_flash(project)}\n")

    run = project.lock("requirements.txt", *machine, "-q")

    assert (run.code, run.err) == (0, "")
    assert project.pins() == {
        "einops": "0.8.1",
        "filelock": "3.20.0",
        "flash-attn": "2.7.0.post1+cu12torch2.5cxx11abifalse",
        "torch": "2.5.1",
    }


def test_list_without_such_wheels_is_solved_as_before(project: Project) -> None:
    project.write("requirements.txt", "torch\n")

    run = project.lock("requirements.txt", "-q")

    assert (run.code, project.pins()["torch"]) == (0, "2.6.0")


def test_allowed_wheel_for_another_torch_is_a_warning(project: Project) -> None:
    project.write("pyproject.toml", '[tool.pinfold]\nindex-url = "INDEX"\nallow = ["flash-attn"]\n')
    project.write("requirements.txt", f"torch==2.6.0\n{add_flash(project)}\n")

    run = project.lock("requirements.txt", "-m", "H100")

    assert run.code == 0
    warnings = [line for line in run.err.splitlines() if line.startswith("warning: ")]
    assert warnings == [
        f"warning: `{FLASH}` is built for torch 2.5 and CUDA 12, without the C++11 ABI; the lock has torch 2.6.0 for"
        " CUDA 12.4, without the C++11 ABI: `allow` lets it pass"
    ]
