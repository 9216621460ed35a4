"""`--evaluate`: what an app says when it is run, and what it can see while it is."""

from __future__ import annotations

import operator
import time
from importlib import import_module
from pathlib import Path

import pytest

from resolver.errors import SourceError
from resolver.sources.apps.app_source import read_app_source
from resolver.sources.apps.fal.evaluation import evaluate_file
from resolver.sources.apps.interpreter.values import AppTarget
from resolver.sources.source import Source, StatedValue
from resolver.targets.platforms import Platform, parse_platform
from resolver.targets.target import build_marker_environment, parse_python_version
from tests.foreign_words import find_words

FUNCTION = "def f():\n    pass\n"
HEAD = "import os, platform, sys\nimport fal\nfrom fal.toolkit import Image\n\n\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    return tmp_path


def run(
    folder: Path,
    app: str,
    *,
    python: str = "3.11",
    platform: str = "manylinux_2_35_x86_64",
    environment: dict[str, str] | None = None,
    name: str = "app.py",
) -> Source:
    """The source for a target, with an app that is run."""
    (folder / "app.py").write_text(HEAD + app)
    if environment is not None:
        (folder / "pyproject.toml").write_text(f"[tool.pinfold]\nenvironment = {sorted(environment)}\n")
    source = read_app_source(
        folder / "app.py",
        (folder / "app.py").read_bytes(),
        name=name,
        folder=folder,
        variables=environment or {},
        is_run=True,
    )
    target: Platform = parse_platform(platform)
    dependent = source.form.target_dependent  # type: ignore[union-attr]  # an app file has it
    return dependent.read(source, python=parse_python_version(python), platform=target)  # type: ignore[union-attr]  # as above


def find_fault(folder: Path, app: str, *, environment: dict[str, str] | None = None) -> str:
    with pytest.raises(SourceError) as caught:
        run(folder, app, environment=environment)
    return str(caught.value)


def of_class(requirements: str, more: str = "", keywords: str = "") -> str:
    return f"class Chat(fal.App{keywords}):\n    requirements = {requirements}\n{more}"


def test_a_class_says_what_no_reader_understands(folder: Path) -> None:
    source = run(
        folder,
        of_class("[__import__('json').loads('\"torch\"'), 'numpy']", "    machine_type = 'L'\n    num_gpus = 1\n"),
    )
    assert source.items == ("torch", "numpy")
    assert source.machine_types == StatedValue(value=("L",), where="app.py:8")
    assert source.num_gpus == StatedValue(value=1, where="app.py:9")
    assert [str(place) for place in source.positions] == ["app.py:7", "app.py:7"]


def test_the_rules_of_the_platform_hold(folder: Path) -> None:
    source = run(folder, of_class("['a']", "    python_version = '3.9'\n", ", python_version='3.12', keep_alive=1"))
    assert source.python == StatedValue(value="3.12", where="app.py:6")
    assert source.default_machine == StatedValue(value=("S",), where="the platform's default for an App")
    assert [text.partition(": ")[0] for text in source.warnings] == ["app.py:8"]
    assert find_fault(folder, of_class("[]", keywords=", machine_type='S'")).startswith(
        "app.py:6: the platform raises TypeError for class `Chat`\n"
    )
    assert find_fault(folder, of_class("('a',)")).startswith("app.py:7: `requirements` is a tuple\n")
    assert find_fault(folder, of_class("[1]")).startswith("app.py:7: `requirements[0]` is no text: `1`\n")


def test_a_decorated_function_says_its_arguments(folder: Path) -> None:
    source = run(
        folder,
        "@fal.function(requirements=list('ab'), machine_type=['L', 'M'], python_version='3.10')\n" + FUNCTION,
    )
    assert source.items == ("a", "b")
    assert source.machine_types == StatedValue(value=("L", "M"), where="app.py:6")
    assert source.python == StatedValue(value="3.10", where="app.py:6")


def test_the_app_sees_the_target(folder: Path) -> None:
    app = of_class(
        "['%s.%s' % sys.version_info[:2], sys.platform, platform.system(), platform.machine(),"
        " platform.python_version()]"
    )
    assert run(folder, app, python="3.9").items == ("3.9", "linux", "Linux", "x86_64", "3.9.0")
    assert run(folder, app, python="3.12.4", platform="macosx_13_0_arm64").items == (
        "3.12",
        "darwin",
        "Darwin",
        "arm64",
        "3.12.4",
    )


def test_variables_that_the_settings_name_are_placeholders(folder: Path) -> None:
    environment = {"TOKEN": "canary", "INDEX": "https://canary.example/", "VERSION": "1.5"}
    app = of_class(
        "[f\"git+https://{os.environ['TOKEN']}@github.com/a/b\", '--extra-index-url', os.getenv('INDEX'),"
        " 'a==' + os.environ.get('VERSION', '1'), 'seen' if 'canary' in str(dict(os.environ)) else 'hidden']"
    )
    source = run(folder, app, environment=environment)
    assert source.items == (
        "git+https://${TOKEN}@github.com/a/b",
        "--extra-index-url",
        "${INDEX}",
        "a==1.5",
        "hidden",
    )


def test_no_other_variable_is_seen(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_ANOTHER", "canary")
    app = of_class("sorted(name for name in os.environ if 'SECRET' in name or name.startswith('PYTHON'))")
    assert run(folder, app).items == ()
    assert find_fault(folder, of_class("[os.environ['SECRET_OF_ANOTHER']]")) == (
        "app.py:7: the app was run, and raised KeyError: 'SECRET_OF_ANOTHER'\n"
        '  try: `environment = ["SECRET_OF_ANOTHER"]` in [tool.pinfold], if that is a variable'
    )


@pytest.mark.parametrize(
    "use", ["os.environ['X'] == '1'", "'1' in os.environ['X']", "os.environ['X'].split('.')", "len(os.environ['X'])"]
)
def test_a_variable_that_decides_is_refused(folder: Path, use: str) -> None:
    fault = find_fault(folder, of_class(f"['a'] if {use} else ['b']"), environment={"X": "1"})
    assert fault == (
        "app.py:7: the app was run, and raised TypeError: the value of a variable of the environment decides here,"
        " and it is not shown to the app"
    )


def test_a_variable_that_is_changed_is_refused(folder: Path) -> None:
    fault = find_fault(folder, of_class("[str(os.environ['X'] + '').upper()]"), environment={"X": "1"})
    assert fault == "app.py: the app was run, and changed a variable of the environment"


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("raise SystemExit(3)", "app.py:6: the app was run, and raised SystemExit: 3"),
        (
            "1 / 0",
            "app.py:6: the app was run, and raised ZeroDivisionError: " + find_words(lambda: operator.truediv(1, 0)),
        ),
        (
            "import no_such_module",
            "app.py:6: the app was run, and raised ModuleNotFoundError: "
            + find_words(lambda: import_module("no_such_module")),
        ),
        ("os._exit(7)", "`app.py` was run, and ended without an answer (exit code 7)"),
        ("os.kill(os.getpid(), 9)", "`app.py` was run, and ended without an answer (exit code -9)"),
    ],
)
def test_an_app_that_fails_says_how(folder: Path, statement: str, message: str) -> None:
    assert find_fault(folder, f"{statement}\n") == message


def test_what_the_app_prints_is_not_its_answer(folder: Path) -> None:
    app = "print('{}')\nos.system('echo []')\nsys.stdout.write('x' * 100000)\n" + of_class("['a']")
    assert run(folder, app).items == ("a",)


def test_the_packages_of_the_platform_are_stubs(folder: Path) -> None:
    app = (
        "from pydantic import BaseModel, Field\nfrom fal.wma import App as Base\nimport fal.toolkit.image as image\n"
        "from fastapi import *\n\n\nclass Input(BaseModel, extra='forbid'):\n"
        "    image: Image | None = Field(default=None)\n\n\n"
        "class Chat(Base, kind='container'):\n    image = fal.ContainerImage.from_dockerfile_str('FROM x')\n"
        "    requirements = ['a']\n\n    @fal.endpoint('/')\n    def run(self, input: Input) -> Image:\n        pass\n"
    )
    source = run(folder, app)
    assert source.items == ("a",)
    assert source.warnings == ("app.py:17: what the `image` installs is outside the lock",)


def test_a_lock_that_an_app_installs_is_not_read(folder: Path) -> None:
    (folder / "requirements.txt").write_text("a\n")
    app = "import lockfiles\nMAKE = lockfiles.requirements\n" + of_class("MAKE('pylock.' + 'x.toml')")
    (folder / "app.py").write_text(HEAD + app)
    source = read_app_source(
        folder / "app.py", (HEAD + app).encode(), name="app.py", folder=folder, variables={}, is_run=True
    )
    assert (source.text, source.lock_path) == ("a\n", folder / "pylock.x.toml")


def test_own_modules_and_files_beside_are_found(folder: Path) -> None:
    (folder / "lists.py").write_text("BASE = ['a']\n")
    (folder / "requirements.txt").write_text("b\n")
    app = "from lists import BASE\n" + of_class("BASE + open('requirements.txt').read().split()")
    assert run(folder, app).items == ("a", "b")


def test_an_app_that_does_not_end_is_ended_with_all_that_it_started(folder: Path) -> None:
    (folder / "app.py").write_text(
        "import pathlib, subprocess, sys\n"
        "started = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(3600)'])\n"
        "pathlib.Path('started').write_text(str(started.pid))\nwhile True:\n    pass\n"
    )
    python = parse_python_version("3.11")
    target = AppTarget(python=python, environment=build_marker_environment(python, parse_platform("linux")))
    with pytest.raises(SourceError) as caught:
        evaluate_file(folder / "app.py", name="app.py", folders=[folder], target=target, variables={}, time_limit_s=2)
    assert str(caught.value) == "`app.py` was run, and did not end in 2 s"
    started = Path("/proc") / (folder / "started").read_text() / "stat"
    while started.exists() and started.read_text().split()[2] != "Z":
        # It has been told to end, and does so when it is its turn; were it not, the test would stand here for an hour.
        time.sleep(0.01)


def test_a_machine_that_depends_on_the_target_is_refused(folder: Path) -> None:
    app = of_class("['a']", "    machine_type = 'L' if sys.version_info[1] == 11 else 'M'\n")
    assert run(folder, app).machine_types == StatedValue(value=("L",), where="app.py:8")
    with pytest.raises(SourceError) as caught:
        run(folder, app, python="3.12")
    assert str(caught.value).startswith("`app.py` asks for another machine or Python when it is shown the target")


def test_the_home_folder_of_the_user_is_not_the_apps(folder: Path) -> None:
    own = str(Path.home())
    assert run(folder, of_class(f"[str(os.path.expanduser('~') == {own!r})]")).items == ("False",)
