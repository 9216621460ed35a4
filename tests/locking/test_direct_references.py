"""Direct references fix the source of their projects before the search; scenarios hold the rules in the search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from packaging.utils import NormalizedName

from resolver.errors import FetchError, ListError, MetadataError
from resolver.index.distribution_file import Commit, FixedSource
from resolver.locking.direct_references import DirectSources, find_direct, find_plan_references, with_references
from resolver.locking.document import RecordedInputs, build_lockfile
from resolver.locking.old_lock import Upgrade
from resolver.requirements.entry import ArchiveUrl, RequirementList
from resolver.requirements.requirement_list import parse_requirement_list
from resolver.solve.resolution import Resolution
from tests.lock_samples import build_file, build_pin
from tests.planning.plans import make_plan
from tests.solve.memory_source import TARGET, MemorySource, Release

A_URL, B_URL = "https://files.example/a-1.0-py3-none-any.whl", "https://files.example/b-1.0-py3-none-any.whl"
COMMIT = "git+https://git.example/a@main"
A, B = NormalizedName("a"), NormalizedName("b")


def make_source(**requires: Sequence[str]) -> MemorySource:
    """A source that knows the three references; the keywords are the requirements of the two wheels."""
    direct = {
        A_URL: Release(name=A, version="1.0", requires=tuple(requires.get("a", ()))),
        B_URL: Release(name=B, version="1.0", requires=tuple(requires.get("b", ()))),
        COMMIT: Release(name=A, version="1.0"),
    }
    return MemorySource(releases={}, target=TARGET, direct_releases=direct)


def find(source: MemorySource, *items: str, overrides: Sequence[str] = ()) -> DirectSources:
    """The direct references of a list."""
    return find_direct(
        parse_requirement_list(items),
        overrides=parse_requirement_list(overrides, source="overrides").entries,
        excludes=(),
        target=TARGET,
        source=source,
        locked_commits={},
        locate=lambda name: (),
    )


def summarize(fixed: Mapping[NormalizedName, FixedSource]) -> dict[str, Any]:
    """The text of the request that fixes each project."""
    return {name: one.request.text for name, one in fixed.items()}


def test_an_entry_without_a_name_gets_that_of_its_metadata() -> None:
    found = find(make_source(), COMMIT)
    assert [entry.name for entry in found.requirement_list.entries] == [A]
    assert summarize(found.fixed) == {"a": COMMIT}


def test_entries_with_one_reference_share_one_request_with_the_hash_of_either() -> None:
    digest = f"sha256={'a' * 64}"
    found = find(make_source(), f"a @ {A_URL}", f"a @ {A_URL}#{digest}")
    (fixed,) = found.fixed.values()
    assert isinstance(fixed.request.reference, ArchiveUrl)
    assert fixed.request.reference.hashes == (digest.replace("=", ":"),)
    assert fixed.request.text == f"a @ {A_URL}"


def test_an_entry_whose_marker_is_false_is_not_fetched() -> None:
    source = make_source()
    assert find(source, f"a @ {A_URL} ; sys_platform == 'win32'").fixed == {}
    assert source.asked_direct == []


def test_the_metadata_of_a_reference_fixes_further_projects() -> None:
    found = find(make_source(a=[f"b @ {B_URL}"]), f"a @ {A_URL}")
    assert summarize(found.fixed) == {"a": f"a @ {A_URL}", "b": f"b @ {B_URL}"}
    assert found.fixed[B].request.is_followed


def test_an_overridden_project_is_not_followed() -> None:
    found = find(make_source(a=[f"b @ {B_URL}"]), f"a @ {A_URL}", overrides=["b==2"])
    assert list(found.fixed) == [A]


def test_a_constraint_is_not_fetched_before_the_search() -> None:
    source = make_source()
    listed = parse_requirement_list(["a", "-c", "c.txt"], read_file=lambda name, _: (name, f"a @ {A_URL}\n"))
    found = find_direct(
        listed, overrides=(), excludes=(), target=TARGET, source=source, locked_commits={}, locate=lambda name: ()
    )
    assert found.fixed[A].found is None
    assert source.asked_direct == []


def test_two_sources_of_one_project_are_refused_with_both_places() -> None:
    other = "https://files.example/other/b-1.0-py3-none-any.whl"
    source = make_source(a=[f"b @ {B_URL}"])
    source = replace(source, direct_releases={**source.direct_releases, other: Release(name=B, version="1.0")})
    with pytest.raises(ListError) as caught:
        find(source, f"a @ {A_URL}", f"b @ {other}")
    assert str(caught.value) == (
        f"requirements[0]: `a @ {A_URL}`, whose metadata needs `b @ {B_URL}`, contradicts `b @ {other}` at"
        " requirements[1]\n"
        "  because both say where `b` comes from, and it can come from one place only\n"
        "  try: keep one of the two, or name the one that is meant in an `--override` file"
    )


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("file:///etc/b-1.0-py3-none-any.whl", "metadata must not lead to files of this machine"),
        ("http://10.0.0.1/b-1.0-py3-none-any.whl", "metadata must not lead into this machine's own network"),
        ("https://files.example/${TOKEN}/b-1.0-py3-none-any.whl", "variables are expanded in the list alone"),
    ],
)
def test_metadata_may_not_lead_to_this_machine(url: str, why: str) -> None:
    with pytest.raises(ListError, match=why.replace("$", r"\$")):
        find(make_source(a=[f"b @ {url}"]), f"a @ {A_URL}")


def test_another_project_than_the_list_names_is_refused() -> None:
    with pytest.raises(MetadataError, match="is `a`, not `other`"):
        find(make_source(), f"other @ {COMMIT}")


def test_an_error_names_the_line_of_the_list() -> None:
    with pytest.raises(FetchError, match=r"requirements\[0\]"):
        find(make_source(), "c @ https://files.example/c-1.0-py3-none-any.whl")


def test_a_plan_keeps_the_commits_of_its_old_lock(tmp_path: Path) -> None:
    source = make_source()
    plan = make_plan(tmp_path, f"a @ {COMMIT}")
    assert find_plan_references(plan, source, None, Upgrade()).fixed[A].request.locked_commit is None
    origin = Commit(url="https://git.example/a", commit_id="1" * 40, requested_revision="main")
    pin = build_pin(replace(build_file("a-1.0.tar.gz", "1.0"), origin=origin))
    lock = build_lockfile(
        Resolution(pins=(pin,)),
        target=TARGET,
        requirement_list=RequirementList(layers=()),
        inputs=RecordedInputs(layers=(), settings={}),
    )
    kept = replace(plan, kept=lock)
    assert find_plan_references(kept, source, None, Upgrade()).fixed[A].request.locked_commit == "1" * 40
    released = find_plan_references(kept, source, None, Upgrade(names=frozenset({A})))
    assert released.fixed[A].request.locked_commit is None


def test_a_source_without_references_is_used_as_it_is(tmp_path: Path) -> None:
    source, plan = make_source(), make_plan(tmp_path, f"a @ {A_URL}")
    fixed = find_plan_references(plan, source, None, Upgrade()).fixed
    assert with_references(source, {}, plan, None) is source
    (page,) = [with_references(source, fixed, plan, None).project_page(A, fixed[A].location)]
    assert page is not None
    assert [str(version) for version in page.versions] == ["1.0"]
