"""Classes, expressions and imports that do not slow down the start: `dataclass`, `compile_later`, `lazy_names`.

In: a class and the options of `dataclasses.dataclass`. Out: a class with the same behaviour. `dataclasses` writes the
source of six methods for each class and executes it, and it reads the signature of classes without docstring. That
takes 0.4 ms a class, 45 ms of a `lock` that took 185. Here the methods of slotted classes are closures over the names
of the fields, which takes 0.03 ms a class. Classes of any other form go to `dataclasses`.

`compile_later` does the same for regular expressions: it compiles one at its first use. A module has several, a run
uses few of them, and compiling takes 0.1 ms each, which was a fifth of a warm run.

Type checkers see `dataclasses.dataclass` and `re.compile`. `fields`, `replace`, `asdict`, `pickle` and `copy`
work the same: a test compares both decorators. `inspect.signature` and `help` show the fields with their defaults; the
signature is built when it is first read, because a run of the program never reads it.

`lazy_names` makes a package import its public names when they are first used.
"""

from __future__ import annotations

import dataclasses
import re
from inspect import Parameter, Signature, get_annotations
from operator import attrgetter, ge, gt, le, lt
from typing import TYPE_CHECKING, Any, Generic, NoReturn

__all__ = ["compile_later", "dataclass", "lazy_names"]

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from dataclasses import dataclass
    from re import compile as compile_later
else:

    class compile_later:  # noqa: N801 - a function for all who use it
        """The pattern of an expression. Each attribute is that of the compiled one, and kept after its first use."""

        def __init__(self, expression, flags=0):
            self._made_from = (expression, flags)

        def __getattr__(self, name):
            """An attribute of the compiled pattern."""
            value = getattr(re.compile(*self._made_from), name)
            self.__dict__[name] = value
            return value

    def dataclass(cls=None, /, **options):
        """The class as `dataclasses.dataclass` makes it, quickly if it is slotted and has only plain fields.

        It can be used with and without parentheses. `options` are those of `dataclasses.dataclass`.
        """

        def make(made):
            """The class itself for a form that is known, else the class as `dataclasses` makes it."""
            known = {"frozen": False, "kw_only": False, "eq": True, "order": False, **options}
            if known.keys() != _OPTIONS or not known.pop("slots") or not _has_known_form(made, **known):
                return dataclasses.dataclass(**options)(made)
            return _make_class(made, **known)

        return make if cls is None else make(cls)


def lazy_names(
    namespace: dict[str, object], names_by_module: Mapping[str, tuple[str, ...]]
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` of a package (PEP 562) whose public names are in these modules.

    `namespace` is that of the package: a name stays in it after its first use. `__getattr__` raises AttributeError for
    a name that is not public, so that `hasattr` and `from … import` work as usual. `__dir__` has all names, for
    completion in an interactive interpreter and `help`. Type checkers must not see the two, because they would take
    every name for public.
    """
    modules = {name: module for module, names in names_by_module.items() for name in names}

    def find(name: str) -> object:
        if name not in modules:
            raise AttributeError(f"module {namespace['__name__']!r} has no attribute {name!r}")
        from importlib import import_module  # Lazy: most runs import the modules themselves.

        value: object = getattr(import_module(modules[name]), name)
        namespace[name] = value
        return value

    return find, lambda: sorted({*namespace, *modules})


_OPTIONS = {"frozen", "slots", "kw_only", "eq", "order"}
"""The options that the quick way supports; a class with another one goes to `dataclasses`."""
_SPECIAL_ANNOTATIONS = ("ClassVar", "InitVar", "KW_ONLY")
"""The beginnings of annotations that make no field, or change what the fields after them are."""
_OWN_METHODS = frozenset(
    ("__init__", "__repr__", "__setattr__", "__delattr__", "__getstate__", "__setstate__", "__slots__")
)
"""Methods that a class may define itself, in which case `dataclasses` applies its rules for them."""
_COMPARISONS: dict[str, Any] = {"__lt__": lt, "__le__": le, "__gt__": gt, "__ge__": ge}
"""What `order=True` adds."""
_FIELD_MARK: Any = getattr(dataclasses, "_FIELD", None)
"""The mark by which `dataclasses.fields` recognises a field. A Python without it makes all classes the slow way."""

_Setters = tuple[tuple[str, "Callable[[Any, Any], None]"], ...]
"""Each field with the `__set__` of its slot, which also sets fields of frozen classes."""


def _has_known_form(cls: type, *, eq: bool, order: bool, **other: bool) -> bool:
    """Whether the class has only fields, defaults and methods, so that the closures below are enough.

    `Generic` is the only base that is allowed: inherited fields would need the order of the resolution.
    """
    annotations = get_annotations(cls)
    return (
        _FIELD_MARK is not None
        and cls.__bases__ in ((object,), (Generic,))
        and not _OWN_METHODS & cls.__dict__.keys()
        and not (eq and {"__eq__", "__hash__"} & cls.__dict__.keys())
        and not (order and (not eq or _COMPARISONS.keys() & cls.__dict__.keys()))
        and all(isinstance(text, str) and not text.startswith(_SPECIAL_ANNOTATIONS) for text in annotations.values())
        and all(_is_plain(cls.__dict__[name]) for name in annotations if name in cls.__dict__)
    )


def _is_plain(default: object) -> bool:
    """Whether a default can be shared by all values: `dataclasses` refuses the others, such as lists.

    A `field` is plain unless it is left out of `__init__` or has its own `kw_only`.
    """
    if isinstance(default, dataclasses.Field):
        return bool(default.init and default.kw_only is dataclasses.MISSING)
    return type(default).__hash__ is not None


def _make_class(cls: type, *, frozen: bool, kw_only: bool, eq: bool, order: bool) -> type:
    """A new class with slots for the fields of `cls` and all of its other attributes.

    The class must be made anew because slots cannot be added later. `__dict__` and `__weakref__` are descriptors of the
    old class and are dropped. The setters of the slots exist only after that, so the methods that use them come last.
    """
    fields = {name: _make_field(cls, name, text, kw_only=kw_only) for name, text in get_annotations(cls).items()}
    body = {key: value for key, value in cls.__dict__.items() if key not in fields}
    body.pop("__dict__", None)
    body.pop("__weakref__", None)
    body["__qualname__"] = cls.__qualname__
    body["__slots__"] = tuple(fields)
    body["__match_args__"] = () if kw_only else tuple(fields)
    body["__dataclass_fields__"] = fields
    body["__repr__"] = _make_repr([name for name, field in fields.items() if field.repr])
    compared = [name for name, field in fields.items() if field.compare]
    if eq:
        hashed = [name for name, field in fields.items() if (field.compare if field.hash is None else field.hash)]
        body["__eq__"] = _make_eq(compared)
        body["__hash__"] = _make_hash(hashed) if frozen else None
    if order:
        body |= {name: _make_comparison(compared, compare) for name, compare in _COMPARISONS.items()}
    if frozen:
        body["__setattr__"], body["__delattr__"] = _refuse_assignment, _refuse_deletion
    made = type(cls)(cls.__name__, cls.__bases__, body)
    setters = tuple((name, made.__dict__[name].__set__) for name in fields)
    arguments = _Arguments(fields, f"{cls.__qualname__}.__init__", kw_only=kw_only)
    set_fields = _make_init(arguments, setters, has_post_init="__post_init__" in body)
    set_fields.__qualname__ = f"{cls.__qualname__}.__init__"
    methods = {"__init__": set_fields, "__signature__": _LazySignature(fields, set_fields)}
    for name, method in (methods | _make_copying(fields, setters)).items():
        setattr(made, name, method)
    return made


def _make_field(cls: type, name: str, annotation: str, *, kw_only: bool) -> dataclasses.Field[Any]:
    """The description of one field with the attributes that `dataclasses` would set on it."""
    default = cls.__dict__.get(name, dataclasses.MISSING)
    field: Any = default if isinstance(default, dataclasses.Field) else dataclasses.field(default=default)
    field.name, field.type, field.kw_only, field._field_type = name, annotation, kw_only, _FIELD_MARK
    return field  # type: ignore[no-any-return]  # Any above: the attributes set are private ones


class _Arguments:
    """The arguments of one class, for calls of it that do not name every field.

    `function` is the name of its `__init__` in messages, which are those that Python gives for a compiled one.
    """

    __slots__ = ("_defaults", "_factories", "_fields", "_function", "_kw_only")

    def __init__(self, fields: dict[str, dataclasses.Field[Any]], function: str, *, kw_only: bool) -> None:
        missing = dataclasses.MISSING
        self._fields = tuple(fields)
        self._function = function
        self._kw_only = kw_only
        self._defaults = {name: one.default for name, one in fields.items() if one.default is not missing}
        self._factories: dict[str, Callable[[], Any]] = {
            name: one.default_factory for name, one in fields.items() if one.default_factory is not missing
        }

    def place(self, values: tuple[Any, ...], named: dict[str, Any]) -> dict[str, Any]:
        """Positional and named values, all by name. Raises TypeError for too many and for repeated ones."""
        fields, function = self._fields, self._function
        if self._kw_only or len(values) > len(fields):
            most = 1 if self._kw_only else len(fields) + 1
            least = most if self._kw_only else most - len(self._defaults) - len(self._factories)
            counts = str(most) if least == most else f"from {least} to {most}"
            noun = "argument" if counts == "1" else "arguments"
            raise TypeError(f"{function}() takes {counts} positional {noun} but {len(values) + 1} were given")
        placed = dict(zip(fields, values, strict=False))
        for name in placed.keys() & named.keys():
            raise TypeError(f"{function}() got multiple values for argument {name!r}")
        return placed | named

    def complete(self, values: dict[str, Any]) -> dict[str, Any]:
        """The given values and the defaults of all others. Raises TypeError for unknown and for missing names."""
        for name in values:
            if name not in self._fields:
                raise TypeError(f"{self._function}() got an unexpected keyword argument {name!r}")
        optional = self._defaults.keys() | self._factories.keys()
        missing = [name for name in self._fields if name not in values and name not in optional]
        if missing:
            kind = "keyword-only" if self._kw_only else "positional"
            raise TypeError(f"{self._function}() missing {_count_arguments(kind, missing)}")
        made = {name: make() for name, make in self._factories.items() if name not in values}
        return {**self._defaults, **made, **values}


def _make_init(arguments: _Arguments, setters: _Setters, *, has_post_init: bool) -> Callable[..., None]:
    """The `__init__` of a class: one loop over the setters, with all checks off the usual path.

    It has no named parameters, because a signature of its own would have to be compiled. `arguments` gives it the
    behaviour of a function with such parameters, and is not used by a call that names every field.
    """
    names = frozenset(name for name, _ in setters)

    def __init__(self: Any, /, *placed: Any, **values: Any) -> None:  # noqa: N807 - becomes the method of that name
        if placed:
            values = arguments.place(placed, values)
        if values.keys() != names:
            values = arguments.complete(values)
        for name, set_value in setters:
            set_value(self, values[name])
        if has_post_init:
            self.__post_init__()

    return __init__


def _count_arguments(kind: str, names: list[str]) -> str:
    """The missing arguments in the words of Python: `2 required keyword-only arguments: 'x' and 'y'`."""
    noun = "argument" if len(names) == 1 else "arguments"
    shown = [repr(name) for name in names]
    comma = ", and " if len(names) > 2 else " and "
    text = shown[0] if len(names) == 1 else comma.join((", ".join(shown[:-1]), shown[-1]))
    return f"{len(names)} required {kind} {noun}: {text}"


class _LazySignature:
    """A descriptor for `__signature__`, the attribute that `inspect.signature` reads first.

    It applies to the class and to subclasses that inherit its `__init__`. Reading it also sets the signature of
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
    """The default in a signature of a field with a `default_factory`, shown as `dataclasses` shows it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<factory>"


def _make_parameter(name: str, field: dataclasses.Field[Any]) -> Parameter:
    """The parameter of one field in the signature of its class."""
    default: Any = Parameter.empty
    if field.default is not dataclasses.MISSING:
        default = field.default
    elif field.default_factory is not dataclasses.MISSING:
        default = _Factory()
    kind = Parameter.KEYWORD_ONLY if field.kw_only else Parameter.POSITIONAL_OR_KEYWORD
    return Parameter(name, kind, default=default, annotation=field.type)


def _make_copying(fields: dict[str, dataclasses.Field[Any]], setters: _Setters) -> dict[str, Callable[..., Any]]:
    """The methods that `pickle`, `copy` and `copy.replace` call.

    The state is the list of the values in the order of the fields, as for slotted classes of `dataclasses`.
    """

    def __setstate__(self: Any, state: list[Any]) -> None:  # noqa: N807 - as above
        for (_, set_value), value in zip(setters, state, strict=True):
            set_value(self, value)

    def __getstate__(self: Any) -> list[Any]:  # noqa: N807 - as above
        return [getattr(self, name) for name in fields]

    def __replace__(self: Any, /, **changes: Any) -> Any:  # noqa: N807 - as above
        return type(self)(**{**{name: getattr(self, name) for name in fields}, **changes})

    return {"__getstate__": __getstate__, "__setstate__": __setstate__, "__replace__": __replace__}


def _refuse_assignment(self: object, name: str, value: object) -> NoReturn:
    """Becomes the `__setattr__` of frozen classes."""
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_deletion(self: object, name: str) -> NoReturn:
    """Becomes the `__delattr__` of frozen classes."""
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


def _make_repr(names: list[str]) -> Callable[[Any], str]:
    """The `__repr__` of a class: `Name(field=value, …)` with the fields that are to be shown."""

    def __repr__(self: Any) -> str:  # noqa: N807 - becomes the method of that name
        return f"{type(self).__qualname__}({', '.join([f'{name}={getattr(self, name)!r}' for name in names])})"

    return __repr__


def _make_eq(names: list[str]) -> Callable[[Any, object], bool]:
    """The `__eq__` of a class: two values of one class are equal if all compared fields are equal."""
    read = _make_reader(names)

    def __eq__(self: Any, other: object) -> bool:  # noqa: N807 - becomes the method of that name
        return read(self) == read(other) if type(other) is type(self) else NotImplemented

    return __eq__


def _make_comparison(names: list[str], compare: Callable[[Any, Any], bool]) -> Callable[[Any, object], bool]:
    """One of the four methods that order the values of a class, field by field."""
    read = _make_reader(names)

    def method(self: Any, other: object) -> bool:
        return compare(read(self), read(other)) if type(other) is type(self) else NotImplemented

    return method


def _make_hash(names: list[str]) -> Callable[[Any], int]:
    """The `__hash__` of a frozen class, over the fields that take part in it."""
    read = _make_reader(names)

    def __hash__(self: Any) -> int:  # noqa: N807 - becomes the method of that name
        return hash(read(self))

    return __hash__


def _make_reader(names: list[str]) -> Callable[[Any], tuple[Any, ...]]:
    """A function that returns the values of these fields as a tuple.

    `attrgetter` serves two names or more: for one it returns no tuple, and without a name it raises TypeError.
    """
    if len(names) > 1:
        return attrgetter(*names)
    return lambda self: tuple([getattr(self, name) for name in names])
