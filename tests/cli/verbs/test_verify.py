"""`lock verify`: a lock against its indexes, and against an installed environment."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from packaging.pylock import Package, PackageVcs, PackageWheel
from packaging.utils import NormalizedName
from packaging.version import Version

from lockfiles import Lockfile, write
from tests.cli.verb_runs import LOOPBACK, parts, run_verb
from tests.command import INDEX, Project
from tests.servers import IndexServer, wheel


@pytest.fixture
def locked(project: Project) -> Project:
    project.server.add("app", wheel("app", "1.0", ["core>=1"]))
    project.server.add("core", wheel("core", "1.0"), wheel("core", "2.0"))
    project.server.add("evil", wheel("evil", "1.0"))
    project.write("constraints.txt", "core<2\n")
    project.write_list("app", "-c constraints.txt")
    assert project.lock("requirements.txt").code == 0
    return project


def tamper(project: Project, change: Callable[[Package], Package], *more: Package) -> None:
    """The lock on disk with `app` changed and packages added; its requirement digest stays right."""
    lock = project.load()
    packages = [change(one) if one.name == "app" else one for one in lock.pylock.packages]
    changed = Lockfile(pylock=replace(lock.pylock, packages=[*packages, *more]), tool=lock.tool)
    write(changed, project.folder / "pylock.toml")


def with_wheel(**changes: object) -> Callable[[Package], Package]:
    def change(package: Package) -> Package:
        assert package.wheels is not None
        return replace(package, wheels=[replace(package.wheels[0], **changes)])  # type: ignore[arg-type]  # by name

    return change


def test_lock_that_says_what_its_index_says_holds(locked: Project) -> None:
    run = run_verb(locked, "verify", *LOOPBACK)

    assert (run.code, run.out, run.err) == (0, "pylock.toml: verified\n", "")


def test_newer_releases_do_not_matter(locked: Project) -> None:
    locked.server.add("app", wheel("app", "1.1", ["core>=1"]))

    assert run_verb(locked, "verify", *LOOPBACK).code == 0


def test_folders_and_files_beside_the_lock_are_looked_at_again(project: Project) -> None:
    file = wheel("near", "1.0")
    project.write("tool/pyproject.toml", '[project]\nname = "tool"\nversion = "1"\n[build-system]\nrequires = []\n')
    (project.folder / file.filename).write_bytes(file.content)
    project.write_list("./tool", f"./{file.filename}")
    assert project.lock("requirements.txt").code == 0

    whole = run_verb(project, "verify", *LOOPBACK)
    project.write("tool/tool.py", "ANSWER = 42\n")
    edited = run_verb(project, "verify", *LOOPBACK)

    assert (whole.code, whole.out, whole.err) == (0, "pylock.toml: verified\n", "")
    assert (edited.code, edited.out) == (1, "the folder of tool has changed since it was locked\n")


def test_lock_that_lies_elsewhere_than_its_list_is_looked_at_from_there(project: Project) -> None:
    file, other = wheel("near", "1.0"), wheel("other", "1.0")
    project.write(
        "lists/tool/pyproject.toml", '[project]\nname = "tool"\nversion = "1"\n[build-system]\nrequires = []\n'
    )
    project.write("lists/pages/index.html", "")
    for one, place in ((file, "lists"), (other, "lists/pages")):
        (project.folder / place / one.filename).write_bytes(one.content)
    project.write("lists/overrides.txt", f"near @ ./{file.filename}\n")
    project.write("lists/requirements.txt", "--index-url INDEX\n--find-links ./pages\n./tool\nnear\nother\n")
    run = project.lock("lists/requirements.txt", "--override", "lists/overrides.txt", "-o", "locks/pylock.toml")
    assert run.code == 0, run.err

    refused = run_verb(project, "verify", *LOOPBACK, within="locks")
    run = run_verb(project, "verify", *LOOPBACK, "--allow-path", "../lists", within="locks")
    by_list = run_verb(project, "verify", *LOOPBACK, "--list", "../lists/requirements.txt", within="locks")

    assert (refused.code, refused.out) == (2, "")
    assert "is no file or folder that the lock may lead to" in refused.err
    # The overrides of a command line are in no list.
    assert by_list.code == 2
    assert (run.code, run.out, run.err) == (0, "pylock.toml: verified\n", "")


def test_changed_hash_is_told_by_pin(locked: Project) -> None:
    tamper(locked, with_wheel(hashes={"sha256": "b" * 64}))

    run = run_verb(locked, "verify", *LOOPBACK)

    assert run.code == 1
    assert run.out.startswith(f"app 1.0: `app-1.0-py3-none-any.whl` is locked with sha256 {'b' * 64}, and is ")


def test_file_on_another_host_is_told_by_pin(locked: Project) -> None:
    tamper(locked, with_wheel(url="https://evil.example/app-1.0-py3-none-any.whl"))

    run = run_verb(locked, "verify", *LOOPBACK)

    assert (run.code, run.out) == (
        1,
        'app 1.0: wheels[0].url is locked as "https://evil.example/app-1.0-py3-none-any.whl",'
        f' and is "{INDEX}/files/app-1.0-py3-none-any.whl"\n',
    )


def test_another_index_is_told_by_pin(locked: Project) -> None:
    tamper(locked, lambda package: replace(package, index="https://evil.example/simple/"))

    assert run_verb(locked, "verify", *LOOPBACK).out == (
        f"app 1.0: locked from `https://evil.example/simple/`, and comes from `{INDEX}/simple/`\n"
    )


def test_added_package_is_told_though_its_file_is_real(locked: Project) -> None:
    file = locked.server.projects["evil"][0]
    added = Package(
        name=NormalizedName("evil"),
        version=Version("1.0"),
        index=locked.server.index_url,
        wheels=[
            PackageWheel(
                name=file.filename,
                url=locked.server.file_url(file.filename),
                size=len(file.content),
                hashes={"sha256": file.listed_sha256},
            )
        ],
    )
    tamper(locked, lambda package: package, added)

    run = run_verb(locked, "verify", *LOOPBACK)

    assert (run.code, run.out) == (1, "evil 1.0 is locked, and nothing requires it\n")


def test_version_that_its_index_has_lost_is_told(locked: Project) -> None:
    locked.server.projects["core"] = [wheel("core", "1.1")]

    run = run_verb(locked, "verify", *LOOPBACK)

    assert (run.code, run.out) == (
        1,
        "core 1.0 is locked, but the indexes no longer have it as its list requires it: they have core 1.1\n",
    )


def test_digest_that_is_not_that_of_the_list_is_told(locked: Project) -> None:
    lock = locked.load()
    assert lock.tool is not None
    forged = replace(lock.tool, requirement_digest=f"sha256:{'0' * 64}")
    write(replace(lock, tool=forged), locked.folder / "pylock.toml")

    run = run_verb(locked, "verify", *LOOPBACK)

    assert (run.code, run.out) == (1, "the requirement digest of `pylock.toml` is not that of the list it holds\n")


def test_settings_of_a_lock_are_asked_with_again(project: Project) -> None:
    project.server.add("app", wheel("app", "1.0", ["core>=1", "extra-thing"]), wheel("app", "2.0", ["core>=1"]))
    project.server.add("core", wheel("core", "1.0"), wheel("core", "3.0"))
    project.write(
        "pyproject.toml",
        '[tool.pinfold]\nrequirements = [["app<2"], ["core"]]\nindex-url = "INDEX"\n'
        'override-dependencies = ["core<2"]\nexclude = ["extra-thing"]\nexclude-newer = "2025-01-01"\n'
        '[[tool.pinfold.families]]\nname = "core"\nnames = ["core"]\nurls = ["INDEX"]\n',
    )
    assert project.lock().code == 0
    (project.folder / "pyproject.toml").unlink()

    run = run_verb(project, "verify", *LOOPBACK)

    assert (run.code, run.out, run.err) == (0, "pylock.toml: verified\n", "")


def test_lock_of_another_tool_cannot_be_asked_again(locked: Project) -> None:
    write(replace(locked.load(), tool=None), locked.folder / "pylock.toml")

    run = run_verb(locked, "verify", *LOOPBACK)

    assert (run.code, run.err) == (
        2,
        "error: pylock.toml: `pylock.toml` does not say what it was made from: another tool wrote it\n",
    )


def test_one_lock_that_fails_does_not_hide_another(locked: Project) -> None:
    write(replace(locked.load(), tool=None), locked.folder / "pylock.other.toml")
    tamper(locked, with_wheel(hashes={"sha256": "b" * 64}))

    run = run_verb(locked, "verify", *LOOPBACK, "pylock.other.toml", "pylock.toml")

    assert run.code == 2
    assert run.out.startswith("pylock.toml: app 1.0: `app-1.0")


def test_annotations_name_the_lock_and_the_pin(locked: Project) -> None:
    tamper(locked, lambda package: replace(package, index="https://evil.example/%0A::error::/"))

    run = run_verb(locked, "verify", *LOOPBACK, "--format", "github")

    assert run.code == 1
    assert run.out.startswith("::error file=pylock.toml,title=app::app 1.0: locked from `https://evil.example/%250A::")
    assert run.out.count("\n") == 1


def test_lock_of_another_tool_is_an_error_in_every_format(locked: Project) -> None:
    write(Lockfile(pylock=locked.load().pylock), locked.folder / "pylock.toml")
    message = "`pylock.toml` does not say what it was made from: another tool wrote it"

    github, document = (run_verb(locked, "verify", *LOOPBACK, "--format", form) for form in ("github", "json"))

    assert (github.code, github.out) == (2, f"::error file=pylock.toml,title=lock::{message}\n")
    assert (document.code, json.loads(document.out)) == (
        2,
        {"schema": 1, "locks": [{"lockfile": "pylock.toml", "error": message, "exit_code": 2, **parts(message)}]},
    )


def make_environment(folder: Path, **versions: str) -> Path:
    for name, version in versions.items():
        info = folder / "lib" / "python3.11" / "site-packages" / f"{name}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", encoding="utf-8")
    return folder


def test_environment_with_what_is_locked_holds(locked: Project, tmp_path: Path) -> None:
    environment = make_environment(tmp_path / "venv", app="1.0.0", core="1.0", pip="25.0")

    run = run_verb(locked, "verify", *LOOPBACK, "--environment", str(environment))

    assert (run.code, run.out) == (0, "pylock.toml: verified\n")


@pytest.mark.parametrize(
    ("python", "out"),
    [
        ("3.11", "pylock.toml: verified\n"),
        ("3.12", "setuptools 65.5.0 is installed, and not locked\n"),
    ],
)
def test_environment_may_have_what_venv_of_its_python_puts_there(
    project: Project, tmp_path: Path, python: str, out: str
) -> None:
    project.server.add("app", wheel("app", "1.0"))
    project.write_list("app")
    assert project.lock("requirements.txt", "--python", python).code == 0
    environment = make_environment(tmp_path / "venv", app="1.0", pip="24.0", setuptools="65.5.0")

    assert run_verb(project, "verify", *LOOPBACK, "--environment", str(environment)).out == out


def test_environment_that_differs_is_told_without_a_request(locked: Project, tmp_path: Path) -> None:
    environment = make_environment(tmp_path / "venv", app="2.0", other="3.0")
    locked.server.log.clear()

    run = run_verb(locked, "verify", *LOOPBACK, "--environment", str(environment))

    assert (run.code, run.out) == (
        1,
        "app 1.0 is locked, and 2.0 is installed\ncore 1.0 is locked, and not installed\n"
        "other 3.0 is installed, and not locked\n",
    )
    assert locked.server.log == []


def test_commit_of_an_environment_is_compared(locked: Project, tmp_path: Path) -> None:
    environment = make_environment(tmp_path / "venv", app="1.0", core="1.0")
    info = environment / "lib" / "python3.11" / "site-packages" / "app-1.0.dist-info"
    (info / "direct_url.json").write_text(json.dumps({"vcs_info": {"vcs": "git", "commit_id": "b" * 40}}))
    lock = locked.load()
    vcs = PackageVcs(type="git", url="https://git.example/app.git", commit_id="a" * 40)
    packages = [
        Package(name=NormalizedName("app"), vcs=vcs) if one.name == "app" else one for one in lock.pylock.packages
    ]
    write(Lockfile(pylock=replace(lock.pylock, packages=packages), tool=lock.tool), locked.folder / "pylock.toml")

    run = run_verb(locked, "verify", *LOOPBACK, "--environment", str(environment))

    assert (run.code, run.out) == (1, f"app {'a' * 40} is locked, and {'b' * 40} is installed\n")


def test_folder_that_is_no_environment_is_bad_input(locked: Project) -> None:
    run = run_verb(locked, "verify", *LOOPBACK, "--environment", "missing")

    assert (run.code, run.out) == (2, "")
    assert run.err == ("error: pylock.toml: `missing` is no virtual environment, and no folder of installed packages\n")


def test_lock_does_not_say_whose_certificates_are_trusted(
    project: Project, encrypted: tuple[IndexServer, Path]
) -> None:
    server, _ = encrypted
    server.add("app", wheel("app", "1.0"))
    project.write("requirements.txt", f"--index-url {server.index_url}\n--trusted-host 127.0.0.1\napp\n")
    assert project.lock("requirements.txt").code == 0

    alone, trusting = (
        run_verb(project, "verify", *LOOPBACK),
        run_verb(project, "verify", *LOOPBACK, "--trusted-host", "127.0.0.1"),
    )

    assert alone.code == 4
    assert f"the certificate of `127.0.0.1` is not trusted: {server.index_url}app/\n" in alone.err
    assert (trusting.code, trusting.out, trusting.err) == (0, "pylock.toml: verified\n", "")


def test_folder_beside_that_of_the_lock_needs_a_word_of_the_user(project: Project) -> None:
    build = "[build-system]\nrequires = []\n"
    project.write("common/pyproject.toml", f'[project]\nname = "common"\nversion = "1"\n{build}')
    project.write("app/requirements.txt", "--index-url INDEX\n-e ../common\n")
    assert project.lock("requirements.txt", within="app").code == 0

    refused = run_verb(project, "verify", within="app")

    assert (refused.code, refused.out) == (2, "")
    assert "`<folder>/common` is no file or folder that the lock may lead to" in refused.err
    assert run_verb(project, "verify", "--allow-path", "../common", within="app").code == 0
    assert run_verb(project, "verify", "--list", "requirements.txt", within="app").code == 0
    # The list of `--check` is the user's own.
    assert project.lock("requirements.txt", "--check", within="app").code == 0
    project.write("common/more.py", "")
    assert project.lock("requirements.txt", "--check", within="app").code == 1
