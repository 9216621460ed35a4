from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from packaging.utils import NormalizedName
from packaging.version import Version

from lockfiles import Lockfile, dumps, loads
from resolver.errors import HashMismatchError
from resolver.index.distribution_file import Commit, DistributionFile
from resolver.locking.document import RecordedInputs, build_lockfile
from resolver.locking.old_lock import (
    Upgrade,
    check_against_old,
    check_build_pins,
    find_kept_build_versions,
    find_kept_commits,
    find_kept_versions,
    find_known_hashes,
)
from resolver.requirements.entry import VcsReference
from resolver.requirements.url import Url
from resolver.solve.resolution import Pin, Resolution
from tests.lock_samples import CANONICAL, FILES, REQUIREMENTS, SETTINGS, TARGET, build_file, build_pin, build_resolution


def lock(resolution: Resolution | None = None, **fields: Any) -> Lockfile:
    """The lock of a resolution, the sample one by default."""
    inputs = RecordedInputs(layers=CANONICAL, settings=SETTINGS)
    return build_lockfile(
        resolution or build_resolution(), target=TARGET, requirement_list=REQUIREMENTS, inputs=inputs, **fields
    )


def relocked(**changes: Any) -> Resolution:
    """The sample resolution with another first pin."""
    first, second = build_resolution().pins
    return Resolution(pins=(replace(first, **changes), second))


def renewed_file(**changes: Any) -> DistributionFile:
    pin: Pin = build_resolution().pins[0]
    return replace(pin.file, **changes)


def test_the_versions_of_an_old_lock_are_find_kept_versions() -> None:
    assert find_kept_versions(lock()) == {"anyio": Version("4.4.0"), "idna": Version("3.7")}


def test_a_project_that_an_old_lock_has_twice_is_no_preference() -> None:
    text = dumps(replace(lock(), tool=None)).replace(
        'name = "idna"\nversion', 'name = "idna"\nmarker = "os_name == \'nt\'"\nversion'
    )
    twice = loads(text + '[[packages]]\nname = "idna"\nversion = "3.6"\nmarker = "os_name == \'posix\'"\n'
                  f'sdist = {{ url = "{FILES}/idna-3.6.tar.gz", hashes = {{ sha256 = "{"c" * 64}" }} }}\n')  # fmt: skip
    assert find_kept_versions(twice) == {"anyio": Version("4.4.0")}


def test_an_old_lock_knows_hashes_by_url_and_size() -> None:
    assert find_known_hashes([lock()]) == {
        f"{FILES}/anyio-4.4.0-py3-none-any.whl": (100, "a" * 64),
        f"{FILES}/idna-3.7.tar.gz": (100, "b" * 64),
    }


def test_hashes_of_a_released_project_or_an_edited_lock_are_not_known() -> None:
    released = find_known_hashes([lock()], Upgrade(names=frozenset({NormalizedName("anyio")})))
    assert list(released) == [f"{FILES}/idna-3.7.tar.gz"]
    assert find_known_hashes([lock()], Upgrade(everything=True)) == {}
    assert find_known_hashes([None, replace(lock(), is_edited=True)]) == {}


def test_a_url_about_which_old_locks_differ_is_not_known() -> None:
    other = lock(relocked(file=renewed_file(hashes=(f"sha256:{'c' * 64}",))))
    assert list(find_known_hashes([lock(), other])) == [f"{FILES}/idna-3.7.tar.gz"]


def test_a_released_project_keeps_no_version() -> None:
    assert find_kept_versions(lock(), Upgrade(names=frozenset({NormalizedName("anyio")}))) == {"idna": Version("3.7")}
    assert find_kept_versions(lock(), Upgrade(everything=True)) == {}
    assert find_kept_versions(None) == {}


def test_a_commit_is_kept_by_url_revision_and_subdirectory() -> None:
    url = "https://host.example/b.git"
    origin = Commit(url=url, commit_id="1" * 40, requested_revision="main", subdirectory="sub")
    old = lock(relocked(file=renewed_file(url=url, origin=origin)))
    reference = VcsReference(url=Url(public=url), revision="main", subdirectory="sub")
    assert find_kept_commits(old) == {reference: "1" * 40}
    assert find_kept_commits(old, Upgrade(names=frozenset({NormalizedName("anyio")}))) == {}


def test_a_released_project_releases_what_its_build_installs() -> None:
    name, tool = NormalizedName("idna"), build_pin(build_file("flit_core-3.9-py3-none-any.whl", "3.9"))
    old = lock(build_pins={name: (tool,)})
    assert find_kept_build_versions(old) == {name: {tool.name: Version("3.9")}}
    assert find_kept_build_versions(old, Upgrade(names=frozenset({tool.name}))) == {name: {}}
    assert find_kept_build_versions(old, Upgrade(names=frozenset({name}))) == {}


def test_a_wheel_of_a_build_with_another_hash_is_refused() -> None:
    name, tool = NormalizedName("idna"), build_pin(build_file("flit_core-3.9-py3-none-any.whl", "3.9"))
    old = lock(build_pins={name: (tool,)})
    check_build_pins({name: (tool,)}, old)
    changed = replace(tool, file=replace(tool.file, hashes=(f"sha256:{'c' * 64}",)))
    with pytest.raises(HashMismatchError, match="which a build needs, is not the file that was locked"):
        check_build_pins({name: (changed,)}, old)
    check_build_pins({name: (changed,)}, old, upgrade=Upgrade(names=frozenset({name})))


def test_the_same_files_pass_against_the_old_lock() -> None:
    check_against_old(build_resolution(), lock())


def test_a_released_project_may_have_another_file() -> None:
    changed = relocked(file=renewed_file(hashes=(f"sha256:{'c' * 64}",)))
    check_against_old(changed, lock(), upgrade=Upgrade(names=frozenset({NormalizedName("anyio")})))


def test_the_same_file_with_another_hash_is_refused_with_both() -> None:
    with pytest.raises(HashMismatchError) as caught:
        check_against_old(relocked(file=renewed_file(hashes=(f"sha256:{'c' * 64}",))), lock())
    assert str(caught.value) == (
        "`anyio-4.4.0-py3-none-any.whl` is not the file that was locked: index `https://index.example/simple/` now has "
        "another one of this name\n"
        f"  locked: sha256 {'a' * 64}\n"
        f"  found:  sha256 {'c' * 64}\n"
        "  try: find out why it was replaced; `--upgrade-package anyio` accepts the new file"
    )
    assert (caught.value.filename, caught.value.expected, caught.value.found) == (
        "anyio-4.4.0-py3-none-any.whl",
        "a" * 64,
        "c" * 64,
    )


def test_a_file_that_moved_within_its_index_is_still_the_same_file() -> None:
    moved = renewed_file(url=f"{FILES}/new/anyio-4.4.0-py3-none-any.whl", hashes=(f"sha256:{'c' * 64}",))
    with pytest.raises(HashMismatchError):
        check_against_old(relocked(file=moved), lock())


def test_the_same_url_is_the_same_file_in_any_index() -> None:
    changed = renewed_file(hashes=(f"sha256:{'c' * 64}",))
    with pytest.raises(HashMismatchError) as caught:
        check_against_old(relocked(file=changed, index=None), lock())
    assert f"`{FILES}/anyio-4.4.0-py3-none-any.whl` now has another one" in str(caught.value)


def test_another_index_may_have_another_build_of_that_name() -> None:
    other = renewed_file(url="https://other.example/anyio-4.4.0-py3-none-any.whl", hashes=(f"sha256:{'c' * 64}",))
    check_against_old(relocked(file=other, index="https://other.example/simple/"), lock())


def test_another_version_is_another_file() -> None:
    newer = build_file("anyio-4.5.0-py3-none-any.whl", "4.5.0", sha256="c" * 64)
    check_against_old(relocked(file=newer, version=Version("4.5.0")), lock())
