"""The quick dataclasses against the real ones: whatever is done to a value gives the same."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
import pydoc
from typing import Any, ClassVar, Generic, TypeVar

import pytest

from lockfiles import _values as value_classes

_T = TypeVar("_T")


def _declare(dataclass: Any) -> tuple[type, ...]:
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Point:
        x: int
        y: int = 2
        names: tuple[str, ...] = dataclasses.field(default_factory=tuple, repr=False)
        note: str = dataclasses.field(default="", compare=False)
        rows: list[int] = dataclasses.field(default_factory=list, hash=False)

        @property
        def sum(self) -> int:
            return self.x + self.y

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Single:
        """Holds one value."""

        value: object

        def __post_init__(self) -> None:
            if self.value is None:
                raise ValueError("nothing")

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Empty:
        """Holds nothing."""

    @dataclass(frozen=True, slots=True, kw_only=True, eq=False)
    class Thing:
        value: int

    @dataclass(frozen=True, slots=True)
    class Pair:
        """Two in order."""

        left: int
        right: int = 0

    @dataclass(frozen=True, slots=True, order=True)
    class Ordered:
        """Can be sorted."""

        major: int
        minor: int = 0

    @dataclass(slots=True, kw_only=True)
    class Open:
        """Can be changed."""

        value: int

    @dataclass(frozen=True, slots=True, kw_only=True, eq=False)
    class Alike:
        """Compares in its own way."""

        value: int

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Alike)

        def __hash__(self) -> int:
            return 1

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Box(Generic[_T]):
        """Holds a value of some type."""

        value: _T

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Row:
        """Has no defaults."""

        a: int
        b: int
        c: int

    return Point, Single, Empty, Thing, Pair, Open, Alike, Box, Row, Ordered


QUICK = _declare(value_classes.dataclass)
REAL = _declare(dataclasses.dataclass)
BOTH = pytest.mark.parametrize("classes", [QUICK, REAL], ids=["quick", "real"])


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Base:
    x: int


@value_classes.dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """Can be found by pickle."""

    x: int
    y: tuple[int, ...] = ()


def test_the_usual_form_is_made_without_compiling() -> None:
    assert {vars(made)["__init__"].__module__ for made in QUICK} == {"lockfiles._values"}


@BOTH
def test_fields_have_their_values_and_defaults(classes: Any) -> None:
    point = classes[0](x=1)
    assert (point.x, point.y, point.names, point.note, point.rows, point.sum) == (1, 2, (), "", [], 3)
    assert classes[0](x=1, y=5, names=("a",), note="n", rows=[1]).names == ("a",)


@BOTH
def test_default_factories_make_a_value_for_each_instance(classes: Any) -> None:
    assert classes[0](x=1).rows is not classes[0](x=1).rows


@BOTH
def test_arguments_are_keywords_only(classes: Any) -> None:
    with pytest.raises(TypeError, match="positional"):
        classes[0](1)


@BOTH
def test_missing_arguments_are_named(classes: Any) -> None:
    with pytest.raises(TypeError, match=r"Point\.__init__\(\) missing 1 required keyword-only argument: 'x'$"):
        classes[0](y=1)
    with pytest.raises(TypeError, match=r"Row\.__init__\(\) missing 2 required keyword-only arguments: 'b' and 'c'$"):
        classes[8](a=1)
    with pytest.raises(TypeError, match=r"missing 3 required keyword-only arguments: 'a', 'b', and 'c'$"):
        classes[8]()


@BOTH
def test_unknown_arguments_are_named(classes: Any) -> None:
    with pytest.raises(TypeError, match=r"Point\.__init__\(\) got an unexpected keyword argument 'z'"):
        classes[0](x=1, z=1)
    with pytest.raises(TypeError, match=r"Point\.__init__\(\) got an unexpected keyword argument 'z'"):
        classes[0](z=1)


@BOTH
def test_too_many_arguments_are_counted(classes: Any) -> None:
    with pytest.raises(TypeError, match=r"Row\.__init__\(\) takes 1 positional argument but 3 were given$"):
        classes[8](1, 2)
    with pytest.raises(TypeError, match=r"Pair\.__init__\(\) takes from 2 to 3 positional arguments but 4 were given$"):
        classes[4](1, 2, 3)


@BOTH
def test_the_signature_shows_the_fields(classes: Any) -> None:
    texts = [str(inspect.signature(made)) for made in classes]
    assert texts[0] == (
        "(*, x: 'int', y: 'int' = 2, names: 'tuple[str, ...]' = <factory>, note: 'str' = '', "
        "rows: 'list[int]' = <factory>) -> None"
    )
    assert texts[2] == "() -> None"
    assert texts[4] == "(left: 'int', right: 'int' = 0) -> None"
    assert texts[7] == "(*, value: '_T') -> None"


@BOTH
def test_help_shows_the_fields(classes: Any) -> None:
    shown = pydoc.plain(pydoc.render_doc(classes[4]))
    assert "Pair(left: 'int', right: 'int' = 0) -> None" in shown
    assert "__init__(self, left: 'int', right: 'int' = 0) -> None" in shown


@BOTH
def test_a_subclass_with_a_constructor_of_its_own_has_its_signature(classes: Any) -> None:
    class Other(classes[4]):  # type: ignore[misc]  # a class that is made in a loop
        def __init__(self, *, size: int) -> None:
            super().__init__(size, size)

    class Same(classes[4]):  # type: ignore[misc]  # as above
        pass

    assert str(inspect.signature(Other)) == "(*, size: 'int') -> 'None'"
    assert inspect.signature(Same) == inspect.signature(classes[4])
    assert not hasattr(Other(size=1), "__signature__")


@BOTH
def test_values_cannot_be_changed(classes: Any) -> None:
    point = classes[0](x=1)
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot assign to field 'x'"):
        point.x = 2
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot delete field 'x'"):
        del point.x
    assert not hasattr(point, "__dict__")


@BOTH
def test_values_are_equal_by_the_fields_that_are_compared(classes: Any) -> None:
    point = classes[0]
    assert point(x=1, note="a") == point(x=1, note="b")
    assert point(x=1) != point(x=2)
    assert point(x=1) != (1, 2, (), [])
    assert classes[2]() == classes[2]()
    assert classes[1](value=(1,)) != classes[2]()


@BOTH
def test_equal_values_have_equal_hashes(classes: Any) -> None:
    point = classes[0]
    assert hash(point(x=1, note="a", rows=[1])) == hash(point(x=1, note="b", rows=[]))
    assert hash(classes[1](value="v")) == hash(("v",))
    assert len({classes[2](), classes[2]()}) == 1


@BOTH
def test_values_compare_by_identity_without_eq(classes: Any) -> None:
    thing = classes[3]
    assert thing(value=1) != thing(value=1)
    assert len({thing(value=1), thing(value=1)}) == 2


@BOTH
def test_repr_shows_the_fields_that_it_may(classes: Any) -> None:
    assert repr(classes[0](x=1, names=("secret",))).endswith("Point(x=1, y=2, note='', rows=[])")
    assert repr(classes[2]()).endswith("Empty()")


@BOTH
def test_post_init_is_called(classes: Any) -> None:
    with pytest.raises(ValueError, match="nothing"):
        classes[1](value=None)


@BOTH
def test_dataclasses_can_work_with_it(classes: Any) -> None:
    point = classes[0](x=1)
    assert dataclasses.replace(point, x=4, note="n") == classes[0](x=4)
    assert [field.name for field in dataclasses.fields(point)] == ["x", "y", "names", "note", "rows"]
    assert dataclasses.asdict(point) == {"x": 1, "y": 2, "names": (), "note": "", "rows": []}
    with pytest.raises(TypeError, match="z"):
        dataclasses.replace(point, z=1)


@BOTH
def test_values_can_be_matched_by_keyword(classes: Any) -> None:
    match classes[0](x=1):
        case object(x=1, y=found):
            assert found == 2
        case _:
            pytest.fail("no match")
    assert classes[0].__match_args__ == ()


@BOTH
def test_copies_are_equal(classes: Any) -> None:
    point = classes[0](x=1, rows=[1])
    assert copy.copy(point) == point
    assert copy.deepcopy(point).rows == [1]
    assert copy.deepcopy(point).rows is not point.rows


@BOTH
def test_arguments_may_be_placed_where_the_class_lets_them(classes: Any) -> None:
    pair = classes[4]
    assert pair(1, 2) == pair(left=1, right=2) == pair(1, right=2)
    assert pair(1) == pair(1, 0)
    assert pair.__match_args__ == ("left", "right")
    with pytest.raises(TypeError, match=r"__init__\(\) takes .*3 positional arguments but 4 were given"):
        pair(1, 2, 3)
    with pytest.raises(TypeError, match=r"__init__\(\) got multiple values for argument 'left'"):
        pair(1, left=1)
    with pytest.raises(TypeError, match=r"__init__\(\) missing 1 required positional argument.*'left'"):
        pair(right=1)


@BOTH
def test_a_class_that_is_not_frozen_can_be_changed_and_has_no_hash(classes: Any) -> None:
    changed = classes[5](value=1)
    changed.value = 2
    assert changed == classes[5](value=2)
    with pytest.raises(TypeError, match="unhashable"):
        hash(changed)


@BOTH
def test_own_comparison_stays(classes: Any) -> None:
    assert classes[6](value=1) == classes[6](value=2)
    assert hash(classes[6](value=1)) == 1


@BOTH
def test_a_class_may_have_a_type_parameter(classes: Any) -> None:
    box = classes[7]
    assert box(value=1) == box(value=1)
    assert box[int].__args__ == (int,)


def test_values_survive_pickling() -> None:
    assert pickle.loads(pickle.dumps(Stored(x=1, y=(2,)))) == Stored(x=1, y=(2,))


def test_classes_keep_name_module_and_docstring() -> None:
    assert (Stored.__name__, Stored.__qualname__, Stored.__module__) == ("Stored", "Stored", __name__)
    assert Stored.__doc__ == "Can be found by pickle."


def test_other_forms_are_real_dataclasses() -> None:
    @value_classes.dataclass(frozen=True, slots=True, kw_only=True)
    class Derived(_Base):
        y: int = 0

    @value_classes.dataclass(frozen=True, slots=True, kw_only=True)
    class Counted:
        count: ClassVar[int] = 3
        x: int = 0

    @value_classes.dataclass
    class Plain:
        x: int = 0

    assert Derived(x=1).y == 0
    assert repr(Counted(x=1)).endswith("Counted(x=1)")
    assert Plain(2).x == 2


@BOTH
def test_ordered_values_compare_field_by_field(classes: Any) -> None:
    ordered = classes[9]
    assert sorted([ordered(2, 0), ordered(1, 5), ordered(1)]) == [ordered(1), ordered(1, 5), ordered(2)]
    assert ordered(1) <= ordered(1) and ordered(1) >= ordered(1) and ordered(2) > ordered(1) and ordered(1) < ordered(2)
    with pytest.raises(TypeError):
        assert ordered(1) < (1, 0)


def test_own_order_is_refused_beside_a_generated_one() -> None:
    with pytest.raises(TypeError, match="__lt__"):

        @value_classes.dataclass(frozen=True, slots=True, order=True)
        class _Wrong:
            x: int

            def __lt__(self, other: object) -> bool:  # type: ignore[misc]  # what is refused
                return False


def test_a_mutable_default_is_refused() -> None:
    with pytest.raises(ValueError, match="mutable default"):

        @value_classes.dataclass(frozen=True, slots=True, kw_only=True)
        class _Wrong:
            rows: list[int] = []  # noqa: RUF012 - that is what is refused
