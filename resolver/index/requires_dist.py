"""`Requires-Dist` lines, each parsed and evaluated once a process for one marker environment.

In: lines as core metadata has them. Out: `EvaluatedLine` values. Of all lines that a run reads about 13 % are unique
and half hold only with an extra, so results are kept: for whole lines, for requirements and for markers. A line of the
usual form is read by one regular expression instead of by `packaging`; a property test compares the two.

Standards: PEP 508 (requirements and markers), PEP 685 (names of extras).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from packaging.markers import InvalidMarker, Marker, UndefinedComparison, UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name

from lockfiles._values import compile_later, dataclass
from resolver.requirements.requirement_text import MOST_DIGITS, has_long_number
from resolver.requirements.url import redact

__all__ = ["find_memo"]

# `extra` anywhere in a marker, and the comparisons of it that name one extra.
_EXTRA = compile_later(r"\bextra\b")

_PLAIN_EXTRA = compile_later(r'\bextra (?:==|!=) "([^"]*)"|"([^"]*)" (?:==|!=) extra\b')

_ENVIRONMENT_LIMIT = 8
"""The most environments whose results are kept."""

_NAME = "[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_SPECIFIER = r"(?:[<>]=?|[=!]=|~=)[ \t]*+[0-9][0-9A-Za-z.+*!]*"

_PLAIN = compile_later(
    rf"[ \t]*+({_NAME})[ \t]*+(?:\[[ \t]*+({_NAME}(?:[ \t]*+,[ \t]*+{_NAME})*)[ \t]*+\][ \t]*+)?"
    rf"((?:{_SPECIFIER}(?:[ \t]*+,[ \t]*+{_SPECIFIER})*)?)[ \t]*+"
)
"""A requirement of the usual form, up to its marker; `packaging` reads all others."""

_WORD = compile_later(_NAME)

# The most recent environments with their memos, oldest first.
_memos: list[tuple[Mapping[str, str], RequiresDistMemo]] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluatedLine:
    """A `Requires-Dist` line, evaluated for one environment.

    `text` is the requirement without its marker. `always` means that it holds without an extra. Otherwise `extras` are
    those of the extras `named` in the marker with which it holds. `marker` and `environment` are set for a marker that
    compares extras by other operators than `==` and `!=`: then each extra of the file must be tried.
    """

    text: str
    always: bool
    named: tuple[NormalizedName, ...] = ()
    extras: tuple[NormalizedName, ...] = ()
    marker: Marker | None = None
    environment: Mapping[str, str] | None = None

    def find_extras(self, provided: Iterable[NormalizedName]) -> tuple[NormalizedName, ...]:
        """The extras, of those that the file provides, with which this requirement holds; empty if it always holds."""
        if self.marker is None or self.always:
            return self.extras
        return tuple(extra for extra in provided if self.marker.evaluate({**(self.environment or {}), "extra": extra}))


class RequiresDistMemo:
    """Evaluates lines for one environment and keeps the results.

    Several threads may use it: two of them may evaluate the same line, with the same result.
    """

    __slots__ = ("_decisions", "_environment", "_markers", "_texts")

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = dict(environment)
        self._decisions: dict[str, EvaluatedLine] = {}
        self._texts: dict[str, str] = {}
        self._markers: dict[str, EvaluatedLine] = {}

    def decide(self, line: str) -> EvaluatedLine:
        """The result for a line as written. Raises ValueError that names a line which cannot be read or evaluated."""
        found = self._decisions.get(line)
        if found is None:
            found = self._decisions[line] = self._decide(line)
        return found

    def _decide(self, line: str) -> EvaluatedLine:
        """The result for a line that has not been evaluated yet. Raises ValueError that names it."""
        if has_long_number(line):
            raise ValueError(f"a number in a `Requires-Dist` has more than {MOST_DIGITS} digits")
        try:
            plain = self._decide_plain(line)
            if plain is not None:
                return plain
            requirement = Requirement(line)
            text, marker = _render(requirement), requirement.marker
            if marker is None:
                return EvaluatedLine(text=text, always=True)
            return self._evaluate(text, marker)
        except InvalidRequirement as error:
            reason = str(error).partition("\n")[0]
            raise ValueError(f"`Requires-Dist: {redact(line)}` cannot be read: {reason}") from error
        except (UndefinedComparison, UndefinedEnvironmentName) as error:
            raise ValueError(f"the marker of `Requires-Dist: {redact(line)}` cannot be evaluated: {error}") from error
        except RecursionError as error:
            raise ValueError("the marker of a `Requires-Dist` is nested too deep") from error

    def _decide_plain(self, line: str) -> EvaluatedLine | None:
        """The result for a line of the usual form; None for any other, and for one that cannot be read.

        Requirements recur with other markers, and markers with other requirements, so each is read once.
        """
        head, separator, marker = line.partition(";")
        text = self._texts.get(head)
        if text is None:
            text = self._texts[head] = _render_plain(head)
        if not text:
            return None
        if not separator:
            return EvaluatedLine(text=text, always=True)
        decision = self._markers.get(marker)
        if decision is None:
            try:
                decision = self._markers[marker] = self._evaluate("", Marker(marker))
            except InvalidMarker:
                return None
        return replace(decision, text=text)

    def _evaluate(self, text: str, marker: Marker) -> EvaluatedLine:
        """The result for a requirement with a marker.

        Each extra that the marker compares by `==` or `!=` is tried. If it compares extras in another way as well, the
        extras of the file are tried later, by `find_extras`.
        """
        always = self._holds(marker, "")
        written = str(marker)
        count = len(_EXTRA.findall(written))
        if not count:
            return EvaluatedLine(text=text, always=always)
        pairs = _PLAIN_EXTRA.findall(written)
        named = tuple(dict.fromkeys(canonicalize_name(left or right) for left, right in pairs if left or right))
        if len(pairs) != count:
            return EvaluatedLine(text=text, always=always, named=named, marker=marker, environment=self._environment)
        extras = () if always else tuple(extra for extra in named if self._holds(marker, extra))
        return EvaluatedLine(text=text, always=always, named=named, extras=extras)

    def _holds(self, marker: Marker, extra: str) -> bool:
        """Whether a marker holds with an extra, empty for none."""
        return marker.evaluate({**self._environment, "extra": extra})


def find_memo(environment: Mapping[str, str]) -> RequiresDistMemo:
    """The memo of an environment, found by identity, since a target returns the same mapping each time."""
    for known, memo in tuple(_memos):
        if known is environment:
            return memo
    memo = RequiresDistMemo(environment)
    _memos.append((environment, memo))
    del _memos[:-_ENVIRONMENT_LIMIT]
    return memo


def _render(requirement: Requirement) -> str:
    """The requirement in canonical form without its marker."""
    name = _render_name(requirement.name, requirement.extras)
    return f"{name} @ {requirement.url}" if requirement.url else f"{name}{requirement.specifier}"


def _render_name(name: str, extras: Iterable[str]) -> str:
    """The normalized name with its extras, sorted, in brackets."""
    names = ",".join(sorted(canonicalize_name(extra) for extra in extras))
    return canonicalize_name(name) + (f"[{names}]" if names else "")


def _render_plain(head: str) -> str:
    """The text of a requirement of the usual form, without a marker, in canonical form; empty for all others."""
    match = _PLAIN.fullmatch(head)
    if match is None:
        return ""
    name, extras, specifier = match.groups()
    try:
        return f"{_render_name(name, set(_WORD.findall(extras or '')))}{SpecifierSet(specifier)}"
    except InvalidSpecifier:
        return ""
