"""The text of a requirement file, line by line, as pip reads it (pip: Requirements File Format).

In: bytes or text. Out: statements with the line they stand on. Which file a nested `-r` means is for
`resolver.requirements.inclusion` to find out.
"""

from __future__ import annotations

import codecs
import re
import shlex
from collections.abc import Iterator, Mapping

from resolver.errors import SourceError
from resolver.requirements.flags import Flag, FlagReach, find_file_flag
from resolver.requirements.position import Position
from resolver.requirements.refusal import FaultCollector, Refusal
from resolver.requirements.statements import FlagUse, RequirementUse, Statement
from resolver.requirements.variables import expand_line

__all__ = ["decode_requirement_file", "read_line_flags", "read_statements", "split_tail"]

_COMMENT = re.compile(r"(^|\s+)#.*$")
_ENCODING = re.compile(rb"coding[:=]\s*([-\w.]+)")
# UTF-32 first: its little-endian mark begins with that of UTF-16.
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
)


def decode_requirement_file(data: bytes) -> str:
    """The text of a requirement file: byte order mark, else PEP 263 comment, else UTF-8; never the locale.

    Raises SourceError where that encoding is unknown or does not fit.
    """
    mark, encoding = next(((m, e) for m, e in _BYTE_ORDER_MARKS if data.startswith(m)), (b"", ""))
    encoding = encoding or _named_encoding(data) or "utf-8"
    try:
        return data[len(mark) :].decode(encoding)
    except LookupError:
        what, remedy = f"`{encoding}`, which the file names as its encoding, is no text encoding", ""
    except ValueError:
        what = f"the file is no {encoding} text"
        remedy = "save it as UTF-8, or name its encoding in the first line: `# -*- coding: latin-1 -*-`"
    # Raised out here because the error of the decoder holds the file's content, which may hold credentials.
    raise SourceError(what, remedy=remedy)


def read_statements(
    text: str,
    *,
    source: str,
    variables: Mapping[str, str],
    included_by: Position | None,
    constraint: bool,
    faults: FaultCollector,
) -> Iterator[Statement]:
    """The statements of a file, in order; lines that cannot be used become faults."""
    for number, line in _iter_logical_lines(text):
        position = Position(source=source, line=number, included_by=included_by)
        try:
            yield from _read_line(expand_line(line, variables), position, constraint=constraint)
        except Refusal as refusal:
            faults.add(position, refusal)


def split_tail(line: str) -> tuple[str, str]:
    """The requirement at the start of a line, and the flags after it: from the first word that begins with `-`."""
    words = line.split(" ")
    start = next((index for index, word in enumerate(words) if word.startswith("-")), len(words))
    return " ".join(words[:start]).strip(), " ".join(words[start:]).strip()


def read_line_flags(tail: str, position: Position) -> list[FlagUse]:
    """The flags of a line, split as a shell would; raises Refusal."""
    try:
        words = shlex.split(tail)
    except ValueError as error:
        raise Refusal("a quotation mark is not closed", remedy="close it") from error
    uses = []
    while words:
        spelling, value = _split_spelling(words.pop(0))
        flag = find_file_flag(spelling)
        uses.append(FlagUse(position=position, flag=flag, value=_take_value(flag, spelling, value, words)))
    return uses


def _named_encoding(data: bytes) -> str | None:
    """The encoding that a comment in one of the first two lines names (PEP 263)."""
    for line in data.split(b"\n")[:2]:
        if line.startswith(b"#") and (match := _ENCODING.search(line)):
            return match[1].decode("ascii", "replace")
    return None


def _iter_logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines with continuations joined and comments gone, with the number of their first line.

    A comment ends a continuation, and a backslash at its end does not continue it.
    """
    start, joined = 0, ""
    for number, line in enumerate(text.splitlines(), start=1):
        start = start or number
        is_comment = _COMMENT.match(line) is not None
        if line.endswith("\\") and not is_comment:
            joined += line.strip("\\")
            continue
        yield from _without_comment(start, joined + (f" {line}" if is_comment else line))
        start, joined = 0, ""
    if joined:
        yield from _without_comment(start, joined)


def _without_comment(number: int, line: str) -> Iterator[tuple[int, str]]:
    stripped = _COMMENT.sub("", line).strip()
    if stripped:
        yield number, stripped


def _read_line(line: str, position: Position, *, constraint: bool) -> Iterator[Statement]:
    requirement, tail = split_tail(line)
    uses = read_line_flags(tail, position)
    if requirement:
        _check_tail(uses)
        yield RequirementUse(position=position, text=requirement, constraint=constraint, line_flags=tuple(uses))
        return
    editables = [use for use in uses if use.flag.serves is FlagReach.REQUIREMENT]
    if editables:
        yield _read_editable(uses, editables[0], constraint=constraint)
        return
    _check_flag_line(uses)
    yield from uses


def _read_editable(uses: list[FlagUse], editable: FlagUse, *, constraint: bool) -> RequirementUse:
    others = [use for use in uses if use is not editable]
    _check_tail(others)
    if any(use.flag.name == "--hash" for use in others):
        raise Refusal("`--hash` after an editable requirement", why="a source tree has no hash, and pip drops it")
    return RequirementUse(
        position=editable.position,
        text=editable.value,
        editable=True,
        constraint=constraint,
        line_flags=tuple(others),
    )


def _check_tail(uses: list[FlagUse]) -> None:
    """Refuse flags after a requirement that pip would drop without a word."""
    dropped = [use.flag.name for use in uses if use.flag.serves is not FlagReach.LINE]
    if dropped:
        names = ", ".join(f"`{name}`" for name in dict.fromkeys(dropped))
        raise Refusal(
            f"{names} after a requirement in the same line",
            why="pip drops all flags but `--hash` and `--config-settings` there, without a word",
            remedy="give each flag a line of its own",
        )


def _check_flag_line(uses: list[FlagUse]) -> None:
    """Refuse flags of one line that pip would drop without a word."""
    for use in uses:
        if use.flag.serves is FlagReach.LINE:
            raise Refusal(
                f"`{use.flag.name}` stands in a line without a requirement",
                why="it belongs to one requirement",
                remedy="put it at the end of the line of its requirement",
            )
    includes = [use for use in uses if use.flag.serves is FlagReach.FILE]
    find_links = [use for use in uses if use.flag.name == "--find-links"]
    if len(find_links) > 1 or (includes and len(uses) > 1):
        raise Refusal(
            f"`{(includes or find_links)[0].flag.name}` and another flag in one line",
            why="pip reads only one of them, without a word",
            remedy="give each flag a line of its own",
        )


def _split_spelling(word: str) -> tuple[str, str | None]:
    """A word as flag and attached value: `--flag=value`, `-fvalue`; None where no value is attached."""
    if word.startswith("--"):
        spelling, equals, value = word.partition("=")
        return spelling, value if equals else None
    if not word.startswith("-") or word == "-":
        raise Refusal(
            f"`{word}` stands after a flag that takes no more values",
            why="pip drops it without a word",
            remedy="give it a line of its own",
        )
    return word[:2], word[2:] or None


def _take_value(flag: Flag, spelling: str, attached: str | None, words: list[str]) -> str:
    """The value of a flag: attached, or the next word, which is taken from `words`."""
    if not flag.value:
        if attached is not None:
            raise Refusal(f"`{spelling}` takes no value", remedy=f"write `{flag.name}` alone")
        return ""
    value = attached if attached is not None else (words.pop(0) if words else "")
    is_flag = attached is None and value.startswith("-") and flag.serves is not FlagReach.LINE
    if not value or is_flag:
        raise Refusal(f"`{spelling}` has no value", remedy=f"write `{flag.name} {flag.value}`")
    return value
