"""Annotations of GitHub Actions for what a check finds."""

from __future__ import annotations

import pytest

from resolver.cli.annotations import render_annotation
from tests.command import Project
from tests.servers import wheel

FITS = "requirements.txt: pylock.toml fits\n"


@pytest.fixture(autouse=True)
def locked(project: Project) -> None:
    project.server.add("a", wheel("a", "1.0", ["b>=2"]))
    project.server.add("b", wheel("b", "2.1"), wheel("b", "1.0"))
    project.write_list("a")
    assert project.lock("requirements.txt").code == 0
    project.server.log.clear()


def test_annotations_name_the_lines_of_the_list(project: Project) -> None:
    project.write("more.txt", "\nnew>=1\n")
    project.write_list("b<2", "-r more.txt")

    run = project.lock("requirements.txt", "--check", "--format", "github")

    title = "title=pylock.toml does not fit"
    assert (run.code, run.out.splitlines()) == (
        1,
        [
            f"::error file=requirements.txt,{title}::- a",
            f"::error file=requirements.txt,line=2,{title}::+ b<2",
            f"::error file=more.txt,line=2,{title}::+ new>=1",
            f"::error file=requirements.txt,line=2,{title}::requirements.txt:2: `b<2` is not satisfied by b 2.1",
            f"::error file=more.txt,line=2,{title}::"
            "more.txt:2 (from requirements.txt:3): `new>=1` has no pin in the lock",
        ],
    )
    assert run.err.startswith("requirements.txt: pylock.toml does not fit\n")


def test_lock_that_fits_has_no_annotation(project: Project) -> None:
    run = project.lock("requirements.txt", "--check", "--format", "github")

    assert (run.code, run.out, run.err) == (0, "", FITS)


def test_annotation_of_a_list_that_cannot_be_read_names_its_file(project: Project) -> None:
    project.write_list("a ==")

    run = project.lock("requirements.txt", "--check", "--format", "github")

    message = run.err.removeprefix("error: ").rstrip("\n").replace("%", "%25").replace("\n", "%0A")
    assert message.startswith("requirements.txt:2: `a ==` is no requirement")
    assert (run.code, run.out) == (2, f"::error file=requirements.txt,title=lock::{message}\n")


@pytest.mark.parametrize("text", ["%0A::error::x", "##[error]x", "::stop-commands::x"])
def test_texts_of_a_list_are_no_commands_of_a_workflow(project: Project, text: str) -> None:
    (project.folder / "requirements.txt").unlink()
    project.write("pyproject.toml", f'[tool.pinfold]\nrequirements = ["a", "b ; \\n{text}"]\n')

    for words in (("--check", "--format", "github"), ("--check",)):
        run = project.lock(*words)
        lines = [line.lstrip() for line in (run.out + run.err).splitlines()]
        commands = [line for line in lines if line.startswith("::") or "##[" in line]
        assert all(line.startswith("::error file=pyproject.toml,title=lock::") for line in commands)
        assert (run.code, len(commands)) == (2, words.count("github"))


def test_annotations_are_those_of_a_check(project: Project) -> None:
    run = project.lock("requirements.txt", "--format", "github")

    assert (run.code, run.err.splitlines()[-1]) == (
        2,
        "lock: error: --format github annotates what a check finds: add --check",
    )


def test_lock_that_no_target_writes_is_annotated_as_a_warning(project: Project) -> None:
    (project.folder / "pylock.old.toml").write_bytes((project.folder / "pylock.toml").read_bytes())

    run = project.lock("requirements.txt", "--check", "--format", "github")

    told = "`pylock.old.toml` is of the same list, and no target writes it any more"
    assert (run.code, run.out) == (0, f"::warning file=pylock.old.toml,title=lock::{told}\n")
    assert run.err == f"{FITS}warning: {told}\n"


def test_annotation_can_neither_be_ended_nor_begun_by_its_text() -> None:
    assert render_annotation("a\r\n::error::b%", file="x,y:z", line=3, title="t\n") == (
        "::error file=x%2Cy%3Az,line=3,title=t%0A::a%0D%0A::error::b%25"
    )
