"""Whether a build may run: the policy, the host, and what earlier builds gave."""

from __future__ import annotations

import os
import sys
import tomllib
from pathlib import Path

import pytest

from resolver.errors import InputError, MetadataError
from resolver.fetch.builds.permission import describe_host, is_host_compatible
from resolver.targets.platforms import parse_platform
from resolver.targets.target import Target, parse_python_version
from tests.command import find_interpreter
from tests.fetch.builds.building import ELSEWHERE, HOST, read_dependencies
from tests.fetch.conftest import OpenSource
from tests.servers import IndexServer, sdist, wheel


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


OTHER = "3.12" if sys.version_info[:2] != (3, 12) else "3.11"


@pytest.mark.skipif(sys.platform != "linux", reason="the shell script is one of Linux")
@pytest.mark.parametrize("is_named", [False, True])
def test_the_python_of_the_target_builds_where_it_is_on_the_path_or_named(
    server: IndexServer, open_source: OpenSource, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, is_named: bool
) -> None:
    statement = f"import sys, tool\nassert '%d.%d' % sys.version_info[:2] == '{OTHER}', sys.version"
    server.add("tool", wheel("tool", "1.0", requires_python=f"=={OTHER}.*"))
    options = {"static": False, "build_requires": ["tool"], "backend_statement": statement}
    server.add("a", sdist("a", "1.0", ["b"], **options))
    python = Path(find_interpreter(OTHER))
    if not is_named:
        monkeypatch.setenv("PATH", f"{python.parent}{os.pathsep}{os.environ['PATH']}")
    target = Target(python=parse_python_version(OTHER), platform=HOST.platform)
    named = {"build_python": python} if is_named else {}
    found = read_dependencies(open_source, server, target=target, **named)
    assert (found.requires, found.built) == (("b",), True)
    # The record of the build is used in the same places.
    assert read_dependencies(open_source, server, target=target, **named) == found
    assert len(server.paths("/files/a-")) == 1


def test_a_named_python_of_another_version_is_2(server: IndexServer, open_source: OpenSource) -> None:
    server.add("a", sdist("a", "1.0", ["b"], static=False))
    target = Target(python=parse_python_version(OTHER), platform=HOST.platform)
    with pytest.raises(InputError) as caught:
        read_dependencies(open_source, server, target=target, build_python=Path(sys.executable))
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert str(caught.value) == (
        f"`{sys.executable}` is Python {here}, and the lock is for Python {OTHER}\n  try: name one of that version"
    )
