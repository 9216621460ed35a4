"""Real files of the default index: direct references to them, and sdists that are not built to be read."""

from __future__ import annotations

import json
import urllib.request

import pytest

from resolver.fetch.projects.pages import default_index_url
from tests.command import Project

pytestmark = pytest.mark.network


def find_file(name: str, version: str, suffix: str) -> tuple[str, str]:
    """URL and SHA-256 of a file as the project's page has them."""
    request = urllib.request.Request(
        f"{default_index_url().public}{name}/", headers={"Accept": "application/vnd.pypi.simple.v1+json"}
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        files = json.load(response)["files"]
    file = next(one for one in files if f"-{version}" in one["filename"] and one["filename"].endswith(suffix))
    return file["url"], file["hashes"]["sha256"]


@pytest.mark.parametrize(("suffix", "kind"), [(".whl", "wheels"), (".tar.gz", "sdist")])
def test_file_of_the_default_index_by_url_has_the_hash_of_its_page(project: Project, suffix: str, kind: str) -> None:
    url, sha256 = find_file("idna", "3.10", suffix)
    project.write("requirements.txt", f"{url}\n")

    run = project.lock("requirements.txt")

    assert run.code == 0, run.err
    (package,) = project.load().pylock.packages
    assert (package.name, str(package.version)) == ("idna", "3.10")
    assert [file.hashes["sha256"] for _, file in project.load().iter_files()] == [sha256]
    assert getattr(package, kind)


def test_large_wheel_by_url_with_its_hash_is_locked_without_a_download(project: Project) -> None:
    url, sha256 = find_file("numpy", "2.1.0-cp311", "manylinux_2_17_x86_64.manylinux2014_x86_64.whl")
    project.write("requirements.txt", f"numpy @ {url}#sha256={sha256}\n")

    run = project.lock("requirements.txt", "--no-download")

    assert run.code == 0, run.err
    assert project.pins() == {"numpy": "2.1.0"}


@pytest.mark.parametrize(
    ("text", "unverified"),
    [
        ("moviepy<2", "moviepy"),
        ("kfp", "kfp-server-api"),
        ("TTS", "jieba"),
        ("awscli<1.17", "pyyaml"),
        ("docopt", "docopt"),
        ("sklearn-crfsuite", ""),
        ("openai-whisper==20231117", "openai-whisper"),
    ],
)
def test_an_sdist_locks_for_a_python_that_is_not_here(project: Project, text: str, unverified: str) -> None:
    project.write("requirements.txt", f"{text}\n")

    run = project.lock("requirements.txt", "--python", "3.10")

    assert run.code == 0, run.err
    tool = project.load().tool
    assert tool is not None
    assert not tool.built
    assert not unverified or unverified in tool.unverified
