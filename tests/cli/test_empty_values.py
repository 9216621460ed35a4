"""An option whose value is empty, as a shell gives it for an unset variable, is refused: it is no default."""

from __future__ import annotations

from tests.command import Project


def test_empty_index_url_is_no_wish_for_the_default_index(project: Project) -> None:
    project.write("requirements.txt", "a\n")

    run = project.lock("requirements.txt", "-i", "")

    assert (run.code, run.err) == (
        2,
        "error: command line[0]: `--index-url` has no value\n"
        "  try: write `--index-url=URL`\n"
        "command line[1]: an empty item\n"
        "  because an installer refuses an empty argument\n"
        "  try: remove it\n",
    )


def test_empty_index_url_in_the_settings_is_refused(project: Project) -> None:
    project.write("requirements.txt", "a\n")
    project.write("pyproject.toml", '[tool.pinfold]\nindex-url = ""\n')

    run = project.lock("requirements.txt")

    assert (run.code, run.err) == (
        2,
        "error: pyproject.toml [tool.pinfold]: `index-url` is empty\n  try: leave it out\n",
    )


def test_empty_platform_is_not_the_default_one(project: Project) -> None:
    project.write_list("a")

    run = project.lock("requirements.txt", "--platform", "")

    assert (run.code, run.err.splitlines()[0]) == (2, "error: unknown platform ``")
