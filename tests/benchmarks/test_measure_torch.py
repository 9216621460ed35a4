"""The maintainer's command that reads what a release of torch was built for out of its wheels."""

from __future__ import annotations

import io
import random
import tomllib
import zipfile

import pytest

from benchmarks.measure_torch import main
from tests.servers import IndexServer, ServedFile

FLAGS = b"sm_75 sm_80 sm_90a compute_120"


def torch_wheel(platform: str, *, python: str = "cp311", cuda: str | None, flags: bytes = FLAGS) -> ServedFile:
    """A wheel with the three members that are read, and a megabyte in front of them that need not be."""
    noise = random.Random(platform).randbytes(1_500_000)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("torch/lib/libtorch_cuda.so", noise)
        archive.writestr("torch/version.py", f"__version__ = '2.90.0'\ncuda: Optional[str] = {cuda!r}\n")
        library = noise[:300_000] + b"\0sm_75 alone\0" + b"\0" + flags + b"\0" + noise[:900_000]
        archive.writestr("torch/lib/libtorch_python.so", library)
        metadata = "Metadata-Version: 2.1\nName: torch\nVersion: 2.90.0\nRequires-Dist: triton~=3.9.0\n"
        archive.writestr("torch-2.90.0.dist-info/METADATA", metadata)
    filename = f"torch-2.90.0-{python}-{python}-manylinux_2_28_{platform}.whl"
    return ServedFile(filename=filename, content=content.getvalue())


def companion(name: str, version: str, torch: str) -> ServedFile:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nRequires-Dist: torch{torch}\n"
        archive.writestr(f"{name}-{version}.dist-info/METADATA", metadata)
    return ServedFile(filename=f"{name}-{version}-cp311-cp311-manylinux_2_28_x86_64.whl", content=content.getvalue())


def test_rows_of_a_release_are_read_by_ranges(capsys: pytest.CaptureFixture[str]) -> None:
    server = IndexServer(
        {
            "torch": [
                torch_wheel("x86_64", python="cp311", cuda="13.2"),
                torch_wheel("x86_64", python="cp313", cuda="13.2"),
                torch_wheel("aarch64", cuda=None),
            ],
            "torchvision": [
                companion("torchvision", "0.90.0", "==2.90.0"),
                companion("torchvision", "0.89.0", "==2.8"),
            ],
            "xformers": [companion("xformers", "0.1.0", ">=2.80")],
        }
    )
    with server:
        assert main(["--index-url", server.index_url]) == 0

        text = capsys.readouterr().out
        sent = [request for request in server.log if request.method == "GET" and request.path.startswith("/files/")]
        assert all(request.status == 206 for request in sent)

    assert tomllib.loads(text) == {
        "release": [
            {
                "version": "2.90.0",
                "python": "cp311 cp313",
                "complete": [],
                "default": {"x86_64": "13.2", "aarch64": "cpu"},
                "torchvision": ["0.90.0"],
                "torchaudio": [],
                "xformers": ["0.1.0"],
                "triton": "~=3.9.0",
                "source": "wheel, companions",
                "builds": [
                    {
                        "cuda": "13.2",
                        "sm": "75 80 90a ptx120",
                        "verified": True,
                        "source": "wheel",
                        "confidence": "measured",
                    }
                ],
            }
        ]
    }


def test_release_that_the_index_does_not_have_is_told_with_those_that_it_has() -> None:
    with IndexServer({"torch": [torch_wheel("x86_64", cuda="13.2")]}) as server, pytest.raises(SystemExit) as stop:
        main(["2.91.0", "--index-url", server.index_url])

    assert stop.value.code == "the index has no wheels of torch 2.91.0; its newest are 2.90.0"
