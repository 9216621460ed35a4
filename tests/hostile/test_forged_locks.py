"""Every verb and every function that reads locks, over locks of strangers: nothing but the public index is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from lockfiles import LockfileError, dumps, read
from resolver import Access, PinfoldError, Settings, lock
from resolver.artifacts import fetch_artifacts, hydrate
from resolver.inspection import (
    compare_installed,
    fetch_contents,
    fetch_pin_listings,
    find_newer,
    find_owned_locks,
    open_session,
    verify_lockfile,
)
from tests.command import Project
from tests.hostile.forged_locks import CASES, ForgedLock
from tests.hostile.trap import Trap, make_trap


@pytest.fixture
def trap(project: Project) -> Iterator[Trap]:
    project.write_list("safe")
    with make_trap(project) as trap:
        yield trap


def lock_honestly(trap: Trap) -> str:
    """The text of a lock of `safe`."""
    settings = Settings(index_url=trap.public.index_url)
    text = dumps(lock(["safe"], python="3.11", settings=settings, folder=trap.folder).lockfile)
    trap.public.log.clear()
    return text


def run_verbs(trap: Trap) -> None:
    """All verbs that read a lock, with the public index as the only private host that is allowed."""
    reach = ("--allow-host", trap.public.authority)
    for words in (
        ("verify", "pylock.toml", *reach),
        ("verify", "pylock.toml", "--json", *reach),
        ("fetch", "pylock.toml", "--to", "wheels", *reach),
        ("audit", "pylock.toml", *reach),
        ("outdated", "pylock.toml", *reach),
        ("sizes", "pylock.toml", "--unpacked", *reach),
        ("report", "pylock.toml", "--read-wheels", "--against", "pylock.toml", *reach),
        ("hydrate", "pylock.toml", "-o", "pylock.whole.toml"),
        ("export", "pylock.toml", "--format", "requirements"),
        ("export", "pylock.toml", "--format", "list", "--json"),
        ("tree", "pylock.toml"),
        ("why", "safe", "pylock.toml"),
        ("layers", "pylock.toml"),
        ("digest", "pylock.toml"),
        ("sbom", "pylock.toml"),
        ("secrets", "pylock.toml"),
        ("diff", "pylock.toml", "pylock.toml"),
        ("hook", "check", "pylock.toml"),
        ("requirements.txt", "--check", "--python", "3.11"),
        ("requirements.txt", "--python", "3.11", "--cache-dir", "../cache", "-o", "-"),
    ):
        trap.run(*words)


def call_functions(trap: Trap) -> None:
    """All functions of the library that read a lock and reach hosts or files."""
    path, access = trap.folder / "pylock.toml", Access(allowed_hosts=(trap.public.authority,))
    try:
        lockfile = read(path)
    except (LockfileError, OSError):
        return
    wheels = {package.name: package.wheels[0] for package in lockfile.pylock.packages[:5] if package.wheels}
    settings = Settings(index_url=trap.public.index_url)

    def with_session(use: Callable[..., object]) -> None:
        with open_session(access, lock_folder=path.parent) as session:
            use(session)

    for call in (
        lambda: verify_lockfile(lockfile, path=path, shown="pylock.toml", access=access),
        lambda: fetch_artifacts(lockfile, lock_folder=path.parent, to=trap.folder / "other", access=access),
        lambda: with_session(lambda session: fetch_contents(wheels, folder=path.parent, session=session)),
        lambda: with_session(lambda session: find_newer(lockfile, fetch_pin_listings(lockfile, session))),
        lambda: hydrate(lockfile, trap.folder.parent / "whole.toml", access=access),
        lambda: compare_installed(lockfile, ()),
        lambda: find_owned_locks(trap.folder, seen_from=trap.folder),
        lambda: lock(["safe"], python="3.11", old=lockfile, settings=settings, folder=trap.folder),
    ):
        with trap.watch():
            try:
                call()
            except PinfoldError as error:
                trap.printed += repr(str(error))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_forged_lock_causes_nothing_that_its_user_has_not_allowed(case: ForgedLock, trap: Trap) -> None:
    case.write(trap, lock_honestly(trap))

    run_verbs(trap)
    if case.kind in ("host", "file"):
        # A word that allows builds allows no host and no file.
        for verb in (("verify",), ("fetch", "--to", "more")):
            trap.run(*verb, "pylock.toml", "--build", "--allow-host", trap.public.authority)
    call_functions(trap)
    trap.run("requirements.txt", "--python", "3.11", "--cache-dir", "../cache")

    trap.check()


def test_names_of_cases_are_unique() -> None:
    assert len({case.name for case in CASES}) == len(CASES)
