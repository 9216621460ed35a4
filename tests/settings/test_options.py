"""The table of options, and all that is made of it or names an option: settings, parser, pages, remedies."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import get_args

import pytest

from lockfiles.lockfile import ToolTable
from resolver.cli.main import _MODULES, main
from resolver.cli.parser import build_parser, parse_lock_arguments
from resolver.fetch.access import KeyringProvider
from resolver.requirements.flags import FLAGS
from resolver.requirements.scopes import FlagScope
from resolver.settings.options import OPTIONS, Group, Kind, Merge, Option
from resolver.settings.settings import IndexStrategy, Settings, parse_settings
from tests.reference_pages import PAGES, fill_page

_ROOT = Path(__file__).parents[2]
_DOCUMENTS = (_ROOT / "README.md", *sorted((_ROOT / "docs").rglob("*.md")))
_KEYS = tuple(option for option in OPTIONS if option.is_key)
_NOT_KEYS = {"format_flags", "platform_adds"}
"""Fields that two flags, and the rest of a table, have for themselves."""

_LISTS = {Kind.TEXTS, Kind.NAMES, Kind.REQUIREMENTS, Kind.URL_PREFIXES, Kind.FORMATS, Kind.MACHINES, Kind.ITEMS}
_FLAG = re.compile(r"(?<![\w-])--?[a-zA-Z][a-z-]*")
_OTHER_TOOLS = re.compile(r"\b(?:pip|uv|git|pre-commit|keyring|python)\b")
_SCRIPTS = {
    "--sdists",
    "--tools",
    "--runs",
    "--cases",
    "--tls",
    "--record",
    "--json",
    "--cut-off",
    "--latency-ms",
    "--store",
    "--limit-s",
    "--orders",
    "--jobs",
    "--from",
    "--write",
}
"""Flags of `benchmarks/`, which docs/performance.md tells."""

_NO_FLAGS = {
    "--build-arg": "docs/how-to/dockerfile.md: of an image builder",
    "--isolation": "docs/how-to/dockerfile.md: of buildah",
    "--network": "docs/how-to/dockerfile.md: of a RUN instruction",
    "--frobnicate": "docs/api.md: a list with a fault",
    "--end-of-options": "docs/security.md: what git is given",
    "-n": "README.md: how many tests run at once",
    "--torch-backend": "docs/how-to/from-uv.md: of uv",
    "-I": "docs/apps.md: of Python",
    "-vv": "docs/security.md: `-v` of this and of other tools, twice",
    "-vvv": "docs/security.md: of another tool",
    "--use-feature": "docs/compatibility.md: pip's, refused in lists",
    "--all-releases": "docs/compatibility.md: pip's, refused in lists",
    "--only-final": "docs/compatibility.md: pip's, refused in lists",
    "--no-require-hashes": "docs/compatibility.md: pip's, refused in lists",
}


def test_settings_have_a_field_for_each_key() -> None:
    assert {option.field for option in _KEYS} | _NOT_KEYS == {one.name for one in fields(Settings)}


@pytest.mark.parametrize("option", _KEYS, ids=lambda option: option.name)
def test_field_has_the_type_of_its_kind(option: Option) -> None:
    (annotation,) = (str(one.type) for one in fields(Settings) if one.name == option.field)
    if option.kind is Kind.FLAG:
        assert annotation == "bool | None"
    elif option.kind in {Kind.TEXT, Kind.TIME}:
        assert annotation == "str | None"
    elif option.kind in _LISTS:
        assert annotation.startswith("tuple[") or annotation == "RequirementItems | None"
    assert option.merge is Merge.REPLACED or annotation.startswith("tuple[")


@pytest.mark.parametrize(
    ("name", "literal"),
    [("index-strategy", IndexStrategy), ("flag-scope", FlagScope), ("keyring-provider", KeyringProvider)],
)
def test_choices_are_those_of_the_type(name: str, literal: object) -> None:
    options = {option.name: option for option in OPTIONS}
    assert options[name].choices == get_args(literal)


def test_every_name_and_flag_is_of_one_option() -> None:
    names = [option.name for option in OPTIONS]
    flags = [flag for option in OPTIONS for flag in option.flags]
    assert len(names) == len(set(names))
    assert len(flags) == len(set(flags))
    assert all(f"--{option.name}" in option.flags for option in OPTIONS if option.flags)


def test_help_shows_every_flag_and_what_is_no_setting_under_this_run() -> None:
    text = build_parser("lock").format_help()
    shown, run = text, text.partition("\nthis run:\n")[2].partition("\nverbs, each")[0]
    for option in OPTIONS:
        for flag in option.flags:
            assert re.search(rf"(?m)^  (?:.*, )?{flag}(?![\w-])", shown), flag
            assert (re.search(rf"(?m)^  (?:.*, )?{flag}(?![\w-])", run) is not None) is (option.group is Group.RUN), (
                flag
            )


def test_settings_of_a_command_line_without_options_are_unset() -> None:
    assert parse_lock_arguments([], program="lock").settings == Settings()


def test_every_flag_of_a_setting_sets_its_field() -> None:
    for option in _KEYS:
        if not option.flags or option.kind in {Kind.FORMATS, Kind.MACHINES}:
            continue
        value = option.choices[0] if option.choices else "x"
        words = [option.flags[0]] if option.kind is Kind.FLAG else [option.flags[0], value]
        settings = parse_lock_arguments(words, program="lock").settings
        assert [one.name for one in fields(settings) if getattr(settings, one.name) is not None] == [option.field]


def test_variables_of_the_table_are_those_that_the_code_reads() -> None:
    texts = (path.read_text(encoding="utf-8") for path in (_ROOT / "resolver").rglob("*.py") if path.stem != "options")
    read = {name for text in texts for name in re.findall(r"environ\.get\(\"(PINFOLD_\w+)\"", text)}
    # These belong to a machine, not to a run, so they have no flags; a salt is a secret as well.
    assert read - {"PINFOLD_CACHE_LIMIT", "PINFOLD_STORE_SALT"} == {option.variable for option in OPTIONS} - {""}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_tables_of_options_are_made_of_the_table(page: Path) -> None:
    """`python -m tests.reference_pages` writes them."""
    text = page.read_text(encoding="utf-8")
    assert text == fill_page(text)
    assert "<!-- options: " in text


def test_pages_have_every_option() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    rows = set(re.findall(r"(?m)^\| `-*([\w-]+)`", text)) | set(re.findall(r"(?m)^\| `-\w`, `--([\w-]+)`", text))
    assert {option.name for option in OPTIONS} - rows == set()


@cache
def _list_flags(verb: str) -> frozenset[str]:
    """The flags that the help of a verb shows; those of `lock` are in the table."""
    if verb == "lock":
        return frozenset(flag for option in OPTIONS for flag in option.flags) | {"--help", "--version"}
    import contextlib
    import io

    with contextlib.redirect_stdout(io.StringIO()) as out:
        assert main([verb, "--help"]) == 0
        if verb == "fleet":
            assert main([verb, "which", "--help"]) == 0
    # Examples of other tools stand in the description, in lines of their own.
    lines = [line for line in out.getvalue().splitlines() if not _OTHER_TOOLS.match(line.strip())]
    found = frozenset(flag for line in lines for flag in _FLAG.findall(line))
    return found | _list_flags("lock") if verb == "fleet" else found  # It locks lists with the options of `lock`.


def _known_flags() -> frozenset[str]:
    """What any verb or a list takes."""
    of_lists = {spelling for flag in FLAGS for spelling in (flag.name, *flag.spellings)}
    return frozenset(of_lists).union(*(_list_flags(verb) for verb in ("lock", *_MODULES)))


def _find_unknown(code: str) -> list[str]:
    """The flags in a piece of code that the verb it names does not take; without a verb, that nothing takes."""
    program, *words = code.replace("`", "").split()
    found = _FLAG.findall(re.sub(r"'[^']*'|\"[^\"]*\"|#.*", "", code.partition(" | ")[0]))
    if program not in {"lock", "pinfold"}:
        return [] if _OTHER_TOOLS.search(code) else [flag for flag in found if flag not in _known_flags()]
    verb = words[0] if words and words[0] in _MODULES else "lock"
    return [f"{verb} {flag}" for flag in found if flag not in _list_flags(verb)]


def _iter_code(text: str) -> Iterator[str]:
    """The pieces of code in a message or in prose that begin with a flag or with our command."""
    for code in re.findall(r"`([^`]+)`", text):
        if re.match(r"(?:lock|pinfold)\s|-", code):
            yield code


def _iter_messages() -> Iterator[tuple[str, str]]:
    """Each text of the code but docstrings, with its place; what is filled in is `…`."""
    for path in sorted((_ROOT / "resolver").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
        docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if id(node) in parts | docstrings:
                continue
            place = f"{path.relative_to(_ROOT)}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield place, node.value
            elif isinstance(node, ast.JoinedStr):
                yield place, "".join(one.value if isinstance(one, ast.Constant) else "…" for one in node.values)  # type: ignore[misc]  # parts of a text are texts


def test_every_flag_that_a_message_names_is_taken() -> None:
    unknown = [
        f"{place}: {flag}"
        for place, text in _iter_messages()
        for code in _iter_code(text)
        for flag in _find_unknown(code)
        if flag not in _NO_FLAGS
    ]
    assert unknown == []


def test_every_flag_that_a_page_names_is_taken() -> None:
    unknown = []
    for path in _DOCUMENTS:
        text = path.read_text(encoding="utf-8")
        blocks = re.findall(r"(?ms)^```.*?^```", text)
        prose = re.sub(r"(?ms)^```.*?^```", "", text)
        commands = [
            line.lstrip("$ ").partition("#")[0]
            for block in blocks
            for line in block.splitlines()
            if re.match(r"\$ lock ", line)
        ]
        for code in (*_iter_code(prose), *commands):
            found = [flag for flag in _find_unknown(code) if flag not in _NO_FLAGS.keys() | _SCRIPTS]
            unknown += [f"{path.name}: {flag}" for flag in found]
    assert unknown == []


def test_every_key_that_a_page_names_is_taken() -> None:
    known = {option.name for option in _KEYS}
    of_locks = {one.name.replace("_", "-") for one in fields(ToolTable)}
    for path in _DOCUMENTS:
        text = path.read_text(encoding="utf-8")
        for block in re.findall(r"(?ms)^```toml[^\n]*\n(.*?)^```", text):
            table = tomllib.loads(block).get("tool", {}).get("pinfold") if "tool.pinfold" in block else None
            if table is not None and "schema" not in table:  # A table with one is that of a lock.
                parse_settings(table, where=path.name)
        named = re.findall(r"`(?:\[\[?)tool\.pinfold\.([\w-]+)[\w.-]*\]\]?`", text)
        named += re.findall(r"`\[tool\.pinfold\] ([\w-]+)", text)
        assert set(named) <= known | of_locks, path.name


def test_a_flag_that_no_verb_takes_is_found() -> None:
    assert _find_unknown("lock app.py --frob -m A100") == ["lock --frob"]
    assert _find_unknown("lock verify --format github --check") == ["verify --check"]
    assert _find_unknown("--frob") == ["--frob"]
    assert _find_unknown("pip install --frob") == []
