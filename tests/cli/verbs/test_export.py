"""`lock export`: what it prints is what pip and uv install."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from uv import find_uv_bin

from tests.cli.source_trees import commit, unpack
from tests.cli.verb_runs import run_verb
from tests.command import Project
from tests.distributions import make_sdist
from tests.servers import sdist, wheel
from tests.test_installation import make_environment, run_clean, run_python

MINOR = f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture
def locked(project: Project) -> Project:
    """`alpha` with `beta` from the index, `gamma` (an sdist) from a page of links."""
    project.server.add("alpha", wheel("alpha", "1.0", ["beta"]), wheel("alpha", "0.9"))
    project.server.add("beta", wheel("beta", "2.0"))
    project.server.add("gamma", sdist("gamma", "3.0"))
    project.write_list("alpha", "gamma")
    assert project.lock("requirements.txt", "--python", MINOR).code == 0
    return project


def install(installer: str, python: Path, *words: str, folder: Path) -> None:
    """Install with a real installer into an environment, seeing nothing of this one."""
    if installer == "pip":
        command = [sys.executable, "-m", "pip", "--isolated", "--disable-pip-version-check", "--python", str(python)]
        command += ["install", "--no-cache-dir"]
    else:
        command = [find_uv_bin(), "pip", "install", "--no-config", "--no-cache", "--python", str(python)]
    done = run_clean([*command, *words], folder)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("installer", ["pip", "uv"])
def test_requirements_are_installed_as_their_header_says(locked: Project, installer: str, tmp_path: Path) -> None:
    assert run_verb(locked, "export", "--format", "requirements", "-o", "locked.txt").code == 0
    python = make_environment(tmp_path / "environment")

    install(installer, python, "--no-deps", "--require-hashes", "-r", "locked.txt", folder=locked.folder)

    assert run_python(python, "import alpha, beta; print(alpha.__version__, beta.__version__)") == "1.0 2.0\n"


@pytest.mark.parametrize("installer", ["pip", "uv"])
def test_list_is_installed_as_argv(locked: Project, installer: str, tmp_path: Path) -> None:
    items = json.loads(
        run_verb(locked, "export", "--format", "list", "--json").out.replace(
            "https://index.example", locked.server.base_url
        )
    )
    python = make_environment(tmp_path / "environment")

    install(installer, python, *items, folder=locked.folder)

    assert run_python(python, "import alpha, beta; print(alpha.__version__, beta.__version__)") == "1.0 2.0\n"


@pytest.mark.parametrize("installer", ["pip", "uv"])
def test_files_on_disk_are_installed_from_the_folder_of_the_export(
    project: Project, installer: str, tmp_path: Path
) -> None:
    file = wheel("alpha", "1.0")
    project.write("wheels/empty", "")
    (project.folder / "wheels" / file.filename).write_bytes(file.content)
    project.write("requirements.txt", "--no-index\n--find-links wheels\nalpha\n")
    assert project.lock("requirements.txt", "--python", MINOR).code == 0
    project.write("out/empty", "")
    run = run_verb(project, "export", "--format", "requirements", "-o", "out/locked.txt")
    assert run.err == "note: paths in it start from the folder that the installer runs in\n"
    python = make_environment(tmp_path / "environment")

    install(installer, python, "--no-deps", "--require-hashes", "-r", "locked.txt", folder=project.folder / "out")

    assert run_python(python, "import alpha; print(alpha.__version__)") == "1.0\n"


def test_export_is_the_same_each_time_and_has_no_date(locked: Project) -> None:
    first, second = (run_verb(locked, "export", "--format", "requirements") for _ in range(2))
    assert (first.code, first.out, first.err) == (0, second.out, "")
    assert first.out.startswith(f"# locked for Python {MINOR} on manylinux_2_35_x86_64; dependencies included")


def test_pylock_of_the_whole_is_the_lock(locked: Project) -> None:
    assert run_verb(locked, "export", "--format", "pylock").out == locked.read()


def test_list_without_json_is_one_item_a_line(locked: Project) -> None:
    as_lines = run_verb(locked, "export", "--format", "list").out.splitlines()
    assert as_lines == json.loads(run_verb(locked, "export", "--format", "list", "--json").out)
    assert as_lines[0] == "--no-deps"


def test_layer_is_written_alone(project: Project) -> None:
    for name in ("a", "b", "c"):
        project.server.add(name, wheel(name, "1.0", ["c"] if name != "c" else []))
    project.write(
        "app.py", 'class App:\n    requirements = [["--index-url", "INDEX", "a"], ["--index-url", "INDEX", "b"]]\n'
    )
    assert project.lock("app.py").code == 0

    def names(layer: str) -> list[str]:
        items = run_verb(project, "export", "--format", "list", "--layer", layer).out.splitlines()
        return [item.partition(" ")[0] for item in items]

    assert (names("0"), names("1")) == (["--no-deps", "a", "c"], ["--no-deps", "b"])
    assert run_verb(project, "export", "--format", "list", "--layer", "2").err == (
        "error: pylock.app.toml: there is no layer `2`: the lock has the layers `0` to `1`\n"
    )


def test_export_does_not_replace_its_own_lock(locked: Project) -> None:
    before = locked.read()
    run = run_verb(locked, "export", "--format", "requirements", "-o", "pylock.toml")
    assert (run.code, run.err) == (
        2,
        "error: `pylock.toml` would be replaced by its own export\n  try: another place, with `-o`\n",
    )
    assert locked.read() == before


def test_json_of_another_form_is_refused(locked: Project) -> None:
    run = run_verb(locked, "export", "--format", "requirements", "--json")
    assert (run.code, run.out, run.err) == (2, "", "error: `--json` is for `--format list` alone\n")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("requirements", "--name", "demo"), "error: `--name` is for `--format sbom` alone\n"),
        (
            ("sbom", "--layer", "0"),
            "error: `--layer` is not for `--format sbom`, which is about the whole lock\n",
        ),
        (
            ("hydrated", "-o", "-"),
            "error: a lock with secrets goes to a file that its owner alone can read\n"
            "  try: name it: `-o pylock.build.toml`, outside of the repository\n",
        ),
    ],
)
def test_option_of_another_form_is_refused(locked: Project, words: tuple[str, ...], message: str) -> None:
    run = run_verb(locked, "export", "--format", *words)
    assert (run.code, run.out, run.err) == (2, "", message)


def test_place_that_cannot_be_written_is_told(locked: Project) -> None:
    run = run_verb(locked, "export", "--format", "list", "-o", "missing/list.txt")
    assert (run.code, run.err) == (
        2,
        "error: `list.txt` cannot be written: no such file or directory\n  try: another place, with `-o`\n",
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full")
def test_device_is_written_to_and_never_replaced(locked: Project) -> None:
    run = run_verb(locked, "export", "--format", "list", "-o", "/dev/full")

    assert run.code == 2
    assert run.err.endswith("`full` cannot be written: no space left on device\n  try: another place, with `-o`\n")
    assert Path("/dev/full").is_char_device()


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (
            ("export", "--format", "list", "https://u:canary-Zq9@h.example/pylock.toml"),
            "error: `https://h.example/pylock.toml` is a URL, and a lock is read from a file\n"
            "  try: download it first\n",
        ),
        (
            ("fetch", "--to", "wheels", "--credentials", "https://u:canary-Zq9@h.example/logins.toml"),
            "error: the credentials in `https:/…@h.example/logins.toml` cannot be read: no such file or directory\n",
        ),
    ],
)
def test_url_in_place_of_a_file_does_not_show_its_password(
    locked: Project, argv: tuple[str, ...], message: str
) -> None:
    run = run_verb(locked, *argv)
    assert (run.code, run.out, run.err) == (2, "", message)


def test_export_goes_where_a_link_leads(locked: Project) -> None:
    target = locked.write("real.txt", "old\n")
    link = locked.folder / "link.txt"
    link.symlink_to(target)

    assert run_verb(locked, "export", "--format", "list", "-o", "link.txt").code == 0

    assert link.is_symlink()
    assert target.read_text().startswith("--no-deps\n")


@pytest.mark.parametrize("installer", ["pip", "uv"])
@pytest.mark.parametrize("form", ["requirements", "list"])
def test_commits_folders_and_archives_are_installed_from_an_export(
    project: Project, installer: str, form: str, tmp_path: Path
) -> None:
    project.server.add("alpha", wheel("alpha", "1.0"))
    project.server.add("beta", sdist("beta", "2.0"))
    unpack(project, "plugin", make_sdist("gamma", "3.0"))
    repository = unpack(project, "repository", make_sdist("delta", "4.0"))
    reference = f"git+{repository.as_uri()}@{commit(repository)}"
    beta = project.server.file_url("beta-2.0.tar.gz")
    project.write_list("alpha", f"beta @ {beta}", "./plugin", f"delta @ {reference}")
    assert project.lock("requirements.txt", "--python", MINOR).code == 0
    run = run_verb(project, "export", "--format", form, "-o", "locked.txt", *(["--json"] if form == "list" else []))
    assert run.code == 0, run.err
    text = (project.folder / "locked.txt").read_text()
    words = json.loads(text) if form == "list" else ["--no-deps", "-r", "locked.txt"]
    python = make_environment(tmp_path / "environment")

    # Builds without an index: these need nothing.
    install(installer, python, "--no-index", *words, folder=project.folder)

    code = "from importlib.metadata import version as v; print(v('alpha'), v('beta'), v('gamma'), v('delta'))"
    assert run_python(python, code) == "1.0 2.0 3.0 4.0\n"
