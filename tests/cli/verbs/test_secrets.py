"""`lock secrets`: literal tokens by file and line."""

from __future__ import annotations

import json

from tests.cli.verb_runs import run_verb
from tests.command import Project

CANARY = "c4n4ryV4lue"
WHERE = "where the list is locked and where the lock is installed"
REMEDY = f"try: write `${{NAME}}` in its place, and set that variable {WHERE}\n"


def test_secret_is_told_by_file_and_line_and_exits_1(project: Project) -> None:
    project.write("requirements.txt", f"numpy\n--extra-index-url https://user:{CANARY}@index.example/simple/\n")

    run = run_verb(project, "secrets", "requirements.txt")

    assert (run.code, run.err) == (1, "")
    assert run.out == f"requirements.txt:2: user information in a URL of `index.example`\n{REMEDY}"


def test_clean_files_print_nothing_and_exit_0(project: Project) -> None:
    project.write("requirements.txt", "app @ git+https://${TOKEN}@git.example/app.git\n")

    run = run_verb(project, "secrets", "requirements.txt")

    assert (run.code, run.out, run.err) == (0, "", "")


def test_folder_stands_for_the_lists_apps_and_locks_below_it(project: Project) -> None:
    line = f"https://user:{CANARY}@index.example/simple/"
    for name in ("apps/app.py", "pylock.gpu.toml", "requirements-dev.txt", "notes.md", ".hidden/app.py"):
        project.write(name, line)
    project.write("venv/pyvenv.cfg", "")
    project.write("venv/lib/app.py", line)

    found = json.loads(run_verb(project, "secrets", ".", "--json").out)["findings"]

    assert [one["path"] for one in found] == ["apps/app.py", "pylock.gpu.toml", "requirements-dev.txt"]


def test_folder_has_every_file_that_lock_would_read(project: Project) -> None:
    line = f"https://user:{CANARY}@index.example/simple/\n"
    names = ("base.txt", "deps/gpu.in", "deps/list.txt", "jobs/paint.py", "pylock.app-gpu-a100.toml", "pyproject.toml")
    for name in (*names, "limits", "data.json"):
        project.write(name, f"# {line}" if name.endswith("toml") else line)
    project.write("deps/main.txt", "numpy\n-c ../limits\n-r missing.txt\n")

    found = json.loads(run_verb(project, "secrets", ".", "--json").out)["findings"]

    assert sorted({one["path"] for one in found}) == sorted((*names, "limits"))


def test_named_file_is_read_whatever_its_name(project: Project) -> None:
    for name in ("list", "notes.md", ".hidden.txt"):
        project.write(name, f"https://user:{CANARY}@index.example/simple/\n")
        assert run_verb(project, "secrets", name).code == 1


def test_file_named_twice_is_read_once(project: Project) -> None:
    project.write("requirements.txt", f"https://user:{CANARY}@index.example/simple/")

    assert len(json.loads(run_verb(project, "secrets", ".", "requirements.txt", "--json").out)["findings"]) == 1


def test_value_is_never_printed(project: Project) -> None:
    project.write("app.py", f'URL = "https://files.example/a.whl?X-Goog-Signature={CANARY}"\n')

    for more in ((), ("--json",)):
        run = run_verb(project, "secrets", "app.py", *more)
        assert (run.code, CANARY in run.out + run.err) == (1, False)


def test_missing_file_is_bad_input(project: Project) -> None:
    run = run_verb(project, "secrets", "none.txt")

    assert (run.code, run.err) == (2, "error: `none.txt` cannot be read: no such file or directory\n")


def test_token_in_a_path_is_found_by_the_patterns_of_the_configuration(project: Project) -> None:
    project.write("pyproject.toml", "[tool.pinfold.secrets]\npatterns = ['/feed/([a-z0-9]{8,})/']\n")
    project.write(
        "requirements.txt", "--index-url https://h.example/feed/c4n4ry00/simple/\n-f https://h.example/feed/${T}/x/\n"
    )

    run = run_verb(project, "secrets", ".")

    assert (run.code, run.out) == (1, f"requirements.txt:1: a token in the path in a URL of `h.example`\n{REMEDY}")
