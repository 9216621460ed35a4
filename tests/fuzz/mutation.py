"""New inputs from old ones: a few random edits of bytes, the same for the same choices.

`choose(n)` is any source of numbers below n: a random generator in a long run, and hypothesis in the test-suite, which
can then shrink what it finds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

__all__ = ["Choose", "mutate"]

Choose = Callable[[int], int]

_LONGEST = 20_000
_REPEATS = (2, 3, 10, 100, 1000, 5000)
_NUMBERS = (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\x80", b"9" * 30, b"9" * 5000, b"-1", b"1e9")
_TEXTS = ("\u202e", "\ud800", "\0", "\r", "\x85", "\u2028", "İ", "ẞ", "１", "\ufeff", "\t", "  ", "%00", "\\", "'", '"')


def mutate(data: bytes, *, words: Sequence[bytes], others: Sequence[bytes], choose: Choose) -> bytes:
    """The data after one to four edits. `words` are parts of the grammar, `others` inputs to take parts from."""
    for _ in range(1 + choose(4)):
        data = _edit(data, words, others, choose)[:_LONGEST]
    return data


def _edit(data: bytes, words: Sequence[bytes], others: Sequence[bytes], choose: Choose) -> bytes:
    start = choose(len(data) + 1)
    stop = min(len(data), start + choose((4, 16, 200)[choose(3)]))
    before, part, after = data[:start], data[start:stop], data[stop:]
    match choose(9):
        case 0:
            return before + after
        case 1:
            return before + part + part + after
        case 2:
            return before + (part or b"(") * _REPEATS[choose(len(_REPEATS))] + after
        case 3:
            return before + bytes(choose(256) for _ in range(1 + choose(4))) + after
        case 4 if part:
            return before + bytes([part[0] ^ (1 << choose(8))]) + part[1:] + after
        case 5:
            return before + _NUMBERS[choose(len(_NUMBERS))] + after
        case 6:
            return before + _TEXTS[choose(len(_TEXTS))].encode("utf-8", "surrogatepass") + after
        case 7:
            other = others[choose(len(others))]
            at = choose(len(other) + 1)
            return before + other[at : at + choose(200)] + after
        case _:
            return before + (words[choose(len(words))] if words else b"") + part + after
