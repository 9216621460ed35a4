"""What a run does not load: the largest part of a short run is what it imports."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from tests.command import Project, child_environment
from tests.servers import wheel

_CODE = """
import sys
from resolver.cli.main import main
code = main(sys.argv[1:])
print(code, *sorted(sys.modules))
"""

LARGE = {"httpx", "hishel", "resolvelib", "rich", "ssl", "asyncio", "http.client", "email", "sqlite3"}


def loaded(project: Project, *argv: str) -> set[str]:
    """The modules that a successful run had loaded at its end."""
    words = [*argv, "--python", "3.11", "--cache-dir", str(project.cache)]
    done = subprocess.run(
        [sys.executable, "-c", _CODE, *words],
        cwd=project.folder,
        env=child_environment(project.folder),
        capture_output=True,
        text=True,
        check=True,
    )
    code, *modules = done.stdout.splitlines()[-1].split()
    assert code == "0", done.stderr
    return set(modules)


@pytest.fixture(autouse=True)
def locked(project: Project) -> None:
    project.server.add("a", wheel("a", "1.0", ["b"]))
    project.server.add("b", wheel("b", "1.0"))
    project.write_list("a")
    assert project.lock("requirements.txt").code == 0


def test_check_loads_neither_http_client_nor_cache_nor_solver(project: Project) -> None:
    modules = loaded(project, "requirements.txt", "--check")

    assert modules & (LARGE | {"tomli_w", "pip", "lockfiles.comparison"}) == set()
    assert not any(name.startswith(("resolver.fetch", "resolver.solve", "resolver.index")) for name in modules)


def test_help_loads_neither_http_client_nor_cache_nor_solver(project: Project) -> None:
    modules = loaded(project, "--help")

    assert modules & (LARGE | {"packaging", "tomllib", "resolver.settings.settings", "resolver.planning.plan"}) == set()


def test_lock_from_a_fresh_cache_loads_neither_http_client_nor_cache_nor_solver(project: Project) -> None:
    asked = len(project.server.log)

    modules = loaded(project, "requirements.txt", "--upgrade")

    assert modules & LARGE == set()
    assert "resolver.solve.search.universe" not in modules
    assert len(project.server.log) == asked


def test_lock_from_an_empty_cache_loads_no_http_library_where_the_index_answers_plainly(project: Project) -> None:
    shutil.rmtree(project.cache)

    modules = loaded(project, "requirements.txt", "--upgrade")

    assert (
        modules & {"httpx", "httpcore", "hishel", "rich", "ssl", "asyncio", "http.client", "email", "sqlite3"} == set()
    )
    assert "resolver.solve.search.universe" in modules


def test_lock_of_a_list_with_its_own_index_does_not_load_pip(project: Project) -> None:
    assert not any(name == "pip" or name.startswith("pip.") for name in loaded(project, "requirements.txt"))


ALLOWED = {
    "versions, specifiers, markers, PEP 751": "packaging",
    "the search, and the text of the lock": "resolvelib tomli_w",
    "argparse": "argparse gettext locale shlex string textwrap",
    "dataclasses, for packaging.pylock": "ast copy dataclasses dis importlib inspect linecache opcode token tokenize",
    "packaging.tags and markers": "array logging platform select selectors signal subprocess sysconfig traceback",
    "lists, pyproject.toml, old locks, answers": "datetime fcntl gc ipaddress json pathlib tomllib unicodedata urllib",
    "plain sockets": "encodings heapq queue socket stringprep threading zlib",
    "expressions, files and types everywhere": "enum fnmatch glob grp ntpath pwd re typing warnings",
    "small modules that those bring": "atexit bisect collections contextlib copyreg errno functools genericpath"
    " itertools keyword math operator os posixpath reprlib stat struct types weakref",
}
"""What a run may load beside the product and what Python has without `site`, by the reason; some with some versions."""

_DIFFERENCE = """
import sys
bare = {*sys.modules}
from resolver.cli.main import main
code = main(sys.argv[1:])
print(code, *sorted({name.partition(".")[0] for name in {*sys.modules} - bare}))
"""


@pytest.mark.parametrize("case", ["cold", "changed", "--check"])
def test_a_run_loads_only_what_is_listed_with_a_reason(project: Project, case: str) -> None:
    words: tuple[str, ...] = ()
    if case == "cold":
        shutil.rmtree(project.cache)
    elif case == "changed":
        project.write_list("a>0")
    else:
        words = ("--check",)

    words = (*words, "requirements.txt", "--python", "3.11", "--cache-dir", str(project.cache))
    done = subprocess.run(
        [sys.executable, "-S", "-c", _DIFFERENCE, *words],
        cwd=project.folder,
        env=child_environment(project.folder),
        capture_output=True,
        text=True,
        check=True,
    )
    code, *names = done.stdout.splitlines()[-1].split()
    found = {name for name in names if not name.startswith("_")}

    listed = {name for names in ALLOWED.values() for name in names.split()}
    assert code == "0", done.stderr
    assert found - listed - {"resolver", "lockfiles"} == set()
