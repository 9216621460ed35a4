from __future__ import annotations

import tomllib
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from lockfiles import Lockfile, LockfileError, compare, digest, dumps, loads
from lockfiles.errors import InvalidLockfileError
from tests.lockfiles.samples import build_full_lock
from tests.lockfiles.strategies import locks

few = settings(max_examples=60)


@few
@given(locks())
def test_what_is_written_reads_back_equal(lock: Lockfile) -> None:
    assert loads(dumps(lock)) == lock


@few
@given(locks())
def test_writing_what_was_read_changes_nothing(lock: Lockfile) -> None:
    text = dumps(lock)
    assert dumps(loads(text)) == text
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    assert "\r" not in text


@few
@given(locks())
def test_the_order_of_packages_changes_neither_text_nor_digest(lock: Lockfile) -> None:
    turned = replace(lock, pylock=replace(lock.pylock, packages=list(lock.pylock.packages)[::-1]))
    assert dumps(turned) == dumps(lock)
    assert digest(turned) == digest(lock)


@few
@given(locks())
def test_a_lock_does_not_differ_from_itself(lock: Lockfile) -> None:
    assert not compare(lock, loads(dumps(lock)))
    assert str(compare(lock, lock)) == ""


@few
@given(locks(), locks())
def test_locks_differ_exactly_when_their_texts_do(old: Lockfile, new: Lockfile) -> None:
    comparison = compare(old, new)
    assert bool(comparison) == (dumps(old) != dumps(new))
    assert bool(str(comparison)) == bool(comparison)


@few
@given(locks(), locks())
def test_turning_a_comparison_around_swaps_its_sides(old: Lockfile, new: Lockfile) -> None:
    forth, back = compare(old, new), compare(new, old)
    assert forth.added == back.removed
    assert forth.removed == back.added
    assert [(change.old, change.new) for change in forth.changed] == [
        (change.new, change.old) for change in back.changed
    ]
    for there, here in ((forth.target, back.target), (forth.settings, back.settings), (forth.other, back.other)):
        assert [(fact.key, fact.old, fact.new) for fact in there] == [(fact.key, fact.new, fact.old) for fact in here]


@few
@given(locks(), locks())
def test_another_digest_means_another_text(old: Lockfile, new: Lockfile) -> None:
    if digest(old) != digest(new):
        assert compare(old, new)


JSON = st.recursive(
    st.none().map(lambda _: 0) | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@few
@given(st.data())
def test_a_document_spoilt_anywhere_is_read_or_refused_but_never_crashes(data: st.DataObject) -> None:
    # tomli_w is the writer under test elsewhere; here it only turns a spoilt document into text.
    import tomli_w

    document = tomllib.loads(dumps(build_full_lock()))
    place = document
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        if isinstance(place[key], dict | list) and place[key] and data.draw(st.booleans()):
            place = place[key]
            continue
        place[key] = data.draw(JSON)
        break
    try:
        lock = loads(tomli_w.dumps(document))
    except LockfileError as error:
        assert error.faults
        assert all(str(fault).isprintable() for fault in error.faults)
    else:
        original = build_full_lock()
        assert bool(compare(original, lock)) == (dumps(original) != dumps(lock))
        assert digest(loads(dumps(lock))) == digest(lock)


@few
@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        loads(text)
    except LockfileError as error:
        assert not isinstance(error, InvalidLockfileError) or error.faults
