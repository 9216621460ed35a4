from __future__ import annotations

import pytest

from resolver.requirements.agreement import is_same_source
from resolver.requirements.direct_reference import parse_reference

ZEROS, ONES = "0" * 64, "1" * 64
WHEEL = "https://files.example/a-1.0-py3-none-any.whl"


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (WHEEL, WHEEL, True),
        (WHEEL, f"{WHEEL}#sha256={ZEROS}", True),
        (f"{WHEEL}#sha256={ZEROS}", f"{WHEEL}#md5={ONES[:32]}", True),
        (f"{WHEEL}#sha256={ZEROS}", f"{WHEEL}#sha256={ONES}", False),
        (f"{WHEEL}#sha256={ZEROS}&sha256={ONES}", f"{WHEEL}#sha256={ONES}", True),
        (WHEEL, WHEEL.replace("1.0", "2.0"), False),
        ("https://me:secret@files.example/a.zip", "https://files.example/a.zip", True),
        ("https://files.example/a.zip#subdirectory=x", "https://files.example/a.zip", False),
        ("git+https://git.example/a@v1", "git+https://git.example/a@v1#egg=a", True),
        ("git+https://git.example/a@v1", "git+https://git.example/a@v2", False),
        ("git+https://git.example/a", "https://git.example/a", False),
        ("./a", "./a", True),
        ("./a", "./b", False),
    ],
)
def test_references_agree_where_neither_says_anything_against_the_other(one: str, other: str, expected: bool) -> None:
    first, second = (parse_reference(text, variables={}).direct for text in (one, other))
    assert (is_same_source(first, second), is_same_source(second, first)) == (expected, expected)
