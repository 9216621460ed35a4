from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from packaging.pylock import Package, PackageDirectory
from packaging.utils import NormalizedName
from packaging.version import Version

from lockfiles import Lockfile
from lockfiles.graph import Request, assign_layers, build_graph, find_dominators, find_paths, split_layers
from tests.lockfiles.samples import INDEX, build_package, build_pylock, build_tool, build_wheel

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
    assert [(str(path.request), path.names, path.requirements) for path in paths] == [
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


MB = 1_000_000


def package_of_image_layers(name: str, size: int, *needs: str, sha256: str = "a" * 64) -> Package:
    return Package(
        name=NormalizedName(name),
        version=Version("1.0"),
        index=INDEX,
        dependencies=[{"name": one} for one in needs] or None,
        wheels=[replace(build_wheel(name, "1.0", sha256=sha256), size=size)],
    )


def build_lock_of_image_layers(*packages: Package, layers: Sequence[Sequence[str]] = ()) -> Lockfile:
    names = tuple(package_of_image_layers.name for package_of_image_layers in packages)
    tool = build_tool(*names)
    if layers:
        tool = replace(tool, layers=tuple(tuple(NormalizedName(name) for name in layer) for layer in layers))
    return Lockfile(pylock=build_pylock(*packages), tool=tool)


TORCH = (
    package_of_image_layers("torch", 800 * MB, "cublas", "sympy"),
    package_of_image_layers("cublas", 400 * MB),
    package_of_image_layers("sympy", 6 * MB),
)


def split(lock: Lockfile) -> list[tuple[str, tuple[str, ...], int]]:
    return [(layer.reason, layer.names, layer.size_bytes) for layer in split_layers(lock)]


def test_heavy_packages_that_need_each_other_come_first() -> None:
    lock = build_lock_of_image_layers(
        *TORCH, package_of_image_layers("opencv", 60 * MB), package_of_image_layers("tqdm", MB)
    )
    assert split(lock) == [
        ("heavy", ("cublas", "torch"), 1200 * MB),
        ("heavy", ("opencv",), 60 * MB),
        ("light", ("sympy", "tqdm"), 7 * MB),
    ]


def test_the_layers_of_a_list_are_the_split() -> None:
    lock = build_lock_of_image_layers(*TORCH, package_of_image_layers("tqdm", MB), layers=[["torch"], ["tqdm"]])
    assert split(lock) == [
        ("listed", ("cublas", "sympy", "torch"), 1206 * MB),
        ("listed", ("tqdm",), MB),
    ]


def test_source_trees_come_last() -> None:
    tree = Package(name=NormalizedName("app"), directory=PackageDirectory(path="."))
    assert split(build_lock_of_image_layers(tree, package_of_image_layers("tqdm", MB))) == [
        ("light", ("tqdm",), MB),
        ("own", ("app",), 0),
    ]


def test_apps_with_the_same_heavy_packages_share_their_layer() -> None:
    one, other = (
        split_layers(build_lock_of_image_layers(*TORCH, package_of_image_layers(name, MB))) for name in ("tqdm", "rich")
    )
    assert one[0].digest == other[0].digest
    assert one[1].digest != other[1].digest


def test_another_file_of_a_package_changes_its_layer_alone() -> None:
    one = split_layers(build_lock_of_image_layers(*TORCH, package_of_image_layers("tqdm", MB)))
    other = split_layers(build_lock_of_image_layers(*TORCH, package_of_image_layers("tqdm", MB, sha256="b" * 64)))
    assert [a.digest == b.digest for a, b in zip(one, other, strict=True)] == [True, False]


def test_the_order_of_packages_does_not_matter() -> None:
    packages = (*TORCH, package_of_image_layers("opencv", 60 * MB), package_of_image_layers("tqdm", MB))
    assert split_layers(build_lock_of_image_layers(*packages)) == split_layers(
        build_lock_of_image_layers(*reversed(packages))
    )


def test_dominator_is_on_every_path_from_the_list() -> None:
    found = find_dominators(build_graph(build_lock()))

    assert found == {WEB: None, HTTP: WEB, LOG: None, JSON: None}


@given(data=st.data())
def test_lock_loses_with_a_pin_exactly_what_it_dominates(data: st.DataObject) -> None:
    names = [NormalizedName(f"p{number}") for number in range(data.draw(st.integers(1, 9)))]
    listed = data.draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
    needs = {name: data.draw(st.lists(st.sampled_from(names), max_size=4, unique=True)) for name in names}
    reached = find_reached(listed, needs)
    packages = [package(name, *needs[name]) for name in names if name in reached]
    graph = build_graph(Lockfile(pylock=build_pylock(*packages), tool=build_tool(*listed)))

    dominators = find_dominators(graph)

    for name in reached:
        without = {one: [other for other in below if other != name] for one, below in needs.items()}
        lost = reached - find_reached([one for one in listed if one != name], without)
        assert lost == {one for one in reached if name in list_above(one, dominators)}
    assert all(list(dominators).index(above) < place for place, above in enumerate(dominators.values()) if above)


def test_circle_that_no_line_leads_to_has_its_first_name_as_entry() -> None:
    graph = build_graph(Lockfile(pylock=build_pylock(package("web"), package("json", "http"), package("http", "json"))))

    assert find_dominators(graph) == {WEB: None, HTTP: None, JSON: HTTP}


def find_reached(
    listed: Sequence[NormalizedName], needs: Mapping[NormalizedName, Sequence[NormalizedName]]
) -> set[NormalizedName]:
    found: set[NormalizedName] = set()
    waiting = list(listed)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += needs[name]
    return found


def list_above(
    name: NormalizedName, dominators: Mapping[NormalizedName, NormalizedName | None]
) -> list[NormalizedName]:
    """The pin itself and its dominators."""
    found: list[NormalizedName] = []
    above: NormalizedName | None = name
    while above is not None:
        found.append(above)
        above = dominators[above]
    return found
