"""Apps from end to end: what the command makes of their files, folders, tables and locks."""

from __future__ import annotations

import pytest

from tests.command import Project
from tests.servers import wheel

HEAD = "import fal\nimport os\nimport platform\nimport sys\n\n"


@pytest.fixture(autouse=True)
def index(project: Project) -> None:
    project.server.add("a", wheel("a", "1.0", ["b>=2"]), wheel("a", "1.1", ["b>=2"]))
    project.server.add("b", wheel("b", "2.1"), wheel("b", "1.0"))
    project.server.add("c", wheel("c", "3.0"))
    (project.folder / ".git").mkdir(exist_ok=True)


def write_app(project: Project, name: str, body: str, *, class_name: str = "Chat", keywords: str = "") -> None:
    project.write(name, f"{HEAD}class {class_name}(fal.App{keywords}):\n{body}")


def test_a_fault_of_an_item_names_its_line(project: Project) -> None:
    write_app(project, "app.py", '    requirements = [\n        "a",\n        "b ==",\n    ]\n')

    run = project.lock("app.py")

    assert run.code == 2
    assert run.err.startswith("error: app.py:9: `b ==`")


def test_a_conflict_names_the_lines_of_the_items(project: Project) -> None:
    write_app(project, "app.py", '    requirements = [\n        "-i", "INDEX",\n        "a",\n        "b<2",\n    ]\n')

    run = project.lock("app.py")

    assert run.code == 3
    assert "app.py:10" in run.err


def test_an_app_without_a_machine_type_is_locked_for_the_default_of_its_platform(project: Project) -> None:
    write_app(project, "app.py", '    requirements = ["-i", "INDEX", "c"]\n')

    run = project.lock("app.py")

    assert run.code == 0
    assert "\n  machine: S (from the platform's default for an App): no GPU\n" in run.err


@pytest.mark.parametrize(
    "item",
    [
        "f\"{os.environ['WHEELS']}/c-3.0-py3-none-any.whl\"",
        'os.environ.get("WHEELS") + "/c-3.0-py3-none-any.whl"',
        '"c @ " + os.getenv("WHEELS") + "/c-3.0-py3-none-any.whl"',
        '"%s/c-3.0-py3-none-any.whl" % os.environ["WHEELS"]',
        '"{}/c-3.0-py3-none-any.whl".format(os.environ["WHEELS"])',
    ],
)
def test_a_variable_at_the_start_of_a_url_works_as_in_a_requirement_file(project: Project, item: str) -> None:
    project.monkeypatch.setenv("WHEELS", f"{project.server.base_url}/files")
    write_app(project, "app.py", f'    requirements = ["--no-index", {item}]\n')
    project.write("requirements.txt", "--no-index\n${WHEELS}/c-3.0-py3-none-any.whl\n")

    run = project.lock("app.py", "-o", "pylock.app.toml")
    project.lock("requirements.txt", "-m", "S", "-o", "pylock.list.toml")

    assert run.code == 0, run.err
    assert project.load("pylock.app.toml").pylock.packages == project.load("pylock.list.toml").pylock.packages


def test_a_configured_machine_type_goes_before_the_default_of_the_platform(project: Project) -> None:
    write_app(project, "app.py", '    requirements = ["-i", "INDEX", "c"]\n')
    project.write("pyproject.toml", '[tool.pinfold]\nmachine-type = "GPU-A100"\n')

    run = project.lock("app.py")

    assert "\n  machine: GPU-A100 (from [tool.pinfold]): " in run.err


def test_the_target_decides_what_the_app_asks_it_for(project: Project) -> None:
    write_app(
        project,
        "app.py",
        '    requirements = ["-i", "INDEX", "c", "a" if sys.version_info >= (3, 12) else "b"]\n'
        '    if platform.machine() == "aarch64":\n        requirements.append("a==1.0")\n',
    )

    assert project.lock("app.py", "--python", "3.11").code == 0
    assert project.pins("pylock.app.toml") == {"b": "2.1", "c": "3.0"}
    assert project.lock("app.py", "--python", "3.12").code == 0
    assert project.pins("pylock.app.toml") == {"a": "1.1", "b": "2.1", "c": "3.0"}
    assert project.lock("app.py", "--platform", "manylinux_2_35_aarch64").code == 0
    assert project.pins("pylock.app.toml") == {"a": "1.0", "b": "2.1", "c": "3.0"}


def test_a_list_that_the_target_decides_is_checked_for_it(project: Project) -> None:
    write_app(
        project, "app.py", '    requirements = ["-i", "INDEX", f"c>{sys.version_info[0]}.{sys.version_info[1] - 99}"]\n'
    )
    project.lock("app.py")
    write_app(project, "app.py", '    requirements = ["-i", "INDEX", "c" if sys.version_info > (3,) else "a"]\n')

    assert project.lock("app.py").code == 0
    assert project.lock("app.py", "--check").code == 0
    write_app(project, "app.py", '    requirements = ["-i", "INDEX", "b" if sys.version_info > (3,) else "a"]\n')
    assert project.lock("app.py", "--check").code == 1


def test_a_list_that_the_target_decides_is_one_list_for_several_machines(project: Project) -> None:
    write_app(project, "app.py", '    requirements = ["-i", "INDEX", "c" if sys.version_info > (3,) else "a"]\n')

    run = project.lock("app.py", "-m", "GPU-A100", "-m", "GPU-H100", "-m", "S")

    assert run.code == 0
    assert project.pins("pylock.app-gpu-h100.toml") == project.pins("pylock.app-s.toml") == {"c": "3.0"}


def test_what_is_not_understood_ends_the_run_with_its_line(project: Project) -> None:
    write_app(project, "app.py", '    requirements = ["-i", "INDEX", os.popen("id").read()]\n')

    run = project.lock("app.py")

    assert (run.code, project.files()) == (2, ["app.py"])
    assert run.err == (
        "error: app.py:7: `requirements[2]` is not understood: `os.popen('id')`\n"
        "  because `os.popen` is not read here\n"
        "  try: write it out, put the list into a requirements.txt, or run the file with `--evaluate`\n"
    )


def test_a_token_of_the_environment_is_asked_for_and_never_shown(project: Project) -> None:
    host = project.server.index_url.partition("://")[2]
    write_app(project, "app.py", f"    requirements = ['-i', f\"http://{{os.environ['CHAT_TOKEN']}}@{host}\", 'c']\n")

    run = project.lock_in_process(
        "app.py", "-vv", "--allow-variable", f"CHAT_TOKEN={project.server.authority}", CHAT_TOKEN="canary-of-the-token"
    )

    assert run.code == 0
    everything = run.out + run.err + project.read("pylock.app.toml")
    everything += "".join(path.read_bytes().decode("latin-1") for path in project.cache.rglob("*") if path.is_file())
    assert "canary" not in everything
    assert "${CHAT_TOKEN}" in project.read("pylock.app.toml")


def test_a_variable_elsewhere_counts_where_the_settings_name_it(project: Project) -> None:
    write_app(project, "app.py", '    requirements = ["-i", "INDEX", "a==" + os.environ["A_VERSION"]]\n')
    project.monkeypatch.setenv("A_VERSION", "1.0")
    assert project.lock("app.py").code == 2
    project.write("pyproject.toml", '[tool.pinfold]\nenvironment = ["A_VERSION"]\n')
    project.monkeypatch.setenv("PINFOLD_ALLOW_VARIABLE", "A_VERSION=apps")

    assert project.lock("app.py").code == 0
    assert project.pins("pylock.app.toml") == {"a": "1.0", "b": "2.1"}
    project.monkeypatch.setenv("A_VERSION", "1.1")
    assert project.lock("app.py", "--check").code == 1


def test_a_folder_is_locked_app_by_app(project: Project) -> None:
    write_app(project, "apps/one/app.py", '    requirements = ["-i", "INDEX", "a"]\n')
    write_app(project, "apps/two/app.py", '    requirements = ["-i", "INDEX", "c"]\n')
    write_app(project, "apps/two/.venv/lib/app.py", '    requirements = ["broken ="]\n')

    run = project.lock("apps")

    assert run.code == 0
    assert [line for line in run.err.splitlines() if "→" in line] == [
        "apps/one/app.py → apps/one/pylock.app.toml: 2 pins in 0.00 s",
        "apps/two/app.py → apps/two/pylock.app.toml: 1 pin in 0.00 s",
    ]


def test_apps_of_one_folder_have_locks_by_their_names(project: Project) -> None:
    write_app(project, "apps/one.py", '    requirements = ["-i", "INDEX", "a"]\n', class_name="TextToImage")
    write_app(project, "apps/two.py", '    requirements = ["-i", "INDEX", "c"]\n', class_name="Upscale")

    assert project.lock("apps").code == 0
    assert [name for name in project.files() if name.endswith("toml")] == [
        "apps/pylock.one.toml",
        "apps/pylock.two.toml",
    ]


def test_an_app_that_cannot_be_read_does_not_hold_up_the_others(project: Project) -> None:
    write_app(project, "apps/one/app.py", '    requirements = ["-i", "INDEX", "a"]\n')
    write_app(project, "apps/two/app.py", "    requirements = nobody_knows\n")

    run = project.lock("apps")

    assert run.code == 2
    assert run.err.startswith("error: apps/two/app.py:7: `requirements` is not understood: `nobody_knows`\n")
    assert project.pins("apps/one/pylock.app.toml") == {"a": "1.1", "b": "2.1"}


def test_a_folder_without_apps_is_refused(project: Project) -> None:
    project.write("docs/readme.txt", "")

    run = project.lock("docs")

    assert (run.code, run.err) == (2, "error: `docs` is a folder, not a list\n")


def test_what_the_platform_ignores_and_what_is_outside_is_told(project: Project) -> None:
    write_app(
        project,
        "app.py",
        '    python_version = "3.9"\n    local_python_modules = ["lib"]\n    requirements = ["-i", "INDEX", "c"]\n',
    )

    run = project.lock("app.py")

    assert run.err.startswith(
        "warning: app.py:7: the platform ignores `python_version` in the body of class `Chat`; as a keyword of the"
        ' class it counts: `class Chat(…, python_version="3.9")`\n'
        "warning: app.py:8: `local_python_modules` is outside the lock\n"
    )
    assert project.load("pylock.app.toml").tool is not None
    assert "Python from `--python`" in run.err


def test_the_python_of_a_class_keyword_is_the_one_of_the_lock(project: Project) -> None:
    project.python = None
    write_app(project, "app.py", '    requirements = ["-i", "INDEX", "c"]\n', keywords=', python_version="3.10"')

    assert "CPython 3.10 on manylinux_2_35_x86_64 (Python from app.py:6)" in project.lock("app.py").err


LOCKED = (
    "import lockfiles\nimport fal\n\n\nclass Chat(fal.App):\n    machine_type = 'GPU-A100'\n    requirements = {}\n"
)


@pytest.mark.parametrize(
    "call",
    [
        'lockfiles.requirements("pylock.gpu-a100.toml")',
        'list(lockfiles.requirements("pylock.gpu-a100.toml"))',
        '[*lockfiles.requirements("pylock.gpu-a100.toml")]',
    ],
)
def test_an_app_that_installs_a_lock_is_locked_by_the_list_beside_it(project: Project, call: str) -> None:
    project.write("app.py", LOCKED.format(call))
    project.write_list("a", "b")

    run = project.lock("app.py")

    assert run.code == 0
    assert project.files() == ["app.py", "pylock.gpu-a100.toml", "requirements.txt"]
    assert project.pins("pylock.gpu-a100.toml") == {"a": "1.1", "b": "2.1"}
    assert "machine: GPU-A100 (from app.py:6)" in run.err
    assert project.lock("app.py", "--check").code == 0
    project.write_list("a", "c")
    check = project.lock("app.py", "--check")
    assert check.code == 1
    assert check.err == (
        "app.py: pylock.gpu-a100.toml does not fit\n"
        "  - b\n"
        "  + c\n"
        "  requirements.txt:3: `c` has no pin in the lock\n"
        "  try: `lock app.py --python 3.11`\n"
    )


def test_an_app_that_installs_a_lock_is_locked_by_the_list_in_the_settings(project: Project) -> None:
    project.write(
        "apps/app.py", LOCKED.format('lockfiles.requirements("pylock.toml")').replace("import fal", "import fal")
    )
    project.write("pyproject.toml", '[tool.pinfold]\nrequirements = ["-i", "INDEX", "c"]\n')

    assert project.lock("apps/app.py").code == 0
    assert project.pins("apps/pylock.toml") == {"c": "3.0"}


def test_a_fault_of_the_list_behind_a_lock_names_its_line(project: Project) -> None:
    project.write("apps/app.py", LOCKED.format('lockfiles.requirements("pylock.toml")'))
    project.write("apps/requirements.txt", "a\nb ==\n")

    run = project.lock("apps/app.py")

    assert run.code == 2
    assert run.err.startswith("error: apps/requirements.txt:2: `b ==`")


def test_an_app_that_installs_a_lock_of_nothing_is_refused(project: Project) -> None:
    project.write("app.py", LOCKED.format('lockfiles.requirements("pylock.toml")'))

    run = project.lock("app.py")

    assert run.err == (
        "error: app.py:7: `requirements` is what a lock holds, and no list can be what the lock is made from\n"
        "  try: a requirements.txt beside the app\n"
    )


def test_an_app_that_installs_a_lock_of_two_lists_is_refused(project: Project) -> None:
    project.write("app.py", LOCKED.format('lockfiles.requirements("pylock.toml")'))
    project.write_list("a")
    project.write("pyproject.toml", '[tool.pinfold]\nrequirements = ["c"]\n')

    run = project.lock("app.py")

    assert run.err == (
        "error: app.py:7: `requirements` is what a lock holds, and 2 lists, `requirements.txt` and `pyproject.toml"
        " [tool.pinfold]`, can be what the lock is made from\n"
        "  try: one of them alone\n"
    )


def test_an_app_is_run_where_that_is_asked_for(project: Project) -> None:
    write_app(project, "app.py", """    requirements = ["-i", "INDEX", eval("'ac'[sys.version_info[1] > 11]")]\n""")
    assert project.lock("app.py").code == 2

    run = project.lock("app.py", "--evaluate", "--python", "3.10")

    assert (run.code, project.pins("pylock.app.toml")) == (0, {"a": "1.1", "b": "2.1"})
    assert project.lock("app.py", "--evaluate", "--python", "3.12").code == 0
    assert project.pins("pylock.app.toml") == {"c": "3.0"}
    assert project.lock("app.py", "--evaluate", "--python", "3.12", "--check").code == 0


def add_platform(project: Project, *requirements: str) -> None:
    project.write("pyproject.toml", f"[tool.pinfold.platform]\nrequirements = {list(requirements)}\n")


def test_what_the_platform_adds_is_locked_with_the_list(project: Project) -> None:
    write_app(project, "app.py", '    requirements = ["c", "-i", "INDEX"]\n')
    add_platform(project, "a<1.1")

    run = project.lock("app.py")

    assert (run.code, project.pins("pylock.app.toml")) == (0, {"a": "1.0", "b": "2.1", "c": "3.0"})
    assert "not in the lock" not in run.err
    tool = project.load("pylock.app.toml").tool
    assert tool is not None
    assert tool.layers == (("c", "a"),)
    assert project.lock("app.py", "--check").code == 0
    add_platform(project, "a")
    check = project.lock("app.py", "--check")
    assert (check.code, check.err.splitlines()[1:3]) == (1, ["  - a<1.1", "  + a"])


def test_a_list_that_cannot_go_with_the_platform_is_told_when_it_is_locked(project: Project) -> None:
    write_app(project, "app.py", '    requirements = [\n        "b<2",\n        "-i", "INDEX",\n    ]\n')
    add_platform(project, "a")

    run = project.lock("app.py")

    assert run.code == 3
    assert "app.py:8" in run.err
    assert "[tool.pinfold.platform] requirements[0]" in run.err


def test_the_summary_of_an_app_offers_what_the_platform_adds(project: Project) -> None:
    write_app(project, "app.py", '    requirements = ["c", "-i", "INDEX"]\n')
    project.write_list("c")

    assert "\n  not in the lock: what the platform adds to every app (fastapi, pydantic" in project.lock("app.py").err
    assert "not in the lock" not in project.lock("requirements.txt").err
    assert project.lock("app.py", "-m", "GPU-A100", "-m", "GPU-H100").err.count("not in the lock") == 1


def test_an_old_pydantic_does_not_go_with_what_the_platform_adds(project: Project) -> None:
    project.server.add("pydantic", wheel("pydantic", "1.10.19"), wheel("pydantic", "2.9.0"))
    for name in ("tblib", "uvicorn", "starlette-exporter", "packaging", "structlog", "tomli", "tomli-w", "httpx"):
        project.server.add(name, wheel(name.replace("-", "_"), "0.21"))
    project.server.add("fastapi", wheel("fastapi", "0.115.0", ["pydantic"]), wheel("fastapi", "0.120.0"))
    write_app(project, "app.py", '    requirements = [\n        "pydantic>=1.8,<2.0",\n        "-i", "INDEX",\n    ]\n')
    assert project.lock("app.py").code == 0
    project.write("pyproject.toml", '[tool.pinfold.platform]\nprofile = "fal"\n')

    run = project.lock("app.py")

    assert run.code == 3
    assert "app.py:8: `pydantic>=1.8,<2.0`" in run.err
    assert "[tool.pinfold.platform] profile[1]: `pydantic>=2.5`" in run.err
    write_app(project, "app.py", '    requirements = ["pydantic>=2", "-i", "INDEX"]\n')
    assert project.lock("app.py").code == 0
    assert (project.pins("pylock.app.toml")["fastapi"], project.pins("pylock.app.toml")["pydantic"]) == (
        "0.115.0",
        "2.9.0",
    )


def test_app_without_machine_type_says_what_to_do_about_a_build_for_gpus(project: Project) -> None:
    project.server.add("torch", wheel("torch", "2.4.0"))
    project.write("pyproject.toml", '[tool.pinfold]\nindex-url = "INDEX"\n')
    project.write("app.py", 'class Paint(App):\n    requirements = ["torch==2.4.0"]\n')

    run = project.lock("app.py")

    assert (run.code, run.err.splitlines()[-3:]) == (
        3,
        [
            "    2.4.0: is built for a GPU, and the target has none",
            "  try: `-m GPU-A100` or another machine with a GPU, if it is meant for one (tested: it locks)",
            '  try: `allow = ["torch"]` in `[tool.pinfold]`, which turns off the check that its builds run (tested: it'
            " locks)",
        ],
    )
