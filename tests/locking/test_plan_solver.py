"""An answer kept from an earlier run is used where a search would give the same, and nowhere else."""

from __future__ import annotations

import random
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version

import resolver.fetch.evidence
import resolver.solve.solving
from resolver import Access, LockOutcome, LockTarget, Session, Settings
from resolver.errors import Position
from resolver.index.events import Recalled
from resolver.solve.problem import Problem, Root, render_question
from resolver.targets.platforms import parse_platform
from resolver.targets.target import Target, parse_python_version
from tests.command import Project, Run
from tests.fetch.memory_store import find_entries
from tests.servers import IndexServer, sdist, wheel

CUT_OFF = "2025-01-01T00:00:00Z"
NAMES = ("ant", "bee", "cat", "dog", "eel")


class Searches:
    """How many searches there were."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        search = resolver.solve.solving._search

        def count(universe: object) -> object:
            self.count += 1
            return search(universe)  # type: ignore[arg-type]  # passed on as it came

        monkeypatch.setattr(resolver.solve.solving, "_search", count)


@pytest.fixture
def searches(monkeypatch: pytest.MonkeyPatch) -> Searches:
    return Searches(monkeypatch)


def lock_afresh(project: Project, *argv: str) -> Run:
    """A lock without an old one."""
    (project.folder / "pylock.toml").unlink(missing_ok=True)
    run = project.lock("requirements.txt", *argv)
    # A prefetch may still be writing to the cache.
    for thread in threading.enumerate():
        if thread.name.startswith("pinfold-"):
            thread.join()
    return run


def add_small_world(project: Project) -> None:
    project.server.add("a", wheel("a", "1.0", ["b"]), wheel("a", "2.0", ["b"]))
    project.server.add("b", wheel("b", "1.0"), wheel("b", "2.0"))
    project.write_list("a")


@pytest.fixture
def locked(project: Project, searches: Searches) -> Project:
    """A project that was locked, so that its answer is kept."""
    add_small_world(project)
    assert lock_afresh(project).code == 0
    assert searches.count == 1
    return project


def test_second_run_searches_nothing_and_requests_nothing(locked: Project, searches: Searches) -> None:
    text, requests_before = locked.read(), len(locked.server.log)

    assert lock_afresh(locked).code == 0
    assert (searches.count, len(locked.server.log), locked.read()) == (1, requests_before, text)


CHANGES: dict[str, Callable[[Project], tuple[str, ...]]] = {
    "another line": lambda project: _write(project, "a", "b"),
    "another specifier": lambda project: _write(project, "a<2"),
    "the same line elsewhere": lambda project: _write(project, "", "a"),
    "an extra index": lambda project: _write(project, "--extra-index-url INDEX../simple/", "a"),
    "a constraint": lambda project: _write(project, "a", "-c limits.txt"),
    "pre-releases": lambda project: _write(project, "--pre", "a"),
    "no wheels": lambda project: _write(project, "--no-binary c", "a"),
    "a hash": lambda project: _write(project, "a", "b --hash=sha256:" + 64 * "0"),
    "a cut-off": lambda project: ("--exclude-newer", CUT_OFF),
    "a strategy": lambda project: ("--index-strategy", "best-match"),
    "another Python": lambda project: ("--python", "3.12"),
    "another patch": lambda project: ("--python", "3.11.4"),
    "another platform": lambda project: ("--platform", "manylinux_2_28_x86_64"),
    "no builds": lambda project: ("--no-build",),
    "an override": lambda project: _write_settings(project, 'override-dependencies = ["b<2"]'),
    "an exclusion": lambda project: _write_settings(project, 'exclude = ["b"]'),
    "dependency metadata": lambda project: _write_settings(
        project, '[[tool.pinfold.dependency-metadata]]\nname = "a"\nrequires-dist = []'
    ),
    "asking anew": lambda project: ("--refresh",),
    "offline": lambda project: ("--offline",),
}


def _write(project: Project, *lines: str) -> tuple[str, ...]:
    project.write("limits.txt", "b<2\n")
    project.write_list(*lines)
    return ()


def _write_settings(project: Project, text: str) -> tuple[str, ...]:
    project.write("pyproject.toml", f"[tool.pinfold]\n{text}\n")
    return ()


@pytest.mark.parametrize("name", CHANGES)
def test_other_question_is_searched_for(locked: Project, searches: Searches, name: str) -> None:
    lock_afresh(locked, *CHANGES[name](locked))

    assert searches.count == 2


PAGES: dict[str, Callable[[IndexServer], None]] = {
    "a new version": lambda server: server.add("b", wheel("b", "3.0")),
    "a yanked file": lambda server: server.projects.update(b=[wheel("b", "1.0"), wheel("b", "2.0", yanked="broken")]),
    "a file taken away": lambda server: server.projects.update(b=[wheel("b", "1.0")]),
    "other content": lambda server: server.projects.update(b=[wheel("b", "2.0", ["c"])]),
    "nothing new": lambda server: None,
}


@pytest.mark.parametrize("name", PAGES)
def test_stale_pages_are_requested(
    locked: Project, searches: Searches, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    locked.server.add("c", wheel("c", "1.0"))
    PAGES[name](locked.server)
    later = time.time() + 1000
    monkeypatch.setattr(time, "time", lambda: later)
    requests_before = len(locked.server.log)
    lock_afresh(locked)
    text = locked.read()

    assert searches.count == (1 if name == "nothing new" else 2)
    paths = [request.path for request in locked.server.log[requests_before:]]
    assert [paths.count(f"/simple/{project}/") for project in ("a", "b")] == [1, 1]
    shutil.rmtree(locked.cache)
    lock_afresh(locked)
    assert locked.read() == text


def test_project_that_an_index_lacks_is_requested_in_each_run(project: Project, searches: Searches) -> None:
    with IndexServer({}) as extra:
        project.server.add("a", wheel("a", "1.0"))
        project.write_list(f"--extra-index-url {extra.index_url}", "a")
        lock_afresh(project)
        extra.add("a", wheel("a", "0.5"))
        lock_afresh(project)

    assert project.pins() == {"a": "0.5"}


def test_page_that_another_run_stored_anew_is_searched(locked: Project, searches: Searches) -> None:
    locked.server.add("b", wheel("b", "3.0"))
    lock_afresh(locked, "--refresh")
    lock_afresh(locked)

    assert searches.count == 3
    assert locked.pins() == {"a": "2.0", "b": "3.0"}


def test_lost_records_change_nothing(locked: Project, searches: Searches) -> None:
    text = locked.read()
    for path in find_entries(locked.cache, "records"):
        path.unlink()
    lock_afresh(locked)

    assert (searches.count, locked.read()) == (1, text)
    locked.write_list("a", "b")
    lock_afresh(locked)
    assert searches.count == 2


def test_other_product_searches_again(locked: Project, searches: Searches, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolver.fetch.evidence, "find_product", lambda: "another one")
    lock_afresh(locked)

    assert searches.count == 2


def test_unknown_product_keeps_nothing(locked: Project, searches: Searches, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolver.fetch.evidence, "find_product", lambda: None)
    lock_afresh(locked)
    lock_afresh(locked)

    assert searches.count == 3


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "of another question"])
def test_damaged_answer_is_none(locked: Project, searches: Searches, damage: str) -> None:
    text = locked.read()
    (path,) = find_entries(locked.cache, "answer")
    data = path.read_bytes()
    middle = len(data) // 2
    if damage == "of another question":
        lock_afresh(locked, "--exclude-newer", CUT_OFF)
        (other,) = (one for one in find_entries(locked.cache, "answer") if one != path)
        shutil.copy(other, path)
        searches.count = 1
    else:
        flipped = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
        path.write_bytes({"cut": data[:middle], "flipped": flipped, "empty": b""}[damage])
    lock_afresh(locked)

    assert (searches.count, locked.read()) == (2, text)


def test_index_without_hashes_is_searched_in_each_run(project: Project, searches: Searches) -> None:
    project.server.hashes = project.server.sizes = False
    add_small_world(project)
    lock_afresh(project)
    lock_afresh(project)

    assert searches.count == 2
    assert not find_entries(project.cache, "answer")


def build_world(server: IndexServer, chance: random.Random) -> None:
    """Projects whose versions need each other, some yanked, some only as an sdist."""
    for name in NAMES:
        server.projects[name] = []
        for number in range(1, chance.randint(2, 4)):
            requires = [
                f"{other}{chance.choice(['', '>=2', '<3', '==1', '!=2'])}"
                for other in chance.sample(NAMES, chance.randint(0, 2))
                if other != name
            ]
            make = chance.choice((wheel, wheel, wheel, sdist))
            uploaded = f"202{chance.randint(3, 6)}-01-01T00:00:00.000000Z"
            yanked = "broken" if chance.random() < 0.1 else None
            server.add(name, make(name, f"{number}.0", requires, upload_time=uploaded, yanked=yanked))


def change_something(project: Project, chance: random.Random, lines: list[str]) -> tuple[str, ...]:
    """One change of the index, the clock or the list, or none; words for the command."""
    match chance.randrange(7):
        case 0:
            build_world(project.server, chance)
        case 1:
            name = chance.choice(NAMES)
            project.server.add(name, wheel(name, f"{chance.randint(5, 9)}.{chance.randint(0, 99)}"))
        case 2:
            later = time.time() + 700
            project.monkeypatch.setattr(time, "time", lambda: later)
        case 3:
            lines.append(f"{chance.choice(NAMES)}{chance.choice(['', '>=1', '<3'])}")
        case 4:
            return ("--exclude-newer", f"202{chance.randint(4, 7)}-01-01T00:00:00Z")
        case 5:
            return ("--refresh",)
    project.write_list(*lines)
    return ()


@pytest.mark.parametrize("seed", range(10))
def test_kept_answer_is_what_a_search_gives(project: Project, searches: Searches, seed: int) -> None:
    chance = random.Random(seed)
    build_world(project.server, chance)
    lines = [chance.choice(NAMES)]
    project.write_list(*lines)
    lock_afresh(project)
    for _ in range(5):
        argv = change_something(project, chance, lines)
        bare = replace(project, cache=Path(f"{project.cache}-bare"))
        shutil.rmtree(bare.cache, ignore_errors=True)
        shutil.copytree(project.cache, bare.cache)
        for path in find_entries(bare.cache, "answer"):
            path.unlink()
        results = []
        for one in (project, bare):
            run = lock_afresh(one, *argv)
            results.append((run, one.read() if run.code == 0 else ""))
        assert results[0] == results[1]


TORCH = ("2.6.0", "2.9.0", "2.13.0")
GPUS = ("GPU-A100", "GPU-H100", "GPU-T4")


def lock_for(project: Project, *machines: str, cache: Path | None, events: list[object] | None = None) -> list[object]:
    """The outcomes of one list for machine types, in order."""
    access = Access(cache_folder=cache, observe=None if events is None else events.append)
    targets = [LockTarget(python="3.11", machine_type=machine) for machine in machines]
    settings = Settings(index_url=project.server.index_url)
    with Session(access) as session:
        return list(session.lock_many(["torch", "b"], targets, settings=settings, folder=project.folder))


def test_an_unchanged_list_for_machine_types_is_not_searched(project: Project, searches: Searches) -> None:
    project.server.add("torch", *(wheel("torch", version, ["b"]) for version in TORCH))
    project.server.add("b", wheel("b", "1.0"))
    first = lock_for(project, *GPUS, cache=project.cache)
    assert all(isinstance(one, LockOutcome) and one.resolution.build for one in first)
    assert any(isinstance(one, LockOutcome) and one.driver_changes for one in first)

    searches.count = 0
    events: list[object] = []
    assert lock_for(project, *GPUS, cache=project.cache, events=events) == first
    assert searches.count == 0
    assert events == [Recalled(pins=2)] * len(GPUS)
    for number, machine in enumerate(GPUS):
        assert lock_for(project, machine, cache=project.cache) == [first[number]]
    assert searches.count == 0
    assert lock_for(project, *GPUS, cache=None) == first


def test_a_new_release_of_torch_is_found_for_machine_types(project: Project, searches: Searches) -> None:
    project.server.cache_control = "max-age=0"
    project.server.add("torch", wheel("torch", "2.6.0", ["b"]))
    project.server.add("b", wheel("b", "1.0"))
    first = lock_for(project, "GPU-A100", cache=project.cache)
    searches.count = 0
    assert lock_for(project, "GPU-A100", cache=project.cache) == first
    assert searches.count == 0
    project.server.add("torch", wheel("torch", "2.7.0", ["b"]))
    assert lock_for(project, "GPU-A100", cache=project.cache) == lock_for(project, "GPU-A100", cache=None) != first


PLAIN = Target(python=parse_python_version("3.11"), platform=parse_platform("manylinux_2_35_x86_64"))
ROOT = Root(position=Position(line=1), text="a", name=NormalizedName("a"))
PROBLEM = Problem(target=PLAIN, roots=(ROOT,), locations=lambda name: ())
OTHER_VALUES: dict[str, Any] = {
    "target": Target(python=parse_python_version("3.12"), platform=PLAIN.platform),
    "roots": (replace(ROOT, specifier=SpecifierSet(">1")),),
    "constraints": (ROOT,),
    "overrides": (ROOT,),
    "excludes": frozenset({NormalizedName("b")}),
    "named_at": {"https://index.example/": Position()},
    "families": (Position(),),
    "index_strategy": "best-match",
    "preferences": {NormalizedName("a"): Version("1")},
    "pre": True,
    "prefer_binary": True,
    "format_control": replace(PROBLEM.format_control, no_binary=frozenset({"a"})),
    "exclude_newer": CUT_OFF,
    "exclude_newer_exempt": frozenset({"https://index.example/"}),
    "allow": frozenset({NormalizedName("a")}),
    "require_hashes": True,
    "no_build": True,
    "skips_failed_builds": True,
    "rejected_builds": frozenset({(NormalizedName("a"), Version("1"))}),
    "is_of_lock": True,
}


@pytest.mark.parametrize(
    "name", sorted({field.name for field in fields(Problem)} - {"locations", "later_locations", "lines", "variant"})
)
def test_every_field_of_a_problem_is_in_its_text(name: str) -> None:
    if name == "build_indexes":
        with_builds = replace(PROBLEM, build_indexes=object())  # type: ignore[arg-type]  # any value
        assert render_question(with_builds) is None
    elif name == "direct":
        assert render_question(replace(PROBLEM, direct={ROOT.name: object()})) is None  # type: ignore[dict-item]
    elif name == "measures_kernels":
        assert render_question(replace(PROBLEM, measures_kernels=True)) is None
    else:
        assert render_question(replace(PROBLEM, **{name: OTHER_VALUES[name]})) not in (None, render_question(PROBLEM))


def test_value_of_an_unknown_kind_has_no_text() -> None:
    assert render_question(PROBLEM, lambda: None) is None
