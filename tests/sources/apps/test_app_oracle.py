"""Python itself as the judge: where an app is read, its list is the one that Python makes of the same file."""

from __future__ import annotations

import copy
import re
import sys
import types
from pathlib import Path
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from resolver.errors import SourceError
from resolver.sources.apps.app_file import App
from resolver.sources.apps.interpreter.values import AppTarget
from resolver.targets.platforms import DEFAULT_PLATFORM
from resolver.targets.target import PythonVersion, build_marker_environment
from tests.sources.apps.app_files import read_app

PYTHON = PythonVersion(minor=sys.version_info.minor, patch=sys.version_info.micro)
TARGET = AppTarget(python=PYTHON, environment=build_marker_environment(PYTHON, DEFAULT_PLATFORM))

_SEPARATOR = re.compile(r"\n|  +")


def words(text: str) -> list[str]:
    """The pieces of a text, which two blanks or a line end keep apart; `⏎` is a line end and `·` a blank inside one."""
    return [one.replace("⏎", "\n").replace("·", " ") for one in _SEPARATOR.split(text.strip())]


ATOMS = words(
    """
0  1  -1  2  True  False  None  "a"  "torch==2"  "b c"  ""  NAMES  MORE  TABLE  PAIR  WORD  []  {}  ()
sys.version_info  sys.version_info[:2]  helper  lambda x: x  len  str.upper  unknown  unknown()
(x for x in NAMES)  {'a', 'b'}  NAMES[0]  TABLE['k']  Base.NAMES  WORD.upper
"""
)
FORMS = words(
    """
({0} + {1})  ({0} * {1})  ({0} - {1})  ({0} % {1})  ({0} | {1})  [{0}, {1}]  ({0}, {1})  [*{0}, {1}]
{{{0}: {1}}}  {{**{0}, 'z': {1}}}  {0}[{1}]  {0}[{1}:]  {0}[::{1}]  f'{{{0}}}-{{{1}}}'  f'{{{0}!r:>4}}'
{0}.join({1})  {0}.split({1})  {0}.format({1})  {0}.get({1}, 'q')  {0}.replace({1}, 'w')  {0}.strip()
[x for x in {0} if {1}]  [x + {1} for x in {0}]  ({0} if {1} else 'n')  ({0} and {1})  ({0} or {1})  (not {0})
({0} in {1})  ({0} == {1})  ({0} < {1})  ({0} is {1})  sorted({0})  list({0})  tuple({0})  dict(zip({0}, {1}))
list(map({0}, {1}))  list(filter({0}, {1}))  helper({0}, {1})  adder({0})  str({0})  {0}.copy()
list(reversed({0}))  [y for x in {0} for y in x]  (z := {0})  list({0}.items())  '%s' % {0}
list(enumerate({0}))  any({0})  {0}.pop()  {0}.index({1})  {0}.count({1})  max({0}, {1})  int({0})
{0}.startswith({1})  list(range({0}))  dict(a={0})  {0}.append({1})  {0}({1})  -{0}  list(set({0}))
"""
)
STATEMENTS = words(
    """
NAMES = {0}  NAMES += {0}  NAMES.append({0})  NAMES.extend({0})  MORE = NAMES  MORE = list(NAMES)
NAMES[0] = {0}  TABLE['k'] = {0}  WORD += {0}  x, y = {0}  for one in {0}:⏎ NAMES.append(one)
if {0}:⏎ NAMES.append('i')⏎else:⏎ NAMES.append({1})  if {0}:⏎ def helper(p, q='d'):⏎··return [p]
for one in {0}:⏎ if {1}:⏎··continue⏎ NAMES.append('l')  for one in {0}:⏎ break⏎else:⏎ NAMES = {1}
try:⏎ NAMES.append({0})⏎ NAMES.append('t')⏎except Exception:⏎ NAMES.append('e')  del NAMES[0]
try:⏎ {0}⏎except Exception:⏎ pass⏎else:⏎ NAMES.append({1})⏎finally:⏎ NAMES.append('f')  {0}
def helper(p, q={0}):⏎ if p:⏎··return {1}⏎ return [p, q]  adder({0})  unknown(NAMES)  unknown({0})
class Base(Base):⏎ NAMES = {0}  Base.NAMES = {0}  Base.NAMES += {0}  print({0})  MORE, NAMES = NAMES, MORE
while {0}:⏎ NAMES.append('w')⏎ break  if unknown({0}):⏎ NAMES.append('u')  assert True or {0}  pass
def adder(p):⏎ NAMES.append(p)⏎ return NAMES  with unknown() as NAMES:⏎ pass  {0}.sort()  global NAMES
try:⏎ import no_such_module⏎ NAMES.append('m')⏎except ImportError:⏎ NAMES.append('n')
"""
)
HEAD = """\
import sys
import fal
from acme import unknown

NAMES = ["a", "b"]
MORE = ["m"]
TABLE = {"k": "v", "a": ["b"]}
PAIR = ("p", "q")
WORD = "w"
z = None


def helper(p, q="d", *rest, **named):
    return [p, q, *rest]


def adder(p):
    NAMES.append(p)
    return NAMES


class Base(fal.App):
    NAMES = ["base"]


"""
APP = "\nclass Chat(Base):\n    requirements = {0}\n    requirements = {1}\n"


def fill(form: str, one: str, other: str) -> str:
    return form.format(one, other)


expressions = st.recursive(
    st.sampled_from(ATOMS), lambda inner: st.builds(fill, st.sampled_from(FORMS), inner, inner), max_leaves=6
)
statements = st.builds(fill, st.sampled_from(STATEMENTS), expressions, expressions)


class Unknown:
    """What `acme.unknown` is at run time: something that changes what it is handed."""

    def __call__(self, *values: Any) -> Unknown:
        for value in values:
            if isinstance(value, list):
                value.append("changed")
        return self

    def __enter__(self) -> list[str]:
        return ["entered"]

    def __exit__(self, *_: object) -> None:
        return None


class TooLongError(Exception):
    pass


def limit_steps() -> Any:
    """A trace function that ends what goes through too many lines: some loops here have no end."""
    steps = 0

    def trace(frame: types.FrameType, event: str, argument: object) -> Any:
        nonlocal steps
        steps += 1
        if steps > 500 and frame.f_code.co_filename == "app.py":
            raise TooLongError
        return trace

    return trace


def run(text: str) -> object:
    """The list that Python makes of the file; what it raises otherwise."""
    fal, acme = types.ModuleType("fal"), types.ModuleType("acme")
    fal.App = type("App", (), {})  # type: ignore[attr-defined]  # a module made for this
    acme.unknown = Unknown()  # type: ignore[attr-defined]  # as above
    before = {name: sys.modules.get(name) for name in ("fal", "acme")}
    sys.modules |= {"fal": fal, "acme": acme}
    traced = sys.gettrace()
    try:
        names: dict[str, Any] = {"__name__": "<run_path>", "print": lambda *_: None}
        code = compile(text, "app.py", "exec", dont_inherit=True)
        sys.settrace(limit_steps())
        exec(code, names)
        return copy.deepcopy(names["Chat"].requirements)
    except Exception as error:  # noqa: BLE001  (whatever an app raises)
        return error
    finally:
        sys.settrace(traced)
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


def read(text: str) -> App | None:
    try:
        return read_app(text.encode(), name="app.py", class_name="Chat", path=Path(__file__), target=TARGET)
    except SourceError:
        return None


@settings(max_examples=300)
@given(st.lists(statements, max_size=5), expressions, expressions)
@example([], "NAMES + MORE", "[*NAMES, 'x']")
@example(["MORE = NAMES", "NAMES += ['c']"], "1", "MORE")
@example(["adder('c')", "adder('d')"], "1", "NAMES")
@example(["unknown(NAMES)"], "1", "[*NAMES]")
@example(["NAMES = 0", "unknown((z := MORE))"], "0", "MORE")
@example(["try:\n    unknown.x\n    NAMES.append('t')\nexcept Exception:\n    pass"], "1", "[*NAMES]")
def test_a_list_that_is_read_is_the_list_that_python_makes(parts: list[str], one: str, other: str) -> None:
    text = HEAD + "\n".join(parts) + APP.format(one, other)
    app = read(text)
    made = run(text)
    if app is not None and not isinstance(made, Exception):
        assert isinstance(made, list)
        assert [list(item) if isinstance(item, tuple) else item for item in app.items] == [
            list(item) if isinstance(item, tuple) else item for item in made
        ]
