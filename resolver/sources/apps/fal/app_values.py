"""The values of one app as a lock needs them: items with their positions, machine types, Python, GPUs; and every fault.

In: declared values, as the interpreter gives them. Out: texts and numbers with the lines that state them. Each value
that is unknown or of the wrong type is collected as a fault instead of raised, so that one run reports all faults of an
app.

Variables of the environment become `${VAR}` inside URLs, where the parser of the list keeps them apart from the text
(pip: Requirements File Format). Anywhere else they become their values, which only names in `[tool.pinfold]
environment` have. A module of its own because it decides which values the platform accepts, and nothing of how they are
computed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from typing import Any

from lockfiles._values import compile_later
from resolver.errors import Fault, Position
from resolver.requirements.entry import RequirementItems
from resolver.requirements.url import redact
from resolver.sources.apps.fal.declarations import DeclaredValue
from resolver.sources.apps.interpreter.expressions import ExpressionReader
from resolver.sources.apps.interpreter.operations import OperationRefused
from resolver.sources.apps.interpreter.values import (
    BoundMethod,
    ClassValue,
    Container,
    DictValue,
    EnvironmentText,
    FileLine,
    FunctionValue,
    Imported,
    ListValue,
    LockedList,
    Namespace,
    NotUnderstood,
    Opaque,
    PlacedText,
    SetValue,
    place_of,
)
from resolver.sources.source import Positions, StatedValue

__all__ = ["ValueReader"]

# By the name of the value that is at fault.
_REMEDIES = {
    "requirements": "write it out, put the list into a requirements.txt, or run the file with `--evaluate`",
    "machine_type": "write it out, or run the file with `--evaluate`",
    "python_version": "write it out, or give `--python`",
    "num_gpus": "write it out, or run the file with `--evaluate`",
}
# Flags whose value is a URL or a path.
_LOCATION_FLAGS = ("-i", "--index-url", "--extra-index-url", "-f", "--find-links")
# Kinds of values in words, for messages.
_KINDS: dict[type[object], str] = {
    BoundMethod: "a method",
    ClassValue: "a class",
    DictValue: "a dict",
    FunctionValue: "a function",
    Imported: "something imported",
    ListValue: "a list",
    LockedList: "what a lock holds",
    SetValue: "a set",
}
# The names that pip expands in `${NAME}` (pip: Requirements File Format).
_VARIABLE_NAME = compile_later(r"[A-Z0-9_]+")


class ValueReader:
    """Reads the values of one app and collects `faults`, each with its line, and `warnings`.

    `needs_target` is whether a value is only unknown because the target is. A value at fault is read as None or empty
    text; its caller checks `faults` at the end.
    """

    def __init__(self, reader: ExpressionReader) -> None:
        """`reader` is the interpreter that has read the module: it resolves variables for the same target."""
        self._reader = reader
        self.faults: list[tuple[int, Fault]] = []
        self.warnings: list[str] = []
        self.needs_target = False

    def read_items(self, given: DeclaredValue, *, must_be_list: bool) -> tuple[RequirementItems, Positions]:
        """The items, flat or in layers, and their positions in the same form.

        The platform takes a list alone (`must_be_list`); a class that is no app may have a tuple, or None for an empty
        list. One layer among flat items makes all items layers, so that the flat ones are faults.
        """
        value = self._usable(given.value, "requirements", given.place)
        if value is None:
            if given.value is None and must_be_list:
                self._refuse(given.place, "requirements", "is `None`", remedy="a list, or none at all")
            return (), ()
        if isinstance(value, tuple) and must_be_list:
            self._refuse(
                given.place, "requirements", "is a tuple", why="the platform takes lists alone", remedy="a list"
            )
            return (), ()
        if not isinstance(value, list | tuple):
            self._refuse(given.place, "requirements", f"is no list: `{_show(value)}`", remedy="a list of texts")
            return (), ()
        if not any(isinstance(item, list | tuple) for item in value):
            return self._read_layer(value, "requirements", given.place)
        layers = [self._read_inner(layer, place, given.place) for place, layer in enumerate(value)]
        return tuple(items for items, _ in layers), tuple(positions for _, positions in layers)

    def read_machines(self, given: DeclaredValue) -> StatedValue[tuple[str, ...]] | None:
        """The machine types, of which an app may name several; None if there are none."""
        value = self._usable(given.value, "machine_type", given.place)
        if value is None:
            return None
        if isinstance(value, list | tuple):
            names = tuple(self._read_text(one, f"machine_type[{n}]", given.place) for n, one in enumerate(value))
        else:
            names = (self._read_text(value, "machine_type", given.place),)
        return StatedValue(value=names, where=str(given.place))

    def read_python(self, given: DeclaredValue) -> StatedValue[str] | None:
        """The Python version; None if there is none. A number is a fault, because `3.10` is the number 3.1."""
        value = self._usable(given.value, "python_version", given.place)
        if value is None:
            return None
        if isinstance(value, int | float):
            self._refuse(
                given.place,
                "python_version",
                f"is a number: `{value}`",
                why="it must be text, where `3.10` and `3.1` differ",
                remedy=f'`python_version = "{value}"`',
            )
            return None
        return StatedValue(value=self._read_text(value, "python_version", given.place), where=str(given.place))

    def read_gpus(self, given: DeclaredValue) -> StatedValue[int] | None:
        """The number of GPUs; None if there is none."""
        value = self._usable(given.value, "num_gpus", given.place)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool):
            self._refuse(given.place, "num_gpus", f"is no whole number: `{_show(value)}`")
            return None
        return StatedValue(value=value, where=str(given.place))

    def note(self, reason: NotUnderstood, attribute: str) -> None:
        """Collects a fault for an unknown value. `attribute` is its name, such as `requirements[4]`."""
        self.needs_target = self.needs_target or reason.needs_target
        remedy = reason.remedy or _REMEDIES[attribute.partition("[")[0]]
        fault = Fault(
            where=reason.place,
            what=f"`{attribute}` is not understood: `{reason.expression}`",
            why=redact(reason.why),
            remedy=remedy,
        )
        self.faults.append((reason.place.line, fault))

    def _usable(self, value: Any, attribute: str, place: FileLine) -> Any:
        """The value if it is known; None after collecting a fault.

        An imported name is not known: its module is outside of the repository. An uncertain list is not known either,
        because a statement that is not understood may have changed it.
        """
        if isinstance(value, Opaque):
            self.note(value.reason, attribute)
            return None
        if isinstance(value, Imported):
            why = f"`{value.shown}` is not read here"
            self.note(NotUnderstood(place, value.shown, why), attribute)
            return None
        if isinstance(value, Container) and value.uncertainty is not None:
            self.note(value.uncertainty, attribute)
            return None
        return value

    def _read_inner(self, layer: Any, number: int, place: FileLine) -> tuple[tuple[str, ...], tuple[Position, ...]]:
        """One layer with the positions of its items; empty after collecting a fault.

        The platform installs layers one after the other, so each must be a list or tuple of its own.
        """
        attribute = f"requirements[{number}]"
        value = self._usable(layer, attribute, place)
        if isinstance(value, list | tuple):
            return self._read_layer(value, attribute, place, layer=number)
        if value is not None:
            where = place_of(value, place)
            self._refuse(where, attribute, f"is no list, as other layers are: `{_show(value)}`", remedy="`[…]`")
        return (), ()

    def _read_layer(
        self, items: Sequence[Any], attribute: str, place: FileLine, *, layer: int | None = None
    ) -> tuple[tuple[str, ...], tuple[Position, ...]]:
        """The items of a list with their positions. `layer` is its number, None for a flat list.

        An item without a line of its own (made by code) has the line of the list.
        """
        texts: list[str] = []
        positions: list[Position] = []
        for number, item in enumerate(items):
            before = texts[-1] if texts else ""
            texts.append(self._read_text(item, f"{attribute}[{number}]", place, before=before))
            where = place_of(item, place)
            positions.append(Position(source=where.file, line=where.line, item=number, layer=layer))
        return tuple(texts), tuple(positions)

    def _read_text(self, value: Any, attribute: str, place: FileLine, *, before: str = "") -> str:
        """A text with its variables resolved; empty after collecting a fault. `before` is the item before it."""
        usable = self._usable(value, attribute, place)
        if isinstance(usable, EnvironmentText):
            return self._read_variables(usable, attribute, before=before)
        if isinstance(usable, str):
            return str(usable)
        if usable is not None or value is None:
            self._refuse(place, attribute, f"is no text: `{_show(usable)}`")
        return ""

    def _read_variables(self, value: EnvironmentText, attribute: str, *, before: str) -> str:
        """The text of an item, with variables inside its URLs as `${VAR}` and all others as their values.

        The default of a variable in a URL can be a secret, which no lock may hold. It is not used, and a warning
        reports that.
        """
        text = ""
        for number, part in enumerate(value.parts):
            if isinstance(part, str):
                text += part
                continue
            # The next part. A variable counts as a path, since URLs often end with several variables.
            after = value.parts[number + 1] if number + 1 < len(value.parts) else ""
            if not _is_in_url(text, after if isinstance(after, str) else "/", before):
                text += self._look_up(EnvironmentText(parts=(part,), place=value.place), attribute)
            elif _VARIABLE_NAME.fullmatch(part.name):
                text += f"${{{part.name}}}"
                if part.default is not None:
                    self.warnings.append(
                        f"{value.place}: the default of `{part.name}` is not used, but the text in the URL"
                        f" `${{{part.name}}}`"
                    )
            else:
                self._refuse(
                    value.place,
                    attribute,
                    f"takes `{part.name}` from the environment",
                    why="a variable in a URL has a name of `A-Z`, `0-9` and `_` (pip: Requirements File Format)",
                    remedy=f"call it `{part.name.upper()}`",
                )
        return text

    def _look_up(self, value: EnvironmentText, attribute: str) -> str:
        """The value of a variable outside of URLs; empty after collecting a fault."""
        name = value.variables[0].name
        # The interpreter reports faults at a node, so the variable gets one at the line of its text.
        node = ast.Name(id=name, ctx=ast.Load(), lineno=value.place.line)
        try:
            found = self._reader.known(value, node, Namespace(file=value.place.file))
        except NotUnderstood as reason:
            self.note(reason, attribute)
            return ""
        except OperationRefused:
            return ""
        if not isinstance(found, str):
            self._refuse(value.place, attribute, f"takes `{name}` from the environment, which does not set it")
            return ""
        return str(found)

    def _refuse(self, place: FileLine, attribute: str, what: str, *, why: str = "", remedy: str = "") -> None:
        """Collects a fault at a line. Without a `remedy` it is the usual one for the value."""
        remedy = remedy or _REMEDIES[attribute.partition("[")[0]]
        self.faults.append((place.line, Fault(where=place, what=f"`{attribute}` {what}", why=why, remedy=remedy)))


def _is_in_url(text: str, after: str, before: str) -> bool:
    """Whether a variable after `text` is part of a URL.

    `after` is the text behind it, `before` the item before this one.

    True behind a scheme or `git+`, before `://` or a path, behind `NAME @`, and in the value of a flag that takes a
    URL.
    """
    word = text.rpartition(" ")[2]
    if "://" in word or after.startswith(("://", "/")) or word.endswith(("git+", "@")):
        return True
    flag = re.split(r"[\s=]", text)[0] if text else before
    return flag in _LOCATION_FLAGS or (word == "" and text.rstrip().endswith("@"))


def _show(value: Any) -> str:
    """A value in a message: at most 40 characters, with secrets in URLs redacted; containers by their kind alone."""
    if isinstance(value, str | PlacedText):
        text = redact(str(value))
        return text if len(text) <= 40 else f"{text[:39]}…"
    if value is None or isinstance(value, int | float):
        return str(value)
    return _KINDS.get(type(value), type(value).__name__)
