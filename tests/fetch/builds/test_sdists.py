"""The metadata of sdists and source trees: what they state themselves, and what their backend gives.

Unpacking sdists writes nothing outside of the folder.
"""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import pytest
from packaging.utils import NormalizedName
from packaging.version import Version

from resolver.errors import HashMismatchError, MetadataError
from resolver.fetch.builds.build_process import BuildProcesses
from resolver.fetch.builds.permission import BuildPolicy, Builds, describe_host
from resolver.fetch.builds.sdists import TreeMetadata, read_tree_metadata, unpack_sdist
from resolver.index.core_metadata import Dependencies
from resolver.index.sdist_metadata import SdistArchiveError
from resolver.settings.settings import DependencyMetadata
from resolver.targets.target import Target
from tests.distributions import make_metadata, make_sdist
from tests.fetch.builds.building import ELSEWHERE, HOST, read_dependencies
from tests.fetch.conftest import A, OpenSource, index
from tests.servers import IndexServer, sdist, wheel

STATIC = '[project]\nname = "a"\nversion = "1.0"\ndependencies = ["b>=2"]\n[build-system]\nrequires = ["hatchling"]\n'
DYNAMIC = '[project]\nname = "a"\nversion = "1.0"\ndynamic = ["dependencies"]\n'


def allow(policy: BuildPolicy) -> Builds:
    return Builds(
        policy=policy,
        find_wheels=lambda requirements, python: (),
        fetch_wheel=lambda file: Path(),
        children=BuildProcesses,
    )


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
        "    requires-dist = [...]"
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
        "    requires-dist = [...]"
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
        "    requires-dist = [...]"
    )


def test_error_for_a_folder_without_a_project_names_where_to_look(tmp_path: Path) -> None:
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


def write_tar(path: Path, *members: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for member in members:
            content = b"x" if member.isreg() else b""
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def build_member(name: str, kind: bytes = tarfile.REGTYPE, *, target: str = "", mode: int = 0o644) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.mode = kind, target, mode
    return member


def unpack(tmp_path: Path, archive: Path) -> Path:
    into = tmp_path / "deep" / "into"
    into.mkdir(parents=True)
    return unpack_sdist(archive, into)


def test_top_folder_is_the_tree(tmp_path: Path) -> None:
    archive = tmp_path / "a-1.0.tar.gz"
    archive.write_bytes(make_sdist("a", "1.0", files={"src/a.py": b"1"}))
    tree = unpack(tmp_path, archive)
    assert tree.name == "a-1.0"
    assert (tree / "src" / "a.py").read_bytes() == b"1"


def test_archive_without_a_top_folder_is_a_tree_itself(tmp_path: Path) -> None:
    archive = write_tar(tmp_path / "a.tar.gz", build_member("setup.py"), build_member("a.py"))
    assert sorted(path.name for path in unpack(tmp_path, archive).iterdir()) == ["a.py", "setup.py"]


def test_zip_is_unpacked(tmp_path: Path) -> None:
    archive = tmp_path / "a-1.0.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("a-1.0/setup.py", "1")
        file.writestr("a-1.0/../../outside", "1")
    tree = unpack(tmp_path, archive)
    assert sorted(path.name for path in tree.iterdir()) == ["outside", "setup.py"]
    assert not list(tmp_path.glob("outside"))
    assert not list((tmp_path / "deep").glob("outside"))


def test_executable_file_stays_one_and_gets_no_more(tmp_path: Path) -> None:
    archive = write_tar(tmp_path / "a.tar.gz", build_member("a/run", mode=0o4755), build_member("a/data", mode=0o666))
    tree = unpack(tmp_path, archive)
    assert [(tree / name).stat().st_mode & 0o7777 for name in ("run", "data")] == [0o755, 0o644]


@pytest.mark.parametrize(
    "member",
    [
        build_member("a/../../outside"),
        build_member("a/link", tarfile.SYMTYPE, target="../../outside"),
        build_member("a/link", tarfile.SYMTYPE, target="/etc/passwd"),
        build_member("a/link", tarfile.LNKTYPE, target="../outside"),
        build_member("a/pipe", tarfile.FIFOTYPE),
        build_member("a/device", tarfile.CHRTYPE),
    ],
    ids=["path", "link", "absolute link", "hard link", "pipe", "device"],
)
def test_member_that_leads_outside_is_refused(tmp_path: Path, member: tarfile.TarInfo) -> None:
    archive = write_tar(tmp_path / "a.tar.gz", build_member("a/setup.py"), member)
    with pytest.raises(SdistArchiveError, match=r"^`a\.tar\.gz` cannot be unpacked: "):
        unpack(tmp_path, archive)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tar.gz", "deep"]


@pytest.mark.parametrize("name", ["a.tar.gz", "a.zip"])
def test_broken_archive_is_named(tmp_path: Path, name: str) -> None:
    archive = tmp_path / name
    archive.write_bytes(b"nothing of the kind")
    with pytest.raises(SdistArchiveError, match=f"^`{name}` cannot be unpacked: "):
        unpack(tmp_path, archive)


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


STATED = {"setup.py": b"from setuptools import setup\nsetup(name='a', install_requires=['c'])\n"}


@pytest.mark.parametrize("target", [HOST, ELSEWHERE])
def test_what_an_sdist_states_comes_before_a_build_on_every_machine(
    server: IndexServer, open_source: OpenSource, target: Target
) -> None:
    server.add("a", sdist("a", "1.0", ["b"], static=False, files=STATED, backend_statement="raise SystemExit(3)"))
    stated = Dependencies(requires=("c",), unverified=True)
    assert read_dependencies(open_source, server, target=target) == stated
    # The second time it is read from the cache.
    assert read_dependencies(open_source, server, target=target) == stated
    assert server.paths("/files/") == ["/files/a-1.0.tar.gz"]


def test_build_metadata_prefers_a_build(server: IndexServer, open_source: OpenSource) -> None:
    server.add("a", sdist("a", "1.0", ["b"], static=False, files=STATED))
    assert read_dependencies(open_source, server, target=HOST).requires == ("c",)
    assert read_dependencies(open_source, server, target=HOST, build_metadata=True) == Dependencies(
        requires=("b",), built=True
    )
    assert read_dependencies(open_source, server, target=HOST).requires == ("c",)
    with pytest.raises(
        MetadataError, match=r"^only a build can tell what `a-1\.0\.tar\.gz` needs, and it was not built"
    ):
        read_dependencies(open_source, server, target=ELSEWHERE, build_metadata=True)


def test_project_table_that_leaves_the_version_alone_to_its_backend_is_final(
    server: IndexServer, open_source: OpenSource
) -> None:
    project = b'[project]\nname = "a"\ndynamic = ["version"]\ndependencies = ["c"]\n'
    server.add("a", sdist("a", "1.0", ["b"], static=False, files={"pyproject.toml": project}))
    assert read_dependencies(open_source, server, target=ELSEWHERE) == Dependencies(requires=("c",))


def test_table_of_the_user_replaces_the_build(server: IndexServer, open_source: OpenSource) -> None:
    server.add("a", sdist("a", "1.0", ["b"], static=False))
    table = DependencyMetadata(name=A, requires_dist=("c",))
    dependencies = read_dependencies(open_source, server, target=ELSEWHERE, dependency_metadata=[table])
    assert dependencies == Dependencies(requires=("c",))
    assert server.paths("/files/") == []


FLASH = NormalizedName("flash-attn")


def test_sdist_whose_build_needs_torch_has_its_metadata_in_the_data(
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


def test_wheel_has_its_own_metadata(server: IndexServer, open_source: OpenSource) -> None:
    server.add("flash-attn", wheel("flash-attn", "2.8.3", ["triton"]))
    with open_source() as source:
        page = source.project_page(FLASH, index(server))
        assert page is not None
        assert source.dependencies(page.files(0)[0]) == Dependencies(requires=("triton",))
