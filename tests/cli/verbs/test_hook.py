"""The hooks that we offer, run by the real pre-commit in a scratch repository with three apps in one folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]  # comes with pre-commit, without stubs

from lockfiles import read
from tests.command import Project, child_environment
from tests.servers import sdist, wheel

ROOT = Path(__file__).parents[3]
CANARY = "c4n4ryT0k3n"
APPS = ("paint", "sing", "write")


class Repository:
    """A git repository whose hooks are ours, run with this pinfold instead of an installed one."""

    def __init__(self, project: Project, hooks: list[dict[str, object]]) -> None:
        self.project = project
        self.folder = project.folder
        self.environment = child_environment(
            self.folder,
            PRE_COMMIT_HOME=str(self.folder.parent / "pre-commit"),
            GIT_CONFIG_GLOBAL=os.devnull,
            GIT_CONFIG_NOSYSTEM="1",
            PINFOLD_CACHE_DIR=str(project.cache),
        )
        for name in ("AUTHOR", "COMMITTER"):
            self.environment |= {f"GIT_{name}_NAME": "a", f"GIT_{name}_EMAIL": "a@example.org"}
        local = [{**hook, "language": "system", "entry": _run_here(str(hook["entry"]))} for hook in hooks]
        config = {"repos": [{"repo": "local", "hooks": local}]}
        (self.folder / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")

    def git(self, *argv: str) -> None:
        subprocess.run(["git", *argv], cwd=self.folder, env=self.environment, check=True, capture_output=True)

    def run_hook(self, name: str) -> tuple[int, str]:
        """Exit code and output of one hook on what is staged."""
        self.git("add", "--all")
        command = [sys.executable, "-m", "pre_commit", "run", name, "--verbose"]
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, check=False, capture_output=True, encoding="utf-8"
        )
        return done.returncode, self.project.fix(done.stdout + done.stderr)

    def edit(self, name: str, old: str, new: str) -> None:
        path = self.folder / name
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")


def _run_here(entry: str) -> str:
    code = "import sys; sys.argv[0] = 'lock'; from resolver.cli import run; run()"
    _, *words = entry.split()
    return f'"{sys.executable}" -c "{code}" {" ".join(words)}'


@pytest.fixture
def repository(project: Project) -> Repository:
    project.server.add("numpy", wheel("numpy", "1.26.0"), wheel("numpy", "2.1.0"))
    project.write("pyproject.toml", '[tool.pinfold]\nindex-url = "INDEX"\n')
    for name in APPS:
        project.write(
            f"{name}.py",
            f"import fal\n\n\nclass {name.title()}(fal.App):\n"
            '    requirements = ["numpy>=1"]\n    machine_type = "M"\n',
        )
    assert project.lock(*(f"{name}.py" for name in APPS)).code == 0
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    made = Repository(project, hooks)
    made.git("init", "--quiet", "--initial-branch=main")
    made.git("add", "--all")
    made.git("commit", "--quiet", "--message", "first", "--no-verify")
    return made


def test_hooks_pass_when_all_is_true(repository: Repository) -> None:
    repository.edit("paint.py", "import fal", "import fal  # of the platform")

    for name in ("pinfold-check", "pinfold-secrets", "pinfold-lock"):
        code, output = repository.run_hook(name)
        assert (code, "Passed" in output) == (0, True), output


def test_edited_list_is_caught_with_its_difference(repository: Repository) -> None:
    repository.edit("paint.py", "numpy>=1", "numpy<2")

    code, output = repository.run_hook("pinfold-check")

    assert code == 1
    assert "- numpy>=1" in output
    assert "+ numpy<2" in output
    assert "pylock.paint.toml" in output
    assert "pylock.sing.toml" not in output


def test_stale_lock_is_made_again(repository: Repository) -> None:
    repository.edit("paint.py", "numpy>=1", "numpy<2")

    code, output = repository.run_hook("pinfold-lock")

    assert code == 1, output
    assert "files were modified by this hook" in output
    lock = read(repository.folder / "pylock.paint.toml")
    assert [str(package.version) for package in lock.pylock.packages] == ["1.26.0"]
    assert repository.run_hook("pinfold-lock")[0] == 0
    assert repository.run_hook("pinfold-check")[0] == 0


@pytest.mark.parametrize("before", ['version = "', "size = ", 'url = "http://127.0.0.'])
def test_tampered_lock_is_caught(repository: Repository, before: str) -> None:
    path = repository.folder / "pylock.sing.toml"
    text = path.read_text(encoding="utf-8")
    place = text.index(before) + len(before)
    path.write_text(f"{text[:place]}{(int(text[place]) + 1) % 10}{text[place + 1 :]}", encoding="utf-8")

    code, output = repository.run_hook("pinfold-check")

    assert code == 1, output
    assert "pylock.sing.toml" in output


def test_lock_that_no_list_writes_is_caught(repository: Repository) -> None:
    (repository.folder / "sing.py").unlink()
    repository.edit("paint.py", "import fal", "import fal  # of the platform")

    code, output = repository.run_hook("pinfold-check")

    assert code == 1
    assert "pylock.sing.toml: no list writes this lock any more" in output


def test_setting_that_changes_the_answer_is_caught(repository: Repository) -> None:
    repository.edit("pyproject.toml", "[tool.pinfold]\n", '[tool.pinfold]\nexclude = ["setuptools"]\n')

    code, output = repository.run_hook("pinfold-check")

    assert code == 1
    assert output.count("setting `exclude`") == len(APPS)


def test_literal_token_is_caught_by_line_and_not_shown(repository: Repository) -> None:
    repository.edit("write.py", '"numpy>=1"', f'"app @ git+https://{CANARY}@git.example/app.git"')

    code, output = repository.run_hook("pinfold-secrets")

    assert code == 1
    assert "write.py:5: user information in a URL of `git.example`" in output
    assert CANARY not in output


def test_hook_builds_nothing_that_is_not_allowed_by_name(repository: Repository) -> None:
    repository.project.server.add("built", sdist("built", "1.0", static=False))
    repository.edit("paint.py", '"numpy>=1"', '"numpy>=1", "built"')

    code, output = repository.run_hook("pinfold-lock")

    assert code == 1
    assert "`--no-build` forbids it" in output


def test_files_that_concern_no_lock_are_passed_over(repository: Repository) -> None:
    repository.project.write("other/tool.py", "import os\n")
    repository.git("add", "--all")

    assert repository.run_hook("pinfold-secrets")[0] == 0


@pytest.mark.network
def test_hooks_install_from_this_repository(repository: Repository) -> None:
    command = [sys.executable, "-m", "pre_commit", "try-repo", str(ROOT), "pinfold-check", "--all-files", "--verbose"]

    done = subprocess.run(
        command, cwd=repository.folder, env=repository.environment, check=False, capture_output=True, encoding="utf-8"
    )

    assert (done.returncode, "Passed" in done.stdout) == (0, True), done.stdout + done.stderr


def test_own_configuration_is_valid_and_asks_no_host() -> None:
    path = ROOT / ".pre-commit-config.yaml"
    subprocess.run([sys.executable, "-m", "pre_commit", "validate-config", str(path)], check=True)

    (repository,) = yaml.safe_load(path.read_text(encoding="utf-8"))["repos"]
    assert repository["repo"] == "local"
    assert {hook["language"] for hook in repository["hooks"]} == {"system"}
