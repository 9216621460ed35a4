"""Every public error and value is the same after pickle and deepcopy; what holds a secret refuses both."""

from __future__ import annotations

import copy
import importlib
import inspect
import pickle
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from packaging.utils import NormalizedName
from packaging.version import Version

import lockfiles
import resolver
from lockfiles.comparison import FactChange, LineChange, LockedFile, LockedPin, PinChange
from lockfiles.errors import Fault, PinfoldError
from lockfiles.graph import build_graph, find_paths, split_layers
from lockfiles.lockfile import BuildFacts, BuildWheel
from lockfiles.secret_forms import FoundSecret
from lockfiles.variable_bindings import VariableBindings, parse_binding
from resolver import Access, LoginOptions, Settings, Upgrade, lock
from resolver.artifacts import FetchedFile, FetchOutcome, Hydrated, Progress
from resolver.errors import FetchError, MetadataError, Position
from resolver.index.events import (
    BuildBegan,
    BuildEnded,
    Decided,
    Event,
    FileBegan,
    Recalled,
    Received,
    Rejected,
    RequestBegan,
    RequestEnded,
)
from resolver.index.project_health import ProjectStatus
from resolver.inspection import (
    Advisory,
    AffectedRange,
    Discrepancy,
    Finding,
    Installed,
    InstalledDifference,
    Listed,
    NewerRelease,
    OwnedLock,
    PinSize,
    WheelContents,
    open_session,
)
from resolver.locking import RunContext, plan_lock, read_source
from resolver.report import ReportSource, build_report
from resolver.requirements.scopes import ScopeRules
from resolver.requirements.url import Secret
from resolver.solve import (
    ChosenOption,
    CollidingRequirement,
    Collision,
    EarlierFlag,
    Explanation,
    Link,
    Obstacle,
    Remedy,
    Supply,
    UnusableVersion,
    WrittenLine,
)
from tests.cli.verb_runs import build_web_lock
from tests.command import Project
from tests.servers import wheel
from tests.test_public_names import PUBLIC

_PROTOCOLS = range(2, pickle.HIGHEST_PROTOCOL + 1)
_NAME, _VERSION = NormalizedName("torch"), Version("2.8.0")
_PARTS: dict[str, Any] = {
    "where": Position(source="requirements.txt", line=4),
    "involved": ("requirements[0]: `torch`",),
    "why": "it is so",
    "details": ("locked: a", "found:  b"),
    "remedy": "write another",
    "other_remedies": ("leave it out",),
    "quoted": ("[tool.pinfold]",),
}
_ATTRIBUTES: dict[str, Any] = {
    "what": "`torch` is refused",
    "url": "https://index.example/torch/",
    "filename": "torch-2.8.0-py3-none-any.whl",
    "expected": "sha256:aa",
    "found": "sha256:bb",
    "project": "torch",
    "is_overdue": True,
    "needs_build": True,
    "reason": "only a build can tell",
    "line": 3,
    "column": 7,
    "name": "lock.toml",
    "bindings": (parse_binding("TOKEN=index.example"),),
    "lines": ("torch==2.8.0 --hash=sha256:aa",),
    "explanation": Explanation(target="CPython 3.11", collisions=(), remedies=(Remedy(texts=("ask for less",)),)),
}
_OTHERS = {"Cancellation", "Hydrated", "Session"}
"""`Hydrated` holds a secret. Copies of the others are in `test_session`: they do the same, and are not equal."""


def find_errors() -> list[type[PinfoldError]]:
    """The root of the tree and all below it, in whichever module they are."""
    for package in (resolver, lockfiles):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith(".child"):  # A program that runs when it is imported.
                importlib.import_module(module.name)

    def walk(kind: type[PinfoldError]) -> Iterator[type[PinfoldError]]:
        yield kind
        for inner in kind.__subclasses__():
            yield from walk(inner)

    return sorted(set(walk(PinfoldError)), key=lambda kind: (kind.__module__, kind.__name__))


def build_error(kind: type[PinfoldError]) -> PinfoldError:
    """An error of a class with a value for everything that it takes."""
    parameters = inspect.signature(kind).parameters
    named = {name: _ATTRIBUTES[name] for name in parameters if name not in ("what", "parts")}
    if "parts" in parameters:
        return kind(_ATTRIBUTES["what"], **named, **_PARTS)
    return kind(**named)


def copies(value: object) -> Iterator[Any]:
    """What pickle (each protocol since 2), deepcopy and copy make of a value."""
    for protocol in _PROTOCOLS:
        yield pickle.loads(pickle.dumps(value, protocol))
    yield copy.deepcopy(value)
    yield copy.copy(value)


@pytest.mark.parametrize("kind", find_errors(), ids=lambda kind: kind.__name__)
def test_error_is_the_same_after_a_copy(kind: type[PinfoldError]) -> None:
    error = build_error(kind)
    error.add_note("seen in a test")
    for made in copies(error):
        assert type(made) is kind
        assert (str(made), made.args, vars(made)) == (str(error), error.args, vars(error))
        assert (made.what, made.where, made.why, made.remedy, made.faults, made.exit_code) == (
            (error.what, error.where, error.why, error.remedy, error.faults, error.exit_code)
        )


def test_error_of_several_faults_is_the_same_after_a_copy() -> None:
    error = FetchError.from_faults((Fault(what="a"), Fault(what="b", remedy="c")), url="https://index.example/")
    for made in copies(error):
        assert (str(made), made.faults, made.url) == ("a\nb\n  try: c", error.faults, error.url)


def read_clock() -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC)


def raise_metadata_error() -> None:
    raise MetadataError("no metadata", project="torch", filename="torch.whl", needs_build=True, **_PARTS)


def test_error_of_another_process_arrives() -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        error = pool.submit(raise_metadata_error).exception(timeout=60)
    assert isinstance(error, MetadataError)
    assert (error.project, error.filename, error.needs_build) == ("torch", "torch.whl", True)
    assert str(error).startswith("requirements.txt:4: no metadata\n  requirements[0]: `torch`\n  because it is so\n")


def build_values(project: Project) -> Mapping[str, object]:
    """An instance of each public value, those of a run made by one."""
    project.server.add("anyio", wheel("anyio", "4.4.0", ["idna"]))
    project.server.add("idna", wheel("idna", "3.7"))
    project.write("requirements.txt", "-i INDEX\nanyio\n")
    settings = Settings(index_url=project.server.index_url, machine_type=("GPU-A100",))
    outcome = lock(["anyio"], python="3.11", settings=settings, folder=project.folder)
    source = read_source("requirements.txt", folder=project.folder)
    run = RunContext(folder=project.folder, variables={}, now=read_clock())
    plan = plan_lock(
        source,
        arguments=Settings(python="3.11"),
        path=project.folder / "pylock.toml",
        old=None,
        run=run,
    )
    # Facts that are computed when they are first read must not stay behind.
    assert plan.target.environment["python_version"] == "3.11"
    pin = LockedPin(
        name=_NAME,
        version=_VERSION,
        index=None,
        source=None,
        files=(LockedFile(filename="a.whl", sha256="aa"),),
        rest=(("marker", "x"),),
    )
    fact = FactChange(key="python", old=None, new="3.11")
    line = LineChange(layer=0, text="torch", is_added=True)
    graph = build_graph(build_web_lock())
    fetched = FetchedFile(
        project=_NAME, filename="a.whl", sha256="aa", size_bytes=1, outcome="downloaded", place="https://a.example/"
    )
    affected = AffectedRange(introduced=_VERSION, fixed=None)
    values = (
        outcome,
        outcome.lockfile,
        outcome.lockfile.tool,
        plan,
        plan.source,
        plan.target,
        plan.settings,
        Access(offline=True, clock=read_clock, logins=LoginOptions(file=Path("netrc"))),
        LoginOptions(file=Path("netrc")),
        Settings(python="3.11"),
        run,
        ScopeRules(flag_scope="list"),
        Upgrade(names=frozenset({_NAME})),
        Advisory(id="A-1", project=_NAME, ranges=(affected,), versions=frozenset({_VERSION})),
        affected,
        Discrepancy(name="torch", text="is gone"),
        Fault(what="`torch` is refused", **_PARTS),
        fetched,
        FetchOutcome(folder=Path("wheels"), requirements=Path("r.txt"), files=(fetched,)),
        Finding(name=_NAME, version="2.8.0", kind="yanked", detail="broken"),
        Installed(name=_NAME, version="2.8.0"),
        InstalledDifference(name=_NAME, kind="other", locked="2.8.0", installed="2.7.0"),
        Listed(files=(), status=ProjectStatus(status="active", reason="")),
        NewerRelease(name=_NAME, version=_VERSION, newest=Version("2.9")),
        OwnedLock(path=Path("pylock.toml"), source="requirements.txt"),
        reported := ReportSource(name="pylock.toml", lockfile=build_web_lock()),
        build_report([reported], default_index="https://index.example/simple/"),
        PinSize(name=_NAME, version="2.8.0", layer=0, download_bytes=1, unpacked_bytes=None),
        Progress(files_done=1, files=2, bytes_done=3, bytes=4),
        WheelContents(unpacked_bytes=1, modules=("torch",)),
        BuildFacts(config_settings=(("a", "b"),), requirements=("setuptools==80",)),
        BuildWheel(name=_NAME, version=_VERSION, file="a.whl", url=None, size=1, sha256="aa"),
        lockfiles.Comparison(added=(pin,), target=(fact,), requirements=(line,)),
        fact,
        line,
        FoundSecret(line=1, what="a GitHub token", host="a.example"),
        split_layers(build_web_lock())[0],
        graph,
        find_paths(graph, NormalizedName("json"), limit=1)[0][0],
        next(iter(graph.requests.values()))[0],
        pin.files[0],
        pin,
        PinChange(old=pin, new=pin),
        resolver.LockTarget(python="3.11", machine_type=("GPU-A100",)),
        parse_binding("TOKEN=index.example"),
        VariableBindings([parse_binding("TOKEN=index.example")]),
        *build_explanation_values(),
        *build_events(),
    )
    return {type(value).__name__: value for value in values}


def build_events() -> tuple[Event, ...]:
    """The events of a run, one of each kind."""
    url = "https://index.example/"
    return (
        RequestBegan(url=url),
        Received(url=url, size_bytes=1),
        RequestEnded(url=url),
        FileBegan(filename="a.whl", size_bytes=None),
        BuildBegan(described="a.tar.gz"),
        BuildEnded(described="a.tar.gz"),
        Decided(name=_NAME, version=_VERSION, round=1),
        Rejected(name=_NAME, version=_VERSION, demands=(("torch<2", None),)),
        Recalled(pins=1),
    )


def build_explanation_values() -> tuple[object, ...]:
    """The values of an explanation, one of each kind."""
    link = Link(name=_NAME, version=_VERSION, needs="numpy<2")
    line = CollidingRequirement(position=Position(item=0), text="torch", links=(link,))
    unusable = UnusableVersion(version=_VERSION, reasons=("yanked",))
    supply = Supply(
        locations=("https://index.example/",),
        missing=(),
        version_count=1,
        file_count=1,
        newest=_VERSION,
        nearest=(unusable,),
    )
    obstacle = Obstacle.UNUSABLE
    collision = Collision(project=_NAME, obstacle=obstacle, requirements=(line,), supply=supply)
    written = WrittenLine(position=Position(item=0), text="torch")
    flag = EarlierFlag(
        text="--extra-index-url https://index.example/",
        url="https://index.example/",
        position=None,
        before=Position(item=0),
    )
    option = ChosenOption(name="--pre")
    remedy = Remedy(texts=("write it anew",), changes=(written, flag, option), is_tried=True)
    explanation = Explanation(target="", collisions=(collision,), remedies=(remedy,))
    return link, line, unusable, supply, obstacle, collision, written, flag, option, remedy, explanation


def test_value_is_the_same_after_a_copy(project: Project) -> None:
    values = build_values(project)
    for name, value in values.items():
        for made in copies(value):
            assert type(made) is type(value), name
            assert made == value, name
            assert repr(made) == repr(value), name
    public = {
        name
        for module, names in PUBLIC.items()
        for name in names
        if isinstance(kind := getattr(importlib.import_module(module), name), type)
        and not issubclass(kind, PinfoldError)
    }
    assert public - values.keys() == _OTHERS


@pytest.mark.parametrize("make", [pickle.dumps, copy.deepcopy], ids=["pickle", "deepcopy"])
def test_secret_and_open_session_refuse(make: Callable[[object], object]) -> None:
    hydrated = Hydrated(text=Secret("hunter2"), replaced=(), missing=())
    with pytest.raises(TypeError, match="a secret cannot be pickled"):
        make(hydrated)
    with open_session(Access()) as reached, pytest.raises(TypeError):
        make(reached)
