"""`examples/dockerfile`: built with buildah against a private index, started, and searched for the token."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from lockfiles import read
from tests.canary.secret_search import STEM, find_canaries, search_files
from tests.cli.verb_runs import run_verb
from tests.command import Project
from tests.images.base_image import PYTHON
from tests.images.builder import Builder, Image
from tests.images.conftest import EXAMPLE, PASSWORD, USER
from tests.private.indexes import PrivateIndex

FILES = ("Dockerfile", "Dockerfile.uv", "Dockerfile.hydrated")
VERSIONS = "from importlib.metadata import version; print(*map(version, ('acme-model', 'acme-runtime', 'acme-tuning')))"
INSTALLED = (
    "from importlib.metadata import distributions as d; print(*sorted(one.name.replace('_', '-') for one in d()))"
)
LIGHT = ("acme_model.py", "acme_video.py", "acme_video.py")
OPTIONS = "--allow-host 127.0.0.1 --trusted-host 127.0.0.1"

# The first build of a machine gets Debian's packages, and each one what pinfold needs.
builds = pytest.mark.network


@builds
@pytest.mark.parametrize("name", FILES[:2])
def test_image_runs_with_the_locked_packages_and_holds_no_secret(
    builder: Builder, context: Path, private: PrivateIndex, secret: Path, tmp_path: Path, name: str
) -> None:
    image = builder.build(EXAMPLE / name, name.lower(), context=context, secret=secret, FETCH_OPTIONS=OPTIONS)

    assert builder.start(image) == "1.0 2.1\n"
    assert builder.start(image, "python", "-c", VERSIONS) == "1.0 2.1 0.3\n"
    assert {login for _, login in private.log if login is not None} == {(USER, PASSWORD)}
    assert find_secrets(builder, image, tmp_path, secret) == []


@builds
def test_image_from_a_hydrated_lock_runs_with_the_locked_packages_and_holds_no_secret(
    other_builder: Builder, context: Path, secret: Path, tmp_path: Path
) -> None:
    # buildah 1.28 does not find the mount of a stage that comes whole from its cache.
    image = other_builder.build(EXAMPLE / "Dockerfile.hydrated", "hydrated", context=context, secret=secret)

    assert other_builder.start(image) == "1.0 2.1\n"
    assert other_builder.start(image, "python", "-c", VERSIONS) == "1.0 2.1 0.3\n"
    assert find_secrets(other_builder, image, tmp_path, secret) == []


@builds
def test_search_finds_a_secret_that_a_later_step_deletes(
    other_builder: Builder, context: Path, secret: Path, tmp_path: Path
) -> None:
    path = tmp_path / "Dockerfile"
    path.write_text(
        f"FROM python:{PYTHON}-slim\n"
        "RUN --mount=type=secret,id=credentials gzip -c /run/secrets/credentials > /kept\n"
        "RUN rm /kept\n"
    )

    image = other_builder.build(path, "deleted", context=context, secret=secret)

    assert [text for text in image.search() if " kept: " in text] != []
    assert search_files(other_builder.list_kept()) != []


@builds
def test_build_with_a_rotated_token_downloads_nothing_again(
    builder: Builder, context: Path, private: PrivateIndex, secret: Path
) -> None:
    path = EXAMPLE / "Dockerfile"
    first = builder.build(path, "first", context=context, secret=secret, FETCH_OPTIONS=OPTIONS)
    private.set_users({USER: f"{STEM}-rotated"})
    secret.write_text(secret.read_text().replace(PASSWORD, f"{STEM}-rotated"))
    private.clear_log()

    # Another argument, so that wheels are fetched anew.
    second = builder.build(path, "second", context=context, secret=secret, FETCH_OPTIONS=f"{OPTIONS} --quiet")

    assert private.log == []
    assert second.layers == first.layers


@builds
def test_apps_with_the_same_heavy_packages_share_their_layer(
    project: Project, builder: Builder, other_builder: Builder, make_context: Callable[..., Path], secret: Path
) -> None:
    one, two = make_context("one"), make_context("two", **{'"acme-model", "acme-tuning"': '"acme-video"'})
    arguments = {"FETCH_OPTIONS": OPTIONS, "SOURCE_DATE_EPOCH": "0"}

    images = [
        each.build(
            EXAMPLE / "Dockerfile", app.name, context=app, secret=secret, options=("--timestamp", "0"), **arguments
        )
        for each, app in ((builder, one), (builder, two), (other_builder, two))
    ]

    heavy = find_layer(images[0].list_files(), "acme_runtime.py")
    light = [find_layer(image.list_files(), name) for image, name in zip(images, LIGHT, strict=True)]
    # By the cache of one builder, and by equal bytes of two builders that share nothing.
    assert [heavy in image.layers for image in images] == [True, True, True]
    assert light[0] != light[1] == light[2]
    assert builder.start(images[0], "python", "-c", INSTALLED) == "acme-model acme-runtime acme-tuning pip\n"
    assert builder.start(images[1], "python", "-c", INSTALLED) == "acme-runtime acme-video pip\n"
    # The lock tells the same before anything is built.
    locked = [
        [layer["digest"] for layer in json.loads(run_verb(project, "layers", name, "--json").out)["locks"][0]["layers"]]
        for name in ("one/pylock.toml", "two/pylock.toml")
    ]
    assert locked[0][0] == locked[1][0]
    assert set(locked[0][1:]) & set(locked[1][1:]) == set()


def find_secrets(builder: Builder, image: Image, folder: Path, secret: Path) -> list[str]:
    """Where a canary is: in a layer, in what the builder keeps and has printed, and in the folder of the test."""
    assert search_files([secret]) != []
    return [
        *image.search(),
        *search_files(builder.list_kept(), but=[secret]),
        *search_files([folder], but=[secret, builder.folder, folder / "private"]),
        *find_canaries(builder.output.encode()),
    ]


def find_layer(files: dict[str, set[str]], name: str) -> str:
    """The digest of the only layer that has a file of that name."""
    (digest,) = [digest for digest, paths in files.items() if any(path.endswith(f"/{name}") for path in paths)]
    return digest


def test_hydrated_lock_is_the_only_file_with_the_secret_while_it_is_there(
    project: Project, context: Path, secret: Path, tmp_path: Path
) -> None:
    hydrated = tmp_path / "memory/pylock.toml"
    hydrated.parent.mkdir()
    words = ("hydrate", "app/pylock.toml", "-o", str(hydrated), "--credentials", str(secret))
    assert run_verb(project, *words).code == 0

    assert search_files([tmp_path], but=[secret, hydrated, tmp_path / "private"]) == []
    assert search_files([hydrated]) != []


@pytest.mark.parametrize("name", FILES[:2])
def test_there_is_a_step_without_a_network_for_each_layer_of_the_lock(name: str) -> None:
    tool = read(EXAMPLE / "pylock.toml").tool
    assert tool is not None
    wheels, image = (EXAMPLE / name).read_text(encoding="utf-8").split("\nFROM ")[1:]

    steps = re.findall(r"(?m)^RUN (.*)", image)

    numbers = [str(number) for number in range(len(tool.layers))]
    assert re.findall(r"source=/wheels/(\d+)", "\n".join(steps)) == numbers
    assert re.findall(r"(?m)^COPY --from=wheels /wheels/(\d+)/requirements.txt", image) == numbers
    assert [step for step in steps if not step.startswith("--network=none ")] == []
    assert f"for layer in {' '.join(numbers)};" in wheels
    assert "type=secret" not in image


def test_committed_lock_fits_its_list(project: Project) -> None:
    for name in ("pyproject.toml", "pylock.toml"):
        shutil.copy(EXAMPLE / name, project.folder)
    project.python = None

    run = project.lock("--check")

    assert (run.code, run.err) == (0, "pyproject.toml: pylock.toml fits\n")
