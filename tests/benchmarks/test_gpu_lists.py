"""The comparison of GPU lists with what is wanted of them, and the mirror that it reads."""

from __future__ import annotations

import re
import zipfile
from io import BytesIO
from pathlib import Path

import httpx
import pytest
from packaging.utils import canonicalize_name

from benchmarks.gpu_lists import Answer, Case, GpuList, find_faults, main, read_gpu_lists
from benchmarks.torch_mirror import running_mirror
from resolver.index.page_building import parse_project_page

LISTS = Path(__file__).parent.parent.parent / "benchmarks" / "lists" / "gpu.toml"
CASE = Case(gpu="B200", driver="580", index="mirror")


def answer(code: int = 0, said: str = "", seconds: float = 1.0, cuda: str = "", **pins: str) -> Answer:
    named = {canonicalize_name(name): version for name, version in pins.items()}
    return Answer(code=code, pins=named, said=said, seconds=seconds, cuda=cuda)


def faults(wants: list[str], mine: Answer, other: Answer) -> list[str]:
    entry = GpuList(name="one", requirements=("torch",), wants={"all": wants})
    return list(find_faults(entry, {CASE: mine}, {"580": other, "public": other, "default": other}))


@pytest.mark.parametrize(
    ("wants", "mine"),
    [
        (["torch>=2.6", "cuda 12"], answer(torch="2.7.0+cu128", cuda="cu128")),
        (["torch==2.7.0+cu128"], answer(torch="2.7.0+cu128")),
        (["without xformers"], answer(torch="2.7.0")),
        (["refused sm_100"], answer(3, "none has kernels for sm_100")),
        (["unreachable whl/cu"], answer(4, "https://mirror.example/whl/cu129 is needed")),
    ],
)
def test_an_answer_that_is_wanted_is_no_fault(wants: list[str], mine: Answer) -> None:
    assert faults(wants, mine, answer(1)) == []


@pytest.mark.parametrize(
    ("wants", "mine"),
    [
        (["torch>=2.8"], answer(torch="2.7.0")),
        (["torch>=2.8"], answer(3, "no solution")),
        (["cuda 13"], answer(torch="2.7.0", cuda="cu128")),
        (["without torch"], answer(torch="2.7.0")),
        (["refused sm_100"], answer(3, "needs driver 580")),
        (["refused sm_100"], answer(torch="2.7.0")),
        (["unreachable whl/cu"], answer(3, "whl/cu129")),
    ],
)
def test_an_answer_that_is_not_wanted_is_a_fault(wants: list[str], mine: Answer) -> None:
    assert [fault.split(":")[0] for fault in faults(wants, mine, answer(1))] == ["B200, driver 580, mirror"]


def test_an_answer_worse_than_that_of_uv_is_a_fault_unless_it_is_wanted() -> None:
    older, newer = answer(torch="2.7.0+cu128"), answer(torch="2.8.0+cu128")
    assert faults([], older, newer) == ["B200, driver 580, mirror: torch 2.7.0+cu128 is older than uv's 2.8.0+cu128"]
    assert faults(["torch==2.7.0"], older, newer) == []
    assert faults([], answer(3, "no"), newer) == ["B200, driver 580, mirror: only uv solves it: exit 3: no"]
    assert faults(["refused no"], answer(3, "no"), newer) == []


def test_a_slow_answer_is_a_fault_where_uv_is_fast() -> None:
    assert faults([], answer(seconds=61), answer(seconds=19)) == ["B200, driver 580, mirror: took 61 s, uv 19 s"]
    assert faults([], answer(seconds=61), answer(seconds=21)) == []


def test_the_most_exact_case_counts() -> None:
    wants = {"all": ["a"], "580": ["b"], "B200 mirror": ["c"], "default B200 mirror": ["d"]}
    entry = GpuList(name="one", requirements=("a",), wants=wants)
    assert CASE.find_wanted(entry) == ["c"]
    assert Case(gpu="A100", driver="580", index="public").find_wanted(entry) == ["b"]
    assert Case(gpu="A100", driver="default", index="public").find_wanted(entry) == ["a"]


def test_every_list_says_what_is_wanted_of_every_case() -> None:
    lists = read_gpu_lists(LISTS)
    assert len(lists) >= 40
    assert len({entry.name for entry in lists}) == len(lists)
    cases = [
        Case(gpu=g, driver=d, index=i)
        for g in ("A100", "B200")
        for d in ("default", "580")
        for i in ("public", "mirror")
    ]
    assert [(entry.name, case) for entry in lists for case in cases if not case.find_wanted(entry)] == []


def test_name_of_no_list_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--only", "tork"]) == 2
    assert capsys.readouterr().err == "no list is called tork\n"


def test_the_mirror_has_pages_and_wheels_that_a_client_reads_by_ranges() -> None:
    with running_mirror() as mirror, httpx.Client(base_url=mirror) as client:
        page = client.get("/whl/cu128/torchvision/")
        files = parse_project_page(
            page.content,
            content_type=page.headers["content-type"],
            url=str(page.url),
            name=canonicalize_name("torchvision"),
        )
        wheel = next(one for one in files if one.filename.startswith("torchvision-0.23.0+cu128-cp312-"))
        whole = client.get(wheel.url)
        tail = client.get(wheel.url, headers={"Range": "bytes=-22"})
        metadata = zipfile.ZipFile(BytesIO(whole.content)).read("torchvision-0.23.0+cu128.dist-info/METADATA").decode()

        assert (tail.status_code, tail.content) == (206, whole.content[-22:])
        assert "Requires-Dist: torch==2.8.0\n" in metadata
        assert client.get("/whl/cu128/numpy/").status_code == 404


def test_labels_of_the_mirror_require_the_libraries_of_their_toolkit() -> None:
    with running_mirror() as mirror, httpx.Client(base_url=mirror) as client:
        page = client.get("/whl/torch/").text
        found = {}
        for label in ("cu118", "cu126", "cpu"):
            path = re.search(rf'href="([^"#]*torch-2\.7\.1%2B{label}-cp311[^"#]*)', page)
            assert path is not None
            found[label] = client.get(f"{path[1]}.metadata").text

    assert "nvidia-cudnn-cu11==" in found["cu118"]
    assert "nvidia-cuda-runtime-cu12==12.6.77\n" in found["cu126"]
    assert "nvidia-" not in found["cpu"]
