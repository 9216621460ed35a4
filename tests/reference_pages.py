"""The tables of options in the documentation, made from `resolver.settings.options`, and the page of public names.

`python -m tests.reference_pages` writes them anew: the tables between the markers that the pages have for them, the
names as directives for mkdocstrings, which renders their docstrings.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path

from resolver.settings.options import OPTIONS, Group, Kind, Option

__all__ = ["NAMES_PAGE", "PAGES", "fill_page", "render_names"]

_DOCS = Path(__file__).parents[1] / "docs"
PAGES = (_DOCS / "configuration.md", _DOCS / "command.md")
NAMES_PAGE = _DOCS / "names.md"
_NAMES_HEAD = """\
# Public names

What programs may use, by the module that exports it, from the docstrings.
[The Python interface](api.md) shows how it is used.
"""
_TABLE = re.compile(r"(<!-- options: (?P<groups>[a-z, ]+) -->\n).*?(<!-- end of options -->)", re.DOTALL)


def fill_page(text: str) -> str:
    """The text of a page with its tables made anew."""
    return _TABLE.sub(lambda match: f"{match[1]}{_render_table(match['groups'].split(', '))}{match[3]}", text)


def _render_table(names: list[str]) -> str:
    """The table of the options in the groups of these names."""
    groups = {Group[name.upper()] for name in names}
    options = [option for option in OPTIONS if option.group in groups]
    columns: dict[str, Callable[[Option], str]] = {
        "key": lambda option: f"`{option.name}`",
        "flag": _render_flags,
        "value": _render_value,
        "meaning": _render_meaning,
    }
    if Group.RUN in groups:
        del columns["key"]
    elif not any(option.flags for option in options):
        del columns["flag"]
    rows = [[render(option) for render in columns.values()] for option in options]
    head = list(columns)
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *(f"| {' | '.join(row)} |" for row in rows)]
    return "".join(f"{line}\n" for line in lines)


def _render_meaning(option: Option) -> str:
    parts = [_mark_words(option), option.detail, f"else `{option.variable}`" if option.variable else ""]
    return "; ".join(filter(None, parts)).replace("|", "\\|")


def _mark_words(option: Option) -> str:
    """The help, with flags and the option's own choices in code spans where it is no Markdown already."""
    if "`" in option.help or not option.flags:
        return option.help
    flags = r"(?<![\w-])--?[a-z][a-z-]*(?: json)?"
    choices = [rf"\b{re.escape(choice)}\b(?=:| \()" for choice in option.choices]
    return re.sub("|".join([flags, *choices, ":all:", ":none:"]), lambda match: f"`{match[0]}`", option.help)


def _render_flags(option: Option) -> str:
    return ", ".join(f"`{flag}`" for flag in option.flags)


def _render_value(option: Option) -> str:
    if option.kind is Kind.CHOICE:
        return ", ".join(f"`{choice}`" for choice in option.choices)
    if option.is_key:
        return option.value or option.kind.value
    return "" if option.metavar is None else f"`{option.metavar}`"


def render_names(public: Mapping[str, Sequence[str]]) -> str:
    """The page of public names, each where it is defined: mkdocstrings does not follow lazy imports."""
    parts = [_NAMES_HEAD]
    for module, names in public.items():
        parts.append(f"\n## {module}\n")
        parts += [f"\n::: {_find_home(module, name)}.{name}\n" for name in names]
    return "".join(parts)


def _find_home(module: str, name: str) -> str:
    """The module that defines a name which `module` exports."""
    value = getattr(import_module(module), name)
    if inspect.isclass(value) or inspect.isfunction(value):
        return value.__module__
    homes: Mapping[str, Sequence[str]] = getattr(import_module(module), "_NAMES_BY_MODULE", {})
    return next((home for home, names in homes.items() if name in names), module)


def main() -> None:
    from tests.test_public_names import PUBLIC

    NAMES_PAGE.write_text(render_names(PUBLIC), encoding="utf-8")
    for page in PAGES:
        page.write_text(fill_page(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
