"""`resolver.lock`: locking a list that a program holds, and its documentation, executed.

`Locker`: many plans in one run.
"""

from __future__ import annotations

import contextlib
import gc
import io
import logging
import os
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from packaging.utils import NormalizedName

from lockfiles import dumps
from lockfiles.variable_bindings import parse_binding
from resolver import Access, LockOutcome, Settings, Upgrade, lock
from resolver.errors import ListError, ResolutionError, TargetError, UnboundVariableError
from resolver.locking import LockPlan
from resolver.locking.locker import Locker
from resolver.planning.plan import RunContext, plan_lock
from resolver.requirements.scopes import IndexFamily
from resolver.session import lock_plan
from resolver.sources.source import ItemList, Source, StatedValue
from resolver.targets.target import parse_python_version
from tests.command import Project
from tests.distributions import make_wheel
from tests.loopback import Answer
from tests.servers import IndexServer, ServedFile, sdist, wheel

_DOCUMENT = Path(__file__).parents[2] / "docs" / "api.md"


@pytest.fixture(autouse=True)
def index(project: Project) -> None:
    project.server.add("anyio", wheel("anyio", "4.3.0", ["idna"]), wheel("anyio", "4.4.0", ["idna"]))
    project.server.add("idna", wheel("idna", "3.7"))


def lock_here(project: Project, requirements: Any, **options: Any) -> LockOutcome:
    settings = Settings(index_url=project.server.index_url)
    return lock(requirements, **{"python": "3.11", "settings": settings, "folder": project.folder, **options})


def pins(outcome: LockOutcome) -> dict[str, str]:
    return {package.name: str(package.version) for package in outcome.lockfile.pylock.packages}


def test_list_is_locked(project: Project) -> None:
    assert pins(lock_here(project, ["anyio"])) == {"anyio": "4.4.0", "idna": "3.7"}


def test_lock_of_the_api_is_that_of_the_command(project: Project) -> None:
    project.write("pyproject.toml", '[tool.pinfold]\nrequirements = ["anyio"]\nindex-url = "INDEX"\n')
    project.lock()

    made = lock_here(project, ["anyio"]).lockfile
    assert made.tool is not None
    assert made.tool.source is None
    assert project.fix(dumps(replace(made, tool=replace(made.tool, source="pyproject.toml")))) == project.read()


def test_layers_are_kept_apart(project: Project) -> None:
    tool = lock_here(project, [["idna"], ["anyio"]]).lockfile.tool
    assert tool is not None
    assert tool.layers == (("idna",), ("anyio",))


def test_a_variable_of_a_list_needs_a_binding_of_the_program(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "canaryZq7")
    host = project.server.base_url.partition("://")[2]
    url = project.server.index_url.replace("://", "://${TOKEN}@")

    with pytest.raises(UnboundVariableError) as caught:
        lock_here(project, ["-i", url, "idna"])
    assert (caught.value.variable, caught.value.host, caught.value.exit_code) == ("TOKEN", host, 2)
    assert "canaryZq7" not in str(caught.value)
    assert project.server.log == []
    access = Access(variable_bindings=(parse_binding(f"TOKEN={host}"),))
    assert pins(lock_here(project, ["-i", url, "idna"], access=access)) == {"idna": "3.7"}


def test_python_may_be_a_parsed_version(project: Project) -> None:
    tool = lock_here(project, ["idna"], python=parse_python_version("3.13t")).lockfile.tool
    assert tool is not None
    assert tool.python == "3.13t"


def test_platform_of_the_settings_is_used(project: Project) -> None:
    settings = Settings(index_url=project.server.index_url, platform="musllinux_1_2_aarch64")
    tool = lock_here(project, ["idna"], settings=settings).lockfile.tool
    assert tool is not None
    assert tool.platform == "musllinux_1_2_aarch64"


def test_pins_of_the_old_lock_are_kept_until_released(project: Project) -> None:
    old = lock_here(project, ["anyio<4.4"]).lockfile
    names = frozenset({NormalizedName("anyio")})

    assert pins(lock_here(project, ["anyio"], old=old))["anyio"] == "4.3.0"
    assert pins(lock_here(project, ["anyio"], old=old, upgrade=Upgrade(names=names)))["anyio"] == "4.4.0"


def test_cache_folder_is_used(project: Project) -> None:
    lock_here(project, ["idna"], access=Access(cache_folder=project.cache))
    project.server.log.clear()

    assert pins(lock_here(project, ["idna"], access=Access(cache_folder=project.cache))) == {"idna": "3.7"}
    assert project.server.log == []


def test_paths_start_from_the_folder(project: Project) -> None:
    (project.folder / "wheels").mkdir()
    (project.folder / "wheels" / "c-1.0-py3-none-any.whl").write_bytes(make_wheel("c", "1.0"))

    outcome = lock_here(project, ["--no-index", "-f", "wheels", "c"])

    assert [file.path for _, file in outcome.lockfile.iter_files()] == ["wheels/c-1.0-py3-none-any.whl"]


def test_faults_are_named_by_their_place_in_the_list(project: Project) -> None:
    with pytest.raises(ListError) as caught:
        lock_here(project, [["idna"], ["anyio ==", 5]])
    assert [str(fault.where) for fault in caught.value.faults] == ["requirements[1][0]", "requirements[1][1]"]


def test_text_instead_of_a_list_is_refused(project: Project) -> None:
    with pytest.raises(ListError) as caught:
        lock_here(project, "idna")
    assert str(caught.value) == "requirements: a list of type `str`\n  try: give a list of strings, or of such lists"


def test_unsupported_python_is_named_by_its_argument(project: Project) -> None:
    with pytest.raises(TargetError) as caught:
        lock_here(project, ["idna"], python="2.7")
    assert str(caught.value) == "`python`: Python `2.7` is not supported: CPython 3.8 to 3.15 are"


@pytest.mark.parametrize("names", ["B20", ["GPU-H100", "B20"]])
def test_unknown_machine_type_is_named_by_its_argument(names: str | list[str]) -> None:
    with pytest.raises(TargetError) as caught:
        lock(["a"], python="3.11", machine_type=names)
    assert str(caught.value) == (
        "`machine_type`: unknown machine type `B20`\n"
        "  try: `GPU-B200`, `GPU-H200`, `GPU-GB200` or a row in `[[tool.pinfold.machines]]`"
    )


def test_examples_of_the_documentation_give_the_documented_results(project: Project) -> None:
    project.monkeypatch.chdir(project.folder)
    blocks = re.findall(r"```(python|)\n(.*?)```", _DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, object] = {}
    for (language, code), (_, expected) in zip(blocks[::2], blocks[1::2], strict=True):
        assert language == "python"
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            exec(code.replace("https://index.example/simple/", project.server.index_url), names)
        logging.getLogger("pinfold.search").setLevel(logging.NOTSET)
        assert project.fix(output.getvalue()) == expected


@pytest.fixture(autouse=True)
def index_of_workflow(project: Project) -> None:
    project.server.add("anyio", wheel("anyio", "4.3.0", ["idna"]), wheel("anyio", "4.4.0", ["idna"]))
    project.server.add("idna", wheel("idna", "3.7"))
    project.server.add("numpy", wheel("numpy", "2.0"))


def build_plan(project: Project, items: Sequence[str], **settings: object) -> LockPlan:
    source = Source(
        name="requirements",
        stem="requirements",
        form=ItemList(items=tuple(items)),
        path=None,
        folder=project.folder,
        python=StatedValue(value="3.11", where="`python`"),
        settings=replace(Settings(index_url=project.server.index_url), **settings),  # type: ignore[arg-type]
    )
    return plan_lock(
        source,
        arguments=Settings(),
        path=None,
        old=None,
        run=RunContext(folder=project.folder, variables=os.environ, now=datetime.now(UTC)),
    )


def test_locks_do_not_depend_on_plans_that_were_freed(project: Project) -> None:
    lists = (["numpy"], ["idna"], ["anyio"], ["anyio<4.4"], ["anyio", "numpy"])
    expected = [dumps(lock_plan(build_plan(project, items), access=Access()).lockfile) for items in lists]

    with Locker([], access=Access()) as locker:
        for round_number in range(60):
            at = round_number % len(lists)
            # The plan is freed after the call, so that the next one may lie at its address.
            assert dumps(locker.lock(build_plan(project, lists[at])).lockfile) == expected[at]
            if round_number % 7 == 0:
                gc.collect()


@pytest.mark.parametrize(
    "settings",
    [
        {"exclude": ("idna",)},
        {"override_dependencies": ("idna==3.6",)},
        {"constraint_dependencies": ("anyio<4.4",)},
        {"index_strategy": "best-match"},
        {"no_build": True},
    ],
)
def test_settings_are_part_of_the_question(project: Project, settings: dict[str, object]) -> None:
    project.server.add("idna", wheel("idna", "3.6"))
    plans = [build_plan(project, ["anyio"]), build_plan(project, ["anyio"], **settings)]
    expected = [dumps(lock_plan(plan, access=Access()).lockfile) for plan in plans]

    with Locker([], access=Access()) as locker:
        assert [dumps(locker.lock(plan).lockfile) for plan in plans] == expected


def test_equal_lists_share_one_answer(project: Project) -> None:
    with Locker([], access=Access()) as locker:
        first = locker.lock(build_plan(project, ["anyio"]))
        second = locker.lock(build_plan(project, ["anyio"]))

    assert second.resolution is first.resolution


def moved(flag: str, url: str, *, text: str = "idna", place: int = 0, at: int = 1) -> str:
    """The message for a location that position takes from an entry."""
    return (
        f"requirements[{at}]: `{flag} {url}` does not serve `{text}` at requirements[{place}]\n"
        "  because a flag serves the requirements after it, and with this one another file would be locked\n"
        f'  try: move the flag above requirements[{place}], or set `flag-scope = "list"`; `flag-scope = "position"`'
        " keeps the list as written"
    )


@pytest.mark.parametrize("flag", ["--extra-index-url", "--find-links"])
@pytest.mark.parametrize("version", ["3.7", "3.8", "3.7+own"])
def test_position_that_would_swap_a_file_is_an_error(project: Project, flag: str, version: str) -> None:
    with IndexServer() as other:
        other.add("idna", wheel("idna", version, ["anyio"]))
        url = other.index_url if flag == "--extra-index-url" else f"{other.base_url}/links/idna/"
        assert pins(lock_here(project, ["idna", flag, url]))["idna"] == version
        with pytest.raises(ListError) as caught:
            lock_here(project, ["idna", flag, url, "anyio"])
        assert str(caught.value) == moved(flag, url)


def test_position_that_would_swap_a_file_for_an_sdist_of_a_stranger_builds_nothing(project: Project) -> None:
    project.server.add("own", sdist("own", "9.0"))
    with IndexServer() as other:
        other.add("own", wheel("own", "1.0"))
        with pytest.raises(ListError) as caught:
            lock_here(project, ["own", "--extra-index-url", other.index_url, "idna"])
        assert str(caught.value) == moved("--extra-index-url", other.index_url, text="own")
    assert not [request for request in project.server.log if "own-9.0" in f"{request}"]


def test_flag_scope_that_is_set_keeps_the_list_as_written(project: Project) -> None:
    with IndexServer() as other:
        other.add("idna", wheel("idna", "3.9"))
        items = ["idna", "--extra-index-url", other.index_url, "anyio"]
        found = {}
        for scope in ("position", "list"):
            settings = Settings(index_url=project.server.index_url, flag_scope=scope)
            found[scope] = pins(lock_here(project, items, settings=settings))["idna"]
        assert found == {"position": "3.7", "list": "3.9"}


def test_position_that_takes_the_same_file_away_is_no_error(project: Project) -> None:
    with IndexServer() as other:
        other.add("idna", wheel("idna", "3.7"))
        outcome = lock_here(project, ["idna", "--extra-index-url", other.index_url, "anyio"])
        assert (pins(outcome), outcome.warnings) == ({"anyio": "4.4.0", "idna": "3.7"}, ())


def test_location_taken_away_that_cannot_be_read_is_a_warning(project: Project) -> None:
    with IndexServer() as other:
        other.add("idna", wheel("idna", "3.9"))
        other.add("anyio", wheel("anyio", "4.4.0", ["idna"]))
        other.always["/simple/idna/"] = Answer(status=403)
        outcome = lock_here(project, ["idna", "--extra-index-url", other.index_url, "anyio"])
        assert pins(outcome)["idna"] == "3.7"
        assert outcome.warnings == (
            f"requirements[1]: `--extra-index-url {other.index_url}` does not serve `idna` at requirements[0], and it"
            " cannot be read to see whether another file would be locked with it",
        )


def test_a_family_index_taken_from_its_family_is_judged_by_the_file_too(project: Project) -> None:
    with IndexServer() as other:
        other.add("idna", wheel("idna", "3.7+cu124"))
        family = IndexFamily(name="own", names=("idna",), urls=(other.index_url,))
        settings = Settings(index_url=project.server.index_url, families=(family,))
        with pytest.raises(ListError) as caught:
            lock_here(project, ["idna", "--extra-index-url", other.index_url, "anyio"], settings=settings)
        assert str(caught.value) == moved("--extra-index-url", other.index_url)
        other.projects.clear()
        assert pins(lock_here(project, ["idna", "--extra-index-url", other.index_url, "anyio"]))["idna"] == "3.7"


@pytest.mark.parametrize("flag", ["--extra-index-url", "--find-links"])
def test_a_location_that_has_no_project_of_the_list_is_a_warning(project: Project, flag: str) -> None:
    with IndexServer() as other:
        url = f"{other.base_url}/typo/" if flag == "--extra-index-url" else f"{other.base_url}/links/typo/"
        other.always |= {f"/typo/{name}/": Answer(status=404) for name in ("anyio", "idna")}
        for _ in range(2):  # The second run may find its resolution in the cache.
            outcome = lock_here(project, ["anyio", flag, url], access=Access(cache_folder=project.cache))
            assert outcome.warnings == (
                f"requirements[1]: `{url}` has none of the projects that were requested from it: `anyio`, `idna`;"
                " correct its address, which often ends in `/simple/`, or leave it out",
            )


def test_a_location_that_has_one_project_of_the_list_is_no_warning(project: Project) -> None:
    with IndexServer() as other:
        other.add("idna", wheel("idna", "3.9"))
        assert lock_here(project, ["anyio", "--extra-index-url", other.index_url]).warnings == ()


def test_a_location_that_has_no_project_of_the_list_is_part_of_the_error(project: Project) -> None:
    with IndexServer() as other, pytest.raises(ResolutionError) as caught:
        lock_here(project, ["anyio>=5", "--extra-index-url", other.index_url])
    assert str(caught.value).endswith(
        f"\nrequirements[1]: `{other.index_url}` has none of the projects that were requested from it: `anyio`\n"
        "  try: correct its address, which often ends in `/simple/`, or leave it out"
    )


def old_wheel(name: str, version: str, requires: Sequence[str] = ()) -> ServedFile:
    """A wheel that was uploaded two years before the others."""
    return wheel(name, version, requires, upload_time="2022-01-01T00:00:00Z")


def falls(project: Project, items: Sequence[str], **options: Any) -> tuple[str, ...]:
    """The warnings of a lock of these items."""
    return lock_here(project, items, **options).warnings


def test_a_project_more_than_a_year_behind_its_newest_release_is_told_with_what_held_it_back(project: Project) -> None:
    project.server.add("trio", old_wheel("trio", "1.0"), wheel("trio", "2.0", ["idna<3"]))
    assert falls(project, ["trio", "idna>=3"]) == (
        "`trio 1.0` is 730 days older than 2.0, the newest release that the list admits: it needs `idna<3`, and"
        " `idna 3.7` is locked",
    )


def test_a_project_that_another_one_holds_back_is_told_with_that_one(project: Project) -> None:
    project.server.add("trio", old_wheel("trio", "1.0"), wheel("trio", "2.0"))
    project.server.add("quart", wheel("quart", "1.0", ["trio<2"]))
    assert falls(project, ["trio", "quart"]) == (
        "`trio 1.0` is 730 days older than 2.0, the newest release that the list admits: `quart 1.0` needs `trio<2`",
    )


def test_a_project_that_the_old_lock_keeps_is_told_with_the_option_that_lets_it_go(project: Project) -> None:
    project.server.add("trio", old_wheel("trio", "1.0"), wheel("trio", "2.0"))
    old = lock_here(project, ["trio<2"]).lockfile
    assert falls(project, ["trio"], old=old) == (
        "`trio 1.0` is 730 days older than 2.0, the newest release that the list admits: the old lock keeps it, and"
        " `lock -P trio` upgrades it",
    )


@pytest.mark.parametrize(
    ("newest", "items"),
    [
        (wheel("trio", "2.0", ["idna<3"]), ["trio<2", "idna>=3"]),
        (wheel("trio", "2.0", ["idna<3"], upload_time=None), ["trio", "idna>=3"]),
        (wheel("trio", "2.0", ["idna<3"], upload_time="2022-12-31T00:00:00Z"), ["trio", "idna>=3"]),
        (wheel("trio", "2.0rc1", ["idna<3"]), ["trio", "idna>=3"]),
        (wheel("trio", "2.0", ["idna<3"], yanked="broken"), ["trio", "idna>=3"]),
    ],
)
def test_what_the_list_itself_keeps_out_and_what_is_not_known_is_no_fall(
    project: Project, newest: ServedFile, items: list[str]
) -> None:
    project.server.add("trio", old_wheel("trio", "1.0"), newest)
    assert falls(project, items) == ()


def test_at_most_three_projects_behind_are_told_then_a_count(project: Project) -> None:
    names = ["p1", "p2", "p3", "p4", "p5"]
    for name in names:
        project.server.add(name, old_wheel(name, "1.0"), wheel(name, "2.0", ["idna<3"]))
    told = falls(project, [*names, "idna>=3"])
    assert [line.split()[0] for line in told[:3]] == ["`p1", "`p2", "`p3"]
    assert told[3:] == ("2 more projects of the list are locked more than a year behind their newest release",)
