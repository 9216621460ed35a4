"""Which builds a machine type gets, end to end: a default index, and one index for each CUDA build, on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.command import Project, Run
from tests.servers import Answer, IndexServer, ServedFile, wheel

TAGS = "cp311-cp311-manylinux_2_28_x86_64"
LABELS = ("cpu", "cu118", "cu121", "cu124", "cu126", "cu128", "cu129", "cu130", "cu132")


def torch(version: str) -> ServedFile:
    return wheel("torch", version, ["filelock"], tags=TAGS)


class Indexes:
    """A project whose default index is its server, with a server for each folder of the PyTorch index as its mirror."""

    def __init__(self, project: Project, stack: ExitStack) -> None:
        self.project = project
        self.servers = {label: stack.enter_context(IndexServer()) for label in LABELS}
        project.server.add("filelock", wheel("filelock", "3.20.0"))
        rows = "".join(
            f'"https://download.pytorch.org/whl/{label}" = "{server.index_url}"\n'
            for label, server in self.servers.items()
        )
        project.write("pyproject.toml", f'[tool.pinfold]\nindex-url = "INDEX"\n[tool.pinfold.mirrors]\n{rows}')

    def lock(self, line: str, *argv: str) -> Run:
        self.project.write("requirements.txt", f"{line}\n")
        run = self.project.lock("requirements.txt", *argv)
        for label, server in self.servers.items():
            run = Run(code=run.code, out=run.out, err=run.err.replace(server.base_url, f"https://{label}.example"))
        return run

    def asked(self) -> set[str]:
        """The labels whose index was asked for anything."""
        return {label for label, server in self.servers.items() if server.log}

    def accelerator(self, name: str) -> dict[str, str]:
        tool = self.project.load(name).tool
        assert tool is not None
        return dict(tool.accelerator)


@pytest.fixture
def indexes(project: Project) -> Iterator[Indexes]:
    with ExitStack() as stack:
        yield Indexes(project, stack)


def test_default_build_that_runs_is_taken_and_no_other_index_is_asked(indexes: Indexes) -> None:
    indexes.project.server.add("torch", torch("2.4.0"))

    run = indexes.lock("torch==2.4.0", "-m", "A100")

    assert (run.code, indexes.asked()) == (0, set())
    assert indexes.project.pins("pylock.gpu-a100.toml") == {"filelock": "3.20.0", "torch": "2.4.0"}
    assert "with driver" not in run.err


def test_release_without_a_build_that_runs_is_refused_with_a_release_that_has_one(indexes: Indexes) -> None:
    indexes.project.server.add("torch", torch("2.7.0"))
    indexes.servers["cu128"].add("torch", torch("2.7.0+cu128"))

    run = indexes.lock("torch==2.4.0", "-m", "B200", "-q")

    assert run.code == 3
    assert run.err == (
        "error: no solution for Python 3.11 on manylinux_2_35_x86_64 for GPU-B200 with driver 570.133.20: no usable"
        " version of `torch`\n"
        "  requirements.txt:1: `torch==2.4.0`\n"
        "  because torch 2.4.0 has builds for cu118, cu121, cu124; none has kernels for sm_100 (GPU-B200); the first"
        " that does is 2.7.0+cu128\n"
        "  try: `torch==2.7.0` at requirements.txt:1 (tested: it locks)\n"
    )


def test_refusal_from_the_data_makes_no_request_offline(indexes: Indexes) -> None:
    run = indexes.lock("torch==2.4.0", "-m", "B200", "-q", "--offline")

    assert (run.code, indexes.asked(), indexes.project.server.log) == (3, set(), [])
    assert "because torch 2.4.0 has builds for cu118, cu121, cu124; none has kernels for sm_100" in run.err


def test_build_that_runs_comes_from_the_index_of_its_label(indexes: Indexes) -> None:
    indexes.project.server.add("torch", torch("2.7.0"))
    indexes.servers["cu128"].add("torch", torch("2.7.0+cu128"))

    run = indexes.lock("torch==2.7.0", "-m", "B200", "-q")

    assert (run.code, run.err) == (0, "")
    assert indexes.project.pins("pylock.gpu-b200.toml")["torch"] == "2.7.0+cu128"
    facts = indexes.accelerator("pylock.gpu-b200.toml")
    assert {key: facts[key] for key in ("kind", "capability", "driver", "driver-source")} == {
        "kind": "gpu",
        "capability": "10.0",
        "driver": "570.133.20",
        "driver-source": "assumption",
    }


def test_machine_types_of_one_run_get_builds_of_their_own(indexes: Indexes) -> None:
    indexes.project.server.add("torch", torch("2.7.0"))
    indexes.servers["cu128"].add("torch", torch("2.7.0+cu128"))

    run = indexes.lock("torch==2.7.0", "-m", "A100", "-m", "B200", "-m", "A100,B200", "-q")

    assert run.code == 0
    names = ("gpu-a100", "gpu-b200", "gpu-a100-or-gpu-b200")
    assert [indexes.project.pins(f"pylock.{name}.toml")["torch"] for name in names] == [
        "2.7.0",
        "2.7.0+cu128",
        "2.7.0+cu128",
    ]
    assert len(indexes.servers["cu128"].paths("/simple/torch/")) == 1


def test_index_that_cannot_be_read_is_an_error_with_the_lines_to_paste(indexes: Indexes) -> None:
    indexes.project.server.add("torch", torch("2.7.0"))
    indexes.servers["cu128"].always["/simple/torch/"] = Answer(status=403)

    run = indexes.lock("torch==2.7.0", "-m", "B200", "-q")

    assert run.code == 4
    assert run.err.startswith("error: https://cu128.example/simple/ is needed for `torch 2.7.0+cu128`")
    assert run.err.endswith(
        "  try: name a mirror in pyproject.toml\n    [tool.pinfold.mirrors]\n"
        '    "https://download.pytorch.org/whl/" = "https://mirror.example/whl/"\n'
    )
    assert [name for name in indexes.project.files() if name.startswith("pylock")] == []


def test_driver_that_would_change_torch_is_told_from_the_data_where_nothing_was_asked(indexes: Indexes) -> None:
    indexes.project.server.add("torch", torch("2.15.0"))

    run = indexes.lock("torch", "-m", "A100", "-m", "B200", "--driver", "580")

    assert (run.code, indexes.asked()) == (0, set())
    lines = [line.strip() for line in run.err.splitlines() if "with driver" in line]
    assert lines == [
        "with driver 535 or 550 or 570 (at their end): torch 2.15.0 -> 2.13.0+cu126 (by the data: no index was read"
        " for it)",
        "with driver 570 (at its end): torch 2.15.0 -> 2.11.0+cu128 (by the data: no index was read for it)",
    ]


def test_driver_that_would_change_a_pin_is_solved_from_what_is_known(indexes: Indexes) -> None:
    files = [wheel("onnxruntime-gpu", version, tags=TAGS) for version in ("1.26.0", "1.28.0")]
    indexes.project.server.add("onnxruntime-gpu", *files)
    indexes.lock("onnxruntime-gpu", "-m", "A100", "--driver", "580", "-q", "-o", "pylock.newer.toml")
    asked = len(indexes.project.server.log)

    run = indexes.lock("onnxruntime-gpu", "-m", "A100")

    assert indexes.project.pins("pylock.gpu-a100.toml") == {"onnxruntime-gpu": "1.26.0"}
    assert "    with driver 580 or 595 or 620: onnxruntime-gpu 1.26.0 -> 1.28.0\n" in run.err
    assert indexes.project.server.paths("/simple/")[asked:] == []


def test_lock_without_a_machine_type_says_what_torch_weighs_and_how_to_name_one(indexes: Indexes) -> None:
    indexes.project.server.add("torch", torch("2.4.0"))

    run = indexes.lock("torch==2.4.0")

    assert run.code == 0
    (line,) = [line for line in run.err.splitlines() if line.startswith("  download: ")]
    assert line.endswith("; for any machine, `-m GPU-A100` locks for one")
    assert ", of which torch and its CUDA libraries " in line


def test_build_that_the_list_names_is_checked_against_the_machine(indexes: Indexes) -> None:
    indexes.project.server.add("torch", torch("2.6.0"))
    indexes.servers["cu124"].add("torch", torch("2.6.0+cu124"))

    a100 = indexes.lock("torch==2.6.0+cu124", "-m", "A100", "-q")
    b200 = indexes.lock("torch==2.6.0+cu124", "-m", "B200", "-q")

    assert (a100.code, indexes.project.pins("pylock.gpu-a100.toml")["torch"]) == (0, "2.6.0+cu124")
    assert b200.code == 3
    assert "torch 2.6.0+cu124 has no kernels for sm_100 (GPU-B200)" in b200.err


def test_cpu_machine_gets_the_build_for_a_cpu(indexes: Indexes) -> None:
    indexes.project.server.add("torch", torch("2.8.0"))
    indexes.servers["cpu"].add("torch", torch("2.8.0+cpu"))

    run = indexes.lock("torch==2.8.0", "-m", "XL", "-q")

    assert (run.code, indexes.project.pins("pylock.xl.toml")["torch"]) == (0, "2.8.0+cpu")


def test_mirror_gets_its_password_and_nobody_else_does(indexes: Indexes) -> None:
    mirror = indexes.servers["cu129"]
    mirror.add("torch", torch("2.8.0+cu129"))
    indexes.project.write(
        "pyproject.toml",
        '[tool.pinfold]\nindex-url = "INDEX"\n[tool.pinfold.mirrors]\n'
        f'"https://download.pytorch.org/whl/cu129" = "{mirror.index_url.replace("//", "//me:hunter2@")}"\n',
    )

    run = indexes.lock("torch==2.8.0+cu129", "-m", "B200", "-q")

    assert run.code == 0, run.err
    assert {"authorization" in request.headers for request in mirror.log} == {True}
    assert {"authorization" in request.headers for request in indexes.project.server.log} == {False}
    assert "hunter2" not in indexes.project.read("pylock.gpu-b200.toml") + run.err


def test_mirror_may_hold_a_variable_which_is_needed_where_a_machine_is_named(indexes: Indexes) -> None:
    project = indexes.project
    project.server.add("torch", torch("2.7.0"))
    indexes.servers["cu128"].add("torch", torch("2.7.0+cu128"))
    project.write(
        "pyproject.toml",
        '[tool.pinfold]\nindex-url = "INDEX"\n[tool.pinfold.mirrors]\n'
        '"https://download.pytorch.org/whl/cu128" = "${MIRROR}/simple"\n',
    )

    unset = indexes.lock("torch==2.7.0", "-m", "B200", "-q")
    without_machine = indexes.lock("torch==2.7.0", "-q")
    project.monkeypatch.setenv("MIRROR", indexes.servers["cu128"].base_url)
    found = indexes.lock("torch==2.7.0", "-m", "B200", "-q")

    assert (unset.code, unset.err) == (
        2,
        "error: [tool.pinfold] mirrors: `${MIRROR}/simple` is needed, and a variable in it is not set: `MIRROR`\n"
        "  try: set it in the environment\n",
    )
    assert (without_machine.code, found.code) == (0, 0)
    assert project.pins("pylock.gpu-b200.toml")["torch"] == "2.7.0+cu128"


@pytest.mark.parametrize("line", ["torch==2.7.0", "torch==2.8.0", "torch>=2.6,<2.9", "torch", "filelock"])
def test_locks_of_one_run_are_those_of_a_run_each(indexes: Indexes, line: str) -> None:
    project = indexes.project
    for version in ("2.6.0", "2.7.0", "2.8.0", "2.11.0"):
        project.server.add("torch", torch(version))
        for label in ("cu126", "cu128", "cu129"):
            indexes.servers[label].add("torch", torch(f"{version}+{label}"))
    names = ("T4", "A6000", "A100", "RTX4090", "L40", "H100", "B200", "RTX5090")
    argv = [word for name in names for word in ("-m", name)]

    assert indexes.lock(line, *argv, "-q").code == 0
    paths = [name for name in project.files() if name.startswith("pylock")]
    together = {path: project.read(path) for path in paths}
    for path in paths:
        (project.folder / path).unlink()
    for name in names:
        assert indexes.lock(line, "-m", name, "-q").code == 0

    assert {path: project.read(path) for path in paths} == together
    assert len(paths) == len(names)


def serve_pages(indexes: Indexes, label: str, *pages: str) -> None:
    """Find-links pages of a family on a mirror, each with a wheel of torch-scatter for its torch."""
    server = indexes.servers[label]
    for page in pages:
        torch, _, cuda = page.removeprefix("torch-").removesuffix(".html").partition("+")
        local = f"pt{torch.replace('.', '')[:2]}{cuda}"
        served = wheel("torch-scatter", f"2.1.2+{local}", tags="cp311-cp311-linux_x86_64")
        server.add("torch-scatter", *server.projects.get("torch-scatter", ()), served)
        body = f'<a href="{server.file_url(served.filename)}">{served.filename}</a>'.encode()
        server.always[f"/pages/{page}"] = Answer(body=body, headers={"Content-Type": "text/html"})
    settings = indexes.project.folder / "pyproject.toml"
    row = f'"https://data.pyg.org/whl/" = "{server.base_url}/pages/"\n'
    settings.write_text(settings.read_text(encoding="utf-8") + row, encoding="utf-8")


def test_find_links_page_of_a_family_is_read_for_the_torch_of_each_machine(indexes: Indexes) -> None:
    indexes.project.server.add("torch", torch("2.7.0"))
    indexes.servers["cu128"].add("torch", torch("2.7.0+cu128"))
    serve_pages(indexes, "cu118", "torch-2.7.0+cu126.html", "torch-2.7.0+cu128.html", "torch-2.6.0+cu126.html")
    indexes.project.write("requirements.txt", "torch==2.7.0\ntorch-scatter\n")

    run = indexes.project.lock("requirements.txt", "-m", "A100", "-m", "B200", "-q")

    assert (run.code, run.err) == (0, "")
    names = ("gpu-a100", "gpu-b200")
    found = [indexes.project.pins(f"pylock.{name}.toml") for name in names]
    assert [pins["torch-scatter"] for pins in found] == ["2.1.2+pt27cu126", "2.1.2+pt27cu128"]
    assert indexes.servers["cu118"].paths("/pages/") == [
        "/pages/torch-2.7.0+cu126.html",
        "/pages/torch-2.7.0+cu128.html",
    ]


def test_find_links_page_of_a_family_that_is_not_there_has_nothing(indexes: Indexes) -> None:
    indexes.project.server.add("torch", torch("2.7.0"))
    indexes.project.server.add("torch-scatter", wheel("torch-scatter", "2.1.2"))
    serve_pages(indexes, "cu118")
    indexes.project.write("requirements.txt", "torch==2.7.0\ntorch-scatter\n")

    run = indexes.project.lock("requirements.txt", "-m", "A100", "-q")

    assert (run.code, indexes.project.pins("pylock.gpu-a100.toml")["torch-scatter"]) == (0, "2.1.2")
    assert indexes.servers["cu118"].paths("/pages/") == ["/pages/torch-2.7.0+cu126.html"]
