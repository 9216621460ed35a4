"""`--hash` in a list, for files whose page gives no hash: a folder of wheels is the usual one."""

from __future__ import annotations

import hashlib

from tests.command import Project
from tests.distributions import make_wheel, wheel_filename

FILENAME = wheel_filename("a", "1.0")
CONTENT = make_wheel("a", "1.0")
SHA256 = hashlib.sha256(CONTENT).hexdigest()
OTHER_SHA256 = "0" * 64


def write_folder(project: Project, *lines: str) -> None:
    folder = project.folder / "wheels"
    folder.mkdir()
    (folder / FILENAME).write_bytes(CONTENT)
    project.write("requirements.txt", "\n".join(("--no-index", "--find-links wheels", *lines, "")))


def test_file_without_a_listed_hash_is_locked_if_its_content_has_one_of_the_list(project: Project) -> None:
    write_folder(project, "--require-hashes", f"a==1.0 --hash=sha256:{OTHER_SHA256} --hash=sha256:{SHA256}")

    run = project.lock("requirements.txt")

    assert run.code == 0, run.err
    assert [file.hashes["sha256"] for _, file in project.load().iter_files()] == [SHA256]


def test_file_without_a_listed_hash_is_refused_if_its_content_has_none_of_the_list(project: Project) -> None:
    write_folder(project, f"a==1.0 --hash=sha256:{OTHER_SHA256}")

    run = project.lock("requirements.txt")

    assert (run.code, run.err, project.files()) == (
        5,
        f"error: `{FILENAME}` has none of the hashes that the list gives for `a`\n"
        f"  listed: sha256:{OTHER_SHA256}\n"
        f"  found:  sha256:{SHA256}\n"
        "  try: find out which of them is right\n",
        ["requirements.txt", f"wheels/{FILENAME}"],
    )


def test_file_without_a_listed_hash_is_no_candidate_for_a_hash_that_is_no_sha256(project: Project) -> None:
    write_folder(project, f"a==1.0 --hash=sha512:{hashlib.sha512(CONTENT).hexdigest()}")

    run = project.lock("requirements.txt")

    assert run.code == 3
    assert run.err.endswith(f"1.0: `{FILENAME}`: none of its hashes is in the list\n")
