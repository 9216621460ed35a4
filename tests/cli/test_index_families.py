"""Indexes of families as a user names them, end to end: the default index and a family's index are loopback servers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.command import Project
from tests.servers import Answer, IndexServer, wheel

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


def write_mirror(project: Project, prefix: str, url: str, families: str = "") -> None:
    project.write("pyproject.toml", f'[tool.pinfold.mirrors]\n"{prefix}" = "{url}"\n{families}')


@pytest.mark.parametrize(
    ("flag", "prefix", "place"),
    [
        ("--extra-index-url https://download.pytorch.org/whl/cpu", "https://download.pytorch.org/whl/cpu", "simple/"),
        ("--find-links https://download.pytorch.org/whl/links/", "https://download.pytorch.org/whl/", ""),
        (
            "-f https://download.pytorch.org/whl/torch_stable.html",
            "https://download.pytorch.org/whl/torch_stable.html",
            "links/",
        ),
    ],
    ids=["index", "folder", "page"],
)
def test_mirror_is_asked_in_the_place_of_a_url_in_the_list(
    project_with_torch: Project, vendor: IndexServer, flag: str, prefix: str, place: str
) -> None:
    project = project_with_torch
    write_mirror(project, prefix, f"{vendor.base_url}/{place}")
    project.write_list(flag, "torch")

    run = project.lock("requirements.txt", "-q")

    assert (run.code, run.err) == (0, "")
    assert project.pins() == {"filelock": "3.20.0", "torch": "2.6.0+cpu"}
    lock = project.read().replace(vendor.base_url, "https://mirror.example")
    assert 'url = "https://mirror.example/files/torch-2.6.0+cpu-py3-none-any.whl"' in lock
    assert flag.split()[1] in lock.partition("[tool.pinfold]")[2]
    check = project.lock("requirements.txt", "--check", "-q")
    assert (check.code, check.err) == (0, "")


def test_mirror_is_asked_in_the_place_of_the_index_url(project_with_torch: Project) -> None:
    project = project_with_torch
    write_mirror(project, "https://unreachable.example/simple/", project.server.index_url)
    project.write("requirements.txt", "--index-url https://unreachable.example/simple/\nfilelock\n")

    assert project.lock("requirements.txt", "-q").code == 0
    assert project.pins() == {"filelock": "3.20.0"}


def test_mirror_is_asked_in_the_place_of_a_configured_index_url(project_with_torch: Project) -> None:
    project = project_with_torch
    project.write(
        "pyproject.toml",
        '[tool.pinfold]\nindex-url = "https://unreachable.example/simple/"\n'
        '[tool.pinfold.mirrors]\n"https://unreachable.example/" = "INDEX/../"\n'.replace(
            "INDEX/../", f"{project.server.base_url}/"
        ),
    )
    project.write("requirements.txt", "filelock\n")

    assert project.lock("requirements.txt", "-q").code == 0
    assert project.pins() == {"filelock": "3.20.0"}


def test_mirror_is_asked_in_the_place_of_a_wheel_by_url(project_with_torch: Project, vendor: IndexServer) -> None:
    project = project_with_torch
    write_mirror(project, "https://download.pytorch.org/whl/cpu/", f"{vendor.base_url}/files/")
    name = "torch-2.6.0%2Bcpu-py3-none-any.whl"
    vendor.always[f"/files/{name}"] = Answer(body=vendor.projects["torch"][0].content)
    project.write_list(f"torch @ https://download.pytorch.org/whl/cpu/{name}")

    run = project.lock("requirements.txt", "-q")

    assert (run.code, run.err) == (0, "")
    assert f"{vendor.base_url}/files/torch-2.6.0" in project.read()
    assert project.lock("requirements.txt", "--check", "-q").code == 0


def test_unset_variable_of_a_mirror_is_told_where_the_list_needs_it(project_with_torch: Project) -> None:
    project = project_with_torch
    write_mirror(project, "https://download.pytorch.org/whl/", "https://${MIRROR_TOKEN}@mirror.example/whl/")
    project.write_list("--extra-index-url https://${UNUSED}@download.pytorch.org/whl/cpu", "torch")

    run = project.lock("requirements.txt", "-q")

    assert (run.code, run.err) == (
        2,
        "error: [tool.pinfold] mirrors: `https://${MIRROR_TOKEN}@mirror.example/whl/` is needed, and a variable in it"
        " is not set: `MIRROR_TOKEN`\n  try: set it in the environment\n",
    )


def test_exclusive_family_whose_index_is_down_ends_the_run(project_with_torch: Project, vendor: IndexServer) -> None:
    project = project_with_torch
    vendor.always["/simple/torch/"] = Answer(status=503)
    project.write("pyproject.toml", FAMILY.replace("VENDOR", vendor.base_url) + "exclusive = true\n")
    project.write_list(f"--extra-index-url {vendor.index_url}", "torch")

    assert project.lock("requirements.txt", "-q").code == 4
    assert project.server.paths("/simple/torch/") == []


@pytest.fixture
def mixed_page(project: Project, vendor: IndexServer) -> Project:
    """A project whose mirror of PyTorch's page of all builds has torch 2.4.0 for every backend and 2.7.0 for some."""
    labels = ("2.4.0+cpu", "2.4.0+cu121", "2.4.0+rocm6.1", "2.7.0+cpu", "2.7.0+cu128", "2.7.0+xpu")
    vendor.projects["torch"] = [wheel("torch", version) for version in labels]
    write_mirror(project, "https://download.pytorch.org/whl/torch_stable.html", vendor.links_url)
    return project


@pytest.mark.parametrize(
    ("line", "machine", "expected"),
    [
        ("torch", "M", "2.7.0+cpu"),
        ("torch==2.4.0", "M", "2.4.0+cpu"),
        ("torch", "", "2.7.0+cu128"),
        ("torch==2.4.0", "", "2.4.0+cu121"),
        ("torch", "GPU-B200", "2.7.0+cu128"),
        ("torch==2.4.0+rocm6.1", "", "2.4.0+rocm6.1"),
    ],
)
def test_page_that_mixes_builds_gives_the_one_for_the_machine(
    mixed_page: Project, line: str, machine: str, expected: str
) -> None:
    mixed_page.write_list("-f https://download.pytorch.org/whl/torch_stable.html", line)

    run = mixed_page.lock("requirements.txt", "-q", "-o", "pylock.toml", *(["-m", machine] if machine else []))

    assert (run.code, run.err) == (0, "")
    assert mixed_page.pins() == {"torch": expected}


def test_page_that_mixes_builds_without_one_for_the_gpu_is_no_solution(mixed_page: Project) -> None:
    mixed_page.write_list("-f https://download.pytorch.org/whl/torch_stable.html", "torch==2.4.0")

    run = mixed_page.lock("requirements.txt", "-q", "-m", "GPU-B200")

    assert (run.code, run.err.splitlines()[2]) == (
        3,
        "  because torch 2.4.0 has builds for cu118, cu121, cu124; none has kernels for sm_100 (GPU-B200); the first"
        " that does is 2.7.0+cu128",
    )


def test_index_with_the_release_of_a_torch_that_cannot_run_is_no_remedy(mixed_page: Project) -> None:
    mixed_page.server.add("torch", wheel("torch", "2.4.0"))
    mixed_page.write_list(
        "-f https://download.pytorch.org/whl/torch_stable.html",
        f"--extra-index-url {mixed_page.server.index_url}",
        "torch==2.4.0",
    )

    run = mixed_page.lock("requirements.txt", "-q", "-m", "GPU-B200")

    assert run.code == 3
    assert "none has kernels for sm_100 (GPU-B200)" in run.err
    assert "has a version that fits" not in run.err


def test_index_with_an_empty_page_still_wins_and_the_later_index_is_named(
    project: Project, vendor: IndexServer
) -> None:
    project.server.add("acme", wheel("acme", "1.0"))
    vendor.projects["acme"] = []
    project.write_list(f"--extra-index-url {vendor.index_url}", "acme")

    run = project.lock("requirements.txt", "-q")

    assert run.code == 3
    assert run.err.replace(vendor.base_url, "https://vendor.example") == (
        "error: no solution for Python 3.11 on manylinux_2_35_x86_64: no version of `acme` matches\n"
        "  requirements.txt:3: `acme`\n"
        "  because https://vendor.example/simple/ has 0 versions in 0 files\n"
        '  try: change their order, or `index-strategy = "best-match"` in `[tool.pinfold]`, if you trust both:'
        " https://vendor.example/simple/ comes first and hides the `acme` of https://index.example/simple/"
        " (tested: it locks)\n"
    )
