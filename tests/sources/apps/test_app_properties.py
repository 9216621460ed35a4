"""Whatever an app file holds: it is read or refused, it is never run, and reading it is soon over."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from resolver.errors import SourceError
from resolver.sources.apps.app_file import App, AppReader
from resolver.sources.apps.interpreter.values import AppTarget
from resolver.targets.platforms import DEFAULT_PLATFORM
from resolver.targets.target import build_marker_environment, parse_python_version
from tests.sources.apps.app_files import read_app

WRITTEN = Path(__file__).parents[2] / "data" / "apps" / "written"
SOURCES = [path.read_text(encoding="utf-8") for path in sorted(WRITTEN.glob("*.py"))]
LINES = sorted({line for source in SOURCES for line in source.splitlines() if line.strip()})
PYTHON = parse_python_version("3.11")
TARGET = AppTarget(python=PYTHON, environment=build_marker_environment(PYTHON, DEFAULT_PLATFORM))

_SEPARATOR = re.compile(r"\n|  +")


def words(text: str) -> list[str]:
    """The pieces of a text, which two blanks or a line end keep apart; `⏎` is a line end inside a piece."""
    return [one.replace("⏎", "\n") for one in _SEPARATOR.split(text.strip())]


ATOMS = words(
    """
1  -7  0.5  True  None  "torch"  'a b'  b'x'  10**9  NAMES  TABLE  PATH  helper  fal  os.environ
os.environ["X"]  os.getenv("Y")  sys.version_info  platform.machine()  __file__  {*()}  open  ...  A  range(3)
lambda x: x  exit  __builtins__  NAMES.append  str.strip  []  {}
"""
)
FORMS = words(
    """
({0} + {1})  ({0} * {1})  ({0} % {1})  ({0} / {1})  ({0} | {1})  [{0}, {1}]  ({0}, {1})  {{{0}: {1}}}  {0}[{1}]
{0}[{1}:]  {0}.upper()  {0}.join({1})  {0}.split({1})  {0}.format({1})  {0}({1})  {0}()  [x for x in {0} if {1}]
({0} if {1} else {0})  ({0} and {1})  not {0}  {0} in {1}  {0} < {1}  [*{0}, {1}]  dict(**{0})  helper({0}, {1})
sorted({0})  list({0})  len({0})  sum({0})  str({0})  {0}.append({1})  {0}.update({1})  {0}.replace({1}, {0})
{0}.__class__  {0}.parent  Path({0}) / {1}  open({0}).read()  {0}.pop({1})  zip({0}, {1})  map({0}, {1})
(x := {0})  {0}.zfill({1})  -{0}
"""
)
STATEMENTS = words(
    """
NAMES = {0}  NAMES += {0}  TABLE[{0}] = {1}  A.requirements = {0}  del NAMES  x, y = {0}  {0}
if {0}:⏎ NAMES = {1}  for x in {0}:⏎ NAMES += {1}  while {0}:⏎ break  with {0} as x:⏎ {1}
try:⏎ {0}⏎except Exception:⏎ NAMES = {1}  def helper(x=1, *y, **z):⏎ return {0}  import {0}
@fal.function(requirements={0}, machine_type={1})⏎def f():⏎ pass  class A(fal.App, **{0}): pass  return
class B(A, python_version={0}):⏎ requirements = {1}  global NAMES  raise {0}  assert {0}  yield {0}
async def helper(x):⏎ pass  match {0}:⏎ case _:⏎ NAMES = {1}  from x import *  break
"""
)
HEAD = (
    "import fal, os, sys, platform\nfrom pathlib import Path\nNAMES = ['a']\nTABLE = {'a': ['b']}\nPATH = Path('x')\n"
)
APP = "\nclass Z(fal.App):\n    requirements = {0}\n    machine_type = {1}\n"

expressions = st.recursive(
    st.sampled_from(ATOMS),
    lambda inner: st.builds(lambda form, one, other: form.format(one, other), st.sampled_from(FORMS), inner, inner),
)
statements = st.builds(
    lambda form, one, other: form.format(one, other), st.sampled_from(STATEMENTS), expressions, expressions
)
SETTINGS = settings(max_examples=250)


def read(text: str, name: str | None = None) -> App | None:
    """What is read, twice the same; None where it is refused."""
    found: list[App | str] = []
    for _ in range(2):
        try:
            reader = AppReader(
                text.encode("utf-8", "replace"), name="app.py", path=WRITTEN / "app.py", seen_from=WRITTEN
            )
            found.append(reader.read(name, target=TARGET))
        except SourceError as error:
            found.append(str(error))
    assert found[0] == found[1]
    return found[0] if isinstance(found[0], App) else None


@SETTINGS
@given(st.lists(statements, max_size=6), expressions, expressions)
@example(["NAMES.append(NAMES)"], "NAMES", "NAMES")
@example(["TABLE['a'] = TABLE"], "TABLE", "TABLE")
@example(["def helper(x):\n    return helper(x)"], "[helper(1)]", "1")
@example(["while True:\n    NAMES += NAMES"], "NAMES", "1")
@example(["class A(fal.App): pass", "class A(A): pass"], "[]", "1")
def test_any_python_is_read_or_refused(parts: list[str], one: str, other: str) -> None:
    app = read(HEAD + "\n".join(parts) + APP.format(one, other), "Z")
    if app is not None:
        flat = [text for item in app.items for text in ([item] if isinstance(item, str) else item)]
        assert all(type(text) is str for text in flat)
        assert len(app.items) == len(app.positions)


@SETTINGS
@given(st.lists(st.sampled_from(LINES), max_size=25))
def test_any_mixture_of_lines_is_read_or_refused(lines: list[str]) -> None:
    read("\n".join(lines))


@SETTINGS
@given(st.sampled_from(SOURCES), st.integers(0, 4000), st.integers(0, 60), st.text(max_size=5))
def test_any_change_of_an_app_is_read_or_refused(source: str, start: int, length: int, text: str) -> None:
    read(source[:start] + text + source[start + length :])


@SETTINGS
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        read_app(data, name="app.py", class_name=None)
    except SourceError as error:
        assert "app.py" in str(error)


ATTACKS = [
    '__import__("os").system("touch CANARY")',
    'eval("open(\\"CANARY\\", \\"w\\")")',
    'exec("import os; os.mkdir(\\"CANARY\\")")',
    'open("CANARY", "w").write("x")',
    '(lambda: __import__("pathlib").Path("CANARY").touch())()',
    "[].__class__.__base__.__subclasses__()",
    '"{0.__class__.__init__.__globals__}".format(fal)',
    'os.system("touch CANARY")',
    'Path("CANARY").write_text("x")',
    'Path("CANARY").mkdir()',
    'os.environ.update(CANARY="x")',
    'type("X", (), {"__del__": print})()',
    'compile("1", "x", "eval")',
    'subprocess.run(["touch", "CANARY"])',
    'getattr(os, "system")("touch CANARY")',
    'open("/etc/passwd").read().split()',
    'Path("/etc/hostname").read_text()',
    'open("../../../../../../etc/passwd").read()',
]
_EVENTS: list[str] = []
_IS_WATCHED = [False]
_HARMLESS_EVENTS = {"compile", "object.__getattr__", "sys._getframe", "os.listdir", "os.scandir", "builtins.id"}


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if _IS_WATCHED[0] and event not in _HARMLESS_EVENTS:
        _EVENTS.append(f"{event} {arguments}")


@pytest.fixture
def events() -> list[str]:
    """What the interpreter is seen to do while a file is read; one hook for all tests, since none can be taken away."""
    if "hook" not in _EVENTS:
        sys.addaudithook(_watch)
    _EVENTS[:] = ["hook"]
    return _EVENTS


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_file_is_run_and_no_file_outside_is_opened(
    attack: str, events: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = (
        "import fal, os, subprocess\nfrom pathlib import Path\n"
        f"X = {attack}\n{attack}\n\n@({attack})\ndef f():\n    return {attack}\n"
        f"\nclass Z(fal.App, python_version=({attack})):\n    {attack}\n"
        f"    requirements = [f'{{X}}', {attack}, f()]\n    machine_type = X\n"
    )

    def read_attack() -> str:
        reader = AppReader(text.encode(), name="app.py", path=tmp_path / "app.py", seen_from=tmp_path)
        with pytest.raises(SourceError) as caught:
            reader.read("Z", target=TARGET)
        return str(caught.value)

    first = read_attack()
    _IS_WATCHED[0] = True
    try:
        second = read_attack()
    finally:
        _IS_WATCHED[0] = False
    assert events == ["hook"]
    assert first == second
    assert "requirements[0]" in first
    assert list(tmp_path.iterdir()) == []
