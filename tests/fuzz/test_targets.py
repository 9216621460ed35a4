"""A short run of each target, with the same inputs in every run of CI."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.mutation import mutate
from tests.fuzz.targets import TARGETS, FuzzTarget, find_target

_NAMES = [target.name for target in TARGETS]


def _run(target: FuzzTarget, data: bytes) -> None:
    with suppress(*target.errors):
        target.run(data)


@pytest.mark.parametrize("name", _NAMES)
def test_the_corpus_is_read_or_refused(name: str) -> None:
    target = find_target(name)
    assert target.corpus
    for data in target.corpus:
        _run(target, data)


@pytest.mark.parametrize("name", _NAMES)
def test_something_of_each_corpus_is_read(name: str) -> None:
    target = find_target(name)
    refused = 0
    for data in target.corpus:
        try:
            target.run(data)
        except target.errors:
            refused += 1
    assert refused < len(target.corpus)


@pytest.mark.parametrize("name", _NAMES)
@given(data=st.data())
@settings(max_examples=60)
def test_no_edit_of_an_input_makes_a_parser_fail(name: str, data: st.DataObject) -> None:
    target = find_target(name)
    corpus = target.corpus

    def choose(count: int) -> int:
        return data.draw(st.integers(0, count - 1))

    _run(target, mutate(corpus[choose(len(corpus))], words=target.words, others=corpus, choose=choose))
