"""Requirement files as pip reads them (pip: Requirements File Format): bytes or text in, statements out.

In: the bytes of a file, its text, or statements with `-r` and `-c`. Out: text; statements with their lines; the same
statements with the content of included files in place of `-r` and `-c`. Files are read through the caller's `ReadFile`,
which resolves relative references, so nothing here touches the disk.

pip ignores some flags and words without a message. Here each of them is a fault, because its author expects an effect.
"""

from __future__ import annotations

import codecs
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from lockfiles._values import compile_later
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
from resolver.requirements.url import expand_line, expand_start, find_set

__all__ = [
    "BUILDS",
    "ReadFile",
    "check_length",
    "decode_requirement_file",
    "include_files",
    "read_statements",
    "split_tail",
]

ReadFile = Callable[[str, str], tuple[str, str]]
"""A function that reads an included file. Raises OSError or SourceError.

Its arguments are the reference as written, and the name of the file or list that contains it; a relative reference is
relative to that file. It returns the name of the file for messages, always the same for one file, and its text.
"""

BUILDS = "builds"
"""What a binding has in the place of a host for a variable in `--config-settings`."""
LOCK = "lock"
"""The same for a variable whose value is locked: in a version, a marker or a hash."""

# What a line has before extras, specifier, URL, marker or flags, and nothing of a path.
_PROJECT_NAME = compile_later(r"[^\s\[\]=<>!~;@(),/\\]+(?=[\s\[=<>!~;@(]|$)")
# Extras after such a name, and the values of `--trusted-host`, `--no-binary` and `--only-binary`, also abbreviated.
_EXTRAS = compile_later(r"[^\s\[\]=<>!~;@(),/\\]+\s*\[([^\]]*)")
_NAMING_FLAG = compile_later(r"(?:^|\s)--(?:t|no-b|o)[a-z-]*[=\s]\s*(\S*)")
# `--config-settings`, also abbreviated, in a line without the quoting of a shell.
_CONFIG_SETTING = compile_later(r"(?:^|\s)(?:-C|--conf)(.*)", re.DOTALL)
_QUOTING = compile_later(r"[\"'\\]")
# A word of a requirement that is a URL or a path.
_PLACE = compile_later(r"[/\\]|^git\+|^\.")
# A `#` at the start or after white space: others belong to a URL.
_COMMENT = compile_later(r"(?:^|(?<=\s))#.*$")
# `-e` or `--editable` with its value, and the `;` before a marker: `-e ./folder ; python_version < "3.13"`.
_EDITABLE_MARKER = compile_later(r"((?:-e|--editable(?=[=\s]))[^;]*+)(;\s*+)(.*+)", re.DOTALL)
# The comment of PEP 263.
_ENCODING = compile_later(rb"coding[:=]\s*([-\w.]+)")

# UTF-32 first: its little-endian mark begins with that of UTF-16.
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
)
# Limits for lists that include files without end, and for lines that take minutes to parse (a project with 500 hashes
# has 40,000 characters). Real lists stay far below all three.
_DEEPEST_NESTING = 50
_MOST_INCLUSIONS = 1000
_LONGEST_LINE = 65_536


def decode_requirement_file(data: bytes) -> str:
    """The text of a requirement file, by its byte order mark, else its PEP 263 comment, else as UTF-8.

    The locale never counts, so that a list means the same on each machine. Raises SourceError if the encoding is
    unknown, or is not that of the content.
    """
    mark, encoding = next(((m, e) for m, e in _BYTE_ORDER_MARKS if data.startswith(m)), (b"", ""))
    encoding = encoding or _find_named_encoding(data) or "utf-8"
    try:
        return data[len(mark) :].decode(encoding)
    except LookupError:
        what, remedy = f"`{encoding}`, which the file names as its encoding, is no text encoding", ""
    except ValueError:
        what = f"the file is no {encoding} text"
        remedy = "save it as UTF-8, or name its encoding in the first line: `# -*- coding: latin-1 -*-`"
    # Raised outside of the handlers: the decoder's error holds the content of the file, which may hold credentials.
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
    """The statements of a file, in order; lines that cannot be used are added to `faults`.

    `included_by` is the position of the `-r` or `-c` that includes it; `constraint` is true for a file of `-c`.
    """
    for number, line in _iter_logical_lines(text):
        position = Position(source=source, line=number, included_by=included_by)
        # Variables are expanded before flags are read, so one may hold the value of a flag, as with pip.
        try:
            check_length(line)
            _check_variables(line, variables)
            yield from _read_line(expand_line(line, variables), position, constraint=constraint)
        except Refusal as refusal:
            faults.add(position, refusal)


def check_length(line: str) -> None:
    """Raise Refusal for a logical line or an item that is longer than any real one. It is not quoted."""
    if len(line) > _LONGEST_LINE:
        raise Refusal(f"a requirement of {len(line)} characters", why=f"a line or item has at most {_LONGEST_LINE}")


def split_tail(line: str) -> tuple[str, str]:
    """The requirement at the start of a line, and its flags, from the first word that begins with `-` (pip's rule)."""
    words = line.split(" ")
    start = next((index for index, word in enumerate(words) if word.startswith("-")), len(words))
    return " ".join(words[:start]).strip(), " ".join(words[start:]).strip()


def include_files(
    statements: Iterable[Statement],
    *,
    read_file: ReadFile | None,
    variables: Mapping[str, str],
    faults: FaultCollector,
) -> Iterator[Statement]:
    """The statements in list order, with those of included files in place of each `-r` and `-c`.

    Each statement of a file has the number of the outermost inclusion that it comes from. Faults are added to `faults`.
    `read_file` None means that there is no folder to read from, so each `-r` is a fault.
    """
    inclusion = _Inclusion(read_file=read_file, variables=variables, faults=faults)
    for number, statement in enumerate(statements):
        if isinstance(statement, FlagUse) and statement.flag.reach is FlagReach.FILE:
            yield from (replace(inner, inclusion=number) for inner in inclusion.iter_all([statement]))
        else:
            yield statement


def _find_named_encoding(data: bytes) -> str | None:
    """The encoding that a comment in one of the first two lines names (PEP 263)."""
    for line in data.split(b"\n")[:2]:
        if line.startswith(b"#") and (match := _ENCODING.search(line)):
            return match[1].decode("ascii", "replace")
    return None


def _iter_logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Logical lines, without comments, with the number of their first line.

    Continued lines are joined. A comment ends a continuation, and a backslash at the end of a comment continues nothing
    (both as in pip).
    """
    start, joined = 0, ""
    for number, line in enumerate(text.splitlines(), start=1):
        start = start or number
        # The number of a logical line is that of its first line.
        is_comment = line.lstrip().startswith("#")
        if line.endswith("\\") and not is_comment:
            joined += line.strip("\\")
            continue
        yield from _strip_comment(start, joined + (f" {line}" if is_comment else line))
        start, joined = 0, ""
    if joined:
        yield from _strip_comment(start, joined)


def _strip_comment(number: int, line: str) -> Iterator[tuple[int, str]]:
    """The line without its comment; nothing for a line that is empty then."""
    stripped = _COMMENT.sub("", line).strip()
    if stripped:
        yield number, stripped


def _check_variables(line: str, variables: Mapping[str, str]) -> None:
    """Raise Refusal for a variable that is in no URL and is sent, locked or given to a build all the same.

    Variables without the rule `may_send` are the user's own wherever they are written.
    """
    may_send = getattr(variables, "may_send", None)
    if may_send is None or "${" not in line:
        return
    name = None if line.startswith("-") else _PROJECT_NAME.match(line)
    whole = "" if name is None or "://" in variables.get(name[0][2:-1], "") else name[0]
    if find_set(whole, variables):
        raise Refusal(
            f"a variable in the name of a project is not expanded: `{whole}`",
            why="the name is sent to each index",
            remedy="write the name out",
        )
    unquoted = _QUOTING.sub("", line)
    for part in (_EXTRAS.match(line), *_NAMING_FLAG.finditer(unquoted)):
        if part is not None and find_set(part[1], variables):
            raise Refusal(
                f"a variable in an extra, or in the name after a flag, is not expanded: `{part[1]}`",
                why="its value would be locked and shown",
                remedy="write it out",
            )
    _check_bindings(line, variables, may_send)


def _check_bindings(line: str, variables: Mapping[str, str], may_send: Callable[[str, str, str], bool]) -> None:
    """Raise Refusal for a variable that is locked or given to a build, and is not bound to that."""
    setting = _CONFIG_SETTING.search(_QUOTING.sub("", line))
    words = [] if line.startswith("-") else _CONFIG_SETTING.sub("", line).split()
    locked = [word for word in words if not _PLACE.search(word) and expand_start(word, variables) == word]
    for variable in find_set(" ".join(locked), variables):
        if not may_send(variable, "", LOCK):
            raise Refusal(
                f"the value of the variable `{variable}` would be in the lock and in messages",
                why="in a version, a marker or a hash it is a part of the list",
                remedy=f"write it out, or `--allow-variable {variable}={LOCK}`",
            )
    for variable in () if setting is None else find_set(setting[1], variables):
        if not may_send(variable, "", BUILDS):
            raise Refusal(
                f"the variable `{variable}` would be given to a build",
                why="a build can send it to any host",
                remedy=f"`--allow-variable {variable}={BUILDS}`, if the code that is built may see it",
            )


def _read_line(line: str, position: Position, *, constraint: bool) -> Iterator[Statement]:
    """The statements of one logical line: a requirement with its flags, an editable, or flags. Raises Refusal."""
    # pip splits the requirement off by spaces, and only the rest by the rules of a shell.
    requirement, tail = split_tail(line)
    tail, marker = _split_editable_marker(tail)
    uses = _read_line_flags(tail, position)
    if requirement:
        _check_tail(uses)
        yield RequirementUse(position=position, text=requirement, constraint=constraint, line_flags=tuple(uses))
        return
    editables = [use for use in uses if use.flag.reach is FlagReach.REQUIREMENT]
    if editables:
        yield _read_editable(uses, editables[0], marker, constraint=constraint)
        return
    _check_flag_line(uses)
    yield from uses


def _split_editable_marker(tail: str) -> tuple[str, str]:
    """The flags of a line, and the marker of its `-e` with the `;` before it; empty without one.

    A marker is not split as a shell would do it, because its quotation marks are part of it. pip drops a marker here
    without a message; pinfold reads it as uv does.
    """
    match = _EDITABLE_MARKER.fullmatch(tail)
    # A `;` inside quotation marks is part of the value of `-e`.
    if match is None or match[1].count('"') % 2 or match[1].count("'") % 2:
        return tail, ""
    marker, flags = split_tail(match[3])
    before = match[1].rstrip()
    return f"{before} {flags}".rstrip(), f"{match[1][len(before) :]}{match[2]}{marker}"


def _read_line_flags(tail: str, position: Position) -> list[FlagUse]:
    """The flags of a line, split as a shell splits words. Raises Refusal."""
    try:
        words = shlex.split(tail)
    except ValueError as error:
        raise Refusal("a quotation mark is not closed", remedy="close it") from error
    # A flag may take the next word as its value, so words are removed one after the other.
    uses = []
    while words:
        spelling, value = _split_spelling(words.pop(0))
        flag = find_file_flag(spelling)
        uses.append(FlagUse(position=position, flag=flag, value=_take_value(flag, spelling, value, words)))
    return uses


def _split_spelling(word: str) -> tuple[str, str | None]:
    """The flag and the attached value of a word: `--flag=value`, `-fvalue`; None without an attached value.

    Raises Refusal for a word that is no flag.
    """
    if word.startswith("--"):
        spelling, equals, value = word.partition("=")
        return spelling, value if equals else None
    if word == "-":
        raise Refusal("`-` is no flag", why="a list is no YAML", remedy="remove the dash")
    if not word.startswith("-"):
        raise Refusal(
            f"`{word}` follows a flag that takes no more values",
            why="pip ignores it silently",
            remedy="give it a line of its own",
        )
    return word[:2], word[2:] or None


def _take_value(flag: Flag, spelling: str, attached: str | None, words: list[str]) -> str:
    """The value of a flag: the attached one, or the next word, which is removed from `words`. Empty for a switch.

    A word that begins with `-` is the next flag, except after flags such as `--config-settings`, whose value may begin
    so. Raises Refusal for a missing value, and for the value of a switch.
    """
    if not flag.value:
        if attached is not None:
            raise Refusal(f"`{spelling}` takes no value", remedy=f"write `{flag.name}` alone")
        return ""
    value = attached if attached is not None else (words.pop(0) if words else "")
    is_flag = attached is None and value.startswith("-") and flag.reach is not FlagReach.LINE
    if not value or is_flag:
        raise Refusal(f"`{spelling}` has no value", remedy=f"write `{flag.name} {flag.value}`")
    return value


def _read_editable(uses: list[FlagUse], editable: FlagUse, marker: str, *, constraint: bool) -> RequirementUse:
    """The requirement of `-e` with its `marker`, which is empty or begins with `;`, and the other flags of its line.

    Raises Refusal for flags that pip ignores.
    """
    others = [use for use in uses if use is not editable]
    _check_tail(others)
    # `--config-settings` are allowed: they are for the build of the source tree.
    if any(use.flag.name == "--hash" for use in others):
        raise Refusal("`--hash` after an editable requirement", why="a source tree has no hash, and pip drops it")
    return RequirementUse(
        position=editable.position,
        text=f"{editable.value}{marker}",
        editable=True,
        constraint=constraint,
        line_flags=tuple(others),
    )


def _check_tail(uses: list[FlagUse]) -> None:
    """Raise Refusal for flags after a requirement that pip would ignore without a message."""
    dropped = [use.flag.name for use in uses if use.flag.reach is not FlagReach.LINE]
    if dropped:
        names = ", ".join(f"`{name}`" for name in dict.fromkeys(dropped))
        raise Refusal(
            f"{names} after a requirement in the same line",
            why="pip ignores all flags but `--hash` and `--config-settings` there",
            remedy="give each flag a line of its own",
        )


def _check_flag_line(uses: list[FlagUse]) -> None:
    """Raise Refusal for flags of one line of which pip would ignore some without a message."""
    for use in uses:
        if use.flag.reach is FlagReach.LINE:
            raise Refusal(
                f"`{use.flag.name}` is on a line without a requirement",
                why="it belongs to one requirement",
                remedy="put it at the end of the line of its requirement",
            )
    # pip reads one inclusion, and one `--find-links`, of a line.
    includes = [use for use in uses if use.flag.reach is FlagReach.FILE]
    find_links = [use for use in uses if use.flag.name == "--find-links"]
    if len(find_links) > 1 or (includes and len(uses) > 1):
        raise Refusal(
            f"`{(includes or find_links)[0].flag.name}` and another flag in one line",
            why="pip reads only one of them, and ignores the others",
            remedy="give each flag a line of its own",
        )


class _Inclusion:
    """The inclusions of one layer and their number, which grows exponentially if each file includes two more."""

    def __init__(self, *, read_file: ReadFile | None, variables: Mapping[str, str], faults: FaultCollector) -> None:
        self._read_file = read_file
        self._variables = variables
        self._faults = faults
        self._count = 0

    def iter_all(self, statements: Iterable[Statement]) -> Iterator[Statement]:
        """The statements, with those of included files in their place, depth first."""
        for statement in statements:
            if not isinstance(statement, FlagUse) or statement.flag.reach is not FlagReach.FILE:
                yield statement
            # The first inclusion above the limit adds the fault; all others are skipped.
            elif self._count <= _MOST_INCLUSIONS:
                yield from self._iter_file(statement)

    def _iter_file(self, use: FlagUse) -> Iterator[Statement]:
        """The statements of the file that a flag names; a fault and nothing else if it cannot be read."""
        self._count += 1
        try:
            if self._count > _MOST_INCLUSIONS:
                raise Refusal(
                    f"the list includes files more than {_MOST_INCLUSIONS} times",
                    why="a file counts each time that it is included",
                    remedy="include each file once",
                )
            name, text = _read_included_file(use, self._read_file)
        except Refusal as refusal:
            self._faults.add(use.position, refusal)
            return
        # As with pip, the file of an `-r` inside a constraint file holds requirements, not constraints.
        inner = read_statements(
            text,
            source=name,
            variables=self._variables,
            included_by=use.position,
            constraint=use.flag.name == "--constraint",
            faults=self._faults,
        )
        for statement in self.iter_all(inner):
            is_ignored = use.flag.name == "--constraint" and isinstance(statement, FlagUse)
            yield replace(statement, constraint=True) if is_ignored else statement


def _read_included_file(use: FlagUse, read_file: ReadFile | None) -> tuple[str, str]:
    """The name and text of the file that a flag names.

    Raises Refusal for a file that cannot be read, includes itself, or is nested too deep.
    """
    reference = use.value
    if read_file is None:
        raise Refusal(f"`{use.flag.name} {reference}`", why="there is no folder to read files from here")
    try:
        name, text = read_file(use.value, use.position.source)
    except OSError as error:
        raise Refusal(f"`{reference}` cannot be read", why=render_os_error(error), remedy="correct its name") from error
    except SourceError as error:
        raise Refusal(f"`{reference}` cannot be read", why=error.what, remedy=error.remedy) from error
    # The same file has the same name, so a name that occurs twice in the chain is a cycle.
    chain = list(_iter_sources(use.position))
    if name in chain:
        raise Refusal(f"`{name}` includes itself", why=_describe_cycle(name, chain), remedy="remove one of the two")
    if len(chain) > _DEEPEST_NESTING:
        raise Refusal(f"files are nested more than {_DEEPEST_NESTING} deep", remedy="remove some of the inclusions")
    return name, text


def _iter_sources(position: Position | None) -> Iterator[str]:
    """The files that include each other up to a position, innermost first. An item of a list is in no file."""
    while position is not None:
        if position.line is not None or position.item is None:
            yield position.source
        position = position.included_by


def _describe_cycle(name: str, chain: list[str]) -> str:
    """How a file includes itself: `a` includes `b` includes `a`."""
    circle = [*reversed(chain[: chain.index(name) + 1]), name]
    return " includes ".join(f"`{file}`" for file in circle)
