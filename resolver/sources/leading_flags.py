"""Flags that stand before a list: those of the command line, and those of `[tool.pinfold]` by their keys.

In: the settings of both. Out: items and statements in the order in which the parser is to read them.
"""

from __future__ import annotations

from collections.abc import Iterator

from resolver.requirements.flags import find_item_flag
from resolver.requirements.position import Position
from resolver.requirements.statements import FlagUse, RequirementUse, Statement
from resolver.settings import Settings

__all__ = ["leading_flags"]

_TABLE = "[tool.pinfold]"


def leading_flags(configured: Settings, arguments: Settings) -> list[str | Statement]:
    """What stands before item 0: what is nearer first, but for formats, where the last word wins.

    A configured `index-url` does not: it takes the place of the default index. Paths are relative to the
    current folder.
    """
    return [*_configured_formats(configured), *_argument_tokens(arguments), *_configured_flags(configured, arguments)]


def _argument_tokens(arguments: Settings) -> list[str]:
    """Flags of the command line, as items."""
    tokens = ["--index-url", arguments.index_url] if arguments.index_url is not None else []
    for flag, values in _values_by_flag(arguments):
        tokens += [token for value in values for token in (flag, value)]
    tokens += [token for flag_and_value in arguments.format_flags or () for token in flag_and_value]
    return tokens + [flag for flag, is_set in _switches(arguments) if is_set]


def _configured_flags(configured: Settings, arguments: Settings) -> Iterator[Statement]:
    """Flags of the table that the command line does not say too, with their keys as positions."""
    said = dict(_values_by_flag(arguments))
    for flag, values in _values_by_flag(configured):
        for item, value in enumerate(values):
            if value not in said[flag]:
                yield _configured_flag(flag, value, item=item)
    for flag, is_set in _switches(configured):
        if is_set and dict(_switches(arguments))[flag] is None:
            yield _configured_flag(flag)
    key = f"{_TABLE} constraint-dependencies"
    for item, text in enumerate(configured.constraint_dependencies or ()):
        yield RequirementUse(position=Position(source=key, item=item), text=text, constraint=True)


def _configured_formats(configured: Settings) -> list[FlagUse]:
    """`no-binary` and `only-binary` of the table, which has no order of keys: `:all:` first, for names to override."""
    uses = [
        _configured_flag(flag, value, item=item)
        for flag, values in (("--no-binary", configured.no_binary), ("--only-binary", configured.only_binary))
        for item, value in enumerate(values or ())
    ]
    return sorted(uses, key=lambda use: ":all:" not in use.value.split(","))


def _configured_flag(flag: str, value: str = "", *, item: int | None = None) -> FlagUse:
    position = Position(source=f"{_TABLE} {flag.removeprefix('--')}", item=item)
    return FlagUse(position=position, flag=find_item_flag(flag), value=value)


def _values_by_flag(settings: Settings) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return (
        ("--extra-index-url", settings.extra_index_url or ()),
        ("--find-links", settings.find_links or ()),
        ("--constraint", settings.constraint or ()),
    )


def _switches(settings: Settings) -> tuple[tuple[str, bool | None], ...]:
    return (
        ("--no-index", settings.no_index),
        ("--pre", settings.pre),
        ("--prefer-binary", settings.prefer_binary),
        ("--no-deps", settings.no_deps),
        ("--no-build-isolation", settings.no_build_isolation),
    )
