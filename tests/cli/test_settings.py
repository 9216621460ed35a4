"""Settings of the command line and of `[tool.pinfold]`: that they reach the solution, and what their paths mean."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.command import Project
from tests.distributions import make_wheel
from tests.servers import IndexServer, sdist, wheel


@pytest.fixture(autouse=True)
def index(project: Project) -> None:
    project.server.add("a", wheel("a", "1.0", ["b"]), wheel("a", "1.1", ["b"]), wheel("a", "2.0rc1", ["b"]))
    project.server.add("b", wheel("b", "1.0"), wheel("b", "2.0"), sdist("b", "2.1"))


def put_wheel(project: Project, folder: str, name: str, version: str) -> None:
    path = project.folder / folder / f"{name}-{version}-py3-none-any.whl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(make_wheel(name, version))


@pytest.mark.parametrize(
    ("argv", "pins"),
    [
        ([], {"a": "1.1", "b": "2.1"}),
        (["-c", "limits.txt"], {"a": "1.1", "b": "1.0"}),
        (["--override", "overrides.txt"], {"a": "1.1", "b": "2.0"}),
        (["--exclude", "B"], {"a": "1.1"}),
        (["--pre"], {"a": "2.0rc1", "b": "2.1"}),
        (["--prefer-binary"], {"a": "1.1", "b": "2.0"}),
        (["--no-deps"], {"a": "1.1"}),
        (["--only-binary", "b"], {"a": "1.1", "b": "2.0"}),
        (["--no-binary", "b"], {"a": "1.1", "b": "2.1"}),
    ],
)
def test_flag_of_the_command_line_changes_the_solution(project: Project, argv: list[str], pins: dict[str, str]) -> None:
    project.write("limits.txt", "b<2\n")
    project.write("overrides.txt", "b==2.0\n")
    project.write_list("a")

    run = project.lock("requirements.txt", *argv)

    assert (run.code, project.pins()) == (0, pins)


@pytest.mark.parametrize(
    ("setting", "pins"),
    [
        ('constraint-dependencies = ["b<2"]', {"a": "1.1", "b": "1.0"}),
        ('override-dependencies = ["b==2.0"]', {"a": "1.1", "b": "2.0"}),
        ('exclude = ["b"]', {"a": "1.1"}),
        ("pre = true", {"a": "2.0rc1", "b": "2.1"}),
        ("prefer-binary = true", {"a": "1.1", "b": "2.0"}),
        ("no-deps = true", {"a": "1.1"}),
        ('only-binary = ["b"]', {"a": "1.1", "b": "2.0"}),
        ('constraint = ["limits.txt"]', {"a": "1.1", "b": "1.0"}),
        ('override = ["overrides.txt"]', {"a": "1.1", "b": "2.0"}),
    ],
)
def test_setting_of_the_table_changes_the_solution(project: Project, setting: str, pins: dict[str, str]) -> None:
    project.write("limits.txt", "b<2\n")
    project.write("overrides.txt", "b==2.0\n")
    project.write("pyproject.toml", f"[tool.pinfold]\n{setting}\n")
    project.write_list("a")

    run = project.lock("requirements.txt")

    assert (run.code, project.pins()) == (0, pins)
    assert project.lock("requirements.txt", "--check").code == 0


def test_configured_index_takes_the_place_of_the_default_one(project: Project) -> None:
    project.write("pyproject.toml", '[tool.pinfold]\nrequirements = ["b"]\nindex-url = "INDEX"\n')

    assert project.lock().code == 0
    assert [package.index for package in project.load().pylock.packages] == [project.server.index_url]


def test_index_of_the_list_goes_before_the_configured_one(project: Project) -> None:
    project.write("pyproject.toml", '[tool.pinfold]\nindex-url = "http://127.0.0.1:9/simple/"\n')
    project.write_list("b")

    assert project.lock("requirements.txt").code == 0
    tool = project.load().tool
    assert tool is not None
    assert project.lock("requirements.txt", "--check").code == 0


def test_variable_in_a_configured_index_comes_from_the_environment(project: Project) -> None:
    project.monkeypatch.setenv("MIRROR", project.server.index_url.removesuffix("/simple/"))
    project.write("pyproject.toml", '[tool.pinfold]\nrequirements = ["b"]\nindex-url = "${MIRROR}/simple/"\n')

    assert project.lock().code == 0
    assert project.pins() == {"b": "2.1"}


def test_files_newer_than_the_cut_off_do_not_exist(project: Project) -> None:
    project.server.add("b", wheel("b", "3.0", upload_time="2025-06-01T00:00:00.000000Z"))
    project.write_list("b")

    assert project.lock("requirements.txt", "--exclude-newer", "2025-01-01").code == 0
    assert project.pins() == {"b": "2.1"}


def test_paths_in_a_table_are_relative_to_its_file(project: Project) -> None:
    put_wheel(project, "wheels", "c", "1.0")
    project.write(
        "pyproject.toml", '[tool.pinfold]\nfind-links = ["wheels"]\nconstraint = ["limits.txt"]\nno-index = true\n'
    )
    project.write("limits.txt", "c<2\n")
    project.write("app/requirements.txt", "c\n")

    for within in ("app", "."):
        run = project.lock("requirements.txt" if within == "app" else "app/requirements.txt", within=within)
        assert (run.code, project.pins("app/pylock.toml")) == (0, {"c": "1.0"})


def test_constraint_of_a_table_is_named_as_seen_from_here(project: Project) -> None:
    project.write("pyproject.toml", '[tool.pinfold]\nconstraint = ["limits.txt"]\n')
    project.write("limits.txt", "b ==\n")
    project.write("app/requirements.txt", "b\n")

    run = project.lock("requirements.txt", within="app")

    assert run.code == 2
    assert run.err.startswith("error: ../limits.txt:1 (from [tool.pinfold] constraint[0]): ")


def test_paths_on_the_command_line_are_relative_to_the_current_folder(project: Project) -> None:
    put_wheel(project, "wheels", "c", "1.0")
    project.write("app/app.py", 'class Chat:\n    requirements = ["c"]\n')

    run = project.lock("app/app.py", "--no-index", "-f", "wheels")

    assert (run.code, project.pins("app/pylock.app.toml")) == (0, {"c": "1.0"})


def test_paths_in_an_app_are_relative_to_its_file(project: Project) -> None:
    put_wheel(project, "app/wheels", "c", "1.0")
    project.write(
        "app/app.py", 'class Chat:\n    requirements = ["--no-index", "-f", "wheels", "-r", "more/list.txt"]\n'
    )
    project.write("app/more/list.txt", "-f ../wheels\nc\n")

    run = project.lock("app/app.py")

    assert (run.code, project.pins("app/pylock.app.toml")) == (0, {"c": "1.0"})


def test_folder_of_wheels_gives_the_same_bytes_from_everywhere(project: Project) -> None:
    put_wheel(project, "app/wheels", "c", "1.0")
    project.write("app/requirements.txt", "--no-index\n--find-links wheels\nc\n")

    project.lock("app/requirements.txt")
    from_above = project.read("app/pylock.toml")
    (project.folder / "app/pylock.toml").unlink()
    project.lock("requirements.txt", within="app")

    assert project.read("app/pylock.toml") == from_above
    assert 'path = "wheels/c-1.0-py3-none-any.whl"' in from_above
    assert "<folder>" not in from_above


def test_printed_lock_of_a_folder_of_wheels_has_the_paths_of_a_lock_beside_the_list(project: Project) -> None:
    put_wheel(project, "wheels", "c", "1.0")
    project.write("requirements.txt", "--no-index\n--find-links wheels\nc\n")

    printed = project.lock("requirements.txt", "-o", "-").out
    project.lock("requirements.txt")

    assert printed == project.read()


def test_build_constraints_bind_what_a_build_needs(project: Project) -> None:
    project.server.add("helper", wheel("helper", "1.0"), wheel("helper", "2.0"))
    project.server.add(
        "c",
        sdist(
            "c",
            "1.0",
            static=False,
            build_requires=["helper"],
            backend_statement="import helper\nassert helper.__version__ == '1.0', helper.__version__",
        ),
    )
    project.write("build.txt", "helper<2\n")
    project.write_list("c")
    project.python = None

    assert project.lock("requirements.txt", "--build-constraint", "build.txt").code == 0
    assert project.pins() == {"c": "1.0"}


def test_build_constraints_are_recorded(project: Project) -> None:
    project.write("pyproject.toml", '[tool.pinfold]\nbuild-constraint-dependencies = ["setuptools<80"]\n')
    project.write_list("b")
    project.lock("requirements.txt")

    run = project.lock(
        "requirements.txt", "--check", "--build-constraint", project.write("more.txt", "helper<2\n").name
    )

    assert run.code == 1
    assert "setting `build-constraints`: `setuptools<80` -> `helper<2 setuptools<80`" in run.err


def test_inline_constraint_that_collides_is_named_by_its_key(project: Project) -> None:
    project.write("pyproject.toml", '[tool.pinfold]\nconstraint-dependencies = ["c", "b<1"]\n')
    project.write_list("b")

    run = project.lock("requirements.txt")

    assert (run.code, run.err) == (
        3,
        "error: no solution for Python 3.11 on manylinux_2_35_x86_64: no version of `b` matches\n"
        "  [tool.pinfold] constraint-dependencies[1]: `b<1` (a constraint)\n"
        "  because https://index.example/simple/ has 3 versions in 3 files, the newest 2.1\n"
        "  try: `b<3` at [tool.pinfold] constraint-dependencies[1]: gives 2.1 (tested: it locks)\n",
    )


def test_switch_and_location_of_the_table_are_named_by_their_keys(project: Project) -> None:
    project.write("pyproject.toml", '[tool.pinfold]\nextra-index-url = ["INDEX", "ftp://x/"]\nno-binary = ["a b"]\n')
    project.write_list("b")

    run = project.lock("requirements.txt", "--extra-index-url", "ftp://y/")

    assert (run.code, run.err) == (
        2,
        "error: command line[0]: `ftp://y/` cannot be requested\n"
        "  because `ftp:` is none of `https:`, `http:` and `file:`\n"
        "[tool.pinfold] no-binary[0]: `--no-binary a b` holds `a b`, which is no project name\n"
        "  because it takes names with commas between them, `:all:` or `:none:`\n"
        "[tool.pinfold] extra-index-url[1]: `ftp://x/` cannot be requested\n"
        "  because `ftp:` is none of `https:`, `http:` and `file:`\n",
    )


@pytest.mark.parametrize(
    ("table", "argv", "version"),
    [
        ([], ["--only-binary", "b", "--no-binary", "b"], "2.1"),
        ([], ["--no-binary", "b", "--only-binary", "b"], "2.0"),
        ([], ["--only-binary", ":all:", "--no-binary", "b"], "2.1"),
        ([], ["--no-binary", "b", "--only-binary", ":all:"], "2.0"),
        (['only-binary = ["b"]'], ["--no-binary", "b"], "2.1"),
        (['no-binary = ["b"]'], ["--only-binary", "b"], "2.0"),
        (['no-binary = ["b"]', 'only-binary = [":all:"]'], [], "2.1"),
        (['only-binary = ["b"]'], ["--only-binary", ":none:"], "2.1"),
    ],
)
def test_last_word_about_the_format_of_a_project_wins(
    project: Project, table: list[str], argv: list[str], version: str
) -> None:
    project.write("pyproject.toml", "\n".join(["[tool.pinfold]", *table]))
    project.write_list("b")

    run = project.lock("requirements.txt", *argv)

    assert (run.code, project.pins()) == (0, {"b": version})


def test_files_of_overrides_are_named_by_what_names_them(project: Project) -> None:
    project.write("pyproject.toml", '[tool.pinfold]\noverride = ["far.txt"]\n')
    project.write("near.txt", "b<3\n")
    project.write("far.txt", "b>=3\n")
    project.write_list("a")

    run = project.lock("requirements.txt", "--override", "near.txt")

    assert (run.code, run.err) == (
        3,
        "error: no solution for Python 3.11 on manylinux_2_35_x86_64: no version of `b` matches\n"
        "  far.txt:1 (from [tool.pinfold] override[0]):"
        " `b>=3` (an override, in place of all other requirements on `b`)\n"
        "  because https://index.example/simple/ has 3 versions in 3 files, the newest 2.1\n"
        "  try: `b>=2.1` in place of the override `b>=3`\n",
    )


def test_trusted_host_of_the_command_line_needs_no_certificate_and_leaves_no_trace(
    project: Project, encrypted: tuple[IndexServer, Path]
) -> None:
    server, _ = encrypted
    server.add("c", wheel("c", "1.0"))
    project.write("requirements.txt", f"--index-url {server.index_url}\nc\n")

    refused = project.lock("requirements.txt")
    assert refused.code == 4
    assert refused.err.endswith(
        "  try: set `SSL_CERT_FILE` to the CA certificates of your network, or `--trusted-host 127.0.0.1`\n"
    )

    run = project.lock("requirements.txt", "--trusted-host", "127.0.0.1")

    assert (run.code, project.pins()) == (0, {"c": "1.0"})
    assert "trusted" not in project.read()
    assert project.lock("requirements.txt", "--check").code == 0


def test_no_build_isolation_of_the_command_line_serves_every_layer(project: Project) -> None:
    project.server.add("c", sdist("c", "1.0"))
    index = f'"--index-url", "{project.server.index_url}"'
    project.write("app.py", f'class App:\n    requirements = [[{index}, "a"], [{index}, "c"]]\n')

    assert project.lock("app.py", "--no-build-isolation").code == 0
    tool = project.load("pylock.app.toml").tool
    assert tool is not None
    assert [layer[2] for layer in tool.requirements] == ["--no-build-isolation", "--no-build-isolation"]
    assert {one.isolation for one in tool.build.values()} == {False}
    assert project.lock("app.py", "--no-build-isolation", "--check").code == 0


def test_flag_that_a_requirement_file_refuses_is_taken_by_the_command_line(project: Project) -> None:
    project.write_list("--no-deps", "a")

    run = project.lock("requirements.txt")

    assert run.code == 2
    assert run.err == (
        "error: requirements.txt:2: `--no-deps` has no place in a requirement file\n"
        "  because pip refuses it there\n"
        "  try: give `--no-deps` in the list or on the command line\n"
    )
    project.write_list("a")
    assert project.lock("requirements.txt", "--no-deps").code == 0
