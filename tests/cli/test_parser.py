"""Options that make no sense alone or together, and `--version`."""

from __future__ import annotations

import pytest

from resolver.cli.main import main
from tests.command import Project
from tests.servers import Answer


def test_the_version_is_that_of_the_installed_distribution(capsys: pytest.CaptureFixture[str]) -> None:
    from importlib.metadata import version

    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"pinfold {version('pinfold')}\n"


def test_refresh_and_offline_exclude_each_other(project: Project) -> None:
    run = project.lock("requirements.txt", "--refresh", "--offline")

    assert run.code == 2
    assert run.err.endswith("lock: error: --refresh asks the network and --offline forbids it: leave out one of them\n")


def test_upgrade_and_check_exclude_each_other(project: Project) -> None:
    run = project.lock("requirements.txt", "--check", "-U")

    assert run.code == 2
    assert run.err.endswith("lock: error: --check changes nothing: leave out --upgrade, --upgrade-package\n")


@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf", "soon", ""])
def test_time_limit_is_a_positive_number(project: Project, value: str) -> None:
    run = project.lock("requirements.txt", f"--timeout={value}")

    assert run.code == 2
    assert run.err.endswith(f"argument --timeout: `{value}` is no number of seconds above 0\n")


def test_limit_of_a_run_ends_it(project: Project) -> None:
    project.write_list("a")
    project.server.always["/simple/a/"] = Answer(delay_s=60.0)

    run = project.lock("requirements.txt", "--run-timeout", "0.5")

    assert (run.code, run.err) == (
        4,
        "error: the run took longer than 0.5 s\n  try: a longer `--run-timeout`, or run it again\n",
    )
    assert project.files() == ["requirements.txt"]


def test_limit_of_an_answer_is_named(project: Project) -> None:
    project.write_list("a")
    project.server.always["/simple/a/"] = Answer(delay_s=60.0)

    run = project.lock("requirements.txt", "--timeout", "0.5")

    assert (run.code, run.err) == (
        4,
        "error: no whole answer within 0.5 s, the time for one answer, from https://index.example/simple/a/\n"
        "  try: again later, or a longer `--timeout`\n",
    )


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
