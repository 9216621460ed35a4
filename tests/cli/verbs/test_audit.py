"""`lock audit`: what the indexes and advisories say of a lock's pins now."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace

import pytest

from tests.cli.verb_runs import run_verb
from tests.command import Project, Run
from tests.foreign_words import find_words
from tests.servers import JSON_TYPE, Answer, wheel

ADVISORY = {
    "id": "PYSEC-1",
    "aliases": ["CVE-1"],
    "summary": "bad",
    "affected": [
        {
            "package": {"ecosystem": "PyPI", "name": "thing"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.2"}]}],
        }
    ],
}


NO_DATABASE = "vulnerabilities were not looked for: `--osv`, or `osv` in [tool.pinfold], names a database\n"


@pytest.fixture
def locked(project: Project) -> Project:
    project.server.add("thing", wheel("thing", "1.0"))
    project.write_list("thing")
    assert project.lock("requirements.txt").code == 0
    return project


def judge(project: Project, *argv: str) -> Run:
    return run_verb(project, *argv, "--allow-host", "127.0.0.1")


def test_audit_of_a_lock_that_nothing_speaks_against_exits_0(locked: Project) -> None:
    run = judge(locked, "audit")

    assert (run.code, run.out) == (0, f"no findings for 1 pins\n{NO_DATABASE}")


def test_audit_finds_what_was_yanked_since(locked: Project) -> None:
    (file,) = locked.server.projects["thing"]
    locked.server.projects["thing"] = [replace(file, yanked="breaks disks")]

    run = judge(locked, "audit")

    assert (run.code, run.out) == (1, f"thing 1.0 is yanked: breaks disks\n{NO_DATABASE}")


def test_audit_finds_a_file_and_a_project_that_are_gone(locked: Project) -> None:
    locked.server.projects["thing"] = [wheel("thing", "1.1")]
    assert judge(locked, "audit").out.startswith(
        "thing 1.0 is gone: its index no longer lists `thing-1.0-py3-none-any.whl`\n"
    )

    del locked.server.projects["thing"]
    assert judge(locked, "audit").out.startswith("thing 1.0 is gone: its index no longer has the project\n")


def test_audit_knows_a_file_that_the_index_spells_differently(locked: Project) -> None:
    (file,) = locked.server.projects["thing"]
    locked.server.projects["thing"] = [replace(file, filename="Thing-1.0-py3-none-any.whl")]

    assert judge(locked, "audit").code == 0


def test_audit_tells_the_status_of_a_project(locked: Project) -> None:
    (file,) = locked.server.projects["thing"]
    page = {
        "meta": {"api-version": "1.4"},
        "name": "thing",
        "project-status": {"status": "archived", "reason": "see other"},
        "files": [{"filename": file.filename, "url": "/x", "hashes": {"sha256": file.listed_sha256}}],
    }
    body = json.dumps(page).encode()
    locked.server.always["/simple/thing/"] = Answer(headers={"Content-Type": JSON_TYPE}, body=body)

    run = judge(locked, "audit")

    assert (run.code, run.out) == (1, f"thing 1.0 is of an archived project: see other\n{NO_DATABASE}")


def test_audit_reads_a_database_from_a_folder_or_an_archive(locked: Project) -> None:
    locked.write("osv/PYSEC-1.json", json.dumps(ADVISORY))
    with zipfile.ZipFile(locked.folder / "all.zip", "w") as archive:
        archive.writestr("PYSEC-1.json", json.dumps(ADVISORY))

    for place in ("osv", "all.zip"):
        run = judge(locked, "audit", "--osv", place)
        assert (run.code, run.out) == (
            1,
            "thing 1.0 has a known vulnerability: PYSEC-1, CVE-1: bad (fixed in 1.2)\n",
        )


def test_audit_reads_the_configured_database(locked: Project) -> None:
    locked.write("osv/PYSEC-1.json", json.dumps(ADVISORY))
    locked.write("pyproject.toml", '[tool.pinfold]\nosv = "osv"\n')

    (found,) = json.loads(judge(locked, "audit", "--json").out)["locks"]

    assert found["advisories"] is True
    assert [(one["kind"], one["id"], one["fixed"]) for one in found["findings"]] == [("vulnerable", "PYSEC-1", "1.2")]


def test_audit_with_a_database_that_is_none_is_bad_input(locked: Project) -> None:
    locked.write("all.zip", "no archive")

    assert judge(locked, "audit", "--osv", "missing").code == 2
    run = judge(locked, "audit", "--osv", "all.zip")
    reason = find_words(lambda: zipfile.ZipFile(locked.folder / "all.zip"))
    assert (run.code, run.err) == (2, f"error: `all.zip` is no zip archive of advisories: {reason}\n")


def test_audit_of_an_index_that_does_not_answer_is_a_network_error(locked: Project) -> None:
    locked.server.always["/simple/thing/"] = Answer(status=404 + 99)

    assert judge(locked, "audit").code == 4


def test_audit_with_an_advisory_that_cannot_be_read_is_bad_input(locked: Project) -> None:
    (locked.folder / "osv" / "PYSEC-1.json").mkdir(parents=True)

    run = judge(locked, "audit", "--osv", "osv")

    assert (run.code, run.err) == (2, "error: `osv/PYSEC-1.json` cannot be read: is a directory\n")
