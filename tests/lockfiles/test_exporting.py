"""The list of a lock, as an app takes it for its `requirements`."""

from __future__ import annotations

import re
import runpy
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.markers import Marker
from packaging.pylock import Package, PackageArchive, PackageDirectory, PackageSdist, PackageVcs, PackageWheel
from packaging.requirements import Requirement
from packaging.utils import NormalizedName
from packaging.version import Version

import lockfiles
from lockfiles import Lockfile, dumps, export_list, export_requirements, loads
from lockfiles.errors import ExportError
from lockfiles.exporting import find_notes, move_paths, select_layer
from lockfiles.lockfile import BuildFacts, BuildWheel
from lockfiles.variable_bindings import VariableBindings, parse_binding
from tests.lockfiles.samples import (
    COMMIT,
    FILES,
    INDEX,
    build_package,
    build_pylock,
    build_small_lock,
    build_tool,
    build_wheel,
)

APP = "import lockfiles\n\n\nclass Chat:\n    requirements = lockfiles.requirements('pylock.toml')\n"


def run_app(folder: Path, lockfile: Lockfile) -> object:
    """What an app in the folder has for its list when its file is run from elsewhere."""
    lockfiles.write(lockfile, folder / "pylock.toml")
    (folder / "app.py").write_text(APP)
    return runpy.run_path(str(folder / "app.py"))["Chat"].requirements


def test_an_app_has_the_items_of_the_lock_beside_it(tmp_path: Path) -> None:
    lockfile = build_small_lock()
    found = run_app(tmp_path, lockfile)
    assert found == list(export_list(lockfile))
    assert isinstance(found, list)
    assert found[0] == "--no-deps"


def test_a_lock_of_several_layers_is_a_list_a_layer(tmp_path: Path) -> None:
    layers = ((NormalizedName("a"),), (NormalizedName("b"),))
    tool = replace(build_tool("a", "b"), layers=layers, requirements=layers)
    lockfile = Lockfile(pylock=build_pylock(build_package("a", "1"), build_package("b", "2")), tool=tool)
    found = run_app(tmp_path, lockfile)
    assert found == [list(export_list(lockfile, layer=0)), list(export_list(lockfile, layer=1))]


def test_a_path_is_relative_to_the_current_folder_where_no_file_asks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lockfiles.write(build_small_lock(), tmp_path / "pylock.toml")
    monkeypatch.chdir(tmp_path)
    found: dict[str, object] = {}
    exec("import lockfiles\nitems = lockfiles.requirements('pylock.toml')", found)
    assert found["items"] == list(export_list(build_small_lock()))


def test_a_lock_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        lockfiles.requirements(tmp_path / "pylock.toml")


A, B = "a" * 64, "b" * 64
HEADER = """\
# locked for Python 3.11 on manylinux_2_35_x86_64; dependencies included, so install with
#   pip install --no-deps --require-hashes -r FILE
#   uv pip install --no-deps --require-hashes -r FILE
"""


def build_direct(name: str = "direct", *, url: str | None = None, path: str | None = None) -> Package:
    wheel = PackageWheel(name=f"{name}-1.0-py3-none-any.whl", url=url, path=path, hashes={"sha256": A})
    return Package(name=NormalizedName(name), version=Version("1.0"), wheels=[wheel])


def build_commit(name: str = "tree", *, subdirectory: str | None = None) -> Package:
    vcs = PackageVcs(type="git", url="https://git.example/t.git", commit_id=COMMIT, subdirectory=subdirectory)
    return Package(name=NormalizedName(name), vcs=vcs)


def build_lock(*packages: Package, requirements: tuple[str, ...] = ()) -> Lockfile:
    names = tuple(package.name for package in packages)
    tool = replace(build_tool(*names), requirements=(requirements or names,))
    return Lockfile(pylock=build_pylock(*packages), tool=tool)


def build_layered(*, isolation: bool = True) -> Lockfile:
    """`top` and its dependency `base` in layer 0, `late` (an sdist) with `base` and `own` in layer 1."""
    names = ("base", "late", "own", "top")
    base, own, top = (build_package(name, "1.0") for name in ("base", "own", "top"))
    top = replace(top, dependencies=[{"name": "base"}])
    sdist = PackageSdist(name="late-1.0.tar.gz", url=f"{FILES}/late-1.0.tar.gz", hashes={"sha256": B})
    late = Package(
        name=NormalizedName("late"),
        version=Version("1.0"),
        index=INDEX,
        sdist=sdist,
        dependencies=[{"name": "base"}, {"name": "own"}],
    )
    tool = replace(
        build_tool(*names),
        requirements=(("top",), ("--no-build-isolation", "late")),
        layers=((NormalizedName("top"),), (NormalizedName("late"),)),
        build={NormalizedName("late"): BuildFacts(isolation=isolation)},
    )
    return Lockfile(pylock=build_pylock(base, late, own, top), tool=tool)


def body(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith("#")]


def test_requirements_are_pins_with_hashes_of_their_index() -> None:
    assert export_requirements(build_small_lock()) == (
        f"{HEADER}--index-url {INDEX}\nanyio==4.4.0 \\\n    --hash=sha256:{A}\nidna==3.7 \\\n    --hash=sha256:{B}\n"
    )


def test_package_of_another_index_is_a_url_with_its_hash() -> None:
    other = build_package("torch", "2.6.0+cu124", index="https://index.example/whl/cu124/")
    lock = build_lock(*(build_package(name, "1.0") for name in ("a", "b")), other)
    assert body(export_requirements(lock))[-1] == (f"torch @ {FILES}/torch-2.6.0+cu124-py3-none-any.whl#sha256={A}")


def test_main_index_is_the_one_of_most_packages_whatever_their_order() -> None:
    packages = [build_package(name, "1.0") for name in "abc"]
    packages[0] = replace(packages[0], index="https://other.example/simple/")
    lock = build_lock(*packages)
    turned = replace(lock, pylock=build_pylock(*reversed(packages)))
    assert body(export_requirements(lock))[0] == f"--index-url {INDEX}"
    assert export_requirements(lock) == export_requirements(turned)


def test_commit_has_no_hash_so_all_others_are_urls_with_theirs() -> None:
    lock = build_lock(build_package("a", "1.0"), build_commit(subdirectory="python/x y"))
    assert export_requirements(lock) == (
        "# locked for Python 3.11 on manylinux_2_35_x86_64; dependencies included, so install with\n"
        "#   pip install --no-deps -r FILE\n"
        "#   uv pip install --no-deps -r FILE\n"
        "# a commit or a folder has no hash, so `--require-hashes` would refuse the file; all others have theirs\n"
        f"a @ {FILES}/a-1.0-py3-none-any.whl#sha256={A}\n"
        f"tree @ git+https://git.example/t.git@{COMMIT}#subdirectory=python/x%20y\n"
    )


def test_archive_is_a_url_with_hash_and_subdirectory() -> None:
    archive = PackageArchive(url=f"{FILES}/main.zip", hashes={"sha256": B}, subdirectory="python")
    lock = build_lock(Package(name=NormalizedName("app"), archive=archive))
    assert body(export_requirements(lock)) == [f"app @ {FILES}/main.zip#sha256={B}&subdirectory=python"]


def test_folder_and_editable_folder_are_paths() -> None:
    plain = Package(name=NormalizedName("plain"), directory=PackageDirectory(path="my plugin", subdirectory="src"))
    editable = Package(name=NormalizedName("editable"), directory=PackageDirectory(path="plugin", editable=True))
    assert export_list(build_lock(plain, editable)) == ("--no-deps", "-e", "./plugin", "plain @ file:my%20plugin/src")


def test_file_on_disk_is_a_path_with_its_hash() -> None:
    lock = build_lock(build_direct(path="wheels/direct-1.0-py3-none-any.whl"))
    assert body(export_requirements(lock)) == [f"direct @ file:wheels/direct-1.0-py3-none-any.whl#sha256={A}"]
    assert find_notes(lock) == ("paths in it start from the folder that the installer runs in",)


def test_list_is_no_deps_and_one_url_a_package() -> None:
    assert export_list(build_small_lock()) == (
        "--no-deps",
        f"anyio @ {FILES}/anyio-4.4.0-py3-none-any.whl#sha256={A}",
        f"idna @ {FILES}/idna-3.7-py3-none-any.whl#sha256={B}",
    )


def test_list_has_the_placeholder_of_its_own_host_again() -> None:
    mine, other = "https://files.example/direct-1.0-py3-none-any.whl", "https://else.example/b-1.0-py3-none-any.whl"
    lock = build_lock(
        build_direct(url=mine),
        build_direct("b", url=other),
        requirements=("direct @ https://${FILES_TOKEN}@files.example/direct-1.0-py3-none-any.whl", f"b @ {other}"),
    )
    assert export_list(lock, bindings=bind("FILES_TOKEN=files.example")) == (
        "--no-deps",
        f"b @ {other}#sha256={A}",
        f"direct @ https://${{FILES_TOKEN}}@files.example/direct-1.0-py3-none-any.whl#sha256={A}",
    )


@pytest.mark.parametrize(
    "listed",
    [
        "https://${TOKEN}@files.example:8443/simple/",
        "http://${TOKEN}@files.example/simple/",
        "https://${TOKEN}@files.example.evil.example/simple/",
    ],
)
def test_placeholder_goes_to_no_other_scheme_host_or_port(listed: str) -> None:
    lock = build_lock(build_package("a", "1.0"), requirements=("--index-url", listed, "a"))
    bindings = bind("TOKEN=files.example", "TOKEN=files.example:8443", "TOKEN=files.example.evil.example")
    assert export_list(lock, bindings=bindings)[1] == f"a @ {FILES}/a-1.0-py3-none-any.whl#sha256={A}"


def test_placeholder_is_left_out_where_a_host_has_several() -> None:
    urls = ("https://${ONE}@files.example/x", "https://${TWO}@files.example/y")
    lock = build_lock(build_package("a", "1.0"), requirements=("--find-links", urls[0], "--find-links", urls[1], "a"))
    bindings = bind("ONE=files.example", "TWO=files.example")
    assert export_list(lock, bindings=bindings)[1] == f"a @ {FILES}/a-1.0-py3-none-any.whl#sha256={A}"


def test_git_has_its_placeholder_too() -> None:
    lock = build_lock(build_commit(), requirements=("tree @ git+https://${GIT_TOKEN}@git.example/t.git@main",))
    assert export_list(lock, bindings=bind("GIT_TOKEN=git.example"))[1] == (
        f"tree @ git+https://${{GIT_TOKEN}}@git.example/t.git@{COMMIT}"
    )


def test_marker_of_a_package_is_kept() -> None:
    package = replace(build_package("a", "1.0"), marker=Marker('sys_platform == "linux"'))
    assert export_list(build_lock(package))[1] == (
        f'a @ {FILES}/a-1.0-py3-none-any.whl#sha256={A} ; sys_platform == "linux"'
    )


def test_lock_of_another_tool_is_one_layer() -> None:
    lock = replace(build_small_lock(), tool=None)
    assert export_list(lock, layer=0) == export_list(lock)
    assert export_requirements(lock).startswith("#   pip install --no-deps --require-hashes -r FILE\n")


def test_several_wheels_are_hashes_of_one_pin() -> None:
    wheels = [
        build_wheel("a", "1.0", sha256=B),
        replace(build_wheel("a", "1.0", sha256=A), name="a-1.0-py2-none-any.whl"),
    ]
    lock = build_lock(Package(name=NormalizedName("a"), version=Version("1.0"), index=INDEX, wheels=wheels))
    assert body(export_requirements(lock))[1:] == [
        "a==1.0 \\",
        f"    --hash=sha256:{A} \\",
        f"    --hash=sha256:{B}",
    ]
    with pytest.raises(ExportError) as caught:
        export_list(lock)
    assert str(caught.value) == (
        "`a` cannot be written as a requirement: it has 2 wheels, and a URL names one: the lock is not for one target"
        " alone"
    )


def test_wheel_by_a_url_without_file_name_is_refused() -> None:
    with pytest.raises(ExportError) as caught:
        export_list(build_lock(build_direct(url="https://files.example/download/17")))
    assert str(caught.value) == (
        "`direct` cannot be written as a requirement: the URL of `direct-1.0-py3-none-any.whl` does not end in a file"
        " name, which pip needs"
    )


def test_layer_has_what_it_needs_and_no_layer_before_has() -> None:
    lock = build_layered()
    assert [package.name for package in select_layer(lock, 0).pylock.packages] == ["base", "top"]
    assert [package.name for package in select_layer(lock, 1).pylock.packages] == ["late", "own"]


def test_layer_is_a_lock_that_can_be_written_and_read() -> None:
    for layer in (0, 1):
        part = select_layer(build_layered(), layer)
        assert dumps(loads(dumps(part))) == dumps(part)


def test_layers_together_are_the_whole() -> None:
    lock = build_layered()
    parts = [item for layer in (0, 1) for item in export_list(lock, layer=layer) if item != "--no-deps"]
    assert sorted(parts) == sorted(export_list(lock)[1:])


def test_layer_without_build_isolation_says_its_flag() -> None:
    lock = build_layered(isolation=False)
    assert export_list(lock, layer=0)[:2] == ("--no-deps", f"base @ {FILES}/base-1.0-py3-none-any.whl#sha256={A}")
    assert export_list(lock, layer=1)[:2] == ("--no-deps", "--no-build-isolation")
    assert export_requirements(lock, layer=1).splitlines()[:3] == [
        "# layer 1, locked for Python 3.11 on manylinux_2_35_x86_64; dependencies included, so install with",
        "#   pip install --no-deps --no-build-isolation --require-hashes -r FILE",
        "#   uv pip install --no-deps --no-build-isolation --require-hashes -r FILE",
    ]


def test_whole_that_one_step_cannot_install_is_refused() -> None:
    with pytest.raises(ExportError) as caught:
        export_requirements(build_layered(isolation=False))
    assert str(caught.value) == (
        "`late` is built with `--no-build-isolation`, so what it needs is installed a step before\n"
        "  try: one layer after the other: `--layer 0`, `--layer 1`"
    )


@pytest.mark.parametrize("layer", [-1, 2])
def test_unknown_layer_is_refused(layer: int) -> None:
    with pytest.raises(ExportError) as caught:
        export_list(build_layered(), layer=layer)
    assert str(caught.value) == f"there is no layer `{layer}`: the lock has the layers `0` to `1`"


def test_notes_name_hosts_that_want_credentials_and_hidden_settings() -> None:
    lock = build_layered()
    assert lock.tool is not None
    facts = BuildFacts(config_settings=(("key", f"sha256:{A}"),))
    tool = replace(lock.tool, credentials=("files.example",), build={NormalizedName("late"): facts})
    assert find_notes(replace(lock, tool=tool)) == (
        "credentials are needed for files.example",
        "config settings are not in it, since the lock has only their hashes: late",
    )


def test_paths_are_moved_to_where_the_export_lies() -> None:
    folder = Package(name=NormalizedName("plain"), directory=PackageDirectory(path="plugin"))
    lock = move_paths(build_lock(build_direct(path="w/direct-1.0-py3-none-any.whl"), folder), "../locks")
    assert export_list(lock)[1:] == (
        f"direct @ file:../locks/w/direct-1.0-py3-none-any.whl#sha256={A}",
        "plain @ file:../locks/plugin",
    )


def test_what_builds_install_moves_with_the_lock_and_stays_with_its_layer() -> None:
    wheels = [
        BuildWheel(
            name=NormalizedName(name),
            version=Version("1.0"),
            file=f"{name}-1.0-py3-none-any.whl",
            path=f"w/{name}-1.0-py3-none-any.whl",
            size=1,
            sha256=A,
        )
        for name in ("other", "tool")
    ]
    lock = build_layered()
    assert lock.tool is not None
    build = {NormalizedName("late"): BuildFacts(requirements=("tool==1.0",))}
    lock = replace(lock, tool=replace(lock.tool, build=build, build_wheels=tuple(wheels)))
    first, second = (select_layer(move_paths(lock, "../locks"), layer).tool for layer in (0, 1))
    assert first is not None
    assert second is not None
    assert first.build_wheels == ()
    assert [wheel.path for wheel in second.build_wheels] == ["../locks/w/tool-1.0-py3-none-any.whl"]


@given(path=st.text(max_size=40), host=st.sampled_from(["files.example", "u:p@files.example"]))
def test_no_url_can_end_its_token_or_begin_another(path: str, host: str) -> None:
    package = build_direct(url=f"https://{host}/{path}/direct-1.0-py3-none-any.whl")
    try:
        text = export_requirements(build_lock(package))
    except ExportError:
        return
    lines = body(text)
    assert len(lines) == 1
    assert re.fullmatch(r"direct @ [^\s\"`\\#]+#sha256=a{64}", lines[0])
    assert Requirement(lines[0]).name == "direct"


@given(path=st.text(min_size=1, max_size=40))
def test_no_path_can_end_its_token_or_begin_another(path: str) -> None:
    plain = Package(name=NormalizedName("plain"), directory=PackageDirectory(path=path))
    editable = Package(name=NormalizedName("plain"), directory=PackageDirectory(path=path, editable=True))
    assert re.fullmatch(r"plain @ file:[\w./%~-]*", export_list(build_lock(plain))[1])
    try:
        items = export_list(build_lock(editable))
    except ExportError:
        return
    assert re.fullmatch(r"[./][\w./~+-]*", items[2])


def test_index_url_that_is_no_single_token_is_no_index_of_the_file() -> None:
    package = replace(build_package("a", "1.0"), index="https://index.example/\n--trusted-host evil.example")
    assert body(export_requirements(build_lock(package))) == [f"a @ {FILES}/a-1.0-py3-none-any.whl#sha256={A}"]


@pytest.mark.parametrize(
    "text",
    [
        'os_name == "a #b"',
        'os_name == "a --hash=sha256:b"',
        'os_name == "${TOKEN}"',
        'os_name == "a\\\\b"',
        'os_name == "a\u202eb"',
    ],
)
def test_marker_that_would_be_read_as_something_else_is_refused(text: str) -> None:
    package = replace(build_package("a", "1.0"), marker=Marker(text))
    for export in (export_list, export_requirements):
        with pytest.raises(ExportError) as caught:
            export(build_lock(package))
        assert str(caught.value) == (
            "`a` cannot be written as a requirement: its marker holds what a requirement file reads as a comment, an"
            " option or a variable"
        )


@pytest.mark.parametrize(
    "text", ['python_version < "3.11" and (extra == "x-y" or platform_machine != "x86_64")', "os_name in 'nt posix'"]
)
def test_usual_marker_is_kept(text: str) -> None:
    package = replace(build_package("a", "1.0"), marker=Marker(text))
    assert export_list(build_lock(package))[1].endswith(f" ; {Marker(text)}")


def test_token_in_a_path_stays_a_placeholder_and_is_noted() -> None:
    lock = build_lock(build_direct(url="https://files.example/${PATH_TOKEN}/direct-1.0-py3-none-any.whl"))
    bindings = bind("PATH_TOKEN=files.example")
    assert export_list(lock, bindings=bindings)[1] == (
        f"direct @ https://files.example/${{PATH_TOKEN}}/direct-1.0-py3-none-any.whl#sha256={A}"
    )
    assert find_notes(lock, bindings=bindings) == ("variables that stand for credentials: PATH_TOKEN",)


@pytest.mark.parametrize(
    ("forged", "written"),
    [
        ("https://${AWS_KEY}@evil.example/", "https://evil.example/"),
        ("https://me:${AWS_KEY}@evil.example/", "https://evil.example/"),
        ("https://evil.example/${AWS_KEY}/", "https://evil.example/%24%7BAWS_KEY%7D/"),
        ("https://evil.example/a${AWS_KEY}b/?x=${AWS_KEY}&y=/", None),
        ("https://${AWS_KEY}.evil.example/", "https://%24%7BAWS_KEY%7D.evil.example/"),
        ("https://${TOKEN}${AWS_KEY}@files.example/", "https://files.example/"),
        ("https://${TOKEN}@files.example:8443/", "https://files.example:8443/"),
        ("https://${TOKEN}@evil.example/?@files.example/", None),
    ],
)
def test_a_variable_of_the_lock_goes_to_no_host_that_it_is_not_bound_to(forged: str, written: str | None) -> None:
    """Nothing in a lock binds a variable, its recorded list included."""
    name = "direct-1.0-py3-none-any.whl"
    lock = build_lock(
        build_direct(url=f"{forged}{name}"),
        requirements=("--index-url", "https://${AWS_KEY}@evil.example/simple/", f"direct @ {forged}{name}"),
    )
    bindings = bind("TOKEN=files.example")
    for text in (export_list(lock, bindings=bindings)[1] if written else "", export_requirements_or_nothing(lock)):
        assert "${" not in text
        assert written is None or text == "" or f"direct @ {written}{name}#sha256={A}" in text
    note = next(note for note in find_notes(lock, bindings=bindings) if "is left out for" in note)
    assert "--allow-variable" in note


def export_requirements_or_nothing(lock: Lockfile) -> str:
    """The lines of a requirement file without its comments; empty for a lock without such a form."""
    try:
        text = export_requirements(lock, bindings=bind("TOKEN=files.example"))
    except ExportError:
        return ""
    return "\n".join(line for line in text.splitlines() if not line.startswith("#"))


def test_a_version_control_system_is_a_word() -> None:
    lock = build_lock(build_commit())
    vcs = lock.pylock.packages[0].vcs
    assert vcs is not None
    forged = replace(lock.pylock.packages[0], vcs=replace(vcs, type="https://${AWS_KEY}@evil.example/x.zip?"))
    with pytest.raises(ExportError, match="version control system"):
        export_list(build_lock(forged))


def test_the_list_of_a_lock_takes_bindings_as_texts(tmp_path: Path) -> None:
    url = "https://files.example/${PATH_TOKEN}/direct-1.0-py3-none-any.whl"
    lockfiles.write(build_lock(build_direct(url=url)), tmp_path / "pylock.toml")
    path = tmp_path / "pylock.toml"
    assert "${" not in str(lockfiles.requirements(path))
    assert f"direct @ {url}#sha256={A}" in lockfiles.requirements(path, bindings=["PATH_TOKEN=files.example"])
    with pytest.raises(ExportError, match="PATH_TOKEN=\\*"):
        lockfiles.requirements(path, bindings=["PATH_TOKEN=*"])


def bind(*texts: str) -> VariableBindings:
    return VariableBindings(map(parse_binding, texts))
