"""`examples/dockerfile`: its commands run against a private index, and what they leave behind holds no secret."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from uv import find_uv_bin

from lockfiles import read
from tests.canary.secret_search import STEM, find_canaries, search_files
from tests.cli.verb_runs import run_verb
from tests.command import Project, child_environment
from tests.dockerfiles import Builder, Instruction, Stage, read_dockerfile
from tests.private.indexes import PrivateIndex
from tests.servers import sdist, wheel
from tests.test_installation import make_environment, run_python

EXAMPLE = Path(__file__).parents[1] / "examples" / "dockerfile"
FILES = ("Dockerfile", "Dockerfile.uv", "Dockerfile.hydrated")
MINOR = f"{sys.version_info.major}.{sys.version_info.minor}"
USER, PASSWORD = "deploy", f"{STEM}-index-password"
VERSIONS = "from importlib.metadata import version; print(*map(version, ('acme-model', 'acme-runtime', 'acme-tuning')))"
MODULES = "import acme_model, acme_runtime; print(acme_model.__version__, acme_runtime.__version__)"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the commands are those of a Linux image")


@pytest.fixture
def private(tmp_path: Path) -> Iterator[PrivateIndex]:
    files = [
        wheel("acme_runtime", "2.1"),
        wheel("acme_model", "1.0", ["acme-runtime"]),
        sdist("acme_tuning", "0.3", ["acme-model"]),
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
def context(project: Project, private: PrivateIndex, secret: Path) -> Path:
    """The example's folder with its list locked for this Python and the private index."""
    text = (EXAMPLE / "pyproject.toml").read_text(encoding="utf-8")
    project.write("pyproject.toml", text.replace("https://index.example", f"http://{private.authority}"))
    shutil.copy(EXAMPLE / "app.py", project.folder)
    run = project.lock("--credentials", str(secret), "--python", MINOR)
    assert run.code == 0, run.err
    return project.folder


@pytest.fixture
def builder(tmp_path: Path, context: Path, secret: Path) -> Builder:
    options = "--allow-host 127.0.0.1 --trusted-host 127.0.0.1"
    arguments = {"FETCH_OPTIONS": options}
    return Builder(tmp_path / "build", context=context, secrets={"credentials": secret}, arguments=arguments)


def build(builder: Builder, path: Path) -> Stage:
    """Carry out a Dockerfile; the stage that is the image."""
    stages = read_dockerfile(path)
    for stage in stages:
        variables = fill_base(builder.root(stage))
        for instruction in stage.instructions:
            if instruction.word == "COPY":
                builder.copy(stage, instruction)
            elif instruction.word == "RUN" and is_installation_of_tools(instruction):
                fill_tools(builder.root(stage) / "opt/pinfold/bin")
            elif instruction.word == "RUN":
                builder.run(stage, instruction, variables)
    return stages[-1]


def fill_base(root: Path) -> dict[str, str]:
    """An interpreter without any package, pip beside it; the variables of commands."""
    make_environment(root / "usr/local")
    write_script(
        root / "usr/local/bin/pip",
        f'exec {shlex.quote(sys.executable)} -m pip --python {shlex.quote(str(root / "usr/local/bin/python"))} "$@"',
    )
    for name in ("root", "tmp"):
        (root / name).mkdir()
    return {
        "HOME": str(root / "root"),
        "TMPDIR": str(root / "tmp"),
        "PATH": f"{root}/usr/local/bin:/usr/bin:/bin",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PINFOLD_TEST_PATH": child_environment(root)["PYTHONPATH"],
    }


def is_installation_of_tools(instruction: Instruction) -> bool:
    return "pip install git+https://git.example/pinfold" in instruction.text


def fill_tools(folder: Path) -> None:
    """What `pip install git+https://git.example/pinfold uv` gives: this pinfold, its pip, and uv."""
    folder.mkdir(parents=True)
    python = shlex.quote(sys.executable)
    write_script(
        folder / "lock",
        f'PYTHONPATH="$PINFOLD_TEST_PATH" exec {python} -c "from resolver.cli import run; run()" "$@"',
    )
    write_script(folder / "pip", f'exec {python} -m pip "$@"')
    (folder / "uv").symlink_to(find_uv_bin())


def write_script(path: Path, line: str) -> None:
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)


@pytest.mark.parametrize("name", FILES[:2])
def test_image_has_the_locked_packages_and_no_secret(
    builder: Builder, private: PrivateIndex, secret: Path, tmp_path: Path, name: str
) -> None:
    stage = build(builder, EXAMPLE / name)

    python = builder.root(stage) / "usr/local/bin/python"
    assert run_python(python, VERSIONS) == "1.0 2.1 0.3\n"
    assert run_python(python, MODULES) == "1.0 2.1\n"
    assert run_python(python, f"exec(open({str(builder.root(stage) / 'app/app.py')!r}).read())") == "1.0 2.1\n"
    assert {login for _, login in private.log} == {(USER, PASSWORD)}
    assert search_files([tmp_path], but=[secret, tmp_path / "private"]) == []
    assert find_canaries(builder.output.encode()) == []
    assert search_files([secret]) != []


@pytest.mark.parametrize(
    "installer",
    [
        "/opt/pinfold/bin/pip --python /usr/local/bin/python install --no-cache-dir",
        "/opt/pinfold/bin/pip --python /usr/local/bin/python install",
        "/opt/pinfold/bin/uv pip install --python /usr/local/bin/python --preview-features pylock",
    ],
)
def test_image_from_a_hydrated_lock_has_the_locked_packages_and_no_secret(
    builder: Builder, secret: Path, tmp_path: Path, installer: str
) -> None:
    text = (EXAMPLE / "Dockerfile.hydrated").read_text(encoding="utf-8")
    path = tmp_path / "Dockerfile"
    path.write_text(re.sub(r"\S+/pip --python \S+ install --no-cache-dir", installer, text))
    assert installer in path.read_text()

    stage = build(builder, path)

    root = builder.root(stage)
    assert run_python(root / "usr/local/bin/python", VERSIONS) == "1.0 2.1 0.3\n"
    assert search_files([tmp_path], but=[secret, tmp_path / "private"]) == []
    assert find_canaries(builder.output.encode()) == []
    # Caches are looked into where installers keep them: pip that of what it builds, uv all of it.
    assert any(root.rglob("origin.json")) == installer.endswith("python install")
    assert (root / "root/.cache/uv").exists() == ("/uv " in installer)


def test_hydrated_lock_is_the_only_file_with_the_secret_while_it_is_there(
    project: Project, context: Path, secret: Path, tmp_path: Path
) -> None:
    hydrated = tmp_path / "memory/pylock.toml"
    hydrated.parent.mkdir()
    words = ("hydrate", "pylock.toml", "-o", str(hydrated), "--credentials", str(secret))
    assert run_verb(project, *words).code == 0

    assert search_files([tmp_path], but=[secret, hydrated, tmp_path / "private"]) == []
    assert search_files([hydrated]) != []


def test_second_build_with_a_rotated_token_downloads_nothing_and_has_the_same_wheels(
    builder: Builder, private: PrivateIndex, secret: Path
) -> None:
    stages = read_dockerfile(EXAMPLE / "Dockerfile")
    build(builder, EXAMPLE / "Dockerfile")
    before = list_contents(builder.folder / "wheels/wheels")
    for stage in stages:
        shutil.rmtree(builder.root(stage))
    private.set_users({USER: f"{STEM}-rotated"})
    secret.write_text(secret.read_text().replace(PASSWORD, f"{STEM}-rotated"))
    private.clear_log()

    build(builder, EXAMPLE / "Dockerfile")

    assert private.log == []
    assert list_contents(builder.folder / "wheels/wheels") == before
    assert sorted(before) == [
        "0/acme_runtime-2.1-py3-none-any.whl",
        "0/requirements.txt",
        "1/acme_model-1.0-py3-none-any.whl",
        "1/acme_tuning-0.3-py3-none-any.whl",
        "1/requirements.txt",
    ]


def list_contents(folder: Path) -> Mapping[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", FILES[:2])
def test_there_is_a_step_without_a_network_for_each_layer_of_the_lock(name: str) -> None:
    tool = read(EXAMPLE / "pylock.toml").tool
    assert tool is not None

    wheels, image = read_dockerfile(EXAMPLE / name)

    steps = [one for one in image.instructions if one.word == "RUN"]
    assert [one.mounts[0].keys["source"] for one in steps] == [f"/wheels/{n}" for n in range(len(tool.layers))]
    assert all(one.flags == {"network": "none"} for one in steps)
    assert " 0 1;" in wheels.instructions[-1].text
    assert not any(mount.type == "secret" for one in steps for mount in one.mounts)


def test_committed_lock_fits_its_list(project: Project) -> None:
    for name in ("pyproject.toml", "pylock.toml"):
        shutil.copy(EXAMPLE / name, project.folder)
    project.python = None

    run = project.lock("--check")

    assert (run.code, run.err) == (0, "pyproject.toml: pylock.toml fits\n")


@pytest.mark.parametrize("name", FILES)
def test_commands_are_those_of_a_shell(name: str) -> None:
    for stage in read_dockerfile(EXAMPLE / name):
        for one in stage.instructions:
            if one.word == "RUN":
                subprocess.run(["/bin/sh", "-n", "-c", one.text], check=True)
