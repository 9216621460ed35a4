"""Sdists and source archives that a list names by URL or by path, end to end."""

from __future__ import annotations

import hashlib
import io
import zipfile

import pytest

from tests.command import Project
from tests.foreign_words import find_words
from tests.servers import Answer, sdist, wheel

S = sdist("s", "1.0", ["b>=1"])
BUILD = b'[build-system]\nrequires = []\nbuild-backend = "backend"\n'
SHA256 = hashlib.sha256(S.content).hexdigest()


@pytest.fixture(autouse=True)
def index(project: Project) -> None:
    project.server.add("s", S)
    project.server.add("b", wheel("b", "1.0"))


def test_sdist_by_url_is_locked_as_an_sdist_after_one_download(project: Project) -> None:
    project.write_list(project.server.file_url(S.filename))

    run = project.lock("requirements.txt")

    assert (run.code, run.err) == (
        0,
        "requirements.txt → pylock.toml: 2 pins in 0.00 s\n"
        "  target: CPython 3.11 on manylinux_2_35_x86_64 (Python from `--python`)\n"
        "  from: 1 × a direct reference, 1 × https://index.example/simple/\n"
        "  download: 0.0 kB\n"
        "  the image must build 1 package:\n    s 1.0 from its sdist\n",
    )
    assert (
        'name = "s"\nversion = "1.0"\ndependencies = [\n    { name = "b" },\n]\n\n'
        f'[packages.sdist]\nname = "{S.filename}"\nurl = "https://index.example/files/{S.filename}"\n'
        f'size = {len(S.content)}\n\n[packages.sdist.hashes]\nsha256 = "{SHA256}"\n'
    ) in project.read()
    assert [request.method for request in project.server.log if request.path.startswith("/files/s")] == ["GET"]


def test_archive_whose_name_says_no_project_is_locked_as_an_archive(project: Project) -> None:
    project.server.always["/archive/main.tar.gz"] = Answer(body=S.content)
    project.write_list(f"{project.server.base_url}/archive/main.tar.gz")

    run = project.lock("requirements.txt")

    assert run.code == 0, run.err
    text = project.read()
    assert (
        'name = "s"\nversion = "1.0"\ndependencies = [\n    { name = "b" },\n]\n\n'
        f'[packages.archive]\nurl = "https://index.example/archive/main.tar.gz"\nsize = {len(S.content)}\n\n'
        f'[packages.archive.hashes]\nsha256 = "{SHA256}"\n'
    ) in text
    assert 's = [\n    "layer 0: https://index.example/archive/main.tar.gz",\n]\n' in text


def test_archive_that_was_replaced_is_5(project: Project) -> None:
    project.server.always["/archive/main.tar.gz"] = Answer(body=S.content)
    project.write_list(f"{project.server.base_url}/archive/main.tar.gz")
    assert project.lock("requirements.txt").code == 0
    other = sdist("s", "1.0", ["b"]).content
    project.server.always["/archive/main.tar.gz"] = Answer(body=other)

    run = project.lock("requirements.txt")

    assert (run.code, run.err) == (
        5,
        "error: `main.tar.gz` is not the file that was locked: `https://index.example/archive/main.tar.gz`"
        " now has another one of this name\n"
        f"  locked: sha256 {SHA256}\n  found:  sha256 {hashlib.sha256(other).hexdigest()}\n"
        "  try: find out why it was replaced; `--upgrade-package s` accepts the new file\n",
    )


def test_sdist_with_another_hash_than_its_url_says_is_5(project: Project) -> None:
    project.write_list(f"{project.server.file_url(S.filename)}#sha256={'0' * 64}")

    run = project.lock("requirements.txt")

    assert (run.code, run.err) == (
        5,
        f"error: requirements.txt:2: `{S.filename}` is not the file that the list promises\n"
        f"  expected sha256:{'0' * 64}\n  found    sha256:{SHA256}\n",
    )


def test_sdist_of_another_project_than_the_list_says_is_3(project: Project) -> None:
    project.write_list(f"other @ {project.server.file_url(S.filename)}")

    run = project.lock("requirements.txt")

    assert (run.code, run.err) == (
        3,
        f"error: requirements.txt:2: `other @ https://index.example/files/{S.filename}` is `s`, not `other`\n"
        "  because that is the name in its metadata\n  try: write `s` in place of `other`\n",
    )


def test_sdist_on_disk_is_locked_by_path(project: Project) -> None:
    (project.folder / S.filename).write_bytes(S.content)
    project.write_list(f"./{S.filename}")

    run = project.lock("requirements.txt")

    assert run.code == 0, run.err
    assert (
        f'[packages.sdist]\nname = "{S.filename}"\npath = "{S.filename}"\nsize = {len(S.content)}\n' in project.read()
    )


def test_sdist_that_only_a_build_can_tell_of_is_built(project: Project) -> None:
    dynamic = sdist("d", "1.0", ["b"], static=False)
    project.server.add("d", dynamic)
    project.write_list(project.server.file_url(dynamic.filename))

    run = project.lock("requirements.txt", "--build-anyway")

    assert run.code == 0, run.err
    assert project.pins() == {"b": "1.0", "d": "1.0"}
    assert 'built = [\n    "d",\n]\n' in project.read()


def test_sdist_that_would_have_to_be_built_is_3_under_no_build(project: Project) -> None:
    dynamic = sdist("d", "1.0", ["b"], static=False)
    project.server.add("d", dynamic)
    project.write_list(project.server.file_url(dynamic.filename))

    run = project.lock("requirements.txt", "--no-build")

    assert run.code == 3
    assert run.err.startswith(
        f"error: requirements.txt:2: only a build can tell what `{dynamic.filename}` needs, and it was not built\n"
        "  because `--no-build` forbids it\n"
    )


def test_subdirectory_of_an_archive_is_read_and_locked(project: Project) -> None:
    inner = sdist("s", "1.0", files={"sub/pyproject.toml": b'[project]\nname = "inner"\nversion = "2.0"\n' + BUILD})
    project.server.always["/archive/main.tar.gz"] = Answer(body=inner.content)
    project.write_list(f"{project.server.base_url}/archive/main.tar.gz#subdirectory=sub")

    run = project.lock("requirements.txt")

    assert run.code == 0, run.err
    assert project.pins() == {"inner": "2.0"}
    assert 'subdirectory = "sub"\n' in project.read()


def test_file_that_is_no_archive_is_3(project: Project) -> None:
    project.server.always["/archive/main.zip"] = Answer(body=b"<html>not found</html>")
    project.write_list(f"{project.server.base_url}/archive/main.zip")

    run = project.lock("requirements.txt")

    reason = find_words(lambda: zipfile.ZipFile(io.BytesIO(b"<html>")))
    assert (run.code, run.err) == (
        3,
        "error: requirements.txt:2: `https://index.example/archive/main.zip` cannot be used\n"
        f"  because `main.zip` cannot be unpacked: {reason}\n",
    )


def test_dependency_metadata_of_the_user_takes_the_place_of_a_build(project: Project) -> None:
    dynamic = sdist("d", "1.0", static=False)
    project.server.add("d", dynamic)
    project.write("pyproject.toml", '[[tool.pinfold.dependency-metadata]]\nname = "d"\nrequires-dist = ["b"]\n')
    project.write_list(project.server.file_url(dynamic.filename))

    run = project.lock("requirements.txt", "--no-build")

    assert run.code == 0, run.err
    assert project.pins() == {"b": "1.0", "d": "1.0"}


def test_sdist_with_its_hash_in_the_url_is_downloaded_in_one_run_only(project: Project) -> None:
    project.write_list(f"{project.server.file_url(S.filename)}#sha256={SHA256}")
    assert project.lock("requirements.txt").code == 0
    before = project.read()
    project.server.log.clear()

    assert project.lock("requirements.txt", "-U").code == 0
    assert project.server.paths("/files/s") == []
    assert project.read() == before


def test_sdist_of_an_old_lock_is_locked_again_offline(project: Project) -> None:
    project.write_list(project.server.file_url(S.filename))
    assert project.lock("requirements.txt").code == 0
    before = project.read()
    project.server.log.clear()

    run = project.lock("requirements.txt", "--offline")

    assert run.code == 0, run.err
    assert (project.server.log, project.read()) == ([], before)
