"""The environment of a build: its requirements, its variables, and a backend that misbehaves."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from resolver.errors import MetadataError
from resolver.fetch.builds.build_process import BuildFailedError
from resolver.fetch.builds.permission import host_target
from resolver.fetch.projects.pages import default_index_url
from resolver.settings.settings import DependencyMetadata
from resolver.targets.target import Target
from tests.command import find_interpreter
from tests.fetch.builds.building import (
    ELSEWHERE,
    HOST,
    build,
    find_at,
    find_in,
    read_dependencies,
    read_record,
    write_tree,
    write_wheel,
)
from tests.fetch.conftest import A, OpenSource, index
from tests.foreign_words import find_words
from tests.servers import IndexServer, sdist, wheel


def needs_build(open_source: OpenSource, server: IndexServer, **options: object) -> bool:
    with open_source(**{"find_build_wheels": find_in(server), **options}) as source:
        page = source.project_page(A, index(server))
        assert page is not None
        return source.needs_build(page.files(0)[0])


@pytest.mark.parametrize("target", [HOST, ELSEWHERE])
def test_whether_a_build_is_needed_is_the_same_on_every_machine_and_builds_nothing(
    server: IndexServer, open_source: OpenSource, target: Target
) -> None:
    server.add("a", sdist("a", "1.0", ["b>=2"], static=False, backend_statement="raise SystemExit(3)"))
    assert needs_build(open_source, server, target=target)


def test_what_an_sdist_states_literally_needs_no_build(server: IndexServer, open_source: OpenSource) -> None:
    files = {"setup.py": b"from setuptools import setup\nsetup(name='a', install_requires=['b'])\n"}
    server.add("a", sdist("a", "1.0", ["b"], static=False, files=files))
    assert not needs_build(open_source, server, target=ELSEWHERE)
    assert needs_build(open_source, server, target=ELSEWHERE, build_metadata=True)


def test_what_a_build_told_before_still_needs_a_build(server: IndexServer, open_source: OpenSource) -> None:
    server.add("a", sdist("a", "1.0", ["b>=2"], static=False))
    assert read_dependencies(open_source, server, target=HOST).built
    assert needs_build(open_source, server, target=HOST)
    assert server.paths("/files/") == ["/files/a-1.0.tar.gz"]


def test_static_metadata_and_tables_need_no_build(server: IndexServer, open_source: OpenSource) -> None:
    server.add("a", sdist("a", "1.0", ["b>=2"]))
    assert not needs_build(open_source, server, target=HOST)
    server.add("a", sdist("a", "2.0", ["b>=2"], static=False))
    table = DependencyMetadata(name=A, requires_dist=("c",))
    assert not needs_build(open_source, server, target=HOST, dependency_metadata=[table])


def test_build_requirements_come_from_the_given_index_within_build_constraints(
    server: IndexServer, open_source: OpenSource, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    statement = "import tool\nassert tool.__version__ == '1.0', tool.__version__"
    server.add("tool", wheel("tool", "1.0"), wheel("tool", "2.0"))
    server.add("a", sdist("a", "1.0", ["b"], static=False, build_requires=["tool"], backend_statement=statement))
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple/")
    monkeypatch.setenv("PIP_CONSTRAINT", str(tmp_path / "missing.txt"))
    find = find_in(server, constraints=("tool<2",))
    dependencies = read_dependencies(open_source, server, target=HOST, find_build_wheels=find)
    assert dependencies.requires == ("b",)
    assert "/simple/tool/" in server.paths()


def add_build_tool(first: IndexServer, second: IndexServer) -> None:
    """An sdist whose metadata names the version of its build requirement; the second index has a newer one."""
    first.add("tool", wheel("tool", "1.0"))
    second.add("tool", wheel("tool", "2.0"))
    statement = "import tool"
    first.add("a", sdist("a", "1.0", ["b"], static=False, build_requires=["tool"], backend_statement=statement))


def test_under_first_index_the_first_that_has_a_build_requirement_gives_it(
    server: IndexServer, open_source: OpenSource
) -> None:
    with IndexServer() as other:
        add_build_tool(server, other)
        server.add("a", sdist("a", "2.0", ["b"], static=False, build_requires=["tool", "other-tool"]))
        other.add("other-tool", wheel("other-tool", "1.0"))
        dependencies = read_dependencies(open_source, server, target=HOST, find_build_wheels=find_in(server, other))
        assert dependencies.requires == ("b",)
        assert set(other.paths("/simple/")) == {"/simple/other-tool/"}
        assert other.paths("/files/other_tool-1.0-py3-none-any.whl")


def test_under_best_match_the_newest_of_all_indexes_is_taken(server: IndexServer, open_source: OpenSource) -> None:
    with IndexServer() as other:
        add_build_tool(server, other)
        find = find_in(server, other, strategy="best-match")
        read_dependencies(open_source, server, target=HOST, find_build_wheels=find)
        assert "/files/tool-2.0-py3-none-any.whl" in other.paths()


def test_build_requirement_without_a_wheel_is_named(server: IndexServer, open_source: OpenSource) -> None:
    server.add("tool", sdist("tool", "1.0"))
    server.add("a", sdist("a", "1.0", ["b"], static=False, build_requires=["tool>=1"]))
    with pytest.raises(MetadataError) as caught:
        read_dependencies(open_source, server, target=HOST)
    assert caught.value.needs_build
    assert str(caught.value) == (
        "`a-1.0.tar.gz` cannot be built for its metadata: no wheels meet its build requirements, which are not built"
        " themselves\n"
        f"    no solution for {host_target()}: no usable version of `tool`\n"
        "      [build-system] requires: `tool>=1`\n"
        f"      because {server.index_url} has 1 version in 1 file; with the right version, but unusable:\n"
        "        1.0: `tool-1.0.tar.gz`: the list allows wheels only\n"
        "  try: write its requirements into a `[[tool.pinfold.dependency-metadata]]` table of pyproject.toml"
    )


def test_build_requirement_by_url_is_refused(server: IndexServer, open_source: OpenSource) -> None:
    text = "tool @ https://user:s3cret@files.example/tool.whl"
    server.add("a", sdist("a", "1.0", ["b"], static=False, build_requires=[text]))
    with pytest.raises(MetadataError) as caught:
        read_dependencies(open_source, server, target=HOST)
    assert str(caught.value) == (
        "`a-1.0.tar.gz` cannot be built for its metadata: no wheels meet its build requirements, which are not built"
        " themselves\n"
        "    the build requirement `tool @ https://files.example/tool.whl` is a direct reference, which is not"
        " followed: build requirements come from indexes\n"
        "  try: write its requirements into a `[[tool.pinfold.dependency-metadata]]` table of pyproject.toml"
    )


def test_error_for_a_failed_build_shows_the_end_of_its_output(server: IndexServer, open_source: OpenSource) -> None:
    statement = "import sys; print('no compiler here', file=sys.stderr); raise SystemExit(3)"
    server.add("a", sdist("a", "1.0", ["b"], static=False, backend_statement=statement))
    with pytest.raises(MetadataError) as caught:
        read_dependencies(open_source, server, target=HOST)
    first, *middle, last = str(caught.value).splitlines()
    assert first == "the build of `a-1.0.tar.gz` gave no metadata, and ended with:"
    assert any("no compiler here" in line for line in middle)
    assert last == "  try: write its requirements into a `[[tool.pinfold.dependency-metadata]]` table of pyproject.toml"
    assert caught.value.needs_build


def test_built_requirements_have_no_credentials(server: IndexServer, open_source: OpenSource) -> None:
    server.add("a", sdist("a", "1.0", ["b @ https://user:s3cret@files.example/b-1.0.zip"], static=False))
    assert read_dependencies(open_source, server, target=HOST).requires == ("b @ https://files.example/b-1.0.zip",)


def read_failure(open_source: OpenSource, server: IndexServer, statement: str) -> str:
    server.add("a", sdist("a", "1.0", static=False, backend_statement=f"import os, sys; {statement}; sys.exit(3)"))
    with pytest.raises(MetadataError) as caught:
        read_dependencies(open_source, server, target=HOST)
    return str(caught.value)


def test_backend_sees_nothing_of_the_environment_but_what_a_build_needs(
    server: IndexServer, open_source: OpenSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_INDEX_URL", "https://user:s3cret@index.example/simple/")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret")
    monkeypatch.setenv("MY_TOKEN", "s3cret")
    monkeypatch.setenv("CFLAGS", "-O0")
    monkeypatch.setenv("https_proxy", "http://user:s3cret@proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    shown = read_failure(open_source, server, "print(sorted(os.environ.items()), file=sys.stderr)")
    assert "s3cret" not in shown
    assert "UV_INDEX_URL" not in shown
    assert "MY_TOKEN" not in shown
    assert "proxy" not in shown.lower()
    assert "('CFLAGS', '-O0')" in shown
    assert "('PATH', " in shown


def test_error_for_a_failed_build_hides_credentials(server: IndexServer, open_source: OpenSource) -> None:
    url = "https://user:s3cret@files.example/x?token=s3cret2"
    shown = read_failure(open_source, server, f"print('cannot read {url}', file=sys.stderr)")
    assert "s3cret" not in shown
    assert "cannot read https://files.example/x\n" in shown


@pytest.mark.network
def test_build_with_setuptools_from_the_public_index(server: IndexServer, open_source: OpenSource) -> None:
    setup = b"from setuptools import setup\nsetup(name='a', version='1.0', install_requires=['b>=2'])\n"
    project = b'[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
    server.add("a", sdist("a", "1.0", static=False, files={"setup.py": setup, "pyproject.toml": project}))
    find = find_at(default_index_url())
    dependencies = read_dependencies(open_source, server, target=HOST, find_build_wheels=find)
    assert dependencies.requires == ("b>=2",)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (["tool @ https://user:s3cret@files.example/tool.whl"], "`tool @ https://files.example/tool.whl` is a direct"),
        (["tool 1"], "the backend asks for `tool 1`, which is no requirement of PEP 508"),
        ("tool", "`get_requires_for_build_wheel` gave no list of texts"),
    ],
)
def test_requirements_of_a_backend_must_be_valid_and_without_secrets(
    server: IndexServer, open_source: OpenSource, asked: object, message: str
) -> None:
    statement = f"def get_requires_for_build_wheel(config_settings=None):\n    return {asked!r}\n"
    server.add("a", sdist("a", "1.0", ["b"], static=False, backend_statement=statement))
    with pytest.raises(MetadataError) as caught:
        read_dependencies(open_source, server, target=HOST)
    assert message in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_build_requirement_that_no_index_has_is_named(server: IndexServer, open_source: OpenSource) -> None:
    server.add("a", sdist("a", "1.0", ["b"], static=False, build_requires=["nowhere"]))
    with pytest.raises(MetadataError) as caught:
        read_dependencies(open_source, server, target=HOST)
    assert str(caught.value) == (
        "`a-1.0.tar.gz` cannot be built for its metadata: no wheels meet its build requirements, which are not built"
        " themselves\n"
        f"    no solution for {host_target()}: `nowhere` was not found\n"
        "      [build-system] requires: `nowhere`\n"
        f"      because it is not on {server.index_url}\n"
        "  try: write its requirements into a `[[tool.pinfold.dependency-metadata]]` table of pyproject.toml"
    )


def test_interpreter_that_is_too_old_for_our_pip_uses_its_own(tmp_path: Path) -> None:
    tool = write_wheel(tmp_path, "tool", "1.0")
    more = "import tool, importlib.util as util\nassert util.find_spec('pip') is None"
    tree = write_tree(tmp_path / "tree", more, '["tool"]')
    wheel = build(tree, tmp_path / "into", tool, python=find_interpreter("3.8"), key="value")
    assert read_record(wheel) == "[(3, 8), '1', {'key': 'value'}, ['x', 'y', 'z']]"


def test_backend_that_is_not_there_is_named(tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree")
    (tree / "pyproject.toml").write_text('[build-system]\nrequires = []\nbuild-backend = "nowhere"\n')
    with pytest.raises(BuildFailedError) as caught:
        build(tree, tmp_path / "into")
    assert str(caught.value) == (
        "the backend `nowhere` cannot be imported: ModuleNotFoundError: " + find_words(lambda: import_module("nowhere"))
    )


def test_backend_path_outside_the_tree_is_refused(tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree")
    (tree / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "own"\nbackend-path = [".."]\n'
    )
    with pytest.raises(BuildFailedError) as caught:
        build(tree, tmp_path / "into")
    assert str(caught.value) == "pyproject.toml: `build-system.backend-path`: paths must be inside source tree"


@pytest.mark.parametrize("name", ["../a-1.0-py3-none-any.whl", "missing-1.0-py3-none-any.whl"])
def test_backend_that_names_another_file_is_refused(tmp_path: Path, name: str) -> None:
    tree = write_tree(tmp_path / "tree")
    (tree / "own.py").write_text(f"def build_wheel(folder, *more):\n    return {name!r}\n")
    with pytest.raises(BuildFailedError) as caught:
        build(tree, tmp_path / "into")
    assert str(caught.value) == "`build_wheel` named no result of its own"
