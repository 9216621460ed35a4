"""Whether a build may run: the policy, the host, and what earlier builds gave."""

from __future__ import annotations

import sys
import tomllib

import pytest

from resolver.errors import MetadataError
from resolver.fetch.builds.permission import describe_host, is_host_compatible
from resolver.targets.platforms import parse_platform
from resolver.targets.target import Target
from tests.fetch.builds.building import ELSEWHERE, HOST, read_dependencies
from tests.fetch.conftest import OpenSource
from tests.servers import IndexServer, sdist


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
        "    requires-dist = [...]"
    )


def test_a_printed_table_is_no_toml_before_it_has_requirements(server: IndexServer, open_source: OpenSource) -> None:
    server.add("a", sdist("a", "1.0", ["b"], static=False))
    with pytest.raises(MetadataError) as caught:
        read_dependencies(open_source, server, target=ELSEWHERE)
    printed = "\n".join(caught.value.faults[0].quoted)
    with pytest.raises(tomllib.TOMLDecodeError):
        tomllib.loads(printed)
    assert tomllib.loads(printed.replace("...", '"b"'))["tool"]["pinfold"]["dependency-metadata"][0]["name"] == "a"


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
        "    requires-dist = [...]"
    )


def test_host_is_compatible_with_itself_alone() -> None:
    assert is_host_compatible(HOST)
    assert not is_host_compatible(ELSEWHERE)
    other = parse_platform("win_arm64" if sys.platform != "win32" else "manylinux_2_28_aarch64")
    assert not is_host_compatible(Target(python=HOST.python, platform=other))


@pytest.mark.parametrize(
    ("target", "allowed", "forbidden"),
    [(HOST, "if-compatible", "never"), (ELSEWHERE, "anyway", "if-compatible"), (ELSEWHERE, "anyway", "never")],
)
def test_stored_build_is_no_way_around_the_policy(
    server: IndexServer, open_source: OpenSource, target: object, allowed: str, forbidden: str
) -> None:
    server.add("a", sdist("a", "1.0", ["b"], static=False))
    assert read_dependencies(open_source, server, target=target, build_policy=allowed).built

    with pytest.raises(MetadataError) as caught:
        read_dependencies(open_source, server, target=target, build_policy=forbidden)

    assert caught.value.needs_build


def test_stored_build_is_used_where_it_may_be(server: IndexServer, open_source: OpenSource) -> None:
    server.add("a", sdist("a", "1.0", ["b"], static=False))
    first = read_dependencies(open_source, server, target=HOST)
    server.log.clear()

    assert read_dependencies(open_source, server, target=HOST) == first
    assert server.paths("/files/") == []
