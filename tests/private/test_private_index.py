"""Locking from an index that wants a user and password, as users meet it: pypiserver on loopback."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lockfiles import write
from lockfiles.lockfile import SettingValue
from resolver.errors import ListError
from resolver.requirements.requirement_list import parse_requirement_list
from tests.cli.verb_runs import LOOPBACK, run_verb
from tests.command import Project
from tests.private.conftest import PASSWORD, USER
from tests.private.indexes import PrivateIndex


def find_leaks(project: Project, *values: str) -> list[str]:
    """The files below project and cache that hold one of the values."""
    paths = [path for folder in (project.folder, project.cache) for path in folder.rglob("*") if path.is_file()]
    return [path.name for path in paths if any(value.encode() in path.read_bytes() for value in values)]


def test_user_information_in_the_list_is_sent_and_stays_out_of_lock_and_cache(
    project: Project, private: PrivateIndex
) -> None:
    project.write("requirements.in", f"--index-url {private.url(f'{USER}:{PASSWORD}')}\nacme\n")

    run = project.lock("requirements.in")

    assert (run.code, run.err.count("error")) == (0, 0)
    assert project.pins("pylock.requirements.toml") == {"acme": "1.0", "acme-core": "1.2"}
    assert {login for _, login in private.log} == {(USER, PASSWORD)}
    assert f'index = "{private.url()}"' in project.read("pylock.requirements.toml")
    assert find_leaks(project, PASSWORD) == ["requirements.in"]
    assert PASSWORD not in run.out + run.err


def test_variable_in_the_list_is_sent_as_its_value_and_stays_a_placeholder(
    project: Project, private: PrivateIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPO_PASSWORD", PASSWORD)
    monkeypatch.setenv("PINFOLD_ALLOW_VARIABLE", f"REPO_PASSWORD={private.authority}")
    project.write("requirements.txt", f"--index-url {private.url(USER + ':${REPO_PASSWORD}')}\nacme\n")

    words = ("requirements.txt", "-vv", "--allow-variable", f"REPO_PASSWORD={private.authority}")
    run = project.lock_in_process(*words, REPO_PASSWORD=PASSWORD)

    assert run.code == 0
    assert {login for _, login in private.log} == {(USER, PASSWORD)}
    assert private.url(":${REPO_PASSWORD}") in project.read().partition("[tool.pinfold]")[2]
    assert "REPO_PASSWORD" not in project.read().partition("[tool.pinfold]")[0]
    assert f'"{private.url()}acme' not in project.read()
    assert find_leaks(project, PASSWORD) == []
    assert PASSWORD not in run.out + run.err


def test_a_mirror_of_an_index_in_the_list_gets_its_own_login_alone(
    project: Project, private: PrivateIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPO_PASSWORD", PASSWORD)
    monkeypatch.setenv("PINFOLD_ALLOW_VARIABLE", f"REPO_PASSWORD={private.authority}")
    mirror = private.url(USER + ":${REPO_PASSWORD}")
    project.write("pyproject.toml", f'[tool.pinfold.mirrors]\n"https://vendor.example/simple/" = "{mirror}"\n')
    project.write("requirements.txt", "--index-url https://someone:else-Xw3@vendor.example/simple/\nacme\n")

    run = project.lock("requirements.txt")

    assert run.code == 0, run.err
    assert project.pins() == {"acme": "1.0", "acme-core": "1.2"}
    assert {login for _, login in private.log} == {(USER, PASSWORD)}
    assert f'index = "{private.url()}"' in project.read()
    assert find_leaks(project, PASSWORD) == []
    assert find_leaks(project, "else-Xw3") == ["requirements.txt"]


def test_a_rotated_password_leaves_the_lock_as_it_was(
    project: Project, private: PrivateIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPO_PASSWORD", PASSWORD)
    monkeypatch.setenv("PINFOLD_ALLOW_VARIABLE", f"REPO_PASSWORD={private.authority}")
    project.write("requirements.txt", f"--index-url {private.url(USER + ':${REPO_PASSWORD}')}\nacme\n")
    project.lock("requirements.txt")
    before = (project.folder / "pylock.toml").read_bytes()
    private.set_users({USER: "rotated"})
    monkeypatch.setenv("REPO_PASSWORD", "rotated")
    private.clear_log()

    assert project.lock("requirements.txt").code == 0
    assert (project.folder / "pylock.toml").read_bytes() == before
    assert {login for _, login in private.log} == {(USER, "rotated")}
    assert private.downloads == []


def test_wrong_password_is_told_by_its_source_and_sent_once(project: Project, private: PrivateIndex) -> None:
    project.write("requirements.txt", f"--index-url {private.url(f'{USER}:wrong')}\nacme\n")

    run = project.lock("requirements.txt")

    assert (run.code, run.err.replace(private.authority, "AUTHORITY")) == (
        4,
        "error: `127.0.0.1` refuses the user and password of requirements.txt:1: status 403 for"
        " http://AUTHORITY/simple/acme/\n  try: request access from its owner, or correct it\n",
    )
    assert len(private.log) == 1


def test_missing_password_is_told_with_where_it_was_looked_for(project: Project, private: PrivateIndex) -> None:
    project.write("requirements.txt", f"--index-url {private.url()}\nacme\n")

    run = project.lock("requirements.txt")

    assert run.code == 4
    assert run.err.replace(private.authority, "AUTHORITY").startswith(
        "error: `127.0.0.1` wants a user and password: status 401 for http://AUTHORITY/simple/acme/\n"
    )


def test_unset_variable_is_told_before_anybody_is_asked(project: Project, private: PrivateIndex) -> None:
    project.write("requirements.txt", f"--index-url {private.url('${REPO_PASSWORD}')}\nacme\n")

    run = project.lock("requirements.txt")

    assert (run.code, private.log) == (2, [])
    assert run.err.replace(private.authority, "AUTHORITY") == (
        "error: requirements.txt:2: `http://${REPO_PASSWORD}@AUTHORITY/simple/` is needed, and a variable in it is not"
        " set: `REPO_PASSWORD`\n  try: set it in the environment\n"
    )


def test_configured_index_gets_its_password(project: Project, private: PrivateIndex, tmp_path: Path) -> None:
    project.write(
        "pyproject.toml",
        f'[tool.pinfold]\nrequirements = ["acme"]\nindex-url = "{private.url(f"{USER}:{PASSWORD}")}"\n',
    )

    assert project.lock().code == 0
    assert find_leaks(project, PASSWORD) == ["pyproject.toml"]


def test_password_in_the_list_and_on_the_command_line_is_told_by_form_and_position(
    project: Project, private: PrivateIndex
) -> None:
    url = private.url(f"{USER}:{PASSWORD}")
    project.write("requirements.txt", f"--index-url {url}\nacme\n--find-links {url.replace('simple', 'packages')}\n")

    run = project.lock("requirements.txt", "--extra-index-url", url)

    remedy = "  try: `${VARIABLE}` in its place, in single quotes for a shell, or `--credentials FILE`\n"
    assert run.code == 0, run.err
    assert run.err.count("warning: ") == 2
    assert (
        "warning: command line[0]: a user and password in a URL, which other users of this machine can see\n" + remedy
    ) in run.err
    assert (
        "warning: requirements.txt:1, requirements.txt:3: a user and password in a URL, which stays in that file\n"
        + remedy
    ) in run.err


def test_lock_names_the_host_that_needs_credentials_and_the_variable(
    project: Project, private: PrivateIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPO_PASSWORD", PASSWORD)
    monkeypatch.setenv("PINFOLD_ALLOW_VARIABLE", f"REPO_PASSWORD={private.authority}")
    project.write("requirements.txt", f"--index-url {private.url(USER + ':${REPO_PASSWORD}')}\nacme\n")

    project.lock("requirements.txt")

    tool = project.load().tool
    assert tool is not None
    assert tool.credentials == (f"{private.authority} (${{REPO_PASSWORD}})",)


def test_credentials_of_a_file_or_the_environment_are_sent_and_are_no_input_of_the_lock(
    project: Project, private: PrivateIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write("requirements.txt", f"--index-url {private.url()}\nacme\n")
    ours = project.write(
        "ci.toml",
        f'[[credentials]]\nurl = "{private.url()}"\nusername = "{USER}"\npassword-variable = "REPO_PASSWORD"\n',
    )
    ours.chmod(0o600)
    monkeypatch.setenv("REPO_PASSWORD", PASSWORD)
    assert project.lock("requirements.txt", "--credentials", "ci.toml").code == 0
    by_file = project.read()
    (project.folder / "pylock.toml").unlink()

    monkeypatch.setenv("PINFOLD_INDEX_ACME_URL", private.url())
    monkeypatch.setenv("PINFOLD_INDEX_ACME_USERNAME", USER)
    monkeypatch.setenv("PINFOLD_INDEX_ACME_PASSWORD", PASSWORD)
    run = project.lock("requirements.txt", "--refresh")

    assert (run.code, project.read()) == (0, by_file)
    assert find_leaks(project, PASSWORD) == []


def test_wheel_by_url_gets_the_password_in_front_of_its_host(project: Project, private: PrivateIndex) -> None:
    file = private.url(f"{USER}:{PASSWORD}").replace("simple/", "packages/acme_core-1.2-py3-none-any.whl")
    project.write("requirements.in", f"--no-index\n{file}\n")

    run = project.lock("requirements.in")

    assert run.code == 0, run.err
    assert project.pins("pylock.requirements.toml") == {"acme-core": "1.2"}
    assert {login for _, login in private.log} == {(USER, PASSWORD)}
    assert find_leaks(project, PASSWORD) == ["requirements.in"]


@pytest.mark.parametrize("value", ["p\nhost=evil.example", "p%0Ahost=evil.example", "p q", 'p"q', "p\x00q"])
def test_password_that_could_add_a_line_is_refused_with_its_position(
    project: Project, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    if "\x00" not in value:  # Which no variable can hold.
        monkeypatch.setenv("REPO_PASSWORD", value)
        value = "${REPO_PASSWORD}"
    project.write("requirements.txt", f"a @ https://u:{value}@files.example/a-1.0-py3-none-any.whl\n")

    run = project.lock("requirements.txt")

    assert run.code == 2
    assert run.err.startswith("error: requirements.txt:1: ")
    assert "evil.example" not in run.err


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        ("https://files.example/a\u2028b-1.0-py3-none-any.whl", "a space"),
        ("https://files.example/a\u202eb-1.0-py3-none-any.whl", "the control character U+202E"),
        ("git+https://git.example/a\x0bb.git@main", "a space"),
        ("git+https://git.example/a\x01b.git@main", "the control character U+0001"),
        ("--index-url=https://index.example/a\x85b/", "a space"),
        ("--find-links=https://index.example/a\x7f/", "the control character U+007F"),
    ],
)
def test_url_with_a_character_that_ends_a_line_is_refused_with_its_position(text: str, flaw: str) -> None:
    with pytest.raises(ListError) as caught:
        parse_requirement_list(["b", text])
    assert str(caught.value).startswith("requirements[1]: ")
    assert f"holds {flaw}" in str(caught.value)


def test_verb_that_asks_again_takes_the_variables_of_a_lock_from_the_list_that_is_named(
    project: Project, private: PrivateIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPO_PASSWORD", PASSWORD)
    monkeypatch.setenv("PINFOLD_ALLOW_VARIABLE", f"REPO_PASSWORD={private.authority}")
    project.write("requirements.txt", f"--index-url {private.url(USER + ':${REPO_PASSWORD}')}\nacme\n")
    project.lock("requirements.txt")

    assert run_verb(project, "verify", *LOOPBACK).code == 2
    run = run_verb(project, "verify", *LOOPBACK, "--list", "requirements.txt")
    assert run.code == 0, run.err


def test_verb_that_asks_again_sends_no_value_to_where_a_lock_says(
    project: Project, private: PrivateIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPO_PASSWORD", PASSWORD)
    monkeypatch.setenv("PINFOLD_ALLOW_VARIABLE", f"REPO_PASSWORD={private.authority}")
    project.write("requirements.txt", f"--index-url {private.url(USER + ':${REPO_PASSWORD}')}\nacme\n")
    project.lock("requirements.txt")
    lock = project.load()
    assert lock.tool is not None
    url = private.url(":${REPO_PASSWORD}")
    settings: dict[str, SettingValue] = {"index-url": url, "overrides": (f"acme-core @ {url}core-1.0.tar.gz",)}
    tool = replace(lock.tool, settings=settings, requirements=(("acme",),))
    write(replace(lock, tool=tool), project.folder / "pylock.toml")
    private.clear_log()

    run = run_verb(project, "verify", *LOOPBACK)
    assert run.code == 2
    assert "not set: `REPO_PASSWORD`\n  try: name the list that was locked with `--list`, or a file of" in run.err
    assert private.log == []


def test_variable_that_is_not_set_does_no_harm_where_credentials_are_known(
    project: Project, private: PrivateIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write("requirements.txt", f"--index-url {private.url(USER + ':${REPO_PASSWORD}')}\nacme\n")
    monkeypatch.setenv("PINFOLD_INDEX_ACME_URL", private.url())
    monkeypatch.setenv("PINFOLD_INDEX_ACME_USERNAME", USER)
    monkeypatch.setenv("PINFOLD_INDEX_ACME_PASSWORD", PASSWORD)

    run = project.lock("requirements.txt")

    assert run.code == 0, run.err
