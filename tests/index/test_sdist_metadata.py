from __future__ import annotations

import io
import tarfile
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement
from packaging.utils import NormalizedName
from packaging.version import Version

from resolver.index import sdist_metadata
from resolver.index.core_metadata import CoreMetadata, build_dependencies
from resolver.index.sdist_metadata import (
    BuildSystem,
    PyprojectError,
    SdistArchiveError,
    SdistFiles,
    parse_pyproject,
    read_sdist,
)
from resolver.targets.target import PythonVersion, Target
from tests.foreign_words import find_words

HEAD = '[project]\nname = "A.b"\nversion = "1.0"\n'


def test_project_without_dynamic_fields_is_static() -> None:
    found = parse_pyproject(
        (
            HEAD + 'requires-python = ">=3.9"\ndependencies = ["c>=1; python_version < \'3.12\'"]\n'
            "[project.optional-dependencies]\nX_y = [\"d[e]; os_name == 'nt' or os_name == 'posix'\", \"f\"]\n"
        ).encode()
    )
    assert found.metadata == CoreMetadata(
        name=NormalizedName("a-b"),
        version=Version("1.0"),
        metadata_version="2.4",
        requires_dist=(
            "c>=1; python_version < '3.12'",
            'd[e]; (os_name == "nt" or os_name == "posix") and extra == "x-y"',
            'f; extra == "x-y"',
        ),
        requires_python=">=3.9",
        provides_extra=(NormalizedName("x-y"),),
    )


@pytest.mark.parametrize("field", ["version", "dependencies", "optional-dependencies", "requires-python"])
def test_dynamic_field_that_is_needed_leaves_it_to_a_build(field: str) -> None:
    version = "" if field == "version" else 'version = "1.0"\n'
    text = f'[project]\nname = "a"\n{version}dynamic = ["{field}"]\n'
    assert parse_pyproject(text.encode()).metadata is None


def test_other_dynamic_fields_do_no_harm() -> None:
    assert parse_pyproject((HEAD + 'dynamic = ["readme", "license"]\n').encode()).metadata is not None


@pytest.mark.parametrize(
    "text", ["", '[tool.poetry]\nname = "a"\nversion = "1.0"\n[tool.poetry.dependencies]\nb = "^1"\n']
)
def test_project_of_a_tool_alone_leaves_it_to_a_build(text: str) -> None:
    assert parse_pyproject(text.encode()).metadata is None


def test_a_folder_placeholder_of_hatchling_needs_a_build() -> None:
    found = parse_pyproject((HEAD + 'dependencies = ["b @ {root:uri}/b"]\n').encode())
    assert (found.metadata, found.name, found.version) == (None, "a-b", Version("1.0"))


def test_url_keeps_its_public_part_alone() -> None:
    found = parse_pyproject(
        (
            HEAD + 'dependencies = ["b @ https://user:s3cret@files.example/b.whl"]\n'
            "[project.optional-dependencies]\nx = [\"c @ https://s3cret@files.example/c.whl ; os_name == 'posix'\"]\n"
        ).encode()
    )
    assert found.metadata is not None
    assert found.metadata.requires_dist == (
        "b @ https://files.example/b.whl",
        'c @ https://files.example/c.whl ; (os_name == "posix") and extra == "x"',
    )


def test_tree_without_a_file_has_the_build_system_of_pep_518() -> None:
    legacy = BuildSystem(requires=("setuptools>=40.8.0",), backend="setuptools.build_meta:__legacy__")
    assert parse_pyproject(None).build_system == legacy
    assert parse_pyproject(b"").build_system == legacy


def test_build_system_is_read() -> None:
    text = b'[build-system]\nrequires = ["hatchling"]\nbuild-backend = "backend:api"\nbackend-path = ["_own"]\n'
    assert parse_pyproject(text).build_system == BuildSystem(
        requires=("hatchling",), backend="backend:api", backend_path=("_own",)
    )


def test_build_system_without_backend_has_the_legacy_one() -> None:
    found = parse_pyproject(b'[build-system]\nrequires = ["wheel", "numpy"]\n').build_system
    assert found == BuildSystem(requires=("wheel", "numpy"), backend="setuptools.build_meta:__legacy__")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("project = 1", "pyproject.toml: `project` is no table"),
        ("build-system = 1", "pyproject.toml: `build-system` is no table"),
        ("[build-system]", "pyproject.toml: `build-system` has no `requires` (PEP 518)"),
        ("[build-system]\nrequires = 'a'", "pyproject.toml: `build-system.requires` is no array of strings"),
        (
            "[build-system]\nrequires = ['a', 'b c']",
            "pyproject.toml: `build-system.requires[1]` is no requirement of PEP 508: "
            + find_words(lambda: Requirement("b c")),
        ),
        (
            "[build-system]\nrequires = []\nbuild-backend = 1",
            "pyproject.toml: `build-system.build-backend` is no string",
        ),
        (HEAD + "dependencies = [1]", "pyproject.toml: `project.dependencies` is no array of strings"),
        (HEAD + "optional-dependencies = 1", "pyproject.toml: `project.optional-dependencies` is no table"),
        (HEAD + "requires-python = 'x'", "pyproject.toml: `project.requires-python` is no specifier: 'x'"),
        (
            "[project]\nname = 'a'\nversion = 'x'",
            "pyproject.toml: `project.version` is no version of PEP 440: 'x'",
        ),
    ],
)
def test_the_error_for_a_broken_file_names_the_place(text: str, message: str) -> None:
    with pytest.raises(PyprojectError) as caught:
        parse_pyproject(text.encode())
    assert str(caught.value) == message


def test_a_file_that_is_not_toml_is_an_error() -> None:
    with pytest.raises(PyprojectError, match=r"^pyproject\.toml is not TOML: "):
        parse_pyproject(b"[")


_MARKERS = st.sampled_from(
    ["", "; os_name == 'posix'", '; python_version < "3"', '; os_name=="nt" or os_name=="posix"']
)
_TEXTS = st.builds(
    "".join, st.tuples(st.sampled_from(["b", "b[x]>=1", "b @ https://files.example/b.whl ", "b (>=1,<2)"]), _MARKERS)
)


@given(_TEXTS)
def test_line_of_an_extra_holds_exactly_where_its_own_marker_does(text: str) -> None:
    document = HEAD + f"[project.optional-dependencies]\nx = ['''{text}''']\n"
    metadata = parse_pyproject(document.encode()).metadata
    assert metadata is not None
    environment = Target(python=PythonVersion(minor=11)).environment
    requirement = Requirement(text)
    holds = requirement.marker is None or requirement.marker.evaluate({**environment, "extra": ""})
    found = build_dependencies(metadata, environment=environment)
    assert found.requires == ()
    assert bool(found.extras[NormalizedName("x")]) is holds


def tar(files: dict[str, bytes], mode: str = "w:gz") -> io.BytesIO:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode=mode) as archive:  # type: ignore[call-overload]  # The mode is a variable.
        for path, content in files.items():
            info = tarfile.TarInfo(path)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    sink.seek(0)
    return sink


FILES = {
    "alpha-1.0/alpha.egg-info/PKG-INFO": b"not this one",
    "alpha-1.0/PKG-INFO": b"Metadata-Version: 2.2\n",
    "alpha-1.0/pyproject.toml": b"[build-system]\n",
    "alpha-1.0/src/x.py": b"",
}
EXPECTED = SdistFiles(pkg_info=b"Metadata-Version: 2.2\n", pyproject=b"[build-system]\n")


@pytest.mark.parametrize(
    ("mode", "filename"),
    [
        ("w:gz", "alpha-1.0.tar.gz"),
        ("w:bz2", "alpha-1.0.tar.bz2"),
        ("w:xz", "alpha-1.0.tar.xz"),
        ("w:gz", "alpha-1.0.tgz"),
    ],
)
def test_a_tar_gives_the_files_of_its_top_folder(mode: str, filename: str) -> None:
    assert read_sdist(tar(FILES, mode), filename=filename) == EXPECTED


def test_a_zip_gives_the_files_of_its_top_folder() -> None:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        for path, content in FILES.items():
            archive.writestr(path, content)
    assert read_sdist(sink, filename="alpha-1.0.zip") == EXPECTED


def test_a_missing_file_is_none() -> None:
    assert read_sdist(tar({"./alpha-1.0/setup.py": b""}), filename="alpha-1.0.tar.gz") == SdistFiles(
        pkg_info=None, pyproject=None
    )


def test_bytes_that_are_no_archive_are_refused() -> None:
    with pytest.raises(SdistArchiveError) as caught:
        read_sdist(io.BytesIO(b"<html>"), filename="alpha-1.0.zip")
    reason = find_words(lambda: zipfile.ZipFile(io.BytesIO(b"<html>")))
    assert str(caught.value) == f"`alpha-1.0.zip` is not a readable archive: {reason}"


def test_a_cut_tar_is_refused() -> None:
    data = tar(FILES).getvalue()
    with pytest.raises(SdistArchiveError):
        read_sdist(io.BytesIO(data[: len(data) // 2]), filename="alpha-1.0.tar.gz")


def _tar_with_header(kind: bytes, size: int) -> bytes:
    """A tar of one long header, of which the bytes follow only up to 1 MiB."""
    header = tarfile.TarInfo("alpha-1.0/x")
    header.type = kind
    header.size = size
    return header.tobuf(tarfile.USTAR_FORMAT) + b"0" * min(size, 2**20)


@pytest.mark.parametrize("kind", [b"x", b"g", b"X", b"L", b"K"])
def test_a_header_that_would_fill_the_memory_is_refused(kind: bytes) -> None:
    data = _tar_with_header(kind, 400 * 2**20)
    with pytest.raises(SdistArchiveError, match="a header of 419430400 bytes"):
        read_sdist(io.BytesIO(data), filename="alpha-1.0.tar")


def test_names_and_fields_of_the_usual_length_are_read() -> None:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w", format=tarfile.PAX_FORMAT) as tar:
        long = tarfile.TarInfo(f"alpha-1.0/{'x' * 5000}")
        long.pax_headers = {"comment": "y" * 5000}
        tar.addfile(long)
        info = tarfile.TarInfo("alpha-1.0/PKG-INFO")
        info.size = 7
        tar.addfile(info, io.BytesIO(b"Name: a"))
    assert read_sdist(io.BytesIO(sink.getvalue()), filename="alpha-1.0.tar").pkg_info == b"Name: a"


def test_an_archive_of_too_many_members_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sdist_metadata, "_MEMBER_LIMIT", 3)
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as tar:
        for number in range(6):
            tar.addfile(tarfile.TarInfo(f"alpha-1.0/{number}"))
    with pytest.raises(SdistArchiveError, match="unpacks to more"):
        read_sdist(io.BytesIO(sink.getvalue()), filename="alpha-1.0.tar")


def test_a_zip_of_too_many_members_is_refused() -> None:
    entry = b"PK\x01\x02" + bytes(42)
    length = len(entry) * 400_000
    end = b"PK\x05\x06" + bytes(4) + b"\xff\xff\xff\xff" + length.to_bytes(4, "little") + bytes(6)
    with pytest.raises(SdistArchiveError, match="its zip directory is larger"):
        read_sdist(io.BytesIO(entry * 400_000 + end), filename="alpha-1.0.zip")
