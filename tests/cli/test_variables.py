"""What a variable in a URL stands for is never shown."""

from __future__ import annotations

import pytest

from tests.command import Project
from tests.servers import Answer, wheel


def test_variable_in_the_path_of_an_index_is_sent_and_not_shown(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOK", "hunter2")
    project.allow("TOK")
    project.server.add("a", wheel("a", "1.0"))
    file = f"{project.server.base_url}/hunter2/a-1.0-py3-none-any.whl"
    page = f'<!DOCTYPE html><a href="{file}#sha256={wheel("a", "1.0").listed_sha256}">a</a>'
    kind = {"Content-Type": "text/html", "Cache-Control": "max-age=600"}
    project.server.always["/hunter2/simple/a/"] = Answer(body=page.encode(), headers=kind)
    project.server.always["/hunter2/a-1.0-py3-none-any.whl"] = Answer(body=wheel("a", "1.0").content)
    project.write("requirements.txt", f"--index-url {project.server.base_url}/${{TOK}}/simple/\na\n")

    run = project.lock("requirements.txt", "--json")

    assert run.code == 0
    assert 'url = "https://index.example/${TOK}/a-1.0-py3-none-any.whl"' in project.read()
    assert "hunter2" not in run.out + run.err
    stored = [path for folder in (project.folder, project.cache) for path in folder.rglob("*") if path.is_file()]
    assert [path.name for path in stored if b"hunter2" in path.read_bytes()] == []


def test_literal_token_in_a_path_is_hidden_by_a_pattern_of_the_settings(project: Project) -> None:
    project.server.add("a", wheel("a", "1.0"))
    file = f"{project.server.base_url}/t/hunter2/a-1.0-py3-none-any.whl"
    page = f'<!DOCTYPE html><a href="{file}#sha256={wheel("a", "1.0").listed_sha256}">a</a>'
    project.server.always["/t/hunter2/simple/a/"] = Answer(body=page.encode(), headers={"Content-Type": "text/html"})
    project.server.always["/t/hunter2/a-1.0-py3-none-any.whl"] = Answer(body=wheel("a", "1.0").content)
    project.write("pyproject.toml", "[tool.pinfold.secrets]\npatterns = ['/t/([^/]+)']\n")
    project.write("requirements.in", f"--index-url {project.server.base_url}/t/hunter2/simple/\na\n")

    run = project.lock("requirements.in")

    assert run.code == 0, run.err
    assert 'url = "https://index.example/t/${SECRET_1}/a-1.0-py3-none-any.whl"' in project.read(
        "pylock.requirements.toml"
    )
    assert "hunter2" not in run.out + run.err
    stored = [path for folder in (project.folder, project.cache) for path in folder.rglob("*") if path.is_file()]
    assert [path.name for path in stored if b"hunter2" in path.read_bytes()] == ["requirements.in"]


def test_pattern_without_one_group_is_2(project: Project) -> None:
    project.write("pyproject.toml", "[tool.pinfold.secrets]\npatterns = ['/t/', '(']\n")
    project.write("requirements.txt", "a\n")

    run = project.lock("requirements.txt")

    kind = "regular expression with one group and at most two repetitions"
    assert (run.code, run.err) == (
        2,
        f"error: pyproject.toml [tool.pinfold]: `secrets.patterns[0]` is no {kind}\n"
        f"pyproject.toml [tool.pinfold]: `secrets.patterns[1]` is no {kind}\n",
    )
