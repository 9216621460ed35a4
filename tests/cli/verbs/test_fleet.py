"""`lock fleet` and `lock fleet which` as a user runs them: exit codes, what is shown, and refusals."""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]  # It has no types.

from resolver.cli.verb_arguments import find_parser
from resolver.cli.verbs.fleet import run_fleet
from resolver.fleet.cluster import open_client
from tests.cli.verb_runs import LOOPBACK, run_verb
from tests.cli.verbs.test_audit import ADVISORY
from tests.command import Project, Run
from tests.servers import wheel
from tests.test_documented_verbs import collect_keys, read_keys

_EXAMPLE = Path(__file__).parents[3] / "examples" / "fleet"


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """The address of a scheduler with one worker process."""
    with open_client(None, workers=1) as client:
        yield client.scheduler.address


@pytest.fixture
def apps(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Two lists, for an index with two releases of `thing`."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    project.server.add("thing", wheel("thing", "1.0"), wheel("thing", "2.0"))
    for name, item in (("a", "thing<2"), ("b", "thing")):
        project.write(f"apps/{name}/requirements.txt", f"--index-url INDEX\n{item}\n")
    return project


def lock_apps(apps: Project, scheduler: str, *words: str, manifest: str = "apps") -> Run:
    return apps.lock("fleet", manifest, "-o", "locks", "--scheduler", scheduler, *words)


def test_fleet_shows_what_it_has_done(apps: Project, scheduler: str) -> None:
    run = lock_apps(apps, scheduler, "-m", "M", "-m", "GPU-A100")

    assert (run.code, run.out) == (0, "")
    *_, done, summary, sent, total, gpu, cpu, places = run.err.splitlines()
    assert done == "2 of 2 lists"
    assert summary == "2 lists: 4 locks (4 new)"
    assert sent == "  2 lists done in this run, 0 kept from earlier ones"
    assert re.fullmatch(r"  locks total [0-9.]+ k?B to download", total)
    assert gpu.startswith("  GPU-A100: 2 locked, 2 pins, ")
    assert cpu.startswith("  M: 2 locked, 2 pins, ")
    assert places.startswith("  rows: locks/.fleet/results.jsonl; pins: ")
    assert [name for name in apps.files() if name.endswith(".toml")] == [
        f"locks/{name}/pylock.{machine}.toml" for name in "ab" for machine in ("gpu-a100", "m")
    ]


def test_page_shows_what_a_run_prints(apps: Project, scheduler: str) -> None:
    page = (_EXAMPLE.parents[1] / "docs" / "fleet.md").read_text(encoding="utf-8")
    *shown, places = page.partition("```text\n")[2].partition("\n```")[0].splitlines()
    apps.server.add("requests", wheel("requests", "2.32.5"))
    apps.write("lists/chat/requirements.txt", "--index-url INDEX\nrequests>=2.32\n")
    apps.write("lists/paint/requirements.txt", "--index-url INDEX\nrequests>=3\n")

    *printed, written = lock_apps(apps, scheduler, "-m", "M", "-m", "GPU-A100", manifest="lists").err.splitlines()

    assert printed[-len(shown) :] == shown
    assert written.startswith(places.partition("…")[0])


def test_what_completes_words_knows_the_options_of_a_fleet() -> None:
    known = {option for action in find_parser(run_fleet, "lock")._actions for option in action.option_strings}
    assert {"--scheduler", "--store", "--changed", "--index", "--report"} <= known


def test_fleet_with_a_failed_list_ends_with_three(apps: Project, scheduler: str) -> None:
    apps.write("apps/c/requirements.txt", "--index-url INDEX\nthing>2\n")

    run = lock_apps(apps, scheduler, "--json", "-q")

    summary = json.loads(run.out)
    assert (run.code, summary["states"], summary["causes"]) == (3, {"failed": 1, "new": 2}, {"no-solution": 1})
    again = lock_apps(apps, scheduler).err.splitlines()
    assert again[0] == "3 lists: 2 locks (2 unchanged), 1 failed"
    assert again[1] == "  0 lists done in this run, 3 kept from earlier ones"
    assert again[3] == "  failed by no-solution: 1"
    assert re.fullmatch(r"    c/requirements.txt: .*thing.*", again[4])


def test_terminal_names_the_first_failures_and_equal_ones_once(apps: Project, scheduler: str) -> None:
    for number in range(3):
        apps.write(f"apps/c{number}/requirements.txt", "thing\n=\n")
    for number in range(6):
        apps.write(f"apps/d{number}/requirements.txt", f"--index-url INDEX\nnone{number}\n")

    lines = lock_apps(apps, scheduler, "-m", "M", "-m", "GPU-A100").err.splitlines()

    failures = [line.strip() for line in lines if line.startswith("    ")]
    assert failures[0].startswith("c0/requirements.txt and 2 more lists: ")
    assert [line.partition(":")[0] for line in failures[1:]] == [
        *(f"d{number}/requirements.txt" for number in range(4)),
        "… and 2 more in results.jsonl",
    ]


def test_interrupted_fleet_says_at_once_that_it_stops(
    apps: Project, scheduler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("resolver.fleet.run.run_tasks", interrupt)

    run = lock_apps(apps, scheduler)

    assert run.code == 130
    assert run.err.splitlines() == ["0 of 2 lists", "stopping…", "interrupted: nothing was written that is not whole"]


def test_report_is_a_page_about_the_locks_of_the_run_that_changed_first(apps: Project, scheduler: str) -> None:
    lock_apps(apps, scheduler, "-m", "M")
    apps.write("apps/b/requirements.txt", "--index-url INDEX\nthing<2\n")
    apps.write("apps/c/requirements.txt", "--index-url INDEX\nthing>2\n")

    run = lock_apps(apps, scheduler, "-m", "M", "--report", "report.html")

    page = (apps.folder / "report.html").read_text(encoding="utf-8")
    assert run.code == 3
    assert re.findall(r'"lockfile":"([^"]+)"', page) == ["b/requirements.txt (M)", "a/requirements.txt (M)"]
    assert run.err.endswith("\n  report: report.html, with 2 locks; lists that failed have none\n")
    assert re.findall(r'"name":"thing","version":"([^"]+)"', page) == ["1.0", "1.0"]


def test_which_names_the_sources_of_a_pin(apps: Project, scheduler: str) -> None:
    lock_apps(apps, scheduler, "-m", "M")

    found = run_verb(apps, "fleet", "which", "thing<2")
    assert (found.code, found.out) == (0, "a/requirements.txt: thing 1.0 on M\n")
    none = run_verb(apps, "fleet", "which", "thing>2")
    assert (none.code, none.out) == (1, "")
    assert none.err == "no list of the 2 in `<folder>/locks` holds such a pin\n"


def test_which_answers_from_the_last_run_that_has_finished(
    apps: Project, scheduler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    lock_apps(apps, scheduler, "-m", "M")
    with monkeypatch.context() as patch:
        patch.setattr("resolver.fleet.run.run_tasks", interrupt)
        assert apps.lock("fleet", "apps", "-o", "other", "--scheduler", scheduler, "--index", "mine.sqlite").code == 130

    assert run_verb(apps, "fleet", "which", "thing<2").out == "a/requirements.txt: thing 1.0 on M\n"
    unfinished = run_verb(apps, "fleet", "which", "thing<2", "--index", "mine.sqlite")
    assert (unfinished.code, unfinished.out) == (2, "")
    assert "`mine.sqlite` is not complete" in unfinished.err


def test_which_finds_what_is_vulnerable_and_what_was_yanked(apps: Project, scheduler: str) -> None:
    lock_apps(apps, scheduler, "-m", "M")
    with zipfile.ZipFile(apps.folder / "osv.zip", "w") as archive:
        archive.writestr("PYSEC-1.json", json.dumps(ADVISORY))
    apps.server.projects["thing"][1] = wheel("thing", "2.0", yanked="broken")

    vulnerable = run_verb(apps, "fleet", "which", "--vulnerable", "osv.zip", *LOOPBACK)
    yanked = run_verb(apps, "fleet", "which", "--yanked", *LOOPBACK)

    assert vulnerable.out == "a/requirements.txt: thing 1.0 on M (PYSEC-1)\n"
    assert yanked.out == "b/requirements.txt: thing 2.0 on M (broken)\n"


def test_keys_of_which_are_the_documented_ones(apps: Project, scheduler: str) -> None:
    lock_apps(apps, scheduler, "-m", "M")
    apps.server.projects["thing"][1] = wheel("thing", "2.0", yanked="broken")

    run = run_verb(apps, "fleet", "which", "thing", "--yanked", "--json", *LOOPBACK)

    assert collect_keys(run.out) == read_keys("fleet")


def test_example_of_a_manifest_locks_the_lists_beside_it(apps: Project, scheduler: str) -> None:
    apps.server.add("requests", wheel("requests", "2.32.5"))
    apps.server.add("idna", wheel("idna", "3.11"))
    shutil.copytree(_EXAMPLE, apps.folder / "example")
    apps.write("example/apps/old/b/app.py", (_EXAMPLE / "apps/chat/app.py").read_text(encoding="utf-8"))

    run = lock_apps(apps, scheduler, "-i", apps.server.index_url, manifest="example/fleet.toml")

    assert run.code == 0, run.err
    assert [name for name in apps.files() if name.startswith("locks/") and name.endswith(".toml")] == [
        "locks/apps/chat/pylock.app-gpu-a100.toml",
        "locks/apps/chat/pylock.app-gpu-h100.toml",
        "locks/jobs/nightly/pylock.m.toml",
    ]


def test_example_of_a_compose_file_has_commands_that_are_read(apps: Project) -> None:
    services = yaml.safe_load((_EXAMPLE / "compose.yaml").read_text(encoding="utf-8"))["services"]
    name, verb, *words = services["driver"]["command"].split()

    run = run_verb(apps, verb, *words)

    # All options are known: the manifest alone is not there.
    assert (name, run.code) == ("lock", 2)
    assert run.err.startswith("error: `/apps/fleet.toml` cannot be read")
    for kind in ("scheduler", "worker"):
        program, part, *words = services[kind]["command"].split()
        command = import_module(f"distributed.cli.dask_{part}").main
        known = {option for parameter in command.params for option in parameter.opts}
        assert (program, part) == ("dask", kind)
        assert {word for word in words if word.startswith("--")} <= known


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("apps",), "a fleet needs a folder or a URL to write to"),
        (("apps", "-o", "pylock.toml"), "a fleet needs a folder or a URL to write to"),
        (("apps", "more", "-o", "locks"), "a fleet has one manifest"),
        (("apps", "-o", "locks", "--check"), "`--check` has no meaning for a fleet"),
        (("apps", "-o", "locks", "--changed", "--snapshot", "s"), "`--changed` compares with the indexes as they are"),
        (("none", "-o", "locks"), "`none` cannot be read"),
        (("apps", "-o", "s3://key:canary@bucket/locks"), "holds a login, which would travel to other machines"),
        (("which", "thing"), "no run of `lock fleet` has finished"),
        (("which", "thing", "--index", "none.sqlite"), "there is no index of pins"),
    ],
)
def test_what_no_fleet_can_do_is_refused_before_it_starts(apps: Project, words: tuple[str, ...], message: str) -> None:
    run = run_verb(apps, "fleet", *words)

    assert run.code == 2
    assert message in run.err
    assert "canary" not in run.err


def test_scheduler_or_store_that_cannot_be_used_ends_the_run(apps: Project, scheduler: str) -> None:
    login = lock_apps(apps, scheduler, "--store", "redis://:canary@127.0.0.1:1/0")
    unset = lock_apps(apps, scheduler, "--store", "redis://:${GONE}@127.0.0.1:1/0")

    assert (login.code, unset.code) == (2, 2)
    assert "holds a login, which would travel" in login.err
    assert "canary" not in login.err
    assert "needs `GONE`" in unset.err
