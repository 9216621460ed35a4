"""Wheels that a list names by URL or by path, end to end."""

from __future__ import annotations

import hashlib
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.command import Project
from tests.distributions import make_wheel, wheel_filename
from tests.servers import Answer, ServedFile, wheel

A = wheel("a", "1.0", ["b>=1"])
SHA256 = hashlib.sha256(A.content).hexdigest()
LARGE = wheel("large", "1.0")
LARGE = ServedFile(
    filename=LARGE.filename,
    content=make_wheel("large", "1.0", files={"noise.bin": hashlib.shake_128(b"noise").digest(100_000)}),
)


@pytest.fixture(autouse=True)
def served(project: Project) -> None:
    project.server.add("a", A, wheel("a", "2.0"))
    project.server.add("b", wheel("b", "1.0"))
    project.server.add("large", LARGE)


def requests_of(project: Project) -> list[tuple[str, str, str | None]]:
    """Method, path and range of every request for a file itself."""
    return [
        (request.method, request.path, request.headers.get("range"))
        for request in project.server.log
        if request.path.startswith("/files/") and not request.path.endswith(".metadata")
    ]


def test_wheel_by_url_is_locked_as_a_wheel_with_its_dependencies(project: Project) -> None:
    project.write_list(f"a @ {project.server.file_url(A.filename)}")

    run = project.lock("requirements.txt")

    assert (run.code, run.err) == (
        0,
        "requirements.txt → pylock.toml: 2 pins in 0.00 s\n"
        "  target: CPython 3.11 on manylinux_2_35_x86_64 (Python from `--python`)\n"
        "  from: 1 × a direct reference, 1 × https://index.example/simple/\n"
        "  download: 0.0 kB\n",
    )
    text = project.read()
    assert (
        '[[packages]]\nname = "a"\nversion = "1.0"\ndependencies = [\n    { name = "b" },\n]\n\n'
        '[[packages.wheels]]\nname = "a-1.0-py3-none-any.whl"\n'
        f'url = "https://index.example/files/{A.filename}"\nsize = {len(A.content)}\n\n'
        f'[packages.wheels.hashes]\nsha256 = "{SHA256}"\n'
    ) in text
    assert (
        '[tool.pinfold.requested-by]\na = [\n    "layer 0: a @ https://index.example/files/a-1.0-py3-none-any.whl",\n]\n'
    ) in text


def test_small_wheel_by_url_is_asked_for_once(project: Project) -> None:
    project.write_list(project.server.file_url(A.filename))

    assert project.lock("requirements.txt").code == 0
    assert requests_of(project) == [("GET", f"/files/{A.filename}", "bytes=-32768")]


def test_large_wheel_by_url_is_streamed_once_after_its_metadata_was_read_by_a_range(project: Project) -> None:
    project.write_list(project.server.file_url(LARGE.filename))

    run = project.lock("requirements.txt")

    assert run.err.startswith(f"reading `{LARGE.filename}` (0.1 MB) for its SHA-256, which the list does not give\n")
    assert requests_of(project) == [
        ("GET", f"/files/{LARGE.filename}", "bytes=-32768"),
        ("GET", f"/files/{LARGE.filename}", None),
    ]
    assert [file.hashes["sha256"] for _, file in project.load().iter_files()] == [
        hashlib.sha256(LARGE.content).hexdigest()
    ]


def test_large_wheel_with_its_hash_in_the_url_is_not_downloaded(project: Project) -> None:
    sha256 = hashlib.sha256(LARGE.content).hexdigest()
    project.write_list(f"{project.server.file_url(LARGE.filename)}#sha256={sha256}")

    run = project.lock("requirements.txt", "--no-download")

    assert run.code == 0, run.err
    assert requests_of(project) == [("GET", f"/files/{LARGE.filename}", "bytes=-32768")]


def test_large_wheel_that_the_old_lock_knows_is_not_downloaded_again(project: Project) -> None:
    project.write_list(project.server.file_url(LARGE.filename))
    assert project.lock("requirements.txt").code == 0
    before = project.read()
    project.server.log.clear()
    project.write_list(project.server.file_url(LARGE.filename), "b")

    assert project.lock("requirements.txt", "--no-download").code == 0
    assert requests_of(project) == [("GET", f"/files/{LARGE.filename}", "bytes=-32768")]
    assert before.split("[tool.pinfold]")[0].split("[[packages]]")[1] in project.read()


def test_missing_hash_is_an_error_under_no_download(project: Project) -> None:
    url = project.server.file_url(LARGE.filename)
    project.write_list(url)

    run = project.lock("requirements.txt", "--no-download")

    assert (run.code, run.err) == (
        4,
        f"error: the SHA-256 of `{LARGE.filename}` can be had only by downloading it: {project.fix(url)}\n"
        "  because the list gives none, and `--no-download` forbids that\n"
        "  try: write `#sha256=…` behind its URL\n",
    )


def test_wheel_with_another_hash_than_its_url_says_is_5(project: Project) -> None:
    project.write_list(f"{project.server.file_url(A.filename)}#sha256={'0' * 64}")

    run = project.lock("requirements.txt")

    assert (run.code, run.err) == (
        5,
        f"error: requirements.txt:2: `{A.filename}` is not the file that the list promises\n"
        f"  expected sha256:{'0' * 64}\n  found    sha256:{SHA256}\n",
    )


def test_hash_of_another_algorithm_is_compared_when_the_wheel_is_read(project: Project) -> None:
    project.write_list(f"{project.server.file_url(LARGE.filename)}#md5={'0' * 32}")

    run = project.lock("requirements.txt", "--quiet")

    found = hashlib.md5(LARGE.content, usedforsecurity=False).hexdigest()
    assert (run.code, run.err) == (
        5,
        f"error: `{LARGE.filename}` is not the file that the list promises\n"
        f"  expected md5:{'0' * 32}\n  found    md5:{found}\n",
    )


def test_url_that_now_has_another_file_is_5_until_its_name_is_upgraded(project: Project) -> None:
    project.write_list(project.server.file_url(A.filename))
    url = f"https://index.example/files/{A.filename}"
    assert project.lock("requirements.txt").code == 0
    other = wheel("a", "1.0", ["b>=1"], extras=["more"])
    project.server.projects["a"][0] = other

    run = project.lock("requirements.txt")

    other_sha256 = hashlib.sha256(other.content).hexdigest()
    assert (run.code, run.err) == (
        5,
        f"error: `{A.filename}` is not the file that was locked: `{url}` now has another one of this name\n"
        f"  locked: sha256 {SHA256}\n  found:  sha256 {other_sha256}\n"
        "  try: find out why it was replaced; `--upgrade-package a` accepts the new file\n",
    )
    assert project.lock("requirements.txt", "-P", "a").code == 0
    assert next(file.hashes["sha256"] for _, file in project.load().iter_files()) == other_sha256


def test_replaced_wheel_of_the_same_size_is_read_again_by_an_upgrade(project: Project) -> None:
    project.write_list(project.server.file_url(LARGE.filename))
    assert project.lock("requirements.txt").code == 0
    noise = hashlib.shake_128(b"noise").digest(100)
    other = ServedFile(filename=LARGE.filename, content=LARGE.content.replace(noise, bytes(100)))
    assert other.content != LARGE.content
    project.server.projects["large"] = [other]

    assert project.lock("requirements.txt", "-P", "large").code == 0
    assert [file.hashes["sha256"] for _, file in project.load().iter_files()] == [
        hashlib.sha256(other.content).hexdigest()
    ]


def test_wheel_whose_host_gives_no_ranges_is_downloaded_once(project: Project) -> None:
    project.server.ranges = "refused"
    project.write_list(project.server.file_url(LARGE.filename))

    run = project.lock("requirements.txt")

    assert run.code == 0, run.err
    gets = [request for request in requests_of(project) if request[0] == "GET" and request[2] is None]
    assert gets == [("GET", f"/files/{LARGE.filename}", None)]
    assert run.err.startswith(
        f"reading `{LARGE.filename}` (of unknown size) for its metadata, since its host gives no part of it\n"
    )


def test_wheel_that_is_not_there_is_4_with_its_position(project: Project) -> None:
    project.write_list("b", project.server.file_url("a-3.0-py3-none-any.whl"))

    run = project.lock("requirements.txt")

    url = "https://index.example/files/a-3.0-py3-none-any.whl"
    assert (run.code, run.err) == (4, f"error: requirements.txt:3: `a @ {url}`: status 404 for {url}\n")


def test_wheel_whose_metadata_is_of_another_version_is_3(project: Project) -> None:
    filename = wheel_filename("a", "1.1")
    project.server.add("a", ServedFile(filename=filename, content=A.content.replace(b"a-1.0", b"a-1.1")))
    url = project.server.file_url(filename)
    project.write_list(url)

    run = project.lock("requirements.txt")

    assert (run.code, run.err) == (
        3,
        f"error: requirements.txt:2: the metadata of `{filename}` is that of `a` 1.0: {project.fix(url)}\n",
    )


def test_direct_reference_decides_its_project_for_dependencies_too(project: Project) -> None:
    project.server.add("c", wheel("c", "1.0", ["a"]))
    project.write_list("c", project.server.file_url(A.filename))

    assert project.lock("requirements.txt").code == 0
    assert project.pins() == {"a": "1.0", "b": "1.0", "c": "1.0"}
    assert "/simple/a/" not in project.server.paths()


def test_dependency_that_a_direct_reference_does_not_meet_is_explained(project: Project) -> None:
    project.server.add("c", wheel("c", "1.0", ["a>=2"]))
    project.write_list("c", project.server.file_url(A.filename))

    run = project.lock("requirements.txt")

    assert (run.code, run.err) == (
        3,
        "error: no solution for Python 3.11 on manylinux_2_35_x86_64: no version of `a` matches\n"
        "  requirements.txt:2: `c`, `c 1.0` needs `a>=2`\n"
        f"  because requirements.txt:3: `a @ https://index.example/files/{A.filename}` is 1.0,"
        " and a direct reference decides its project\n",
    )


def test_wheel_for_another_python_is_refused_with_the_one_that_fits(project: Project) -> None:
    other = wheel("n", "1.0", tags="cp312-cp312-manylinux_2_28_x86_64")
    project.server.add("n", other, wheel("n", "1.0", tags="cp311-cp311-manylinux_2_28_x86_64"), wheel("n", "2.0"))
    url = project.server.file_url(other.filename)
    project.write_list(url)

    run = project.lock("requirements.txt")

    assert (run.code, run.err) == (
        3,
        f"error: requirements.txt:2: `n @ {project.fix(url)}` cannot be used on Python 3.11 on manylinux_2_35_x86_64\n"
        "  because the wheel is for `cp312-cp312-manylinux_2_28_x86_64`\n"
        "  try: `n==1.0`, of which https://index.example/simple/ has `n-1.0-cp311-cp311-manylinux_2_28_x86_64.whl`\n",
    )
    assert requests_of(project) == []


def test_wheel_for_another_python_is_refused_without_a_hint_where_no_index_has_one(project: Project) -> None:
    project.write_list("--no-index", "https://files.example/n-1.0-cp312-cp312-win_amd64.whl")

    run = project.lock("requirements.txt")

    assert (run.code, run.err) == (
        3,
        "error: requirements.txt:3: `n @ https://files.example/n-1.0-cp312-cp312-win_amd64.whl`"
        " cannot be used on Python 3.11 on manylinux_2_35_x86_64\n  because the wheel is for `cp312-cp312-win_amd64`\n",
    )


def test_wheel_that_wants_another_python_is_3(project: Project) -> None:
    project.server.add("n", wheel("n", "1.0", requires_python=">=3.12"))
    url = project.server.file_url("n-1.0-py3-none-any.whl")
    project.write_list(url)

    run = project.lock("requirements.txt")

    assert (run.code, run.err) == (
        3,
        "error: no solution for Python 3.11 on manylinux_2_35_x86_64: no usable version of `n`\n"
        f"  requirements.txt:2: `n @ {project.fix(url)}`\n"
        f"  because requirements.txt:2: `n @ {project.fix(url)}` is 1.0, and a direct reference decides its project\n"
        "    1.0: needs Python >=3.12\n",
    )


def test_options_about_files_do_not_concern_a_direct_reference(project: Project) -> None:
    project.write_list("--no-binary=a", project.server.file_url("a-2.0-py3-none-any.whl"))

    run = project.lock("requirements.txt", "--exclude-newer", "2001-01-01T00:00:00Z")

    assert run.code == 0, run.err
    assert project.pins() == {"a": "2.0"}


def test_dependencies_of_a_direct_reference_are_left_out_under_no_deps(project: Project) -> None:
    url = project.server.file_url(A.filename)
    project.write("pyproject.toml", f'[tool.pinfold]\nrequirements = ["--index-url=INDEX", "--no-deps", "{url}"]\n')

    assert project.lock().code == 0
    assert project.pins() == {"a": "1.0"}


def test_pre_release_by_url_needs_no_flag(project: Project) -> None:
    project.server.add("p", wheel("p", "2.0rc1"))
    project.server.add("q", wheel("q", "1.0", ["p>=1"]))
    project.write_list("q", project.server.file_url("p-2.0rc1-py3-none-any.whl"))

    assert project.lock("requirements.txt").code == 0
    assert project.pins()["p"] == "2.0rc1"


def test_direct_reference_in_a_constraint_fixes_the_source_without_a_request(project: Project) -> None:
    project.write(
        "c.txt", f"a @ {project.server.file_url(A.filename)}\nlarge @ {project.server.file_url(LARGE.filename)}\n"
    )
    project.server.add("c", wheel("c", "1.0", ["a"]))
    project.write_list("-c c.txt", "c")

    run = project.lock("requirements.txt")

    assert run.code == 0, run.err
    assert project.pins() == {"a": "1.0", "b": "1.0", "c": "1.0"}
    assert requests_of(project) == [("GET", f"/files/{A.filename}", "bytes=-32768")]


def test_override_with_a_direct_reference_takes_the_place_of_the_lists_own(project: Project) -> None:
    project.write("o.txt", f"a @ {project.server.file_url(A.filename)}\n")
    project.write_list(project.server.file_url("a-2.0-py3-none-any.whl"))

    run = project.lock("requirements.txt", "--override", "o.txt")

    assert run.code == 0, run.err
    assert project.pins() == {"a": "1.0", "b": "1.0"}


def test_two_references_to_one_project_that_disagree_are_2_with_both_positions(project: Project) -> None:
    first, second = (project.server.file_url(f"a-{version}-py3-none-any.whl") for version in ("1.0", "2.0"))
    project.write_list(first, f"a @ {second}")

    run = project.lock("requirements.txt")

    assert (run.code, run.err) == (
        2,
        f"error: requirements.txt:3: `a @ {project.fix(second)}` contradicts `a @ {project.fix(first)}`"
        " at requirements.txt:2\n  because no file of the project can be both\n  try: keep one of the two\n",
    )


def test_references_that_differ_only_in_a_hash_that_one_leaves_out_agree(project: Project) -> None:
    url = project.server.file_url(LARGE.filename)
    sha256 = hashlib.sha256(LARGE.content).hexdigest()
    project.write_list(url, f"large[extra] @ {url}#sha256={sha256}")

    run = project.lock("requirements.txt", "--no-download")

    assert run.code == 0, run.err
    assert project.pins() == {"large": "1.0"}


def test_require_hashes_is_met_by_the_hash_in_a_url(project: Project) -> None:
    project.write_list("--require-hashes", f"{project.server.file_url('a-2.0-py3-none-any.whl')}#sha256={a2_sha256()}")

    run = project.lock("requirements.txt")

    assert run.code == 0, run.err


def a2_sha256() -> str:
    return hashlib.sha256(wheel("a", "2.0").content).hexdigest()


def test_require_hashes_asks_for_the_hash_of_a_url(project: Project) -> None:
    url = project.server.file_url("a-2.0-py3-none-any.whl")
    project.write_list("--require-hashes", url)

    run = project.lock("requirements.txt")

    assert (run.code, run.err) == (
        2,
        "error: `--require-hashes` needs a hash for every package, and 1 of them have none\n"
        "  try: add these lines, once you have verified them\n"
        f"    a @ {project.fix(url)} --hash=sha256:{a2_sha256()}\n",
    )


def test_listed_hash_that_is_not_the_files_is_5(project: Project) -> None:
    project.write_list(f"a @ {project.server.file_url(A.filename)} --hash=sha256:{'0' * 64} --hash=sha256:{'1' * 64}")

    run = project.lock("requirements.txt")

    assert (run.code, run.err) == (
        5,
        f"error: `{A.filename}` has none of the hashes that the list gives for `a`\n"
        f"  listed: sha256:{'0' * 64}, sha256:{'1' * 64}\n  found:  sha256:{SHA256}\n"
        "  try: find out which of them is right\n",
    )


def test_wheel_on_disk_is_locked_by_its_path_from_the_lock(project: Project) -> None:
    write_wheel(project, "lists/wheels")
    project.write("lists/requirements.txt", "--index-url INDEX\n./wheels/a-1.0-py3-none-any.whl\n")

    run = project.lock("lists/requirements.txt", "-o", "locks/pylock.toml")

    assert run.code == 0, run.err
    text = project.read("locks/pylock.toml")
    assert f'path = "../lists/wheels/{A.filename}"\nsize = {len(A.content)}\n' in text
    assert '        "a @ ../lists/wheels/a-1.0-py3-none-any.whl",\n' in text
    assert str(project.folder) not in text


def test_path_in_an_included_file_is_relative_to_that_file(project: Project) -> None:
    write_wheel(project, "base/wheels")
    project.write("base/base.txt", "./wheels/a-1.0-py3-none-any.whl\n")
    project.write_list("-r base/base.txt")

    run = project.lock("requirements.txt")

    assert run.code == 0, run.err
    assert '        "a @ ./base/wheels/a-1.0-py3-none-any.whl",\n' in project.read()


def test_file_url_is_locked_by_path(project: Project) -> None:
    path = write_wheel(project, "wheels")
    project.write_list(f"a @ {path.as_uri()}")

    run = project.lock("requirements.txt")

    assert run.code == 0, run.err
    assert f'path = "wheels/{A.filename}"\n' in project.read()


def test_check_sees_that_a_wheel_on_disk_was_built_again(project: Project) -> None:
    path = write_wheel(project, "wheels")
    project.write_list("./wheels/a-1.0-py3-none-any.whl")
    assert project.lock("requirements.txt").code == 0
    assert project.lock("requirements.txt", "--check").code == 0
    path.write_bytes(make_wheel("a", "1.0"))

    changed = project.lock("requirements.txt", "--check")
    path.unlink()
    gone = project.lock("requirements.txt", "--check")

    assert (changed.code, changed.err) == (
        1,
        f"requirements.txt: pylock.toml does not fit\n  a: `wheels/{A.filename}` has changed since it was locked\n"
        "  try: `lock requirements.txt --python 3.11`\n",
    )
    assert gone.code == 1
    assert f"  a: `wheels/{A.filename}` is not there\n" in gone.err


def test_direct_reference_is_asked_for_in_every_run(project: Project) -> None:
    project.write_list(project.server.file_url(A.filename))
    assert project.lock("requirements.txt").code == 0
    project.server.log.clear()
    project.server.always[f"/files/{A.filename}"] = Answer(status=410)

    assert project.lock("requirements.txt").code == 4


def test_reference_in_metadata_is_followed_to_a_public_host(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    url = "http://files.example/child-1.0-py3-none-any.whl"
    project.server.add("parent", wheel("parent", "1.0", [f"child @ {url}"]))
    project.server.always[url] = Answer(body=make_wheel("child", "1.0"))
    # The server is a proxy as well, and answers for that host.
    monkeypatch.setenv("HTTP_PROXY", project.server.base_url)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    project.write_list(project.server.file_url("parent-1.0-py3-none-any.whl"))

    run = project.lock("requirements.txt")

    assert run.code == 0, run.err
    assert project.pins() == {"child": "1.0", "parent": "1.0"}
    assert f'url = "{url}"\n' in project.read()


def test_reference_in_metadata_is_not_followed_to_a_name_of_a_private_address(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_up = socket.getaddrinfo

    def find(host: str, *rest: Any, **options: Any) -> Any:
        return look_up("10.0.0.7" if host == "inside.example" else host, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", find)
    child = "child @ http://inside.example/child-1.0-py3-none-any.whl"
    project.server.add("parent", wheel("parent", "1.0", [child]))
    project.write_list(project.server.file_url("parent-1.0-py3-none-any.whl"))

    run = project.lock("requirements.txt")

    assert (run.code, run.err) == (
        2,
        f"error: requirements.txt:2: `{child}`, which metadata names, cannot be followed\n"
        "  because the name of its host resolves to an address of this machine or of its own network\n"
        f"  try: if it is meant, name it in the list: `{child}`\n",
    )


def test_wheel_with_its_hash_in_the_url_is_asked_for_in_one_run_only(project: Project) -> None:
    sha256 = hashlib.sha256(LARGE.content).hexdigest()
    project.write_list(f"{project.server.file_url(LARGE.filename)}#sha256={sha256}")
    assert project.lock("requirements.txt").code == 0
    before = project.read()
    project.server.log.clear()

    assert project.lock("requirements.txt", "-U").code == 0
    assert (requests_of(project), project.read()) == ([], before)
    assert project.lock("requirements.txt", "--refresh").code == 0
    assert requests_of(project) == [("GET", f"/files/{LARGE.filename}", "bytes=-32768")]


def test_wheel_of_an_old_lock_is_locked_again_offline(project: Project) -> None:
    project.write_list(project.server.file_url(LARGE.filename))
    assert project.lock("requirements.txt").code == 0
    before = project.read()
    project.server.log.clear()

    run = project.lock("requirements.txt", "--offline")

    assert run.code == 0, run.err
    assert (project.server.log, project.read()) == ([], before)


def test_wheel_that_no_old_lock_has_is_4_offline(project: Project) -> None:
    url = project.server.file_url(A.filename)
    project.write_list(url)

    run = project.lock("requirements.txt", "--offline")

    shown = project.fix(url)
    assert (run.code, run.err) == (
        4,
        f"error: requirements.txt:2: `a @ {shown}`: the file is not in the cache: {shown}\n"
        "  try: run once without `--offline`\n",
    )


def write_wheel(project: Project, folder: str) -> Path:
    path = project.folder / folder / A.filename
    path.parent.mkdir(parents=True)
    path.write_bytes(A.content)
    return path


RANDOM = "9f86d081884c7d659a2feaa0c55ad015"


def test_query_that_looks_random_is_requested_and_kept_out_of_the_lock(project: Project) -> None:
    project.write_list(f"a @ {project.server.file_url(A.filename)}?id={RANDOM}&raw=true")

    run = project.lock_in_process("requirements.txt", "-vv")

    assert run.code == 0
    assert (
        "warning: requirements.txt:2: the query `id` of a URL is not in the lock\n"
        "  because it looks random like a secret, and is no parameter that pinfold knows\n"
        '  try: `public-queries = ["id"]` in [tool.pinfold] keeps it, if it is public\n'
    ) in run.err
    assert RANDOM not in run.err + run.out + project.read()
    assert f'url = "https://index.example/files/{A.filename}?raw=true"\n' in project.read()
    assert 'credentials = [\n    "127.0.0.1' in (project.folder / "pylock.toml").read_text(encoding="utf-8")
    asked = [request.query for request in project.server.log if request.path == f"/files/{A.filename}"]
    assert asked and set(asked) == {f"id={RANDOM}&raw=true"}
    assert project.lock("requirements.txt", "--check").code == 0


def test_setting_keeps_a_query_that_looks_random_in_the_lock(project: Project) -> None:
    project.write_list(f"a @ {project.server.file_url(A.filename)}?id={RANDOM}")
    project.lock("requirements.txt")
    project.write("pyproject.toml", '[tool.pinfold]\npublic-queries = ["id"]\n')

    assert project.lock("requirements.txt", "--check").code == 1
    run = project.lock("requirements.txt")

    assert (run.code, "looks random" in run.err) == (0, False)
    assert f'url = "https://index.example/files/{A.filename}?id={RANDOM}"\n' in project.read()
    assert project.lock("requirements.txt", "--check").code == 0
    assert project.lock("requirements.txt", "--check", "--refresh").code == 0


@pytest.mark.parametrize("query", ["raw=true", "version=1.2.3", "download=1", f"ref={RANDOM}9f86d081"])
def test_honest_query_is_locked_without_a_word(project: Project, query: str) -> None:
    project.write_list(f"a @ {project.server.file_url(A.filename)}?{query}")

    run = project.lock("requirements.txt")

    assert (run.code, "warning" in run.err) == (0, False), run.err
    assert f'url = "https://index.example/files/{A.filename}?{query}"\n' in project.read()


def test_metadata_may_repeat_a_url_whose_query_is_withheld(project: Project) -> None:
    place = f"{project.server.file_url(A.filename)}?id={RANDOM}"
    project.server.add("c", wheel("c", "1.0", [f"a @ {place}"]))
    project.write_list("c", f"a @ {place}")

    run = project.lock("requirements.txt")

    assert (run.code, set(project.pins())) == (0, {"a", "b", "c"}), run.err
    assert f'url = "https://index.example/files/{A.filename}"\n' in project.read()
