"""`lock completion`: each script in its own shell, which completes a line with it."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from resolver.cli.main import _MODULES
from resolver.settings.options import OPTIONS
from tests.cli.verb_runs import run_verb
from tests.command import Project, child_environment

_DEADLINE_S = 30
_BASH = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_shtab_lock 2>/dev/null
printf '%s\\n' "${COMPREPLY[@]}"
"""
_FILES = ("app.py", "pylock.toml", "requirements.txt")


@pytest.fixture
def folder(project: Project) -> Path:
    for name in _FILES:
        project.write(name, "")
    return project.folder


def write_script(project: Project, shell: str) -> Path:
    run = run_verb(project, "completion", shell)
    assert (run.code, run.err) == (0, "")
    return project.write(f"scripts/{shell}", run.out)


def complete_in_bash(project: Project, *words: str) -> set[str]:
    script = write_script(project, "bash")
    command = [find_shell("bash"), "--norc", "-c", _BASH, "bash", str(script), *words]
    done = subprocess.run(command, cwd=project.folder, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return set(done.stdout.split())


def complete_in_fish(project: Project, *words: str) -> set[str]:
    script = write_script(project, "fish")
    command = [find_shell("fish"), "--no-config", "-c", "source $argv[1]; complete -C $argv[2]"]
    done = subprocess.run(
        [*command, str(script), " ".join(words)], cwd=project.folder, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return {line.partition("\t")[0] for line in done.stdout.splitlines()}


def complete_in_zsh(project: Project, *words: str) -> str:
    """What zsh shows after two tabs if there is a choice: it completes only on a terminal, so it gets one."""
    script = write_script(project, "zsh").rename(project.folder / "scripts" / "_lock")
    shell = find_shell("zsh")
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(project.folder)
        os.execve(shell, [shell, "-f", "-i"], {**os.environ, "TERM": "xterm", "PS1": "", "COLUMNS": "200"})
    try:
        setup = (
            f"fpath=({script.parent} $fpath); autoload -Uz compinit && compinit -u -D; LISTMAX=999; PS1='be''gin>'\n"
        )
        os.write(terminal, setup.encode())
        # The line editor is there once the prompt is: what comes before is read as plain text.
        read_until(terminal, "begin>")
        os.write(terminal, f"{' '.join(words)}\t\t".encode())
        os.write(terminal, b"\x15echo en''d\n")
        return read_until(terminal, "end\r\n")
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
        os.close(terminal)


def read_until(terminal: int, end: str) -> str:
    """What the shell writes, up to a text."""
    found = ""
    while end not in found:
        assert select.select([terminal], [], [], _DEADLINE_S)[0], f"{end!r} does not come after {found!r}"
        found += os.read(terminal, 4096).decode(errors="replace")
    return found


def find_shell(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


@pytest.mark.usefixtures("folder")
def test_bash_completes_verbs_options_choices_and_files(project: Project) -> None:
    verbs = set(_MODULES)
    assert complete_in_bash(project, "lock", "") >= verbs | {"help", *_FILES}
    assert complete_in_bash(project, "lock", "wh") == {"why"}
    assert complete_in_bash(project, "lock", "app.py", "") & verbs == set()
    flags = {flag for option in OPTIONS for flag in option.flags}
    assert complete_in_bash(project, "lock", "--") == {flag for flag in flags if flag.startswith("--")} | {
        "--help",
        "--help-all",
        "--version",
    }
    assert complete_in_bash(project, "lock", "--index-strategy", "") == {"first-index", "best-match"}
    assert "GPU-B200" in complete_in_bash(project, "lock", "app.py", "-m", "GPU-B")
    assert complete_in_bash(project, "lock", "diff", "--") == {"--help", "--json"}
    assert complete_in_bash(project, "lock", "sizes", "py") == {"pylock.toml"}
    assert "sbom" in complete_in_bash(project, "lock", "export", "--format", "")


@pytest.mark.usefixtures("folder")
def test_fish_completes_verbs_options_choices_and_files(project: Project) -> None:
    assert complete_in_fish(project, "lock", "") >= {*_MODULES, *_FILES}
    assert complete_in_fish(project, "lock", "wh") == {"why"}
    assert complete_in_fish(project, "lock", "--index-strategy", "") == {"first-index", "best-match"}
    assert "GPU-B200" in complete_in_fish(project, "lock", "app.py", "-m", "GPU-B")
    assert complete_in_fish(project, "lock", "diff", "--") == {"--help", "--json"}
    assert complete_in_fish(project, "lock", "sizes", "py") == {"pylock.toml"}


@pytest.mark.usefixtures("folder")
def test_zsh_completes_verbs_options_choices_and_files(project: Project) -> None:
    assert set(re.findall(r"[\w.]+", complete_in_zsh(project, "lock", ""))) >= {*_MODULES, *_FILES}
    assert "best-match" in complete_in_zsh(project, "lock", "--index-strategy", "")
    assert "GPU-B200" in complete_in_zsh(project, "lock", "-m", "GPU-")
    assert "--json" in complete_in_zsh(project, "lock", "diff", "--")
    shown = complete_in_zsh(project, "lock", "sizes", "")
    assert ("pylock.toml" in shown, "why" in shown) == (True, False)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_script_has_nothing_of_the_environment_or_the_folder(project: Project, shell: str) -> None:
    plain = run_verb(project, "completion", shell).out
    project.write("pyproject.toml", '[tool.pinfold]\nindex-url = "https://me:canary-login@index.example/"\n')
    project.write("canary-list.txt", "canary-list\n")
    for option in OPTIONS:
        if option.variable:
            project.monkeypatch.setenv(option.variable, "canary-value")
    project.monkeypatch.setenv("PINFOLD_INDEX_MINE_PASSWORD", "canary-password")
    assert run_verb(project, "completion", shell).out == plain
    assert "canary" not in plain


def test_without_the_library_the_message_has_the_command_that_installs_it(project: Project) -> None:
    hidden = "import sys; sys.modules['shtab'] = None; from resolver.cli.main import main; sys.exit(main(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", hidden, "completion", "bash"],
        env=child_environment(project.folder),
        capture_output=True,
        text=True,
        check=False,
        timeout=_DEADLINE_S,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "error: completion needs `shtab`, which is not installed\n"
        "  try: install the extra `completion`: `pip install 'shtab>=1.13,<2'`\n"
    )


def test_another_verb_does_not_load_the_library(project: Project) -> None:
    code = "import sys; from resolver.cli.main import main; main(['hook', 'check']); print('shtab' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=project.folder,
        env=child_environment(project.folder),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "False\n"
