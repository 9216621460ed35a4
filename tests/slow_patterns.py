"""A check of every regular expression of ours: none may take more than linear time, whatever the text.

In: the modules of both packages. Out: the expressions that are slow, with the text that shows it. An expression is read
from each call of `re` in the syntax tree, evaluated with the names of its module; texts are made from its own parts: a
beginning, a part that can be repeated, many times, and an end at which it fails. One that takes a second of processor
time on 60,000 characters is slow: linear time is a few milliseconds, quadratic time half a minute.

Tools from the package index were tried: regexploit does not know possessive quantifiers and no `search`, and redoctor
gives up on 25 of our 230 expressions.
"""

from __future__ import annotations

import ast
import importlib
import re
import re._parser as parser  # type: ignore[import-not-found]  # Not in typeshed; no public module has the parsed form.
import signal
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

__all__ = ["Expression", "find_slow_text", "list_expressions"]

_METHODS = ("match", "fullmatch", "search", "split", "findall", "finditer", "sub", "subn")
_SHORT = 4_000
_LENGTH = 60_000
_LIMIT_S = 1.0
"""Processor time for one text."""
_MOST_SAMPLES = 8


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression with its flags, the place that uses it, and whether it is searched for or must fit a whole text."""

    place: str
    pattern: str | bytes
    flags: int
    method: str


class _SlowError(Exception):
    """Raised by a timer within a match."""


def list_expressions(packages: Iterable[str]) -> tuple[list[Expression], list[str]]:
    """The expressions of all modules, and the places of those that are made at run time."""
    found, unknown = [], []
    for package in packages:
        for path in sorted(Path(package).rglob("*.py")):
            # The one is run as a script in a process of its own, and the other compiles what it is given.
            if path.name in ("evaluation_child.py", "_values.py"):
                continue
            module = importlib.import_module(".".join(path.with_suffix("").parts).removesuffix(".__init__"))
            tree = ast.parse(path.read_text(encoding="utf-8"))
            for node in ast.walk(tree):
                if _is_call(node):
                    assert isinstance(node, ast.Call)
                    try:
                        found.append(_read_call(node, module, tree, path))
                    except (NameError, AttributeError):
                        unknown.append(f"{path}: {ast.unparse(node.args[0])}")
    return found, unknown


def find_slow_text(expression: Expression) -> str | None:
    """A short description of a text that takes too long; None if none of those that are tried does."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compiled = re.compile(expression.pattern, expression.flags)
    before = signal.signal(signal.SIGVTALRM, _stop)
    try:
        for start, pump, end in _make_texts(expression):
            # Most are linear, which a short text shows: quadratic time is 8 ms for it at least.
            if not _takes(compiled, expression, start + pump * (_SHORT // len(pump)) + end, limit_s=0.004):
                continue
            if _takes(compiled, expression, start + pump * (_LENGTH // len(pump)) + end, limit_s=_LIMIT_S):
                return f"{start!r} + {pump!r} × {_LENGTH // len(pump)} + {end!r}"
    finally:
        signal.signal(signal.SIGVTALRM, before)
    return None


def _takes(compiled: re.Pattern[Any], expression: Expression, text: Any, *, limit_s: float) -> bool:
    """Whether a text takes more processor time than the limit."""
    if isinstance(expression.pattern, bytes):
        text = text.encode("latin-1", "replace")
    try:
        signal.setitimer(signal.ITIMER_VIRTUAL, limit_s)
        _apply(compiled, expression.method, text)
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    except _SlowError:
        return True
    return False


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise _SlowError


def _is_call(node: ast.AST) -> bool:
    """Whether a node calls a function of `re` that takes an expression, or `compile_later`."""
    match node:
        case ast.Call(func=ast.Name(id="compile_later"), args=[_, *_]):
            return True
        case ast.Call(func=ast.Attribute(value=ast.Name(id="re"), attr=name), args=[_, *_]):
            return name in ("compile", *_METHODS)
    return False


def _read_call(node: ast.Call, module: ModuleType, tree: ast.Module, path: Path) -> Expression:
    """The expression of a call. Raises NameError or AttributeError for one that depends on local names."""
    method = node.func.attr if isinstance(node.func, ast.Attribute) else "compile"
    flags = [keyword.value for keyword in node.keywords if keyword.arg == "flags"]
    place = {"compile": 1, "split": 9, "sub": 9, "subn": 9}.get(method, 2)
    flags += node.args[place : place + 1]
    pattern = _evaluate(node.args[0], module)
    if not isinstance(pattern, str | bytes):
        raise NameError(ast.unparse(node.args[0]))
    return Expression(
        place=f"{path}:{node.lineno}",
        pattern=pattern,
        flags=int(_evaluate(flags[0], module)) if flags else 0,
        method=method if method != "compile" else _find_use(node, tree),
    )


def _evaluate(node: ast.expr, module: ModuleType) -> Any:
    return eval(compile(ast.Expression(node), "expression", "eval"), module.__dict__)


def _find_use(node: ast.Call, tree: ast.Module) -> str:
    """The method that a compiled constant is used with in its module; the slowest of the module if it is passed on."""
    names = {
        target.id
        for statement in tree.body
        if isinstance(statement, ast.Assign) and statement.value is node
        for target in statement.targets
        if isinstance(target, ast.Name)
    }
    used = {
        one.attr
        for one in ast.walk(tree)
        if isinstance(one, ast.Attribute) and isinstance(one.value, ast.Name) and one.value.id in names
    }
    if not used:
        # The constant is passed on: any method that the module calls may be meant.
        used = {
            one.attr
            for one in ast.walk(tree)
            if isinstance(one, ast.Attribute)
            and isinstance(one.value, ast.Name)
            and one.value.id.islower()
            and one.value.id != "re"
        }
    return next((method for method in reversed(_METHODS) if method in used), "search")


def _apply(compiled: re.Pattern[Any], method: str, text: Any) -> None:
    match method:
        case "finditer" | "findall" | "split" | "sub" | "subn":
            for _ in compiled.finditer(text):
                pass
        case _:
            getattr(compiled, method)(text)


def _make_texts(expression: Expression) -> Iterator[tuple[str, str, str]]:
    """Texts as their beginning, the part to repeat, and their end."""
    pattern = expression.pattern if isinstance(expression.pattern, str) else expression.pattern.decode("latin-1")
    parsed = parser.parse(
        pattern, expression.flags & ~re.UNICODE if isinstance(expression.pattern, bytes) else expression.flags
    )
    seen = set()
    for start, pumps in _iter_repeats(parsed, ""):
        for pump in pumps:
            for begin in dict.fromkeys((start, "")):
                for end in ("", "\0!\n", pump[:1] + "\1"):
                    if pump and (begin, pump, end) not in seen:
                        seen.add((begin, pump, end))
                        yield begin, pump, end


def _iter_repeats(parsed: Any, before: str) -> Iterator[tuple[str, list[str]]]:
    """For each repetition without a small limit: a text that leads to it, and texts of what is repeated."""
    for number, (kind, value) in enumerate(parsed):
        name = str(kind)
        following = _sample_all(list(parsed)[number + 1 :])
        if name.endswith("_REPEAT") or name == "POSSESSIVE_REPEAT":
            _, most, inner = value
            if most > 100:
                samples = _samples(list(inner))
                yield before, samples[:_MOST_SAMPLES] + [one + following[:1] for one in samples[:3] if following]
            yield from _iter_repeats(inner, before)
        for inner in _iter_inner(name, value):
            yield from _iter_repeats(inner, before)
        before += (_samples([(kind, value)]) or [""])[0]


def _iter_inner(name: str, value: Any) -> Iterator[Any]:
    """The expressions within an element, repetitions aside."""
    match name:
        case "SUBPATTERN":
            yield value[-1]
        case "BRANCH":
            yield from value[1]
        case "ATOMIC_GROUP":
            yield value
        case "ASSERT" | "ASSERT_NOT":
            yield value[1]


def _sample_all(elements: list[Any]) -> str:
    return (_samples(elements) or [""])[0]


def _samples(elements: list[Any]) -> list[str]:
    """Some texts that fit the elements one after the other, the shortest kind of each."""
    texts = [""]
    for kind, value in elements:
        options = _element_samples(str(kind), value)
        texts = [text + option for text in texts for option in options][:_MOST_SAMPLES]
    return texts


def _element_samples(name: str, value: Any) -> list[str]:
    """Some texts that fit one element."""
    match name:
        case "LITERAL":
            return [chr(value)]
        case "NOT_LITERAL":
            return ["a" if value != ord("a") else "b"]
        case "ANY":
            return ["a", " "]
        case "IN":
            return _set_samples(value)
        case "SUBPATTERN":
            return _samples(list(value[-1]))
        case "ATOMIC_GROUP":
            return _samples(list(value))
        case "BRANCH":
            return [text for branch in value[1] for text in _samples(list(branch))[:3]]
        case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
            least, most, inner = value
            return [text * max(least, 1 if most else 0) for text in _samples(list(inner))]
    return [""]


def _set_samples(value: Any) -> list[str]:
    """Characters of a set: the ends of its ranges, one of each class, and for a negated set some that are not in it."""
    characters = []
    for kind, one in value:
        match str(kind):
            case "LITERAL":
                characters.append(chr(one))
            case "RANGE":
                characters += [chr(one[0]), chr(one[1])]
            case "CATEGORY":
                characters += {"CATEGORY_DIGIT": ["1"], "CATEGORY_SPACE": [" ", "\t"], "CATEGORY_WORD": ["a", "1"]}.get(
                    str(one), ["-", "a", " "]
                )
    if value and str(value[0][0]) == "NEGATE":
        return [one for one in "a /:@-.1\t=,<" if one not in characters] or ["é"]
    return list(dict.fromkeys(characters))[:_MOST_SAMPLES]
