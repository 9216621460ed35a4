"""Metadata of sdists: static PKG-INFO, or a build by pip in an environment of its own."""

from __future__ import annotations

import platform
import sys
import sysconfig
from pathlib import Path

import pytest
from packaging.utils import NormalizedName

from resolver.errors import HashMismatchError, MetadataError
from resolver.fetch.builds.permission import describe_host, host_target, is_host_compatible
from resolver.fetch.projects.pages import default_index_url
from resolver.index.core_metadata import Dependencies
from resolver.settings.settings import DependencyMetadata
from resolver.targets.platforms import parse_platform
from resolver.targets.target import PythonVersion, Target
from tests.fetch.building import find_at, find_in
from tests.fetch.conftest import A, OpenSource, index
from tests.servers import IndexServer, sdist, wheel

_NAMES = {"linux": f"manylinux_2_28_{platform.machine()}", "win32": "win_amd64"}
HOST = Target(
    python=PythonVersion(minor=sys.version_info.minor, free_threaded=bool(sysconfig.get_config_var("Py_GIL_DISABLED"))),
    platform=parse_platform(_NAMES.get(sys.platform, f"macosx_13_0_{platform.machine()}")),
)
ELSEWHERE = Target(python=PythonVersion(minor=8 if sys.version_info.minor != 8 else 9))


def read_dependencies(open_source: OpenSource, server: IndexServer, **options: object) -> Dependencies:
    with open_source(**{"find_build_wheels": find_in(server), **options}) as source:
        page = source.project_page(A, index(server))
        assert page is not None
        return source.dependencies(page.files(0)[0])


def test_static_metadata_needs_no_build(server: IndexServer, open_source: OpenSource) -> None:
    server.add("a", sdist("a", "1.0", ["b>=2"], backend_statement="raise SystemExit(3)"))
    dependencies = read_dependencies(open_source, server, target=ELSEWHERE, build_policy="never")
    assert dependencies == Dependencies(requires=("b>=2",))


def test_sdist_with_another_hash_is_an_error(server: IndexServer, open_source: OpenSource) -> None:
    server.add("a", sdist("a", "1.0", sha256="0" * 64))
    with pytest.raises(HashMismatchError):
        read_dependencies(open_source, server)


def test_sdist_that_is_no_archive_is_a_metadata_error(server: IndexServer, open_source: OpenSource) -> None:
    server.add("a", sdist("a", "1.0", content=b"no archive"))
    with pytest.raises(MetadataError) as caught:
        read_dependencies(open_source, server)
    assert str(caught.value).startswith("`a-1.0.tar.gz` is a broken sdist: ")


def test_dynamic_metadata_is_built_on_a_machine_like_the_target(server: IndexServer, open_source: OpenSource) -> None:
    server.add("a", sdist("a", "1.0", ["b>=2", 'c; extra == "x"'], static=False))
    dependencies = read_dependencies(open_source, server, target=HOST)
    assert dependencies.requires == ("b>=2",)
    assert dependencies.built


def test_built_metadata_is_kept(server: IndexServer, open_source: OpenSource) -> None:
    server.add("a", sdist("a", "1.0", ["b>=2"], static=False))
    first = read_dependencies(open_source, server, target=HOST)
    assert read_dependencies(open_source, server, target=HOST) == first
    assert server.paths("/files/") == ["/files/a-1.0.tar.gz"]


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
    """An sdist on the first index that tells which version of its build requirement it got; the second has a newer."""
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
        f"    no solution for {host_target()}: no version of `tool` that is asked for can be used\n"
        "      [build-system] requires: `tool>=1`\n"
        f"      because {server.index_url} has 1 version in 1 file, of which these are asked for\n"
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


def test_build_elsewhere_is_an_error_that_names_the_table(server: IndexServer, open_source: OpenSource) -> None:
    server.add("a", sdist("a", "1.0", ["b"], static=False))
    with pytest.raises(MetadataError) as caught:
        read_dependencies(open_source, server, target=ELSEWHERE)
    assert caught.value.needs_build
    assert str(caught.value) == (
        "only a build can tell what `a-1.0.tar.gz` needs, and it was not built\n"
        f"  because a build on {describe_host()} may tell other requirements than one on the target, {ELSEWHERE}\n"
        "  try: write its requirements into pyproject.toml, or accept those of this machine with `--build-anyway`\n"
        "    [[tool.pinfold.dependency-metadata]]\n"
        '    name = "a"\n'
        '    version = "1.0"\n'
        "    requires-dist = []"
    )


def test_build_anyway_builds_elsewhere_and_marks_the_result(server: IndexServer, open_source: OpenSource) -> None:
    server.add("a", sdist("a", "1.0", ["b"], static=False))
    dependencies = read_dependencies(open_source, server, target=ELSEWHERE, build_policy="anyway")
    assert dependencies.requires == ("b",)
    assert dependencies.built


def test_no_build_forbids_a_build_even_on_the_target(server: IndexServer, open_source: OpenSource) -> None:
    server.add("a", sdist("a", "1.0", ["b"], static=False))
    with pytest.raises(MetadataError) as caught:
        read_dependencies(open_source, server, target=HOST, build_policy="never")
    assert caught.value.needs_build
    assert str(caught.value) == (
        "only a build can tell what `a-1.0.tar.gz` needs, and it was not built\n"
        "  because `--no-build` forbids it\n"
        "  try: write its requirements into pyproject.toml, or its name (`a`) under `allow-build`\n"
        "    [[tool.pinfold.dependency-metadata]]\n"
        '    name = "a"\n'
        '    version = "1.0"\n'
        "    requires-dist = []"
    )


def test_table_of_the_user_replaces_the_build(server: IndexServer, open_source: OpenSource) -> None:
    server.add("a", sdist("a", "1.0", ["b"], static=False))
    table = DependencyMetadata(name=A, requires_dist=("c",))
    dependencies = read_dependencies(open_source, server, target=ELSEWHERE, dependency_metadata=[table])
    assert dependencies == Dependencies(requires=("c",))
    assert server.paths("/files/") == []


def test_failed_build_shows_the_last_words_of_the_backend(server: IndexServer, open_source: OpenSource) -> None:
    statement = "import sys; print('no compiler here', file=sys.stderr); raise SystemExit(3)"
    server.add("a", sdist("a", "1.0", ["b"], static=False, backend_statement=statement))
    with pytest.raises(MetadataError) as caught:
        read_dependencies(open_source, server, target=HOST)
    first, *middle, last = str(caught.value).splitlines()
    assert first == "the build of `a-1.0.tar.gz` gave no metadata; its last words:"
    assert any("no compiler here" in line for line in middle)
    assert last == "  try: write its requirements into a `[[tool.pinfold.dependency-metadata]]` table of pyproject.toml"
    assert caught.value.needs_build


def test_build_tells_requirements_without_their_credentials(server: IndexServer, open_source: OpenSource) -> None:
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


def test_last_words_of_a_backend_hold_no_credential(server: IndexServer, open_source: OpenSource) -> None:
    url = "https://user:s3cret@files.example/x?token=s3cret2"
    shown = read_failure(open_source, server, f"print('cannot read {url}', file=sys.stderr)")
    assert "s3cret" not in shown
    assert "cannot read https://files.example/x\n" in shown


def test_sdists_are_not_asked_ahead(server: IndexServer, open_source: OpenSource) -> None:
    server.add("a", sdist("a", "1.0", ["b"], static=False))
    with open_source() as source:
        page = source.project_page(A, index(server))
        assert page is not None
        source.prefetch_dependencies(page.files(0))
    assert server.paths("/files/") == []


def test_host_is_compatible_with_itself_alone() -> None:
    assert is_host_compatible(HOST)
    assert not is_host_compatible(ELSEWHERE)
    other = parse_platform("win_arm64" if sys.platform != "win32" else "manylinux_2_28_aarch64")
    assert not is_host_compatible(Target(python=HOST.python, platform=other))


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
def test_what_a_backend_asks_for_must_be_requirements_without_secrets(
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
        f"      because no location has it: {server.index_url}\n"
        "  try: write its requirements into a `[[tool.pinfold.dependency-metadata]]` table of pyproject.toml"
    )


FLASH = NormalizedName("flash-attn")


def test_sdist_that_wants_torch_to_say_what_it_needs_is_told_of_by_the_data(
    server: IndexServer, open_source: OpenSource
) -> None:
    server.add("flash-attn", sdist("flash-attn", "2.8.3", static=False, backend_statement="import torch"))
    with open_source(build_policy="never") as source:
        page = source.project_page(FLASH, index(server))
        assert page is not None
        told = source.dependencies(page.files(0)[0])
    assert told == Dependencies(requires=("torch", "einops"), requires_python=">=3.8")
    assert server.paths() == ["/simple/flash-attn/"]


def test_own_metadata_of_the_user_comes_before_that_of_the_data(server: IndexServer, open_source: OpenSource) -> None:
    server.add("flash-attn", sdist("flash-attn", "2.8.3", static=False))
    with open_source(dependency_metadata=(DependencyMetadata(name=FLASH, requires_dist=("torch",)),)) as source:
        page = source.project_page(FLASH, index(server))
        assert page is not None
        assert source.dependencies(page.files(0)[0]) == Dependencies(requires=("torch",))


def test_a_wheel_says_itself_what_it_needs(server: IndexServer, open_source: OpenSource) -> None:
    server.add("flash-attn", wheel("flash-attn", "2.8.3", ["triton"]))
    with open_source() as source:
        page = source.project_page(FLASH, index(server))
        assert page is not None
        assert source.dependencies(page.files(0)[0]) == Dependencies(requires=("triton",))
