"""Every verb and format over a list with all kinds of secrets: none is left anywhere but where the user put it.

"Anywhere" is the project with its locks, exports and wheels, the cache, home, temporary files, all that is printed and
logged with the root logger at DEBUG, argv and environment of every child, and what build backends can see.
"""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path

import pytest

from lockfiles import digest, read
from tests.canary.planted import Canary
from tests.canary.secret_list import PROJECTS
from tests.canary.secret_search import find_canaries, search_files
from tests.canary.world import Run, World


def reach(world: World, *words: str) -> Run:
    """A verb that asks hosts with all that a builder has."""
    hosts = () if words[0] == "hydrate" else ("--allow-host", "127.0.0.1")
    builds = ("--build",) if words[0] in ("fetch", "verify") else ()
    return world.run(
        *words, *builds, "--list", "pyproject.toml", "--credentials", str(world.builder_credentials), *hosts
    )


def test_list_is_locked_with_every_secret_and_keeps_none(locked: World) -> None:
    assert {package.name for package in read(locked.lockfile).pylock.packages} == PROJECTS
    assert [path for path in locked.records.iterdir() if path.name.startswith("git-")]
    assert any("netrc.example" in asked for asked in locked.hosts.proxy.asked)
    assert locked.hosts.submodule.logins() == {f"robot:{Canary.SUBMODULE.text}"}
    assert locked.find_leaks() == []


def test_lock_names_variables_and_hosts_that_need_credentials(locked: World) -> None:
    tool = read(locked.lockfile).tool
    assert tool is not None
    assert any("${CANARY_PASSWORD}" in text for text in tool.credentials)
    assert any("${CANARY_PATH}" in text for text in tool.credentials)


@pytest.mark.parametrize("words", [(), ("--refresh",), ("-U",), ("-P", "git-token"), ("--json",)])
def test_locking_again_leaves_nothing(locked: World, words: tuple[str, ...]) -> None:
    before = locked.lockfile.read_bytes()
    run = locked.lock("-vv", *words)
    assert run.code == 0, run.err
    assert locked.lockfile.read_bytes() == before
    assert locked.find_leaks() == []


@pytest.mark.parametrize("words", [("--check",), ("--check", "--json"), ("--check", "--refresh")])
def test_check_leaves_nothing(locked: World, words: tuple[str, ...]) -> None:
    run = locked.lock(*words)
    assert run.code == 0, run.err
    assert locked.find_leaks() == []


def test_progress_on_a_terminal_holds_nothing(locked: World) -> None:
    run = locked.run_on_terminal(*locked.lock_words("--refresh"))
    assert run.code == 0, run.err
    # The display has drawn requests, and has erased them.
    assert re.search(r"\d+ pages?", run.err)
    assert "\x1b[" in run.err
    assert locked.find_leaks() == []


def test_lock_on_standard_output_holds_nothing(locked: World) -> None:
    run = locked.lock("-o", "-")
    assert run.code == 0, run.err
    assert run.out == locked.lockfile.read_text()
    assert locked.find_leaks() == []


def test_index_url_of_the_command_line_is_told_by_form_and_stands_nowhere(locked: World) -> None:
    host = locked.hosts.command_line
    (locked.project / "short.txt").write_text("command-line\n")
    url = host.url("/simple/", login=f"robot:{Canary.COMMAND_LINE.text}")
    run = locked.run(
        "short.txt", "-vv", "--index-url", url, "--cache-dir", str(locked.cache), "-o", "pylock.short.toml"
    )
    assert run.code == 0, run.err
    assert "command line[0]: a user and password in a URL, which other users of this machine can see" in run.err
    assert locked.find_leaks() == []
    (locked.project / "pylock.short.toml").unlink()


READING = [
    *[("why", name) for name in ("direct-login", "git-token", "variable-path")],
    ("why", "built", "--json"),
    *[(verb, *more) for verb in ("tree", "digest", "layers", "sizes") for more in ((), ("--json",))],
    ("tree", "--invert"),
    ("diff", "pylock.toml", "other.toml"),
    ("diff", "pylock.toml", "other.toml", "--json"),
    ("sbom",),
    ("sbom", "-o", "sbom.json"),
    ("report",),
    ("report", "--json"),
    ("report", "-o", "report.html"),
    ("report", "--against", "other.toml"),
    ("machines",),
    ("machines", "--json"),
    ("machines", "A100", "torch"),
    *[("completion", shell) for shell in ("bash", "zsh", "fish")],
    *[
        ("export", "--format", form, *more)
        for form in ("requirements", "list", "pylock")
        for more in ((), ("--layer", "0"))
    ],
    ("export", "--format", "list", "--json"),
    ("export", "--format", "requirements", "-o", "exported.txt"),
    ("export", "--format", "pylock", "--layer", "1", "-o", "pylock.layer.toml"),
]


@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_verb_that_asks_nobody_leaves_nothing(locked: World, words: tuple[str, ...]) -> None:
    text = locked.lockfile.read_text()
    (locked.project / "other.toml").write_text(text.replace('version = "1.0"', 'version = "1.1"', 1))
    place = [] if words[0] in ("completion", "machines", "diff") else ["pylock.toml"]
    run = locked.run(words[0], *words[1:2], *place, *words[2:]) if words[0] == "why" else locked.run(*words, *place)
    assert run.code == (1 if words[0] == "diff" else 0), run.err
    assert run.out or "-o" in words
    assert locked.find_leaks() == []


def test_export_as_a_list_has_the_variables_of_the_list_in_their_places(locked: World) -> None:
    run = locked.run("export", "pylock.toml", "--format", "list")
    assert ":${CANARY_PASSWORD}@" in run.out


@pytest.mark.parametrize("verb", ["sizes --unpacked", "report --read-wheels", "outdated", "audit", "verify"])
@pytest.mark.parametrize("form", ["", "--json"])
def test_verb_that_asks_hosts_leaves_nothing(locked: World, verb: str, form: str) -> None:
    run = reach(locked, *verb.split(), "pylock.toml", *form.split())
    assert run.code in (0, 1), run.err
    assert locked.find_leaks() == []


def test_verify_tells_nothing_in_annotations_and_of_environments(locked: World) -> None:
    text = locked.lockfile.read_text()
    forged = re.sub(r'sha256 = "\w+"', f'sha256 = "{"a" * 64}"', text, count=1)
    (locked.project / "pylock.forged.toml").write_text(forged)
    run = reach(locked, "verify", "pylock.forged.toml", "--format", "github")
    assert (run.code, run.out[:8]) == (1, "::error "), run.err
    (locked.project / "pylock.forged.toml").unlink()
    packages = locked.root / "packages"
    packages.mkdir()
    (packages / "azure-0.9.dist-info").mkdir()
    (packages / "azure-0.9.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: azure\nVersion: 0.9\n")
    assert locked.run("verify", "pylock.toml", "--environment", str(packages)).code == 1
    assert locked.find_leaks() == []


def test_secrets_verb_names_the_lines_and_not_the_secrets(locked: World) -> None:
    for words in ((), ("--json",)):
        run = locked.run("secrets", *words, "pyproject.toml", "pylock.toml")
        assert run.code == 1, run.err
        assert "pylock.toml" not in run.out
        assert run.out.count("127.0.0.1") >= 12
    assert locked.find_leaks() == []


@pytest.fixture(scope="module")
def fetched(locked: World) -> World:
    """The world with a wheelhouse."""
    run = reach(locked, "fetch", "pylock.toml", "--to", "wheels")
    assert run.code == 0, run.err
    return locked


def test_fetch_leaves_nothing(fetched: World) -> None:
    assert len(list((fetched.project / "wheels").glob("*.whl"))) == len(PROJECTS)
    assert fetched.find_leaks() == []


def test_fetch_of_what_is_there_leaves_nothing(fetched: World) -> None:
    run = reach(fetched, "fetch", "pylock.toml", "--to", "wheels", "--json")
    assert {file["outcome"] for file in json.loads(run.out)["files"]} == {"present"}
    assert fetched.find_leaks() == []


def test_backends_that_look_around_find_nothing(fetched: World) -> None:
    seen = sorted(fetched.hosts.dump.iterdir())
    assert {path.name.partition("-")[0] for path in seen} == {"built", "git"}
    assert search_files(seen) == []


def test_hydrated_lock_alone_holds_secrets_and_only_its_owner_reads_it(locked: World, tmp_path: Path) -> None:
    place = locked.root / "build" / "pylock.build.toml"
    place.parent.mkdir(exist_ok=True)
    run = reach(locked, "hydrate", "pylock.toml", "-o", str(place))
    assert run.code == 0, run.err
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert [path.name for path in place.parent.iterdir()] == [place.name]
    text = place.read_text()
    for canary in (Canary.DIRECT_LOGIN, Canary.SIGV4, Canary.AZURE, Canary.INDEX_LOGIN, Canary.VARIABLE_USER):
        assert canary.text in text
    assert locked.find_leaks() == []


def test_hydrated_lock_is_refused_where_git_takes_it_along(locked: World) -> None:
    (locked.project / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    (locked.project / ".git" / "objects").mkdir(exist_ok=True)
    (locked.project / ".git" / "refs").mkdir(exist_ok=True)
    run = reach(locked, "hydrate", "pylock.toml", "-o", "pylock.build.toml")
    assert run.code == 2
    assert not (locked.project / "pylock.build.toml").exists()
    assert locked.find_leaks() == []


def test_digest_of_a_lock_is_made_of_no_secret(locked: World) -> None:
    lockfile = read(locked.lockfile)
    assert find_canaries(digest(lockfile).encode()) == []
    assert find_canaries(repr(lockfile).encode()) == []
