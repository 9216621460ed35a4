"""Runs over pages that are stale, changed, gone or damaged give what a run with an empty cache gives, byte for byte."""

from __future__ import annotations

import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command import Project, start_process
from tests.loopback import Answer
from tests.servers import IndexServer, sdist, wheel

NAMES = ("ant", "bee", "cat", "dog", "eel")
NEVER_FRESH = ("max-age=0", "no-cache", "no-store", "private, max-age=0", None)


@pytest.fixture
def extra() -> Iterator[IndexServer]:
    """An index before the default one, which lacks most projects."""
    with IndexServer() as server:
        yield server


def add_release(server: IndexServer, name: str, chance: random.Random) -> None:
    """One more file of a project."""
    requires = [other for other in chance.sample(NAMES, chance.randint(0, 2)) if other != name]
    make = chance.choice((wheel, wheel, wheel, sdist))
    yanked = "broken" if chance.random() < 0.1 else None
    version = f"{chance.randint(1, 9)}.{chance.randint(0, 99)}"
    server.add(name, make(name, version, requires, yanked=yanked))


def change_index(server: IndexServer, chance: random.Random) -> None:
    """A new release, a project that comes or goes, other headers, another form of page, an error once, or nothing."""
    name = chance.choice(NAMES)
    match chance.randrange(8):
        case 0 | 1:
            add_release(server, name, chance)
        case 2:
            server.projects.pop(name, None)
        case 3:
            server.cache_control = chance.choice(NEVER_FRESH)
        case 4:
            server.validators = not server.validators
        case 5:
            server.view = chance.choice(("negotiated", "html"))
        case 6:
            server.faults[f"/simple/{name}/"] = [Answer(status=500)]


def damage_store(cache: Path, chance: random.Random) -> None:
    """Change, cut, empty, remove or exchange a file of the store, as disks and other programs do."""
    files = sorted(path for path in (cache / "store-v1").glob("?/*") if path.is_file())
    if not files:
        return
    path, other = chance.choice(files), chance.choice(files)
    data = path.read_bytes()
    at = chance.randrange(len(data) or 1)
    flipped = data[:at] + bytes([(data[at : at + 1] or b"\0")[0] ^ 0x41]) + data[at + 1 :]
    path.write_bytes(chance.choice((flipped, data[:at], b"", other.read_bytes(), data + b"more")))
    if chance.random() < 0.2:
        path.unlink()


def write_list(project: Project, extra: IndexServer, chance: random.Random, lines: list[str]) -> None:
    """The list, with a login for the default index in some cases, and with one more line in others."""
    if chance.random() < 0.1:
        lines.append(f"{chance.choice(NAMES)}{chance.choice(['', '>=1', '<8'])}")
    url = project.server.index_url
    if chance.random() < 0.2:
        url = url.replace("://", f"://user:secret-{chance.randrange(2)}@")
    options = [f"--index-url {url}", *([f"--extra-index-url {extra.index_url}"] if chance.random() < 0.8 else [])]
    project.write("requirements.txt", "\n".join((*options, *lines, "")))


@pytest.mark.parametrize("seed", range(12))
def test_run_with_a_cache_gives_what_one_without_gives(project: Project, extra: IndexServer, seed: int) -> None:
    chance = random.Random(seed)
    project.server.cache_control = extra.cache_control = "max-age=0"
    for name in NAMES:
        for _ in range(3):
            add_release(project.server, name, chance)
    lines, kept, empty = [chance.choice(NAMES)], project.cache, Path(f"{project.cache}-empty")
    lock, old = project.folder / "pylock.toml", ""
    for _ in range(10):
        change_index(chance.choice((project.server, project.server, extra)), chance)
        for _ in range(chance.choice((0, 0, 0, 1, 10))):
            damage_store(kept, chance)
        write_list(project, extra, chance, lines)
        argv = chance.choice(((), (), (), (), (), (), ("--refresh",), ("--upgrade",), ("--python", "3.12")))
        results = []
        for cache in (kept, empty):
            shutil.rmtree(empty, ignore_errors=True)
            lock.unlink(missing_ok=True)
            if old:
                lock.write_text(old, encoding="utf-8")
            faults = {path: list(answers) for path, answers in project.server.faults.items()}
            project.cache = cache
            run = project.lock("requirements.txt", *argv)
            project.server.faults = faults
            # What is read in a run depends on what is kept.
            said = [line for line in run.err.splitlines() if not line.startswith("reading `")]
            results.append((run.code, said, lock.read_text(encoding="utf-8") if lock.exists() else ""))
        project.server.faults = {}
        assert results[0] == results[1]
        # The same old lock, or none, makes the same question, to which the cache may have an answer.
        old = results[0][2] if seed % 2 and chance.random() < 0.2 else old


def test_processes_that_share_a_cache_and_are_killed_lock_the_same(project: Project) -> None:
    project.server.cache_control = "max-age=0"
    for number, name in enumerate(NAMES):
        project.server.add(name, *(wheel(name, f"{version}.0", NAMES[number + 1 :]) for version in range(1, 9)))
    project.write_list("ant")
    argv = ["requirements.txt", "--python", "3.11", "--cache-dir", str(project.cache)]
    expected = None
    for _ in range(3):
        runs = []
        for number in range(6):
            folder = project.folder / f"run-{number}"
            folder.mkdir(exist_ok=True)
            shutil.copy(project.folder / "requirements.txt", folder)
            runs.append((folder, start_process(argv, folder)))
        for number, (folder, process) in enumerate(runs):
            if number % 3 == 2:
                with_time = 0.05 * number
                try:
                    process.wait(timeout=with_time)
                except subprocess.TimeoutExpired:
                    process.kill()
            _, err = process.communicate(timeout=60)
            if number % 3 < 2:
                assert process.returncode == 0, err
                text = (folder / "pylock.toml").read_text(encoding="utf-8")
                expected = expected or text
                assert text == expected
