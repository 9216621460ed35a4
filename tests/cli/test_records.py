"""Records of whole runs: an unchanged run is repeated without solving, and any change of any input is noticed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lockfiles._files import replace_file
from resolver.cli.records import _replace_lock, find_page
from resolver.fetch.store import FolderStore, find_value_path
from tests.command import Project, Run, child_environment
from tests.loopback import Answer
from tests.servers import IndexServer, wheel

_CODE = """
import os, sys
sys.argv[0] = 'lock'
leave = os._exit
def leave_and_tell(code):
    kind = 'usual' if 'resolver.cli.parser' in sys.modules else 'repeated'
    print(kind, *sorted(sys.modules), file=open(os.environ['TOLD'], 'w'))
    leave(code)
os._exit = leave_and_tell
from resolver.cli import run
run()
"""


@pytest.fixture(autouse=True)
def index(project: Project) -> None:
    project.server.add("a", wheel("a", "1.0", ["b"]))
    project.server.add("b", wheel("b", "1.0"))
    project.write_list("a")


def run(project: Project, *argv: str, within: str = ".", **environment: str) -> tuple[Run, str]:
    """A run in a process of its own, and how it was made: `repeated` or `usual`."""
    told = project.cache.parent / "told"
    python = () if project.python is None else ("--python", project.python)
    words = [*argv, "--cache-dir", str(project.cache), *python]
    done = subprocess.run(
        [sys.executable, "-c", _CODE, *words],
        cwd=project.folder / within,
        env=child_environment(project.folder, TOLD=str(told), **environment),
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    result = Run(code=done.returncode, out=project.fix(done.stdout), err=project.fix(done.stderr))
    return result, told.read_text().split()[0]


def settle(project: Project, *argv: str, **environment: str) -> Run:
    """Run until the run is repeated from its record, which takes at most three runs; the result."""
    for _ in range(4):
        result, how = run(project, *argv, **environment)
        if how == "repeated":
            return result
    raise AssertionError("never repeated")


def test_an_unchanged_run_is_repeated_with_the_same_output_and_lock(project: Project) -> None:
    run(project, "requirements.txt")
    usual, how = run(project, "requirements.txt")
    assert how == "usual"
    lock = project.read()

    repeated, how = run(project, "requirements.txt")

    assert (how, repeated, project.read()) == ("repeated", usual, lock)


def test_a_removed_lock_is_written_again_with_the_same_bytes(project: Project) -> None:
    first, _ = run(project, "requirements.txt")
    lock = (project.folder / "pylock.toml").read_bytes()
    (project.folder / "pylock.toml").unlink()

    again, how = run(project, "requirements.txt")

    assert (how, again) == ("repeated", first)
    assert (project.folder / "pylock.toml").read_bytes() == lock


def forget(project: Project) -> None:
    """Remove all records, so that the next run takes its usual way."""
    folder = project.cache / "runs-v1"
    for record in folder.glob("*/*"):
        record.unlink()


def assert_noticed(project: Project, *argv: str, **environment: str) -> None:
    """The next run is not repeated, and one without any record gives the same output and locks."""
    before = {path: path.read_bytes() for path in project.folder.glob("**/pylock*.toml")}
    result, how = run(project, *argv, **environment)
    assert how == "usual"
    after = {path: path.read_bytes() for path in project.folder.glob("**/pylock*.toml")}
    for path in after:
        path.unlink()
    for path, data in before.items():
        path.write_bytes(data)
    forget(project)
    usual, _ = run(project, *argv, **environment)
    assert result == usual
    assert {path: path.read_bytes() for path in project.folder.glob("**/pylock*.toml")} == after


FILES = {
    "requirements.txt": "--index-url INDEX\n-r more/others.txt\n-c limits.txt\n",
    "more/others.txt": "a\n",
    "limits.txt": "b<2\n",
    "pyproject.toml": "[tool.pinfold]\nno-build = true\n",
}


@pytest.mark.parametrize(
    ("argv", "name"),
    [
        *(((), name) for name in FILES),
        *((("--check",), name) for name in FILES),
        (("-m", "GPU-A100"), "requirements.txt"),
        (("--json",), "limits.txt"),
    ],
    ids=str,
)
def test_a_change_of_any_file_is_noticed(project: Project, name: str, argv: tuple[str, ...]) -> None:
    for place, text in FILES.items():
        project.write(place, text)
    run(project, "requirements.txt", *(word for word in argv if word != "--check"))
    settle(project, "requirements.txt", *argv)

    with (project.folder / name).open("a", encoding="utf-8") as file:
        file.write("\n# one more line\n")

    assert_noticed(project, "requirements.txt", *argv)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (".python-version", "3.12\n"),
        ("../.python-version", "3.12\n"),
        ("pyproject.toml", "[tool.pinfold]\nno-build = true\n"),
        ("../pyproject.toml", "[tool.pinfold]\nno-build = true\n"),
        ("../.git", ""),
        ("pylock.requirements.toml", ""),
    ],
)
def test_a_new_file_that_would_have_been_read_is_noticed(project: Project, name: str, text: str) -> None:
    shutil.rmtree(project.folder / ".git", ignore_errors=True)
    project.python = None
    run(project, "requirements.txt")
    # Without the lock, whose Python would be kept.
    (project.folder / "pylock.toml").unlink()
    assert run(project, "requirements.txt")[1] == "repeated"
    (project.folder / "pylock.toml").unlink()

    (project.folder / name).write_text(text, encoding="utf-8")

    assert_noticed(project, "requirements.txt")


def test_a_variable_that_the_list_names_is_noticed(project: Project) -> None:
    host = project.server.base_url.partition("://")[2]
    project.write("requirements.txt", f"--index-url http://user:${{TOKEN}}@{host}/simple/\na\n")
    allowed = f"TOKEN={host}"
    settle(project, "requirements.txt", TOKEN="canary-one", PINFOLD_ALLOW_VARIABLE=allowed)

    _, how = run(project, "requirements.txt", TOKEN="canary-one", PINFOLD_ALLOW_VARIABLE=allowed, OTHER="1", _="x")
    assert how == "usual"  # The names of all variables are known.
    _, how = run(project, "requirements.txt", TOKEN="canary-two", PINFOLD_ALLOW_VARIABLE=allowed)
    assert how == "usual"


def test_a_record_holds_no_secret(project: Project) -> None:
    host = project.server.base_url.partition("://")[2]
    project.write(
        "requirements.txt",
        f"--index-url http://user:${{TOKEN}}@{host}/simple/\n--extra-index-url http://u:canary-list@{host}/simple/\na\n",
    )
    project.write("netrc", "machine files.example login me password canary-netrc\n")
    environment = {
        "TOKEN": "canary-variable",
        "PINFOLD_ALLOW_VARIABLE": f"TOKEN={host}",
        "NETRC": str(project.folder / "netrc"),
    }

    settle(project, "requirements.txt", "--driver", "580", **environment)

    records = [path.read_bytes() for path in (project.cache / "runs-v1").rglob("*") if path.is_file()]
    assert len(records) > 1
    assert not any(b"canary" in data for data in records)


APP = """
import fal
import os
from shared import EXTRA

class Painter(fal.App):
    machine_type = "GPU-A100"
    requirements = ["--index-url", "INDEX", "a", *EXTRA, *([os.environ["MORE"]] if "MORE" in os.environ else [])]
"""


def test_the_modules_and_variables_of_an_app_are_noticed(project: Project) -> None:
    project.write("app.py", APP)
    project.write("shared.py", 'EXTRA = ["b"]\n')
    project.write("pyproject.toml", '[tool.pinfold]\nenvironment = ["MORE"]\n')
    settle(project, "app.py")

    project.write("shared.py", 'EXTRA = ["b==1.0"]\n')
    assert run(project, "app.py")[1] == "usual"
    settle(project, "app.py")

    assert run(project, "app.py", MORE="b>0")[1] == "usual"


def test_a_page_of_another_run_is_noticed(project: Project) -> None:
    settle(project, "requirements.txt")
    project.server.add("a", wheel("a", "2.0"))
    project.write("other.txt", "--index-url INDEX\na\n")
    run(project, "other.txt", "--refresh", "-o", "pylock.other.toml")

    assert run(project, "requirements.txt", "--upgrade")[1] == "usual"
    assert run(project, "requirements.txt")[1] == "usual"


def test_a_lock_that_was_edited_or_replaced_is_noticed(project: Project) -> None:
    settle(project, "requirements.txt")
    lock = project.folder / "pylock.toml"
    lock.write_text(lock.read_text().replace('name = "b"\nversion = "1.0"', 'name = "b"\nversion = "0.5"', 1))

    assert_noticed(project, "requirements.txt")


def test_a_relative_cut_off_makes_no_record_until_a_lock_has_its_instant(project: Project) -> None:
    project.write("pyproject.toml", '[tool.pinfold]\nexclude-newer = "7 days"\n')
    run(project, "requirements.txt")
    (project.folder / "pylock.toml").unlink()
    assert run(project, "requirements.txt")[1] == "usual"
    settle(project, "requirements.txt")

    assert run(project, "requirements.txt", "--upgrade")[1] == "usual"
    assert run(project, "requirements.txt", "--upgrade")[1] == "usual"


@pytest.mark.parametrize("argv", [("--offline",), ("--refresh",), ("-v",)], ids=" ".join)
def test_a_run_that_is_for_once_makes_no_record(project: Project, argv: tuple[str, ...]) -> None:
    for _ in range(3):
        assert run(project, "requirements.txt", *argv)[1] == "usual"


def test_a_failed_run_makes_no_record(project: Project) -> None:
    project.write_list("missing")
    for _ in range(3):
        result, how = run(project, "requirements.txt")
        assert (result.code != 0, how) == (True, "usual")


def test_verbs_that_read_the_index_make_no_record(project: Project) -> None:
    host = project.server.base_url.partition("://")[2]
    run(project, "requirements.txt")
    project.python = None
    asked = len(project.server.log)
    words = [sys.executable, "-c", _CODE, "verify", "--allow-host", host]
    for _ in range(2):
        environment = child_environment(project.folder, TOLD=os.devnull, PINFOLD_CACHE_DIR=str(project.cache))
        subprocess.run(words, cwd=project.folder, env=environment, check=True, capture_output=True)
        assert len(project.server.log) > asked
        asked = len(project.server.log)


def test_a_damaged_record_is_no_record(project: Project) -> None:
    settle(project, "requirements.txt")
    records = list((project.cache / "runs-v1").glob("*/*"))
    for number, path in enumerate(records):
        data = path.read_bytes()
        path.write_bytes(data[:-1] if number % 2 else data.replace(b"pins", b"pots"))

    assert_noticed(project, "requirements.txt")


def test_a_cache_that_cannot_be_written_makes_no_record(project: Project) -> None:
    project.cache.write_text("a file where the folder would be")
    for _ in range(2):
        result, how = run(project, "requirements.txt")
        assert (result.code, how) == (0, "usual")


def test_several_locks_and_standard_output_are_repeated(project: Project) -> None:
    words = ("requirements.txt", "-m", "GPU-A100", "-m", "GPU-H100", "--json")
    run(project, *words)
    usual, how = run(project, *words)
    assert how == "usual"
    assert run(project, *words) == (usual, "repeated")

    printed, _ = run(project, "requirements.txt", "-o", "-")
    assert run(project, "requirements.txt", "-o", "-") == (printed, "repeated")
    assert 'name = "a"' in printed.out


_CALL = re.compile(r'(?:open|stat|readlink|access|getdents|statx|chdir)\w*\((?:[^"]*, )?"([^"]+)"(.*)')


def trace(project: Project, *argv: str) -> set[str]:
    """Every path that a run looked at, as the system saw it, without those that it opened to write."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    log = project.cache.parent / "trace"
    words = [sys.executable, "-c", _CODE, *argv, "--cache-dir", str(project.cache)]
    environment = child_environment(project.folder, TOLD=os.devnull)
    command = [strace, "-f", "-qq", "-e", "trace=%file", "-o", str(log), *words]
    done = subprocess.run(command, cwd=project.folder, env=environment, capture_output=True, text=True, check=False)
    if "ptrace" in done.stderr:
        pytest.skip(f"strace may not trace here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    found = [match.groups() for line in log.read_text().splitlines() if (match := _CALL.search(line))]
    return {os.path.normpath(project.folder / path) for path, rest in found if not re.search("O_WRONLY|O_RDWR", rest)}


@pytest.mark.parametrize(
    "argv", [("requirements.txt",), ("app.py",), (), ("requirements.txt", "--check")], ids=" ".join
)
def test_a_record_has_every_path_that_the_system_saw(project: Project, argv: tuple[str, ...]) -> None:
    for place, text in FILES.items():
        project.write(place, text)
    project.write("app.py", APP)
    project.write("shared.py", 'EXTRA = ["b"]\n')
    settings = '[tool.pinfold]\nenvironment = ["MORE"]\n'
    if not argv:
        settings += 'requirements = ["-r", "requirements.txt"]\noutput = "pylock.list.toml"\n'
    project.write("pyproject.toml", settings)
    if "--check" in argv:
        trace(project, "requirements.txt")
    forget(project)

    seen = trace(project, *argv)

    (record,) = (project.cache / "runs-v1").glob("*/*")
    fields = re.split(rb"\d+:", record.read_bytes())
    recorded = {field.rstrip(b",").decode(errors="replace") for field in fields}
    below = str(project.folder.parent)
    left_out = (str(project.cache), str(project.cache.parent / "trace"))
    missing = {
        path for path in seen if path.startswith(f"{below}{os.sep}") and not path.startswith(left_out)
    } - recorded
    assert len(recorded) > 10
    assert {path for path in missing if not path.endswith(".tmp")} == set()


def test_stale_pages_are_confirmed_and_the_run_is_repeated(project: Project) -> None:
    project.server.cache_control = "max-age=0"
    settle(project, "requirements.txt")
    asked = len(project.server.log)

    _, how = run(project, "requirements.txt")

    assert how == "repeated"
    assert sorted(request.path for request in project.server.log[asked:]) == ["/simple/a/", "/simple/b/"]


@pytest.mark.parametrize("validators", [True, False])
@pytest.mark.parametrize("control", ["max-age=0", "no-cache", None])
def test_a_stale_page_that_has_changed_is_noticed(project: Project, validators: bool, control: str | None) -> None:
    project.server.cache_control, project.server.validators = control, validators
    settle(project, "requirements.txt", "--upgrade")

    project.server.add("b", wheel("b", "1.1"))

    assert_noticed(project, "requirements.txt", "--upgrade")
    assert project.pins()["b"] == "1.1"


def test_confirmed_pages_are_fresh_for_all_runs(project: Project) -> None:
    project.server.cache_control = "max-age=1"
    settle(project, "requirements.txt")
    time.sleep(1.1)
    project.server.cache_control = "max-age=600"
    assert run(project, "requirements.txt")[1] == "repeated"
    asked = len(project.server.log)

    assert run(project, "requirements.txt")[1] == "repeated"
    assert run(project, "requirements.txt", "--no-build")[1] == "usual"

    assert len(project.server.log) == asked


def test_a_page_that_is_gone_or_new_on_an_extra_index_is_noticed(project: Project) -> None:
    project.server.cache_control = "max-age=0"
    with IndexServer({"c": [wheel("c", "1.0")]}) as extra:
        extra.cache_control = "max-age=0"
        project.write("requirements.txt", f"--extra-index-url {extra.index_url}\n--index-url INDEX\na\n")
        settle(project, "requirements.txt", "--upgrade")

        extra.add("b", wheel("b", "3.0"))
        assert_noticed(project, "requirements.txt", "--upgrade")
        assert project.pins()["b"] == "3.0"

        settle(project, "requirements.txt", "--upgrade")
        del extra.projects["b"]
        assert_noticed(project, "requirements.txt", "--upgrade")
        assert project.pins()["b"] == "1.0"


@pytest.mark.parametrize(
    "answer",
    [
        Answer(status=500),
        Answer(status=401),
        Answer(status=302, headers={"Location": "/simple/b/"}),
        Answer(status=200, body=b"<html></html>", headers={"Content-Type": "text/html"}),
    ],
    ids=lambda answer: str(answer.status),
)
def test_an_index_that_answers_otherwise_is_asked_in_the_usual_way(project: Project, answer: Answer) -> None:
    project.server.cache_control = "max-age=0"
    settle(project, "requirements.txt")

    project.server.always["/simple/b/"] = answer

    assert_noticed(project, "requirements.txt")


def test_an_index_that_is_down_is_asked_in_the_usual_way(project: Project) -> None:
    project.server.cache_control = "max-age=0"
    with IndexServer({"a": [wheel("a", "1.0")]}) as gone:
        gone.cache_control = "max-age=0"
        project.write("requirements.txt", f"--index-url {gone.index_url}\na\n")
        settle(project, "requirements.txt")

    result, how = run(project, "requirements.txt")

    assert (result.code, how) == (4, "usual")


def test_stale_pages_behind_a_login_are_asked_in_the_usual_way(project: Project) -> None:
    host = project.server.base_url.partition("://")[2]
    project.server.cache_control = "max-age=0"
    project.write("requirements.txt", f"--index-url http://user:word@{host}/simple/\na\n")
    for _ in range(3):
        assert run(project, "requirements.txt")[1] == "usual"


def test_a_record_reads_the_states_of_stored_pages_as_the_store_does(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    for until in (0.0, 1.5, 4e9):
        identity = store.put("key", b"value", until=until)
        found = find_page(str(tmp_path / find_value_path("key")))
        state = store.find_state("key")
        assert found is not None
        assert state is not None
        assert (found[1], state.until, state.identity) == (until, until, identity)
    path = tmp_path / find_value_path("key")
    data = path.read_bytes()
    # Each byte of the head, before key and value.
    for at in range(len(data) - len(b"keyvalue")):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        changed = find_page(str(path))
        assert changed is None or changed[0] != data[:20]


def test_a_list_in_a_folder_that_is_left_out_is_noticed_in_any_chain(project: Project) -> None:
    below = project.cache / "lists"
    below.mkdir(parents=True)
    (below / "more.txt").write_text("a\n", encoding="utf-8")
    project.write_list(f"-r {below / 'more.txt'}")
    for _ in range(3):
        run(project, "requirements.txt")

    (below / "more.txt").write_text("b\n", encoding="utf-8")

    assert_noticed(project, "requirements.txt")
    assert project.pins() == {"b": "1.0"}


def test_settings_in_a_cache_folder_that_is_the_project_are_noticed(project: Project) -> None:
    (project.folder / "requirements.txt").unlink()
    settings = '[tool.pinfold]\nrequirements = ["--index-url", "{}", "{}"]\n'
    environment = child_environment(project.folder, TOLD=os.devnull, PINFOLD_CACHE_DIR=str(project.folder))
    for name in ("a", "a", "a", "b"):
        project.write("pyproject.toml", settings.format(project.server.index_url, name))
        words = [sys.executable, "-c", _CODE]
        subprocess.run(words, cwd=project.folder, env=environment, check=True, capture_output=True)

    assert project.pins() == {"b": "1.0"}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
def test_a_repeated_run_whose_output_cannot_be_written_prints_the_error_alone(project: Project) -> None:
    words = ("requirements.txt", "-o", "-", "--cache-dir", str(project.cache))
    told = project.cache.parent / "told"
    environment = child_environment(project.folder, TOLD=str(told))
    command = [sys.executable, "-c", _CODE, *words]
    subprocess.run(command, cwd=project.folder, env=environment, check=True, capture_output=True)
    results = []
    for expected in ("repeated", "usual"):
        with Path("/dev/full").open("wb") as full:
            done = subprocess.run(
                command, cwd=project.folder, env=environment, stdout=full, stderr=subprocess.PIPE, check=False
            )
        assert told.read_text().split()[0] == expected
        results.append((done.returncode, done.stderr))
        forget(project)

    assert results[0] == results[1]
    assert results[0][0] == 2


@pytest.mark.parametrize("mode", [None, 0o600, 0o644, 0o444])
def test_a_record_replaces_a_lock_as_the_product_does(tmp_path: Path, mode: int | None) -> None:
    folder = tmp_path / "locks"
    folder.mkdir()
    ours, theirs = folder / "ours.toml", folder / "theirs.toml"
    for path in (ours, theirs):
        if mode is not None:
            path.write_bytes(b"old")
            path.chmod(mode)

    _replace_lock(str(ours), b"new")
    replace_file(theirs, b"new", mode=mode)

    assert (ours.read_bytes(), ours.stat().st_mode) == (theirs.read_bytes(), theirs.stat().st_mode)
    assert sorted(path.name for path in folder.iterdir()) == ["ours.toml", "theirs.toml"]


def test_a_record_leaves_nothing_where_a_lock_cannot_be_replaced(tmp_path: Path) -> None:
    place = tmp_path / "locks" / "lock.toml"
    (place / "folder").mkdir(parents=True)

    with pytest.raises(OSError, match=r".*"):
        _replace_lock(str(place), b"new")

    assert [path.name for path in place.parent.iterdir()] == ["lock.toml"]
