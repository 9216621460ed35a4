"""Folders that a list names, end to end."""

from __future__ import annotations

import pytest

from tests.command import Project
from tests.servers import wheel

PROJECT = """\
[project]
name = "tool"
version = "0.1"
dependencies = ["b>=1"]
optional-dependencies = { fast = ["c"] }

[build-system]
requires = []
build-backend = "tiny_backend"
backend-path = ["."]
"""
BACKEND = """\
import os

METADATA = "Metadata-Version: 2.2\\nName: built\\nVersion: 3.0\\nRequires-Dist: c\\n"


def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    os.makedirs(os.path.join(metadata_directory, "built-3.0.dist-info"))
    with open(os.path.join(metadata_directory, "built-3.0.dist-info", "METADATA"), "w") as file:
        file.write(METADATA + "".join(f"Requires-Dist: {value}\\n" for value in (config_settings or {}).values()))
    return "built-3.0.dist-info"


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    raise SystemExit("not needed")
"""


@pytest.fixture(autouse=True)
def index(project: Project) -> None:
    project.server.add("b", wheel("b", "1.0"))
    project.server.add("c", wheel("c", "1.0"))


def write_folder(project: Project, name: str = "tool") -> None:
    project.write(f"{name}/pyproject.toml", PROJECT)
    project.write(f"{name}/tool.py", "ANSWER = 42\n")


def test_folder_is_locked_as_a_directory_with_the_hash_of_its_content(project: Project) -> None:
    write_folder(project)
    project.write_list("./tool[fast]")

    run = project.lock("requirements.txt")

    assert (run.code, run.err) == (
        0,
        "requirements.txt → pylock.toml: 3 pins in 0.00 s\n"
        "  target: CPython 3.11 on manylinux_2_35_x86_64 (Python from `--python`)\n"
        "  from: 2 × https://index.example/simple/, 1 × a direct reference\n"
        "  download: 0.0 kB\n"
        "  the image must build 1 package:\n    tool 0.1 from its folder\n",
    )
    text = project.read()
    assert (
        '[[packages]]\nname = "tool"\ndependencies = [\n    { name = "b" },\n    { name = "c" },\n]\n\n'
        '[packages.directory]\npath = "tool"\n\n'
    ) in text
    assert 'tool = [\n    "layer 0: ./tool[fast]",\n]\n' in text
    lock = project.load()
    assert lock.tool is not None
    content = lock.tool.build[lock.tool.layers[0][0]].content
    assert content is not None
    assert content.startswith("sha256:")
    assert str(project.folder) not in text


def test_editable_folder_is_locked_as_editable(project: Project) -> None:
    write_folder(project)
    project.write_list("-e ./tool")

    assert project.lock("requirements.txt").code == 0
    assert '[packages.directory]\npath = "tool"\neditable = true\n' in project.read()


def test_dot_is_the_folder_that_the_list_stands_in(project: Project) -> None:
    write_folder(project)
    project.write("tool/requirements.txt", "--index-url INDEX\n.\n")

    run = project.lock("tool/requirements.txt", "-o", "pylock.toml")

    assert run.code == 0, run.err
    assert '[packages.directory]\npath = "tool"\n' in project.read()
    assert '        "./tool",\n' in project.read()


def test_folder_above_the_lock_is_locked_by_its_way_up(project: Project) -> None:
    write_folder(project)
    project.write("lists/requirements.txt", "--index-url INDEX\n../tool\n")

    assert project.lock("lists/requirements.txt").code == 0
    assert '[packages.directory]\npath = "../tool"\n' in project.read("lists/pylock.toml")


def test_folder_whose_metadata_only_a_build_tells_is_built(project: Project) -> None:
    project.write("built/tiny_backend.py", BACKEND)
    project.write("built/pyproject.toml", PROJECT.partition("\n\n")[2])
    project.write_list("./built")

    run = project.lock("requirements.txt", "--build-anyway")

    assert run.code == 0, run.err
    assert [package.name for package in project.load().pylock.packages] == ["built", "c"]
    assert 'built = [\n    "built",\n]\n' in project.read()


def test_config_settings_of_a_folder_go_to_its_build(project: Project) -> None:
    project.write("built/tiny_backend.py", BACKEND)
    project.write("built/pyproject.toml", PROJECT.partition("\n\n")[2])
    project.write_list("./built --config-settings need=b")

    run = project.lock("requirements.txt", "--build-anyway")

    assert run.code == 0, run.err
    assert [package.name for package in project.load().pylock.packages] == ["b", "built", "c"]


def test_folder_without_a_project_is_3(project: Project) -> None:
    project.write("empty/readme.txt", "nothing")
    project.write_list("./empty")

    run = project.lock("requirements.txt")

    assert (run.code, run.err) == (
        3,
        "error: requirements.txt:2: `./empty` is no Python project: it has neither a pyproject.toml nor a setup.py\n"
        "  try: name the folder that has one; inside a repository or archive with `#subdirectory=FOLDER`\n",
    )


def test_folder_of_another_project_is_3(project: Project) -> None:
    write_folder(project)
    project.write_list("other @ file:./tool")

    run = project.lock("requirements.txt")

    assert (run.code, run.err) == (
        3,
        "error: requirements.txt:2: `other @ ./tool` is `tool`, not `other`\n"
        "  because that is the name in its metadata\n  try: write `tool` in place of `other`\n",
    )


def test_two_folders_of_one_project_are_2_with_both_positions(project: Project) -> None:
    write_folder(project)
    write_folder(project, "copy")
    project.write_list("./tool", "./copy")

    run = project.lock("requirements.txt")

    assert (run.code, run.err) == (
        2,
        "error: requirements.txt:3: `./copy` contradicts `./tool` at requirements.txt:2\n"
        "  because both say where `tool` comes from, and it can come from one place only\n"
        "  try: keep one of the two, or name the one that is meant in an `--override` file\n",
    )


def test_check_sees_that_a_folder_was_edited(project: Project) -> None:
    write_folder(project)
    project.write_list("./tool")
    assert project.lock("requirements.txt").code == 0
    assert project.lock("requirements.txt", "--check").code == 0
    project.write("tool/tool.py", "ANSWER = 43\n")

    run = project.lock("requirements.txt", "--check")

    assert (run.code, run.err) == (
        1,
        "requirements.txt: pylock.toml does not fit\n  tool: `tool` has changed since it was locked\n"
        "  try: `lock requirements.txt --python 3.11`\n",
    )


def test_edited_folder_changes_the_lock_of_the_next_run(project: Project) -> None:
    write_folder(project)
    project.write_list("./tool")
    assert project.lock("requirements.txt").code == 0
    before = project.read()
    assert project.lock("requirements.txt").code == 0
    assert project.read() == before
    project.write("tool/tool.py", "ANSWER = 43\n")

    assert project.lock("requirements.txt").code == 0
    assert project.read() != before


def test_require_hashes_refuses_a_folder(project: Project) -> None:
    write_folder(project)
    project.write_list("--require-hashes", "./tool")

    run = project.lock("requirements.txt")

    assert (run.code, run.err) == (
        2,
        "error: requirements.txt:3: `./tool` is a folder, which has no hash, and `--require-hashes` needs one for every"
        " package\n  try: name a wheel or sdist of it\n",
    )


def test_check_of_an_untouched_folder_loads_no_solver(project: Project) -> None:
    write_folder(project)
    project.write_list("./tool")
    assert project.lock("requirements.txt").code == 0

    run = project.lock("requirements.txt", "--check")

    assert (run.code, run.err) == (0, "requirements.txt: pylock.toml fits\n")


def test_dependency_metadata_of_the_user_takes_the_place_of_a_build(project: Project) -> None:
    project.write("built/tiny_backend.py", BACKEND)
    project.write("built/pyproject.toml", PROJECT.partition("\n\n")[2])
    project.write(
        "pyproject.toml",
        '[[tool.pinfold.dependency-metadata]]\nname = "built"\nversion = "3.0"\nrequires-dist = ["b"]\n',
    )
    project.write_list("built @ ./built")

    run = project.lock("requirements.txt", "--no-build")

    assert run.code == 0, run.err
    assert [package.name for package in project.load().pylock.packages] == ["b", "built"]


def test_path_in_an_app_is_relative_to_the_app(project: Project) -> None:
    write_folder(project, "apps/tool")
    project.write(
        "apps/app.py",
        'import fal\n\n\nclass App(fal.App):\n    requirements = ["--index-url=INDEX", "./tool[fast]"]\n',
    )

    run = project.lock("apps/app.py")

    assert run.code == 0, run.err
    (lock,) = [name for name in project.files() if "pylock" in name]
    assert [package.name for package in project.load(lock).pylock.packages] == ["b", "c", "tool"]


def test_folder_is_locked_alike_for_all_machine_types(project: Project) -> None:
    write_folder(project)
    project.write_list("./tool")

    run = project.lock("requirements.txt", "-m", "GPU-H100", "-m", "GPU-A100", "-m", "M")

    assert run.code == 0, run.err
    locks = [project.load(name) for name in project.files() if name.startswith("pylock")]
    assert len(locks) == 3
    assert len({str(lock.pylock.packages) for lock in locks}) == 1
