from __future__ import annotations

from packaging.utils import NormalizedName
from packaging.version import Version

from resolver.errors import Position
from resolver.index.distribution_file import DirectRequest, DistributionFile
from resolver.index.package_source import DelegatingSource, PackageSource
from resolver.requirements.direct_reference import parse_reference
from tests.solve.memory_source import DEFAULT_INDEX, MemorySource, Release, index_location

TORCH = NormalizedName("torch")
WHEEL = "https://files.example/torch-2.0-py3-none-any.whl"


def build_sources() -> tuple[MemorySource, PackageSource]:
    """A source with one project, and one that delegates to it."""
    release = Release(name=TORCH, version="2.0", requires=("six",))
    source = MemorySource(
        releases={DEFAULT_INDEX: [release]}, direct_releases={WHEEL: release}, measured={"2.0": "75 80"}
    )
    return source, DelegatingSource(source)


def find_file(source: PackageSource) -> DistributionFile:
    page = source.project_page(TORCH, index_location())
    assert page is not None
    return page.files(0)[0]


def test_delegating_source_has_every_member_of_the_contract_itself() -> None:
    members = {name for name in vars(PackageSource) if not name.startswith("_")}
    assert members == {name for name in vars(DelegatingSource) if not name.startswith("_")}


def test_delegating_source_answers_as_the_other_does() -> None:
    source, delegating = build_sources()
    file = find_file(delegating)
    request = DirectRequest(
        position=Position(item=0), text=WHEEL, reference=parse_reference(WHEEL, variables={}).direct
    )
    assert file == find_file(source)
    assert delegating.dependencies(file) == source.dependencies(file)
    assert delegating.complete(file) == source.complete(file)
    assert delegating.direct(request).version == Version("2.0")
    assert delegating.kernels(file) == "75 80"
    assert delegating.answers is None
    assert delegating.without_requests() is source


def test_delegating_source_passes_prefetches_on() -> None:
    source, delegating = build_sources()
    found: list[object] = []
    delegating.prefetch_pages(TORCH, [index_location()], until_found=True, then=found.append)
    file = find_file(delegating)
    delegating.prefetch_dependencies([file], then=found.append)
    delegating.prefetch_completion([file])
    assert source.ahead == ["torch", file.filename]
    assert len(found) == 2
