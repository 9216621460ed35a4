"""The child processes of a build: their output, their time limit and their end."""

from __future__ import annotations

import socket
import sys
import threading
import tomllib
from pathlib import Path

import pytest

from resolver.fetch.builds.build_process import BuildFailedError, BuildProcesses, find_build_advice
from resolver.fetch.builds.wheel_builds import build_wheel
from tests.fetch.builds.building import build, start_and_wait, write_tree


def test_failed_build_has_the_end_of_its_output_and_leaves_nothing(tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", "raise SystemExit('no compiler')")
    with pytest.raises(BuildFailedError) as caught:
        build(tree, tmp_path / "into")
    assert str(caught.value) == "no compiler"
    assert list((tmp_path / "into").iterdir()) == []


def build_with(children: BuildProcesses, tree: Path, into: Path) -> Path:
    into.mkdir()
    return build_wheel(
        tree,
        python=Path(sys.executable),
        requirement_wheels=(),
        into=into,
        described="a",
        source_date_epoch=1,
        children=children,
    )


def test_build_without_an_end_is_ended(tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", "import time; time.sleep(60)")
    with pytest.raises(BuildFailedError) as caught:
        build_with(BuildProcesses(timeout_s=1.0), tree, tmp_path / "into")
    assert str(caught.value) == "it had not finished after 1 s"


def test_end_of_a_run_is_that_of_all_that_its_builds_started(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)
        tree = write_tree(tmp_path / "tree", start_and_wait(server.getsockname()[1]))
        children, failures = BuildProcesses(), []

        def build_it() -> None:
            try:
                build_with(children, tree, tmp_path / "into")
            except BuildFailedError as error:
                failures.append(error)

        thread = threading.Thread(target=build_it)
        thread.start()
        connection, _ = server.accept()
        with connection:
            connection.settimeout(60)
            children.stop()
            assert connection.recv(1) == b""
        thread.join()
        assert len(failures) == 1
        with pytest.raises(BuildFailedError, match=r"^it was ended together with the run$"):
            build_with(children, tree, tmp_path / "again")


@pytest.mark.parametrize(
    ("output", "remedy"),
    [
        (
            "  File \"setup.py\", line 2\nModuleNotFoundError: No module named 'pkg_resources'",
            "build it with an older setuptools, which has `pkg_resources`: in pyproject.toml",
        ),
        (
            "ModuleNotFoundError: No module named 'torch'",
            "move it to a layer of its own with `--no-build-isolation`, after the one that has `torch`, and write its"
            " requirements into a `[[tool.pinfold.dependency-metadata]]` table of pyproject.toml",
        ),
        (
            "Cython>=0.22 and NumPy are required.",
            "move it to a layer of its own with `--no-build-isolation`, after the one that has `numpy`, and write its"
            " requirements into a `[[tool.pinfold.dependency-metadata]]` table of pyproject.toml",
        ),
        ("error: command 'x86_64-linux-gnu-gcc' failed: No such file or directory", "build-essential"),
        ("unable to execute 'g++': No such file or directory", "build-essential"),
        ("/bin/sh: 1: gcc: not found", "build-essential"),
        ("fatal error: Python.h: No such file or directory\nerror: command '/usr/bin/gcc' failed", "python3-dev"),
        ("Error: pg_config executable not found.", "libpq-dev"),
        ("error: can't find Rust compiler", "cargo"),
        ("portaudio.h: No such file or directory", "portaudio19-dev"),
        ("/bin/sh: 1: pkg-config: not found", "pkg-config"),
    ],
)
def test_a_cause_has_its_advice(output: str, remedy: str) -> None:
    advice = find_build_advice(output)
    assert advice is not None
    if " " not in remedy:
        remedy = f"install what it compiles with: `apt-get install {remedy}`"
    assert advice.remedy == remedy


def test_the_table_against_a_missing_pkg_resources_is_right_as_printed() -> None:
    advice = find_build_advice("No module named 'pkg_resources'")
    assert advice is not None
    printed = tomllib.loads("\n".join(advice.quoted))
    assert printed == {"tool": {"pinfold": {"build-constraint-dependencies": ["setuptools<81"]}}}


def test_an_unknown_cause_has_no_advice() -> None:
    assert find_build_advice("ModuleNotFoundError: No module named 'secret_backend'") is None
    assert find_build_advice("error: command 'gcc' failed with exit code 1") is None
    assert find_build_advice("") is None
