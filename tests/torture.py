"""`python -m tests.torture`: the table of docs/reliability.md, and whether each class of attacks and faults passes.

    python -m tests.torture            run all cases and print the table with the result of each class
    python -m tests.torture --quick    the same, without faults at every change of a file and with few examples
    python -m tests.torture --write    write classes and numbers of cases into docs/reliability.md; run nothing

The cases are collected, not listed here: `CASES` of every module in `tests.faults` and `tests.hostile` (each case has a
`name` and a `kind`, which names its class), `TARGETS` of every module in `tests.fuzz`, and the models. What was found,
mended and left stays as it was written in the page.
"""

from __future__ import annotations

import argparse
import importlib
import os
import pkgutil
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

__all__ = ["PAGE", "TortureClass", "collect_classes", "main", "parse_rows"]

_ROOT = Path(__file__).parents[1]
PAGE = _ROOT / "docs" / "reliability.md"
_HEAD = "| class | cases | found | mended | left |"
_ROW = re.compile(r"\| ([^|]+) \| (\d+) \| (\d+) \| (\d+) \| ([^|]*) \|")
_SUBJECTS = {
    "tests.hostile.forged_locks": "forged lock",
    "tests.hostile.hostile_apps": "app of a stranger",
    "tests.hostile.servers_cases": "hostile server",
}
"""What the cases of a module are; the kind of a case says the rest."""
_KINDS = {
    "host": "private hosts",
    "file": "files",
    "build": "builds",
    "secret": "variables and logins",
    "text": "texts and values",
    "size": "size, depth and devices",
    "code": "code that would run",
    "redirect": "redirects",
    "link": "links of pages",
    "credentials": "logins",
    "protocol": "HTTP",
    "page": "pages",
}
_MODELS = {
    "HTTP answers, with h11 as the oracle": ("tests/fetch/http/test_plain_connection.py",),
    "regular expressions in linear time": ("tests/test_slow_patterns.py",),
    "life of a list and its lock": ("tests/life",),
    "solver against brute force": ("tests/solve/test_oracle.py", "tests/solve/test_oracle_of_rules.py"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TortureClass:
    """A class of attacks or faults: how many cases it has, and the tests that run them.

    `names` are the cases whose tests have them as a parameter; without any, all tests at `paths` are of the class.
    """

    name: str
    cases: int
    paths: tuple[str, ...]
    names: frozenset[str] = frozenset()


def collect_classes() -> list[TortureClass]:
    """All classes that the code has, in the order of the page: faults, hostile ones, fuzzing, models."""
    found: list[TortureClass] = []
    for package in ("tests.faults", "tests.hostile"):
        # A module may import the cases of another: each case is that of the module which has its type.
        cases = dict.fromkeys(case for module in _iter_modules(package) for case in getattr(module, "CASES", ()))
        names: dict[str, set[str]] = {}
        for case in cases:
            names.setdefault(_name_class(case), set()).add(case.name)
        counted = Counter(map(_name_class, cases))
        path = package.replace(".", "/")
        found += [
            TortureClass(name=name, cases=counted[name], paths=(path,), names=frozenset(names[name])) for name in names
        ]
    targets = [target for module in _iter_modules("tests.fuzz") for target in getattr(module, "TARGETS", ())]
    if targets:
        found.append(TortureClass(name="fuzzing of parsers", cases=len(set(targets)), paths=("tests/fuzz",)))
    found += [TortureClass(name=name, cases=len(_list_tests(paths)), paths=paths) for name, paths in _MODELS.items()]
    return found


def _name_class(case: Any) -> str:
    """The class of a case in the words of the page; a fault's kind is one already."""
    subject = _SUBJECTS.get(type(case).__module__)
    return case.kind if subject is None else f"{subject}: {_KINDS[case.kind]}"


def _iter_modules(package: str) -> Iterator[ModuleType]:
    """The package and its modules but for its tests and `__main__`; none where there is no such package."""
    try:
        parent = importlib.import_module(package)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        return
    yield parent
    for info in pkgutil.iter_modules(parent.__path__):
        if info.name not in ("__main__", "conftest"):
            yield importlib.import_module(f"{package}.{info.name}")


def _list_tests(paths: Sequence[str]) -> list[str]:
    """The names of the test functions and stateful tests in these files and folders."""
    places = [place for path in paths for place in ([_ROOT / path] if path.endswith(".py") else _list_files(path))]
    return [
        name
        for place in places
        for name in re.findall(r"^(?:def (test_\w+)|(Test\w+) =)", place.read_text(), re.MULTILINE)
    ]


def _list_files(folder: str) -> list[Path]:
    return sorted((_ROOT / folder).glob("test_*.py"))


def parse_rows(text: str) -> dict[str, tuple[int, str, str, str]]:
    """The rows of the page's table: cases, found, mended and left by class."""
    table = text.partition(_HEAD)[2].partition("\n\n")[0]
    return {row[1]: (int(row[2]), row[3], row[4], row[5]) for row in _ROW.finditer(table)}


def _render(classes: Sequence[TortureClass], rows: Mapping[str, tuple[int, str, str, str]]) -> str:
    """The table of the page."""
    lines = [_HEAD, "|---|---|---|---|---|"]
    for one in classes:
        _, *rest = rows.get(one.name, (0, "0", "0", "nothing known"))
        lines.append(f"| {one.name} | {one.cases} | {' | '.join(map(str, rest))} |")
    return "\n".join(lines)


def _run(paths: Sequence[str], *, quick: bool) -> tuple[list[tuple[str, bool]], bool]:
    """The tests at these paths as pairs of name and whether it passed, and whether pytest ended as it should."""
    environment = {name: value for name, value in os.environ.items() if name != "PINFOLD_LONG"}
    environment |= {"CI": "1"} if quick else {"PINFOLD_LONG": "1"}
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", *paths]
        code = subprocess.run(command, cwd=_ROOT, env=environment, check=False).returncode
        if not report.exists():
            return [], False
        cases = ElementTree.parse(report).getroot().iter("testcase")
        return [
            (case.get("name", ""), not {"failure", "error"} & {part.tag for part in case}) for case in cases
        ], code == 0


def _judge(one: TortureClass, results: Sequence[tuple[str, bool]]) -> str:
    """`passes`, `FAILS`, or `not run` for a class. A failed test of no named case counts for every class beside it."""
    own = [passed for name, passed in results if not one.names or any(f"[{case}" in name for case in one.names)]
    named = [passed for name, passed in results if "[" not in name]
    if not own and not named:
        return "not run"
    return "passes" if all([*own, *named]) else "FAILS"


def main(argv: Sequence[str]) -> int:
    """The exit code: 0 where all classes pass."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="few examples, some changes of a file")
    parser.add_argument("--write", action="store_true", help="write classes and numbers of cases into the page")
    values = parser.parse_args(list(argv))
    classes, text = collect_classes(), PAGE.read_text(encoding="utf-8")
    rows = parse_rows(text)
    if values.write:
        head, _, rest = text.partition(_HEAD)
        PAGE.write_text(f"{head}{_render(classes, rows)}\n\n{rest.partition(chr(10) * 2)[2]}", encoding="utf-8")
        return 0
    results = {paths: _run(paths, quick=values.quick) for paths in dict.fromkeys(one.paths for one in classes)}
    judged = [_judge(one, results[one.paths][0]) for one in classes]
    for line, result in zip(_render(classes, rows).splitlines(), ["result", "---", *judged], strict=True):
        print(f"{line} {result} |")
    return 0 if all(ended for _, ended in results.values()) and set(judged) == {"passes"} else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
