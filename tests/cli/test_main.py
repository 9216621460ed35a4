"""The exit code of each kind of failure, with its whole message."""

from __future__ import annotations

import hashlib

import pytest

from resolver.cli.main import main
from resolver.settings.options import OPTIONS
from tests.command import Project
from tests.foreign_words import find_usage_words
from tests.servers import Answer, sdist, wheel


def test_done_is_0(project: Project) -> None:
    project.server.add("a", wheel("a", "1.0"))
    project.write_list("a")

    assert project.lock("requirements.txt").code == 0


def test_no_is_1(project: Project) -> None:
    project.write_list("a")

    run = project.lock("requirements.txt", "--check")

    assert (run.code, run.err) == (
        1,
        "requirements.txt: pylock.toml does not fit\n"
        "  there is no such file\n"
        "  try: `lock requirements.txt --python 3.11`\n",
    )


def test_bad_list_is_2_with_all_its_faults(project: Project) -> None:
    project.write_list("a ==", "--frobnicate", "b")

    run = project.lock("requirements.txt")

    assert (run.code, run.err, project.server.log) == (
        2,
        "error: requirements.txt:2: `a ==` is no requirement\n"
        "  because no version follows `==`\n"
        "  try: write `a`\n"
        "requirements.txt:3: `--frobnicate` is no flag that a list may hold\n",
        [],
    )


def test_unknown_option_is_2(project: Project) -> None:
    run = project.lock("--frobnicate")

    assert run.code == 2
    assert run.err.endswith(f"lock: error: {find_usage_words('--frobnicate')}\n")


def test_unknown_setting_is_2_with_a_suggestion(project: Project) -> None:
    project.write("pyproject.toml", '[tool.pinfold]\nrequirement = ["a"]\n')

    run = project.lock()

    assert (run.code, run.err) == (
        2,
        "error: pyproject.toml [tool.pinfold]: unknown key `requirement`\n  try: `requirements`\n",
    )


def test_unknown_python_is_2(project: Project) -> None:
    project.write_list("a")

    run = project.lock("requirements.txt", "--python", "2.7")

    assert (run.code, run.err) == (
        2,
        "error: `--python`: Python `2.7` is not supported: CPython 3.8 to 3.15 are\n",
    )


def test_direct_reference_that_leads_to_no_file_is_2_with_its_position(project: Project) -> None:
    project.write_list("./wheels/a-1.0-py3-none-any.whl")

    run = project.lock("requirements.txt")

    assert (run.code, run.err) == (
        2,
        "error: requirements.txt:2: `a @ ./wheels/a-1.0-py3-none-any.whl` names a file or folder that does not exist\n"
        "  because a relative path is relative to the file or folder that contains its list\n"
        "  try: correct its path\n",
    )


def test_locations_that_are_not_there_are_2_with_their_positions(project: Project) -> None:
    project.write("requirements.txt", f"--index-url ./not-a-url\n-f wheels\n-f {'x' * 300}\na\n")

    run = project.lock("requirements.txt", "--extra-index-url", "./mirror")

    remedy = "\n  try: correct its path, or begin it with `https://` if it is a URL\n"
    assert (run.code, run.err) == (
        2,
        "error: requirements.txt:1: there is no folder `<folder>/not-a-url`, which is named as an index"
        f"{remedy}command line[0]: there is no folder `<folder>/mirror`, which is named as an index"
        f"{remedy}requirements.txt:2: there is no file or folder `<folder>/wheels`, which is named for `--find-links`"
        f"{remedy}requirements.txt:3: there is no file or folder `<folder>/{'x' * 300}`, which is named for"
        f" `--find-links`{remedy}",
    )


def test_configured_index_that_nobody_can_be_asked_for_is_2(project: Project) -> None:
    project.write("pyproject.toml", '[tool.pinfold]\nrequirements = ["a"]\nindex-url = "ftp://index.example/"\n')

    run = project.lock()

    assert (run.code, run.err) == (
        2,
        "error: [tool.pinfold] index-url: `ftp://index.example/` cannot be requested\n"
        "  because `ftp:` is none of `https:`, `http:` and `file:`\n",
    )


def test_versions_that_only_a_build_can_read_are_a_line_each(project: Project) -> None:
    project.server.add("a", *(sdist("a", version, static=False) for version in ("1.0", "2.0")))
    project.write_list("a")

    run = project.lock("requirements.txt", "--no-build")

    assert (run.code, run.err) == (
        3,
        "error: no solution for Python 3.11 on manylinux_2_35_x86_64: no usable version of `a`\n"
        "  requirements.txt:2: `a`\n"
        "  because https://index.example/simple/ has 2 versions in 2 files; with the right version, but unusable:\n"
        "    2.0: only a build can tell what `a-2.0.tar.gz` needs, and `--no-build` forbids it\n"
        "    1.0: only a build can tell what `a-1.0.tar.gz` needs, and `--no-build` forbids it\n"
        "  try: leave out `--no-build`, or write what `a 2.0` needs into a `[[tool.pinfold.dependency-metadata]]` table"
        " of pyproject.toml\n",
    )


def test_folder_that_cannot_be_written_is_2(project: Project) -> None:
    project.server.add("a", wheel("a", "1.0"))
    project.write_list("a")
    project.write("locks", "a file where a folder should be\n")

    run = project.lock("requirements.txt", "-o", "locks/pylock.toml")

    assert (run.code, run.err) == (
        2,
        "error: `locks/pylock.toml` cannot be written: file exists\n  try: another place, with `-o`\n",
    )


def test_no_solution_is_3_with_the_chain_that_collides(project: Project) -> None:
    project.server.add("a", wheel("a", "1.0", ["c<2"]))
    project.server.add("b", wheel("b", "1.0", ["c>=2"]))
    project.server.add("c", wheel("c", "1.0"), wheel("c", "2.0"))
    project.write_list("a", "b")

    run = project.lock("requirements.txt")

    assert (run.code, run.err) == (
        3,
        "error: no solution for Python 3.11 on manylinux_2_35_x86_64: the requirements on `c` conflict\n"
        "  requirements.txt:2: `a`, `a 1.0` needs `c<2`\n"
        "  requirements.txt:3: `b`, `b 1.0` needs `c>=2`\n"
        "  because https://index.example/simple/ has 2 versions in 2 files, the newest 2.0\n"
        '  try: last resort: `override-dependencies = ["c>=2"]` in `[tool.pinfold]` of pyproject.toml ignores that'
        " `a 1.0` needs `c<2`: check that it runs (tested: it locks)\n",
    )
    assert project.files() == ["requirements.txt"]


def test_index_that_fails_is_4(project: Project) -> None:
    project.server.always["/simple/a/"] = Answer(status=401)
    project.write_list("a")

    run = project.lock("requirements.txt")

    assert (run.code, run.err) == (
        4,
        "error: `127.0.0.1` wants a user and password: status 401 for https://index.example/simple/a/\n"
        "  because none are known for it: not in the list, `/dev/null` (a netrc file has no ports, so its logins go to"
        " port 443 of https alone) or the keyring\n"
        f"  try: write `http://${{INDEX_USERNAME}}:${{INDEX_PASSWORD}}@{project.server.authority}/…`"
        " in the list (`--list` where a lock is read),"
        " or set `PINFOLD_INDEX_MY_URL`, `PINFOLD_INDEX_MY_USERNAME` and `PINFOLD_INDEX_MY_PASSWORD`,"
        " or name a file with `--credentials`\n",
    )
    assert project.files() == ["requirements.txt"]


def test_file_with_another_hash_than_promised_is_5(project: Project) -> None:
    good = wheel("a", "1.0")
    project.server.add("a", wheel("a", "1.0", sha256="0" * 64))
    project.server.core_metadata = "none"
    project.server.ranges = "ignored"
    project.write_list("a")

    run = project.lock("requirements.txt")

    assert (run.code, run.err) == (
        5,
        "reading `a-1.0-py3-none-any.whl` (0.0 MB) for its metadata, since its host gives no part of it\n"
        "error: `a-1.0-py3-none-any.whl` is not the file that its page promises\n"
        f"  expected sha256:{'0' * 64}\n"
        f"  found    sha256:{hashlib.sha256(good.content).hexdigest()}\n",
    )


def test_bug_is_6_with_a_traceback(project: Project) -> None:
    # No user can give an argument that is no text: only a bug can.
    run = project.lock("requirements.txt", "-o", 5)  # type: ignore[arg-type]

    assert run.code == 6
    assert run.err.startswith("Traceback (most recent call last):\n")
    assert run.err.splitlines()[-1].startswith("error: a bug in pinfold: ")
    assert run.err.endswith("; the lines above are what a report needs\n")


def test_unset_variable_in_an_index_that_is_needed_is_2(project: Project) -> None:
    project.write("requirements.txt", "--index-url https://${TOKEN}@index.example/simple/\na\n")
    project.monkeypatch.delenv("TOKEN", raising=False)

    run = project.lock("requirements.txt")

    assert (run.code, run.err) == (
        2,
        "error: requirements.txt:2: `https://${TOKEN}@index.example/simple/` is needed, and a variable in it is not"
        " set: `TOKEN`\n  try: set it in the environment\n",
    )


@pytest.mark.parametrize("flag", ["--exclude", "--upgrade-package"])
def test_name_that_no_project_can_have_is_2(project: Project, flag: str) -> None:
    run = project.lock("requirements.txt", flag, "not a name")

    assert run.code == 2
    assert run.err.endswith(f"{flag}: `not a name` is no project name\n")


@pytest.mark.parametrize(
    ("words", "same"),
    [
        (["help"], ["--help"]),
        (["help", "lock"], ["--help"]),
        (["help", "why"], ["why", "--help"]),
        (["help", "all"], ["--help-all"]),
        (["help", "sbom"], ["export", "--help"]),
        (["help", "fleet", "which"], ["fleet", "which", "--help"]),
    ],
)
def test_help_is_a_verb_too(words: list[str], same: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(same) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("usage: lock ")

    assert main(words) == 0
    assert capsys.readouterr().out == shown


def test_help_fits_on_a_screen_and_the_whole_help_has_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 36
    assert [line for line in lines if len(line) > 80] == []

    assert main(["help", "all"]) == 0
    whole = capsys.readouterr().out
    assert [flag for option in OPTIONS for flag in option.flags if flag not in whole] == []


def test_a_source_named_help_beside_options_is_a_source(project: Project) -> None:
    run = project.lock("help", "--offline")

    assert (run.code, run.err.partition("\n")[0]) == (2, "error: there is no file `help`")


@pytest.mark.parametrize(
    ("words", "meant"), [(("wyh", "numpy"), "lock why numpy"), (("audti", "a b", "-q"), "lock audit 'a b' -q")]
)
def test_misspelt_verb_is_answered_with_the_verb(project: Project, words: tuple[str, ...], meant: str) -> None:
    run = project.lock(*words)

    assert run.code == 2
    assert run.err.startswith(f"error: `{words[0]}` is neither a file nor a verb\n  try: `{meant}")


def test_requirement_or_file_that_is_like_a_verb_is_none(project: Project) -> None:
    (project.folder / "tre").mkdir()

    assert "verb" not in project.lock("torch").err
    assert "verb" not in project.lock("tre").err
