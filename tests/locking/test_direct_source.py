"""A fixed project has one candidate, whatever the indexes list; every other project is that of the source behind."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from packaging.utils import NormalizedName

from resolver.errors import FetchError, Position, ResolutionError
from resolver.index.core_metadata import Dependencies
from resolver.index.distribution_file import DirectRequest, FixedSource
from resolver.index.location import Location
from resolver.index.project_page import ProjectPage
from resolver.locking.direct_source import SourceWithDirect, check_wheels_fit
from resolver.requirements.entry import ArchiveUrl, DirectReference, LocalPath, VcsReference
from resolver.requirements.url import Url
from tests.solve.memory_source import DEFAULT_INDEX, TARGET, MemorySource, Release, index_location

A_URL = "https://files.example/a-1.0-py3-none-any.whl"
A, B = NormalizedName("a"), NormalizedName("b")
INDEX = index_location()


def make_source(*, failing: frozenset[str] = frozenset()) -> MemorySource:
    releases = {
        DEFAULT_INDEX: [
            Release(name=A, version="2.0"),
            Release(name=A, version="1.0", wheels=("cp311-cp311-manylinux_2_17_x86_64",)),
            Release(name=B, version="3.0"),
        ]
    }
    direct = {A_URL: Release(name=A, version="1.0", requires=("b>=2", "c; sys_platform == 'win32'"))}
    return MemorySource(releases=releases, target=TARGET, direct_releases=direct, failing=failing)


def request(reference: DirectReference | None = None, text: str = f"a @ {A_URL}") -> DirectRequest:
    return DirectRequest(
        reference=reference or ArchiveUrl(url=Url(public=A_URL)), position=Position(item=0), text=text, name=A
    )


def fix(source: MemorySource, *, fetched: bool) -> tuple[SourceWithDirect, FixedSource]:
    """The source with `a` fixed, and its fixed source: fetched before the search or not."""
    found = source.direct(request()) if fetched else None
    fixed = FixedSource(name=A, request=request(), found=found)
    return SourceWithDirect(source, {A: fixed}, target=TARGET, locate=lambda name: (INDEX,)), fixed


@pytest.mark.parametrize("fetched", [True, False])
def test_a_fixed_project_has_one_candidate(fetched: bool) -> None:
    source, fixed = fix(make_source(), fetched=fetched)
    page = source.project_page(A, fixed.location)
    assert page is not None
    assert [str(version) for version in page.versions] == ["1.0"]
    assert (page.wheel_mask, page.sdist_mask, page.file_count) == (1, 0, 1)
    (file,) = page.files(0)
    assert source.dependencies(file).requires == ("b>=2",)


def test_another_project_is_that_of_the_source_behind() -> None:
    source, _ = fix(make_source(), fetched=True)
    page = source.project_page(B, INDEX)
    assert page is not None
    assert [str(version) for version in page.versions] == ["3.0"]


def test_an_answer_is_not_kept_for_the_next_run() -> None:
    source, _ = fix(make_source(), fetched=True)
    assert source.answers is None
    assert source.without_requests().answers is None


def test_a_prefetch_passes_on_what_is_known_and_requests_nothing_else() -> None:
    pages: list[Sequence[ProjectPage]] = []
    found: list[Dependencies] = []
    memory = make_source()
    source, fixed = fix(memory, fetched=True)
    source.prefetch_pages(A, [fixed.location], until_found=True, then=pages.append)
    ((page,),) = pages
    source.prefetch_dependencies(page.files(0), then=found.append)
    assert [one.requires for one in found] == [("b>=2",)]

    memory = make_source()
    source, fixed = fix(memory, fetched=False)
    source.prefetch_pages(A, [fixed.location], until_found=True, then=pages.append)
    assert len(pages) == 1
    assert memory.asked_direct == []


def test_a_wheel_that_does_not_fit_is_refused_with_one_that_does() -> None:
    url = "https://files.example/a-1.0-cp39-cp39-win_amd64.whl"
    wanted = request(ArchiveUrl(url=Url(public=url)), text=f"a @ {url}")
    with pytest.raises(ResolutionError) as caught:
        check_wheels_fit([wanted], target=TARGET, source=make_source(), locate=lambda name: (INDEX,))
    text = str(caught.value)
    assert f"`a @ {url}` cannot be used on" in text
    assert "the wheel is for `cp39-cp39-win_amd64`" in text
    assert "`a==1.0`, of which https://index.example/simple/ has `a-1.0-cp311-cp311-manylinux_2_17_x86_64.whl`" in text


def test_an_index_that_does_not_answer_leaves_the_hint_out() -> None:
    url = "https://files.example/a-1.0-cp39-cp39-win_amd64.whl"
    failing = make_source(failing=frozenset({DEFAULT_INDEX}))
    with pytest.raises(ResolutionError) as caught:
        check_wheels_fit(
            [request(ArchiveUrl(url=Url(public=url)))], target=TARGET, source=failing, locate=lambda name: (INDEX,)
        )
    assert "of which" not in str(caught.value)
    with pytest.raises(FetchError):
        failing.project_page(A, INDEX)


@pytest.mark.parametrize(
    "reference",
    [
        ArchiveUrl(url=Url(public=A_URL)),
        ArchiveUrl(url=Url(public="https://files.example/a-1.0.tar.gz")),
        LocalPath(path="/srv/a"),
        LocalPath(path="C:\\wheels\\a-1.0-py3-none-any.whl"),
        VcsReference(url=Url(public="https://git.example/a.whl")),
    ],
)
def test_a_fitting_wheel_or_anything_else_than_a_wheel_passes(reference: DirectReference) -> None:
    def locate(name: NormalizedName) -> tuple[Location, ...]:
        raise AssertionError(name)

    check_wheels_fit([request(reference)], target=TARGET, source=make_source(), locate=locate)
