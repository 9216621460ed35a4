"""One cache folder and several sets of credentials: what one has fetched, no other sees, online or offline."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.canary.hosts import Host, has_login, has_path, has_query
from tests.command import Project, Run
from tests.git_server import GitServer, make_repository
from tests.loopback import Answer, Request
from tests.private.leaks import find_leaks
from tests.servers import JSON_TYPE, sdist, wheel

SECRET, OTHER = "canary-Qx7-first", "canary-Qx7-second"
FILES = {
    "acme": [wheel("acme", "1.7.3", ["acme-hidden>=1"])],
    "acme-hidden": [wheel("acme_hidden", "2.9"), sdist("acme_hidden", "3.0", static=True)],
}
SIGNED = "X-Amz-Credential={key}%2F20990101%2Fx%2Fs3%2Faws4_request&X-Amz-Signature={value}&X-Amz-Expires=60"


class FreshHost(Host):
    """A host whose pages are fresh for an hour, so that a run with the same credentials sends no request for them."""

    cache_control = "max-age=3600"

    def respond(self, request: Request) -> Answer:
        answer = super().respond(request)
        headers = {**answer.headers, "Cache-Control": self.cache_control, "Vary": "Authorization"}
        return Answer(status=answer.status, headers=headers, body=answer.body)

    def _find_page(self, place: str, name: str) -> tuple[int, dict[str, str], bytes]:
        """A page with sizes, so that no later run needs a request for a file."""
        if name not in self.projects:
            return 404, {}, b""
        files = [
            {
                "filename": file.filename,
                "url": f"{place}/files/{file.filename}",
                "hashes": {"sha256": file.listed_sha256},
                "size": len(file.content),
            }
            for file in self.projects[name]
        ]
        page = {"meta": {"api-version": "1.1"}, "name": name, "versions": [], "files": files}
        return 200, {"Content-Type": JSON_TYPE, "ETag": '"1"'}, json.dumps(page).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A form of credentials: what the host wants, and the list of who has the value of it (None: nobody's list)."""

    name: str
    allow: Callable[[Request], bool]
    lines: Callable[[Host, str | None], list[str]]


def _index(user_information: str, host: Host, path: str = "/simple/") -> list[str]:
    return [f"--index-url http://{user_information}{host.authority}{path}", "acme"]


FORMS = (
    Form(
        name="user and password",
        allow=has_login(lambda: ("deploy", SECRET)),
        lines=lambda host, value: _index("" if value is None else f"deploy:{value}@", host),
    ),
    Form(
        name="variable in a password",
        allow=has_login(lambda: ("deploy", SECRET)),
        lines=lambda host, value: _index("" if value is None else "deploy:${REPO_TOKEN}@", host),
    ),
    Form(
        name="variable in a path",
        allow=has_path(lambda: f"/{SECRET}/"),
        lines=lambda host, value: _index("", host, "/simple/" if value is None else "/${REPO_TOKEN}/simple/"),
    ),
    Form(
        name="find-links page",
        allow=has_login(lambda: ("deploy", SECRET)),
        lines=lambda host, value: [
            "--no-index",
            f"--find-links http://{'' if value is None else f'deploy:{value}@'}{host.authority}/links/",
            "acme",
        ],
    ),
    Form(
        name="signed URL",
        allow=has_query(lambda: ("X-Amz-Signature", SECRET)),
        lines=lambda host, value: [
            "--no-index",
            f"acme @ http://{host.authority}/files/{FILES['acme'][0].filename}"
            + ("" if value is None else f"?{SIGNED.format(key=f'AKIA{value}', value=value)}"),
        ],
    ),
)


@pytest.fixture(params=FORMS, ids=lambda form: form.name)
def form(request: pytest.FixtureRequest) -> Form:
    found: Form = request.param
    return found


@pytest.fixture
def host(form: Form) -> Iterator[FreshHost]:
    files = FILES if form.name != "signed URL" else {"acme": [wheel("acme", "1.7.3")]}
    with FreshHost(files, allow=form.allow) as host:
        yield host


def lock(project: Project, form: Form, host: Host, value: str | None, *words: str, old: str = "") -> Run:
    """Lock the list of someone who has this value; `old` is the text of his old lock, empty for none."""
    if value is None:
        project.monkeypatch.delenv("REPO_TOKEN", raising=False)
    else:
        project.monkeypatch.setenv("REPO_TOKEN", value)
    project.write("requirements.txt", "\n".join(form.lines(host, value)))
    lockfile = project.folder / "pylock.toml"
    lockfile.unlink(missing_ok=True)
    if old:
        lockfile.write_text(old, encoding="utf-8")
    return project.lock("requirements.txt", "--allow-variable", f"REPO_TOKEN={host.authority}", *words)


@pytest.mark.parametrize("words", [(), ("--offline",)], ids=["online", "offline"])
@pytest.mark.parametrize("value", [None, OTHER], ids=["without", "other"])
def test_other_credentials_see_nothing(
    project: Project, form: Form, host: FreshHost, value: str | None, words: tuple[str, ...]
) -> None:
    assert lock(project, form, host, SECRET).code == 0

    run = lock(project, form, host, value, *words)

    assert run.code == 4, run.err
    # The list itself has the name of `acme`, and of the file that it names.
    for text in ("acme-hidden", "2.9", *(() if form.name == "signed URL" else ("1.7.3",))):
        assert text not in run.out + run.err
    assert not (project.folder / "pylock.toml").exists()


def test_same_credentials_are_served_offline(project: Project, form: Form, host: FreshHost) -> None:
    assert lock(project, form, host, SECRET).code == 0
    before = (project.folder / "pylock.toml").read_text("utf-8")
    host.log.clear()

    run = lock(project, form, host, SECRET, "--offline", old=before)

    # A find-links page tells no size: the page was found, and the file is not kept.
    assert run.code == (4 if form.name == "find-links page" else 0), run.err
    assert "the page is not in the cache" not in run.err
    assert (project.folder / "pylock.toml").read_text("utf-8") == before
    assert host.log == []


def test_nothing_of_the_secret_is_in_the_cache(project: Project, form: Form, host: FreshHost) -> None:
    assert lock(project, form, host, SECRET).code == 0
    assert find_leaks([project.cache], [SECRET]) == []
    salt = project.cache / "credential-salt"
    if salt.exists():
        assert salt.stat().st_mode & 0o777 == 0o600
        assert len(salt.read_bytes()) == 32


@pytest.mark.parametrize("words", [(), ("--offline",)], ids=["online", "offline"])
def test_page_for_everybody_is_not_shown_in_place_of_the_one_for_a_login(
    project: Project, words: tuple[str, ...]
) -> None:
    form = FORMS[0]
    with FreshHost({"acme": [wheel("acme", "1.0")]}, allow=lambda request: True) as host:
        assert lock(project, form, host, None).code == 0
        before = (project.folder / "pylock.toml").read_text("utf-8")
        host.projects["acme"] = [wheel("acme", "2.0")]

        run = lock(project, form, host, SECRET, *words)

        assert run.code == (4 if words else 0)
        if not words:
            assert project.pins() == {"acme": "2.0"}
        assert lock(project, form, host, None, *words, old=before).code == 0
        assert project.pins() == {"acme": "1.0"}


@pytest.mark.parametrize("value", ["", OTHER], ids=["without", "other"])
def test_commits_of_a_repository_are_those_of_the_login_that_fetched_them(
    project: Project, tmp_path: Path, value: str
) -> None:
    made = make_repository(tmp_path / "repositories" / "demo")
    made.commit(
        {
            "pyproject.toml": '[project]\nname = "demo"\nversion = "0.1"\n'
            '[build-system]\nrequires = []\nbuild-backend = "backend"\n'
        }
    )
    commit_id = made.git("rev-parse", "HEAD")
    with GitServer(made.folder.parent) as server:
        server.token = SECRET

        def write(token: str) -> None:
            project.write_list(f"demo @ git+{server.url('demo', login=f'x:{token}' if token else '')}@{commit_id}")
            (project.folder / "pylock.toml").unlink(missing_ok=True)

        write(SECRET)
        assert project.lock("requirements.txt").code == 0
        write(value)
        assert project.lock("requirements.txt", "--offline").code == 4
        assert project.lock("requirements.txt").code == 4
        write(SECRET)
        assert project.lock("requirements.txt", "--offline").code == 0
    assert find_leaks([project.cache], [SECRET]) == []
