"""Repositories that a list names, end to end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command import Project
from tests.git_server import GitServer, Repository, make_repository
from tests.servers import wheel

BUILD = '[build-system]\nrequires = []\nbuild-backend = "backend"\n'
FILES = {
    "pyproject.toml": '[project]\nname = "demo"\nversion = "0.1"\ndependencies = ["b>=1"]\n' + BUILD,
    "sub/pyproject.toml": '[project]\nname = "inner"\nversion = "0.2"\n' + BUILD,
}


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = make_repository(tmp_path / "repositories" / "demo")
    made.commit(FILES)
    made.tag("v1.0")
    return made


@pytest.fixture
def server(repository: Repository, project: Project) -> Iterator[GitServer]:
    project.server.add("b", wheel("b", "1.0"))
    with GitServer(repository.folder.parent) as running:
        yield running


def fix(text: str, server: GitServer) -> str:
    return text.replace(server.url("demo"), "https://git.example/demo")


def test_tag_is_locked_as_a_commit_without_a_version(
    project: Project, repository: Repository, server: GitServer
) -> None:
    commit_id = repository.git("rev-parse", "HEAD")
    project.write_list(f"demo @ git+{server.url('demo')}@v1.0")

    run = project.lock("requirements.txt")

    assert run.code == 0, run.err
    assert fix(run.err, server) == (
        f"fetching commit `{commit_id}` of `git+https://git.example/demo`\n"
        "requirements.txt → pylock.toml: 2 pins in 0.00 s\n"
        "  target: CPython 3.11 on manylinux_2_35_x86_64 (Python from `--python`)\n"
        "  from: 1 × a direct reference, 1 × https://index.example/simple/\n"
        "  download: 0.0 kB\n"
        f"  the image must build 1 package:\n    demo 0.1 from commit {commit_id[:12]}\n"
    )
    assert (
        'name = "demo"\ndependencies = [\n    { name = "b" },\n]\n\n'
        '[packages.vcs]\ntype = "git"\nurl = "https://git.example/demo"\nrequested-revision = "v1.0"\n'
        f'commit-id = "{commit_id}"\n'
    ) in fix(project.read(), server)


def test_no_revision_means_the_default_branch_and_a_warning(
    project: Project, repository: Repository, server: GitServer
) -> None:
    commit_id = repository.git("rev-parse", "HEAD")
    project.write_list(f"git+{server.url('demo')}")

    run = project.lock("requirements.txt")

    assert (
        "warning: requirements.txt:2: `git+https://git.example/demo` names no revision\n"
        f"  because of that its default branch `main` was taken, which is at commit `{commit_id}` now\n"
        f"  try: name a tag, or the commit: `@{commit_id}`\n"
    ) in fix(run.err, server)
    assert [package.name for package in project.load().pylock.packages] == ["b", "demo"]


def test_subdirectory_is_locked(project: Project, server: GitServer) -> None:
    project.write_list(f"git+{server.url('demo')}@v1.0#subdirectory=sub")

    assert project.lock("requirements.txt").code == 0
    assert [package.name for package in project.load().pylock.packages] == ["inner"]
    assert 'subdirectory = "sub"\n' in project.read()


def test_missing_revision_is_2_with_its_position(project: Project, server: GitServer) -> None:
    project.write_list(f"demo @ git+{server.url('demo')}@v2.0")

    run = project.lock("requirements.txt")

    assert (run.code, fix(run.err, server)) == (
        2,
        "error: requirements.txt:2: there is no `v2.0` in `demo @ git+https://git.example/demo@v2.0`\n"
        "  because none of its 1 branch and 1 tag has that name\n  try: `@v1.0`\n",
    )


def test_name_that_egg_says_is_compared_with_the_metadata(project: Project, server: GitServer) -> None:
    project.write_list(f"git+{server.url('demo')}@v1.0#egg=other")

    run = project.lock("requirements.txt", "--quiet")

    assert (run.code, fix(run.err, server)) == (
        3,
        "error: requirements.txt:2: `other @ git+https://git.example/demo@v1.0` is `demo`, not `other`\n"
        "  because that is the name in its metadata\n  try: write `demo` in place of `other`\n",
    )


def test_locked_commit_stays_until_its_project_is_upgraded(
    project: Project, repository: Repository, server: GitServer
) -> None:
    first = repository.git("rev-parse", "HEAD")
    project.write_list(f"demo @ git+{server.url('demo')}@main")
    assert project.lock("requirements.txt").code == 0
    before = project.read()
    second = repository.commit({"more.py": "MORE = 1\n"})

    assert project.lock("requirements.txt").code == 0
    assert project.read() == before
    assert f'commit-id = "{first}"' in before
    assert project.lock("requirements.txt", "-P", "demo").code == 0
    assert f'commit-id = "{second}"' in project.read()


def test_locked_commit_is_let_go_of_by_an_upgrade(project: Project, repository: Repository, server: GitServer) -> None:
    project.write_list(f"demo @ git+{server.url('demo')}@main")
    assert project.lock("requirements.txt").code == 0
    second = repository.commit({"more.py": "MORE = 1\n"})

    assert project.lock("requirements.txt", "-U").code == 0
    assert f'commit-id = "{second}"' in project.read()


def test_another_revision_in_the_list_takes_another_commit(
    project: Project, repository: Repository, server: GitServer
) -> None:
    project.write_list(f"demo @ git+{server.url('demo')}@v1.0")
    assert project.lock("requirements.txt").code == 0
    second = repository.commit({"more.py": "MORE = 1\n"})
    project.write_list(f"demo @ git+{server.url('demo')}@main")

    assert project.lock("requirements.txt").code == 0
    assert f'commit-id = "{second}"' in project.read()


def test_locked_commit_asks_no_server_again(project: Project, server: GitServer) -> None:
    project.write_list(f"demo @ git+{server.url('demo')}@main")
    assert project.lock("requirements.txt").code == 0
    asked = len(server.paths())

    assert project.lock("requirements.txt").code == 0
    assert len(server.paths()) == asked


def test_check_needs_no_server(project: Project, server: GitServer) -> None:
    project.write_list(f"demo @ git+{server.url('demo')}@v1.0")
    assert project.lock("requirements.txt").code == 0
    asked = len(server.paths())

    assert project.lock("requirements.txt", "--check").code == 0
    assert len(server.paths()) == asked


def test_require_hashes_refuses_a_repository(project: Project, server: GitServer) -> None:
    project.write_list("--require-hashes", f"demo @ git+{server.url('demo')}@v1.0")

    run = project.lock("requirements.txt", "--quiet")

    assert (run.code, fix(run.err, server)) == (
        2,
        "error: requirements.txt:3: `demo @ git+https://git.example/demo@v1.0` is a repository, which has no hash, and"
        " `--require-hashes` needs one for every package\n  try: name a wheel or sdist of it\n",
    )


def write_counting_backend(repository: Repository, log: Path) -> None:
    """A project whose metadata only a build tells, and whose backend writes a line to a log each time."""
    backend = (
        "import os\n\n\ndef prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):\n"
        f"    with open({str(log)!r}, 'a') as file:\n        file.write('built\\n')\n"
        "    os.makedirs(os.path.join(metadata_directory, 'demo-1.0.dist-info'))\n"
        "    with open(os.path.join(metadata_directory, 'demo-1.0.dist-info', 'METADATA'), 'w') as file:\n"
        "        file.write('Metadata-Version: 2.2\\nName: demo\\nVersion: 1.0\\nRequires-Dist: b\\n')\n"
        "    return 'demo-1.0.dist-info'\n\n\n"
        "def build_wheel(*arguments, **options):\n    raise SystemExit('not needed')\n"
    )
    repository.commit({"pyproject.toml": BUILD + 'backend-path = ["."]\n', "backend.py": backend})


def test_commit_is_built_once_for_its_metadata(
    project: Project, repository: Repository, server: GitServer, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    write_counting_backend(repository, log)
    project.write_list(f"git+{server.url('demo')}@main")

    for argv in ((), ("-U",), ("--build-anyway", "-U")):
        run = project.lock("requirements.txt", "--build-anyway", *argv)
        assert run.code == 0, run.err
        assert "metadata from a build on this machine: demo 1.0" in run.err
    assert log.read_text() == "built\n"
    assert project.lock("requirements.txt", "--build-anyway", "--refresh").code == 0
    assert log.read_text() == "built\nbuilt\n"


def test_metadata_that_an_earlier_run_built_is_not_believed_without_builds(
    project: Project, repository: Repository, server: GitServer, tmp_path: Path
) -> None:
    write_counting_backend(repository, tmp_path / "log")
    project.write_list(f"git+{server.url('demo')}@main")
    assert project.lock("requirements.txt", "--build-anyway").code == 0

    run = project.lock("requirements.txt", "--no-build")

    assert run.code == 3
    assert run.err.startswith("error: requirements.txt:2: only a build can tell what `git+")


@pytest.mark.parametrize("name", ["pyproject.toml", "setup.cfg"])
def test_metadata_that_is_a_link_out_of_the_repository_is_not_read(
    name: str, project: Project, repository: Repository, server: GitServer, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("canary", encoding="utf-8")
    (repository.folder / name).unlink(missing_ok=True)
    (repository.folder / name).symlink_to(tmp_path / "secret")
    repository.commit({"setup.py": "raise SystemExit"})
    project.write_list(f"demo @ git+{server.url('demo')}@main")

    run = project.lock("requirements.txt")

    assert run.code == 2
    assert f"because its `{name}` is a link that leads out of the repository, to files of this machine" in run.err
    assert "canary" not in run.err
