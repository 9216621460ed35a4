"""The tutorial and the how-tos, step by step, each in an empty folder and a fresh environment."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.documentation.drawings import PICTURES
from tests.documentation.page_runs import DOCS, Command, File, PageRun, matches_shape, read_steps
from tests.documentation.world import open_hosts
from tests.test_installation import make_environment

PAGES = [DOCS / "tutorial.md", *sorted((DOCS / "how-to").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_page_does_what_it_shows(page: Path, tmp_path: Path) -> None:
    environment = make_environment(tmp_path / "environment").parents[1]
    folder = tmp_path / "project"
    folder.mkdir()
    with open_hosts() as hosts:
        run = PageRun(folder, hosts=hosts, environment=environment)
        subprocess.run(["git", "init", "-q", "-b", "main"], cwd=folder, check=True)
        run.write(File(name="pyproject.toml", text=""))
        for step in read_steps(page.read_text(encoding="utf-8")):
            if isinstance(step, File):
                run.write(step)
            else:
                run.run(step)


def test_every_page_has_commands() -> None:
    steps = {page.stem: list(read_steps(page.read_text(encoding="utf-8"))) for page in PAGES}
    assert [name for name, found in steps.items() if not any(isinstance(step, Command) for step in found)] == []


def test_every_page_with_commands_is_run_by_a_test() -> None:
    # verbs.md: test_examples; apps.md and machines.md: test_readme. The others need a day, or a cluster.
    elsewhere = {DOCS / name for name in ("verbs.md", "apps.md", "machines.md", "reliability.md", "fleet.md")}
    texts = {page: page.read_text(encoding="utf-8") for page in DOCS.rglob("*.md")}
    assert {page for page, text in texts.items() if "```console" in text} <= {*PAGES, *elsewhere}


def test_page_is_read_as_files_and_commands() -> None:
    text = (
        'Text.\n\n```toml title="a.toml"\nx = 1\n```\n\n- Item:\n\n  ```console\n  $ lock a \\\n      b    # exit 3\n'
        "  no\n  $ cat a\n  ```\n\n```python\nno = 1\n```\n"
    )
    assert list(read_steps(text)) == [
        File(name="a.toml", text="x = 1\n"),
        Command(line="lock a     b", shown=("no",), code=3),
        Command(line="cat a", shown=(), code=0),
    ]


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        (("a 1.0 (12 kB)",), "a 2.10.3 (1.5 MB)\n", True),
        (("a 1.0",), "b 1.0\n", False),
        (("a", "…", "c"), "a\nb\nb\nc\n", True),
        (("a", "…", "c"), "a\nb\n", False),
        (("from: … times",), "from: 3 × it times\n", True),
        (("from: … times",), "from: 3 × it\n", False),
        ((), "something\n", False),
        ((), "", True),
        (("a   1",), "a 12345\n", True),
    ],
)
def test_shape_has_names_and_words_but_no_numbers(shown: tuple[str, ...], printed: str, same: bool) -> None:
    assert matches_shape(shown, printed) is same


def test_navigation_of_the_site_has_every_page_once() -> None:
    navigation = (DOCS.parent / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")[2]
    pages = (path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))
    assert sorted(re.findall(r"[\w/-]+\.md", navigation)) == sorted(pages)


@pytest.mark.parametrize("name", PICTURES)
def test_picture_is_what_its_command_draws(name: str) -> None:
    """`python -m tests.documentation.drawings` draws them all."""
    assert (DOCS / "images" / name).read_text(encoding="utf-8") == PICTURES[name]()


def test_every_explanation_has_a_picture_that_is_there() -> None:
    for page in (DOCS / "explain").glob("*.md"):
        pictures = re.findall(r"!\[[^\]]+\]\((.*?)\)", page.read_text(encoding="utf-8"))
        assert [page.parent.joinpath(path).is_file() for path in pictures] == [True], page.name
