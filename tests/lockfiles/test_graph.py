from __future__ import annotations

from dataclasses import replace

from packaging.pylock import Package
from packaging.utils import NormalizedName
from packaging.version import Version

from lockfiles import Lockfile
from lockfiles.graph import Request, assign_layers, build_graph, find_paths
from tests.lockfiles.samples import build_package, build_pylock, build_tool, build_wheel

WEB, HTTP, JSON, LOG = (NormalizedName(name) for name in ("web", "http", "json", "log"))


def package(name: str, *needs: str) -> Package:
    return Package(
        name=NormalizedName(name),
        version=Version("1.0"),
        dependencies=[{"name": one} for one in needs] or None,
        wheels=[build_wheel(name, "1.0")],
    )


def build_lock() -> Lockfile:
    """Web and log are listed; web needs http, which needs json; log needs json as well."""
    tool = replace(
        build_tool("web", "log"),
        layers=((WEB,), (LOG,)),
        requested_by={
            HTTP: ("web: http>=1",),
            JSON: ("json<9", "http: json", "log: json>=2"),
            LOG: ("layer 1: log",),
            WEB: ("layer 0: web~=1.0",),
        },
    )
    packages = (package("web", "http"), package("http", "json"), package("json"), package("log", "json"))
    return Lockfile(pylock=build_pylock(*packages), tool=tool)


def test_requests_are_lines_of_the_list_pins_and_constraints() -> None:
    assert build_graph(build_lock()).requests[JSON] == (
        Request(text="json<9"),
        Request(parent=HTTP, text="json"),
        Request(parent=LOG, text="json>=2"),
    )


def test_roots_are_what_the_list_names_layer_by_layer() -> None:
    assert build_graph(build_lock()).roots == (WEB, LOG)


def test_paths_lead_from_the_list_to_the_pin_shortest_first() -> None:
    paths, more = find_paths(build_graph(build_lock()), JSON, limit=9)
    assert [(str(path.request), path.names, path.asked) for path in paths] == [
        ("constraint: json<9", (JSON,), ()),
        ("layer 1: log", (LOG, JSON), ("json>=2",)),
        ("layer 0: web~=1.0", (WEB, HTTP, JSON), ("http>=1", "json")),
    ]
    assert not more


def test_paths_end_at_the_limit_and_say_so() -> None:
    paths, more = find_paths(build_graph(build_lock()), JSON, limit=2)
    assert (len(paths), more) == (2, True)


def test_a_circle_of_dependencies_is_walked_once() -> None:
    lock = build_lock()
    packages = (package("web", "http"), package("http", "web", "json"), package("json"), package("log", "json"))
    assert lock.tool is not None
    tool = replace(lock.tool, requested_by={**lock.tool.requested_by, WEB: ("layer 0: web~=1.0", "http: web")})
    paths, _ = find_paths(build_graph(Lockfile(pylock=build_pylock(*packages), tool=tool)), HTTP, limit=9)
    assert [path.names for path in paths] == [(WEB, HTTP)]


def test_a_pin_of_two_layers_belongs_to_the_first() -> None:
    assert assign_layers(build_lock()) == {HTTP: 0, JSON: 0, LOG: 1, WEB: 0}


def test_a_lock_of_another_tool_has_the_pins_that_nobody_needs_as_roots() -> None:
    lock = Lockfile(pylock=build_lock().pylock)
    graph = build_graph(lock)
    assert graph.roots == (LOG, WEB)
    assert [path.names for path in find_paths(graph, JSON, limit=9)[0]] == [(LOG, JSON), (WEB, HTTP, JSON)]
    assert assign_layers(lock) == {HTTP: 0, JSON: 0, LOG: 0, WEB: 0}


def test_dependencies_that_the_lock_does_not_hold_are_left_out() -> None:
    graph = build_graph(Lockfile(pylock=build_pylock(package("web", "elsewhere"), build_package("log", "1.0"))))
    assert graph.dependencies == {LOG: (), WEB: ()}
