"""`lock sizes`: what a lock weighs, read from real wheels by ranges."""

from __future__ import annotations

import json

from lockfiles import write
from tests.cli.verb_runs import build_web_lock, run_verb
from tests.command import Project
from tests.distributions import make_wheel
from tests.servers import wheel

LOOPBACK = ("--allow-host", "127.0.0.1")


def test_sizes_are_those_of_the_lock_without_a_request(project: Project) -> None:
    write(build_web_lock(), project.folder / "pylock.toml")

    run = run_verb(project, "sizes")

    assert (run.code, run.err) == (0, "")
    assert run.out == (
        "http 2.0   30.0 MB\njson 3.0   1.50 kB\nlog 1.0    1.50 kB\nweb 1.0    1.50 kB\n4 pins     30.0 MB\n"
    )
    assert project.server.paths() == []


def test_unpacked_sizes_and_modules_come_from_ranges_of_the_wheels(project: Project) -> None:
    content = make_wheel("thing", "1.0", files={"module/__init__.py": b"x" * 5000})
    project.server.add("thing", wheel("thing", "1.0", content=content))
    project.write_list("thing")
    project.write("app.py", "import module\n")
    assert project.lock("requirements.txt").code == 0
    project.server.log.clear()

    (found,) = json.loads(run_verb(project, "sizes", "--unpacked", "--app", "app.py", "--json", *LOOPBACK).out)["locks"]

    (row,) = found["packages"]
    assert row["unpacked_bytes"] > 5000 > row["download_bytes"]
    assert found["unused"] == []
    assert [request.headers["range"] for request in project.server.log] == ["bytes=-65536"]


def test_wheel_that_a_lock_of_another_tool_names_by_a_file_url_is_read(project: Project) -> None:
    path = project.folder / "thing-1.0-py3-none-any.whl"
    path.write_bytes(make_wheel("thing", "1.0", files={"module/__init__.py": b"x" * 5000}))
    project.write(
        "pylock.toml",
        'lock-version = "1.0"\ncreated-by = "other"\n\n[[packages]]\nname = "thing"\nversion = "1.0"\n\n'
        f'[[packages.wheels]]\nurl = "{path.as_uri()}"\nhashes = {{ sha256 = "{"0" * 64}" }}\n',
    )

    (found,) = json.loads(run_verb(project, "sizes", "--unpacked", "--json").out)["locks"]

    assert found["packages"][0]["unpacked_bytes"] > 5000


def test_item_that_the_app_does_not_import_is_named(project: Project) -> None:
    project.server.add("thing", wheel("thing", "1.0"))
    project.write_list("thing")
    project.write("app.py", "import other\n")
    assert project.lock("requirements.txt").code == 0

    last = run_verb(project, "sizes", "--app", ".", *LOOPBACK).out.splitlines()[-1]

    assert last == "pylock.toml: not imported by the app, and needed by no other pin: `thing`"


def test_several_locks_stand_side_by_side(project: Project) -> None:
    write(build_web_lock(), project.folder / "pylock.toml")
    write(build_web_lock(http="2.1"), project.folder / "pylock.new.toml")

    assert run_verb(project, "sizes", "pylock.toml", "pylock.new.toml").out == (
        "       pylock.toml  pylock.new.toml\n"
        "http   2.0 30.0 MB  2.1 30.0 MB\n"
        "json   3.0 1.50 kB  3.0 1.50 kB\n"
        "log    1.0 1.50 kB  1.0 1.50 kB\n"
        "web    1.0 1.50 kB  1.0 1.50 kB\n"
        "total  30.0 MB      30.0 MB\n"
    )
