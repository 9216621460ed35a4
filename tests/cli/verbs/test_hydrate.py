"""`lock export --format hydrated`: complete URLs for one build, in a file that nobody else reads and git leaves out."""

from __future__ import annotations

import logging
import os
import stat
import subprocess
import sys
import tomllib
from base64 import b64encode
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cli.verb_runs import run_verb
from tests.cli.verbs.test_fetch import edit_lock, fetch, wheels
from tests.command import Project, child_environment
from tests.loopback import Request
from tests.servers import Answer, IndexServer, wheel
from tests.test_installation import install, make_environment, run_python

MINOR = f"{sys.version_info.major}.{sys.version_info.minor}"
CANARY = "canary-6e1f"
ALPHA = "alpha-1.0-py3-none-any.whl"
WARNING = "warning: `pylock.build.toml` holds secrets (alpha): delete it after the build, and keep it out of images\n"


@pytest.fixture
def locked(project: Project) -> Project:
    """`alpha` by URL and `beta` of the index, locked while they were public; git is no concern of the folder."""
    (project.folder / ".git").rmdir()
    project.server.add("alpha", wheel("alpha", "1.0"))
    project.server.add("beta", wheel("beta", "2.0"))
    project.write("requirements.txt", f"--index-url INDEX\nalpha @ {project.server.file_url(ALPHA)}\nbeta\n")
    assert project.lock("requirements.txt", "--python", MINOR).code == 0
    return project


def write_fresh(project: Project, *, user: str = "", query: str = "") -> None:
    """A list like the one that was locked, with credentials in the URL of `alpha`."""
    url = project.server.file_url(ALPHA).replace("://", f"://{user}")
    project.write("fresh.txt", f"--index-url INDEX\nalpha @ {url}{query}\nbeta\n")


def hydrate(project: Project, *words: str, to: str = "pylock.build.toml") -> tuple[int, str]:
    run = run_verb(project, "export", "--format", "hydrated", "-o", to, *words)
    assert CANARY not in run.out + run.err
    return run.code, run.err


def read_urls(path: Path) -> dict[str, str]:
    packages = tomllib.loads(path.read_text())["packages"]
    return {package["name"]: package["wheels"][0]["url"] for package in packages}


def without_urls(path: Path) -> str:
    return "\n".join(line for line in path.read_text().splitlines() if not line.startswith("url ="))


def require_login(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on `alpha` wants a user and password."""
    respond = IndexServer.respond

    def check(self: IndexServer, request: Request) -> Answer:
        if request.path.endswith(ALPHA) and request.login != f"user:{CANARY}":
            return Answer(status=401, headers={"WWW-Authenticate": "Basic"})
        return respond(self, request)

    monkeypatch.setattr(IndexServer, "respond", check)


def test_signature_of_the_list_is_put_into_the_url_of_its_file(locked: Project) -> None:
    write_fresh(locked, query=f"?X-Amz-Signature={CANARY}&X-Amz-Date=20990101T000000Z")
    assert hydrate(locked, "--list", "fresh.txt") == (0, WARNING)
    path = locked.folder / "pylock.build.toml"
    assert read_urls(path) == {
        "alpha": f"{locked.server.file_url(ALPHA)}?X-Amz-Signature={CANARY}&X-Amz-Date=20990101T000000Z",
        "beta": locked.server.file_url("beta-2.0-py3-none-any.whl"),
    }


def test_nothing_but_urls_is_changed(locked: Project) -> None:
    write_fresh(locked, user=f"user:{CANARY}@")
    assert hydrate(locked, "--list", "fresh.txt")[0] == 0
    assert without_urls(locked.folder / "pylock.build.toml") == without_urls(locked.folder / "pylock.toml")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_file_is_readable_for_its_owner_alone(locked: Project) -> None:
    write_fresh(locked, user=f"user:{CANARY}@")
    locked.write("pylock.build.toml", "").chmod(0o644)
    assert hydrate(locked, "--list", "fresh.txt")[0] == 0
    assert stat.S_IMODE((locked.folder / "pylock.build.toml").stat().st_mode) == 0o600
    assert [name for name in locked.files() if name.endswith(".tmp")] == []


@pytest.mark.parametrize("installer", ["pip", "uv"])
def test_hydrated_lock_is_installed_and_the_lock_is_not(
    locked: Project, installer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_fresh(locked, user=f"user:{CANARY}@")
    assert hydrate(locked, "--list", "fresh.txt")[0] == 0
    require_login(locked, monkeypatch)
    python = make_environment(tmp_path / "environment")

    with pytest.raises(AssertionError, match=r"401|[Uu]nauthorized"):
        install(installer, locked.folder / "pylock.toml", python)
    install(installer, locked.folder / "pylock.build.toml", python)

    assert run_python(python, "import alpha, beta; print(alpha.__version__, beta.__version__)") == "1.0 2.0\n"
    traces = [path for path in (tmp_path / "environment").rglob("*") if path.is_file() and _holds(path, CANARY)]
    assert traces == []


def _holds(path: Path, text: str) -> bool:
    return text.encode() in path.read_bytes()


def test_fetch_takes_the_same_list_and_keeps_none_of_its_secrets(
    locked: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_fresh(locked, user=f"user:{CANARY}@")
    require_login(locked, monkeypatch)
    refused = fetch(locked)
    assert refused.code == 4
    run = fetch(locked, "--list", "fresh.txt", "--json")
    assert run.code == 0
    assert CANARY not in run.out + run.err + refused.err
    assert wheels(locked) == [ALPHA, "beta-2.0-py3-none-any.whl", "requirements.txt"]
    assert [path for path in (locked.folder / "wheels").rglob("*") if path.is_file() and _holds(path, CANARY)] == []


def test_lock_without_credentials_here_is_written_with_a_warning(locked: Project) -> None:
    assert hydrate(locked) == (
        0,
        "warning: no URL of `pylock.toml` has credentials here: `pylock.build.toml` is the same lock\n",
    )
    assert (locked.folder / "pylock.build.toml").read_text() == (locked.folder / "pylock.toml").read_text()


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=folder, env=child_environment(folder), check=True, capture_output=True)


@pytest.mark.parametrize("place", ["pylock.build.toml", "inner/pylock.build.toml"])
def test_work_tree_that_would_take_it_along_is_refused(locked: Project, place: str) -> None:
    git(locked.folder, "init")
    locked.write("inner/empty", "")
    write_fresh(locked, user=f"user:{CANARY}@")
    assert hydrate(locked, "--list", "fresh.txt", to=place) == (
        2,
        "error: `pylock.build.toml` would hold secrets, and git does not ignore it\n"
        "  try: a place outside of the repository, or a line for it in `.gitignore`\n",
    )
    assert not (locked.folder / place).exists()


def test_ignored_file_of_a_work_tree_is_written(locked: Project) -> None:
    git(locked.folder, "init")
    locked.write(".gitignore", "pylock.build.toml\n")
    write_fresh(locked, user=f"user:{CANARY}@")
    assert hydrate(locked, "--list", "fresh.txt")[0] == 0


def test_tracked_file_is_refused_though_a_pattern_ignores_it(locked: Project) -> None:
    git(locked.folder, "init")
    locked.write("pylock.build.toml", "")
    git(locked.folder, "add", "pylock.build.toml")
    locked.write(".gitignore", "pylock.build.toml\n")
    write_fresh(locked, user=f"user:{CANARY}@")
    assert hydrate(locked, "--list", "fresh.txt")[0] == 2


def test_program_that_a_repository_names_is_not_run(locked: Project) -> None:
    git(locked.folder, "init")
    locked.write("hook.sh", "#!/bin/sh\ntouch ran\n").chmod(0o755)
    git(locked.folder, "config", "core.fsmonitor", str(locked.folder / "hook.sh"))
    write_fresh(locked, user=f"user:{CANARY}@")
    assert hydrate(locked, "--list", "fresh.txt")[0] == 2
    assert not (locked.folder / "ran").exists()


def test_lock_itself_is_not_replaced(locked: Project) -> None:
    before = locked.read()
    assert hydrate(locked, to="pylock.toml") == (
        2,
        "error: `pylock.toml` is the lock itself, which holds no secrets\n"
        "  try: another name: `-o pylock.build.toml`\n",
    )
    assert locked.read() == before


def test_name_that_installers_do_not_take_is_refused(locked: Project) -> None:
    assert hydrate(locked, to="build.toml") == (
        2,
        "error: `build.toml` is no name that installers take for a lock\n"
        "  try: `-o pylock.build.toml`, outside of the repository\n",
    )


def test_paths_lead_to_the_same_files_from_the_new_place(project: Project) -> None:
    (project.folder / ".git").rmdir()
    project.write("links/empty", "")
    (project.folder / "links" / ALPHA).write_bytes(wheel("alpha", "1.0").content)
    project.write("requirements.txt", "--no-index\n--find-links links\nalpha\n")
    assert project.lock("requirements.txt").code == 0
    project.write("build/empty", "")
    assert hydrate(project, to="build/pylock.build.toml")[0] == 0
    (package,) = project.load("build/pylock.build.toml").pylock.packages
    assert package.wheels is not None
    assert package.wheels[0].path == f"..{os.sep}links{os.sep}{ALPHA}".replace(os.sep, "/")


def test_token_in_a_path_comes_from_list_and_environment(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (project.folder / ".git").rmdir()
    project.server.add("alpha", wheel("alpha", "1.0"))
    respond = IndexServer.respond

    def check(self: IndexServer, request: Request) -> Answer:
        if request.path.startswith(f"/{CANARY}/files/"):
            return respond(self, replace(request, target=request.target.removeprefix(f"/{CANARY}")))
        return Answer(status=404)

    monkeypatch.setattr(IndexServer, "respond", check)
    monkeypatch.setenv("PATH_TOKEN", CANARY)
    project.allow("PATH_TOKEN")
    project.write("requirements.txt", f"--no-index\nalpha @ {project.server.base_url}/${{PATH_TOKEN}}/files/{ALPHA}\n")
    run = project.lock("requirements.txt", "--python", MINOR)
    assert run.code == 0, run.err
    assert CANARY not in project.read()

    refused = fetch(project)
    assert (refused.code, refused.err) == (
        4,
        f"error: the URL of `{ALPHA}` has a token in its path, which a lock never holds:"
        f" https://index.example/${{PATH_TOKEN}}/files/{ALPHA}\n"
        "  try: `--list SOURCE` with the list that was locked, and `PATH_TOKEN` in the environment\n",
    )
    fetched = fetch(project, "--list", "requirements.txt", "--json")
    assert fetched.code == 0, fetched.err
    assert CANARY not in fetched.out + fetched.err
    assert hydrate(project, "--list", "requirements.txt") == (0, WARNING)
    complete = project.server.file_url(ALPHA).replace("/files/", f"/{CANARY}/files/")
    assert read_urls(project.folder / "pylock.build.toml") == {"alpha": complete}


def write_private(project: Project, name: str, text: str) -> None:
    project.write(name, text).chmod(0o600)


@pytest.mark.parametrize("form", ["user and password", "signed URL"])
def test_credentials_of_a_file_are_for_their_own_urls(locked: Project, form: str) -> None:
    url = locked.server.file_url(ALPHA)
    row = f'url = "{url}"\nusername = "user"\npassword = "{CANARY}"\n'
    if form == "signed URL":
        row = f'url = "{url}?X-Amz-Signature={CANARY}"\n'
    write_private(locked, "credentials.toml", f"[[credentials]]\n{row}")
    code, err = hydrate(locked, "--credentials", "credentials.toml")
    assert code == 0, err
    urls = read_urls(locked.folder / "pylock.build.toml")
    if form == "signed URL":
        assert urls["alpha"] == f"{url}?X-Amz-Signature={CANARY}"
        assert CANARY not in urls["beta"]
    else:
        # A login is for scheme, host and port: files of an index lie beside its pages.
        assert urls["alpha"] == url.replace("://", f"://user:{CANARY}@")


def test_fetch_takes_the_login_of_a_file(locked: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    require_login(locked, monkeypatch)
    row = f'url = "{locked.server.base_url}"\nusername = "user"\npassword-variable = "SECRET"\n'
    write_private(locked, "credentials.toml", f"[[credentials]]\n{row}")
    monkeypatch.setenv("SECRET", CANARY)
    run = fetch(locked, "--credentials", "credentials.toml", "--json")
    assert run.code == 0, run.err
    assert CANARY not in run.out + run.err
    assert [path for path in (locked.folder / "wheels").rglob("*") if path.is_file() and _holds(path, CANARY)] == []


def test_login_of_a_variable_is_taken_too(locked: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    require_login(locked, monkeypatch)
    for name, value in (("URL", locked.server.index_url), ("USERNAME", "user"), ("PASSWORD", CANARY)):
        monkeypatch.setenv(f"PINFOLD_INDEX_MINE_{name}", value)
    assert fetch(locked).code == 0


def test_netrc_serves_its_hosts_and_its_default_entry_nobody(
    locked: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    edit_lock(
        locked,
        (locked.server.file_url(ALPHA), f"https://files.example/{ALPHA}"),
        ("http://127.0.0.1", "https://other.example"),
    )
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine files.example login user password {CANARY}\ndefault login any password {CANARY}\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    assert hydrate(locked) == (0, WARNING)
    urls = read_urls(locked.folder / "pylock.build.toml")
    assert urls["alpha"] == f"https://user:{CANARY}@files.example/{ALPHA}"
    assert CANARY not in urls["beta"]


def test_what_a_lock_says_of_hosts_and_variables_is_not_obeyed(
    locked: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_BUILDER", CANARY)
    edit_lock(
        locked,
        ('index-strategy = "first-index"', 'index-strategy = "first-index"\ncredentials = ["127.0.0.1:1"]'),
        ("/files/alpha", "/files/${SECRET_OF_BUILDER}/alpha"),
    )
    code, err = hydrate(locked)
    assert code == 0
    assert err.startswith("warning: the lock says that `127.0.0.1:1` wants credentials, and none were found for it\n")
    assert CANARY not in (locked.folder / "pylock.build.toml").read_text()
    assert fetch(locked, "pylock.toml").code == 4
    assert [one for one in locked.server.log if CANARY in one.path] == []


def test_expired_signature_is_told_before_anything_is_asked(locked: Project) -> None:
    old = f"?X-Amz-Signature={CANARY}&X-Amz-Date=20200101T000000Z&X-Amz-Expires=60"
    write_fresh(locked, query=old)
    locked.server.log.clear()
    run = fetch(locked, "--list", "fresh.txt")
    assert run.code == 4
    assert "the signature of" in run.err and "has expired" in run.err
    assert CANARY not in run.err
    assert locked.server.log == []


@pytest.mark.parametrize("fails", [False, True])
def test_no_log_and_no_message_of_a_fetch_holds_the_credentials(
    locked: Project, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, fails: bool
) -> None:
    require_login(locked, monkeypatch)
    write_fresh(locked, user=f"user:{CANARY}@", query=f"?token={CANARY}")
    if fails:
        locked.server.always["/files/beta-2.0-py3-none-any.whl"] = Answer(status=500)
        file = locked.server.projects["alpha"][0]
        locked.server.projects["alpha"] = [replace(file, content=b"other")]
    with caplog.at_level(logging.DEBUG):
        run = fetch(locked, "--list", "fresh.txt", "--json")
    assert (run.code != 0) == fails
    encoded = b64encode(f"user:{CANARY}".encode()).decode()
    for text in (caplog.text, run.out, run.err):
        assert CANARY not in text
        assert encoded not in text
    written = [path for path in locked.folder.rglob("*") if path.is_file() and path.name != "fresh.txt"]
    assert [path for path in written if _holds(path, CANARY) or _holds(path, encoded)] == []


@pytest.mark.parametrize("verb", ["fetch", "hydrate", "export"])
def test_url_in_the_wrong_place_is_shown_without_its_secret(locked: Project, verb: str) -> None:
    run = run_verb(locked, verb, "pylock.toml", f"https://user:{CANARY}@files.example/?token={CANARY}")
    assert run.code == 2
    assert CANARY not in run.out + run.err


def test_old_spelling_writes_the_same_file(locked: Project) -> None:
    write_fresh(locked, user=f"me:{CANARY}@")
    assert hydrate(locked, "--list", "fresh.txt")[0] == 0
    run = run_verb(locked, "hydrate", "-o", "pylock.old.toml", "--list", "fresh.txt", "pylock.toml")
    assert run.code == 0, run.err
    assert (locked.folder / "pylock.old.toml").read_bytes() == (locked.folder / "pylock.build.toml").read_bytes()
