"""Dataclasses that are made quickly: what `dataclasses.dataclass` gives, without compiling code for each class.

`dataclasses` writes the source of six methods for each class and executes it, and reads the signature of classes
without docstring: 0.4 ms a class, 45 ms of a `lock` that took 185. Here the methods of slotted classes are closures
over the field names: 0.03 ms a class. All other forms are passed on to `dataclasses`.

Type checkers see `dataclasses.dataclass` itself. `fields`, `replace`, `asdict`, `pickle` and `copy` work as they do
there: a test holds both to the same behaviour. `inspect.signature` and `help` show the fields with their defaults; the
signature is built when it is first read, since a run of the program never reads it.
"""

from __future__ import annotations

import dataclasses
from inspect import Parameter, Signature, get_annotations
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Generic, NoReturn

__all__ = ["dataclass"]

if TYPE_CHECKING:
    from collections.abc import Callable
    from dataclasses import dataclass
else:

    def dataclass(cls=None, /, **options):
        """The class as `dataclasses.dataclass` makes it."""

        def make(made):
            known = {"frozen": False, "kw_only": False, "eq": True, **options}
            if known.keys() != _OPTIONS or not known.pop("slots") or not _has_known_form(made, eq=known["eq"]):
                return dataclasses.dataclass(**options)(made)
            return _make_class(made, **known)

        return make if cls is None else make(cls)


_OPTIONS = {"frozen", "slots", "kw_only", "eq"}
_SPECIAL_ANNOTATIONS = ("ClassVar", "InitVar", "KW_ONLY")
_OWN_METHODS = frozenset(
    ("__init__", "__repr__", "__setattr__", "__delattr__", "__getstate__", "__setstate__", "__slots__")
)
_FIELD_MARK: Any = getattr(dataclasses, "_FIELD", None)
"""What `dataclasses.fields` looks for in a field; without it, all classes are left to `dataclasses`."""

_Setters = tuple[tuple[str, "Callable[[Any, Any], None]"], ...]


def _has_known_form(cls: type, *, eq: bool) -> bool:
    """Whether nothing about the class asks for more than fields, their defaults and methods."""
    annotations = get_annotations(cls)
    return (
        _FIELD_MARK is not None
        and cls.__bases__ in ((object,), (Generic,))
        and not _OWN_METHODS & cls.__dict__.keys()
        and not (eq and {"__eq__", "__hash__"} & cls.__dict__.keys())
        and all(isinstance(text, str) and not text.startswith(_SPECIAL_ANNOTATIONS) for text in annotations.values())
        and all(_is_plain(cls.__dict__[name]) for name in annotations if name in cls.__dict__)
    )


def _is_plain(default: object) -> bool:
    if isinstance(default, dataclasses.Field):
        return bool(default.init and default.kw_only is dataclasses.MISSING)
    return type(default).__hash__ is not None


def _make_class(cls: type, *, frozen: bool, kw_only: bool, eq: bool) -> type:
    fields = {name: _make_field(cls, name, text, kw_only=kw_only) for name, text in get_annotations(cls).items()}
    body = {key: value for key, value in cls.__dict__.items() if key not in fields}
    body.pop("__dict__", None)
    body.pop("__weakref__", None)
    body["__qualname__"] = cls.__qualname__
    body["__slots__"] = tuple(fields)
    body["__match_args__"] = () if kw_only else tuple(fields)
    body["__dataclass_fields__"] = fields
    body["__repr__"] = _make_repr([name for name, field in fields.items() if field.repr])
    if eq:
        hashed = [name for name, field in fields.items() if (field.compare if field.hash is None else field.hash)]
        body["__eq__"] = _make_eq([name for name, field in fields.items() if field.compare])
        body["__hash__"] = _make_hash(hashed) if frozen else None
    if frozen:
        body["__setattr__"], body["__delattr__"] = _refuse_assignment, _refuse_deletion
    made = type(cls)(cls.__name__, cls.__bases__, body)
    setters = tuple((name, made.__dict__[name].__set__) for name in fields)
    set_fields = _make_init(fields, setters, kw_only=kw_only, has_post_init="__post_init__" in body)
    set_fields.__qualname__ = f"{cls.__qualname__}.__init__"
    methods = {"__init__": set_fields, "__signature__": _LazySignature(fields, set_fields)}
    for name, method in (methods | _make_copying(fields, setters)).items():
        setattr(made, name, method)
    return made


def _make_field(cls: type, name: str, annotation: str, *, kw_only: bool) -> dataclasses.Field[Any]:
    """The description of one field, complete as `dataclasses` leaves it."""
    default = cls.__dict__.get(name, dataclasses.MISSING)
    field: Any = default if isinstance(default, dataclasses.Field) else dataclasses.field(default=default)
    field.name, field.type, field.kw_only, field._field_type = name, annotation, kw_only, _FIELD_MARK
    return field  # type: ignore[no-any-return]  # Any above: the attributes set are private ones


def _make_init(
    fields: dict[str, dataclasses.Field[Any]], setters: _Setters, *, kw_only: bool, has_post_init: bool
) -> Callable[..., None]:
    names = frozenset(fields)
    defaults = {name: field.default for name, field in fields.items() if field.default is not dataclasses.MISSING}
    factories = {
        name: field.default_factory
        for name, field in fields.items()
        if field.default_factory is not dataclasses.MISSING
    }

    def complete(values: dict[str, Any]) -> dict[str, Any]:
        """The values with defaults in place of those that were not given. Raises TypeError as Python itself does."""
        for name in values:
            if name not in names:
                raise TypeError(f"{__init__.__qualname__}() got an unexpected keyword argument {name!r}")
        missing = [name for name in fields if name not in values and name not in defaults and name not in factories]
        if missing:
            kind = "keyword-only" if kw_only else "positional"
            raise TypeError(f"{__init__.__qualname__}() missing {_count_arguments(kind, missing)}")
        return {**defaults, **{name: make() for name, make in factories.items() if name not in values}, **values}

    def place(values: tuple[Any, ...], named: dict[str, Any]) -> dict[str, Any]:
        """The values by name. Raises TypeError as Python itself does."""
        if kw_only or len(values) > len(fields):
            most = 1 if kw_only else len(fields) + 1
            least = most if kw_only else most - len(defaults) - len(factories)
            counts = str(most) if least == most else f"from {least} to {most}"
            noun = "argument" if counts == "1" else "arguments"
            given = len(values) + 1
            raise TypeError(f"{__init__.__qualname__}() takes {counts} positional {noun} but {given} were given")
        placed = dict(zip(fields, values, strict=False))
        for name in placed.keys() & named.keys():
            raise TypeError(f"{__init__.__qualname__}() got multiple values for argument {name!r}")
        return placed | named

    def __init__(self: Any, /, *placed: Any, **values: Any) -> None:  # noqa: N807 - becomes the method of that name
        if placed:
            values = place(placed, values)
        if values.keys() != names:
            values = complete(values)
        for name, set_value in setters:
            set_value(self, values[name])
        if has_post_init:
            self.__post_init__()

    return __init__


def _count_arguments(kind: str, names: list[str]) -> str:
    """As Python counts them: `2 required keyword-only arguments: 'x' and 'y'`."""
    noun = "argument" if len(names) == 1 else "arguments"
    shown = [repr(name) for name in names]
    comma = ", and " if len(names) > 2 else " and "
    text = shown[0] if len(names) == 1 else comma.join((", ".join(shown[:-1]), shown[-1]))
    return f"{len(names)} required {kind} {noun}: {text}"


class _LazySignature:
    """The `__signature__` of a class, where `inspect` looks for it.

    It is for the class itself, and for subclasses that have its `__init__`. Reading it also gives the signature to
    `__init__`, which `help` shows with the other methods.
    """

    __slots__ = ("_fields", "_init")

    def __init__(self, fields: dict[str, dataclasses.Field[Any]], init: Callable[..., None]) -> None:
        self._fields = fields
        self._init = init

    def __get__(self, instance: object, owner: type) -> Signature:
        if instance is not None or owner.__init__ is not self._init:  # type: ignore[misc]  # compared, not called
            raise AttributeError("__signature__")
        parameters = [_make_parameter(name, field) for name, field in self._fields.items()]
        itself = Parameter("self", Parameter.POSITIONAL_OR_KEYWORD)
        self._init.__signature__ = Signature([itself, *parameters], return_annotation=None)
        return Signature(parameters, return_annotation=None)


class _Factory:
    """Stands in a signature for a default that is made for each value."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<factory>"


def _make_parameter(name: str, field: dataclasses.Field[Any]) -> Parameter:
    default: Any = Parameter.empty
    if field.default is not dataclasses.MISSING:
        default = field.default
    elif field.default_factory is not dataclasses.MISSING:
        default = _Factory()
    kind = Parameter.KEYWORD_ONLY if field.kw_only else Parameter.POSITIONAL_OR_KEYWORD
    return Parameter(name, kind, default=default, annotation=field.type)


def _make_copying(fields: dict[str, dataclasses.Field[Any]], setters: _Setters) -> dict[str, Callable[..., Any]]:
    """What pickle, copy and `copy.replace` call."""

    def __setstate__(self: Any, state: list[Any]) -> None:  # noqa: N807 - as above
        for (_, set_value), value in zip(setters, state, strict=True):
            set_value(self, value)

    def __getstate__(self: Any) -> list[Any]:  # noqa: N807 - as above
        return [getattr(self, name) for name in fields]

    def __replace__(self: Any, /, **changes: Any) -> Any:  # noqa: N807 - as above
        return type(self)(**{**{name: getattr(self, name) for name in fields}, **changes})

    return {"__getstate__": __getstate__, "__setstate__": __setstate__, "__replace__": __replace__}


def _refuse_assignment(self: object, name: str, value: object) -> NoReturn:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_deletion(self: object, name: str) -> NoReturn:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


def _make_repr(names: list[str]) -> Callable[[Any], str]:
    def __repr__(self: Any) -> str:  # noqa: N807 - becomes the method of that name
        return f"{type(self).__qualname__}({', '.join([f'{name}={getattr(self, name)!r}' for name in names])})"

    return __repr__


def _make_eq(names: list[str]) -> Callable[[Any, object], bool]:
    read = _make_reader(names)

    def __eq__(self: Any, other: object) -> bool:  # noqa: N807 - becomes the method of that name
        return read(self) == read(other) if type(other) is type(self) else NotImplemented

    return __eq__


def _make_hash(names: list[str]) -> Callable[[Any], int]:
    read = _make_reader(names)

    def __hash__(self: Any) -> int:  # noqa: N807 - becomes the method of that name
        return hash(read(self))

    return __hash__


def _make_reader(names: list[str]) -> Callable[[Any], tuple[Any, ...]]:
    """The fields of these names as a tuple."""
    if len(names) > 1:
        return attrgetter(*names)
    return lambda self: tuple([getattr(self, name) for name in names])
