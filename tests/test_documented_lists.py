"""The lists that the platform's documentation shows, each against local stand-ins for its hosts.

Source of the lists: the platform's documentation on requirements, private packages and secrets. `INDEX` is the default
index, `FILES` a host of files, `REPOS` a host of repositories.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import resolver
from resolver.settings.settings import Settings
from resolver.targets.target import Target
from tests.command import Project, Run
from tests.distributions import make_wheel
from tests.git_server import GitServer, Repository, make_repository
from tests.servers import Answer, IndexServer, ServedFile, wheel

WHEEL = "mypackage-1.0.0-cp311-cp311-linux_x86_64.whl"
TOKEN = "YOUR-T0KEN"
PROJECT = '[project]\nname = "{name}"\nversion = "1.0.0"\ndependencies = []\n'


@dataclass(kw_only=True)
class Hosts:
    """The default index, an index of PyTorch's, one of a company, and a host of repositories."""

    project: Project
    pytorch: IndexServer
    company: IndexServer
    git: GitServer
    repository: Repository

    def lock(self, items: list[object], *argv: str, **variables: str) -> Run:
        """What `lock` makes of the list, which stands in an app."""
        text = json.dumps(items)
        for name, place in (
            ("INDEX", self.project.server.index_url),
            ("FILES", f"{self.project.server.base_url}/files"),
            ("PYTORCH", self.pytorch.index_url.rstrip("/")),
            ("COMPANY", self.company.index_url.rstrip("/")),
            ("REPOS", self.git.base_url.removeprefix("http://")),
        ):
            text = text.replace(name, place)
        self.project.write("app.py", f'class Paint(App):\n    machine_type = "GPU-A100"\n    requirements = {text}\n')
        for name, value in variables.items():
            self.project.monkeypatch.setenv(name, value)
        return self.project.lock("app.py", *argv)

    def pins(self) -> dict[str, str]:
        return self.project.pins("pylock.app.toml")


@pytest.fixture
def hosts(project: Project, tmp_path: Path) -> Iterator[Hosts]:
    index = project.server
    for name, version in (("transformers", "4.0"), ("diffusers", "0.3"), ("accelerate", "1.0"), ("setuptools", "80.0")):
        index.add(name, wheel(name, version))
    index.add("torch", wheel("torch", "2.4.0"), wheel("torch", "2.5.0"))
    index.add("wheel", wheel("wheel", "0.45"))
    index.add("numpy", wheel("numpy", "1.24.0"), wheel("numpy", "2.0.0"))
    content = make_wheel("mypackage", "1.0.0", tags="cp311-cp311-linux_x86_64")
    index.add("files-only", ServedFile(filename=WHEEL, content=content))
    project.write("pyproject.toml", f'[tool.pinfold]\nindex-url = "{index.index_url}"\n')
    repository = make_repository(tmp_path / "git" / "private-repo")
    repository.commit({"pyproject.toml": PROJECT.format(name="private-repo")})
    repository.tag("v1.0.0")
    with IndexServer({}) as pytorch, IndexServer({}) as company, GitServer(tmp_path / "git") as git:
        pytorch.add("torch", wheel("torch", "2.5.0+cu124"))
        company.add("your-internal-package", wheel("your-internal-package", "1.0.0"))
        company.add("your-private-package", wheel("your-private-package", "1.0.0"))
        git.token = TOKEN
        yield Hosts(project=project, pytorch=pytorch, company=company, git=git, repository=repository)


def test_pinned_and_unpinned_names(hosts: Hosts) -> None:
    assert hosts.lock(["torch==2.4.0", "transformers", "diffusers", "accelerate"]).code == 0
    assert hosts.pins() == {"accelerate": "1.0", "diffusers": "0.3", "torch": "2.4.0", "transformers": "4.0"}


@pytest.mark.parametrize("item", [f"FILES/{WHEEL}", f"mypackage@FILES/{WHEEL}"])
def test_wheel_by_url(hosts: Hosts, item: str) -> None:
    run = hosts.lock([item])

    assert run.code == 0, run.err
    assert hosts.pins() == {"mypackage": "1.0.0"}


def test_index_of_pytorch_behind_the_requirement_that_it_is_for(hosts: Hosts) -> None:
    assert hosts.lock(["torch==2.5.0", "--extra-index-url", "PYTORCH"]).code == 0
    assert hosts.pins() == {"torch": "2.5.0+cu124"}


def test_folder_of_a_release_as_find_links_says_where_the_listing_is(hosts: Hosts) -> None:
    run = hosts.lock(["mypackage", "--find-links", "https://github.com/your-org/releases/download/v1.0.0/"])

    assert run.code == 2
    assert "app.py:3" in run.err
    assert "releases/expanded_assets/v1.0.0" in run.err


def test_two_extra_indexes(hosts: Hosts) -> None:
    items: list[object] = ["--extra-index-url", "PYTORCH", "--extra-index-url", "COMPANY"]
    run = hosts.lock([*items, "torch==2.5.0", "your-internal-package==1.0.0"])

    assert run.code == 0, run.err
    assert hosts.pins() == {"torch": "2.5.0+cu124", "your-internal-package": "1.0.0"}


def test_private_repository_without_a_revision_is_locked_with_a_warning(hosts: Hosts) -> None:
    run = hosts.lock([f"git+http://{TOKEN}@REPOS/private-repo.git"])

    assert run.code == 0, run.err
    assert "default branch" in run.err
    (package,) = hosts.project.load("pylock.app.toml").pylock.packages
    assert package.vcs is not None
    assert package.vcs.commit_id == hosts.repository.git("rev-parse", "HEAD")
    assert TOKEN not in hosts.project.read("pylock.app.toml") + run.err


def test_one_repository_at_two_revisions_is_refused_with_both_items(hosts: Hosts) -> None:
    second = hosts.repository.commit({"more.txt": "more"})
    place = f"git+http://{TOKEN}@REPOS/private-repo.git"

    run = hosts.lock([f"{place}@v1.0.0", f"{place}@{second[:9]}"])

    assert run.code in (2, 3)
    assert "private-repo" in run.err
    assert "v1.0.0" in run.err
    assert second[:9] in run.err
    assert TOKEN not in run.err


def test_private_index_with_a_login_in_its_url(hosts: Hosts) -> None:
    place = hosts.company.index_url.replace("http://", "http://username:password@")
    run = hosts.lock(["--extra-index-url", place, "your-private-package==1.0.0"])

    assert run.code == 0, run.err
    assert hosts.pins() == {"your-private-package": "1.0.0"}
    assert "password" not in hosts.project.read("pylock.app.toml")


def test_signed_url_of_a_file_that_is_no_wheel_name_says_what_one_looks_like(hosts: Hosts) -> None:
    query = f"AWSAccessKeyId=AKIA&Signature=c4n4ry&Expires={int(time.time()) + 9999}"

    run = hosts.lock([f"FILES/mypackage-1.0.0.whl?{query}"])

    assert run.code == 2
    assert "app.py:3" in run.err
    assert "mypackage-1.0.0-py3-none-any.whl" in run.err
    assert "c4n4ry" not in run.err


def test_item_that_a_function_works_out(hosts: Hosts) -> None:
    place = f"{hosts.project.server.base_url}/files/{WHEEL}"

    def get_package_wheel(target: Target) -> str:
        assert target.python.short == "3.11"
        return place

    settings = Settings(index_url=hosts.project.server.index_url)
    items: list[str | Callable[[Target], str | None]] = ["torch==2.5.0", get_package_wheel]
    found = resolver.lock(items, python="3.11", settings=settings)

    assert {package.name for package in found.lockfile.pylock.packages} == {"torch", "mypackage"}


def test_token_of_a_repository_in_a_variable(hosts: Hosts) -> None:
    hosts.project.monkeypatch.setenv("PINFOLD_ALLOW_VARIABLE", f"GITHUB_TOKEN={hosts.git.authority}")
    run = hosts.lock(["git+http://${GITHUB_TOKEN}@REPOS/private-repo"], GITHUB_TOKEN=TOKEN)

    assert run.code == 0, run.err
    assert "${GITHUB_TOKEN}@" in hosts.project.read("pylock.app.toml")
    assert TOKEN not in hosts.project.read("pylock.app.toml") + run.err


def test_folder_with_an_extra_beside_the_app(hosts: Hosts) -> None:
    pyproject = hosts.project.folder / "pyproject.toml"
    extra = '[project.optional-dependencies]\nextra = ["transformers"]\n'
    pyproject.write_text(f"{PROJECT.format(name='here')}{extra}{pyproject.read_text()}", encoding="utf-8")

    run = hosts.lock(["torch==2.4.0", ".[extra]"])

    assert run.code == 0, run.err
    assert {package.name for package in hosts.project.load("pylock.app.toml").pylock.packages} == {
        "here",
        "torch",
        "transformers",
    }


def test_folders_below_the_app(hosts: Hosts) -> None:
    extra = '[project.optional-dependencies]\nextra = ["accelerate"]\n'
    hosts.project.write("projects/foo/pyproject.toml", PROJECT.format(name="foo") + extra)
    hosts.project.write("projects/bar/pyproject.toml", PROJECT.format(name="bar"))

    run = hosts.lock(["projects/foo[extra]", "projects/bar"])

    assert run.code == 0, run.err
    assert {package.name for package in hosts.project.load("pylock.app.toml").pylock.packages} == {
        "accelerate",
        "bar",
        "foo",
    }


def test_layers(hosts: Hosts) -> None:
    assert hosts.lock([["setuptools", "wheel"], ["numpy==1.24.0"]]).code == 0
    tool = hosts.project.load("pylock.app.toml").tool
    assert tool is not None
    assert tool.layers == (("setuptools", "wheel"), ("numpy",))


def test_host_that_does_not_answer_is_named(hosts: Hosts) -> None:
    hosts.company.always["/simple/your-private-package/"] = Answer(status=401)

    run = hosts.lock(["--extra-index-url", "COMPANY", "your-private-package==1.0.0"])

    assert run.code == 4
    assert "127.0.0.1" in run.err
