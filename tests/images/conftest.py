"""The base image and the wheels of this pinfold, made once; a private index, and the example locked for it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.canary.secret_search import STEM
from tests.command import Project
from tests.distributions import make_wheel
from tests.images.base_image import PYTHON, BaseImage, find_missing, make_base_image
from tests.images.builder import Builder, make_wheelhouse
from tests.private.indexes import PrivateIndex
from tests.servers import ServedFile, sdist, wheel

EXAMPLE = Path(__file__).parents[2] / "examples" / "dockerfile"
USER, PASSWORD = "deploy", f"{STEM}-index-password"


@pytest.fixture(scope="session")
def base_image() -> BaseImage:
    if "PINFOLD_LONG" not in os.environ:
        pytest.skip("a base image and its layers take minutes: `.ci/long` sets PINFOLD_LONG")
    if missing := find_missing():
        pytest.skip(missing)
    try:
        return make_base_image()
    except subprocess.CalledProcessError as error:
        pytest.skip(f"debootstrap cannot make the base image: {error.output.strip().splitlines()[-1]}")


@pytest.fixture(scope="session")
def pinfold_wheel(tmp_path_factory: pytest.TempPathFactory, base_image: BaseImage) -> Path:
    return make_wheelhouse(tmp_path_factory.mktemp("wheelhouse"))


@pytest.fixture
def other_builder(tmp_path: Path, base_image: BaseImage, pinfold_wheel: Path) -> Iterator[Builder]:
    """A builder for one test alone."""
    with Builder(tmp_path / "builder", base=base_image, wheel=pinfold_wheel) as builder:
        yield builder


@pytest.fixture(scope="session")
def builder(tmp_path_factory: pytest.TempPathFactory, base_image: BaseImage, pinfold_wheel: Path) -> Iterator[Builder]:
    """The builder that tests share, so that pinfold is installed once."""
    with Builder(tmp_path_factory.mktemp("builder"), base=base_image, wheel=pinfold_wheel) as builder:
        yield builder


@pytest.fixture
def private(tmp_path: Path) -> Iterator[PrivateIndex]:
    heavy = {f"acme_runtime_data_{number}.py": b"VALUE = 1\n" * 50_000 for number in range(4)}
    files = [
        ServedFile(
            filename="acme_runtime-2.1-py3-none-any.whl", content=make_wheel("acme-runtime", "2.1", files=heavy)
        ),
        wheel("acme_model", "1.0", ["acme-runtime"]),
        sdist("acme_tuning", "0.3", ["acme-model"]),
        wheel("acme_video", "4.0", ["acme-runtime"]),
    ]
    with PrivateIndex(tmp_path / "private", files, users={USER: PASSWORD}) as index:
        yield index


@pytest.fixture
def secret(tmp_path: Path, private: PrivateIndex) -> Path:
    """The example's file of credentials, filled in."""
    text = (EXAMPLE / "credentials.example.toml").read_text(encoding="utf-8")
    path = tmp_path / "credentials.toml"
    path.write_text(
        text.replace("https://index.example", f"http://{private.authority}").replace("put the token here", PASSWORD)
    )
    path.chmod(0o600)
    return path


@pytest.fixture
def make_context(project: Project, private: PrivateIndex, secret: Path) -> Callable[..., Path]:
    """A folder with the example's app and its list, locked for the private index; `replaced` changes the list."""

    def make(name: str, **replaced: str) -> Path:
        text = (EXAMPLE / "pyproject.toml").read_text(encoding="utf-8")
        for old, new in {"https://index.example": f"http://{private.authority}", **replaced}.items():
            assert old in text
            text = text.replace(old, new)
        project.write(f"{name}/pyproject.toml", text)
        shutil.copy(EXAMPLE / "app.py", project.folder / name)
        run = project.lock("--credentials", str(secret), "--python", PYTHON, within=name)
        assert run.code == 0, run.err
        return project.folder / name

    return make


@pytest.fixture
def context(make_context: Callable[..., Path]) -> Path:
    return make_context("app")
