from __future__ import annotations

import pytest

from resolver.fetch.retrying import find_delay_s

NOW = 784_111_777.0
"""Sun, 06 Nov 1994 08:49:37 GMT."""


@pytest.mark.parametrize(
    ("retry_after", "delay_s"),
    [
        (None, 1.0),
        ("3", 3.0),
        ("0", 0.0),
        ("Sun, 06 Nov 1994 08:49:47 GMT", 10.0),
        ("Sun, 06 Nov 1994 08:49:07 GMT", 0.0),
        ("Sun, 06 Nov 1995 08:49:37 GMT", 31_536_000.0),
        ("soon", 1.0),
        ("-5", 1.0),
    ],
)
def test_delay_follows_retry_after_and_else_the_attempt(retry_after: str | None, delay_s: float) -> None:
    assert find_delay_s(2, retry_after=retry_after, now=NOW) == delay_s
