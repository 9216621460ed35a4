"""The files that `-r` and `-c` name, put in their place: statements in, statements without such flags out.

How a reference is resolved and read is for the caller's `read_file` to know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from resolver.errors import SourceError, render_os_error
from resolver.requirements.flags import FlagReach
from resolver.requirements.position import Position
from resolver.requirements.refusal import FaultCollector, Refusal
from resolver.requirements.requirement_file import read_statements
from resolver.requirements.statements import FlagUse, Statement

__all__ = ["ReadFile", "include_files"]

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
            if not isinstance(statement, FlagUse) or statement.flag.serves is not FlagReach.FILE:
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
