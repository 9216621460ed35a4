"""The metadata of a source tree: static where it can be, from its backend where it must be."""

from __future__ import annotations

from pathlib import Path

import pytest
from packaging.utils import NormalizedName
from packaging.version import Version

from resolver.errors import MetadataError
from resolver.fetch.build_process import BuildProcesses
from resolver.fetch.builds import BuildPolicy, Builds
from resolver.fetch.host import describe_host
from resolver.fetch.source_tree import TreeMetadata, read_tree_metadata
from tests.distributions import make_metadata
from tests.fetch.conftest import A
from tests.fetch.test_sdists import ELSEWHERE, HOST

STATIC = '[project]\nname = "a"\nversion = "1.0"\ndependencies = ["b>=2"]\n[build-system]\nrequires = ["hatchling"]\n'
DYNAMIC = '[project]\nname = "a"\nversion = "1.0"\ndynamic = ["dependencies"]\n'


def allow(policy: BuildPolicy) -> Builds:
    return Builds(policy=policy, find_wheels=lambda texts: (), fetch_wheel=lambda file: Path(), children=BuildProcesses)


def read(tree: Path, *, policy: BuildPolicy = "never", isolated: bool = True) -> TreeMetadata:
    return read_tree_metadata(
        tree, project=A, described="./a", target=ELSEWHERE, builds=allow(policy), isolated=isolated
    )


def test_static_project_runs_nothing(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(STATIC)
    (tmp_path / "setup.py").write_text("raise SystemExit(3)")
    found = read(tmp_path)
    assert (found.metadata.name, found.metadata.version) == ("a", Version("1.0"))
    assert (found.metadata.requires_dist, found.built, found.build_requires) == (("b>=2",), False, ("hatchling",))


def test_final_pkg_info_needs_no_build(tmp_path: Path) -> None:
    (tmp_path / "PKG-INFO").write_bytes(make_metadata("a", "1.0", requires=["b>=2"]))
    found = read(tmp_path)
    assert (found.metadata.requires_dist, found.build_requires) == (("b>=2",), ("setuptools>=40.8.0",))


@pytest.mark.parametrize("pkg_info", [make_metadata("a", "1.0", dynamic=["Requires-Dist"]), b"nonsense"])
def test_pkg_info_that_is_not_final_does_not_count(tmp_path: Path, pkg_info: bytes) -> None:
    (tmp_path / "pyproject.toml").write_text(DYNAMIC)
    (tmp_path / "PKG-INFO").write_bytes(pkg_info)
    with pytest.raises(MetadataError) as caught:
        read(tmp_path)
    assert str(caught.value) == (
        "only a build can tell what `./a` needs, and it was not built\n"
        "  because `--no-build` forbids it\n"
        "  try: write its requirements into pyproject.toml, or its name (`a`) under `allow-build`\n"
        "    [[tool.pinfold.dependency-metadata]]\n"
        '    name = "a"\n'
        '    version = "1.0"\n'
        "    requires-dist = []"
    )


def test_version_that_is_not_known_is_left_out_of_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "setup.py").touch()
    with pytest.raises(MetadataError) as caught:
        read(tmp_path, policy="if-compatible")
    assert str(caught.value) == (
        "only a build can tell what `./a` needs, and it was not built\n"
        f"  because a build on {describe_host()} may tell other requirements than one on the target, {ELSEWHERE}\n"
        "  try: write its requirements into pyproject.toml, or accept those of this machine with `--build-anyway`\n"
        "    [[tool.pinfold.dependency-metadata]]\n"
        '    name = "a"\n'
        "    requires-dist = []"
    )


def test_build_without_isolation_is_left_to_the_image(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(DYNAMIC)
    with pytest.raises(MetadataError) as caught:
        read(tmp_path, policy="anyway", isolated=False)
    assert str(caught.value) == (
        "only a build can tell what `./a` needs, and it was not built\n"
        "  because `--no-build-isolation` builds it among the packages of the image, which are not here\n"
        "  try: write its requirements into pyproject.toml\n"
        "    [[tool.pinfold.dependency-metadata]]\n"
        '    name = "a"\n'
        '    version = "1.0"\n'
        "    requires-dist = []"
    )


def test_folder_without_a_project_says_where_to_look(tmp_path: Path) -> None:
    with pytest.raises(MetadataError) as caught:
        read(tmp_path, policy="anyway")
    assert str(caught.value) == (
        "`./a` is no Python project: it has neither a pyproject.toml nor a setup.py\n"
        "  try: name the folder that has one; inside a repository or archive with `#subdirectory=FOLDER`"
    )


def test_broken_pyproject_is_a_metadata_error(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("project = 1")
    with pytest.raises(MetadataError) as caught:
        read(tmp_path)
    assert str(caught.value) == "what `./a` needs cannot be told: pyproject.toml: `project` is no table"


def test_dynamic_project_is_built_where_that_is_allowed(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        DYNAMIC + '[build-system]\nrequires = []\nbuild-backend = "own"\nbackend-path = ["."]\n'
    )
    (tmp_path / "own.py").write_text(
        "import pathlib\n"
        "def prepare_metadata_for_build_wheel(folder, config_settings=None):\n"
        "    place = pathlib.Path(folder, 'a-1.0.dist-info')\n"
        "    place.mkdir()\n"
        "    (place / 'METADATA').write_text('Metadata-Version: 2.2\\nName: a\\nVersion: 1.0\\nRequires-Dist: c\\n')\n"
        "    return 'a-1.0.dist-info'\n"
        "def build_wheel(folder, config_settings=None, metadata_directory=None):\n"
        "    raise SystemExit('not needed')\n"
    )
    found = read_tree_metadata(
        tmp_path, project=NormalizedName("a"), described="./a", target=HOST, builds=allow("anyway")
    )
    assert (found.metadata.requires_dist, found.built) == (("c",), True)
