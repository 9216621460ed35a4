"""`lock fetch` of a lock with sources: they become wheels in the folder, from what the lock has and nothing else."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.cli.source_trees import commit, unpack
from tests.cli.verbs.test_export import install
from tests.cli.verbs.test_fetch import fetch as fetch_files
from tests.cli.verbs.test_fetch import wheels
from tests.command import Project, Run
from tests.distributions import make_sdist
from tests.servers import sdist, wheel
from tests.test_installation import make_environment, run_python

MINOR = f"{sys.version_info.major}.{sys.version_info.minor}"
GAMMA = "gamma-1.0-py3-none-any.whl"
HELPER = {"helper.py": b"VALUE = 7\n"}
REPORT = """
import json, os, sys
with open({path!r}, "w") as file:
    json.dump({{"environment": dict(os.environ), "python": sys.version_info[:2]}}, file)
"""


def lock(project: Project, *words: str) -> None:
    run = project.lock("requirements.txt", "--python", MINOR, *words)
    assert run.code == 0, run.err


def fetch(project: Project, *words: str) -> Run:
    return fetch_files(project, "--build", *words)


def fetch_all(project: Project, *words: str) -> Run:
    run = fetch(project, *words)
    assert run.code == 0, run.err
    return run


@pytest.mark.parametrize("installer", ["pip", "uv"])
def test_sdist_becomes_a_wheel_that_installs_with_its_own_hash(
    project: Project, installer: str, tmp_path: Path
) -> None:
    project.server.add("alpha", wheel("alpha", "1.0", ["gamma"]))
    project.server.add("gamma", sdist("gamma", "1.0"))
    project.write_list("alpha")
    lock(project)
    run = fetch_all(project)
    assert run.err.splitlines()[:2] == [
        "building `gamma-1.0.tar.gz`",
        run.err.splitlines()[1],
    ]
    python = make_environment(tmp_path / "environment")

    install(
        installer,
        python,
        *("--no-index", "--find-links", "wheels", "--require-hashes", "--no-deps", "-r", "wheels/requirements.txt"),
        folder=project.folder,
    )

    code = "from importlib.metadata import version; print(version('gamma'), version('alpha'))"
    assert run_python(python, code) == "1.0 1.0\n"


def test_wheel_that_was_built_before_is_not_built_again(project: Project) -> None:
    project.server.add("gamma", sdist("gamma", "1.0"))
    project.write_list("gamma")
    lock(project)
    fetch_all(project)
    project.server.log.clear()
    document = json.loads(fetch_all(project, "--json").out)
    assert [(file["file"], file["outcome"], file["from"]) for file in document["files"]] == [
        (GAMMA, "present", "gamma-1.0.tar.gz")
    ]
    assert project.server.log == []


def test_built_wheel_that_was_changed_is_built_again(project: Project) -> None:
    project.server.add("gamma", sdist("gamma", "1.0"))
    project.write_list("gamma")
    lock(project)
    fetch_all(project)
    (project.folder / "wheels" / GAMMA).write_bytes(b"changed")
    document = json.loads(fetch_all(project, "--json").out)
    assert [file["outcome"] for file in document["files"]] == ["built"]


def test_build_installs_the_requirements_of_the_lock(project: Project) -> None:
    project.server.add("helper", wheel("helper", "1.0"), wheel("helper", "2.0"))
    file = sdist(
        "gamma",
        "1.0",
        build_requires=["helper<2"],
        backend_statement="import helper; assert helper.__version__ == '1.0'",
    )
    project.server.add("gamma", file)
    project.write_list("gamma")
    lock(project)
    project.server.add("helper", wheel("helper", "1.5"))
    fetch_all(project)
    assert GAMMA in wheels(project)


def test_build_runs_with_a_fixed_date_and_without_the_secrets_of_the_caller(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = project.folder / "report.json"
    project.server.add("gamma", sdist("gamma", "1.0", backend_statement=REPORT.format(path=str(report))))
    project.write_list("gamma")
    lock(project)
    for name in ("PINFOLD_TOKEN", "GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY", "SSH_AUTH_SOCK"):
        monkeypatch.setenv(name, "canary-9c1d")
    fetch_all(project)
    told = json.loads(report.read_text())
    assert told["python"] == list(sys.version_info[:2])
    assert told["environment"]["SOURCE_DATE_EPOCH"] == "315532800"
    assert "canary" not in report.read_text()


def test_commit_becomes_a_wheel_dated_as_it_was_made(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    report = project.folder / "report.json"
    content = make_sdist("gamma", "1.0", static=False, backend_statement=REPORT.format(path=str(report)))
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2024-05-06T07:08:09Z")
    folder = unpack(project, "repository", content)
    commit_id = commit(folder)
    project.write("requirements.txt", f"--index-url INDEX\ngamma @ git+{folder.as_uri()}@{commit_id}\n")
    lock(project)
    document = json.loads(fetch_all(project, "--json").out)
    assert [(file["file"], file["outcome"]) for file in document["files"]] == [(GAMMA, "built")]
    assert json.loads(report.read_text())["environment"]["SOURCE_DATE_EPOCH"] == "1714979289"
    assert "gamma==1.0 \\\n" in (project.folder / "wheels" / "requirements.txt").read_text()


def test_folder_becomes_a_wheel_and_is_left_as_it_was(project: Project) -> None:
    folder = unpack(project, "plugin", make_sdist("gamma", "1.0"))
    project.write("requirements.txt", "--index-url INDEX\n./plugin\n")
    lock(project)
    before = sorted(folder.iterdir())
    fetch_all(project)
    assert GAMMA in wheels(project)
    assert sorted(folder.iterdir()) == before


def test_folder_that_is_not_what_was_locked_is_not_built(project: Project) -> None:
    folder = unpack(project, "plugin", make_sdist("gamma", "1.0"))
    project.write("requirements.txt", "--index-url INDEX\n./plugin\n")
    lock(project)
    (folder / "new.py").write_text("")
    run = fetch(project)
    assert run.code == 5
    assert run.err.splitlines()[1] == "error: the folder `plugin` (gamma) is not what was locked"
    assert wheels(project) == []


def test_lock_with_sources_is_refused_without_a_word_that_allows_builds(project: Project) -> None:
    project.server.add("gamma", sdist("gamma", "1.0"))
    project.write_list("gamma")
    lock(project)
    project.server.log.clear()
    run = fetch_files(project)
    assert (run.code, run.err) == (
        2,
        "error: the lock has sources, which become wheels only by builds: `gamma`\n"
        "  because a build runs the code of its source, and a lock does not decide which code runs here\n"
        "  try: `--build`, if you trust them, or lock wheels alone: `lock --only-binary :all:`\n",
    )
    assert project.server.log == []


def test_build_that_fails_says_its_last_words(project: Project) -> None:
    project.server.add("gamma", sdist("gamma", "1.0", backend_statement="raise SystemExit('no compiler')"))
    project.write_list("gamma")
    lock(project)
    run = fetch(project)
    assert run.code == 2
    assert "error: the build of `gamma-1.0.tar.gz` failed, and ended with:\n" in run.err
    assert "no compiler" in run.err
    assert not (project.folder / "wheels" / "requirements.txt").exists()


def test_config_settings_come_from_the_list_since_the_lock_has_their_hashes(project: Project) -> None:
    project.server.add("gamma", sdist("gamma", "1.0"))
    line = 'gamma --config-settings="token=canary-51aa"'
    project.write_list(line)
    lock(project)
    assert fetch(project).err == (
        "error: `gamma` is built with config settings, of which the lock has only hashes\n"
        "  try: name the list that was locked: `--list SOURCE`\n"
    )
    run = fetch(project, "--list", "requirements.txt")
    assert run.code == 0, run.err
    found = [path for path in (project.folder / "wheels").rglob("*") if path.is_file()]
    assert [path for path in found if b"canary-51aa" in path.read_bytes()] == []
    project.write_list(line.replace("51aa", "other"))
    (project.folder / "wheels" / GAMMA).unlink()
    assert fetch(project, "--list", "requirements.txt").err == (
        "error: the config settings of `gamma` are not those that were locked\n"
        "  try: lock again, or name the list that was locked: `--list SOURCE`\n"
    )


def test_build_without_isolation_sees_the_layers_before(project: Project) -> None:
    project.server.add("helper", wheel("helper", "3.0"))
    project.server.add(
        "gamma", sdist("gamma", "1.0", backend_statement="import helper; assert helper.__version__ == '3.0'")
    )
    index = '"--index-url", "INDEX"'
    project.write(
        "app.py", f'class App:\n    requirements = [[{index}, "helper"], [{index}, "--no-build-isolation", "gamma"]]\n'
    )
    run = project.lock("app.py", "--python", MINOR)
    assert run.code == 0, run.err
    fetch_all(project)
    assert wheels(project).count(GAMMA) == 1


def test_wheel_of_another_version_than_was_locked_is_refused(project: Project) -> None:
    odd = sdist("gamma", "1.0", files={"PKG-INFO": b"Metadata-Version: 2.2\nName: gamma\nVersion: 1.0\n"})
    content = make_sdist("gamma", "2.0", files={"PKG-INFO": b"Metadata-Version: 2.2\nName: gamma\nVersion: 1.0\n"})
    project.server.add("gamma", type(odd)(filename=odd.filename, content=content))
    project.write_list("gamma")
    lock(project)
    run = fetch(project)
    assert (run.code, run.err.splitlines()[1:]) == (
        2,
        ["error: the build of `gamma-1.0.tar.gz` gave `gamma 2.0`, and locked is `gamma 1.0`"],
    )


def test_lock_of_another_tool_does_not_say_what_a_build_needs(project: Project) -> None:
    project.server.add("gamma", sdist("gamma", "1.0"))
    project.write_list("gamma")
    lock(project)
    text = (project.folder / "pylock.toml").read_text()
    (project.folder / "pylock.toml").write_text(text.partition("[tool.pinfold]")[0])
    assert fetch(project).err == (
        "error: the lock does not say how to build all of its sources\n"
        "  `gamma`: its build requirements are not locked; `lock` does that\n"
    )


SETUP = "from setuptools import setup\nsetup(name='gamma', version='1.0', install_requires={requires})\n"


def lock_unverified(project: Project, stated: str, built: list[str]) -> None:
    """Lock an sdist whose setup.py states some requirements, and whose backend gives others."""
    files = {"setup.py": SETUP.format(requires=stated).encode()}
    project.server.add("gamma", sdist("gamma", "1.0", built, static=False, files=files))
    for name in ("alpha", "beta"):
        project.server.add(name, wheel(name, "1.0"))
    project.write_list("gamma")
    lock(project)


def test_a_build_that_requires_what_the_sdist_states_is_accepted(project: Project) -> None:
    lock_unverified(project, "['Alpha >=1', 'beta; python_version < \"3\"']", ["alpha>=1"])
    text = (project.folder / "pylock.toml").read_text(encoding="utf-8")
    assert '[tool.pinfold.unverified]\ngamma = [\n    "alpha>=1",\n]\n' in text
    fetch_all(project)
    assert (project.folder / "wheels" / GAMMA).is_file()


def test_a_build_that_requires_other_packages_than_the_sdist_states_is_3_with_both(project: Project) -> None:
    lock_unverified(project, "['alpha>=1']", ["alpha>=1", "beta"])
    run = fetch(project)
    assert run.code == 3
    assert run.err.splitlines()[1:] == [
        "error: the build of `gamma-1.0.tar.gz` requires other packages than the sdist states, so the lock may lack"
        " some",
        "    only in the lock: nothing",
        "    only in the build: `beta`",
        "  try: lock again with `--build-metadata`, which reads the requirements of this sdist from a build",
    ]
    assert not (project.folder / "wheels" / GAMMA).exists()
