"""The text of a requirement file, line by line, as pip reads it (pip: Requirements File Format).

In: bytes or text. Out: statements with the line they stand on. Which file a nested `-r` means is for
`resolver.requirements.requirement_file` to find out.

The files that `-r` and `-c` name, put in their place: statements in, statements without such flags out.

How a reference is resolved and read is for the caller's `read_file` to know.
"""

from __future__ import annotations

import codecs
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping

from resolver.errors import Position, SourceError, render_os_error
from resolver.requirements.flags import (
    FaultCollector,
    Flag,
    FlagReach,
    FlagUse,
    Refusal,
    RequirementUse,
    Statement,
    find_file_flag,
)
from resolver.requirements.url import expand_line

__all__ = [
    "ReadFile",
    "decode_requirement_file",
    "include_files",
    "read_line_flags",
    "read_statements",
    "split_tail",
]


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
    editables = [use for use in uses if use.flag.reach is FlagReach.REQUIREMENT]
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
    dropped = [use.flag.name for use in uses if use.flag.reach is not FlagReach.LINE]
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
        if use.flag.reach is FlagReach.LINE:
            raise Refusal(
                f"`{use.flag.name}` stands in a line without a requirement",
                why="it belongs to one requirement",
                remedy="put it at the end of the line of its requirement",
            )
    includes = [use for use in uses if use.flag.reach is FlagReach.FILE]
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
    is_flag = attached is None and value.startswith("-") and flag.reach is not FlagReach.LINE
    if not value or is_flag:
        raise Refusal(f"`{spelling}` has no value", remedy=f"write `{flag.name} {flag.value}`")
    return value


ReadFile = Callable[[str, str], tuple[str, str]]
"""From a reference as written, and the name of the file or list that it stands in, to the file's name for messages
and its text. Relative references are relative to the including file. The same file always has the same name.
Raises OSError or SourceError.
"""

_DEEPEST = 50
_MOST = 1000


def include_files(
    statements: Iterable[Statement],
    *,
    read_file: ReadFile | None,
    variables: Mapping[str, str],
    faults: FaultCollector,
) -> Iterator[Statement]:
    """The statements in list order, with those of included files in the place of each `-r` and `-c`."""
    inclusion = _Inclusion(read_file=read_file, variables=variables, faults=faults)
    yield from inclusion.iter_all(statements)


class _Inclusion:
    """The inclusions of one layer, counted: files that each include two more are soon too many."""

    def __init__(self, *, read_file: ReadFile | None, variables: Mapping[str, str], faults: FaultCollector) -> None:
        self._read_file = read_file
        self._variables = variables
        self._faults = faults
        self._count = 0

    def iter_all(self, statements: Iterable[Statement]) -> Iterator[Statement]:
        """The statements, those of included files in their place."""
        for statement in statements:
            if not isinstance(statement, FlagUse) or statement.flag.reach is not FlagReach.FILE:
                yield statement
            elif self._count <= _MOST:
                yield from self._iter_file(statement)

    def _iter_file(self, use: FlagUse) -> Iterator[Statement]:
        self._count += 1
        try:
            if self._count > _MOST:
                raise Refusal(
                    f"the list includes files more than {_MOST} times",
                    why="a file counts each time that it is included",
                    remedy="include each file once",
                )
            name, text = _read(use, self._read_file)
        except Refusal as refusal:
            self._faults.add(use.position, refusal)
            return
        # As with pip, `-r` inside a constraint file brings in requirements.
        inner = read_statements(
            text,
            source=name,
            variables=self._variables,
            included_by=use.position,
            constraint=use.flag.name == "--constraint",
            faults=self._faults,
        )
        yield from self.iter_all(inner)


def _read(use: FlagUse, read_file: ReadFile | None) -> tuple[str, str]:
    """The name and text of the file that a flag names; raises Refusal."""
    reference = use.value
    if read_file is None:
        raise Refusal(f"`{use.flag.name} {reference}`", why="there is no folder to read files from here")
    try:
        name, text = read_file(use.value, use.position.source)
    except OSError as error:
        raise Refusal(f"`{reference}` cannot be read", why=render_os_error(error), remedy="correct its name") from error
    except SourceError as error:
        raise Refusal(f"`{reference}` cannot be read", why=error.what, remedy=error.remedy) from error
    chain = list(_iter_sources(use.position))
    if name in chain:
        raise Refusal(f"`{name}` includes itself", why=_describe_cycle(name, chain), remedy="remove one of the two")
    if len(chain) > _DEEPEST:
        raise Refusal(f"files are nested more than {_DEEPEST} deep", remedy="remove some of the inclusions")
    return name, text


def _iter_sources(position: Position | None) -> Iterator[str]:
    """The files that are being read, innermost first. Items are in no file."""
    while position is not None:
        if position.line is not None or position.item is None:
            yield position.source
        position = position.included_by


def _describe_cycle(name: str, chain: list[str]) -> str:
    circle = [*reversed(chain[: chain.index(name) + 1]), name]
    return " includes ".join(f"`{file}`" for file in circle)
