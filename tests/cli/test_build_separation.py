"""A build backend that looks around finds no secret of whoever locks: not in its environment, home, files or argv."""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.command import Project, start_process
from tests.fetch.builds.building import start_and_wait
from tests.servers import sdist, wheel

CANARY = "c4n4ry"
_PATIENCE_S = 60.0

LOOK_AROUND = """
import glob, json, os, sys
import helper

def _look_around(place):
    home = os.path.expanduser("~")
    seen = {"environment": dict(os.environ), "argv": sys.argv, "folder": os.getcwd(), "helper": helper.__version__}
    seen["home"] = [os.path.join(folder, name) for folder, _, names in os.walk(home) for name in names]
    seen["files"] = {}
    for name in (os.path.join(home, ".netrc"), os.path.join(home, "_netrc"), os.environ.get("NETRC", ""),
                 os.path.join(home, ".config/pip/pip.conf"), os.path.join(home, ".pip/pip.conf"),
                 os.environ.get("PIP_CONFIG_FILE", "")):
        if name and os.path.exists(name):
            with open(name) as file:
                seen["files"][name] = file.read()
    temporary = os.environ["TMPDIR"]
    seen["temporary"] = os.listdir(temporary)
    room = os.path.dirname(temporary)
    for folder, _, names in os.walk(room):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.getsize(path) < 100_000 and "site-packages" not in path:
                with open(path, "rb") as file:
                    seen["files"][path] = file.read().decode("latin-1")
    seen["parents"], process = [], os.getpid()
    while process > 1 and os.path.exists("/proc/%d/cmdline" % process):
        with open("/proc/%d/cmdline" % process, "rb") as file:
            seen["parents"].append(file.read().decode("latin-1").split("\\0"))
        with open("/proc/%d/stat" % process) as file:
            process = int(file.read().rpartition(")")[2].split()[1])
    with open(place, "a") as file:
        file.write(json.dumps(seen) + "\\n")
"""


def lock_with_canaries(project: Project, tmp_path: Path, *lines: str) -> tuple[str, list[dict[str, Any]]]:
    """What a run tells and writes, and what its backend saw in each of its processes."""
    home, dump = tmp_path / "home", tmp_path / "dump"
    for name in (".netrc", ".config/pip/pip.conf", ".pip/pip.conf", ".aws/credentials"):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(f"machine index.example login a password {CANARY}\n")
    (home / ".netrc").chmod(0o600)
    project.server.add("helper", wheel("helper", "1.0"))
    statement = f"{LOOK_AROUND}\n_look_around({str(dump)!r})"
    project.server.add(
        "c", sdist("c", "1.0", ["b"], static=False, build_requires=["helper"], backend_statement=statement)
    )
    project.server.add("b", wheel("b", "1.0"))
    project.write("requirements.txt", "\n".join((*lines, "c", "")))
    project.python = None
    run = project.lock_in_process(
        "requirements.txt",
        "-vv",
        HOME=str(home),
        USERPROFILE=str(home),
        XDG_CONFIG_HOME=str(home / ".config"),
        NETRC=str(home / ".netrc"),
        PINFOLD_INDEX_URL_TOKEN=CANARY,
        GITHUB_TOKEN=CANARY,
        MY_TOKEN=CANARY,
        AWS_SECRET_ACCESS_KEY=CANARY,
        AWS_SESSION_TOKEN=CANARY,
        SSH_AUTH_SOCK=f"/tmp/{CANARY}",
        PIP_INDEX_URL=f"https://a:{CANARY}@index.example/simple/",
        PIP_CONFIG_FILE=str(home / ".pip/pip.conf"),
        UV_INDEX_URL=f"https://a:{CANARY}@index.example/simple/",
        https_proxy=f"http://a:{CANARY}@proxy.example:3128",
        ALL_PROXY=f"http://a:{CANARY}@proxy.example:3128",
        NO_PROXY="127.0.0.1",
        NPM_CONFIG__AUTH=CANARY,
        DOCKER_AUTH_CONFIG=CANARY,
    )
    assert run.code == 0, run.err
    told = run.out + run.err + project.read()
    return told, [json.loads(line) for line in dump.read_text().splitlines()]


def assert_clean(text: str) -> None:
    assert CANARY not in text
    assert base64.b64encode(CANARY.encode()).decode()[:-2] not in text


def test_backend_that_looks_around_finds_no_secret(project: Project, tmp_path: Path) -> None:
    url = project.server.index_url.replace("://", f"://a:{CANARY}@")
    told, seen = lock_with_canaries(project, tmp_path, f"--index-url {url}")
    assert_clean(told)
    assert seen
    for one in seen:
        assert one["helper"] == "1.0"
        assert_clean(json.dumps(one))


def test_backend_finds_an_empty_home_and_netrc(project: Project, tmp_path: Path) -> None:
    _, seen = lock_with_canaries(project, tmp_path, "--index-url INDEX")
    for one in seen:
        home = one["environment"]["HOME"]
        assert one["home"] == [f"{home}/.netrc"]
        assert one["files"][f"{home}/.netrc"] == ""
        assert one["environment"]["NETRC"] == f"{home}/.netrc"
        assert one["temporary"] == []


def test_backend_finds_no_configuration_of_a_network(project: Project, tmp_path: Path) -> None:
    _, seen = lock_with_canaries(project, tmp_path, "--index-url INDEX")
    for one in seen:
        names = {name.upper() for name in one["environment"]}
        assert not {name for name in names if name.endswith(("PROXY", "TOKEN", "CA_BUNDLE")) or "INDEX" in name}
        assert one["environment"]["PIP_CONFIG_FILE"] == "/dev/null"


def test_config_settings_reach_the_hooks_and_no_argv_environment_or_file(project: Project, tmp_path: Path) -> None:
    place, dump = tmp_path / "settings", tmp_path / "dump"
    project.server.add("helper", wheel("helper", "1.0"))
    statement = (
        f"{LOOK_AROUND}\n"
        "def get_requires_for_build_wheel(config_settings=None):\n"
        f"    _look_around({str(dump)!r})\n"
        "    with open(os.path.join(sys.argv[2], 'input.json')) as file:\n"
        "        arguments = file.read()\n"
        f"    with open({str(place)!r}, 'w') as file:\n"
        "        json.dump([config_settings, arguments, sys.path], file)\n"
        "    return []\n"
    )
    project.server.add("c", sdist("c", "1.0", static=False, build_requires=["helper"], backend_statement=statement))
    project.write_list("c --config-settings key=first --config-settings key=second --config-settings token=c4n4ry")
    project.python = None
    run = project.lock_in_process("requirements.txt", "-vv")
    assert run.code == 0, run.err
    settings, arguments, path = json.loads(place.read_text())
    assert settings == {"key": ["first", "second"], "token": CANARY}
    assert "config_settings" in arguments
    assert not [folder for folder in path if Path(folder, "hook_settings.py").exists()]
    assert_clean(arguments + dump.read_text() + run.out + run.err + project.read())


def test_last_words_of_a_backend_hold_no_config_setting(project: Project) -> None:
    statement = "def get_requires_for_build_wheel(config_settings=None):\n    raise SystemExit(str(config_settings))\n"
    project.server.add("c", sdist("c", "1.0", static=False, backend_statement=statement))
    project.write_list("c --config-settings token=c4n4ry")
    project.python = None
    run = project.lock("requirements.txt")
    assert run.code == 3
    assert "    {'token': '…'}\n" in run.err
    assert_clean(run.err)


@pytest.mark.skipif(os.name == "nt", reason="signals are those of POSIX")
def test_ctrl_c_ends_all_that_a_build_has_started(project: Project, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(_PATIENCE_S)
        statement = start_and_wait(server.getsockname()[1])
        project.server.add("c", sdist("c", "1.0", static=False, backend_statement=statement))
        project.write_list("c")
        temporary = tmp_path / "tmp"
        temporary.mkdir()
        process = start_process(
            ["requirements.txt", "--cache-dir", str(project.cache)],
            project.folder,
            environment={"TMPDIR": str(temporary)},
        )
        connection, _ = server.accept()
        with connection:
            connection.settimeout(_PATIENCE_S)
            process.send_signal(signal.SIGINT)
            assert connection.recv(1) == b""
        process.communicate()
        assert process.returncode == 130
        assert list(temporary.iterdir()) == []
