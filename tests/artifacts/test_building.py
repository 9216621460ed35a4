from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from resolver.errors import InputError
from resolver.fetch.builds.permission import describe_host, find_interpreter
from resolver.targets.platforms import DEFAULT_PLATFORM, parse_platform
from resolver.targets.target import Target, parse_python_version
from tests.command import find_interpreter as find_python

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
OTHER = "3.12" if HERE != "3.12" else "3.11"

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or "x86_64" not in describe_host(), reason="targets of the tests are Linux on x86_64"
)


def target(python: str, platform: str = str(DEFAULT_PLATFORM)) -> Target:
    return Target(python=parse_python_version(python), platform=parse_platform(platform))


def test_running_interpreter_builds_for_its_own_version() -> None:
    assert find_interpreter(target(HERE)) == Path(sys.executable)


def test_interpreter_of_another_version_is_found_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    python = find_python(OTHER)
    # In front, not alone: the shims of pyenv are scripts that need a shell.
    monkeypatch.setenv("PATH", f"{Path(python).parent}{os.pathsep}{os.environ['PATH']}")
    assert find_interpreter(target(OTHER)) == Path(python)


def test_missing_version_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError) as caught:
        find_interpreter(target("3.9"))
    assert str(caught.value) == (
        "the lock is for Python 3.9, which what it builds has to be built with, and there is none here\n"
        "  try: install it, or name one with `--python-executable`"
    )


def test_free_threaded_build_is_another_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake = tmp_path / "python3.13t"
    fake.write_text(f'#!/bin/sh\nexec {find_python("3.13")} "$@"\n')
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    with pytest.raises(InputError) as caught:
        find_interpreter(target("3.13t"))
    assert str(caught.value) == (
        "the lock is for Python 3.13t, which what it builds has to be built with, and there is none here: the"
        " `python3.13t` of PATH is Python 3.13\n  try: install it, or name one with `--python-executable`"
    )


def test_named_interpreter_must_be_of_the_version_that_is_locked() -> None:
    named = Path(sys.executable)
    assert find_interpreter(target(HERE), named=named) == named
    with pytest.raises(InputError) as caught:
        find_interpreter(target("3.9"), named=named)
    assert str(caught.value) == (
        f"`{named}` is Python {HERE}, and the lock is for Python 3.9\n  try: name one of that version"
    )


def test_named_file_that_is_no_interpreter_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        find_interpreter(target(HERE), named=tmp_path / "python")
    assert str(caught.value) == (
        f"`{tmp_path / 'python'}` is no Python that can be run\n  try: another `--python-executable`"
    )


def test_another_platform_cannot_be_built_for() -> None:
    with pytest.raises(InputError) as caught:
        find_interpreter(target(HERE, "macosx_14_0_arm64"))
    assert str(caught.value) == (
        f"a build for Python {HERE} on macosx_14_0_arm64 cannot be made here, on {describe_host()}\n"
        "  try: fetch on a machine like the target, or lock wheels alone: `lock --only-binary :all:`"
    )
