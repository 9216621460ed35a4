"""Apps whose lists hold secrets, read and run; what hooks and annotations tell of them; and a backend's own folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.canary.planted import Canary
from tests.canary.world import Run, World
from tests.distributions import wheel_filename

CANARY = Canary.DIRECT_LOGIN


def write_app(world: World, *, more: str = "") -> None:
    """An app with a literal login, a signature, and a variable of the environment in its URLs."""
    hosts = world.hosts
    direct = hosts.direct_login.url(f"/files/{wheel_filename('direct-login', '1.0')}", login=f"robot:{CANARY.text}")
    variable = hosts.variable_user.url("/simple/", login="robot:{os.environ['CANARY_PASSWORD']}")
    (world.project / "app.py").write_text(
        "import os\nimport fal\n\n\nTOKEN = os.getenv('GITHUB_TOKEN')\n"
        "class Chat(fal.App):\n    requirements = [\n"
        f"        f\"--index-url={variable}\",\n        'variable-user',\n        'direct-login @ {direct}',\n    ]\n"
        f"{more}",
        encoding="utf-8",
    )


@pytest.fixture
def app(world: World) -> Iterator[World]:
    """A world whose list is that of an app."""
    configured = (world.project / "pyproject.toml").read_text()
    (world.project / "pyproject.toml").write_text('[tool.pinfold]\nenvironment = ["CANARY_PASSWORD"]\n')
    write_app(world)
    yield world
    (world.project / "app.py").unlink()
    (world.project / "pyproject.toml").write_text(configured)


def lock_app(world: World, *words: str) -> Run:
    return world.run("app.py", "-vv", "--cache-dir", str(world.cache), "-o", "pylock.app.toml", *words)


def find_leaks(world: World) -> list[str]:
    """What is left of an app's secrets, but for the app itself."""
    return world.find_leaks(but=(world.project / "app.py",))


@pytest.mark.parametrize("words", [(), ("--evaluate",), ("--json",), ("--check",), ("--check", "--format", "github")])
def test_app_that_is_locked_leaves_nothing(app: World, words: tuple[str, ...]) -> None:
    run = lock_app(app, *words)
    assert run.code == 0, run.err
    assert find_leaks(app) == []


@pytest.mark.parametrize(
    "more",
    [
        f"    requirements = make('https://robot:{CANARY.text}@files.example/a.whl')\n",
        f"    requirements = ['a'] + [open('https://robot:{CANARY.text}@files.example/a.whl').read()]\n",
        f"    requirements = [('x', 'x @ https://robot:{CANARY.text}@files.example/x-1.0-py3-none-any.whl')]\n",
        f"    requirements = ['x @ https://robot:{CANARY.text}@files.example/a b.whl']\n",
        f"raise SystemExit('https://robot:{CANARY.text}@files.example/')\n",
        "raise ValueError(os.environ.get('CANARY_PASSWORD'), dict(os.environ))\n",
        "print(dict(os.environ), TOKEN)\nimport sys\nprint(sys.argv, file=sys.stderr)\nsys.exit(3)\n",
        "(\n",
    ],
)
@pytest.mark.parametrize("words", [(), ("--evaluate",)])
def test_app_that_cannot_be_read_or_fails_tells_nothing(app: World, more: str, words: tuple[str, ...]) -> None:
    write_app(app, more=more)
    lock_app(app, *words)
    assert find_leaks(app) == []


def test_hooks_tell_lines_and_forms_alone(app: World) -> None:
    assert lock_app(app, "-o", "pylock.toml").code == 0
    assert app.run("hook", "check", "app.py").code in (0, 1)
    app.run("secrets", "app.py", "pylock.toml")
    app.run("secrets", "--json", ".")
    app.run("app.py", "--check", "--format", "github", "-o", "pylock.other.toml")
    assert find_leaks(app) == []
