"""TOML and JSON that may be anybody's: documents in, plain values out, or one error.

In: the text or bytes of a lock, of settings, of logins, of a page. Out: what `tomllib` or `json` makes of it, or a
`DocumentError`, whatever the parser raises: it may also be that of a number of more than 4,300 digits, of nesting that
is too deep, of bytes that are no UTF-8. This is the one place that calls these parsers for documents of others, since
both need limits: `tomllib` takes quadratic time for a key of many parts, and values of three characters in JSON take
hundreds of bytes of memory. It is private to this repository, and both packages use it.
"""

from __future__ import annotations

from typing import Any

from lockfiles._values import compile_later

__all__ = ["VALUE_LIMIT", "DocumentError", "check_value_count", "parse_json", "parse_toml"]

VALUE_LIMIT = 2_000_000
"""The most values of a JSON document: those of a project page with 140,000 files. A value of a few characters may take
240 bytes of memory, so that a document of 64 MiB could take more than 2 GB."""

_KEY_PARTS_LIMIT = 32
_KEY_PART = compile_later(r"""[A-Za-z0-9_-]++|"[^"]*+"|'[^']*+'""")
_KEY = compile_later(rf"(?:{_KEY_PART.pattern})(?:[ \t]*+\.[ \t]*+(?:{_KEY_PART.pattern}))*+")

# The end of a message of `tomllib`.
_POSITION = compile_later(r" \(at (?:line ([0-9]+), column ([0-9]+)|end of document)\)$")


class DocumentError(ValueError):
    """The document cannot be read. The text describes the fault; `line` and `column` are None where they are unknown.

    The message of a parser may quote a part of the document.
    """

    def __init__(self, what: str, *, line: int | None = None, column: int | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.line = line
        self.column = column


def parse_toml(data: bytes | str) -> dict[str, Any]:
    """The table that a TOML document is. Raises DocumentError."""
    # Lazy: many runs read no TOML.
    import tomllib

    text = data if isinstance(data, str) else _decode(data, "utf-8")
    _check_keys(text)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _explain(text, error) from error
    except (RecursionError, MemoryError) as error:
        raise DocumentError("it is nested too deep") from error
    except (ValueError, OverflowError) as error:
        # Python converts no integer of more than 4,300 digits.
        raise DocumentError("it holds a number that is too long to be read") from error


def parse_json(data: bytes | str) -> Any:
    """The value that a JSON document is. Raises DocumentError."""
    # Lazy, as above.
    import json

    check_value_count(data)
    # Decoded first, since `json` would take bytes with a zero for UTF-16.
    text = data if isinstance(data, str) else _decode(data, "utf-8-sig")
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise DocumentError(error.msg, line=error.lineno, column=error.colno) from error
    except (RecursionError, MemoryError) as error:
        raise DocumentError("it is nested too deep") from error
    except ValueError as error:
        raise DocumentError("it holds a number that is too long to be read") from error


def check_value_count(data: bytes | str) -> None:
    """Raise DocumentError for JSON that may have more values than the limit.

    Each value but the first follows one of three characters. They may be in texts too, so the count is an upper bound;
    a document of fewer characters is not counted.
    """
    if len(data) <= VALUE_LIMIT:
        return
    count = sum(map(data.count, "[{,")) if isinstance(data, str) else sum(map(data.count, (b"[", b"{", b",")))
    if count > VALUE_LIMIT:
        raise DocumentError(f"it has more than {VALUE_LIMIT} values")


def _decode(data: bytes, encoding: str) -> str:
    """The text of UTF-8. Raises DocumentError with the place of the first fault."""
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        raise DocumentError("it is no UTF-8 text", line=line, column=column) from error


def _check_keys(text: str) -> None:
    """Raise DocumentError for a key of more than 32 parts. What is no key of that length is left to the parser."""
    if text.count(".") < _KEY_PARTS_LIMIT:
        return
    for number, line in enumerate(text.split("\n"), start=1):
        if line.count(".") < _KEY_PARTS_LIMIT:
            continue
        for key in _KEY.finditer(line):
            if sum(1 for _ in _KEY_PART.finditer(key[0])) > _KEY_PARTS_LIMIT:
                what = f"a key of more than {_KEY_PARTS_LIMIT} parts"
                raise DocumentError(what, line=number, column=key.start() + 1)


def _explain(text: str, error: ValueError) -> DocumentError:
    """The error for a message of `tomllib`, with its line and column as numbers.

    At the end of the document, where `tomllib` gives no numbers, they are counted from the text.
    """
    message = str(error)
    match = _POSITION.search(message)
    what = message[: match.start()] if match else message
    if match is not None and match[1] is not None:
        line, column = int(match[1]), int(match[2])
    else:
        line, column = text.count("\n") + 1, len(text) - text.rfind("\n")
    return DocumentError(what[:1].lower() + what[1:], line=line, column=column)
