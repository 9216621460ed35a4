"""The flags that serve the whole list, gathered: what pip's finder would be told."""

from __future__ import annotations

from collections.abc import Iterable

from packaging.utils import InvalidName, canonicalize_name

from lockfiles.value_classes import dataclass
from resolver.requirements.entry import FormatControl
from resolver.requirements.refusal import FaultCollector, Refusal
from resolver.requirements.statements import FlagUse

__all__ = ["ListOptions", "gather_list_options"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOptions:
    """The options of a whole list. `trusted_hosts` are in list order without repeats."""

    pre: bool
    prefer_binary: bool
    require_hashes: bool
    trusted_hosts: tuple[str, ...]
    format_control: FormatControl


def gather_list_options(flags: Iterable[FlagUse], faults: FaultCollector) -> ListOptions:
    """The options that the flags of all layers add up to. Faults go to `faults`."""
    flags = tuple(flags)
    names = {use.flag.name for use in flags}
    return ListOptions(
        pre="--pre" in names,
        prefer_binary="--prefer-binary" in names,
        require_hashes="--require-hashes" in names,
        trusted_hosts=tuple(dict.fromkeys(use.value for use in flags if use.flag.name == "--trusted-host")),
        format_control=_gather_format_control(flags, faults),
    )


def _gather_format_control(flags: Iterable[FlagUse], faults: FaultCollector) -> FormatControl:
    """`--no-binary` and `--only-binary` in the order given: the later word about a name wins."""
    no_binary: set[str] = set()
    only_binary: set[str] = set()
    for use in flags:
        try:
            if use.flag.name == "--no-binary":
                _apply_format(use, no_binary, only_binary)
            elif use.flag.name == "--only-binary":
                _apply_format(use, only_binary, no_binary)
        except Refusal as refusal:
            faults.add(use.position, refusal)
    return FormatControl(no_binary=frozenset(no_binary), only_binary=frozenset(only_binary))


def _apply_format(use: FlagUse, chosen: set[str], other: set[str]) -> None:
    """Add the names of one flag. `:all:` empties both sets, and names after it count only if `:none:` follows it.

    Raises Refusal.
    """
    names = [name.strip() for name in use.value.split(",")]
    for name in filter(None, names):
        _check_name(name, use)
    if ":all:" in names:
        chosen.clear()
        other.clear()
        chosen.add(":all:")
        last = len(names) - 1 - names[::-1].index(":all:")
        names = names[last + 1 :]
        if ":none:" not in names:
            return
    for name in filter(None, names):
        if name == ":none:":
            chosen.clear()
            continue
        other.discard(canonicalize_name(name))
        chosen.add(canonicalize_name(name))


def _check_name(name: str, use: FlagUse) -> None:
    if name in (":all:", ":none:"):
        return
    try:
        canonicalize_name(name, validate=True)
    except InvalidName as error:
        raise Refusal(
            f"`{use.flag.name} {use.value}` holds `{name}`, which is no project name",
            why="it takes names with commas between them, `:all:` or `:none:`",
        ) from error
