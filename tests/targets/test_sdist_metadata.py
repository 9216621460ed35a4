import pytest
from packaging.requirements import Requirement
from packaging.utils import NormalizedName
from packaging.version import Version

from resolver.targets.data_files import read_data
from resolver.targets.sdist_metadata import find_sdist_metadata


@pytest.mark.parametrize(
    ("version", "expected"),
    [("2.8.3", ("torch", "einops")), ("2.5.8", ("torch", "einops", "packaging", "ninja")), ("2.6.0", None)],
)
def test_what_an_sdist_needs_goes_by_its_version(version: str, expected: tuple[str, ...] | None) -> None:
    found = find_sdist_metadata(NormalizedName("flash-attn"), Version(version))
    assert (None if found is None else found.requires_dist) == expected


def test_a_project_that_says_itself_what_it_needs_has_no_row() -> None:
    assert find_sdist_metadata(NormalizedName("numpy"), Version("1.0")) is None


def test_every_requirement_of_the_data_can_be_read() -> None:
    texts = [text for row in read_data("metadata")["sdist"] for text in row["requires"]]
    assert [str(Requirement(text)) for text in texts] == texts
