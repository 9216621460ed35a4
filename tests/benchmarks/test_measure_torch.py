"""The maintainer's command that reads what a release of torch was built for out of its wheels."""

from __future__ import annotations

import io
import random
import tomllib
import zipfile
from pathlib import Path

import pytest

from benchmarks.measure_torch import main
from tests.servers import IndexServer, ServedFile

FLAGS = b"sm_75 sm_80 sm_90a compute_120"


def torch_wheel(
    platform: str, *, python: str = "cp311", cuda: str | None, flags: bytes = FLAGS, label: str = ""
) -> ServedFile:
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
    filename = f"torch-2.90.0{label}-{python}-{python}-manylinux_2_28_{platform}.whl"
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


DATA = """\
cpu-only = ["macos"]

[sources]
wheel = "measured"
ci-build = "a script"

[[release]]
version = "2.89.0"
builds = [
  { cuda = "12.6", sm = "50 60", verified = false, source = "ci-build", confidence = "unverified" },
  { cuda = "13.2", sm = "75 80", verified = true, source = "wheel", confidence = "measured" },
  { cuda = "13.4", sm = "75 80", on = "aarch64", verified = false, source = "ci-build", confidence = "unverified" },
]
"""


def renew_from(tmp_path: Path, text: str, labelled: list[ServedFile], *, with_family: bool) -> tuple[str, int]:
    file = tmp_path / "torch.toml"
    file.write_text(text, encoding="utf-8")
    with (
        IndexServer({"torch": [torch_wheel("x86_64", cuda="13.2")], "torchvision": [], "xformers": []}) as server,
        IndexServer({"torch": labelled}) as family,
    ):
        # One index serves the wheels of every label.
        more = ["--family-url", family.index_url] if with_family else []
        code = main(["--renew", str(file), "--index-url", server.index_url, *more])
    return file.read_text(encoding="utf-8"), code


def test_renewing_adds_newer_releases_and_verifies_builds_on_the_indexes_of_a_family(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labelled = [torch_wheel("x86_64", cuda="12.6", label="+cu126", flags=b"sm_50 sm_90")]
    text, code = renew_from(tmp_path, DATA, labelled, with_family=True)
    newest, older = tomllib.loads(text)["release"]
    assert code == 0
    assert (newest["version"], newest["default"]) == ("2.90.0", {"x86_64": "13.2"})
    assert [(one["cuda"], one["verified"], one["source"]) for one in newest["builds"]] == [
        ("13.2", True, "wheel"),
        ("12.6", True, "wheel"),
        ("13.4", False, "carried"),
    ]
    assert newest["builds"][1]["sm"] == "50 90"
    assert older == tomllib.loads(DATA)["release"][0]
    assert tomllib.loads(text)["sources"]["carried"] == "the builds of the release before"
    assert capsys.readouterr().err.splitlines() == [
        "not verified: torch 2.89.0 for CUDA 12.6 on x86_64: the index of cu126 does not list it",
        "not verified: torch 2.89.0 for CUDA 13.4 on aarch64: the index of cu134 does not list it",
        "not verified: torch 2.90.0 for CUDA 13.4 on aarch64: the index of cu134 does not list it",
    ]


def test_a_build_that_an_index_shows_is_verified_in_its_row(tmp_path: Path) -> None:
    known = DATA.replace("2.89.0", "2.90.0")
    labelled = [torch_wheel("x86_64", cuda="12.6", label="+cu126", flags=b"sm_50 sm_90")]
    text, _ = renew_from(tmp_path, known, labelled, with_family=True)
    line = '{ cuda = "12.6", sm = "50 90", verified = true, source = "wheel", confidence = "measured" },'
    old = '{ cuda = "12.6", sm = "50 60", verified = false, source = "ci-build", confidence = "unverified" },'
    assert text == known.replace(old, line)


def test_a_wheel_for_another_cuda_than_its_label_verifies_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known = DATA.replace("2.89.0", "2.90.0")
    text, _ = renew_from(tmp_path, known, [torch_wheel("x86_64", cuda="12.4", label="+cu126")], with_family=True)
    assert text == known
    assert "its wheel says CUDA 12.4, 75 80 90a ptx120" in capsys.readouterr().err


def test_without_an_index_of_a_family_nothing_is_verified(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    known = DATA.replace("2.89.0", "2.90.0")
    text, _ = renew_from(tmp_path, known, [], with_family=False)
    assert text == known
    assert capsys.readouterr().err.count("no `--family-url` was given") == 2
