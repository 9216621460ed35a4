"""What a run tells: the summary for people, the document for programs, and how much of both."""

from __future__ import annotations

import json

import pytest

from resolver.cli.main import main
from tests.cli.verb_runs import parts
from tests.command import Project
from tests.foreign_words import find_usage_words
from tests.servers import Answer, sdist, wheel


@pytest.fixture(autouse=True)
def index(project: Project) -> None:
    project.server.add("a", wheel("a", "1.0", ["b>=2"]), wheel("a", "1.1", ["b>=2"]))
    project.server.add("b", wheel("b", "2.1"), wheel("b", "1.0"))


def megabytes(project: Project, *filenames: str) -> str:
    sizes = {file.filename: len(file.content) for files in project.server.projects.values() for file in files}
    return f"{sum(sizes[name] for name in filenames) / 1e6:.1f} MB"


def test_first_lock_tells_pins_target_indexes_and_download(project: Project) -> None:
    project.write_list("a")

    run = project.lock("requirements.txt")

    assert (run.code, run.out) == (0, "")
    assert run.err == (
        "requirements.txt → pylock.toml: 2 pins in 0.00 s\n"
        "  target: CPython 3.11 on manylinux_2_35_x86_64 (Python from `--python`)\n"
        "  download: 0.0 kB from https://index.example/simple/\n"
    )


def test_renewal_tells_what_has_changed(project: Project) -> None:
    project.write_list("a")
    project.lock("requirements.txt")
    project.server.add("c", wheel("c", "1.0"))
    project.write_list("a<1.1", "c")

    run = project.lock("requirements.txt")

    assert run.err == (
        "requirements.txt → pylock.toml: 3 pins in 0.00 s\n"
        "  target: CPython 3.11 on manylinux_2_35_x86_64 (Python from `--python`)\n"
        "  changes: 1 added, 1 changed\n"
        "    + c 1.0\n"
        "    ~ a 1.1 -> 1.0\n"
        "  download: 0.0 kB from https://index.example/simple/\n"
    )


def test_unchanged_lock_is_told_as_such(project: Project) -> None:
    project.write_list("b")
    project.lock("requirements.txt")

    run = project.lock("requirements.txt")

    assert run.err == (
        "requirements.txt → pylock.toml (unchanged): 1 pin in 0.00 s\n"
        "  target: CPython 3.11 on manylinux_2_35_x86_64 (Python from `--python`)\n"
        "  changes: none\n"
        "  download: 0.0 kB from https://index.example/simple/\n"
    )


def test_what_the_image_must_build_is_told(project: Project) -> None:
    project.server.add("c", sdist("c", "1.0"))
    project.write_list("c")

    assert "  the image must build 1 package:\n    c 1.0 from its sdist\n" in project.lock("requirements.txt").err


def test_dependency_from_an_extra_index_that_the_default_has_too_is_told(project: Project) -> None:
    # Both indexes are this server: the extra one by another name of the same host.
    extra = project.server.index_url.replace("127.0.0.1", "localhost")
    project.write_list(f"--extra-index-url {extra}", "a")

    run = project.lock("requirements.txt", "-i", project.server.index_url)

    assert run.code == 0
    assert "dependencies from an extra index that the default index has too: b (http://localhost:" in run.err


def test_quiet_run_says_nothing(project: Project) -> None:
    project.write_list("a")

    run = project.lock("requirements.txt", "-q")

    assert (run.code, run.out, run.err) == (0, "", "")


def test_json_has_the_facts_on_standard_output(project: Project) -> None:
    project.write_list("b")

    run = project.lock("requirements.txt", "--json", "-q")

    document = json.loads(run.out)
    wheel_b = project.server.projects["b"][0]
    digest = document["locks"][0].pop("digest")
    assert digest.startswith("pinfold-v1:sha256:")
    assert document == {
        "schema": 1,
        "exit_code": 0,
        "locks": [
            {
                "source": "requirements.txt",
                "lockfile": "pylock.toml",
                "written": True,
                "python": {"version": "3.11", "from": "`--python`"},
                "platform": "manylinux_2_35_x86_64",
                "machine": None,
                "packages": [
                    {
                        "name": "b",
                        "version": "2.1",
                        "index": "https://index.example/simple/",
                        "file": "b-2.1-py3-none-any.whl",
                        "size_bytes": len(wheel_b.content),
                        "sha256": wheel_b.listed_sha256,
                        "built": False,
                        "unverified": False,
                        "build": None,
                        "requested_by": [{"position": "requirements.txt:2", "parent": None, "text": "b"}],
                    }
                ],
                "changes": None,
                "warnings": [],
                "duration_s": 0.0,
            }
        ],
    }


def test_json_has_the_changes_against_the_old_lock(project: Project) -> None:
    project.write_list("a==1.0")
    project.lock("requirements.txt")
    project.write_list("a==1.1")

    run = project.lock("requirements.txt", "--json", "-q")

    assert json.loads(run.out)["locks"][0]["changes"] == {
        "added": [],
        "removed": [],
        "changed": [{"name": "a", "old": "1.0", "new": "1.1"}],
    }


def test_json_has_the_errors_of_sources_in_their_order(project: Project) -> None:
    project.write("web.txt", "-i INDEX\nb==9\n")

    run = project.lock("web.txt", "missing.txt", "--json")

    document = json.loads(run.out)
    assert (run.code, document["exit_code"]) == (3, 3)
    assert [(lock["source"], lock["exit_code"]) for lock in document["locks"]] == [("web.txt", 3), ("missing.txt", 2)]
    assert run.err == "".join(f"error: {lock['error']}\n" for lock in reversed(document["locks"]))


def test_json_has_each_fault_of_a_list_as_data(project: Project) -> None:
    project.write_list("a ==\n--frobnicate\n")

    run = project.lock("requirements.txt", "--json")

    (lock,) = json.loads(run.out)["locks"]
    assert (lock["what"], lock["where"]) == ("`a ==` is no requirement", "requirements.txt:2")
    assert [(fault["where"], fault["what"]) for fault in lock["faults"]] == [
        ("requirements.txt:2", "`a ==` is no requirement"),
        ("requirements.txt:3", "`--frobnicate` is no flag that a list may hold"),
    ]
    assert lock["error"] == run.err.removeprefix("error: ").rstrip("\n")


def test_json_has_a_conflict_as_data(project: Project) -> None:
    project.write_list("b==9")

    run = project.lock("requirements.txt", "--json")

    (lock,) = json.loads(run.out)["locks"]
    (fault,) = lock["faults"]
    assert fault["involved"] == ["requirements.txt:2: `b==9`"]
    assert fault["what"].endswith(": no version of `b` matches")
    assert fault["why"] in lock["error"]
    assert "\n" not in "".join(text for text in fault.values() if isinstance(text, str))


def test_json_has_the_error_of_colliding_locks(project: Project) -> None:
    project.write("web/requirements.txt", "b\n")
    project.write("job/requirements.txt", "b\n")

    run = project.lock("web/requirements.txt", "job/requirements.txt", "-o", "locks", "--json")

    assert json.loads(run.out) == {
        "schema": 1,
        "exit_code": 2,
        "locks": [
            {
                "source": None,
                "error": "`web/requirements.txt` and `job/requirements.txt` would both be locked into"
                " `pylock.toml`\n  try: lock them one by one with `-o`, or rename one of them",
                "exit_code": 2,
                **parts(
                    "`web/requirements.txt` and `job/requirements.txt` would both be locked into `pylock.toml`",
                    remedy="lock them one by one with `-o`, or rename one of them",
                ),
            }
        ],
    }


@pytest.mark.parametrize(("flag", "why"), [("--json", "--json"), ("--check", "--check")])
def test_printing_the_lock_goes_with_no_other_use_of_standard_output(project: Project, flag: str, why: str) -> None:
    project.write_list("b")

    run = project.lock("requirements.txt", "-o", "-", flag)

    assert run.code == 2
    assert run.err.endswith(f"lock: error: -o - prints the lock: leave out that or {why}\n")


def test_verbose_run_shows_each_request_without_its_query(project: Project) -> None:
    project.write_list("b")

    run = project.lock_in_process("requirements.txt", "-q", "-vv")

    assert (run.code, run.err) == (
        0,
        "GET https://index.example/simple/b/: 200\n"
        "GET https://index.example/files/b-2.1-py3-none-any.whl.metadata: 200\n"
        "b 2.1 is taken\n",
    )


def test_lock_of_nothing_comes_from_nowhere(project: Project) -> None:
    project.write_list()

    run = project.lock("requirements.txt")

    assert run.err == (
        "requirements.txt → pylock.toml: 0 pins in 0.00 s\n"
        "  target: CPython 3.11 on manylinux_2_35_x86_64 (Python from `--python`)\n"
    )


def test_configured_index_is_called_the_default_one(project: Project) -> None:
    project.write("pyproject.toml", '[tool.pinfold]\nrequirements = ["b"]\nindex-url = "INDEX"\n')

    assert " from the default index\n" in project.lock().err


def test_help_is_as_wide_as_the_terminal(project: Project) -> None:
    project.monkeypatch.setenv("COLUMNS", "200")
    wide = project.lock("--help")
    project.monkeypatch.setenv("COLUMNS", "60")
    narrow = project.lock("--help")

    assert (wide.code, narrow.code) == (0, 0)
    assert wide.out.startswith("usage: lock [SOURCE ...] [options]\n")
    assert len(wide.out.splitlines()) < len(narrow.out.splitlines())


def test_file_that_must_be_read_for_its_hash_is_announced(project: Project) -> None:
    project.server.hashes = False
    project.write_list("b")

    run = project.lock("requirements.txt")

    assert run.err.startswith(
        "reading `b-2.1-py3-none-any.whl` (0.0 MB) for its SHA-256, which its page does not give\n"
        "requirements.txt → pylock.toml: 1 pin in 0.00 s\n"
    )


def test_quiet_run_announces_nothing(project: Project) -> None:
    project.server.hashes = False
    project.write_list("b")

    assert project.lock("requirements.txt", "-q").err == ""


def test_no_download_makes_a_missing_hash_an_error(project: Project) -> None:
    project.server.hashes = False
    project.write_list("b")

    run = project.lock("requirements.txt", "--no-download")

    assert (run.code, run.err) == (
        4,
        "error: the SHA-256 of `b-2.1-py3-none-any.whl` can be had only by downloading it:"
        " https://index.example/files/b-2.1-py3-none-any.whl\n"
        "  because its page gives none, and `--no-download` forbids that\n",
    )


def test_verbose_run_does_not_show_the_signature_that_a_redirect_adds(project: Project) -> None:
    path = "/files/b-2.1-py3-none-any.whl.metadata"
    # One for each HTTP client: the first one makes no redirected request.
    project.server.faults[path] = [Answer(status=302, headers={"Location": f"{path}?X-Amz-Signature=hunter2"})] * 2
    project.write_list("b")

    run = project.lock_in_process("requirements.txt", "-q", "-vv")

    assert (run.code, run.err) == (
        0,
        "GET https://index.example/simple/b/: 200\n"
        f"GET https://index.example{path}: 302\n"
        f"GET https://index.example{path}: 200\n"
        "b 2.1 is taken\n",
    )


def test_yanked_pin_is_locked_with_a_warning(project: Project) -> None:
    project.server.add("gone", wheel("gone", "1.0", yanked="data loss"), wheel("gone", "1.1"))
    project.write_list("gone==1.0")

    run = project.lock("requirements.txt", "-q")

    assert run.code == 0
    assert run.err == "warning: `gone 1.0` is yanked: data loss; it is locked because it is pinned exactly\n"


def test_wrong_words_under_json_are_a_document_too(project: Project) -> None:
    run = project.lock("requirements.txt", "--json", "--frobnicate=https://me:hunter2@index.example/")

    error = find_usage_words("--frobnicate=https://index.example/")
    assert (run.code, json.loads(run.out)) == (
        2,
        {"schema": 1, "exit_code": 2, "locks": [{"source": None, "error": error, "exit_code": 2, **parts(error)}]},
    )
    assert run.err.endswith(f"lock: error: {error}\n")


def test_a_download_below_a_megabyte_is_shown_in_kilobytes(project: Project) -> None:
    served = wheel("small", "1.0")
    project.server.add("small", served)
    project.write_list("small")
    project.lock("requirements.txt")
    project.capture.readouterr()

    assert main(["requirements.txt", "--python", "3.11", "--cache-dir", str(project.cache)]) == 0
    assert f"  download: {len(served.content) / 1000:.1f} kB from http" in project.capture.readouterr().err
